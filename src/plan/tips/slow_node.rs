//! Much of the time goes into one node.

use super::support::{Hit, Node, Seconds, Share, Tip, TipInput, Topic, name, own};

pub(super) static TIP: Tip = Tip {
    number: 1,
    id: "slow-node",
    title: "slowest node",
    why: "No other node takes as much time.",
    wrong: "the node does necessary work.",
    source: "pev2, node.ts",
    topic: Topic::General,
    rank: 1,
    find,
};

/// Part of the whole from which a node is called slow.
const LEAST: f64 = 0.4;

/// Time below which no node is called slow, in seconds.
const LEAST_TIME: f64 = 0.1;

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    let slowest = seen.all().max_by(|(_, one), (_, other)| own(one).total_cmp(&own(other)));
    let share = |node: &Node| own(node) / seen.total().max(f64::MIN_POSITIVE);
    let slow = slowest.filter(|(_, node)| own(node) >= LEAST_TIME && share(node) >= LEAST);
    slow.into_iter()
        .map(|(id, node)| {
            let what =
                format!("{} takes {} itself, {} of the time", name(node), Seconds(own(node)), Share(share(node)));
            Hit::at(id, what, "start here: no other node can save as much", own(node))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_node_with_most_of_the_time_is_slow() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0",
            "Seq Scan on o takes 900ms itself, 100% of the time: start here: no other node can save as much",
        );
    }

    #[test]
    fn a_node_with_a_third_of_the_time_is_not() {
        check(
            &TIP,
            "Nested Loop  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=1 loops=1)
  ->  Seq Scan on a  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..300 rows=1 loops=1)
  ->  Seq Scan on b  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..300 rows=1 loops=1)",
            "",
        );
    }

    #[test]
    fn a_short_time_is_never_slow() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..99 rows=5 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0",
            "",
        );
    }
}
