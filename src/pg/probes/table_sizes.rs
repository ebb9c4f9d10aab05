//! Probe `table_sizes`: Sizes of the tables; those behind an ACCESS EXCLUSIVE lock are left out and keep their last figures.

use super::{Lane, Probe, gauge, key, label, seconds};
use crate::sample::{Column, Unit};

/// Sizes of the tables; those behind an ACCESS EXCLUSIVE lock are left out and keep their last figures.
pub static PROBE: Probe = Probe {
    name: "table_sizes",
    sql: include_str!("../sql/table_sizes.sql"),
    columns: &COLUMNS,
    lane: Lane::Slow,
    pace: seconds(30),
    needs: &[],
    doc: "Sizes of the tables; those behind an ACCESS EXCLUSIVE lock are left out and keep their last figures.",
};

static COLUMNS: [Column; 8] = [
    key("relid", Unit::Id, "The table's oid.", "pg_relation_size()"),
    gauge("heap_bytes", Unit::Bytes, "Main fork of the heap.", "pg_relation_size()"),
    gauge("table_bytes", Unit::Bytes, "Heap, TOAST, free space and visibility maps.", "pg_table_size()"),
    gauge("index_bytes", Unit::Bytes, "All its indexes.", "pg_indexes_size()"),
    gauge("total_bytes", Unit::Bytes, "All of it.", "pg_total_relation_size()"),
    gauge(
        "read_at",
        Unit::Moment,
        "When these were read: older than the section where the table is locked.",
        "clock_timestamp()",
    ),
    label(
        "locked_by",
        Unit::Ids,
        "Pids with an ACCESS EXCLUSIVE lock on it, held or waited for; then the figures are those of the last time.",
        "pg_locks",
    ),
    gauge("total", Unit::Count, "Tables there are; rows may be cut at a limit.", "pg_class"),
];
