//! A guarded session: what pgdj does to a server can neither wait long, nor hold anything, nor write.
//!
//! Every statement runs in a read-only transaction of its own under `statement_timeout`, `lock_timeout` and
//! `idle_in_transaction_session_timeout`: set for the session on a direct connection, for each
//! transaction behind a pooler, where a setting of the session would leak to another client. Statements are unnamed
//! and typed, so that nothing is left on a backend. Any number of them is one round trip ([`Session::pipeline`]).
//! A query that is dropped is cancelled on the server ([`reaper()`]).
//!
//! Nothing is spawned here: the connection is driven by whoever waits for an answer.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use futures_util::future::{BoxFuture, FutureExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::error::Severity;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Connection, Error};

use super::driver::Driver;
pub use super::notices::Notices;
use super::notices::Noticing;
use super::own_backends::OwnBackends;
use super::reaper::InFlight;
pub use super::reaper::{Canceller, Reaper, reaper};
use super::words::words;
use super::{decode, key};
use crate::Failure;
use crate::failure::Kind;
use crate::sample::{Column, Role, RowSet, Timestamp, Unit, Value, own};

/// The `application_name` of every backend of this program.
pub const APPLICATION: &str = "pgdj";

/// A connection that was just made.
pub struct Link {
    /// Asks the questions.
    pub client: Client,
    /// Moves the bytes; ends with the connection.
    pub driver: BoxFuture<'static, Result<(), Error>>,
    /// Cancels what the connection runs.
    pub canceller: Canceller,
    /// What the server says beside its answers.
    pub notices: Notices,
}

impl Link {
    /// A connection whose bytes are moved by what comes with it.
    pub fn of<S, T>(client: Client, connection: Connection<S, T>, canceller: Canceller) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let notices = Notices::default();
        Self { client, driver: Noticing::new(connection, notices.clone()).boxed(), canceller, notices }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

/// Makes connections to one target.
pub trait Connector: Send + Sync {
    /// Makes a connection with [`APPLICATION`] as its `application_name`.
    fn connect(&self) -> BoxFuture<'_, Result<Link, Failure>>;

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
    /// Of the tick: its probes take milliseconds; one that takes seconds finds a server in trouble and must not add to it.
    /// It waits for no lock but one on a catalog (`VACUUM FULL pg_class`).
    pub const TICK: Self = Self { statement: Duration::from_secs(2), lock: Duration::from_millis(100) };
    /// Of the slow lane: a `stat()` for thousands of files on a slow disk, and a lock that is just being passed on.
    pub const SLOW: Self = Self { statement: Duration::from_secs(10), lock: Duration::from_millis(500) };
    /// Of what a person asked for and can cancel: an exact bloat scan reads a whole table.
    pub const ACT: Self = Self { statement: Duration::from_secs(600), lock: Duration::from_secs(1) };

    fn settings(self) -> [(&'static str, String); 5] {
        [
            ("statement_timeout", self.statement.as_millis().to_string()),
            ("lock_timeout", self.lock.as_millis().to_string()),
            ("idle_in_transaction_session_timeout", "5000".to_owned()),
            // Compiling a catalog query costs more than running it.
            ("jit", "off".to_owned()),
            // Parallel workers belong to the application.
            ("max_parallel_workers_per_gather", "0".to_owned()),
        ]
    }

    /// Returns the statement for a session of our own.
    fn for_session(self) -> String {
        let mut settings = self.settings().to_vec();
        settings.push(("default_transaction_read_only", "on".to_owned()));
        settings.push(("default_transaction_isolation", "read committed".to_owned()));
        settings.push(("application_name", APPLICATION.to_owned()));
        format!("{}; {}", set(&settings, Scope::Session), check_client(Scope::Session))
    }

    /// Returns the statements that open a transaction on a backend of someone else.
    fn for_transaction(self) -> String {
        let begin = own::marked("begin isolation level read committed read only", "guard");
        format!("{begin}; {}", set(&self.settings(), Scope::Transaction))
    }
}

/// How long a setting holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Session,
    Transaction,
}

/// Returns one statement for several settings; unlike `SET`, it can be told by its mark in `pg_stat_statements`.
fn set(settings: &[(&str, String)], scope: Scope) -> String {
    let is_local = scope == Scope::Transaction;
    let calls = settings.iter().map(|(name, value)| format!("pg_catalog.set_config('{name}', '{value}', {is_local})"));
    own::marked(&format!("select {}", calls.collect::<Vec<_>>().join(", ")), "guard")
}

/// How often a running statement looks whether its client is still there, in milliseconds.
const CLIENT_CHECK_MS: u32 = 2000;

/// Returns the statement that makes the server end what runs for a client that is gone; it does nothing, without an
/// error, where the server has no such check: before 14, and on platforms that cannot tell.
///
/// Source: PostgreSQL manual 19.3 `client_connection_check_interval`; `check_client_connection_check_interval` in
/// tcop/postgres.c: Linux since 14, macOS and the BSDs since 15.
pub(super) fn check_client(scope: Scope) -> String {
    let is_local = scope == Scope::Transaction;
    own::marked(
        &format!(
            "select case
            when pg_catalog.current_setting('client_connection_check_interval', true) is null then null
            when pg_catalog.version() operator(pg_catalog.~) 'linux'
                or pg_catalog.current_setting('server_version_num')::int operator(pg_catalog.>=) 150000
                and pg_catalog.version() operator(pg_catalog.~) 'darwin|bsd'
            then pg_catalog.set_config('client_connection_check_interval', '{CLIENT_CHECK_MS}', {is_local}) end"
        ),
        "guard",
    )
}

/// One statement with its parameters.
#[derive(Debug, Clone)]
pub struct Query {
    /// The statement.
    pub sql: Arc<str>,
    /// Its parameters, in order.
    pub parameters: Vec<Parameter>,
}

impl Query {
    /// A statement without parameters; it gets the mark of this program's own where it has none.
    pub fn new(sql: impl AsRef<str>) -> Self {
        Self { sql: own::marked(sql.as_ref(), "").into(), parameters: Vec::new() }
    }

