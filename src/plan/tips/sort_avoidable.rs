//! A sort that an index would avoid.

use super::indexable::plain_column;
use super::support::{Count, Hit, NodeKind, Share, Tip, TipInput, Topic, own, short, table};

pub(super) static TIP: Tip = Tip {
    number: 17,
    id: "sort-avoidable",
    title: "an index would avoid this sort",
    why: "The rows of one table are sorted by its own columns; an index keeps them in order.",
    wrong: "all rows are read and there is no LIMIT and no index-only scan: reading them in index order is slower than sorting.",
    source: "pgMustard",
    topic: Topic::Sort,
    rank: 2,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::Sort])
        .filter_map(|(id, node)| {
            let (_, scan) = seen.plan.children(id).next().filter(|(_, child)| child.kind.reads_table())?;
            let keys = node.sort_key();
            let first = keys.first().map(|key| plain_column(key));
            let are_columns = !keys.is_empty() && keys.iter().all(|key| !key.contains(['(', '+', '*', ':']));
            let rows = scan.rows_total()?;
            if !are_columns || rows < 1000.0 || own(node) < seen.total() * 0.3 {
                return None;
            }
            let keys = short(&keys.join(", "));
            let what = format!(
                "sorting {} rows of {} by {keys} takes {}",
                Count(rows),
                table(scan),
                Share(own(node) / seen.total().max(f64::MIN_POSITIVE))
            );
            let advice = format!("index the columns compared with = first, then {keys}");
            let hit = Hit::at(id, what, advice.clone(), own(node)).naming(Some(advice), scan.relation());
            Some(hit.in_order(first))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_sort_of_one_table_is_told() {
        check(
            &TIP,
            "Sort  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..100 rows=50000 loops=1)
  Sort Key: created DESC
  ->  Seq Scan on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..40 rows=50000 loops=1)",
            "sorting 50k rows of o by created DESC takes 60%: index the columns compared with = first, then created DESC",
        );
    }

    #[test]
    fn a_quick_one_is_not() {
        check(
            &TIP,
            "Sort  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..100 rows=50000 loops=1)
  Sort Key: created DESC
  ->  Seq Scan on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..80 rows=50000 loops=1)",
            "",
        );
    }

    #[test]
    fn an_expression_is_not() {
        check(
            &TIP,
            "Sort  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..100 rows=50000 loops=1)
  Sort Key: (lower(name))
  ->  Seq Scan on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..40 rows=50000 loops=1)",
            "",
        );
    }
}
