//! What the advisor says: indexes worth building, the best first, and why nothing is to be built where that is so.

use crate::catalog::expr::{Literal, LiteralForm, Quantifier};
use crate::catalog::index::{AccessMethod, Definition, Key, KeyDirection, Nulls};
use crate::catalog::size::array_elements;
use crate::catalog::{Expr, Table};
use crate::plan::NodeId;
use crate::quote::quote_text;
use crate::sample::Seconds;

use super::write::WriteCost;

/// What the advisor says of a plan.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Advice {
    /// Indexes worth building, the one that saves most first. Show three; the others are weaker.
    pub candidates: Vec<Candidate>,
    /// Scans that somebody could ask about, and why no index is to be built for them; the slowest first.
    pub refusals: Vec<Refusal>,
}

impl Advice {
    /// Says whether there is nothing to build.
    pub fn is_silent(&self) -> bool {
        self.candidates.is_empty()
    }
}

/// An index that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexSpec {
    /// The table's schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// Method, keys, included columns, predicate and storage parameters.
    pub definition: Definition,
}

/// An index worth building.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// The index.
    pub spec: IndexSpec,
    /// Indexes that are of use only together with it: the other arms of an OR.
    pub companions: Vec<IndexSpec>,
    /// Other indexes for the same scan, the likeliest first, for whoever can ask the planner which it prefers. Each has
    /// its own figures and reasons: a figure is never printed with another index. They have no alternatives themselves.
    pub alternatives: Vec<Candidate>,
    /// The scan that it serves, in the plan's nodes.
    pub node: NodeId,
    /// What it does for the plan besides finding rows.
    pub role: Role,
    /// Why, in one sentence with numbers.
    pub why: String,
    /// Time that the statement would be faster, about; `None` for a plan without ANALYZE.
    pub saves: Option<Seconds>,
    /// Cost of the scan with the sort that it would spare, all executions, in the planner's units.
    pub cost_before: f64,
    /// The same with the index, by our own estimate.
    pub cost_after: f64,
    /// Size of each when built, in bytes: its own, then its companions'.
    pub sizes: Vec<f64>,
    /// Whether the size is from a model that was measured (b-tree, BRIN), not a guess (GIN, `GiST`).
    pub is_size_known: bool,
    /// What it costs those who write, and how long its build takes; its companions included.
    pub write_cost: WriteCost,
    /// Names of indexes that it makes redundant.
    pub replaces: Vec<String>,
    /// What to change in the statement so that the index serves, or instead of it.
    pub rewrite: Option<Rewrite>,
    /// How sure this is before the planner was asked.
    pub confidence: Confidence,
    /// Extensions that are to be installed first.
    pub extensions: Vec<String>,
    /// What else has to be known, one sentence each.
    pub notes: Vec<String>,
}

impl Candidate {
    /// Returns its indexes: itself, then its companions.
    pub fn specs(&self) -> impl Iterator<Item = &IndexSpec> {
        std::iter::once(&self.spec).chain(&self.companions)
    }

    /// Returns the size of all of them when built, in bytes.
    pub fn size_bytes(&self) -> f64 {
        self.sizes.iter().sum()
    }

    /// Returns the table and the keys for a person: `shop_order (reference) and (external_id)`.
    pub fn summary(&self) -> String {
        let keys: Vec<String> = self.specs().map(IndexSpec::summary).collect();
        format!("{} {}", self.spec.table, keys.join(" and "))
    }
}

/// What an index does for a plan besides finding rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Nothing more.
    Search,
    /// It is searched for each row of a join's other side, or of the query around it.
    Lookup,
    /// It gives the first rows of an order, so that the scan stops after them; the node is the sort that it spares.
    Page(Option<NodeId>),
}

/// How sure a candidate is before the planner was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// Few rows of many by fresh statistics or by counting: the planner will use it.
    High,
    /// Likely; something was guessed, or the saving is moderate.
    Fair,
    /// Only if the planner confirms it: statistics are missing or old.
    Low,
}

impl Confidence {
    /// Returns how likely it is that the planner would use the index.
    pub fn word(self) -> &'static str {
        match self {
            Self::High => "likely",
            Self::Fair => "perhaps",
            Self::Low => "uncertain",
        }
    }
}

/// A scan for which nothing is to be built.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// The scan, in the plan's nodes.
    pub node: NodeId,
    /// The table's schema.
    pub schema: String,
    /// The table.
    pub table: String,
    /// The kind of reason.
    pub reason: Reason,
    /// The reason in one sentence, with numbers.
    pub why: String,
    /// What to do instead, if something can be done.
    pub rewrite: Option<Rewrite>,
    /// The index that is likely once that is done.
    pub then: Option<IndexSpec>,
}

