//! What the protocol's `BackendKeyData` gave: a pid, which behind a pooler is not the backend's, and the cancel request.
//!
//! The client keeps it to itself, but writes it into every cancel request; so one is written into memory and read.

use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf};
use tokio_postgres::CancelToken;
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// Bytes of a cancel request: length, code, pid, key.
const LENGTH: usize = 16;

/// Returns the pid a cancel request of this connection names, or `None` if it cannot be known.
pub(crate) async fn key_pid(token: &CancelToken) -> Option<i32> {
    let request = cancel_request(token).await?;
    let pid = request.get(LENGTH - 8..LENGTH - 4)?;
    Some(i32::from_be_bytes(pid.try_into().ok()?))
}

/// Returns the cancel request of this connection, or `None` if it cannot be known.
///
/// Where TLS is asked for, a request for it goes before.
/// Source: PostgreSQL manual 55.7 "Message Formats", `CancelRequest`.
pub async fn cancel_request(token: &CancelToken) -> Option<Vec<u8>> {
    let (ours, theirs) = tokio::io::duplex(256);
    let mut ours = ours;
    ours.write_all(b"S").await.ok()?; // "yes, TLS", if it is asked for
    token.cancel_query_raw(theirs, InMemory).await.ok()?;
    let mut sent = Vec::new();
    ours.read_to_end(&mut sent).await.ok()?;
    let from = sent.len().checked_sub(LENGTH)?;
    sent.get(from..).map(<[u8]>::to_vec)
}

/// A stand-in for TLS to nowhere.
struct InMemory;

/// The memory that is written into.
struct Memory(DuplexStream);

impl TlsConnect<DuplexStream> for InMemory {
    type Stream = Memory;
    type Error = io::Error;
    type Future = Ready<io::Result<Memory>>;

    fn connect(self, stream: DuplexStream) -> Self::Future {
        ready(Ok(Memory(stream)))
    }
}

impl TlsStream for Memory {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

impl AsyncRead for Memory {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl AsyncWrite for Memory {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
