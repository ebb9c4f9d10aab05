//! Probe `index_stats`: Inputs for the size estimate of a b-tree, one row per index.

use super::{Lane, Probe, gauge, key, seconds};
use crate::sample::{Column, Unit};

/// Inputs for the size estimate of a b-tree, one row per index.
pub static PROBE: Probe = Probe {
    name: "index_stats",
    sql: include_str!("../sql/index_stats.sql"),
    columns: &COLUMNS,
    lane: Lane::Slow,
    pace: seconds(180),
    needs: &[],
    doc: "Inputs for the size estimate of a b-tree, one row per index.",
};

static COLUMNS: [Column; 16] = [
    key("indexrelid", Unit::Id, "The index's oid.", "pg_stats, pg_index"),
    gauge(
        "key_width",
        Unit::Bytes,
        "Mean width of the keys and included columns, each aligned to its type, from the statistics.",
        "pg_stats.avg_width",
    ),
    gauge(
        "distinct_rows",
        Unit::Number,
        "Distinct keys: the product over the columns, at most the rows.",
        "pg_stats.n_distinct",
    ),
    gauge("distinct_least", Unit::Number, "Distinct keys at least: the largest of one column.", "pg_stats.n_distinct"),
    gauge("null_share", Unit::Share, "Largest share of nulls among the keys.", "pg_stats.null_frac"),
    gauge(
        "common_share",
        Unit::Share,
        "Share of the rows with one of the most common values, of an index with one column.",
        "pg_stats.most_common_freqs",
    ),
    gauge("common_values", Unit::Count, "How many most common values there are.", "pg_stats.most_common_freqs"),
    gauge("keys", Unit::Count, "Columns, the included ones too.", "pg_index.indnatts"),
    gauge(
        "may_read",
        Unit::Flag,
        "Whether this role may read the table, and so its statistics.",
        "has_table_privilege()",
    ),
    gauge(
        "is_na",
        Unit::Flag,
        "Whether no estimate is possible: a key without statistics this role may read, an expression, a predicate, \
         not a b-tree.",
        "pg_stats, pg_index",
    ),
    gauge(
        "can_deduplicate",
        Unit::Flag,
        "Whether a b-tree of 13 and later stores equal keys once: no included column, no numeric, float, jsonb or \
         container key, deterministic collations.",
        "pg_stats, pg_index",
    ),
    gauge("fillfactor", Unit::Count, "Percent of a leaf page that a build fills.", "pg_class.reloptions"),
    gauge("pages", Unit::Blocks, "Pages at the last vacuum or analyze.", "pg_class.relpages"),
    gauge("reltuples", Unit::Number, "Entries at the last vacuum or analyze.", "pg_class.reltuples"),
    gauge("read_at", Unit::Moment, "When this was read.", "clock_timestamp()"),
    gauge("total", Unit::Count, "Indexes there are; rows may be cut at a limit.", "pg_class"),
];
