//! The real thing: builds indexes, measures, and drops them.

use std::time::{Duration, Instant};

use super::ask::BoundStatement;
use super::{Building, Tried, WantedIndex, ask, guard, used};
use crate::Failure;
use crate::advisor::IndexSpec;
use crate::catalog::Table;
use crate::catalog::index_usage::TRIAL_PREFIX;
use crate::failure::FailureKind;
use crate::pg::control::Mode;
use crate::pg::explain::ExplainRequest;
use crate::pg::judge::Level;
use crate::pg::own::{Hole, Own, Placeholder, Sql};
use crate::pg::session::{Answer, Query, QueryParameter};
use crate::pg::transaction::{AccessMode, QueryTrouble, Transaction};
use crate::plan::Plan;
use crate::quote::{qualified_always, quote_ident_always};
use crate::sample::{Bytes, Seconds, Value};

/// What begins so and is left over is dropped by the next trial.
const PREFIX: &str = TRIAL_PREFIX;

/// Why it is built concurrently.
const OF_LARGE: &str = "it was built concurrently, because the table is large and writes had to continue";
const OF_OLD_TRANSACTIONS: &str =
    "it was built concurrently, because old transactions still see rows that were updated in place";

/// How long building or dropping concurrently may take, which waits for old transactions.
pub(super) const CONCURRENTLY: Duration = Duration::from_secs(180);

/// Runs of a quick statement, of which the fastest counts; a slow one is run once.
const RUNS: usize = 3;
/// From this time on a statement counts as slow.
const SLOW: Seconds = Seconds(2.0);

const WHAT: &str = "cannot try the index";
const WHAT_IS_LEFT: &str = "cannot drop the leftover trial index";

pub(super) async fn run(
    transaction: &mut Transaction,
    request: &ExplainRequest,
    specs: &[IndexSpec],
    building: Building,
) -> Result<Tried, Failure> {
    if specs.is_empty() {
        return Err(Failure::new(FailureKind::Refused, WHAT).because_text("there is no index to try"));
    }
    let statement = BoundStatement::of(request)?;
    let agreed = agreed(transaction, &statement).await;
    agreed.map_err(|trouble| trouble.failure(WHAT).hint("press R to run the statement first"))?;
    sweep(transaction, specs).await;
    let tables = tables(transaction, specs).await.map_err(|trouble| trouble.failure(WHAT))?;
    let wanted: Vec<WantedIndex<'_>> = specs.iter().map(|spec| WantedIndex::of(spec, &tables)).collect();
    let trial =
        Trial { statement: &statement, set: &wanted, run: Duration::from_millis(u64::from(request.timeout_ms)) };
    let tried = match building {
        Building::InTransaction { limit } => trial.in_transaction(transaction, limit).await,
        Building::Concurrently { limit } => return trial.concurrently(transaction, limit, OF_LARGE).await,
    };
    transaction.end().await;
    match tried {
        Ok(Some(tried)) => Ok(tried),
        Ok(None) => trial.concurrently(transaction, Seconds(CONCURRENTLY.as_secs_f64()), OF_OLD_TRANSACTIONS).await,
        Err(trouble) => Err(trouble.failure(WHAT)),
    }
}

/// Judges the statement, which a trial runs: an estimate runs less of it.
async fn agreed(transaction: &mut Transaction, statement: &BoundStatement) -> Result<(), QueryTrouble> {
    transaction.begin(guard(AccessMode::Read, QUESTION)).await?;
    let admitted = statement.admit(transaction, Level::Executed, Mode::Full).await;
    transaction.end().await;
    admitted
}

/// The guard of a question of ours.
const QUESTION: Duration = Duration::from_secs(10);

/// Asks one question in a transaction of its own.
pub(in crate::pg) async fn asked(transaction: &mut Transaction, query: Query) -> Result<Answer, QueryTrouble> {
    transaction.begin(guard(AccessMode::Read, QUESTION)).await?;
    let answer = transaction.ask(query).await;
    transaction.end().await;
    answer
}

