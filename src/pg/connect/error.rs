//! Why there is no connection: what was tried, what the server answered, what to do.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError};
use thiserror::Error;
use tokio_postgres::error::{DbError, SqlState};

use crate::failure::{Failure, FailureKind};
use crate::pg::address::{Address, SessionAttrs};
use crate::pg::tls::TlsError;
use crate::pg::words::{pooler_hint, words};

/// What answered is not PostgreSQL.
#[derive(Debug, Clone, Error)]
#[error("{} answered, not PostgreSQL", spoken(.0))]
pub struct NotPostgres(
    /// The first bytes it sent.
    pub Vec<u8>,
);

fn spoken(sent: &[u8]) -> &'static str {
    match sent {
        [b'H', b'T', b'T', b'P', ..] => "an HTTP server",
        [b'S', b'S', b'H', ..] | [b'S', b'H', b'-', ..] => "an SSH server",
        [b'-', b'E', b'R', b'R', ..] => "a Redis server",
        [b'2', b'2', b'0', ..] => "a mail or FTP server",
        [_, 0, 0, 0, 10, ..] => "a MySQL server",
        _ => "another server",
    }
}

/// Every server that was tried failed.
#[derive(Debug, Error)]
#[error("cannot connect to database {database} as {user}")]
pub struct ConnectError {
    /// The database that was asked for.
    pub database: String,
    /// The role that was asked for.
    pub user: String,
    /// Where the password came from, if there was one.
    pub password_from: Option<String>,
    /// What was passed over on the way to a password: a password file that others may read.
    pub warnings: Vec<String>,
    /// What was tried, in order; never empty unless the address had no host.
    pub attempts: Vec<Attempt>,
}

/// One attempt at one place.
#[derive(Debug)]
pub struct Attempt {
    /// The host and port, or the unix socket.
    pub place: String,
    /// What went wrong.
    pub trouble: ConnectTrouble,
}

/// The part of an attempt that was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectStep {
    /// Looking up the host's name.
    Lookup,
    /// Opening the socket.
    Connect,
    /// Agreeing on TLS.
    Tls,
    /// Authentication, and checking what the server is.
    Login,
}

impl fmt::Display for ConnectStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lookup => "looking up the host name",
            Self::Connect => "opening the connection",
            Self::Tls => "negotiating TLS",
            Self::Login => "logging in",
        })
    }
}

