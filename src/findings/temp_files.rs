//! Sorts and hashes that spill to temporary files.

use super::cache_hits::here;
use super::{Concern, Finding, Fix, Jump, Rule, RuleInput, RuleResult, Severity, shows};
use crate::sample::unit::Count;
use crate::sample::{Bytes, Missing, Row, Seconds};

/// From so many bytes a second on.
pub const NOTICE_RATE: Bytes = Bytes(1024.0 * 1024.0);
/// From so many bytes a second on: a good part of what a cloud volume writes.
pub const WARNING_RATE: Bytes = Bytes(50.0 * 1024.0 * 1024.0);

/// The rule.
pub static RULE: Rule =
    Rule { id: "temp_files", watches: "temporary files over the interval", concern: Concern::Work, check };

fn check(view: &RuleInput<'_>) -> RuleResult {
    let interval = view.interval("databases")?;
    let Some(row) = here(view)? else { return Err(Missing::NotYet) };
    let all = interval.rate(&row, "temp_bytes").ok_or(Missing::NotYet)?;
    if all < NOTICE_RATE.0 {
        return Ok(vec![]);
    }
    let own = own_rate(view);
    let rate = (all - own.as_ref().map_or(0.0, |own| *own)).max(0.0);
    if rate < NOTICE_RATE.0 {
        return Ok(vec![]);
    }
    let mut evidence = vec![shows("written per second", Bytes(rate))];
    match own {
        // Files are not counted for each statement.
        Ok(own) if own > 0.0 => evidence.push(shows("of pgdj itself", format!("{} per second more", Bytes(own)))),
        Ok(_) => evidence.push(shows("files", Count(interval.growth(&row, "temp_files").unwrap_or_default()))),
        Err(why) => evidence.push(shows("of pgdj itself", format!("included, if it ran something ({why})"))),
    }
    evidence.push(shows("over", Seconds(interval.seconds)));
    if let Some(kilobytes) = view.readings.settings().ok().and_then(|settings| settings.number("work_mem")) {
        evidence.push(shows("work_mem", Bytes(kilobytes * 1024.0)));
    }
    Ok(vec![Finding {
        id: RULE.id,
        severity: if rate >= WARNING_RATE.0 { Severity::Warning } else { Severity::Notice },
        title: format!("{} per second written to temporary files", Bytes(rate)),
        evidence,
        why: "A sort or hash that does not fit in work_mem goes to disk and is much slower.",
        fix: Fix::sql(
            "Find the statement (Queries, sort by temporary blocks): an index in that order, or fewer columns, often \
             avoids the sort. For a report, raise work_mem in its own transaction rather than for all sessions:",
            "SET LOCAL work_mem = '64MB';",
        ),
        jump: Some(Jump::to("queries")),
        source: "pg_stat_database.temp_bytes; PostgreSQL manual: work_mem",
    }])
}

/// Returns the bytes a second that pgdj's own statements wrote, an EXPLAIN ANALYZE or a trial that a person asked for; or
/// why they are not told from those of the application.
fn own_rate(view: &RuleInput<'_>) -> Result<f64, Missing> {
    /// Bytes of a block, unless the server was built otherwise.
    const BLOCK: f64 = 8192.0;
    view.rows("statement_texts")?;
    let statements = view.rows("statements")?;
    let interval = view.interval("statements")?;
    let is_own = |row: &Row<'_>| row.int("queryid").is_some_and(|id| view.readings.is_own_statement(id));
    let written = statements.iter().filter(is_own).filter_map(|row| {
        // One that was not there before wrote all of it since.
        let is_new = interval.older(&row).is_none();
        if is_new { row.number("temp_written") } else { interval.growth(&row, "temp_written") }
    });
    Ok(written.sum::<f64>() * BLOCK / interval.seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NOW, With as _, row, snapshot};
    use crate::readings::Readings;

    #[test]
    fn what_pgdj_wrote_itself_is_not_the_applications() {
        let databases = |bytes: i32| vec![row! { datname: "shop", is_current: true, temp_bytes: bytes, temp_files: 1 }];
        let statement = |blocks: i32| row! { queryid: 1, userid: 1, dbid: 1, toplevel: true, temp_written: blocks };
        let texts = |text: &str| vec![row! { queryid: 1, query: text }];
        let judge = |text: &str| {
            let older =
                snapshot().at(NOW - 10.0).with("databases", databases(0)).with("statements", vec![statement(0)]);
            let newer = snapshot()
                .with("databases", databases(100_000_000))
                .with("statements", vec![statement(12_000)])
                .with("statement_texts", texts(text));
            check(&RuleInput::new(&Readings::of(newer.clone()), Some(&older))).unwrap().len()
        };
        assert_eq!(judge("explain /* pgdj explain */ (analyze) select 1"), 0);
        assert_eq!(judge("select 1"), 1);
    }

    #[test]
    fn what_may_be_pgdjs_own_is_said_where_it_is_not_known() {
        let found = judge(1_000_000_000).unwrap();
        assert!(found[0].evidence.contains(&shows("of pgdj itself", "included, if it ran something (not read yet)")));
    }

    fn judge(bytes: i32) -> RuleResult {
        let sight = |bytes: i32| vec![row! { datname: "shop", is_current: true, temp_bytes: bytes, temp_files: 1 }];
        let older = snapshot().at(NOW - 10.0).with("databases", sight(1000));
        let newer = snapshot().with("databases", sight(bytes));
        check(&RuleInput::new(&Readings::of(newer.clone()), Some(&older)))
    }

    #[test]
    fn it_fires_from_a_megabyte_a_second() {
        for (bytes, severity) in
            [(10_485_759, None), (10_485_760, Some(Severity::Notice)), (524_288_000, Some(Severity::Warning))]
        {
            let found = judge(1000 + bytes).unwrap();
            assert_eq!(found.first().map(|finding| finding.severity), severity, "{bytes}");
        }
        assert!(judge(999).is_err(), "a reset gives no rate");
    }
}
