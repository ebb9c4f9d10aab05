//! Probe `statement_texts`: The texts of statements not seen before.

use super::{Lane, Need, Pace, Probe, key, label};
use crate::sample::{Column, Unit};

/// The texts of statements not seen before.
pub static PROBE: Probe = Probe {
    name: "statement_texts",
    sql: include_str!("../sql/statement_texts.sql"),
    columns: &COLUMNS,
    lane: Lane::Slow,
    pace: Pace::Asked,
    needs: &[Need::Extension("pg_stat_statements")],
    doc: "The texts of statements not seen before.",
};

static COLUMNS: [Column; 2] = [
    key("queryid", Unit::Id, "Hash of the normalised statement.", "pg_stat_statements"),
    label("query", Unit::Sql, "Its text, cut at 100 kB.", "pg_stat_statements"),
];
