//! From an address to a connection: hosts in turn, TLS, authentication, `target_session_attrs`.
//!
//! Hosts are gone through as libpq does: one that cannot be reached or is not what was asked for is passed over; one
//! that answers with an error ends the search, but for "starting up" (57P03). The time limit holds for the whole of an
//! attempt, so that a server that falls silent in the middle of a handshake ends in a sentence.
//!
//! Nothing here spawns: [`Connected::driver`] moves the bytes and must be polled by the caller.

use std::future::Future;
use std::hash::{BuildHasher as _, RandomState};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::{Either, select};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, UnixStream, lookup_host};
use tokio::time::Instant;
use tokio_postgres::config::{ChannelBinding as DriverBinding, SslMode as DriverMode, SslNegotiation};
use tokio_postgres::{CancelToken, Client, Config, Connection, SimpleQueryMessage};

use super::address::{
    Address, ChannelBinding, Host, HostAddress, HostOrder, Keepalives, Negotiation, Password, Prompt, SessionAttrs,
    SslMode, TlsVersion, socket_path,
};
use super::guard::{BEGIN, COMMIT};
use super::key;
use super::own::{Own, Sql};
use super::path::{self, Until};
use super::tls::{self, Checked};
use stream::{Established, Socket};

mod error;
mod stream;

pub use error::NotPostgres;
pub use error::{Attempt, ConnectError, ConnectStep, ConnectTrouble};
pub use stream::Stream;

/// What moves the bytes of a connection: a future that ends with it, and `poll_message` for notices.
pub type ConnectionFuture = Connection<Stream, Stream>;

/// A connection that is ready for queries.
pub struct Connected {
    /// Sends queries.
    pub client: Client,
    /// Moves the bytes; must be polled for the client to get answers.
    pub driver: ConnectionFuture,
    /// Cancels what the connection is doing, over a connection of its own.
    pub canceller: Canceller,
    /// What was reached.
    pub reached: ReachedServer,
}

/// What was reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReachedServer {
    /// The host and port, or the path of the unix socket, with the address where a name was looked up.
    pub place: String,
    /// The position in [`Address::hosts`].
    pub host: usize,
    /// TLS, if the connection is encrypted.
    pub tls: Option<ReachedTls>,
    /// Why the connection is not encrypted (or is, with `sslmode=allow`) although the other way was tried first.
    pub stepped: Option<String>,
}

/// The TLS of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReachedTls {
    /// The protocol version.
    pub version: Option<TlsVersion>,
    /// What was made sure of about the server.
    pub checked: Checked,
}

