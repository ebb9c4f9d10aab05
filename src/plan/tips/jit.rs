//! Time to compile the query.

use super::support::{Count, Hit, Seconds, Tip, TipInput, Topic};

pub(super) static TIP: Tip = Tip {
    number: 30,
    id: "jit",
    title: "time spent on JIT compilation",
    why: "Just-in-time compilation took a large part of the time; it pays off only for statements of many seconds.",
    wrong: "the statement runs long with other values: then compiling may pay off.",
    source: "PostgreSQL manual: Just-in-Time Compilation (JIT)",
    topic: Topic::Overhead,
    rank: 3,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    let Some(jit) = seen.plan.jit else { return Vec::new() };
    let (time, total) = (jit.total.map_or(0.0, |time| time.0), seen.total());
    if time < 0.005 || time < total * 0.2 {
        return Vec::new();
    }
    let what = format!("compiling {} functions took {} of {}", Count(jit.functions), Seconds(time), Seconds(total));
    let cost = seen.plan.total_cost().unwrap_or(100_000.0).max(100_000.0);
    let above = 10_f64.powf((cost * 2.0).log10().ceil());
    vec![Hit::whole(what, format!("set jit_above_cost = {above:.0}, or jit = off for this role"), time.min(total))]
}

#[cfg(test)]
mod tests {
    use super::super::support::test::check;
    use super::*;

    #[test]
    fn a_third_of_the_time_is_told() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0
JIT:
  Functions: 8
  Options: Inlining true, Optimization true, Expressions true, Deforming true
  Timing: Generation 1.0 ms, Inlining 1.0 ms, Optimization 1.0 ms, Emission 1.0 ms, Total 300 ms
Execution Time: 900 ms",
            "compiling 8 functions took 300ms of 900ms: set jit_above_cost = 1000000, or jit = off for this role",
        );
    }

    #[test]
    fn a_sixth_is_not() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0
JIT:
  Functions: 8
  Options: Inlining true, Optimization true, Expressions true, Deforming true
  Timing: Generation 1.0 ms, Inlining 1.0 ms, Optimization 1.0 ms, Emission 1.0 ms, Total 150 ms
Execution Time: 900 ms",
            "",
        );
    }

    #[test]
    fn without_jit_nothing_is_told() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=5 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0",
            "",
        );
    }
}
