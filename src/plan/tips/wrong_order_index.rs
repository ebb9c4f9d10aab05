//! An index read for its order until enough rows match.

use super::indexable::{keys, not_by};
use super::support::{Count, Hit, NodeKind, Tip, TipInput, Topic, own, table};

pub(super) static TIP: Tip = Tip {
    number: 7,
    id: "wrong-order-index",
    title: "an index read in order until enough rows match",
    why: "The planner expected to meet matching rows early while reading the index in order, and did not.",
    wrong: "matching rows are common and evenly spread: then reading in order is the best plan.",
    source: "pganalyze: ORDER BY + LIMIT",
    topic: Topic::Access,
    rank: 6,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::IndexScan, NodeKind::IndexOnlyScan])
        .filter_map(|(id, node)| {
            let removed = node.removed_by_filter();
            if node.index_cond().is_some() || removed < 1000.0 {
                return None;
            }
            // The long way up comes last: in a deep plan it is long.
            seen.plan.ancestors(id).find(|(_, above)| above.kind == NodeKind::Limit)?;
            let index = node.index().unwrap_or("an index");
            let kept = node.rows_total().unwrap_or(0.0);
            let what = format!(
                "{} rows of {index} were read in order to find {} for the LIMIT",
                Count(kept + removed),
                Count(kept)
            );
            let filter = node.filter().unwrap_or_default();
            let keys = keys(filter, node.alias());
            let better = (!keys.is_empty())
                .then(|| format!("an index on {} ({}, then the columns of {index})", table(node), keys.join(", ")));
            let (advice, words) = better
                .map_or_else(|| not_by(filter, "compare a plain column with a value"), |words| (words.clone(), words));
            let hit = Hit::at(id, what, advice, own(node)).because_of(seen.cause(id));
            Some(hit.naming(Some(words), node.relation()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_long_walk_for_a_limit_is_told() {
        check(
            &TIP,
            "Limit  (cost=1.00..2.00 rows=20 width=8) (actual time=0.0..1 rows=20 loops=1)
  ->  Index Scan Backward using o_created on o  (cost=1.00..2.00 rows=20 width=8) (actual time=0.0..80 rows=20 loops=1)
        Filter: (store_id = 7)
        Rows Removed by Filter: 70000",
            "70k rows of o_created were read in order to find 20 for the LIMIT: an index on o (store_id, then the columns of o_created)",
        );
    }

    #[test]
    fn a_short_walk_is_not() {
        check(
            &TIP,
            "Limit  (cost=1.00..2.00 rows=20 width=8) (actual time=0.0..1 rows=20 loops=1)
  ->  Index Scan Backward using o_created on o  (cost=1.00..2.00 rows=20 width=8) (actual time=0.0..80 rows=20 loops=1)
        Filter: (store_id = 7)
        Rows Removed by Filter: 700",
            "",
        );
    }

    #[test]
    fn an_index_that_is_searched_is_not() {
        check(
            &TIP,
            "Limit  (cost=1.00..2.00 rows=20 width=8) (actual time=0.0..1 rows=20 loops=1)
  ->  Index Scan using o_created on o  (cost=1.00..2.00 rows=20 width=8) (actual time=0.0..80 rows=20 loops=1)
        Index Cond: (created > now())
        Filter: (store_id = 7)
        Rows Removed by Filter: 70000",
            "",
        );
    }
}
