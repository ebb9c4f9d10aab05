//! Which expressions are immutable, as the key of an index must be.

use super::{Type, kind_of};
use crate::catalog::expr::ELEMENT;
use crate::catalog::{Expr, Table};

/// Says whether an expression is immutable, as an index key must be.
///
/// Source: `pg_proc.provolatile` in PostgreSQL 12 to 18.
pub(crate) fn indexable(expr: &Expr, table: &Table) -> bool {
    let parts_are = || expr.parts().into_iter().all(|part| indexable(part, table));
    match expr {
        Expr::Column { name, .. } => table.column(name).is_some(),
        Expr::Constant(_) => true,
        Expr::Call { name, args } => match (name.as_str(), args.as_slice()) {
            (
                "upper" | "lower" | "reverse" | "length" | "md5" | "abs" | "coalesce" | "btrim" | "ltrim" | "rtrim"
                | "substring" | "substr" | "left" | "right" | "replace" | "round" | "floor" | "ceil" | "setweight"
                | "mod" | "-" | "char_length" | "initcap" | "lpad" | "greatest" | "least" | "nullif" | "split_part"
                | "jsonb_array_length",
                _,
            ) => parts_are(),
            ("timezone" | "to_tsvector", [Expr::Constant(_), _]) => parts_are(),
            (ELEMENT, [_, Expr::Constant(_)]) => parts_are(),
            ("date_trunc" | "extract", [_, inner]) => is_without_zone(inner, table) && parts_are(),
            _ => false,
        },
        Expr::Cast { operand, type_name } => cast_is_immutable(operand, type_name, table) && parts_are(),
        Expr::Binary { op, left, right } => match op.as_str() {
            "->" | "->>" | "#>" | "#>>" | "*" | "/" | "%" => parts_are(),
            "+" | "-" => is_arithmetic_immutable(op, left, right, table) && parts_are(),
            "||" => [left, right].into_iter().all(|part| is_joined_as_text(part, table)) && parts_are(),
            _ => false,
        },
        _ => false,
    }
}

/// A time with a zone and an interval give another time by the session's zone; two such times do not.
///
/// Source: `timestamptz_pl_interval` is stable, `timestamp_mi` immutable.
fn is_arithmetic_immutable(op: &str, left: &Expr, right: &Expr, table: &Table) -> bool {
    let has_zone = |expr: &Expr| {
        let mut columns = expr.columns().into_iter().filter_map(|name| table.column(name));
        columns.any(|column| column.type_name == "timestamp with time zone")
    };
    match (has_zone(left), has_zone(right)) {
        (false, false) => true,
        _ => {
            op == "-" && left.as_column().is_some() && right.as_column().is_some() && has_zone(left) && has_zone(right)
        }
    }
}

/// `||` of texts is immutable; of a text and anything else it goes by how the session shows that.
///
/// Source: `textanycat` and `anytextcat` are stable.
fn is_joined_as_text(part: &Expr, table: &Table) -> bool {
    part.as_literal().is_some()
        || matches!(part, Expr::Binary { op, .. } if op == "||")
        || matches!(kind_of(part, table), Type::Text | Type::Json | Type::Array)
}

/// A time that does not depend on the session's zone.
fn is_without_zone(expr: &Expr, table: &Table) -> bool {
    match expr {
        Expr::Call { name, .. } => name == "timezone",
        Expr::Column { name, .. } => table.column(name).is_some_and(|column| {
            matches!(column.type_name.as_str(), "timestamp without time zone" | "date" | "time without time zone")
        }),
        Expr::Cast { operand, type_name } => {
            type_name.starts_with("timestamp without") && is_without_zone(operand, table)
        }
        _ => false,
    }
}

fn cast_is_immutable(operand: &Expr, type_name: &str, table: &Table) -> bool {
    match type_name {
        "date" | "timestamp without time zone" => is_without_zone(operand, table),
        "timestamp with time zone" | "timestamptz" | "time" => false,
        "text" | "character varying" | "varchar" => match operand {
            Expr::Column { name, .. } => {
                // Of the others (dates, intervals, enums, arrays, ranges, jsonb) the cast is stable.
                table
                    .column(name)
                    .is_some_and(|column| matches!(column.category, 'S' | 'N' | 'B') || column.type_name == "uuid")
            }
            Expr::Binary { .. } | Expr::Call { .. } => {
                !matches!(operand, Expr::Call { name, .. } if name == "timezone")
            }
            _ => true,
        },
        name => {
            let base = name.split('(').next().unwrap_or(name).trim();
            matches!(
                base,
                "integer"
                    | "bigint"
                    | "smallint"
                    | "numeric"
                    | "double precision"
                    | "real"
                    | "boolean"
                    | "uuid"
                    | "jsonb"
            )
        }
    }
}
