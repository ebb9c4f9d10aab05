//! A node of a plan: the figures that are reasoned with as typed fields, everything else by name.

use super::derived::{Derived, NodeId};
use super::facts::{Aggregated, Buffers, Hashed, IoTimes, Memoized, Sorted, Wal};
use super::field::{self, Field, Fields, Name};
use crate::sample::Seconds;

/// What the planner expected of a node.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Estimate {
    /// Cost up to the first row, in units of `seq_page_cost`.
    pub startup_cost: f64,
    /// Cost up to the last row, in units of `seq_page_cost`; includes the children.
    pub total_cost: f64,
    /// Rows of one execution (`Plan Rows`); under a Gather of one process.
    pub rows: f64,
    /// Average width of a row, in bytes.
    pub width: f64,
}

/// What was measured of a node with ANALYZE. The times and rows are averages over the loops, as the server gives them.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Actual {
    /// Time up to the first row of one loop; `None` with TIMING OFF.
    pub startup: Option<Seconds>,
    /// Time up to the last row of one loop, with the children; `None` with TIMING OFF.
    pub total: Option<Seconds>,
    /// Rows of one loop; whole up to 17, with two digits since 18.
    pub rows: f64,
    /// How often the node was started, over all processes; 0 means that it never was.
    pub loops: f64,
}

/// Rows that a node read and did not return, average of one loop.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Removed {
    /// `Rows Removed by Filter`.
    pub by_filter: Option<f64>,
    /// `Rows Removed by Join Filter`.
    pub by_join_filter: Option<f64>,
    /// `Rows Removed by Index Recheck`.
    pub by_index_recheck: Option<f64>,
}

/// What one parallel worker did of a node.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Worker {
    /// `Worker Number`, from 0.
    pub number: i64,
    /// What it measured, if the server said.
    pub actual: Option<Actual>,
    /// Every field the server gave, in its order.
    pub fields: Fields,
}

/// The kinds of node of PostgreSQL 12 to 18; source: `ExplainNode` in `src/backend/commands/explain.c`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the server's `Node Type` without its spaces")]
pub enum NodeKind {
    SeqScan,
    SampleScan,
    IndexScan,
    IndexOnlyScan,
    BitmapIndexScan,
    BitmapHeapScan,
    TidScan,
    TidRangeScan,
    SubqueryScan,
    FunctionScan,
    TableFunctionScan,
    ValuesScan,
    CteScan,
    NamedTuplestoreScan,
    WorkTableScan,
    ForeignScan,
    CustomScan,
    NestedLoop,
    MergeJoin,
    HashJoin,
    Materialize,
    Memoize,
    Sort,
    IncrementalSort,
    Group,
    Aggregate,
    WindowAgg,
    Unique,
    Gather,
    GatherMerge,
    SetOp,
    LockRows,
    Limit,
    Hash,
    Append,
    MergeAppend,
    RecursiveUnion,
    BitmapAnd,
    BitmapOr,
    ModifyTable,
    Result,
    ProjectSet,
    /// A type that is none of these; its name is in [`Node::node_type`].
    Other,
}

