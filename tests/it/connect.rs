//! Connecting to real servers: TLS in all its modes, authentication, several hosts, and everything that goes wrong.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use pgdj::Failure;
use pgdj::pg::address::{Address, AddressRequest, Environment, Files, Password, Prompt, TlsVersion, resolve};
use pgdj::pg::connect::{Connected, connect, connect_asking};
use pgdj::pg::connector::ToAddress;
use pgdj::pg::session::Connector as _;
use pgdj::pg::tls::Checked;
use tempfile::TempDir;

mod certificates;
pub(crate) mod servers;
mod tls;

use crate::support::installed::has_server;
use certificates::write;
use servers::{CLOSED, PASSWORD, with_tls, without_tls};

/// Resolves a TARGET for a user whose home is this folder.
fn address_at(home: &Path, target: &str) -> Address {
    let environment = Environment {
        vars: BTreeMap::new(),
        home: Some(home.to_owned()),
        user: Some("postgres".to_owned()),
        files: Files::Disk,
    };
    resolve(&AddressRequest { target: Some(target), ..AddressRequest::default() }, &environment).unwrap()
}

fn address(target: &str) -> Address {
    address_at(Path::new("/nonexistent"), target)
}

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

/// Connects and proves by a query that the session works.
async fn works(address: &Address) -> Result<Connected, Failure> {
    let mut connected = connect(address).await?;
    let query = connected.client.simple_query("select 1");
    tokio::select! {
        answered = query => { answered.unwrap(); }
        ended = &mut connected.driver => panic!("the connection ended: {ended:?}"),
    }
    Ok(connected)
}

/// Connects and returns the failure as it is shown.
fn failure(target: &str) -> String {
    failure_of(&address(target))
}

fn failure_of(address: &Address) -> String {
    let error = block_on(connect(address)).expect_err("it must not connect");
    let debug = format!("{error:?}{address:?}");
    let text = Failure::from(error).to_string();
    assert!(!format!("{debug}{text}").contains(PASSWORD), "the password is in {debug}{text}");
    text
}

fn check_failure(target: &str, expected: &[&str]) {
    let text = failure(target);
    for part in expected {
        assert!(text.contains(part), "{target}\n{text}\nlacks: {part}");
    }
}

fn tls_host(rest: &str) -> String {
    format!("host=localhost hostaddr=127.0.0.1 port={} dbname=postgres {rest}", with_tls().server.port())
}

fn plain_host(rest: &str) -> String {
    format!("host=127.0.0.1 port={} dbname=postgres {rest}", without_tls().port())
}

#[test]
fn every_way_to_log_in_works() {
    if !has_server() {
        return;
    }
    for role in ["by_scram", "by_md5", "by_word"] {
        for sslmode in ["disable", "require"] {
            let target = tls_host(&format!("user={role} password={PASSWORD} sslmode={sslmode}"));
            block_on(works(&address(&target))).unwrap_or_else(|failure| panic!("{target}: {failure}"));
        }
    }
    block_on(works(&address(&plain_host("user=postgres")))).unwrap();
}

#[test]
fn a_unix_socket_is_reached_and_tls_is_not_spoken_on_it() {
    if !has_server() {
        return;
    }
    let server = &with_tls().server;
    let folder = server.socket_directory().display();
    for sslmode in ["disable", "prefer", "require", "verify-full"] {
        let target = format!("host={folder} port={} dbname=postgres sslmode={sslmode}", server.port());
        let connected = block_on(works(&address(&target))).unwrap();
        assert!(connected.reached.tls.is_none());
        assert!(connected.reached.place.starts_with('/'));
    }
}

#[test]
fn the_session_is_named_and_speaks_what_the_options_say() {
    if !has_server() {
        return;
    }
    let connected = block_on(async {
        let mut connected = connect(&address(&plain_host("options='-c work_mem=5MB'"))).await.unwrap();
        let sql = "select current_setting('application_name') || ' ' || current_setting('work_mem')";
        let query = connected.client.simple_query(sql);
        tokio::select! {
            rows = query => rows.unwrap(),
            ended = &mut connected.driver => panic!("{ended:?}"),
        }
    });
    let value = connected.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0),
        _ => None,
    });
    assert_eq!(value, Some("pgdj 5MB"));
}

