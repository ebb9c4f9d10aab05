//! Who holds vacuum back, proved by what `VACUUM VERBOSE` itself cannot remove, on every server.

use std::process::Command;

use pgdj::pg::own::Sql;
use pgdj::pg::server::read_facts;
use pgdj::pg::session::{Limits, Query, Session, cancel_queue};
use pgdj::readings::Readings;
use pgdj::readings::vacuum_horizon::{HolderKind, Pins, VacuumHorizon};
use pgdj::sample::{Reading, RowSet, SampleCost, Section, Snapshot, Timestamp};
use tokio_postgres::Client;

use crate::support::{Login, Server, apart, installed, leave_out, open};

/// Returns the horizon as the probe reads it on a server at this moment.
async fn horizon(login: &Login) -> VacuumHorizon {
    let (cancel_queue, _) = cancel_queue();
    let mut session = Session::open(login, Limits::FAST, &cancel_queue).await.unwrap();
    let facts = read_facts(&mut session, "test").await.unwrap();
    let probe = pgdj::pg::probes::find("vacuum_horizon").unwrap();
    let rows = session.one(Query::new(Sql::of_probe(probe, &facts))).await.unwrap().unwrap().rows;
    let reading = Reading { at: Timestamp(0.0), rows: RowSet::new(probe.columns.into(), rows) };
    let sections = [("vacuum_horizon", Section::Ready(reading.into()))].into();
    let snapshot = Snapshot { at: Timestamp(0.0), server: facts.into(), sections, cost: SampleCost::default() };
    VacuumHorizon::of(&Readings::of(snapshot)).unwrap()
}

/// Returns how many dead rows of a table `VACUUM VERBOSE` says it cannot remove.
fn kept(server: &Server, login: &Login, table: &str) -> u64 {
    let psql = Command::new("psql")
        .args(["-X", "-h", &login.host, "-p", &login.port.to_string(), "-U", &login.user, "-d", &login.database])
        .args(["-c", &format!("vacuum (verbose, index_cleanup off) {table}")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&psql.stderr).into_owned();
    // "1000 dead row versions cannot be removed yet" until 14, "1000 are dead but not yet removable" since.
    let words: Vec<&str> = said.split_whitespace().collect();
    for phrase in [["dead", "row", "versions", "cannot"], ["are", "dead", "but", "not"]] {
        if let Some(at) = words.windows(phrase.len()).position(|some| some == phrase) {
            return words[at - 1].parse().unwrap();
        }
    }
    panic!("{}: {said}", server.name)
}

/// Whether there is a psql to run VACUUM with, whose output says what it kept.
fn has_psql() -> bool {
    let has = Command::new("psql").arg("--version").output().is_ok();
    if !has {
        leave_out("who holds vacuum back, by VACUUM VERBOSE: there is no psql on this machine");
    }
    has
}

async fn pid(client: &Client) -> i64 {
    i64::from(client.query_one("select pg_backend_pid()", &[]).await.unwrap().get::<_, i32>(0))
}

/// Makes dead rows: a thousand of them in each of five transactions.
async fn churn(client: &Client) {
    for _ in 0..5 {
        client.batch_execute("update needle set n = n + 1").await.unwrap();
    }
}

struct Shop<'a> {
    server: &'a Server,
    login: Login,
    client: Client,
}

impl Shop<'_> {
    /// Checks what is kept in the table, and who is said to keep it.
    async fn check(&self, what: &str, is_kept: bool) -> VacuumHorizon {
        churn(&self.client).await;
        let seen = horizon(&self.login).await;
        let kept = kept(self.server, &self.login, "needle");
        let place = format!("{}: {what}: {kept} rows kept, {:?}", self.server.name, seen.holders);
        assert_eq!(kept > 0, is_kept, "{place}");
        assert_eq!(seen.oldest().is_some(), is_kept, "{place}");
        seen
    }

    /// Checks that nothing is left that holds vacuum back.
    async fn check_free(&self, after: &str) {
        self.check(&format!("after {after}"), false).await;
    }
}

