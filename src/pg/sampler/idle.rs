//! Where there are many sessions, only those that did something are read each second; the others stay as they are shown.
//!
//! What is put together has every session that the server has: each reading names the idle ones that did nothing since
//! the one before. Between two samples, one that is idle again is left as the last sample has it; what runs, and what ran
//! at the reading before, is read each second. Pure: moments come from outside.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::kept::{AlreadyRead, count_in_first};
use crate::sample::{Reading, RowSet, SharedRow, Timestamp, Value};

/// Up to so many sessions all are read each time.
const FEW: usize = 40;

/// All are read anew at least this often: a right that was granted shows more of them.
const WHOLE: Duration = Duration::from_secs(60);

/// A state that changed so shortly before a reading may not have been seen by it.
const MARGIN: f64 = 1.0;

/// Between two samples all that changed are read where more than so many ran: the server looks through their pids for each
/// idle session.
const MANY_RUN: usize = 200;

/// What a reading is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ReadingOf {
    /// A sample, at the pace of the console.
    Sample,
    /// The load between two samples.
    Load,
}

/// What was known of the sessions when they were asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct KnownSessions {
    /// The moment since when an idle session must have done something to be read, in the server's seconds since 1970.
    pub(super) since: f64,
    /// The moment since when it is new.
    pub(super) new_since: f64,
    /// The pids of those that were not idle.
    pub(super) running: Vec<i64>,
}

impl KnownSessions {
    /// Nothing is known: all are read.
    pub(super) fn none() -> Self {
        Self { since: f64::NEG_INFINITY, new_since: f64::NEG_INFINITY, running: Vec::new() }
    }

    fn is_none(&self) -> bool {
        self.since == f64::NEG_INFINITY
    }

    /// Whether the idle ones that did something are read.
    fn is_sample(&self) -> bool {
        self.since < f64::INFINITY
    }
}

/// What is known of the last reading of `activity`; its rows are those that are shown.
#[derive(Debug, Default)]
pub(crate) struct SessionCache {
    /// When it was made, by the server's clock.
    read: Option<Timestamp>,
    /// When the idle ones that did something were read last.
    sampled: Option<Timestamp>,
    /// The pids of those that were not idle.
    running: Vec<i64>,
    /// When all were read last.
    whole: Option<Instant>,
    /// Whether so many are idle that it is worth to keep them.
    is_many: bool,
    /// Whether there were more than are read at once.
    is_cut: bool,
}

impl SessionCache {
    /// Returns what is known of the sessions, of which the rest is to be read.
    pub(super) fn known(&self, now: Instant, reading: ReadingOf) -> KnownSessions {
        let (Some(read), Some(sampled), Some(whole)) = (self.read, self.sampled, self.whole) else {
            return KnownSessions::none();
        };
        let is_due = reading == ReadingOf::Sample && now.saturating_duration_since(whole) >= WHOLE;
        if is_due || !self.is_many {
            return KnownSessions::none();
        }
        let new_since = read.0 - MARGIN;
        if reading == ReadingOf::Load && self.running.len() <= MANY_RUN {
            return KnownSessions { since: f64::INFINITY, new_since, running: self.running.clone() };
        }
        KnownSessions { since: sampled.0 - MARGIN, new_since, running: Vec::new() }
    }