/// What went wrong in an attempt.
#[derive(Debug, Error)]
pub enum ConnectTrouble {
    /// The name could not be looked up.
    #[error("the host name cannot be resolved")]
    Lookup(#[source] io::Error),
    /// The socket could not be opened.
    #[error("{}", socket_words(.0))]
    Socket(#[source] io::Error),
    /// The bytes stopped.
    #[error("the connection broke")]
    Io(#[source] io::Error),
    /// The time limit was reached.
    #[error("no answer within {} while {step}", seconds(*limit))]
    TooSlow {
        /// What was under way.
        step: ConnectStep,
        /// The limit.
        limit: Duration,
    },
    /// The server closed the connection without a word.
    #[error("the server closed the connection without an answer")]
    Closed,
    /// Something else listens there.
    #[error(transparent)]
    NotPostgres(NotPostgres),
    /// The server does not speak TLS, and TLS is required.
    #[error("the server does not speak TLS, and sslmode requires it")]
    NoTls,
    /// The server answered the request for TLS with an error.
    #[error("the server answered the request for TLS with an error")]
    ErrorBeforeTls,
    /// The server's certificate was refused.
    #[error("the server's certificate is refused: {}", certificate_words(.0))]
    Certificate(CertificateError),
    /// The TLS handshake failed.
    #[error("the TLS handshake failed")]
    Handshake(#[source] io::Error),
    /// The certificates and keys on this side.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The server's own words.
    #[error("{}", server_words(.0))]
    Server(Box<DbError>),
    /// The server wants a password and there is none.
    #[error("the server asks for a password, and none was given")]
    PasswordNeeded,
    /// A password could not be asked for.
    #[error("cannot ask for the password")]
    NotAsked(#[source] io::Error),
    /// Authentication failed on this side: channel binding, an unknown method, a server that does not know the password.
    #[error("authentication failed: {0}")]
    Authentication(String),
    /// The server is not what `target_session_attrs` asks for.
    #[error("{}", session_words(*.0))]
    WrongSession(SessionAttrs),
    /// The server broke the protocol.
    #[error("the server violates the protocol: {0}")]
    Protocol(String),
}

fn seconds(limit: Duration) -> String {
    format!("{} s", limit.as_secs_f64())
}

fn socket_words(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused: nothing listens there",
        io::ErrorKind::NotFound => "the socket does not exist",
        io::ErrorKind::PermissionDenied => "permission denied on the socket",
        io::ErrorKind::TimedOut => "the host does not answer",
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => "the host cannot be reached",
        _ => "the connection cannot be opened",
    }
}

fn session_words(wanted: SessionAttrs) -> &'static str {
    match wanted {
        SessionAttrs::ReadWrite => "the session is read-only, and target_session_attrs=read-write",
        SessionAttrs::ReadOnly => "the session is not read-only, and target_session_attrs=read-only",
        SessionAttrs::Primary => "the server is a standby, and target_session_attrs=primary",
        SessionAttrs::Standby => "the server is not a standby, and target_session_attrs=standby",
        SessionAttrs::Any | SessionAttrs::PreferStandby => "the server does not match target_session_attrs",
    }
}

fn server_words(error: &DbError) -> String {
    let detail = error.detail().map(|detail| format!(" ({detail})")).unwrap_or_default();
    format!("{}: {}{detail}", error.severity(), words(error.message()))
}

fn certificate_words(error: &CertificateError) -> String {
    match error {
        CertificateError::UnknownIssuer => "no trusted authority signed it".to_owned(),
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "it has expired".to_owned(),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "it is not valid yet".to_owned(),
        CertificateError::Revoked => "it was revoked".to_owned(),
        CertificateError::NotValidForNameContext { expected, presented } if presented.is_empty() => {
            format!("it names no host, not {}", expected.to_str())
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            format!("it is for {}, not for {}", presented.join(", "), expected.to_str())
        }
        other => other.to_string(),
    }
}

impl From<tokio_postgres::Error> for ConnectTrouble {
    fn from(error: tokio_postgres::Error) -> Self {
        if let Some(server) = error.as_db_error() {
            return Self::Server(Box::new(server.clone()));
        }
        if error.is_closed() {
            return Self::Closed;
        }
        let words = error.to_string();
        let cause = error.source().map(ToString::to_string).unwrap_or_default();
        match error.into_source().map(<dyn std::error::Error + Send + Sync>::downcast::<io::Error>) {
            Some(Ok(io)) if words != "authentication error" => Self::from_io(*io),
            // tokio-postgres' own words; the tests hold them.
            _ if cause == "password missing" => Self::PasswordNeeded,
            _ if words == "authentication error" => Self::Authentication(cause),
            _ if cause.is_empty() => Self::Protocol(words),
            _ => Self::Protocol(format!("{words}: {cause}")),
        }
    }
}

impl ConnectTrouble {
    fn from_io(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<NotPostgres>()) {
            Some(foreign) => Self::NotPostgres(foreign.clone()),
            // A server that reads a client's certificate only after the handshake (TLS 1.3) refuses it here.
            None if is_tls(&error) => Self::from_handshake(error),
            None => Self::broken(error),
        }
    }

    /// Reads why bytes cannot be read or written.
    pub(super) fn broken(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => Self::Closed,
            _ => Self::Io(error),
        }
    }

    /// Reads what rustls says of a handshake.
    pub(super) fn from_handshake(error: io::Error) -> Self {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(reason)) => Self::Certificate(reason.clone()),
            Some(rustls::Error::InvalidMessage(_)) => Self::NotPostgres(NotPostgres(Vec::new())),
            _ => Self::Handshake(error),
        }
    }

    /// Whether the next host is not to be tried: the server has spoken. Source: manual 34.1.1.3, fe-connect.c.
    pub(super) fn is_final(&self) -> bool {
        match self {
            Self::Lookup(_)
            | Self::Socket(_)
            | Self::Io(_)
            | Self::TooSlow { .. }
            | Self::Closed
            | Self::WrongSession(_) => false,
            Self::Server(error) => *error.code() != SqlState::CANNOT_CONNECT_NOW,
            _ => true,
        }
    }

    /// Whether `allow` and `prefer` may go on the other way: TLS failed, or the server refused the session.
    pub(super) fn allows_other_cipher(&self) -> bool {
        matches!(
            self,
            Self::Server(_)
                | Self::NoTls
                | Self::ErrorBeforeTls
                | Self::Certificate(_)
                | Self::Handshake(_)
                | Self::Tls(_)
        )
    }

    /// Returns the trouble and its cause in one line.
    pub(super) fn in_one_line(&self) -> String {
        let cause = match self {
            // The words of the trouble itself say these.
            Self::Socket(error)
                if matches!(error.kind(), io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound) =>
            {
                None
            }
            _ => self.source(),
        };
        match cause {
            Some(cause) => {
                // Rust's words for what the trouble itself says.
                let cause = cause.to_string();
                format!("{self} ({})", cause.trim_start_matches("failed to lookup address information: "))
            }
            None => self.to_string(),
        }
    }
}

