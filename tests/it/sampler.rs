//! The sampler: round trips, the statements' texts, its own backends and cost.

use std::collections::HashSet;
use std::time::Duration;

use pgdj::panes::queries::figures::{Since, costs};
use pgdj::pg::sampler::Command;
use pgdj::sample::{Missing, Section, Snapshot, own as marks};

use crate::support::proxy::Proxy;
use crate::support::watch::quick;
use crate::support::{Login, Watched, open, own, servers, shop};

async fn shop_of_own() -> (Login, tokio_postgres::Client) {
    let login = own().database().await;
    let client = open(&login).await;
    shop::make(&client).await;
    client.batch_execute("create extension pg_stat_statements").await.unwrap();
    (login, client)
}

fn is_ready(snapshot: &Snapshot, probe: &str) -> bool {
    matches!(snapshot.section(probe), Section::Ready(_))
}

#[tokio::test]
async fn everything_is_read_on_every_server() {
    for server in servers() {
        let login = server.database().await;
        let client = open(&login).await;
        shop::make(&client).await;
        client.batch_execute("create extension pg_stat_statements").await.unwrap();
        let mut watched = Watched::start(login, quick());
        let snapshot = watched.complete().await;
        for (name, section) in &snapshot.sections {
            let is_newer = *name == "statements_info" && matches!(server.name.as_str(), "12" | "13");
            assert!(section.why().is_none() || is_newer, "{} {name}: {:?}", server.name, section.why());
        }
        assert!(!snapshot.server.is_pooled, "{}", server.name);
    }
}

#[tokio::test]
async fn a_sample_is_one_round_trip_whatever_number_of_probes_is_due() {
    let (login, _client) = shop_of_own().await;
    let proxy = Proxy::start(&login, Duration::from_millis(30));
    let mut settings = quick();
    settings.pace = Duration::from_secs(1);
    settings.second = Duration::from_secs(1);
    let mut watched = Watched::start(proxy.login(&login), settings);
    watched.complete().await;
    let mut sampled = Vec::new();
    for _ in 0..6 {
        // The tick's connection is the first; the slow lane has its own.
        let before = proxy.round_trips(0);
        watched.commands.send(Command::ReadNow).await.unwrap();
        let snapshot = watched.until("it was read", |snapshot| snapshot.cost.statements > 10).await;
        sampled.push((proxy.round_trips(0) - before, snapshot.cost.statements));
    }
    assert!(sampled.iter().all(|(round_trips, _)| *round_trips == 1), "round trips and statements: {sampled:?}");
}

#[tokio::test]
async fn a_slow_line_costs_one_latency() {
    let (login, _client) = shop_of_own().await;
    let latency = Duration::from_millis(200);
    let proxy = Proxy::start(&login, latency);
    let mut watched = Watched::start(proxy.login(&login), quick());
    watched.complete().await;
    let mut elapsed = Vec::new();
    while elapsed.len() < 5 {
        let cost = watched.next().await.cost;
        if cost.statements > 3 {
            elapsed.push(cost.elapsed.0);
        }
    }
    let best = elapsed.iter().copied().fold(f64::MAX, f64::min);
    assert!((0.2..0.39).contains(&best), "{elapsed:?}");
}

#[tokio::test]
async fn a_text_is_fetched_once() {
    let (login, client) = shop_of_own().await;
    client.batch_execute("select pg_stat_statements_reset()").await.unwrap();
    client
        .batch_execute("create table needle_one (); create table needle_two (); select * from needle_one")
        .await
        .unwrap();
    let mut watched = Watched::start(login, quick());
    let has = |snapshot: &Snapshot, needle: &str| {
        snapshot.rows("statement_texts").is_some_and(|rows| {
            rows.iter().any(|row| row.text("query").starts_with("select") && row.text("query").contains(needle))
        })
    };
    watched.until("the first text is there", |snapshot| has(snapshot, "needle_one")).await;
    client.batch_execute("select count(*) from needle_two").await.unwrap();
    watched.until("both texts are there", |it| has(it, "needle_one") && has(it, "needle_two")).await;
    let texts_asked = async || -> i64 {
        let sql =
            "select coalesce(sum(calls), 0)::bigint from pg_stat_statements where query like '%pgdj statement_texts%'";
        client.query_one(sql, &[]).await.unwrap().get(0)
    };
    // Statements of others on this server may still bring texts; those that are known are not asked for again.
    let before = texts_asked().await;
    let at = watched.next().await.at.0;
    watched.until("two seconds have passed", |snapshot| snapshot.at.0 > at + 2.0).await;
    let asked = texts_asked().await - before;
    assert!(asked <= 5, "texts were asked for {asked} times in two seconds of 20 samples");
}