    /// Adds a parameter.
    #[must_use]
    pub fn with(mut self, parameter: Parameter) -> Self {
        self.parameters.push(parameter);
        self
    }
}

/// A parameter: `bigint`, `bigint[]`, `float8` or `text`.
#[derive(Debug, Clone)]
pub enum Parameter {
    /// A `bigint`.
    Int(i64),
    /// A `bigint[]`.
    Ids(Vec<i64>),
    /// A `float8`.
    Float(f64),
    /// A `text`.
    Text(String),
}

impl Parameter {
    fn typed(&self) -> (&(dyn ToSql + Sync), Type) {
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
    pub fn into_rows(self) -> RowSet {
        let column = |(name, _): (String, Type)| Column {
            name: name.into(),
            role: Role::Label,
            unit: Unit::Text,
            doc: "".into(),
            source: "".into(),
        };
        RowSet { columns: self.columns.into_iter().map(column).collect(), rows: self.rows }
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
pub struct Session {
    client: Client,
    driver: Driver,
    canceller: Canceller,
    reaper: Reaper,
    limits: Limits,
    /// Whether a transaction pooler is between, so that nothing may be set for the session.
    pub is_pooled: bool,
    /// When the server started: another moment is another server, or the same after a restart.
    pub started: Timestamp,
    /// The server's clock when the session was opened, and ours.
    pub opened: (Timestamp, Instant),
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("is_pooled", &self.is_pooled)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// Whose backend it is, and since when its server runs.
const GREETING: &str = "select pg_catalog.pg_backend_pid() as pid, \
    extract(epoch from pg_catalog.pg_postmaster_start_time())::float8 as started, \
    extract(epoch from pg_catalog.clock_timestamp())::float8 as now";

impl Session {
    /// Connects, finds out whether a pooler is between, and sets the guard.
    pub async fn open(connector: &dyn Connector, limits: Limits, reaper: &Reaper) -> Result<Self, Failure> {
        let Link { client, driver, canceller, .. } = connector.connect().await?;
        let key_pid = key::key_pid(&client.cancel_token()).await;
        let mut session = Self {
            client,
            driver: Driver::new(driver),
            canceller,
            reaper: reaper.clone(),
            limits,
            is_pooled: true, // the careful way, until it is known
            started: Timestamp::default(),
            opened: (Timestamp::default(), Instant::now()),
        };
        let failed = |source: &dyn std::error::Error| {
            Failure::new(Kind::Connection, format!("cannot ask {} anything", connector.target())).because(source)
        };
        let greeting =
            session.one(Query::new(GREETING)).await.map_err(|lost| failed(&lost))?.map_err(|it| failed(&it))?;
        let row = greeting.rows.first().map(Vec::as_slice).unwrap_or_default();
        let pid = row.first().and_then(Value::as_int);
        session.started = Timestamp(row.get(1).and_then(Value::as_f64).unwrap_or_default());
        let now = row.get(2).and_then(Value::as_f64).unwrap_or_default();
        session.opened = (Timestamp(now), Instant::now());
        session.is_pooled = pid.is_none() || key_pid.map(i64::from) != pid;
        if !session.is_pooled {
            session.guard().await.map_err(|lost| failed(&lost))?.map_err(|it| failed(&it))?;
        }
        Ok(session)
    }

    async fn guard(&mut self) -> Result<Result<(), Error>, Lost> {
        let settings = self.limits.for_session();
        let client = &self.client;
        let question = async move { vec![client.batch_execute(&settings).await.map(|()| Answer::default())] };
        let (mut done, end) = self.driver.drive(question).await;
        match end_of(&done, end) {
            Some(lost) => Err(lost),
            None => Ok(done.pop().map_or(Ok(()), |answer| answer.map(drop))),
        }
    }

    /// Returns the limits in force.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Returns what cancels the running query.
    pub fn canceller(&self) -> &Canceller {
        &self.canceller
    }

    /// Waits, without anything under way, until the connection ends; returns why. Cancel-safe: it only moves bytes.
    pub async fn closed(&mut self) -> Lost {
        match self.driver.ended().await {
            Ok(()) => Lost { why: CLOSED.to_owned() },
            Err(error) => Lost { why: sentence(&error) },
        }
    }

    /// Runs one statement.
    pub async fn one(&mut self, query: Query) -> Result<Result<Answer, Error>, Lost> {
        let mut answers = self.pipeline(&[query]).await?;
        answers.pop().ok_or_else(|| Lost { why: "the server gave no answer".to_owned() })
    }

    /// Runs statements in one round trip, each in a read-only transaction of its own: one that fails takes no other along.
    pub async fn pipeline(&mut self, queries: &[Query]) -> Result<Answers, Lost> {
        let Self { client, driver, canceller, reaper, limits, is_pooled, .. } = self;
        let client = &*client;
        let begin = limits.for_transaction();
        let mut steps: Vec<Step<'_>> = Vec::new();
        for query in queries {
            if *is_pooled {
                steps.push(control(client, &begin));
                steps.push(Box::pin(ask(client, query)));
                // After an error this is a ROLLBACK.
                steps.push(control(client, "commit"));
            } else {
                steps.push(Box::pin(ask(client, query)));
            }
        }
        let in_flight = InFlight::new(canceller, driver, reaper);
        let (done, end) = driver.drive(together(steps)).await;
        in_flight.answered();
        if let Some(lost) = end_of(&done, end) {
            return Err(lost);
        }
        Ok(if *is_pooled { done.into_iter().skip(1).step_by(3).collect() } else { done })
    }
}

type Step<'a> = Pin<Box<dyn Future<Output = Result<Answer, Error>> + Send + 'a>>;

fn control<'a>(client: &'a Client, sql: &'a str) -> Step<'a> {
    Box::pin(async move { client.batch_execute(sql).await.map(|()| Answer::default()) })
}

/// Sends Parse, Bind, Describe, Execute and Sync in one go and reads the rows.
pub(super) async fn ask(client: &Client, query: &Query) -> Result<Answer, Error> {
    let parameters: Vec<_> = query.parameters.iter().map(Parameter::typed).collect();
    let mut stream = pin!(client.query_typed_raw(&query.sql, parameters).await?);
    let mut answer = Answer::default();
    while let Some(row) = stream.try_next().await? {
        if answer.columns.is_empty() {
            answer.columns = row.columns().iter().map(|it| (it.name().to_owned(), it.type_().clone())).collect();
        }
        answer.rows.push(decode::values(&row)?);
    }
    Ok(answer)
}

/// Polls all steps in their order, so that all are sent before the first answer is waited for.
async fn together(steps: Vec<Step<'_>>) -> Answers {
    let mut waiting: Vec<Option<Step<'_>>> = steps.into_iter().map(Some).collect();
    let mut done: Vec<Option<Result<Answer, Error>>> = waiting.iter().map(|_| None).collect();
    poll_fn(|context| {
        let mut is_ready = true;
        for (step, slot) in waiting.iter_mut().zip(&mut done) {
            let Some(running) = step else { continue };
            match running.as_mut().poll(context) {
                Poll::Ready(result) => {
                    *slot = Some(result);
                    *step = None;
                }
                Poll::Pending => is_ready = false,
            }
        }
        if is_ready { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// Returns why the connection ended, if it did: a FATAL answer ("terminating connection due to administrator command") says it best.
pub(super) fn end_of(answers: &Answers, end: Option<Result<(), Error>>) -> Option<Lost> {
    let errors = || answers.iter().filter_map(|answer| answer.as_ref().err());
    // PgBouncer writes the severity for people only, not the field that is never translated.
    let is_fatal = |error: &&Error| {
        error.as_db_error().is_some_and(|said| match said.parsed_severity() {
            Some(severity) => matches!(severity, Severity::Fatal | Severity::Panic),
            None => said.severity() == "FATAL" || end.is_some(),
        })
    };
    if let Some(last_words) = errors().find(is_fatal) {
        return Some(Lost { why: sentence(last_words) });
    }
    match end {
        Some(Err(error)) => Some(Lost { why: sentence(&error) }),
        Some(Ok(())) => Some(Lost { why: CLOSED.to_owned() }),
        None => errors().any(Error::is_closed).then(|| Lost { why: CLOSED.to_owned() }),
    }
}

pub(super) const CLOSED: &str = "the server closed the connection";

/// Returns the server's words where it said any, else the causes.
pub fn sentence(error: &Error) -> String {
    if let Some(said) = error.as_db_error() {
        return words(said.message());
    }
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_of_our_own_is_set_and_a_borrowed_one_only_within_its_transaction() {
        let own = Limits::TICK.for_session();
        assert!(own.contains("set_config('statement_timeout', '2000', false)"), "{own}");
        assert!(own.contains("set_config('default_transaction_read_only', 'on', false)"), "{own}");
        let borrowed = Limits::SLOW.for_transaction();
        assert!(
            borrowed.starts_with("begin /* pgdj guard */ isolation level read committed read only; "),
            "{borrowed}"
        );
        assert!(borrowed.contains("set_config('statement_timeout', '10000', true)"), "{borrowed}");
        assert!(!borrowed.contains("false"), "{borrowed}");
    }
}
