//! The backends, typed: what each does, who blocks whom, and what Django says of them.
//!
//! Pure. Panes, findings and the header count with these alone, so that they agree.

use crate::catalog::index_usage::IndexUsage;
use crate::readings::tags::Tags;
use crate::sample::{Row, RowSet, Timestamp};

/// The pid that `pg_blocking_pids()` gives for a prepared transaction, which has no session. Source: manual 9.26.
pub const PREPARED: i64 = 0;

/// One backend.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Backend {
    /// Process id.
    pub pid: i64,
    /// When it started, as the server gave it; with the pid it names the backend for good.
    pub started: f64,
    /// Database.
    pub database: String,
    /// Role.
    pub user: String,
    /// `application_name`.
    pub application: String,
    /// Client address and port, or `local`.
    pub client: String,
    /// Kind of backend: `client backend`, `walsender`, …; empty where it may not be seen.
    pub kind: String,
    /// Pid of the leader of its parallel group, where it has one and the server says so (13).
    pub leader: Option<i64>,
    /// Whether its role is a superuser; `None` for a process without a role.
    pub is_superuser: Option<bool>,
    /// Whether pgdj's role has the rights of its role; `None` for a process without a role.
    pub has_our_role: Option<bool>,
    /// State, empty where it may not be seen.
    pub state: String,
    /// Wait event with its class: `Lock:relation`, empty when it waits for nothing.
    pub wait: String,
    /// Whether it waits for a lock; from a plain role the wait is hidden, and who blocks is not.
    pub is_waiting: bool,
    /// When the query started (of an idle one: the last one), as the server gave it.
    pub query_started: Option<f64>,
    /// When the transaction started, as the server gave it; `None` outside of one.
    pub xact_started: Option<f64>,
    /// Whether it is a client of a role whose sessions this role may not look into.
    ///
    /// Role and database are shown to everybody, the kind of the backend and its state are not; background processes have
    /// no role or no database. Source: `pg_stat_get_activity()`, `HAS_PGSTAT_PERMISSIONS`.
    pub is_hidden: bool,
    /// Seconds since the query started (of an idle one: since its last).
    pub query_age: Option<f64>,
    /// Seconds since the transaction started.
    pub xact_age: Option<f64>,
    /// Seconds since the backend started.
    pub backend_age: Option<f64>,
    /// Seconds since the state changed.
    pub state_age: Option<f64>,
    /// Pids it waits for.
    pub blocked_by: Vec<i64>,
    /// How many sessions wait for it, directly or behind another.
    pub blocks: usize,
    /// `pg_stat_statements` id of the query.
    pub query_id: Option<i64>,
    /// The query with its comment.
    pub query: String,
    /// Whether the query is longer than what the server keeps of it.
    pub is_query_cut: bool,
    /// The Django view of the sqlcommenter comment: `orders:list`, or the route.
    pub view: String,
}

impl Backend {
    fn of(row: &Row<'_>, at: Timestamp) -> Self {
        // Older recordings have ages in their rows.
        let age = |age: &str, since: &str| {
            let age = row.number(age).or_else(|| Some(at.0 - row.number(since)?))?;
            Some(age.max(0.0))
        };
        let wait_type = row.text("wait_event_type");
        let query = row.text("query").to_owned();
        let (kind, user, database) = (row.text("backend_type"), row.text("user"), row.text("database"));
        Self {
            pid: row.int("pid").unwrap_or(0),
            started: row.number("backend_start").unwrap_or(0.0),
            database: database.to_owned(),
            user: user.to_owned(),
            application: row.text("application").to_owned(),
            client: row.text("client").to_owned(),
            kind: kind.to_owned(),
            leader: row.int("leader_pid"),
            is_superuser: row.flag("is_superuser"),
            has_our_role: row.flag("has_our_role"),
            state: row.text("state").to_owned(),
            wait: if wait_type.is_empty() { String::new() } else { format!("{wait_type}:{}", row.text("wait_event")) },
            query_started: row.number("query_start"),
            xact_started: row.number("xact_start"),
            is_waiting: wait_type == "Lock" || !row.get("blocked_by").is_null(),
            is_hidden: kind.is_empty() && !user.is_empty() && !database.is_empty(),
            query_age: age("query_age", "query_start"),
            xact_age: age("xact_age", "xact_start"),
            backend_age: age("backend_age", "backend_start"),
            state_age: age("state_age", "state_change"),
            blocked_by: row.get("blocked_by").as_list().iter().filter_map(crate::sample::Value::as_int).collect(),
            blocks: 0,
            query_id: row.int("query_id"),
            view: Tags::of(&query).view,
            query,
            is_query_cut: row.flag("is_query_cut").unwrap_or(false),
        }
    }

