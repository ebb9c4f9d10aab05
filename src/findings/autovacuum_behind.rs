//! Tables that autovacuum does not keep up with, reckoned with each table's own thresholds.

use super::{Concern, Finding, Fix, Jump, NAMED, Rule, RuleInput, RuleResult, Severity, and_more, shows};
use crate::catalog::autovacuum::{self, Due, ThresholdProgress};
use crate::catalog::table_usage::TableUsage;
use crate::quote::qualified;
use crate::readings::vacuum_horizon::Holder;
use crate::sample::unit::Count;
use crate::sample::{Missing, Seconds};

/// Over the threshold so many times: once over it is only due, and the next round comes within `autovacuum_naptime`.
pub const WARNING_SHARE: f64 = 2.0;
/// Fewer dead rows cost nothing.
pub const LEAST_DEAD: f64 = 10_000.0;
/// Over the threshold so many times, with [`CRITICAL_DEAD`] rows.
pub const CRITICAL_SHARE: f64 = 10.0;
/// So many dead rows.
pub const CRITICAL_DEAD: f64 = 10_000_000.0;

/// The rule.
pub static RULE: Rule = Rule {
    id: "autovacuum_behind",
    watches: "tables past their autovacuum threshold",
    concern: Concern::Upkeep,
    check,
};

struct Behind<'a> {
    table: &'a TableUsage,
    due: Due,
    progress: ThresholdProgress,
    is_recent: bool,
    /// Who kept the last vacuum from removing its dead rows; `None` for nobody, and for a table that was not vacuumed lately.
    holder: Option<&'a Holder>,
}

fn check(view: &RuleInput<'_>) -> RuleResult {
    view.primary_only("autovacuum")?;
    let policy = view.readings.autovacuum()?;
    let running = running(view);
    let horizon = view.readings.horizon();
    let mut behind: Vec<Behind<'_>> = view
        .readings
        .tables()?
        .iter()
        .filter_map(|table| {
            let due = policy.due(table);
            let progress = due.vacuum.filter(|p| p.share() >= WARNING_SHARE && p.counted >= LEAST_DEAD)?;
            let is_recent = policy.was_vacuumed_lately(table, view.newer.at);
            let is_held = due.is_enabled && is_recent && !running.contains(&table.relid);
            let vacuumed = table.last_vacuum.and_then(|last| view.newer.at.since(last));
            let holder = horizon.as_ref().ok().filter(|_| is_held).and_then(|horizon| horizon.oldest_before(vacuumed));
            Some(Behind { table, due, progress, is_recent, holder })
        })
        .collect();
    behind.sort_by(|left, right| right.progress.counted.total_cmp(&left.progress.counted));
    // What helps the one helps the other not: a table that is held back is vacuumed in vain.
    let (held, others): (Vec<_>, Vec<_>) = behind.into_iter().partition(|one| one.holder.is_some());
    Ok([others, held].iter().filter_map(|group| finding(view, group, &running)).collect())
}

/// Returns the finding about tables of which all are held back, or none is.
fn finding(view: &RuleInput<'_>, behind: &[Behind<'_>], running: &[i64]) -> Option<Finding> {
    let worst = behind.first()?;
    let dead = worst.progress.counted;
    let is_critical = dead >= CRITICAL_DEAD && worst.progress.share() >= CRITICAL_SHARE;
    let held = worst.holder.map(|holder| format!(", held back by {}", holder.who())).unwrap_or_default();
    Some(Finding {
        id: RULE.id,
        severity: if is_critical { Severity::Critical } else { Severity::Warning },
        title: format!(
            "{} dead rows{} in {}, {:.0}× its autovacuum threshold{held}",
            Count(dead),
            if worst.table.has_lost_counters() { " since the counters were reset" } else { "" },
            and_more(&worst.table.label(), behind.len()),
            worst.progress.share()
        ),
        evidence: behind.iter().take(NAMED).map(|one| evidence(view, one, running)).collect(),
        why: "Dead rows make every scan of the table and its indexes read more, and the table stays \
              bloated.",
        fix: fix(view, worst, running),
        jump: Some(Jump::to_row("tables", worst.table.relid)),
        source: "PostgreSQL manual: The Autovacuum Daemon; relation_needs_vacanalyze() in autovacuum.c",
    })
}

