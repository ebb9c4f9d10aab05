//! What an act can do is said before it is asked, and what came of it afterwards: on every server, and behind PgBouncer.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use pgdj::pg::control::{Backend as Meant, Doing, Outcome, Signal};
use pgdj::pg::own::Sql;
use pgdj::pg::session::{Limits, Query, Session, reaper};
use pgdj::readings::act::{Prospect, prospect};
use pgdj::readings::act_result::{Progress, Sample, Sent};
use pgdj::readings::backends::{Backend, backends};
use pgdj::sample::{RowSet, ServerFacts, Timestamp};
use tokio_postgres::Client;

use crate::control::{Acting, backend, facts};
use crate::support::pooler::Pooler;
use crate::support::pty::Terminal;
use crate::support::watch::PATIENCE;
use crate::support::{Login, Server, open, own, servers};

/// Reads the sessions as the probe does, until something is true of them.
async fn seen(login: &Login, what: &str, is: impl Fn(&[Backend]) -> bool) -> Vec<Backend> {
    let (reaper, _reaping) = reaper();
    let mut session = Session::open(login, Limits::TICK, &reaper).await.unwrap();
    let facts = facts(login).await;
    let probe = pgdj::pg::probes::find("activity").unwrap();
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let query = Query::new(Sql::of_probe(probe, &facts));
        let rows = session.one(query).await.unwrap().unwrap().rows;
        let all = backends(&RowSet { columns: probe.columns.into(), rows });
        if is(&all) {
            return all;
        }
        assert!(std::time::Instant::now() < deadline, "not seen: {what}: {all:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn find(all: &[Backend], pid: i64) -> &Backend {
    all.iter().find(|one| one.pid == pid).unwrap()
}

fn state_of(all: &[Backend], pid: i64) -> &str {
    all.iter().find(|one| one.pid == pid).map_or("", |one| one.state.as_str())
}

async fn says(client: &Client, function: &str, pid: i64) -> bool {
    let sql = format!("select {function}($1::int)");
    client.query_one(&sql, &[&i32::try_from(pid).unwrap()]).await.unwrap().get(0)
}

fn refused(kind: Signal, one: &Backend, all: &[Backend], facts: &ServerFacts) -> Option<String> {
    match prospect(kind, one, all, facts) {
        Prospect::Refused(refusal) => Some(refusal.why),
        Prospect::Possible(_) => None,
    }
}

#[tokio::test]
async fn what_postgresql_does_not_do_is_not_offered() {
    for server in servers() {
        let login = server.database().await;
        let (admin, idle, open_transaction) = (open(&login).await, open(&login).await, open(&login).await);
        open_transaction.batch_execute("begin; select 1").await.unwrap();
        let (idle, waiting) = (backend(&idle).await.pid, backend(&open_transaction).await.pid);
        let all = seen(&login, "both", |all| {
            state_of(all, idle) == "idle" && state_of(all, waiting) == "idle in transaction"
        })
        .await;
        let facts = facts(&login).await;
        for pid in [idle, waiting] {
            // The server says yes, and nothing happens.
            assert!(says(&admin, "pg_cancel_backend", pid).await);
            let why = refused(Signal::Cancel, find(&all, pid), &all, &facts).unwrap();
            assert!(why.contains("it runs no statement") && why.contains("Press K"), "{}: {why}", server.name);
        }
        open_transaction.batch_execute("select 1; commit").await.unwrap();
        let mut kinds = Vec::new();
        for one in all.iter().filter(|one| !one.is_client()) {
            for kind in [Signal::Cancel, Signal::Terminate] {
                let why = refused(kind, one, &all, &facts).unwrap();
                assert!(why.contains("process of the server itself"), "{}: {}: {why}", server.name, one.kind);
            }
            if !one.kind.ends_with("launcher") {
                assert!(!says(&admin, "pg_terminate_backend", one.pid).await, "{}: {}", server.name, one.kind);
            }
            kinds.push(one.kind.as_str());
        }
        for kind in ["checkpointer", "background writer", "walwriter", "logical replication launcher"] {
            assert!(kinds.contains(&kind), "{}: {kinds:?}", server.name);
        }
    }
}

async fn check_only_what_was_meant(server: &Server, login: &Login) {
    let client = open(login).await;
    let it = backend(&client).await;
    let mut acting = Acting::start(login).await;
    let running = tokio::spawn(async move {
        let result = client.batch_execute("begin; select pg_sleep(600)").await;
        (result, client)
    });
    let all = seen(login, "it sleeps", |all| find(all, it.pid).wait == "Timeout:PgSleep").await;
    let one = find(&all, it.pid);
    let facts = facts(login).await;
    let Prospect::Possible(plan) = prospect(Signal::Cancel, one, &all, &facts) else { panic!("refused") };
    let statement = Timestamp(one.query_started.unwrap());
    assert_eq!(plan.doing, Doing::Statement(statement), "{}", server.name);
    let earlier = Doing::Statement(Timestamp(statement.0 - 0.000_01));
    let over = Outcome::Over { what: "statement" };
    assert_eq!(acting.signal(Signal::Cancel, Meant { doing: earlier, ..it }).await, over, "{}", server.name);
    let successor = Meant { started: Timestamp(it.started.0 - 0.000_01), ..it };
    assert_eq!(acting.signal(Signal::Cancel, successor).await, Outcome::Reused, "{}", server.name);
    assert_eq!(acting.signal(Signal::Cancel, Meant { doing: plan.doing, ..it }).await, Outcome::Sent);
    let (result, client) = running.await.unwrap();
    assert_eq!(result.unwrap_err().code().unwrap().code(), "57014", "{}", server.name);
    client.batch_execute("rollback; begin; select 1").await.unwrap();
    let all = seen(login, "it is idle in a transaction", |all| state_of(all, it.pid) == "idle in transaction").await;
    let one = find(&all, it.pid);
    let meant = Doing::Transaction(Timestamp(one.xact_started.unwrap()));
    client.batch_execute("commit; begin; select 1").await.unwrap();
    let over = Outcome::Over { what: "transaction" };
    assert_eq!(acting.signal(Signal::Terminate, Meant { doing: meant, ..it }).await, over, "{}", server.name);
    client.batch_execute("commit").await.unwrap();
    let all = seen(login, "the checkpointer", |all| all.iter().any(|one| one.kind == "checkpointer")).await;
    let checkpointer = all.iter().find(|one| one.kind == "checkpointer").unwrap();
    let meant = Meant { pid: checkpointer.pid, started: Timestamp(checkpointer.started), doing: Doing::Anything };
    assert_eq!(acting.signal(Signal::Terminate, meant).await, Outcome::NotASession, "{}", server.name);
}

#[tokio::test]
async fn a_signal_reaches_only_the_session_and_the_statement_that_were_meant() {
    for server in servers() {
        let login = server.database().await;
        check_only_what_was_meant(server, &login).await;
    }
}

/// The statement of a parallel worker fails with it, whoever of the two is signalled.
#[tokio::test]
async fn a_parallel_worker_is_an_act_on_its_leader() {
    for server in servers() {
        let login = server.database().await;
        let (client, admin) = (open(&login).await, open(&login).await);
        // From 16 on the first is called debug_parallel_query.
        let setting = if server.major < 16 { "force_parallel_mode" } else { "debug_parallel_query" };
        let sql = format!(
            "create function slow(n int) returns int language plpgsql parallel safe as
                $$ begin perform pg_sleep(600); return n; end $$;
             create table t as select i as n from generate_series(1, 10) as i; analyze t; set {setting} = on"
        );
        client.batch_execute(&sql).await.unwrap();
        let leader = backend(&client).await.pid;
        let running = tokio::spawn(async move { client.simple_query("select slow(n) from t").await.map(drop) });
        let is_worker = |one: &&Backend| one.kind == "parallel worker" && one.database == login.database;
        let all = seen(&login, "a worker", |all| all.iter().any(|one| is_worker(&one))).await;
        let worker = all.iter().find(is_worker).unwrap();
        let facts = facts(&login).await;
        if server.major < 13 {
            assert!(refused(Signal::Cancel, worker, &all, &facts).unwrap().contains("before 13"));
        } else {
            let Prospect::Possible(plan) = prospect(Signal::Cancel, worker, &all, &facts) else { panic!("refused") };
            assert_eq!(plan.backend.pid, leader, "{}", server.name);
            assert!(plan.effect.contains("is a parallel worker of pid"), "{}", plan.effect);
        }
        assert!(says(&admin, "pg_cancel_backend", worker.pid).await);
        assert!(running.await.unwrap().is_err(), "{}: the statement goes on without its worker", server.name);
    }
}

#[tokio::test]
async fn who_may_signal_whom_is_known_before() {
    for server in servers() {
        let login = server.database().await;
        let superusers = open(&login).await;
        let role = server.role("web", "").await;
        let peer = open(&login.with_user(&role)).await;
        let (superusers_pid, peers_pid) = (backend(&superusers).await.pid, backend(&peer).await.pid);
        for (name, grants) in [
            ("signaller", "grant pg_read_all_stats, pg_signal_backend to signaller"),
            ("onlooker", "grant pg_read_all_stats to onlooker"),
            ("member", "grant web, pg_read_all_stats to member"),
            ("outsider", ""),
        ] {
            let login = login.with_user(&server.role(name, grants).await);
            let (facts, mut acting) = (facts(&login).await, Acting::start(&login).await);
            let all = seen(&login, "both", |all| all.iter().any(|one| one.pid == peers_pid)).await;
            for pid in [superusers_pid, peers_pid] {
                let one = find(&all, pid);
                let said = refused(Signal::Terminate, one, &all, &facts);
                // A backend that is not there: the rights are checked before, where the server is asked at all.
                let meant = Meant { pid, started: Timestamp(one.started), doing: Doing::Transaction(Timestamp(1.0)) };
                let meant = if said.is_some() { Meant { doing: Doing::Anything, ..meant } } else { meant };
                let outcome = acting.signal(Signal::Terminate, meant).await;
                let is_denied = matches!(outcome, Outcome::Denied { .. });
                assert_eq!(said.is_some(), is_denied, "{}: {name} on {pid}: {said:?}, {outcome:?}", server.name);
            }
        }
        superusers.batch_execute("select 1").await.unwrap();
        peer.batch_execute("select 1").await.unwrap();
    }
}

/// Asks for much and reads nothing of it.
fn deaf(login: &Login) -> UnixStream {
    let mut stream = UnixStream::connect(format!("{}/.s.PGSQL.{}", login.host, login.port)).unwrap();
    let mut packet = 196_608_u32.to_be_bytes().to_vec();
    packet.extend(format!("user\0{}\0database\0{}\0\0", login.user, login.database).bytes());
    let mut send = |kind: &[u8], body: &[u8]| {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        stream.write_all(&[kind, &length, body].concat()).unwrap();
    };
    send(b"", &packet);
    send(b"Q", b"copy (select repeat('x', 1000) from generate_series(1, 10000000)) to stdout\0");
    stream
}

#[tokio::test]
async fn a_cancel_that_has_no_effect_is_no_success() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    let _deaf = deaf(&login);
    let writes = |one: &&Backend| one.wait == "Client:ClientWrite" && one.database == login.database;
    let all = seen(&login, "it waits for its client", |all| all.iter().any(|one| writes(&one))).await;
    let facts = facts(&login).await;
    let one = all.iter().find(writes).unwrap();
    let Prospect::Possible(plan) = prospect(Signal::Cancel, one, &all, &facts) else { panic!("refused") };
    let sample = |backends, at| Sample { backends, at, is_whole: true };
    let it = (one.pid, one.started);
    let mut sent = Sent::new(Signal::Cancel, it, plan.doing, sample(&all, 0.0));
    let mut acting = Acting::start(&login).await;
    let meant = Meant { pid: one.pid, started: Timestamp(one.started), doing: plan.doing };
    assert_eq!(acting.signal(Signal::Cancel, meant).await, Outcome::Sent);
    let after = seen(&login, "it still waits", |all| all.iter().any(|one| writes(&one))).await;
    let text = format!("pid {} still runs 4.0s after the cancel: it waits for the client", one.pid);
    assert_eq!(sent.progress(sample(&after, 4.0)), Progress::Still(text));
    let mut sent = Sent::new(Signal::Terminate, it, Doing::Anything, sample(&after, 5.0));
    let meant = Meant { doing: Doing::Anything, ..meant };
    assert_eq!(acting.signal(Signal::Terminate, meant).await, Outcome::Sent);
    let after = seen(&login, "it is gone", |all| all.iter().all(|one| one.pid != it.0)).await;
    assert_eq!(sent.progress(sample(&after, 6.0)), Progress::Done(format!("pid {} ended", it.0)));
}