#[test]
fn what_the_server_refuses_is_said_in_its_words_with_a_way_out() {
    if !has_server() {
        return;
    }
    check_failure(
        &tls_host("user=by_scram password=wrong"),
        &["cannot connect to database postgres as by_scram", "localhost:", "(127.0.0.1)"],
    );
    check_failure(
        &tls_host("user=by_scram password=wrong"),
        &["password authentication failed for user \"by_scram\"", "hint: the password came from TARGET"],
    );
    check_failure(&tls_host("user=no_entry"), &["no pg_hba.conf entry", "pg_hba.conf on the server needs a line"]);
    check_failure(&tls_host("user=ghost"), &["role \"ghost\" does not exist", "hint: check the role's name, ghost"]);
    check_failure(
        &format!("host=127.0.0.1 port={} user=postgres dbname=nope", with_tls().server.port()),
        &["database \"nope\" does not exist", "hint: database nope does not exist"],
    );
    check_failure(&tls_host("user=limited"), &["too many connections", "all connections are in use"]);
    check_failure(&tls_host("user=by_scram"), &["the server asks for a password", "PGPASSWORD"]);
}

#[test]
fn an_answer_that_comes_with_and_without_tls_is_said_once() {
    if !has_server() {
        return;
    }
    let text = failure(&tls_host("user=by_scram password=wrong sslmode=prefer"));
    assert_eq!(text.matches("password authentication failed").count(), 1, "{text}");
}

#[test]
fn a_password_is_asked_for_once_and_serves_all_connections() {
    if !has_server() {
        return;
    }
    block_on(async {
        let mut address = address(&tls_host("user=by_scram"));
        let mut asked = Vec::new();
        let ask = |prompt: &str| {
            asked.push(prompt.to_owned());
            Ok(Password::new(PASSWORD))
        };
        connect_asking(&mut address, ask).await.unwrap();
        connect(&address).await.expect("the second connection needs no question");
        let port = with_tls().server.port();
        assert_eq!(asked, [format!("Password for by_scram@localhost:{port}/postgres: ")]);
    });
}

#[test]
fn a_password_is_asked_for_first_never_or_cannot_be() {
    if !has_server() {
        return;
    }
    block_on(async {
        let mut first = address(&plain_host("user=postgres"));
        first.prompt = Prompt::First;
        let mut count = 0;
        let connected = connect_asking(&mut first, |_| {
            count += 1;
            Ok(Password::new("any"))
        });
        assert!(connected.await.is_ok() && count == 1, "-W asks even where none is needed");

        let mut never = address(&tls_host("user=by_scram"));
        never.prompt = Prompt::Never;
        let error = connect_asking(&mut never, |_| panic!("-w does not ask")).await.unwrap_err();
        assert!(error.needs_password());

        let mut mute = address(&tls_host("user=by_scram"));
        let error = connect_asking(&mut mute, |_| Err(std::io::Error::other("no terminal"))).await.unwrap_err();
        let text = Failure::from(error).to_string();
        assert!(text.contains("cannot ask for the password (no terminal)"), "{text}");
    });
}

#[test]
fn the_password_file_is_used_unless_others_may_read_it() {
    if !has_server() {
        return;
    }
    let home = TempDir::new().unwrap();
    let line = format!("localhost:*:postgres:by_scram:{PASSWORD}\n");
    write(home.path(), ".pgpass", &line, 0o600);
    let target = tls_host("user=by_scram");
    block_on(works(&address_at(home.path(), &target))).unwrap();
    write(home.path(), ".pgpass", "*:*:*:*:wrong\n", 0o600);
    let text = failure_of(&address_at(home.path(), &target));
    assert!(text.contains("hint: the password came from") && text.contains(".pgpass"), "{text}");
    write(home.path(), ".pgpass", &line, 0o644);
    let address = address_at(home.path(), &target);
    assert!(failure_of(&address).contains("the server asks for a password"));
    assert!(address.warnings[0].contains("others may read it"));
}

/// Answers every connection in its own way, until the test ends.
fn listener(answer: impl Fn(TcpStream) -> Option<TcpStream> + Send + 'static) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let held: Vec<TcpStream> = listener.incoming().flatten().filter_map(answer).collect();
        drop(held);
    });
    port
}