    /// Reads the sessions that are active or hidden; of the others only what tells who waits for whom.
    pub(super) fn all_at_work(activity: &RowSet, at: Timestamp) -> Vec<Self> {
        let read = |row: Row<'_>| match row.text("state") {
            "active" | "fastpath function call" | "disabled" => Self::of(&row, at),
            "" if !row.text("user").is_empty() => Self::of(&row, at),
            state => Self::at_rest(&row, state),
        };
        activity.iter().map(read).collect()
    }

    /// Reads of a session what tells who waits for whom, and whose it is.
    fn at_rest(row: &Row<'_>, state: &str) -> Self {
        let blocked_by = row.get("blocked_by");
        Self {
            pid: row.int("pid").unwrap_or(0),
            leader: row.int("leader_pid"),
            application: row.text("application").to_owned(),
            kind: row.text("backend_type").to_owned(),
            state: state.to_owned(),
            query_started: row.number("query_start"),
            xact_started: row.number("xact_start"),
            is_waiting: row.text("wait_event_type") == "Lock" || !blocked_by.is_null(),
            blocked_by: blocked_by.as_list().iter().filter_map(crate::sample::Value::as_int).collect(),
            ..Self::default()
        }
    }

    /// Returns what names the row from one sample to the next.
    pub fn key(&self) -> String {
        format!("{}@{}", self.pid, self.started)
    }

    /// Returns whose it is: the application, else the role, else the kind of process; with the Django view where one is known.
    pub fn name(&self) -> String {
        self.named(&self.application)
    }

    /// Returns the same for all workers of its application.
    pub fn program_name(&self) -> String {
        self.named(self.program())
    }

    fn named(&self, application: &str) -> String {
        let names = [application, self.user.as_str(), self.kind.as_str()];
        let name = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
        if self.view.is_empty() { name.to_owned() } else { format!("{name} {}", self.view) }
    }

    /// Returns its application without the worker or task that it names: `gunicorn` of `gunicorn: worker [6]`.
    pub fn program(&self) -> &str {
        self.application.split(['[', ':']).next().unwrap_or(&self.application).trim()
    }

    /// Returns the first words of its running statement, if that changes the schema as migrations do.
    pub fn schema_change(&self) -> Option<&'static str> {
        const CHANGES: &[&str] = &[
            "ALTER TABLE",
            "CREATE INDEX",
            "CREATE UNIQUE INDEX",
            "DROP INDEX",
            "DROP TABLE",
            "CREATE TABLE",
            "TRUNCATE",
            "REINDEX",
            "VACUUM FULL",
            "CLUSTER",
        ];
        let text = self.query.trim_start();
        let head = text.get(..20).unwrap_or(text).to_ascii_uppercase();
        CHANGES.iter().copied().filter(|_| self.is_active()).find(|change| head.starts_with(change))
    }

    /// Whether it builds an index with CONCURRENTLY at this moment, by the text of its statement.
    pub fn builds_concurrently(&self) -> bool {
        if !self.is_active() {
            return false;
        }
        let text = self.query.to_uppercase();
        text.contains("INDEX") && text.contains("CONCURRENTLY") && !text.contains("DROP INDEX")
    }

    /// Whether it is a client's.
    pub fn is_client(&self) -> bool {
        self.kind == "client backend" || self.is_hidden
    }

    /// Returns the class of what it waits for, `Lock` of `Lock:relation`; empty when it waits for nothing.
    pub(crate) fn wait_class(&self) -> &str {
        self.wait.split(':').next().unwrap_or_default()
    }

    /// Whether it waits for serializable transactions to end: `BEGIN ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE`.
    pub(crate) fn wants_safe_snapshot(&self) -> bool {
        self.wait == "IPC:SafeSnapshot"
    }

    /// Whether it waits until no one reads a page: the server does not say who does.
    pub(crate) fn waits_for_a_pin(&self) -> bool {
        matches!(self.wait.as_str(), "BufferPin:BufferPin" | "Buffer:BufferCleanup")
    }

    /// Whether it is an autovacuum that the server cancels for the first session that waits for its lock, after
    /// `deadlock_timeout`. Source: `ProcSleep()` in proc.c.
    pub(crate) fn gives_way(&self) -> bool {
        self.kind == "autovacuum worker" && !self.query.contains("(to prevent wraparound)")
    }

    /// Whether the state of a client is not known: it is hidden, or the session runs with `track_activities` off.
    pub(crate) fn has_unknown_state(&self) -> bool {
        self.is_hidden || self.state == "disabled"
    }

    /// Whether it runs a statement.
    pub fn is_active(&self) -> bool {
        matches!(self.state.as_str(), "active" | "fastpath function call")
    }

    /// Whether it does nothing and holds nothing.
    pub(crate) fn is_idle(&self) -> bool {
        self.state == "idle" || (!self.is_client() && self.state.is_empty())
    }

    /// Whether it sits in a transaction without running anything.
    pub(crate) fn is_idle_in_transaction(&self) -> bool {
        self.state.starts_with("idle in transaction")
    }

    /// Returns how long the running statement has run, in seconds; `None` where none runs.
    pub(crate) fn statement_age(&self) -> Option<f64> {
        self.query_age.filter(|_| !self.state.is_empty() && !self.is_idle() && !self.is_idle_in_transaction())
    }

    /// Returns the state in few letters: `active`, `idle in tx`, `aborted tx`.
    pub(crate) fn short_state(&self) -> &str {
        match self.state.as_str() {
            "idle in transaction" => "idle in tx",
            "idle in transaction (aborted)" => "aborted tx",
            "fastpath function call" => "fastpath",
            "" if self.is_client() => "hidden",
            "" => "-",
            other => other,
        }
    }
}

