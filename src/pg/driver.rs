//! What moves the bytes of a connection while somebody waits for an answer. Nothing is spawned here.

use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

use futures_util::future::{BoxFuture, Either, select};
use tokio::sync::{Mutex, OwnedRwLockReadGuard, RwLock};
use tokio_postgres::Error;

/// What moves the bytes, until the connection has ended.
type Moving = Option<BoxFuture<'static, Result<(), Error>>>;

/// A connection's bytes. The connection stays open until the last clone is dropped.
#[derive(Clone)]
pub(super) struct Driver {
    moving: Arc<Mutex<Moving>>,
    /// Read by whoever needs the connection open, beside its owner.
    needed: Arc<RwLock<()>>,
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Driver")
    }
}

impl Driver {
    pub(super) fn new(driver: BoxFuture<'static, Result<(), Error>>) -> Self {
        Self { moving: Arc::new(Mutex::new(Some(driver))), needed: Arc::default() }
    }

    /// Keeps the connection from being closed by [`Self::closed`]; `None` where that has begun.
    pub(super) fn needed(&self) -> Option<OwnedRwLockReadGuard<()>> {
        Arc::clone(&self.needed).try_read_owned().ok()
    }

    /// Waits until nobody needs the connection, then moves bytes until it has ended.
    pub(super) async fn closed(&self) {
        let _nobody = self.needed.write().await;
        if let Err(error) = self.ended().await {
            tracing::debug!(%error, "a connection ended badly");
        }
    }

    /// Waits for an answer while driving the connection. The question is polled first, so that it is on its way when the
    /// driver is. When the connection ends, what is still waiting is answered with that: so the last words are not lost.
    pub(super) async fn drive<T>(&self, question: impl Future<Output = T>) -> (T, Option<Result<(), Error>>) {
        let mut moving = self.moving.lock().await;
        let Some(driver) = moving.as_mut() else { return (question.await, Some(Ok(()))) };
        match select(pin!(question), driver).await {
            Either::Left((answer, _)) => (answer, None),
            Either::Right((end, question)) => {
                // What has ended still holds the ends of the channels that answers come through: it has to go, or the
                // question would wait for ever.
                *moving = None;
                (question.await, Some(end))
            }
        }
    }

    /// Waits, without anything under way, until the connection ends. Cancel-safe: it only moves bytes.
    pub(super) async fn ended(&self) -> Result<(), Error> {
        let mut moving = self.moving.lock().await;
        let Some(driver) = moving.as_mut() else { return Ok(()) };
        let end = driver.await;
        *moving = None;
        end
    }
}
