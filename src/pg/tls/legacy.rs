//! Certificates that OpenSSL, and so libpq, takes and that rustls' own checks refuse.
//!
//! Two kinds are common in front of PostgreSQL: the server's own self-signed certificate used as `sslrootcert`, and a
//! certificate of X.509 version 1, which the commands of PostgreSQL's manual (18.9.5) make with OpenSSL before 3.2.
//! Both are judged here, strictly: the very same certificate, or one signed directly by a trusted authority, in time.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error};
use x509_cert::Certificate;
use x509_cert::certificate::Version;
use x509_cert::der::{Decode as _, Encode as _};
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

/// Judges a certificate that rustls refused: `Err(None)` leaves its refusal as it is.
pub(super) fn is_trusted(
    certificate: &CertificateDer<'_>,
    roots: &[CertificateDer<'static>],
    algorithms: &WebPkiSupportedAlgorithms,
    now: UnixTime,
) -> Result<(), Option<Error>> {
    let parsed = Certificate::from_der(certificate).map_err(|_unreadable| None)?;
    let is_root = roots.iter().any(|root| root.as_ref() == certificate.as_ref());
    let is_signed = || {
        parsed.tbs_certificate().version() == Version::V1
            && roots.iter().filter_map(|root| Certificate::from_der(root).ok()).any(|root| {
                root.tbs_certificate().subject() == parsed.tbs_certificate().issuer()
                    && is_signed_by(&parsed, root.tbs_certificate().subject_public_key_info(), algorithms)
            })
    };
    if !is_root && !is_signed() {
        return Err(None);
    }
    let validity = parsed.tbs_certificate().validity();
    let now = now.as_secs();
    if now < validity.not_before.to_unix_duration().as_secs() {
        return Err(Some(Error::InvalidCertificate(CertificateError::NotValidYet)));
    }
    if now > validity.not_after.to_unix_duration().as_secs() {
        return Err(Some(Error::InvalidCertificate(CertificateError::Expired)));
    }
    Ok(())
}

/// Checks the signature of a handshake made with the key of a version 1 certificate.
pub(super) fn verify_handshake(
    message: &[u8],
    certificate: &CertificateDer<'_>,
    signed: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Option<HandshakeSignatureValid> {
    let certificate = Certificate::from_der(certificate).ok()?;
    if certificate.tbs_certificate().version() != Version::V1 {
        return None;
    }
    let key = certificate.tbs_certificate().subject_public_key_info();
    let (_, candidates) = algorithms.mapping.iter().find(|(scheme, _)| *scheme == signed.scheme)?;
    is_valid(candidates, key, message, signed.signature()).then(HandshakeSignatureValid::assertion)
}

fn is_signed_by(
    certificate: &Certificate,
    key: &SubjectPublicKeyInfoOwned,
    algorithms: &WebPkiSupportedAlgorithms,
) -> bool {
    let Ok(message) = certificate.tbs_certificate().to_der() else { return false };
    let Some(algorithm) = without_header(certificate.signature_algorithm()) else { return false };
    let candidates: Vec<_> =
        algorithms.all.iter().copied().filter(|one| one.signature_alg_id().as_ref() == algorithm).collect();
    is_valid(&candidates, key, &message, certificate.signature().raw_bytes())
}

fn is_valid(
    candidates: &[&'static dyn SignatureVerificationAlgorithm],
    key: &SubjectPublicKeyInfoOwned,
    message: &[u8],
    signature: &[u8],
) -> bool {
    let Some(kind) = without_header(&key.algorithm) else { return false };
    let bits = key.subject_public_key.raw_bytes();
    candidates
        .iter()
        .filter(|candidate| candidate.public_key_alg_id().as_ref() == kind)
        .any(|candidate| candidate.verify_signature(bits, message, signature).is_ok())
}

/// Encodes an algorithm without the header of its sequence, as the verification algorithms name theirs.
fn without_header(algorithm: &AlgorithmIdentifierOwned) -> Option<Vec<u8>> {
    let encoded = algorithm.to_der().ok()?;
    // An algorithm's name is shorter than 128 bytes: its header is two bytes long.
    encoded.get(1).filter(|length| **length < 128)?;
    encoded.get(2..).map(<[u8]>::to_vec)
}