/// Every kind and its name in JSON.
pub(crate) const KINDS: &[(&str, NodeKind)] = &[
    ("Seq Scan", NodeKind::SeqScan),
    ("Sample Scan", NodeKind::SampleScan),
    ("Index Scan", NodeKind::IndexScan),
    ("Index Only Scan", NodeKind::IndexOnlyScan),
    ("Bitmap Index Scan", NodeKind::BitmapIndexScan),
    ("Bitmap Heap Scan", NodeKind::BitmapHeapScan),
    ("Tid Scan", NodeKind::TidScan),
    ("Tid Range Scan", NodeKind::TidRangeScan),
    ("Subquery Scan", NodeKind::SubqueryScan),
    ("Function Scan", NodeKind::FunctionScan),
    ("Table Function Scan", NodeKind::TableFunctionScan),
    ("Values Scan", NodeKind::ValuesScan),
    ("CTE Scan", NodeKind::CteScan),
    ("Named Tuplestore Scan", NodeKind::NamedTuplestoreScan),
    ("WorkTable Scan", NodeKind::WorkTableScan),
    ("Foreign Scan", NodeKind::ForeignScan),
    ("Custom Scan", NodeKind::CustomScan),
    ("Nested Loop", NodeKind::NestedLoop),
    ("Merge Join", NodeKind::MergeJoin),
    ("Hash Join", NodeKind::HashJoin),
    ("Materialize", NodeKind::Materialize),
    ("Memoize", NodeKind::Memoize),
    ("Sort", NodeKind::Sort),
    ("Incremental Sort", NodeKind::IncrementalSort),
    ("Group", NodeKind::Group),
    ("Aggregate", NodeKind::Aggregate),
    ("WindowAgg", NodeKind::WindowAgg),
    ("Unique", NodeKind::Unique),
    ("Gather", NodeKind::Gather),
    ("Gather Merge", NodeKind::GatherMerge),
    ("SetOp", NodeKind::SetOp),
    ("LockRows", NodeKind::LockRows),
    ("Limit", NodeKind::Limit),
    ("Hash", NodeKind::Hash),
    ("Append", NodeKind::Append),
    ("Merge Append", NodeKind::MergeAppend),
    ("Recursive Union", NodeKind::RecursiveUnion),
    ("BitmapAnd", NodeKind::BitmapAnd),
    ("BitmapOr", NodeKind::BitmapOr),
    ("ModifyTable", NodeKind::ModifyTable),
    ("Result", NodeKind::Result),
    ("ProjectSet", NodeKind::ProjectSet),
];

impl NodeKind {
    /// Returns the kind of a `Node Type`.
    pub fn of(node_type: &str) -> Self {
        KINDS.iter().find(|(name, _)| *name == node_type).map_or(Self::Other, |(_, kind)| *kind)
    }

    /// Whether it reads a table or an index of this server: the scans that have blocks of their own.
    pub(crate) fn reads_table(self) -> bool {
        matches!(
            self,
            Self::SeqScan
                | Self::SampleScan
                | Self::IndexScan
                | Self::IndexOnlyScan
                | Self::BitmapHeapScan
                | Self::TidScan
                | Self::TidRangeScan
        )
    }

    /// Whether it joins two inputs.
    pub(crate) fn is_join(self) -> bool {
        matches!(self, Self::NestedLoop | Self::MergeJoin | Self::HashJoin)
    }

    /// Whether it collects the rows of parallel workers.
    pub(crate) fn is_gather(self) -> bool {
        matches!(self, Self::Gather | Self::GatherMerge)
    }
}

/// How a node hangs on its parent (`Parent Relationship`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Relationship {
    /// The only or the first input; the root too.
    #[default]
    Outer,
    /// The second input of a join.
    Inner,
    /// One of many inputs: of an Append, a `BitmapOr`, a `ModifyTable`.
    Member,
    /// The query inside a Subquery Scan.
    Subquery,
    /// Run at most once, before its value is needed; a CTE too.
    InitPlan,
    /// Run for each row of its parent, or once into a hash table.
    SubPlan,
    /// A child of a Custom Scan.
    Child,
}

impl Relationship {
    /// Returns the relationship of this name.
    pub(crate) fn of(name: &str) -> Self {
        match name {
            "Inner" => Self::Inner,
            "Member" => Self::Member,
            "Subquery" => Self::Subquery,
            "InitPlan" => Self::InitPlan,
            "SubPlan" => Self::SubPlan,
            "child" | "children" => Self::Child,
            _ => Self::Outer,
        }
    }
}

