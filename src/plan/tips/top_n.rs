//! A whole sort for a few rows.

use super::support::{Count, Hit, NodeKind, Tip, TipInput, Topic, own};

pub(super) static TIP: Tip = Tip {
    number: 16,
    id: "top-n",
    title: "a full sort for a few rows",
    why: "A node between the LIMIT and the sort keeps the sort from stopping after the first rows.",
    wrong: "the window function needs all rows (a total, a rank over all): they must then be sorted.",
    source: "PostgreSQL, tuplesort bounded sorts",
    topic: Topic::Sort,
    rank: 3,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::Sort])
        .filter_map(|(id, node)| {
            let sorted = node
                .sorted
                .as_ref()
                .filter(|sorted| !sorted.method.starts_with("top-N") && !sorted.method.is_empty())?;
            let through =
                [NodeKind::WindowAgg, NodeKind::SubqueryScan, NodeKind::Result, NodeKind::ProjectSet, NodeKind::Unique];
            let (_, limit) = seen.plan.ancestors(id).find(|(_, above)| !through.contains(&above.kind))?;
            let (wanted, all) = (limit.rows_total()?, seen.plan.children(id).next()?.1.rows_total()?);
            if limit.kind != NodeKind::Limit || all < 1000.0 || all < wanted * 10.0 {
                return None;
            }
            let what = format!("{} rows are sorted by {} for a LIMIT of {}", Count(all), sorted.method, Count(wanted));
            let advice = "apply the LIMIT in a subquery first and compute the window over its rows, or index the order";
            Some(Hit::at(id, what, advice, own(node)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_window_between_is_told() {
        check(
            &TIP,
            "Limit  (cost=1.00..2.00 rows=20 width=8) (actual time=0.0..1 rows=20 loops=1)
  ->  WindowAgg  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=20 loops=1)
        ->  Sort  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=20 loops=1)
              Sort Method: quicksort  Memory: 9000kB
              ->  Seq Scan on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=50000 loops=1)",
            "50k rows are sorted by quicksort for a LIMIT of 20: apply the LIMIT in a subquery first and compute the window over its rows, or index the order",
        );
    }

    #[test]
    fn a_top_n_sort_is_not() {
        check(
            &TIP,
            "Limit  (cost=1.00..2.00 rows=20 width=8) (actual time=0.0..1 rows=20 loops=1)
  ->  Sort  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=20 loops=1)
        Sort Method: top-N heapsort  Memory: 90kB
        ->  Seq Scan on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=50000 loops=1)",
            "",
        );
    }

    #[test]
    fn a_sort_without_a_limit_is_not() {
        check(
            &TIP,
            "Sort  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=50000 loops=1)
  Sort Method: quicksort  Memory: 9000kB
  ->  Seq Scan on o  (cost=1.00..2.00 rows=5 width=8) (actual time=0.0..70 rows=50000 loops=1)",
            "",
        );
    }
}
