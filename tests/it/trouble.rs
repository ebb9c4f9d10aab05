//! Days on which things go wrong: locks, a restart, a promotion, a server that hangs.

use std::time::{Duration, Instant};

use pgdj::pg::private::{PrivateServer, ServerSetup};
use pgdj::pg::session::{Limits, Query, Session, cancel_queue};
use pgdj::readings::vitals::Lag;
use pgdj::sample::{Missing, Section, Snapshot, Value};

use crate::support::proxy::Proxy;
use crate::support::watch::{PATIENCE, quick};
use crate::support::{Login, Watched, apart, installed, open, own, question, shop};

async fn shop_of_own() -> Option<(Login, tokio_postgres::Client)> {
    let server = own()?;
    let login = server.database().await;
    let client = open(&login).await;
    shop::make(&client).await;
    client.batch_execute("create extension pg_stat_statements").await.unwrap();
    Some((login, client))
}

async fn pid(client: &tokio_postgres::Client) -> i64 {
    let pid: i32 = client.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    pid.into()
}

async fn oid(client: &tokio_postgres::Client, name: &str) -> i64 {
    client.query_one("select $1::text::regclass::oid::bigint", &[&name]).await.unwrap().get(0)
}

/// The row of a table, with its size and who locks it.
fn size_of(snapshot: &Snapshot, relid: i64) -> Option<(Option<i64>, f64, Vec<i64>)> {
    let rows = snapshot.rows("table_sizes")?;
    let row = rows.iter().find(|row| row.int("relid") == Some(relid))?;
    let by = row.get("locked_by").as_list().iter().filter_map(Value::as_int).collect();
    Some((row.int("total_bytes"), row.number("read_at").unwrap_or_default(), by))
}

/// While a lock is held or awaited: every tick section goes on, and the locked table has its last figures.
async fn check_locked(watched: &mut Watched, relid: i64, by: i64, before: (Option<i64>, f64, Vec<i64>)) {
    watched.commands.send(pgdj::pg::sampler::SamplerCommand::ReadNow).await.unwrap();
    let locked =
        watched.until("the lock is seen", |it| size_of(it, relid).is_some_and(|(_, _, pids)| pids.contains(&by))).await;
    let (bytes, read_at, _) = size_of(&locked, relid).unwrap();
    assert_eq!(bytes, before.0, "its last size stays");
    assert!((read_at - before.1).abs() < 1e-6 && locked.at.0 > read_at, "with its age");
    let then = locked.at.0;
    watched
        .until("all tick sections are newer", |it| {
            ["server", "activity", "locks", "databases", "statements"]
                .iter()
                .all(|name| matches!(it.section(name), Section::Ready(reading) if reading.at.0 > then))
        })
        .await;
    let tables = watched
        .until("the table's row says who", |it| {
            it.rows("tables").is_some_and(|rows| {
                rows.iter().any(|row| {
                    row.int("relid") == Some(relid) && row.get("locked_by").as_list().contains(&Value::Int(by))
                })
            })
        })
        .await;
    assert!(tables.section("tables").why().is_none());
}

#[tokio::test]
async fn an_access_exclusive_lock_stops_nothing() {
    let Some((login, client)) = shop_of_own().await else { return };
    let relid = oid(&client, "shop_order").await;
    let mut watched = Watched::start(login.clone(), quick());
    let first = watched.complete().await;
    let before = size_of(&first, relid).unwrap();
    assert!(before.0.unwrap() > 0);
    let holder = pid(&client).await;
    client.batch_execute("begin; lock table shop_order in access exclusive mode").await.unwrap();
    let (first, second) = (open(&login).await, open(&login).await);
    let reader = tokio::spawn(async move { first.batch_execute("select count(*) from shop_order").await });
    let writer =
        tokio::spawn(async move { second.batch_execute("update shop_order set total = 1 where id = 1").await });
    check_locked(&mut watched, relid, holder, before).await;
    let waiting = watched
        .until("both wait", |it| {
            let rows = it.rows("activity").unwrap();
            rows.iter().filter(|row| row.get("blocked_by").as_list() == [Value::Int(holder)]).count() == 2
        })
        .await;
    assert!(waiting.rows("locks").is_some());
    assert_eq!(watched.vitals().waiting, Some(2), "the header counts them");
    client.batch_execute("rollback").await.unwrap();
    reader.await.unwrap().unwrap();
    writer.await.unwrap().unwrap();
    watched.commands.send(pgdj::pg::sampler::SamplerCommand::ReadNow).await.unwrap();
    watched.until("it is read again", |it| size_of(it, relid).is_some_and(|row| row.2.is_empty())).await;
}

