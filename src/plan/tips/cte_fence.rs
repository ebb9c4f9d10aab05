//! A CTE whose rows are thrown away afterwards.

use super::support::{Count, Hit, NodeKind, Tip, TipInput, Topic, short, with_children};

pub(super) static TIP: Tip = Tip {
    number: 40,
    id: "cte-fence",
    title: "a CTE whose rows are discarded afterwards",
    why: "A materialized CTE is computed completely before its rows are filtered; the filter cannot use an index.",
    wrong: "the CTE is read several times: computing it once may be cheaper.",
    source: "PostgreSQL manual: Common Table Expression Materialization",
    topic: Topic::Access,
    rank: 4,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::CteScan])
        .filter_map(|(id, node)| {
            let (kept, removed) = (node.rows_total()?, node.removed_by_filter());
            if removed < 1000.0 || removed < kept * 10.0 {
                return None;
            }
            let what = format!(
                "{} of {} rows of CTE {} are discarded by {}",
                Count(removed),
                Count(removed + kept),
                node.cte()?,
                short(node.filter()?)
            );
            Some(Hit::at(
                id,
                what,
                "put the condition inside the CTE, or write NOT MATERIALIZED (since 12)",
                with_children(node) * removed / (removed + kept),
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_filtered_cte_is_told() {
        check(
            &TIP,
            "CTE Scan on big  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)
  Filter: (a = 1)
  Rows Removed by Filter: 50000",
            "50k of 50k rows of CTE big are discarded by (a = 1): put the condition inside the CTE, or write NOT MATERIALIZED (since 12)",
        );
    }

    #[test]
    fn a_filter_that_keeps_a_tenth_is_not() {
        check(
            &TIP,
            "CTE Scan on big  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=1000 loops=1)
  Filter: (a = 1)
  Rows Removed by Filter: 9000",
            "",
        );
    }

    #[test]
    fn an_unfiltered_cte_is_not() {
        check(&TIP, "CTE Scan on big  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=50000 loops=1)", "");
    }
}
