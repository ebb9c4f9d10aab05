//! What is known of each table, derived from the snapshot and, for what happens a second, from an older one.
//!
//! Pure.

use std::collections::HashMap;

use crate::app::PaneView;
use crate::catalog::autovacuum::{Due, Policy};
use crate::catalog::bloat::Bloat;
use crate::catalog::table_usage::{self, TableUsage};
use crate::django::Owner;
use crate::readings::traffic::{Traffic, TrafficSpan};
use crate::sample::{Bytes, Missing, Timestamp};

/// What is known of one table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableFigures {
    /// Its counters and sizes.
    pub usage: TableUsage,
    /// The Django model, where one is known or guessed.
    pub owner: Option<Owner>,
    /// How bloated it is; `None` where the statistics were not read.
    pub bloat: Option<Bloat>,
    /// When the bloat was measured, where it was.
    pub measured_at: Option<Timestamp>,
    /// How near autovacuum is.
    pub due: Option<Due>,
    /// Scans and writes.
    pub traffic: Traffic,
    /// The process that vacuums it at this moment.
    pub vacuum_pid: Option<i64>,
    /// Whether it was vacuumed just now and the dead rows are still over the threshold.
    pub is_held_back: bool,
}

/// The tables, and what was not read.
#[derive(Debug, Default)]
pub struct TableList {
    /// Each table.
    pub tables: Vec<TableFigures>,
    /// What is missing, in words.
    pub notes: Vec<String>,
}

/// Returns what is known of the tables, or why they were not read.
pub fn figures(view: &PaneView<'_>, span: TrafficSpan) -> Result<TableList, Missing> {
    let usages = view.readings.tables()?;
    let mut notes = Vec::new();
    let bloats = view.readings.table_bloat();
    notes.extend(bloats.as_ref().err().map(|why| format!("no bloat: {why}")));
    notes.extend(lost_counters(view, usages));
    let policy = view.readings.autovacuum().ok();
    let project = view.readings.project();
    let vacuums: HashMap<i64, i64> = view.readings.vacuums().iter().map(|vacuum| (vacuum.relid, vacuum.pid)).collect();
    let traffic = view.readings.table_traffic(view.past(), span);
    let tables = usages
        .iter()
        .map(|usage| TableFigures {
            owner: project.owner(&usage.name),
            bloat: bloats.as_ref().ok().and_then(|bloats| bloats.get(&usage.relid).cloned()),
            measured_at: None,
            is_held_back: policy.is_some_and(|policy| is_held_back(usage, policy, view.newer.at)),
            vacuum_pid: vacuums.get(&usage.relid).copied(),
            due: policy.map(|policy| policy.due(usage)),
            traffic: traffic.get(&usage.relid).copied().unwrap_or_default(),
            usage: usage.clone(),
        })
        .collect();
    Ok(TableList { tables, notes })
}

/// Says that dead rows are not known, since when, and until when.
fn lost_counters(view: &PaneView<'_>, usages: &[TableUsage]) -> Option<String> {
    let lost = usages.iter().filter(|usage| usage.has_lost_counters()).count();
    if lost == 0 {
        return None;
    }
    let unknown = format!("dead rows of {lost} tables unknown (?)");
    if view.newer.server.is_standby {
        return Some(format!("{unknown}: a standby does not count them"));
    }
    let age = view.readings.counting().age(view.newer.at).map(|age| format!(" {age} ago")).unwrap_or_default();
    Some(format!("{unknown}: counters were reset{age}, until the next vacuum or analyze"))
}

/// Whether a vacuum came and left more dead rows than the threshold: something may still see them.
fn is_held_back(usage: &TableUsage, policy: &Policy, now: Timestamp) -> bool {
    policy.was_vacuumed_lately(usage, now)
        && policy.due(usage).vacuum.is_some_and(|one| one.share() >= 1.0 && one.counted >= table_usage::MANY_DEAD)
}

impl TableFigures {
    /// Returns what identifies the row.
    pub fn key(&self) -> String {
        self.usage.relid.to_string()
    }

    /// Puts a measurement in the estimate's place, unless a vacuum came since; what the fillfactor keeps free is no bloat.
    pub(crate) fn take_measured(&mut self, measured: Option<(f64, Timestamp)>) {
        let Some((free_share, at)) = measured else { return };
        if self.usage.last_vacuum.is_some_and(|vacuum| vacuum.0 > at.0) {
            return;
        }
        let heap = self.usage.heap_size().unwrap_or(0.0);
        let fillfactor = self.usage.option("fillfactor").and_then(|value| value.parse().ok()).unwrap_or(100.0);
        self.bloat = Some(Bloat::measured(free_share * 100.0, 0.0, fillfactor, Bytes(heap)));
        self.measured_at = Some(at);
    }

    /// Orders the tables before anybody sorts: what is locked, then what wastes most, then what is large.
    pub(crate) fn urgency(&self) -> f64 {
        let locked = if self.usage.locked_by.is_empty() { 0.0 } else { 1e18 };
        let wasted = self.bloat.as_ref().and_then(Bloat::amount).map_or(0.0, |amount| amount.bytes.0);
        let size = self.usage.size().unwrap_or(0.0);
        let dead = self.usage.dead_share().unwrap_or(0.0) * size;
        locked + wasted.max(dead) + size / 10.0
    }
}
