//! Where the numbers of rows first go wrong.

use super::support::{Count, Hit, NodeKind, Tip, TipInput, Topic, expected_and_got, misled, off_by, origin, short};

pub(super) static TIP: Tip = Tip {
    number: 4,
    id: "first-wrong",
    title: "a wrong row estimate",
    why: "Every estimate above this node builds on this one; a better estimate here improves them all.",
    wrong: "the condition is not a plain comparison (a function, a JSON key): statistics then help only with an expression index or extended statistics.",
    source: "pgMustard; advisor rule 4",
    topic: Topic::Estimates,
    rank: 2,
    find,
};

/// Rows below which an error does no harm.
const LEAST_ROWS: f64 = 1000.0;

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    let first = seen.all().filter_map(|(id, node)| {
        let (factor, _) = off_by(node, 10.0)?;
        let rows = node.actual?.rows.max(node.estimate?.rows);
        // A wrong child explains its parent; a scan of a bitmap is judged where it reads the table.
        let is_first = origin(seen.plan, id) == id
            && !matches!(node.kind, NodeKind::Hash | NodeKind::Sort | NodeKind::Materialize);
        (rows >= LEAST_ROWS && is_first).then_some((id, node, factor))
    });
    let worst = first.max_by(|(_, _, one), (_, _, other)| one.total_cmp(other));
    worst
        .into_iter()
        .filter_map(|(id, node, factor)| {
            let saving = misled(seen.plan, id)?;
            let advice = match node.filter().or(node.index_cond()).or(node.hash_cond()).or(node.join_filter()) {
                Some(condition) => format!("improve the statistics for {}: ANALYZE, a higher statistics target, or CREATE STATISTICS on its columns", short(condition)),
                None => "ANALYZE the tables it reads; for a function or a CTE, filter before it".to_owned(),
            };
            let what = format!("{} (error {}×); the estimates above it build on it", expected_and_got(node), Count(factor));
            Some(Hit::at(id, what, advice, saving))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn the_lowest_wrong_node_is_told() {
        check(
            &TIP,
            "Nested Loop  (cost=1.00..2.00 rows=10 width=8) (actual time=0.0..1 rows=50000 loops=1)
  ->  Seq Scan on o  (cost=1.00..2.00 rows=10 width=8) (actual time=0.0..1 rows=50000 loops=1)
        Filter: (a = 1)
  ->  Seq Scan on b  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=1 loops=1)",
            "Seq Scan on o: 10 rows estimated, 50k actual (error 5.0k×); the estimates above it build on it: improve the statistics for (a = 1): ANALYZE, a higher statistics target, or CREATE STATISTICS on its columns",
        );
    }

    #[test]
    fn a_scan_that_nothing_builds_on_is_not() {
        let scan = "Seq Scan on o  (cost=1.00..2.00 rows=10 width=8) (actual time=0.0..83 rows=50000 loops=1)";
        check(&TIP, scan, "");
        let count = format!(
            "Aggregate  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..90 rows=1 loops=1)\n  ->  {scan}\n        Filter: (a = 1)"
        );
        check(&TIP, &count, "");
        check(&super::super::misestimate::TIP, &count, "");
    }

    #[test]
    fn a_factor_of_nine_is_not() {
        check(&TIP, "Seq Scan on o  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..1 rows=9000 loops=1)", "");
    }

    #[test]
    fn a_few_rows_are_not() {
        check(&TIP, "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=900 loops=1)", "");
    }
}
