//! Partitions read for nothing.

use super::support::{Hit, Node, NodeKind, Tip, TipInput, Topic, with_children};

pub(super) static TIP: Tip = Tip {
    number: 42,
    id: "not-pruned",
    title: "partitions read without a match",
    why: "The condition does not tell the planner which partitions cannot match, so all of them are read.",
    wrong: "rows in every partition may match: then all must be read.",
    source: "PostgreSQL manual: Partition Pruning",
    topic: Topic::Access,
    rank: 6,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::Append, NodeKind::MergeAppend])
        .filter_map(|(id, node)| {
            let run: Vec<&Node> =
                seen.plan.children(id).map(|(_, child)| child).filter(|child| !child.is_never_executed()).collect();
            let is_empty = |child: &&&Node| {
                child.rows_total() == Some(0.0)
                    && (child.filter().is_some() || child.index_cond().is_some() || child.recheck_cond().is_some())
            };
            let empty: Vec<&&Node> = run.iter().filter(is_empty).collect();
            if run.len() < 4
                || empty.len() * 4 < run.len() * 3
                || node.number("Subplans Removed").is_some_and(|removed| removed > 0.0)
                || node.derived.is_cut_short
            {
                return None;
            }
            let what = format!("{} of {} partitions were read and returned no row", empty.len(), run.len());
            let advice =
                "compare the partition key itself with a constant, without a function or cast, and not with a value from a join";
            Some(Hit::at(id, what, advice, empty.iter().map(|child| with_children(child)).sum()))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn empty_partitions_are_told() {
        check(
            &TIP,
            "Append  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=50 loops=1)
  ->  Seq Scan on e_0  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=50 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_1  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_2  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_3  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_4  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_5  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_6  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_7  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_8  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_9  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_10  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_11  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)",
            "11 of 12 partitions were read and returned no row: compare the partition key itself with a constant, without a function or cast, and not with a value from a join",
        );
    }

    #[test]
    fn half_of_them_are_not() {
        check(
            &TIP,
            "Append  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=50 loops=1)
  ->  Seq Scan on e_0  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=50 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_1  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=50 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_2  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=50 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_3  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=50 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_4  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=50 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_5  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=50 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_6  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_7  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_8  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_9  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_10  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_11  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)",
            "",
        );
    }

    #[test]
    fn pruned_ones_are_not() {
        check(
            &TIP,
            "Append  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=50 loops=1)
  Subplans Removed: 5
  ->  Seq Scan on e_0  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=50 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_1  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_2  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_3  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_4  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_5  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_6  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_7  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_8  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_9  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_10  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)
  ->  Seq Scan on e_11  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..50 rows=0 loops=1)
        Filter: (day = x)",
            "",
        );
    }
}