/// Reads the backends of a reading of `activity`; how many each blocks is reckoned with the locks.
pub fn backends(activity: &RowSet, at: Timestamp) -> Vec<Backend> {
    activity.iter().map(|row| Backend::of(&row, at)).collect()
}

/// Returns the session that builds an index concurrently, by the text of its statement: until it is done, the index is as
/// invalid as one that a failed build left.
pub fn builder<'a>(backends: &'a [Backend], index: &IndexUsage) -> Option<&'a Backend> {
    let names = [index.name.to_uppercase(), index.table.to_uppercase()];
    backends.iter().filter(|backend| backend.builds_concurrently()).find(|backend| {
        let text = backend.query.to_uppercase();
        names.iter().any(|name| text.contains(name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};

    #[test]
    fn a_hidden_session_is_a_clients_only_where_it_has_a_role_and_a_database() {
        let seen = snapshot().with(
            "activity",
            vec![
                row! { pid: 1, user: "web", database: "shop" },
                row! { pid: 2, user: "postgres" },
                row! { pid: 3, database: "shop" },
                row! { pid: 4, user: "web", database: "shop", backend_type: "client backend" },
                row! { pid: 5, user: "web", database: "shop", backend_type: "parallel worker", state: "active" },
                row! { pid: 6, user: "web", database: "shop", backend_type: "client backend", state: "disabled" },
            ],
        );
        let all = backends(seen.rows("activity").unwrap(), Timestamp::default());
        let pids = |is: fn(&Backend) -> bool| -> Vec<i64> {
            all.iter().filter(|backend| is(backend)).map(|backend| backend.pid).collect()
        };
        assert_eq!(pids(Backend::is_client), [1, 4, 6]);
        assert_eq!(pids(|backend| backend.is_hidden), [1]);
        assert_eq!(pids(Backend::has_unknown_state), [1, 6]);
    }

    #[test]
    fn a_session_at_rest_has_what_tells_that_its_locks_are_held_still() {
        let row = row! { pid: 1, user: "web", backend_type: "client backend", state: "idle in transaction",
        xact_start: 1.0, query_start: 2.0 };
        let seen = snapshot().with("activity", vec![row]);
        let read = Backend::all_at_work(seen.rows("activity").unwrap(), seen.at);
        assert_eq!((read[0].xact_started, read[0].query_started), (Some(1.0), Some(2.0)));
    }
}
