//! Every `.sql` on every server there is: it runs, and each column has the type that was declared.

use std::time::Instant;

use pgdj::pg::own::Sql;
use pgdj::pg::probes::{Lane, PROBES, Pace, Probe};
use pgdj::pg::sampler::bundle::{ProbeQuestion, Unbundled};
use pgdj::pg::server::read_facts;
use pgdj::pg::session::{Limits, Query, QueryParameter, Session, cancel_queue};
use pgdj::pg::why;
use pgdj::sample::{RowSet, ServerFacts, Unit, Value};
use tokio_postgres::types::Type;

use crate::support::watch::PATIENCE;
use crate::support::{Login, Server, apart, installed, leave_out, newest, open, servers, shop};

/// The types a column of each unit may have.
fn types(unit: Unit) -> &'static [Type] {
    match unit {
        Unit::Text | Unit::Sql => &[Type::TEXT, Type::VARCHAR, Type::NAME],
        Unit::Flag => &[Type::BOOL],
        Unit::Id => &[Type::INT8, Type::INT4, Type::OID],
        Unit::Count => &[Type::INT8, Type::INT4],
        Unit::Number => &[Type::FLOAT8, Type::INT8],
        Unit::Bytes => &[Type::INT8, Type::FLOAT8],
        Unit::Blocks | Unit::Xids => &[Type::INT8],
        Unit::Seconds | Unit::Millis | Unit::Moment | Unit::Share => &[Type::FLOAT8],
        Unit::Ids => &[Type::INT8_ARRAY],
        Unit::Texts => &[Type::TEXT_ARRAY],
    }
}

async fn session(login: &Login) -> (Session, ServerFacts) {
    let (cancel_queue, _) = cancel_queue();
    let mut session = Session::open(login, Limits::SLOW, &cancel_queue).await.unwrap();
    let facts = read_facts(&mut session, "test").await.unwrap();
    (session, facts)
}

async fn check_columns(client: &tokio_postgres::Client, probe: &Probe, facts: &ServerFacts, name: &str) {
    let loaded = Sql::of_probe(probe, facts);
    let statement = client.prepare(loaded.as_str()).await.unwrap_or_else(|it| panic!("{name} {}: {it:?}", probe.name));
    let given: Vec<&str> = statement.columns().iter().map(tokio_postgres::Column::name).collect();
    let declared: Vec<&str> = probe.columns.iter().map(|column| column.name.as_ref()).collect();
    assert_eq!(given, declared, "{name} {}", probe.name);
    for (given, declared) in statement.columns().iter().zip(probe.columns) {
        let allowed = types(declared.unit);
        let place = format!("{name} {}.{}", probe.name, declared.name);
        assert!(allowed.contains(given.type_()), "{place} is {}, not {:?}", given.type_(), declared.unit);
    }
}

/// Prepares and runs every probe; returns those that this server cannot answer.
async fn check_all(login: &Login, name: &str) -> Vec<&'static str> {
    let (mut session, facts) = session(login).await;
    let client = open(login).await;
    let mut lacking = Vec::new();
    for probe in PROBES {
        if why::cannot_be_read(probe, &facts).is_some() {
            lacking.push(probe.name);
            continue;
        }
        if probe.table().is_some() {
            let query = Query::new(Sql::of_probe(probe, &facts));
            let copied = session.copy(&query, probe.columns).await.unwrap();
            let rows = copied.unwrap_or_else(|it| panic!("{name} {}: {it:?}", probe.name)).rows;
            assert!(rows.iter().flatten().all(|value| !value.is_null()), "{name} {}: {rows:?}", probe.name);
            continue;
        }
        check_columns(&client, probe, &facts, name).await;
        let mut query = Query::new(Sql::of_probe(probe, &facts));
        if probe.pace == Pace::Asked {
            query = query.with(QueryParameter::Ids(vec![1, 2]));
        }
        let answer = session.one(query).await.unwrap().unwrap_or_else(|it| panic!("{name} {}: {it:?}", probe.name));
        assert!(answer.rows.iter().all(|row| row.len() == probe.columns.len()), "{name} {}", probe.name);
    }
    lacking
}

