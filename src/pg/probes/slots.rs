//! Probe `slots`: The replication slots of this server and the WAL that each keeps.

use super::{Lane, Probe, gauge, key, label, while_rows};
use crate::sample::{Column, Unit};

/// The replication slots of this server and the WAL that each keeps.
pub static PROBE: Probe = Probe {
    name: "slots",
    sql: include_str!("../sql/slots.sql"),
    columns: &COLUMNS,
    lane: Lane::Fast,
    pace: while_rows(10),
    needs: &[],
    doc: "The replication slots of this server and the WAL that each keeps.",
};

static COLUMNS: [Column; 13] = [
    key("name", Unit::Text, "Name of the slot.", "pg_replication_slots.slot_name"),
    label("type", Unit::Text, "physical or logical.", "pg_replication_slots.slot_type"),
    label("plugin", Unit::Text, "Output plugin; empty for a physical slot.", "pg_replication_slots"),
    label("database", Unit::Text, "Database of a logical slot; empty for a physical one.", "pg_replication_slots"),
    label("is_active", Unit::Flag, "Whether a session reads it now.", "pg_replication_slots.active"),
    label("active_pid", Unit::Id, "Pid of the session that reads it.", "pg_replication_slots"),
    label("is_temporary", Unit::Flag, "Whether it is dropped with its session.", "pg_replication_slots.temporary"),
    label(
        "is_synced",
        Unit::Flag,
        "Whether it is a copy that a standby keeps of its primary's slot (17 and later).",
        "pg_replication_slots.synced",
    ),
    gauge(
        "kept_bytes",
        Unit::Bytes,
        "WAL that it keeps: from its restart_lsn to the end of the WAL; null where it keeps none.",
        "pg_replication_slots.restart_lsn, pg_current_wal_lsn(), pg_last_wal_replay_lsn()",
    ),
    label("wal_status", Unit::Text, "reserved, extended, unreserved, lost (13 and later).", "pg_replication_slots"),
    gauge(
        "safe_bytes",
        Unit::Bytes,
        "WAL that can still be written before the slot is lost; null without max_slot_wal_keep_size (13 and later).",
        "pg_replication_slots.safe_wal_size",
    ),
    gauge(
        "inactive_for",
        Unit::Seconds,
        "Since it is not read; null while it is read (17 and later).",
        "pg_replication_slots.inactive_since",
    ),
    gauge("total", Unit::Count, "Slots there are; rows may be cut at a limit.", "pg_replication_slots"),
];
