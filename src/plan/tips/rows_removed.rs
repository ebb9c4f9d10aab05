//! Rows read and thrown away.

use super::indexable::{keys, not_by};
use super::support::{Count, Hit, NodeKind, Tip, TipInput, Topic, name, own, rows_read, table};
use crate::plan::scans::{Kept, kept};

pub(super) static TIP: Tip = Tip {
    number: 5,
    id: "rows-removed",
    title: "rows read and discarded",
    why: "The scan reads every row and keeps few of them; an index finds those few directly.",
    wrong: "the table is small, most rows are needed, or the condition cannot be indexed: then the scan is the best plan.",
    source: "pev2, node.ts; Joe (postgres.ai)",
    topic: Topic::Access,
    rank: 3,
    find,
};

/// Rows thrown away below which a scan is no matter.
const LEAST_ROWS: f64 = 1000.0;

/// Part of the rows thrown away from which an index may help; measured break-even is between 0.8 and 0.95.
const LEAST: f64 = 0.9;

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::SeqScan, NodeKind::BitmapHeapScan, NodeKind::ForeignScan])
        .filter_map(|(id, node)| {
            let (read, removed) = (rows_read(node), node.removed_by_filter());
            if removed < LEAST_ROWS || removed < read * LEAST {
                return None;
            }
            let kept = kept(seen.plan, id).filter(|kept| kept.is_at_most || kept.rows > read - removed);
            let kept = kept.unwrap_or(Kept { rows: read - removed, is_at_most: false });
            let at_most = if kept.is_at_most { "at most " } else { "" };
            let what = format!("{} read {} rows to keep {at_most}{}", name(node), Count(read), Count(kept.rows));
            let filter = node.filter().unwrap_or("its filter");
            let keys = keys(filter, node.alias());
            let index = (!keys.is_empty()).then(|| format!("an index on {} ({})", table(node), keys.join(", ")));
            let (advice, words) = index
                .map_or_else(|| not_by(filter, "compare a plain column with a value"), |words| (words.clone(), words));
            let hit = Hit::at(id, what, advice, own(node) * removed / read).because_of(seen.cause(id));
            Some(hit.naming(Some(words), node.relation()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn nearly_all_rows_thrown_away_is_told() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=3 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 99997",
            "Seq Scan on o read 100k rows to keep 3: an index on o (status)",
        );
    }

    #[test]
    fn rows_that_are_rounded_to_none_are_not_said_to_be_none() {
        check(
            &TIP,
            "Aggregate  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=1 loops=1)
  ->  Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=0 loops=2)
        Filter: (status = 'x'::text)
        Rows Removed by Filter: 99997",
            "Seq Scan on o read 200k rows to keep at most 1: an index on o (status)",
        );
    }

    #[test]
    fn no_index_is_named_that_cannot_be_built() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=3 loops=1)
  Filter: (date_trunc('day'::text, created_at) = '2025-01-01 00:00:00+00'::timestamp with time zone)
  Rows Removed by Filter: 99997",
            "Seq Scan on o read 100k rows to keep 3: a b-tree index cannot find rows by (date_trunc('day'::text, \
             created_at) = '2025-01-01 00:00:00+00'::timestamp with …: compare a plain column with a value",
        );
    }

    #[test]
    fn eight_of_ten_is_not() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=20000 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 80000",
            "",
        );
    }

    #[test]
    fn a_small_table_is_not() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=1 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 998",
            "",
        );
    }
}