/// Where one attempt goes.
#[derive(Debug, Clone)]
enum Endpoint {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// Connects to the first server of the address that answers and is what was asked for.
pub async fn connect(address: &Address) -> Result<Connected, ConnectError> {
    let passes: &[SessionAttrs] = match address.session {
        SessionAttrs::PreferStandby => &[SessionAttrs::Standby, SessionAttrs::Any],
        SessionAttrs::Any => &[SessionAttrs::Any],
        SessionAttrs::ReadWrite => &[SessionAttrs::ReadWrite],
        SessionAttrs::ReadOnly => &[SessionAttrs::ReadOnly],
        SessionAttrs::Primary => &[SessionAttrs::Primary],
        SessionAttrs::Standby => &[SessionAttrs::Standby],
    };
    let mut attempts = Vec::new();
    for wanted in passes {
        attempts.clear();
        for index in order(address) {
            let Some(host) = address.hosts.get(index) else { continue };
            match try_host(address, host, *wanted, &mut attempts).await {
                Some(mut connected) => {
                    connected.reached.host = index;
                    return Ok(connected);
                }
                None if attempts.last().is_some_and(|last: &Attempt| last.trouble.is_final()) => {
                    return Err(ConnectError::new(address, attempts));
                }
                None => {}
            }
        }
    }
    Err(ConnectError::new(address, attempts))
}

/// Connects, and asks for a password where one is needed and may be asked for; it is kept in the address.
///
/// `ask` gets the prompt, for instance `Password for app@db1:5432/shop: `.
pub async fn connect_asking(
    address: &mut Address,
    mut ask: impl FnMut(&str) -> io::Result<Password>,
) -> Result<Connected, ConnectError> {
    let prompt = format!("Password for {address}: ");
    let mut has_asked = false;
    let mut ask_for = |address: &mut Address| match ask(&prompt) {
        Ok(password) => {
            address.set_password(&password);
            Ok(())
        }
        Err(error) => {
            let attempt = Attempt { place: address.places(), trouble: ConnectTrouble::NotAsked(error) };
            Err(ConnectError::new(address, vec![attempt]))
        }
    };
    if address.prompt == Prompt::First {
        ask_for(address)?;
        has_asked = true;
    }
    match connect(address).await {
        Err(error) if error.needs_password() && !has_asked && address.prompt != Prompt::Never => {
            ask_for(address)?;
            connect(address).await
        }
        answered => answered,
    }
}

fn order(address: &Address) -> Vec<usize> {
    let mut order: Vec<usize> = (0..address.hosts.len()).collect();
    shuffle(&mut order, address.order);
    order
}

fn shuffle<T>(list: &mut [T], order: HostOrder) {
    if order == HostOrder::Random {
        // A new RandomState has new keys: good enough to spread connections.
        let state = RandomState::new();
        for last in (1..list.len()).rev() {
            let other = state.hash_one(last) % (last as u64 + 1);
            list.swap(last, usize::try_from(other).unwrap_or_default());
        }
    }
}

/// Tries all addresses of a host; `None` leaves the reasons in `attempts`.
async fn try_host(
    address: &Address,
    host: &Host,
    wanted: SessionAttrs,
    attempts: &mut Vec<Attempt>,
) -> Option<Connected> {
    let deadline = Deadline::of(address);
    let endpoints = match deadline.hold(ConnectStep::Lookup, endpoints(host)).await {
        Ok(mut endpoints) => {
            shuffle(&mut endpoints, address.order);
            endpoints
        }
        Err(trouble) => {
            attempts.push(Attempt { place: host.to_string(), trouble });
            return None;
        }
    };
    for endpoint in endpoints {
        let place = place(host, &endpoint);
        let attempt = OneHost { address, host, endpoint: &endpoint, place: &place, wanted };
        match attempt.connect(attempts).await {
            Some(connected) => return Some(connected),
            None if attempts.last().is_some_and(|last| last.trouble.is_final()) => return None,
            None => {}
        }
    }
    None
}

/// Returns the addresses of a host, as many as the name has.
async fn endpoints(host: &Host) -> Result<Vec<Endpoint>, ConnectTrouble> {
    let tcp = |ip: IpAddr| Endpoint::Tcp(SocketAddr::new(ip, host.port));
    match &host.place {
        HostAddress::Unix(folder) => Ok(vec![Endpoint::Unix(socket_path(folder, host.port))]),
        HostAddress::Ip(ip) | HostAddress::Name(_, Some(ip)) => Ok(vec![tcp(*ip)]),
        HostAddress::Name(name, None) => {
            let found = lookup_host((name.as_str(), host.port)).await.map_err(ConnectTrouble::Lookup)?;
            let found: Vec<Endpoint> = found.map(|found| tcp(found.ip())).collect();
            if found.is_empty() { Err(ConnectTrouble::Lookup(io::ErrorKind::NotFound.into())) } else { Ok(found) }
        }
    }
}

fn place(host: &Host, endpoint: &Endpoint) -> String {
    match (&host.place, endpoint) {
        (HostAddress::Name(name, _), Endpoint::Tcp(address)) if name.parse::<IpAddr>().is_err() => {
            format!("{host} ({})", address.ip())
        }
        _ => host.to_string(),
    }
}

/// The end of the time one attempt may take.
#[derive(Clone, Copy)]
struct Deadline(Option<(Instant, Duration)>);

impl Deadline {
    fn of(address: &Address) -> Self {
        Self(address.timeout.and_then(|limit| Some((Instant::now().checked_add(limit)?, limit))))
    }

    /// Waits for a step of the attempt, but not longer than to the end.
    async fn hold<T>(
        self,
        step: ConnectStep,
        work: impl Future<Output = Result<T, ConnectTrouble>>,
    ) -> Result<T, ConnectTrouble> {
        let Some((end, limit)) = self.0 else { return work.await };
        match tokio::time::timeout_at(end, work).await {
            Ok(done) => done,
            Err(_elapsed) => Err(ConnectTrouble::TooSlow { step, limit }),
        }
    }
}

/// Whether an attempt speaks TLS.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cipher {
    Tls,
    /// TLS if the server has it, plain if it says it has not.
    TlsIfOffered,
    Plain,
}

/// One address of one host.
#[derive(Clone, Copy)]
struct OneHost<'a> {
    address: &'a Address,
    host: &'a Host,
    endpoint: &'a Endpoint,
    place: &'a str,
    wanted: SessionAttrs,
}