async fn check_console(direct: &Login, way: &Login, holder: &Login) {
    open(direct).await.batch_execute("create table held (n int)").await.unwrap();
    let holder = open(holder).await;
    holder.batch_execute("begin; lock table held").await.unwrap();
    let pid = backend(&holder).await.pid;
    let mut waiters = Vec::new();
    for _ in 0..3 {
        let waiter = open(direct).await;
        waiters.push(tokio::spawn(async move { waiter.simple_query("select * from held").await.map(drop) }));
    }
    seen(direct, "three wait", |all| all.iter().filter(|one| one.blocked_by.contains(&pid)).count() == 3).await;
    let home = tempfile::tempdir().unwrap();
    let port = way.port.to_string();
    let arguments = ["-h", &way.host, "-p", &port, "-U", &way.user, "-d", &way.database, "-w"];
    let mut terminal = Terminal::start((150, 40), home.path(), &arguments);
    terminal.wait_for("Load").await;
    terminal.press("2");
    // Who blocks others is listed first, and the first row is selected.
    terminal.wait_for(&format!("▌{pid}")).await;
    terminal.press("c");
    let screen = terminal.wait_for("Nothing to cancel").await;
    assert!(screen.contains("is idle in transaction") && screen.contains("Press K"), "{screen}");
    terminal.press("\u{1b}");
    terminal.wait("the refusal is closed", |screen| !screen.contains("Nothing to cancel")).await;
    terminal.press("K");
    let screen = terminal.wait_for(&format!("Terminate the session of pid {pid}?")).await;
    assert!(screen.contains("Its transaction, open for") && screen.contains("y terminate the session"), "{screen}");
    terminal.press("y");
    terminal.wait_for(&format!("pid {pid} ended: 3 sessions released")).await;
    assert!(!terminal.screen().contains("sent to pid"));
    for waiter in waiters {
        waiter.await.unwrap().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_console_says_what_came_of_an_end() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    check_console(&login, &login, &login).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pooler_too() {
    let Some(server) = own() else { return };
    let Some(pooler) = Pooler::start(server) else { return };
    let direct = server.database().await;
    let way = pooler.login(&direct);
    check_console(&direct, &way, &way).await;
}
