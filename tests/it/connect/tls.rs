//! The six modes of `sslmode`, beside psql where it is installed; client certificates; channel binding.

use std::path::Path;
use std::process::Command;

use pgdj::pg::private::ServerSetup;
use pgdj::pg::tls::Checked;
use tempfile::TempDir;

use super::certificates::{Authority, Signed, self_signed, write};
use super::servers::{PASSWORD, TlsServer, setup, with_tls, without_tls};
use super::{address, address_at, block_on, check_failure, failure_of, tls_host, works};
use crate::support::installed::{self, has_server};
use crate::support::leave_out;

const MODES: [&str; 6] = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/// What came of an attempt: `plain`, `nothing`, `authority`, `host` (what was checked), or `refused`.
fn outcome(home: &Path, target: &str) -> &'static str {
    match block_on(works(&address_at(home, target))) {
        Err(_) => "refused",
        Ok(connected) => match connected.reached.tls.map(|tls| tls.checked) {
            None => "plain",
            Some(Checked::Nothing) => "nothing",
            Some(Checked::Authority) => "authority",
            Some(Checked::Host) => "host",
        },
    }
}

/// What comes of it with psql: `plain`, `tls`, `refused`; `None` where it is not installed.
fn psqls_outcome(home: &Path, target: &str) -> Option<&'static str> {
    let sql = "select ssl from pg_catalog.pg_stat_ssl where pid = pg_catalog.pg_backend_pid()";
    let output = Command::new("psql")
        .args(["-X", "-w", "-A", "-t", "-c", sql, target])
        .env_clear()
        .env("PATH", std::env::var_os("PATH")?)
        .env("HOME", home)
        .output()
        .ok()?;
    Some(match String::from_utf8_lossy(&output.stdout).trim() {
        "t" => "tls",
        "f" => "plain",
        _ => "refused",
    })
}

/// Checks all six modes against one server, with the same home and settings.
fn check_modes(home: &Path, target: &str, expected: [&str; 6]) {
    for (mode, expected) in MODES.into_iter().zip(expected) {
        let target = format!("{target} user=postgres sslmode={mode}");
        assert_eq!(outcome(home, &target), expected, "{target}");
        let coarse = if matches!(expected, "plain" | "refused") { expected } else { "tls" };
        if let Some(psqls) = psqls_outcome(home, &target) {
            assert_eq!(psqls, coarse, "psql, {target}");
        }
    }
}

#[test]
fn the_six_modes_do_what_they_do_with_libpq() {
    if !has_server() {
        return;
    }
    let home = TempDir::new().unwrap();
    let server = with_tls();
    let right = write(home.path(), "right.crt", &server.authority.pem, 0o644);
    let wrong = write(home.path(), "wrong.crt", &Authority::new("another").pem, 0o644);
    let (right, wrong) = (format!("sslrootcert={}", right.display()), format!("sslrootcert={}", wrong.display()));
    let port = server.server.port();
    let here = tls_host("");
    let elsewhere = format!("host=other.example hostaddr=127.0.0.1 port={port} dbname=postgres");
    let without = format!("host=localhost hostaddr=127.0.0.1 port={} dbname=postgres", without_tls().port());
    let home = home.path();
    check_modes(home, &here, ["plain", "plain", "nothing", "nothing", "refused", "refused"]);
    check_modes(home, &format!("{here} {right}"), ["plain", "plain", "authority", "authority", "authority", "host"]);
    check_modes(home, &format!("{here} {wrong}"), ["plain", "plain", "plain", "refused", "refused", "refused"]);
    check_modes(
        home,
        &format!("{elsewhere} {right}"),
        ["plain", "plain", "authority", "authority", "authority", "refused"],
    );
    check_modes(home, &without, ["plain", "plain", "plain", "refused", "refused", "refused"]);
    check_modes(home, &format!("{without} {right}"), ["plain", "plain", "plain", "refused", "refused", "refused"]);
}

