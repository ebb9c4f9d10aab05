//! Bloat against the truth of `pgstattuple` and `pgstatindex`, on real servers.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use pgdj::catalog::bloat::{self, Bloat};
use pgdj::catalog::index_bloat;
use pgdj::catalog::index_usage::IndexUsage;
use pgdj::catalog::table_usage::TableUsage;
use pgdj::pg::own::Sql;
use pgdj::pg::private::{PrivateServer, ServerSetup};
use pgdj::pg::{decode, probes};
use pgdj::sample::{Reading, RowSet, SampleCost, Section, ServerFacts, Snapshot, Timestamp};
use tokio_postgres::{Client, NoTls};

use crate::support::installed::{self, Installed};

/// Points between an estimate of a heap and the truth.
const TABLE_TOLERANCE: f64 = 0.05;
/// How long counters may take to arrive.
const PATIENCE: Duration = Duration::from_secs(30);
/// Points between an estimate of a b-tree and the truth.
const INDEX_TOLERANCE: f64 = 0.10;

/// Tables: the six of the table of truth, then what is hard about rows. Each is filled, then `after` is run on it.
const TABLES: &[(&str, &str, &str)] = &[
    ("fresh", "select i as id, md5(i::text) as v, now() as at from generate_series(1, 20000) as i", ""),
    (
        "half",
        "select i as id, md5(i::text) as v, now() as at from generate_series(1, 20000) as i",
        "delete from half where id % 2 = 0",
    ),
    ("ff", "select i as id, md5(i::text) as v from generate_series(1, 20000) as i", ""),
    ("pad", "select i as a, i::int8 as b, i as c from generate_series(1, 20000) as i", ""),
    (
        "mediumtext",
        "select i as id, jsonb_build_object('a', repeat(md5(i::text), 10), 'b', i, 'c', md5((i * 7)::text)) as doc
         from generate_series(1, 20000) as i",
        "",
    ),
    (
        "toasty",
        "select i as id, (select string_agg(md5((i * 1000 + n)::text), '') from generate_series(1, 70) as n) as body
         from generate_series(1, 4000) as i",
        "",
    ),
    (
        "vary",
        "select i as id, repeat('x', i % 23) as name, i::int8 as big, i % 2 = 0 as flag, (i * 1.7)::numeric(12, 2) as total,
         repeat('y', (i * 7) % 50) as note, now() as at from generate_series(1, 20000) as i",
        "",
    ),
    (
        "nulls",
        "select i as id, case when i % 3 = 0 then i::int8 end as a, case when i % 2 = 0 then md5(i::text) end as b,
         null::text as c, case when i % 5 = 0 then now() end as d, 1 as e, 2 as f, 3 as g, 4 as h, i as j
         from generate_series(1, 20000) as i",
        "",
    ),
    (
        "wide",
        "select i as id, (select string_agg(chr(65 + (i * n) % 57), '') from generate_series(1, 1200) as n) as body
         from generate_series(1, 1500) as i",
        "",
    ),
    ("ranged", "select i as id, i as other from generate_series(1, 50000) as i", "delete from ranged where id < 40000"),
    (
        "dropped",
        "select i as id, md5(i::text) as gone, i::int8 as other from generate_series(1, 20000) as i",
        "alter table dropped drop column gone; vacuum full dropped",
    ),
    ("uuids", "select md5(i::text)::uuid as id, i % 5 as kind, i % 2 = 0 as flag from generate_series(1, 20000) as i", ""),
    (
        "deleted_not_vacuumed",
        "select i as id, md5(i::text) as v from generate_series(1, 20000) as i",
        "/* not vacuumed */ delete from deleted_not_vacuumed where id % 3 = 0",
    ),
    (
        "at_once",
        "select i as id, md5(i::text) as v from generate_series(1, 20000) as i",
        "/* at once */ delete from at_once where id % 2 = 0",
    ),
];

