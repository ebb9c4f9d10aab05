//! Tables and columns as the catalog describes them.

use super::expr::Expr;
use super::index::Index;
use super::statistics::{ColumnStatistics, ExpressionStatistics};

/// What kind of relation it is, `pg_class.relkind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RelationKind {
    /// An ordinary table, `r`.
    #[default]
    Plain,
    /// A partitioned table, `p`.
    Partitioned,
    /// A materialized view, `m`.
    Materialized,
    /// Anything that cannot have an index of its own.
    Other,
}

/// A table with what the catalog and the statistics say of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Table {
    /// `pg_class.oid`.
    pub oid: u32,
    /// The schema's name.
    pub schema: String,
    /// The table's name.
    pub name: String,
    /// What kind of relation it is.
    pub kind: RelationKind,
    /// `pg_class.reltuples`; `None` when the table was never vacuumed or analyzed.
    pub rows: Option<f64>,
    /// Pages of 8 kB: the true size where it could be read, else `pg_class.relpages`.
    pub pages: f64,
    /// `pg_class.relallvisible`, pages.
    pub all_visible_pages: f64,
    /// The columns that are not dropped, by number.
    pub columns: Vec<TableColumn>,
    /// The indexes, invalid ones too.
    pub indexes: Vec<Index>,
    /// Statistics on expressions, from `pg_stats_ext_exprs` and the indexes' own.
    pub expressions: Vec<ExpressionStatistics>,
    /// `ndistinct` of groups of columns, from `pg_stats_ext`.
    pub distinct_groups: Vec<(Vec<String>, f64)>,
    /// Foreign keys that leave this table.
    pub foreign_keys: Vec<ForeignKey>,
    /// Foreign keys of other tables that point at this one: schema, table, and the key.
    pub referenced_by: Vec<ReferringTable>,
    /// Its counters since the last reset; `None` when they could not be read.
    pub counters: Option<Counters>,
    /// Whether it is a partition of another table.
    pub is_partition: bool,
    /// The partitioned table it is a part of: schema and name.
    pub parent: Option<(String, String)>,
    /// Locks that sessions held on it when it was read, and that the build of an index waits for.
    pub locks: Vec<TableLock>,
}

/// A lock that a session holds on a table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TableLock {
    /// The session.
    pub pid: i64,
    /// Its mode, from `pg_locks`: `RowExclusiveLock`.
    pub mode: String,
    /// When its transaction began, in seconds since 1970; `None` where this role may not see it.
    pub xact_started: Option<f64>,
}

impl TableLock {
    /// Returns the mode as SQL writes it: `ROW EXCLUSIVE`.
    pub(crate) fn mode_in_sql(&self) -> String {
        let mut words = String::new();
        for letter in self.mode.trim_end_matches("Lock").chars() {
            if letter.is_uppercase() && !words.is_empty() {
                words.push(' ');
            }
            words.extend(letter.to_uppercase());
        }
        words
    }
}

impl Table {
    /// Returns a column by name.
    pub fn column(&self, name: &str) -> Option<&TableColumn> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// Returns the rows, reckoned from the size and the width of the columns where they were never counted.
    pub(crate) fn rows_or_guess(&self) -> f64 {
        self.rows.unwrap_or_else(|| {
            // 24 bytes of tuple header and 4 of line pointer. Source: PostgreSQL manual 73.6 "Database Page Layout".
            let width: f64 = self.columns.iter().map(TableColumn::width).sum::<f64>() + 28.0;
            (self.pages * 8152.0 / width.max(28.0)).floor()
        })
    }

    /// Returns the rows that changed since the last ANALYZE; `None` where they are not known, or the counters came late.
    pub(crate) fn changed_since_analyze(&self) -> Option<f64> {
        let counters = self.counters.as_ref()?;
        let is_late = super::late::are_late(&super::late::TableCounters {
            reltuples: self.rows.unwrap_or(0.0),
            was_analyzed: counters.was_analyzed,
            inserted: counters.inserted,
            updated: counters.updated,
            deleted: counters.deleted,
            changed: counters.changed_since_analyze,
        });
        (!is_late).then_some(counters.changed_since_analyze)
    }

    /// Says whether ANALYZE ever ran: by its counters, which a crash and a standby forget, or by what it left.
    pub(crate) fn was_analyzed(&self) -> bool {
        self.counters.as_ref().is_some_and(|counters| counters.was_analyzed)
            || self.columns.iter().any(|column| column.statistics.is_some())
    }