pub(super) async fn tables(transaction: &mut Transaction, specs: &[IndexSpec]) -> Result<Vec<Table>, QueryTrouble> {
    transaction.begin(guard(AccessMode::Read, QUESTION)).await?;
    let tables = ask::tables(transaction, specs.iter()).await;
    transaction.end().await;
    tables
}

fn names(set: &[WantedIndex<'_>]) -> Vec<String> {
    (1..=set.len()).map(trial_name).collect()
}

/// Returns the name of an index of a trial, counted from 1: with the pid of pgdj, so that no two consoles meet.
pub fn trial_name(at: usize) -> String {
    // A picture of the question has the same name each time.
    let pid = if cfg!(test) { 4711 } else { std::process::id() };
    format!("{PREFIX}{pid}_{at}")
}

const INDEX: Hole = Hole { name: "index", doc: "pgdj_trial_, the pid of pgdj, and a number", form: Placeholder::Name };
const PLACE: Hole = Hole {
    name: "place",
    doc: "the table, the keys and the condition of the advised index",
    form: Placeholder::Theirs,
};

/// When an index is tried for real.
const WHEN: &str = "only after you agreed to try an index (B in Explain)";

pub(in crate::pg) static BUILD: Own = Own {
    name: "trial: build",
    reads: "The whole table. BUILDS AN INDEX; writes to the table wait until the ROLLBACK.",
    when: "only after you agreed to try an index (B in Explain), if the build should take 5 s or less, or the table \
        is partitioned",
    holes: &[INDEX, PLACE],
    sql: "CREATE INDEX /* pgdj trial: build */ {index} ON {place}",
};

pub(in crate::pg) static BUILD_CONCURRENTLY: Own = Own {
    name: "trial: build concurrently",
    reads: "The whole table, twice. BUILDS AN INDEX that stays until the DROP below; writes continue.",
    when: "only after you agreed to try an index (B in Explain), if the build takes longer, or old transactions \
        would hide the index",
    holes: &[INDEX, PLACE],
    sql: "CREATE INDEX CONCURRENTLY /* pgdj trial: build concurrently */ {index} ON {place}",
};

pub(in crate::pg) static DROP: Own = Own {
    name: "trial: drop",
    reads: "Nothing. DROPS THE INDEX of a trial, by its name.",
    when: "after a trial that built concurrently; before a trial, if an earlier one left an index",
    holes: &[Hole { name: "index", doc: "the schema, and pgdj_trial_…", form: Placeholder::Name }],
    sql: "DROP INDEX CONCURRENTLY /* pgdj trial: drop */ IF EXISTS {index}",
};

pub(in crate::pg) static ANALYZE: Own = Own {
    name: "trial: analyze",
    reads: "A sample of the table, for the statistics of the expression. The statistics stay if the index was built \
        concurrently.",
    when: "only after you agreed to try an index on an expression (B in Explain)",
    holes: &[Hole { name: "table", doc: "the table, with its schema", form: Placeholder::Name }],
    sql: "analyze {table}",
};

pub(in crate::pg) static LIMIT: Own = Own {
    name: "trial: limit",
    reads: "Nothing. Sets how long the build, and then your statement, may take.",
    when: WHEN,
    holes: &[Hole {
        name: "milliseconds",
        doc: "10000 to 30000; up to 600000 for a partitioned table",
        form: Placeholder::Number,
    }],
    sql: "set local statement_timeout = {milliseconds}",
};

pub(in crate::pg) static IS_PASSED_OVER: Own = Own {
    name: "trial: hidden by old transactions",
    reads: "Whether the planner ignores the new index until old transactions end; $1 the schema, $2 the index.",
    when: WHEN,
    holes: &[],
    sql: "select true
from pg_catalog.pg_index as i
join pg_catalog.pg_class as c on c.oid = i.indexrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = $1 and c.relname = $2 and i.indcheckxmin",
};

pub(in crate::pg) static FOUND: Own = Own {
    name: "trial: size",
    reads: "The names and the size of the new index and of its partitions; $1 its schema, $2 its name.",
    when: WHEN,
    holes: &[],
    sql: "select pg_catalog.array_agg(c.relname::text) as names,
    pg_catalog.sum(pg_catalog.pg_relation_size(c.oid))::float8 as bytes
from pg_catalog.pg_class as w
join pg_catalog.pg_namespace as n on n.oid = w.relnamespace
join pg_catalog.pg_class as c on c.oid = w.oid
    or c.oid in (select p.relid::oid from pg_catalog.pg_partition_tree(w.oid) as p)
where n.nspname = $1 and w.relname = $2",
};

/// Returns what builds an index.
fn build(own: &Own, wanted: &WantedIndex<'_>, name: &str) -> Sql {
    own.fill(&[(INDEX.name, &quote_ident_always(name)), (PLACE.name, &wanted.place())])
}

/// Returns what limits the statements that follow.
fn limited(limit: Duration) -> Sql {
    LIMIT.fill(&[("milliseconds", &limit.as_millis().to_string())])
}

/// What is tried.
struct Trial<'a> {
    statement: &'a BoundStatement,
    set: &'a [WantedIndex<'a>],
    /// How long one run of the statement may take.
    run: Duration,
}

