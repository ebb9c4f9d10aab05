//! Indexes in one normal form, existing ones and candidates alike.

use std::fmt;

use super::expr::Expr;

/// An access method.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum AccessMethod {
    /// `btree`.
    #[default]
    BTree,
    /// `hash`.
    Hash,
    /// `gin`.
    Gin,
    /// `gist`.
    Gist,
    /// `spgist`.
    SpGist,
    /// `brin`.
    Brin,
    /// One of an extension.
    Other(String),
}

impl AccessMethod {
    /// Returns the method of a name in `pg_am`.
    pub fn named(name: &str) -> Self {
        match name {
            "btree" => Self::BTree,
            "hash" => Self::Hash,
            "gin" => Self::Gin,
            "gist" => Self::Gist,
            "spgist" => Self::SpGist,
            "brin" => Self::Brin,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for AccessMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::BTree => "btree",
            Self::Hash => "hash",
            Self::Gin => "gin",
            Self::Gist => "gist",
            Self::SpGist => "spgist",
            Self::Brin => "brin",
            Self::Other(name) => name,
        })
    }
}

/// Which way a key is ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum KeyDirection {
    /// Ascending.
    #[default]
    Ascending,
    /// Descending.
    Descending,
}

/// Where nulls are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Nulls {
    /// Last when ascending, first when descending.
    #[default]
    Usual,
    /// First, though ascending.
    First,
    /// Last, though descending.
    Last,
}

/// One key of an index.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The column or the expression, normalised and without a qualifier.
    pub expr: Expr,
    /// The operator class; `None` for the type's default.
    pub opclass: Option<String>,
    /// Which way it is ordered.
    pub direction: KeyDirection,
    /// Where nulls are.
    pub nulls: Nulls,
}

impl Key {
    /// A key in ascending order with the default operator class.
    pub fn plain(expr: Expr) -> Self {
        Self { expr, opclass: None, direction: KeyDirection::Ascending, nulls: Nulls::Usual }
    }

    /// The same key with an operator class.
    #[must_use]
    pub(crate) fn with_opclass(mut self, opclass: &str) -> Self {
        self.opclass = Some(opclass.to_owned());
        self
    }

    /// Says whether the keys sort the same column the same way or exactly the other way.
    pub(crate) fn is_same_or_reversed(&self, other: &Self) -> Option<bool> {
        if self.expr != other.expr || self.opclass != other.opclass {
            return None;
        }
        if self.direction == other.direction && self.nulls == other.nulls {
            return Some(false);
        }
        let reversed = self.direction != other.direction && self.nulls_first() != other.nulls_first();
        reversed.then_some(true)
    }

    /// Says whether nulls come first.
    pub(crate) fn nulls_first(&self) -> bool {
        match self.nulls {
            Nulls::Usual => self.direction == KeyDirection::Descending,
            Nulls::First => true,
            Nulls::Last => false,
        }
    }
}

/// What an index is made of.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Definition {
    /// The access method.
    pub method: AccessMethod,
    /// The keys, in order.
    pub keys: Vec<Key>,
    /// The columns that are carried only (INCLUDE).
    pub include: Vec<String>,
    /// The predicate of a partial index: all of these hold.
    pub predicate: Vec<Expr>,
    /// Storage parameters, for instance `autosummarize` = `on`.
    pub options: Vec<(String, String)>,
}

impl Definition {
    /// A plain b-tree over expressions.
    pub fn btree(keys: Vec<Key>) -> Self {
        Self { keys, ..Self::default() }
    }

    /// An index of another method over one key.
    pub fn of(method: AccessMethod, key: Key) -> Self {
        Self { method, keys: vec![key], ..Self::default() }
    }

    /// Returns every column that it names: keys, included ones, and those of the predicate.
    pub fn columns(&self) -> Vec<&str> {
        let mut found: Vec<&str> = Vec::new();
        let exprs = self.keys.iter().map(|key| &key.expr).chain(&self.predicate);
        for column in exprs.flat_map(Expr::columns).chain(self.include.iter().map(String::as_str)) {
            if !found.contains(&column) {
                found.push(column);
            }
        }
        found
    }

    /// Says whether it holds more than plain columns.
    pub fn has_expression(&self) -> bool {
        self.keys.iter().any(|key| key.expr.as_column().is_none())
    }
}

/// An index that exists.
#[derive(Debug, Clone, PartialEq, Default)]
#[expect(clippy::struct_excessive_bools, reason = "the flags of pg_index, which are independent of each other")]
pub struct Index {
    /// `pg_class.oid` of the index.
    pub oid: u32,
    /// The name.
    pub name: String,
    /// What it is made of.
    pub definition: Definition,
    /// Whether it enforces uniqueness.
    pub is_unique: bool,
    /// Whether it is the primary key.
    pub is_primary: bool,
    /// Whether a constraint stands on it (primary key, unique, exclusion).
    pub is_constraint: bool,
    /// Whether it is valid and ready; a failed concurrent build leaves an invalid one.
    pub is_valid: bool,
    /// Whether it is the table's replica identity.
    pub is_replica_identity: bool,
    /// The size in bytes; `None` when it could not be read.
    pub bytes: Option<f64>,
    /// `pg_class.reltuples` of the index.
    pub rows: Option<f64>,
    /// `idx_scan` since the last reset; `None` when it could not be read.
    pub scans: Option<f64>,
}
