//! Two plans of one statement compared, node by node.
//!
//! A node is known by what it does and by the tables that are read below it, so that it meets its match although a join
//! changed sides or a Sort came between. What is left over is matched beside the neighbours that were; the rest came or
//! is gone. Takes time in proportion to the nodes.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::text_label::label;
use super::{Node, NodeId, NodeKind, Plan};

/// The factor from which on a figure is better or worse; smaller differences are chance.
pub(crate) const NOTABLE: f64 = 1.2;

/// Children that are passed over to find one that does the same.
const LOOK_AHEAD: usize = 16;

/// What became of a node.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The node in the older plan; `None` if it is only in the newer.
    pub older: Option<NodeId>,
    /// The node in the newer plan; `None` if it is only in the older.
    pub newer: Option<NodeId>,
    /// What changed in shape.
    pub shape: NodeChange,
    /// Own time, in seconds.
    pub time: Delta,
    /// Rows returned over all loops; those expected if one of the plans was not run. Both over all processes.
    pub rows: Delta,
    /// Own blocks looked at: of tables, temporary tables and spilled work.
    pub blocks: Delta,
    /// Own cost.
    pub cost: Delta,
}

/// What changed in the shape of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeChange {
    /// It does the same.
    Same,
    /// It does it in another way: the label it had.
    Was(String),
    /// It is only in the newer plan.
    Came,
    /// It is only in the older plan.
    Gone,
}

/// A figure in two plans; `None` where the plan has none.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Delta {
    /// In the older plan.
    pub older: Option<f64>,
    /// In the newer plan.
    pub newer: Option<f64>,
}

impl Delta {
    /// Returns the newer less the older, a missing one being zero; `None` if both are missing.
    pub fn change(&self) -> Option<f64> {
        (self.older.is_some() || self.newer.is_some()).then(|| self.newer.unwrap_or(0.0) - self.older.unwrap_or(0.0))
    }

    /// Returns the newer as a multiple of the older; `None` if one is missing or the older is zero.
    pub(crate) fn factor(&self) -> Option<f64> {
        Some(self.newer? / self.older.filter(|older| *older > 0.0)?)
    }
}

/// What differs between two plans.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Diff {
    /// Every node of both, in the order of the newer plan; those that are gone stand where they were.
    pub changes: Vec<Change>,
    /// Execution time, in seconds.
    pub time: Delta,
    /// Total cost.
    pub cost: Delta,
    /// Blocks looked at: of tables, temporary tables and spilled work.
    pub blocks: Delta,
}

impl Diff {
    /// Returns the changes of shape only.
    pub fn shapes(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.shape != NodeChange::Same)
    }

    /// Returns the newer plan's sequential scans that the older did otherwise, or not at all: for CI.
    pub fn new_sequential_scans<'a>(&'a self, older: &'a Plan, newer: &'a Plan) -> impl Iterator<Item = NodeId> + 'a {
        self.changes.iter().filter_map(move |change| {
            let id = change.newer.filter(|id| newer.node(*id).is_some_and(|node| node.kind == NodeKind::SeqScan))?;
            let was = change.older.and_then(|id| older.node(id));
            was.is_none_or(|node| node.kind != NodeKind::SeqScan).then_some(id)
        })
    }
}

/// Compares two plans.
pub(crate) fn diff(older: &Plan, newer: &Plan) -> Diff {
    let matches = Matches::between(older, newer);
    let total = |plan: &Plan| plan.total_time().map(|time| time.0).filter(|_| plan.has_times());
    let blocks = |plan: &Plan| plan.root().filter(|root| !root.buffers.is_empty()).map(|root| touched(&root.buffers));
    Diff {
        changes: matches.in_order().into_iter().map(|(was, is)| change(older, newer, was, is)).collect(),
        time: Delta { older: total(older), newer: total(newer) },
        cost: Delta { older: older.total_cost(), newer: newer.total_cost() },
        blocks: Delta { older: blocks(older), newer: blocks(newer) },
    }
}

fn change(older: &Plan, newer: &Plan, was: Option<NodeId>, is: Option<NodeId>) -> Change {
    let (one, other) = (was.and_then(|id| older.node(id)), is.and_then(|id| newer.node(id)));
    let delta =
        |figure: &dyn Fn(&Node) -> Option<f64>| Delta { older: one.and_then(figure), newer: other.and_then(figure) };
    let both_ran = older.is_analyzed() && newer.is_analyzed();
    let shape = match (one, other) {
        (Some(one), Some(other)) => {
            let (before, after) = (label(one), label(other));
            if before == after { NodeChange::Same } else { NodeChange::Was(before) }
        }
        (None, _) => NodeChange::Came,
        (_, None) => NodeChange::Gone,
    };
    let blocks = |plan: &Plan, node: Option<&Node>| {
        let counts = plan.root().is_some_and(|root| !root.buffers.is_empty());
        node.filter(|_| counts).map(|node| touched(&node.derived.self_buffers))
    };
    Change {
        older: was,
        newer: is,
        shape,
        time: delta(&|node| node.derived.self_time.map(|time| time.0)),
        rows: if both_ran { delta(&Node::rows_total) } else { delta(&Node::expected_rows) },
        blocks: Delta { older: blocks(older, one), newer: blocks(newer, other) },
        cost: delta(&|node| node.derived.self_cost),
    }
}

