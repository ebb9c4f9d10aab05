//! The real thing: builds indexes, measures, and drops them.

use std::time::{Duration, Instant};

use super::ask::Statement;
use super::line::{Line, Trouble};
use super::{Building, Tried, Wanted, ask, used};
use crate::Failure;
use crate::advisor::IndexSpec;
use crate::failure::Kind;
use crate::pg::explain::Request;
use crate::pg::session::{Parameter, Query};
use crate::plan::Plan;
use crate::quote::{qualified_always, quote_ident_always, quote_text};
use crate::sample::{Bytes, Seconds, Value};

/// How the name of an index on trial begins; what begins so and is left over is dropped by the next trial.
const PREFIX: &str = "pgdj_trial_";

/// Why it is built concurrently.
const OF_LARGE: &str = "it was built concurrently, for the table is large, and writes were to go on";
const OF_OLD_TRANSACTIONS: &str =
    "it was built concurrently, for old transactions still see rows that were updated in place";

/// How long building or dropping concurrently may take, which waits for old transactions.
pub(super) const CONCURRENTLY: Duration = Duration::from_secs(180);

/// Runs of a quick statement, of which the fastest counts; a slow one is run once.
const RUNS: usize = 3;
/// From this time on a statement counts as slow.
const SLOW: Seconds = Seconds(2.0);

const WHAT: &str = "cannot try the index for real";
const WHAT_IS_LEFT: &str = "cannot drop what is left of the index on trial";

pub(super) async fn run(
    line: &mut Line,
    request: &Request,
    specs: &[IndexSpec],
    building: Building,
) -> Result<Tried, Failure> {
    if specs.is_empty() {
        return Err(Failure::new(Kind::Refused, WHAT).because_text("there is no index to try"));
    }
    sweep(line, specs).await;
    let statement = Statement::of(request);
    let tables = ask::tables(line, specs.iter()).await.map_err(|trouble| trouble.failure(WHAT))?;
    let wanted: Vec<Wanted<'_>> = specs.iter().map(|spec| Wanted::of(spec, &tables)).collect();
    let trial = Trial { statement: &statement, set: &wanted, run_ms: request.timeout_ms };
    let tried = match building {
        Building::InTransaction { limit } => trial.in_transaction(line, limit).await,
        Building::Concurrently { limit } => return trial.concurrently(line, limit, OF_LARGE).await,
    };
    line.end().await;
    match tried {
        Ok(Some(tried)) => Ok(tried),
        Ok(None) => trial.concurrently(line, Seconds(CONCURRENTLY.as_secs_f64()), OF_OLD_TRANSACTIONS).await,
        Err(trouble) => Err(trouble.failure(WHAT)),
    }
}

fn names(set: &[Wanted<'_>]) -> Vec<String> {
    (1..=set.len()).map(|at| format!("{PREFIX}{}_{at}", std::process::id())).collect()
}

/// What is tried.
struct Trial<'a> {
    statement: &'a Statement,
    set: &'a [Wanted<'a>],
    /// How long one run of the statement may take, milliseconds.
    run_ms: u32,
}

