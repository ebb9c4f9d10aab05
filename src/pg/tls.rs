//! TLS with the six meanings of `sslmode`.
//!
//! What libpq checks is checked, with libpq's rules: `require` (and `prefer`, `allow`) check the chain if a root
//! certificate file is there; `verify-ca` always checks the chain; `verify-full` the name too, against the subject
//! alternative names, else the common name. Source: PostgreSQL manual 34.19; fe-secure-openssl.c, `initialize_SSL`.
//!
//! Files are read at each connection, so that a renewed certificate is taken without a restart.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion, version};
use thiserror::Error;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::{File, Negotiation, Roots, Sni, SslMode, Tls, TlsVersion};
use verify::{CertificateVerifier, Trust};

mod legacy;
mod names;
mod verify;

/// What is wrong with the certificates and keys on this side.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read the {role} {}", path.display())]
    Unreadable {
        /// What the file is for.
        role: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// `verify-ca` and `verify-full` have nothing to check against.
    #[error("there is no root certificate to check the server's certificate against")]
    NoRoots {
        /// The default file that is missing.
        path: Option<PathBuf>,
    },
    /// A file holds nothing of the kind it should.
    #[error("{} contains no {role} in PEM format", path.display())]
    Empty {
        /// What it should hold.
        role: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// There is a client certificate and no key for it.
    #[error("the client certificate {} has no private key", path.display())]
    NoKey {
        /// The certificate.
        path: PathBuf,
    },
    /// Others may read the private key.
    #[error("the private key {} is readable by others (mode {mode:04o})", path.display())]
    OpenKey {
        /// The key.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The private key is encrypted.
    #[error("the private key {} is encrypted", path.display())]
    EncryptedKey {
        /// The key.
        path: PathBuf,
    },
    /// `verify-full` without a host name.
    #[error("sslmode=verify-full needs a host name, and only an address was given")]
    NoName,
    /// The files do not fit together.
    #[error("the TLS settings cannot be used")]
    Settings(#[source] rustls::Error),
    /// The revocation list cannot be used.
    #[error("the certificate revocation list {} cannot be used", path.display())]
    Revocations {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rustls::client::VerifierBuilderError,
    },
}

impl TlsError {
    /// Returns what to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoRoots { path } => {
                let path = path.as_ref().map_or_else(|| "~/.postgresql/root.crt".into(), |path| path.to_string_lossy());
                format!(
                    "put the authority's certificate into {path}, name it with sslrootcert=FILE, or use the system's \
                     authorities with sslrootcert=system"
                )
            }
            Self::NoKey { .. } => "name the key with sslkey=FILE".to_owned(),
            Self::OpenKey { path, .. } => format!("chmod 0600 {} (0640 if root owns it)", path.display()),
            Self::EncryptedKey { path } => {
                format!(
                    "pgdj reads only unencrypted keys: openssl pkey -in {} -out KEY, chmod 0600 KEY, sslkey=KEY",
                    path.display()
                )
            }
            Self::NoName => "give the name in the server's certificate as host, in addition to hostaddr".to_owned(),
            Self::Unreadable { .. } | Self::Empty { .. } | Self::Settings(_) | Self::Revocations { .. } => return None,
        })
    }
}

/// What was made sure of about the server's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checked {
    /// Nothing: the connection is encrypted, whoever is at the other end.
    Nothing,
    /// A trusted authority signed it.
    Authority,
    /// A trusted authority signed it for this host.
    Host,
}

/// Makes TLS connections to one host.
#[derive(Clone)]
pub struct TlsConnector {
    /// The handshake.
    pub make: MakeRustlsConnect,
    /// What the handshake makes sure of.
    pub checked: Checked,
    /// The version the handshake ended with.
    pub version: verify::SeenVersion,
}

/// Prepares TLS for one host; `name` is the host's name, if it has one.
pub fn connector(tls: &Tls, name: Option<&str>) -> Result<TlsConnector, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let trust = trust(tls, &provider)?;
    let name = match (tls.mode, name) {
        (SslMode::VerifyFull, None) => return Err(TlsError::NoName),
        (SslMode::VerifyFull, Some(name)) => Some(name.to_owned()),
        _ => None,
    };
    let checked = match (&trust, &name) {
        (Trust::Nobody, _) => Checked::Nothing,
        (_, None) => Checked::Authority,
        (_, Some(_)) => Checked::Host,
    };
    let version = verify::SeenVersion::default();
    let algorithms = provider.signature_verification_algorithms;
    let verifier = CertificateVerifier { trust, name, algorithms, version: version.clone() };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&versions(tls))
        .map_err(TlsError::Settings)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match client_certificate(tls)? {
        Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(TlsError::Settings)?,
        None => builder.with_no_client_auth(),
    };
    config.enable_sni = tls.sni == Sni::Sent;
    // Each connection shows its certificate, so that each one is checked.
    config.resumption = rustls::client::Resumption::disabled();
    if tls.negotiation == Negotiation::Direct {
        config.alpn_protocols = vec![b"postgresql".to_vec()];
    }
    Ok(TlsConnector { make: MakeRustlsConnect::new(config), checked, version })
}

