//! Probe `wal_receiver`: On a standby, where its WAL comes from and whether it is replayed.

use super::{Lane, Probe, gauge, label, while_rows};
use crate::sample::{Column, Unit};

/// On a standby, where its WAL comes from and whether it is replayed.
pub static PROBE: Probe = Probe {
    name: "wal_receiver",
    sql: include_str!("../sql/wal_receiver.sql"),
    columns: &COLUMNS,
    lane: Lane::Fast,
    pace: while_rows(10),
    needs: &[],
    doc: "On a standby, where its WAL comes from and whether it is replayed; no row on a primary.",
};

static COLUMNS: [Column; 7] = [
    label("pid", Unit::Id, "Process id of the WAL receiver; null where none runs.", "pg_stat_wal_receiver"),
    label("status", Unit::Text, "starting, streaming, waiting, restarting, stopping.", "pg_stat_wal_receiver"),
    label("sender", Unit::Text, "Host of the server that sends.", "pg_stat_wal_receiver.sender_host"),
    label("port", Unit::Id, "Its port.", "pg_stat_wal_receiver.sender_port"),
    label("slot", Unit::Text, "The replication slot there; empty for none.", "pg_stat_wal_receiver.slot_name"),
    gauge("heard_at", Unit::Moment, "When it last received something.", "pg_stat_wal_receiver.last_msg_receipt_time"),
    label("is_paused", Unit::Flag, "Whether replay is paused.", "pg_is_wal_replay_paused()"),
];
