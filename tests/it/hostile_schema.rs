//! Nobody gets in by a name: functions, operators, types and views of somebody else stand under every name that pgdj's own
//! SQL has, and none is called.
//!
//! What is hostile is generated: operators by name from `pg_operator`, functions and types from the tokens of pgdj's
//! source. Each function is plpgsql, so that the server counts its calls (`track_functions`), whatever becomes of the
//! transaction.

mod tables;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pgdj::advisor::IndexSpec;
use pgdj::catalog::{Definition, Expr, Key};
use pgdj::pg::advice::advise;
use pgdj::pg::control::{BackendKey, Doing, Mode, Permit, Signal, send};
use pgdj::pg::exact::{self, MeasuredRelation};
use pgdj::pg::explain::{Agreed, Consent, ExplainRequest, Options, Runner, TIMEOUT_MS};
use pgdj::pg::maintenance::{IndexToBuild, Maintainer, MaintenanceTask, TableTask};
use pgdj::pg::sampler::SamplerSettings;
use pgdj::pg::server::read_facts;
use pgdj::pg::session::{Connector, Limits, Session, cancel_queue};
use pgdj::pg::verify::{Allowed, Building, Verifier};
use pgdj::sample::{Missing, Seconds, Snapshot, Timestamp};
use tokio_postgres::Client;

use crate::support::pooler::Pooler;
use crate::support::watch::{PATIENCE, quick};
use crate::support::{Login, Watched, open, servers, shop};

/// The types of which every operator is made.
const TYPES: &str = "array['name', 'oid', 'text', '\"char\"', 'int2', 'int4', 'int8', 'float8', 'bool', 'timestamptz', 'regclass', 'jsonb']";

/// Every word of pgdj's source before a parenthesis, and every one behind a cast.
fn tokens() -> (BTreeSet<String>, BTreeSet<String>) {
    let mut files = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pg")];
    files.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cli"));
    let (mut functions, mut types) = (BTreeSet::new(), BTreeSet::new());
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        if !path.extension().is_some_and(|end| end == "rs" || end == "sql") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let is_word = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        for (at, _) in text.match_indices('(') {
            let word: String = text[..at].chars().rev().take_while(|letter| is_word(*letter)).collect();
            functions.insert(word.chars().rev().collect::<String>());
        }
        for part in text.split("::").skip(1) {
            types.insert(part.chars().take_while(|letter| is_word(*letter)).collect::<String>());
        }
    }
    functions.remove("");
    types.remove("");
    (functions, types)
}

/// Makes a schema of traps; returns how many there are.
async fn traps(admin: &Client, schema: &str) -> i64 {
    let (functions, types) = tokens();
    let list = |words: &BTreeSet<String>| words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ");
    let sql = include_str!("hostile_schema/traps.sql")
        .replace("SCHEMA", schema)
        .replace("TYPES", TYPES)
        .replace("FUNCTIONS", &list(&functions))
        .replace("NAMES", &list(&types));
    admin.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{error:?}"));
    let count = format!(
        "select (select count(*) from pg_proc where pronamespace = '{schema}'::regnamespace)
            + (select count(*) from pg_operator where oprnamespace = '{schema}'::regnamespace)"
    );
    admin.query_one(&count, &[]).await.unwrap().get(0)
}