#[test]
fn a_server_that_hangs_in_the_handshake_ends_in_a_sentence() {
    let port = listener(Some);
    for (sslmode, step) in [("prefer", "negotiating TLS"), ("require", "negotiating TLS"), ("disable", "logging in")] {
        check_failure(
            &format!("host=127.0.0.1 port={port} sslmode={sslmode} connect_timeout=1"),
            &[&format!("no answer within 1 s while {step}"), "connect_timeout=SECONDS waits longer"],
        );
    }
}

#[test]
fn what_is_not_postgresql_is_recognised() {
    let http = listener(|mut stream| {
        let mut request = [0; 8];
        drop(stream.read(&mut request));
        drop(stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"));
        None
    });
    let greeter = |words: &'static [u8]| {
        listener(move |mut stream| {
            drop(stream.write_all(words));
            Some(stream)
        })
    };
    let ssh = greeter(b"SSH-2.0-OpenSSH_9.2p1\r\n");
    let mysql = greeter(b"\x4a\x00\x00\x00\x0a8.0.36\x00");
    for (port, kind) in [(http, "HTTP"), (mysql, "MySQL"), (ssh, "not PostgreSQL")] {
        for sslmode in ["disable", "prefer", "require"] {
            check_failure(
                &format!("host=127.0.0.1 port={port} sslmode={sslmode} connect_timeout=5"),
                &["answered, not PostgreSQL", kind, "hint: check host and port"],
            );
        }
    }
}

#[test]
fn a_connection_that_is_refused_or_cut_is_said() {
    let closed = CLOSED;
    check_failure(
        &format!("host=127.0.0.1 port={closed}"),
        &[&format!("127.0.0.1:{closed}: connection refused: nothing listens there"), "is the server running"],
    );
    let cut = listener(|_| None);
    check_failure(&format!("host=127.0.0.1 port={cut}"), &["the server closed the connection"]);
    check_failure("host=/tmp/no-such-folder", &["the socket does not exist", "-h names its host"]);
    check_failure("host=no-such-host.invalid", &["the host name cannot be resolved", "check the spelling"]);
}

#[test]
fn hosts_are_tried_in_turn_until_one_answers() {
    if !has_server() {
        return;
    }
    let (closed, open) = (CLOSED, without_tls().port());
    let target = format!("host=127.0.0.1,no-such-host.invalid,127.0.0.1 port={closed},5432,{open} dbname=postgres");
    let connected = block_on(works(&address(&target))).unwrap();
    assert_eq!((connected.reached.host, connected.reached.place), (2, format!("127.0.0.1:{open}")));
    let random = format!("{target} load_balance_hosts=random");
    block_on(works(&address(&random))).unwrap();
    check_failure(
        &format!("host=127.0.0.1,/tmp/no-such-folder port={closed}"),
        &[
            &format!("127.0.0.1:{closed}: connection refused"),
            "/tmp/no-such-folder/.s.PGSQL",
            "the socket does not exist",
        ],
    );
}

#[test]
fn a_server_that_has_spoken_ends_the_search() {
    if !has_server() {
        return;
    }
    let (tls, plain) = (with_tls().server.port(), without_tls().port());
    let target = format!("host=127.0.0.1,127.0.0.1 port={tls},{plain} user=by_scram password=x dbname=postgres");
    let text = failure(&target);
    assert!(text.contains(&format!("127.0.0.1:{tls}")) && !text.contains(&format!("127.0.0.1:{plain}")), "{text}");
}

#[test]
fn the_server_that_was_asked_for_is_found_among_several() {
    if !has_server() {
        return;
    }
    let standby = servers::standby("on");
    let writes = with_tls().server.port();
    let reads = without_tls().port();
    let ports = [reads, standby.port(), writes];
    let list = format!("host=127.0.0.1,127.0.0.1,127.0.0.1 port={reads},{},{writes} dbname=postgres", standby.port());
    for (wanted, expected) in [
        ("any", reads),
        ("read-write", writes),
        ("read-only", reads),
        ("primary", reads),
        ("standby", standby.port()),
        ("prefer-standby", standby.port()),
    ] {
        let connected = block_on(works(&address(&format!("{list} target_session_attrs={wanted}")))).unwrap();
        assert_eq!(ports[connected.reached.host], expected, "{wanted}");
    }
    let only =
        |port: u16, wanted: &str| format!("host=127.0.0.1 port={port} dbname=postgres target_session_attrs={wanted}");
    block_on(works(&address(&only(reads, "prefer-standby")))).unwrap();
    check_failure(&only(reads, "read-write"), &["the session is read-only, and target_session_attrs=read-write"]);
    check_failure(&only(writes, "read-only"), &["the session is not read-only"]);
    check_failure(&only(writes, "standby"), &["the server is not a standby"]);
    check_failure(&only(standby.port(), "primary"), &["the server is a standby"]);
}

