//! What an act can do is said before it is asked, and what came of it afterwards: on every server, and behind PgBouncer.

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use pgdj::pg::control::{BackendKey as Meant, Doing, Signal, SignalOutcome};
use pgdj::pg::own::Sql;
use pgdj::pg::session::{Limits, Query, Session, cancel_queue};
use pgdj::readings::act::{Prospect, prospect};
use pgdj::readings::act_result::{Sample, Sent, SignalProgress};
use pgdj::readings::backends::{Backend, backends};
use pgdj::sample::{RowSet, ServerFacts, Timestamp};
use tokio_postgres::Client;

use crate::control::{Acting, backend, facts};
use crate::support::pooler::Pooler;
use crate::support::pty::Terminal;
use crate::support::watch::PATIENCE;
use crate::support::{Login, Server, apart, installed, open, own, servers};

/// Reads the sessions as the probe does, until something is true of them.
async fn seen(login: &Login, what: &str, is: impl Fn(&[Backend]) -> bool) -> Vec<Backend> {
    let (cancel_queue, _cancel_work) = cancel_queue();
    let mut session = Session::open(login, Limits::FAST, &cancel_queue).await.unwrap();
    let facts = facts(login).await;
    let probe = pgdj::pg::probes::find("activity").unwrap();
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        let query = Query::new(Sql::of_probe(probe, &facts));
        let rows = session.one(query).await.unwrap().unwrap().rows;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64();
        let all = backends(&RowSet::new(probe.columns.into(), rows), pgdj::sample::Timestamp(now));
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
            assert!(
                why.contains("it runs no statement") && why.contains("Press Esc, then K"),
                "{}: {why}",
                server.name
            );
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
    let over = SignalOutcome::Over { what: "statement" };
    assert_eq!(acting.signal(Signal::Cancel, Meant { doing: earlier, ..it }).await, over, "{}", server.name);
    let successor = Meant { started: Timestamp(it.started.0 - 0.000_01), ..it };
    assert_eq!(acting.signal(Signal::Cancel, successor).await, SignalOutcome::Reused, "{}", server.name);
    assert_eq!(acting.signal(Signal::Cancel, Meant { doing: plan.doing, ..it }).await, SignalOutcome::Sent);
    let (result, client) = running.await.unwrap();
    assert_eq!(result.unwrap_err().code().unwrap().code(), "57014", "{}", server.name);
    client.batch_execute("rollback; begin; select 1").await.unwrap();
    let all = seen(login, "it is idle in a transaction", |all| state_of(all, it.pid) == "idle in transaction").await;
    let one = find(&all, it.pid);
    let meant = Doing::Transaction(Timestamp(one.xact_started.unwrap()));
    client.batch_execute("commit; begin; select 1").await.unwrap();
    let over = SignalOutcome::Over { what: "transaction" };
    assert_eq!(acting.signal(Signal::Terminate, Meant { doing: meant, ..it }).await, over, "{}", server.name);
    client.batch_execute("commit").await.unwrap();
    let all = seen(login, "the checkpointer", |all| all.iter().any(|one| one.kind == "checkpointer")).await;
    let checkpointer = all.iter().find(|one| one.kind == "checkpointer").unwrap();
    let meant = Meant { pid: checkpointer.pid, started: Timestamp(checkpointer.started), doing: Doing::Anything };
    assert_eq!(acting.signal(Signal::Terminate, meant).await, SignalOutcome::NotASession, "{}", server.name);
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
                let is_denied = matches!(outcome, SignalOutcome::Denied { .. });
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
    let graph = pgdj::readings::lock_graph::LockGraph::default();
    let sample = |backends, at| Sample { backends, graph: &graph, at, is_whole: true };
    let (pid, started) = (one.pid, one.started);
    let mut sent = Sent::new(Signal::Cancel, pid, started, plan.doing, sample(&all, 0.0));
    let mut acting = Acting::start(&login).await;
    let meant = Meant { pid: one.pid, started: Timestamp(one.started), doing: plan.doing };
    assert_eq!(acting.signal(Signal::Cancel, meant).await, SignalOutcome::Sent);
    let after = seen(&login, "it still waits", |all| all.iter().any(|one| writes(&one))).await;
    let text = format!("pid {} still runs 4.0s after the cancel: it waits for the client", one.pid);
    assert_eq!(sent.progress(sample(&after, 4.0)), SignalProgress::Still(text));
    let mut sent = Sent::new(Signal::Terminate, pid, started, Doing::Anything, sample(&after, 5.0));
    let meant = Meant { doing: Doing::Anything, ..meant };
    assert_eq!(acting.signal(Signal::Terminate, meant).await, SignalOutcome::Sent);
    let after = seen(&login, "it is gone", |all| all.iter().all(|one| one.pid != pid)).await;
    assert_eq!(sent.progress(sample(&after, 6.0)), SignalProgress::Done(format!("pid {pid} ended")));
}

