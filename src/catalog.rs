//! Tables, columns, indexes and statistics as plain types, with what can be reckoned from them: sizes, bloat, coverage.
//!
//! Pure: nothing here talks to a server. `pg::catalog_read` fills [`Catalog`] for the advisor; the verdicts that panes
//! and findings share are read from a [`Snapshot`].

pub mod autovacuum;
pub mod bloat;
pub mod expr;
pub mod index;
pub mod index_bloat;
pub mod index_usage;
pub mod late;
mod normal;
pub mod parse;
pub mod settings;
pub mod size;
pub mod statistics;
pub mod table;
pub mod table_usage;
pub mod usage;

use std::collections::BTreeMap;

use crate::sample::{Missing, Row, RowSet, Snapshot, Value};

pub use expr::Expr;
pub use index::{AccessMethod, Definition, Index, Key};
pub use statistics::{ColumnStatistics, ExpressionStatistics};
pub use table::{Collation, Counters, ForeignKey, ReferringTable, RelationKind, Table, TableColumn, TableLock};

/// Bytes of a page, unless the server was built otherwise.
const PAGE: f64 = 8192.0;

/// What is known of the server and of the tables that a plan touches.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Catalog {
    /// `server_version_num`, for instance 150018; 0 when unknown.
    pub version: u32,
    /// The tables, in no order.
    pub tables: Vec<Table>,
    /// Extensions: the schema of an installed one, `None` for one that could be installed.
    pub extensions: BTreeMap<String, Option<String>>,
    /// The planner's settings.
    pub settings: PlannerSettings,
}

impl Catalog {
    /// Returns a table by schema and name; without a schema the only or first one of that name.
    pub fn table(&self, schema: Option<&str>, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name && schema.is_none_or(|schema| table.schema == schema))
    }

    /// Says whether an extension is installed.
    pub(crate) fn has_extension(&self, name: &str) -> bool {
        self.extensions.get(name).is_some_and(Option::is_some)
    }

    /// Returns every index name that is taken in a schema.
    pub(crate) fn index_names<'a>(&'a self, schema: &'a str) -> impl Iterator<Item = &'a str> {
        self.tables
            .iter()
            .filter(move |table| table.schema == schema)
            .flat_map(|table| table.indexes.iter().map(|index| index.name.as_str()))
    }
}

/// The settings that the planner's costs depend on, in the planner's own units.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannerSettings {
    /// `seq_page_cost`.
    pub seq_page_cost: f64,
    /// `random_page_cost`.
    pub random_page_cost: f64,
    /// `cpu_tuple_cost`.
    pub cpu_tuple_cost: f64,
    /// `cpu_index_tuple_cost`.
    pub cpu_index_tuple_cost: f64,
    /// `cpu_operator_cost`.
    pub cpu_operator_cost: f64,
    /// `effective_cache_size` in pages of 8 kB.
    pub effective_cache_pages: f64,
    /// Settings named `enable_…` that are off.
    pub disabled: Vec<String>,
    /// Whether the server is a standby, where nothing can be built.
    pub is_standby: bool,
}

impl Default for PlannerSettings {
    /// PostgreSQL's defaults. Source: PostgreSQL manual 19.7 "Query Planning".
    fn default() -> Self {
        Self {
            seq_page_cost: 1.0,
            random_page_cost: 4.0,
            cpu_tuple_cost: 0.01,
            cpu_index_tuple_cost: 0.005,
            cpu_operator_cost: 0.0025,
            effective_cache_pages: 524_288.0,
            disabled: Vec::new(),
            is_standby: false,
        }
    }
}

/// Returns a probe's rows, however old, or why there are none.
pub fn rows<'a>(snapshot: &'a Snapshot, probe: &str) -> Result<&'a RowSet, Missing> {
    let section = snapshot.section(probe);
    section.rows().ok_or_else(|| section.why().cloned().unwrap_or(Missing::NotYet))
}

/// Returns the bytes of pages; `None` of none, which says only that no vacuum or analyze counted them.
fn bytes_of_pages(pages: f64) -> Option<f64> {
    (pages > 0.0).then_some(pages * PAGE)
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
pub(crate) fn storage_option<'a>(options: &'a [String], name: &str) -> Option<&'a str> {
    options.iter().find_map(|option| option.strip_prefix(name)?.strip_prefix('='))
}
