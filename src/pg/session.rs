//! A guarded session: what pgdj does to a server can neither wait long, nor hold anything, nor write, nor be misled.
//!
//! Every statement runs in a read-only transaction of its own under `statement_timeout`, `lock_timeout`,
//! `idle_in_transaction_session_timeout` and a `search_path` that has nothing of anybody else: set for the session on a
//! direct connection, for each transaction behind a pooler, where a setting of the session would leak to another
//! client. The path is the first thing that is sent. On a direct connection a statement that is asked again is prepared;
//! behind a pooler all are unnamed and typed, so that nothing is left on a backend; only COPY has a name, for as long as
//! it runs ([`Session::copy`]). Any number of them is one round trip, two behind a pooler or where some have to be
//! prepared ([`Session::pipeline`]). A query that is dropped is cancelled on the server ([`cancel_queue()`]).
//!
//! Nothing is spawned here: the connection is driven by whoever waits for an answer.

use std::fmt;
use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error};

pub use super::cancel_queue::{CancelFn, CancelQueue, cancel_queue};
pub use super::connection::sentence;
use super::connection::{CLOSED, Connection, StatementFuture, end_of, together};
pub use super::copy::NotCopied;
use super::guard::{
    BACK, COMMIT, LOCK_TIMEOUT, SAVE, SET_BORROWED, SET_SESSION, STATEMENT_TIMEOUT, check_client, opening,
};
use super::key;
pub use super::notices::Notices;
use super::notices::Noticing;
use super::own::{Own, Sql};
use super::own_backends::OwnBackends;
pub use super::path::RolePath;
use super::path::{self, Until};
use crate::Failure;
use crate::failure::FailureKind;
use crate::sample::{Column, ColumnRole, RowSet, Timestamp, Unit, Value};

/// The `application_name` of every backend of this program.
pub const APPLICATION: &str = "pgdj";

/// A connection that was just made.
pub struct NewConnection {
    /// Asks the questions.
    pub client: Client,
    /// Moves the bytes; ends with the connection.
    pub driver: BoxFuture<'static, Result<(), Error>>,
    /// Cancels what the connection runs.
    pub canceller: CancelFn,
    /// What the server says beside its answers.
    pub notices: Notices,
}

impl NewConnection {
    /// A connection whose bytes are moved by what comes with it.
    pub fn of<S, T>(client: Client, connection: tokio_postgres::Connection<S, T>, canceller: CancelFn) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let notices = Notices::default();
        Self { client, driver: Noticing::new(connection, notices.clone()).boxed(), canceller, notices }
    }
}

impl fmt::Debug for NewConnection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewConnection").finish_non_exhaustive()
    }
}

/// Makes connections to one target.
pub trait Connector: Send + Sync {
    /// Makes a connection with [`APPLICATION`] as its `application_name`.
    fn connect(&self) -> BoxFuture<'_, Result<NewConnection, Failure>>;

    /// Returns the target as the user knows it, without its password.
    fn target(&self) -> String;

    /// Returns the backends of the connections that were made.
    fn own_backends(&self) -> OwnBackends {
        OwnBackends::default()
    }
}

/// How long a statement of a session may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// `statement_timeout`.
    pub statement: Duration,
    /// `lock_timeout`.
    pub lock: Duration,
}

impl Limits {
    /// Of the fast lane: its probes take milliseconds; one that takes seconds finds a server in trouble and must not add to it.
    /// It waits for no lock but one on a catalog (`VACUUM FULL pg_class`).
    pub const FAST: Self = Self { statement: Duration::from_secs(2), lock: Duration::from_millis(100) };
    /// Of the slow lane: a `stat()` for thousands of files on a slow disk, and a lock that is just being passed on.
    pub const SLOW: Self = Self { statement: Duration::from_secs(10), lock: Duration::from_millis(500) };
    /// Of what a person asked for and can cancel: an exact bloat scan reads a whole table.
    pub const ACT: Self = Self { statement: Duration::from_secs(600), lock: Duration::from_secs(1) };

