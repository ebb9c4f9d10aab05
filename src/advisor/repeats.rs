//! How often a part of a plan is executed: counted with ANALYZE, else as the planner's own costs tell it.

use crate::catalog::Catalog;
use crate::plan::{Node, NodeId, NodeKind, Plan, Relationship};

/// Returns how often a node is executed, not counting processes that share one execution.
pub(super) fn executions(plan: &Plan, id: NodeId, catalog: &Catalog) -> f64 {
    let Some(node) = plan.node(id) else { return 1.0 };
    if let Some(actual) = node.actual {
        // What a process runs for itself alone, as the build of a hash or the inner side of a loop, is its own execution.
        let sharing = if node.is_shared() { node.derived.processes.max(1.0) } else { 1.0 };
        return (actual.loops / sharing).max(1.0).round();
    }
    let mut times: f64 = 1.0;
    let mut child = node;
    let mut is_streamed = true;
    for (parent_id, parent) in plan.ancestors(id) {
        is_streamed &= !is_blocking(child);
        if parent.kind == NodeKind::Limit && is_streamed {
            // What is run for each row is not run for the rows that LIMIT does not ask for.
            times = (times * share_of_limit(parent, child)).max(1.0);
        }
        times *= match child.relationship {
            Relationship::SubPlan => evaluations(plan, parent_id, parent, child, catalog),
            Relationship::Inner if parent.kind == NodeKind::NestedLoop => rescans(plan, parent_id, parent, child),
            // An InitPlan is executed once, whatever is above it.
            Relationship::InitPlan => return times,
            _ => 1.0,
        };
        // What is run for each row is run for as many as are asked for, however its own rows come about.
        is_streamed |= matches!(child.relationship, Relationship::SubPlan)
            || child.relationship == Relationship::Inner && parent.kind == NodeKind::NestedLoop;
        child = parent;
    }
    times
}

/// Whether a node reads all its input before it gives its first row.
fn is_blocking(node: &Node) -> bool {
    matches!(node.kind, NodeKind::Sort | NodeKind::Aggregate | NodeKind::Hash | NodeKind::SetOp)
}

/// The fraction of its input that a LIMIT asks for, by cost.
fn share_of_limit(limit: &Node, child: &Node) -> f64 {
    let (Some(limit), Some(child)) = (limit.estimate, child.estimate) else { return 1.0 };
    let run = child.total_cost - child.startup_cost;
    if run > 0.0 { ((limit.total_cost - child.startup_cost) / run).clamp(0.0, 1.0) } else { 1.0 }
}

/// How often a `SubPlan` runs for one execution of its parent.
///
/// The planner adds what all its runs cost to the parent's cost. The rows of the parent are no measure where the
/// `SubPlan` is a part of its filter: it runs for each row that is read. Source: `cost_subplan` in
/// src/backend/optimizer/path/costsize.c.
fn evaluations(plan: &Plan, id: NodeId, parent: &Node, child: &Node, catalog: &Catalog) -> f64 {
    // Nothing in it depends on the row: it is run once and kept.
    if child.is_hashed_in(parent) || child.kind == NodeKind::Materialize {
        return 1.0;
    }
    let cost = |node: &Node| node.estimate.map_or(0.0, |estimate| estimate.total_cost);
    let (mut inputs, mut of_all) = (own_cost(parent, catalog), 0.0);
    for (_, node) in plan.children(id) {
        match node.relationship {
            Relationship::SubPlan if !node.is_hashed_in(parent) && node.kind != NodeKind::Materialize => {
                of_all += cost(node);
            }
            _ => inputs += cost(node),
        }
    }
    let by_cost = if of_all > 0.0 { (cost(parent) - inputs) / of_all } else { 1.0 };
    parent.estimate.map_or(1.0, |estimate| estimate.rows).max(by_cost).max(1.0)
}

/// What reading the parent's own table costs at least.
fn own_cost(parent: &Node, catalog: &Catalog) -> f64 {
    let table = parent.relation().and_then(|name| catalog.table(parent.schema(), name));
    let table = table.filter(|_| parent.kind == NodeKind::SeqScan);
    table.map_or(0.0, |table| {
        table.pages * catalog.settings.seq_page_cost + table.rows_or_guess() * catalog.settings.cpu_tuple_cost
    })
}

/// How often the inner side of a nested loop runs: for each outer row, unless it keeps its rows.
fn rescans(plan: &Plan, id: NodeId, parent: &Node, inner: &Node) -> f64 {
    if inner.kind == NodeKind::Materialize {
        return 1.0;
    }
    let outer = plan.child(id, Relationship::Outer).and_then(|(_, outer)| outer.estimate);
    let rows = outer.map_or(1.0, |estimate| estimate.rows.max(1.0));
    let is_kept = matches!(inner.kind, NodeKind::Sort | NodeKind::Aggregate | NodeKind::Hash | NodeKind::CteScan);
    // A sort that does not depend on the outer row is not done again; then the loop costs little beyond its inputs.
    match (parent.estimate, outer, inner.estimate) {
        (Some(whole), Some(outer), Some(inner)) if is_kept && inner.total_cost > 0.0 => {
            ((whole.total_cost - outer.total_cost) / inner.total_cost).clamp(1.0, rows)
        }
        _ => rows,
    }
}