#[test]
fn a_root_certificate_in_the_usual_place_is_used() {
    if !has_server() {
        return;
    }
    let home = TempDir::new().unwrap();
    write(home.path(), ".postgresql/root.crt", &with_tls().authority.pem, 0o644);
    check_modes(home.path(), &tls_host(""), ["plain", "plain", "authority", "authority", "authority", "host"]);
    write(home.path(), ".postgresql/root.crt", &Authority::new("another").pem, 0o644);
    check_modes(home.path(), &tls_host(""), ["plain", "plain", "plain", "refused", "refused", "refused"]);
}

#[test]
fn allow_and_prefer_step_as_they_are_defined_to_and_say_so() {
    if !has_server() {
        return;
    }
    let home = TempDir::new().unwrap();
    let check = |role: &str, mode: &str, expected: &str| {
        let target = tls_host(&format!("user={role} sslmode={mode}"));
        assert_eq!(outcome(home.path(), &target), expected, "{target}");
    };
    check("only_tls", "allow", "nothing");
    check("only_tls", "disable", "refused");
    check("only_plain", "prefer", "plain");
    check("only_plain", "require", "refused");
    let stepped = block_on(works(&address(&tls_host("user=only_plain")))).unwrap().reached.stepped;
    assert!(stepped.as_ref().is_some_and(|words| words.contains("no pg_hba.conf entry")), "{stepped:?}");
    assert!(block_on(works(&address(&tls_host("user=postgres")))).unwrap().reached.stepped.is_none());
}

#[test]
fn a_refused_certificate_is_said_with_a_way_out() {
    if !has_server() {
        return;
    }
    let home = TempDir::new().unwrap();
    let right = write(home.path(), "right.crt", &with_tls().authority.pem, 0o644);
    let wrong = write(home.path(), "wrong.crt", &Authority::new("another").pem, 0o644);
    let (right, wrong) = (right.display(), wrong.display());
    check_failure(&tls_host("sslmode=verify-full"), &["no root certificate", "sslrootcert=system"]);
    check_failure(
        &tls_host(&format!("sslmode=verify-ca sslrootcert={wrong}")),
        &["no trusted authority signed it", "sslrootcert=FILE"],
    );
    let port = with_tls().server.port();
    check_failure(
        &format!("host=db.example hostaddr=127.0.0.1 port={port} sslmode=verify-full sslrootcert={right}"),
        &["it is for localhost, not for db.example", "connect by a name in the certificate"],
    );
    check_failure(
        &format!("hostaddr=127.0.0.1 port={port} sslmode=verify-full sslrootcert={right}"),
        &["needs a host name"],
    );
    check_failure(&tls_host("sslrootcert=system"), &["no trusted authority signed it"]);
    check_failure(&tls_host("sslmode=require sslrootcert=/none.crt"), &["cannot read the root certificate /none.crt"]);
    let junk = write(home.path(), "junk.crt", "not a certificate", 0o644);
    let junk = format!("sslmode=require sslrootcert={}", junk.display());
    check_failure(&tls_host(&junk), &["contains no certificate in PEM format"]);
    let plain = format!("host=127.0.0.1 port={} sslmode=require", without_tls().port());
    check_failure(&plain, &["the server does not speak TLS, and sslmode requires it", "sslmode=prefer"]);
}