    /// Returns the statements for a session of our own.
    fn for_session(self) -> Sql {
        let until = Until::SessionEnds;
        Sql::batch(&[path::pin(until), self.fill(&SET_SESSION), check_client(until)])
    }

    /// Returns the statements that open a transaction on a backend of someone else.
    fn for_transaction(self) -> Sql {
        opening("read only", self.fill(&SET_BORROWED))
    }

    fn fill(self, own: &Own) -> Sql {
        let (statement, lock) = (self.statement.as_millis().to_string(), self.lock.as_millis().to_string());
        own.fill(&[(STATEMENT_TIMEOUT.name, &statement), (LOCK_TIMEOUT.name, &lock)])
    }
}

/// One statement with its parameters.
#[derive(Debug, Clone)]
pub struct Query {
    /// The statement.
    pub sql: Sql,
    /// Its parameters, in order.
    pub parameters: Vec<QueryParameter>,
}

impl Query {
    /// A statement without parameters.
    pub fn new(sql: Sql) -> Self {
        Self { sql, parameters: Vec::new() }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, parameter: QueryParameter) -> Self {
        self.parameters.push(parameter);
        self
    }
}

/// A parameter: `bigint`, `bigint[]`, `float8` or `text`.
#[derive(Debug, Clone)]
pub enum QueryParameter {
    /// A `bigint`.
    Int(i64),
    /// A `bigint[]`.
    Ids(Vec<i64>),
    /// A `float8`.
    Float(f64),
    /// A `text`.
    Text(String),
}

impl QueryParameter {
    pub(super) fn typed(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Int(number) => (number, Type::INT8),
            Self::Ids(numbers) => (numbers, Type::INT8_ARRAY),
            Self::Float(number) => (number, Type::FLOAT8),
            Self::Text(text) => (text, Type::TEXT),
        }
    }
}

/// What a statement gave.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The columns: name and type.
    pub columns: Vec<(String, Type)>,
    /// The rows, each with a value for every column.
    pub rows: Vec<Vec<Value>>,
}

impl Answer {
    /// Returns the first value of the first row.
    pub fn scalar(&self) -> Option<&Value> {
        self.rows.first()?.first()
    }

    /// Returns the rows under columns named as the server names them, for reading by name.
    pub(crate) fn into_rows(self) -> RowSet {
        let column = |(name, _): (String, Type)| Column {
            name: name.into(),
            role: ColumnRole::Label,
            unit: Unit::Text,
            doc: "".into(),
            source: "".into(),
        };
        RowSet::new(self.columns.into_iter().map(column).collect(), self.rows)
    }
}

/// The answers to the statements of one round trip, in their order; each may have failed alone.
pub type Answers = Vec<Result<Answer, Error>>;

/// The connection is gone, and why.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
pub struct Lost {
    /// What ended it, in the server's words where it said any.
    pub why: String,
}

/// One guarded connection.
#[derive(Debug)]
pub struct Session {
    connection: Connection,
    limits: Limits,
    /// Whether a transaction pooler is between, so that nothing may be set for the session.
    pub is_pooled: bool,
    /// When the server started: another moment is another server, or the same after a restart.
    pub started: Timestamp,
    /// The server's clock when the session was opened, and ours.
    pub opened: (Timestamp, Instant),
    /// The path of the role, before it was pinned.
    pub path: RolePath,
    /// Whether a transaction was begun and its end not seen.
    is_begun: bool,
}

/// Whose backend it is, and since when its server runs.
pub(super) static GREETING: Own = Own {
    name: "greeting",
    reads: "The pid of the session (if it differs from the protocol's, there is a pooler), the start of the server, \
        its clock.",
    when: "once for each session, right after it connects",
    holes: &[],
    sql: "select
    pg_catalog.pg_backend_pid() as pid,
    extract(epoch from pg_catalog.pg_postmaster_start_time())::float8 as started,
    extract(epoch from pg_catalog.clock_timestamp())::float8 as now",
};