impl Trial<'_> {
    /// Builds in a transaction that is rolled back; `None` where the planner would have to pass over the new index.
    async fn in_transaction(
        &self,
        transaction: &mut Transaction,
        limit: Seconds,
    ) -> Result<Option<Tried>, QueryTrouble> {
        transaction.begin(guard(AccessMode::Write, self.run)).await?;
        let before = fastest(transaction, self.statement).await?;
        let names = names(self.set);
        let started = Instant::now();
        transaction.control(&[limited(Duration::from_secs_f64(limit.0))]).await?;
        for (wanted, name) in self.set.iter().zip(&names) {
            transaction.theirs().run(&build(&BUILD, wanted, name)).await?;
        }
        let build = Seconds(started.elapsed().as_secs_f64());
        if waits_for_old_snapshots(transaction, self.set, &names).await? {
            return Ok(None);
        }
        let mut notes = Vec::new();
        for (sql, note) in analyses(self.set) {
            transaction.run(&sql).await?;
            notes.push(note);
        }
        transaction.control(&[limited(self.run)]).await?;
        let after = fastest(transaction, self.statement).await?;
        let (names, sizes) = found(transaction, self.set, &names).await?;
        Ok(Some(Tried { is_used: used(&after, &names), before, after, build, sizes, notes }))
    }

    /// Builds outside of a transaction, which takes writes meanwhile but waits for old transactions; then drops by name.
    async fn concurrently(&self, transaction: &mut Transaction, limit: Seconds, why: &str) -> Result<Tried, Failure> {
        let tried = self.built(transaction, limit, why).await;
        transaction.end().await;
        let mut left = Vec::new();
        for (wanted, name) in self.set.iter().zip(names(self.set)) {
            let index = qualified_always(&wanted.spec.schema, &name);
            if let Err(trouble) = within(CONCURRENTLY, transaction, &DROP.fill(&[("index", &index)])).await {
                let why = trouble.failure(WHAT).because.join("; ");
                left.push(format!("DROP INDEX CONCURRENTLY IF EXISTS {index}: {why}"));
            }
        }
        let tried = tried.map_err(|trouble| trouble.failure(WHAT));
        match (tried, left.is_empty()) {
            (tried, true) => tried,
            (Ok(mut tried), false) => {
                tried.notes.push(format!("an index could not be dropped; run {}", left.join(" and ")));
                Ok(tried)
            }
            (Err(failure), false) => {
                Err(failure.hint(format!("an index may be left over; run {}", left.join(" and "))))
            }
        }
    }

    async fn built(&self, transaction: &mut Transaction, limit: Seconds, why: &str) -> Result<Tried, QueryTrouble> {
        transaction.begin(guard(AccessMode::Read, self.run)).await?;
        let before = fastest(transaction, self.statement).await?;
        transaction.end().await;
        let names = names(self.set);
        let started = Instant::now();
        for (wanted, name) in self.set.iter().zip(&names) {
            let sql = build(&BUILD_CONCURRENTLY, wanted, name);
            within(Duration::from_secs_f64(limit.0.clamp(1.0, 86_400.0)), transaction, &sql).await?;
        }
        let build = Seconds(started.elapsed().as_secs_f64());
        let mut notes = Vec::new();
        for (sql, note) in analyses(self.set) {
            transaction.alone(&sql).await?;
            notes.push(note);
        }
        notes.push(why.to_owned());
        transaction.begin(guard(AccessMode::Read, self.run)).await?;
        let after = fastest(transaction, self.statement).await?;
        let (names, sizes) = found(transaction, self.set, &names).await?;
        Ok(Tried { is_used: used(&after, &names), before, after, build, sizes, notes })
    }
}

