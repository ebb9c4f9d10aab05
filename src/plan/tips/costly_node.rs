//! Most of the estimated cost is in one node.

use super::support::{Hit, Node, Share, Tip, TipInput, Topic, name};

pub(super) static TIP: Tip = Tip {
    number: 2,
    id: "costly-node",
    title: "the node with most of the estimated cost",
    why: "The planner expects most of the work in this node.",
    wrong: "the estimate is wrong; run the plan with ANALYZE before you act on it.",
    source: "pev2, node.ts",
    topic: Topic::General,
    rank: 2,
    find,
};

/// Part of the whole cost from which a node is called costly.
const LEAST: f64 = 0.4;

/// Cost below which no node is called costly: about a second of work.
const LEAST_COST: f64 = 100_000.0;

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    if seen.plan.is_analyzed() {
        return Vec::new();
    }
    let all = seen.plan.total_cost().unwrap_or(0.0);
    let cost = |node: &Node| node.derived.self_cost.unwrap_or(0.0);
    let costliest = seen.all().max_by(|(_, one), (_, other)| cost(one).total_cmp(&cost(other)));
    let costly = costliest.filter(|(_, node)| cost(node) >= LEAST_COST && cost(node) >= all * LEAST);
    costly
        .into_iter()
        .map(|(id, node)| {
            let what = format!("{} is {} of the estimated cost", name(node), Share(cost(node) / all));
            Hit::at(id, what, "run it with ANALYZE to see whether it also takes most of the time", 0.0)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn most_of_a_large_cost_is_costly() {
        check(
            &TIP,
            "Seq Scan on o  (cost=0.00..200000.00 rows=1 width=8)",
            "Seq Scan on o is 100% of the estimated cost: run it with ANALYZE to see whether it also takes most of the time",
        );
    }

    #[test]
    fn a_small_cost_is_not() {
        check(&TIP, "Seq Scan on o  (cost=0.00..99999.00 rows=1 width=8)", "");
    }

    #[test]
    fn times_say_more_than_costs() {
        check(&TIP, "Seq Scan on o  (cost=0.00..200000.00 rows=1 width=8) (actual time=0.0..1 rows=1 loops=1)", "");
    }
}
