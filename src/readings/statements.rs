//! What each statement cost over an interval, derived from two readings of `pg_stat_statements`.
//!
//! Pure. A counter that went backwards was reset: it counts from its reset, and the reader is told.

use std::collections::HashMap;
use std::sync::Arc;

use super::Readings;
use super::past::Past;
use crate::readings::cut::Cut;
use crate::sample::rates::{Interval, key_text};
use crate::sample::unit::counted;
use crate::sample::{Missing, Reading, Row, RowSet, Seconds, Section, Snapshot, Timestamp, Value, own};

/// From when on the figures count.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Since {
    /// The reading before this one.
    Sample,
    /// About this many seconds ago.
    Seconds(f64),
    /// A moment that was pinned.
    Pinned(Timestamp),
    /// The reset of the counters.
    Reset,
}

/// What one statement cost over the interval.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Statement {
    /// Names the row: queryid, user, database, top level.
    pub key: String,
    /// Its queryid.
    pub queryid: i64,
    /// Role that ran it.
    pub user: String,
    /// Database it ran in.
    pub database: String,
    /// Whether a client ran it, and not a function.
    pub is_toplevel: bool,
    /// Times it was run.
    pub calls: f64,
    /// Milliseconds spent running it.
    pub time_ms: f64,
    /// Share of the time of all statements, 0..=1.
    pub share: f64,
    /// Rows returned or changed.
    pub rows: f64,
    /// Milliseconds spent planning, where it is tracked.
    pub plan_ms: Option<f64>,
    /// Blocks found in shared buffers.
    pub hit: f64,
    /// Blocks read.
    pub read: f64,
    /// Blocks dirtied.
    pub dirtied: f64,
    /// Temporary blocks written.
    pub temp_written: f64,
    /// Temporary blocks read: mostly those that were written, again.
    pub temp_read: f64,
    /// Milliseconds reading and writing blocks, with `track_io_timing`.
    pub io_ms: f64,
    /// Bytes of WAL, since 1.8.
    pub wal_bytes: Option<f64>,
    /// Longest run since the reset, in milliseconds.
    pub max_ms: Option<f64>,
    /// Standard deviation of the runs since the reset, in milliseconds.
    pub stddev_ms: Option<f64>,
}

impl Statement {
    /// Returns the mean run in milliseconds.
    pub(crate) fn mean_ms(&self) -> f64 {
        if self.calls > 0.0 { self.time_ms / self.calls } else { 0.0 }
    }

    /// Returns the rows of a run.
    pub(crate) fn rows_per_call(&self) -> f64 {
        if self.calls > 0.0 { self.rows / self.calls } else { 0.0 }
    }
}

/// What all statements cost over an interval.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Costs {
    /// The statements that ran in it.
    pub statements: Vec<Statement>,
    /// Its length in seconds; `None` since the reset, where that is not known.
    pub seconds: Option<f64>,
    /// Milliseconds of all statements.
    pub total_ms: f64,
    /// What the reader has to know: a reset, evictions.
    pub notes: Vec<String>,
}

/// Derives the costs up to a moment; `None` while there is only one reading and the interval needs two, and until
/// the texts tell whose the statements are.
pub(super) fn costs(readings: &Readings, past: Past<'_>, since: Since) -> Option<Costs> {
    let snapshot = readings.snapshot();
    let newer = snapshot.section("statements").reading()?;
    let owners = readings.owners()?;
    let older: Option<&Reading> = match since {
        Since::Reset => None,
        Since::Sample => Some(past.reading_before("statements")?),
        Since::Seconds(seconds) => Some(reading_at(newer, past, Timestamp(newer.at.0 - seconds))?),
        Since::Pinned(at) => Some(reading_at(newer, past, at)?),
    };
    let interval = older.and_then(|older| Interval::between(older, newer));
    if interval.is_none() && since != Since::Reset {
        return None;
    }
    let mut costs = Costs { seconds: interval.as_ref().map(|interval| interval.seconds), ..Costs::default() };
    let mut resets = 0_usize;
    let mut unknown = 0_usize;
    let was_cut = older.filter(|older| Cut::of(&older.rows).is_some());
    for row in newer.rows.iter().filter(|row| owners.is_a_clients(row.int("queryid").unwrap_or(0))) {
        if was_cut.is_some_and(|older| may_have_been_cut_off(&row, interval.as_ref(), older)) {
            unknown += 1;
            continue;
        }
        let (statement, is_reset) = statement(&row, interval.as_ref());
        resets += usize::from(is_reset);
        if statement.calls > 0.0 {
            costs.total_ms += statement.time_ms;
            costs.statements.push(statement);
        }
    }
    for statement in &mut costs.statements {
        statement.share = if costs.total_ms > 0.0 { statement.time_ms / costs.total_ms } else { 0.0 };
    }
    costs.notes = notes(snapshot, past, older, resets);
    if unknown > 0 {
        let what = if unknown == 1 { "statement was" } else { "statements were" };
        costs.notes.push(format!("{unknown} {what} not read before: counted from the next sample"));
    }
    if since == Since::Reset {
        costs.seconds = reset_time(snapshot).map(|reset| newer.at.0 - reset);
    }
    Some(costs)
}

