//! Probe `indexes`: The indexes: scans and what they are made of; no definitions that would wait for a lock.

use super::{Lane, Probe, counter, gauge, key, label, seconds};
use crate::sample::{Column, Unit};

/// The indexes: scans and what they are made of; no definitions that would wait for a lock.
pub static PROBE: Probe = Probe {
    name: "indexes",
    sql: include_str!("../sql/indexes.sql"),
    columns: &COLUMNS,
    lane: Lane::Slow,
    pace: seconds(10),
    needs: &[],
    doc: "The indexes: scans and what they are made of; no definitions that would wait for a lock.",
};

static COLUMNS: [Column; 35] = [
    key("indexrelid", Unit::Id, "The index's oid.", "pg_stat_user_indexes, pg_index"),
    label("relid", Unit::Id, "Its table's oid.", "pg_stat_user_indexes, pg_index"),
    label("schema", Unit::Text, "Schema.", "pg_stat_user_indexes, pg_index"),
    label("table", Unit::Text, "Table.", "pg_stat_user_indexes, pg_index"),
    label("name", Unit::Text, "Name.", "pg_stat_user_indexes, pg_index"),
    label("method", Unit::Text, "Access method: btree, gin, gist, brin, hash, spgist.", "pg_am"),
    gauge("pages", Unit::Blocks, "Pages at the last vacuum or analyze.", "pg_class.relpages"),
    gauge("reltuples", Unit::Number, "Entries at the last vacuum or analyze.", "pg_class.reltuples"),
    gauge("is_unique", Unit::Flag, "Whether it enforces uniqueness.", "pg_index.indisunique"),
    gauge("is_primary", Unit::Flag, "Whether it is the primary key.", "pg_index.indisprimary"),
    gauge("is_exclusion", Unit::Flag, "Whether it backs an exclusion constraint.", "pg_index.indisexclusion"),
    gauge("is_constraint", Unit::Flag, "Whether a constraint depends on it.", "pg_constraint.conindid"),
    gauge("is_valid", Unit::Flag, "Whether statements may use it.", "pg_index.indisvalid"),
    gauge("is_ready", Unit::Flag, "Whether writes maintain it.", "pg_index.indisready"),
    gauge(
        "is_replica_identity",
        Unit::Flag,
        "Whether logical replication identifies rows by it.",
        "pg_index.indisreplident",
    ),
    gauge("is_clustered", Unit::Flag, "Whether the table was last clustered by it.", "pg_index.indisclustered"),
    gauge("is_partial", Unit::Flag, "Whether it has a predicate.", "pg_index.indpred"),
    gauge("is_expression", Unit::Flag, "Whether a key is an expression.", "pg_index.indexprs"),
    label("key_columns", Unit::Ids, "Attribute numbers of the keys; zero is an expression.", "pg_index.indkey"),
    label("included_columns", Unit::Ids, "Attribute numbers of the included columns.", "pg_index.indkey"),
    label("column_names", Unit::Texts, "Names of the columns, keys first; empty for an expression.", "pg_attribute"),
    label("opclasses", Unit::Ids, "Operator class of each key.", "pg_index.indclass"),
    label("collations", Unit::Ids, "Collation of each key.", "pg_index.indcollation"),
    label("key_options", Unit::Ids, "Bits of each key: 1 descending, 2 nulls first.", "pg_index.indoption"),
    label(
        "expression_hash",
        Unit::Text,
        "Hash of the stored expressions and predicate, equal for equal ones of one table.",
        "pg_index.indexprs, indpred",
    ),
    label("options", Unit::Texts, "Storage parameters.", "pg_class.reloptions"),
    counter("scans", Unit::Count, "Scans started.", "pg_stat_user_indexes.idx_scan"),
    counter("tup_read", Unit::Count, "Entries returned by scans.", "pg_stat_user_indexes.idx_tup_read"),
    counter("tup_fetch", Unit::Count, "Live rows fetched by simple scans.", "pg_stat_user_indexes.idx_tup_fetch"),
    gauge("last_scan", Unit::Moment, "Last scan, since 16.", "pg_stat_user_indexes.last_idx_scan"),
    counter(
        "blocks_read",
        Unit::Blocks,
        "Blocks read from outside shared buffers.",
        "pg_statio_user_indexes.idx_blks_read",
    ),
    counter("blocks_hit", Unit::Blocks, "Blocks found in shared buffers.", "pg_statio_user_indexes.idx_blks_hit"),
    gauge("table_live", Unit::Count, "Live rows of the table, estimated.", "pg_stat_user_tables.n_live_tup"),
    label(
        "locked_by",
        Unit::Ids,
        "Pids with an ACCESS EXCLUSIVE lock on it or its table, held or waited for.",
        "pg_locks",
    ),
    gauge("total", Unit::Count, "Number of indexes; the rows may be cut at a limit.", "pg_class"),
];
