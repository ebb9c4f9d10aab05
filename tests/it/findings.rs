//! Each finding provoked on a real server and read by the real sampler; a healthy server has none.
//!
//! What takes minutes is not waited for: the ages of a snapshot are put forward, all else is as it was read.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgdj::findings::{self, Finding, Findings, RuleInput, Severity};
use pgdj::pg::private::{PrivateServer, ServerSetup};
use pgdj::pg::sampler::SamplerCommand;
use pgdj::readings::Readings;
use pgdj::readings::archiving::ArchivingState;
use pgdj::sample::{Bytes, Reading, RowSet, Section, Snapshot, Value};
use tokio_postgres::Client;

use crate::support::installed::{self, Installed};
use crate::support::watch::quick;
use crate::support::{Login, Server, Watched, open, shop};

/// How long anything may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is wrong with tables and indexes in [`SCHEMA_TROUBLE`].
const IN_THE_SCHEMA: &[(&str, &str)] = &[
    ("autovacuum_behind", "20k dead rows in shop_cart, 3× its autovacuum threshold"),
    ("autovacuum_off", "autovacuum is off for 1 table: shop_quiet"),
    ("bloat", " of the heap of shop_log"),
    ("duplicate_index", "1 duplicate index ("),
    ("index_bloat", " of index log_note"),
    ("invalid_index", "1 invalid index: order_once"),
    ("old_extension", "extension pg_stat_statements is 1.7, the server has 1."),
    ("overlapping_index", "1 redundant index ("),
    ("stale_statistics", "never analyzed: shop_event, 150k rows"),
    ("unindexed_foreign_key", "foreign key without an index: shop_line(order_id), 20k rows"),
    ("unused_index", " indexes not used yet ("),
];

/// What is wrong with sessions and settings.
const IN_THE_SESSIONS: &[(&str, &str)] = &[
    ("connections", " of 21 connections used ("),
    ("idle_in_transaction", " idle in transaction for "),
    ("idle_timeout", "the server sets no idle_in_transaction_session_timeout for role "),
    ("long_transaction", " in one transaction for "),
    ("pending_restart", "1 setting waits for a restart: max_connections"),
    ("prepared_transactions", "1 prepared transaction left behind, the oldest for "),
    ("statement_timeout", "the server sets no statement_timeout for role "),
    ("statements_missing", "pg_stat_statements is not installed: no statistics of statements"),
    ("unsafe_settings", "fsync and full_page_writes off"),
    ("waiting", "6 sessions wait up to "),
];

/// What is wrong with what the server counts.
const IN_THE_COUNTERS: &[(&str, &str)] = &[
    ("cache_hits", "cache hits "),
    ("deadlocks", "1 deadlock in the last "),
    ("freeze_age", "k transactions unfrozen, <0.1% of the limit: database "),
    ("rollbacks", " of transactions are rolled back"),
    ("statements_evicted", "pg_stat_statements evicts entries "),
    ("temp_files", " per second written to temporary files"),
];

/// What is wrong with a standby.
const IN_THE_STANDBYS: &[(&str, &str)] = &[("replication_lag", "standby standby (local) is ")];

/// What is wrong with replication slots.
const IN_THE_SLOTS: &[(&str, &str)] = &[("unread_slot", "replication slot gone is lost")];

/// What is wrong with the archive of WAL.
const IN_THE_ARCHIVE: &[(&str, &str)] = &[("archiving", "archiving of WAL fails; no file was archived yet")];

/// What is wrong with the role that pgdj runs as.
const IN_THE_RIGHTS: &[(&str, &str)] =
    &[("missing_rights", " hidden from role web, which is not a member of pg_monitor")];