async fn shop(server: &Server) -> Shop<'_> {
    let login = server.database().await;
    let client = open(&login).await;
    let schema = "create table needle (n int); insert into needle select i from generate_series(1, 1000) as i;
        create table other (n int)";
    client.batch_execute(schema).await.unwrap();
    Shop { server, login, client }
}

async fn check_sessions(shop: &Shop<'_>) {
    shop.check_free("nothing").await;
    let holder = open(&shop.login).await;
    // Idle in transaction after a write: a transaction id, and no snapshot.
    holder.batch_execute("begin; insert into other values (1)").await.unwrap();
    let seen = shop.check("a transaction id", true).await;
    let oldest = seen.oldest().unwrap();
    assert_eq!((oldest.pid, &oldest.pins, oldest.transactions), (Some(pid(&holder).await), &Pins::Database, 5));
    holder.batch_execute("rollback").await.unwrap();
    shop.check_free("a transaction id").await;
    holder.batch_execute("begin isolation level repeatable read; select count(*) from other").await.unwrap();
    let seen = shop.check("a snapshot", true).await;
    assert_eq!(seen.oldest().unwrap().transactions, 5);
    holder.batch_execute("rollback").await.unwrap();
    // Idle in transaction after a read alone.
    holder.batch_execute("begin; select count(*) from other").await.unwrap();
    let seen = shop.check("neither", false).await;
    let words = seen.words_of_pid(pid(&holder).await);
    assert_eq!(words, "does not hold back vacuum: it has no snapshot and no transaction ID");
}

async fn check_another_database(shop: &Shop<'_>) {
    let server = shop.server;
    let elsewhere = open(&server.database().await).await;
    elsewhere.batch_execute("create table t (n int); begin; insert into t values (1)").await.unwrap();
    let seen = shop.check("a session of another database", false).await;
    let other = pid(&elsewhere).await;
    assert_eq!(seen.session(other).unwrap().pins, Pins::SharedCatalogs);
    // A snapshot taken here begins at the oldest transaction that runs in any database.
    let innocent = open(&shop.login).await;
    innocent.batch_execute("begin isolation level repeatable read; select count(*) from other").await.unwrap();
    let seen = shop.check("a snapshot that inherits its age", true).await;
    assert_eq!(seen.oldest().unwrap().pid, Some(other), "{}: {:?}", server.name, seen.holders);
    innocent.batch_execute("rollback").await.unwrap();
    // What it pins: rows of a catalog that all databases share.
    shop.client.batch_execute("create role needle_role; alter role needle_role connection limit 1").await.unwrap();
    assert!(kept(server, &shop.login, "pg_authid") > 0, "{}", server.name);
}

async fn check_without_a_session(shop: &Shop<'_>) {
    let server = shop.server;
    let sql = "begin; insert into other values (1); prepare transaction 'it''s'";
    shop.client.batch_execute(sql).await.unwrap();
    let seen = shop.check("a prepared transaction", true).await;
    let oldest = seen.oldest().unwrap();
    assert_eq!((oldest.kind, oldest.transactions), (HolderKind::Prepared, 5));
    shop.client.batch_execute(&oldest.sql_to_end().unwrap()).await.unwrap();
    shop.check_free("a prepared transaction").await;
    // A logical slot needs catalogs alone.
    let sql = "select pg_create_logical_replication_slot('needle_slot', 'test_decoding')";
    shop.client.batch_execute(sql).await.unwrap();
    let seen = shop.check("a logical slot", false).await;
    let slot = seen.holders.iter().find(|holder| holder.kind == HolderKind::Slot).unwrap();
    assert_eq!(slot.pins, Pins::SystemCatalogs, "{}", server.name);
    shop.client.batch_execute("create table gone (n int); drop table gone").await.unwrap();
    assert!(kept(server, &shop.login, "pg_class") > 0, "{}", server.name);
    shop.client.batch_execute(&slot.sql_to_end().unwrap()).await.unwrap();
    shop.check_free("a logical slot").await;
    assert_eq!(kept(server, &shop.login, "pg_class"), 0, "{}", server.name);
}

