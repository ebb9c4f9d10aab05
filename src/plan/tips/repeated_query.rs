//! The same statement many times for one request.

use super::support::{Count, Hit, Tip, TipInput, Topic};

pub(super) static TIP: Tip = Tip {
    number: 52,
    id: "repeated-query",
    title: "the same statement many times in one request",
    why: "The same statement in a loop: each one is fast, but the round trips add up.",
    wrong: "a background job does one row at a time on purpose.",
    source: "Django documentation, select_related and prefetch_related",
    topic: Topic::Overhead,
    rank: 4,
    find,
};

fn find(seen: &TipInput<'_>) -> Vec<Hit> {
    let Some(runs) = seen.context.runs_per_request.filter(|runs| *runs >= 10.0) else { return Vec::new() };
    let is_single = seen.plan.root().is_some_and(|root| root.rows_or_estimate() <= 10.0);
    if !is_single {
        return Vec::new();
    }
    let what = format!("it runs {} times in one request", Count(runs));
    vec![Hit::whole(
        what,
        "fetch the rows together: select_related() for a foreign key, prefetch_related() for the reverse, or pk__in",
        seen.total() * (1.0 - 1.0 / runs),
    )]
}

#[cfg(test)]
mod tests {
    use super::super::TipContext;
    use super::super::support::test::{check, check_with};
    use super::*;

    #[test]
    fn many_runs_for_a_request_are_told() {
        let context = TipContext { runs_per_request: Some(50.0), ..TipContext::default() };
        check_with(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=1 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0",
            &context,
            "it runs 50 times in one request: fetch the rows together: select_related() for a foreign key, prefetch_related() for the reverse, or pk__in",
        );
    }

    #[test]
    fn a_few_are_not() {
        let context = TipContext { runs_per_request: Some(9.0), ..TipContext::default() };
        check_with(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=1 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0",
            &context,
            "",
        );
    }

    #[test]
    fn without_knowing_nothing_is_told() {
        check(
            &TIP,
            "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8) (actual time=0.0..900 rows=1 loops=1)
  Filter: (status = 'x'::text)
  Rows Removed by Filter: 0",
            "",
        );
    }
}