impl OneHost<'_> {
    /// Connects with and without TLS, in the order that `sslmode` defines.
    async fn connect(self, attempts: &mut Vec<Attempt>) -> Option<Connected> {
        // TLS is not spoken on unix sockets, whatever the mode says; source: manual 34.1.2, sslmode.
        let (first, second) = match (self.endpoint, self.address.tls.mode) {
            (Endpoint::Unix(_), _) | (_, SslMode::Disable) => (Cipher::Plain, None),
            (_, SslMode::Allow) => (Cipher::Plain, Some(Cipher::Tls)),
            (_, SslMode::Prefer) => (Cipher::TlsIfOffered, Some(Cipher::Plain)),
            _ => (Cipher::Tls, None),
        };
        let trouble = match self.attempt(first).await {
            Ok(connected) => return Some(connected),
            Err(trouble) => trouble,
        };
        let second = second.filter(|_| trouble.allows_other_cipher());
        let stepped = trouble.in_one_line();
        attempts.push(Attempt { place: self.place.to_owned(), trouble });
        match self.attempt(second?).await {
            Ok(mut connected) => {
                connected.reached.stepped = Some(stepped);
                Some(connected)
            }
            Err(trouble) => {
                attempts.push(Attempt { place: self.place.to_owned(), trouble });
                None
            }
        }
    }

    async fn attempt(self, cipher: Cipher) -> Result<Connected, ConnectTrouble> {
        let deadline = Deadline::of(self.address);
        let socket = deadline.hold(ConnectStep::Connect, open(self.endpoint, self.address.keepalives)).await?;
        let (stream, tls) = deadline.hold(ConnectStep::Tls, self.encrypt(socket, cipher)).await?;
        let config = self.config();
        let login = async { config.connect_raw(stream, Established).await.map_err(ConnectTrouble::from) };
        let (client, mut driver) = deadline.hold(ConnectStep::Login, login).await?;
        deadline.hold(ConnectStep::Login, check_session(&client, &mut driver, self.wanted)).await?;
        let canceller = Canceller {
            token: client.cancel_token(),
            endpoint: self.endpoint.clone(),
            address: self.address.clone(),
            host: self.host.clone(),
            cipher: if tls.is_some() { Cipher::Tls } else { Cipher::Plain },
        };
        let reached = ReachedServer { place: self.place.to_owned(), host: 0, tls, stepped: None };
        Ok(Connected { client, driver, canceller, reached })
    }

    async fn encrypt(self, socket: Socket, cipher: Cipher) -> Result<(Stream, Option<ReachedTls>), ConnectTrouble> {
        if cipher == Cipher::Plain {
            return Ok((Stream::plain(socket), None));
        }
        let name = match &self.host.place {
            HostAddress::Name(name, _) => Some(name.as_str()),
            _ => None,
        };
        let connector = tls::connector(&self.address.tls, name)?;
        let is_asked = self.address.tls.negotiation == Negotiation::Postgres;
        let (socket, is_offered) = if is_asked { stream::ask_for_tls(socket).await? } else { (socket, true) };
        match (is_offered, cipher) {
            (true, _) => {}
            (false, Cipher::TlsIfOffered) => return Ok((Stream::plain(socket), None)),
            (false, _) => return Err(ConnectTrouble::NoTls),
        }
        let ip = match self.endpoint {
            Endpoint::Tcp(address) => address.ip().to_string(),
            Endpoint::Unix(_) => String::new(),
        };
        let stream = stream::shake_hands(socket, &connector, name.unwrap_or(&ip), &ip).await?;
        Ok((stream, Some(ReachedTls { version: connector.version.get(), checked: connector.checked })))
    }

    fn config(self) -> Config {
        let mut config = Config::new();
        config
            .user(&self.address.user)
            .dbname(&self.address.database)
            .application_name(&self.address.application_name)
            // The stream is ready, with TLS or without: nothing is left to negotiate.
            .ssl_mode(DriverMode::Require)
            .ssl_negotiation(SslNegotiation::Direct)
            .channel_binding(match self.address.channel_binding {
                ChannelBinding::Disable => DriverBinding::Disable,
                ChannelBinding::Prefer => DriverBinding::Prefer,
                ChannelBinding::Require => DriverBinding::Require,
            });
        if let Some(options) = &self.address.options {
            config.options(options);
        }
        if let Some(password) = &self.host.password {
            config.password(password.reveal());
        }
        config
    }
}

async fn open(endpoint: &Endpoint, keepalives: Keepalives) -> Result<Socket, ConnectTrouble> {
    match endpoint {
        Endpoint::Unix(path) => Ok(Socket::Unix(UnixStream::connect(path).await.map_err(ConnectTrouble::Socket)?)),
        Endpoint::Tcp(address) => {
            let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() };
            let socket = socket.map_err(ConnectTrouble::Socket)?;
            socket.set_keepalive(keepalives == Keepalives::On).map_err(ConnectTrouble::Socket)?;
            let stream = socket.connect(*address).await.map_err(ConnectTrouble::Socket)?;
            stream.set_nodelay(true).map_err(ConnectTrouble::Socket)?;
            Ok(Socket::Tcp(stream))
        }
    }
}

