//! A list that ends at a limit holds what matters most, and knows of how many it is a part.

use std::sync::Arc;
use std::time::{Duration, Instant};

use pgdj::pg::control::Mode;
use pgdj::pg::decode;
use pgdj::pg::explain::{Agreed, Consent, ExplainRequest, Options, Runner, TIMEOUT_MS};
use pgdj::pg::own::Sql;
use pgdj::pg::server::read_facts;
use pgdj::pg::session::{Limits, Session, cancel_queue};
use pgdj::readings::cut::Cut;
use pgdj::sample::{RowSet, ServerFacts, Value};
use tokio_postgres::Client;

use crate::support::pooler::Pooler;
use crate::support::watch::PATIENCE;
use crate::support::{Login, apart, installed, open, question, servers};

async fn facts(login: &Login) -> ServerFacts {
    let (cancel_queue, _cancel_work) = cancel_queue();
    let mut session = Session::open(login, Limits::SLOW, &cancel_queue).await.unwrap();
    read_facts(&mut session, "test").await.unwrap()
}

/// Reads a probe as if its limit were so small.
async fn read(client: &Client, facts: &ServerFacts, name: &str, limits: [&str; 2]) -> RowSet {
    let probe = pgdj::pg::probes::find(name).unwrap();
    let text = Sql::of_probe(probe, facts).as_str().to_owned();
    let [usual, small] = limits.map(|limit| format!("limit {limit}"));
    assert!(text.contains(&usual), "{text}");
    let rows = client.query(&text.replace(&usual, &small), &[]).await.unwrap();
    let mut rows: Vec<_> = rows.iter().map(|row| decode::values(row).unwrap()).collect();
    // The row that tells what is gone is taken off by the sampler.
    if let Some(gone) = probe.columns.iter().position(|column| column.name == "gone") {
        rows.retain(|row| row[gone].is_null());
    }
    RowSet::new(probe.columns.into(), rows)
}

async fn pid(client: &Client) -> i64 {
    i64::from(client.query_one("select pg_backend_pid()", &[]).await.unwrap().get::<_, i32>(0))
}

/// A session that runs a statement until its connection ends.
async fn running(login: &Login, sql: &'static str) -> i64 {
    let client = open(login).await;
    let pid = pid(&client).await;
    tokio::spawn(async move { client.batch_execute(sql).await.map(drop) });
    pid
}

