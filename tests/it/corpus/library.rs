//! The second corpus: what Django's ORM sends to a library, advised as `pgdj explain` advises, and each answer built.
//!
//! Each statement is asked about after EXPLAIN ANALYZE and after EXPLAIN, with `HypoPG` and without. An answer is right where
//! the advised indexes, built together, are all used and leave at most twice the work that the best known indexes leave; or
//! where it is silent and should be. `PGDJ_LIBRARY_SCALE=1` runs it on 1.5 GB, `PGDJ_LIBRARY_MODES=all` in all four ways,
//! `PGDJ_CASE=name` for some cases only, `PGDJ_LIBRARY_CASES=file` for other statements, `PGDJ_LIBRARY=<conninfo>` on a server that holds the library already.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use pgdj::advisor::{Candidate, IndexSpec};
use pgdj::pg::advice::{Advised, advise};
use pgdj::pg::control::Mode;
use pgdj::pg::explain::{Agreed, Consent, ExplainRequest, Options};
use pgdj::pg::private::{PrivateServer, ServerSetup};
use pgdj::pg::session::{CancelQueue, Connector, cancel_queue};
use pgdj::plan::{self, NodeKind, Plan};
use tokio_postgres::{Client, NoTls};

use super::{ToConninfo, ddl, explain, scaled, split_table, variable};
use crate::support::{installed, leave_out};

/// The part of the answers that has to be right in each way of asking.
const LEAST_RIGHT: f64 = 0.95;
/// Work that is no difference: some pages of an index, and the pages of its root.
const NO_WORK: f64 = 40.0;

/// A statement of Django's, and what is to be advised.
struct Case {
    name: String,
    class: String,
    verdict: String,
    /// The best known indexes: what follows the table, and the table.
    references: Vec<(String, String)>,
    sql: String,
}

fn cases(text: &str) -> Vec<Case> {
    let mut lines = text.lines().skip(1);
    let mut found = Vec::new();
    while let (Some(head), Some(sql)) = (lines.next(), lines.next()) {
        let (name, rest) = head.strip_prefix("-- ").and_then(|head| head.split_once(" [")).unwrap();
        let (class, rest) = rest.split_once("]: ").unwrap();
        let (verdict, references) = rest.split_once(' ').unwrap_or((rest, ""));
        found.push(Case {
            name: name.to_owned(),
            class: class.to_owned(),
            verdict: verdict.to_owned(),
            references: references.split("; ").filter(|text| !text.is_empty()).map(split_table).collect(),
            sql: sql.trim_end_matches(';').to_owned(),
        });
    }
    found
}

/// A way of asking.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Way {
    is_run: bool,
    has_hypopg: bool,
}

impl Way {
    fn words(self) -> String {
        let run = if self.is_run { "EXPLAIN ANALYZE" } else { "EXPLAIN" };
        format!("{run}, {} HypoPG", if self.has_hypopg { "with" } else { "without" })
    }
}

struct Library {
    _server: Option<PrivateServer>,
    client: Client,
    connector: Arc<dyn Connector>,
    queue: CancelQueue,
    /// What was measured already, by the statements that build the indexes.
    measured: BTreeMap<String, Result<Measured, String>>,
}

async fn library() -> Option<Library> {
    let (server, conninfo) = if let Some(conninfo) = variable("PGDJ_LIBRARY") {
        (None, conninfo)
    } else {
        let settings = [
            "autovacuum = off",
            "fsync = off",
            "shared_buffers = 256MB",
            "max_wal_size = 4GB",
            "jit = off",
            "timezone = UTC",
        ];
        let settings = settings.map(str::to_owned).to_vec();
        let setup = ServerSetup { bin: installed::own()?.bin.clone(), settings, ..ServerSetup::default() };
        let server = PrivateServer::start(&setup).unwrap();
        let conninfo = server.conninfo("postgres");
        (Some(server), conninfo)
    };
    let (client, connection) = tokio_postgres::connect(&conninfo, NoTls).await.unwrap();
    tokio::spawn(connection);
    if server.is_some() {
        client.batch_execute("create extension pg_trgm").await.unwrap();
        client.batch_execute(include_str!("library/schema.sql")).await.unwrap();
        let scale = variable("PGDJ_LIBRARY_SCALE").and_then(|text| text.parse().ok()).unwrap_or(0.1);
        for statement in scaled(include_str!("library/rows.sql"), scale).split(";\n") {
            client.batch_execute(statement).await.unwrap_or_else(|error| panic!("{error:?}: {statement}"));
        }
    }
    client.batch_execute("set session_replication_role = replica").await.unwrap();
    let (queue, work) = cancel_queue();
    tokio::spawn(work);
    Some(Library {
        _server: server,
        client,
        connector: Arc::new(ToConninfo(conninfo)),
        queue,
        measured: BTreeMap::new(),
    })
}

/// What a statement does with some indexes.
#[derive(Clone)]
struct Measured {
    work: f64,
    milliseconds: f64,
    bytes: f64,
    unused: Vec<String>,
}