fn versions(tls: &Tls) -> Vec<&'static SupportedProtocolVersion> {
    let all = [(TlsVersion::V13, &version::TLS13), (TlsVersion::V12, &version::TLS12)];
    let is_spoken = |version: &TlsVersion| (tls.oldest..=tls.newest).contains(version);
    all.into_iter().filter(|(version, _)| is_spoken(version)).map(|(_, supported)| supported).collect()
}

fn trust(tls: &Tls, provider: &Arc<CryptoProvider>) -> Result<Trust, TlsError> {
    let (path, must_exist) = match &tls.roots {
        Roots::System => {
            let verifier = rustls_platform_verifier::Verifier::new(Arc::clone(provider)).map_err(TlsError::Settings)?;
            return Ok(Trust::System(Arc::new(verifier)));
        }
        Roots::Named(path) => (Some(path.as_path()), true),
        Roots::Default(path) => (path.as_deref(), false),
    };
    let pem = match path.map(|path| read(path, "root certificate", must_exist)) {
        Some(pem) => pem?,
        None => None,
    };
    match (pem, path) {
        (Some(pem), Some(path)) => authorities(&pem, path, tls, provider),
        _ if tls.mode >= SslMode::VerifyCa => Err(TlsError::NoRoots { path: path.map(Path::to_owned) }),
        _ => Ok(Trust::Nobody),
    }
}

fn authorities(pem: &[u8], path: &Path, tls: &Tls, provider: &Arc<CryptoProvider>) -> Result<Trust, TlsError> {
    let roots = certificates(pem, path, "certificate")?;
    let mut store = RootCertStore::empty();
    for root in &roots {
        store.add(root.clone()).map_err(TlsError::Settings)?;
    }
    let mut builder = WebPkiServerVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider));
    let mut revoked_by = path;
    if let Some((pem, path)) = named_file(&tls.revoked, "certificate revocation list")? {
        let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&pem).collect();
        let lists = lists.unwrap_or_default();
        if lists.is_empty() {
            return Err(TlsError::Empty { role: "certificate revocation list", path: path.to_owned() });
        }
        builder = builder.with_crls(lists).enforce_revocation_expiration();
        revoked_by = path;
    }
    let chain = builder.build().map_err(|source| TlsError::Revocations { path: revoked_by.to_owned(), source })?;
    Ok(Trust::Authorities { chain, roots, is_revocation_checked: revoked_by != path })
}

fn certificates(pem: &[u8], path: &Path, role: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(TlsError::Empty { role, path: path.to_owned() }),
    }
}

type ClientCertificate = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

fn client_certificate(tls: &Tls) -> Result<Option<ClientCertificate>, TlsError> {
    let Some((pem, path)) = named_file(&tls.certificate, "client certificate")? else { return Ok(None) };
    let chain = certificates(&pem, path, "certificate")?;
    let (File::Named(key_path) | File::Default(key_path)) = &tls.key else {
        return Err(TlsError::NoKey { path: path.to_owned() });
    };
    let Some(key) = read(key_path, "private key", matches!(tls.key, File::Named(_)))? else {
        return Err(TlsError::NoKey { path: path.to_owned() });
    };
    judge_permissions(key_path)?;
    if String::from_utf8_lossy(&key).contains("ENCRYPTED") {
        return Err(TlsError::EncryptedKey { path: key_path.clone() });
    }
    match PrivateKeyDer::from_pem_slice(&key) {
        Ok(key) => Ok(Some((chain, key))),
        Err(_not_a_key) => Err(TlsError::Empty { role: "private key", path: key_path.clone() }),
    }
}

/// Refuses a key that others may read. Source: fe-secure-openssl.c; manual 34.19.2.
fn judge_permissions(path: &Path) -> Result<(), TlsError> {
    let about = fs::metadata(path).map_err(|source| unreadable("private key", path, source))?;
    let mode = about.mode() & 0o777;
    let forbidden = if about.uid() == 0 { 0o037 } else { 0o077 };
    if mode & forbidden == 0 { Ok(()) } else { Err(TlsError::OpenKey { path: path.to_owned(), mode }) }
}

fn named_file<'a>(file: &'a File, role: &'static str) -> Result<Option<(Vec<u8>, &'a Path)>, TlsError> {
    let (path, must_exist) = match file {
        File::Named(path) => (path, true),
        File::Default(path) => (path, false),
        File::None => return Ok(None),
    };
    Ok(read(path, role, must_exist)?.map(|text| (text, path.as_path())))
}

/// Reads a file; one that is missing from its default place is `None`.
fn read(path: &Path, role: &'static str, must_exist: impl Into<MustExist>) -> Result<Option<Vec<u8>>, TlsError> {
    match fs::read(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if must_exist.into() == MustExist::No && is_missing(&error) => Ok(None),
        Err(source) => Err(unreadable(role, path, source)),
    }
}

/// Whether a file that is missing is an error.
#[derive(PartialEq, Eq)]
enum MustExist {
    Yes,
    No,
}

impl From<bool> for MustExist {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn unreadable(role: &'static str, path: &Path, source: io::Error) -> TlsError {
    TlsError::Unreadable { role, path: path.to_owned(), source }
}