fn touched(buffers: &super::Buffers) -> f64 {
    buffers.shared.touched() + buffers.local.touched() + buffers.temp.read + buffers.temp.written
}

/// What a node is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Signature {
    /// What it does, roughly or exactly.
    does: u64,
    /// The tables read at and below it.
    tables: u64,
}

/// Which node of one plan is which of the other.
struct Matches<'a> {
    older: &'a Plan,
    newer: &'a Plan,
    /// For each older node the newer.
    to_newer: Vec<Option<NodeId>>,
    /// For each newer node the older.
    to_older: Vec<Option<NodeId>>,
}

impl<'a> Matches<'a> {
    fn between(older: &'a Plan, newer: &'a Plan) -> Self {
        let to_newer = vec![None; older.nodes.len()];
        let to_older = vec![None; newer.nodes.len()];
        let mut matches = Self { older, newer, to_newer, to_older };
        let (tables_older, tables_newer) = (tables(older), tables(newer));
        for does in [exactly as fn(&Node) -> u64, roughly] {
            matches.by_signature(&signatures(older, &tables_older, does), &signatures(newer, &tables_newer, does));
        }
        if older.root().zip(newer.root()).is_some_and(|(one, other)| roughly(one) == roughly(other)) {
            matches.pair(0, 0);
        }
        matches.above_matches();
        matches.below_matches();
        matches
    }

    fn pair(&mut self, was: NodeId, is: NodeId) {
        if let (Some(to_newer @ None), Some(to_older @ None)) = (self.to_newer.get_mut(was), self.to_older.get_mut(is))
        {
            *to_newer = Some(is);
            *to_older = Some(was);
        }
    }

    fn is_free(&self, was: NodeId, is: NodeId) -> bool {
        self.to_newer.get(was) == Some(&None) && self.to_older.get(is) == Some(&None)
    }

    fn by_signature(&mut self, older: &[Option<Signature>], newer: &[Option<Signature>]) {
        let mut waiting: HashMap<Signature, Vec<NodeId>> = HashMap::new();
        for (is, signature) in newer.iter().enumerate().rev() {
            if let Some(signature) = signature.filter(|_| self.to_older.get(is) == Some(&None)) {
                waiting.entry(signature).or_default().push(is);
            }
        }
        for (was, signature) in older.iter().enumerate() {
            let free = signature.filter(|_| self.to_newer.get(was) == Some(&None));
            if let Some(is) = free.and_then(|signature| waiting.get_mut(&signature)?.pop()) {
                self.pair(was, is);
            }
        }
    }

    /// Pairs parents that do the same over a matched child, from the leaves up.
    fn above_matches(&mut self) {
        for was in (0..self.older.nodes.len()).rev() {
            let Some(is) = self.to_newer.get(was).copied().flatten() else { continue };
            let (Some((was, one)), Some((is, other))) = (self.older.parent(was), self.newer.parent(is)) else {
                continue;
            };
            if self.is_free(was, is) && roughly(one) == roughly(other) {
                self.pair(was, is);
            }
        }
    }

    /// Pairs children that do the same under a matched parent, in their order, from the root down.
    fn below_matches(&mut self) {
        for was in 0..self.older.nodes.len() {
            let Some(is) = self.to_newer.get(was).copied().flatten() else { continue };
            let is_free = |side: &[Option<NodeId>], id: NodeId| side.get(id) == Some(&None);
            let newer = self.newer.children(is).filter(|(id, _)| is_free(&self.to_older, *id));
            let mut newer: VecDeque<(NodeId, u64)> = newer.map(|(id, node)| (id, roughly(node))).collect();
            let mut pairs = Vec::new();
            for (child, node) in self.older.children(was).filter(|(id, _)| is_free(&self.to_newer, *id)) {
                let alike = newer.iter().take(LOOK_AHEAD).position(|(_, does)| *does == roughly(node));
                if let Some((partner, _)) = alike.and_then(|at| newer.drain(..=at).next_back()) {
                    pairs.push((child, partner));
                }
            }
            for (child, partner) in pairs {
                self.pair(child, partner);
            }
        }
    }

