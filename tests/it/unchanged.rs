//! What did not change is kept and not read again: what is shown is what a whole reading would show.

use std::collections::BTreeMap;

use pgdj::sample::Snapshot;
use tokio_postgres::Client;

use crate::support::watch::quick;
use crate::support::{Login, Watched, apart, installed, open};

/// Sessions beyond the limit up to which all are read each time.
const MANY: usize = 60;

/// Returns pid, state, transaction and statement of the clients that are shown.
fn shown(snapshot: &Snapshot) -> BTreeMap<i64, String> {
    let rows = snapshot.rows("activity").map(|rows| rows.iter().collect::<Vec<_>>()).unwrap_or_default();
    let of_client = rows.iter().filter(|row| row.text("application").starts_with("client"));
    let line = |row: &pgdj::sample::Row<'_>| {
        format!("{} {} {}", row.text("state"), !row.get("xact_start").is_null(), row.text("query"))
    };
    of_client.map(|row| (row.int("pid").unwrap(), line(row))).collect()
}

/// Returns the same as the server says it.
async fn there(admin: &Client) -> BTreeMap<i64, String> {
    let sql = "select pid::int8, state || ' ' || (xact_start is not null)::text || ' ' || query
        from pg_stat_activity where application_name like 'client%'";
    admin.query(sql, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn client(login: &Login, number: usize) -> Client {
    let client = open(login).await;
    client.batch_execute(&format!("set application_name = 'client {number}'")).await.unwrap();
    client
}

#[tokio::test]
async fn every_session_is_shown_as_it_is_whatever_a_few_of_many_do() {
    for installed in installed::ends() {
        let server = apart(installed);
        let login = server.database().await;
        let admin = open(&login).await;
        let mut clients = Vec::new();
        for number in 0..MANY {
            clients.push(client(&login, number).await);
        }
        let mut watched = Watched::start(login.clone(), quick());
        watched.until("all are shown", |snapshot| shown(snapshot).len() == MANY).await;
        for round in 0..12 {
            let (first, second) = (round * 3 % MANY, (round * 7 + 1) % MANY);
            clients[first].batch_execute(&format!("select {round}")).await.unwrap();
            clients[second].batch_execute("commit; begin; select 'in a transaction'").await.unwrap();
            // One goes, and one comes.
            let place = (round * 11 + 2) % MANY;
            clients[place] = client(&login, MANY + round).await;
            clients[(round * 5) % MANY].batch_execute("rollback").await.unwrap();
            // The one that was closed may take a moment to end.
            let deadline = std::time::Instant::now() + crate::support::watch::PATIENCE;
            loop {
                let there = there(&admin).await;
                if there.len() == MANY {
                    watched.until("what is there is shown", |snapshot| shown(snapshot) == there).await;
                    break;
                }
                assert!(std::time::Instant::now() < deadline, "{}: {}", server.name, there.len());
            }
            let total = |snapshot: &Snapshot| snapshot.rows("activity")?.iter().map(|row| row.int("total")).max()?;
            let rows = |snapshot: &Snapshot| snapshot.rows("activity").map(|rows| i64::try_from(rows.len()).unwrap());
            let newest = watched.next().await;
            assert_eq!(total(&newest), rows(&newest), "{}: none is cut", server.name);
        }
    }
}

/// Returns the calls of each statement of a kind that is shown.
fn calls_shown(snapshot: &Snapshot) -> BTreeMap<i64, i64> {
    let rows = snapshot.rows("statements").map(|rows| rows.iter().collect::<Vec<_>>()).unwrap_or_default();
    rows.iter().map(|row| (row.int("queryid").unwrap(), row.int("calls").unwrap())).collect()
}

/// Returns the calls of each statement that the test ran.
async fn calls_there(admin: &Client) -> BTreeMap<i64, i64> {
    let sql =
        "select queryid, sum(calls)::int8 from pg_stat_statements where query like 'select $1 as needle_%' group by 1";
    admin.query(sql, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test]
async fn every_statement_has_its_calls_whatever_ran_came_or_went() {
    for installed in installed::ends() {
        let server = apart(installed);
        let login = server.database().await;
        let admin = open(&login).await;
        admin.batch_execute("create extension pg_stat_statements").await.unwrap();
        let mut ran = 0;
        let mut watched = Watched::start(login.clone(), quick());
        for round in 0..8 {
            for number in 0..(20 + round * 10) {
                // Another number of columns is another statement.
                let columns = ", 1".repeat(number % 40);
                admin.simple_query(&format!("select {round} as needle_{}{columns}", number % 7)).await.unwrap();
                ran += 1;
            }
            if round == 5 {
                admin.batch_execute("select pg_stat_statements_reset()").await.unwrap();
                admin.simple_query("select 1 as needle_0").await.unwrap();
            }
            let there = calls_there(&admin).await;
            assert!(!there.is_empty() && ran > 0);
            let is_shown = |snapshot: &Snapshot| {
                let shown = calls_shown(snapshot);
                there.iter().all(|(id, calls)| shown.get(id) == Some(calls))
            };
            let seen = watched.until("the calls are the server's", is_shown).await;
            let known: i64 =
                admin.query_one("select count(*) from pg_stat_statements where calls > 0", &[]).await.unwrap().get(0);
            // What pgdj itself runs meanwhile may be some more.
            let shown = i64::try_from(calls_shown(&seen).len()).unwrap();
            assert!(shown <= known && known - shown < 30, "{}: {shown} of {known}", server.name);
            let is_taken_off = |row: pgdj::sample::Row<'_>| row.get("mark").is_null() && row.get("gone").is_null();
            assert!(seen.rows("statements").unwrap().iter().all(is_taken_off));
        }
    }
}