#[test]
fn unusual_certificates_are_judged_as_libpq_does() {
    if !has_server() {
        return;
    }
    let home = TempDir::new().unwrap();
    let server = TlsServer::start();
    let root = write(home.path(), "root.crt", &server.authority.pem, 0o644);
    let target = |root: &Path| {
        let port = server.server.port();
        format!("host=localhost hostaddr=127.0.0.1 port={port} dbname=postgres sslrootcert={}", root.display())
    };
    let trusted = ["plain", "plain", "authority", "authority", "authority", "host"];
    let unnamed = ["plain", "plain", "authority", "authority", "authority", "refused"];
    let refused = ["plain", "plain", "plain", "refused", "refused", "refused"];

    server.show(&server.authority.sign(&[], "localhost"), "common_name");
    check_modes(home.path(), &target(&root), trusted);
    server.show(&server.authority.sign(&["other"], "localhost"), "alternative_name_first");
    check_modes(home.path(), &target(&root), unnamed);
    server.show(&server.authority.sign(&["127.0.0.1"], "x"), "address");
    let by_address = target(&root).replace("host=localhost hostaddr=", "host=");
    check_modes(home.path(), &by_address, trusted);

    let expired = server.authority.sign_with(&["localhost"], "x", |params| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    });
    server.show(&expired, "expired");
    check_modes(home.path(), &target(&root), refused);
    let text = failure_of(&address(&format!("{} sslmode=verify-ca", target(&root))));
    assert!(text.contains("it has expired"), "{text}");

    let own = self_signed("localhost");
    let own_root = write(home.path(), "own.crt", &own.certificate, 0o644);
    server.show(&own, "self_signed");
    check_modes(home.path(), &target(&own_root), trusted);
    check_modes(home.path(), &target(&root), refused);

    // Made by the commands of PostgreSQL's manual with OpenSSL 3.0: X.509 version 1, no extensions.
    let old = Signed {
        certificate: include_str!("fixtures/old-server.crt").to_owned(),
        key: include_str!("fixtures/old-server.key").to_owned(),
    };
    let old_root = write(home.path(), "old.crt", include_str!("fixtures/old-ca.crt"), 0o644);
    server.show(&old, "version_1");
    check_modes(home.path(), &target(&old_root), trusted);
    check_modes(home.path(), &target(&root), refused);
    for version in ["TLSv1.2", "TLSv1.3"] {
        let target = format!(
            "{} sslmode=verify-full ssl_min_protocol_version={version} ssl_max_protocol_version={version}",
            target(&old_root)
        );
        assert_eq!(outcome(home.path(), &target), "host", "{version}");
    }
}

#[test]
fn a_revoked_certificate_is_refused() {
    if !has_server() {
        return;
    }
    let home = TempDir::new().unwrap();
    let server = TlsServer::start();
    let numbered = |serial: u64| {
        server.authority.sign_with(&["localhost"], "x", |params| params.serial_number = Some(serial.into()))
    };
    let root = write(home.path(), "root.crt", &server.authority.pem, 0o644);
    let list = write(home.path(), "root.crl", &server.authority.revoke(7), 0o644);
    let target = |list: &Path| {
        let port = server.server.port();
        let (root, list) = (root.display(), list.display());
        format!("host=localhost hostaddr=127.0.0.1 port={port} dbname=postgres sslrootcert={root} sslcrl={list}")
    };
    server.show(&numbered(8), "good");
    check_modes(home.path(), &target(&list), ["plain", "plain", "authority", "authority", "authority", "host"]);
    server.show(&numbered(7), "revoked");
    check_modes(home.path(), &target(&list), ["plain", "plain", "plain", "refused", "refused", "refused"]);
    let text = failure_of(&address(&format!("{} sslmode=verify-ca", target(&list))));
    assert!(text.contains("it was revoked"), "{text}");
    let junk = write(home.path(), "junk.crl", "nothing", 0o644);
    check_failure(
        &format!("{} sslmode=verify-ca", target(&junk)),
        &["contains no certificate revocation list in PEM format"],
    );
}