const INDEXES: &str = "
    create table idx as select i as id, i % 100 as status, md5(i::text) as code, case when i % 2 = 0 then i / 4 end as parent,
        case when i % 10 < 9 then 0 else i end as skewed, i % 300 as store, (i % 300) / 3 as region,
        (i * 7919) % 99991 as random from generate_series(1, 100000) as i;
    create index idx_status on idx (status);
    create unique index idx_id on idx (id);
    create index idx_code on idx (code);
    create index idx_parent on idx (parent);
    create index idx_skewed on idx (skewed);
    create index idx_store_region on idx (store, region);
    create index idx_status_id on idx (status, id);
    create index idx_random on idx (random);
    create index idx_ff on idx (id) with (fillfactor = 50);
    create index idx_partial on idx (id) where status = 1;
    create index idx_upper on idx (upper(code));
    create index idx_hash on idx using hash (id);
    create table idx_half as select i as id, i % 100 as status from generate_series(1, 100000) as i;
    create unique index idx_half_id on idx_half (id);
    create index idx_half_status on idx_half (status);
    create table idx_churn (id int, status int);
    create index idx_churn_random on idx_churn (id);
    create index idx_churn_status on idx_churn (status);
    insert into idx_churn select (i * 7919::int8) % 99991, i % 50 from generate_series(1, 100000) as i;
";

const READ: &[&str] = &["settings", "tables", "table_sizes", "column_stats", "indexes", "index_sizes", "index_stats"];

