use std::path::PathBuf;
use std::time::Duration;

use super::super::{Address, Environment, Files, HostAddress, Password, Prompt, Roots, SslMode};
use super::{AddressRequest, Alias, ConnectionFlags, is_left_open, resolve};

const SERVICES: &str = "[prod]\nhost=svc\nport=6000\nuser=svcuser\npassword=svcpass\nsslmode=require\n[bad]\nport=x\n";
const PASSFILE: &str = "db1:5432:shop:app:one\ndb2:*:*:*:two\nlocalhost:*:*:*:local\n10.0.0.1:*:*:*:ip\n";

fn environment(vars: &[(&str, &str)]) -> Environment {
    let file = |path: &str, text: &str, mode| (PathBuf::from(path), (text.to_owned(), mode));
    Environment {
        vars: vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        home: Some(PathBuf::from("/h")),
        user: Some("me".to_owned()),
        files: Files::Given(
            [
                file("/h/.pgpass", PASSFILE, 0o600),
                file("/h/open", "*:*:*:*:open", 0o644),
                file("/h/.pg_service.conf", SERVICES, 0o644),
                file("/var/run/postgresql/.s.PGSQL.5432", "", 0o777),
                file("/tmp/.s.PGSQL.5433", "", 0o777),
            ]
            .into(),
        ),
    }
}

fn aliases() -> Vec<Alias> {
    let parameter = |key: &str, value: &str, line| (key.to_owned(), value.to_owned(), line);
    let alias = |name: &str, parameters| Alias { name: name.to_owned(), parameters, file: PathBuf::from("/c.toml") };
    vec![
        alias("live", vec![parameter("user", "boss", 2), parameter("url", "postgres://app@db1/shop", 3)]),
        alias("viaservice", vec![parameter("service", "prod", 6)]),
        alias("wrong", vec![parameter("hots", "x", 9)]),
    ]
}

fn with(flags: ConnectionFlags<'_>, target: Option<&str>, vars: &[(&str, &str)]) -> Result<Address, String> {
    let aliases = aliases();
    let request = AddressRequest { target, flags, prompt: Prompt::IfNeeded, aliases: &aliases };
    resolve(&request, &environment(vars)).map_err(|error| match error.hint() {
        Some(hint) => format!("{error} | {hint}"),
        None => error.to_string(),
    })
}

fn shown(address: &Result<Address, String>) -> String {
    match address {
        Ok(address) => address.to_string(),
        Err(error) => error.clone(),
    }
}

/// Resolves a TARGET (empty: none) under variables, and shows the address.
fn check(target: &str, vars: &[(&str, &str)], expected: &str) {
    let address = with(ConnectionFlags::default(), Some(target).filter(|target| !target.is_empty()), vars);
    assert_eq!(shown(&address), expected, "{target} {vars:?}");
}

#[test]
fn a_target_is_a_url_a_conninfo_an_alias_or_a_service() {
    check("postgres://app@db1:6/shop", &[], "app@db1:6/shop");
    check("host=db1 dbname=shop", &[], "me@db1:5432/shop");
    check("live", &[], "boss@db1:5432/shop");
    check("viaservice", &[], "svcuser@svc:6000/svcuser");
    check("prod", &[], "svcuser@svc:6000/svcuser");
    check("service=prod host=x", &[], "svcuser@x:6000/svcuser");
    check("", &[], "me@/var/run/postgresql/.s.PGSQL.5432 me");
    check("port=5433", &[], "me@/tmp/.s.PGSQL.5433 me");
    check("port=9", &[], "me@/var/run/postgresql/.s.PGSQL.9 me");
    check("host=::1", &[], "me@[::1]:5432/me");
}

