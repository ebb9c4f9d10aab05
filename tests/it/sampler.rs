//! The sampler: round trips, the statements' texts, its own backends and cost.

use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgdj::pg::sampler::SamplerCommand;
use pgdj::readings::Readings;
use pgdj::readings::past::Past;
use pgdj::readings::statements::{Costs, Since};
use pgdj::sample::{History, Missing, Section, Snapshot, own as marks};

use crate::support::proxy::Proxy;
use crate::support::watch::{PATIENCE, quick};
use crate::support::{Login, Watched, apart, installed, open, own, servers, shop};

async fn shop_of_own() -> Option<(Login, tokio_postgres::Client)> {
    let server = own()?;
    let login = server.database().await;
    let client = open(&login).await;
    shop::make(&client).await;
    client.batch_execute("create extension pg_stat_statements").await.unwrap();
    Some((login, client))
}

fn is_ready(snapshot: &Snapshot, probe: &str) -> bool {
    matches!(snapshot.section(probe), Section::Ready(_))
}

/// What the statements cost since the reset of their counters.
fn since_reset(history: &History) -> Option<Rc<Costs>> {
    let moment = history.last()?;
    Readings::of(Arc::clone(history.newest()?)).costs(Past { history, moment }, Since::Reset)
}

#[tokio::test]
async fn everything_is_read_on_every_server() {
    for server in servers() {
        let login = server.database().await;
        let client = open(&login).await;
        shop::make(&client).await;
        client.batch_execute("create extension pg_stat_statements").await.unwrap();
        let mut watched = Watched::start(login, quick());
        // On a machine that has more to do a probe may run into its timeout, once.
        let is_newer = |name: &str| name == "statements_info" && server.major < 14;
        let is_read = |(name, section): (&&'static str, &Section)| section.why().is_none() || is_newer(name);
        let snapshot = watched.until(&server.name, |it| it.sections.iter().all(is_read)).await;
        assert!(!snapshot.server.is_pooled, "{}", server.name);
    }
}

#[tokio::test]
async fn a_sample_is_one_round_trip_whatever_number_of_probes_is_due() {
    let Some((login, _client)) = shop_of_own().await else { return };
    // Round trips are told apart by the pause between them: long beside any that the machine makes by itself.
    let proxy = Proxy::start(&login, Duration::from_millis(300));
    let mut settings = quick();
    // No sample but those that are asked for.
    settings.pace = Duration::from_secs(3600);
    settings.second = Duration::from_secs(3600);
    let mut watched = Watched::start(proxy.login(&login), settings);
    let mut sampled = Vec::new();
    let mut snapshot = watched.next().await;
    while sampled.len() < 6 || !is_ready(&snapshot, "statements") {
        // The tick's connection is the first; the slow lane has its own.
        let before = proxy.round_trips(0);
        watched.commands.send(SamplerCommand::ReadNow).await.unwrap();
        snapshot = watched.until("it was read", |snapshot| snapshot.cost.elapsed.0 > 0.0).await;
        sampled.push((proxy.round_trips(0) - before, snapshot.cost.statements));
    }
    assert!(sampled.iter().all(|(_, statements)| *statements >= 5), "{sampled:?}");
    // What is asked a second time is prepared first, all in one round trip.
    assert!(sampled.iter().all(|(round_trips, _)| *round_trips <= 2), "round trips and statements: {sampled:?}");
    let later = &sampled[3..];
    assert!(later.iter().all(|(round_trips, _)| *round_trips == 1), "round trips and statements: {sampled:?}");
}

#[tokio::test]
async fn the_cost_of_a_sample_counts_the_latency() {
    let Some((login, _client)) = shop_of_own().await else { return };
    let latency = 0.2;
    let proxy = Proxy::start(&login, Duration::from_secs_f64(latency));
    let mut watched = Watched::start(proxy.login(&login), quick());
    // That it is one latency and not several is counted in round trips below: a busy machine adds to the time.
    watched
        .until("a sample of several statements has come over the slow line", |snapshot| {
            let elapsed = snapshot.cost.elapsed.0;
            assert!(elapsed == 0.0 || elapsed >= latency, "no answer can be there after {elapsed} s");
            snapshot.cost.statements > 1 && elapsed > 0.0
        })
        .await;
}

#[tokio::test]
async fn a_text_is_fetched_once() {
    // Any statement of another test would have a text to be fetched.
    let Some(own) = installed::own() else { return };
    let server = apart(own);
    let login = server.database().await;
    let client = open(&login).await;
    let schema = "create extension pg_stat_statements; create table needle_one (); create table needle_two ()";
    client.batch_execute(schema).await.unwrap();
    client.batch_execute("select * from needle_one").await.unwrap();
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
    // From here on nothing runs that did not run before.
    texts_asked().await;
    watched.complete().await;
    let at = watched.next().await.at;
    let is_known = |snapshot: &Snapshot| {
        let texts = snapshot.rows("statement_texts").unwrap();
        let known: HashSet<i64> = texts.iter().filter_map(|row| row.int("queryid")).collect();
        let mut ids = snapshot.rows("statements").unwrap().iter().filter_map(|row| row.int("queryid"));
        ids.all(|id| known.contains(&id))
    };
    watched.until("every text is there", |it| it.at.0 > at.0 + 1.0 && is_known(it)).await;
    let before = texts_asked().await;
    for _ in 0..20 {
        watched.next().await;
    }
    assert_eq!(texts_asked().await, before, "texts that are known were asked for again");
}

#[tokio::test]
async fn its_own_backends_are_in_no_count_and_its_cost_is_known() {
    let Some((login, _client)) = shop_of_own().await else { return };
    let database = login.database.clone();
    let mut watched = Watched::start(login, quick());
    watched.complete().await;
    // A sample between two of the tick's has the cost of the slow session alone.
    let own = |it: &Snapshot| it.rows("server")?.first()?.int("own_backends");
    let is_known = |it: &Snapshot| {
        it.cost.server.0 > 0.0 && it.cost.elapsed.0 > 0.0 && is_ready(it, "server") && own(it) >= Some(2)
    };
    let snapshot = watched.until("its cost is known, and the tick and the slow session are its own", is_known).await;
    let activity = snapshot.rows("activity").unwrap();
    // Another test's program is another program.
    assert!(activity.iter().all(|row| row.text("application") != "pgdj" || row.text("database") != database));
    assert!(activity.iter().any(|row| row.text("application") == "shop"));
    let cost = snapshot.cost;
    assert!(cost.round_trips >= 1 && cost.statements >= 1 && cost.server.0 < 1.0 && cost.elapsed.0 > 0.0, "{cost:?}");
}

#[tokio::test]
async fn the_pace_can_be_changed_and_a_dear_sample_slows_down() {
    let Some((login, _client)) = shop_of_own().await else { return };
    let mut settings = quick();
    settings.budget = 0.000_001;
    let mut watched = Watched::start(login, settings);
    let slowed = watched.until("it slows down", |it| it.cost.pace.0 > it.cost.wanted_pace.0 * 1.05).await;
    assert!((slowed.cost.wanted_pace.0 - 0.1).abs() < 1e-9);
    watched.commands.send(SamplerCommand::Pace(Duration::from_secs(3))).await.unwrap();
    watched.until("the pace is another", |it| (it.cost.wanted_pace.0 - 3.0).abs() < 1e-9).await;
    watched.commands.send(SamplerCommand::Stop).await.unwrap();
    tokio::time::timeout(Duration::from_secs(10), watched.task).await.expect("it stops").unwrap();
}

#[tokio::test]
async fn tables_of_django_that_come_later_are_found() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    let client = open(&login).await;
    let mut watched = Watched::start(login, quick());
    let snapshot = watched.complete().await;
    assert!(matches!(snapshot.section("content_types").why(), Some(Missing::Unsupported { .. })));
    shop::make(&client).await;
    watched.commands.send(SamplerCommand::ReadNow).await.unwrap();
    watched.until("models are there", |it| is_ready(it, "content_types")).await;
}

