//! The bytes of a connection: a socket, in TLS or not, that notices when no PostgreSQL is at the other end.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::{ConnectTrouble, NotPostgres};
use crate::pg::tls::TlsConnector;

/// `SSLRequest`: its length and its code. Source: PostgreSQL manual 55.7.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
/// How much of a foreign server's greeting is kept for the message, in bytes.
const GREETING: usize = 40;

/// A socket of either family.
pub(super) enum Socket {
    /// TCP.
    Tcp(TcpStream),
    /// A unix socket.
    Unix(UnixStream),
}

type Encrypted = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// The bytes of a connection, in TLS or not.
pub struct Stream {
    inner: Inner,
    is_known: bool,
}

enum Inner {
    Plain(Socket),
    Tls(Box<Encrypted>),
}

impl Stream {
    /// A stream without TLS.
    pub(super) fn plain(socket: Socket) -> Self {
        Self { inner: Inner::Plain(socket), is_known: false }
    }
}

/// Asks the server whether it speaks TLS.
pub(super) async fn ask_for_tls(mut socket: Socket) -> Result<(Socket, bool), ConnectTrouble> {
    socket.write_all(&SSL_REQUEST).await.map_err(ConnectTrouble::broken)?;
    let mut answer = [0];
    // One byte and no more: what an attacker put behind it must not be taken for part of the session (CVE-2021-23222).
    match socket.read(&mut answer).await.map_err(ConnectTrouble::broken)? {
        0 => Err(ConnectTrouble::Closed),
        _ => match answer {
            [b'S'] => Ok((socket, true)),
            [b'N'] => Ok((socket, false)),
            // The server could not even start a session; it says why to a connection without TLS.
            [b'E'] => Err(ConnectTrouble::ErrorBeforeTls),
            [other] => Err(foreign(other, &mut socket).await),
        },
    }
}

async fn foreign(first: u8, socket: &mut Socket) -> ConnectTrouble {
    let mut sent = vec![first];
    let mut rest = [0; GREETING];
    // What it is called is a courtesy; the failure is certain without it.
    let count = socket.read(&mut rest).await.unwrap_or_default();
    sent.extend(rest.iter().take(count));
    ConnectTrouble::NotPostgres(NotPostgres(sent))
}

/// Speaks TLS from here on. A name that is no DNS name (`my db`) is passed over in favour of the address.
pub(super) async fn shake_hands(
    socket: Socket,
    connector: &TlsConnector,
    name: &str,
    ip: &str,
) -> Result<Stream, ConnectTrouble> {
    let is_name = rustls::pki_types::ServerName::try_from(name).is_ok();
    let mut make = connector.make.clone();
    let Ok(tls) = MakeTlsConnect::<Socket>::make_tls_connect(&mut make, if is_name { name } else { ip });
    match tls.connect(socket).await {
        Ok(encrypted) => Ok(Stream { inner: Inner::Tls(Box::new(encrypted)), is_known: false }),
        Err(error) => Err(ConnectTrouble::from_handshake(error)),
    }
}

/// Hands over a stream on which TLS, if any, has been established.
pub(super) struct Established;

impl TlsConnect<Stream> for Established {
    type Stream = Stream;
    type Error = Infallible;
    type Future = Ready<Result<Stream, Infallible>>;

    fn connect(self, stream: Stream) -> Self::Future {
        ready(Ok(stream))
    }
}

impl TlsStream for Stream {
    fn channel_binding(&self) -> ChannelBinding {
        match &self.inner {
            Inner::Plain(_) => ChannelBinding::none(),
            Inner::Tls(encrypted) => encrypted.channel_binding(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = match &mut self.inner {
            Inner::Plain(socket) => Pin::new(socket).poll_read(cx, buf),
            Inner::Tls(encrypted) => Pin::new(encrypted.as_mut()).poll_read(cx, buf),
        };
        if self.is_known || !matches!(read, Poll::Ready(Ok(()))) {
            return read;
        }
        let sent = buf.filled().get(before..).unwrap_or_default();
        match sent.first() {
            None => read,
            // Authentication, error, notice, protocol negotiation: all that a server's first word can be.
            Some(b'R' | b'E' | b'N' | b'v') => {
                self.is_known = true;
                read
            }
            Some(_) => {
                let sent = sent.iter().take(GREETING).copied().collect();
                Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, NotPostgres(sent))))
            }
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.inner {
            Inner::Plain(socket) => Pin::new(socket).poll_write(cx, bytes),
            Inner::Tls(encrypted) => Pin::new(encrypted.as_mut()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(socket) => Pin::new(socket).poll_flush(cx),
            Inner::Tls(encrypted) => Pin::new(encrypted.as_mut()).poll_flush(cx),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.inner {
            Inner::Plain(socket) => Pin::new(socket).poll_shutdown(cx),
            Inner::Tls(encrypted) => Pin::new(encrypted.as_mut()).poll_shutdown(cx),
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_read(cx, buf),
            Self::Unix(socket) => Pin::new(socket).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Socket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_write(cx, bytes),
            Self::Unix(socket) => Pin::new(socket).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_flush(cx),
            Self::Unix(socket) => Pin::new(socket).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(socket) => Pin::new(socket).poll_shutdown(cx),
            Self::Unix(socket) => Pin::new(socket).poll_shutdown(cx),
        }
    }
}
