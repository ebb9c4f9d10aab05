//! What may be known beside the plan. Everything may be missing; a rule that needs it is then silent.

use std::collections::BTreeMap;

use crate::plan::{Node, Plan};
use crate::sample::{Bytes, Seconds};

/// What is known beside the plan.
#[derive(Debug, Clone, Default)]
pub struct TipContext {
    /// The tables of the plan.
    pub tables: Vec<TableFacts>,
    /// Settings in force, by name, as `current_setting` gives them.
    pub settings: BTreeMap<String, String>,
    /// The memory of the server's machine.
    pub memory: Option<Bytes>,
    /// Whether the data is on solid-state disks.
    pub is_on_ssd: Option<bool>,
    /// The time as the client saw it.
    pub wall_time: Option<Seconds>,
    /// Rows that the statement returned a call on average, by `pg_stat_statements`.
    pub rows_per_call: Option<f64>,
    /// How long a call took on average, by `pg_stat_statements`.
    pub mean_time: Option<Seconds>,
    /// What a call wrote to temporary files on average, by `pg_stat_statements`.
    pub temp_per_call: Option<Bytes>,
    /// How often the statement runs for one request of the application, on average.
    pub runs_per_request: Option<f64>,
    /// The generic plan of the same statement, without its values.
    pub generic: Option<Box<Plan>>,
}

/// What is known of a table.
#[derive(Debug, Clone, Default)]
pub struct TableFacts {
    /// Its schema; `None` fits every one.
    pub schema: Option<String>,
    /// Its name.
    pub name: String,
    /// Live rows (`reltuples` or `n_live_tup`).
    pub rows: Option<f64>,
    /// Pages of 8 kB (`relpages`).
    pub pages: Option<f64>,
    /// Dead rows (`n_dead_tup`).
    pub dead: Option<f64>,
    /// Rows changed since the last ANALYZE (`n_mod_since_analyze`); `None` where the counters came late.
    pub modified_since_analyze: Option<f64>,
    /// Whether it was ever analysed, by hand or by autovacuum.
    pub is_analyzed: Option<bool>,
    /// Part of the updates that were HOT, 0..=1.
    pub hot_share: Option<f64>,
    /// Its indexes.
    pub indexes: Vec<IndexFacts>,
    /// The tables that refer to it.
    pub referrers: Vec<ReferringFacts>,
}

/// What is known of a foreign key to a table.
#[derive(Debug, Clone, Default)]
pub struct ReferringFacts {
    /// The table that refers.
    pub table: String,
    /// Its columns that refer.
    pub columns: Vec<String>,
    /// Its rows, estimated.
    pub rows: Option<f64>,
    /// Whether an index of all its rows begins with these columns.
    pub is_indexed: bool,
    /// Whether it is checked at COMMIT.
    pub is_deferred: bool,
}

/// What is known of an index.
#[derive(Debug, Clone, Default)]
pub struct IndexFacts {
    /// Its name.
    pub name: String,
    /// Its keys, as `pg_get_indexdef` prints each.
    pub keys: Vec<String>,
    /// Whether it is unique, as a primary key is: then it cannot be replaced by a wider one.
    pub is_unique: bool,
}

impl TableFacts {
    /// Returns an index by its name.
    pub fn index(&self, name: &str) -> Option<&IndexFacts> {
        self.indexes.iter().find(|index| index.name == name)
    }
}

impl TipContext {
    /// Returns what is known of the table of a scan.
    pub fn table(&self, node: &Node) -> Option<&TableFacts> {
        let (name, schema) = (node.relation()?, node.schema());
        self.tables.iter().find(|table| {
            table.name == name && (schema.is_none() || table.schema.is_none() || table.schema.as_deref() == schema)
        })
    }

    /// Returns a setting: as the plan ran with, else as it is in force.
    pub fn setting<'a>(&'a self, plan: &'a Plan, name: &str) -> Option<&'a str> {
        plan.setting(name).or_else(|| self.settings.get(name).map(String::as_str))
    }
}