/// The queryids of what a role ran with our mark, and nobody without it.
async fn of_role(client: &tokio_postgres::Client, role: &str) -> HashSet<i64> {
    // The same statement has the same id whoever runs it.
    let sql = "select queryid from pg_stat_statements as s join pg_roles as r on r.oid = s.userid
        where r.rolname = $1 and not exists (
            select from pg_stat_statements as other
            where other.queryid = s.queryid and position('/* pgdj' in left(other.query, 40)) = 0)";
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
        watched.commands.send(SamplerCommand::ReadNow).await.unwrap();
        watched
            .until("texts of its own are known", |it| {
                let texts = it.rows("statement_texts").into_iter().flat_map(pgdj::sample::RowSet::iter);
                it.at.0 > first.at.0 + 1.0 && texts.filter(|row| marks::is_own(row.text("query"))).count() > 10
            })
            .await;
        // It takes long enough to be among the statements that are read, whatever else runs on this server.
        let needle = "select count(*) as needle_of_a_client, pg_sleep(0.5) from shop_order";
        client.batch_execute(needle).await.unwrap();
        let sql = "select query from pg_stat_statements as s join pg_roles as r on r.oid = s.userid where r.rolname = 'marked'";
        let ran: Vec<String> = client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
        let unmarked: Vec<&String> = ran.iter().filter(|query| !marks::is_own(query) && *query != "commit").collect();
        assert!(unmarked.is_empty() && ran.len() > 10, "{}: {unmarked:#?} of {}", server.name, ran.len());
        let id = "select queryid from pg_stat_statements where query like '%as needle_of_a_client, pg_sleep%'";
        let needle: i64 = client.query_one(id, &[]).await.unwrap().get(0);
        let deadline = Instant::now() + PATIENCE;
        let statements = loop {
            let shown = since_reset(&watched.history);
            let statements = shown.map(|costs| costs.statements.clone()).unwrap_or_default();
            if statements.iter().any(|it| it.queryid == needle) {
                break statements;
            }
            assert!(Instant::now() < deadline, "{}: the statement of a client is not shown", server.name);
            watched.next().await;
        };
        let own = of_role(&client, &role).await;
        // Since 16 BEGIN, SET and the like have the queryid of the application's.
        let texts = "select queryid, query from pg_stat_statements where position('/* pgdj' in left(query, 40)) > 0";
        let texts = client.query(texts, &[]).await.unwrap();
        let facts = &watched.history.newest().unwrap().server;
        let is_surely_own = |id: i64| {
            let mut texts = texts.iter().filter(|row| row.get::<_, i64>(0) == id);
            texts.any(|row| marks::is_surely_own(row.get(1), facts))
        };
        let leaked: Vec<_> = statements
            .iter()
            .filter(|it| it.user == role && own.contains(&it.queryid) && is_surely_own(it.queryid))
            .collect();
        assert!(leaked.is_empty(), "{}: {leaked:?}", server.name);
    }
}

