//! Ends what nobody waits for any more, so that the server has nothing to complain of in its log.
//!
//! A question that was dropped may still answer by itself: most do within milliseconds. Only then is it cancelled. A
//! connection that was dropped is closed as the protocol wants it, once nothing is under way on it.
//!
//! A cancel request is a short connection of its own. PgBouncer forgets one whose sender, or whose query's client, has
//! gone before it was passed on; its versions 1.18 and 1.19 even crash then ("bad client state: 0", issue 801 of its
//! tracker), and every application behind them loses its connections. So what cancels is here, not in the
//! hands of a caller that may be dropped, and the cancelled connection stays open until the request has been answered.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{OwnedRwLockReadGuard, mpsc, oneshot};

use super::driver::Driver;

/// Cancels what one connection runs, over a short connection of its own.
#[derive(Clone)]
pub struct CancelFn(Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>);

impl CancelFn {
    /// Wraps what sends the cancel request and waits until it is answered, or says in words why it could not.
    pub fn new(send: impl Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(send))
    }

    /// Sends the cancel request. The server does not say whether there was something to cancel.
    ///
    /// Behind a pooler this must not be dropped half way: `CancelQueue::cancel` sees to that.
    pub async fn cancel(&self) -> Result<(), String> {
        (self.0)().await
    }
}

impl fmt::Debug for CancelFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Canceller")
    }
}

/// Orders that may wait; more than these are left to `statement_timeout`.
const ROOM: usize = 32;

/// How long a cancel request may take: a pooler may hold it back until it has a connection to spare, and gives it up
/// after `cancel_wait_timeout`, ten seconds by default. Source: PgBouncer's manual.
const LIMIT: Duration = Duration::from_secs(12);

/// How long a dropped question may take to answer before it is cancelled.
const GRACE: Duration = Duration::from_millis(500);

/// How long a connection may take to close: until the answer to a cancelled question has come.
const CLOSE_LIMIT: Duration = Duration::from_secs(5);

/// What is to be done.
enum CancelTask {
    /// Cancel what a connection runs.
    Cancel {
        canceller: CancelFn,
        /// Kept open until the request has been answered.
        connection: Driver,
        /// Who waits for that; a question that was dropped has a time of grace instead.
        answered: Option<oneshot::Sender<Result<(), String>>>,
        /// Keeps the connection from being closed before.
        is_needed: OwnedRwLockReadGuard<()>,
    },
    /// Close a connection.
    Close(Driver),
}

/// Where queries are handed over to be cancelled.
#[derive(Debug, Clone)]
pub struct CancelQueue(mpsc::Sender<CancelTask>);

impl fmt::Debug for CancelTask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CancelTask")
    }
}

impl CancelQueue {
    /// Cancels what a connection runs; waits until the server or the pooler has taken the request, or says why it did not.
    /// Dropped half way, the request goes on.
    pub(super) async fn cancel(&self, canceller: &CancelFn, connection: &Driver) -> Result<(), String> {
        let (answered, answer) = oneshot::channel();
        self.take(canceller, connection, Some(answered));
        answer.await.unwrap_or_else(|_gone| Err("no session is left to send a cancel request".to_owned()))
    }

    fn take(&self, canceller: &CancelFn, connection: &Driver, answered: Option<oneshot::Sender<Result<(), String>>>) {
        let Some(is_needed) = connection.needed() else { return };
        let (canceller, connection) = (canceller.clone(), connection.clone());
        if self.0.try_send(CancelTask::Cancel { canceller, connection, answered, is_needed }).is_err() {
            tracing::warn!("too many cancelled statements: statement_timeout ends this one");
        }
    }

    /// Closes a connection that nobody uses any more; where nobody is there to do it, it just breaks off.
    pub(super) fn close(&self, connection: &Driver) {
        self.0.try_send(CancelTask::Close(connection.clone())).unwrap_or_default();
    }
}

/// Returns the queue and its work, which whoever spawns must run; it ends when all its clones are gone and all is cancelled.
pub fn cancel_queue() -> (CancelQueue, impl Future<Output = ()> + Send) {
    let (sender, mut orders) = mpsc::channel::<CancelTask>(ROOM);
    let work = async move {
        let mut sending = FuturesUnordered::new();
        let mut is_open = true;
        while is_open || !sending.is_empty() {
            // Cancel-safe: receiving, and futures that are kept.
            tokio::select! {
                order = orders.recv(), if is_open && sending.len() < ROOM => match order {
                    Some(order) => sending.push(carry_out(order)),
                    None => is_open = false,
                },
                Some(()) = sending.next() => {}
            }
        }
    };
    (CancelQueue(sender), work)
}

async fn carry_out(order: CancelTask) {
    match order {
        CancelTask::Cancel { canceller, connection, answered, is_needed } => {
            let has_ended = answered.is_none() && tokio::time::timeout(GRACE, connection.ended()).await.is_ok();
            if !has_ended {
                cancel(&canceller, answered).await;
            }
            drop(is_needed);
        }
        // The driver says goodbye by itself once it has all answers.
        CancelTask::Close(connection) => {
            if tokio::time::timeout(LIMIT + CLOSE_LIMIT, connection.closed()).await.is_err() {
                tracing::info!("a connection was broken off: the server did not answer");
            }
        }
    }
}

async fn cancel(canceller: &CancelFn, answered: Option<oneshot::Sender<Result<(), String>>>) {
    let sent = tokio::time::timeout(LIMIT, canceller.cancel()).await;
    let sent = sent.unwrap_or_else(|_elapsed| Err(format!("no answer within {} s", LIMIT.as_secs())));
    if let Err(error) = &sent {
        tracing::info!(error, "a statement could not be cancelled");
    }
    if let Some(answered) = answered {
        // Who asked may have gone.
        answered.send(sent).unwrap_or_default();
    }
}

/// A question that is on its way: dropped before it was answered, it is cancelled.
pub(super) struct InFlight<'a> {
    canceller: &'a CancelFn,
    connection: &'a Driver,
    cancel_queue: &'a CancelQueue,
    is_answered: bool,
}

impl<'a> InFlight<'a> {
    pub(super) fn new(canceller: &'a CancelFn, connection: &'a Driver, cancel_queue: &'a CancelQueue) -> Self {
        Self { canceller, connection, cancel_queue, is_answered: false }
    }

    /// The answer came.
    pub(super) fn answered(mut self) {
        self.is_answered = true;
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        if !self.is_answered {
            self.cancel_queue.take(self.canceller, self.connection, None);
        }
    }
}