/// Checks `target_session_attrs`, by what the server reports (14 and newer) or by asking it.
async fn check_session(
    client: &Client,
    driver: &mut ConnectionFuture,
    wanted: SessionAttrs,
) -> Result<(), ConnectTrouble> {
    let is_standby = match driver.parameter("in_hot_standby") {
        _ if matches!(wanted, SessionAttrs::Any | SessionAttrs::PreferStandby) => return Ok(()),
        Some(word) => word == "on",
        None => ask(client, driver, &is_standby()).await? == "t",
    };
    let is_read_only = match (wanted, driver.parameter("default_transaction_read_only")) {
        (SessionAttrs::Primary | SessionAttrs::Standby, _) => is_standby,
        (_, Some(word)) => is_standby || word == "on",
        (_, None) => ask(client, driver, &IS_READ_ONLY.sql()).await? == "on",
    };
    let is_right = match wanted {
        SessionAttrs::ReadWrite => !is_read_only,
        SessionAttrs::ReadOnly => is_read_only,
        SessionAttrs::Primary => !is_standby,
        SessionAttrs::Standby => is_standby,
        SessionAttrs::Any | SessionAttrs::PreferStandby => true,
    };
    if is_right { Ok(()) } else { Err(ConnectTrouble::WrongSession(wanted)) }
}

pub(super) static IS_STANDBY: Own = Own {
    name: "is it a standby",
    reads: "Whether the server is in recovery.",
    when: "while it connects, only before PostgreSQL 14, if target_session_attrs asks for a primary or a standby; in \
        a separate transaction (the begin, search_path and commit statements under \"Behind a connection pooler\")",
    holes: &[],
    sql: "select pg_catalog.pg_is_in_recovery()",
};

pub(super) static IS_READ_ONLY: Own = Own {
    name: "is it read-only",
    reads: "Whether the session is read-only.",
    when: "while it connects, only before PostgreSQL 14, if target_session_attrs is read-write or read-only",
    holes: &[],
    sql: "show transaction_read_only",
};

/// Asks with nothing of anybody else on the path, and sets nothing for a session that may be another client's too.
fn is_standby() -> Sql {
    let begin = BEGIN.fill(&[("access", "read only")]);
    Sql::batch(&[begin, path::pin(Until::TransactionEnds), IS_STANDBY.sql(), COMMIT.sql()])
}

async fn ask(client: &Client, driver: &mut ConnectionFuture, sql: &Sql) -> Result<String, ConnectTrouble> {
    let query = std::pin::pin!(client.simple_query(sql.as_str()));
    let rows = match select(query, driver).await {
        Either::Left((rows, _)) => rows.map_err(ConnectTrouble::from)?,
        Either::Right((Err(error), _)) => return Err(error.into()),
        Either::Right((Ok(()), _)) => return Err(ConnectTrouble::Closed),
    };
    let value = rows.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    Ok(value.unwrap_or_default().to_owned())
}

/// Cancels what a connection is doing, over a connection of its own to the same server, encrypted as the other is.
#[derive(Clone)]
pub struct Canceller {
    token: CancelToken,
    endpoint: Endpoint,
    address: Address,
    host: Host,
    cipher: Cipher,
}

impl Canceller {
    /// Asks the server to cancel; it does not say whether there was anything to cancel.
    pub async fn cancel(&self) -> Result<(), ConnectError> {
        let place = place(&self.host, &self.endpoint);
        let sent = self.send(&place).await;
        sent.map_err(|trouble| ConnectError::new(&self.address, vec![Attempt { place, trouble }]))
    }

    async fn send(&self, place: &str) -> Result<(), ConnectTrouble> {
        let (address, host, endpoint) = (&self.address, &self.host, &self.endpoint);
        let one = OneHost { address, host, endpoint, place, wanted: SessionAttrs::Any };
        let deadline = Deadline::of(&self.address);
        let socket = deadline.hold(ConnectStep::Connect, open(&self.endpoint, Keepalives::On)).await?;
        let (stream, _) = deadline.hold(ConnectStep::Tls, one.encrypt(socket, self.cipher)).await?;
        let request = key::cancel_request(&self.token)
            .await
            .ok_or_else(|| ConnectTrouble::Io(io::ErrorKind::NotConnected.into()))?;
        let mut stream = stream;
        let send = async {
            stream.write_all(&request).await.map_err(ConnectTrouble::Io)?;
            stream.flush().await.map_err(ConnectTrouble::Io)?;
            // The server answers by closing. PgBouncer forgets a cancel request whose sender has gone before it is passed on.
            let mut nothing = [0; 16];
            while matches!(stream.read(&mut nothing).await, Ok(1..)) {}
            Ok(())
        };
        deadline.hold(ConnectStep::Login, send).await
    }
}

impl std::fmt::Debug for Connected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connected").field("reached", &self.reached).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Canceller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Canceller").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}
