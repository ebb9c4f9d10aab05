//! Probe `wal`: How far the WAL has got.

use super::{Lane, Probe, counter, seconds};
use crate::sample::{Column, Unit};

/// How far the WAL has got.
pub static PROBE: Probe = Probe {
    name: "wal",
    sql: include_str!("../sql/wal.sql"),
    columns: &COLUMNS,
    lane: Lane::Fast,
    pace: seconds(5),
    needs: &[],
    doc: "How far the WAL has got.",
};

static COLUMNS: [Column; 2] = [
    counter(
        "position",
        Unit::Bytes,
        "Byte position in the WAL: written on a primary, replayed on a standby.",
        "pg_current_wal_lsn(), pg_last_wal_replay_lsn()",
    ),
    counter("received", Unit::Bytes, "Byte position received, on a standby.", "pg_last_wal_receive_lsn()"),
];