/// Builds or drops concurrently, which waits for old transactions, but not for ever.
///
/// Behind a pooler nothing may be set for the session. What is given up here, the cancel queue cancels on the server.
async fn within(limit: Duration, transaction: &mut Transaction, sql: &Sql) -> Result<(), QueryTrouble> {
    let done = tokio::time::timeout(limit, transaction.alone(sql)).await;
    done.unwrap_or_else(|_elapsed| {
        let message = format!("it took more than {} s: it waits for old transactions to end", limit.as_secs());
        Err(QueryTrouble::Unusable(message))
    })
}

/// Runs a statement until it is warm, and returns the fastest run.
async fn fastest(transaction: &mut Transaction, statement: &BoundStatement) -> Result<Plan, QueryTrouble> {
    let mut best = statement.measure(transaction).await?;
    for _ in 1..RUNS {
        let Some(time) = best.execution_time.filter(|time| time.0 < SLOW.0) else { break };
        let next = statement.measure(transaction).await?;
        if next.execution_time.is_some_and(|next| next.0 < time.0) {
            best = next;
        }
    }
    Ok(best)
}

/// What has to be analysed, and says so: an expression has no statistics before its index was analysed.
fn analyses(set: &[WantedIndex<'_>]) -> Vec<(Sql, String)> {
    let of = |WantedIndex { spec, .. }: &WantedIndex<'_>| {
        let sql = ANALYZE.fill(&[("table", &qualified_always(&spec.schema, &spec.table))]);
        (sql, format!("{} was analyzed for the statistics of the expression", spec.table))
    };
    set.iter().filter(|wanted| wanted.has_expression()).map(of).collect()
}

