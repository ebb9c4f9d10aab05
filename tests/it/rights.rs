//! Rights and extensions: what a role does not see, and a server does not have, is said with the statement that
//! changes it; and that statement does.

use std::collections::BTreeSet;

use pgdj::pg::sampler::SamplerCommand;
use pgdj::sample::{Missing, Section, Snapshot, shortfall};

use crate::support::watch::{passes, quick};
use crate::support::{Login, Server, Watched, open, own, own_and_newest, shop};

async fn shop_of_own() -> Option<(&'static Server, Login, tokio_postgres::Client)> {
    let server = own()?;
    let login = server.database().await;
    let client = open(&login).await;
    shop::make(&client).await;
    client.batch_execute("create extension pg_stat_statements").await.unwrap();
    Some((server, login, client))
}

/// What is missing from a snapshot: of each section the sentence and its remedy.
fn missing(snapshot: &Snapshot) -> Vec<(&'static str, Missing)> {
    let of = |(name, section): (&&'static str, &Section)| {
        let why = section.why().cloned().or_else(|| shortfall(name, &snapshot.server))?;
        Some((*name, why))
    };
    snapshot.sections.iter().filter_map(of).collect()
}

#[tokio::test]
async fn a_plain_role_sees_what_it_may_and_is_told_the_rest() {
    let Some((server, login, client)) = shop_of_own().await else { return };
    let role = server.role("plain", "").await;
    let busy = open(&login).await;
    busy.batch_execute("begin").await.unwrap();
    let mut watched = Watched::start(login.with_user(&role), quick());
    let snapshot = watched.complete().await;
    let why = |name: &str| snapshot.section(name).why().map(|why| (why.to_string(), why.remedy().map(str::to_owned)));
    let (sentence, remedy) = why("content_types").unwrap();
    assert_eq!(sentence, "permission denied: table django_content_type");
    assert_eq!(remedy.as_deref(), Some("GRANT SELECT ON public.django_content_type TO plain;"));
    assert_eq!(why("statements"), None, "its own statements, and the load of the others as one row");
    let keys = snapshot.rows("statements").unwrap();
    let hidden: Vec<(i64, i64)> = keys
        .iter()
        .filter(|row| row.int("queryid") == Some(0) && row.flag("toplevel") == Some(true))
        .filter_map(|row| row.int("userid").zip(row.int("dbid")))
        .collect();
    let roles: BTreeSet<&(i64, i64)> = hidden.iter().collect();
    assert!(!hidden.is_empty() && roles.len() == hidden.len(), "one row a role and database: {hidden:?}");
    let server = snapshot.rows("server").unwrap().first().unwrap();
    assert_eq!(server.flag("read_all_stats"), Some(false));
    assert!(server.int("client_backends").unwrap() >= 2, "backends of others are counted though they are hidden");
    drop(client);
}

#[tokio::test]
async fn a_monitoring_role_and_a_superuser_see_everything() {
    let Some((server, login, _client)) = shop_of_own().await else { return };
    let role = server.role("monitor", "grant pg_monitor to monitor").await;
    let mut watched = Watched::start(login.with_user(&role), quick());
    let snapshot = watched.complete().await;
    let missing: Vec<&str> =
        snapshot.sections.iter().filter(|(_, section)| section.why().is_some()).map(|(name, _)| *name).collect();
    assert_eq!(missing, ["content_types", "migrations"], "pg_monitor does not read tables");
    assert_eq!(snapshot.rows("server").unwrap().first().unwrap().flag("read_all_stats"), Some(true));
    assert!(snapshot.server.may_as("pg_read_all_stats") && !snapshot.server.is_superuser);
}

