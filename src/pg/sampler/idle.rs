//! Where there are many sessions, only those that did something are read each second; the others stay as they are shown.
//!
//! What is put together has every session that the server has: each reading names the idle ones that did nothing since
//! the one before. Pure: moments come from outside.

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

/// What is known of the last reading of `activity`; its rows are those that are shown.
#[derive(Debug, Default)]
pub(crate) struct SessionCache {
    /// When it was made, by the server's clock.
    read: Option<Timestamp>,
    /// When all were read last.
    whole: Option<Instant>,
    /// Whether so many are idle that it is worth to keep them.
    is_many: bool,
    /// Whether there were more than are read at once.
    is_cut: bool,
}

impl SessionCache {
    /// Returns the moment since when an idle session must have done something to be read: at first, of all times.
    pub(super) fn since(&self, now: Instant) -> f64 {
        match self.read.zip(self.whole) {
            Some((at, whole)) if now.saturating_duration_since(whole) < WHOLE && self.is_many => at.0 - MARGIN,
            _ => f64::NEG_INFINITY,
        }
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
        let is_whole = known.since.is_infinite();
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
        self.read = Some(at);
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
            self.sessions.since(now)
        }

        fn put_together(&mut self, rows: Vec<Vec<Value>>, at: f64, since: f64) -> Option<Vec<SharedRow>> {
            let rows = RowSet::new(PROBE.columns.into(), rows);
            let known = AlreadyRead { asked: Instant::now(), own_pids: Vec::new(), since, sums: Vec::new() };
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