/// A node of a plan.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// What it does.
    pub kind: NodeKind,
    /// What it does, in the server's words of JSON: `Seq Scan`, `Aggregate`.
    pub node_type: Name,
    /// The node above; `None` for the root.
    pub parent: Option<NodeId>,
    /// The nodes below, in the server's order.
    pub children: Vec<NodeId>,
    /// Levels below the root, which has 0.
    pub depth: usize,
    /// How it hangs on its parent.
    pub relationship: Relationship,
    /// Whether processes share its work (`Parallel Aware`).
    pub is_parallel_aware: bool,
    /// What the planner expected; `None` with COSTS OFF.
    pub estimate: Option<Estimate>,
    /// What was measured; `None` without ANALYZE. Never executed is `loops` of 0.
    pub actual: Option<Actual>,
    /// Rows read and not returned.
    pub removed: Removed,
    /// Blocks, over all loops and processes, with the children's.
    pub buffers: Buffers,
    /// Times of reads and writes, over all loops and processes, with the children's.
    pub io: IoTimes,
    /// WAL written, with the children's; since 13.
    pub wal: Option<Wal>,
    /// How a Sort or the groups of an Incremental Sort went.
    pub sorted: Option<Sorted>,
    /// The hash table of a Hash.
    pub hashed: Option<Hashed>,
    /// The hash table of an Aggregate; since 13.
    pub aggregated: Option<Aggregated>,
    /// The cache of a Memoize.
    pub memoized: Option<Memoized>,
    /// What each parallel worker did, if the server said (VERBOSE).
    pub workers: Vec<Worker>,
    /// Every field the server gave, in its order, except the children; the typed ones too.
    pub fields: Fields,
    /// What follows from the figures of the whole plan.
    pub derived: Derived,
}

impl Node {
    /// Returns a field by its name in JSON.
    pub fn field(&self, name: &str) -> Option<&Field> {
        field::find(&self.fields, name)
    }

