//! The hot path: from the root down to where the time goes.

use super::{Node, NodeId, Plan};

/// A branch is followed while it holds this part of the whole time.
const LEAST: f64 = 0.5;

/// Returns the nodes of the hot path, the root first: at each node the child with the most time, as long as that child
/// holds half of the whole or more. Ends at the node whose own time matters.
pub fn path(plan: &Plan) -> Vec<NodeId> {
    let whole = plan.root().map_or(0.0, weight);
    let mut path = Vec::new();
    let mut next = plan.root().map(|_| 0);
    while let Some(id) = next {
        path.push(id);
        let hottest = charged(plan, id).max_by(|(_, one), (_, other)| one.total_cmp(other));
        next = hottest.filter(|(child, weight)| *weight >= whole * LEAST && *child > id).map(|(child, _)| child);
    }
    path
}

/// Returns the nodes with the most time of their own (else cost), the slowest first.
pub fn slowest(plan: &Plan, most: usize) -> Vec<NodeId> {
    let share = |node: &Node| node.derived.share.unwrap_or(0.0);
    let mut ids: Vec<(NodeId, f64)> =
        plan.iter().map(|(id, node)| (id, share(node))).filter(|(_, share)| *share > 0.0).collect();
    ids.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    ids.truncate(most);
    ids.into_iter().map(|(id, _)| id).collect()
}

fn charged(plan: &Plan, id: NodeId) -> impl Iterator<Item = (NodeId, f64)> {
    plan.children(id).map(|(child, node)| (child, weight(node)))
}

/// The time of a node with its children, or its cost.
fn weight(node: &Node) -> f64 {
    let cost = || node.estimate.map_or(0.0, |estimate| estimate.total_cost);
    node.derived.total_time.map_or_else(cost, |time| time.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::parse;

    fn plan(text: &str) -> Plan {
        parse(text).plans.remove(0)
    }

    const JOIN: &str = "Hash Join  (cost=1..9 rows=1 width=8) (actual time=1..100 rows=1 loops=1)
  ->  Seq Scan on a  (cost=1..2 rows=1 width=8) (actual time=1..10 rows=1 loops=1)
  ->  Hash  (cost=1..8 rows=1 width=8) (actual time=1..85 rows=1 loops=1)
        ->  Seq Scan on b  (cost=1..8 rows=1 width=8) (actual time=1..84 rows=1 loops=1)";

    #[test]
    fn the_path_follows_the_time_to_where_it_is_spent() {
        let plan = plan(JOIN);
        assert_eq!(path(&plan), [0, 2, 3]);
        assert_eq!(slowest(&plan, 2), [3, 1]);
    }

    #[test]
    fn the_path_ends_where_time_is_shared_out() {
        let text = JOIN.replace("1..85", "1..45").replace("1..84", "1..45").replace("1..10 ", "1..45 ");
        assert_eq!(path(&plan(&text)), [0]);
    }

    #[test]
    fn without_times_the_costs_lead() {
        let text = JOIN.lines().map(|line| line.split(" (actual").next().unwrap()).collect::<Vec<_>>().join("\n");
        assert_eq!(path(&plan(&text)), [0, 2, 3]);
    }
}
