//! Probe `index_sizes`: Sizes and definitions of the indexes; those behind an ACCESS EXCLUSIVE lock keep their last figures.

use super::{Lane, Probe, gauge, key, label, seconds};
use crate::sample::{Column, Unit};

/// Sizes and definitions of the indexes; those behind an ACCESS EXCLUSIVE lock keep their last figures.
pub static PROBE: Probe = Probe {
    name: "index_sizes",
    sql: include_str!("../sql/index_sizes.sql"),
    columns: &COLUMNS,
    lane: Lane::Slow,
    pace: seconds(30),
    needs: &[],
    doc: "Sizes and definitions of the indexes; those behind an ACCESS EXCLUSIVE lock keep their last figures.",
};

static COLUMNS: [Column; 6] = [
    key("indexrelid", Unit::Id, "The index's oid.", "pg_relation_size(), pg_get_indexdef()"),
    gauge("bytes", Unit::Bytes, "Size of the index.", "pg_relation_size(), pg_get_indexdef()"),
    label("definition", Unit::Sql, "The statement that would make it.", "pg_get_indexdef()"),
    gauge(
        "read_at",
        Unit::Moment,
        "When these were read: older than the section where the table is locked.",
        "clock_timestamp()",
    ),
    label(
        "locked_by",
        Unit::Ids,
        "Pids with an ACCESS EXCLUSIVE lock on it or its table, held or waited for; then the figures are those of \
         the last time.",
        "pg_locks",
    ),
    gauge("total", Unit::Count, "Indexes there are; rows may be cut at a limit.", "pg_class"),
];
