//! What happened to tables and indexes: scans and writes, a second or since the counters were reset.
//!
//! Pure.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use super::Readings;
use super::past::Past;
use crate::sample::{Reading, Row, RowSet};

/// Seconds over which "the last minute" is counted, at least.
const MINUTE: f64 = 60.0;

/// The time over which is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrafficSpan {
    /// From the reading before, per second.
    Sample,
    /// The last minute, per second.
    Minute,
    /// Since the reset of the counters, in all.
    Reset,
}

impl TrafficSpan {
    /// How many spans there are.
    pub(super) const COUNT: usize = 3;

    /// Returns what is of this span.
    pub(super) fn of<T>(self, [sample, minute, reset]: &[T; Self::COUNT]) -> &T {
        match self {
            Self::Sample => sample,
            Self::Minute => minute,
            Self::Reset => reset,
        }
    }
}

/// Scans and writes of a table, per second or in all.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Traffic {
    /// Sequential scans.
    pub seq_scans: Option<f64>,
    /// Rows they read.
    pub seq_rows: Option<f64>,
    /// Index scans.
    pub idx_scans: Option<f64>,
    /// Rows inserted.
    pub inserts: Option<f64>,
    /// Rows updated.
    pub updates: Option<f64>,
    /// Rows deleted.
    pub deletes: Option<f64>,
    /// Updates that touched no index.
    pub hot_updates: Option<f64>,
    /// Blocks of the heap read.
    pub heap_read: Option<f64>,
    /// Blocks of the heap found in shared buffers.
    pub heap_hit: Option<f64>,
}

impl Traffic {
    fn of(row: &Row<'_>) -> Self {
        Self {
            seq_scans: row.number("seq_scan"),
            seq_rows: row.number("seq_tup_read"),
            idx_scans: row.number("idx_scan"),
            inserts: row.number("inserts"),
            updates: row.number("updates"),
            deletes: row.number("deletes"),
            hot_updates: row.number("hot_updates"),
            heap_read: row.number("heap_read"),
            heap_hit: row.number("heap_hit"),
        }
    }

    /// Returns what came since an older reading, per second.
    fn since(&self, older: &Self, seconds: f64) -> Self {
        let rate = |newer, older| rate(newer, older, seconds);
        Self {
            seq_scans: rate(self.seq_scans, older.seq_scans),
            seq_rows: rate(self.seq_rows, older.seq_rows),
            idx_scans: rate(self.idx_scans, older.idx_scans),
            inserts: rate(self.inserts, older.inserts),
            updates: rate(self.updates, older.updates),
            deletes: rate(self.deletes, older.deletes),
            hot_updates: rate(self.hot_updates, older.hot_updates),
            heap_read: rate(self.heap_read, older.heap_read),
            heap_hit: rate(self.heap_hit, older.heap_hit),
        }
    }

    /// Returns the share of updates that touched no index; `None` without updates.
    pub(crate) fn hot_share(&self) -> Option<f64> {
        share(self.hot_updates?, self.updates?)
    }

    /// Returns the share of scans that were sequential; `None` without scans.
    pub(crate) fn seq_share(&self) -> Option<f64> {
        share(self.seq_scans?, self.seq_scans? + self.idx_scans.unwrap_or(0.0))
    }

    /// Returns the share of heap blocks found in shared buffers; `None` where none was asked for.
    pub(crate) fn heap_hits(&self) -> Option<f64> {
        share(self.heap_hit?, self.heap_hit? + self.heap_read?)
    }
}

fn share(some: f64, all: f64) -> Option<f64> {
    (all > 0.0).then(|| (some / all).clamp(0.0, 1.0))
}

/// Growth of a counter a second; `None` after a reset or without an older value.
fn rate(newer: Option<f64>, older: Option<f64>, seconds: f64) -> Option<f64> {
    let grown = newer? - older?;
    (grown >= 0.0).then_some(grown / seconds)
}

/// Returns the traffic of each table by its oid; a table that is not in an older reading has none.
fn of_tables(readings: &Readings, past: Past<'_>, span: TrafficSpan) -> HashMap<i64, Traffic> {
    let Some(newer) = readings.snapshot().section("tables").reading() else { return HashMap::new() };
    let newest = by_oid(&newer.rows, "relid", Traffic::of);
    if span == TrafficSpan::Reset {
        return newest.collect();
    }
    let Some((older, seconds)) = older(newer, "tables", past, span) else { return HashMap::new() };
    let before: HashMap<i64, Traffic> = by_oid(&older.rows, "relid", Traffic::of).collect();
    newest.filter_map(|(oid, newer)| Some((oid, newer.since(before.get(&oid)?, seconds)))).collect()
}

/// Returns the scans of each index by its oid; an index that is not in an older reading has none.
fn of_indexes(readings: &Readings, past: Past<'_>, span: TrafficSpan) -> HashMap<i64, f64> {
    let Some(newer) = readings.snapshot().section("indexes").reading() else { return HashMap::new() };
    let newest = readings.indexes().unwrap_or_default().iter().map(|index| (index.indexrelid, index.scans));
    if span == TrafficSpan::Reset {
        return newest.filter_map(|(oid, scans)| Some((oid, scans?))).collect();
    }
    let Some((older, seconds)) = older(newer, "indexes", past, span) else { return HashMap::new() };
    let before: HashMap<i64, Option<f64>> = by_oid(&older.rows, "indexrelid", |row| row.number("scans")).collect();
    newest.filter_map(|(oid, newer)| Some((oid, rate(newer, *before.get(&oid)?, seconds)?))).collect()
}

fn by_oid<'a, T>(
    rows: &'a RowSet,
    oid: &'static str,
    decode: impl Fn(&Row<'a>) -> T + 'a,
) -> impl Iterator<Item = (i64, T)> + 'a {
    rows.iter().filter_map(move |row| Some((row.int(oid)?, decode(&row))))
}

/// Returns the reading that a span begins at, and the seconds since.
fn older<'a>(newer: &Reading, probe: &str, past: Past<'a>, span: TrafficSpan) -> Option<(&'a Arc<Reading>, f64)> {
    let older = match span {
        TrafficSpan::Sample => past.reading_before(probe)?,
        TrafficSpan::Minute => a_minute_before(newer, probe, past)?,
        TrafficSpan::Reset => return None,
    };
    let seconds = newer.at.since(older.at)?.0;
    Some((older, seconds))
}

/// Returns a reading from at least a minute before; the oldest where all are younger.
fn a_minute_before<'a>(newer: &Reading, probe: &str, past: Past<'a>) -> Option<&'a Arc<Reading>> {
    let mut found = None;
    for reading in past.readings(probe).filter(|reading| reading.at.0 < newer.at.0) {
        found = Some(reading);
        if newer.at.0 - reading.at.0 >= MINUTE {
            break;
        }
    }
    found
}

impl Readings {
    /// Returns the traffic of each table by its oid, as far as it is known.
    pub(crate) fn table_traffic(&self, past: Past<'_>, span: TrafficSpan) -> &HashMap<i64, Traffic> {
        span.of(&self.subjects.table_traffic).get_or_init(|| Rc::new(of_tables(self, past, span)))
    }

    /// Returns the scans of each index by its oid, as far as they are known.
    pub(crate) fn index_scans(&self, past: Past<'_>, span: TrafficSpan) -> &HashMap<i64, f64> {
        span.of(&self.subjects.index_scans).get_or_init(|| Rc::new(of_indexes(self, past, span)))
    }
}