#[test]
fn a_server_that_does_not_accept_connections_yet_is_passed_over() {
    if !has_server() {
        return;
    }
    let cold = servers::standby("off");
    let port = cold.port();
    check_failure(&format!("host=127.0.0.1 port={port}"), &["FATAL", "hint: the server is starting up"]);
    let target = format!("host=127.0.0.1,127.0.0.1 port={port},{} dbname=postgres", without_tls().port());
    assert_eq!(block_on(works(&address(&target))).unwrap().reached.host, 1);
}

#[test]
fn a_query_is_cancelled_over_a_connection_like_its_own() {
    if !has_server() {
        return;
    }
    for sslmode in ["disable", "require"] {
        block_on(async {
            let Connected { client, driver, canceller, .. } =
                connect(&address(&tls_host(&format!("sslmode={sslmode}")))).await.unwrap();
            let driver = tokio::spawn(driver);
            let sleep = tokio::spawn(async move { client.simple_query("select pg_sleep(60)").await });
            let deadline = Instant::now() + Duration::from_secs(20);
            // A cancel that comes before the query has begun has no effect, so it is repeated.
            while !sleep.is_finished() && Instant::now() < deadline {
                canceller.cancel().await.unwrap();
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let error = sleep.await.unwrap().unwrap_err();
            assert_eq!(error.code(), Some(&tokio_postgres::error::SqlState::QUERY_CANCELED), "{sslmode}");
            driver.abort();
        });
    }
}

#[test]
fn a_service_and_a_url_lead_to_the_same_server() {
    if !has_server() {
        return;
    }
    let home = TempDir::new().unwrap();
    let port = without_tls().port();
    let section = format!("[shop]\nhost=127.0.0.1\nport={port}\ndbname=postgres\nuser=by_scram\npassword={PASSWORD}\n");
    write(home.path(), ".pg_service.conf", &section, 0o644);
    block_on(works(&address_at(home.path(), "shop"))).unwrap();
    let url = format!("postgres://by_scram:{PASSWORD}@127.0.0.1:{port}/postgres?sslmode=disable");
    block_on(works(&address(&url))).unwrap();
}

#[test]
fn a_connection_tells_what_was_reached() {
    if !has_server() {
        return;
    }
    let connected = block_on(works(&address(&tls_host("sslmode=require")))).unwrap();
    let tls = connected.reached.tls.unwrap();
    assert_eq!((tls.version, tls.checked), (Some(TlsVersion::V13), Checked::Nothing));
    assert_eq!(connected.reached.place, format!("localhost:{} (127.0.0.1)", with_tls().server.port()));
    let old = block_on(works(&address(&tls_host("sslmode=require ssl_max_protocol_version=TLSv1.2")))).unwrap();
    assert_eq!(old.reached.tls.unwrap().version, Some(TlsVersion::V12));
    assert!(format!("{connected:?}").contains("reached"));
}

#[tokio::test]
async fn of_several_hosts_the_one_that_answered_is_shown_and_every_connection_stays_with_it() {
    let Some(server) = crate::support::own() else { return };
    let login = server.database().await;
    let conninfo = format!(
        "host=/nowhere,{host} port={port},{port} user={user} dbname={database} load_balance_hosts=random",
        host = login.host,
        port = login.port,
        user = login.user,
        database = login.database
    );
    let request = AddressRequest { target: Some(&conninfo), ..AddressRequest::default() };
    let address = resolve(&request, &Environment::default()).unwrap();
    let all = address.to_string();
    let connector = ToAddress::new(address, all.clone());
    assert_eq!(connector.target(), all);
    for _ in 0..3 {
        connector.connect().await.unwrap();
        let shown = connector.target();
        assert!(shown.contains(&login.host) && !shown.contains("nowhere"), "{shown}");
    }
}