#[tokio::test]
async fn an_extension_in_a_schema_with_an_odd_name_is_found() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    let client = open(&login).await;
    client
        .batch_execute(r#"create schema "Odd ""x"" 名"; create extension pg_stat_statements schema "Odd ""x"" 名""#)
        .await
        .unwrap();
    let mut watched = Watched::start(login.clone(), quick());
    let snapshot = watched.complete().await;
    for name in ["statements", "statements_info", "statement_texts"] {
        assert!(matches!(snapshot.section(name), Section::Ready(_)), "{name}: {:?}", snapshot.section(name).why());
    }
    // A role without the schema is told the grant.
    let role = server.role("plain", "").await;
    let mut plain = Watched::start(login.with_user(&role), quick());
    let why = plain.complete().await.section("statements").why().unwrap().clone();
    assert_eq!(
        why.remedy(),
        Some(r#"GRANT USAGE ON SCHEMA "Odd ""x"" 名" TO plain; GRANT pg_read_all_stats TO plain;"#)
    );
}

#[tokio::test]
async fn each_remedy_that_is_shown_to_a_plain_role_works() {
    for server in own_and_newest() {
        let login = server.database().await;
        let client = open(&login).await;
        shop::make(&client).await;
        let role = server.role("remedied", "").await;
        let mut watched = Watched::start(login.with_user(&role), quick());
        let mut ran = BTreeSet::new();
        loop {
            let snapshot = watched.complete().await;
            let lacks = missing(&snapshot);
            // On a slow machine the server is silent for a moment, for which there is no remedy but to wait.
            if lacks.iter().any(|(_, why)| passes(why)) {
                continue;
            }
            if lacks.is_empty() {
                break;
            }
            for (probe, why) in lacks {
                let sentence = why.to_string();
                assert!(!sentence.is_empty() && !sentence.contains('\n'), "{probe}: {sentence}");
                let remedy = why.remedy().unwrap_or_else(|| panic!("{} {probe}: {sentence}: no remedy", server.name));
                if ran.insert(remedy.to_owned()) {
                    client.batch_execute(remedy).await.unwrap_or_else(|error| panic!("{probe}: {remedy}: {error:?}"));
                }
            }
            watched.commands.send(SamplerCommand::ReadNow).await.unwrap();
        }
        assert!(ran.len() >= 4, "{ran:?}");
    }
}

#[tokio::test]
async fn a_plain_role_is_told_who_waits_and_who_blocks() {
    let Some((server, login, client)) = shop_of_own().await else { return };
    let role = server.role("plain", "").await;
    client.batch_execute("begin; lock table shop_order in access exclusive mode").await.unwrap();
    let other = open(&login).await;
    let waiting = tokio::spawn(async move { other.batch_execute("select count(*) from shop_order").await });
    let mut watched = Watched::start(login.with_user(&role), quick());
    watched
        .until("the wait is seen", |it| {
            it.rows("activity").is_some_and(|rows| rows.iter().any(|row| !row.get("blocked_by").as_list().is_empty()))
        })
        .await;
    assert_eq!(watched.vitals().waiting, Some(1), "the header counts it");
    client.batch_execute("rollback").await.unwrap();
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn an_extension_of_an_old_version_loses_columns_and_not_its_pane() {
    let versions = ["1.4", "1.6", "1.7", "1.9", "1.10"];
    for (server, version) in own_and_newest().into_iter().flat_map(|server| versions.map(|version| (server, version))) {
        let place = format!("{version} on {}", server.name);
        let login = server.database().await;
        let client = open(&login).await;
        client.batch_execute(&format!("create extension pg_stat_statements version '{version}'")).await.unwrap();
        let mut watched = Watched::start(login, quick());
        let snapshot = watched.complete().await;
        let row = snapshot
            .rows("statements")
            .unwrap_or_else(|| panic!("{place}: {:?}", snapshot.section("statements").why()))
            .first()
            .unwrap();
        let is_blind = matches!(version, "1.4" | "1.6" | "1.7");
        assert!(row.number("total_time").is_some(), "{place}");
        assert_eq!(row.get("wal_bytes").is_null(), is_blind, "{place}");
        let lacks = missing(&snapshot);
        let is_newest = snapshot.server.extensions["pg_stat_statements"].available.as_deref() == Some(version);
        assert_eq!(lacks.iter().any(|(probe, _)| *probe == "statements"), !is_newest, "{place}: {lacks:?}");
        assert_eq!(
            lacks.iter().any(|(probe, why)| *probe == "statements_info" && why.remedy().is_some()),
            is_blind,
            "{place}: {lacks:?}"
        );
        client.batch_execute("alter extension pg_stat_statements update").await.unwrap();
        watched
            .until("the update is found", |it| {
                let new = |row: pgdj::sample::Row<'_>| !row.get("wal_bytes").is_null();
                matches!(it.section("statements_info"), Section::Ready(_))
                    && it.rows("statements").is_some_and(|rows| rows.first().is_some_and(new))
            })
            .await;
    }
}

#[tokio::test]
async fn an_extension_that_comes_moves_and_goes_is_followed() {
    let Some(server) = own() else { return };
    let login = server.database().await;
    let client = open(&login).await;
    let mut watched = Watched::start(login, quick());
    let snapshot = watched.complete().await;
    let why = snapshot.section("statements").why().unwrap().clone();
    assert_eq!(why.to_string(), "pg_stat_statements is not installed: this database does not have it");
    assert_eq!(why.remedy(), Some("CREATE EXTENSION pg_stat_statements;"));
    let is_read_after = |snapshot: &Snapshot, at: f64| matches!(snapshot.section("statements"), Section::Ready(reading) if reading.at.0 > at);
    client.batch_execute("create extension pg_stat_statements").await.unwrap();
    let there = watched.until("it is found, without being asked to look", |it| is_read_after(it, 0.0)).await;
    assert!(there.server.has("pg_stat_statements.queryid"));
    client.batch_execute("create schema moved; alter extension pg_stat_statements set schema moved").await.unwrap();
    let moved = watched
        .until("it is known to have moved", |it| {
            it.server.extensions.get("pg_stat_statements").is_some_and(|it| it.schema == "moved")
        })
        .await;
    watched.until("it is read from there", |it| is_read_after(it, moved.at.0)).await;
    client.batch_execute("drop extension pg_stat_statements").await.unwrap();
    watched
        .until("it is gone", |it| matches!(it.section("statements").why(), Some(Missing::NotInstalled { .. })))
        .await;
    client.batch_execute("create extension pg_stat_statements schema moved version '1.7'").await.unwrap();
    let old = watched.until("an old one is there", |it| it.server.extensions.contains_key("pg_stat_statements")).await;
    watched.until("and read", |it| is_read_after(it, old.at.0)).await;
}
