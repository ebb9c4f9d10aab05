//! Probe `vacuum_progress`: The vacuums that run now.

use super::{Lane, Probe, gauge, key, label, while_rows};
use crate::sample::{Column, Unit};

/// The vacuums that run now.
pub static PROBE: Probe = Probe {
    name: "vacuum_progress",
    sql: include_str!("../sql/vacuum_progress.sql"),
    columns: &COLUMNS,
    lane: Lane::Fast,
    pace: while_rows(10),
    needs: &[],
    doc: "The vacuums that run now.",
};

static COLUMNS: [Column; 8] = [
    key("pid", Unit::Id, "Session that vacuums.", "pg_stat_progress_vacuum"),
    label("relid", Unit::Id, "The table.", "pg_stat_progress_vacuum"),
    label("phase", Unit::Text, "What it does now.", "pg_stat_progress_vacuum"),
    gauge("heap_total", Unit::Blocks, "Blocks of the table.", "pg_stat_progress_vacuum.heap_blks_total"),
    gauge("heap_scanned", Unit::Blocks, "Blocks scanned.", "pg_stat_progress_vacuum.heap_blks_scanned"),
    gauge("heap_vacuumed", Unit::Blocks, "Blocks vacuumed.", "pg_stat_progress_vacuum.heap_blks_vacuumed"),
    gauge(
        "index_passes",
        Unit::Count,
        "Passes over the indexes; more than one means too little maintenance_work_mem.",
        "pg_stat_progress_vacuum.index_vacuum_count",
    ),
    gauge("total", Unit::Count, "Vacuums there are; rows may be cut at a limit.", "pg_stat_progress_vacuum"),
];