const SCHEMA_TROUBLE: &str = "
create extension pg_stat_statements version '1.7';
create table shop_order (id bigint primary key, customer_id bigint, status text, note text);
insert into shop_order select i, i % 50000, 'paid', md5(i::text) from generate_series(1, 100000) as i;
create index order_note on shop_order (note);
create index order_status on shop_order (status, id);
create index order_status_again on shop_order (status, id);
create index order_customer on shop_order (customer_id);
create index order_customer_note on shop_order (customer_id, note);
create table shop_line (id bigint primary key, order_id bigint references shop_order (id));
insert into shop_line select i, i from generate_series(1, 20000) as i;
create table shop_cart (id bigint primary key);
insert into shop_cart select i from generate_series(1, 30000) as i;
create table shop_event (id bigint, kind int);
insert into shop_event select i, i % 5 from generate_series(1, 150000) as i;
create table shop_quiet (id bigint) with (autovacuum_enabled = off);
create table shop_log (id bigint, note text);
insert into shop_log select i, md5(i::text) from generate_series(1, 300000) as i;
create index log_note on shop_log (note);
analyze shop_order, shop_line, shop_cart, shop_log;
";

#[test]
fn every_rule_is_provoked_here() {
    let provoked: BTreeSet<&str> = [
        IN_THE_SCHEMA,
        IN_THE_SESSIONS,
        IN_THE_COUNTERS,
        IN_THE_STANDBYS,
        IN_THE_SLOTS,
        IN_THE_ARCHIVE,
        IN_THE_RIGHTS,
        crate::crash::AFTER_A_CRASH,
    ]
    .into_iter()
    .flatten()
    .map(|(rule, _)| *rule)
    .collect();
    let rules: BTreeSet<&str> = findings::RULES.iter().map(|rule| rule.id).collect();
    let missing: Vec<&&str> = rules.difference(&provoked).collect();
    assert!(missing.is_empty(), "no test here provokes {missing:?}");
    assert_eq!(provoked, rules);
}

#[tokio::test]
async fn a_healthy_shop_has_nothing_to_say_and_everything_was_judged() {
    for Installed { bin, .. } in installed::own_and_newest() {
        let healthy = ["fsync = on", "full_page_writes = on", "statement_timeout = '30s'", LIMIT];
        let (_server, login) = start(bin, &healthy).await;
        let client = open(&login).await;
        client.batch_execute("create extension pg_stat_statements").await.unwrap();
        shop::make(&client).await;
        client.batch_execute("create role web login; grant all on all tables in schema public to web").await.unwrap();
        client.batch_execute("create index shop_order_customer on shop_order (customer_id)").await.unwrap();
        client.batch_execute("vacuum analyze").await.unwrap();
        let web = open(&login.with_user("web")).await;
        web.batch_execute("begin; update shop_order set status = 'sent' where id = 1").await.unwrap();
        let mut watched = Watched::start(login.clone(), quick());
        let older = watched.complete().await;
        let found = judged(&mut watched, &older, 0.0, Findings::is_complete).await;
        assert_eq!((found.list, found.unknown), (vec![], vec![]), "{}", bin.display());

        let mut watched = Watched::start(login.with_user("web"), quick());
        let older = watched.complete().await;
        let is_read = |found: &Findings| !found.unknown.iter().any(|it| it.why.remedy().is_none());
        let found = judged(&mut watched, &older, 0.0, is_read).await;
        let said: Vec<(&str, &str)> = found.list.iter().map(|found| (found.id, found.title.as_str())).collect();
        let as_expected =
            |((id, title), (rule, words)): (&(&str, &str), &(&str, &str))| id == rule && title.contains(words);
        let is_as_expected = said.len() == 1 && said.iter().zip(IN_THE_RIGHTS).all(as_expected);
        assert!(is_as_expected, "a plain role at {}: {said:?}", bin.display());
        let unknown: Vec<&str> = found.unknown.iter().map(|unknown| unknown.rule).collect();
        assert_eq!(unknown, ["idle_in_transaction", "long_transaction", "waiting"], "{:?}", found.unknown);
    }
}

