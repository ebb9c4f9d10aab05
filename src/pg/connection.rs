//! One connection with what moves its bytes and what cancels it: asks, and tells an answer from a loss.
//!
//! Shared by [`super::session`] and [`super::transaction`]. What is asked and dropped before its answer came is cancelled
//! on the server. Nothing is spawned here: the connection is driven by whoever waits for an answer.

use std::collections::HashMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use futures_util::TryStreamExt as _;
use futures_util::future::{BoxFuture, FutureExt as _, join_all};
use tokio_postgres::error::Severity;
use tokio_postgres::{CancelToken, Client, Error, RowStream, SimpleQueryMessage, Statement};

use super::cancel_queue::{CancelFn, CancelQueue, InFlight};
use super::copy::{self, NotCopied};
use super::driver::Driver;
use super::own::Sql;
use super::session::{Answer, Lost, NewConnection, Query, QueryParameter};
use super::words::words;
use super::{decode, notices::Notices};
use crate::sample::Column;

/// How a connection ended.
pub(super) type End = Result<(), Error>;

/// One connection; dropped, it is closed by the cancel queue.
pub(super) struct Connection {
    client: Client,
    driver: Driver,
    canceller: CancelFn,
    cancel_queue: CancelQueue,
    notices: Notices,
    repeated: Repeated,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // The client is dropped right after this, and with it the driver knows that nothing more is asked.
        self.cancel_queue.close(&self.driver);
    }
}

impl Connection {
    pub(super) fn of(link: NewConnection, cancel_queue: &CancelQueue) -> Self {
        let NewConnection { client, driver, canceller, notices } = link;
        Self {
            client,
            driver: Driver::new(driver),
            canceller,
            cancel_queue: cancel_queue.clone(),
            notices,
            repeated: Repeated::default(),
        }
    }

    pub(super) fn cancel_token(&self) -> CancelToken {
        self.client.cancel_token()
    }

    pub(super) fn canceller(&self) -> &CancelFn {
        &self.canceller
    }

    /// Takes what the server said beside its answers.
    pub(super) fn said(&self) -> Vec<String> {
        self.notices.take()
    }

    /// Returns what cancels whatever this connection runs.
    pub(super) fn cancelling(&self) -> Cancelling {
        Cancelling {
            canceller: self.canceller.clone(),
            connection: self.driver.clone(),
            cancel_queue: self.cancel_queue.clone(),
        }
    }

    /// Waits for an answer; says how the connection ended, if it did. Dropped before, the question is cancelled.
    pub(super) async fn drive<T>(&self, question: impl Future<Output = T>) -> (T, Option<End>) {
        let in_flight = InFlight::new(&self.canceller, &self.driver, &self.cancel_queue);
        let answered = self.driver.drive(question).await;
        in_flight.answered();
        answered
    }

    /// Waits, without anything under way, until the connection ends. Cancel-safe: it only moves bytes.
    pub(super) async fn ended(&self) -> End {
        self.driver.ended().await
    }

    /// Sends Parse, Bind, Describe, Execute and Sync in one go and reads the rows. The server refuses a second statement.
    ///
    /// Columns have to be of built-in types: of another the driver would ask the catalog, in a statement that is not ours.
    pub(super) async fn ask(&self, query: &Query) -> Result<Answer, Error> {
        let parameters: Vec<_> = query.parameters.iter().map(QueryParameter::typed).collect();
        rows(self.client.query_typed_raw(query.sql.as_str(), parameters).await?).await
    }

    /// Prepares what was asked before on this connection, all in one round trip: the server spends more on parsing and
    /// planning a catalog query than on running it. Not for a backend of somebody else's.
    pub(super) async fn prepare_repeated(&self, queries: &[Query]) {
        let again = queries.iter().filter(|query| self.repeated.is_to_be_prepared(query.sql.as_str()));
        let steps: Vec<_> = again.map(|query| self.prepare(query).boxed()).collect();
        join_all(steps).await;
    }

    async fn prepare(&self, query: &Query) {
        let sql = query.sql.as_str();
        let types: Vec<_> = query.parameters.iter().map(|parameter| parameter.typed().1).collect();
        // One that cannot be prepared is asked as it is, and says why.
        if let Ok(statement) = self.client.prepare_typed(sql, &types).await {
            self.repeated.note(sql, Preparation::Prepared(statement));
        }
    }

    /// Asks like [`Self::ask`], by the prepared statement where there is one.
    pub(super) async fn ask_again(&self, query: &Query) -> Result<Answer, Error> {
        let sql = query.sql.as_str();
        let Some(statement) = self.repeated.prepared(sql) else {
            self.repeated.note(sql, Preparation::Asked);
            return self.ask(query).await;
        };
        let parameters: Vec<_> = query.parameters.iter().map(|parameter| parameter.typed().0).collect();
        let answer = match self.client.query_raw(&statement, parameters).await {
            Ok(stream) => rows(stream).await,
            Err(error) => Err(error),
        };
        if answer.is_err() {
            // It may be the statement: an extension that was updated gives other columns.
            self.repeated.forget(sql);
        }
        answer
    }

