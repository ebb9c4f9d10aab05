//! Where to connect, as libpq understands it: URL, key=value, service, environment, password file.
//!
//! [`resolve`] is a pure function of a [`AddressRequest`] (what the command line and the config file say) and an
//! [`Environment`]. What is given on a stronger place wins, parameter by parameter:
//!
//! 1. the flags `-h -p -U -d`,
//! 2. TARGET: a URL, a key=value conninfo, an alias of the config file (which stands for one of them), a service name,
//! 3. the service file's section, whether named by TARGET, by `service=` or by `PGSERVICE`,
//! 4. the environment variables `PG*`,
//! 5. libpq's defaults; the password file for the password.
//!
//! That a service is stronger than the environment is libpq's order (manual 34.17). `DATABASE_URL` stands for TARGET
//! where nothing else says where to connect: neither TARGET nor one of the four flags, nor `PGSERVICE`, `PGHOST`,
//! `PGHOSTADDR`, `PGDATABASE`. It is taken whole or not at all, so that its password never goes to another host.
//!
//! Where pgdj is stricter than libpq: a named certificate file that is missing is an error, and a parameter that
//! promises a protection pgdj cannot give (`require_auth`, `requirepeer`, …) is refused, not passed over. Without
//! `connect_timeout` it waits [`DEFAULT_TIMEOUT`], not forever; `connect_timeout=0` waits forever.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

mod conninfo;
mod environment;
mod error;
mod keywords;
mod nearest;
mod passfile;
mod resolve;
mod secret;
mod service;
mod url;
mod values;

pub use environment::{Environment, Files, SeenFile};
pub use error::{AddressError, SyntaxError};
pub use nearest::nearest;
pub use resolve::{AddressRequest, Alias, ConnectionFlags, is_left_open, resolve};
pub use secret::{masked, may_hold_password};

/// How long one host may take to answer when `connect_timeout` is not given.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);

/// Returns the names of libpq's connection parameters.
pub(crate) fn parameter_names() -> impl Iterator<Item = &'static str> {
    keywords::KEYWORDS.iter().map(|keyword| keyword.name)
}

/// The role name, database and servers to connect to, with everything a connection needs.
///
/// It can be used for any number of connections; a password that was asked for is kept in it.
#[derive(Debug, Clone)]
pub struct Address {
    /// The servers to try, in order; never empty.
    pub hosts: Vec<Host>,
    /// The role.
    pub user: String,
    /// The database.
    pub database: String,
    /// `application_name`; `pgdj` unless given.
    pub application_name: String,
    /// Command-line options for the server, as in `PGOPTIONS`.
    pub options: Option<String>,
    /// The time one host may take, from the first packet to the end of authentication; `None` waits forever.
    pub timeout: Option<Duration>,
    /// What the server must be.
    pub session: SessionAttrs,
    /// The order in which hosts are tried.
    pub order: HostOrder,
    /// Whether authentication must be bound to the TLS connection.
    pub channel_binding: ChannelBinding,
    /// Whether TCP keepalives are sent.
    pub keepalives: Keepalives,
    /// What TLS has to guarantee.
    pub tls: Tls,
    /// When to ask for a password.
    pub prompt: Prompt,
    /// The alias of the config file it came from.
    pub alias: Option<String>,
    /// What was passed over, each one sentence: a password file that others may read, for instance.
    pub warnings: Vec<String>,
}

/// One server to try.
#[derive(Debug, Clone)]
pub struct Host {
    /// Where it is.
    pub place: HostAddress,
    /// The port; part of the socket's name for a unix socket.
    pub port: u16,
    /// The password for it, if one is known.
    pub password: Option<Password>,
    /// Where the password came from, in words: `PGPASSWORD`, `/home/me/.pgpass`.
    pub password_from: Option<String>,
}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostAddress {
    /// A unix socket in this folder.
    Unix(PathBuf),
    /// A host name, to be looked up; with `hostaddr`, the address to go to in its stead.
    Name(String, Option<IpAddr>),
    /// An address without a name (`hostaddr` alone).
    Ip(IpAddr),
}

/// A password; it can be shown to a server only.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Wraps a password.
    pub fn new(password: impl Into<String>) -> Self {
        Self(password.into())
    }

    /// Returns the password itself, to be sent to a server and nowhere else.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

/// When to ask for a password.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Prompt {
    /// When the server wants one and none is known.
    #[default]
    IfNeeded,
    /// Never (`-w`).
    Never,
    /// Before connecting (`-W`).
    First,
}

