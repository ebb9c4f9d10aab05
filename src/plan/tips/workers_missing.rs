//! Workers that were planned and not started.

use super::support::{Hit, NodeKind, Tip, TipInput, Topic, with_children};

pub(super) static TIP: Tip = Tip {
    number: 27,
    id: "workers-missing",
    title: "planned workers that did not start",
    why: "Fewer workers ran than planned, because none were free.",
    wrong: "the server is busy: more workers would only take turns.",
    source: "pev2, node.ts; pgplan",
    topic: Topic::Parallel,
    rank: 3,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    seen.of(&[NodeKind::Gather, NodeKind::GatherMerge])
        .filter_map(|(id, node)| {
            let (planned, launched) = (node.number("Workers Planned")?, node.number("Workers Launched")?);
            if launched >= planned {
                return None;
            }
            let what = format!("{launched} of {planned} workers started");
            let saving = with_children(node) * (1.0 - (launched + 1.0) / (planned + 1.0));
            Some(Hit::at(
                id,
                what,
                "raise max_parallel_workers (and max_worker_processes, which needs a restart), or \
                run fewer parallel statements at once",
                saving,
            ))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_missing_worker_is_told() {
        check(
            &TIP,
            "Gather  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)
  Workers Planned: 4
  Workers Launched: 1",
            "1 of 4 workers started: raise max_parallel_workers (and max_worker_processes, which needs a restart), \
             or run fewer parallel statements at once",
        );
    }

    #[test]
    fn all_of_them_is_fine() {
        check(
            &TIP,
            "Gather  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)
  Workers Planned: 4
  Workers Launched: 4",
            "",
        );
    }

    #[test]
    fn an_estimate_does_not_know() {
        check(
            &TIP,
            "Gather  (cost=1.00..2.00 rows=1 width=8)
  Workers Planned: 4",
            "",
        );
    }
}