async fn connect(server: &PrivateServer, user: &str) -> Client {
    let conninfo = server.conninfo("postgres").replace("user=postgres", &format!("user={user}"));
    let (client, connection) = tokio_postgres::connect(&conninfo, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn read(client: &Client, role: &str) -> Snapshot {
    let columns = ["role pg_read_all_data".to_owned()].into();
    let facts = ServerFacts { role: role.to_owned(), columns, ..ServerFacts::default() };
    let mut sections = BTreeMap::new();
    // Statistics that were read before the last analyze are not judged.
    let clock = "select extract(epoch from clock_timestamp())::float8";
    let at = Timestamp(client.query_one(clock, &[]).await.unwrap().get(0));
    for name in READ {
        let probe = probes::find(name).unwrap();
        let rows =
            client.query(Sql::of_probe(probe, &facts).as_str(), &[]).await.unwrap_or_else(|e| panic!("{name}: {e:?}"));
        let rows = rows.iter().map(|row| decode::values(row).unwrap());
        let reading = Reading { at, rows: RowSet::new(probe.columns.into(), rows) };
        sections.insert(*name, Section::Ready(Arc::new(reading)));
    }
    Snapshot { at, server: Arc::new(facts), sections, cost: SampleCost::default() }
}

async fn start(bin: &Path) -> (PrivateServer, Client) {
    let setup =
        ServerSetup { bin: bin.to_owned(), settings: vec!["autovacuum = off".into()], ..ServerSetup::default() };
    let server = PrivateServer::start(&setup).unwrap();
    let client = connect(&server, "postgres").await;
    client.batch_execute("create extension pgstattuple").await.unwrap();
    (server, client)
}

/// Fills the tables; each step is another session's, so that its counters have arrived when the next one runs, except
/// for the table of which one session does all at once.
async fn fill(server: &PrivateServer) {
    let create = |name: &str, rows: &str| {
        let options = if name == "ff" { "with (fillfactor = 70)" } else { "" };
        format!("create table {name} {options} as {rows}")
    };
    let client = connect(server, "postgres").await;
    for (name, rows, after) in TABLES {
        if after.starts_with("/* at once */") {
            let client = connect(server, "postgres").await;
            for statement in [&create(name, rows), *after, &format!("vacuum analyze {name}")] {
                client.batch_execute(statement).await.unwrap();
            }
            continue;
        }
        client.batch_execute(&create(name, rows)).await.unwrap();
        if *name == "toasty" {
            client.batch_execute("alter table toasty alter column body set storage external").await.unwrap();
            client.batch_execute("vacuum full toasty").await.unwrap();
        }
        client.batch_execute(&format!("analyze {name}")).await.unwrap();
    }
    drop(client);
    let client = settled(server).await;
    for (name, _, after) in TABLES.iter().filter(|(_, _, after)| !after.starts_with("/* at once */")) {
        for statement in after.split(';').chain([format!("-- {name}").as_str()]) {
            client.batch_execute(statement).await.unwrap();
        }
    }
    drop(client);
    let client = settled(server).await;
    let begin: SystemTime = client.query_one("select clock_timestamp()", &[]).await.unwrap().get(0);
    let calm: Vec<&str> =
        TABLES.iter().filter(|(_, _, after)| !after.starts_with("/*")).map(|(name, ..)| *name).collect();
    for name in &calm {
        client.batch_execute(&format!("vacuum analyze {name}")).await.unwrap();
    }
    // Before 15 the counters go through a file that is up to half a second old.
    let arrived = "select count(*) = cardinality($1::text[]) from pg_stat_user_tables
        where relname = any($1::text[]) and last_vacuum >= $2 and last_analyze >= $2";
    let deadline = Instant::now() + PATIENCE;
    while !client.query_one(arrived, &[&calm, &begin]).await.unwrap().get::<_, bool>(0) {
        assert!(Instant::now() < deadline, "the vacuums did not reach the counters");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Waits until the counters of all rows that came and went have arrived.
async fn settled(server: &PrivateServer) -> Client {
    let client = connect(server, "postgres").await;
    let deadline = Instant::now() + PATIENCE;
    let mut late = TABLES.iter().map(|(name, ..)| *name).collect::<Vec<_>>();
    while let Some(name) = late.last().copied() {
        let arrived = client
            .query_one(
                &format!("select n_tup_ins - n_tup_del = (select count(*) from {name}) from pg_stat_user_tables where relname = '{name}'"),
                &[],
            )
            .await
            .unwrap();
        if arrived.get::<_, bool>(0) {
            late.pop();
        } else {
            assert!(Instant::now() < deadline, "the counters of {name} did not arrive");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    client
}

#[tokio::test]
async fn an_estimate_of_a_table_is_within_five_points_of_the_truth() {
    for Installed { bin, .. } in installed::ends() {
        let (server, client) = start(bin).await;
        fill(&server).await;
        settled(&server).await;
        let seen = read(&client, "postgres").await;
        let tables = TableUsage::all(&seen).unwrap();
        let estimates = bloat::estimates(&seen, &tables).unwrap();
        let mut wrong = Vec::new();
        for table in &tables {
            let truth = client
                .query_one(
                    "select dead_tuple_percent + free_percent, table_len from pgstattuple($1::text::regclass)",
                    &[&table.name],
                )
                .await
                .unwrap();
            let fillfactor = if table.name == "ff" { 70.0 } else { 100.0 };
            let measured =
                Bloat::measured(0.0, truth.get(0), fillfactor, pgdj::sample::Bytes(truth.get::<_, i64>(1) as f64));
            let truth = measured.amount().unwrap().share;
            eprintln!("{} {}: truth {truth:.3}, {:?}", bin.display(), table.name, estimates[&table.relid]);
            match &estimates[&table.relid] {
                // What the estimate of the live rows is off counts with the room that the fillfactor keeps for them.
                Bloat::Known(amount) if (amount.share - truth).abs() <= TABLE_TOLERANCE * 100.0 / fillfactor => {}
                Bloat::CannotEstimate(_) if table.name == "deleted_not_vacuumed" => {}
                other => wrong.push(format!("{}: truth {truth:.3}, {other:?}", table.name)),
            }
        }
        assert!(tables.len() == TABLES.len() && wrong.is_empty(), "{}:\n{}", bin.display(), wrong.join("\n"));
    }
}

#[tokio::test]
async fn an_estimate_of_an_index_is_within_ten_points_or_is_not_given() {
    for Installed { bin, .. } in installed::ends() {
        let (_server, client) = start(bin).await;
        client.batch_execute(INDEXES).await.unwrap();
        client.batch_execute("delete from idx_half where id % 2 = 0").await.unwrap();
        for table in ["idx", "idx_half", "idx_churn"] {
            client.batch_execute(&format!("vacuum analyze {table}")).await.unwrap();
        }
        let seen = read(&client, "postgres").await;
        let indexes = IndexUsage::all(&seen).unwrap();
        let estimates = index_bloat::estimates(&seen, &indexes, &[]).unwrap();
        let mut wrong = Vec::new();
        let mut judged = Vec::new();
        for index in &indexes {
            let Bloat::Known(amount) = &estimates[&index.indexrelid] else { continue };
            judged.push(index.name.as_str());
            let truth = client
                .query_one(
                    "select avg_leaf_density, leaf_pages, index_size from pgstatindex($1::text::regclass)",
                    &[&index.name],
                )
                .await
                .unwrap();
            let fillfactor = if index.name == "idx_ff" { 50.0 } else { 90.0 };
            let used = truth.get::<_, f64>(0) / fillfactor * truth.get::<_, i64>(1) as f64;
            let truth = (1.0 - used / (truth.get::<_, i64>(2) as f64 / 8192.0)).clamp(0.0, 1.0);
            eprintln!("{} {}: truth {truth:.3}, {amount:?}", bin.display(), index.name);
            if (amount.share - truth).abs() > INDEX_TOLERANCE {
                wrong.push(format!("{}: truth {truth:.3}, {amount:?}", index.name));
            }
        }
        assert!(wrong.is_empty(), "{}:\n{}", bin.display(), wrong.join("\n"));
        for name in ["idx_status", "idx_id", "idx_code", "idx_ff", "idx_half_id", "idx_half_status"] {
            let index = indexes.iter().find(|index| index.name == name).unwrap();
            assert!(
                judged.contains(&name),
                "{}: {name} has no number: {:?}",
                bin.display(),
                estimates[&index.indexrelid]
            );
        }
    }
}

#[tokio::test]
async fn a_role_that_may_not_read_the_statistics_gets_a_reason_and_not_a_number() {
    let Some(own) = installed::own() else { return };
    let (server, client) = start(&own.bin).await;
    client
        .batch_execute(
            "create table fresh as select i as id, md5(i::text) as v from generate_series(1, 20000) as i;
             create index fresh_id on fresh (id); create role watcher login in role pg_monitor",
        )
        .await
        .unwrap();
    client.batch_execute("vacuum analyze fresh").await.unwrap();
    let watcher = connect(&server, "watcher").await;
    let seen = read(&watcher, "watcher").await;
    let tables = TableUsage::all(&seen).unwrap();
    let indexes = IndexUsage::all(&seen).unwrap();
    let table = bloat::estimates(&seen, &tables).unwrap().into_values().next().unwrap();
    let index = index_bloat::estimates(&seen, &indexes, &[]).unwrap().into_values().next().unwrap();
    for found in [table, index] {
        let Bloat::CannotEstimate(unknown) = found else { panic!("a number without statistics: {found:?}") };
        assert_eq!(unknown.remedy.as_deref(), Some("GRANT pg_read_all_data TO watcher;"), "{unknown:?}");
    }
    client.batch_execute("grant pg_read_all_data to watcher").await.unwrap_or_default();
    let seen = read(&watcher, "watcher").await;
    let after = bloat::estimates(&seen, &TableUsage::all(&seen).unwrap()).unwrap().into_values().next().unwrap();
    assert!(after.amount().is_some(), "the remedy helps: {after:?}");
}
