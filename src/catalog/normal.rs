//! Expressions as plans write them, brought to the form that indexes and statistics have.

use super::expr::{Expr, cast};
use super::table::Table;

impl Expr {
    /// Returns the expression without qualifiers and without casts that change nothing (varchar to text).
    #[must_use]
    pub fn normalised(self, table: &Table) -> Self {
        self.map(&|part| match part {
            Self::Column { name, .. } => Self::Column { table: None, name },
            Self::Cast { operand, type_name } if is_relabel(&operand, &type_name, table) => *operand,
            Self::Cast { operand, type_name } => cast(*operand, type_name),
            other => other,
        })
    }
}

/// Says whether a cast only changes the label of a value: `character varying` to `text`, and arrays of them.
///
/// Source: `pg_cast.castmethod = 'b'` in PostgreSQL 15.
fn is_relabel(operand: &Expr, type_name: &str, table: &Table) -> bool {
    let Expr::Column { name, .. } = operand else { return false };
    let Some(column) = table.column(name) else { return false };
    match column.type_name.as_str() {
        "character varying" => matches!(type_name, "text" | "character varying"),
        "character varying[]" => matches!(type_name, "text[]" | "character varying[]"),
        "citext" => matches!(type_name, "citext"),
        same => same == type_name,
    }
}
