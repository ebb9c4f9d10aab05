//! An OR over two tables.

use super::support::{Count, Hit, NodeKind, Tip, TipInput, Topic, with_children, without_texts};

pub(super) static TIP: Tip = Tip {
    number: 45,
    id: "or-across",
    title: "an OR over two tables",
    why: "The condition can be decided only after the join, so everything is joined first; no index can help.",
    wrong: "the tables are small.",
    source: "PostgreSQL mailing lists; advisor corpus 58",
    topic: Topic::Join,
    rank: 6,
    find,
};

/// Returns how many tables a condition names.
fn tables(condition: &str) -> usize {
    let words = condition.split(|letter: char| !(letter.is_alphanumeric() || matches!(letter, '_' | '.' | '"')));
    let names = words.filter_map(|word| word.split_once('.')).map(|(name, _)| name);
    let names =
        names.filter(|name| name.starts_with(|letter: char| letter.is_alphabetic() || matches!(letter, '_' | '"')));
    names.collect::<std::collections::BTreeSet<_>>().len()
}

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::NestedLoop, NodeKind::HashJoin, NodeKind::MergeJoin])
        .filter_map(|(id, node)| {
            let filter = without_texts(node.join_filter().or(node.filter())?);
            let removed = node.removed_by_join_filter() + node.removed_by_filter();
            let has_or = filter.contains(" OR ") && tables(&filter) > 1;
            if !has_or || (node.actual.is_some() && removed < 1000.0) {
                return None;
            }
            let what = format!("{} joined rows were discarded by an OR over two tables", Count(removed));
            let advice =
                "write two querysets that each use an index: first.union(second), or Q(pk__in=…) with a subquery for \
                 each side";
            Some(Hit::at(id, what, advice, with_children(node) * 0.9))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn an_or_over_two_tables_is_told() {
        check(
            &TIP,
            "Hash Join  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=1 loops=1)
  Join Filter: ((o.ref = 'a'::text) OR (c.email = 'b'::text))
  Rows Removed by Join Filter: 50000
  ->  Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=1 loops=1)
  ->  Hash  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=1 loops=1)",
            "50k joined rows were discarded by an OR over two tables: write two querysets that each use an index: \
             first.union(second), or Q(pk__in=…) with a subquery for each side",
        );
    }

    #[test]
    fn an_or_over_one_table_is_not() {
        check(
            &TIP,
            "Hash Join  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=1 loops=1)
  Join Filter: ((o.ref = 'a'::text) OR (o.email = 'b'::text))
  Rows Removed by Join Filter: 50000
  ->  Hash  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=1 loops=1)",
            "",
        );
    }

    #[test]
    fn a_few_pairs_are_not() {
        check(
            &TIP,
            "Hash Join  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=1 loops=1)
  Join Filter: ((o.ref = 'a'::text) OR (c.email = 'b'::text))
  Rows Removed by Join Filter: 500
  ->  Hash  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=1 loops=1)",
            "",
        );
    }
}
