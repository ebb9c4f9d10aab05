//! The order that is wanted of a scan's rows, as the sorts and limits above it tell it.

use super::condition::{Clause, ScanRelation, indexable, is_own};
use super::scan::Scan;
use crate::catalog::index::{KeyDirection, Nulls};
use crate::catalog::{Expr, Key, parse};
use crate::plan::{Node, NodeId, Plan};

/// The order that is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct WantedOrder {
    /// The keys, with directions as printed.
    pub keys: Vec<Key>,
    /// Rows that are wanted; `None` for all.
    pub limit: Option<f64>,
    /// The node that sorts, if any: an index in use may give the order by itself.
    pub sort: Option<NodeId>,
    /// Cost of the sort alone, all executions.
    pub sort_cost: f64,
    /// Rows that are sorted, or walked through, in one execution.
    pub rows: f64,
    /// Time of the sort alone, milliseconds.
    pub sort_time: Option<f64>,
}

impl Scan<'_> {
    /// Returns the inner side of a join as it would be read in the wanted order, with the outer side looked up for each row;
    /// `None` where no page of an order is wanted above the join.
    pub(super) fn walked(&self, plan: &Plan) -> Option<Self> {
        let sort = self.order.as_ref().filter(|order| order.limit.is_some())?.sort?;
        let mut between = plan.ancestors(self.id).take_while(|(id, _)| *id != sort);
        if self.loops <= 1.0 || !between.any(|(_, node)| node.kind.is_join()) {
            return None;
        }
        let is_own = |clause: &&Clause| match &clause.whole {
            Expr::Binary { right, .. } => right.columns().is_empty(),
            _ => true,
        };
        let clauses: Vec<Clause> = self.clauses.iter().filter(is_own).cloned().collect();
        if clauses.len() == self.clauses.len() {
            return None;
        }
        let share: f64 = clauses.iter().map(|clause| clause.selectivity).product();
        Some(Self {
            rows: share * self.table.rows_or_guess(),
            clauses,
            searched: Vec::new(),
            at_most: None,
            removed: None,
            found: None,
            loops: 1.0,
            joins: Vec::new(),
            ..self.clone()
        })
    }
}

/// Reads the keys of a sort, if all are this relation's.
pub(super) fn order_of(plan: &Plan, id: NodeId, node: &Node, relation: ScanRelation<'_>) -> Option<WantedOrder> {
    let keys: Option<Vec<Key>> = node.sort_key().into_iter().map(|text| sort_key(text, relation)).collect();
    let keys = keys.filter(|keys| !keys.is_empty())?;
    let child_cost: f64 =
        plan.children(id).filter_map(|(_, child)| child.estimate).map(|estimate| estimate.total_cost).sum();
    let sorted = plan.children(id).map(|(_, child)| rows_of_one(child, node)).sum();
    Some(WantedOrder {
        keys,
        limit: None,
        sort: Some(id),
        sort_cost: node.estimate.map_or(0.0, |estimate| (estimate.total_cost - child_cost).max(0.0)),
        rows: sorted,
        sort_time: node.derived.self_time.map(|time| time.0 * 1000.0),
    })
}

/// Reads `o.created_at DESC NULLS LAST`.
fn sort_key(text: &str, relation: ScanRelation<'_>) -> Option<Key> {
    let (text, nulls) = match (text.strip_suffix(" NULLS FIRST"), text.strip_suffix(" NULLS LAST")) {
        (Some(rest), _) => (rest, Nulls::First),
        (_, Some(rest)) => (rest, Nulls::Last),
        _ => (text, Nulls::Usual),
    };
    let (text, direction) = match text.strip_suffix(" DESC") {
        Some(rest) => (rest, KeyDirection::Descending),
        None => (text, KeyDirection::Ascending),
    };
    if text.contains(" COLLATE ") || text.contains(" USING ") {
        return None;
    }
    let expr = parse::expression(text);
    if !is_own(&expr, relation) {
        return None;
    }
    let expr = expr.normalised(relation.table);
    indexable(&expr, relation.table).then_some(Key { expr, opclass: None, direction, nulls })
}

/// `max(o.created_at)` over a scan is the last entry of an index.
pub(super) fn extreme(node: &Node, relation: ScanRelation<'_>) -> Option<WantedOrder> {
    let mut found: Option<Key> = None;
    for output in node.output() {
        let call = output.trim_start_matches('(').trim_start_matches("PARTIAL ");
        let inner = call.strip_prefix("max(").or_else(|| call.strip_prefix("min("))?;
        let key = sort_key(inner.trim_end_matches(')'), relation)?;
        // Both ends of one index, but not of two.
        if found.get_or_insert_with(|| key.clone()) != &key {
            return None;
        }
    }
    let keys = vec![found?];
    Some(WantedOrder { keys, limit: Some(1.0), sort: None, sort_cost: 0.0, rows: f64::INFINITY, sort_time: None })
}

/// Rows that OFFSET passes over, from what the planner adds to the start of a LIMIT for them.
///
/// Source: `adjust_limit_rows_costs` in src/backend/optimizer/util/pathnode.c.
pub(super) fn estimated_offset(limit: &Node, child: &Node) -> f64 {
    let (Some(limit), Some(child)) = (limit.estimate, child.estimate) else { return 0.0 };
    let run = child.total_cost - child.startup_cost;
    // Costs are printed to a hundredth: less than that is no offset.
    let passed = limit.startup_cost - child.startup_cost;
    if run <= 0.1 || passed <= 0.02 { 0.0 } else { (passed / run * child.rows).min(child.rows) }
}

/// Rows that a node gives in one execution of the node above it, all processes together.
pub(super) fn rows_of_one(node: &Node, above: &Node) -> f64 {
    let Some(actual) = node.actual else { return node.expected_rows().unwrap_or(0.0) };
    let processes = if above.is_shared() { above.derived.processes.max(1.0) } else { 1.0 };
    actual.rows * actual.loops.max(1.0) * processes / above.loops().max(1.0)
}
