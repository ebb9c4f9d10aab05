//! An index as SQL, letter for letter as Django 4.2 to 5.2 writes it.
//!
//! Source: `django.db.backends.ddl_references`, `django.db.models.indexes`, tried with every shape the advisor makes.

use super::expression;
use crate::catalog::expr::{Form, Literal, Quantifier, quoted, quoted_text};
use crate::catalog::index::{Definition, Direction, Key, Method, Nulls};
use crate::catalog::size::array_elements;
use crate::catalog::{Expr, Table};

/// How a `CREATE INDEX` is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Build {
    /// `CREATE INDEX CONCURRENTLY`, the table by its bare name, as Django does.
    Django,
    /// `CREATE INDEX CONCURRENTLY` with the table's schema.
    Concurrent,
    /// `CREATE INDEX` with the table's schema: for a hypothetical index, or within a transaction.
    Plain,
}

/// Returns the statement that builds an index.
pub fn create_index(table: &Table, index: &Definition, name: &str, build: Build) -> String {
    let verb = if build == Build::Plain { "CREATE INDEX" } else { "CREATE INDEX CONCURRENTLY" };
    let relation = if build == Build::Django {
        quoted(&table.name)
    } else {
        format!("{}.{}", quoted(&table.schema), quoted(&table.name))
    };
    let method = if index.method == Method::BTree { String::new() } else { format!(" USING {}", index.method) };
    let keys: Vec<String> = index.keys.iter().map(|key| key_sql(table, key)).collect();
    let mut sql = format!("{verb} {} ON {relation}{method} ({})", quoted(name), keys.join(", "));
    if !index.include.is_empty() {
        let columns: Vec<String> = index.include.iter().map(|name| quoted(name)).collect();
        sql.push_str(&format!(" INCLUDE ({})", columns.join(", ")));
    }
    if !index.options.is_empty() {
        let options: Vec<String> = index.options.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        sql.push_str(&format!(" WITH ({})", options.join(", ")));
    }
    if let Some(condition) = condition_sql(&index.predicate) {
        sql.push_str(&format!(" WHERE {condition}"));
    }
    sql
}

/// Returns the statement that drops an index.
pub fn drop_index(name: &str) -> String {
    format!("DROP INDEX CONCURRENTLY IF EXISTS {}", quoted(name))
}

fn key_sql(table: &Table, key: &Key) -> String {
    let mut sql = match key.expr.as_column() {
        Some(name) => quoted(name),
        None => format!("({})", expression::of(table, &key.expr).map_or_else(|| key.expr.sql(), |both| both.sql)),
    };
    if let Some(opclass) = &key.opclass {
        sql.push_str(&format!(" {opclass}"));
    }
    match (key.direction, key.nulls) {
        (Direction::Ascending, Nulls::First) => sql.push_str(" ASC NULLS FIRST"),
        (Direction::Descending, Nulls::Last) => sql.push_str(" DESC NULLS LAST"),
        (Direction::Descending, _) => sql.push_str(" DESC"),
        (Direction::Ascending, _) => {}
    }
    sql
}

/// Returns the predicate; several parts in the order of Django, which sorts the arguments of `Q()`.
fn condition_sql(predicate: &[Expr]) -> Option<String> {
    let parts: Vec<String> = sorted(predicate).into_iter().map(clause_sql).collect();
    match parts.as_slice() {
        [] => None,
        [one] => Some(one.clone()),
        many => Some(format!("({})", many.join(" AND "))),
    }
}

/// Returns the clauses in the order that `Q(**kwargs)` gives them: by the name of their lookup.
pub(super) fn sorted(predicate: &[Expr]) -> Vec<&Expr> {
    let mut parts: Vec<&Expr> = predicate.iter().collect();
    parts.sort_by_key(|clause| lookup_name(clause));
    parts
}

fn lookup_name(clause: &Expr) -> String {
    let column = clause.columns().first().copied().unwrap_or_default().to_owned();
    match clause {
        Expr::IsNull(_) | Expr::IsNotNull(_) => column + "__isnull",
        Expr::Quantified { .. } => column + "__in",
        _ => column,
    }
}

fn clause_sql(clause: &Expr) -> String {
    match clause {
        Expr::Column { name, .. } => quoted(name),
        Expr::Not(inner) => format!("NOT {}", clause_sql(inner)),
        Expr::IsNull(inner) => format!("{} IS NULL", clause_sql(inner)),
        Expr::IsNotNull(inner) => format!("{} IS NOT NULL", clause_sql(inner)),
        Expr::Binary { op, left, right } => format!("{} {op} {}", clause_sql(left), value_sql(right)),
        Expr::Quantified { left, right, quantifier: Quantifier::Any, .. } => {
            let values: Vec<String> = in_values(right).iter().map(value_sql).collect();
            format!("{} IN ({})", clause_sql(left), values.join(", "))
        }
        other => other.sql(),
    }
}

/// Returns the elements of an array literal as literals of their own.
pub(super) fn in_values(array: &Expr) -> Vec<Expr> {
    let Some(literal) = array.as_literal() else { return Vec::new() };
    let is_number = literal.type_name.as_deref().is_some_and(|name| {
        matches!(name.trim_end_matches("[]"), "integer" | "bigint" | "smallint" | "int" | "int4" | "int8" | "int2")
    });
    let form = if is_number { Form::Number } else { Form::Quoted };
    array_elements(literal).into_iter().map(|text| Expr::Constant(Literal { text, form, type_name: None })).collect()
}

fn value_sql(value: &Expr) -> String {
    match value.as_literal() {
        Some(literal) if literal.form == Form::Quoted => match literal.type_name.as_deref() {
            Some("integer" | "bigint" | "smallint") => literal.text.clone(),
            _ if literal.text.contains('\\') => format!(" {}", quoted_text(&literal.text)),
            _ => quoted_text(&literal.text),
        },
        Some(literal) => Expr::Constant(Literal { type_name: None, ..literal.clone() }).sql(),
        None => value.sql(),
    }
}
