//! Rules over a snapshot, one file a rule: what is wrong, what shows it, why it matters and what to do.
//!
//! A rule whose data is missing stays silent, and [`Findings::unknown`] says so: calm is never made up.
//! Texts hold what the server said, raw; they are cleaned on their way to a screen or a stream.

use std::cmp::Reverse;

use crate::sample::rates::Interval;
use crate::sample::{Missing, RowSet, Snapshot, Value};

pub mod autovacuum_behind;
pub mod autovacuum_off;
pub mod bloat;
pub mod cache_hits;
pub mod connections;
pub mod deadlocks;
pub mod duplicate_index;
pub mod freeze_age;
pub mod idle_in_transaction;
pub mod idle_timeout;
pub mod index_bloat;
pub mod invalid_index;
pub mod long_transaction;
pub mod old_extension;
pub mod overlapping_index;
pub mod pending_restart;
pub mod prepared_transactions;
pub mod replication_lag;
pub mod rollbacks;
pub mod stale_statistics;
pub mod statement_timeout;
pub mod statements_evicted;
pub mod statements_missing;
pub mod temp_files;
pub mod unindexed_foreign_key;
pub mod unsafe_settings;
pub mod unused_index;
pub mod waiting;

/// Every rule, in the order of the alphabet.
pub static RULES: &[&Rule] = &[
    &autovacuum_behind::RULE,
    &autovacuum_off::RULE,
    &bloat::RULE,
    &cache_hits::RULE,
    &connections::RULE,
    &deadlocks::RULE,
    &duplicate_index::RULE,
    &freeze_age::RULE,
    &idle_in_transaction::RULE,
    &idle_timeout::RULE,
    &index_bloat::RULE,
    &invalid_index::RULE,
    &long_transaction::RULE,
    &old_extension::RULE,
    &overlapping_index::RULE,
    &pending_restart::RULE,
    &prepared_transactions::RULE,
    &replication_lag::RULE,
    &rollbacks::RULE,
    &stale_statistics::RULE,
    &statement_timeout::RULE,
    &statements_evicted::RULE,
    &statements_missing::RULE,
    &temp_files::RULE,
    &unindexed_foreign_key::RULE,
    &unsafe_settings::RULE,
    &unused_index::RULE,
    &waiting::RULE,
];

/// How bad a finding is; the worst is the greatest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth doing some time.
    Notice,
    /// It costs or will cost; this week.
    Warning,
    /// It hurts users, or is about to; now.
    Critical,
}

impl Severity {
    /// Returns the severity in one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The rule's id: the name of its file.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// One line with the number that decides.
    pub title: String,
    /// What shows it, as label and value.
    pub evidence: Vec<(String, String)>,
    /// Why it matters.
    pub why: &'static str,
    /// What to do.
    pub fix: Fix,
    /// Where in the console to look.
    pub jump: Option<Jump>,
    /// Where the rule and its thresholds come from.
    pub source: &'static str,
}

/// What to do about a finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Fix {
    /// In a sentence or two.
    pub text: String,
    /// As code to take.
    pub code: Option<Code>,
}

/// Code to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Code {
    /// Its language.
    pub language: Language,
    /// The code.
    pub text: String,
}

/// The language of a piece of code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// SQL.
    Sql,
    /// Django's settings, models or migrations.
    Python,
}

/// Where in the console a finding is to be looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Jump {
    /// The pane's name in lower case: `activity`, `tables`, `indexes`, ….
    pub pane: &'static str,
    /// The key of the row, as the probe's key columns have it; empty for none.
    pub key: Vec<Value>,
}

impl Fix {
    fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), code: None }
    }

    fn sql(text: impl Into<String>, code: impl Into<String>) -> Self {
        Self { text: text.into(), code: Some(Code { language: Language::Sql, text: code.into() }) }
    }

    fn python(text: impl Into<String>, code: impl Into<String>) -> Self {
        Self { text: text.into(), code: Some(Code { language: Language::Python, text: code.into() }) }
    }
}

impl Jump {
    fn to(pane: &'static str) -> Self {
        Self { pane, key: Vec::new() }
    }

    fn to_row(pane: &'static str, key: i64) -> Self {
        Self { pane, key: vec![Value::Int(key)] }
    }
}

/// What a rule gives: what it found, or why it could not judge.
pub type Outcome = Result<Vec<Finding>, Missing>;

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its id: the name of its file.
    pub id: &'static str,
    /// What it watches, for "not judged: …".
    pub watches: &'static str,
    /// Judges a view.
    pub check: fn(&View<'_>) -> Outcome,
}