/// Blocks, a hundredth of the rows, and what its sorts compare: what a machine has to do, without a clock.
fn work(plan: &Plan) -> f64 {
    let of_sort = |id, sorted: f64| {
        let limit = plan.parent(id).filter(|(_, above)| above.kind == NodeKind::Limit);
        let kept = limit.map_or(sorted, |(_, above)| above.rows_total().unwrap_or(sorted));
        sorted * kept.max(2.0).log2() / 400.0
    };
    let sorts: f64 = plan
        .iter()
        .filter(|(_, node)| node.kind == NodeKind::Sort)
        .map(|(id, _)| of_sort(id, plan.children(id).filter_map(|(_, child)| child.rows_total()).sum()))
        .sum();
    super::work(plan) + sorts
}

impl Library {
    async fn plan_of(&self, sql: &str, way: Way) -> Plan {
        self.client.batch_execute("begin").await.unwrap();
        let plan = if way.is_run {
            explain(&self.client, sql).await
        } else {
            let row =
                self.client.query_one(&format!("explain (verbose, settings, format json) {sql}"), &[]).await.unwrap();
            plan::parse(&row.get::<_, serde_json::Value>(0).to_string()).plans.remove(0)
        };
        self.client.batch_execute("rollback").await.unwrap();
        plan
    }

    async fn advise(&self, sql: &str, plan: &Plan, way: Way) -> Advised {
        let request = ExplainRequest {
            sql: sql.to_owned(),
            parameters: Vec::new(),
            guessed: Vec::new(),
            options: Options { analyze: way.is_run, ..Options::default() },
            consent: Consent::ReadOnly,
            agreed: Agreed::Anything,
            timeout_ms: 60_000,
        };
        advise(&self.connector, Mode::Full, &self.queue, &request, plan).await.unwrap()
    }

    /// Builds indexes, runs the statement, and takes everything back; what was measured once is not measured again.
    async fn measure(&mut self, sql: &str, indexes: &[String], analyzed: &[String]) -> Result<Measured, String> {
        let key = format!("{sql};{}", indexes.join(";"));
        if let Some(known) = self.measured.get(&key) {
            return known.clone();
        }
        self.client.batch_execute("begin").await.unwrap();
        let measured = self.build(sql, indexes, analyzed).await;
        self.client.batch_execute("rollback").await.unwrap();
        self.measured.insert(key, measured.clone());
        measured
    }

    async fn build(&self, sql: &str, indexes: &[String], analyzed: &[String]) -> Result<Measured, String> {
        let analyze = analyzed.iter().map(|table| format!("analyze {table}"));
        for statement in indexes.iter().cloned().chain(analyze) {
            self.client.batch_execute(&statement).await.map_err(|error| format!("{error:?}: {statement}"))?;
        }
        // The first run writes hint bits and fills the cache.
        explain(&self.client, sql).await;
        let plan = explain(&self.client, sql).await;
        let mut measured = Measured {
            work: work(&plan),
            milliseconds: plan.execution_time.map_or(0.0, |time| time.0 * 1000.0),
            bytes: 0.0,
            unused: Vec::new(),
        };
        for (at, statement) in indexes.iter().enumerate() {
            let size = "select array_agg(c.relname::text), sum(pg_relation_size(c.oid))::float8 from pg_class as c
                where c.oid = to_regclass($1) or c.oid in (select relid from pg_partition_tree(to_regclass($1)))";
            let row = self.client.query_one(size, &[&format!("built_{at}")]).await.unwrap();
            measured.bytes += row.get::<_, f64>(1);
            let names: Vec<String> = row.get(0);
            let is_used = |name: Option<&str>| name.is_some_and(|used| names.iter().any(|known| known == used));
            if !plan.iter().any(|(_, node)| is_used(node.index())) {
                measured.unused.push(statement.clone());
            }
        }
        Ok(measured)
    }

    /// Judges one answer: a line for the table, and what is wrong with it.
    async fn judge(&mut self, case: &Case, advised: &Advised) -> (String, Option<String>) {
        let before = self.measure(&case.sql, &[], &[]).await.unwrap();
        let references = case.references.iter().enumerate();
        let references: Vec<String> =
            references.map(|(at, (body, table))| format!("create index built_{at} on {table} {body}")).collect();
        let tables: Vec<String> = case.references.iter().map(|(_, table)| table.clone()).collect();
        let reference = match self.measure(&case.sql, &references, &tables).await {
            Ok(reference) => reference,
            Err(why) => return (String::new(), Some(format!("the reference: {why}"))),
        };
        let specs: Vec<&IndexSpec> = advised.indexes.iter().flat_map(|index| index.candidate.specs()).collect();
        let indexes: Vec<String> = specs.iter().enumerate().map(|(at, spec)| ddl(spec, at, &advised.catalog)).collect();
        let expressions = specs.iter().filter(|spec| spec.definition.has_expression());
        let expressions: Vec<String> = expressions.map(|spec| spec.table.clone()).collect();
        let built = match self.measure(&case.sql, &indexes, &expressions).await {
            Ok(built) => built,
            Err(why) => return (String::new(), Some(format!("invalid: {why}"))),
        };
        let line = format!(
            "work {:.0} → {:.0} (best {:.0}), {:.1} → {:.1} ms (best {:.1}), {:.2} MB (best {:.2})",
            before.work,
            built.work,
            reference.work,
            before.milliseconds,
            built.milliseconds,
            reference.milliseconds,
            built.bytes / 1e6,
            reference.bytes / 1e6
        );
        let wrong = match case.verdict.as_str() {
            "index" if !reference.unused.is_empty() => {
                Some(format!("the reference is not used: {:?}", reference.unused))
            }
            "index" if indexes.is_empty() => Some("silent".to_owned()),
            "index" if !built.unused.is_empty() => Some(format!("not used: {:?}", built.unused)),
            "index" if built.work > 2.0 * reference.work + NO_WORK => {
                Some("more than twice the best answer's work".to_owned())
            }
            "index" => None,
            verdict => {
                let has_rewrite = advised.refusals.iter().any(|refusal| refusal.rewrite.is_some());
                match verdict {
                    _ if !indexes.is_empty() => Some(format!("not silent: {indexes:?}")),
                    "rewrite" if !has_rewrite => Some("no rewrite".to_owned()),
                    _ => None,
                }
            }
        };
        (line, wrong)
    }
}

