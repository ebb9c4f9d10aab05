//! How near autovacuum is to a table, reckoned as the server reckons it.
//!
//! Source: `relation_needs_vacanalyze()` in `src/backend/postmaster/autovacuum.c` (12 to 18), manual 24.1.6.

use super::settings::Settings;
use super::table_usage::TableUsage;
use crate::quote::qualified;
use crate::sample::Timestamp;

/// A vacuum younger than so many naptimes that left the dead rows where they are could not remove them.
const RECENT_NAPTIMES: f64 = 5.0;
/// Over the age that forces a vacuum so many times: the vacuum that was forced at 1 does not get through.
pub const FREEZING_LATE: f64 = 1.2;

/// The settings of autovacuum that hold for a table without its own.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    /// Whether the launcher runs and the counters it needs are kept.
    pub is_on: bool,
    /// Rows that are dead at least; `autovacuum_vacuum_threshold`.
    pub vacuum_threshold: f64,
    /// Share of the rows on top; `autovacuum_vacuum_scale_factor`.
    pub vacuum_scale: f64,
    /// The threshold's cap, where the server has one (18); `autovacuum_vacuum_max_threshold`, `-1` is none.
    pub vacuum_max: Option<f64>,
    /// Rows inserted at least, where the server vacuums for inserts (13); `-1` is never.
    pub insert_threshold: Option<f64>,
    /// Share of the rows on top; `autovacuum_vacuum_insert_scale_factor`.
    pub insert_scale: f64,
    /// Rows changed at least; `autovacuum_analyze_threshold`.
    pub analyze_threshold: f64,
    /// Share of the rows on top; `autovacuum_analyze_scale_factor`.
    pub analyze_scale: f64,
    /// Age in transactions from which a vacuum is forced; `autovacuum_freeze_max_age`.
    pub freeze_max_age: f64,
    /// Age in multixacts from which a vacuum is forced; `autovacuum_multixact_freeze_max_age`.
    pub multixact_freeze_max_age: f64,
    /// Seconds between two looks at a database; `autovacuum_naptime`.
    pub naptime: f64,
}

/// A count against the threshold from which autovacuum acts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ThresholdProgress {
    /// What was counted: dead, inserted or changed rows.
    pub counted: f64,
    /// The threshold; autovacuum acts above it.
    pub threshold: f64,
}

impl ThresholdProgress {
    /// Returns the count as a share of the threshold: over 1 the table is due.
    pub fn share(self) -> f64 {
        if self.threshold > 0.0 { self.counted / self.threshold } else { self.counted }
    }
}

/// How near a table is to each reason for autovacuum to come.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Due {
    /// Whether autovacuum comes to this table for other reasons than freezing.
    pub is_enabled: bool,
    /// Dead rows against the threshold.
    pub vacuum: Option<ThresholdProgress>,
    /// Inserted rows against the threshold, where the server counts them.
    pub inserts: Option<ThresholdProgress>,
    /// Changed rows against the threshold.
    pub analyze: Option<ThresholdProgress>,
    /// Age of the oldest unfrozen transaction against the age that forces a vacuum.
    pub freeze: Option<ThresholdProgress>,
    /// Whether changes that the last analyze has seen are counted as if they came after it: then no share is known.
    pub are_counters_late: bool,
}

impl Due {
    /// Returns how near the next vacuum is for dead or inserted rows, as a share; over 1 it is due.
    pub(crate) fn vacuum_share(&self) -> Option<f64> {
        self.vacuum.into_iter().chain(self.inserts).map(ThresholdProgress::share).reduce(f64::max)
    }

    /// Returns how near the next analyze is, as a share; over 1 it is due.
    pub(crate) fn analyze_share(&self) -> Option<f64> {
        self.analyze.map(ThresholdProgress::share)
    }

    /// Whether the vacuum that its age forces does not get through.
    pub(crate) fn is_freezing_late(&self) -> bool {
        self.freeze_share().is_some_and(|share| share >= FREEZING_LATE)
    }

    /// Returns how near a forced vacuum against wraparound is, as a share; over 1 it is due.
    pub(crate) fn freeze_share(&self) -> Option<f64> {
        self.freeze.map(ThresholdProgress::share)
    }
}