fn running(view: &RuleInput<'_>) -> Vec<i64> {
    view.readings.vacuums().iter().map(|vacuum| vacuum.relid).collect()
}

fn evidence(view: &RuleInput<'_>, one: &Behind<'_>, running: &[i64]) -> (String, String) {
    let table = &one.table;
    let last = table.last_vacuum.and_then(|last| view.newer.at.since(last));
    let never = if table.has_lost_counters() { "no vacuum known since the reset" } else { "never vacuumed" };
    let last = last.map_or_else(|| never.to_owned(), |age: Seconds| format!("vacuumed {age} ago"));
    let now = if running.contains(&table.relid) { ", vacuum running" } else { "" };
    let off = if one.due.is_enabled { "" } else { ", autovacuum disabled" };
    shows(
        table.label(),
        format!("{}, threshold {}, {last}{now}{off}", table.dead_words(), Count(one.progress.threshold)),
    )
}

/// Returns evidence of who holds vacuum back most; none where nothing does or it is not known.
pub(super) fn holder(view: &RuleInput<'_>) -> Option<(String, String)> {
    let horizon = view.readings.horizon().ok()?;
    let oldest = horizon.oldest()?;
    Some(shows("holds vacuum back most", format!("{} {}", oldest.who(), oldest.what_it_pins())))
}

fn fix(view: &RuleInput<'_>, worst: &Behind<'_>, running: &[i64]) -> Fix {
    let name = qualified(&worst.table.schema, &worst.table.name);
    if !worst.due.is_enabled {
        return Fix::sql(
            "Autovacuum is disabled for it. Vacuum it once and re-enable autovacuum:",
            format!("VACUUM (ANALYZE) {name};\nALTER TABLE {name} RESET (autovacuum_enabled);"),
        );
    }
    let (goal, earlier) = sooner(worst, &name);
    if running.contains(&worst.table.relid) {
        return Fix::sql(
            format!(
                "A vacuum is running{}. If vacuums of this table start too late or take too long, make autovacuum {goal}:",
                costs_in_force(view, worst.table)
            ),
            earlier,
        );
    }
    if !worst.is_recent {
        return Fix::sql(
            format!("Vacuum {} now, and make autovacuum {goal} on this table:", worst.table.label()),
            format!("VACUUM (ANALYZE) {name};\n{earlier}"),
        );
    }
    if let Some(holder) = worst.holder {
        let text = format!(
            "A vacuum ran a moment ago and left the dead rows. {} {}. {}",
            holder.who(),
            holder.what_it_pins(),
            holder.how_to_end()
        );
        return holder.sql_to_end().map_or_else(|| Fix::text(&text), |sql| Fix::sql(&text, sql));
    }
    match view.readings.horizon() {
        Ok(_) => Fix::sql(
            format!(
                "A vacuum ran a moment ago, and no session, slot, standby or prepared transaction holds dead rows back now: \
                 these rows died since, or what held them back has ended. Let autovacuum {goal}:"
            ),
            earlier,
        ),
        Err(why) => Fix::sql(
            format!(
                "A vacuum ran a moment ago: the rows died since, or something holds them back (unknown: {why}). \
                 If nothing does, let autovacuum {goal}:"
            ),
            earlier,
        ),
    }
}

/// Returns what would make autovacuum keep up, in words and as SQL: a threshold only where it is lower than the one in
/// force, and the table's own costs only where it has some.
fn sooner(worst: &Behind<'_>, name: &str) -> (&'static str, String) {
    let earlier = autovacuum::start_earlier(worst.table, worst.progress.threshold).map(|change| change.sql);
    let faster = autovacuum::work_faster(worst.table).map(|change| change.sql);
    match (earlier, faster) {
        (Some(earlier), Some(faster)) => ("start earlier and work faster", format!("{earlier}\n{faster}")),
        (Some(earlier), None) => ("start earlier", earlier),
        (None, Some(faster)) => ("work faster", faster),
        (None, None) => {
            ("come more often (autovacuum_naptime) or have more workers", format!("VACUUM (ANALYZE) {name};"))
        }
    }
}