/// `sslmode`: what TLS has to guarantee. Source: PostgreSQL manual 34.19.3, table 34.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SslMode {
    /// No TLS.
    Disable,
    /// Without TLS first, with it if the server refuses.
    Allow,
    /// With TLS first, without it if that fails.
    Prefer,
    /// TLS; the certificate is checked only if a root certificate file is there.
    Require,
    /// TLS with a certificate of a trusted authority.
    VerifyCa,
    /// TLS with a certificate of a trusted authority for this very host.
    VerifyFull,
}

/// `sslnegotiation`: how TLS begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Negotiation {
    /// The server is asked first.
    Postgres,
    /// TLS from the first byte (server 17 and newer).
    Direct,
}

/// Whom to trust to have signed the server's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Roots {
    /// The system's authorities (`sslrootcert=system`).
    System,
    /// This file, which was named and must exist.
    Named(PathBuf),
    /// `~/.postgresql/root.crt`, if it exists; `None` without a home folder.
    Default(Option<PathBuf>),
}

/// A protocol version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2.
    V12,
    /// TLS 1.3.
    V13,
}

/// A file that was named, or the one libpq looks at by default, which may be missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum File {
    /// It was named and must exist.
    Named(PathBuf),
    /// The default place.
    Default(PathBuf),
    /// No file is to be used.
    None,
}

/// What TLS has to guarantee, and with which files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The guarantee.
    pub mode: SslMode,
    /// How TLS begins.
    pub negotiation: Negotiation,
    /// Whom to trust.
    pub roots: Roots,
    /// The client's certificate.
    pub certificate: File,
    /// The client's private key.
    pub key: File,
    /// Certificates that were revoked.
    pub revoked: File,
    /// Whether the server is told which host is meant.
    pub sni: Sni,
    /// The oldest protocol version to speak.
    pub oldest: TlsVersion,
    /// The newest protocol version to speak.
    pub newest: TlsVersion,
}

/// `sslsni`: whether the server is told which host is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sni {
    /// The host's name is sent.
    Sent,
    /// The host's name is kept back.
    Hidden,
}

/// `channel_binding`: whether authentication must be bound to the TLS connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelBinding {
    /// It is not used.
    Disable,
    /// It is used where server and TLS can.
    Prefer,
    /// Without it the connection is refused.
    Require,
}

/// `target_session_attrs`: what the server must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionAttrs {
    /// Anything.
    Any,
    /// It accepts writes.
    ReadWrite,
    /// It does not accept writes.
    ReadOnly,
    /// It is not in recovery.
    Primary,
    /// It is in recovery.
    Standby,
    /// A standby if there is one, else anything.
    PreferStandby,
}

/// `load_balance_hosts`: the order in which hosts are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostOrder {
    /// As they were written.
    Given,
    /// At random, their addresses too.
    Random,
}

/// Whether TCP keepalives are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keepalives {
    /// They are sent.
    On,
    /// They are not.
    Off,
}

impl Address {
    /// Keeps a password that was asked for, for this and all further connections.
    pub(crate) fn set_password(&mut self, password: &Password) {
        for host in &mut self.hosts {
            host.password = Some(password.clone());
            host.password_from = None;
        }
    }

    /// Returns the places in words: `db1:5432, db2:5432`.
    pub fn places(&self) -> String {
        self.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for Address {
    /// Writes `user@host:port/database`, without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hosts = self.hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let slash = if hosts.starts_with('/') { " " } else { "/" };
        write!(f, "{}@{hosts}{slash}{}", self.user, self.database)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            HostAddress::Unix(folder) => write!(f, "{}", socket_path(folder, self.port).display()),
            HostAddress::Name(name, _) if name.contains(':') => write!(f, "[{name}]:{}", self.port),
            HostAddress::Name(name, _) => write!(f, "{name}:{}", self.port),
            HostAddress::Ip(ip @ IpAddr::V6(_)) => write!(f, "[{ip}]:{}", self.port),
            HostAddress::Ip(ip) => write!(f, "{ip}:{}", self.port),
        }
    }
}

/// Returns the path of a server's unix socket.
pub(crate) fn socket_path(folder: &std::path::Path, port: u16) -> PathBuf {
    folder.join(format!(".s.PGSQL.{port}"))
}

/// Where a parameter was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterOrigin {
    /// A flag of the command line.
    Flag(&'static str),
    /// The TARGET argument.
    Target,
    /// An environment variable.
    Variable(&'static str),
    /// A line of a file.
    File {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
}

impl fmt::Display for ParameterOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) | Self::Variable(name) => f.write_str(name),
            Self::Target => f.write_str("TARGET"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
        }
    }
}

/// A parameter as it was given.
#[derive(Clone)]
struct GivenParameter {
    name: &'static str,
    value: String,
    origin: ParameterOrigin,
}

impl fmt::Debug for GivenParameter {
    /// Leaves the value out: it may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} from {}", self.name, self.origin)
    }
}
