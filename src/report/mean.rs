//! How a measured run stands beside the calls of the application.

use crate::plan::Plan;
use crate::sample::Seconds;

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

#[cfg(test)]
mod tests {
    use super::*;

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
