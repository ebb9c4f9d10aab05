//! An index as the counters and the catalog show it: one row of `indexes` with its size and definition beside it.

use std::collections::HashMap;

use super::table_usage::label;
use super::{bytes_of_pages, ids, rows, storage_option, texts};
use crate::quote::qualified;
use crate::sample::{Bytes, Missing, Row, Snapshot, Timestamp};

/// How the name of an index on trial begins: pgdj builds it, measures, and drops it.
pub const TRIAL_PREFIX: &str = "pgdj_trial_";

/// An index with its counters; from `pg_index`, `pg_stat_user_indexes` and the size functions.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "they are the claims of pg_index, one column each")]
pub struct IndexUsage {
    /// The index's oid.
    pub indexrelid: i64,
    /// Its table's oid.
    pub relid: i64,
    /// Schema of the table.
    pub schema: String,
    /// Table.
    pub table: String,
    /// Name.
    pub name: String,
    /// Access method: `btree`, `gin`, `gist`, `brin`, `hash`, `spgist`.
    pub method: String,
    /// Whether it enforces uniqueness.
    pub is_unique: bool,
    /// Whether it is the primary key.
    pub is_primary: bool,
    /// Whether it backs an exclusion constraint.
    pub is_exclusion: bool,
    /// Whether a constraint of any kind hangs on it, a foreign key that refers to it too.
    pub is_constraint: bool,
    /// Whether queries may use it.
    pub is_valid: bool,
    /// Whether inserts maintain it.
    pub is_ready: bool,
    /// Whether logical replication identifies rows by it.
    pub is_replica_identity: bool,
    /// Whether the table was last clustered by it.
    pub is_clustered: bool,
    /// Whether it has a predicate.
    pub is_partial: bool,
    /// Whether a key is an expression.
    pub is_expression: bool,
    /// Attribute numbers of the keys; zero is an expression.
    pub key_columns: Vec<i64>,
    /// Attribute numbers of the included columns.
    pub included_columns: Vec<i64>,
    /// Names of the columns, keys first; empty for an expression.
    pub column_names: Vec<String>,
    /// Operator class of each key.
    pub opclasses: Vec<i64>,
    /// Collation of each key.
    pub collations: Vec<i64>,
    /// Bits of each key: 1 descending, 2 nulls first.
    pub key_options: Vec<i64>,
    /// Hash of the stored expressions and predicate; empty where there are none.
    pub expression_hash: String,
    /// Scans started since the counters were reset.
    pub scans: Option<f64>,
    /// Entries that scans returned since then.
    pub entries_read: Option<f64>,
    /// Live rows that simple scans fetched by it since then; bitmap scans are not counted.
    pub rows_fetched: Option<f64>,
    /// Blocks of it read from outside shared buffers since then.
    pub blocks_read: Option<f64>,
    /// Blocks of it found in shared buffers since then.
    pub blocks_hit: Option<f64>,
    /// The last scan, where the server keeps it (16).
    pub last_scan: Option<Timestamp>,
    /// Storage parameters, as `name=value`.
    pub options: Vec<String>,
    /// Live rows of the table, estimated.
    pub table_live: Option<f64>,
    /// Pages at the last vacuum or analyze.
    pub pages: f64,
    /// Size in bytes, where it was read.
    pub bytes: Option<f64>,
    /// The statement that would make it, where it was read.
    pub definition: Option<String>,
    /// When size and definition were read.
    pub sizes_at: Option<Timestamp>,
    /// Pids with an ACCESS EXCLUSIVE lock on it or its table, held or awaited.
    pub locked_by: Vec<i64>,
}

impl IndexUsage {
    /// Returns every index of a snapshot, or why they could not be read.
    pub fn all(snapshot: &Snapshot) -> Result<Vec<Self>, Missing> {
        let rows = rows(snapshot, "indexes")?;
        let sizes: HashMap<i64, Row<'_>> = snapshot
            .rows("index_sizes")
            .map(|sizes| sizes.iter().filter_map(|row| Some((row.int("indexrelid")?, row))).collect())
            .unwrap_or_default();
        Ok(rows
            .iter()
            .map(|row| {
                let mut index = Self::of(&row);
                if let Some(size) = sizes.get(&index.indexrelid) {
                    index.bytes = size.number("bytes");
                    index.definition = size.get("definition").as_str().map(str::to_owned);
                    index.sizes_at = size.number("read_at").map(Timestamp);
                }
                index
            })
            .collect())
    }