async fn shop_on(server: &Server) -> Login {
    let login = server.database().await;
    let client = open(&login).await;
    shop::make(&client).await;
    client.batch_execute("create extension pg_stat_statements").await.unwrap();
    login
}

#[tokio::test]
async fn every_probe_runs_on_every_server_with_the_types_it_declares() {
    for server in servers() {
        let lacking = check_all(&shop_on(server).await, &server.name).await;
        // pg_stat_statements_info came with 1.9, of PostgreSQL 14.
        let is_old = server.major < 14;
        assert_eq!(lacking, if is_old { vec!["statements_info"] } else { vec![] }, "{}", server.name);
    }
}

#[tokio::test]
async fn every_probe_runs_for_a_plain_role_too() {
    for server in servers() {
        let login = shop_on(server).await;
        let role = server.role("plain", "").await;
        let client = open(&login).await;
        client.batch_execute("grant select on django_content_type, django_migrations to plain").await.unwrap();
        check_all(&login.with_user(&role), &format!("{} as a plain role", server.name)).await;
    }
}

#[tokio::test]
async fn every_probe_runs_on_a_standby() {
    for installed in installed::own_and_newest() {
        // Of a server of its own, for a standby is seen by everybody on its primary.
        let server = apart(installed);
        let login = shop_on(&server).await;
        let standby = server.standby().await;
        let there = login.through(standby.socket_directory().display().to_string(), standby.port());
        let (_, facts) = session(&there).await;
        assert!(facts.is_standby);
        check_all(&there, &format!("standby of {}", server.name)).await;
    }
}

#[tokio::test]
async fn what_is_asked_in_one_statement_is_what_is_asked_apart_on_every_server() {
    for server in servers() {
        let login = shop_on(server).await;
        let (mut session, facts) = session(&login).await;
        let is_read = |probe: &&Probe| probe.lane == Lane::Fast && why::cannot_be_read(probe, &facts).is_none();
        let due: Vec<&'static Probe> = PROBES.iter().copied().filter(is_read).collect();
        let questions = Unbundled::default().questions(due, Instant::now(), true);
        let bundle = questions.iter().find(|question| question.is_bundle()).unwrap();
        assert!(bundle.probes.len() >= 8, "{}: {bundle:?}", server.name);
        // Other tests make databases and sessions on the same server: between two of their doings both say the same.
        let deadline = Instant::now() + PATIENCE;
        while let Some(difference) = difference(&mut session, bundle, &facts).await {
            assert!(Instant::now() < deadline, "{}: {difference}", server.name);
        }
    }
}

/// Asks a bundle in one statement and then each of its probes alone; returns where the answers differ.
async fn difference(session: &mut Session, bundle: &ProbeQuestion, facts: &ServerFacts) -> Option<String> {
    let answer = session.one(Query::new(bundle.sql(0, facts))).await.unwrap();
    for (probe, rows) in bundle.rows(answer.unwrap_or_else(|error| panic!("{error:?}"))) {
        let (name, columns) = (probe.name, probe.columns.len());
        assert!(rows.iter().all(|row| row.len() == columns), "{name}");
        // A statement has locks of its own, and is a statement itself.
        if ["statements", "locks"].contains(&name) {
            continue;
        }
        let alone = session.one(Query::new(Sql::of_probe(probe, facts))).await.unwrap().unwrap();
        if rows.len() != alone.rows.len() {
            return Some(format!("{name}: {} rows, and {} alone", rows.len(), alone.rows.len()));
        }
        let kind = |value: &Value| (!value.is_null()).then(|| std::mem::discriminant(value));
        let differs =
            |(one, other): (&Value, &Value)| kind(one).zip(kind(other)).is_some_and(|(one, other)| one != other);
        if rows.iter().flatten().zip(alone.rows.iter().flatten()).any(differs) {
            return Some(format!("{name}: {rows:?}, and {:?} alone", alone.rows));
        }
    }
    None
}

#[tokio::test]
async fn every_file_runs_as_it_stands_on_the_newest_server() {
    let Some(server) = newest() else { return };
    if server.major < 18 {
        return leave_out("the files as they stand: they are written for PostgreSQL 18 (tests/run fetches it)");
    }
    let login = shop_on(server).await;
    let client = open(&login).await;
    for probe in PROBES {
        let name = probe.name;
        client.prepare(probe.sql).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    }
}