impl Session {
    /// Connects, finds out whether a pooler is between, and sets the guard.
    pub async fn open(connector: &dyn Connector, limits: Limits, cancel_queue: &CancelQueue) -> Result<Self, Failure> {
        let connection = Connection::of(connector.connect().await?, cancel_queue);
        let key_pid = key::key_pid(&connection.cancel_token()).await;
        let mut session = Self {
            connection,
            limits,
            is_pooled: true, // the careful way, until it is known
            started: Timestamp::default(),
            opened: (Timestamp::default(), Instant::now()),
            path: RolePath::default(),
            is_begun: false,
        };
        let failed = |source: &dyn std::error::Error| {
            Failure::new(FailureKind::Connection, format!("cannot read from {}", connector.target())).because(source)
        };
        let rows = session.greet().await.map_err(|lost| failed(&lost))?.map_err(|it| failed(&it))?;
        let value = |row: Option<&Vec<Option<String>>>, at: usize| row?.get(at)?.clone();
        let number = |at| value(rows.last(), at).and_then(|text| text.parse::<f64>().ok()).unwrap_or_default();
        let pid = value(rows.last(), 0).and_then(|text| text.parse::<i64>().ok());
        session.path = RolePath::parse(&value(rows.first(), 0).unwrap_or_default());
        session.started = Timestamp(number(1));
        session.opened = (Timestamp(number(2)), Instant::now());
        session.is_pooled = pid.is_none() || key_pid.map(i64::from) != pid;
        if !session.is_pooled {
            session.guard().await.map_err(|lost| failed(&lost))?.map_err(|it| failed(&it))?;
        }
        Ok(session)
    }

    /// Asks whose backend it is, in a guarded transaction: all in one message, of which nothing runs behind what failed.
    async fn greet(&mut self) -> Result<Result<Vec<Vec<Option<String>>>, Error>, Lost> {
        let sql = Sql::batch(&[self.limits.for_transaction(), GREETING.sql(), COMMIT.sql()]);
        let (rows, end) = self.connection.drive(self.connection.rows_as_text(&sql)).await;
        match end_of(rows.as_ref().err().into_iter(), end) {
            Some(lost) => Err(lost),
            None => Ok(rows),
        }
    }

    async fn guard(&mut self) -> Result<Result<(), Error>, Lost> {
        let settings = self.limits.for_session();
        let (done, end) = self.connection.drive(self.connection.batch(&settings)).await;
        match end_of(done.as_ref().err().into_iter(), end) {
            Some(lost) => Err(lost),
            None => Ok(done),
        }
    }

    /// Returns the limits in force.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Returns what cancels the running query.
    pub fn canceller(&self) -> &CancelFn {
        self.connection.canceller()
    }

    /// Waits, without anything under way, until the connection ends; returns why. Cancel-safe: it only moves bytes.
    pub async fn closed(&mut self) -> Lost {
        match self.connection.ended().await {
            Ok(()) => Lost { why: CLOSED.to_owned() },
            Err(error) => Lost { why: sentence(&error) },
        }
    }

    /// Runs one statement.
    pub async fn one(&mut self, query: Query) -> Result<Result<Answer, Error>, Lost> {
        let mut answers = self.pipeline(&[query]).await?;
        answers.pop().ok_or_else(|| Lost { why: "the server gave no answer".to_owned() })
    }

    /// Runs statements in one round trip, two behind a pooler or where some have to be prepared, read-only: one that fails takes no other along.
    pub async fn pipeline(&mut self, queries: &[Query]) -> Result<Answers, Lost> {
        if self.is_pooled {
            return self.pipeline_in_a_transaction(queries).await;
        }
        let connection = &self.connection;
        let ((), end) = connection.drive(connection.prepare_repeated(queries)).await;
        if let Some(lost) = end_of(std::iter::empty(), end) {
            return Err(lost);
        }
        let steps: Vec<StatementFuture<'_>> = queries.iter().map(|query| connection.ask_again(query).boxed()).collect();
        let (done, end) = connection.drive(together(steps)).await;
        lost(&done, end).map_or(Ok(done), Err)
    }

