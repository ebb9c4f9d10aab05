//! What a server said of itself at connect: what it has, not what version it is.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Timestamp;

/// What was found at connect. The loader of SQL asks [`ServerFacts::has`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct ServerFacts {
    /// The target as the user knows it, without its password: `prod`, `db1:5432/shop`.
    pub target: String,
    /// `server_version` as the server prints it, for people.
    pub version: String,
    /// `server_version_num`, for people and recordings; no decision hangs on it outside `pg`.
    pub version_num: i64,
    /// The database.
    pub database: String,
    /// The role in force.
    pub role: String,
    /// Whether this role is a superuser.
    pub is_superuser: bool,
    /// Whether the server was in recovery at connect.
    pub is_standby: bool,
    /// Whether statements reach the server through a transaction pooler.
    pub is_pooled: bool,
    /// When the server started.
    pub started: Timestamp,
    /// The default roles this role is a member of: `pg_monitor`, `pg_read_all_stats`, `pg_signal_backend`, ….
    pub memberships: BTreeSet<String>,
    /// Columns of every system view and extension view, as `view.column`; of functions this role may execute, as `function()`;
    /// predefined roles, as `role pg_monitor`.
    pub columns: BTreeSet<String>,
    /// Installed extensions in this database: name to (version, schema).
    pub extensions: BTreeMap<String, Extension>,
    /// `shared_preload_libraries`, where it may be read.
    pub preloaded: Option<String>,
    /// Django's own tables: what the role's `search_path` finds under the name, whatever it is.
    #[serde(default)]
    pub django: BTreeMap<String, Relation>,
}

/// What stands under a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// Its oid.
    pub oid: i64,
    /// The schema it is in.
    pub schema: String,
    /// `pg_class.relkind`: `r` a table, `p` one in partitions, `v` a view, ….
    pub kind: String,
    /// The names of its columns.
    pub columns: Vec<String>,
    /// Whether a column has a type or a collation that does not come with the server, or is generated.
    pub has_own_types: bool,
    /// Whether it has a rule, an index or statistics with an expression, which may call a function.
    pub has_expressions: bool,
}

impl Relation {
    /// Returns why it is not read, as a sentence about it under its name; `None` for a plain table.
    pub fn refusal(&self, name: &str) -> Option<String> {
        let name = format!("{}.{name}", self.schema);
        let kind = match self.kind.as_str() {
            "r" | "p" if self.has_own_types => {
                return Some(format!("{name} is not read: a column has a type that does not come with PostgreSQL"));
            }
            "r" | "p" if self.has_expressions => {
                return Some(format!("{name} is not read: a rule, an index or statistics of it may call functions"));
            }
            "r" | "p" => return None,
            "v" => "a view",
            "m" => "a materialized view",
            "f" => "a foreign table",
            _ => "another object",
        };
        Some(format!("{name} is not read: it is {kind}, not a table, and reading it may call functions"))
    }
}

/// An extension in this database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// The installed version.
    pub version: String,
    /// The newest version the server's files offer; another one than installed asks for `alter extension … update`.
    pub available: Option<String>,
    /// The schema its objects are in.
    pub schema: String,
}

/// The name of something a server may have: `view.column`, `view.*`, `function()`, `role name`.
pub type Fact = str;

impl ServerFacts {
    /// Whether the server has this column (`pg_stat_activity.query_id`), view (`pg_stat_io.*`) or function this role may execute (`pgstattuple_approx()`).
    pub fn has(&self, fact: &Fact) -> bool {
        match fact.strip_suffix(".*") {
            Some(view) => {
                let from = format!("{view}.");
                self.columns.range(from.clone()..).next().is_some_and(|name| name.starts_with(&from))
            }
            None => self.columns.contains(fact),
        }
    }

    /// Whether this role is a member of a default role, or a superuser, who may all.
    pub fn may_as(&self, default_role: &str) -> bool {
        self.is_superuser || self.memberships.contains(default_role)
    }
}