    /// Forgets them all: the next reading is of all.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Returns the rows of all sessions: those that were read, and of the last reading those that are named as unchanged;
    /// `None` where one of those is not known, or all were forgotten since it was asked.
    pub(super) fn put_together(
        &mut self,
        last: Option<&RowSet>,
        newer: Reading,
        known: &AlreadyRead,
    ) -> Option<Vec<SharedRow>> {
        let Reading { at, rows } = newer;
        let (pid, state) = (rows.position("pid")?, rows.position("state")?);
        let (unchanged, total) = (rows.position("unchanged")?, rows.position("total")?);
        let is_whole = known.sessions.is_none();
        if !is_whole && self.read.is_none() {
            return None;
        }
        let is_idle = |row: &&SharedRow| row.get(state).and_then(Value::as_str) == Some("idle");
        let pid_of = |row: &SharedRow| row.get(pid).and_then(Value::as_int);
        let (named, mut all): (Vec<_>, Vec<_>) =
            rows.rows.into_iter().partition(|row| row.get(unchanged).is_some_and(|pids| !pids.is_null()));
        let count = all.first().or(named.first()).and_then(|row| row.get(total)).cloned();
        let last = last.into_iter().flat_map(|last| &last.rows).filter(is_idle);
        let idle: HashMap<i64, &SharedRow> = last.filter_map(|row| Some((pid_of(row)?, row))).collect();
        for pid in named.iter().filter_map(|row| row.get(unchanged)).flat_map(Value::as_list) {
            match pid.as_int().and_then(|pid| idle.get(&pid)) {
                Some(row) => all.push(Arc::clone(row)),
                // More than are read at once: those beyond the limit stay unknown.
                None if self.is_cut => {}
                None => {
                    self.forget();
                    return None;
                }
            }
        }
        let count = count.unwrap_or_default();
        count_in_first(&mut all, total, &count);
        if is_whole {
            self.whole = Some(known.asked);
            self.is_cut = count.as_int().and_then(|count| usize::try_from(count).ok()).is_some_and(|it| it > all.len());
        }
        self.is_many = all.iter().filter(is_idle).count() > FEW;
        self.running = all.iter().filter(|row| !is_idle(row)).filter_map(pid_of).collect();
        self.read = Some(at);
        if known.sessions.is_sample() {
            self.sampled = Some(at);
        }
        Some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg::probes::activity::PROBE;
    use crate::sample::Column;

    /// The cache, and what is shown.
    #[derive(Default)]
    struct Shown {
        sessions: SessionCache,
        last: Option<RowSet>,
    }

    impl Shown {
        fn since(&self, now: Instant) -> f64 {
            self.sessions.known(now, ReadingOf::Sample).since
        }

        fn put_together(&mut self, rows: Vec<Vec<Value>>, at: f64, since: f64) -> Option<Vec<SharedRow>> {
            let rows = RowSet::new(PROBE.columns.into(), rows);
            let sessions = KnownSessions { since, ..KnownSessions::none() };
            let known =
                AlreadyRead { asked: Instant::now(), own_pids: Vec::new(), sessions, marks: Vec::new(), least: 0.0 };
            let all = self.sessions.put_together(self.last.as_ref(), Reading { at: Timestamp(at), rows }, &known)?;
            self.last = Some(RowSet { columns: PROBE.columns.into(), rows: all.clone() });
            Some(all)
        }
    }

    fn row(pid: i64, state: &str, unchanged: Option<&[i64]>, total: i64) -> Vec<Value> {
        let value = |column: &Column| match column.name.as_ref() {
            "pid" => Value::Int(pid),
            "state" => Value::text(state),
            "unchanged" => {
                unchanged.map_or(Value::Null, |pids| Value::list(pids.iter().copied().map(Value::Int).collect()))
            }
            "total" => Value::Int(total),
            _ => Value::Null,
        };
        PROBE.columns.iter().map(value).collect()
    }

    fn states(rows: &[SharedRow]) -> (usize, usize) {
        let state = |row: &&SharedRow| row.get(7).and_then(Value::as_str) == Some("idle");
        (rows.len(), rows.iter().filter(state).count())
    }

    #[test]
    fn every_session_is_there_though_only_the_changed_ones_were_read() {
        let (mut sessions, start) = (Shown::default(), Instant::now());
        assert_eq!(PROBE.columns[7].name, "state");
        assert!(sessions.since(start).is_infinite());
        let all = (1..=300).map(|pid| row(pid, if pid <= 10 { "active" } else { "idle" }, None, 300)).collect();
        let all = sessions.put_together(all, 100.0, f64::NEG_INFINITY).unwrap();
        assert_eq!(states(&all), (300, 290));
        assert!((sessions.since(start) - 99.0).abs() < 1e-9);
        // 11 runs something, 12 did and is idle again, 13 is gone, 1 became idle, 301 is new.
        let mut news = vec![row(11, "active", None, 300), row(12, "idle", None, 300), row(1, "idle", None, 300)];
        news.push(row(301, "idle", None, 300));
        news.push(row(0, "", Some(&(14..=300).collect::<Vec<_>>()), 300));
        let all = sessions.put_together(news, 101.0, 99.0).unwrap();
        assert_eq!(states(&all), (291, 290), "the other nine active ones ended");
        assert!(all.iter().all(|row| row[0] != Value::Int(0) && row[0] != Value::Int(13)));
        assert!((sessions.since(start) - 100.0).abs() < 1e-9);
        assert!(sessions.since(Instant::now() + WHOLE).is_infinite());
    }

    #[test]
    fn between_two_samples_only_what_runs_or_ran_or_is_new_is_read() {
        let (mut sessions, start) = (Shown::default(), Instant::now());
        let all = (1..=300).map(|pid| row(pid, if pid <= 2 { "active" } else { "idle" }, None, 300)).collect();
        sessions.put_together(all, 100.0, f64::NEG_INFINITY).unwrap();
        let known = sessions.sessions.known(start, ReadingOf::Load);
        assert_eq!(known, KnownSessions { since: f64::INFINITY, new_since: 99.0, running: vec![1, 2] });
        // 1 became idle, 3 runs, 301 is new; 4 ran something and is idle again, which the next sample shows.
        let mut news = vec![row(1, "idle", None, 300), row(2, "active", None, 300), row(3, "active", None, 300)];
        news.push(row(301, "idle", None, 300));
        news.push(row(0, "", Some(&(4..=300).collect::<Vec<_>>()), 300));
        let all = sessions.put_together(news, 101.0, f64::INFINITY).unwrap();
        assert_eq!(states(&all), (301, 299));
        let known = sessions.sessions.known(start, ReadingOf::Load);
        assert_eq!((known.new_since, known.running), (100.0, vec![2, 3]));
        assert!((sessions.since(start) - 99.0).abs() < 1e-9, "what changed since the sample before is read");
        assert!(!sessions.sessions.known(start + WHOLE * 2, ReadingOf::Load).is_none(), "all are read by a sample");
        sessions.sessions.running = (0..300).collect();
        assert!(sessions.sessions.known(start, ReadingOf::Load).is_sample(), "too many to look through");
    }

    #[test]
    fn one_that_is_named_and_not_known_has_all_read_again() {
        let (mut sessions, start) = (Shown::default(), Instant::now());
        let all = (1..=300).map(|pid| row(pid, "idle", None, 300)).collect();
        sessions.put_together(all, 100.0, f64::NEG_INFINITY).unwrap();
        let named = vec![row(0, "", Some(&[1, 2, 999]), 301)];
        assert_eq!(sessions.put_together(named, 101.0, 99.0), None);
        assert!(sessions.since(start).is_infinite());
    }

    #[test]
    fn where_there_are_few_all_are_read_each_time() {
        let (mut sessions, start) = (Shown::default(), Instant::now());
        let all = (1..=40).map(|pid| row(pid, "idle", None, 40)).collect();
        sessions.put_together(all, 100.0, f64::NEG_INFINITY).unwrap();
        assert!(sessions.since(start).is_infinite());
    }
}