/// Tells this program's own statements, which are part of no figure, by their texts.
#[derive(Debug)]
pub(super) struct Owners {
    /// Whether the statement of a queryid is our own.
    is_own: HashMap<i64, bool>,
    /// Whether the other texts are on their way, so that whose those statements are will be known with the next sample.
    is_complete_soon: bool,
}

impl Owners {
    /// Reads the texts; `None` before the first ones came.
    pub(super) fn of(readings: &Readings) -> Option<Self> {
        let snapshot = readings.snapshot();
        let section = snapshot.section("statement_texts");
        if matches!(section, Section::Missing(Missing::NotYet)) {
            return None;
        }
        let texts = readings.statement_texts().iter();
        let is_own = texts.map(|(id, text)| (*id, own::is_surely_own(text, &snapshot.server))).collect();
        Some(Self { is_own, is_complete_soon: matches!(section, Section::Ready(_)) })
    }

    /// Whether a statement is surely pgdj's own.
    pub(super) fn is_own(&self, queryid: i64) -> bool {
        self.is_own.get(&queryid) == Some(&true)
    }

    /// Whether a statement counts. One whose text is on its way does not yet: it may be our own, run for the first time.
    fn is_a_clients(&self, queryid: i64) -> bool {
        match self.is_own.get(&queryid) {
            Some(is_own) => !is_own,
            // 0 stands for all statements that this role may not see.
            None => queryid == 0 || !self.is_complete_soon,
        }
    }
}

/// Returns the newest reading not younger than a time, else the oldest older than the one at `moment`.
fn reading_at<'a>(newer: &Reading, past: Past<'a>, at: Timestamp) -> Option<&'a Arc<Reading>> {
    let mut found = None;
    for reading in past.readings("statements").filter(|reading| reading.at.0 < newer.at.0) {
        found = Some(reading);
        if reading.at.0 <= at.0 + 0.5 {
            break;
        }
    }
    found
}

/// Whether a statement is missing from an older reading perhaps only because that was cut: what it cost since is unknown.
fn may_have_been_cut_off(row: &Row<'_>, interval: Option<&Interval<'_>>, older: &Reading) -> bool {
    let is_newer = row.number("stats_since").is_some_and(|since| since > older.at.0);
    !is_newer && interval.is_some_and(|interval| interval.older(row).is_none())
}

fn statement(row: &Row<'_>, interval: Option<&Interval<'_>>) -> (Statement, bool) {
    let older = interval.and_then(|interval| interval.older(row));
    let is_reset = older.is_some_and(|older| row.number("calls") < older.number("calls"));
    let older = older.filter(|_| !is_reset);
    let grown = |name: &str| -> Option<f64> {
        let newest = row.number(name)?;
        Some((newest - older.and_then(|older| older.number(name)).unwrap_or(0.0)).max(0.0))
    };
    let of = |name: &str| grown(name).unwrap_or(0.0);
    let statement = Statement {
        key: key_text(row),
        queryid: row.int("queryid").unwrap_or(0),
        user: row.text("user").to_owned(),
        database: row.text("database").to_owned(),
        is_toplevel: row.flag("toplevel").unwrap_or(true),
        calls: of("calls"),
        time_ms: of("total_time"),
        share: 0.0,
        rows: of("rows"),
        plan_ms: grown("plan_time").filter(|_| of("plans") > 0.0),
        hit: of("shared_hit"),
        read: of("shared_read"),
        dirtied: of("shared_dirtied"),
        temp_written: of("temp_written"),
        temp_read: of("temp_read"),
        io_ms: of("read_time") + of("write_time"),
        wal_bytes: grown("wal_bytes"),
        max_ms: row.number("max_time"),
        stddev_ms: row.number("stddev_time"),
    };
    (statement, is_reset)
}