#[test]
fn flags_win_over_target_over_service_over_environment() {
    let vars = [("PGHOST", "env"), ("PGPORT", "1"), ("PGUSER", "envuser"), ("PGDATABASE", "envdb")];
    check("", &vars, "envuser@env:1/envdb");
    check("host=t", &vars, "envuser@t:1/envdb");
    check("service=prod", &vars, "svcuser@svc:6000/envdb");
    let flags = ConnectionFlags { host: Some("f"), port: Some("2"), user: Some("fu"), database: Some("fd") };
    assert_eq!(shown(&with(flags, Some("postgres://a@b:3/c"), &vars)), "fu@f:2/fd");
    let flags =
        ConnectionFlags { database: Some("postgres://a@b:3/c"), user: Some("fu"), ..ConnectionFlags::default() };
    assert_eq!(shown(&with(flags, None, &vars)), "fu@b:3/c");
    let shown = shown(&with(flags, Some("host=t"), &[]));
    assert!(shown.starts_with("TARGET and -d both say where to connect"), "{shown}");
    check("", &[("PGSERVICE", "prod")], "svcuser@svc:6000/svcuser");
    check("host=", &[("PGHOST", "env")], "me@/var/run/postgresql/.s.PGSQL.5432 me");
}

#[test]
fn database_url_stands_in_only_where_nothing_else_says_where() {
    let url = ("DATABASE_URL", "postgis://app:s3cret@db9/shop?conn_max_age=600");
    check("", &[url], "app@db9:5432/shop");
    check("", &[url, ("PGUSER", "x"), ("PGSSLMODE", "require")], "app@db9:5432/shop");
    check("", &[url, ("PGHOST", "env")], "me@env:5432/me");
    check("", &[url, ("PGSERVICE", "prod")], "svcuser@svc:6000/svcuser");
    check("host=t", &[url], "me@t:5432/me");
    let flags = ConnectionFlags { host: Some("other"), ..ConnectionFlags::default() };
    let address = with(flags, None, &[url]).unwrap();
    assert!(address.to_string() == "me@other:5432/me" && address.hosts[0].password.is_none());
    check(
        "",
        &[("DATABASE_URL", "sqlite:///db.sqlite3")],
        "DATABASE_URL: \"sqlite://\" is not an address of PostgreSQL | name a TARGET, or unset DATABASE_URL",
    );
}

#[test]
fn hosts_ports_and_addresses_are_matched() {
    check("host=a,b,c", &[], "me@a:5432,b:5432,c:5432/me");
    check("host=a,b port=1", &[], "me@a:1,b:1/me");
    check("host=a,b port=1,2", &[], "me@a:1,b:2/me");
    check("host=a,b port=,2", &[], "me@a:5432,b:2/me");
    check("hostaddr=10.0.0.1", &[], "me@10.0.0.1:5432/me");
    check("host=a,b hostaddr=10.0.0.1,::1", &[], "me@a:5432,b:5432/me");
    check("host=a, port=1", &[], "me@a:1,/var/run/postgresql/.s.PGSQL.1/me");
    let hint = "give one port for all hosts, or one for each, in the same order";
    check("host=a,b port=1,2,3", &[], &format!("3 ports cannot be matched to 2 hosts | {hint}"));
    let hint = "give one hostaddr for each host, in the same order";
    check("host=a,b hostaddr=::1", &[], &format!("2 hosts cannot be matched to 1 hostaddr | {hint}"));
    let address = with(ConnectionFlags::default(), Some("host=a hostaddr=::1"), &[]).unwrap();
    assert_eq!(address.hosts[0].place, HostAddress::Name("a".to_owned(), Some("::1".parse().unwrap())));
}

