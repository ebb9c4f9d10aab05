//! Passwords and other secrets reach nobody: not the process list, not the screen, not a recording; and the terminal is
//! given back when a question for one is broken off.

use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pgdj::sample::{Row, Value};
use rustix::process::Signal;

use crate::support::pty::{PATIENCE, PGDJ, Terminal};
use crate::support::watch::quick;
use crate::support::{Watched, open, own, own_and_newest};

/// The secret that must be nowhere.
const SECRET: &str = "hUnter2xyz";

/// Everything that `ps` and `/proc` tell of a program's arguments and its environment.
fn told_by_proc(pid: u32) -> String {
    let read = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
    String::from_utf8_lossy(&[read("cmdline"), read("environ")].concat()).into_owned()
}

#[tokio::test]
async fn a_password_in_an_argument_is_in_no_process_list() {
    let Some(server) = own() else { return };
    if !Path::new("/proc/self/cmdline").exists() {
        return;
    }
    let login = server.database().await;
    let home = tempfile::tempdir().unwrap();
    let host = login.host.replace('/', "%2F");
    let url = format!("postgres://{}:{SECRET}@{host}:{}/{}", login.user, login.port, login.database);
    for arguments in
        [vec![url.clone()], vec![format!("{} password={SECRET}", login.conninfo())], vec!["-d".into(), url]]
    {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut terminal = Terminal::start((120, 30), home.path(), &arguments);
        terminal.wait_for("live").await;
        let told = told_by_proc(terminal.pid());
        assert!(told.contains("pgdj") && told.contains("[redacted]") && !told.contains(SECRET), "{told}");
        terminal.press("q");
        assert_eq!(terminal.end().await, 0);
        assert!(!String::from_utf8_lossy(&terminal.bytes()).contains(SECRET));
    }
}

#[test]
fn an_address_that_is_written_wrong_is_not_repeated() {
    for arguments in [
        &["app:hUnter2xyz@db1/shop"][..],
        &["app:hUnter2xyz@db1/shop?sslmode=require"],
        &["app:hUnter2xyz@db1/shop", "demo"],
        &["-d", "app:hUnter2xyz@db1/shop"],
        &["-h", "postgres://app:hUnter2xyz@db1/shop"],
        &["-U", "app:hUnter2xyz@db1"],
        &["explain", "postgres://app:hUnter2xyz@db1/shop"],
        &["explain", "app:hUnter2xyz@db1/shop"],
        &["record", "postgres://app:hUnter2xyz@db1/shop", "file"],
        &["replay", "postgres://app:hUnter2xyz@db1/shop"],
        &["prod", "app:hUnter2xyz@db1/shop"],
        &["htp://app:hUnter2xyz@db1/shop"],
        &["postgres://app:hUnter2xyz/x@db1/shop"],
        &["--password=hUnter2xyz"],
    ] {
        let output = Command::new(PGDJ).args(arguments).env_clear().env("HOME", "/nonexistent").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("error: "), "{arguments:?}: {said}");
        assert!(!said.contains("hUnter2xyz"), "{arguments:?}: {said}");
    }
}

#[tokio::test]
async fn a_question_for_a_password_that_is_broken_off_leaves_the_terminal_as_it_was() {
    let home = tempfile::tempdir().unwrap();
    for signal in [None, Some(Signal::TERM), Some(Signal::HUP), Some(Signal::INT)] {
        let mut terminal = Terminal::start((120, 30), home.path(), &["-W", "-h", "/nonexistent", "-U", "app"]);
        terminal.wait_for("Password for").await;
        terminal.press(SECRET);
        match signal {
            Some(signal) => {
                // The kernel passes on what was typed a moment later, the signal at once: nobody types that fast.
                tokio::time::sleep(Duration::from_millis(500)).await;
                terminal.signal(signal);
            }
            None => terminal.press("\u{3}"),
        }
        assert_ne!(terminal.end().await, 0);
        assert!(terminal.left_behind().is_empty(), "{signal:?}: {:?}", terminal.left_behind());
        assert!(!String::from_utf8_lossy(&terminal.bytes()).contains(SECRET));
    }
    let mut terminal = Terminal::start((120, 30), home.path(), &["-W", "-h", "/nonexistent", "-U", "app"]);
    terminal.wait_for("Password for").await;
    terminal.press(&format!("{SECRET}\r"));
    assert_eq!(terminal.end().await, 3, "{}", terminal.screen());
    assert!(terminal.screen().contains("the socket does not exist") && terminal.left_behind().is_empty());
}

