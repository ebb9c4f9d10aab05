//! Time outside the plan.

use super::support::{Hit, Seconds, Tip, TipInput, Topic};

pub(super) static TIP: Tip = Tip {
    number: 50,
    id: "waiting",
    title: "time outside the plan",
    why: "The time is not in the plan's nodes: the statement waited for a lock or for the client to read rows, or \
        the time went into its start and end.",
    wrong: "the result is large: sending it takes time; select fewer rows.",
    source: "pgMustard",
    topic: Topic::Overhead,
    rank: 1,
    find,
};

/// Time outside the nodes below which it is no matter, in seconds.
const LEAST: f64 = 0.1;

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    let nodes = seen.plan.accounts.nodes.0 + seen.plan.accounts.triggers.0;
    let whole = seen.context.wall_time.or(seen.plan.execution_time).or(seen.plan.duration);
    let Some(whole) = whole.filter(|_| seen.plan.has_times()) else { return Vec::new() };
    let known = nodes
        + seen.plan.planning_time.map_or(0.0, |time| time.0)
        + seen.plan.jit.and_then(|jit| jit.total).map_or(0.0, |time| time.0);
    let outside = whole.0 - known;
    if outside < LEAST || outside < whole.0 * 0.5 {
        return Vec::new();
    }
    let what = format!("{} of {whole} were spent outside the plan's nodes", Seconds(outside));
    vec![Hit::whole(
        what,
        "watch it in Activity while it runs: a lock, a slow network, or many partitions to open",
        outside,
    )]
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_wait_is_told() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..100 rows=5 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0
Execution Time: 900 ms",
            "800ms of 900ms were spent outside the plan's nodes: watch it in Activity while it runs: a lock, a slow \
             network, or many partitions to open",
        );
    }

    #[test]
    fn a_third_is_not() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..600 rows=5 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0
Execution Time: 900 ms",
            "",
        );
    }

    #[test]
    fn a_moment_is_not() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..1 rows=5 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0
Execution Time: 50 ms",
            "",
        );
    }
}