    /// Returns the share of pages that an index-only scan need not visit, 0..=1.
    pub(crate) fn all_visible_share(&self) -> f64 {
        if self.pages < 1.0 { 0.0 } else { (self.all_visible_pages / self.pages).min(1.0) }
    }

    /// Returns the statistics of an expression: a column's own, or those kept for just this expression.
    pub fn statistics_of(&self, expr: &Expr) -> Option<&ColumnStatistics> {
        match expr.as_column() {
            Some(name) => self.column(name)?.statistics.as_ref(),
            None => self.expressions.iter().find(|known| &known.expr == expr).map(|known| &known.statistics),
        }
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct TableColumn {
    /// `pg_attribute.attnum`.
    pub number: i16,
    /// The name.
    pub name: String,
    /// The type without its modifier, as `format_type` writes it: `character varying`, `timestamp with time zone`.
    pub type_name: String,
    /// The type with its modifier: `character varying(20)`.
    pub full_type: String,
    /// `pg_type.typcategory`: `S` string, `N` number, `D` date or time, `B` boolean, `A` array, `R` range, `U` other.
    pub category: char,
    /// `pg_type.typlen`: bytes, or negative when it varies.
    pub length: i16,
    /// Bytes to which the type is aligned: 1, 2, 4 or 8.
    pub alignment: u8,
    /// Whether it is NOT NULL.
    pub is_not_null: bool,
    /// The collation, for types that have one.
    pub collation: Option<Collation>,
    /// What ANALYZE found; `None` when it did not run, or this role may not see it.
    pub statistics: Option<ColumnStatistics>,
}

impl TableColumn {
    /// Returns the average width in bytes of a value that is not null.
    pub fn width(&self) -> f64 {
        match (&self.statistics, self.length) {
            (_, length) if length > 0 => f64::from(length),
            (Some(statistics), _) => statistics.width,
            // What the planner takes for a varying type. Source: src/backend/utils/cache/lsyscache.c, get_typavgwidth.
            (None, _) => 32.0,
        }
    }

    /// Says whether values are strings: `text`, `character varying`, `citext` and their like.
    pub(crate) fn is_text(&self) -> bool {
        self.category == 'S'
    }

    /// Says whether the type has a default operator class for b-trees.
    ///
    /// Source: `pg_opclass` of PostgreSQL 15; point, box, json, xml and their like have none.
    pub(crate) fn is_btree_able(&self) -> bool {
        !matches!(
            self.type_name.as_str(),
            "json"
                | "xml"
                | "point"
                | "box"
                | "line"
                | "lseg"
                | "path"
                | "polygon"
                | "circle"
                | "geometry"
                | "geography"
        )
    }
}

/// A column's collation, as far as it decides what an index can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Collation {
    /// C or POSIX: a plain index serves `LIKE 'x%'`.
    C,
    /// Any other deterministic one.
    #[default]
    Other,
    /// Not deterministic: equal strings may differ in bytes; no deduplication, no LIKE.
    NotDeterministic,
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ForeignKey {
    /// The constraint's name.
    pub name: String,
    /// The columns that refer.
    pub columns: Vec<String>,
    /// The schema of the table referred to.
    pub target_schema: String,
    /// The table referred to.
    pub target_table: String,
    /// The columns referred to.
    pub target_columns: Vec<String>,
}

/// A table that refers to another one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReferringTable {
    /// Its schema.
    pub schema: String,
    /// Its name.
    pub name: String,
    /// Its foreign key.
    pub key: ForeignKey,
    /// Its rows, estimated; `None` before the first VACUUM or ANALYZE.
    pub rows: Option<f64>,
    /// Whether an index of all its rows begins with the columns that refer.
    pub is_indexed: bool,
    /// Whether the foreign key is checked at COMMIT.
    pub is_deferred: bool,
}

/// A table's counters since the last reset, from `pg_stat_user_tables`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Counters {
    /// `n_tup_ins`.
    pub inserted: f64,
    /// `n_tup_upd`.
    pub updated: f64,
    /// `n_tup_del`.
    pub deleted: f64,
    /// `n_tup_hot_upd`.
    pub hot_updated: f64,
    /// `n_mod_since_analyze`.
    pub changed_since_analyze: f64,
    /// Whether ANALYZE, by hand or by autovacuum, ever ran.
    pub was_analyzed: bool,
    /// Seconds since the counters were reset, or since the server's first start; `None` when unknown.
    pub seconds: Option<f64>,
}
