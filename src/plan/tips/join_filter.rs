//! Pairs of rows that are made and thrown away.

use super::indexable::keys;
use super::support::{Count, Hit, NodeKind, Relationship, Tip, TipInput, Topic, own, short, table, with_children};

pub(super) static TIP: Tip = Tip {
    number: 23,
    id: "join-filter",
    title: "a join that discards most pairs of rows",
    why: "The join matches rows by only part of its condition and checks the rest on every pair.",
    wrong: "the join is a range overlap or an inequality, which cannot be hashed; an index (GiST for ranges) may still help.",
    source: "pgplan",
    topic: Topic::Join,
    rank: 4,
    find,
};

/// Nodes below the join in which the inner table is looked for.
const NEAR: usize = 8;

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::NestedLoop, NodeKind::HashJoin, NodeKind::MergeJoin])
        .filter_map(|(id, node)| {
            let (kept, removed) = (node.rows_total()?, node.removed_by_join_filter());
            if removed < 10_000.0 || removed < kept * 10.0 {
                return None;
            }
            let what = format!("{} made {} pairs and kept {}", node.node_type, Count(removed + kept), Count(kept));
            let filter = node.join_filter().unwrap_or_default();
            let inner = seen.plan.child(id, Relationship::Inner).map_or(id, |(inner, _)| inner);
            let scans = seen.plan.subtree(inner).take(NEAR).filter(|(_, node)| node.kind.reads_table());
            let index = scans
                .map(|(_, scan)| (scan, keys(filter, scan.alias())))
                .find(|(_, keys)| filter.contains('.') && !keys.is_empty());
            let on = index.as_ref().and_then(|(scan, _)| scan.relation());
            let words = index.map(|(scan, keys)| format!("an index on {} ({})", table(scan), keys.join(", ")));
            let advice = match &words {
                Some(words) => format!("{words}, or join by equal columns"),
                None => format!("join by equal columns instead of {}", short(filter)),
            };
            let below: f64 = seen.plan.child(id, Relationship::Inner).map_or(0.0, |(_, inner)| with_children(inner));
            Some(Hit::at(id, what, advice, own(node) + below).naming(words, on))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn many_pairs_thrown_away_are_told() {
        check(
            &TIP,
            "Nested Loop  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..1000 rows=5 loops=1)
  Join Filter: (a.x < b.y)
  Rows Removed by Join Filter: 50000
  ->  Seq Scan on a  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..10 rows=1000 loops=1)
  ->  Seq Scan on b  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..0.1 rows=1 loops=1000)",
            "Nested Loop made 50k pairs and kept 5: an index on b (y), or join by equal columns",
        );
    }

    #[test]
    fn fewer_are_not() {
        check(
            &TIP,
            "Nested Loop  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..1000 rows=5 loops=1)
  Join Filter: (a.x < b.y)
  Rows Removed by Join Filter: 9999
  ->  Seq Scan on a  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..10 rows=1000 loops=1)
  ->  Seq Scan on b  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..0.1 rows=1 loops=1000)",
            "",
        );
    }

    #[test]
    fn a_join_without_a_filter_is_not() {
        check(
            &TIP,
            "Nested Loop  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..1000 rows=5 loops=1)
  ->  Seq Scan on a  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..10 rows=1000 loops=1)
  ->  Index Scan using b_pkey on b  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..0.1 rows=1 loops=1000)",
            "",
        );
    }
}
