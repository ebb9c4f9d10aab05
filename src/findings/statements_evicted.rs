//! `pg_stat_statements` throws entries away because there are too many different statements.

use super::{Concern, Finding, Fix, Jump, Rule, RuleInput, RuleResult, Severity, shows};
use crate::sample::unit::Count;
use crate::sample::{Missing, Timestamp};

/// From so many evictions an hour on, since the reset: each throws the least used twentieth away.
pub const NOTICE_AN_HOUR: f64 = 1.0;

/// Fewer evictions say nothing: the migrations of a project or two make some, and then none come for weeks.
pub const LEAST_EVICTIONS: f64 = 5.0;

/// The rule.
pub static RULE: Rule =
    Rule { id: "statements_evicted", watches: "evictions of pg_stat_statements", concern: Concern::Settings, check };

fn check(view: &RuleInput<'_>) -> RuleResult {
    let rows = match view.rows("statements_info") {
        // That the extension is not there at all is another finding.
        Err(Missing::NotInstalled { .. }) => return Ok(vec![]),
        rows => rows?,
    };
    let Some(row) = rows.first() else { return Err(Missing::NotYet) };
    let total = row.number("dealloc").unwrap_or_default();
    let hours =
        row.number("stats_reset").and_then(|reset| view.newer.at.since(Timestamp(reset))).map(|age| age.0 / 3600.0);
    let Some(rate) =
        hours.map(|hours| total / hours.max(1.0)).filter(|rate| *rate >= NOTICE_AN_HOUR && total >= LEAST_EVICTIONS)
    else {
        return Ok(vec![]);
    };
    Ok(vec![Finding {
        id: RULE.id,
        severity: Severity::Notice,
        title: format!("pg_stat_statements evicts entries {} times per hour", Count(rate)),
        evidence: vec![
            shows("evictions since the reset", Count(total)),
            shows("pg_stat_statements.max", Count(row.number("max_entries").unwrap_or_default())),
        ],
        why: "An evicted entry starts again at zero: sums are too low, and the most expensive statement may be \
              missing.",
        fix: Fix::sql(
            "Lists of varying length make many entries of one statement in Django (pk__in before PostgreSQL 18). \
             Raise the limit; this needs a restart:",
            "ALTER SYSTEM SET pg_stat_statements.max = 20000;",
        ),
        jump: Some(Jump::to("queries")),
        source: "pg_stat_statements_info.dealloc; PostgreSQL manual: pg_stat_statements",
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NOW, With as _, row, snapshot};
    use crate::readings::Readings;

    #[test]
    fn it_fires_from_one_an_hour() {
        // Four in the first hour are those of a migration.
        for (dealloc, hours, fires) in [(9, 10.0, false), (10, 10.0, true), (4, 0.5, false), (5, 0.5, true)] {
            let reset = NOW - hours * 3600.0;
            let seen = snapshot()
                .with("statements_info", vec![row! { dealloc: dealloc, stats_reset: reset, max_entries: 5000 }]);
            assert_eq!(
                check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap().len(),
                usize::from(fires),
                "{dealloc}"
            );
        }
    }
}