/// Why no index is to be built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// The statistics are missing or old: ANALYZE first.
    Stale,
    /// The statement has to be written another way.
    NeedsRewrite,
    /// An index exists that serves as well as one can.
    AlreadyIndexed,
    /// The table is so small that reading it is as fast.
    SmallTable,
    /// Too many of the rows are wanted.
    MostRowsWanted,
    /// Nobody knows how many rows match: the planner's figure is its default for a condition without statistics.
    RowsNotKnown,
    /// Which index serves depends on a pattern whose value pgdj made up, or that is not known.
    PatternNotKnown,
    /// An OR needs an index for each of its sides, and what they save together is not known.
    OneForEachSide,
    /// Nothing is looked for: no condition, no order that an index gives.
    NothingToLookFor,
    /// It stops after a few rows anyway.
    StopsEarly,
    /// The scan takes too little of the statement's time.
    NotWorthIt,
    /// The condition is of a kind that no index serves.
    NoIndexServes,
    /// Scans of tables are forbidden by a setting, so that the plan says little.
    Settings,
    /// The relation cannot have an index of its own, or is on a standby or a foreign server.
    CannotHaveOne,
}

impl Reason {
    /// Says whether an index may be worth building all the same: after ANALYZE, with other values, for another statement.
    pub(crate) fn is_open(self) -> bool {
        matches!(
            self,
            Self::Stale | Self::NeedsRewrite | Self::RowsNotKnown | Self::PatternNotKnown | Self::OneForEachSide
        )
    }
}

/// Another way to write a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// What to do, in one sentence.
    pub what: String,
    /// The same in Django's words, where it has them: `Order.objects.filter(…).union(…)`.
    pub django: Option<String>,
}

impl IndexSpec {
    /// An index on a table; of a partition, on the partitioned table.
    pub fn on(table: &Table, definition: Definition) -> Self {
        if let Some((schema, name)) = &table.parent {
            return Self { schema: schema.clone(), table: name.clone(), definition };
        }
        Self { schema: table.schema.clone(), table: table.name.clone(), definition }
    }

    /// Returns the keys and the rest for a person: `(store_id, created_at) where status = 'pending'`.
    pub fn summary(&self) -> String {
        let index = &self.definition;
        let keys: Vec<String> = index.keys.iter().map(key_text).collect();
        let method = if index.method == AccessMethod::BTree { String::new() } else { format!("{} ", index.method) };
        let include =
            if index.include.is_empty() { String::new() } else { format!(" include ({})", index.include.join(", ")) };
        let predicate = match index.predicate.as_slice() {
            [] => String::new(),
            parts => format!(" where {}", parts.iter().map(expr_text).collect::<Vec<_>>().join(" and ")),
        };
        format!("{}({}){include}{predicate}", method, keys.join(", "))
    }
}

fn key_text(key: &Key) -> String {
    let mut text = expr_text(&key.expr);
    if let Some(opclass) = &key.opclass {
        text = format!("{text} {opclass}");
    }
    match (key.direction, key.nulls) {
        (KeyDirection::Ascending, Nulls::First) => text + " nulls first",
        (KeyDirection::Descending, Nulls::Last) => text + " desc nulls last",
        (KeyDirection::Descending, _) => text + " desc",
        (KeyDirection::Ascending, _) => text,
    }
}

/// Returns an expression for a person: without quotes around names and without casts of literals.
pub(crate) fn expr_text(expr: &Expr) -> String {
    match expr {
        Expr::Column { name, .. } => name.clone(),
        Expr::Constant(Literal { form: LiteralForm::Quoted, text, type_name }) => {
            let is_number = type_name.as_deref().is_some_and(|name| matches!(name, "integer" | "bigint" | "smallint"));
            if is_number { text.clone() } else { quote_text(text) }
        }
        Expr::Constant(literal) => Expr::Constant(Literal { type_name: None, ..literal.clone() }).sql(),
        Expr::Call { name, args } if name != "extract" && name != "timezone" && !args.is_empty() => {
            format!("{name}({})", args.iter().map(expr_text).collect::<Vec<_>>().join(", "))
        }
        Expr::Binary { op, left, right } => format!("{} {op} {}", expr_text(left), expr_text(right)),
        Expr::Quantified { op, left, right, quantifier: Quantifier::Any } if op == "=" => match right.as_literal() {
            Some(list) => {
                let values: Vec<String> = array_elements(list);
                let shown: Vec<String> = values.iter().take(5).cloned().collect();
                let more = if values.len() > 5 { ", …" } else { "" };
                format!("{} in ({}{more})", expr_text(left), shown.join(", "))
            }
            None => expr.sql(),
        },
        Expr::Not(inner) => format!("not {}", expr_text(inner)),
        Expr::IsNull(inner) => format!("{} is null", expr_text(inner)),
        Expr::IsNotNull(inner) => format!("{} is not null", expr_text(inner)),
        Expr::Cast { operand, type_name } => format!("{}::{type_name}", expr_text(operand)),
        other => other.sql(),
    }
}