    /// Reads one row of `indexes`; size and definition are left empty.
    pub fn of(row: &Row<'_>) -> Self {
        let is = |column| row.flag(column).unwrap_or(false);
        Self {
            indexrelid: row.int("indexrelid").unwrap_or_default(),
            relid: row.int("relid").unwrap_or_default(),
            schema: row.text("schema").to_owned(),
            table: row.text("table").to_owned(),
            name: row.text("name").to_owned(),
            method: row.text("method").to_owned(),
            is_unique: is("is_unique"),
            is_primary: is("is_primary"),
            is_exclusion: is("is_exclusion"),
            is_constraint: is("is_constraint"),
            is_valid: is("is_valid"),
            is_ready: is("is_ready"),
            is_replica_identity: is("is_replica_identity"),
            is_clustered: is("is_clustered"),
            is_partial: is("is_partial"),
            is_expression: is("is_expression"),
            key_columns: ids(row, "key_columns"),
            included_columns: ids(row, "included_columns"),
            column_names: texts(row, "column_names"),
            opclasses: ids(row, "opclasses"),
            collations: ids(row, "collations"),
            key_options: ids(row, "key_options"),
            expression_hash: row.text("expression_hash").to_owned(),
            scans: row.number("scans"),
            entries_read: row.number("tup_read"),
            rows_fetched: row.number("tup_fetch"),
            blocks_read: row.number("blocks_read"),
            blocks_hit: row.number("blocks_hit"),
            pages: row.number("pages").unwrap_or_default(),
            options: texts(row, "options"),
            last_scan: row.number("last_scan").map(Timestamp),
            table_live: row.number("table_live"),
            locked_by: ids(row, "locked_by"),
            ..Self::default()
        }
    }

    /// Whether pgdj itself built it for a trial; it is no part of the application.
    pub(crate) fn is_on_trial(&self) -> bool {
        self.name.starts_with(TRIAL_PREFIX)
    }

    /// Returns the size in bytes: as read, else by the pages of the last vacuum; `None` where it had none.
    pub fn size(&self) -> Option<f64> {
        self.bytes.or_else(|| bytes_of_pages(self.pages))
    }

    /// Returns the size in words, `?` where it is not known.
    pub(crate) fn size_words(&self) -> String {
        self.size().map_or_else(|| "?".to_owned(), |size| Bytes(size).to_string())
    }

    /// Returns the name, with its schema where that is not `public`.
    pub fn label(&self) -> String {
        label(&self.schema, &self.name)
    }

    /// Returns the table's name, with its schema where that is not `public`.
    pub(crate) fn table_label(&self) -> String {
        label(&self.schema, &self.table)
    }

    /// Returns the names of the key columns; an expression is an empty name.
    pub fn key_names(&self) -> impl Iterator<Item = &str> {
        self.column_names.iter().take(self.key_columns.len()).map(String::as_str)
    }

    /// Whether something beside queries needs the index: uniqueness, a constraint, replication, `CLUSTER`.
    pub(crate) fn is_needed_otherwise(&self) -> bool {
        self.is_unique
            || self.is_primary
            || self.is_exclusion
            || self.is_constraint
            || self.is_replica_identity
            || self.is_clustered
    }

    /// Returns a storage parameter's value.
    pub fn option(&self, name: &str) -> Option<&str> {
        storage_option(&self.options, name)
    }

    /// Returns the share of its blocks found in shared buffers, 0..=1; `None` where none was asked for.
    pub(crate) fn hit_share(&self) -> Option<f64> {
        let (hit, read) = (self.blocks_hit?, self.blocks_read?);
        (hit + read > 0.0).then(|| (hit / (hit + read)).clamp(0.0, 1.0))
    }

    /// Returns the statement that removes the index without stopping writes to its table.
    pub fn drop_statement(&self) -> String {
        format!("DROP INDEX CONCURRENTLY {};", qualified(&self.schema, &self.name))
    }
}