fn said(advised: &Advised) -> String {
    let one = |candidate: &Candidate| {
        format!("{} [{:.0} → {:.0}]", candidate.summary(), candidate.cost_before, candidate.cost_after)
    };
    let indexes: Vec<String> = advised.indexes.iter().map(|index| one(&index.candidate)).collect();
    let refusals = advised.refusals.iter().map(|refusal| {
        let then = refusal.then.as_ref().map(|spec| format!(", then {}", spec.summary())).unwrap_or_default();
        format!("{:?}: {}{then}", refusal.reason, refusal.why)
    });
    indexes.into_iter().chain(refusals).chain(advised.notes.iter().cloned()).collect::<Vec<_>>().join("; ")
}

/// Right, wrong and silent answers of a class.
#[derive(Default)]
struct Count {
    right: usize,
    wrong: usize,
    silent: usize,
}

#[tokio::test]
async fn a_library_gets_the_indexes_that_help_and_no_others() {
    let Some(mut library) = library().await else { return };
    let (only, is_all) = (variable("PGDJ_CASE"), variable("PGDJ_LIBRARY_MODES").is_some());
    // Statements from a file in place of those of the repository, to try some more.
    let other = variable("PGDJ_LIBRARY_CASES").map(|path| std::fs::read_to_string(path).unwrap());
    let cases = cases(other.as_deref().unwrap_or(include_str!("library/cases.sql")));
    let cases: Vec<&Case> =
        cases.iter().filter(|case| only.as_ref().is_none_or(|only| case.name.contains(only.as_str()))).collect();
    let mut too_few = Vec::new();
    for (is_run, has_hypopg) in [(true, false), (false, false), (false, true), (true, true)] {
        let way = Way { is_run, has_hypopg };
        let extension =
            if has_hypopg { "create extension if not exists hypopg" } else { "drop extension if exists hypopg" };
        if library.client.batch_execute(extension).await.is_err() {
            leave_out("HypoPG is not on this machine (Debian: apt install postgresql-15-hypopg)");
            continue;
        }
        if !is_all && is_run == has_hypopg {
            continue;
        }
        let mut counts: BTreeMap<&str, Count> = BTreeMap::new();
        let mut report = String::new();
        for case in &cases {
            let plan = library.plan_of(&case.sql, way).await;
            let advised = library.advise(&case.sql, &plan, way).await;
            if only.is_some() {
                for candidate in pgdj::advisor::advise(&plan, &advised.catalog).candidates {
                    for one in std::iter::once(&candidate).chain(&candidate.alternatives) {
                        let costs = (one.cost_before, one.cost_after);
                        eprintln!("{}: {costs:?} {} B", one.summary(), one.size_bytes());
                    }
                }
            }
            let (line, wrong) = library.judge(case, &advised).await;
            let count = counts.entry(case.class.as_str()).or_default();
            let place = match &wrong {
                None => &mut count.right,
                Some(_) if advised.indexes.is_empty() => &mut count.silent,
                Some(_) => &mut count.wrong,
            };
            *place += 1;
            let mark = if wrong.is_some() { "BAD" } else { "ok " };
            let why = wrong.map(|why| format!("\n      {why}")).unwrap_or_default();
            writeln!(report, "{mark} {:26} {:8} {line} | {}{why}", case.name, case.verdict, said(&advised)).unwrap();
        }
        let right: usize = counts.values().map(|count| count.right).sum();
        eprintln!("{}: {right} of {}\n{report}", way.words(), cases.len());
        for (class, count) in &counts {
            eprintln!("  {class:12} right {:3}  wrong {:3}  silent {:3}", count.right, count.wrong, count.silent);
        }
        if (right as f64) < LEAST_RIGHT * cases.len() as f64 {
            too_few.push(format!("{}: {right} of {}", way.words(), cases.len()));
        }
    }
    assert!(too_few.is_empty(), "{too_few:?}");
}
