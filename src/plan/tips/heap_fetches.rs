//! An index-only scan that has to look into the table.

use super::support::{Count, Hit, NodeKind, Tip, TipInput, Topic, name, own, quoted_table, rows_read};

pub(super) static TIP: Tip = Tip {
    number: 9,
    id: "heap-fetches",
    title: "an index-only scan that visits the table",
    why: "Pages that are not marked all-visible must be read from the table, although the index has all columns.",
    wrong: "the table changes constantly: VACUUM cannot keep up, and a plain index is as good.",
    source: "PostgreSQL manual: Index-Only Scans and Covering Indexes; pev2; pg_explaintips",
    topic: Topic::Access,
    rank: 4,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::IndexOnlyScan])
        .filter_map(|(id, node)| {
            let (fetches, rows) = (node.heap_fetches()?, rows_read(node).max(1.0));
            if fetches < 1000.0 || fetches < rows * 0.1 {
                return None;
            }
            let what = format!("{} fetched {} of {} rows from the table", name(node), Count(fetches), Count(rows.max(fetches)));
            let advice = format!("VACUUM {}; if it comes back, lower its autovacuum_vacuum_scale_factor and autovacuum_vacuum_insert_scale_factor", quoted_table(node));
            Some(Hit::at(id, what, advice, own(node) * (fetches / rows).min(1.0)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn many_fetches_are_told() {
        check(
            &TIP,
            "Index Only Scan using o_c on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=5000 loops=1)
  Heap Fetches: 4000",
            "Index Only Scan on o fetched 4.0k of 5.0k rows from the table: VACUUM o; if it comes back, lower its autovacuum_vacuum_scale_factor and autovacuum_vacuum_insert_scale_factor",
        );
    }

    #[test]
    fn one_in_twenty_is_not() {
        check(
            &TIP,
            "Index Only Scan using o_c on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=50000 loops=1)
  Heap Fetches: 2500",
            "",
        );
    }

    #[test]
    fn a_few_fetches_are_not() {
        check(
            &TIP,
            "Index Only Scan using o_c on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=100 loops=1)
  Heap Fetches: 100",
            "",
        );
    }
}
