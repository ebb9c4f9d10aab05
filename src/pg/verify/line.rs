//! The connection of one question: a transaction that ends with ROLLBACK whatever happened in between.

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

use crate::Failure;
use crate::failure::Kind;
use crate::pg::driver::Driver;
use crate::pg::reaper::InFlight;
use crate::pg::session::{self, Answer, CLOSED, Canceller, Connector, Link, Query, Reaper, end_of, sentence};

/// What went wrong with a question.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The server refused, and the transaction, or its savepoint, is to be rolled back.
    Server { code: Option<SqlState>, message: String },
    /// The connection is gone, and why.
    Lost(String),
}

impl Trouble {
    /// The failure that a person sees.
    pub(super) fn failure(self, what: &str) -> Failure {
        match self {
            Self::Lost(why) => Failure::new(Kind::Connection, what).because_text(why),
            Self::Server { code, message } => {
                let failure = Failure::new(Kind::Refused, what).because_text(message);
                match code {
                    Some(SqlState::LOCK_NOT_AVAILABLE) => {
                        failure.hint("another session holds a lock that conflicts: Activity shows who (g groups by blocker); try again")
                    }
                    Some(SqlState::QUERY_CANCELED) => failure.hint("it ran into its time limit, or was cancelled"),
                    Some(SqlState::INSUFFICIENT_PRIVILEGE) => {
                        failure.hint("this role may not: try as the role that owns the table")
                    }
                    _ => failure,
                }
            }
        }
    }

    /// Returns the server's words, or the loss, which ends everything.
    pub(super) fn message(self) -> Result<String, Self> {
        match self {
            Self::Server { message, .. } => Ok(message),
            lost @ Self::Lost(_) => Err(lost),
        }
    }
}

/// The longest a lock is waited for, milliseconds.
const LOCK_MS: u32 = 3_000;

/// The connection.
pub(super) struct Line {
    client: Client,
    driver: Driver,
    canceller: Canceller,
    reaper: Reaper,
}

impl Line {
    pub(super) async fn open(connector: &dyn Connector, reaper: &Reaper) -> Result<Self, Failure> {
        let Link { client, driver, canceller, .. } = connector.connect().await?;
        Ok(Self { client, driver: Driver::new(driver), canceller, reaper: reaper.clone() })
    }

    /// Opens a guarded transaction; `access` is `read only` or `read write`.
    pub(super) async fn begin(&mut self, access: &str, timeout_ms: u32) -> Result<(), Trouble> {
        self.batch(&format!(
            "begin isolation level read committed {access}; set local statement_timeout = {timeout_ms}; \
             set local lock_timeout = {LOCK_MS}; set local idle_in_transaction_session_timeout = 30000; \
             set local application_name = '{}'; {}",
            session::APPLICATION,
            session::check_client(session::Scope::Transaction)
        ))
        .await
    }

    /// Ends the transaction, whatever became of it.
    pub(super) async fn end(&mut self) {
        if let Err(Trouble::Lost(why)) = self.batch("rollback").await {
            tracing::info!(why, "a connection was lost before its ROLLBACK, which the server then does");
        }
    }

    /// Runs statements of ours by the simple protocol.
    pub(super) async fn batch(&mut self, sql: &str) -> Result<(), Trouble> {
        let Self { client, driver, canceller, reaper } = self;
        let client = &*client;
        let in_flight = InFlight::new(canceller, driver, reaper);
        let (done, end) = driver.drive(client.batch_execute(sql)).await;
        in_flight.answered();
        judge(done, end)
    }

    /// Runs one statement by the extended protocol, unnamed: the server refuses a second one.
    pub(super) async fn ask(&mut self, query: Query) -> Result<Answer, Trouble> {
        let Self { client, driver, canceller, reaper } = self;
        let client = &*client;
        let in_flight = InFlight::new(canceller, driver, reaper);
        let (done, end) = driver.drive(session::ask(client, &query)).await;
        in_flight.answered();
        judge(done, end)
    }
}

/// Returns the answer, or why there is none: a connection that ended says it better than what was waiting.
fn judge<T>(done: Result<T, Error>, end: Option<Result<(), Error>>) -> Result<T, Trouble> {
    let error = match done {
        Ok(answer) => return Ok(answer),
        Err(error) => error,
    };
    let (code, message) = (error.code().cloned(), sentence(&error));
    match end_of(&vec![Err(error)], end) {
        Some(lost) => Err(Trouble::Lost(lost.why)),
        None if message.is_empty() => Err(Trouble::Lost(CLOSED.to_owned())),
        None => Err(Trouble::Server { code, message }),
    }
}
