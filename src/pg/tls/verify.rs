//! The judge of the server's certificate.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, SignatureScheme};

use super::super::address::TlsVersion;
use super::{legacy, names};

/// The version of TLS a handshake ended with; `None` before the end of the first one.
#[derive(Debug, Clone, Default)]
pub struct SeenVersion(Arc<AtomicU8>);

impl SeenVersion {
    /// Returns the version.
    pub fn get(&self) -> Option<TlsVersion> {
        match self.0.load(Ordering::Relaxed) {
            12 => Some(TlsVersion::V12),
            13 => Some(TlsVersion::V13),
            _ => None,
        }
    }
}

/// Whom to believe.
#[derive(Debug)]
pub(super) enum Trust {
    /// Nobody is asked: any certificate will do.
    Nobody,
    /// The system's authorities.
    System(Arc<rustls_platform_verifier::Verifier>),
    /// The authorities of a file.
    Authorities {
        /// Checks the chain, and a name, which is not asked for here.
        chain: Arc<WebPkiServerVerifier>,
        /// The authorities themselves.
        roots: Vec<CertificateDer<'static>>,
        /// Whether a revocation list is given.
        is_revocation_checked: bool,
    },
}

/// Judges the server's certificate as libpq with OpenSSL would.
#[derive(Debug)]
pub(super) struct CertificateVerifier {
    /// Whom to believe.
    pub(super) trust: Trust,
    /// The host's name, if the certificate must be for it.
    pub(super) name: Option<String>,
    /// The signatures that are understood.
    pub(super) algorithms: WebPkiSupportedAlgorithms,
    /// Takes down the version of TLS.
    pub(super) version: SeenVersion,
}

impl ServerCertVerifier for CertificateVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let checked = match &self.trust {
            Trust::Nobody => return Ok(ServerCertVerified::assertion()),
            Trust::System(system) => system.verify_server_cert(certificate, intermediates, server_name, ocsp, now),
            Trust::Authorities { chain, .. } => {
                chain.verify_server_cert(certificate, intermediates, server_name, ocsp, now)
            }
        };
        match (checked, &self.trust) {
            (Ok(_), _) => {}
            // The chain is checked before the name, which is judged below by libpq's own rules.
            (Err(Error::InvalidCertificate(error)), _) if is_about_name(&error) => {}
            (Err(error), Trust::Authorities { roots, is_revocation_checked: false, .. }) => {
                legacy::is_trusted(certificate, roots, &self.algorithms, now)
                    .map_err(|other| other.unwrap_or(error))?;
            }
            (Err(error), _) => return Err(error),
        }
        self.judge_name(certificate, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.version.0.store(12, Ordering::Relaxed);
        match verify_tls12_signature(message, certificate, signed, &self.algorithms) {
            Err(error @ Error::InvalidCertificate(_)) => {
                legacy::verify_handshake(message, certificate, signed, &self.algorithms).ok_or(error)
            }
            judged => judged,
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.version.0.store(13, Ordering::Relaxed);
        match verify_tls13_signature(message, certificate, signed, &self.algorithms) {
            Err(error @ Error::InvalidCertificate(_)) => {
                legacy::verify_handshake(message, certificate, signed, &self.algorithms).ok_or(error)
            }
            judged => judged,
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

impl CertificateVerifier {
    fn judge_name(&self, certificate: &CertificateDer<'_>, server_name: &ServerName<'_>) -> Result<(), Error> {
        let Some(name) = &self.name else { return Ok(()) };
        let Some(presented) = names::of(certificate) else {
            return Err(Error::InvalidCertificate(CertificateError::BadEncoding));
        };
        if presented.is_for(name) {
            return Ok(());
        }
        Err(Error::InvalidCertificate(CertificateError::NotValidForNameContext {
            expected: server_name.to_owned(),
            presented: presented.in_words(),
        }))
    }
}

fn is_about_name(error: &CertificateError) -> bool {
    matches!(error, CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. })
}
