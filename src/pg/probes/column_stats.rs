//! Probe `column_stats`: What an estimate of the bloat of a table needs, one row a table.

use super::{Lane, Probe, gauge, key, seconds};
use crate::sample::{Column, Unit};

/// What an estimate of the bloat of a table needs, one row a table.
pub static PROBE: Probe = Probe {
    name: "column_stats",
    sql: include_str!("../sql/column_stats.sql"),
    columns: &COLUMNS,
    lane: Lane::Slow,
    pace: seconds(180),
    needs: &[],
    doc: "Inputs for the bloat estimate of a table, one row per table.",
};

static COLUMNS: [Column; 14] = [
    key("relid", Unit::Id, "The table's oid.", "pg_stats, pg_attribute, pg_class"),
    gauge(
        "row_width",
        Unit::Bytes,
        "Mean width of a row's data with its header, before alignment, from the statistics.",
        "pg_stats.avg_width",
    ),
    gauge(
        "is_na",
        Unit::Flag,
        "Whether no estimate is possible: a column without statistics this role may read, or of type name.",
        "pg_stats, pg_attribute, pg_class",
    ),
    gauge(
        "has_statistics",
        Unit::Flag,
        "Whether the table was ever analyzed, as far as this role can see.",
        "pg_stats, pg_attribute, pg_class",
    ),
    gauge("fillfactor", Unit::Count, "Percent of a page that inserts may fill.", "pg_class.reloptions"),
    gauge("pages", Unit::Blocks, "Pages of the heap at the last vacuum or analyze.", "pg_class.relpages"),
    gauge("reltuples", Unit::Number, "Rows at the last vacuum or analyze.", "pg_class.reltuples"),
    gauge("toast_pages", Unit::Blocks, "Pages of its TOAST table.", "pg_class.relpages"),
    gauge("columns", Unit::Count, "Columns.", "pg_class.relnatts"),
    gauge("columns_seen", Unit::Count, "Columns whose statistics this role may read.", "pg_stats"),
    gauge(
        "may_read",
        Unit::Flag,
        "Whether this role may read the table, and so its statistics.",
        "has_table_privilege()",
    ),
    gauge(
        "layout",
        Unit::Text,
        "Each column in order: mean width, alignment, f fixed or v varying width, nulls in ten-thousandths.",
        "pg_attribute, pg_stats",
    ),
    gauge("read_at", Unit::Moment, "When this was read.", "clock_timestamp()"),
    gauge("total", Unit::Count, "Tables there are; rows may be cut at a limit.", "pg_class"),
];
