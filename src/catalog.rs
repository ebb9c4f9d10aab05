//! Tables, columns, indexes and statistics as plain types, with what can be reckoned from them: sizes, bloat, coverage.

pub mod autovacuum;

pub mod django_names;
pub mod index_usage;
pub mod settings;
pub mod table_usage;
pub mod usage;

#[cfg(test)]
pub(crate) mod fixture;

use crate::sample::{Missing, Row, RowSet, Snapshot, Value};

/// Returns a probe's rows, however old, or why there are none.
pub fn rows<'a>(snapshot: &'a Snapshot, probe: &str) -> Result<&'a RowSet, Missing> {
    let section = snapshot.section(probe);
    section.rows().ok_or_else(|| section.why().cloned().unwrap_or(Missing::NotYet))
}

/// Returns the whole numbers of a list; of anything else, none.
pub fn ids(row: &Row<'_>, column: &str) -> Vec<i64> {
    row.get(column).as_list().iter().filter_map(Value::as_int).collect()
}

/// Returns the texts of a list; of anything else, none.
pub fn texts(row: &Row<'_>, column: &str) -> Vec<String> {
    row.get(column).as_list().iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Returns a storage parameter's value from `name=value` texts.
pub fn storage_option<'a>(options: &'a [String], name: &str) -> Option<&'a str> {
    options.iter().find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
}