#[tokio::test]
async fn what_is_wrong_with_tables_and_indexes_is_found() {
    let Some(own) = installed::own() else { return };
    let (_server, login) = start(&own.bin, &["autovacuum_naptime = 100000", "statement_timeout = '5min'", LIMIT]).await;
    let client = open(&login).await;
    client.batch_execute(SCHEMA_TROUBLE).await.unwrap();
    let failed = client.batch_execute("create unique index concurrently order_once on shop_order (status)").await;
    assert!(failed.is_err(), "it is not unique");
    let deletes = "delete from shop_cart where id > 10000; delete from shop_log where id % 5 < 3";
    client.batch_execute(deletes).await.unwrap();
    drop(client);
    let client = open(&login).await;
    until(&client, "select n_tup_del = 180000 from pg_stat_user_tables where relname = 'shop_log'").await;
    client.batch_execute("vacuum analyze shop_log").await.unwrap();

    let mut watched = Watched::start(login, quick());
    let older = watched.complete().await;
    provoked(&mut watched, &older, 0.0, IN_THE_SCHEMA).await;
}

#[tokio::test]
async fn what_is_wrong_with_sessions_and_settings_is_found() {
    let settings = ["max_connections = 24", "max_prepared_transactions = 5", "autovacuum_naptime = 100000"];
    let Some(own) = installed::own() else { return };
    let (_server, login) = start(&own.bin, &settings).await;
    let client = open(&login).await;
    client.batch_execute("create table shop_order (id int primary key, status text)").await.unwrap();
    client.batch_execute("insert into shop_order select generate_series(1, 10), 'paid'; analyze").await.unwrap();
    client.batch_execute("create role web login; grant all on shop_order to web").await.unwrap();
    let mut watched = Watched::start(login.clone(), quick());
    let older = watched.complete().await;
    let calm = judged(&mut watched, &older, 0.0, |_| true).await;
    let ids: Vec<&str> = calm.list.iter().map(|finding| finding.id).collect();
    assert_eq!(ids, ["unsafe_settings", "statement_timeout", "statements_missing"], "before any trouble");

    let web = login.with_user("web");
    let (forgotten, reports, root) = (open(&web).await, open(&web).await, open(&web).await);
    client.batch_execute("begin; delete from shop_order where id = 9; prepare transaction 'left'").await.unwrap();
    client.batch_execute("alter system set max_connections = 30").await.unwrap();
    client.batch_execute("select pg_reload_conf()").await.unwrap();
    forgotten.batch_execute("begin; update shop_order set status = 'sent' where id = 2").await.unwrap();
    root.batch_execute("begin; update shop_order set status = 'sent' where id = 1").await.unwrap();
    let report = tokio::spawn(async move { reports.batch_execute("begin; select pg_sleep(600)").await });
    let mut waiters = Vec::new();
    for _ in 0..6 {
        let waiter = open(&web).await;
        let wait = "update shop_order set status = 'back' where id = 1";
        waiters.push(tokio::spawn(async move { waiter.batch_execute(wait).await }));
    }
    let (mut idle, mut count) = (Vec::new(), 0);
    while count < 7 {
        idle.push(open(&web).await);
        count += 1;
    }
    // The queue's root tells of itself, so that the forgotten one is told of only once the queue is gone.
    let folded = ["idle_in_transaction", "idle_timeout", "connections"];
    let at_once: Vec<_> = IN_THE_SESSIONS.iter().filter(|(rule, _)| !folded.contains(rule)).copied().collect();
    let found = provoked(&mut watched, &older, 301.0, &at_once).await;
    let evidence = |rule: &str| {
        let finding = found.list.iter().find(|finding| finding.id == rule).unwrap();
        finding.evidence.iter().map(|(label, value)| format!("{label}: {value}")).collect::<Vec<_>>().join("\n")
    };
    assert!(
        evidence("statement_timeout")
            .contains("also: the server sets no idle_in_transaction_session_timeout for role ")
    );
    assert!(evidence("waiting").contains(" behind it: begin; update shop_order"), "{}", evidence("waiting"));
    assert!(evidence("waiting").contains("also: pid "), "{}", evidence("waiting"));
    // A third of the connections wait: that they run out is a consequence.
    let waiting = found.list.iter().find(|finding| finding.id == "waiting").unwrap();
    assert!(waiting.title.contains(" of 21 connections used ("), "{}", waiting.title);
    assert_eq!(found.list.first().map(|finding| finding.severity), Some(Severity::Critical));

    drop(root);
    for waiter in waiters {
        waiter.await.unwrap().unwrap();
    }
    client.batch_execute("alter role web set statement_timeout = '30s'").await.unwrap();
    client.batch_execute("alter role postgres set statement_timeout = '30s'").await.unwrap();
    let is_left = |rule: &str| folded.contains(&rule) && rule != "connections";
    let rest: Vec<_> = IN_THE_SESSIONS.iter().filter(|(rule, _)| is_left(rule)).copied().collect();
    provoked(&mut watched, &older, 60.0, &rest).await;
    report.abort();
}

