//! What an index costs those who write: WAL, time, lost HOT updates, and the time of its build.
//!
//! The figures were measured on PostgreSQL 15 with 60,000 inserts into a row of 316 bytes.

use crate::catalog::index::{AccessMethod, Definition};
use crate::catalog::size::indexed_rows;
use crate::catalog::{Expr, Table};
use crate::sample::Seconds;

/// What an index costs those who write.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct WriteCost {
    /// Bytes of WAL that an insert writes more, where its row is in every one of the indexes.
    pub wal_per_insert: f64,
    /// The part of them that only a row writes which meets the condition of a partial index.
    pub wal_if_met: f64,
    /// Time that such an insert takes longer, seconds.
    pub time_per_insert: Seconds,
    /// Rows inserted each second on average since the counters were reset; `None` when unknown.
    pub inserts_per_second: Option<f64>,
    /// Rows updated each second on average; `None` when unknown.
    pub updates_per_second: Option<f64>,
    /// Share of the updates that are HOT, 0..=1; they are lost where an update changes a column of the index. `None`
    /// when there were no updates, or the counters are not known.
    pub hot_share: Option<f64>,
    /// Indexes that the table has already.
    pub indexes: usize,
    /// Bytes of the index for each row of the table, on average over all rows.
    pub bytes_per_row: f64,
    /// The same as a share of the bytes that the table itself takes for a row.
    pub share_of_row: f64,
    /// How long a concurrent build takes, about.
    pub build: Seconds,
}

impl WriteCost {
    /// Returns what two indexes on one table cost together.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            wal_per_insert: self.wal_per_insert + other.wal_per_insert,
            wal_if_met: self.wal_if_met + other.wal_if_met,
            time_per_insert: Seconds(self.time_per_insert.0 + other.time_per_insert.0),
            bytes_per_row: self.bytes_per_row + other.bytes_per_row,
            share_of_row: self.share_of_row + other.share_of_row,
            build: Seconds(self.build.0 + other.build.0),
            ..*self
        }
    }
}

/// Returns what an index costs those who write.
pub(crate) fn write_cost(table: &Table, index: &Definition, bytes: f64) -> WriteCost {
    let rows = indexed_rows(table, index);
    let share = (rows / table.rows_or_guess().max(1.0)).min(1.0);
    let (wal, milliseconds) = per_insert(table, index);
    let counters = table.counters.as_ref();
    let rate = |count: f64| {
        counters.and_then(|counters| counters.seconds).filter(|seconds| *seconds > 0.0).map(|seconds| count / seconds)
    };
    let row = table.pages * 8192.0 / table.rows_or_guess().max(1.0);
    WriteCost {
        // Not by the share of the rows that meet its condition now: new rows are often all pending, and few stay so.
        wal_per_insert: wal,
        wal_if_met: if index.predicate.is_empty() { 0.0 } else { wal },
        time_per_insert: Seconds(milliseconds / 1e6),
        inserts_per_second: counters.and_then(|counters| rate(counters.inserted)),
        updates_per_second: counters.and_then(|counters| rate(counters.updated)),
        hot_share: counters
            .filter(|counters| counters.updated > 0.0)
            .map(|counters| (counters.hot_updated / counters.updated).min(1.0)),
        indexes: table.indexes.len(),
        bytes_per_row: bytes / rows.max(1.0) * share,
        share_of_row: bytes / rows.max(1.0) / row.max(1.0) * share,
        build: build_time(table, index, rows, bytes),
    }
}

/// WAL bytes of an insert, and milliseconds of a thousand inserts.
fn per_insert(table: &Table, index: &Definition) -> (f64, f64) {
    let width: f64 =
        index.columns().into_iter().filter_map(|name| table.column(name)).map(crate::catalog::TableColumn::width).sum();
    match (&index.method, index.keys.first().and_then(|key| key.opclass.as_deref())) {
        (AccessMethod::Brin, _) => (5.0, 0.1),
        (AccessMethod::Gin, Some("gin_trgm_ops")) => (1123.0 * width / 32.0, 34.0 * width / 32.0),
        (AccessMethod::Gin, _) if index.keys.iter().any(|key| matches!(key.expr, Expr::Call { .. })) => {
            (2529.0 * (width / 480.0).max(0.1), 163.0 * (width / 480.0).max(0.1))
        }
        (AccessMethod::Gin, _) => (190.0, 5.0),
        (AccessMethod::Gist, _) => (150.0, 8.0),
        _ if index.has_expression() => (75.0, 6.2),
        _ if !index.include.is_empty() => (111.0, 4.0),
        _ if index.keys.len() > 1 => (90.0, 3.0),
        _ => (65.0 + width.min(68.0), 2.5),
    }
}

/// A concurrent build reads the table twice and sorts or inserts the entries once.
fn build_time(table: &Table, index: &Definition, rows: f64, bytes: f64) -> Seconds {
    // Bytes a second of a warm sequential scan with one process, and of an index being written.
    const READ: f64 = 800e6;
    const WRITTEN: f64 = 250e6;
    let microseconds = match (&index.method, index.has_expression()) {
        (AccessMethod::Brin, _) => 0.05,
        (AccessMethod::Gin, true) => 60.0,
        (AccessMethod::Gin, false) => 6.0,
        (AccessMethod::Gist, _) => 5.0,
        (_, true) => 2.0,
        _ => 0.8,
    };
    Seconds(
        2.0 * table.pages * 8192.0 / READ
            + table.rows_or_guess() * 0.1e-6
            + rows * microseconds * 1e-6
            + bytes / WRITTEN,
    )
}
