//! The vacuums that run at this moment: on which table, and how far.
//!
//! Pure.

use crate::sample::{Row, RowSet, Snapshot};

/// A vacuum that runs; a row of `pg_stat_progress_vacuum`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunningVacuum {
    /// The table's oid.
    pub relid: i64,
    /// The process.
    pub pid: i64,
    /// What it does: `scanning heap`; empty where this role may not see it.
    pub phase: String,
    /// The share of the heap that was scanned, 0..=1, where that is known.
    pub scanned: Option<f64>,
}

impl RunningVacuum {
    /// Returns every vacuum that runs in a snapshot; none where that was not read.
    pub fn all(snapshot: &Snapshot) -> Vec<Self> {
        let rows = snapshot.rows("vacuum_progress").into_iter().flat_map(RowSet::iter);
        rows.filter_map(|row| Self::of(&row)).collect()
    }

    fn of(row: &Row<'_>) -> Option<Self> {
        let total = row.number("heap_total").filter(|total| *total > 0.0);
        Some(Self {
            relid: row.int("relid")?,
            pid: row.int("pid").unwrap_or_default(),
            phase: row.text("phase").to_owned(),
            scanned: total.zip(row.number("heap_scanned")).map(|(total, scanned)| scanned / total),
        })
    }
}