    /// Returns all nodes in the newer plan's order. One of the older's that is gone stands above what is left of it, or
    /// follows what it followed.
    fn in_order(&self) -> Vec<(Option<NodeId>, Option<NodeId>)> {
        let mut above: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
        let mut after: HashMap<Option<NodeId>, Vec<NodeId>> = HashMap::new();
        let below = self.first_left_below();
        let mut last = None;
        for (was, is) in self.to_newer.iter().enumerate() {
            match (is, below.get(was).copied().flatten()) {
                (Some(is), _) => last = Some(*is),
                (None, Some(left)) => above.entry(left).or_default().push(was),
                (None, None) => after.entry(last).or_default().push(was),
            }
        }
        let told = |gone: Option<Vec<NodeId>>| gone.unwrap_or_default().into_iter().map(|was| (Some(was), None));
        let mut all: Vec<_> = told(after.remove(&None)).collect();
        for (is, was) in self.to_older.iter().enumerate() {
            all.extend(told(above.remove(&is)));
            all.push((*was, Some(is)));
            all.extend(told(after.remove(&Some(is))));
        }
        all
    }

    /// Returns for each older node the newer of what comes next below it, where only nodes that are gone are between.
    fn first_left_below(&self) -> Vec<Option<NodeId>> {
        let mut below: Vec<Option<NodeId>> = vec![None; self.to_newer.len()];
        for was in (0..self.to_newer.len().saturating_sub(1)).rev() {
            let is_below = self.older.node(was + 1).is_some_and(|next| next.parent == Some(was));
            let left = self.to_newer.get(was + 1).copied().flatten().or(below.get(was + 1).copied().flatten());
            if let Some(cell) = below.get_mut(was).filter(|_| is_below) {
                *cell = left;
            }
        }
        below
    }
}

