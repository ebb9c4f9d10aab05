//! A query that runs once for each row.

use super::support::{Count, Hit, NodeKind, Relationship, Seconds, Tip, TipInput, Topic, rows_read, with_children};

pub(super) static TIP: Tip = Tip {
    number: 22,
    id: "correlated-subplan",
    title: "a subquery that runs once for each row",
    why: "A correlated subquery runs again for every row of the outer statement.",
    wrong: "there are few outer rows and an index lookup inside: then it is as fast as a join.",
    source: "pgplan",
    topic: Topic::Subplan,
    rank: 2,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.all()
        .filter(|(_, node)| node.relationship == Relationship::SubPlan)
        .filter_map(|(id, node)| {
            let is_scan = node.kind == NodeKind::SeqScan && rows_read(node) >= 10_000.0;
            if node.loops() < 100.0 || is_scan || with_children(node) < seen.total() * 0.1 {
                return None;
            }
            let what = format!("{} ran {} times, {} in total", node.subplan_name().unwrap_or("a SubPlan"), Count(node.loops()), Seconds(with_children(node)));
            let advice = "join and group instead: in Django, an aggregate with filter=Q(…) instead of Subquery(OuterRef(…)), or Exists() where you only need yes or no";
            Some(Hit::at(id, what, advice, with_children(node) * 0.9))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_subplan_for_each_row_is_told() {
        check(
            &TIP,
            "Seq Scan on c  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=300 loops=1)
  SubPlan 1
    ->  Aggregate  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..2 rows=1 loops=300)",
            "SubPlan 1 ran 300 times, 600ms in total: join and group instead: in Django, an aggregate with filter=Q(…) instead of Subquery(OuterRef(…)), or Exists() where you only need yes or no",
        );
    }

    #[test]
    fn a_hundred_less_one_is_not() {
        check(
            &TIP,
            "Seq Scan on c  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=300 loops=1)
  SubPlan 1
    ->  Aggregate  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..2 rows=1 loops=99)",
            "",
        );
    }

    #[test]
    fn a_hashed_one_runs_once() {
        check(
            &TIP,
            "Seq Scan on c  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=300 loops=1)
  Filter: (hashed SubPlan 1)
  SubPlan 1
    ->  Seq Scan on d  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..500 rows=1 loops=1)",
            "",
        );
    }
}