#[tokio::test]
async fn a_slot_is_read_with_the_wal_it_keeps() {
    for installed in installed::own_and_newest() {
        let server = apart(installed);
        let login = shop_on(&server).await;
        let client = open(&login).await;
        let make =
            "select pg_create_physical_replication_slot('kept', true), pg_create_physical_replication_slot('unused')";
        client.batch_execute(make).await.unwrap();
        client.batch_execute("select txid_current(); select pg_switch_wal()").await.unwrap();
        let role = server.role("plain", "").await;
        let (mut session, facts) = session(&login.with_user(&role)).await;
        let probe = pgdj::pg::probes::find("slots").unwrap();
        let rows = session.one(Query::new(Sql::of_probe(probe, &facts))).await.unwrap().unwrap().rows;
        let rows = RowSet::new(probe.columns.into(), rows);
        let seen: Vec<_> = rows.iter().map(|row| (row.text("name"), row.int("kept_bytes"))).collect();
        let kept =
            "select (pg_current_wal_lsn() - restart_lsn)::bigint from pg_replication_slots where slot_name = 'kept'";
        let kept: i64 = client.query_one(kept, &[]).await.unwrap().get(0);
        let is_about = |bytes: i64| bytes > 0 && (kept - bytes).abs() < 1 << 20;
        let is_as_expected = matches!(seen[..], [("kept", Some(bytes)), ("unused", None)] if is_about(bytes));
        assert!(is_as_expected, "{}: {seen:?}, {kept} by the view", server.name);
    }
}

/// The counters come from the functions below the views, which cost less to plan; they must say what the views say.
#[tokio::test]
async fn the_counters_of_tables_and_indexes_are_those_of_the_views() {
    for server in servers() {
        let login = shop_on(server).await;
        let client = open(&login).await;
        client.batch_execute("select count(*) from shop_order; select * from shop_order where id = 5").await.unwrap();
        let (_, facts) = session(&login).await;
        let loaded = |name: &str| {
            let probe = pgdj::pg::probes::find(name).unwrap();
            Sql::of_probe(probe, &facts)
        };
        // Parents of partitions are in the view since 14.
        let tables = format!(
            "select count(*), count(p.seq_scan) from ({}) as p
            full join pg_stat_user_tables as s on s.relid = p.relid left join pg_statio_user_tables as o on o.relid = s.relid
            where p.kind is distinct from 'p' and (
                p.seq_scan, p.seq_tup_read, p.idx_scan, p.idx_tup_fetch, p.inserts, p.updates, p.deletes, p.hot_updates,
                p.live, p.dead, p.mod_since_analyze, p.heap_read, p.heap_hit, p.vacuums, p.last_analyze::text, p.last_vacuum::text
            ) is distinct from (
                s.seq_scan, s.seq_tup_read, s.idx_scan, s.idx_tup_fetch, s.n_tup_ins, s.n_tup_upd, s.n_tup_del, s.n_tup_hot_upd,
                s.n_live_tup, s.n_dead_tup, s.n_mod_since_analyze, o.heap_blks_read, o.heap_blks_hit,
                s.vacuum_count + s.autovacuum_count, extract(epoch from s.last_analyze)::float8::text, extract(epoch from s.last_vacuum)::float8::text
            )",
            loaded("tables").as_str()
        );
        let indexes = format!(
            "select count(*), count(p.scans) from ({}) as p full join pg_stat_user_indexes as s on s.indexrelid = p.indexrelid
            where (p.name, p.scans, p.tup_read, p.tup_fetch) is distinct from (s.indexrelname::text, s.idx_scan, s.idx_tup_read, s.idx_tup_fetch)",
            loaded("indexes").as_str()
        );
        for sql in [tables, indexes] {
            let row =
                client.query_one(sql.as_str(), &[]).await.unwrap_or_else(|error| panic!("{}: {error:?}", server.name));
            assert_eq!((row.get::<_, i64>(0), row.get::<_, i64>(1)), (0, 0), "{}: rows that differ", server.name);
        }
    }
}