#[test]
fn the_password_of_each_host_is_found() {
    let check = |target: &str, vars: &[(&str, &str)], expected: &[Option<&str>]| {
        let address = with(ConnectionFlags::default(), Some(target), vars).unwrap();
        let found: Vec<_> = address.hosts.iter().map(|host| host.password.as_ref().map(Password::reveal)).collect();
        assert_eq!(found, expected, "{target}");
    };
    check("postgres://app@db1,db2,db3/shop", &[], &[Some("one"), Some("two"), None]);
    check("user=x host=db1 dbname=shop", &[], &[None]);
    check("host=/tmp", &[], &[Some("local")]);
    check("host=/elsewhere", &[], &[None]);
    check("hostaddr=10.0.0.1", &[], &[Some("ip")]);
    check("host=db2 hostaddr=10.0.0.1", &[], &[Some("two")]);
    check("host=db2 password=mine", &[], &[Some("mine")]);
    check("host=db2", &[("PGPASSWORD", "env")], &[Some("env")]);
    check("host=db2", &[("PGPASSFILE", "/none")], &[None]);
    check("host=db2 passfile=/h/open", &[], &[None]);
    let address = with(ConnectionFlags::default(), Some("host=db2 passfile=~/open"), &[]).unwrap();
    assert_eq!(address.warnings.len(), 1);
}

#[test]
fn a_wrong_word_says_where_and_the_valid_ones() {
    let modes = "disable, allow, prefer, require, verify-ca, verify-full";
    check(
        "sslmode=verfy-full",
        &[],
        &format!("TARGET: invalid value \"verfy-full\" for sslmode | did you mean \"verify-full\"? valid: {modes}"),
    );
    check("", &[("PGSSLMODE", "on")], &format!("invalid value \"on\" for PGSSLMODE | valid: {modes}"));
    check("hots=x", &[], "TARGET: unknown connection parameter \"hots\" | did you mean \"host\"?");
    check("wrong", &[], "/c.toml:9: unknown connection parameter \"hots\" | did you mean \"host\"?");
    check("prdo", &[], "TARGET \"prdo\" is neither an alias nor a service | did you mean \"prod\"?");
    check(
        "zzz",
        &[],
        "TARGET \"zzz\" is neither an alias nor a service | \
         to open a database of this name use -d zzz; there are live, viaservice, wrong, prod, bad",
    );
    let port = "valid: 1 to 65535; in a URL, write : in a password as %3A and / as %2F";
    check("bad", &[], &format!("/h/.pg_service.conf:8: invalid value for port | {port}"));
    check("port=70000", &[], &format!("TARGET: invalid value \"70000\" for port | {port}"));
    check("port=0", &[], &format!("TARGET: invalid value \"0\" for port | {port}"));
    check(
        "connect_timeout=soon",
        &[],
        "TARGET: invalid value \"soon\" for connect_timeout | valid: whole seconds; 0 waits forever",
    );
    check(
        "hostaddr=db1",
        &[],
        "TARGET: invalid value \"db1\" for hostaddr | valid: IPv4 and IPv6 addresses; a name goes into host",
    );
    check(
        "service=nope",
        &[("PGSYSCONFDIR", "/s")],
        "no service is called \"nope\" | looked in /h/.pg_service.conf and /s/pg_service.conf; there are prod, bad",
    );
    let flags = ConnectionFlags { port: Some("x"), ..ConnectionFlags::default() };
    assert_eq!(shown(&with(flags, None, &[])), "invalid value for -p | valid: 1 to 65535");
}

#[test]
fn a_protection_that_cannot_be_given_is_refused() {
    let check = |target: &str, expected: &str| {
        let shown = shown(&with(ConnectionFlags::default(), Some(target), &[]));
        assert!(shown.contains(expected), "{target}: {shown}");
    };
    check("require_auth=scram-sha-256", "TARGET: require_auth is not supported by pgdj");
    check("gssencmode=require", "gssencmode is not supported");
    check("gssencmode=prefer", "me@");
    check("requirepeer=postgres", "requirepeer is not supported");
    check("sslcertmode=require", "sslcertmode is not supported");
    check("ssl_max_protocol_version=TLSv1.1", "TLS older than 1.2");
    check("replication=database", "replication is not supported");
    check("host=@abstract", "abstract socket namespace is not supported");
    check("sslrootcert=system sslmode=require", "too weak for sslrootcert=system");
    check("sslnegotiation=direct", "needs TLS to be required");
    check("sslnegotiation=direct sslmode=require", "me@");
}

