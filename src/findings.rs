//! Rules over a snapshot, one file a rule: what is wrong, what shows it, why it matters and what to do.
//!
//! A rule whose data is missing stays silent, and [`Findings::unknown`] says so: calm is never made up.
//! Texts hold what the server said, raw; they are cleaned on their way to a screen or a stream.

use std::cmp::Reverse;
use std::rc::Rc;

use crate::document::Language;
use crate::readings::Readings;
use crate::readings::backends::Backend;
use crate::readings::cut::Cut;
use crate::readings::threshold::ReachedLimit;
use crate::sample::rates::Interval;
use crate::sample::unit::{counted, grouped};
use crate::sample::{Missing, RowSet, Section, Snapshot, Value};

pub mod archiving;
pub mod autovacuum_behind;
pub mod autovacuum_off;
pub mod bloat;
pub mod cache_hits;
pub mod connections;
pub mod crash_recovery;
pub mod deadlocks;
pub mod duplicate_index;
pub mod freeze_age;
pub mod idle_in_transaction;
pub mod idle_timeout;
pub mod index_bloat;
pub mod invalid_index;
pub mod long_transaction;
pub mod missing_rights;
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
pub mod unread_slot;
pub mod unsafe_settings;
pub mod unused_index;
pub mod waiting;

/// Every rule, in the order of the alphabet.
pub static RULES: &[&Rule] = &[
    &archiving::RULE,
    &autovacuum_behind::RULE,
    &autovacuum_off::RULE,
    &bloat::RULE,
    &cache_hits::RULE,
    &connections::RULE,
    &crash_recovery::RULE,
    &deadlocks::RULE,
    &duplicate_index::RULE,
    &freeze_age::RULE,
    &idle_in_transaction::RULE,
    &idle_timeout::RULE,
    &index_bloat::RULE,
    &invalid_index::RULE,
    &long_transaction::RULE,
    &missing_rights::RULE,
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
    &unread_slot::RULE,
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

/// What a rule is about; of findings as bad as each other those of the first come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Concern {
    /// What this role may see: where it sees little, little can be found.
    Rights,
    /// Whether requests are served at this moment.
    Now,
    /// Whether data is safe and the server can go on writing.
    Safety,
    /// How the work of the last minute went.
    Work,
    /// What vacuum and analyze keep in order.
    Upkeep,
    /// Indexes and constraints.
    Schema,
    /// Settings and extensions.
    Settings,
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

impl Finding {
    /// Returns the statement of the session that the finding is about, with what it is to it, where that decides.
    pub(crate) fn statement(&self) -> Option<(&str, &str)> {
        let is_statement = |label: &str| [RUNNING, LAST].contains(&label);
        let found = self.evidence.iter().find(|(label, text)| is_statement(label) && !text.is_empty());
        found.map(|(label, text)| (label.as_str(), text.as_str()))
    }
}

/// The label of the statement that the session runs which a finding is about.
const RUNNING: &str = "statement";
/// The same of a session that runs none.
const LAST: &str = "last statement";

/// Returns the statement of a session as evidence.
fn statement_of(backend: &Backend) -> (String, String) {
    shows(if backend.is_active() { RUNNING } else { LAST }, &backend.query)
}

/// Returns a session by its number and its application: `pid 12 gunicorn`.
fn session_name(backend: &Backend) -> String {
    format!("pid {} {}", backend.pid, backend.name()).trim_end().to_owned()
}

/// What to do about a finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Fix {
    /// In a sentence or two.
    pub text: String,
    /// As code to take.
    pub code: Option<FindingCode>,
}