    /// Reads a table by COPY, in the order of these columns.
    ///
    /// The driver gives the statement a name, and takes it away again right behind it.
    pub(super) async fn copy(&self, sql: &Sql, columns: &[Column]) -> Result<Answer, NotCopied> {
        let mut stream = pin!(self.client.copy_out(sql.as_str()).await?);
        let (mut bytes, mut is_too_long) = (Vec::new(), false);
        while let Some(part) = stream.try_next().await? {
            // What comes after is read and not kept: the connection is needed further on.
            is_too_long |= bytes.len() + part.len() > copy::MOST_BYTES;
            if !is_too_long {
                bytes.extend_from_slice(&part);
            }
        }
        if is_too_long { Err(NotCopied::TooLong) } else { copy::answer(&bytes, columns) }
    }

    /// Runs statements by the simple protocol.
    pub(super) async fn batch(&self, sql: &Sql) -> Result<(), Error> {
        self.client.batch_execute(sql.as_str()).await
    }

    /// Runs statements by the simple protocol and returns all their rows, as text.
    pub(super) async fn rows_as_text(&self, sql: &Sql) -> Result<Vec<Vec<Option<String>>>, Error> {
        let messages = self.client.simple_query(sql.as_str()).await?;
        let rows = messages.iter().filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|at| row.get(at).map(str::to_owned)).collect()),
            _ => None,
        });
        Ok(rows.collect())
    }

    /// Runs statements by the simple protocol and returns the first value, as text.
    pub(super) async fn first_value(&self, sql: &Sql) -> Result<Option<String>, Error> {
        let messages = self.client.simple_query(sql.as_str()).await?;
        Ok(messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        }))
    }
}

/// Reads the rows that the server sends.
async fn rows(stream: RowStream) -> Result<Answer, Error> {
    let mut stream = pin!(stream);
    let mut answer = Answer::default();
    while let Some(row) = stream.try_next().await? {
        if answer.columns.is_empty() {
            answer.columns = row.columns().iter().map(|it| (it.name().to_owned(), it.type_().clone())).collect();
        }
        answer.rows.push(decode::values(&row)?);
    }
    Ok(answer)
}

/// Statements that were asked on a connection.
#[derive(Default)]
struct Repeated(Mutex<HashMap<String, Preparation>>);

/// What is known of a statement's text.
#[derive(Clone)]
enum Preparation {
    /// It was asked once.
    Asked,
    /// It is prepared on the server; dropped, it is closed there.
    Prepared(Statement),
}

/// So many texts are kept; pgdj repeats about 40, and others when the server has other things than before.
const MOST_REPEATED: usize = 100;

impl Repeated {
    fn known(&self) -> MutexGuard<'_, HashMap<String, Preparation>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a text was asked before and is not prepared yet.
    fn is_to_be_prepared(&self, sql: &str) -> bool {
        matches!(self.known().get(sql), Some(Preparation::Asked))
    }

    fn prepared(&self, sql: &str) -> Option<Statement> {
        match self.known().get(sql) {
            Some(Preparation::Prepared(statement)) => Some(statement.clone()),
            _ => None,
        }
    }

    fn note(&self, sql: &str, now: Preparation) {
        let mut known = self.known();
        if known.len() >= MOST_REPEATED && !known.contains_key(sql) {
            known.clear();
        }
        known.insert(sql.to_owned(), now);
    }

    fn forget(&self, sql: &str) {
        self.known().remove(sql);
    }
}

/// Cancels what a connection runs.
pub(super) struct Cancelling {
    canceller: CancelFn,
    connection: Driver,
    cancel_queue: CancelQueue,
}

impl Cancelling {
    /// Asks the server to cancel, and waits until it has taken the request.
    pub(super) async fn cancel(&self) -> Result<(), String> {
        self.cancel_queue.cancel(&self.canceller, &self.connection).await
    }
}

/// One statement of several that are sent together.
pub(super) type StatementFuture<'a> = BoxFuture<'a, Result<Answer, Error>>;

/// Polls all steps in their order, so that all are sent before the first answer is waited for.
pub(super) async fn together<T>(steps: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    let mut waiting: Vec<Option<BoxFuture<'_, T>>> = steps.into_iter().map(Some).collect();
    let mut done: Vec<Option<T>> = waiting.iter().map(|_| None).collect();
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
pub(super) fn end_of<'a>(errors: impl Iterator<Item = &'a Error> + Clone, end: Option<End>) -> Option<Lost> {
    // PgBouncer writes the severity for people only, not the field that is never translated.
    let is_fatal = |error: &&Error| {
        error.as_db_error().is_some_and(|said| match said.parsed_severity() {
            Some(severity) => matches!(severity, Severity::Fatal | Severity::Panic),
            None => said.severity() == "FATAL" || end.is_some(),
        })
    };
    if let Some(last_words) = errors.clone().find(is_fatal) {
        return Some(Lost { why: sentence(last_words) });
    }
    let mut errors = errors;
    match end {
        Some(Err(error)) => Some(Lost { why: sentence(&error) }),
        Some(Ok(())) => Some(Lost { why: CLOSED.to_owned() }),
        None => errors.any(Error::is_closed).then(|| Lost { why: CLOSED.to_owned() }),
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