#[test]
fn tls_settings_follow_libpqs_defaults() {
    let tls = |target: &str, vars: &[(&str, &str)]| with(ConnectionFlags::default(), Some(target), vars).unwrap().tls;
    let plain = tls("host=a", &[]);
    assert_eq!((plain.mode, plain.roots), (SslMode::Prefer, Roots::Default(Some("/h/.postgresql/root.crt".into()))));
    assert_eq!(tls("sslrootcert=system", &[]).mode, SslMode::VerifyFull);
    assert_eq!(tls("sslrootcert=~/ca.pem", &[]).roots, Roots::Named("/h/ca.pem".into()));
    assert_eq!(tls("host=a", &[("PGREQUIRESSL", "1")]).mode, SslMode::Require);
    assert_eq!(tls("host=a", &[("PGREQUIRESSL", "1"), ("PGSSLMODE", "disable")]).mode, SslMode::Disable);
}

#[test]
fn the_time_limit_is_finite_unless_it_is_said_to_be_none() {
    let timeout = |target: &str| with(ConnectionFlags::default(), Some(target), &[]).unwrap().timeout;
    assert_eq!(timeout("host=a"), Some(Duration::from_secs(10)));
    assert_eq!(timeout("connect_timeout=3"), Some(Duration::from_secs(3)));
    assert_eq!(timeout("connect_timeout=0"), None);
    assert_eq!(timeout("connect_timeout=-1"), None);
}

#[test]
fn a_password_is_in_no_text_whatever_is_printed() {
    let vars = [("PGPASSWORD", "s3cret"), ("DATABASE_URL", "postgres://u:s3cret@h/d")];
    let targets = [
        "postgres://app:s3cret@db1/shop",
        "password=s3cret host=db1",
        "password=x s3cret",
        "password=x s3cret=y",
        "password='s3cret",
        "postgres://app:s3cret@db1:70000/shop",
        "postgres://app:s3cret%@db1/shop",
        "postgres://app:12/s3cret@db1/shop",
        "postgres://app:p/s3cret@db1/shop",
        "postgres://app:p@s3cret@db1/shop",
        "postgres://s3cret/x@db1/shop",
        "postgres://app:s3cret@db1/shop?sslmode=x",
    ];
    for target in targets.into_iter().map(Some).chain([None]) {
        let aliases = [Alias {
            name: "a".to_owned(),
            parameters: vec![("password".to_owned(), "s3cret".to_owned(), 1)],
            file: PathBuf::new(),
        }];
        let flags = ConnectionFlags { database: Some("postgres://u:s3cret@h/d"), ..ConnectionFlags::default() };
        let flags = if target.is_none() { flags } else { ConnectionFlags::default() };
        let request = AddressRequest { target, flags, prompt: Prompt::IfNeeded, aliases: &aliases };
        let environment = environment(&vars);
        assert!(!format!("{request:?}{environment:?}").contains("s3cret"));
        let resolved = resolve(&request, &environment);
        let text = match resolved {
            Ok(address) => format!("{address:?}{address}{}", address.places()),
            Err(error) => format!("{error:?}{error}{:?}", error.hint()) + &crate::Failure::from(error).to_string(),
        };
        assert!(!text.contains("s3cret"), "{target:?}: {text}");
    }
}

#[test]
fn only_where_nothing_says_where_to_connect_is_it_left_open() {
    let is_open = |target, flags, vars: &[(&str, &str)]| {
        is_left_open(&AddressRequest { target, flags, ..AddressRequest::default() }, &environment(vars))
    };
    let none = ConnectionFlags::default();
    assert!(is_open(None, none, &[]));
    assert!(is_open(None, none, &[("PATH", "/bin"), ("PGHOST", "")]));
    assert!(!is_open(Some("prod"), none, &[]));
    assert!(!is_open(None, ConnectionFlags { database: Some("shop"), ..none }, &[]));
    for variable in ["PGSERVICE", "PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "DATABASE_URL"] {
        assert!(!is_open(None, none, &[(variable, "x")]), "{variable}");
    }
}
