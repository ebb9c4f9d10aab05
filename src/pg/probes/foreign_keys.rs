//! Probe `foreign_keys`: The foreign keys, for those without an index.

use super::{Lane, Probe, gauge, key, label, seconds};
use crate::sample::{Column, Unit};

/// The foreign keys, for those without an index.
pub static PROBE: Probe = Probe {
    name: "foreign_keys",
    sql: include_str!("../sql/foreign_keys.sql"),
    columns: &COLUMNS,
    lane: Lane::Fast,
    pace: seconds(60),
    needs: &[],
    doc: "The foreign keys, for those without an index.",
};

static COLUMNS: [Column; 14] = [
    key("oid", Unit::Id, "The constraint's oid.", "pg_constraint"),
    label("name", Unit::Text, "Its name.", "pg_constraint.conname"),
    label("relid", Unit::Id, "The table that refers.", "pg_constraint.conrelid"),
    label("schema", Unit::Text, "Its schema.", "pg_namespace"),
    label("table", Unit::Text, "Its name.", "pg_constraint"),
    gauge("is_partitioned", Unit::Flag, "Whether it is partitioned.", "pg_class.relkind"),
    label("columns", Unit::Ids, "Attribute numbers of the columns that refer.", "pg_constraint.conkey"),
    label("column_names", Unit::Texts, "Their names.", "pg_constraint"),
    label("referred_relid", Unit::Id, "The table referred to.", "pg_constraint.confrelid"),
    label("referred_table", Unit::Text, "Its name.", "pg_constraint"),
    label(
        "on_delete",
        Unit::Text,
        "a no action, r restrict, c cascade, n set null, d set default.",
        "pg_constraint.confdeltype",
    ),
    gauge("is_validated", Unit::Flag, "Whether existing rows were checked.", "pg_constraint.convalidated"),
    gauge("is_deferred", Unit::Flag, "Whether it is checked at COMMIT.", "pg_constraint.condeferred"),
    gauge("total", Unit::Count, "Foreign keys there are; rows may be cut at a limit.", "pg_constraint"),
];