/// Returns the cost settings that autovacuum has for a table: its own, else the server's.
///
/// Source: manual, CREATE TABLE, `autovacuum_vacuum_cost_delay`; 20.10 (-1 stands for `vacuum_cost_limit`).
fn costs_in_force(view: &RuleInput<'_>, table: &TableUsage) -> String {
    let Ok(settings) = view.readings.settings() else { return String::new() };
    let in_force = |name: &str| {
        let own = table.option(name).and_then(|value| value.parse::<f64>().ok());
        own.or_else(|| settings.number(name)).filter(|value| *value >= 0.0)
    };
    let limit = in_force("autovacuum_vacuum_cost_limit").or_else(|| settings.number("vacuum_cost_limit"));
    match (in_force("autovacuum_vacuum_cost_delay"), limit) {
        (Some(0.0), _) => " at full speed (autovacuum_vacuum_cost_delay is 0)".to_owned(),
        (Some(delay), Some(limit)) => {
            format!(" with autovacuum_vacuum_cost_delay = {delay} ms and autovacuum_vacuum_cost_limit = {limit}")
        }
        _ => String::new(),
    }
}

/// Passes over what cannot be told of a standby's counters, for the rules beside this one.
pub(super) fn tables_of_primary<'a>(view: &RuleInput<'a>, what: &str) -> Result<&'a [TableUsage], Missing> {
    view.primary_only(what)?;
    view.readings.tables()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NOW, NamedRow, With as _, row, snapshot};
    use crate::readings::Readings;
    use crate::sample::Snapshot;

    fn with(table: NamedRow) -> Snapshot {
        snapshot().with("settings", vec![row! { name: "autovacuum", value: "on" }]).with("tables", vec![table])
    }

    fn judge(seen: &Snapshot) -> Vec<Finding> {
        check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap()
    }

    #[test]
    fn it_fires_at_twice_the_threshold() {
        let table = |dead: i32| row! { relid: 1, schema: "public", name: "shop_cart", kind: "r", reltuples: 100_000.0, live: 100_000, inserts: 100_000, dead: dead };
        // 50 + 0.2 * 100,000 = 20,050.
        assert_eq!(judge(&with(table(40_099))), vec![]);
        let found = judge(&with(table(40_100)));
        assert_eq!(found[0].title, "40k dead rows in shop_cart, 2× its autovacuum threshold");
        assert_eq!(found[0].severity, Severity::Warning);
    }

    #[test]
    fn rows_of_before_a_crash_are_not_said_to_be_dead_or_gone() {
        let lost = row! { relid: 1, schema: "public", name: "t", kind: "r", reltuples: -1.0, pages: 9000, live: 0,
        dead: 70_000, inserts: 0, deletes: 70_000 };
        let found = judge(&with(lost));
        assert_eq!(found[0].title, "70k dead rows since the counters were reset in t, 1400× its autovacuum threshold");
        assert!(
            found[0].evidence[0].1.starts_with("70k died since the counters were reset, rows not known, threshold 50")
        );
    }

    #[test]
    fn a_tables_own_threshold_decides() {
        let own = row! { relid: 1, schema: "public", name: "t", kind: "r", reltuples: 1e6, live: 1_000_000, dead: 15_000,
        options: ["autovacuum_vacuum_scale_factor=0.001"] };
        assert_eq!(judge(&with(own)).len(), 1);
        let few = row! { relid: 1, schema: "public", name: "t", kind: "r", reltuples: 10.0, live: 10, dead: 9_999 };
        assert_eq!(judge(&with(few)), vec![], "few dead rows cost nothing");
    }

    #[test]
    fn a_vacuum_that_could_not_remove_them_points_to_the_horizon() {
        let seen = with(row! { relid: 1, schema: "public", name: "t", kind: "r", reltuples: 10_000.0, live: 10_000,
        dead: 90_000, last_autovacuum: NOW - 60.0 })
        .with("vacuum_horizon", vec![row! { kind: "session", pid: 77, xid_age: 5000, database: "shop" }]);
        let found = judge(&seen);
        assert!(found[0].fix.text.contains("pid 77"), "{}", found[0].fix.text);
        let slot = row! { kind: "slot", name: "old", xmin_age: 9000 };
        let found = judge(&seen.clone().with("vacuum_horizon", vec![slot]));
        let drop = found[0].fix.code.as_ref().unwrap();
        assert_eq!(drop.text, "SELECT pg_drop_replication_slot('old');");
        let vacuum = row! { kind: "session", pid: 78, xmin_age: 9000, database: "shop", is_vacuum: true };
        let found = judge(&seen.clone().with("vacuum_horizon", vec![vacuum]));
        assert!(
            found[0].fix.text.contains("died since, or what held them back has ended"),
            "a vacuum holds no other back: {}",
            found[0].fix.text
        );
        let why = Missing::TimedOut { after: Seconds(2.0) };
        let found = judge(&seen.without("vacuum_horizon", why));
        assert!(found[0].fix.text.contains("unknown: timed out after 2.0s"), "{}", found[0].fix.text);
    }

    #[test]
    fn a_table_that_is_held_back_is_another_finding_than_one_that_was_not_vacuumed() {
        let table = |oid: i32, name: &str, dead: i32, vacuumed: f64| {
            row! { relid: oid, schema: "public", name: name, kind: "r", reltuples: 10_000.0, live: 10_000, dead: dead,
            last_autovacuum: NOW - vacuumed }
        };
        let tables = vec![table(1, "held", 90_000, 60.0), table(2, "passed_over", 80_000, 90_000.0)];
        let seen = snapshot()
            .with("settings", vec![row! { name: "autovacuum", value: "on" }])
            .with("tables", tables)
            .with("vacuum_horizon", vec![row! { kind: "session", pid: 77, xid_age: 5000, database: "shop" }]);
        let found = judge(&seen);
        let [first, second] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(first.title, "80k dead rows in passed_over, 39× its autovacuum threshold");
        assert!(first.fix.text.starts_with("Vacuum passed_over now") && !first.fix.text.contains("pid 77"));
        assert_eq!(second.title, "90k dead rows in held, 44× its autovacuum threshold, held back by pid 77");
        assert!(second.fix.text.contains("pid 77"), "{}", second.fix.text);
        assert_eq!((first.evidence.len(), second.evidence.len()), (1, 1), "each names its own tables");
    }

    #[test]
    fn a_running_vacuum_comes_with_the_cost_settings_in_force() {
        let table = |options: [&str; 2]| {
            row! { relid: 1, schema: "public", name: "t", kind: "r", reltuples: 10_000.0,
            live: 10_000, dead: 90_000, options: options }
        };
        let settings = vec![
            row! { name: "autovacuum", value: "on" },
            row! { name: "autovacuum_vacuum_cost_delay", value: "2" },
            row! { name: "autovacuum_vacuum_cost_limit", value: "-1" },
            row! { name: "vacuum_cost_limit", value: "200" },
        ];
        let seen = |options| {
            let running = vec![row! { relid: 1, pid: 9 }];
            with(table(options)).with("settings", settings.clone()).with("vacuum_progress", running)
        };
        let said = |options| judge(&seen(options))[0].fix.text.clone();
        let servers = said(["fillfactor=90", "fillfactor=90"]);
        assert!(servers.contains("cost_delay = 2 ms and autovacuum_vacuum_cost_limit = 200"), "{servers}");
        let own = said(["autovacuum_vacuum_cost_delay=20", "autovacuum_vacuum_cost_limit=100"]);
        assert!(own.contains("cost_delay = 20 ms and autovacuum_vacuum_cost_limit = 100"), "{own}");
        assert!(said(["autovacuum_vacuum_cost_delay=0", "fillfactor=90"]).contains("running at full speed"));
    }

    #[test]
    fn a_standby_cannot_tell() {
        let seen = with(row! { relid: 1, kind: "r" }).with("server", vec![row! { is_standby: true }]);
        assert!(check(&RuleInput::new(&Readings::of(seen.clone()), None)).is_err());
    }
}
