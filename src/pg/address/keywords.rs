//! The connection parameters libpq knows, the variables they come from, and the words they take.
//!
//! Source: PostgreSQL manual 34.1.2 "Parameter Key Words" and 34.15 "Environment Variables" (18).

use super::nearest::nearest;

/// A connection parameter of libpq.
#[derive(Debug)]
pub(super) struct Keyword {
    /// Its name in a conninfo.
    pub(super) name: &'static str,
    /// The environment variable that sets it.
    pub(super) variable: Option<&'static str>,
    /// The words it takes; empty if it takes any text.
    pub(super) words: &'static [&'static str],
    /// What pgdj does with it.
    pub(super) use_: Use,
}

/// What pgdj does with a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// It is honoured.
    Honoured,
    /// It changes nothing that matters here, and is accepted in silence.
    Idle,
    /// It promises a protection that pgdj cannot give, so only this value (or none) is accepted.
    Only(&'static [&'static str]),
}

use Use::{Honoured, Idle, Only};

const fn keyword(name: &'static str, variable: Option<&'static str>, words: &'static [&'static str]) -> Keyword {
    Keyword { name, variable, words, use_: Honoured }
}

const fn idle(name: &'static str, variable: Option<&'static str>) -> Keyword {
    Keyword { name, variable, words: &[], use_: Idle }
}

const fn only(name: &'static str, variable: Option<&'static str>, values: &'static [&'static str]) -> Keyword {
    Keyword { name, variable, words: &[], use_: Only(values) }
}

/// The words of `sslmode`.
pub(super) const SSLMODES: &[&str] = &["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];
/// The words of `target_session_attrs`.
pub(super) const SESSION_ATTRS: &[&str] = &["any", "read-write", "read-only", "primary", "standby", "prefer-standby"];
const CHANNEL_BINDINGS: &[&str] = &["disable", "prefer", "require"];
const TLS_VERSIONS: &[&str] = &["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"];

/// Every parameter, in libpq's order (src/interfaces/libpq/fe-connect.c, `PQconninfoOptions`).
pub(super) static KEYWORDS: &[Keyword] = &[
    keyword("service", Some("PGSERVICE"), &[]),
    keyword("servicefile", Some("PGSERVICEFILE"), &[]),
    keyword("user", Some("PGUSER"), &[]),
    keyword("password", Some("PGPASSWORD"), &[]),
    keyword("passfile", Some("PGPASSFILE"), &[]),
    keyword("channel_binding", Some("PGCHANNELBINDING"), CHANNEL_BINDINGS),
    keyword("connect_timeout", Some("PGCONNECT_TIMEOUT"), &[]),
    keyword("dbname", Some("PGDATABASE"), &[]),
    keyword("host", Some("PGHOST"), &[]),
    keyword("hostaddr", Some("PGHOSTADDR"), &[]),
    keyword("port", Some("PGPORT"), &[]),
    // The connection always speaks UTF-8.
    idle("client_encoding", Some("PGCLIENTENCODING")),
    keyword("options", Some("PGOPTIONS"), &[]),
    keyword("application_name", Some("PGAPPNAME"), &[]),
    keyword("fallback_application_name", None, &[]),
    keyword("keepalives", None, &["0", "1"]),
    idle("keepalives_idle", None),
    idle("keepalives_interval", None),
    idle("keepalives_count", None),
    idle("tcp_user_timeout", None),
    keyword("sslmode", Some("PGSSLMODE"), SSLMODES),
    keyword("sslnegotiation", Some("PGSSLNEGOTIATION"), &["postgres", "direct"]),
    idle("sslcompression", Some("PGSSLCOMPRESSION")),
    keyword("sslcert", Some("PGSSLCERT"), &[]),
    keyword("sslkey", Some("PGSSLKEY"), &[]),
    only("sslcertmode", Some("PGSSLCERTMODE"), &["allow", "disable"]),
    only("sslpassword", None, &[]),
    keyword("sslrootcert", Some("PGSSLROOTCERT"), &[]),
    keyword("sslcrl", Some("PGSSLCRL"), &[]),
    only("sslcrldir", Some("PGSSLCRLDIR"), &[]),
    keyword("sslsni", Some("PGSSLSNI"), &["0", "1"]),
    only("requirepeer", Some("PGREQUIREPEER"), &[]),
    only("require_auth", Some("PGREQUIREAUTH"), &[]),
    idle("min_protocol_version", Some("PGMINPROTOCOLVERSION")),
    idle("max_protocol_version", Some("PGMAXPROTOCOLVERSION")),
    keyword("ssl_min_protocol_version", Some("PGSSLMINPROTOCOLVERSION"), TLS_VERSIONS),
    keyword("ssl_max_protocol_version", Some("PGSSLMAXPROTOCOLVERSION"), TLS_VERSIONS),
    only("gssencmode", Some("PGGSSENCMODE"), &["disable", "prefer"]),
    idle("krbsrvname", Some("PGKRBSRVNAME")),
    idle("gsslib", Some("PGGSSLIB")),
    idle("gssdelegation", Some("PGGSSDELEGATION")),
    only("replication", None, &["false", "off", "no", "0"]),
    keyword("target_session_attrs", Some("PGTARGETSESSIONATTRS"), SESSION_ATTRS),
    keyword("load_balance_hosts", Some("PGLOADBALANCEHOSTS"), &["disable", "random"]),
    idle("scram_client_key", None),
    idle("scram_server_key", None),
    idle("sslkeylogfile", None),
];

/// Finds a parameter by its name in a conninfo.
pub(super) fn find(name: &str) -> Option<&'static Keyword> {
    KEYWORDS.iter().find(|keyword| keyword.name == name)
}

/// Returns the parameter's name nearest to a mistyped one.
pub(super) fn near(name: &str) -> Option<&'static str> {
    nearest(name, KEYWORDS.iter().map(|keyword| keyword.name))
}

#[cfg(test)]
mod tests {
    use super::{KEYWORDS, find, near};

    #[test]
    fn every_name_is_known_once() {
        for keyword in KEYWORDS {
            assert_eq!(KEYWORDS.iter().filter(|other| other.name == keyword.name).count(), 1, "{}", keyword.name);
            assert!(find(keyword.name).is_some());
        }
    }

    #[test]
    fn a_mistyped_parameter_finds_its_neighbour() {
        assert_eq!(near("dbnam"), Some("dbname"));
        assert_eq!(near("ssl_mode"), Some("sslmode"));
        assert_eq!(near("username"), None);
    }
}