impl Policy {
    /// Returns the policy that the server's settings make.
    pub fn by(settings: &Settings) -> Self {
        let is_off = |name| settings.is_off(name).unwrap_or(false);
        // Where a setting is not shown, the server's own default stands in.
        let number = |name, default| settings.number(name).unwrap_or(default);
        Self {
            is_on: !is_off("autovacuum") && !is_off("track_counts"),
            vacuum_threshold: number("autovacuum_vacuum_threshold", 50.0),
            vacuum_scale: number("autovacuum_vacuum_scale_factor", 0.2),
            vacuum_max: settings.number("autovacuum_vacuum_max_threshold"),
            insert_threshold: settings.number("autovacuum_vacuum_insert_threshold"),
            insert_scale: number("autovacuum_vacuum_insert_scale_factor", 0.2),
            analyze_threshold: number("autovacuum_analyze_threshold", 50.0),
            analyze_scale: number("autovacuum_analyze_scale_factor", 0.1),
            freeze_max_age: number("autovacuum_freeze_max_age", 200_000_000.0),
            multixact_freeze_max_age: number("autovacuum_multixact_freeze_max_age", 400_000_000.0),
            naptime: number("autovacuum_naptime", 60.0),
        }
    }

    /// Whether a table was vacuumed so lately that dead rows over its threshold could not be removed.
    pub(crate) fn was_vacuumed_lately(&self, table: &TableUsage, now: Timestamp) -> bool {
        table.last_vacuum.is_some_and(|last| now.0 - last.0 < RECENT_NAPTIMES * self.naptime)
    }

    /// Returns how near a table is to each threshold, its own storage parameters respected.
    pub fn due(&self, table: &TableUsage) -> Due {
        if table.is_partitioned() {
            // Autovacuum passes over partitioned tables; manual, ANALYZE, notes.
            return Due::default();
        }
        let own = |name: &str| table.option(name).and_then(|value| value.parse::<f64>().ok());
        let own_or = |name, global| own(name).filter(|value| *value >= 0.0).unwrap_or(global);
        let rows = table.reltuples.max(0.0);
        let mut threshold = own_or("autovacuum_vacuum_scale_factor", self.vacuum_scale)
            .mul_add(rows, own_or("autovacuum_vacuum_threshold", self.vacuum_threshold));
        let cap = own("autovacuum_vacuum_max_threshold").or(self.vacuum_max).filter(|cap| *cap >= 0.0);
        if let Some(cap) = cap {
            threshold = threshold.min(cap);
        }
        let insert_base = own("autovacuum_vacuum_insert_threshold").or(self.insert_threshold);
        let inserts = insert_base
            .filter(|base| *base >= 0.0)
            .map(|base| own_or("autovacuum_vacuum_insert_scale_factor", self.insert_scale).mul_add(rows, base));
        let analyze = own_or("autovacuum_analyze_scale_factor", self.analyze_scale)
            .mul_add(rows, own_or("autovacuum_analyze_threshold", self.analyze_threshold));
        // A table may lower the age, not raise it.
        let freeze_max = own_or("autovacuum_freeze_max_age", self.freeze_max_age).min(self.freeze_max_age);
        let are_counters_late = super::bloat::are_counters_late(table);
        let progress =
            |counted: Option<f64>, threshold| counted.map(|counted| ThresholdProgress { counted, threshold });
        Due {
            is_enabled: self.is_on && !is_disabled(table),
            vacuum: progress(table.dead, threshold),
            inserts: inserts
                .filter(|_| !(are_counters_late && table.last_vacuum.is_some()))
                .and_then(|threshold| progress(table.ins_since_vacuum, threshold)),
            analyze: progress(table.mod_since_analyze, analyze).filter(|_| !are_counters_late),
            are_counters_late,
            freeze: progress(table.freeze_age, freeze_max),
        }
    }
}

/// A change of a table's storage parameters, and the statement that undoes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParameterChange {
    /// The statement.
    pub sql: String,
    /// The statement that puts back what is set now.
    pub undo: String,
}

