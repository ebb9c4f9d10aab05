//! Kept rows that are read again for each outer row.

use super::support::{Count, Hit, NodeKind, Tip, TipInput, Topic, own};

pub(super) static TIP: Tip = Tip {
    number: 24,
    id: "materialize-loops",
    title: "materialized rows that are read again for each outer row",
    why: "All rows kept in memory are read for every outer row: the cost is the product of both sides.",
    wrong: "one side has only a few rows: then nothing is faster.",
    source: "pgplan",
    topic: Topic::Join,
    rank: 1,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::Materialize])
        .filter_map(|(id, node)| {
            let (join, _) = seen.plan.parent(id).filter(|(_, parent)| parent.kind == NodeKind::NestedLoop)?;
            let walked = node.rows_total()?;
            if node.loops() < 1000.0 || walked < 10_000.0 {
                return None;
            }
            let what = format!(
                "{} materialized rows were read {} times, {} in total",
                Count(walked / node.loops()),
                Count(node.loops()),
                Count(walked)
            );
            let advice = "join by an equality that can be hashed, or index the inner table for it";
            Some(Hit::at(id, what, advice, own(node)).because_of(join))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_thousand_walks_are_told() {
        check(
            &TIP,
            "Nested Loop  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..1000 rows=5 loops=1)
  ->  Seq Scan on a  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..10 rows=1000 loops=1)
  ->  Materialize  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..0.1 rows=50 loops=1000)
        ->  Seq Scan on b  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..0.1 rows=50 loops=1)",
            "50 materialized rows were read 1.0k times, 50k in total: join by an equality that can be hashed, or index the inner table for it",
        );
    }

    #[test]
    fn less_than_a_thousand_are_not() {
        check(
            &TIP,
            "Nested Loop  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..1000 rows=5 loops=1)
  ->  Seq Scan on a  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..10 rows=1000 loops=1)
  ->  Materialize  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..0.1 rows=50 loops=999)
        ->  Seq Scan on b  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..0.1 rows=50 loops=1)",
            "",
        );
    }

    #[test]
    fn walks_over_a_row_or_two_are_not() {
        check(
            &TIP,
            "Nested Loop  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..1000 rows=5 loops=1)
  ->  Seq Scan on a  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..10 rows=1000 loops=1)
  ->  Materialize  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..0.1 rows=2 loops=1000)
        ->  Seq Scan on b  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..0.1 rows=2 loops=1)",
            "",
        );
    }
}
