//! A table as the counters and the catalog show it: one row of `tables` with its sizes beside it.

use std::collections::HashMap;

use super::{PAGE, bytes_of_pages, ids, rows, storage_option, texts};
use crate::sample::unit::Count;
use crate::sample::{Bytes, Missing, Row, Snapshot, Timestamp};

/// Dead rows that are worth a word.
pub const MANY_DEAD: f64 = 1_000.0;
/// From so many rows on the planner's defaults mislead it far.
pub const MANY_ROWS: f64 = 1_000.0;
/// The same for a table of which the number of rows is not known, as after a crash.
const MANY_BYTES: Bytes = Bytes(128.0 * 1024.0);
/// A share of dead rows that asks for attention, where there are [`MANY_DEAD`].
const NOTABLE_DEAD: f64 = 0.2;

/// A table with its counters; from `pg_stat_user_tables`, `pg_class` and the size functions.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TableUsage {
    /// The table's oid.
    pub relid: i64,
    /// Schema.
    pub schema: String,
    /// Name.
    pub name: String,
    /// `r` table, `p` partitioned table, `m` materialised view.
    pub kind: String,
    /// Pages at the last vacuum or analyze.
    pub pages: f64,
    /// Share of the pages that are all-visible, 0..=1.
    pub visible_share: f64,
    /// Rows the planner reckons with; negative where never analysed (since 14).
    pub reltuples: f64,
    /// Age of the oldest unfrozen transaction, where the table has rows of its own.
    pub freeze_age: Option<f64>,
    /// Storage parameters, as `name=value`.
    pub options: Vec<String>,
    /// Sequential scans since the counters were reset.
    pub seq_scan: Option<f64>,
    /// Rows read by sequential scans since then.
    pub seq_tup_read: Option<f64>,
    /// Index scans since then.
    pub idx_scan: Option<f64>,
    /// Rows inserted since then.
    pub inserts: Option<f64>,
    /// Rows updated since then.
    pub updates: Option<f64>,
    /// Rows deleted since then.
    pub deletes: Option<f64>,
    /// Updates that touched no index since then.
    pub hot_updates: Option<f64>,
    /// Live rows, estimated; `None` where the counters were lost after the rows came, which a crash does, or where they
    /// were never counted, as on a standby.
    pub live: Option<f64>,
    /// Dead rows, estimated.
    pub dead: Option<f64>,
    /// Rows changed since the last analyze.
    pub mod_since_analyze: Option<f64>,
    /// Rows inserted since the last vacuum, where the server counts them (13).
    pub ins_since_vacuum: Option<f64>,
    /// The last vacuum of either kind, where there was one since the reset.
    pub last_vacuum: Option<Timestamp>,
    /// The last analyze of either kind, where there was one since the reset.
    pub last_analyze: Option<Timestamp>,
    /// Size of the heap's main fork in bytes, where it was read.
    pub heap_bytes: Option<f64>,
    /// Size of TOAST, free space and visibility maps in bytes, where it was read.
    pub toast_bytes: Option<f64>,
    /// Size of all its indexes in bytes, where it was read.
    pub index_bytes: Option<f64>,
    /// Size of heap, TOAST, maps and indexes in bytes, where it was read.
    pub total_bytes: Option<f64>,
    /// When the sizes were read.
    pub sizes_at: Option<Timestamp>,
    /// Pids with an ACCESS EXCLUSIVE lock on it, held or awaited.
    pub locked_by: Vec<i64>,
}

impl TableUsage {
    /// Returns every table of a snapshot, or why they could not be read.
    pub fn all(snapshot: &Snapshot) -> Result<Vec<Self>, Missing> {
        let rows = rows(snapshot, "tables")?;
        let sizes: HashMap<i64, Row<'_>> = snapshot
            .rows("table_sizes")
            .map(|sizes| sizes.iter().filter_map(|row| Some((row.int("relid")?, row))).collect())
            .unwrap_or_default();
        Ok(rows
            .iter()
            .map(|row| {
                let mut table = Self::of(&row);
                if let Some(size) = sizes.get(&table.relid) {
                    table.heap_bytes = size.number("heap_bytes");
                    table.total_bytes = size.number("total_bytes");
                    table.index_bytes = size.number("index_bytes");
                    let parts = size.number("table_bytes").zip(table.heap_bytes);
                    table.toast_bytes = parts.map(|(table, heap)| (table - heap).max(0.0));
                    table.sizes_at = size.number("read_at").map(Timestamp);
                }
                if table.holds_more_than_was_counted() {
                    table.live = None;
                }
                table
            })
            .collect())
    }