fn info(snapshot: &Snapshot, name: &str) -> Option<f64> {
    snapshot.rows("statements_info")?.first()?.number(name)
}

/// When the counters were reset, since 1.9.
fn reset_time(snapshot: &Snapshot) -> Option<f64> {
    info(snapshot, "stats_reset")
}

fn notes(snapshot: &Snapshot, past: Past<'_>, older: Option<&Reading>, resets: usize) -> Vec<String> {
    let mut notes = Vec::new();
    if resets > 0 {
        let counters = counted(resets, "counter was", "counters were");
        notes.push(format!("{counters} reset in this interval; counted from the reset"));
    }
    let Some(older) = older else { return notes };
    let before = past
        .backwards()
        .find(|snapshot| snapshot.section("statements").reading().is_some_and(|reading| reading.at.0 <= older.at.0));
    let evicted = before.and_then(|before| Some(info(snapshot, "dealloc")? - info(before, "dealloc")?));
    if let Some(evicted) = evicted.filter(|evicted| *evicted > 0.0) {
        notes.push(format!("pg_stat_statements evicted entries ({evicted:.0}×): raise pg_stat_statements.max"));
    }
    notes
}

/// Returns the text of every statement by its queryid; empty where it is not known.
pub(super) fn texts(snapshot: &Snapshot) -> HashMap<i64, Arc<String>> {
    let rows = snapshot.rows("statement_texts").into_iter().flat_map(RowSet::iter);
    let text = |row: &Row<'_>| match row.get("query") {
        Value::Text(text) => Arc::clone(text),
        _ => Arc::default(),
    };
    rows.filter_map(|row| Some((row.int("queryid")?, text(&row)))).collect()
}

/// A call of a statement on average, over all who ran it, since the reset of `pg_stat_statements`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct MeanCall {
    /// Rows returned or changed.
    pub(crate) rows: f64,
    /// Elapsed time.
    pub(crate) time: Seconds,
    /// Temporary blocks written.
    pub(crate) temp_written: f64,
}

/// Returns the average call of a statement.
pub(super) fn mean_call(queryid: i64, snapshot: &Snapshot) -> Option<MeanCall> {
    let rows = snapshot.rows("statements")?;
    let own = || rows.iter().filter(|row| row.int("queryid") == Some(queryid));
    let sum = |name: &str| own().filter_map(|row| row.number(name)).sum::<f64>();
    let calls = sum("calls");
    (calls > 0.0).then(|| MeanCall {
        rows: sum("rows") / calls,
        time: Seconds(sum("total_time") / calls / 1e3),
        temp_written: sum("temp_written") / calls,
    })
}

/// How far back the samples are looked at for what a statement waits for.
pub(crate) const SEEN_FOR: Seconds = Seconds(300.0);

/// What the samples saw of a statement; each session in each sample counts.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Sightings {
    /// It was being run.
    pub(crate) active: f64,
    /// It waited for a lock.
    pub(crate) on_locks: f64,
    /// The time that the samples are from.
    pub(crate) over: Seconds,
}

impl Sightings {
    /// Whether it waited for locks at least half of the time.
    pub(crate) fn is_mostly_on_locks(&self) -> bool {
        self.on_locks > 0.0 && self.on_locks >= 0.5 * self.active
    }
}

/// Returns what the samples of [`SEEN_FOR`] saw of each statement that was run in one of them, by its queryid.
pub(super) fn sightings(past: Past<'_>) -> HashMap<i64, Sightings> {
    let mut seen: HashMap<i64, Sightings> = HashMap::new();
    let newest = past.readings("activity").next().map_or(0.0, |reading| reading.at.0);
    let mut over = Seconds(0.0);
    for reading in past.readings("activity").take_while(|reading| newest - reading.at.0 <= SEEN_FOR.0) {
        over = Seconds(newest - reading.at.0);
        for row in reading.rows.iter().filter(|row| row.text("state") == "active") {
            let Some(queryid) = row.int("query_id") else { continue };
            let sightings = seen.entry(queryid).or_default();
            sightings.active += 1.0;
            sightings.on_locks += f64::from(u8::from(row.text("wait_event_type") == "Lock"));
        }
    }
    for sightings in seen.values_mut() {
        sightings.over = over;
    }
    seen
}

/// Points of a statement's trend.
pub const TREND_POINTS: usize = 8;

/// The time of each statement over the last readings, in milliseconds a second, by its key.
pub type Trends = HashMap<String, Vec<Option<f64>>>;

