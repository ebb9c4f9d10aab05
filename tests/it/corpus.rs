//! The index advisor against the planner: each statement is run, the best candidate really built, and the statement run again.
//!
//! What is saved is judged by blocks and rows that the plan touches, which are the same on every machine, not by the clock.
//! `PGDJ_CORPUS_SCALE=1` runs it on 1.2 GB; `PGDJ_CORPUS=<conninfo>` takes a server that holds the shop already.

mod library;

use std::fmt::Write as _;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use pgdj::Failure;
use pgdj::advisor::{Advice, Candidate, IndexSpec, Reason, advise};
use pgdj::catalog::{AccessMethod, Catalog};
use pgdj::django::sql::{Build, create_index};
use pgdj::pg::private::{PrivateServer, ServerSetup};
use pgdj::pg::session::{CancelFn, Connector, Limits, NewConnection, Session, cancel_queue};
use pgdj::plan::{self, Plan};
use tokio_postgres::{Client, NoTls};

use crate::support::installed;

/// What is saved has to be this share of what the reference saves.
const LEAST_SHARE: f64 = 0.9;
/// B-trees smaller than this are not measured for their size.
const MEASURED: f64 = 2e6;

/// A statement and what is to be said of it.
struct Case {
    name: String,
    verdict: String,
    /// What follows `create index on …`, and the table.
    references: Vec<(String, String)>,
    sql: String,
}

fn cases(text: &str) -> Vec<Case> {
    let mut found: Vec<Case> = Vec::new();
    for line in text.lines() {
        if let Some((name, verdict)) = line.strip_prefix("-- ").and_then(|head| head.split_once(": ")) {
            if !name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_') {
                continue;
            }
            let (verdict, references) = verdict.split_once(' ').unwrap_or((verdict, ""));
            let references = references.split("; ").filter(|text| !text.is_empty()).map(split_table).collect();
            found.push(Case { name: name.to_owned(), verdict: verdict.to_owned(), references, sql: String::new() });
        } else if let (Some(case), false) = (found.last_mut(), line.starts_with("--")) {
            case.sql.push_str(line);
            case.sql.push('\n');
        }
    }
    for case in &mut found {
        case.sql = case.sql.trim().trim_end_matches(';').to_owned();
        let first = case
            .sql
            .split_whitespace()
            .find(|word| ["shopapp_", "core_", "desk_"].iter().any(|app| word.starts_with(app)))
            .unwrap_or_default()
            .to_owned();
        case.references
            .iter_mut()
            .filter(|(_, table)| table.is_empty())
            .for_each(|(_, table)| table.clone_from(&first));
    }
    found
}

fn split_table(text: &str) -> (String, String) {
    match text.rsplit_once(" on ") {
        Some((body, table)) => (body.to_owned(), table.to_owned()),
        None => (text.to_owned(), String::new()),
    }
}

struct ToConninfo(String);

impl Connector for ToConninfo {
    fn connect(&self) -> BoxFuture<'_, Result<NewConnection, Failure>> {
        async {
            let (client, connection) = tokio_postgres::connect(&self.0, NoTls).await.unwrap();
            Ok(NewConnection::of(client, connection, CancelFn::new(|| async { Ok(()) }.boxed())))
        }
        .boxed()
    }

    fn target(&self) -> String {
        "the corpus".to_owned()
    }
}

/// A database with the shop.
struct Shop {
    _server: Option<PrivateServer>,
    client: Client,
    session: Session,
}

/// Makes the shop; `None` on a machine without a server.
async fn shop(rows: &str) -> Option<Shop> {
    let (server, conninfo) = if let Some(conninfo) = variable("PGDJ_CORPUS") {
        (None, conninfo)
    } else {
        let settings = ["autovacuum = off", "fsync = off", "shared_buffers = 256MB", "max_wal_size = 4GB", "jit = off"];
        let settings = settings.map(str::to_owned).to_vec();
        let server = PrivateServer::start(&ServerSetup {
            bin: installed::own()?.bin.clone(),
            settings,
            ..ServerSetup::default()
        })
        .unwrap();
        let conninfo = server.conninfo("postgres");
        (Some(server), conninfo)
    };
    let (client, connection) = tokio_postgres::connect(&conninfo, NoTls).await.unwrap();
    tokio::spawn(connection);
    if server.is_some() {
        let scale = variable("PGDJ_CORPUS_SCALE").and_then(|text| text.parse().ok()).unwrap_or(0.1);
        for statement in scaled(rows, scale).split(";\n") {
            client.batch_execute(statement).await.unwrap_or_else(|error| panic!("{error:?}: {statement}"));
        }
    }
    client.batch_execute("set jit = off; set timezone = 'UTC'; set session_replication_role = replica").await.unwrap();
    let (cancel_queue, _cancel_work) = cancel_queue();
    let session = Session::open(&ToConninfo(conninfo), Limits::SLOW, &cancel_queue).await.unwrap();
    Some(Shop { _server: server, client, session })
}

fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).and_then(|text| text.into_string().ok())
}

/// Replaces `{300000}` by the count at a scale.
fn scaled(text: &str, scale: f64) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, from)) = rest.split_once('{') {
        out.push_str(before);
        match from.split_once('}') {
            Some((count, after)) if count.parse::<f64>().is_ok() => {
                write!(out, "{}", (count.parse::<f64>().unwrap() * scale).max(1000.0).floor()).unwrap();
                rest = after;
            }
            _ => {
                out.push('{');
                rest = from;
            }
        }
    }
    out + rest
}

async fn explain(client: &Client, sql: &str) -> Plan {
    let explain = format!("explain (analyze, verbose, buffers, settings, format json) {sql}");
    let row = client.query_one(&explain, &[]).await.unwrap_or_else(|error| panic!("{error:?}: {sql}"));
    let text: serde_json::Value = row.get(0);
    plan::parse(&text.to_string()).plans.remove(0)
}

/// Blocks that the plan touches and a hundredth of the rows that it handles: what a machine has to do, without a clock.
fn work(plan: &Plan) -> f64 {
    let rows: f64 = plan
        .iter()
        .map(|(_, node)| {
            node.rows_total().unwrap_or(0.0)
                + node.removed_by_filter()
                + node.removed_by_join_filter()
                + node.removed_by_recheck()
        })
        .sum();
    let blocks = plan.root().map_or(0.0, |root| root.buffers.shared.hit + root.buffers.shared.read);
    blocks + rows / 100.0
}

/// What came of building indexes.
struct Built {
    work: f64,
    milliseconds: f64,
    sizes: Vec<f64>,
    unused: Vec<String>,
}

/// Builds indexes, runs the statement, and takes everything back.
async fn build(client: &Client, statements: &[String], tables: &[String], sql: &str) -> Result<Built, String> {
    client.batch_execute("begin").await.unwrap();
    let built = build_within(client, statements, tables, sql).await;
    client.batch_execute("rollback").await.unwrap();
    built
}

async fn build_within(client: &Client, statements: &[String], tables: &[String], sql: &str) -> Result<Built, String> {
    for statement in statements {
        client.batch_execute(statement).await.map_err(|error| format!("{error:?}: {statement}"))?;
    }
    for table in tables {
        client.batch_execute(&format!("analyze {table}")).await.unwrap();
    }
    let mut plan = explain(client, sql).await;
    // The clock is only reported, and only where it tells something.
    let repeats = if variable("PGDJ_CORPUS").is_some() { 2 } else { 0 };
    for _ in 0..repeats {
        let again = explain(client, sql).await;
        if again.execution_time < plan.execution_time {
            plan = again;
        }
    }
    let mut sizes = Vec::new();
    let mut unused = Vec::new();
    for (at, statement) in statements.iter().enumerate() {
        let name = format!("built_{at}");
        // Of a table in partitions each has an index of a name of its own.
        let sql = "select array_agg(c.relname::text), sum(pg_relation_size(c.oid))::float8 from pg_class as c
            where c.oid = to_regclass($1) or c.oid in (select relid from pg_partition_tree(to_regclass($1)))";
        let row = client.query_one(sql, &[&name]).await.unwrap();
        sizes.push(row.get::<_, f64>(1));
        let names: Vec<String> = row.get(0);
        if !plan.iter().any(|(_, node)| node.index().is_some_and(|used| names.iter().any(|name| name == used))) {
            unused.push(statement.clone());
        }
    }
    Ok(Built {
        work: work(&plan),
        milliseconds: plan.execution_time.map_or(0.0, |time| time.0 * 1000.0),
        sizes,
        unused,
    })
}

fn ddl(spec: &IndexSpec, at: usize, catalog: &Catalog) -> String {
    let table = catalog.table(Some(&spec.schema), &spec.table).unwrap();
    create_index(table, &spec.definition, &format!("built_{at}"), Build::Plain)
}

/// What was found of a case: a line for the table, and what is wrong.
struct Found {
    line: String,
    wrong: Vec<String>,
    /// Estimated and true sizes of b-trees worth measuring.
    sizes: Vec<(String, f64, f64)>,
    /// Every b-tree that was thought of, the alternatives too: its statement and its size as it was estimated.
    btrees: Vec<(String, f64)>,
}

