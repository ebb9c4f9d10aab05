//! The connection of one EXPLAIN: begun, asked and ended, with ROLLBACK whatever happened in between.

use tokio_postgres::{Client, Error, SimpleQueryMessage};

use super::Consent;
use crate::Failure;
use crate::pg::driver::Driver;
use crate::pg::notices::Notices;
use crate::pg::reaper::InFlight;
use crate::pg::session::{self, Answer, CLOSED, Canceller, Connector, Link, Parameter, Query, Reaper, end_of};
use crate::sample::{Timestamp, Value};

/// What went wrong with a question.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The server refused.
    Server(Box<Error>),
    /// The connection is gone, and why.
    Lost(String),
}

/// Who answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Greeting {
    /// The pid of the backend that has the transaction.
    pub(super) pid: i64,
    /// `server_version_num`.
    pub(super) version: i64,
    /// The server's clock.
    pub(super) at: Timestamp,
    /// The role in force.
    pub(super) role: String,
}

const GREETING: &str = "/* pgdj explain */ select
    pg_catalog.pg_backend_pid()::bigint as pid,
    pg_catalog.current_setting('server_version_num')::bigint as version,
    extract(epoch from pg_catalog.clock_timestamp())::float8 as at,
    current_user::text as role";

/// The statement a person wrote, by this name on the backend, within the transaction only.
pub(super) const PREPARED: &str = "pgdj_explained";

/// The longest a lock is waited for, in milliseconds; never more than half of what the statement may take.
const LOCK_MS: u32 = 10_000;

/// The connection.
pub(super) struct Wire {
    client: Client,
    driver: Driver,
    canceller: Canceller,
    reaper: Reaper,
    notices: Notices,
    /// Whether the connection has ended; then nothing would answer any more.
    is_lost: bool,
}

impl Wire {
    pub(super) async fn open(connector: &dyn Connector, reaper: &Reaper) -> Result<Self, Failure> {
        let Link { client, driver, canceller, notices } = connector.connect().await?;
        let driver = Driver::new(driver);
        Ok(Self { client, driver, canceller, reaper: reaper.clone(), notices, is_lost: false })
    }

    /// Returns what cancels whatever this connection runs.
    pub(super) fn cancelling(&self) -> Cancelling {
        Cancelling { canceller: self.canceller.clone(), connection: self.driver.clone(), reaper: self.reaper.clone() }
    }

    /// Takes what the server said beside its answers.
    pub(super) fn said(&self) -> Vec<String> {
        self.notices.take()
    }

    /// Opens the guarded transaction.
    pub(super) async fn begin(&mut self, consent: Consent, timeout_ms: u32) -> Result<Greeting, Trouble> {
        let access = match consent {
            Consent::ReadOnly => " read only",
            Consent::Write => "",
        };
        let lock_ms = (timeout_ms / 2).clamp(1, LOCK_MS);
        let begin = format!(
            "begin isolation level read committed{access}; set local statement_timeout = {timeout_ms}; \
             set local lock_timeout = {lock_ms}; set local idle_in_transaction_session_timeout = 10000; {}",
            session::check_client(session::Scope::Transaction)
        );
        self.batch(&begin).await?;
        let rows = self.ask(Query::new(GREETING)).await?.into_rows();
        let Some(row) = rows.first() else { return Err(Trouble::Lost("the server gave no answer".to_owned())) };
        Ok(Greeting {
            pid: row.int("pid").unwrap_or_default(),
            version: row.int("version").unwrap_or_default(),
            at: Timestamp(row.number("at").unwrap_or_default()),
            role: row.text("role").to_owned(),
        })
    }

