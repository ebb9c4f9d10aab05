//! Tables whose statistics are missing or old.

use super::autovacuum_behind::tables_of_primary;
use super::{Concern, Finding, Fix, Jump, NAMED, Rule, RuleInput, RuleResult, Severity, and_more, counted, shows};
use crate::catalog::autovacuum::Policy;
use crate::catalog::bloat::are_counters_late;
use crate::catalog::table_usage::{MANY_ROWS, TableUsage};
use crate::quote::qualified;
use crate::sample::Seconds;
use crate::sample::unit::{Count, Share};

/// From so many rows on a table without statistics is a warning.
pub const WARNING_ROWS: f64 = 100_000.0;
/// Over the threshold of autovacuum's analyze so many times.
pub const OVERDUE_SHARE: f64 = 2.0;
/// And this share of the rows changed.
pub const CHANGED_SHARE: f64 = 0.20;

/// The rule.
pub static RULE: Rule =
    Rule { id: "stale_statistics", watches: "statistics of the tables", concern: Concern::Upkeep, check };

fn check(view: &RuleInput<'_>) -> RuleResult {
    let policy = view.readings.autovacuum()?;
    let tables = tables_of_primary(view, "statistics")?;
    let mut stale: Vec<&TableUsage> =
        tables.iter().filter(|table| table.lacks_statistics() || is_old(table, policy)).collect();
    stale.sort_by(|left, right| size(right).total_cmp(&size(left)));
    let Some(worst) = stale.first() else { return Ok(vec![]) };
    let is_warning = stale.iter().any(|table| table.lacks_statistics() && rows(table) >= WARNING_ROWS);
    let names = and_more(&worst.label(), stale.len());
    let title = if worst.lacks_statistics() {
        format!("never analyzed: {names}, {}", worst.extent())
    } else {
        let changed = worst.mod_since_analyze.unwrap_or_default() / rows(worst).max(1.0);
        let since = if worst.last_analyze.is_some() { "since the last ANALYZE" } else { "and no ANALYZE is known" };
        format!(
            "statistics are stale for {}: {} of {} changed {since}",
            counted(stale.len(), "table", "tables"),
            Share(changed),
            worst.label()
        )
    };
    Ok(vec![Finding {
        id: RULE.id,
        severity: if is_warning { Severity::Warning } else { Severity::Notice },
        title,
        evidence: stale.iter().take(NAMED).map(|table| evidence(view, table)).collect(),
        why: "The planner estimates from the statistics how many rows a condition keeps: wrong statistics lead to \
              nested loops over millions of rows, or to a scan where an index exists.",
        fix: fix(view, &stale),
        jump: Some(Jump::to_row("tables", worst.relid)),
        source: "PostgreSQL manual: Updating Planner Statistics, The Autovacuum Daemon; \
            pg_stat_user_tables.n_mod_since_analyze",
    }])
}

/// Returns what to run: ANALYZE, unless a vacuum of the table runs, which ANALYZE would wait for, or cancel if it is
/// autovacuum's.
fn fix(view: &RuleInput<'_>, stale: &[&TableUsage]) -> Fix {
    let vacuums = view.readings.vacuums();
    let is_vacuumed = |table: &&&TableUsage| vacuums.iter().any(|vacuum| vacuum.relid == table.relid);
    let (running, free): (Vec<&TableUsage>, Vec<&TableUsage>) = stale.iter().partition(is_vacuumed);
    let wait = running.first().map(|first| {
        format!(
            "A vacuum of {} is running: ANALYZE would cancel it if autovacuum runs it, else wait for it. Let it end first. ",
            and_more(&first.label(), running.len())
        )
    });
    let analyze = "Run ANALYZE; it takes seconds and blocks no reads or writes. Do this at the end of every bulk load.";
    let code: Vec<String> =
        free.iter().take(NAMED).map(|table| format!("ANALYZE {};", qualified(&table.schema, &table.name))).collect();
    match (wait, code.is_empty()) {
        (Some(wait), true) => Fix::text(wait.trim_end()),
        (wait, _) => Fix::sql(format!("{}{analyze}", wait.unwrap_or_default()), code.join("\n")),
    }
}

