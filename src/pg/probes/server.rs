//! Probe `server`: The server itself: its clock, its limits, its age.

use super::{Lane, Pace, Probe, gauge};
use crate::sample::{Column, Unit};

/// The server itself: its clock, its limits, its age.
pub static PROBE: Probe = Probe {
    name: "server",
    sql: include_str!("../sql/server.sql"),
    columns: &COLUMNS,
    lane: Lane::Fast,
    pace: Pace::Sample,
    needs: &[],
    doc: "The server itself: its clock, its limits, its age.",
};

static COLUMNS: [Column; 13] = [
    gauge("now", Unit::Moment, "The server's clock.", "clock_timestamp()"),
    gauge("started", Unit::Moment, "When the server started.", "pg_postmaster_start_time()"),
    gauge("is_standby", Unit::Flag, "Whether the server is in recovery.", "pg_is_in_recovery()"),
    gauge("max_connections", Unit::Count, "Slots for connections.", "max_connections"),
    gauge("superuser_reserved", Unit::Count, "Slots kept for superusers.", "superuser_reserved_connections"),
    gauge(
        "reserved",
        Unit::Count,
        "Slots kept for members of pg_use_reserved_connections, since 16.",
        "reserved_connections",
    ),
    gauge("client_backends", Unit::Count, "Client sessions, without those of pgdj.", "pg_stat_activity"),
    gauge("own_backends", Unit::Count, "Sessions of this pgdj, which count against the limit too.", "pg_stat_activity"),
    gauge(
        "prepared_transactions",
        Unit::Count,
        "Prepared transactions, which hold locks and the xmin horizon without a session.",
        "pg_prepared_xacts",
    ),
    gauge("oldest_prepared", Unit::Seconds, "Age of the oldest prepared transaction.", "pg_prepared_xacts"),
    gauge(
        "replay_lag",
        Unit::Seconds,
        "On a standby: time since the last replayed transaction committed, zero when all that was received is replayed.",
        "pg_last_xact_replay_timestamp()",
    ),
    gauge("read_all_stats", Unit::Flag, "Whether this role sees the statements of others.", "pg_read_all_stats"),
    gauge(
        "extensions",
        Unit::Texts,
        "The extensions of this database, each with its version and schema: a change means that other columns can be read.",
        "pg_extension",
    ),
];
