//! An index scan that reads much of the table.

use super::support::{Count, Hit, NodeKind, Tip, TipInput, Topic, name, own, rows_read};

pub(super) static TIP: Tip = Tip {
    number: 8,
    id: "index-reads-most",
    title: "an index scan that reads most of the table",
    why: "Above about a third of the rows, a sequential scan is usually faster than an index scan.",
    wrong: "the table is stored in index order (CLUSTER, append-only) or is all in memory: then an index scan may still be faster.",
    source: "pgplan",
    topic: Topic::Access,
    rank: 2,
    find,
};

/// Part of the table's rows from which reading it whole is mostly faster.
const LEAST: f64 = 0.3;

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::IndexScan])
        .filter_map(|(id, node)| {
            let rows = seen.context.table(node)?.rows.filter(|rows| *rows >= 10_000.0)?;
            let read = rows_read(node);
            if node.loops() > node.derived.processes || read < rows * LEAST || node.derived.is_cut_short {
                return None;
            }
            let what =
                format!("{} reads {} of {} rows through {}", name(node), Count(read), Count(rows), node.index()?);
            let advice =
                "a Seq Scan may be faster: check random_page_cost and effective_cache_size, or select fewer rows";
            Some(Hit::at(id, what, advice, own(node) * 0.5))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::{check, check_with};
    use super::super::{TableFacts, TipContext};
    use super::*;

    #[test]
    fn half_the_table_is_told() {
        let context = TipContext {
            tables: vec![TableFacts { name: "o".to_owned(), rows: Some(100_000.0), ..TableFacts::default() }],
            ..TipContext::default()
        };
        check_with(
            &TIP,
            "Index Scan using o_store on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=50000 loops=1)",
            &context,
            "Index Scan on o reads 50k of 100k rows through o_store: a Seq Scan may be faster: check random_page_cost and effective_cache_size, or select fewer rows",
        );
    }

    #[test]
    fn a_quarter_is_not() {
        let context = TipContext {
            tables: vec![TableFacts { name: "o".to_owned(), rows: Some(100_000.0), ..TableFacts::default() }],
            ..TipContext::default()
        };
        check_with(
            &TIP,
            "Index Scan using o_store on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=25000 loops=1)",
            &context,
            "",
        );
    }

    #[test]
    fn without_the_size_of_the_table_nothing_is_told() {
        check(
            &TIP,
            "Index Scan using o_store on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=50000 loops=1)",
            "",
        );
    }
}