fn is_tls(error: &io::Error) -> bool {
    error.get_ref().is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>)
}

impl ConnectError {
    pub(super) fn new(address: &Address, attempts: Vec<Attempt>) -> Self {
        let place = attempts.last().map(|last| last.place.as_str()).unwrap_or_default();
        let host = address.hosts.iter().find(|host| place.starts_with(&host.to_string()));
        Self {
            database: address.database.clone(),
            user: address.user.clone(),
            password_from: host.and_then(|host| host.password_from.clone()),
            warnings: address.warnings.clone(),
            attempts,
        }
    }

    /// Whether the server asked for a password and none was known.
    pub fn needs_password(&self) -> bool {
        self.attempts.iter().any(|attempt| matches!(attempt.trouble, ConnectTrouble::PasswordNeeded))
    }

    /// Whether there is no server at all: nothing listens at any place that was tried.
    pub(crate) fn found_no_server(&self) -> bool {
        let is_nothing = |trouble: &ConnectTrouble| match trouble {
            ConnectTrouble::Socket(error) => {
                matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused)
            }
            _ => false,
        };
        self.attempts.iter().all(|attempt| is_nothing(&attempt.trouble))
    }

    /// Returns the SQLSTATE of the server's last answer.
    pub fn code(&self) -> Option<&SqlState> {
        self.attempts.last().and_then(|last| match &last.trouble {
            ConnectTrouble::Server(error) => Some(error.code()),
            _ => None,
        })
    }

    /// Returns what to do, going by the last attempt.
    pub fn hint(&self) -> Option<String> {
        let last = self.attempts.last()?;
        Some(match &last.trouble {
            ConnectTrouble::Lookup(_) => "check the spelling of the host, or your network and VPN".to_owned(),
            ConnectTrouble::Socket(error) => socket_hint(error, &last.place),
            ConnectTrouble::TooSlow { .. } => {
                "a firewall, or a server that hangs? connect_timeout=SECONDS waits longer".to_owned()
            }
            ConnectTrouble::Closed | ConnectTrouble::Io(_) => {
                "a proxy or firewall may have cut it; the server's log may say more".to_owned()
            }
            ConnectTrouble::NotPostgres(_) => "check host and port: PostgreSQL's is 5432, PgBouncer's 6432".to_owned(),
            ConnectTrouble::NoTls => "use sslmode=prefer if an unencrypted connection is acceptable".to_owned(),
            ConnectTrouble::ErrorBeforeTls => "the server's log says why".to_owned(),
            ConnectTrouble::Certificate(reason) => certificate_hint(reason).to_owned(),
            ConnectTrouble::Handshake(error) => return handshake_hint(error),
            ConnectTrouble::Tls(error) => return error.hint(),
            ConnectTrouble::Server(error) => return self.server_hint(error),
            ConnectTrouble::PasswordNeeded => {
                self.password_hint("set PGPASSWORD, add a line to ~/.pgpass, or omit -w to be asked".to_owned())
            }
            ConnectTrouble::NotAsked(_) => self.password_hint("set PGPASSWORD, or add a line to ~/.pgpass".to_owned()),
            ConnectTrouble::Authentication(words) if words.contains("channel binding") => {
                "channel binding needs TLS and a SCRAM password; channel_binding=prefer also works without".to_owned()
            }
            ConnectTrouble::Authentication(_) => {
                "pgdj supports password, md5, scram-sha-256, cert, trust and peer".to_owned()
            }
            ConnectTrouble::WrongSession(_) => "name another host, or another target_session_attrs".to_owned(),
            ConnectTrouble::Protocol(_) => "check host and port, and the version of the server there".to_owned(),
        })
    }

    /// Returns what to do about a password; a password file that was passed over comes first.
    fn password_hint(&self, hint: String) -> String {
        self.warnings.iter().cloned().chain([hint]).collect::<Vec<_>>().join("; ")
    }

    /// Whether every place for a client is taken, of the server or of the pooler before it.
    pub(crate) fn is_full(&self) -> bool {
        self.attempts.last().is_some_and(|last| match &last.trouble {
            ConnectTrouble::Server(error) => {
                *error.code() == SqlState::TOO_MANY_CONNECTIONS
                    || ["query_wait_timeout", "no more connections allowed"]
                        .iter()
                        .any(|said| error.message().starts_with(said))
            }
            _ => false,
        })
    }

    fn server_hint(&self, error: &DbError) -> Option<String> {
        let code = error.code();
        Some(if *code == SqlState::INVALID_PASSWORD {
            self.password_hint(match &self.password_from {
                Some(from) => format!("the password came from {from}: correct it, or use -W to type another"),
                None => format!("check the password of role {}", self.user),
            })
        } else if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION {
            // The words are the server's, in its language; the file's name is not translated.
            if error.message().contains("pg_hba.conf") {
                "pg_hba.conf on the server needs a line for this role, database and client address".to_owned()
            } else if error.message().contains("certificate") {
                "name a client certificate with sslcert=FILE and sslkey=FILE".to_owned()
            } else {
                format!("check the role's name, {}, or name another with -U", self.user)
            }
        } else if *code == SqlState::INVALID_CATALOG_NAME {
            format!("database {} does not exist: psql -l lists them, -d names another", self.database)
        } else if *code == SqlState::TOO_MANY_CONNECTIONS {
            "all connections are in use: connect as a superuser (superuser_reserved_connections), or terminate idle \
             sessions"
                .to_owned()
        } else if *code == SqlState::CANNOT_CONNECT_NOW {
            "the server is starting up, shutting down or recovering: try again in a moment".to_owned()
        } else if let Some(hint) = pooler_hint(error.message()) {
            hint.to_owned()
        } else if error.message().contains("unsupported startup parameter") {
            "PgBouncer refuses it: add it to ignore_startup_parameters in pgbouncer.ini, or omit options".to_owned()
        } else {
            return error.hint().map(str::to_owned);
        })
    }
}

