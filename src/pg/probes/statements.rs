//! Probe `statements`: The counters of every statement; its text is read separately, once.

use super::{Lane, Need, Pace, Probe, counter, gauge, key, label};
use crate::sample::{Column, Unit};

/// The counters of every statement; its text is read separately, once.
pub static PROBE: Probe = Probe {
    name: "statements",
    sql: include_str!("../sql/statements.sql"),
    columns: &COLUMNS,
    lane: Lane::Fast,
    pace: Pace::Sample,
    needs: &[Need::Extension("pg_stat_statements")],
    doc: "The counters of every statement; its text is read separately, once.",
};

static COLUMNS: [Column; 30] = [
    key("queryid", Unit::Id, "Hash of the normalised statement.", "pg_stat_statements"),
    key("userid", Unit::Id, "Role that ran it.", "pg_stat_statements"),
    key("dbid", Unit::Id, "Database it ran in.", "pg_stat_statements"),
    key(
        "toplevel",
        Unit::Flag,
        "Whether it was run by a client and not from within a function, since 1.9.",
        "pg_stat_statements",
    ),
    label("user", Unit::Text, "Name of the role.", "pg_roles"),
    label("database", Unit::Text, "Name of the database.", "pg_database"),
    counter("calls", Unit::Count, "Times it was run.", "pg_stat_statements"),
    counter(
        "total_time",
        Unit::Millis,
        "Time spent running it.",
        "pg_stat_statements.total_exec_time (total_time before 1.8)",
    ),
    gauge("min_time", Unit::Millis, "Shortest run.", "pg_stat_statements"),
    gauge("max_time", Unit::Millis, "Longest run.", "pg_stat_statements"),
    gauge("mean_time", Unit::Millis, "Mean run since the reset.", "pg_stat_statements"),
    gauge("stddev_time", Unit::Millis, "Standard deviation of the runs.", "pg_stat_statements"),
    counter("rows", Unit::Count, "Rows returned or changed.", "pg_stat_statements"),
    counter("plans", Unit::Count, "Times it was planned, with track_planning, since 1.8.", "pg_stat_statements"),
    counter("plan_time", Unit::Millis, "Time spent planning, with track_planning, since 1.8.", "pg_stat_statements"),
    counter("shared_hit", Unit::Blocks, "Blocks found in shared buffers.", "pg_stat_statements.shared_blks_hit"),
    counter("shared_read", Unit::Blocks, "Blocks read.", "pg_stat_statements.shared_blks_read"),
    counter("shared_dirtied", Unit::Blocks, "Blocks dirtied.", "pg_stat_statements.shared_blks_dirtied"),
    counter("shared_written", Unit::Blocks, "Blocks written.", "pg_stat_statements.shared_blks_written"),
    counter("local_read", Unit::Blocks, "Blocks of temporary tables read.", "pg_stat_statements.local_blks_read"),
    counter(
        "temp_read",
        Unit::Blocks,
        "Temporary blocks read: sorts and hashes that did not fit work_mem.",
        "pg_stat_statements.temp_blks_read",
    ),
    counter("temp_written", Unit::Blocks, "Temporary blocks written.", "pg_stat_statements.temp_blks_written"),
    counter(
        "read_time",
        Unit::Millis,
        "Time reading blocks, with track_io_timing.",
        "pg_stat_statements.shared_blk_read_time (blk_read_time before 1.11)",
    ),
    counter(
        "write_time",
        Unit::Millis,
        "Time writing blocks, with track_io_timing.",
        "pg_stat_statements.shared_blk_write_time (blk_write_time before 1.11)",
    ),
    counter("wal_bytes", Unit::Bytes, "WAL written, since 1.8.", "pg_stat_statements"),
    counter(
        "jit_time",
        Unit::Millis,
        "Time compiling, since 1.10.",
        "pg_stat_statements.jit_generation_time and related columns",
    ),
    gauge("stats_since", Unit::Moment, "Since when this entry counts, since 1.11.", "pg_stat_statements"),
    label(
        "mark",
        Unit::Id,
        "A hash of the counters, by which pgdj knows what moved; taken off the rows that are kept.",
        "pg_stat_statements",
    ),
    label(
        "gone",
        Unit::Ids,
        "Of one row alone: the marks that pgdj knows and that no statement has any more.",
        "pg_stat_statements",
    ),
    gauge("total", Unit::Count, "Number of statements; the rows may be cut at a limit.", "pg_stat_statements"),
];
