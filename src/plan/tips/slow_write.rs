//! A write that costs much for each row.

use super::support::{Bytes, Count, Hit, NodeKind, Relationship, Tip, TipInput, Topic, own, table};

pub(super) static TIP: Tip = Tip {
    number: 51,
    id: "slow-write",
    title: "an expensive write per row",
    why: "Each new row version needs an entry in every index, unless the update changes no indexed column and fits on the same page (HOT).",
    wrong: "a checkpoint came just before: full-page images make WAL larger for a while.",
    source: "PostgreSQL manual: Heap-Only Tuples",
    topic: Topic::Writing,
    rank: 2,
    find,
};

/// Bytes of WAL a row from which a write is heavy; a plain row with one index takes some 300.
const LEAST_BYTES: f64 = 2000.0;

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::ModifyTable])
        .filter_map(|(id, node)| {
            let (_, input) = seen.plan.children(id).find(|(_, child)| child.relationship != Relationship::InitPlan)?;
            let (rows, wal) = (input.rows_total()?, node.wal?);
            let facts = seen.context.table(node);
            let bytes = wal.bytes.0 / rows.max(1.0);
            if rows < 100.0 || bytes < LEAST_BYTES || wal.full_pages * 2.0 > wal.records {
                return None;
            }
            let indexes = facts.map(|table| format!(" with {} indexes", table.indexes.len())).unwrap_or_default();
            let what = format!("{} wrote {} of WAL per row for {} rows{indexes}", table(node), Bytes(bytes), Count(rows));
            let advice = "drop unused indexes, update only changed columns (save(update_fields=…)), and lower fillfactor so that updates stay HOT";
            Some(Hit::at(id, what, advice, own(node) * 0.5))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_heavy_write_is_told() {
        check(
            &TIP,
            "Update on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=0 loops=1)
  WAL: records=5 bytes=5000000
  ->  Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=1000 loops=1)",
            "o wrote 4.9 kB of WAL per row for 1.0k rows: drop unused indexes, update only changed columns (save(update_fields=…)), and lower fillfactor so that updates stay HOT",
        );
    }

    #[test]
    fn a_light_one_is_not() {
        check(
            &TIP,
            "Update on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=0 loops=1)
  WAL: records=5 bytes=500000
  ->  Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=1000 loops=1)",
            "",
        );
    }

    #[test]
    fn a_few_rows_are_not() {
        check(
            &TIP,
            "Update on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=0 loops=1)
  WAL: records=5 bytes=5000000
  ->  Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=50 loops=1)",
            "",
        );
    }
}
