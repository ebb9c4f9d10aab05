//! A large share of transactions that are rolled back.

use super::cache_hits::here;
use super::{Concern, Finding, Fix, Jump, Rule, RuleInput, RuleResult, Severity, shows};
use crate::sample::unit::{Count, Share};
use crate::sample::{Missing, Seconds};

/// From this share on.
pub const NOTICE_SHARE: f64 = 0.10;
/// From this share on.
pub const WARNING_SHARE: f64 = 0.50;
/// Fewer in the interval are chance.
pub const LEAST: f64 = 20.0;

/// The rule.
pub static RULE: Rule = Rule { id: "rollbacks", watches: "rollbacks over the interval", concern: Concern::Work, check };

fn check(view: &RuleInput<'_>) -> RuleResult {
    let interval = view.interval("databases")?;
    let Some(row) = here(view)? else { return Err(Missing::NotYet) };
    let (Some(back), Some(done)) = (interval.growth(&row, "rollbacks"), interval.growth(&row, "commits")) else {
        return Err(Missing::NotYet);
    };
    let share = back / (back + done).max(1.0);
    if back < LEAST || share < NOTICE_SHARE {
        return Ok(vec![]);
    }
    Ok(vec![Finding {
        id: RULE.id,
        severity: if share >= WARNING_SHARE { Severity::Warning } else { Severity::Notice },
        title: format!("{} of transactions are rolled back", Share(share)),
        evidence: vec![
            shows("rolled back", Count(back)),
            shows("committed", Count(done)),
            shows("over", Seconds(interval.seconds)),
        ],
        why: "Each is a failed request, or work done for nothing.",
        fix: Fix::text(
            "Check the server's and Django's logs for errors: an IntegrityError that is caught and ignored \
             (get_or_create and bulk_create(ignore_conflicts=True) avoid it), timeouts, a failing health check.",
        ),
        jump: Some(Jump::to("activity")),
        source: "pg_stat_database.xact_rollback",
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NOW, With as _, row, snapshot};
    use crate::readings::Readings;

    #[test]
    fn it_fires_from_a_tenth_on() {
        for (back, done, severity) in
            [(20, 181, None), (20, 180, Some(Severity::Notice)), (200, 100, Some(Severity::Warning)), (19, 0, None)]
        {
            let sight =
                |back: i32, done: i32| vec![row! { datname: "shop", is_current: true, rollbacks: back, commits: done }];
            let older = snapshot().at(NOW - 10.0).with("databases", sight(5, 5));
            let newer = snapshot().with("databases", sight(5 + back, 5 + done));
            let found = check(&RuleInput::new(&Readings::of(newer.clone()), Some(&older))).unwrap();
            assert_eq!(found.first().map(|finding| finding.severity), severity, "{back} of {done}");
        }
    }
}