impl Trial<'_> {
    /// Builds in a transaction that is rolled back; `None` where the planner would have to pass over the new index.
    async fn in_transaction(&self, line: &mut Line, limit: Seconds) -> Result<Option<Tried>, Trouble> {
        line.begin("read write", self.run_ms).await?;
        let before = fastest(line, self.statement).await?;
        let names = names(self.set);
        let started = Instant::now();
        line.batch(&format!("set local statement_timeout = {:.0}", limit.0 * 1e3)).await?;
        for (wanted, name) in self.set.iter().zip(&names) {
            line.batch(&wanted.create(name)).await?;
        }
        let build = Seconds(started.elapsed().as_secs_f64());
        if waits_for_old_snapshots(line, self.set, &names).await? {
            return Ok(None);
        }
        let notes = analyze(line, self.set).await?;
        line.batch(&format!("set local statement_timeout = {}", self.run_ms)).await?;
        let after = fastest(line, self.statement).await?;
        let (names, sizes) = found(line, self.set, &names).await?;
        Ok(Some(Tried { is_used: used(&after, &names), before, after, build, sizes, notes }))
    }

    /// Builds outside of a transaction, which takes writes meanwhile but waits for old transactions; then drops by name.
    async fn concurrently(&self, line: &mut Line, limit: Seconds, why: &str) -> Result<Tried, Failure> {
        let tried = self.built(line, limit, why).await;
        line.end().await;
        let mut left = Vec::new();
        for (wanted, name) in self.set.iter().zip(names(self.set)) {
            let sql = drop_statement(wanted, &name);
            if let Err(trouble) = within(CONCURRENTLY, line, &sql).await {
                left.push(format!("{sql}: {}", trouble.failure(WHAT).because.join("; ")));
            }
        }
        let tried = tried.map_err(|trouble| trouble.failure(WHAT));
        match (tried, left.is_empty()) {
            (tried, true) => tried,
            (Ok(mut tried), false) => {
                tried.notes.push(format!("an index could not be dropped again; run {}", left.join(" and ")));
                Ok(tried)
            }
            (Err(failure), false) => {
                Err(failure.hint(format!("an index may be left over; run {}", left.join(" and "))))
            }
        }
    }

    async fn built(&self, line: &mut Line, limit: Seconds, why: &str) -> Result<Tried, Trouble> {
        line.begin("read only", self.run_ms).await?;
        let before = fastest(line, self.statement).await?;
        line.batch("rollback").await?;
        let names = names(self.set);
        let started = Instant::now();
        for (wanted, name) in self.set.iter().zip(&names) {
            let sql = wanted.create(name).replacen("CREATE INDEX", "CREATE INDEX CONCURRENTLY", 1);
            within(Duration::from_secs_f64(limit.0.clamp(1.0, 86_400.0)), line, &sql).await?;
        }
        let build = Seconds(started.elapsed().as_secs_f64());
        let mut notes = analyze(line, self.set).await?;
        notes.push(why.to_owned());
        line.begin("read only", self.run_ms).await?;
        let after = fastest(line, self.statement).await?;
        let (names, sizes) = found(line, self.set, &names).await?;
        Ok(Tried { is_used: used(&after, &names), before, after, build, sizes, notes })
    }
}

/// Builds or drops concurrently, which waits for old transactions, but not for ever.
///
/// Behind a pooler nothing may be set for the session. What is given up here, the reaper cancels on the server.
async fn within(limit: Duration, line: &mut Line, sql: &str) -> Result<(), Trouble> {
    let done = tokio::time::timeout(limit, line.batch(sql)).await;
    done.unwrap_or_else(|_elapsed| {
        let message = format!("it took more than {} s: it waits for old transactions to end", limit.as_secs());
        Err(Trouble::Server { code: None, message })
    })
}

/// Runs a statement until it is warm, and returns the fastest run.
async fn fastest(line: &mut Line, statement: &Statement) -> Result<Plan, Trouble> {
    let mut best = statement.measure(line).await?;
    for _ in 1..RUNS {
        let Some(time) = best.execution_time.filter(|time| time.0 < SLOW.0) else { break };
        let next = statement.measure(line).await?;
        if next.execution_time.is_some_and(|next| next.0 < time.0) {
            best = next;
        }
    }
    Ok(best)
}