    /// Prepares what a person wrote, by the extended protocol: the server refuses a second statement.
    pub(super) async fn prepare(&mut self, sql: &str) -> Result<Vec<String>, Trouble> {
        self.ask(Query::new(format!("{}{sql}", prepare_prefix()))).await?;
        let types = "/* pgdj explain */ select array(
                select pg_catalog.format_type(t.oid, null)
                from pg_catalog.unnest(p.parameter_types) with ordinality as t (oid, place)
                order by t.place
            ) as types
            from pg_catalog.pg_prepared_statements as p
            where p.name = $1";
        let answer = self.ask(Query::new(types).with(Parameter::Text(PREPARED.to_owned()))).await?;
        let types = answer.scalar().map(Value::as_list).unwrap_or_default();
        Ok(types.iter().map(|name| name.as_str().unwrap_or_default().to_owned()).collect())
    }

    /// Ends the transaction, whatever became of it, and forgets what was prepared.
    pub(super) async fn end(&mut self) {
        if self.is_lost {
            return;
        }
        // In one message: behind a pooler, the backend is kept until it has been answered. Without a prepared statement
        // the second half fails, which harms nothing.
        if let Err(Trouble::Lost(why)) = self.batch(&format!("rollback; deallocate {PREPARED}")).await {
            tracing::info!(
                why,
                "the connection of an EXPLAIN was lost before its ROLLBACK, which the server then does"
            );
        }
    }

    /// Runs statements of ours by the simple protocol.
    pub(super) async fn batch(&mut self, sql: &str) -> Result<(), Trouble> {
        let Self { client, driver, canceller, reaper, is_lost, .. } = self;
        let in_flight = InFlight::new(canceller, driver, reaper);
        let (done, end) = driver.drive(client.batch_execute(sql)).await;
        in_flight.answered();
        judge(done, end, is_lost)
    }

    /// Runs one statement by the extended protocol, unnamed.
    pub(super) async fn ask(&mut self, query: Query) -> Result<Answer, Trouble> {
        let Self { client, driver, canceller, reaper, is_lost, .. } = self;
        let in_flight = InFlight::new(canceller, driver, reaper);
        let (done, end) = driver.drive(session::ask(&*client, &query)).await;
        in_flight.answered();
        judge(done, end, is_lost)
    }

    /// Runs a statement by the simple protocol and returns its first value. Only for what [`Self::prepare`] has proved
    /// to be one statement: this protocol takes several.
    pub(super) async fn simple(&mut self, sql: &str) -> Result<Option<String>, Trouble> {
        let Self { client, driver, canceller, reaper, is_lost, .. } = self;
        let in_flight = InFlight::new(canceller, driver, reaper);
        let (done, end) = driver.drive(client.simple_query(sql)).await;
        in_flight.answered();
        let messages = judge(done, end, is_lost)?;
        Ok(messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        }))
    }
}

/// Cancels what a [`Wire`] runs.
pub(super) struct Cancelling {
    canceller: Canceller,
    connection: Driver,
    reaper: Reaper,
}

impl Cancelling {
    /// Asks the server to cancel, and waits until it has taken the request.
    pub(super) async fn cancel(&self) -> Result<(), String> {
        self.reaper.cancel(&self.canceller, &self.connection).await
    }
}

/// What stands before the statement when it is prepared; ASCII, so that places can be counted back.
pub(super) fn prepare_prefix() -> String {
    format!("/* pgdj explain */ prepare {PREPARED} as ")
}

/// Returns the answer, or why there is none: a connection that ended says it better than what was waiting.
fn judge<T>(done: Result<T, Error>, end: Option<Result<(), Error>>, is_lost: &mut bool) -> Result<T, Trouble> {
    *is_lost |= end.is_some();
    let error = match done {
        Ok(answer) => return Ok(answer),
        Err(error) => error,
    };
    let answers = vec![Err(error)];
    let lost = end_of(&answers, end);
    *is_lost |= lost.is_some();
    match (lost, answers.into_iter().find_map(Result::err)) {
        (None, Some(error)) => Err(Trouble::Server(Box::new(error))),
        (Some(lost), _) => Err(Trouble::Lost(lost.why)),
        (None, None) => Err(Trouble::Lost(CLOSED.to_owned())),
    }
}
