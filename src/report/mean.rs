//! How a plan compares with the calls of the application.

use crate::plan::{NodeKind, Plan};
use crate::sample::Seconds;
use crate::sample::unit::Count;

/// From this factor on it is not chance.
const CLEARLY: f64 = 1.5;

/// Returns how long the application's calls take, where this run took clearly longer or shorter; `None` for a plan that
/// was not run.
pub(crate) fn beside_the_mean(plan: &Plan, mean: Option<Seconds>) -> Option<String> {
    let time = plan.total_time().filter(|time| plan.is_analyzed() && time.0 > 0.0)?;
    let mean = mean.filter(|mean| mean.0 > 0.0)?;
    let is_apart = time.0 / mean.0 >= CLEARLY || mean.0 / time.0 >= CLEARLY;
    let measures =
        if time.0 > mean.0 { ": other values, other load, and EXPLAIN ANALYZE measures itself too" } else { "" };
    is_apart.then(|| format!("This run took {time}; a call takes {mean} on average (pg_stat_statements){measures}."))
}

/// From this factor on an estimate, or a run with other values, says nothing of what calls return.
const FAR_OFF: f64 = 10.0;

/// Returns how many rows the application's calls return, where the plan says far more or fewer; `None` for a write.
///
/// Which figure is which is said with it: the plan's is an estimate, or that of this run.
pub(crate) fn rows_beside_the_mean(plan: &Plan, rows_per_call: Option<f64>) -> Option<String> {
    let (root, called) = (plan.root()?, rows_per_call?);
    let (rows, is_counted) = match root.rows_total() {
        Some(rows) if plan.is_analyzed() => (rows, true),
        _ => (root.estimate?.rows, false),
    };
    let factor = rows.max(1.0) / called.max(1.0);
    if root.kind == NodeKind::ModifyTable || factor < FAR_OFF && factor > 1.0 / FAR_OFF {
        return None;
    }
    let told = Count(rows).of("row", "rows");
    let returned = format!("a call returned {} on average (pg_stat_statements)", Count(called).of("row", "rows"));
    Some(if is_counted {
        format!("This run returned {told}; {returned}: it is not a typical call.")
    } else {
        format!("The planner estimates {told}; {returned}. Trust the second.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_that_are_far_off_are_said_with_which_is_which() {
        let estimate = " Seq Scan on t  (cost=0.00..9.00 rows=2 width=4)";
        let run = " Seq Scan on t  (cost=0.00..9.00 rows=2 width=4) (actual time=0.01..0.02 rows=90 loops=1)";
        let said = |text: &str, rows: f64| rows_beside_the_mean(&crate::plan::parse(text).plans.remove(0), Some(rows));
        assert_eq!(
            said(estimate, 5000.0).as_deref(),
            Some(
                "The planner estimates 2 rows; a call returned 5.0k rows on average (pg_stat_statements). Trust the second."
            )
        );
        assert_eq!(
            said(run, 1.0).as_deref(),
            Some(
                "This run returned 90 rows; a call returned 1 row on average (pg_stat_statements): it is not a typical call."
            )
        );
        assert_eq!(said(estimate, 19.0), None);
        assert_eq!(said(run, 91.0), None);
        let none = estimate.replace("rows=2", "rows=1");
        assert_eq!(said(&none, 0.0), None, "none and one are the same");
        assert_eq!(said("Insert on t  (cost=0.00..9.00 rows=0 width=0)", 500.0), None, "a write returns none");
        assert_eq!(rows_beside_the_mean(&crate::plan::parse(estimate).plans.remove(0), None), None);
    }

    #[test]
    fn it_is_said_only_where_the_two_are_apart() {
        let text = " Seq Scan on t  (cost=0.00..9.00 rows=2 width=4) (actual time=0.01..0.02 rows=1 loops=1)\n\
             Execution Time: 10.000 ms";
        let plan = crate::plan::parse(text).plans.remove(0);
        let said = |mean: f64| beside_the_mean(&plan, Some(Seconds(mean)));
        assert_eq!(said(0.009), None);
        assert_eq!(said(0.0), None);
        let long = "This run took 10ms; a call takes 400ms on average (pg_stat_statements).";
        assert_eq!(said(0.4).as_deref(), Some(long));
        assert!(said(0.001).unwrap().ends_with("EXPLAIN ANALYZE measures itself too."));
    }
}
