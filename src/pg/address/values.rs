//! The strongest value of each parameter, and the address they make.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::passfile::{PassFile, PasswordKey};
use super::{
    Address, AddressError, ChannelBinding, DEFAULT_TIMEOUT, Environment, File, GivenParameter, Host, HostAddress,
    HostOrder, Keepalives, Negotiation, ParameterOrigin, Password, Prompt, Roots, SessionAttrs, Sni, SslMode, Tls,
    TlsVersion, socket_path,
};
use crate::sample::unit::counted;

/// The folders a server's unix socket is in by default: Debian's and Red Hat's, and PostgreSQL's own.
const SOCKET_FOLDERS: [&str; 2] = ["/var/run/postgresql", "/tmp"];
/// libpq's default port.
const DEFAULT_PORT: u16 = 5432;
/// What a port may be.
const VALID_PORT: &str = "valid: 1 to 65535";
/// The same for a URL, in which a password may be taken for a port.
const VALID_PORT_OF_URL: &str = "valid: 1 to 65535; in a URL, write : in a password as %3A and / as %2F";
/// The strongest value of each parameter.
#[derive(Default)]
pub(super) struct Values(BTreeMap<&'static str, GivenParameter>);

impl Values {
    /// Adds a layer below those there are; within it the last word counts.
    pub(super) fn add_weaker(&mut self, layer: Vec<GivenParameter>) {
        let layer: BTreeMap<_, _> = layer.into_iter().map(|given| (given.name, given)).collect();
        for (name, given) in layer {
            self.0.entry(name).or_insert(given);
        }
    }

    /// Returns every parameter that is given.
    pub(super) fn all(&self) -> impl Iterator<Item = &GivenParameter> {
        self.0.values()
    }

    /// Returns a value that is not empty.
    fn given(&self, name: &str) -> Option<&GivenParameter> {
        self.0.get(name).filter(|given| !given.value.is_empty())
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.given(name).map(|given| given.value.as_str())
    }

    /// Returns the parts of a list; an empty one is one empty part.
    fn list(&self, name: &str) -> Vec<&str> {
        self.text(name).map_or_else(|| vec![""], |text| text.split(',').map(str::trim).collect())
    }

    pub(super) fn address(&self, environment: &Environment) -> Result<Address, AddressError> {
        let user = self.text("user").map(str::to_owned).or_else(|| environment.user.clone());
        let Some(user) = user else {
            return Err(AddressError::Conflict {
                what: "no role to connect as".to_owned(),
                hint: "name it with -U".to_owned(),
            });
        };
        let database = self.text("dbname").map_or_else(|| user.clone(), str::to_owned);
        let tls = self.tls(environment)?;
        let application = self.text("application_name").or_else(|| self.text("fallback_application_name"));
        let mut address = Address {
            hosts: self.hosts(environment)?,
            user,
            database,
            application_name: application.unwrap_or("pgdj").to_owned(),
            options: self.text("options").map(str::to_owned),
            timeout: self.timeout()?,
            session: self.session(),
            order: if self.is("load_balance_hosts", "random") { HostOrder::Random } else { HostOrder::Given },
            channel_binding: self.channel_binding(),
            keepalives: if self.is("keepalives", "0") { Keepalives::Off } else { Keepalives::On },
            tls,
            prompt: Prompt::default(),
            alias: None,
            warnings: Vec::new(),
        };
        self.fill_passwords(&mut address, environment);
        Ok(address)
    }

    fn is(&self, name: &str, word: &str) -> bool {
        self.text(name) == Some(word)
    }

    fn session(&self) -> SessionAttrs {
        match self.text("target_session_attrs").unwrap_or_default() {
            "read-write" => SessionAttrs::ReadWrite,
            "read-only" => SessionAttrs::ReadOnly,
            "primary" => SessionAttrs::Primary,
            "standby" => SessionAttrs::Standby,
            "prefer-standby" => SessionAttrs::PreferStandby,
            _ => SessionAttrs::Any,
        }
    }

    fn channel_binding(&self) -> ChannelBinding {
        match self.text("channel_binding").unwrap_or_default() {
            "disable" => ChannelBinding::Disable,
            "require" => ChannelBinding::Require,
            _ => ChannelBinding::Prefer,
        }
    }

    fn timeout(&self) -> Result<Option<Duration>, AddressError> {
        let Some(given) = self.given("connect_timeout") else { return Ok(Some(DEFAULT_TIMEOUT)) };
        match given.value.trim().parse::<i32>() {
            Ok(seconds) => Ok(u64::try_from(seconds).ok().filter(|seconds| *seconds > 0).map(Duration::from_secs)),
            Err(_not_a_number) => Err(bad_value(given, "valid: whole seconds; 0 waits forever".to_owned())),
        }
    }

    fn hosts(&self, environment: &Environment) -> Result<Vec<Host>, AddressError> {
        let names = self.list("host");
        let ips = self.list("hostaddr");
        let count = if self.text("hostaddr").is_some() { ips.len() } else { names.len() };
        if self.text("host").is_some() && names.len() != count {
            return Err(AddressError::Conflict {
                what: format!(
                    "{} cannot be matched to {}",
                    counted(names.len(), "host", "hosts"),
                    counted(count, "hostaddr", "values of hostaddr")
                ),
                hint: "give one hostaddr for each host, in the same order".to_owned(),
            });
        }
        let ports = self.ports(count)?;
        let place = |index: usize, port: u16| {
            let part = |list: &[&str]| list.get(index).copied().unwrap_or_default().to_owned();
            self.place(&part(&names), &part(&ips), port, environment)
        };
        let host = |(index, port)| Ok(Host { place: place(index, port)?, port, password: None, password_from: None });
        ports.into_iter().enumerate().map(host).collect()
    }

    fn ports(&self, count: usize) -> Result<Vec<u16>, AddressError> {
        let Some(given) = self.given("port") else { return Ok(vec![DEFAULT_PORT; count]) };
        let parts = self.list("port");
        if parts.len() != 1 && parts.len() != count {
            return Err(AddressError::Conflict {
                what: format!(
                    "{} cannot be matched to {}",
                    counted(parts.len(), "port", "ports"),
                    counted(count, "host", "hosts")
                ),
                hint: "give one port for all hosts, or one for each, in the same order".to_owned(),
            });
        }
        let port = |part: &&str| match part.parse::<u16>() {
            _ if part.is_empty() => Ok(DEFAULT_PORT),
            Ok(port) if port > 0 => Ok(port),
            _ => {
                // Not quoted unless it is a number: with an unescaped slash it is the start of a password.
                let is_number = part.chars().all(|letter| letter.is_ascii_digit());
                let value = if is_number { (*part).to_owned() } else { "…".to_owned() };
                let is_apart = matches!(given.origin, ParameterOrigin::Flag(_) | ParameterOrigin::Variable(_));
                let valid = if is_apart { VALID_PORT } else { VALID_PORT_OF_URL }.to_owned();
                Err(AddressError::BadValue { origin: given.origin.clone(), keyword: "port", value, valid })
            }
        };
        match parts.iter().map(port).collect::<Result<Vec<_>, _>>()?.as_slice() {
            [one] => Ok(vec![*one; count]),
            all => Ok(all.to_vec()),
        }
    }

    fn place(&self, name: &str, ip: &str, port: u16, environment: &Environment) -> Result<HostAddress, AddressError> {
        let given_ip = self.given("hostaddr").filter(|_| !ip.is_empty());
        let ip = match given_ip {
            None => None,
            Some(given) => match ip.parse::<IpAddr>() {
                Ok(ip) => Some(ip),
                Err(_not_an_ip) => {
                    return Err(bad_value(given, "valid: IPv4 and IPv6 addresses; a name goes into host".to_owned()));
                }
            },
        };
        if let (true, None, Some(given)) = (name.starts_with('@'), ip, self.given("host")) {
            let hint = "use a folder, an address or a host name".to_owned();
            let keyword = "host in the abstract socket namespace";
            return Err(AddressError::Unsupported { origin: given.origin.clone(), keyword, hint });
        }
        Ok(match (name, ip) {
            ("", None) => HostAddress::Unix(default_socket_folder(port, environment)),
            ("", Some(ip)) => HostAddress::Ip(ip),
            (folder, None) if folder.starts_with('/') => HostAddress::Unix(PathBuf::from(folder)),
            (name, ip) => HostAddress::Name(name.to_owned(), ip),
        })
    }

    fn tls(&self, environment: &Environment) -> Result<Tls, AddressError> {
        let roots = match self.text("sslrootcert") {
            Some("system") => Roots::System,
            Some(path) => Roots::Named(environment.expand(path)),
            None => Roots::Default(environment.in_home(".postgresql/root.crt")),
        };
        let mode = self.ssl_mode(&roots)?;
        let negotiation = if self.is("sslnegotiation", "direct") { Negotiation::Direct } else { Negotiation::Postgres };
        if negotiation == Negotiation::Direct && mode < SslMode::Require {
            return Err(AddressError::Conflict {
                what: "sslnegotiation=direct needs TLS to be required".to_owned(),
                hint: "add sslmode=require, verify-ca or verify-full".to_owned(),
            });
        }
        let file = |name, default| match (self.text(name), environment.in_home(default)) {
            (Some(path), _) => File::Named(environment.expand(path)),
            (None, Some(path)) => File::Default(path),
            (None, None) => File::None,
        };
        let is_certificate_sent = !self.is("sslcertmode", "disable");
        let certificate = file("sslcert", ".postgresql/postgresql.crt");
        Ok(Tls {
            mode,
            negotiation,
            roots,
            certificate: if is_certificate_sent { certificate } else { File::None },
            key: file("sslkey", ".postgresql/postgresql.key"),
            revoked: file("sslcrl", ".postgresql/root.crl"),
            sni: if self.is("sslsni", "0") { Sni::Hidden } else { Sni::Sent },
            oldest: if self.is("ssl_min_protocol_version", "TLSv1.3") { TlsVersion::V13 } else { TlsVersion::V12 },
            newest: self.newest_tls()?,
        })
    }

    fn newest_tls(&self) -> Result<TlsVersion, AddressError> {
        match self.given("ssl_max_protocol_version") {
            Some(given) if matches!(given.value.as_str(), "TLSv1" | "TLSv1.1") => Err(AddressError::Unsupported {
                origin: given.origin.clone(),
                keyword: "TLS older than 1.2",
                hint: "use TLSv1.2 or TLSv1.3".to_owned(),
            }),
            Some(given) if given.value == "TLSv1.2" && self.is("ssl_min_protocol_version", "TLSv1.3") => {
                Err(AddressError::Conflict {
                    what: "ssl_min_protocol_version is newer than ssl_max_protocol_version".to_owned(),
                    hint: "exchange them".to_owned(),
                })
            }
            Some(given) if given.value == "TLSv1.2" => Ok(TlsVersion::V12),
            _ => Ok(TlsVersion::V13),
        }
    }

    fn ssl_mode(&self, roots: &Roots) -> Result<SslMode, AddressError> {
        let mode = match self.text("sslmode") {
            Some("disable") => SslMode::Disable,
            Some("allow") => SslMode::Allow,
            Some("require") => SslMode::Require,
            Some("verify-ca") => SslMode::VerifyCa,
            Some("verify-full") => SslMode::VerifyFull,
            None if *roots == Roots::System => SslMode::VerifyFull,
            _ => SslMode::Prefer,
        };
        if *roots == Roots::System && mode != SslMode::VerifyFull {
            let mode = self.text("sslmode").unwrap_or_default();
            return Err(AddressError::Conflict {
                what: format!("sslmode={mode} is too weak for sslrootcert=system"),
                hint: "anyone can get a certificate of a public authority: use sslmode=verify-full".to_owned(),
            });
        }
        Ok(mode)
    }

    fn fill_passwords(&self, address: &mut Address, environment: &Environment) {
        if let Some(given) = self.given("password") {
            let from = given.origin.to_string();
            for host in &mut address.hosts {
                host.password = Some(Password::new(given.value.clone()));
                host.password_from = Some(from.clone());
            }
            return;
        }
        let path = self.text("passfile").map(|path| environment.expand(path));
        let Some(path) = path.or_else(|| environment.in_home(".pgpass")) else { return };
        let file = PassFile::read(&environment.files, &path);
        for host in &mut address.hosts {
            let name = name_for_passfile(&host.place);
            let port = host.port.to_string();
            let wanted = PasswordKey { host: &name, port: &port, database: &address.database, user: &address.user };
            host.password = file.find(&wanted);
            host.password_from = host.password.is_some().then(|| path.display().to_string());
        }
        address.warnings.extend(file.warning);
    }
}

fn name_for_passfile(place: &HostAddress) -> String {
    match place {
        HostAddress::Unix(folder) if SOCKET_FOLDERS.iter().any(|default| folder == Path::new(default)) => {
            "localhost".to_owned()
        }
        HostAddress::Unix(folder) => folder.display().to_string(),
        HostAddress::Name(name, _) => name.clone(),
        HostAddress::Ip(ip) => ip.to_string(),
    }
}

/// Takes the first folder that has this server's socket, else the first that exists.
fn default_socket_folder(port: u16, environment: &Environment) -> PathBuf {
    let folders = SOCKET_FOLDERS.map(PathBuf::from);
    let has_socket = |folder: &&PathBuf| environment.files.exists(&socket_path(folder, port));
    let exists = |folder: &&PathBuf| environment.files.exists(folder);
    let found = folders.iter().find(has_socket).or_else(|| folders.iter().find(exists));
    found.or(folders.last()).cloned().unwrap_or_default()
}

/// The error of a value that is not taken.
pub(super) fn bad_value(given: &GivenParameter, valid: String) -> AddressError {
    AddressError::BadValue { origin: given.origin.clone(), keyword: given.name, value: given.value.clone(), valid }
}