#[test]
fn tls_from_the_first_byte_is_spoken_with_17_and_newer() {
    if !has_server() {
        return;
    }
    let home = TempDir::new().unwrap();
    let direct = |port: u16| {
        let target = format!("host=localhost hostaddr=127.0.0.1 port={port} dbname=postgres");
        outcome(home.path(), &format!("{target} sslmode=require sslnegotiation=direct connect_timeout=5"))
    };
    assert_eq!(direct(without_tls().port()), "refused", "a server without TLS");
    for major in [16, 17, 18] {
        let Some(found) = installed::all().iter().find(|it| it.major == major) else {
            leave_out(&format!("TLS from the first byte with PostgreSQL {major} (tests/run fetches it)"));
            continue;
        };
        let server = TlsServer::start_with(&ServerSetup { bin: found.bin.clone(), ..setup() });
        assert_eq!(direct(server.server.port()), if major >= 17 { "nothing" } else { "refused" }, "{major}");
    }
}

#[test]
fn a_client_certificate_logs_in_and_its_key_must_be_private() {
    if !has_server() {
        return;
    }
    let home = TempDir::new().unwrap();
    let server = with_tls();
    let client = server.authority.sign(&[], "by_certificate");
    let certificate = write(home.path(), "client.crt", &client.certificate, 0o644);
    let key = write(home.path(), "client.key", &client.key, 0o600);
    let with = |certificate: &Path, key: &Path| {
        let (certificate, key) = (certificate.display(), key.display());
        tls_host(&format!("user=by_certificate sslmode=require sslcert={certificate} sslkey={key}"))
    };
    assert_eq!(outcome(home.path(), &with(&certificate, &key)), "nothing");

    let none = tls_host("user=by_certificate sslmode=require");
    check_failure(&none, &["certificate", "name a client certificate with sslcert=FILE"]);
    let open = write(home.path(), "open.key", &client.key, 0o644);
    check_failure(&with(&certificate, &open), &["is readable by others (mode 0644)", "chmod 0600"]);
    check_failure(&with(&certificate, Path::new("/none.key")), &["cannot read the private key /none.key"]);
    check_failure(&with(Path::new("/none.crt"), &key), &["cannot read the client certificate /none.crt"]);
    let locked = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let locked = write(home.path(), "locked.key", locked, 0o600);
    check_failure(&with(&certificate, &locked), &["is encrypted", "openssl pkey"]);
    let stranger = Authority::new("another").sign(&[], "by_certificate");
    let strange = write(home.path(), "strange.crt", &stranger.certificate, 0o644);
    let strange_key = write(home.path(), "strange.key", &stranger.key, 0o600);
    check_failure(&with(&strange, &strange_key), &["does not trust the client certificate"]);
    check_failure(&with(&certificate, &strange_key), &["the TLS settings cannot be used"]);

    write(home.path(), ".postgresql/postgresql.crt", &client.certificate, 0o644);
    write(home.path(), ".postgresql/postgresql.key", &client.key, 0o600);
    assert_eq!(outcome(home.path(), &none), "nothing", "the usual places are looked at");
    assert_eq!(outcome(home.path(), &format!("{none} sslcertmode=disable")), "refused");
}

#[test]
fn authentication_is_bound_to_the_tls_connection() {
    if !has_server() {
        return;
    }
    let home = TempDir::new().unwrap();
    let check = |rest: &str, expected: &str| {
        let target = tls_host(&format!("user=by_scram password={PASSWORD} {rest}"));
        assert_eq!(outcome(home.path(), &target), expected, "{target}");
        if let Some(psqls) = psqls_outcome(home.path(), &target) {
            let coarse = if expected == "nothing" { "tls" } else { expected };
            assert_eq!(psqls, coarse, "psql, {target}");
        }
    };
    check("sslmode=require channel_binding=require", "nothing");
    check("sslmode=require channel_binding=disable", "nothing");
    check("sslmode=disable channel_binding=prefer", "plain");
    check("sslmode=disable channel_binding=require", "refused");
    for role in ["by_md5", "by_word"] {
        let target = tls_host(&format!("user={role} password={PASSWORD} sslmode=require channel_binding=require"));
        check_failure(&target, &["channel binding", "channel_binding=prefer also works without"]);
    }
}