#[tokio::test]
async fn an_alter_table_that_waits_behind_a_reader_stops_nothing() {
    let Some((login, client)) = shop_of_own().await else { return };
    let relid = oid(&client, "shop_order").await;
    let mut watched = Watched::start(login.clone(), quick());
    let first = watched.complete().await;
    let before = size_of(&first, relid).unwrap();
    client.batch_execute("begin; select count(*) from shop_order").await.unwrap();
    let altering = open(&login).await;
    let alter_pid = pid(&altering).await;
    let alter =
        tokio::spawn(async move { altering.batch_execute("alter table shop_order add column note text").await });
    watched
        .until("the ALTER waits", |it| {
            it.rows("activity").is_some_and(|rows| {
                rows.iter().any(|row| row.int("pid") == Some(alter_pid) && !row.get("blocked_by").as_list().is_empty())
            })
        })
        .await;
    check_locked(&mut watched, relid, alter_pid, before).await;
    assert_eq!(watched.vitals().waiting, Some(1), "the header counts it");
    client.batch_execute("rollback").await.unwrap();
    alter.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_table_of_django_that_is_locked_says_who_blocks() {
    let Some((login, client)) = shop_of_own().await else { return };
    let mut watched = Watched::start(login, quick());
    watched.complete().await;
    let holder = pid(&client).await;
    client.batch_execute("begin; lock table django_content_type in access exclusive mode").await.unwrap();
    watched.commands.send(pgdj::pg::sampler::SamplerCommand::ReadNow).await.unwrap();
    let stale = watched
        .until("it is blocked", |it| {
            matches!(it.section("content_types"), Section::Stale { why: Missing::Blocked { by, .. }, .. } if *by == [holder])
        })
        .await;
    assert_eq!(
        stale.section("content_types").why().unwrap().to_string(),
        format!(
            "blocked by a lock that pid {holder} holds (idle in transaction, last: begin; lock table \
             django_content_type in access exclusive mode)"
        )
    );
    assert_eq!(stale.rows("content_types").unwrap().len(), 2);
    client.batch_execute("rollback").await.unwrap();
    watched.until("it is read again", |it| matches!(it.section("content_types"), Section::Ready(_))).await;
}

#[tokio::test]
async fn it_comes_back_when_its_backends_are_terminated() {
    let Some((login, client)) = shop_of_own().await else { return };
    let mut watched = Watched::start(login, quick());
    watched.complete().await;
    let kill = "select count(pg_terminate_backend(pid)), extract(epoch from clock_timestamp())::float8
        from pg_stat_activity where application_name = 'pgdj' and datname = current_database()";
    let is_ended = |why: &Missing| {
        let words = why.to_string();
        matches!(why, Missing::Disconnected { .. })
            && (words.contains("terminating connection due to administrator command") || words.contains("closed"))
    };
    let is_lost = |it: &Snapshot| it.section("activity").why().is_some_and(is_ended);
    let deadline = Instant::now() + PATIENCE;
    let lost = loop {
        assert!(Instant::now() < deadline, "its end is never said");
        let killed: f64 = client.query_one(kill, &[]).await.unwrap().get(1);
        // A slow machine is silent for a moment first, which is said in its place; it may be back before the next sample.
        let is_back =
            |it: &Snapshot| matches!(it.section("activity"), Section::Ready(reading) if reading.at.0 > killed);
        let seen = watched.until("it is lost, or back", |it| is_lost(it) || is_back(it)).await;
        if is_lost(&seen) {
            break seen;
        }
    };
    assert!(lost.rows("activity").is_some(), "the last figures stay");
    let then = lost.at.0;
    watched
        .until("all is read again", |it| {
            it.sections.values().all(|section| matches!(section, Section::Ready(_)))
                && it.section("table_sizes").reading().unwrap().at.0 > then
        })
        .await;
}

#[tokio::test]
async fn the_texts_of_statements_come_back_though_no_statement_is_new() {
    let Some(installed) = installed::own() else { return };
    let server = apart(installed);
    let login = server.database().await;
    let client = open(&login).await;
    client.batch_execute("create extension pg_stat_statements").await.unwrap();
    let mut watched = Watched::start(login, quick());
    let kill = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pgdj'";
    // The first time its own statements are new, and those of this test.
    for round in 0..3 {
        let has_texts = |it: &Snapshot| matches!(it.section("statement_texts"), Section::Ready(_));
        let seen = watched.until(&format!("the texts are there, round {round}"), has_texts).await;
        assert!(!seen.rows("statement_texts").unwrap().is_empty());
        client.execute(kill, &[]).await.unwrap();
        watched.until("they are lost", |it| it.section("statement_texts").why().is_some()).await;
    }
}

/// Many statements are on their way when the backend is ended: none may wait for an answer that never comes.
#[tokio::test]
async fn what_is_under_way_when_its_backend_is_terminated_ends_at_once() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    let client = open(&login).await;
    let (cancel_queue, cancel_work) = cancel_queue();
    tokio::spawn(cancel_work);
    for _ in 0..20 {
        let mut session = Session::open(&login, Limits::FAST, &cancel_queue).await.unwrap();
        let asked = session.one(question("select pg_catalog.pg_backend_pid()::bigint")).await.unwrap().unwrap();
        let pid = asked.scalar().and_then(Value::as_int).unwrap();
        let queries: Vec<Query> = (0..5).map(|_| question("select pg_catalog.pg_sleep(0.2)::text")).collect();
        let kill = format!("select pg_terminate_backend({pid})");
        let (answers, _) = tokio::join!(tokio::time::timeout(PATIENCE, session.pipeline(&queries)), async {
            tokio::time::sleep(Duration::from_millis(20)).await;
            client.execute(&kill, &[]).await.unwrap()
        });
        assert!(answers.expect("it does not wait for ever").is_err());
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_said_and_left_and_found_again() {
    let Some((login, _client)) = shop_of_own().await else { return };
    let proxy = Proxy::start(&login, Duration::ZERO);
    let mut settings = quick();
    settings.patience = Duration::from_secs(2);
    let mut watched = Watched::start(proxy.login(&login), settings);
    watched.complete().await;
    proxy.freeze();
    let silent = watched
        .until("it is said", |it| matches!(it.section("server").why(), Some(Missing::Disconnected { why, .. }) if why.contains("no answer for")))
        .await;
    let then = silent.at.0;
    watched.until("snapshots go on", |it| it.at.0 > then + 3.0).await;
    assert!(!watched.failures.is_empty(), "the connection was given up");
    proxy.thaw();
    watched.until("it is found again", |it| it.section("server").why().is_none()).await;
}

#[tokio::test]
async fn a_dropped_query_is_cancelled_on_the_server() {
    let Some((login, client)) = shop_of_own().await else { return };
    let (cancel_queue, cancel_work) = cancel_queue();
    let cancel_work = tokio::spawn(cancel_work);
    let mut session = Session::open(&login, Limits::ACT, &cancel_queue).await.unwrap();
    let waiting = session.one(question("select pg_sleep(600)"));
    assert!(tokio::time::timeout(Duration::from_millis(300), waiting).await.is_err());
    let running = "select count(*) from pg_stat_activity where application_name = 'pgdj' and datname = current_database() and state = 'active'";
    let cancelled = async {
        while client.query_one(running, &[]).await.unwrap().get::<_, i64>(0) > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, cancelled).await.expect("it is cancelled");
    drop((session, cancel_queue));
    cancel_work.await.unwrap();
}

#[tokio::test]
async fn the_guard_is_in_force() {
    let Some((login, _client)) = shop_of_own().await else { return };
    let (cancel_queue, _cancel_work) = cancel_queue();
    let mut session = Session::open(&login, Limits::FAST, &cancel_queue).await.unwrap();
    let answers = session
        .pipeline(&[
            question("create table must_not_be ()"),
            question("select current_setting('statement_timeout')"),
            question("select 1 / 0"),
            question("select current_setting('lock_timeout')"),
        ])
        .await
        .unwrap();
    let code = |at: usize| answers[at].as_ref().err().and_then(|error| error.code().map(|code| code.code().to_owned()));
    assert_eq!(code(0).as_deref(), Some("25006"), "read-only");
    assert_eq!(answers[1].as_ref().unwrap().scalar(), Some(&Value::text("2s")));
    assert_eq!(code(2).as_deref(), Some("22012"));
    assert_eq!(answers[3].as_ref().unwrap().scalar(), Some(&Value::text("100ms")));
}

#[tokio::test]
async fn a_probe_that_fails_takes_no_other_along_and_comes_back() {
    let Some((login, client)) = shop_of_own().await else { return };
    let mut watched = Watched::start(login, quick());
    watched.complete().await;
    client.batch_execute("alter function pg_stat_statements(boolean) rename to hidden").await.unwrap();
    let failed = watched.until("one fails", |it| it.section("statements").why().is_some()).await;
    let then = failed.at.0;
    let sentence = failed.section("statements").why().unwrap().to_string();
    assert!(sentence.starts_with("function public.pg_stat_statements(boolean) does not exist"), "{sentence}");
    assert!(failed.rows("statements").is_some(), "the last figures stay");
    watched
        .until("all others go on", |it| {
            let is_newer = |name: &str| matches!(it.section(name), Section::Ready(reading) if reading.at.0 > then);
            ["server", "activity", "databases"].into_iter().all(is_newer)
        })
        .await;
    client.batch_execute("alter function hidden(boolean) rename to pg_stat_statements").await.unwrap();
    watched.until("it is read again", |it| it.section("statements").why().is_none()).await;
}

#[tokio::test]
async fn the_remedy_for_an_extension_that_is_not_loaded_works_over_a_restart() {
    let Some(own) = installed::own() else { return };
    let setup = ServerSetup { bin: own.bin.clone(), ..ServerSetup::default() };
    let mut private = PrivateServer::start(&setup).unwrap();
    let login = Login {
        host: private.socket_directory().display().to_string(),
        port: private.port(),
        user: "postgres".to_owned(),
        database: "postgres".to_owned(),
    };
    let client = open(&login).await;
    let mut watched = Watched::start(login.clone(), quick());
    let before = watched.complete().await;
    let why = before.section("statements").why().unwrap().clone();
    assert_eq!(why.to_string(), "pg_stat_statements is not installed: it is not in shared_preload_libraries");
    let remedy = why.remedy().unwrap().to_owned();
    let (change, create) = remedy.split_once(" then restart the server, then ").unwrap();
    client.batch_execute(change).await.unwrap();
    let private = tokio::task::spawn_blocking(move || private.restart().map(|()| private)).await.unwrap().unwrap();
    let lost = watched
        .until("it is lost", |it| matches!(it.section("activity").why(), Some(Missing::Disconnected { .. })))
        .await;
    assert!(lost.rows("activity").is_some(), "the last figures stay on the screen");
    assert!(!watched.failures.is_empty(), "and it is said");
    let started = before.server.started;
    let back =
        watched.until("it is back", |it| it.section("activity").why().is_none() && it.server.started != started).await;
    assert_eq!(
        back.section("statements").why().unwrap().to_string(),
        "pg_stat_statements is not installed: this database does not have it"
    );
    open(&login).await.batch_execute(create).await.unwrap();
    watched.until("statements are there", |it| matches!(it.section("statements"), Section::Ready(_))).await;
    let rows = watched.until("sizes too", |it| matches!(it.section("table_sizes"), Section::Ready(_))).await;
    assert!(rows.at.0 > started.0);
    drop(private);
}

#[tokio::test]
async fn a_standby_is_read_whole_and_its_promotion_is_noticed() {
    let Some(own) = installed::own() else { return };
    // A server of its own, for a standby is seen by everybody on its primary.
    let server = apart(own);
    let login = server.database().await;
    let client = open(&login).await;
    shop::make(&client).await;
    client.batch_execute("create extension pg_stat_statements").await.unwrap();
    let standby = server.standby().await;
    let there = login.through(standby.socket_directory().display().to_string(), standby.port());
    let mut watched = Watched::start(there.clone(), quick());
    let snapshot = watched.complete().await;
    for (name, section) in &snapshot.sections {
        assert!(matches!(section, Section::Ready(_)), "{name}: {:?}", section.why());
    }
    assert!(snapshot.server.is_standby);
    watched.until("the header has the lag", |it| it.rows("wal").is_some() && it.rows("server").is_some()).await;
    assert!(
        matches!(watched.vitals().lag, Some(Lag::Behind { seconds: Some(_), bytes: Some(_) })),
        "{:?}",
        watched.vitals().lag
    );
    open(&there).await.batch_execute("select pg_promote(true, 60)").await.unwrap();
    let promoted = watched.until("it is a primary", |it| !it.server.is_standby).await;
    assert!(matches!(promoted.section("activity"), Section::Ready(_)), "nothing was lost");
}
