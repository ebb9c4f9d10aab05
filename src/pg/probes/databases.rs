//! Probe `databases`: Each database: transactions, cache hits, temporary files, deadlocks, freeze age.

use super::{Lane, Pace, Probe, counter, gauge, key};
use crate::sample::{Column, Unit};

/// Each database: transactions, cache hits, temporary files, deadlocks, freeze age.
pub static PROBE: Probe = Probe {
    name: "databases",
    sql: include_str!("../sql/databases.sql"),
    columns: &COLUMNS,
    lane: Lane::Fast,
    pace: Pace::Sample,
    needs: &[],
    doc: "Each database: transactions, cache hits, temporary files, deadlocks, freeze age.",
};

static COLUMNS: [Column; 27] = [
    key("datname", Unit::Text, "Database.", "pg_stat_database"),
    gauge("is_current", Unit::Flag, "Whether it is the one of this connection.", "current_database()"),
    gauge("backends", Unit::Count, "Sessions connected to it.", "pg_stat_database.numbackends"),
    counter("commits", Unit::Count, "Transactions committed.", "pg_stat_database.xact_commit"),
    counter("rollbacks", Unit::Count, "Transactions rolled back.", "pg_stat_database.xact_rollback"),
    counter("blks_read", Unit::Blocks, "Blocks read from the disk or the system's cache.", "pg_stat_database"),
    counter("blks_hit", Unit::Blocks, "Blocks found in shared buffers.", "pg_stat_database"),
    counter(
        "tup_returned",
        Unit::Count,
        "Live rows fetched by sequential scans and index entries returned by index scans.",
        "pg_stat_database",
    ),
    counter("tup_fetched", Unit::Count, "Live rows fetched by index scans.", "pg_stat_database"),
    counter("tup_inserted", Unit::Count, "Rows inserted.", "pg_stat_database"),
    counter("tup_updated", Unit::Count, "Rows updated.", "pg_stat_database"),
    counter("tup_deleted", Unit::Count, "Rows deleted.", "pg_stat_database"),
    counter(
        "conflicts",
        Unit::Count,
        "Statements cancelled by a conflict with recovery, on a standby.",
        "pg_stat_database",
    ),
    counter("temp_files", Unit::Count, "Temporary files made.", "pg_stat_database"),
    counter("temp_bytes", Unit::Bytes, "Bytes written to temporary files.", "pg_stat_database"),
    counter("deadlocks", Unit::Count, "Deadlocks.", "pg_stat_database"),
    counter("active_time", Unit::Millis, "Time spent in statements, since 14.", "pg_stat_database"),
    counter(
        "idle_in_transaction_time",
        Unit::Millis,
        "Time spent idle in a transaction, since 14.",
        "pg_stat_database",
    ),
    counter("sessions", Unit::Count, "Sessions begun, since 14.", "pg_stat_database"),
    counter("sessions_abandoned", Unit::Count, "Sessions whose client went away, since 14.", "pg_stat_database"),
    counter("sessions_fatal", Unit::Count, "Sessions ended by an error, since 14.", "pg_stat_database"),
    counter("sessions_killed", Unit::Count, "Sessions terminated by an operator, since 14.", "pg_stat_database"),
    gauge("freeze_age", Unit::Xids, "Age of the oldest unfrozen transaction.", "age(pg_database.datfrozenxid)"),
    gauge("multixact_age", Unit::Xids, "Age of the oldest multixact.", "mxid_age(pg_database.datminmxid)"),
    gauge("stats_reset", Unit::Moment, "Since when the counters run.", "pg_stat_database"),
    gauge(
        "counters_since",
        Unit::Moment,
        "The last loss of all counters, which a crash brings; without one, when the server was first started.",
        "pg_stat_bgwriter, pg_stat_archiver",
    ),
    gauge("total", Unit::Count, "Databases there are; rows may be cut at a limit.", "pg_database"),
];
