//! Probe `replication`: The standbys of this server and how far behind they are.

use super::{Lane, Probe, gauge, key, label, while_rows};
use crate::sample::{Column, Unit};

/// The standbys of this server and how far behind they are.
pub static PROBE: Probe = Probe {
    name: "replication",
    sql: include_str!("../sql/replication.sql"),
    columns: &COLUMNS,
    lane: Lane::Fast,
    pace: while_rows(10),
    needs: &[],
    doc: "The standbys of this server and how far behind they are.",
};

static COLUMNS: [Column; 11] = [
    key("pid", Unit::Id, "Process id of the WAL sender.", "pg_stat_replication"),
    label("application", Unit::Text, "application_name of the standby.", "pg_stat_replication"),
    label("client", Unit::Text, "Address of the standby.", "pg_stat_replication"),
    label("state", Unit::Text, "startup, catchup, streaming, backup.", "pg_stat_replication"),
    label("sync_state", Unit::Text, "async, potential, sync, quorum.", "pg_stat_replication"),
    gauge("lag_bytes", Unit::Bytes, "WAL written here and not replayed there.", "pg_stat_replication.replay_lsn"),
    gauge("write_lag", Unit::Seconds, "Time until the standby wrote recent WAL.", "pg_stat_replication"),
    gauge("flush_lag", Unit::Seconds, "Time until the standby flushed recent WAL.", "pg_stat_replication"),
    gauge(
        "replay_lag",
        Unit::Seconds,
        "Time until the standby replayed recent WAL; null when all is replayed.",
        "pg_stat_replication",
    ),
    gauge("reply_age", Unit::Seconds, "Since the standby last answered.", "pg_stat_replication.reply_time"),
    gauge("total", Unit::Count, "Standbys there are; rows may be cut at a limit.", "pg_stat_replication"),
];