    /// Reads one row of `tables`; the sizes are left empty.
    pub fn of(row: &Row<'_>) -> Self {
        let later = |manual, auto| {
            let (manual, auto): (Option<f64>, Option<f64>) = (row.number(manual), row.number(auto));
            manual.into_iter().chain(auto).reduce(f64::max).map(Timestamp)
        };
        let mut table = Self {
            relid: row.int("relid").unwrap_or_default(),
            schema: row.text("schema").to_owned(),
            name: row.text("name").to_owned(),
            kind: row.text("kind").to_owned(),
            pages: row.number("pages").unwrap_or_default(),
            visible_share: share(row.number("visible_pages").unwrap_or(0.0), row.number("pages").unwrap_or(0.0))
                .unwrap_or(0.0),
            reltuples: row.number("reltuples").unwrap_or(-1.0),
            freeze_age: row.number("freeze_age"),
            options: texts(row, "options"),
            seq_scan: row.number("seq_scan"),
            seq_tup_read: row.number("seq_tup_read"),
            idx_scan: row.number("idx_scan"),
            inserts: row.number("inserts"),
            updates: row.number("updates"),
            deletes: row.number("deletes"),
            hot_updates: row.number("hot_updates"),
            live: row.number("live"),
            dead: row.number("dead"),
            mod_since_analyze: row.number("mod_since_analyze"),
            ins_since_vacuum: row.number("ins_since_vacuum"),
            last_vacuum: later("last_vacuum", "last_autovacuum"),
            last_analyze: later("last_analyze", "last_autoanalyze"),
            locked_by: ids(row, "locked_by"),
            ..Self::default()
        };
        // Rows are counted for the partitions.
        let is_not_counted = table.is_partitioned() && table.live == Some(0.0);
        if is_not_counted || table.counts_less_than_there_is() {
            table.live = None;
        }
        table
    }

    /// Whether the counters began after the rows came: fewer were inserted since than were changed or were there at the last
    /// ANALYZE, and no vacuum or analyze has set them right.
    fn counts_less_than_there_is(&self) -> bool {
        /// Share of the rows that the planner's figure may be too high by.
        const ESTIMATE: f64 = 0.9;
        let (inserts, deletes) = (self.inserts.unwrap_or_default(), self.deletes.unwrap_or_default());
        let were_there = deletes > inserts || (inserts == 0.0 && self.updates.unwrap_or_default() > 0.0);
        !self.is_set_right() && (were_there || (self.reltuples > 0.0 && inserts < self.reltuples * ESTIMATE))
    }

    /// Whether the heap has more pages than rows were counted: with no vacuum or analyze known, the rows came before the
    /// counters began. A crash loses them, and a table that was never analyzed has no other figure.
    fn holds_more_than_was_counted(&self) -> bool {
        let counted = self.live.unwrap_or_default() + self.dead.unwrap_or_default();
        !self.is_set_right() && self.heap_bytes.is_some_and(|bytes| bytes / PAGE > counted + 1.0)
    }

    fn is_set_right(&self) -> bool {
        self.last_vacuum.is_some() || self.last_analyze.is_some()
    }

    /// Returns the name, with its schema where that is not `public`.
    pub fn label(&self) -> String {
        label(&self.schema, &self.name)
    }

    /// Returns a storage parameter's value.
    pub fn option(&self, name: &str) -> Option<&str> {
        storage_option(&self.options, name)
    }

    /// Whether the table keeps no rows of its own.
    pub(crate) fn is_partitioned(&self) -> bool {
        self.kind == "p"
    }

    /// Returns the live rows by the counters, else by the planner's figure; `None` where neither is known.
    pub fn rows(&self) -> Option<f64> {
        // Before 14 a table that was never analyzed has 0.
        let is_known = self.reltuples > 0.0
            || self.reltuples == 0.0 && (self.pages > 0.0 || self.heap_bytes.is_none_or(|bytes| bytes == 0.0));
        self.live.or(is_known.then_some(self.reltuples))
    }

    /// Returns the size of the heap in bytes: as read, else by the pages of the last vacuum; `None` where it had none, which
    /// says nothing of what came since.
    pub fn heap_size(&self) -> Option<f64> {
        self.heap_bytes.or_else(|| bytes_of_pages(self.pages))
    }