/// Code to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FindingCode {
    /// Its language.
    pub language: Language,
    /// The code.
    pub text: String,
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
        Self { text: text.into(), code: Some(FindingCode { language: Language::Sql, text: code.into() }) }
    }

    fn python(text: impl Into<String>, code: impl Into<String>) -> Self {
        Self { text: text.into(), code: Some(FindingCode { language: Language::Python, text: code.into() }) }
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
pub type RuleResult = Result<Vec<Finding>, Missing>;

/// One rule.
#[derive(Debug)]
pub struct Rule {
    /// Its id: the name of its file.
    pub id: &'static str,
    /// What it watches, for "not judged: …".
    pub watches: &'static str,
    /// What it is about.
    pub concern: Concern,
    /// Judges a view.
    pub check: fn(&RuleInput<'_>) -> RuleResult,
}

/// What the rules look at.
#[derive(Debug, Clone, Copy)]
pub struct RuleInput<'a> {
    /// What the snapshot that is judged means.
    pub readings: &'a Rc<Readings>,
    /// The snapshot that is judged.
    pub newer: &'a Snapshot,
    /// An older one for rates: best a minute older, at least one sample.
    pub older: Option<&'a Snapshot>,
}

impl<'a> RuleInput<'a> {
    /// A view of a snapshot by its readings.
    pub fn new(readings: &'a Rc<Readings>, older: Option<&'a Snapshot>) -> Self {
        Self { readings, newer: readings.snapshot(), older }
    }

    /// Returns a probe's rows, or why there are none.
    pub fn rows(&self, probe: &'static str) -> Result<&'a RowSet, Missing> {
        self.readings.note_asked(&[probe]);
        crate::catalog::rows(self.newer, probe)
    }

    /// Returns the interval between the two snapshots' readings of a probe, or why there is none.
    pub fn interval(&self, probe: &'static str) -> Result<Interval<'a>, Missing> {
        self.readings.note_asked(&[probe]);
        let newer = self.newer.section(probe);
        let newer = newer.reading().ok_or_else(|| newer.why().cloned().unwrap_or(Missing::NotYet))?;
        let older = self.older.and_then(|older| older.section(probe).reading()).ok_or(Missing::NotYet)?;
        Interval::between(older, newer).ok_or(Missing::NotYet)
    }

    /// Whether the server is a standby, which keeps no counters of vacuum and cannot change anything itself.
    pub fn is_standby(&self) -> bool {
        self.readings.is_standby()
    }

    /// Returns what was found among the sessions; nothing found where some could not be looked into is no calm.
    fn as_far_as_seen(&self, found: Vec<Finding>) -> RuleResult {
        let hidden = self.readings.backends()?.iter().filter(|backend| backend.is_hidden).count();
        if hidden == 0 || !found.is_empty() {
            return Ok(found);
        }
        let grant = self.newer.server.grant("pg_monitor");
        let what = format!("{} of other roles", counted(hidden, "session", "sessions"));
        Err(Missing::Denied { what, grant })
    }

    fn primary_only(&self, what: &str) -> Result<(), Missing> {
        if self.is_standby() { Err(Missing::Unsupported { what: format!("{what}: ask the primary") }) } else { Ok(()) }
    }
}

/// What was found, and what could not be judged.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Findings {
    /// What was found: missing rights, then the worst first.
    pub list: Vec<Finding>,
    /// The rules that could not judge.
    pub unknown: Vec<NotJudged>,
    /// How many rules judged, whatever they found.
    pub made: usize,
}

impl Findings {
    /// Whether every rule judged: only then is an empty list good news.
    pub fn is_complete(&self) -> bool {
        self.made >= RULES.len()
    }

    /// Returns how many rules cannot judge, and why is in [`Findings::unknown`].
    pub(crate) fn not_possible(&self) -> usize {
        self.unknown.iter().filter(|unjudged| !is_awaited(&unjudged.why)).count()
    }

    /// Returns how many rules have not judged yet and will when an answer comes.
    pub fn pending(&self) -> usize {
        RULES.len().saturating_sub(self.made + self.not_possible())
    }
}

/// Seconds from which on the age of what a rule read is said.
const OLD: f64 = 60.0;

/// Whether what is missing is on its way.
fn is_awaited(why: &Missing) -> bool {
    matches!(why, Missing::NotYet | Missing::Slow { .. })
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

/// Returns what the rules find, worst first, each cause once, and what they could not judge.
pub fn check(view: &RuleInput<'_>) -> Findings {
    let mut found = Findings::default();
    let doubtful = doubtful(view.newer);
    let sure = (!doubtful.is_empty()).then(|| view.readings.without(doubtful));
    for rule in RULES {
        match judge(rule, view, sure.as_ref()) {
            Ok(findings) => {
                found.made += 1;
                found.list.extend(findings);
            }
            Err(why) => found.unknown.push(NotJudged { rule: rule.id, watches: rule.watches, why }),
        }
    }
    for folding in FOLDINGS {
        folding.apply(&mut found.list);
    }
    let concern = |finding: &Finding| {
        let rule = RULES.iter().find(|rule| rule.id == finding.id);
        if unindexed_foreign_key::is_paid_for(finding) { Some(Concern::Work) } else { rule.map(|rule| rule.concern) }
    };
    // What is hidden may be worse than all that was found.
    let is_first = |finding: &Finding| finding.id == missing_rights::RULE.id && finding.severity > Severity::Notice;
    found.list.sort_by_key(|finding| (!is_first(finding), Reverse(finding.severity), concern(finding)));
    found
}

impl From<ReachedLimit> for Severity {
    fn from(reached: ReachedLimit) -> Self {
        match reached {
            ReachedLimit::Warning => Self::Warning,
            ReachedLimit::Critical => Self::Critical,
        }
    }
}

/// Asks a rule. One that finds nothing in figures that could not be renewed, or in a part of a list, has to find nothing
/// without them, too: what was calm a while ago may not be now, and what was not read may be bad.
fn judge(rule: &Rule, view: &RuleInput<'_>, sure: Option<&Rc<Readings>>) -> RuleResult {
    view.readings.take_asked();
    let outcome = (rule.check)(view).map(|found| with_age(found, view));
    let (Ok(found), Some(sure)) = (&outcome, sure) else { return outcome };
    let without = (rule.check)(&RuleInput::new(sure, view.older));
    match without {
        without if found.is_empty() => without,
        Err(Missing::Cut { what, shown, total }) => {
            let limit = shows("not all was read", format!("{} of {} {what}", grouped(shown), grouped(total)));
            outcome.map(|mut found| {
                for finding in &mut found {
                    finding.evidence.push(limit.clone());
                }
                found
            })
        }
        _ => outcome,
    }
}

/// Adds to findings how old the oldest figures are that the rule read, where that is long.
fn with_age(mut found: Vec<Finding>, view: &RuleInput<'_>) -> Vec<Finding> {
    let asked = view.readings.take_asked();
    let ages = asked.into_iter().filter_map(|probe| Some((probe, view.newer.age(probe)?)));
    let oldest = ages.max_by(|left, right| left.1.0.total_cmp(&right.1.0)).filter(|(_, age)| age.0 >= OLD);
    if let Some((probe, age)) = oldest {
        let told = shows("oldest figures", format!("{}, read {age} ago", probe.replace('_', " ")));
        for finding in &mut found {
            finding.evidence.push(told.clone());
        }
    }
    found
}

/// Returns the probes whose sections could not be renewed, or of whose lists only a part was read, each with the reason.
fn doubtful(snapshot: &Snapshot) -> Vec<(&'static str, Missing)> {
    let doubt = |probe: &str, section: &Section| match section {
        Section::Stale { why, .. } => Some(why.clone()),
        Section::Ready(reading) => Cut::of(&reading.rows)?.doubt(probe, &reading.rows),
        Section::Missing(_) => None,
    };
    snapshot.sections.iter().filter_map(|(probe, section)| Some((*probe, doubt(probe, section)?))).collect()
}

/// A finding that says again what another says: it becomes evidence there.
struct FoldedFinding {
    cause: &'static str,
    consequence: &'static str,
    is_same: fn(&Finding, &Finding) -> bool,
    /// Whether the title of the cause goes on with the consequence.
    is_named: bool,
}

impl FoldedFinding {
    const fn new(cause: &'static str, consequence: &'static str, is_same: fn(&Finding, &Finding) -> bool) -> Self {
        Self { cause, consequence, is_same, is_named: false }
    }
}

const FOLDINGS: &[FoldedFinding] = &[
    // The session at the root of the queue is the one that sits in its transaction.
    FoldedFinding::new("waiting", "idle_in_transaction", is_same_row),
    FoldedFinding::new("waiting", "long_transaction", is_same_row),
    // Those that wait are the ones that take up the connections.
    FoldedFinding { is_named: true, ..FoldedFinding::new("waiting", "connections", is_same_row) },
    // One line of OPTIONS sets both.
    FoldedFinding::new("statement_timeout", "idle_timeout", |_, _| true),
    // Only the server's own switch has no row to jump to.
    FoldedFinding::new("autovacuum_off", "autovacuum_behind", |off, _| off.jump.is_none()),
    FoldedFinding::new("autovacuum_off", "stale_statistics", |off, _| off.jump.is_none()),
];

fn is_same_row(cause: &Finding, consequence: &Finding) -> bool {
    let key = |finding: &Finding| finding.jump.as_ref().map(|jump| jump.key.clone());
    key(cause) == key(consequence)
}

impl FoldedFinding {
    fn apply(&self, list: &mut Vec<Finding>) {
        let Some(cause) = list.iter().position(|finding| finding.id == self.cause) else { return };
        let is_told = |found: &Finding| {
            found.id == self.consequence && list.get(cause).is_some_and(|cause| (self.is_same)(cause, found))
        };
        let Some(consequence) = list.iter().position(is_told) else { return };
        let told = list.remove(consequence);
        let Some(cause) = list.iter_mut().find(|finding| finding.id == self.cause) else { return };
        cause.severity = cause.severity.max(told.severity);
        if self.is_named {
            cause.title = format!("{}; {}", cause.title, told.title);
        }
        cause.evidence.push(shows("also", told.title));
        let news: Vec<_> = told.evidence.into_iter().filter(|shown| !cause.evidence.contains(shown)).collect();
        cause.evidence.extend(news);
    }
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
    use crate::fixture::{With as _, row, snapshot};

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
        let found = check(&RuleInput::new(&Readings::of(empty.clone()), None));
        assert_eq!(found.list, vec![]);
        assert_eq!((found.is_complete(), found.pending(), found.not_possible()), (false, RULES.len() - 2, 0));
        let default = Findings::default();
        assert_eq!((default.is_complete(), default.pending()), (false, RULES.len()), "before the first snapshot");
        let silent: Vec<&str> = RULES
            .iter()
            .map(|rule| rule.id)
            .filter(|id| !found.unknown.iter().any(|unknown| unknown.rule == *id))
            .collect();
        assert_eq!(silent, ["missing_rights", "old_extension"], "known from the connection itself");
    }

    #[test]
    fn the_reason_a_rule_is_silent_is_kept() {
        let why = Missing::TimedOut { after: crate::sample::Seconds(1.0) };
        let seen = snapshot().without("activity", why.clone());
        let found = check(&RuleInput::new(&Readings::of(seen.clone()), None));
        let waiting = found.unknown.iter().find(|unknown| unknown.rule == "waiting").unwrap();
        assert_eq!(waiting.why, why);
    }

    #[test]
    fn the_worst_comes_first_and_of_equals_what_hurts_now() {
        let rows = vec![
            row! { pid: 1, state: "active", backend_type: "client backend", xact_age: 400.0 },
            row! { pid: 2, state: "idle in transaction", backend_type: "client backend", state_age: 4000.0 },
        ];
        let seen = snapshot()
            .with("activity", rows)
            .with("settings", vec![row! { name: "fsync", value: "off" }, row! { name: "x", pending_restart: true }]);
        let found = check(&RuleInput::new(&Readings::of(seen.clone()), None));
        let ids: Vec<&str> = found.list.iter().map(|finding| finding.id).collect();
        assert_eq!(ids, ["idle_in_transaction", "unsafe_settings", "long_transaction", "pending_restart"]);
    }

    #[test]
    fn one_cause_is_one_finding() {
        let client = "client backend";
        let seen = snapshot().with(
            "activity",
            vec![
                row! { pid: 1, state: "idle in transaction", backend_type: client, state_age: 20.0, user: "web", database: "shop" },
                row! { pid: 2, state: "active", backend_type: client, blocked_by: [1], query_age: 15.0 },
            ],
        );
        let found = check(&RuleInput::new(&Readings::of(seen.clone()), None));
        assert_eq!(found.list.len(), 1, "{:?}", found.list);
        assert_eq!(found.list[0].id, "waiting");
        assert_eq!(found.list[0].severity, Severity::Critical, "the worse of both");
        let also = ("also".to_owned(), "pid 1 web, idle in transaction for 20.0s, blocks 1 session".to_owned());
        assert!(found.list[0].evidence.contains(&also), "{:?}", found.list[0].evidence);
    }

    #[test]
    fn connections_that_wait_are_a_consequence_of_what_they_wait_for() {
        let client = "client backend";
        let mut rows = vec![
            row! { pid: 1, state: "idle in transaction", backend_type: client, state_age: 9.8, user: "web", application: "celery: import_prices", query: "select 1" },
        ];
        rows.extend((2..19).map(
            |pid| row! { pid: pid, state: "active", backend_type: client, blocked_by: [1], query_age: 9.0, query: "select 2" },
        ));
        let server = row! { max_connections: 20, superuser_reserved: 2, client_backends: 18, own_backends: 0, read_all_stats: true };
        let seen = snapshot().with("activity", rows).with("server", vec![server]);
        let found = check(&RuleInput::new(&Readings::of(seen), None));
        let titles: Vec<&str> = found.list.iter().map(|finding| finding.title.as_str()).collect();
        assert_eq!(
            titles,
            [
                "17 sessions wait up to 9.0s behind pid 1 celery: import_prices (idle in transaction for 9.8s); all 18 connections are used"
            ]
        );
        assert_eq!(found.list[0].statement(), Some(("last statement", "select 1")));
    }

    #[test]
    fn what_was_calm_before_the_server_fell_silent_is_not_calm_now() {
        let client = "client backend";
        let why = Missing::Slow { since: crate::sample::Timestamp(1.0) };
        let silent = |rows| {
            let mut seen = snapshot().with("activity", rows);
            let section = seen.section("activity").failed(why.clone());
            seen.sections.insert("activity", section);
            check(&RuleInput::new(&Readings::of(seen.clone()), None))
        };
        let calm = silent(vec![row! { pid: 1, state: "idle", backend_type: client }]);
        let waiting = calm.unknown.iter().find(|unknown| unknown.rule == "waiting").unwrap();
        assert_eq!(waiting.why, why);
        let busy = silent(vec![row! { pid: 1, state: "active", backend_type: client, xact_age: 4000.0 }]);
        assert_eq!(busy.list[0].id, "long_transaction", "what was found last is still said");
    }

    #[test]
    fn the_grant_is_above_all_that_was_found() {
        let rows =
            vec![row! { pid: 2, state: "idle in transaction", backend_type: "client backend", state_age: 4000.0 }];
        let mut seen = snapshot().with("activity", rows);
        seen.server = crate::sample::ServerFacts { role: "app".into(), ..Default::default() }.into();
        let found = check(&RuleInput::new(&Readings::of(seen.clone()), None));
        let ids: Vec<&str> = found.list.iter().map(|finding| finding.id).collect();
        assert_eq!(ids, ["missing_rights", "idle_in_transaction"]);
    }

    #[test]
    fn sessions_that_may_not_be_looked_into_are_no_calm() {
        let hidden = || row! { pid: 2, user: "web", database: "shop" };
        let seen = snapshot().with("activity", vec![hidden(), row! { pid: 3 }]);
        let found = check(&RuleInput::new(&Readings::of(seen.clone()), None));
        for rule in ["idle_in_transaction", "long_transaction", "waiting"] {
            let unknown = found.unknown.iter().find(|unknown| unknown.rule == rule).unwrap();
            assert_eq!(unknown.why.to_string(), "permission denied: 1 session of other roles", "{rule}");
            assert_eq!(unknown.why.remedy(), Some("GRANT pg_monitor TO monitor;"));
        }
        let own = row! { pid: 4, state: "idle in transaction", backend_type: "client backend", state_age: 90.0 };
        let seen = snapshot().with("activity", vec![hidden(), own]);
        let found = check(&RuleInput::new(&Readings::of(seen.clone()), None));
        assert_eq!(found.list.len(), 1, "what is seen is said all the same");
    }

    fn unused(oid: i32, bytes: i32) -> (crate::fixture::NamedRow, crate::fixture::NamedRow) {
        let index = row! { indexrelid: oid, relid: oid, schema: "public", table: "t", name: "i", method: "btree",
        is_valid: true, scans: 0, key_columns: [1], column_names: ["a"], total: 7 };
        (index, row! { indexrelid: oid, bytes: bytes })
    }

    #[test]
    fn what_is_calm_in_a_part_of_a_list_has_not_passed() {
        let judged = |bytes: i32| {
            let (index, size) = unused(5, bytes);
            let since = row! { datname: "shop", is_current: true, stats_reset: crate::fixture::NOW - 9e6 };
            let seen = snapshot().with("databases", vec![since]).with("indexes", vec![index]);
            check(&RuleInput::new(&Readings::of(seen.with("index_sizes", vec![size])), None))
        };
        let calm = judged(8192);
        for rule in ["unused_index", "duplicate_index", "overlapping_index", "invalid_index"] {
            let unknown = calm.unknown.iter().find(|unknown| unknown.rule == rule);
            assert_eq!(unknown.unwrap().why.to_string(), "only 1 of 7 indexes were read", "{rule}");
        }
        let found = judged(20_000_000);
        let unused = found.list.iter().find(|finding| finding.id == "unused_index").unwrap();
        assert!(unused.evidence.contains(&shows("not all was read", "1 of 7 indexes")), "{:?}", unused.evidence);
    }

    #[test]
    fn idle_sessions_beyond_the_limit_are_no_doubt() {
        let judged = |last: crate::fixture::NamedRow| {
            let first = row! { pid: 1, backend_type: "client backend", state: "active", total: 9 };
            let seen = snapshot().with("activity", vec![first, last]);
            check(&RuleInput::new(&Readings::of(seen.clone()), None))
                .unknown
                .iter()
                .any(|unknown| unknown.rule == "waiting")
        };
        assert!(!judged(row! { pid: 2, backend_type: "client backend", state: "idle", total: 9 }));
        let open =
            row! { pid: 2, backend_type: "client backend", state: "idle in transaction", xact_age: 1.0, total: 9 };
        assert!(judged(open));
    }
}