/// Returns the hostile functions that were called, once every backend but this one has ended and told its counts.
///
/// Up to 14 the counts come some time later, in their order: so a call of our own comes last and is waited for.
async fn called(login: &Login, admin: &Client) -> Vec<String> {
    let others = "select count(*) from (select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()) as t";
    while admin.query_one(others, &[]).await.unwrap().get::<_, i64>(0) > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let last = "select coalesce(sum(calls), 0)::int8 from pg_stat_user_functions where schemaname = 'last'";
    admin.batch_execute("select pg_stat_clear_snapshot()").await.unwrap();
    let before: i64 = admin.query_one(last, &[]).await.unwrap().get(0);
    let client = open(login).await;
    client.batch_execute("set search_path = pg_catalog; select last.call()").await.unwrap();
    drop(client);
    let deadline = Instant::now() + PATIENCE;
    loop {
        admin.batch_execute("select pg_stat_clear_snapshot()").await.unwrap();
        if admin.query_one(last, &[]).await.unwrap().get::<_, i64>(0) > before {
            break;
        }
        assert!(Instant::now() < deadline, "the server does not count calls");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let rows = admin
        .query(
            "select f.schemaname || '.' || f.funcname || ' ' || f.calls from pg_stat_user_functions as f
            join pg_proc as p on p.oid = f.funcid join pg_language as l on l.oid = p.prolang
            where l.lanname = 'plpgsql' and f.calls > 0 and f.schemaname <> 'last' order by 1",
            &[],
        )
        .await
        .unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// What [`called`] itself calls.
const LAST: &str = "create schema last; create function last.call() returns pg_catalog.bool language plpgsql \
    as $$ begin return true; end $$";

/// A statement which calls nothing itself: no operator, no function, no cast.
fn request(sql: &str, parameters: &[&str]) -> ExplainRequest {
    ExplainRequest {
        sql: sql.to_owned(),
        parameters: parameters.iter().map(|value| Some((*value).to_owned())).collect(),
        guessed: Vec::new(),
        options: Options::default(),
        consent: Consent::ReadOnly,
        agreed: Agreed::Anything,
        timeout_ms: TIMEOUT_MS,
    }
}

/// A pace at which a busy machine does not count as silent.
fn calm() -> SamplerSettings {
    let second = Duration::from_secs(1);
    SamplerSettings { pace: second, second, ..quick() }
}

/// What a person has done to a table, an index and the counters.
async fn maintain(maintainer: &Maintainer, relid: i64, spec: IndexSpec) {
    let tables = TableTask::ALL.map(|what| MaintenanceTask::Table { what, relid });
    for task in tables.into_iter().chain([MaintenanceTask::ResetStatements]) {
        maintainer.run(&task, |_| {}).await.unwrap_or_else(|it| panic!("{it}"));
    }
    let keys = vec![Key::plain(Expr::column("customer_id")), Key::plain(Expr::column("id"))];
    let spec = IndexSpec { definition: Definition { keys, ..Definition::default() }, ..spec };
    let index = IndexToBuild { spec, name: "shop_order_kept_idx".to_owned() };
    // The script runs twice, and the index is kept.
    let built = maintainer.run(&MaintenanceTask::BuildIndexes(vec![index]), |_| {}).await;
    built.map_or_else(|it| assert!(it.to_string().contains("build the index"), "{it}"), |_| ());
}

/// The console and a recording: every probe, twice.
async fn watch(login: &Login) -> Arc<Snapshot> {
    let mut watched = Watched::start(login.clone(), calm());
    let snapshot = watched
        .until("all is read", |snapshot| {
            let is_open =
                |why: &Missing| matches!(why, Missing::NotYet | Missing::Slow { .. } | Missing::Disconnected { .. });
            snapshot.sections.values().all(|section| section.why().is_none_or(|why| !is_open(why)))
        })
        .await;
    for (name, section) in &snapshot.sections {
        assert!(!matches!(section.why(), Some(Missing::Failed { .. })), "{name}: {:?}", section.why());
    }
    for _ in 0..3 {
        watched.next().await;
    }
    watched.task.abort();
    snapshot
}

/// Everything that pgdj asks a server.
pub(crate) async fn script(login: &Login) {
    let (cancel_queue, cancel_work) = cancel_queue();
    let cancel_work = tokio::spawn(cancel_work);
    let connector: Arc<dyn Connector> = Arc::new(login.clone());
    let snapshot = watch(login).await;
    // Acts.
    let mut session = Session::open(login, Limits::ACT, &cancel_queue).await.unwrap();
    let facts = read_facts(&mut session, "test").await.unwrap();
    let oid = |name: &str| {
        snapshot.rows(if name == "shop_order" { "tables" } else { "indexes" }).unwrap().iter().find_map(|row| {
            let id = if name == "shop_order" { "relid" } else { "indexrelid" };
            (row.text("name") == name).then(|| row.int(id)).flatten()
        })
    };
    for relation in
        [oid("shop_order").map(MeasuredRelation::Table), oid("shop_order_status").map(MeasuredRelation::Index)]
    {
        exact::measure(&mut session, &facts, relation.unwrap()).await.unwrap().unwrap();
    }
    let nobody = BackendKey { pid: 1, started: Timestamp(0.0), doing: Doing::Anything };
    send(&mut session, &facts, Permit::of(Mode::Full).unwrap(), Signal::Cancel, nobody).await;
    drop(session);
    // Explain, its parameters, the advice, its verification and a trial, then acts on tables.
    let runner = Runner::new(Arc::clone(&connector), Mode::Full, cancel_queue.clone());
    let sorted = request("select * from public.shop_order order by total limit 3", &[]);
    let never = std::future::pending;
    let answer = runner.run(&sorted, |_| {}, never()).await.unwrap_or_else(|failure| panic!("{failure}"));
    for (parameters, sql) in
        [(&[][..], "select * from public.shop_order limit $1"), (&["3"], "select * from public.shop_order limit $1")]
    {
        runner.run(&request(sql, parameters), |_| {}, never()).await.unwrap_or_else(|failure| panic!("{failure}"));
        runner.choices(sql).await.unwrap();
    }
    let advised = Box::pin(advise(&connector, Mode::Full, &cancel_queue, &sorted, &answer.plan))
        .await
        .unwrap_or_else(|failure| panic!("{failure}"));
    let first = advised.indexes.first().unwrap_or_else(|| panic!("{:?} {:?}", advised.notes, advised.refusals));
    let spec = first.candidate.spec.clone();
    let verifier = Verifier::new(Arc::clone(&connector), Mode::Full, cancel_queue.clone());
    verifier.verify(&sorted, &[vec![spec.clone()]], Allowed::TemporaryTable).await.unwrap_or_else(|it| panic!("{it}"));
    for building in [Building::InTransaction { limit: Seconds(30.0) }, Building::Concurrently { limit: Seconds(60.0) }]
    {
        verifier.try_for_real(&sorted, std::slice::from_ref(&spec), building).await.unwrap_or_else(|it| panic!("{it}"));
    }
    verifier.clean_up(std::slice::from_ref(&spec)).await.unwrap_or_else(|it| panic!("{it}"));
    let maintainer = Maintainer::new(connector, cancel_queue.clone(), Arc::new(facts));
    maintain(&maintainer, oid("shop_order").unwrap(), spec).await;
    drop((verifier, runner, maintainer, cancel_queue));
    cancel_work.await.unwrap();
}

/// A database with the shop, the extensions and the traps; its path has the traps before `pg_catalog` if they are not in public.
async fn hostile(server: &crate::support::Server, schema: &str) -> (Login, Client) {
    let login = server.database().await;
    let admin = open(&login).await;
    shop::make(&admin).await;
    admin.batch_execute("create extension pg_stat_statements").await.unwrap();
    admin.batch_execute("create extension pgstattuple").await.unwrap();
    drop(admin.batch_execute("create extension hypopg").await);
    admin.batch_execute("select public.pg_stat_statements_reset()").await.unwrap();
    assert!(traps(&admin, schema).await > 5000);
    admin.batch_execute(LAST).await.unwrap();
    let path = if schema == "public" { "public" } else { "evil, pg_catalog, public" };
    let database = &login.database;
    admin
        .batch_execute(&format!(
            "alter database {database} set track_functions = 'all'; alter database {database} set search_path = {path}"
        ))
        .await
        .unwrap();
    (login, admin)
}

#[tokio::test]
async fn no_function_operator_type_or_view_of_anybody_else_is_called() {
    for server in servers() {
        for schema in ["public", "evil"] {
            let (login, admin) = hostile(server, schema).await;
            script(&login).await;
            assert_eq!(called(&login, &admin).await, Vec::<String>::new(), "{} {schema}, direct", server.name);
            let Some(pooler) = Pooler::start(server) else { continue };
            script(&pooler.login(&login)).await;
            drop(pooler);
            assert_eq!(called(&login, &admin).await, Vec::<String>::new(), "{} {schema}, pooled", server.name);
            // The traps are set: what any other client asks falls into them.
            let victim = open(&login).await;
            victim.batch_execute("select 'a'::name ~~ 'b'::name").await.unwrap();
            drop(victim);
            assert!(!called(&login, &admin).await.is_empty(), "{} {schema}: no trap shuts", server.name);
            drop(admin);
            let drop = format!("drop database {}", login.database);
            open(&server.login("postgres")).await.batch_execute(&drop).await.unwrap_or_default();
        }
    }
}
