//! A nested loop chosen for few rows that became many.

use super::support::{
    Count, Direction, Hit, NodeKind, Relationship, Tip, TipInput, Topic, expected_and_got, off_by, origin,
    with_children,
};

pub(super) static TIP: Tip = Tip {
    number: 20,
    id: "loop-misplanned",
    title: "a nested loop planned for few rows got many",
    why: "The planner chose the nested loop because it expected few outer rows; each extra row costs a lookup.",
    wrong: "the estimate cannot be improved and the join is right for the usual values.",
    source: "pganalyze",
    topic: Topic::Estimates,
    rank: 4,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::NestedLoop])
        .filter_map(|(id, _)| {
            let (outer_id, outer) = seen.plan.child(id, Relationship::Outer)?;
            let (_, inner) = seen.plan.child(id, Relationship::Inner)?;
            let (factor, way) = off_by(outer, 10.0)?;
            if way != Direction::Under || inner.loops() < 100.0 {
                return None;
            }
            let what = format!(
                "{}, so its inner side ran {} times ({}× more than planned)",
                expected_and_got(outer),
                Count(inner.loops()),
                Count(factor)
            );
            let advice =
                "improve the estimate: ANALYZE, CREATE STATISTICS for correlated columns, a higher statistics target";
            Some(Hit::at(id, what, advice, with_children(inner)).because_of(origin(seen.plan, outer_id)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn an_underestimated_outer_side_is_told() {
        check(
            &TIP,
            "Nested Loop  (cost=1.00..2.00 rows=10 width=8) (actual time=0.0..1000 rows=5 loops=1)
  ->  Seq Scan on a  (cost=1.00..2.00 rows=10 width=8) (actual time=0.0..10 rows=5000 loops=1)
  ->  Index Scan using b_pkey on b  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..0.1 rows=1 loops=5000)",
            "Seq Scan on a: 10 rows estimated, 5.0k actual, so its inner side ran 5.0k times (500× more than planned): improve the estimate: ANALYZE, CREATE STATISTICS for correlated columns, a higher statistics target",
        );
    }

    #[test]
    fn nine_times_more_is_not() {
        check(
            &TIP,
            "Nested Loop  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..1000 rows=5 loops=1)
  ->  Seq Scan on a  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..10 rows=9000 loops=1)
  ->  Index Scan using b_pkey on b  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..0.1 rows=1 loops=9000)",
            "",
        );
    }

    #[test]
    fn an_overestimate_is_not() {
        check(
            &TIP,
            "Nested Loop  (cost=1.00..2.00 rows=50000 width=8) (actual time=0.0..1000 rows=5 loops=1)
  ->  Seq Scan on a  (cost=1.00..2.00 rows=50000 width=8) (actual time=0.0..10 rows=500 loops=1)
  ->  Index Scan using b_pkey on b  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..0.1 rows=1 loops=500)",
            "",
        );
    }
}