/// Returns what an act is said to do; it has to be offered.
fn effect(kind: Signal, one: &Backend, all: &[Backend], facts: &ServerFacts) -> String {
    match prospect(kind, one, all, facts) {
        Prospect::Possible(plan) => plan.effect,
        Prospect::Refused(refusal) => panic!("{refusal:?}"),
    }
}

fn function(kind: Signal) -> &'static str {
    match kind {
        Signal::Cancel => "pg_cancel_backend",
        Signal::Terminate => "pg_terminate_backend",
    }
}

async fn configure(admin: &Client, settings: &[(&str, &str)]) {
    for (name, value) in settings {
        admin.batch_execute(&format!("alter system set {name} = '{value}'")).await.unwrap();
    }
    admin.batch_execute("select pg_reload_conf()").await.unwrap();
}

/// A cancel and an end do the same to a standby: it reconnects, and has what was written meanwhile.
#[tokio::test]
async fn a_standby_comes_back_after_its_walsender_is_cancelled_or_ended() {
    for installed in installed::ends() {
        let server = &apart(installed);
        let login = server.database().await;
        let admin = open(&login).await;
        admin.batch_execute("create table t (n int)").await.unwrap();
        let standby = server.standby().await;
        let there = open(&login.through(standby.socket_directory().display().to_string(), standby.port())).await;
        let facts = facts(&login).await;
        let is_streaming = |one: &&Backend| one.kind == "walsender" && one.state == "active";
        for (kind, count) in [(Signal::Cancel, 1_i64), (Signal::Terminate, 2)] {
            let all = seen(&login, "it streams", |all| all.iter().any(|one| is_streaming(&one))).await;
            let one = all.iter().find(is_streaming).unwrap();
            let effect = effect(kind, one, &all, &facts);
            assert!(
                effect.contains("The standby loses its connection, reconnects by itself and catches up"),
                "{effect}"
            );
            assert!(says(&admin, function(kind), one.pid).await);
            admin.batch_execute("insert into t values (1)").await.unwrap();
            let after = |all: &[Backend]| all.iter().any(|it| is_streaming(&it) && it.pid != one.pid);
            let all = seen(&login, "another walsender streams", after).await;
            assert!(all.iter().all(|it| it.pid != one.pid), "{}: pid {} is still there", server.name, one.pid);
            let deadline = std::time::Instant::now() + PATIENCE;
            while there.query_one("select count(*) from t", &[]).await.unwrap().get::<_, i64>(0) < count {
                assert!(std::time::Instant::now() < deadline, "{}: it does not catch up", server.name);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// A subscriber reconnects too, and its worker is started again.
#[tokio::test]
async fn a_subscription_goes_on_after_either_of_its_ends_is_ended() {
    for installed in installed::ends() {
        let server = &apart(installed);
        let (from, to) = (server.database().await, server.database().await);
        let (publisher, subscriber) = (open(&from).await, open(&to).await);
        configure(&publisher, &[("wal_retrieve_retry_interval", "200ms")]).await;
        for client in [&publisher, &subscriber] {
            client.batch_execute("create table t (n int)").await.unwrap();
        }
        publisher.batch_execute("create publication p for table t").await.unwrap();
        publisher.batch_execute("select pg_create_logical_replication_slot('s', 'pgoutput')").await.unwrap();
        // A slot made by CREATE SUBSCRIPTION would wait for the transaction that makes it: both are on one server.
        let subscribe = format!(
            "create subscription s connection 'host={} port={} user=postgres dbname={}' publication p
             with (create_slot = false, slot_name = 's', copy_data = false)",
            from.host, from.port, from.database
        );
        subscriber.batch_execute(&subscribe).await.unwrap();
        let facts = facts(&from).await;
        let is_sender = |one: &&Backend| one.kind == "walsender" && one.state == "active";
        let is_worker = |one: &&Backend| one.kind.starts_with("logical replication") && !one.kind.ends_with("launcher");
        let acts = [
            (Signal::Cancel, "reconnects by itself", true),
            (Signal::Terminate, "reconnects by itself", true),
            (Signal::Terminate, "starts the worker again after wal_retrieve_retry_interval", false),
        ];
        for (count, (kind, words, is_of_sender)) in (1_i64..).zip(acts) {
            let is_it = |one: &&Backend| if is_of_sender { is_sender(one) } else { is_worker(one) };
            let all = seen(&from, "it runs", |all| all.iter().any(|one| is_it(&one))).await;
            let one = all.iter().find(is_it).unwrap();
            let effect = effect(kind, one, &all, &facts);
            assert!(effect.contains(words), "{}: {effect}", server.name);
            assert!(says(&publisher, function(kind), one.pid).await);
            publisher.batch_execute("insert into t values (1)").await.unwrap();
            let has_another = |all: &[Backend]| all.iter().any(|it| is_it(&it) && it.pid != one.pid);
            seen(&from, "another runs", has_another).await;
            let deadline = std::time::Instant::now() + PATIENCE;
            while subscriber.query_one("select count(*) from t", &[]).await.unwrap().get::<_, i64>(0) < count {
                assert!(std::time::Instant::now() < deadline, "{}: {count} rows do not come", server.name);
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        subscriber.batch_execute("alter subscription s disable").await.unwrap();
        subscriber.batch_execute("alter subscription s set (slot_name = none)").await.unwrap();
        subscriber.batch_execute("drop subscription s").await.unwrap();
    }
}

/// Who waits for a synchronous standby has committed: neither act undoes it.
#[tokio::test]
async fn who_waits_for_a_synchronous_standby_has_committed() {
    for installed in installed::ends() {
        let server = &apart(installed);
        let login = server.database().await;
        let admin = open(&login).await;
        admin.batch_execute("create table t (n int)").await.unwrap();
        configure(&admin, &[("synchronous_standby_names", "nobody")]).await;
        let facts = facts(&login).await;
        let said = [
            (
                Signal::Cancel,
                "gets a warning and no error",
                "canceling wait for synchronous replication due to user request",
            ),
            (Signal::Terminate, "stays committed. The client loses its connection", "terminating connection due to"),
        ];
        for (count, (kind, words, logged)) in (1_i64..).zip(said) {
            let client = open(&login).await;
            let pid = backend(&client).await.pid;
            let running = tokio::spawn(async move {
                let result = client.batch_execute("insert into t values (1)").await;
                (result, client)
            });
            let all = seen(&login, "it waits", |all| find(all, pid).wait == "IPC:SyncRep").await;
            let effect = effect(kind, find(&all, pid), &all, &facts);
            assert!(
                effect.contains("already committed here and stays committed") && effect.contains(words),
                "{effect}"
            );
            assert!(says(&admin, function(kind), pid).await);
            let (result, client) = running.await.unwrap();
            match kind {
                Signal::Cancel => {
                    result.unwrap();
                    client.batch_execute("select 1").await.unwrap();
                }
                Signal::Terminate => assert!(client.batch_execute("select 1").await.is_err(), "{}", server.name),
            }
            let rows: i64 = admin.query_one("select count(*) from t", &[]).await.unwrap().get(0);
            assert_eq!(rows, count, "{}", server.name);
            assert!(server.private.log().contains(logged), "{}", server.name);
        }
    }
}

async fn vacuums(login: &Login, what: &str, is: impl Fn(&Backend) -> bool) -> (Backend, Vec<Backend>) {
    let is_it = |one: &&Backend| one.kind == "autovacuum worker" && is(one);
    let all = seen(login, what, |all| all.iter().any(|one| is_it(&one))).await;
    (all.iter().find(is_it).unwrap().clone(), all)
}

/// The table that an autovacuum worker is at: whether it also analyzes it is another matter.
fn table(one: &Backend) -> Option<&str> {
    one.query.split_whitespace().find(|word| word.starts_with("public."))
}

/// A cancel is for one table, an end for the worker; the tables stay due.
#[tokio::test]
async fn autovacuum_comes_back_to_a_table() {
    for installed in installed::ends() {
        let mut server = apart(installed);
        let login = server.database().await;
        let admin = open(&login).await;
        // The launcher gives up a worker that has not started within the naptime, as on a busy machine.
        configure(&admin, &[("autovacuum_max_workers", "1"), ("autovacuum_naptime", "5s")]).await;
        drop(admin);
        server.private.restart().unwrap();
        let admin = open(&login).await;
        let slow =
            "autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1, toast.autovacuum_enabled = off";
        let make = format!(
            "create table a (n int) with ({slow}, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 0);
             create table b (like a) with ({slow}, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 0);
             insert into a select generate_series(1, 100000); insert into b table a; delete from a; delete from b"
        );
        // A session that is idle may keep its counters to itself (up to 14), one that ends reports them to autovacuum.
        open(&login).await.batch_execute(&make).await.unwrap();
        configure(&admin, &[("autovacuum", "on")]).await;
        let facts = facts(&login).await;
        let of = |query: &'static str| move |one: &Backend| one.query.contains(query);
        let (first, all) = vacuums(&login, "a table is vacuumed", of(" public.")).await;
        let effect = |kind, one: &Backend, all: &[Backend]| self::effect(kind, one, all, &facts);
        let said = effect(Signal::Cancel, &first, &all);
        assert!(
            said.contains("continues with the next one. The table is due again after autovacuum_naptime"),
            "{said}"
        );
        assert!(says(&admin, "pg_cancel_backend", first.pid).await);
        let is_next = |one: &Backend| one.pid == first.pid && table(one) != table(&first);
        let (next, all) = vacuums(&login, "the worker goes on with the other table", is_next).await;
        let said = effect(Signal::Terminate, &next, &all);
        assert!(said.starts_with("The worker ends; autovacuum starts another when it is due."), "{said}");
        assert!(says(&admin, "pg_terminate_backend", next.pid).await);
        let is_again = |one: &Backend| one.pid != first.pid && table(one) == table(&first);
        let (again, _) = vacuums(&login, "another worker comes to the first table", is_again).await;
        assert!(says(&admin, "pg_terminate_backend", again.pid).await);
        let age = format!(
            "drop table a, b; create table w (n int) with ({slow}, autovacuum_enabled = off, autovacuum_freeze_max_age = 100000);
             insert into w select generate_series(1, 100000)"
        );
        admin.batch_execute(&age).await.unwrap();
        let spend = "do $$ begin for i in 1 .. 110000 loop perform txid_current(); commit; end loop; end $$";
        admin.batch_execute(spend).await.unwrap();
        let (urgent, all) = vacuums(&login, "it prevents wraparound", of("public.w (to prevent wraparound)")).await;
        let said = effect(Signal::Cancel, &urgent, &all);
        assert!(said.contains("has to finish: autovacuum starts it again within autovacuum_naptime"), "{said}");
        assert!(says(&admin, "pg_cancel_backend", urgent.pid).await);
        let is_later = |one: &Backend| table(one) == table(&urgent) && one.query_started > urgent.query_started;
        vacuums(&login, "it is started again", is_later).await;
    }
}

/// A transaction that failed within a savepoint keeps the locks of before.
#[tokio::test]
async fn an_aborted_transaction_may_still_hold_locks() {
    for server in servers() {
        let login = server.database().await;
        let (holder, waiter) = (open(&login).await, open(&login).await);
        let pid = backend(&holder).await.pid;
        holder.batch_execute("create table t (n int)").await.unwrap();
        holder.batch_execute("begin; lock table t; savepoint a").await.unwrap();
        holder.batch_execute("select 1/0").await.unwrap_err();
        let waiting = tokio::spawn(async move { waiter.simple_query("select * from t").await.map(drop) });
        let all = seen(&login, "one waits", |all| all.iter().any(|one| one.blocked_by.contains(&pid))).await;
        assert_eq!(state_of(&all, pid), "idle in transaction (aborted)", "{}", server.name);
        let why = refused(Signal::Cancel, find(&all, pid), &all, facts(&login).await.as_ref()).unwrap();
        assert!(why.contains("it still holds the locks taken before that"), "{}: {why}", server.name);
        holder.batch_execute("rollback").await.unwrap();
        waiting.await.unwrap().unwrap();
    }
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
    terminal.wait_for(&format!("▌▾ {pid}")).await;
    terminal.press("c");
    let screen = terminal.wait_for("Nothing to cancel").await;
    assert!(screen.contains("is idle in transaction") && screen.contains("Press Esc, then K"), "{screen}");
    terminal.press("\u{1b}");
    terminal.wait("the refusal is closed", |screen| !screen.contains("Nothing to cancel")).await;
    terminal.press("K");
    terminal.wait_for(&format!("Terminate the session of pid {pid}?")).await;
    // A frame comes in pieces: the buttons stand in its last lines.
    let screen = terminal.wait_for("y terminate the session").await;
    assert!(screen.contains("Its transaction, open for"), "{screen}");
    terminal.press("y");
    terminal.wait_for(&format!("pid {pid} ended: 3 sessions no longer wait")).await;
    assert!(!terminal.screen().contains("waiting for it"));
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
async fn several_that_are_marked_are_ended_together() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    let mut pids = Vec::new();
    let mut holders = Vec::new();
    for _ in 0..3 {
        let holder = open(&login).await;
        holder.batch_execute("set application_name = 'marked_by_a_test'; begin; select 1").await.unwrap();
        pids.push(backend(&holder).await.pid);
        holders.push(holder);
    }
    let home = tempfile::tempdir().unwrap();
    let port = login.port.to_string();
    let arguments = ["-h", &login.host, "-p", &port, "-U", &login.user, "-d", &login.database, "-w"];
    let mut terminal = Terminal::start((150, 40), home.path(), &arguments);
    terminal.wait_for("Load").await;
    terminal.press("2/marked_by_a_test\r");
    terminal.wait_for("3 of ").await;
    terminal.press("gmmK");
    let screen = terminal.wait_for("Terminate 2 sessions?").await;
    let hit: Vec<i64> = pids.iter().copied().filter(|pid| screen.contains(&format!("pid {pid}"))).collect();
    assert_eq!(hit.len(), 2, "{screen}");
    terminal.wait_for("y terminate these sessions").await;
    terminal.press("y");
    let ended = |screen: &str| hit.iter().all(|pid| screen.contains(&format!("pid {pid} ended")));
    terminal.wait("what came of both", ended).await;
    for (pid, holder) in pids.iter().zip(holders) {
        assert_eq!(holder.simple_query("select 1").await.is_err(), hit.contains(pid), "{pid}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_pooler_too() {
    let Some(server) = own() else { return };
    let Some(pooler) = Pooler::start(server) else { return };
    let direct = server.database().await;
    let way = pooler.login(&direct);
    check_console(&direct, &way, &way).await;
}
