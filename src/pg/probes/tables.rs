//! Probe `tables`: The tables: rows, scans, vacuums, freeze age; no sizes that would wait for a lock.

use super::{Lane, Probe, counter, gauge, key, label, seconds};
use crate::sample::{Column, Unit};

/// The tables: rows, scans, vacuums, freeze age; no sizes that would wait for a lock.
pub static PROBE: Probe = Probe {
    name: "tables",
    sql: include_str!("../sql/tables.sql"),
    columns: &COLUMNS,
    lane: Lane::Slow,
    pace: seconds(5),
    needs: &[],
    doc: "The tables: rows, scans, vacuums, freeze age; no sizes that would wait for a lock.",
};

static COLUMNS: [Column; 32] = [
    key("relid", Unit::Id, "The table's oid.", "pg_stat_user_tables, pg_class"),
    label("schema", Unit::Text, "Schema.", "pg_stat_user_tables, pg_class"),
    label("name", Unit::Text, "Name.", "pg_stat_user_tables, pg_class"),
    label("kind", Unit::Text, "r table, p partitioned table, m materialised view.", "pg_class.relkind"),
    gauge("pages", Unit::Blocks, "Pages at the last vacuum or analyze.", "pg_class.relpages"),
    gauge("reltuples", Unit::Number, "Rows by the planner's estimate; -1 if never analyzed.", "pg_class.reltuples"),
    gauge("visible_pages", Unit::Blocks, "Pages all rows of which every transaction sees.", "pg_class.relallvisible"),
    gauge("freeze_age", Unit::Xids, "Age of the oldest unfrozen transaction.", "age(pg_class.relfrozenxid)"),
    label("options", Unit::Texts, "Storage parameters: fillfactor, autovacuum_….", "pg_class.reloptions"),
    counter("seq_scan", Unit::Count, "Sequential scans.", "pg_stat_user_tables, pg_class"),
    counter("seq_tup_read", Unit::Count, "Rows read by them.", "pg_stat_user_tables, pg_class"),
    counter("idx_scan", Unit::Count, "Index scans.", "pg_stat_user_tables, pg_class"),
    counter("idx_tup_fetch", Unit::Count, "Rows fetched by them.", "pg_stat_user_tables, pg_class"),
    counter("inserts", Unit::Count, "Rows inserted.", "pg_stat_user_tables.n_tup_ins"),
    counter("updates", Unit::Count, "Rows updated.", "pg_stat_user_tables.n_tup_upd"),
    counter("deletes", Unit::Count, "Rows deleted.", "pg_stat_user_tables.n_tup_del"),
    counter("hot_updates", Unit::Count, "Updates that touched no index.", "pg_stat_user_tables.n_tup_hot_upd"),
    gauge("live", Unit::Count, "Live rows, estimated.", "pg_stat_user_tables.n_live_tup"),
    gauge("dead", Unit::Count, "Dead rows, estimated.", "pg_stat_user_tables.n_dead_tup"),
    gauge("mod_since_analyze", Unit::Count, "Rows changed since the last analyze.", "pg_stat_user_tables, pg_class"),
    gauge(
        "ins_since_vacuum",
        Unit::Count,
        "Rows inserted since the last vacuum, since 13.",
        "pg_stat_user_tables, pg_class",
    ),
    gauge("last_vacuum", Unit::Moment, "Last manual vacuum.", "pg_stat_user_tables, pg_class"),
    gauge("last_autovacuum", Unit::Moment, "Last vacuum by autovacuum.", "pg_stat_user_tables, pg_class"),
    gauge("last_analyze", Unit::Moment, "Last manual analyze.", "pg_stat_user_tables, pg_class"),
    gauge("last_autoanalyze", Unit::Moment, "Last analyze by autovacuum.", "pg_stat_user_tables, pg_class"),
    gauge(
        "vacuums",
        Unit::Count,
        "Vacuums of both kinds since the reset.",
        "pg_stat_user_tables.vacuum_count + autovacuum_count",
    ),
    gauge("last_seq_scan", Unit::Moment, "Last sequential scan, since 16.", "pg_stat_user_tables, pg_class"),
    gauge("last_idx_scan", Unit::Moment, "Last index scan, since 16.", "pg_stat_user_tables, pg_class"),
    counter("heap_read", Unit::Blocks, "Blocks of the heap read.", "pg_statio_user_tables.heap_blks_read"),
    counter(
        "heap_hit",
        Unit::Blocks,
        "Blocks of the heap found in shared buffers.",
        "pg_statio_user_tables.heap_blks_hit",
    ),
    label("locked_by", Unit::Ids, "Pids with an ACCESS EXCLUSIVE lock on it, held or waited for.", "pg_locks"),
    gauge("total", Unit::Count, "Number of tables; the rows may be cut at a limit.", "pg_class"),
];