#[tokio::test]
async fn what_is_wrong_with_the_counters_is_found() {
    let settings = [
        "autovacuum_freeze_max_age = 100000",
        "deadlock_timeout = '50ms'",
        "shared_buffers = '1MB'",
        "pg_stat_statements.max = 100",
        "statement_timeout = '5min'",
    ];
    let Some(own) = installed::own() else { return };
    let (_server, login) = start(&own.bin, &settings).await;
    let client = open(&login).await;
    client.batch_execute("create extension pg_stat_statements; create table pair (id int primary key)").await.unwrap();
    client.batch_execute("insert into pair values (1), (2); create table big as select i, md5(i::text) from generate_series(1, 100000) as i").await.unwrap();
    let (one, two) = (open(&login).await, open(&login).await);
    // One that holds the horizon, so that the vacuum which is forced freezes nothing.
    let holder = open(&login).await;
    holder.batch_execute("begin; insert into pair values (3)").await.unwrap();
    let elsewhere = open(&Login { database: "postgres".into(), ..login.clone() }).await;
    let burn = "do $$ begin for i in 1..130000 loop perform txid_current(); commit; end loop; end $$";
    elsewhere.batch_execute(burn).await.unwrap();
    let mut watched = Watched::start(login, quick());
    let older = watched.complete().await;

    for shared in [&one, &two] {
        shared.batch_execute("begin").await.unwrap();
    }
    one.batch_execute("select from pair where id = 1 for update").await.unwrap();
    two.batch_execute("select from pair where id = 2 for update").await.unwrap();
    let (first, second) = tokio::join!(
        one.batch_execute("select from pair where id = 2 for update; commit"),
        two.batch_execute("select from pair where id = 1 for update; commit")
    );
    assert!(first.is_err() != second.is_err(), "one of them is the victim: {first:?} {second:?}");
    // The victim's session hands its counters over once its transaction is over.
    for shared in [&one, &two] {
        shared.batch_execute("rollback").await.unwrap();
    }
    client.batch_execute(&"begin; rollback;".repeat(3000)).await.unwrap();
    for columns in 1..=300 {
        client.batch_execute(&format!("select {}", vec!["1"; columns].join(", "))).await.unwrap();
    }
    // These go on until the end, for what counts is their rate.
    client.batch_execute("set work_mem = '64kB'; set max_parallel_workers_per_gather = 0").await.unwrap();
    let sort = "select count(*) from (select * from big, generate_series(1, 4) order by md5) as s";
    let sorting = tokio::spawn(async move { while client.batch_execute(sort).await.is_ok() {} });
    let scanning = tokio::spawn(async move { while one.batch_execute("select count(*) from big").await.is_ok() {} });
    provoked(&mut watched, &older, 0.0, IN_THE_COUNTERS).await;
    sorting.abort();
    scanning.abort();
}