#[tokio::test]
async fn every_holder_pins_what_vacuum_says_it_cannot_remove() {
    if !has_psql() {
        return;
    }
    for installed in installed::all() {
        // A transaction of another test would be part of every horizon.
        let server = apart(installed);
        let shop = shop(&server).await;
        check_sessions(&shop).await;
        check_another_database(&shop).await;
        check_without_a_session(&shop).await;
        check_plain_role(&shop).await;
    }
}

/// Waits until a standby's feedback holds the primary back, and returns the horizon.
async fn with_feedback(shop: &Shop<'_>) -> VacuumHorizon {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    loop {
        churn(&shop.client).await;
        let seen = horizon(&shop.login).await;
        if seen.oldest().is_some() {
            return seen;
        }
        assert!(std::time::Instant::now() < deadline, "{}: {:?}", shop.server.name, seen.holders);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_standby_with_feedback_holds_its_primary_back_with_and_without_a_slot() {
    if !has_psql() {
        return;
    }
    for installed in installed::own_and_newest() {
        let server = &apart(installed);
        let shop = shop(server).await;
        let standby = server.standby().await;
        let there = shop.login.through(standby.socket_directory().display().to_string(), standby.port());
        let reader = open(&there).await;
        let set = |sql: &'static str| async {
            let client = open(&there).await;
            client.batch_execute(sql).await.unwrap();
            client.batch_execute("select pg_reload_conf()").await.unwrap();
        };
        set("alter system set hot_standby_feedback = on").await;
        set("alter system set wal_receiver_status_interval = '1s'").await;
        reader.batch_execute("begin isolation level repeatable read; select count(*) from other").await.unwrap();
        let seen = with_feedback(&shop).await;
        let oldest = seen.oldest().unwrap();
        assert_eq!((oldest.kind, &oldest.pins), (HolderKind::Standby, &Pins::Cluster), "{}", server.name);
        assert!(kept(server, &shop.login, "needle") > 0, "{}", server.name);
        // Through a slot, the same feedback stays on the primary when the standby is gone.
        shop.client.batch_execute("select pg_create_physical_replication_slot('needle_slot')").await.unwrap();
        set("alter system set primary_slot_name = 'needle_slot'").await;
        drop(reader);
        if server.name == "12" {
            continue; // 12 needs a restart for primary_slot_name.
        }
        let reader = open(&there).await;
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
        loop {
            reader
                .batch_execute("rollback; begin isolation level repeatable read; select count(*) from other")
                .await
                .unwrap();
            let seen = with_feedback(&shop).await;
            if seen.oldest().is_some_and(|oldest| oldest.kind == HolderKind::Slot) {
                break;
            }
            assert!(std::time::Instant::now() < deadline, "{}: {:?}", server.name, seen.holders);
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
        drop(standby);
        churn(&shop.client).await;
        let seen = horizon(&shop.login).await;
        let oldest = seen.oldest().unwrap();
        assert_eq!((oldest.who().as_str(), oldest.pid), ("replication slot needle_slot", None), "{}", server.name);
        assert!(kept(server, &shop.login, "needle") > 0, "{}", server.name);
    }
}

async fn check_plain_role(shop: &Shop<'_>) {
    let server = shop.server;
    let role = server.role("plain", "").await;
    let holder = open(&shop.login).await;
    holder.batch_execute("begin; insert into other values (1)").await.unwrap();
    churn(&shop.client).await;
    let seen = horizon(&shop.login.with_user(&role)).await;
    assert_eq!(seen.oldest().unwrap().pid, Some(pid(&holder).await), "{}", server.name);
}
