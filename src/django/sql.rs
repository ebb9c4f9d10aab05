//! An index as SQL, letter for letter as Django 4.2 to 5.2 writes it.
//!
//! Source: `django.db.backends.ddl_references`, `django.db.models.indexes`, `django.contrib.postgres.indexes`.

use super::project::Project;
use super::python::Imports;
use super::{condition, expression};
use crate::catalog::index::{AccessMethod, Definition, Key, KeyDirection, Nulls};
use crate::catalog::{Expr, RelationKind, Table};
use crate::quote::{qualified_always, quote_ident, quote_ident_always};

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

/// Returns the statement that builds an index, without a semicolon.
///
/// A partitioned table cannot be indexed concurrently, so there the word is left out.
/// Source: PostgreSQL manual, CREATE INDEX, "Building Indexes Concurrently".
pub fn create_index(table: &Table, index: &Definition, name: &str, build: Build) -> String {
    create_index_of(&Project::default(), table, index, name, build)
}

/// The same where fields have names of their own, by which Django sorts the parts of a condition.
pub(super) fn create_index_of(
    project: &Project,
    table: &Table,
    index: &Definition,
    name: &str,
    build: Build,
) -> String {
    let is_plain = build == Build::Plain || table.kind == RelationKind::Partitioned;
    let verb = if is_plain { "CREATE INDEX" } else { "CREATE INDEX CONCURRENTLY" };
    format!("{verb} {} ON {}", quote_ident_always(name), place(project, table, index, build))
}

/// Returns what stands behind ON in the statement of [`create_index`] with [`Build::Plain`].
pub(crate) fn index_place(table: &Table, index: &Definition) -> String {
    place(&Project::default(), table, index, Build::Plain)
}

fn place(project: &Project, table: &Table, index: &Definition, build: Build) -> String {
    let relation = if build == Build::Django || table.schema.is_empty() {
        quote_ident_always(&table.name)
    } else {
        qualified_always(&table.schema, &table.name)
    };
    let is_usual = index.method == AccessMethod::BTree && index.options.is_empty();
    let method = if is_usual { String::new() } else { format!(" USING {}", index.method) };
    let keys: Vec<String> = index.keys.iter().map(|key| key_sql(table, key, project)).collect();
    let mut sql = format!("{relation}{method} ({})", keys.join(", "));
    if !index.include.is_empty() {
        let columns: Vec<String> = index.include.iter().map(|name| quote_ident_always(name)).collect();
        sql.push_str(&format!(" INCLUDE ({})", columns.join(", ")));
    }
    if !index.options.is_empty() {
        let options: Vec<String> =
            options(index).into_iter().map(|(name, value)| format!("{} = {}", word(name), word(value))).collect();
        sql.push_str(&format!(" WITH ({})", options.join(", ")));
    }
    if !index.predicate.is_empty() {
        sql.push_str(&format!(" WHERE {}", predicate_sql(table, &index.predicate, project)));
    }
    sql
}

/// A name that the catalog gave: as it is where it is plain, else in quotes.
fn word(name: &str) -> String {
    let is_plain = name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    if is_plain && !name.is_empty() { name.to_owned() } else { quote_ident_always(name) }
}

/// Returns the statement that drops an index without stopping writes, without a semicolon: by its bare name, as Django
/// does, unless its schema is one that the search path may not lead to.
pub(crate) fn drop_index(schema: &str, name: &str) -> String {
    format!("DROP INDEX CONCURRENTLY IF EXISTS {}", by_path(schema, name))
}

/// The same within a transaction, for the index of a partitioned table.
pub(super) fn drop_index_at_once(schema: &str, name: &str) -> String {
    format!("DROP INDEX IF EXISTS {}", by_path(schema, name))
}

fn by_path(schema: &str, name: &str) -> String {
    if is_default_schema(schema) { quote_ident_always(name) } else { qualified_always(schema, name) }
}

/// Says whether a search path leads to a schema by itself.
pub(super) fn is_default_schema(schema: &str) -> bool {
    schema == "public" || schema.is_empty()
}

/// The storage parameters in the order in which Django writes them.
pub(super) fn options(index: &Definition) -> Vec<(&str, &str)> {
    const ORDER: [&str; 7] = [
        "autosummarize",
        "pages_per_range",
        "gin_pending_list_limit",
        "fastupdate",
        "buffering",
        "fillfactor",
        "deduplicate_items",
    ];
    let mut options: Vec<(&str, &str)> =
        index.options.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    options.sort_by_key(|(name, _)| ORDER.iter().position(|known| known == name));
    options
}

fn key_sql(table: &Table, key: &Key, project: &Project) -> String {
    let scope = expression::ExpressionReader { table, project };
    let mut sql = if let Some(name) = key.expr.as_column() {
        quote_ident_always(name)
    } else {
        let both = scope.read(&key.expr, &mut Imports::default());
        format!("({})", both.map_or_else(|| key.expr.sql(), |both| both.sql))
    };
    if let Some(opclass) = &key.opclass {
        sql.push_str(&format!(" {}", quote_ident(opclass)));
    }
    match (key.direction, key.nulls) {
        (KeyDirection::Ascending, Nulls::First) => sql.push_str(" ASC NULLS FIRST"),
        (KeyDirection::Descending, Nulls::Last) => sql.push_str(" DESC NULLS LAST"),
        (KeyDirection::Descending, _) => sql.push_str(" DESC"),
        (KeyDirection::Ascending, _) => {}
    }
    sql
}

fn predicate_sql(table: &Table, predicate: &[Expr], project: &Project) -> String {
    match condition::of(table, predicate, project, &mut Imports::default()) {
        Some(both) => both.sql,
        None => predicate.iter().map(Expr::sql).collect::<Vec<_>>().join(" AND "),
    }
}