async fn until(client: &Client, what: &str, sql: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !client.query_one(sql, &[]).await.unwrap().get::<_, bool>(0) {
        assert!(Instant::now() < deadline, "not so: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn the_sessions_and_locks_that_matter_are_listed_first() {
    for installed in installed::ends() {
        let server = apart(installed);
        let login = server.database().await;
        let (admin, holder, other) = (open(&login).await, open(&login).await, open(&login).await);
        let facts = facts(&login).await;
        admin.batch_execute("create table a (n int); create table b (n int)").await.unwrap();
        let idle = [open(&login).await, open(&login).await, open(&login).await];
        holder.batch_execute("begin; lock table b").await.unwrap();
        other.batch_execute("begin; lock table a").await.unwrap();
        let mut urgent = vec![pid(&holder).await, pid(&other).await];
        for sql in ["select * from a", "select * from b", "select * from b", "select * from b"] {
            urgent.push(running(&login, sql).await);
        }
        let sleeper = running(&login, "select pg_sleep(600)").await;
        let sql = "select count(*) filter (where wait_event_type = 'Lock') = 4
            and count(*) filter (where wait_event = 'PgSleep') = 1 from pg_stat_activity";
        until(&admin, "four wait and one sleeps", sql).await;
        let activity = read(&admin, &facts, "activity", ["2000", "7"]).await;
        let mut listed: Vec<i64> = activity.iter().filter_map(|row| row.int("pid")).collect();
        assert_eq!(listed.last(), Some(&sleeper), "{}", server.name);
        listed.pop();
        listed.sort_unstable();
        urgent.sort_unstable();
        assert_eq!(listed, urgent, "{}", server.name);
        let cut = Cut::of(&activity).unwrap();
        assert!(cut.total >= 10, "{}: {cut:?}", server.name);
        assert_eq!(cut.words(), format!("showing 7 of {}", cut.total));
        let whole = read(&admin, &facts, "activity", ["2000", "2000"]).await;
        assert_eq!((Cut::of(&whole), whole.len()), (None, cut.total), "{}", server.name);
        // A row for who has a lock, and one for all who wait for it.
        let locks = read(&admin, &facts, "locks", ["4000", "2"]).await;
        let pids = |at: usize| locks.iter().nth(at).unwrap().get("pids").as_list().to_vec();
        assert_eq!(pids(0), [Value::Int(pid(&holder).await)], "{}: where most wait", server.name);
        assert_eq!(pids(1).len(), 3, "{}", server.name);
        assert_eq!(Cut::of(&locks), Some(Cut { shown: 2, total: 4 }), "{}", server.name);
        drop(idle);
    }
}

#[tokio::test]
async fn a_new_statement_that_is_expensive_is_listed_before_many_old_ones() {
    for installed in installed::own_and_newest() {
        let server = apart(installed);
        let login = server.database().await;
        let client = open(&login).await;
        client.batch_execute("create extension pg_stat_statements").await.unwrap();
        let facts = facts(&login).await;
        // Each has other columns, and so a queryid of its own; together they cost far more than the new one.
        for columns in 1..=30 {
            let sql = format!("select pg_sleep(0.002){}", ", 1".repeat(columns));
            for _ in 0..50 {
                client.simple_query(&sql).await.unwrap();
            }
        }
        client.simple_query("select pg_sleep(0.03) as expensive, current_user").await.unwrap();
        let sql = "select queryid from pg_stat_statements where query like '%expensive, current_user%' and query not like '%like%'";
        let newest: i64 = client.query_one(sql, &[]).await.unwrap().get(0);
        let listed = read(&client, &facts, "statements", ["5000", "20"]).await;
        assert!(listed.iter().any(|row| row.int("queryid") == Some(newest)), "{}", server.name);
        let cut = Cut::of(&listed).unwrap();
        assert!(cut.shown == 20 && cut.total > 30, "{}: {cut:?}", server.name);
    }
}

/// Each list is read to its first row alone, and counts the others.
#[tokio::test]
async fn a_list_that_is_cut_knows_of_how_many() {
    for installed in installed::ends() {
        let server = apart(installed);
        let login = server.database().await;
        let admin = open(&login).await;
        admin
            .batch_execute(
                "create extension pg_stat_statements;
                 create table a (n int primary key, m int references a);
                 create table b (n int primary key references a, m int references a);
                 select pg_create_physical_replication_slot('one'), pg_create_physical_replication_slot('two');
                 alter role current_user set work_mem = '5MB';
                 do $$ begin execute format('alter database %I set work_mem = %L', current_database(), '5MB'); end $$",
            )
            .await
            .unwrap();
        let other = open(&login).await;
        for client in [&admin, &other] {
            client.batch_execute("begin isolation level repeatable read; select count(*) from a").await.unwrap();
        }
        let reader = open(&login).await;
        let facts = facts(&login).await;
        let lists = [
            ("databases", "2000", 2),
            ("tables", "5000", 2),
            ("table_sizes", "2000", 2),
            ("column_stats", "5000", 2),
            ("indexes", "10000", 2),
            ("index_sizes", "5000", 2),
            ("index_stats", "5000", 2),
            ("foreign_keys", "5000", 3),
            ("role_settings", "500", 2),
            ("vacuum_horizon", "200", 2),
            ("slots", "200", 2),
        ];
        for (name, limit, least) in lists {
            let rows = read(&reader, &facts, name, [limit, "1"]).await;
            let cut = Cut::of(&rows).unwrap_or_else(|| panic!("{}: {name} is not known to be cut", server.name));
            assert!(cut.shown == 1 && cut.total >= least, "{}: {name}: {cut:?}", server.name);
        }
        for client in [&admin, &other] {
            client.batch_execute("rollback").await.unwrap();
        }
    }
}

/// Longer than the limit of the database below.
const LONG: &str = "select 1 from pg_catalog.pg_sleep(1)";

#[tokio::test]
async fn a_transaction_timeout_of_the_database_ends_none_of_our_transactions() {
    for server in servers().into_iter().filter(|server| server.major >= 17) {
        let login = server.database().await;
        let admin = open(&login).await;
        admin
            .batch_execute(&format!("alter database {} set transaction_timeout = '400ms'", login.database))
            .await
            .unwrap();
        let pooler = Pooler::start(server);
        for login in std::iter::once(login.clone()).chain(pooler.as_ref().map(|pooler| pooler.login(&login))) {
            // Anybody else is ended by it.
            let ended = open(&login).await.batch_execute(&format!("begin; {LONG}")).await;
            assert!(ended.is_err(), "{}: {login:?}", server.name);
            let (cancel_queue, work) = cancel_queue();
            tokio::spawn(work);
            let mut session = Session::open(&login, Limits::SLOW, &cancel_queue).await.unwrap();
            let answer = session.one(question(LONG)).await;
            assert!(matches!(&answer, Ok(Ok(_))), "{}: {login:?}: {answer:?}", server.name);
            let runner = Runner::new(Arc::new(login.clone()), Mode::Full, cancel_queue.clone());
            let request = ExplainRequest {
                sql: LONG.to_owned(),
                parameters: Vec::new(),
                guessed: Vec::new(),
                options: Options::default(),
                consent: Consent::ReadOnly,
                agreed: Agreed::Anything,
                timeout_ms: TIMEOUT_MS,
            };
            let plan = runner.run(&request, |_| {}, std::future::pending()).await;
            assert!(plan.is_ok(), "{}: {login:?}: {plan:?}", server.name);
        }
    }
}
