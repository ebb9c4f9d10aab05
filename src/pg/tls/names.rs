//! Whether a certificate is for a host, by libpq's rules.
//!
//! Source: PostgreSQL manual 34.19.1; fe-secure-openssl.c, `pgtls_verify_peer_name_matches_certificate_guts`.

use std::net::IpAddr;

use rustls::pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

/// The names in a certificate.
#[derive(Debug, Default)]
pub(super) struct CertificateNames {
    hosts: Vec<String>,
    addresses: Vec<Vec<u8>>,
    common: Option<String>,
}

/// Reads the names in a certificate; `None` if it cannot be read.
pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<CertificateNames> {
    let certificate = Certificate::from_der(certificate).ok()?;
    let body = certificate.tbs_certificate();
    let mut names = CertificateNames::default();
    for name in body.get_extension::<SubjectAltName>().ok()?.map(|(_, names)| names.0).unwrap_or_default() {
        match name {
            GeneralName::DnsName(host) => names.hosts.push(host.as_str().to_owned()),
            GeneralName::IpAddress(address) => names.addresses.push(address.as_bytes().to_vec()),
            _ => {}
        }
    }
    names.common = body.subject().common_name().ok().flatten().map(|name| name.value().into_owned());
    Some(names)
}

impl CertificateNames {
    /// Returns whether the certificate is for this host name or address.
    pub(super) fn is_for(&self, host: &str) -> bool {
        let Ok(address) = host.parse::<IpAddr>() else {
            return match (self.hosts.is_empty(), &self.common) {
                (false, _) => self.hosts.iter().any(|pattern| matches(pattern, host)),
                (true, Some(common)) => matches(common, host),
                (true, None) => false,
            };
        };
        let octets = match address {
            IpAddr::V4(address) => address.octets().to_vec(),
            IpAddr::V6(address) => address.octets().to_vec(),
        };
        if self.addresses.contains(&octets) || self.hosts.iter().any(|name| name == host) {
            return true;
        }
        self.addresses.is_empty() && self.common.as_deref() == Some(host)
    }

    /// Returns the names as they are written, for a message.
    pub(super) fn in_words(&self) -> Vec<String> {
        let address = |octets: &Vec<u8>| {
            let v4 = <[u8; 4]>::try_from(octets.as_slice()).map(IpAddr::from);
            let v6 = || <[u8; 16]>::try_from(octets.as_slice()).map(IpAddr::from);
            v4.or_else(|_| v6()).map(|ip| ip.to_string()).ok()
        };
        let alternative: Vec<String> =
            self.hosts.iter().cloned().chain(self.addresses.iter().filter_map(address)).collect();
        if alternative.is_empty() { self.common.iter().cloned().collect() } else { alternative }
    }
}

/// Compares without case; a leading `*.` stands for one label, and not for the only one.
fn matches(pattern: &str, host: &str) -> bool {
    if pattern.contains('\0') {
        return false;
    }
    if pattern.eq_ignore_ascii_case(host) {
        return true;
    }
    let Some(suffix) = pattern.strip_prefix('*').filter(|suffix| suffix.len() > 1 && suffix.starts_with('.')) else {
        return false;
    };
    let Some(dot) = host.find('.').filter(|dot| *dot > 0) else { return false };
    host.get(dot..).is_some_and(|rest| rest.eq_ignore_ascii_case(suffix))
}

#[cfg(test)]
mod tests {
    use super::{CertificateNames, matches};

    #[test]
    fn a_star_stands_for_one_label() {
        let check = |pattern, host, expected| assert_eq!(matches(pattern, host), expected, "{pattern} {host}");
        check("db.example.com", "DB.example.com", true);
        check("*.example.com", "db.example.com", true);
        check("*.example.com", "a.db.example.com", false);
        check("*.example.com", "example.com", false);
        check("*.example.com", ".example.com", false);
        check("*", "localhost", false);
        check("*example.com", "xexample.com", false);
        check("d*.example.com", "db.example.com", false);
        check("db\0.evil", "db", false);
    }

    #[test]
    fn the_common_name_counts_only_without_alternative_names() {
        let names = |hosts: &[&str], addresses: &[&[u8]], common: Option<&str>| CertificateNames {
            hosts: hosts.iter().map(|name| (*name).to_owned()).collect(),
            addresses: addresses.iter().map(|octets| octets.to_vec()).collect(),
            common: common.map(str::to_owned),
        };
        assert!(names(&[], &[], Some("db")).is_for("db"));
        assert!(!names(&["other"], &[], Some("db")).is_for("db"));
        assert!(names(&[], &[&[127, 0, 0, 1]], Some("db")).is_for("db"));
        assert!(names(&[], &[&[127, 0, 0, 1]], None).is_for("127.0.0.1"));
        assert!(!names(&[], &[&[127, 0, 0, 2]], Some("127.0.0.1")).is_for("127.0.0.1"));
        assert!(names(&["127.0.0.1"], &[], None).is_for("127.0.0.1"));
        assert!(names(&["x"], &[], Some("127.0.0.1")).is_for("127.0.0.1"));
        assert!(!names(&["*.0.0.1"], &[], None).is_for("127.0.0.1"));
        assert_eq!(names(&["a"], &[&[10, 0, 0, 1]], Some("c")).in_words(), ["a", "10.0.0.1"]);
        assert_eq!(names(&[], &[], Some("c")).in_words(), ["c"]);
    }
}
