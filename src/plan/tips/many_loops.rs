//! A join that searches again and again.

use super::support::{
    Count, Direction, Hit, NodeKind, Relationship, Seconds, Tip, TipInput, Topic, name, off_by, with_children,
};

pub(super) static TIP: Tip = Tip {
    number: 19,
    id: "many-loops",
    title: "a join with thousands of lookups",
    why: "The inner side runs once for each outer row; thousands of small lookups add up.",
    wrong: "each lookup uses an index and all rows are needed: a Hash Join may be no faster.",
    source: "pgplan",
    topic: Topic::Join,
    rank: 2,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::NestedLoop])
        .filter_map(|(id, _)| {
            let (_, inner) = seen.plan.child(id, Relationship::Inner)?;
            let (_, outer) = seen.plan.child(id, Relationship::Outer)?;
            // Repeated scans and wrong estimates have tips of their own.
            let is_other = matches!(inner.kind, NodeKind::SeqScan | NodeKind::Materialize)
                || off_by(outer, 10.0).is_some_and(|(_, way)| way == Direction::Under);
            if inner.loops() < 1000.0 || with_children(inner) < seen.total() * 0.1 || is_other {
                return None;
            }
            let what = format!("{} was looked up {} times, {} in total", name(inner), Count(inner.loops()), Seconds(with_children(inner)));
            let advice = "filter the outer side earlier, cover the lookup with INCLUDE, or allow a Hash Join with enough work_mem and correct estimates";
            Some(Hit::at(id, what, advice, with_children(inner) * 0.7))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn thousands_of_searches_are_told() {
        check(
            &TIP,
            "Nested Loop  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..1000 rows=5 loops=1)
  ->  Seq Scan on a  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..10 rows=1000 loops=1)
  ->  Index Scan using b_pkey on b  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..0.5 rows=1 loops=1000)",
            "Index Scan on b was looked up 1.0k times, 500ms in total: filter the outer side earlier, cover the lookup with INCLUDE, or allow a Hash Join with enough work_mem and correct estimates",
        );
    }

    #[test]
    fn hundreds_are_not() {
        check(
            &TIP,
            "Nested Loop  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..1000 rows=5 loops=1)
  ->  Seq Scan on a  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..10 rows=1000 loops=1)
  ->  Index Scan using b_pkey on b  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..0.5 rows=1 loops=999)",
            "",
        );
    }

    #[test]
    fn quick_ones_are_not() {
        check(
            &TIP,
            "Nested Loop  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..1000 rows=5 loops=1)
  ->  Seq Scan on a  (cost=1.00..2.00 rows=1000 width=8) (actual time=0.0..10 rows=1000 loops=1)
  ->  Index Scan using b_pkey on b  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..0.05 rows=1 loops=1000)",
            "",
        );
    }
}