async fn try_case(shop: &mut Shop, case: &Case) -> Found {
    let before = warm(&shop.client, &case.sql).await;
    let relations = pgdj::pg::catalog::relations(&before);
    let read = pgdj::pg::catalog::read(&mut shop.session, &relations).await.unwrap();
    assert_eq!(read.notes, [""; 0], "{}", case.name);
    let advice = advise(&before, &read.catalog);
    let base_ms = before.execution_time.map_or(0.0, |time| time.0 * 1000.0);
    let said = said(&advice);
    let mut found = Found {
        line: format!("{:20} {:8} {base_ms:9.2} ms  {said}", case.name, case.verdict),
        wrong: Vec::new(),
        sizes: Vec::new(),
        btrees: btrees(&advice, &read.catalog),
    };
    match case.verdict.as_str() {
        "index" => judge_index(shop, case, (&before, &advice, &read.catalog), &mut found).await,
        verdict => {
            if !advice.is_silent() {
                found.wrong.push(format!("not silent: {said}"));
            }
            let has = |reason| advice.refusals.iter().any(|refusal| refusal.reason == reason);
            if verdict == "rewrite" && !advice.refusals.iter().any(|refusal| refusal.rewrite.is_some()) {
                found.wrong.push(format!("no rewrite: {said}"));
            }
            if verdict == "analyze" && !has(Reason::Stale) {
                found.wrong.push(format!("no ANALYZE: {said}"));
            }
        }
    }
    found
}

/// Every b-tree of an advice whose size is said to be known, with that size.
fn btrees(advice: &Advice, catalog: &Catalog) -> Vec<(String, f64)> {
    let ways = advice.candidates.iter().flat_map(|candidate| std::iter::once(candidate).chain(&candidate.alternatives));
    let known = ways.filter(|way| way.is_size_known).flat_map(|way| way.specs().zip(&way.sizes));
    let known = known.filter(|(spec, _)| spec.definition.method == AccessMethod::BTree);
    known.map(|(spec, size)| (ddl(spec, 0, catalog), *size)).collect()
}

/// Builds an index and returns its size.
async fn true_size(client: &Client, statement: &str) -> f64 {
    client.batch_execute("begin").await.unwrap();
    client.batch_execute(statement).await.unwrap_or_else(|error| panic!("{error:?}: {statement}"));
    let sql = "select coalesce(sum(pg_relation_size(relid)), pg_relation_size('built_0'))::float8
        from pg_partition_tree('built_0')";
    let size = client.query_one(sql, &[]).await.unwrap().get(0);
    client.batch_execute("rollback").await.unwrap();
    size
}

/// B-trees from so many bytes on: of a few pages a single one is a quarter.
const SOME_PAGES: f64 = 80_000.0;

/// Builds each b-tree and says which sizes were more than a quarter off, where these are more than one in twenty.
async fn sizes_off(client: &Client, btrees: std::collections::BTreeMap<String, f64>) -> Vec<String> {
    let (mut off, mut measured) = (Vec::new(), 0_usize);
    for (statement, estimate) in btrees {
        let bytes = true_size(client, &statement).await;
        if bytes < SOME_PAGES {
            continue;
        }
        measured += 1;
        let ratio = estimate / bytes;
        if !(0.75..=1.25).contains(&ratio) {
            off.push(format!("{ratio:.2} times the true {bytes:.0}: {statement}"));
        }
    }
    eprintln!("sizes: {} of {measured} b-trees within a quarter\n{}", measured - off.len(), off.join("\n"));
    assert!(measured >= 20, "{measured} b-trees");
    if off.len() * 20 > measured { off } else { Vec::new() }
}

