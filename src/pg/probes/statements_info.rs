//! Probe `statements_info`: Whether entries were evicted or the counters reset.

use super::{Lane, Need, Probe, counter, gauge, seconds};
use crate::sample::{Column, Unit};

/// Whether entries were evicted or the counters reset.
pub static PROBE: Probe = Probe {
    name: "statements_info",
    sql: include_str!("../sql/statements_info.sql"),
    columns: &COLUMNS,
    lane: Lane::Fast,
    pace: seconds(10),
    needs: &[Need::Extension("pg_stat_statements"), Need::Fact("pg_stat_statements_info.*")],
    doc: "Whether entries were evicted or the counters reset.",
};

static COLUMNS: [Column; 3] = [
    counter(
        "dealloc",
        Unit::Count,
        "Times entries were evicted because there were more statements than pg_stat_statements.max.",
        "pg_stat_statements_info",
    ),
    gauge("stats_reset", Unit::Moment, "Since when all entries count.", "pg_stat_statements_info"),
    gauge("max_entries", Unit::Count, "How many statements fit.", "pg_stat_statements.max"),
];
