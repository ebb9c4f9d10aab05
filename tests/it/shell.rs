//! Signals and the shell: what is under way is cancelled, Ctrl-Z comes back, a full server can be waited for.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use pgdj::pg::session::{Limits, Session, cancel_queue};
use rustix::process::{Pid, Signal, kill_process};
use tokio_postgres::Client;

use crate::support::pooler::Pooler;
use crate::support::pty::{PATIENCE, PGDJ, Terminal};
use crate::support::{Login, open, own, question, servers};

async fn until(client: &Client, sql: &str, wanted: i64) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let count: i64 = client.query_one(sql, &[]).await.unwrap().get(0);
        if count == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{count} instead of {wanted}: {sql}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The statements of a sleep that run in this database.
const ASLEEP: &str = "select count(*) from pg_stat_activity where state = 'active' and query like '%pg_sleep(600)%'
    and datname = current_database() and pid <> pg_backend_pid()";

#[tokio::test]
async fn explain_cancels_on_the_server_whatever_signal_ends_it() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    let client = open(&login).await;
    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let mut command = Command::new(PGDJ);
        command.args([&login.conninfo(), "explain", "--analyze", "--timeout", "900", "-"]);
        command.env_clear().env("HOME", "/nonexistent").stdin(Stdio::piped()).stdout(Stdio::null());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        std::io::Write::write_all(&mut input, b"select pg_sleep(600)").unwrap();
        drop(input);
        until(&client, ASLEEP, 1).await;
        kill_process(Pid::from_child(&child), signal).unwrap();
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{signal:?}: {said}");
        assert!(said.contains("cancelled"), "{said}");
        until(&client, ASLEEP, 0).await;
    }
}

#[tokio::test]
async fn the_server_looks_after_its_client_where_it_can() {
    for server in servers() {
        let login = server.database().await;
        let (cancel_queue, _cancel_work) = cancel_queue();
        let mut session = Session::open(&login, Limits::ACT, &cancel_queue).await.unwrap();
        let ask = "select coalesce(pg_catalog.current_setting('client_connection_check_interval', true), 'none')";
        let answer = session.one(question(ask)).await.unwrap().unwrap();
        let shown = answer.scalar().and_then(pgdj::sample::Value::as_str).unwrap().to_owned();
        let has_check = session.one(question("select current_setting('server_version_num')::int")).await.unwrap();
        let version = has_check.unwrap().scalar().and_then(pgdj::sample::Value::as_int).unwrap();
        let expected = if version < 140_000 { "none" } else { "2s" };
        if cfg!(target_os = "linux") {
            assert_eq!(shown, expected, "{}", server.name);
        }
    }
}

#[tokio::test]
async fn control_z_gives_the_terminal_to_the_shell_and_fg_takes_it_back() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    let home = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start_program((120, 30), home.path(), "/bin/bash", &["--norc", "--noprofile", "-i"]);
    terminal.press("PS1='the''-shell> '\r");
    terminal.wait_for("the-shell>").await;
    terminal.press(&format!("{PGDJ} '{}'\r", login.conninfo()));
    terminal.wait_for("live").await;
    for way in ["key", "kill"] {
        if way == "key" {
            terminal.press("\u{1a}");
        } else {
            let children = format!("/proc/{0}/task/{0}/children", terminal.pid());
            let children = std::fs::read_to_string(children).unwrap();
            let pid = children.split_whitespace().next().unwrap().parse().unwrap();
            kill_process(Pid::from_raw(pid).unwrap(), Signal::TSTP).unwrap();
        }
        terminal.wait(way, |screen| screen.contains("Stopped") && !screen.contains("live")).await;
        terminal.press("echo st''ill\r");
        terminal.wait_for("still").await;
        terminal.press("fg\r");
        terminal.wait("pgdj is back", |screen| screen.contains("live") && !screen.contains("still")).await;
        terminal.press("2");
        terminal.wait_for("statement").await;
        terminal.press("1");
        terminal.wait_for("Load").await;
    }
    terminal.press("q");
    terminal.wait("the shell", |screen| screen.contains("the-shell>") && !screen.contains("live")).await;
    terminal.press("clear; stty -a\r");
    let modes = terminal.wait_for("echo").await;
    assert!(!modes.contains("-echo "), "{modes}");
    terminal.press("exit\r");
    terminal.end().await;
}

#[tokio::test]
async fn a_full_server_can_be_waited_for() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    let admin = open(&login).await;
    let role = server.role("crowded", "alter role crowded connection limit 1; grant pg_monitor to crowded").await;
    let login = login.with_user(&role);
    let only = open(&login).await;
    let home = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start((120, 30), home.path(), &[&login.conninfo()]);
    terminal.wait_for("Wait for a free connection").await;
    terminal.press("\r");
    terminal.wait_for("Waiting for a free connection").await;
    drop(only);
    admin.batch_execute("alter role crowded connection limit -1").await.unwrap();
    terminal.wait_for("live").await;
    terminal.press("q");
    assert_eq!(terminal.end().await, 0);
    // Where nobody can answer, it is an error as before.
    admin.batch_execute("alter role crowded connection limit 0").await.unwrap();
    let mut command = Command::new(PGDJ);
    command.args([&login.conninfo(), "explain", "-"]).stdin(Stdio::piped()).env_clear().env("HOME", home.path());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"select 1").unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn the_reason_of_a_pooler_is_said() {
    let Some(server) = own() else { return };
    let Some(pooler) = Pooler::start(server) else { return };
    let direct = server.database().await;
    let login = pooler.login(&direct);
    let console = open(&Login { database: "pgbouncer".to_owned(), ..login.clone() }).await;
    console.simple_query("SET query_wait_timeout = 1").await.unwrap();
    // Both connections of the pool are taken.
    let (one, two) = (open(&login).await, open(&login).await);
    one.simple_query("begin").await.unwrap();
    two.simple_query("begin").await.unwrap();
    let (cancel_queue, _cancel_work) = cancel_queue();
    let failure = Session::open(&login, Limits::ACT, &cancel_queue).await.err().unwrap();
    let said = failure.to_string();
    assert!(said.contains("PgBouncer found no free server connection in time (query_wait_timeout)"), "{said}");
}