#[tokio::test]
async fn a_password_file_that_others_may_read_is_spoken_of() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join(".pgpass");
    std::fs::write(&file, format!("*:*:*:*:{SECRET}\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let mut terminal = Terminal::start((160, 30), home.path(), &[&login.conninfo()]);
    terminal.wait_for("is ignored: others may read it").await;
    terminal.press("q");
    terminal.end().await;
    assert!(!String::from_utf8_lossy(&terminal.bytes()).contains(SECRET));
}

/// Statements whose last text is in `pg_stat_activity` while the session that ran them is open.
const STATEMENTS: &[&str] = &[
    "create role holder_of_a_secret password 'hUnter2xyz'",
    "alter role holder_of_a_secret /* it is */ password E'hUnter2xyz'",
    "set app.password = 'hUnter2xyz'",
    "select set_config('app.api_key', 'hUnter2xyz', false)",
    "do $$ begin perform 'host=a password=hUnter2xyz'; end $$",
    "drop role holder_of_a_secret; select 'postgres://app:hUnter2xyz@db1/shop'",
];

#[tokio::test]
async fn what_others_say_in_secret_is_in_no_sample_and_in_no_recording() {
    for server in own_and_newest() {
        let login = server.database().await;
        let admin = open(&login).await;
        admin.batch_execute("create extension pg_stat_statements").await.unwrap();
        let mut clients = Vec::new();
        for statement in STATEMENTS {
            let client = open(&login).await;
            client.batch_execute(statement).await.unwrap();
            clients.push(client);
        }
        // The server cuts this one between the secret and its name.
        let client = open(&login).await;
        let filler = "/* a comment */ ".repeat(100);
        client.batch_execute(&format!("select '{SECRET}' {filler} as password")).await.unwrap();
        clients.push(client);
        let mut watched = Watched::start(login.clone(), quick());
        watched.complete().await;
        let is_seen = |it: &pgdj::sample::Snapshot| {
            let texts = ["activity", "statement_texts"].map(|name| format!("{:?}", it.rows(name)));
            texts.iter().all(|text| text.contains("[redacted]")) && texts[0].contains("a comment")
        };
        let snapshot = watched.until("what is redacted", is_seen).await;
        for (name, section) in &snapshot.sections {
            assert!(!format!("{section:?}").contains(SECRET), "{}: {name}", server.name);
        }
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("incident.jsonl.gz");
        let mut command = Command::new(PGDJ);
        command.args(["record", file.to_str().unwrap(), &login.conninfo(), "--for", "3s"]);
        let recorded = command.env_clear().env("HOME", home.path()).stderr(Stdio::piped()).output().unwrap();
        assert!(recorded.status.success(), "{}", String::from_utf8_lossy(&recorded.stderr));
        let mut text = String::new();
        let packed = std::fs::File::open(&file).unwrap();
        flate2::read::MultiGzDecoder::new(packed).read_to_string(&mut text).unwrap();
        assert!(text.contains("[redacted]") && !text.contains(SECRET), "{}", server.name);
    }
}

#[tokio::test]
async fn the_log_of_everything_holds_no_password() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    open(&login).await.batch_execute("create table t (password text)").await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let log = home.path().join("log");
    let mut command = Command::new(PGDJ);
    command.args(["--log", log.to_str().unwrap(), &format!("{} password={SECRET}", login.conninfo()), "explain", "-"]);
    command.env_clear().env("HOME", home.path()).env("PGDJ_LOG", "trace").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    let statement = format!("select * from t where password = '{SECRET}'");
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), statement.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(&log).unwrap();
    assert!(text.contains("pgdj") && !text.contains(SECRET), "{text}");
}

#[tokio::test]
async fn a_session_of_another_program_named_pgdj_is_shown() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    let other = open(&login).await;
    other.batch_execute("set application_name = 'pgdj'; create table t (id int)").await.unwrap();
    other.batch_execute("begin; lock table t").await.unwrap();
    let pid: i32 = other.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    let waiter = open(&login).await;
    let waiting = tokio::spawn(async move { waiter.batch_execute("begin; lock table t; rollback").await });
    // Other tests' programs are shown too.
    let database = login.database.clone();
    let mut watched = Watched::start(login, quick());
    let mut complete = watched.complete().await;
    let deadline = Instant::now() + PATIENCE;
    let is_at = |row: Row<'_>| row.get("pids").as_list().contains(&Value::Int(i64::from(pid)));
    while !complete.rows("locks").is_some_and(|rows| rows.iter().any(is_at)) {
        assert!(Instant::now() < deadline, "its lock is not shown");
        complete = watched.next().await;
    }
    let named: Vec<i64> = complete
        .rows("activity")
        .unwrap()
        .iter()
        .filter(|row| row.text("application") == "pgdj" && row.text("database") == database)
        .filter_map(|row| row.int("pid"))
        .collect();
    assert_eq!(named, [i64::from(pid)], "it, and none of our own");
    assert!(complete.rows("server").unwrap().first().unwrap().int("own_backends").unwrap() >= 2);
    other.batch_execute("rollback").await.unwrap();
    waiting.await.unwrap().unwrap();
}
