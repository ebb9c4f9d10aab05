//! Probe `archiving`: Whether WAL segments are archived, and how far that has got.

use super::{Lane, Probe, counter, gauge, label, seconds};
use crate::sample::{Column, Unit};

/// Whether WAL segments are archived, and how far that has got.
pub static PROBE: Probe = Probe {
    name: "archiving",
    sql: include_str!("../sql/archiving.sql"),
    columns: &COLUMNS,
    lane: Lane::Fast,
    pace: seconds(10),
    needs: &[],
    doc: "Whether WAL segments are archived, and how far that has got.",
};

static COLUMNS: [Column; 9] = [
    label("mode", Unit::Text, "off, on or always.", "archive_mode"),
    label(
        "is_configured",
        Unit::Flag,
        "Whether there is a command or a library that archives.",
        "archive_command, archive_library",
    ),
    gauge("segment_bytes", Unit::Bytes, "Size of a WAL segment.", "wal_segment_size"),
    counter("archived", Unit::Count, "Segments archived since the reset.", "pg_stat_archiver.archived_count"),
    label("last_archived", Unit::Text, "The last file archived.", "pg_stat_archiver.last_archived_wal"),
    gauge("last_archived_at", Unit::Moment, "When it was archived.", "pg_stat_archiver.last_archived_time"),
    counter("failed", Unit::Count, "Attempts that failed since the reset.", "pg_stat_archiver.failed_count"),
    label("last_failed", Unit::Text, "The file of the last attempt that failed.", "pg_stat_archiver.last_failed_wal"),
    gauge("last_failed_at", Unit::Moment, "When that was.", "pg_stat_archiver.last_failed_time"),
];