/// What the rules look at.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// The snapshot that is judged.
    pub newer: &'a Snapshot,
    /// An older one for rates: best a minute older, at least one sample.
    pub older: Option<&'a Snapshot>,
}

impl<'a> View<'a> {
    /// Returns a probe's rows, or why there are none.
    pub fn rows(&self, probe: &str) -> Result<&'a RowSet, Missing> {
        crate::catalog::rows(self.newer, probe)
    }

    /// Returns the interval between the two snapshots' readings of a probe, or why there is none.
    pub fn interval(&self, probe: &str) -> Result<Interval<'a>, Missing> {
        let newer = self.newer.section(probe);
        let newer = newer.reading().ok_or_else(|| newer.why().cloned().unwrap_or(Missing::NotYet))?;
        let older = self.older.and_then(|older| older.section(probe).reading()).ok_or(Missing::NotYet)?;
        Interval::between(older, newer).ok_or(Missing::NotYet)
    }

    /// Whether the server is a standby, which keeps no counters of vacuum and cannot change anything itself.
    pub fn is_standby(&self) -> bool {
        let by_probe = self.newer.rows("server").and_then(|rows| rows.first()?.flag("is_standby"));
        by_probe.unwrap_or(self.newer.server.is_standby)
    }

    fn primary_only(&self, what: &str) -> Result<(), Missing> {
        if self.is_standby() { Err(Missing::Unsupported { what: format!("{what}: ask the primary") }) } else { Ok(()) }
    }
}

/// What was found, and what could not be judged.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Findings {
    /// What was found, worst first.
    pub list: Vec<Finding>,
    /// The rules that could not judge.
    pub unknown: Vec<NotJudged>,
}

/// A rule that could not judge.
#[derive(Debug, Clone, PartialEq)]
pub struct NotJudged {
    /// The rule's id.
    pub rule: &'static str,
    /// What it watches.
    pub watches: &'static str,
    /// Why it could not.
    pub why: Missing,
}

/// Returns what the rules find, worst first, each thing once, and what they could not judge.
pub fn look(view: &View<'_>) -> Findings {
    let mut found = Findings::default();
    for rule in RULES {
        match (rule.check)(view) {
            Ok(findings) => found.list.extend(findings),
            Err(why) => found.unknown.push(NotJudged { rule: rule.id, watches: rule.watches, why }),
        }
    }
    found.list.sort_by_key(|finding| Reverse(finding.severity));
    let mut seen = std::collections::HashSet::new();
    found.list.retain(|finding| seen.insert((finding.id, finding.title.clone())));
    found
}

/// Returns `1 index` or `3 indexes`.
fn counted(count: usize, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {many}") }
}

/// Returns a name with how many more there are: `shop_order`, `shop_order and 2 more`.
fn and_more(first: &str, count: usize) -> String {
    if count > 1 { format!("{first} and {} more", count - 1) } else { first.to_owned() }
}

/// Returns evidence from a label and what is shown.
#[expect(clippy::needless_pass_by_value, reason = "callers hand over numbers and fresh texts")]
fn shows(label: impl Into<String>, value: impl ToString) -> (String, String) {
    (label.into(), value.to_string())
}

/// At most this many rows are named as evidence.
const NAMED: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::fixture::{With as _, snapshot};

    #[test]
    fn every_file_is_a_rule_and_every_rule_has_its_file() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/findings");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        files.sort();
        let rules: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
        assert_eq!(files, rules);
    }

    #[test]
    fn nothing_read_is_nothing_judged_and_not_calm() {
        let empty = snapshot();
        let found = look(&View { newer: &empty, older: None });
        assert_eq!(found.list, vec![]);
        let silent: Vec<&str> = RULES
            .iter()
            .map(|rule| rule.id)
            .filter(|id| !found.unknown.iter().any(|unknown| unknown.rule == *id))
            .collect();
        assert_eq!(silent, ["old_extension"], "the extensions are known from the connection itself");
    }

    #[test]
    fn the_reason_a_rule_is_silent_is_kept() {
        let why = Missing::TimedOut { after: crate::sample::Seconds(1.0) };
        let seen = snapshot().without("activity", why.clone());
        let found = look(&View { newer: &seen, older: None });
        let waiting = found.unknown.iter().find(|unknown| unknown.rule == "waiting").unwrap();
        assert_eq!(waiting.why, why);
    }

    #[test]
    fn the_worst_comes_first() {
        assert!(Severity::Critical > Severity::Warning && Severity::Warning > Severity::Notice);
    }
}