async fn judge_index(
    shop: &mut Shop,
    case: &Case,
    (before, advice, catalog): (&Plan, &Advice, &Catalog),
    found: &mut Found,
) {
    let bodies = case.references.iter().enumerate();
    let references: Vec<String> =
        bodies.map(|(at, (body, table))| format!("create index built_{at} on {table} {body}")).collect();
    let tables: Vec<String> = case.references.iter().map(|(_, table)| table.clone()).collect();
    let reference = match build(&shop.client, &references, &tables, &case.sql).await {
        Ok(reference) => reference,
        Err(error) => return found.wrong.push(format!("the reference: {error}")),
    };
    let Some(first) = advice.candidates.first() else {
        found.wrong.push(format!("silent; reference {:.2} ms: {}", reference.milliseconds, said(advice)));
        return;
    };
    let specs: Vec<&IndexSpec> = first.specs().collect();
    let statements: Vec<String> = specs.iter().enumerate().map(|(at, spec)| ddl(spec, at, catalog)).collect();
    let tables: Vec<String> =
        specs.iter().filter(|spec| spec.definition.has_expression()).map(|spec| spec.table.clone()).collect();
    let built = match build(&shop.client, &statements, &tables, &case.sql).await {
        Ok(built) => built,
        Err(error) => return found.wrong.push(format!("invalid: {error}")),
    };
    let work_before = work(before);
    let share = (work_before - built.work) / (work_before - reference.work).max(1e-9);
    let bytes: f64 = built.sizes.iter().sum();
    let reference_bytes: f64 = reference.sizes.iter().sum();
    write!(
        found.line,
        " | {:.2} ms (ref {:.2}) saves {:.2} work {:.0}/{:.0}/{:.0} size {:.2}/{:.2} MB est {:.2}",
        built.milliseconds,
        reference.milliseconds,
        share,
        work_before,
        built.work,
        reference.work,
        bytes / 1e6,
        reference_bytes / 1e6,
        first.size_bytes() / 1e6
    )
    .unwrap();
    if !built.unused.is_empty() {
        found.wrong.push(format!("not used: {:?}", built.unused));
    }
    if share < LEAST_SHARE {
        let others: Vec<String> = first.alternatives.iter().map(Candidate::summary).collect();
        found
            .wrong
            .push(format!("saves {share:.2} of the reference {references:?}: {statements:?}, others {others:?}"));
    }
    if built.work > 2.0 * reference.work + 30.0 {
        found
            .wrong
            .push(format!("more than twice the reference's work: {:.0} against {:.0}", built.work, reference.work));
    }
    if first.is_size_known && bytes > MEASURED {
        found.sizes.push((case.name.clone(), first.size_bytes(), bytes));
    }
}

async fn warm(client: &Client, sql: &str) -> Plan {
    client.batch_execute("begin").await.unwrap();
    explain(client, sql).await;
    let plan = explain(client, sql).await;
    client.batch_execute("rollback").await.unwrap();
    plan
}

fn said(advice: &Advice) -> String {
    let mut text = String::new();
    for candidate in &advice.candidates {
        write!(text, "{}{}", candidate.spec.table.trim_start_matches("shopapp_"), candidate.spec.summary()).unwrap();
        for other in &candidate.companions {
            write!(text, " + {}", other.summary()).unwrap();
        }
        write!(text, " [{:.0}→{:.0}] ", candidate.cost_before, candidate.cost_after).unwrap();
    }
    if advice.candidates.is_empty() {
        for refusal in &advice.refusals {
            write!(text, "{:?}: {}; ", refusal.reason, refusal.why).unwrap();
        }
    }
    text
}

async fn run(rows: &str, texts: &[&str]) {
    let Some(mut shop) = shop(rows).await else { return };
    let only = variable("PGDJ_CASE");
    let mut wrong: Vec<String> = Vec::new();
    let mut sizes = Vec::new();
    let mut btrees = std::collections::BTreeMap::new();
    // Statements from a file in place of those of the repository, to try some more.
    let other = variable("PGDJ_CASES").map(|path| std::fs::read_to_string(path).unwrap());
    let texts = other.as_ref().map_or_else(|| texts.to_vec(), |text| vec![text.as_str()]);
    for case in texts
        .iter()
        .flat_map(|text| cases(text))
        .filter(|case| only.as_ref().is_none_or(|only| case.name.contains(only.as_str())))
    {
        let found = try_case(&mut shop, &case).await;
        eprintln!("{} {}", if found.wrong.is_empty() { "ok " } else { "BAD" }, found.line);
        wrong.extend(found.wrong.iter().map(|what| format!("{}: {what}", case.name)));
        sizes.extend(found.sizes);
        btrees.extend(found.btrees);
    }
    if only.is_none() {
        wrong.extend(sizes_off(&shop.client, btrees).await);
    }
    for (name, estimate, bytes) in &sizes {
        let ratio = estimate / bytes;
        if !(0.75..=1.25).contains(&ratio) {
            wrong.push(format!("{name}: the size was estimated {ratio:.2} times the true {bytes:.0}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test]
async fn each_case_of_the_corpus_and_its_variations_gets_its_verdict_and_an_index_that_the_planner_uses() {
    run(include_str!("corpus/shop.sql"), &[include_str!("corpus/corpus.sql"), include_str!("corpus/variations.sql")])
        .await;
}

#[tokio::test]
async fn another_schema_gets_its_verdicts_too() {
    run(include_str!("corpus/clinic.sql"), &[include_str!("corpus/clinic_cases.sql")]).await;
}

#[tokio::test]
async fn a_third_schema_gets_its_verdicts_too() {
    run(include_str!("corpus/desk.sql"), &[include_str!("corpus/desk_cases.sql")]).await;
}