/// An expression has no statistics before its index was analysed.
async fn analyze(line: &mut Line, set: &[Wanted<'_>]) -> Result<Vec<String>, Trouble> {
    let mut notes = Vec::new();
    for Wanted { spec, .. } in set.iter().filter(|wanted| wanted.has_expression()) {
        line.batch(&format!("analyze {}.{}", quote_ident_always(&spec.schema), quote_ident_always(&spec.table)))
            .await?;
        notes.push(format!("{} was analysed, for the statistics of the expression", spec.table));
    }
    Ok(notes)
}

/// Says whether the planner passes over a new index until old transactions have ended.
///
/// Source: PostgreSQL manual 53.26 "`pg_index`", `indcheckxmin`; src/backend/access/heap/README.HOT.
async fn waits_for_old_snapshots(line: &mut Line, set: &[Wanted<'_>], names: &[String]) -> Result<bool, Trouble> {
    let sql = format!(
        "select true from pg_catalog.pg_index as i where i.indexrelid in ({}) and i.indcheckxmin limit 1",
        regclasses(set, names)
    );
    Ok(line.ask(Query::new(sql)).await?.scalar().is_some())
}

/// Returns the names that plans have of each, which for a table in partitions are those of its partitions, and the sizes.
async fn found(
    line: &mut Line,
    set: &[Wanted<'_>],
    names: &[String],
) -> Result<(Vec<Vec<String>>, Vec<Bytes>), Trouble> {
    let (mut all, mut sizes) = (Vec::new(), Vec::new());
    for (wanted, name) in set.iter().zip(names) {
        let relation = qualified_always(&wanted.spec.schema, name);
        let sql = "select pg_catalog.array_agg(c.relname::text) as names,
                pg_catalog.sum(pg_catalog.pg_relation_size(c.oid))::float8 as bytes
            from pg_catalog.pg_class as c
            where c.oid = pg_catalog.to_regclass($1)
                or c.oid in (select relid from pg_catalog.pg_partition_tree(pg_catalog.to_regclass($1)))";
        let rows = line.ask(Query::new(sql).with(Parameter::Text(relation))).await?.into_rows();
        let row = rows.first();
        let known = row.as_ref().map(|row| row.get("names").as_list()).unwrap_or_default();
        all.push(known.iter().filter_map(Value::as_str).map(str::to_owned).collect());
        sizes.push(Bytes(row.as_ref().and_then(|row| row.number("bytes")).unwrap_or_default()));
    }
    Ok((all, sizes))
}

fn regclasses(set: &[Wanted<'_>], names: &[String]) -> String {
    let one = |(wanted, name): (&Wanted<'_>, &String)| {
        format!("{}::regclass", quote_text(&qualified_always(&wanted.spec.schema, name)))
    };
    set.iter().zip(names).map(one).collect::<Vec<_>>().join(", ")
}

fn drop_statement(wanted: &Wanted<'_>, name: &str) -> String {
    format!(
        "DROP INDEX CONCURRENTLY IF EXISTS {}.{}",
        quote_ident_always(&wanted.spec.schema),
        quote_ident_always(name)
    )
}

/// How often a trial that was given up is looked for, and how long is waited in between: its cancel is on its way.
const LOOKS: usize = 10;
const BETWEEN_LOOKS: Duration = Duration::from_millis(300);

/// Drops what a trial of this process that was given up has left, once its backend has let go of it.
pub(super) async fn clean_up(line: &mut Line, specs: &[IndexSpec]) -> Result<(), Failure> {
    let own = format!("{PREFIX}{}_", std::process::id()).replace('_', "\\_");
    let sql = format!(
        "select pg_catalog.count(*) from pg_catalog.pg_index as i
        join pg_catalog.pg_class as c on c.oid = i.indexrelid
        where i.indrelid in ({}) and c.relname like '{own}%'",
        tables(specs)
    );
    for _ in 0..LOOKS {
        let left = line.ask(Query::new(sql.clone())).await.map_err(|trouble| trouble.failure(WHAT_IS_LEFT))?;
        if left.scalar().and_then(Value::as_f64).unwrap_or(0.0) < 1.0 {
            return Ok(());
        }
        sweep(line, specs).await;
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    Err(Failure::new(Kind::Refused, WHAT_IS_LEFT).because_text(format!("an index {PREFIX}… is still being built")))
}

/// Drops what a trial that was killed while it built concurrently has left on these tables, unless it is still at work.
async fn sweep(line: &mut Line, specs: &[IndexSpec]) {
    let sql = format!(
        "select pg_catalog.format('DROP INDEX CONCURRENTLY IF EXISTS %I.%I', n.nspname, c.relname) as statement
        from pg_catalog.pg_index as i
        join pg_catalog.pg_class as c on c.oid = i.indexrelid
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where i.indrelid in ({}) and c.relname like 'pgdj\\_trial\\_%'
            and not exists (select from pg_catalog.pg_locks as l where l.relation = i.indexrelid and l.granted)",
        tables(specs)
    );
    let Ok(answer) = line.ask(Query::new(sql)).await else { return };
    for statement in answer.rows.iter().filter_map(|row| row.first().and_then(Value::as_str)) {
        if let Err(trouble) = within(CONCURRENTLY, line, statement).await {
            tracing::warn!(?trouble, statement, "the index of an earlier trial cannot be dropped");
        }
    }
}

/// Returns the tables as a query of their numbers; one that is gone has none.
fn tables(specs: &[IndexSpec]) -> String {
    let name = |spec: &IndexSpec| quote_text(&qualified_always(&spec.schema, &spec.table));
    let names: Vec<String> = specs.iter().map(name).collect();
    format!("select pg_catalog.to_regclass(t) from pg_catalog.unnest(array[{}]) as t", names.join(", "))
}