/// Since 16 pgdj's BEGIN is the application's, since 17 its savepoints are; since 14 what it explains is, under
/// `track = all`.
#[tokio::test]
async fn a_statement_of_the_application_is_shown_though_pgdj_ran_it_first() {
    for installed in installed::all() {
        // On a server of its own: among the statements of all other tests these may not be listed.
        let server = apart(installed);
        let login = server.database().await;
        let client = open(&login).await;
        client.batch_execute("create extension pg_stat_statements; create table t (needle int)").await.unwrap();
        let first = [
            "begin /* pgdj guard */ isolation level serializable",
            "savepoint /* pgdj guard */ pgdj",
            "explain /* pgdj explain */ (analyze) select count(*) from t where needle = 1",
            "rollback /* pgdj guard */",
        ];
        for sql in first {
            client.batch_execute(sql).await.unwrap();
        }
        let mut watched = Watched::start(login.clone(), quick());
        let id = |text: &'static str| {
            let client = &client;
            async move {
                let sql = "select queryid from pg_stat_statements as s join pg_database as d on d.oid = s.dbid
                    where d.datname = current_database() and query ilike $1
                    order by position('/* pgdj' in query) limit 1";
                client.query_opt(sql, &[&text]).await.unwrap().map(|row| row.get::<_, i64>(0))
            }
        };
        let marked = id("explain /* pgdj%needle%").await.unwrap();
        watched
            .until("its text is known", |it| {
                let mut texts = it.rows("statement_texts").into_iter().flat_map(pgdj::sample::RowSet::iter);
                texts.any(|row| row.int("queryid") == Some(marked))
            })
            .await;
        for sql in
            ["begin isolation level serializable", "savepoint a", "rollback", "select count(*) from t where needle = 2"]
        {
            client.batch_execute(sql).await.unwrap();
        }
        let wanted = [
            id("begin%isolation level serializable").await,
            id("savepoint%").await,
            id("select count(*) from t where needle%").await,
        ];
        let deadline = Instant::now() + PATIENCE;
        loop {
            let shown = since_reset(&watched.history);
            let shown: HashSet<i64> = shown.iter().flat_map(|costs| &costs.statements).map(|it| it.queryid).collect();
            if wanted.iter().all(|id| id.is_some_and(|id| shown.contains(&id))) {
                break;
            }
            let missing: Vec<_> = wanted.iter().map(|id| id.is_some_and(|id| shown.contains(&id))).collect();
            assert!(Instant::now() < deadline, "{}: not all shown: {missing:?}", server.name);
            watched.next().await;
        }
    }
}
