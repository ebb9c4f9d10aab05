//! Workers for work of a moment.

use super::support::{Hit, NodeKind, Seconds, Tip, TipInput, Topic, own, with_children};

pub(super) static TIP: Tip = Tip {
    number: 28,
    id: "parallel-small",
    title: "parallel workers for very little work",
    why: "Starting workers takes a few milliseconds, as long as the work itself.",
    wrong: "other values give the same statement much more to do: the workers pay off there.",
    source: "pgplan",
    topic: Topic::Parallel,
    rank: 2,
    find,
};

/// Work below which starting workers does not pay, in seconds.
const LEAST_WORK: f64 = 0.01;

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::Gather, NodeKind::GatherMerge])
        .filter_map(|(id, node)| {
            let (_, child) = seen.plan.children(id).next()?;
            let work = with_children(child);
            if child.derived.total_time.is_none() || work >= LEAST_WORK || own(node) < work {
                return None;
            }
            let what = format!("workers took {} to start and end for {} of work", Seconds(own(node)), Seconds(work));
            Some(Hit::at(id, what, "raise parallel_setup_cost or min_parallel_table_scan_size", own(node)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_moment_of_work_is_told() {
        check(
            &TIP,
            "Gather  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..9 rows=5 loops=1)
  ->  Parallel Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..2 rows=5 loops=3)",
            "workers took 7.0ms to start and end for 2.0ms of work: raise parallel_setup_cost or min_parallel_table_scan_size",
        );
    }

    #[test]
    fn more_work_than_overhead_is_not() {
        check(
            &TIP,
            "Gather  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..9 rows=5 loops=1)
  ->  Parallel Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..6 rows=5 loops=3)",
            "",
        );
    }

    #[test]
    fn much_work_is_not() {
        check(
            &TIP,
            "Gather  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..90 rows=5 loops=1)
  ->  Parallel Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..20 rows=5 loops=3)",
            "",
        );
    }
}
