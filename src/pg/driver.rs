//! What moves the bytes of a connection while somebody waits for an answer. Nothing is spawned here.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{BoxFuture, Either, select};
use tokio::sync::Mutex;
use tokio_postgres::Error;

/// A connection's bytes. The connection stays open until the last clone is dropped.
#[derive(Clone)]
pub(super) struct Driver(Arc<Mutex<BoxFuture<'static, Result<(), Error>>>>);

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Driver")
    }
}

impl Driver {
    pub(super) fn new(driver: BoxFuture<'static, Result<(), Error>>) -> Self {
        Self(Arc::new(Mutex::new(driver)))
    }

    /// Waits for an answer while driving the connection. The question is polled first, so that it is on its way when the
    /// driver is. When the connection ends, what is still waiting is answered with that: so the last words are not lost.
    pub(super) async fn drive<T>(&self, question: impl Future<Output = T>) -> (T, Option<Result<(), Error>>) {
        let mut driver = self.0.lock().await;
        match select(pin!(question), &mut *driver).await {
            Either::Left((answer, _)) => (answer, None),
            Either::Right((end, question)) => (question.await, Some(end)),
        }
    }

    /// Waits, without anything under way, until the connection ends. Cancel-safe: it only moves bytes.
    pub(super) async fn ended(&self) -> Result<(), Error> {
        (&mut *self.0.lock().await).await
    }
}
