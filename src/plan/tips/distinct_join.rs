//! Rows multiplied by a join and made distinct again.

use super::support::{Count, Hit, Node, NodeKind, Tip, TipInput, Topic, with_children};

pub(super) static TIP: Tip = Tip {
    number: 47,
    id: "distinct-join",
    title: "a join multiplies rows and DISTINCT removes them again",
    why: "The join returns a row for every match, and DISTINCT sorts or hashes all of them to keep one each.",
    wrong: "columns of the joined table are selected too: then the join is needed.",
    source: "Django documentation, Exists()",
    topic: Topic::Answer,
    rank: 4,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::Unique, NodeKind::Aggregate])
        .filter_map(|(id, node)| {
            // A grouping that computes nothing is a DISTINCT.
            let output = node.output();
            let computes = node.kind == NodeKind::Aggregate
                && (output.is_empty() || output.iter().any(|column| column.contains('(')));
            let below =
                |node: &Node| node.kind.is_gather() || matches!(node.kind, NodeKind::Sort | NodeKind::IncrementalSort);
            let mut input = seen.plan.children(id).next()?;
            while below(input.1) {
                input = seen.plan.children(input.0).next()?;
            }
            let (many, few) = (input.1.rows_total()?, node.rows_total()?);
            if computes || !input.1.kind.is_join() || many < 1000.0 || many < few * 10.0 {
                return None;
            }
            let what = format!("a join returned {} rows, {} of them distinct", Count(many), Count(few));
            let advice = "test whether a match exists: .filter(Exists(related.filter(fk=OuterRef('pk')))) instead of .filter(related__…).distinct()";
            Some(Hit::at(id, what, advice, with_children(node) * 0.8))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_multiplied_join_is_told() {
        check(
            &TIP,
            "Unique  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=100 loops=1)
  ->  Sort  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=50000 loops=1)
        ->  Hash Join  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..500 rows=50000 loops=1)",
            "a join returned 50k rows, 100 of them distinct: test whether a match exists: .filter(Exists(related.filter(fk=OuterRef('pk')))) instead of .filter(related__…).distinct()",
        );
    }

    #[test]
    fn nine_times_is_not() {
        check(
            &TIP,
            "Unique  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=1000 loops=1)
  ->  Sort  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=9000 loops=1)
        ->  Hash Join  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..500 rows=9000 loops=1)",
            "",
        );
    }

    #[test]
    fn distinct_of_one_table_is_not() {
        check(
            &TIP,
            "Unique  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=100 loops=1)
  ->  Sort  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=50000 loops=1)
        ->  Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..500 rows=50000 loops=1)",
            "",
        );
    }
}