#[tokio::test]
async fn a_standby_that_falls_behind_is_found() {
    let Some(own) = installed::own() else { return };
    let (private, login) = start(&own.bin, &["max_wal_senders = 5"]).await;
    let server = Server { name: "primary".into(), major: own.major, private, bin: own.bin.clone() };
    let standby = server.standby().await;
    let there = Login { host: standby.socket_directory().display().to_string(), ..login.clone() };
    let client = open(&login).await;
    let mut watched = Watched::start(login, quick());
    let older = watched.complete().await;
    let is_streaming = "select count(*) = 1 from pg_stat_replication where state = 'streaming'";
    until(&client, is_streaming).await;
    open(&there).await.batch_execute("select pg_wal_replay_pause()").await.unwrap();
    client.batch_execute("create table more as select generate_series(1, 1000) as i").await.unwrap();
    provoked(&mut watched, &older, 300.0, IN_THE_STANDBYS).await;
    // The standby itself says where its WAL comes from, and that it does not replay it.
    let is_paused = |snapshot: &Snapshot| {
        let readings = Readings::of(snapshot.clone());
        let receiver = readings.wal_receiver().ok().flatten().cloned();
        receiver.is_some_and(|it| it.is_paused && it.status == "streaming" && !it.sender.is_empty())
    };
    Watched::start(there, quick()).until("replay is paused", is_paused).await;
}

#[tokio::test]
async fn a_lost_slot_and_a_failing_archive_are_found() {
    // Before 13 a slot keeps its WAL without a limit.
    let Some(own) = installed::own().filter(|own| own.major >= 13) else { return };
    let archives = ["max_slot_wal_keep_size = '1MB'", "archive_mode = on", "archive_command = 'false'"];
    let (_server, login) = start(&own.bin, &archives).await;
    let client = open(&login).await;
    client.batch_execute("select pg_create_physical_replication_slot('gone', true)").await.unwrap();
    let mut watched = Watched::start(login, quick());
    let older = watched.complete().await;
    for _ in 0..4 {
        client.batch_execute("select txid_current()").await.unwrap();
        client.batch_execute("select pg_switch_wal()").await.unwrap();
    }
    client.batch_execute("checkpoint").await.unwrap();
    let found = provoked(&mut watched, &older, 0.0, IN_THE_SLOTS).await;
    let finding = found.list.iter().find(|finding| finding.id == "unread_slot").unwrap();
    client.batch_execute(&finding.fix.code.as_ref().unwrap().text).await.unwrap();
    until(&client, "select count(*) = 0 from pg_replication_slots").await;
    // No segment was archived either, until a command works; then nothing waits.
    provoked(&mut watched, &older, 0.0, IN_THE_ARCHIVE).await;
    client.batch_execute("alter system set archive_command = 'true'").await.unwrap();
    client.batch_execute("select pg_reload_conf(), pg_switch_wal()").await.unwrap();
    let works = |snapshot: &Snapshot| {
        let archiving = Readings::of(snapshot.clone()).archiving().cloned();
        archiving.is_ok_and(|it| it.state() == ArchivingState::Works && it.waiting == Some(Bytes(0.0)))
    };
    watched.until("the archive works", works).await;
}

/// The one setting that a healthy server here needs beside `statement_timeout`.
const LIMIT: &str = "idle_in_transaction_session_timeout = '60s'";

async fn start(bin: &Path, settings: &[&str]) -> (PrivateServer, Login) {
    let mut lines = vec!["shared_preload_libraries = 'pg_stat_statements'".to_owned()];
    lines.extend(settings.iter().map(|line| (*line).to_owned()));
    let setup = ServerSetup { bin: bin.to_owned(), settings: lines, ..ServerSetup::default() };
    let server = PrivateServer::start(&setup).unwrap();
    let login = Login {
        host: server.socket_directory().display().to_string(),
        port: server.port(),
        user: "postgres".into(),
        database: "postgres".into(),
    };
    open(&login).await.batch_execute("create database shop").await.unwrap();
    (server, Login { database: "shop".into(), ..login })
}

