//! Where there are many sessions, only those that did something are read each second; the others are kept.
//!
//! What is put together has every session that the server has: each reading names the idle ones that did nothing since
//! the one before. Pure: moments come from outside.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::sample::{Column, Timestamp, Value};

/// Up to so many sessions all are read each time.
const FEW: usize = 40;

/// All are read anew at least this often: a right that was granted shows more of them.
const WHOLE: Duration = Duration::from_secs(60);

/// A state that changed so shortly before a reading may not have been seen by it.
const MARGIN: f64 = 1.0;

/// The sessions of the last reading of `activity`.
#[derive(Debug, Default)]
pub struct SessionCache {
    /// The idle ones by pid.
    idle: HashMap<i64, Vec<Value>>,
    /// When they were read last, by the server's clock.
    read: Option<Timestamp>,
    /// When all were read last.
    whole: Option<Instant>,
    /// Whether there were more than are read at once.
    is_cut: bool,
}

impl SessionCache {
    /// Returns the moment since when an idle session must have done something to be read: at first, of all times.
    pub fn since(&self, now: Instant) -> f64 {
        match self.read.zip(self.whole) {
            Some((at, whole)) if now.saturating_duration_since(whole) < WHOLE && self.idle.len() > FEW => at.0 - MARGIN,
            _ => f64::NEG_INFINITY,
        }
    }

    /// Forgets them all: the next reading is of all.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Returns the rows of all sessions: those that were read since `since`, and those that are named as unchanged;
    /// `None` where one of those is not known, because all were forgotten meanwhile.
    pub(crate) fn put_together(
        &mut self,
        columns: &[Column],
        rows: Vec<Vec<Value>>,
        at: Timestamp,
        since: f64,
    ) -> Option<Vec<Vec<Value>>> {
        let place = |name: &str| columns.iter().position(|column| column.name == name);
        let (pid, state) = (place("pid")?, place("state")?);
        let (unchanged, total) = (place("unchanged")?, place("total")?);
        let (named, mut all): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| row.get(unchanged).is_some_and(|pids| !pids.is_null()));
        let count = all.first().or(named.first()).and_then(|row| row.get(total)).cloned();
        for known in named.iter().filter_map(|row| row.get(unchanged)).flat_map(Value::as_list) {
            match known.as_int().and_then(|pid| self.idle.remove(&pid)) {
                Some(row) => all.push(row),
                // More than are read at once: those beyond the limit stay unknown.
                None if self.is_cut => {}
                None => {
                    self.forget();
                    return None;
                }
            }
        }
        for row in &mut all {
            if let (Some(slot), Some(count)) = (row.get_mut(total), &count) {
                slot.clone_from(count);
            }
        }
        let idle = all.iter().filter(|row| row.get(state).and_then(Value::as_str) == Some("idle"));
        self.idle = idle.filter_map(|row| Some((row.get(pid)?.as_int()?, row.clone()))).collect();
        if since.is_infinite() {
            self.whole = Some(Instant::now());
            self.is_cut =
                count.and_then(|count| usize::try_from(count.as_int()?).ok()).is_some_and(|count| count > all.len());
        }
        self.read = Some(at);
        Some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg::probes::activity::PROBE;

    fn row(pid: i64, state: &str, unchanged: Option<&[i64]>, total: i64) -> Vec<Value> {
        let value = |column: &Column| match column.name.as_ref() {
            "pid" => Value::Int(pid),
            "state" => Value::text(state),
            "unchanged" => {
                unchanged.map_or(Value::Null, |pids| Value::List(pids.iter().copied().map(Value::Int).collect()))
            }
            "total" => Value::Int(total),
            _ => Value::Null,
        };
        PROBE.columns.iter().map(value).collect()
    }

    fn states(rows: &[Vec<Value>]) -> (usize, usize) {
        let state = |row: &&Vec<Value>| row.get(7).and_then(Value::as_str) == Some("idle");
        (rows.len(), rows.iter().filter(state).count())
    }

    #[test]
    fn every_session_is_there_though_only_the_changed_ones_were_read() {
        let (mut sessions, start) = (SessionCache::default(), Instant::now());
        assert_eq!(PROBE.columns[7].name, "state");
        assert!(sessions.since(start).is_infinite());
        let all = (1..=300).map(|pid| row(pid, if pid <= 10 { "active" } else { "idle" }, None, 300)).collect();
        let all = sessions.put_together(PROBE.columns, all, Timestamp(100.0), f64::NEG_INFINITY).unwrap();
        assert_eq!(states(&all), (300, 290));
        assert!((sessions.since(start) - 99.0).abs() < 1e-9);
        // 11 runs something, 12 did and is idle again, 13 is gone, 1 became idle, 301 is new.
        let mut news = vec![row(11, "active", None, 300), row(12, "idle", None, 300), row(1, "idle", None, 300)];
        news.push(row(301, "idle", None, 300));
        news.push(row(0, "", Some(&(14..=300).collect::<Vec<_>>()), 300));
        let all = sessions.put_together(PROBE.columns, news, Timestamp(101.0), 99.0).unwrap();
        assert_eq!(states(&all), (291, 290), "the other nine active ones ended");
        assert!(all.iter().all(|row| row[0] != Value::Int(0) && row[0] != Value::Int(13)));
        assert!((sessions.since(start) - 100.0).abs() < 1e-9);
        assert!(sessions.since(Instant::now() + WHOLE).is_infinite());
    }

    #[test]
    fn one_that_is_named_and_not_known_has_all_read_again() {
        let (mut sessions, start) = (SessionCache::default(), Instant::now());
        let all = (1..=300).map(|pid| row(pid, "idle", None, 300)).collect();
        sessions.put_together(PROBE.columns, all, Timestamp(100.0), f64::NEG_INFINITY).unwrap();
        let named = vec![row(0, "", Some(&[1, 2, 999]), 301)];
        assert_eq!(sessions.put_together(PROBE.columns, named, Timestamp(101.0), 99.0), None);
        assert!(sessions.since(start).is_infinite());
    }

    #[test]
    fn where_there_are_few_all_are_read_each_time() {
        let (mut sessions, start) = (SessionCache::default(), Instant::now());
        let all = (1..=40).map(|pid| row(pid, "idle", None, 40)).collect();
        sessions.put_together(PROBE.columns, all, Timestamp(100.0), f64::NEG_INFINITY).unwrap();
        assert!(sessions.since(start).is_infinite());
    }
}
