//! EXISTS that is answered from a hash table: with an index the planner would look for each row instead.
//!
//! Of a correlated EXISTS the planner makes two plans, one that is run for each row and one that reads everything once into
//! a hash table, and the plan shows the one that it has chosen. The condition that ties the two queries together stands in
//! neither its filter nor a join; the columns that are hashed are what it compares.
//! Source: `make_subplan` and `convert_EXISTS_to_ANY` in src/backend/optimizer/plan/subselect.c.

use super::condition::{ScanRelation, is_own};
use super::scan::Join;
use crate::catalog::{Expr, parse};
use crate::plan::{Node, NodeId, Plan, Relationship};

/// The beginning of the name of a sub-plan.
const NAME: &str = "SubPlan ";

/// Returns what a scan is looked up by in the other plan of an EXISTS that is hashed.
pub(super) fn lookups(plan: &Plan, id: NodeId, relation: ScanRelation<'_>) -> Vec<Join> {
    let mut child = id;
    for (above, parent) in plan.ancestors(id) {
        let Some(node) = plan.node(child) else { break };
        if node.relationship == Relationship::SubPlan {
            let is_exists = node.is_hashed_in(parent) && has_another_plan(plan, parent, node);
            return if is_exists { of_columns(plan, (id, above), parent, relation) } else { Vec::new() };
        }
        if !parent.kind.is_gather() {
            break;
        }
        child = above;
    }
    Vec::new()
}

/// Says whether the planner had a plan for each row too; an IN over a sub-query has none.
///
/// Plans are numbered as they are made. Since 14 the one that was not chosen is missing, before it stands beside.
fn has_another_plan(plan: &Plan, parent: &Node, node: &Node) -> bool {
    let number = node.subplan_name().and_then(|name| name.strip_prefix(NAME)).and_then(|text| text.parse::<u32>().ok());
    let Some(before) = number.and_then(|number| number.checked_sub(1)).filter(|before| *before > 0) else {
        return false;
    };
    let name = format!("{NAME}{before}");
    let is_missing = !plan.iter().any(|(_, other)| other.subplan_name() == Some(name.as_str()));
    let either = format!("alternatives: {name} or hashed");
    let is_beside = || [parent.filter(), parent.join_filter()].into_iter().flatten().any(|text| text.contains(&either));
    is_missing || is_beside() || parent.output().iter().any(|text| text.contains(&either))
}

fn of_columns(plan: &Plan, (scan, above): (NodeId, NodeId), parent: &Node, relation: ScanRelation<'_>) -> Vec<Join> {
    let Some(node) = plan.node(scan) else { return Vec::new() };
    let tried = match parent.actual {
        Some(_) => parent.rows_total().unwrap_or(0.0) + parent.removed_by_filter() + parent.removed_by_join_filter(),
        None => parent.expected_rows().unwrap_or(f64::INFINITY),
    };
    let columns = node.output().into_iter().map(parse::expression).filter(|expr| is_own(expr, relation));
    let columns = columns.filter_map(|expr| expr.as_column().map(Expr::column));
    columns.map(|key| Join { key, other_rows: tried.max(1.0), node: above, is_existence: true }).collect()
}
