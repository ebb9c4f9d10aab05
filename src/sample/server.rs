//! What a server said of itself at connect: what it has, not what version it is.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Timestamp;
use crate::quote::quote_ident;

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
    /// Whether its policies apply to this role.
    #[serde(default)]
    pub has_policies: bool,
    /// Whether this role may not read the columns that are wanted.
    #[serde(default)]
    pub is_denied: bool,
}

impl Relation {
    /// Returns why it is not read, as a sentence about it under its name; `None` for a plain table. A right that this role
    /// lacks is another matter: [`Self::is_denied`].
    pub fn refusal(&self, name: &str) -> Option<String> {
        let why = match self.kind.as_str() {
            "r" if self.has_own_types => "a column has a type that does not come with PostgreSQL",
            "r" if self.has_policies => "it has row-level security, and a policy may call functions",
            "r" => return None,
            "v" => "it is a view, not a table, and reading it may call functions",
            "m" => "it is a materialized view, not a table",
            "f" => "it is a foreign table, and reading it may call functions",
            "p" => "it is a partitioned table, which Django does not create",
            _ => "it is not a table",
        };
        Some(format!("{}.{name} is not read: {why}", self.schema))
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

    /// Returns the statement that gives this role a right or the membership in another: `GRANT pg_monitor TO app;`.
    pub fn grant(&self, right: &str) -> String {
        format!("GRANT {right} TO {};", quote_ident(&self.role))
    }

    /// Whether this role is a member of a default role, or a superuser, who may all.
    pub fn may_as(&self, default_role: &str) -> bool {
        self.is_superuser || self.memberships.contains(default_role)
    }
}