fn rows(table: &TableUsage) -> f64 {
    table.rows().unwrap_or_default()
}

/// Orders tables: by their rows, or by their bytes where the rows are not known.
fn size(table: &TableUsage) -> f64 {
    table.rows().or(table.heap_size()).unwrap_or_default()
}

fn is_old(table: &TableUsage, policy: &Policy) -> bool {
    let changed = table.mod_since_analyze.unwrap_or_default();
    rows(table) >= MANY_ROWS
        && !are_counters_late(table)
        && changed >= CHANGED_SHARE * rows(table)
        && policy.due(table).analyze_share().is_some_and(|share| share >= OVERDUE_SHARE)
}

fn evidence(view: &RuleInput<'_>, table: &TableUsage) -> (String, String) {
    let last = table.last_analyze.and_then(|last| view.newer.at.since(last));
    // Statistics that are there are of an ANALYZE that the counters lost.
    let unknown = if table.lacks_statistics() { "never analyzed" } else { "no ANALYZE is known" };
    let last = last.map_or_else(|| unknown.to_owned(), |age: Seconds| format!("analyzed {age} ago"));
    let changed = Count(table.mod_since_analyze.unwrap_or_default());
    shows(table.label(), format!("{}, {changed} changed since, {last}", table.extent()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NOW, NamedRow, With as _, row, snapshot};
    use crate::readings::Readings;

    fn judge(table: NamedRow) -> Vec<Finding> {
        let seen = snapshot().with("settings", vec![]).with("tables", vec![table]);
        check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap()
    }

    #[test]
    fn a_table_that_was_never_analysed() {
        let table = |live: i32| row! { relid: 1, schema: "public", name: "shop_pricehistory", kind: "r", reltuples: -1.0, live: live };
        assert_eq!(judge(table(999)), vec![]);
        assert_eq!(judge(table(1_000))[0].severity, Severity::Notice);
        let found = judge(table(100_000));
        assert_eq!(
            (found[0].title.as_str(), found[0].severity),
            ("never analyzed: shop_pricehistory, 100k rows", Severity::Warning)
        );
    }

    #[test]
    fn a_table_that_changed_much() {
        let table = |changed: i32| {
            row! { relid: 1, schema: "public", name: "t", kind: "r", reltuples: 10_000.0, live: 10_000, mod_since_analyze: changed,
            last_analyze: NOW - 3600.0 }
        };
        // Autovacuum comes at 50 + 1,000.
        assert_eq!(judge(table(2_050)), vec![]);
        let found = judge(table(2_100));
        assert_eq!(found[0].title, "statistics are stale for 1 table: 21% of t changed since the last ANALYZE");
    }

    #[test]
    fn a_table_that_lost_its_counters_counts_by_its_size() {
        let table = row! { relid: 1, schema: "public", name: "t", kind: "r", reltuples: -1.0, live: 0, dead: 0 };
        let seen = snapshot().with("settings", vec![]).with("tables", vec![table]);
        let seen = seen.with("table_sizes", vec![row! { relid: 1, heap_bytes: 10_485_760 }]);
        let found = check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap();
        assert_eq!(found[0].title, "never analyzed: t, 10 MB of rows");
    }

    #[test]
    fn analyze_is_not_advised_while_a_vacuum_of_the_table_runs() {
        let table = |relid: i32, name: &str| {
            row! { relid: relid, schema: "public", name: name, kind: "r", reltuples: -1.0, live: 100_000 }
        };
        let seen = |tables| {
            snapshot()
                .with("settings", vec![])
                .with("tables", tables)
                .with("vacuum_progress", vec![row! { relid: 1, pid: 9 }])
        };
        let fix = |tables| check(&RuleInput::new(&Readings::of(seen(tables)), None)).unwrap().remove(0).fix;
        let alone = fix(vec![table(1, "t")]);
        assert!(alone.code.is_none() && alone.text.starts_with("A vacuum of t is running"), "{}", alone.text);
        let both = fix(vec![table(1, "t"), table(2, "u")]);
        assert_eq!(both.code.unwrap().text, "ANALYZE public.u;");
    }
}