#[tokio::test]
async fn its_own_backends_are_in_no_count_and_its_cost_is_known() {
    let (login, _client) = shop_of_own().await;
    let mut watched = Watched::start(login, quick());
    watched.complete().await;
    let snapshot = watched.until("server time is known", |it| it.cost.server.0 > 0.0 && is_ready(it, "server")).await;
    let activity = snapshot.rows("activity").unwrap();
    assert!(activity.iter().all(|row| row.text("application") != "pgdj"));
    assert!(activity.iter().any(|row| row.text("application") == "shop"));
    let server = snapshot.rows("server").unwrap().first().unwrap();
    assert!(server.int("own_backends").unwrap() >= 2, "tick and slow");
    let cost = snapshot.cost;
    assert!(cost.round_trips >= 1 && cost.statements >= 1 && cost.server.0 < 1.0 && cost.elapsed.0 > 0.0, "{cost:?}");
}

#[tokio::test]
async fn the_pace_can_be_changed_and_a_dear_sample_slows_down() {
    let (login, _client) = shop_of_own().await;
    let mut settings = quick();
    settings.budget = 0.000_001;
    let mut watched = Watched::start(login, settings);
    let slowed = watched.until("it slows down", |it| it.cost.pace.0 > it.cost.wanted_pace.0 * 1.05).await;
    assert!((slowed.cost.wanted_pace.0 - 0.1).abs() < 1e-9);
    watched.commands.send(Command::Pace(Duration::from_secs(3))).await.unwrap();
    watched.until("the pace is another", |it| (it.cost.wanted_pace.0 - 3.0).abs() < 1e-9).await;
    watched.commands.send(Command::Stop).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), watched.task).await.expect("it stops").unwrap();
}

#[tokio::test]
async fn tables_of_django_that_come_later_are_found() {
    let login = own().database().await;
    let client = open(&login).await;
    let mut watched = Watched::start(login, quick());
    let snapshot = watched.complete().await;
    assert!(matches!(snapshot.section("content_types").why(), Some(Missing::Unsupported { .. })));
    shop::make(&client).await;
    watched.commands.send(Command::ReadNow).await.unwrap();
    watched.until("models are there", |it| is_ready(it, "content_types")).await;
}

/// The queryids of what a role ran, but for commits.
async fn of_role(client: &tokio_postgres::Client, role: &str) -> HashSet<i64> {
    let sql = "select queryid from pg_stat_statements as s join pg_roles as r on r.oid = s.userid
        where r.rolname = $1 and query <> 'commit'";
    client.query(sql, &[&role]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn its_own_statements_are_told_by_their_mark_and_are_in_no_figure() {
    for server in servers() {
        let login = server.database().await;
        let client = open(&login).await;
        shop::make(&client).await;
        client.batch_execute("create extension pg_stat_statements").await.unwrap();
        // A role of its own: whatever it ran was this program's.
        let role = server.role("marked", "grant pg_read_all_stats to marked").await;
        let mut watched = Watched::start(login.with_user(&role), quick());
        let first = watched.complete().await;
        watched.commands.send(Command::ReadNow).await.unwrap();
        watched
            .until("texts of its own are known", |it| {
                let texts = it.rows("statement_texts").into_iter().flat_map(pgdj::sample::RowSet::iter);
                it.at.0 > first.at.0 + 1.0 && texts.filter(|row| marks::is_own(row.text("query"))).count() > 10
            })
            .await;
        client.batch_execute("select count(*) as needle_of_a_client from shop_order").await.unwrap();
        let sql = "select query from pg_stat_statements as s join pg_roles as r on r.oid = s.userid where r.rolname = 'marked'";
        let ran: Vec<String> = client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
        let unmarked: Vec<&String> = ran.iter().filter(|query| !marks::is_own(query) && *query != "commit").collect();
        assert!(unmarked.is_empty() && ran.len() > 10, "{}: {unmarked:#?} of {}", server.name, ran.len());
        let shown = |watched: &Watched| costs(&watched.history, watched.history.last()?, Since::Reset);
        let is_there = |watched: &Watched, needle: &str| {
            let snapshot = watched.history.newest().unwrap();
            let id = snapshot
                .rows("statement_texts")
                .unwrap()
                .iter()
                .find(|row| row.text("query").contains(needle))
                .and_then(|row| row.int("queryid"));
            id.is_some_and(|id| shown(watched).unwrap().statements.iter().any(|it| it.queryid == id))
        };
        for _ in 0..300 {
            if is_there(&watched, "needle_of_a_client") {
                break;
            }
            watched.next().await;
        }
        assert!(is_there(&watched, "needle_of_a_client"), "{}: the statement of a client is not shown", server.name);
        let own: HashSet<i64> = of_role(&client, "marked").await;
        // The same text has the same id whoever runs it: other tests' roles run BEGIN too.
        let statements = shown(&watched).unwrap().statements;
        let shown: Vec<i64> = statements.iter().filter(|it| it.user == role).map(|it| it.queryid).collect();
        let leaked: Vec<&i64> = shown.iter().filter(|id| own.contains(id)).collect();
        assert!(leaked.is_empty(), "{}: {leaked:?}", server.name);
    }
}
