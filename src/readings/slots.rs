//! The replication slots, and when one keeps too much WAL.
//!
//! Pure.

use super::threshold::{ReachedLimit, Threshold};
use crate::catalog;
use crate::catalog::settings::Settings;
use crate::quote::quote_text;
use crate::sample::{Bytes, Missing, Row, Seconds, Snapshot};

/// Bytes of WAL that a slot keeps while no one reads it.
///
/// A server keeps up to `max_wal_size` (1 GB by default) without any slot; 10 GB is where a small disk fills up.
pub const KEPT_BYTES: Threshold = Threshold { warning: GB, critical: 10.0 * GB };

const GB: f64 = 1024.0 * 1024.0 * 1024.0;
const MB: f64 = 1024.0 * 1024.0;

/// A replication slot.
#[derive(Debug, Clone, PartialEq)]
pub struct Slot {
    /// Its name.
    pub name: String,
    /// `physical` or `logical`.
    pub kind: String,
    /// Its output plugin; empty for a physical one.
    pub plugin: String,
    /// Its database; empty for a physical one.
    pub database: String,
    /// Whether a session reads it.
    pub is_active: bool,
    /// The session that reads it.
    pub active_pid: Option<i64>,
    /// Whether it is dropped with its session.
    pub is_temporary: bool,
    /// Whether it is a standby's copy of its primary's slot: that is never read, and cannot be dropped.
    pub is_synced: bool,
    /// WAL that it keeps; `None` where it keeps none.
    pub kept: Option<Bytes>,
    /// `reserved`, `extended`, `unreserved`, `lost`; empty before 13.
    pub wal_status: String,
    /// WAL that can still be written before it is lost; `None` without a limit.
    pub safe: Option<Bytes>,
    /// Since when no session reads it, where that is known.
    pub inactive_for: Option<Seconds>,
}

impl Slot {
    /// Returns the slots of a snapshot, or why they could not be read.
    pub fn all(snapshot: &Snapshot) -> Result<Vec<Self>, Missing> {
        Ok(catalog::rows(snapshot, "slots")?.iter().map(|row| Self::of(&row)).collect())
    }

    fn of(row: &Row<'_>) -> Self {
        let text = |column| row.text(column).to_owned();
        let flag = |column| row.flag(column) == Some(true);
        Self {
            name: text("name"),
            kind: text("type"),
            plugin: text("plugin"),
            database: text("database"),
            is_active: flag("is_active"),
            active_pid: row.int("active_pid"),
            is_temporary: flag("is_temporary"),
            is_synced: flag("is_synced"),
            kept: row.number("kept_bytes").map(|bytes| Bytes(bytes.max(0.0))),
            wal_status: text("wal_status"),
            safe: row.number("safe_bytes").map(Bytes),
            inactive_for: row.number("inactive_for").map(|age| Seconds(age.max(0.0))),
        }
    }

    /// Whether the server removed WAL that it needs, or invalidated it for another reason.
    pub fn is_lost(&self) -> bool {
        self.wal_status == "lost"
    }

    /// Returns the limit that the WAL of a slot has reached that no one reads; `None` for any other slot.
    ///
    /// Where `max_slot_wal_keep_size` is set, the slot is lost before the disk is full.
    pub fn reached(&self, limit: Option<Bytes>) -> Option<ReachedLimit> {
        if self.is_active || self.is_synced || self.is_lost() {
            return None;
        }
        let reached = KEPT_BYTES.reached(self.kept?.0)?;
        Some(if limit.is_some() { ReachedLimit::Warning } else { reached })
    }

    /// Returns the statement that drops it.
    pub fn sql_to_drop(&self) -> String {
        format!("SELECT pg_drop_replication_slot({});", quote_text(&self.name))
    }
}

/// Returns the most WAL that a slot may keep; `None` for no limit, as before 13.
pub fn keep_limit(settings: &Settings) -> Option<Bytes> {
    let megabytes = settings.number("max_slot_wal_keep_size").filter(|megabytes| *megabytes >= 0.0)?;
    Some(Bytes(megabytes * MB))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};

    #[test]
    fn only_a_slot_that_no_one_reads_reaches_a_limit() {
        let (gb, critical) = (GB as i64, Some(ReachedLimit::Critical));
        let of = |row| Slot::all(&snapshot().with("slots", vec![row])).unwrap().remove(0);
        for (row, limit, reached) in [
            (row! { name: "s", kept_bytes: gb - 1 }, None, None),
            (row! { name: "s", kept_bytes: gb }, None, Some(ReachedLimit::Warning)),
            (row! { name: "s", kept_bytes: 10 * gb }, None, critical),
            (row! { name: "s", kept_bytes: 10 * gb }, Some(Bytes(GB)), Some(ReachedLimit::Warning)),
            (row! { name: "s", kept_bytes: 10 * gb, is_active: true }, None, None),
            (row! { name: "s", kept_bytes: 10 * gb, is_synced: true }, None, None),
            (row! { name: "s", kept_bytes: 10 * gb, wal_status: "lost" }, None, None),
            (row! { name: "s" }, None, None),
        ] {
            assert_eq!(of(row.clone()).reached(limit), reached, "{row:?}");
        }
    }

    #[test]
    fn minus_one_and_an_old_server_have_no_limit() {
        let limit = |rows| keep_limit(&Settings::of(&snapshot().with("settings", rows)).unwrap());
        assert_eq!(limit(vec![]), None);
        assert_eq!(limit(vec![row! { name: "max_slot_wal_keep_size", value: "-1", unit: "MB" }]), None);
        let set = limit(vec![row! { name: "max_slot_wal_keep_size", value: "2048", unit: "MB" }]);
        assert_eq!(set, Some(Bytes(2.0 * GB)));
    }

    #[test]
    fn a_name_is_quoted_in_the_statement_that_drops_it() {
        let seen = snapshot().with("slots", vec![row! { name: "it's" }]);
        assert_eq!(Slot::all(&seen).unwrap()[0].sql_to_drop(), "SELECT pg_drop_replication_slot('it''s');");
    }
}
