//! Counting a whole table.

use super::support::{Hit, NodeKind, Seconds, Tip, TipInput, Topic, table, with_children};

pub(super) static TIP: Tip = Tip {
    number: 41,
    id: "count-all",
    title: "counting a whole table",
    why: "PostgreSQL stores no row count: every row is visited each time.",
    wrong: "a condition is answered by an index: then the count is cheap.",
    source: "PostgreSQL wiki, Slow Counting",
    topic: Topic::Answer,
    rank: 3,
    find,
};

/// Time below which counting is no matter, in seconds.
const LEAST: f64 = 0.1;

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::Aggregate])
        .filter_map(|(id, node)| {
            let is_count = node.output().iter().any(|column| column.starts_with("count(")) || node.field("Output").is_none();
            let is_whole = node.strategy() == Some("Plain") && node.partial_mode() != Some("Partial") && is_count;
            let mut below = seen.plan.subtree(id).skip(1);
            let is_plain = below.all(|(_, child)| {
                let is_scan = matches!(child.kind, NodeKind::SeqScan | NodeKind::IndexOnlyScan | NodeKind::Append);
                (is_scan || child.kind.is_gather() || child.kind == NodeKind::Aggregate)
                    && child.filter().is_none()
                    && child.index_cond().is_none()
            });
            let (_, scan) = seen.plan.subtree(id).find(|(_, child)| child.kind.reads_table())?;
            if !is_whole || !is_plain || node.estimate?.width > 8.0 || with_children(node) < LEAST {
                return None;
            }
            let what = format!("counting {} takes {}", table(scan), Seconds(with_children(node)));
            let advice = "use a paginator without a count (or with pg_class.reltuples as its count), cache the count, or page by key";
            Some(Hit::at(id, what, advice, with_children(node)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_slow_count_is_told() {
        check(
            &TIP,
            "Aggregate  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..500 rows=1 loops=1)
  Output: count(*)
  ->  Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..400.0 rows=500000 loops=1)",
            "counting o takes 500ms: use a paginator without a count (or with pg_class.reltuples as its count), cache the count, or page by key",
        );
    }

    #[test]
    fn a_quick_one_is_not() {
        check(
            &TIP,
            "Aggregate  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..99 rows=1 loops=1)
  Output: count(*)
  ->  Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..79.2 rows=500000 loops=1)",
            "",
        );
    }

    #[test]
    fn a_filtered_one_is_not() {
        check(
            &TIP,
            "Aggregate  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..500 rows=1 loops=1)
  Output: count(*)
  ->  Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..400.0 rows=500000 loops=1)
        Filter: (a = 1)",
            "",
        );
    }
}