/// Says whether the planner passes over a new index until old transactions have ended.
///
/// Source: PostgreSQL manual 53.26 "`pg_index`", `indcheckxmin`; src/backend/access/heap/README.HOT.
async fn waits_for_old_snapshots(
    transaction: &mut Transaction,
    set: &[WantedIndex<'_>],
    names: &[String],
) -> Result<bool, QueryTrouble> {
    for (wanted, name) in set.iter().zip(names) {
        if transaction.ask(of_index(&IS_PASSED_OVER, wanted, name)).await?.scalar().is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Returns the names that plans have of each, which for a table in partitions are those of its partitions, and the sizes.
async fn found(
    transaction: &mut Transaction,
    set: &[WantedIndex<'_>],
    names: &[String],
) -> Result<(Vec<Vec<String>>, Vec<Bytes>), QueryTrouble> {
    let (mut all, mut sizes) = (Vec::new(), Vec::new());
    for (wanted, name) in set.iter().zip(names) {
        let rows = transaction.ask(of_index(&FOUND, wanted, name)).await?.into_rows();
        let row = rows.first();
        let known = row.as_ref().map(|row| row.get("names").as_list()).unwrap_or_default();
        all.push(known.iter().filter_map(Value::as_str).map(str::to_owned).collect());
        sizes.push(Bytes(row.as_ref().and_then(|row| row.number("bytes")).unwrap_or_default()));
    }
    Ok((all, sizes))
}

/// A question of an index on trial, by its schema and name.
fn of_index(own: &Own, wanted: &WantedIndex<'_>, name: &str) -> Query {
    Query::new(own.sql())
        .with(QueryParameter::Text(wanted.spec.schema.clone()))
        .with(QueryParameter::Text(name.to_owned()))
}

/// How often a trial that was given up is looked for, and how long is waited in between: its cancel is on its way.
const LOOKS: usize = 10;
const BETWEEN_LOOKS: Duration = Duration::from_millis(300);

/// The indexes of trials on a table that nobody works on, with the beginning of their names.
pub(in crate::pg) static LEFT: Own = Own {
    name: "trial: leftover indexes",
    reads: "The indexes named pgdj_trial_… on a table, and whether another session works on them; $1 the schema, $2 \
        the table, $3 the prefix.",
    when: "before a trial, and after one that was cancelled",
    holes: &[],
    sql: "select n.nspname::text as schema, c.relname::text as name,
        exists (select from pg_catalog.pg_locks as l where l.relation = i.indexrelid and l.granted) as is_at_work
    from pg_catalog.pg_index as i
    join pg_catalog.pg_class as c on c.oid = i.indexrelid
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join pg_catalog.pg_class as t on t.oid = i.indrelid
    join pg_catalog.pg_namespace as tn on tn.oid = t.relnamespace
    where tn.nspname = $1 and t.relname = $2 and pg_catalog.left(c.relname::text, pg_catalog.length($3)) = $3
    order by c.oid
    limit 100",
};

/// Returns what trials have left on these tables: whether somebody is at work on it, and what drops it.
async fn left(
    transaction: &mut Transaction,
    specs: &[IndexSpec],
    prefix: &str,
) -> Result<Vec<(bool, Sql)>, QueryTrouble> {
    let mut tables: Vec<(&str, &str)> = specs.iter().map(|spec| (spec.schema.as_str(), spec.table.as_str())).collect();
    tables.sort_unstable();
    tables.dedup();
    let mut left = Vec::new();
    for (schema, table) in tables {
        let names = [schema, table, prefix].into_iter();
        let query = names.fold(Query::new(LEFT.sql()), |query, name| query.with(QueryParameter::Text(name.to_owned())));
        let rows = asked(transaction, query).await?.into_rows();
        left.extend(rows.iter().map(|row| {
            let drop = DROP.fill(&[("index", &qualified_always(row.text("schema"), row.text("name")))]);
            (row.flag("is_at_work").unwrap_or_default(), drop)
        }));
    }
    Ok(left)
}

/// Drops what a trial of this process that was given up has left, once its backend has let go of it.
pub(super) async fn clean_up(transaction: &mut Transaction, specs: &[IndexSpec]) -> Result<(), Failure> {
    let own = format!("{PREFIX}{}_", std::process::id());
    for _ in 0..LOOKS {
        let left = left(transaction, specs, &own).await.map_err(|trouble| trouble.failure(WHAT_IS_LEFT))?;
        if left.is_empty() {
            return Ok(());
        }
        sweep(transaction, specs).await;
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
    Err(Failure::new(FailureKind::Refused, WHAT_IS_LEFT)
        .because_text(format!("an index {PREFIX}… is still being built")))
}

/// Drops what a trial that was killed while it built concurrently has left on these tables, unless it is still at work.
async fn sweep(transaction: &mut Transaction, specs: &[IndexSpec]) {
    let Ok(left) = left(transaction, specs, PREFIX).await else { return };
    for (_, statement) in left.iter().filter(|(is_at_work, _)| !is_at_work) {
        if let Err(trouble) = within(CONCURRENTLY, transaction, statement).await {
            tracing::warn!(?trouble, ?statement, "the index of an earlier trial cannot be dropped");
        }
    }
}