    /// Returns the size with TOAST and indexes in bytes, where they were read; else that of the heap.
    pub fn size(&self) -> Option<f64> {
        self.total_bytes.or_else(|| self.heap_size())
    }

    /// Whether it has so many rows; where they are not known, whether it is of so many bytes.
    pub(crate) fn is_of(&self, rows: f64, bytes: Bytes) -> bool {
        match self.rows() {
            Some(known) => known >= rows,
            None => self.heap_bytes.is_some_and(|heap| heap >= bytes.0),
        }
    }

    /// Returns how large it is in words: `180k rows`, or `10 MB of rows` where they are not known.
    pub(crate) fn extent(&self) -> String {
        match self.rows() {
            Some(rows) => format!("{} rows", Count(rows)),
            None => self.heap_size().map_or_else(|| "? rows".to_owned(), |heap| format!("{} of rows", Bytes(heap))),
        }
    }

    /// Whether its rows were not counted, so that its dead rows are not known.
    pub fn has_lost_counters(&self) -> bool {
        self.live.is_none() && self.dead.is_some()
    }

    /// Returns the share of updates that touched no index, 0..=1; `None` without updates.
    pub(crate) fn hot_share(&self) -> Option<f64> {
        share(self.hot_updates?, self.updates?)
    }

    /// Returns the share of scans that were sequential, 0..=1; `None` without scans.
    pub(crate) fn seq_scan_share(&self) -> Option<f64> {
        let sequential = self.seq_scan?;
        share(sequential, sequential + self.idx_scan.unwrap_or_default())
    }

    /// Returns the dead rows' share of all, 0..=1; `None` where there are no rows.
    pub fn dead_share(&self) -> Option<f64> {
        share(self.dead?, self.dead? + self.live?)
    }

    /// Whether so many of its rows are dead that it asks for attention.
    pub(crate) fn has_many_dead(&self) -> bool {
        self.dead_share().is_some_and(|share| share >= NOTABLE_DEAD) && self.dead.unwrap_or(0.0) >= MANY_DEAD
    }

    /// Whether the planner has no statistics of so many rows that its defaults mislead it.
    pub(crate) fn lacks_statistics(&self) -> bool {
        self.is_never_analyzed() && !self.is_partitioned() && self.is_of(MANY_ROWS, MANY_BYTES)
    }

    /// Returns the dead rows and the rows in words: `18k dead of 100k rows`, and what is known where the counters were lost.
    pub(crate) fn dead_words(&self) -> String {
        let dead = self.dead.map_or_else(|| "?".to_owned(), |dead| Count(dead).to_string());
        match (self.live.zip(self.dead), self.rows()) {
            (Some((live, dead)), _) => format!("{} dead of {} rows", Count(dead), Count(live + dead)),
            (None, Some(rows)) => {
                format!("{dead} died since the counters were reset, {} rows at the last ANALYZE", Count(rows))
            }
            (None, None) => format!("{dead} died since the counters were reset, rows not known"),
        }
    }

    /// Whether no analyze is known: by the counters, and by the planner's figure.
    pub(crate) fn is_never_analyzed(&self) -> bool {
        // Before 14 a table without statistics has reltuples 0, not -1.
        self.last_analyze.is_none() && (self.reltuples < 0.0 || (self.reltuples == 0.0 && self.pages == 0.0))
    }
}

/// Returns a relation's name, with its schema where that is not `public`.
pub fn label(schema: &str, name: &str) -> String {
    if schema == "public" || schema.is_empty() { name.to_owned() } else { format!("{schema}.{name}") }
}

