//! After a crash all counters are lost: what they do not know any more is not said.

use std::time::{Duration, Instant};

use pgdj::catalog::index_usage::IndexUsage;
use pgdj::catalog::table_usage::TableUsage;
use pgdj::catalog::usage::{Counting, IndexProblem, judgements};
use pgdj::findings::{self, RuleInput};
use pgdj::readings::Readings;
use pgdj::sample::Snapshot;
use rustix::process::Signal;
use tokio_postgres::{Client, NoTls};

use crate::support::watch::{PATIENCE, quick};
use crate::support::{Login, Server, Watched, apart, installed, open, signal};

/// What is said after a crash.
pub(crate) const AFTER_A_CRASH: &[(&str, &str)] = &[("crash_recovery", "the server recovered from a crash ")];

/// Kills a backend, upon which the server recovers, and returns a client of the server after that.
async fn crash(server: &Server, login: &Login, client: Client) -> Client {
    let pid: i32 = client.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    signal::send(u32::try_from(pid).unwrap(), Signal::KILL);
    let deadline = Instant::now() + PATIENCE;
    // Until the postmaster hears of it, it still takes connections, and then ends them.
    while !server.private.log().contains("reinitializing") {
        assert!(Instant::now() < deadline, "it lives on: {}", server.private.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    loop {
        let mut config = tokio_postgres::Config::new();
        config.host(&login.host).port(login.port).user(&login.user).dbname(&login.database);
        if let Ok((client, connection)) = config.connect(NoTls).await {
            let connection = tokio::spawn(connection);
            if client.simple_query("select 1").await.is_ok() {
                return client;
            }
            connection.abort();
        }
        assert!(Instant::now() < deadline, "it does not come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn rows_and_dead_rows_are_unknown_and_not_zero_or_all() {
    for installed in installed::ends() {
        let server = apart(installed);
        let login = server.database().await;
        let client = open(&login).await;
        let schema = "create table needle (n int, t text); insert into needle select i, 'x' from generate_series(1, 100000) as i;
            create index needle_n on needle (n); analyze needle";
        client.batch_execute(schema).await.unwrap();
        let before: f64 =
            client.query_one("select extract(epoch from clock_timestamp())::float8", &[]).await.unwrap().get(0);
        let client = crash(&server, &login, client).await;
        // A session that ends sends its counts; before 15 one that idles may keep them.
        let deletes = open(&login).await;
        deletes.batch_execute("delete from needle where n % 200 = 0").await.unwrap();
        drop(deletes);
        let mut watched = Watched::start(login.clone(), quick());
        let is_counted = |it: &pgdj::sample::Snapshot| {
            let tables = TableUsage::all(it).unwrap_or_default();
            let is_read = ["databases", "indexes", "table_sizes"].iter().all(|probe| it.rows(probe).is_some());
            is_read && tables.iter().any(|table| table.dead.unwrap_or(0.0) >= 500.0)
        };
        let snapshot = watched.until("the deletes are counted", is_counted).await;
        let tables = TableUsage::all(&snapshot).unwrap();
        let needle = tables.iter().find(|table| table.name == "needle").unwrap();
        assert!(needle.has_lost_counters(), "{}: {needle:?}", server.name);
        assert_eq!((needle.rows(), needle.dead_share()), (Some(100_000.0), None), "{}", server.name);
        let counting = Counting::of(&snapshot);
        let (Counting::Since(at) | Counting::AtMost(at)) = counting else { panic!("{}: {counting:?}", server.name) };
        assert!(at.0 >= before - 1.0, "{}: {counting:?} is before the crash", server.name);
        let checked = findings::check(&RuleInput::new(&Readings::of(Snapshot::clone(&snapshot)), None));
        let (rule, title) = AFTER_A_CRASH[0];
        let said = checked.list.iter().find(|finding| finding.id == rule).map(|finding| finding.title.as_str());
        assert!(said.is_some_and(|said| said.starts_with(title)), "{}: {said:?}", server.name);
        let indexes = IndexUsage::all(&snapshot).unwrap();
        let judged = judgements(&indexes, counting, snapshot.at);
        let unused: Vec<&IndexProblem> = judged.values().flat_map(|judged| &judged.verdicts).collect();
        assert_eq!(unused, [&IndexProblem::Unused { is_suspicion: true }], "{}", server.name);
        client.batch_execute("analyze needle").await.unwrap();
        let is_known = |it: &pgdj::sample::Snapshot| {
            TableUsage::all(it)
                .unwrap_or_default()
                .iter()
                .any(|table| table.dead_share().is_some_and(|share| share < 0.1))
        };
        watched.until("analyze sets them right", is_known).await;
    }
}