fn socket_hint(error: &io::Error, place: &str) -> String {
    let is_local = place.starts_with('/');
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused if is_local => {
            "is the server running? -h names its host or the folder of its socket, -p its port".to_owned()
        }
        io::ErrorKind::ConnectionRefused => {
            "is the server running, and does it listen there (listen_addresses, port)?".to_owned()
        }
        io::ErrorKind::PermissionDenied => "the server's unix_socket_permissions decide who may connect".to_owned(),
        _ => "check host, port, network and firewall".to_owned(),
    }
}

fn certificate_hint(reason: &CertificateError) -> &'static str {
    match reason {
        CertificateError::UnknownIssuer => "name the authority's certificate with sslrootcert=FILE",
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "connect by a name in the certificate; add hostaddr=ADDRESS to say where to connect"
        }
        _ => "the server needs another certificate (ssl_cert_file)",
    }
}

fn handshake_hint(error: &io::Error) -> Option<String> {
    let rustls = error.get_ref()?.downcast_ref::<rustls::Error>()?;
    let hint = match rustls {
        rustls::Error::AlertReceived(
            AlertDescription::UnknownCA | AlertDescription::BadCertificate | AlertDescription::CertificateUnknown,
        ) => "the server does not trust the client certificate (sslcert)",
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => {
            "name a client certificate with sslcert=FILE and sslkey=FILE"
        }
        rustls::Error::AlertReceived(AlertDescription::ProtocolVersion) | rustls::Error::PeerIncompatible(_) => {
            "the server must speak TLS 1.2 or 1.3 (ssl_min_protocol_version, ssl_max_protocol_version)"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        let mut failure = Self::new(FailureKind::Connection, error.to_string());
        let mut last = String::new();
        for attempt in &error.attempts {
            let line = format!("{}: {}", attempt.place, attempt.trouble.in_one_line());
            // With `prefer` and `allow` the same answer comes twice, with and without TLS.
            if line != last {
                failure = failure.because_text(line.clone());
            }
            last = line;
        }
        match error.hint() {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