impl ParameterChange {
    /// Sets parameters; the way back sets what the table has, and resets the rest.
    fn set(table: &TableUsage, parameters: &[(&str, &str)]) -> Self {
        let name = qualified(&table.schema, &table.name);
        let mut undo = Vec::new();
        let (own, new): (Vec<_>, Vec<_>) =
            parameters.iter().map(|(name, _)| (*name, number(table, name))).partition(|(_, own)| own.is_some());
        if !own.is_empty() {
            undo.push(format!("ALTER TABLE {name} SET ({});", assigned(&own)));
        }
        if !new.is_empty() {
            undo.push(format!(
                "ALTER TABLE {name} RESET ({});",
                new.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
            ));
        }
        let to: Vec<_> = parameters.iter().map(|(name, value)| (*name, Some(*value))).collect();
        Self { sql: format!("ALTER TABLE {name} SET ({});", assigned(&to)), undo: undo.join("\n") }
    }

    /// Resets parameters that the table has.
    fn reset(table: &TableUsage, parameters: &[&str]) -> Self {
        let name = qualified(&table.schema, &table.name);
        let own: Vec<_> = parameters.iter().map(|name| (*name, number(table, name))).collect();
        Self {
            sql: format!("ALTER TABLE {name} RESET ({});", parameters.join(", ")),
            undo: format!("ALTER TABLE {name} SET ({});", assigned(&own)),
        }
    }
}

/// Returns a parameter of the table, if its text is a number; nothing else goes into SQL.
fn number<'a>(table: &'a TableUsage, name: &str) -> Option<&'a str> {
    table.option(name).filter(|value| value.parse::<f64>().is_ok())
}

fn assigned(parameters: &[(&str, Option<&str>)]) -> String {
    let set: Vec<String> =
        parameters.iter().filter_map(|(name, value)| Some(format!("{name} = {}", (*value)?))).collect();
    set.join(", ")
}

/// Returns what lets autovacuum vacuum a table earlier; `None` where the threshold in force is as low.
pub(crate) fn start_earlier(table: &TableUsage, threshold: f64) -> Option<ParameterChange> {
    const LEAST: (&str, f64) = ("1000", 1000.0);
    const SCALE: (&str, f64) = ("0.02", 0.02);
    let new = SCALE.1.mul_add(table.rows().unwrap_or_default(), LEAST.1);
    let parameters = [("autovacuum_vacuum_scale_factor", SCALE.0), ("autovacuum_vacuum_threshold", LEAST.0)];
    (new < threshold).then(|| ParameterChange::set(table, &parameters))
}

/// Returns what lets a vacuum of the table work faster: without the costs that are its own, else without a delay; `None`
/// where it has no delay.
pub(crate) fn work_faster(table: &TableUsage) -> Option<ParameterChange> {
    const DELAY: &str = "autovacuum_vacuum_cost_delay";
    let own: Vec<&str> =
        [DELAY, "autovacuum_vacuum_cost_limit"].into_iter().filter(|name| number(table, name).is_some()).collect();
    if number(table, DELAY) == Some("0") {
        None
    } else if own.is_empty() {
        Some(ParameterChange::set(table, &[(DELAY, "0")]))
    } else {
        Some(ParameterChange::reset(table, &own))
    }
}

