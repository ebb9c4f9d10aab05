//! Deadlocks, over the interval and since the counters run.

use super::cache_hits::here;
use super::{Concern, Finding, Fix, Jump, Rule, RuleInput, RuleResult, Severity, counted, shows};
use crate::sample::unit::Count;
use crate::sample::{Missing, Seconds, Timestamp};

/// From so many a day since the reset on.
pub const NOTICE_A_DAY: f64 = 1.0;
/// Counters younger than this give no rate by day.
pub const LEAST_AGE: Seconds = Seconds(86_400.0);

/// The rule.
pub static RULE: Rule = Rule { id: "deadlocks", watches: "deadlocks", concern: Concern::Work, check };

fn check(view: &RuleInput<'_>) -> RuleResult {
    let Some(row) = here(view)? else { return Err(Missing::NotYet) };
    let grown = view.interval("databases").map(|interval| interval.growth(&row, "deadlocks").unwrap_or_default());
    let grown_in = view.interval("databases").ok().map(|interval| Seconds(interval.seconds));
    let fresh = grown.as_ref().copied().unwrap_or_default();
    let total = row.number("deadlocks").unwrap_or_default();
    let age = row.number("stats_reset").and_then(|reset| view.newer.at.since(Timestamp(reset)));
    let by_day = age.filter(|age| age.0 >= LEAST_AGE.0).map(|age| total / (age.0 / 86_400.0));
    let (severity, title) = if fresh > 0.0 {
        let span = grown_in.map_or_else(String::new, |seconds| format!(" in the last {seconds}"));
        (Severity::Warning, format!("{}{span}", counted(fresh as usize, "deadlock", "deadlocks")))
    } else {
        match by_day.filter(|rate| *rate >= NOTICE_A_DAY) {
            Some(rate) => (Severity::Notice, format!("{} deadlocks per day, {} in total", Count(rate), Count(total))),
            // Young counters alone tell nothing.
            None => return if by_day.is_some() { Ok(vec![]) } else { grown.map(|_| vec![]) },
        }
    };
    let mut evidence = vec![shows("deadlocks counted", Count(total))];
    evidence.extend(age.map(|age| shows("counted for", age)));
    Ok(vec![Finding {
        id: RULE.id,
        severity,
        title,
        evidence,
        why: "Each deadlock is a request that waited for deadlock_timeout and then failed.",
        fix: Fix::python(
            "The server's log names both statements. Lock rows in the same order everywhere:",
            "with transaction.atomic():\n    orders = list(Order.objects.select_for_update().filter(pk__in=ids).order_by(\"pk\"))",
        ),
        jump: Some(Jump::to("activity")),
        source: "pg_stat_database.deadlocks; PostgreSQL manual: Deadlocks",
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NOW, NamedRow, With as _, row, snapshot};
    use crate::readings::Readings;

    #[test]
    fn one_just_now_or_one_a_day() {
        let sight = |deadlocks: i32, days: f64| -> Vec<NamedRow> {
            vec![row! { datname: "shop", is_current: true, deadlocks: deadlocks, stats_reset: NOW - days * 86_400.0 }]
        };
        let judge = |older: i32, newer: i32, days: f64| {
            let older = snapshot().at(NOW - 10.0).with("databases", sight(older, days));
            let newer = snapshot().with("databases", sight(newer, days));
            check(&RuleInput::new(&Readings::of(newer.clone()), Some(&older)))
                .unwrap()
                .first()
                .map(|finding| finding.severity)
        };
        assert_eq!(judge(3, 4, 100.0), Some(Severity::Warning));
        assert_eq!(judge(9, 9, 10.0), None);
        assert_eq!(judge(10, 10, 10.0), Some(Severity::Notice));
        assert_eq!(judge(5, 5, 0.5), None, "half a day gives no rate");
        let first = snapshot().with("databases", sight(5, 0.5));
        assert!(
            check(&RuleInput::new(&Readings::of(first.clone()), None)).is_err(),
            "with one sight of young counters nothing is known"
        );
    }
}