/// Returns the trend of every statement.
pub(super) fn trends(past: Past<'_>) -> Trends {
    let mut readings: Vec<&Arc<Reading>> = past.readings("statements").take(TREND_POINTS + 1).collect();
    readings.reverse();
    let mut trends = Trends::new();
    for (at, pair) in readings.windows(2).enumerate() {
        let [older, newer] = pair else { continue };
        let Some(interval) = Interval::between(older, newer) else { continue };
        for row in newer.rows.iter() {
            let Some(rate) = interval.rate(&row, "total_time") else { continue };
            let points = trends.entry(key_text(&row)).or_default();
            points.resize(at, None);
            points.push(Some(rate));
        }
    }
    trends
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::fixture::{With as _, row};
    use crate::sample::{Column, ColumnRole, History, Moment, SampleCost, ServerFacts, Unit};

    /// Readings: when, and of each statement its id, calls and milliseconds.
    type Read<'a> = &'a [(f64, &'a [(i64, i64, f64)])];

    /// The texts of the statements in [`history`]; that of 9 is on its way.
    fn texts() -> Section {
        let columns = [("queryid", Unit::Id), ("query", Unit::Sql)];
        let columns = columns.map(|(name, unit)| Column::new(name, ColumnRole::Label, unit, "", ""));
        let texts = [(1, "select 1"), (2, "select a"), (3, "select b"), (4, "select /* pgdj tables */ c")];
        let rows = texts.map(|(id, text)| vec![Value::Int(id), Value::text(text)]).to_vec();
        let rows = RowSet::new(Arc::from(columns), rows);
        Section::Ready(Arc::new(Reading { at: Timestamp(0.0), rows }))
    }

    fn history(readings: Read<'_>) -> (History, Moment) {
        let columns: Arc<[Column]> = Arc::from([
            Column::new("queryid", ColumnRole::Key, Unit::Id, "", ""),
            Column::new("calls", ColumnRole::Counter, Unit::Count, "", ""),
            Column::new("total_time", ColumnRole::Counter, Unit::Millis, "", ""),
        ]);
        let mut history = History::default();
        for (at, rows) in readings {
            let rows =
                rows.iter().map(|(id, calls, time)| vec![Value::Int(*id), Value::Int(*calls), Value::Float(*time)]);
            let reading = Reading { at: Timestamp(*at), rows: RowSet::new(Arc::clone(&columns), rows) };
            let sections =
                BTreeMap::from([("statements", Section::Ready(Arc::new(reading))), ("statement_texts", texts())]);
            let server = Arc::new(ServerFacts::default());
            history.push(Arc::new(Snapshot { at: Timestamp(*at), server, sections, cost: SampleCost::default() }));
        }
        let moment = history.last().unwrap();
        (history, moment)
    }

    #[test]
    fn the_rows_of_a_call_are_those_of_all_who_ran_it() {
        let statements = vec![
            row! { queryid: 7, calls: 3, rows: 500, total_time: 7000.0, temp_written: 8 },
            row! { queryid: 7, calls: 1, rows: 300, total_time: 1000.0 },
        ];
        let seen = crate::fixture::snapshot().with("statements", statements);
        let mean = MeanCall { rows: 200.0, time: Seconds(2.0), temp_written: 2.0 };
        assert_eq!((mean_call(7, &seen), mean_call(8, &seen)), (Some(mean), None));
    }

    #[test]
    fn the_samples_tell_whether_a_statement_waits_for_locks() {
        let mut history = History::default();
        for (at, wait) in [(1.0, "Lock"), (1000.0, "Lock"), (1001.0, "Lock"), (1002.0, "IO")] {
            let session = |id: i32, state: &str| {
                row! { pid: id, query_id: id, state: state, wait_event_type: wait, wait_event: "x" }
            };
            let sessions = vec![session(7, "active"), session(8, "idle"), session(9, "active")];
            history.push(Arc::new(crate::fixture::snapshot().at(at).with("activity", sessions)));
        }
        let seen = sightings(Past { history: &history, moment: history.last().unwrap() });
        assert_eq!(seen.get(&7), Some(&Sightings { active: 3.0, on_locks: 2.0, over: Seconds(2.0) }));
        assert_eq!(seen.get(&8), None);
        assert!(
            seen[&7].is_mostly_on_locks()
                && !Sightings { active: 3.0, on_locks: 1.0, ..Sightings::default() }.is_mostly_on_locks()
        );
    }

    fn costs(history: &History, moment: Moment, since: Since) -> Option<Costs> {
        super::costs(&Readings::of(Arc::clone(history.at(moment)?)), Past { history, moment }, since)
    }

    #[test]
    fn an_interval_counts_what_grew_in_it() {
        let (history, moment) =
            history(&[(0.0, &[(1, 10, 100.0), (2, 5, 5.0)]), (2.0, &[(1, 14, 160.0), (2, 5, 5.0), (3, 1, 40.0)])]);
        let costs = costs(&history, moment, Since::Sample).unwrap();
        let got: Vec<(i64, f64, f64, f64)> =
            costs.statements.iter().map(|one| (one.queryid, one.calls, one.time_ms, one.share)).collect();
        assert_eq!(got, [(1, 4.0, 60.0, 0.6), (3, 1.0, 40.0, 0.4)]);
        assert_eq!(costs.seconds, Some(2.0));
    }

    #[test]
    fn what_a_cut_list_did_not_hold_before_has_no_growth() {
        let newest: &[(i64, i64, f64)] = &[(1, 11, 110.0), (2, 5_000, 50_000.0)];
        let (history, _) = history(&[(0.0, &[(1, 10, 100.0)]), (2.0, newest)]);
        let cut = |snapshot: &Snapshot| {
            let mut snapshot = snapshot.clone();
            let mut reading = Reading::clone(snapshot.section("statements").reading().unwrap());
            let total = Column::new("total", ColumnRole::Gauge, Unit::Count, "", "");
            reading.rows.columns = reading.rows.columns.iter().cloned().chain([total]).collect();
            for row in &mut reading.rows.rows {
                *row = row.iter().cloned().chain([Value::Int(9)]).collect();
            }
            snapshot.sections.insert("statements", Section::Ready(Arc::new(reading)));
            Arc::new(snapshot)
        };
        let mut cut_history = History::default();
        let last = history.last().unwrap();
        history.until(last).for_each(|snapshot| cut_history.push(cut(snapshot)));
        let costs = costs(&cut_history, cut_history.last().unwrap(), Since::Sample).unwrap();
        let got: Vec<(i64, f64)> = costs.statements.iter().map(|one| (one.queryid, one.calls)).collect();
        assert_eq!(got, [(1, 1.0)], "2 may have been there for long");
        assert_eq!(costs.notes, ["1 statement was not read before: counted from the next sample"]);
    }

    #[test]
    fn a_reset_is_said_and_counts_from_there() {
        let (history, moment) = history(&[(0.0, &[(1, 10, 100.0)]), (2.0, &[(1, 3, 30.0)])]);
        let costs = costs(&history, moment, Since::Sample).unwrap();
        assert!((costs.statements[0].calls - 3.0).abs() < 1e-9);
        assert_eq!(costs.notes.len(), 1);
    }

    #[test]
    fn one_reading_has_no_interval() {
        let (history, moment) = history(&[(0.0, &[(1, 10, 100.0)])]);
        assert_eq!(costs(&history, moment, Since::Sample), None);
        assert!((costs(&history, moment, Since::Reset).unwrap().statements[0].calls - 10.0).abs() < 1e-9);
    }

    #[test]
    fn own_statements_and_those_that_may_be_own_count_for_nothing() {
        let all = [(0, 1, 5.0), (1, 1, 20.0), (4, 1, 100.0), (9, 1, 100.0)];
        let (mut history, moment) = history(&[(0.0, &all)]);
        let ids = |costs: &Costs| costs.statements.iter().map(|one| one.queryid).collect::<Vec<_>>();
        let counted = costs(&history, moment, Since::Reset).unwrap();
        assert_eq!(ids(&counted), [0, 1], "4 is our own, and 9 may be");
        assert!((counted.total_ms - 25.0).abs() < 1e-9);

        let mut newer = Snapshot::clone(history.newest().unwrap());
        let failed = Missing::Failed { sqlstate: "57014".to_owned(), message: "canceled".to_owned() };
        newer.sections.insert("statement_texts", texts().failed(failed));
        history.push(Arc::new(newer.clone()));
        let counted = costs(&history, history.last().unwrap(), Since::Reset).unwrap();
        assert_eq!(ids(&counted), [0, 1, 9], "no text will come that tells whose 9 is");

        newer.sections.insert("statement_texts", Section::Missing(Missing::NotYet));
        history.push(Arc::new(newer));
        assert_eq!(costs(&history, history.last().unwrap(), Since::Reset), None);
    }
}