/// Waits until a query says yes.
async fn until(client: &Client, question: &str) {
    let deadline = Instant::now() + PATIENCE;
    while !client.query_one(question, &[]).await.unwrap().get::<_, bool>(0) {
        assert!(Instant::now() < deadline, "not in time: {question}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Returns the first findings of which something is true, seen so many seconds later than they were.
async fn judged(
    watched: &mut Watched,
    older: &Snapshot,
    later: f64,
    is_enough: impl Fn(&Findings) -> bool,
) -> Findings {
    let deadline = Instant::now() + PATIENCE;
    let mut asked = Instant::now();
    loop {
        let read = watched.next().await;
        // Settings are read twice a minute.
        if asked.elapsed() > Duration::from_secs(2) {
            watched.commands.send(SamplerCommand::ReadNow).await.unwrap();
            asked = Instant::now();
        }
        let snapshot = put_forward(&read, later);
        let found = findings::check(&RuleInput::new(&Readings::of(snapshot.clone()), Some(older)));
        if snapshot.at.0 > older.at.0 && is_enough(&found) {
            for finding in &found.list {
                check_form(finding, &snapshot);
            }
            return found;
        }
        let titles: Vec<_> = found.list.iter().map(|finding| (finding.id, &finding.title)).collect();
        assert!(Instant::now() < deadline, "found {titles:#?}, not judged {:#?}", found.unknown);
    }
}

/// Waits until each of these rules found what it should, in these words.
async fn provoked(watched: &mut Watched, older: &Snapshot, later: f64, rules: &[(&str, &str)]) -> Findings {
    let is_told = |found: &Findings| {
        rules.iter().all(|(rule, words)| found.list.iter().any(|it| it.id == *rule && it.title.contains(words)))
    };
    judged(watched, older, later, is_told).await
}

/// What every finding owes its reader, whatever it is about.
fn check_form(finding: &Finding, snapshot: &Snapshot) {
    assert!(!finding.evidence.is_empty(), "{finding:?}");
    assert!(finding.evidence.iter().any(|(_, value)| value.contains(|it: char| it.is_ascii_digit() || it == 'o')));
    assert!(finding.fix.text.len() > 20 && finding.source.len() > 8 && finding.why.len() > 20, "{finding:?}");
    let Some(jump) = &finding.jump else { return };
    let (probe, column) = match jump.pane {
        "tables" => ("tables", "relid"),
        "indexes" => ("indexes", "indexrelid"),
        "activity" | "locks" => ("activity", "pid"),
        "replication" => ("replication", "pid"),
        _ => return,
    };
    let Some(key) = jump.key.first() else { return };
    let is_there = snapshot.rows(probe).unwrap().iter().any(|row| row.get(column) == key);
    assert!(is_there, "no row {key:?} in {probe}: {finding:?}");
}

/// Returns a snapshot as it would be had everything stayed as it is for so many seconds.
fn put_forward(snapshot: &Snapshot, seconds: f64) -> Snapshot {
    const AGES: &[&str] = &["oldest_prepared", "replay_lag"];
    const STARTS: &[&str] = &["state_change", "xact_start", "query_start"];
    let mut later = snapshot.clone();
    for probe in ["activity", "server", "replication"] {
        let Some(Section::Ready(reading)) = later.sections.get(probe) else { continue };
        let columns = Arc::clone(&reading.rows.columns);
        let mut rows = reading.rows.rows.clone();
        for row in &mut rows {
            for (value, column) in Arc::make_mut(row).iter_mut().zip(columns.iter()) {
                match value {
                    Value::Float(age) if AGES.contains(&column.name.as_ref()) => *age += seconds,
                    Value::Float(start) if STARTS.contains(&column.name.as_ref()) => *start -= seconds,
                    _ => {}
                }
            }
        }
        let aged = Reading { at: reading.at, rows: RowSet { columns, rows } };
        later.sections.insert(probe, Section::Ready(Arc::new(aged)));
    }
    later
}