fn hash(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

/// Returns for each node a sum over the tables at and below it, which does not depend on their order; 0 for none.
fn tables(plan: &Plan) -> Vec<u64> {
    let mut sums: Vec<u64> = plan.nodes.iter().map(|node| node.alias().or(node.cte()).map_or(0, hash)).collect();
    for (id, node) in plan.iter().rev() {
        let own = sums.get(id).copied().unwrap_or(0);
        if let Some(above) = node.parent.and_then(|parent| sums.get_mut(parent)) {
            *above = above.wrapping_add(own);
        }
    }
    sums
}

/// Returns what each node is known by; `None` for one that reads nothing that has a name.
fn signatures(plan: &Plan, tables: &[u64], does: fn(&Node) -> u64) -> Vec<Option<Signature>> {
    let known = |(node, tables): (&Node, &u64)| {
        let is_named = *tables != 0 || node.index().is_some();
        is_named.then(|| Signature { does: does(node), tables: *tables })
    };
    plan.nodes.iter().zip(tables).map(known).collect()
}

fn exactly(node: &Node) -> u64 {
    hash((node.kind, node.node_type.as_ref(), node.alias(), node.index(), node.strategy()))
}

/// What a node does, whichever way: reads a table, joins, sorts, groups, collects.
fn roughly(node: &Node) -> u64 {
    let family = match node.kind {
        kind if kind.reads_table() => NodeKind::SeqScan,
        kind if kind.is_join() => NodeKind::HashJoin,
        kind if kind.is_gather() => NodeKind::Gather,
        NodeKind::Sort | NodeKind::IncrementalSort => NodeKind::Sort,
        NodeKind::Aggregate | NodeKind::Group | NodeKind::Unique => NodeKind::Aggregate,
        NodeKind::Append | NodeKind::MergeAppend => NodeKind::Append,
        NodeKind::Materialize | NodeKind::Memoize => NodeKind::Materialize,
        kind => kind,
    };
    hash((family, node.alias(), node.partial_mode().filter(|mode| *mode == "Partial")))
}

#[cfg(test)]
mod tests {
    use super::super::fixtures;
    use super::*;
    use crate::plan::parse;

    fn plan(text: &str) -> Plan {
        parse(text).plans.remove(0)
    }

    fn check(older: &str, newer: &str, expected: &[&str]) {
        let (older, newer) = (plan(older), plan(newer));
        let told: Vec<String> = diff(&older, &newer)
            .changes
            .iter()
            .map(|change| {
                let of = |id: Option<NodeId>, plan: &Plan| id.and_then(|id| plan.node(id)).map(label);
                let name = of(change.newer, &newer).or(of(change.older, &older)).unwrap();
                match &change.shape {
                    NodeChange::Same => format!("= {name}"),
                    NodeChange::Was(was) => format!("{was} > {name}"),
                    NodeChange::Came => format!("+ {name}"),
                    NodeChange::Gone => format!("- {name}"),
                }
            })
            .collect();
        assert_eq!(told, expected);
    }

    const SCAN: &str = "Limit  (cost=1..9 rows=1 width=8) (actual time=1..100 rows=5 loops=1)
  Buffers: shared hit=1000
  ->  Sort  (cost=1..2 rows=1 width=8) (actual time=1..99 rows=5 loops=1)
        Sort Key: created
        Buffers: shared hit=1000
        ->  Seq Scan on shop_order o  (cost=1..2 rows=1 width=8) (actual time=1..90 rows=500 loops=1)
              Buffers: shared hit=1000";

    #[test]
    fn an_index_that_takes_the_place_of_scan_and_sort_is_seen() {
        let newer = "Limit  (cost=1..2 rows=1 width=8) (actual time=0.1..1 rows=5 loops=1)
  Buffers: shared hit=4
  ->  Index Scan using by_created on shop_order o  (cost=1..2 rows=1 width=8) (actual time=0.1..0.9 rows=5 loops=1)
        Buffers: shared hit=4";
        check(
            SCAN,
            newer,
            &["= Limit", "- Sort", "Seq Scan on shop_order o > Index Scan using by_created on shop_order o"],
        );
        let found = diff(&plan(SCAN), &plan(newer));
        let scan = &found.changes[2];
        assert_eq!((scan.rows.older, scan.rows.newer), (Some(500.0), Some(5.0)));
        assert_eq!((scan.blocks.older, scan.blocks.newer), (Some(1000.0), Some(4.0)));
        assert!(scan.time.change().unwrap() < -0.08 && found.time.factor().unwrap() < 0.02);
        assert_eq!(found.shapes().count(), 2);
    }

    #[test]
    fn a_join_that_changed_sides_and_ways_is_one_join() {
        check(
            "Hash Join
  ->  Seq Scan on a
  ->  Hash
        ->  Seq Scan on b",
            "Nested Loop
  ->  Seq Scan on b
  ->  Index Scan using a_pkey on a",
            &["Hash Join > Nested Loop", "- Hash", "= Seq Scan on b", "Seq Scan on a > Index Scan using a_pkey on a"],
        );
    }

    #[test]
    fn a_gather_that_came_is_passed_over() {
        check(
            "Aggregate\n  ->  Seq Scan on a",
            "Finalize Aggregate
  ->  Gather
        ->  Partial Aggregate
              ->  Parallel Seq Scan on a",
            &[
                "Aggregate > Finalize Aggregate",
                "+ Gather",
                "+ Partial Aggregate",
                "Seq Scan on a > Parallel Seq Scan on a",
            ],
        );
    }

    #[test]
    fn a_new_sequential_scan_is_found_for_a_pipeline() {
        let (older, newer) = (plan("Index Scan using i on a"), plan("Seq Scan on a"));
        assert_eq!(diff(&older, &newer).new_sequential_scans(&older, &newer).collect::<Vec<_>>(), [0]);
        assert_eq!(diff(&newer, &newer).new_sequential_scans(&newer, &newer).count(), 0);
    }

    #[test]
    fn every_plan_equals_itself_and_every_node_is_told_once() {
        let fixtures = fixtures::all();
        let plans: Vec<Plan> = fixtures.iter().map(|fixture| fixtures::one(&fixture.json)).collect();
        for (plan, other) in plans.iter().zip(plans.iter().cycle().skip(7)) {
            let same = diff(plan, plan);
            assert!(same.changes.iter().all(|change| change.shape == NodeChange::Same && change.older == change.newer));
            let mixed = diff(plan, other);
            let told = |of: fn(&Change) -> Option<NodeId>| {
                let mut ids: Vec<NodeId> = mixed.changes.iter().filter_map(of).collect();
                ids.sort_unstable();
                ids
            };
            assert_eq!(told(|change| change.older), (0..plan.nodes.len()).collect::<Vec<_>>());
            assert_eq!(told(|change| change.newer), (0..other.nodes.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_hundred_thousand_nodes_and_a_thousand_levels_are_read_and_compared() {
        let mut text = String::from("Append  (cost=1..2 rows=1 width=8) (actual time=1..2000 rows=1 loops=1)\n");
        for level in 0..1000 {
            let indent = " ".repeat(2 + level * 6);
            text.push_str(&format!(
                "{indent}->  Result  (cost=1..2 rows=1 width=8) (actual time=1..900 rows=1 loops=1)\n"
            ));
        }
        for part in 0..99_000 {
            text.push_str(&format!(
                "  ->  Seq Scan on part_{part}  (cost=1..2 rows=1 width=8) (actual time=0..0.01 rows=1 loops=1)\n"
            ));
        }
        let plan = plan(&text);
        assert_eq!(plan.nodes.len(), 100_001);
        assert_eq!(plan.nodes.iter().map(|node| node.depth).max(), Some(1000));
        assert_eq!(diff(&plan, &plan).shapes().count(), 0);
        assert_eq!(crate::plan::hot::path(&plan).len(), 1);
        assert_eq!(crate::plan::scans::sequential(&plan).len(), 99_000);
    }
}
