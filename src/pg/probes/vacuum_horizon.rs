//! Probe `vacuum_horizon`: Who keeps vacuum from removing dead rows: sessions, standbys, slots, prepared transactions.

use super::{Lane, Probe, gauge, key, label, while_rows};
use crate::sample::{Column, Unit};

/// Who keeps vacuum from removing dead rows.
pub static PROBE: Probe = Probe {
    name: "vacuum_horizon",
    sql: include_str!("../sql/vacuum_horizon.sql"),
    columns: &COLUMNS,
    lane: Lane::Fast,
    pace: while_rows(4),
    needs: &[],
    doc: "Who keeps vacuum from removing dead rows: sessions, standbys, replication slots, prepared transactions.",
};

static COLUMNS: [Column; 10] = [
    key("kind", Unit::Text, "session, standby, slot or prepared.", "pg_stat_activity, pg_stat_replication, …"),
    key(
        "pid",
        Unit::Id,
        "Pid of the session; for a slot, of the one that uses it.",
        "pg_stat_activity, pg_replication_slots",
    ),
    key(
        "name",
        Unit::Text,
        "application_name, name of the slot, or identifier of the prepared transaction.",
        "pg_stat_activity, pg_replication_slots, pg_prepared_xacts",
    ),
    label("database", Unit::Text, "Its database, empty for none.", "pg_stat_activity, pg_prepared_xacts"),
    gauge(
        "xmin_age",
        Unit::Xids,
        "Age of the oldest transaction its snapshot may see.",
        "pg_stat_activity.backend_xmin, pg_replication_slots.xmin",
    ),
    gauge(
        "xid_age",
        Unit::Xids,
        "Age of its own transaction id.",
        "pg_stat_activity.backend_xid, pg_prepared_xacts.transaction",
    ),
    gauge(
        "catalog_age",
        Unit::Xids,
        "Age of the oldest transaction whose catalog rows a logical slot needs.",
        "pg_replication_slots.catalog_xmin",
    ),
    gauge(
        "open_for",
        Unit::Seconds,
        "Since its transaction started or was prepared; of a slot, since it is not used (17 and later).",
        "xact_start, prepared, inactive_since",
    ),
    label("is_vacuum", Unit::Flag, "Whether it is a VACUUM, which holds back no other.", "pg_stat_progress_vacuum"),
    gauge(
        "total",
        Unit::Count,
        "Holders there are; rows may be cut at a limit.",
        "pg_stat_activity, pg_replication_slots, pg_prepared_xacts",
    ),
];
