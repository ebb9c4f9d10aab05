//! Behind PgBouncer in transaction pooling.

use std::time::{Duration, Instant};

use pgdj::pg::session::{Limits, Session, cancel_queue};
use pgdj::sample::{Section, Snapshot};

use crate::support::pooler::Pooler;
use crate::support::watch::{PATIENCE, passes, quick};
use crate::support::{Watched, open, own, question, shop};

#[tokio::test]
async fn everything_is_read_through_a_transaction_pooler_and_nothing_leaks_to_its_other_clients() {
    let Some(server) = own() else { return };
    let Some(pooler) = Pooler::start(server) else { return };
    let direct = server.database().await;
    let admin = open(&direct).await;
    shop::make(&admin).await;
    admin.batch_execute("create extension pg_stat_statements").await.unwrap();
    let login = pooler.login(&direct);
    let other = open(&login).await;
    let mut watched = Watched::start(login, quick());
    let snapshot = watched.complete().await;
    assert!(snapshot.server.is_pooled);
    for (name, section) in &snapshot.sections {
        assert!(matches!(section, Section::Ready(_)), "{name}: {:?}", section.why());
    }
    for _ in 0..20 {
        watched.next().await;
        // Simple queries: each may come over another of the two server connections.
        for setting in ["statement_timeout", "lock_timeout", "default_transaction_read_only", "jit"] {
            let show = format!("select setting = reset_val from pg_settings where name = '{setting}'");
            let rows = other.simple_query(&show).await.unwrap();
            let is_untouched = rows.iter().any(
                |message| matches!(message, tokio_postgres::SimpleQueryMessage::Row(row) if row.get(0) == Some("t")),
            );
            assert!(is_untouched, "{setting} leaks");
        }
    }
    other.batch_execute("create table may_write ()").await.unwrap();
    let activity = watched.next().await;
    // The session that reads is not listed; what another connection of ours left on the pooler's is listed as ours.
    let own = |query: &str| pgdj::sample::own::is_own(query) || query == "commit";
    let mut listed = activity.rows("activity").unwrap().iter();
    assert!(listed.all(|row| {
        row.text("application") != "pgdj" || row.text("database") != direct.database || own(row.text("query"))
    }));
}

#[tokio::test]
async fn a_probe_that_fails_behind_a_pooler_takes_no_other_along() {
    let Some(server) = own() else { return };
    let Some(pooler) = Pooler::start(server) else { return };
    let direct = server.database().await;
    let admin = open(&direct).await;
    admin.batch_execute("create extension pg_stat_statements").await.unwrap();
    let mut watched = Watched::start(pooler.login(&direct), quick());
    watched.complete().await;
    admin.batch_execute("alter function pg_stat_statements(boolean) rename to hidden").await.unwrap();
    let others = ["server", "activity", "databases", "locks"];
    let is_alone = |it: &Snapshot| {
        it.section("statements").why().is_some_and(|why| !passes(why))
            && others.iter().all(|name| matches!(it.section(name), Section::Ready(_)))
    };
    watched.until("one fails and the others are read", is_alone).await;
}

/// PgBouncer 1.18 ends itself when a client leaves in the middle of a cancel request.
#[tokio::test]
async fn dropped_queries_end_on_the_server_and_the_pooler_lives() {
    let Some(server) = own() else { return };
    let Some(pooler) = Pooler::start(server) else { return };
    let direct = server.database().await;
    let admin = open(&direct).await;
    let login = pooler.login(&direct);
    let running = "select count(*) from pg_stat_activity where query like '%pg_sleep(600)%' and state = 'active'
        and datname = current_database() and pid <> pg_backend_pid()";
    let deadline = Instant::now() + PATIENCE;
    let reaches = async |wanted: i64| {
        while admin.query_one(running, &[]).await.unwrap().get::<_, i64>(0) != wanted {
            assert!(Instant::now() < deadline, "not {wanted} are running");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let (cancel_queue, cancel_work) = cancel_queue();
    let cancel_work = tokio::spawn(cancel_work);
    for _ in 0..20 {
        let mut session = Session::open(&login, Limits::ACT, &cancel_queue).await.unwrap();
        let asking = tokio::spawn(async move { session.one(question("select pg_sleep(600)")).await.is_ok() });
        reaches(1).await;
        // Its connection goes with it.
        asking.abort();
        reaches(0).await;
    }
    drop(cancel_queue);
    cancel_work.await.unwrap();
    open(&login).await.batch_execute("select 1").await.unwrap();
}