fn share(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| (part / whole).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};

    #[test]
    fn a_table_carries_its_sizes_and_shares() {
        let seen = snapshot()
            .with(
                "tables",
                vec![row! { relid: 7, schema: "public", name: "shop_order", kind: "r", reltuples: 100.0, pages: 10,
                seq_scan: 3, idx_scan: 1, updates: 10, hot_updates: 4, live: 90, dead: 10,
                last_vacuum: 5.0, last_autovacuum: 9.0, options: ["fillfactor=70"] }],
            )
            .with("table_sizes", vec![row! { relid: 7, heap_bytes: 81920, table_bytes: 90_000, index_bytes: 10_000, total_bytes: 100_000, read_at: 1.0 }]);
        let tables = TableUsage::all(&seen).unwrap();
        let table = &tables[0];
        assert_eq!(table.label(), "shop_order");
        assert_eq!(table.option("fillfactor"), Some("70"));
        assert_eq!(table.heap_bytes, Some(81920.0));
        assert_eq!((table.toast_bytes, table.index_bytes), (Some(8_080.0), Some(10_000.0)));
        assert_eq!((table.hot_share(), table.seq_scan_share(), table.dead_share()), (Some(0.4), Some(0.75), Some(0.1)));
        assert_eq!(table.last_vacuum, Some(Timestamp(9.0)));
        assert!(!table.is_never_analyzed());
    }

    #[test]
    fn counters_that_were_lost_know_neither_the_rows_nor_the_share_of_the_dead() {
        let of = |inserts: f64, analyzed: Option<f64>| {
            let analyzed = analyzed.map_or(crate::sample::Value::Null, crate::sample::Value::Float);
            let row = row! { relid: 7, kind: "r", reltuples: 1000.0, inserts: inserts, live: inserts, dead: 12.0,
            last_analyze: analyzed };
            TableUsage::all(&snapshot().with("tables", vec![row])).unwrap().remove(0)
        };
        let lost = of(3.0, None);
        assert_eq!((lost.live, lost.rows(), lost.dead_share()), (None, Some(1000.0), None));
        assert!(lost.has_lost_counters());
        for counted in [of(1000.0, None), of(3.0, Some(1.0))] {
            assert!(!counted.has_lost_counters() && counted.dead_share().is_some(), "{counted:?}");
        }
    }

    #[test]
    fn a_table_that_was_never_analyzed_and_lost_its_counters_has_an_unknown_number_of_rows() {
        let of = |reltuples: f64, live: i32, dead: i32, pages: i32| {
            let row = row! { relid: 7, kind: "r", reltuples: reltuples, inserts: live, live: live, dead: dead };
            let size = row! { relid: 7, heap_bytes: pages * 8192 };
            let seen = snapshot().with("tables", vec![row]).with("table_sizes", vec![size]);
            TableUsage::all(&seen).unwrap().remove(0)
        };
        // 0 before 14.
        for reltuples in [-1.0, 0.0] {
            let lost = of(reltuples, 0, 0, 1280);
            assert_eq!((lost.rows(), lost.dead_share()), (None, None), "{reltuples}");
            assert_eq!(lost.extent(), "10 MB of rows");
            assert!(lost.is_of(10_000.0, Bytes(1e6)) && !lost.is_of(10_000.0, Bytes(1e9)));
            assert_eq!(of(reltuples, 7, 3, 1280).rows(), None, "7 rows fill no 1280 pages");
        }
        assert_eq!(of(-1.0, 0, 0, 0).rows(), Some(0.0));
        assert_eq!(of(-1.0, 2, 0, 1).rows(), Some(2.0));
        assert_eq!(of(-1.0, 0, 50_000, 1280).rows(), Some(0.0), "deleted, and not yet vacuumed");
    }

    #[test]
    fn what_was_deleted_is_gone_though_the_planner_counts_it() {
        let row = row! { relid: 7, kind: "r", reltuples: 1000.0, pages: 9, inserts: 1000, live: 0, dead: 1000, last_analyze: 5.0 };
        let table = TableUsage::all(&snapshot().with("tables", vec![row])).unwrap().remove(0);
        assert_eq!((table.rows(), table.dead_share()), (Some(0.0), Some(1.0)));
    }

    #[test]
    fn without_scans_or_updates_there_is_no_share() {
        let table = TableUsage { seq_scan: Some(0.0), updates: Some(0.0), ..TableUsage::default() };
        assert_eq!((table.hot_share(), table.seq_scan_share()), (None, None));
    }

    #[test]
    fn a_size_that_was_never_read_is_not_zero() {
        let seen = snapshot().with("tables", vec![row! { relid: 7, kind: "r", reltuples: -1.0, pages: 0, live: 0 }]);
        let table = TableUsage::all(&seen).unwrap().remove(0);
        assert_eq!((table.size(), table.heap_size()), (None, None));
        let read = seen.with("table_sizes", vec![row! { relid: 7, heap_bytes: 0.0, total_bytes: 8192.0 }]);
        let table = TableUsage::all(&read).unwrap().remove(0);
        assert_eq!((table.size(), table.heap_size()), (Some(8192.0), Some(0.0)));
    }
}
