//! What a server says beside its answers: NOTICE, WARNING, INFO. Kept within bounds, for a function may raise millions.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_postgres::error::DbError;
use tokio_postgres::{AsyncMessage, Connection, Error};

use super::words::words;

/// Messages that are kept of one question; the others are counted.
const MOST: usize = 20;

/// Bytes of one message that are kept.
const LONGEST: usize = 1000;

/// What the server of one connection said and nobody has taken yet.
#[derive(Debug, Clone, Default)]
pub struct Notices(Arc<Mutex<Said>>);

#[derive(Debug, Default)]
struct Said {
    kept: Vec<String>,
    more: usize,
}

impl Notices {
    fn add(&self, notice: &DbError) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if said.kept.len() >= MOST {
            said.more += 1;
            return;
        }
        let hint = notice.hint().map(|hint| format!(" ({hint})")).unwrap_or_default();
        let mut text = format!("the server sent {}: {}{hint}", notice.severity(), words(notice.message()));
        let end = (0..=LONGEST).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
        text.truncate(end);
        said.kept.push(text);
    }

    /// Takes what was said since the last time, as the server wrote it: not fit for a screen yet.
    pub fn take(&self) -> Vec<String> {
        let Said { mut kept, more } = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if more > 0 {
            kept.push(format!("the server sent {more} more messages"));
        }
        kept
    }
}

/// Moves the bytes of a connection and keeps what the server says beside its answers; ends with the connection.
pub(super) struct Noticing<S, T> {
    connection: Connection<S, T>,
    notices: Notices,
}

impl<S, T> Noticing<S, T> {
    pub(super) fn new(connection: Connection<S, T>, notices: Notices) -> Self {
        Self { connection, notices }
    }
}

impl<S, T> Future for Noticing<S, T>
where
    S: AsyncRead + AsyncWrite + Unpin,
    T: AsyncRead + AsyncWrite + Unpin,
{
    type Output = Result<(), Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match ready!(self.connection.poll_message(context)) {
                Some(Ok(AsyncMessage::Notice(notice))) => self.notices.add(&notice),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => return Poll::Ready(Ok(())),
            }
        }
    }
}