/// Whether the table's own storage parameter keeps autovacuum away.
pub(crate) fn is_disabled(table: &TableUsage) -> bool {
    table.option("autovacuum_enabled").is_some_and(|value| matches!(value, "false" | "off" | "no" | "0" | "f" | "n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};

    fn policy() -> Policy {
        let set = |name: &'static str, value: &'static str| row! { name: name, value: value };
        let seen = snapshot().with(
            "settings",
            vec![
                set("autovacuum", "on"),
                set("autovacuum_vacuum_insert_threshold", "1000"),
                set("autovacuum_vacuum_max_threshold", "100000000"),
                set("autovacuum_freeze_max_age", "200000000"),
            ],
        );
        Policy::by(&Settings::of(&seen).unwrap())
    }

    fn table(options: &[&str]) -> TableUsage {
        TableUsage {
            kind: "r".into(),
            reltuples: 10_000.0,
            dead: Some(4_100.0),
            ins_since_vacuum: Some(3_000.0),
            mod_since_analyze: Some(1_050.0),
            freeze_age: Some(100_000_000.0),
            options: options.iter().map(|text| (*text).to_owned()).collect(),
            ..TableUsage::default()
        }
    }

    #[test]
    fn thresholds_are_those_of_the_server() {
        let due = policy().due(&table(&[]));
        assert_eq!(due.vacuum, Some(ThresholdProgress { counted: 4_100.0, threshold: 2_050.0 }));
        assert_eq!(due.inserts, Some(ThresholdProgress { counted: 3_000.0, threshold: 3_000.0 }));
        assert_eq!(due.analyze_share(), Some(1.0));
        assert_eq!(due.freeze_share(), Some(0.5));
        assert_eq!(due.vacuum_share(), Some(2.0));
        assert!(due.is_enabled);
    }

    #[test]
    fn a_table_has_its_own_thresholds() {
        let due = policy().due(&table(&[
            "autovacuum_vacuum_scale_factor=0",
            "autovacuum_vacuum_threshold=1000",
            "autovacuum_vacuum_insert_threshold=-1",
            "autovacuum_freeze_max_age=400000000",
        ]));
        assert!((due.vacuum.unwrap().threshold - 1_000.0).abs() < 1e-6);
        assert_eq!(due.inserts, None, "-1 turns it off");
        assert!((due.freeze.unwrap().threshold - 200_000_000.0).abs() < 1e-6, "a table may only lower the age");
    }

    #[test]
    fn the_cap_of_18_holds_for_large_tables() {
        let huge = TableUsage { reltuples: 1e10, ..table(&[]) };
        assert!((policy().due(&huge).vacuum.unwrap().threshold - 1e8).abs() < 1e-6);
        let without = TableUsage { options: vec!["autovacuum_vacuum_max_threshold=-1".into()], ..huge };
        assert!((policy().due(&without).vacuum.unwrap().threshold - 2e9 - 50.0).abs() < 1e-3);
    }

    #[test]
    fn a_table_can_be_left_out_and_a_partitioned_one_is() {
        assert!(!policy().due(&table(&["autovacuum_enabled=false"])).is_enabled);
        let parent = TableUsage { kind: "p".into(), ..table(&[]) };
        assert_eq!(policy().due(&parent).vacuum_share(), None);
    }

    #[test]
    fn a_server_before_13_does_not_count_inserts() {
        let before = Policy { insert_threshold: None, ..policy() };
        assert_eq!(before.due(&table(&[])).inserts, None);
    }

    #[test]
    fn a_change_of_parameters_can_be_undone() {
        let large = TableUsage { live: Some(1e6), schema: "public".into(), name: "t".into(), ..table(&[]) };
        let earlier = start_earlier(&large, 200_050.0).unwrap();
        assert_eq!(
            earlier.undo,
            "ALTER TABLE public.t RESET (autovacuum_vacuum_scale_factor, autovacuum_vacuum_threshold);"
        );
        assert_eq!(start_earlier(&large, 21_000.0), None, "the threshold in force is as low");
        let own = TableUsage { options: vec!["autovacuum_vacuum_scale_factor=0.5".into()], ..large.clone() };
        assert_eq!(
            start_earlier(&own, 500_050.0).unwrap().undo,
            "ALTER TABLE public.t SET (autovacuum_vacuum_scale_factor = 0.5);\nALTER TABLE public.t RESET \
             (autovacuum_vacuum_threshold);"
        );
        let slowed = TableUsage { options: vec!["autovacuum_vacuum_cost_delay=20".into()], ..large.clone() };
        let faster = work_faster(&slowed).unwrap();
        assert_eq!(faster.sql, "ALTER TABLE public.t RESET (autovacuum_vacuum_cost_delay);");
        assert_eq!(faster.undo, "ALTER TABLE public.t SET (autovacuum_vacuum_cost_delay = 20);");
        let hostile = TableUsage { options: vec!["autovacuum_vacuum_cost_limit=1); drop table x".into()], ..large };
        assert_eq!(work_faster(&hostile).unwrap().sql, "ALTER TABLE public.t SET (autovacuum_vacuum_cost_delay = 0);");
    }
}