    /// Reads a table by COPY, in the order of these columns; see `pg::copy`.
    pub async fn copy(&mut self, query: &Query, columns: &[Column]) -> Result<Result<Answer, NotCopied>, Lost> {
        if self.is_pooled {
            self.begin().await?;
        }
        let (copied, end) = self.connection.drive(self.connection.copy(&query.sql, columns)).await;
        let refused = if let Err(NotCopied::Server(error)) = &copied { Some(error) } else { None };
        if let Some(lost) = end_of(refused.into_iter(), end) {
            return Err(lost);
        }
        if self.is_pooled {
            // After an error this is a ROLLBACK.
            let (done, end) = self.connection.drive(self.connection.batch(&COMMIT.sql())).await;
            match (end_of(done.as_ref().err().into_iter(), end), done) {
                (Some(lost), _) => return Err(lost),
                (None, Err(error)) => return Err(Lost { why: sentence(&error) }),
                (None, Ok(())) => self.is_begun = false,
            }
        }
        Ok(copied)
    }

    /// Opens a transaction behind a pooler, with the guard in it.
    async fn begin(&mut self) -> Result<(), Lost> {
        if self.is_begun {
            return Err(Lost { why: "a request was abandoned".to_owned() });
        }
        self.is_begun = true;
        let sql = self.limits.for_transaction();
        let (begun, end) = self.connection.drive(self.connection.first_value(&sql)).await;
        if let Some(lost) = end_of(begun.as_ref().err().into_iter(), end) {
            return Err(lost);
        }
        match begun {
            Ok(shown) if self.path == RolePath::default() => self.path = RolePath::parse(&shown.unwrap_or_default()),
            Ok(_) => {}
            Err(error) => return Err(Lost { why: sentence(&error) }),
        }
        Ok(())
    }

    /// The transaction has to be open, and its path set, before anything is asked: a question that was sent along and
    /// found no transaction would run under the role's path. Each question has a savepoint to go back to.
    async fn pipeline_in_a_transaction(&mut self, queries: &[Query]) -> Result<Answers, Lost> {
        self.begin().await?;
        let connection = &self.connection;
        let mut steps: Vec<StatementFuture<'_>> = Vec::new();
        for (at, query) in queries.iter().enumerate() {
            if queries.len() > 1 {
                steps.push(control(connection, if at == 0 { SAVE.sql() } else { BACK.sql() }));
            }
            steps.push(connection.ask(query).boxed());
        }
        // After an error this is a ROLLBACK.
        steps.push(control(connection, COMMIT.sql()));
        let (done, end) = connection.drive(together(steps)).await;
        if let Some(lost) = lost(&done, end) {
            return Err(lost);
        }
        self.is_begun = false;
        let step = if queries.len() > 1 { 2 } else { 1 };
        Ok(done.into_iter().skip(step - 1).step_by(step).take(queries.len()).collect())
    }
}

fn control(connection: &Connection, sql: Sql) -> StatementFuture<'_> {
    async move { connection.batch(&sql).await.map(|()| Answer::default()) }.boxed()
}

fn lost(answers: &Answers, end: Option<Result<(), Error>>) -> Option<Lost> {
    end_of(answers.iter().filter_map(|answer| answer.as_ref().err()), end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_of_our_own_is_set_and_a_borrowed_one_only_within_its_transaction() {
        let own = Limits::FAST.for_session();
        let own = own.as_str();
        assert!(own.starts_with("set /* pgdj guard: search_path */ search_path = pg_catalog, pg_temp; "), "{own}");
        assert!(own.contains("set_config('statement_timeout', '2000', false)"), "{own}");
        assert!(own.contains("set_config('default_transaction_read_only', 'on', false)"), "{own}");
        let borrowed = Limits::SLOW.for_transaction();
        let borrowed = borrowed.as_str();
        assert!(
            borrowed.starts_with(
                "begin /* pgdj guard: begin */ isolation level read committed read only; show /* pgdj guard: \
                 search_path of the role */ search_path; set /* pgdj guard: search_path of a transaction */ local \
                 search_path = pg_catalog, pg_temp; "
            ),
            "{borrowed}"
        );
        assert!(borrowed.contains("set_config('statement_timeout', '10000', true)"), "{borrowed}");
        assert!(!borrowed.contains("false"), "{borrowed}");
    }
}