    /// Returns a field that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        field::text(&self.fields, name)
    }

    /// Returns a field that is a number.
    pub fn number(&self, name: &str) -> Option<f64> {
        field::number(&self.fields, name)
    }

    /// Whether a field is there and true.
    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.field(name).and_then(Field::as_bool).unwrap_or(false)
    }

    /// Returns the texts of a field that is a list; of a text, itself.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        self.field(name).map(Field::items).unwrap_or_default().iter().filter_map(Field::as_text).collect()
    }

    /// Returns the table, without its schema and unquoted in JSON.
    pub fn relation(&self) -> Option<&str> {
        self.text("Relation Name")
    }

    /// Returns the schema; only with VERBOSE.
    pub fn schema(&self) -> Option<&str> {
        self.text("Schema")
    }

    /// Returns the name by which the conditions call the table.
    pub(crate) fn alias(&self) -> Option<&str> {
        self.text("Alias").or_else(|| self.relation())
    }

    /// Returns the index it uses.
    pub fn index(&self) -> Option<&str> {
        self.text("Index Name")
    }

    /// Whether it reads its index backwards.
    pub(crate) fn is_backward(&self) -> bool {
        self.text("Scan Direction") == Some("Backward")
    }

    /// Returns the condition each row is tried by.
    pub fn filter(&self) -> Option<&str> {
        self.text("Filter")
    }

    /// Returns the condition the index is searched by.
    pub(crate) fn index_cond(&self) -> Option<&str> {
        self.text("Index Cond")
    }

    /// Returns the condition rows of a bitmap or a lossy index are tried by again.
    pub(crate) fn recheck_cond(&self) -> Option<&str> {
        self.text("Recheck Cond")
    }

    /// Returns the condition pairs of rows are tried by after they met.
    pub(crate) fn join_filter(&self) -> Option<&str> {
        self.text("Join Filter")
    }

    /// Returns the condition of a Hash Join.
    pub(crate) fn hash_cond(&self) -> Option<&str> {
        self.text("Hash Cond")
    }

    /// Returns the condition of a Merge Join.
    pub(crate) fn merge_cond(&self) -> Option<&str> {
        self.text("Merge Cond")
    }

    /// Returns the keys it sorts by, with `DESC` and `NULLS` as printed.
    pub(crate) fn sort_key(&self) -> Vec<&str> {
        self.texts("Sort Key")
    }

    /// Returns the keys it groups by.
    pub(crate) fn group_key(&self) -> Vec<&str> {
        self.texts("Group Key")
    }

    /// Returns the expressions it gives to its parent; only with VERBOSE.
    pub fn output(&self) -> Vec<&str> {
        self.texts("Output")
    }

    /// Returns `Inner`, `Left`, `Full`, `Right`, `Semi`, `Anti` or `Right Anti` of a join.
    pub(crate) fn join_type(&self) -> Option<&str> {
        self.text("Join Type")
    }

    /// Returns `Plain`, `Sorted`, `Hashed` or `Mixed` of an Aggregate or a `SetOp`.
    pub fn strategy(&self) -> Option<&str> {
        self.text("Strategy")
    }

    /// Returns `Simple`, `Partial` or `Finalize` of an Aggregate.
    pub(crate) fn partial_mode(&self) -> Option<&str> {
        self.text("Partial Mode")
    }

    /// Returns `Insert`, `Update`, `Delete` or `Merge` of a `ModifyTable` or a Foreign Scan.
    pub(crate) fn operation(&self) -> Option<&str> {
        self.text("Operation")
    }

    /// Returns the CTE that a CTE Scan or a `WorkTable` Scan reads.
    pub(crate) fn cte(&self) -> Option<&str> {
        self.text("CTE Name")
    }

    /// Returns the name of an `InitPlan`, `SubPlan` or CTE: `CTE newest`, `SubPlan 1`.
    pub(crate) fn subplan_name(&self) -> Option<&str> {
        self.text("Subplan Name")
    }

    /// Whether it is a `SubPlan` that its parent runs once, into a hash table: `(hashed SubPlan 1)`.
    pub(crate) fn is_hashed_in(&self, parent: &Self) -> bool {
        let Some(name) = self.subplan_name() else { return false };
        let texts = parent.fields.iter().flat_map(|(_, field)| field.items()).filter_map(Field::as_text);
        let mut after = texts.flat_map(|text| text.split("hashed ").skip(1)).filter_map(|rest| rest.strip_prefix(name));
        after.any(|rest| !rest.starts_with(|letter: char| letter.is_ascii_digit()))
    }

    /// Returns the rows an index-only scan had to look for in the table, over all loops.
    pub(crate) fn heap_fetches(&self) -> Option<f64> {
        self.number("Heap Fetches")
    }

    /// Whether the planner had no other way than one that a setting forbids; since 18.
    pub(crate) fn is_disabled(&self) -> bool {
        self.is_true("Disabled")
    }

    /// Whether ANALYZE found that it was never started.
    pub(crate) fn is_never_executed(&self) -> bool {
        self.actual.is_some_and(|actual| actual.loops == 0.0)
    }

    /// Returns the rows it returned over all loops and processes.
    pub fn rows_total(&self) -> Option<f64> {
        self.actual.map(|actual| actual.rows * actual.loops)
    }

    /// Returns the rows expected of one execution, over all processes that share it; `None` with COSTS OFF.
    pub(crate) fn expected_rows(&self) -> Option<f64> {
        self.estimate.map(|estimate| estimate.rows * self.derived.divisor.max(1.0))
    }

    /// Returns the rows returned over all loops if they were counted, else the rows expected of one execution; both over
    /// all processes.
    pub(crate) fn rows_or_estimate(&self) -> f64 {
        self.rows_total().or_else(|| self.expected_rows()).unwrap_or(0.0)
    }

    /// Whether the processes under a Gather divide its rows among them; else each process has all of them.
    pub(crate) fn is_shared(&self) -> bool {
        self.derived.divisor > 1.0
    }

    /// Returns how often it was started; 1 without ANALYZE.
    pub fn loops(&self) -> f64 {
        self.actual.map_or(1.0, |actual| actual.loops)
    }

    /// Returns the rows its filter removed, over all loops and processes.
    pub fn removed_by_filter(&self) -> f64 {
        self.removed.by_filter.unwrap_or(0.0) * self.loops()
    }

    /// Returns the rows its join filter removed, over all loops and processes.
    pub fn removed_by_join_filter(&self) -> f64 {
        self.removed.by_join_filter.unwrap_or(0.0) * self.loops()
    }

    /// Returns the rows a recheck removed, over all loops and processes.
    pub fn removed_by_recheck(&self) -> f64 {
        self.removed.by_index_recheck.unwrap_or(0.0) * self.loops()
    }
}
