//! A lock on a catalog: who holds it is said, and the time waited for it is no cost.

use pgdj::sample::{Missing, Snapshot};

use crate::support::console::Console;
use crate::support::watch::quick;
use crate::support::{Login, Watched, apart, installed, open};

fn why(snapshot: &Snapshot) -> Option<&Missing> {
    snapshot.section("activity").why()
}

async fn pid(client: &tokio_postgres::Client) -> i64 {
    let pid: i32 = client.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    pid.into()
}

/// Locks a catalog that the backends cannot be listed without, on a server of its own: nobody can log in meanwhile.
async fn locked(client: &tokio_postgres::Client) {
    client.batch_execute("begin; lock table pg_catalog.pg_database in access exclusive mode").await.unwrap();
}

#[tokio::test]
async fn a_probe_that_waits_for_a_lock_names_who_holds_it_and_what_that_session_runs() {
    let Some(own) = installed::own() else { return };
    let server = apart(own);
    let login: Login = server.database().await;
    let client = open(&login).await;
    let mut watched = Watched::start(login, quick());
    watched.complete().await;
    let holder = pid(&client).await;
    locked(&client).await;
    let is_named = |it: &Snapshot| matches!(why(it), Some(Missing::Blocked { by, .. }) if *by == [holder]);
    let blocked = watched.until("the holder is named", is_named).await;
    let said = why(&blocked).unwrap().to_string();
    let expected = format!(
        "blocked by a lock that pid {holder} holds (idle in transaction, last: begin; lock table \
         pg_catalog.pg_database in access exclusive mode)"
    );
    assert_eq!(said, expected);
    // It stays named as long as it lasts, in the header too.
    let mut console = Console::new();
    for _ in 0..20 {
        let snapshot = watched.next().await;
        assert!(is_named(&snapshot), "{:?}", why(&snapshot));
        let shown = console.see(&watched, snapshot);
        let top: Vec<&str> = shown.lines().take(2).collect();
        assert!(top[0].contains("stale since ") && top[1].contains(&expected), "{}", top.join("\n"));
    }
    client.batch_execute("rollback").await.unwrap();
    watched.until("it is read again", |it| why(it).is_none()).await;
}

#[tokio::test]
async fn a_sample_that_waits_for_a_lock_costs_less_than_the_wait() {
    let Some(own) = installed::own() else { return };
    let server = apart(own);
    let login = server.database().await;
    let client = open(&login).await;
    let mut watched = Watched::start(login, quick());
    watched.complete().await;
    locked(&client).await;
    // `lock_timeout` of the sampler.
    let wait = 0.1;
    let is_blocked = |it: &Snapshot| matches!(why(it), Some(Missing::Blocked { .. }));
    watched
        .until("the wait is not charged", |it| is_blocked(it) && it.cost.elapsed.0 >= wait && it.cost.server.0 < wait)
        .await;
    client.batch_execute("rollback").await.unwrap();
}
