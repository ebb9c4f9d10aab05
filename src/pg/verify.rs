//! Asks the server what an index that does not exist would do for a statement.
//!
//! The first kind of evidence that can be had is used, and [`Verified::evidence`] says which:
//!
//! 1. [`Evidence::Hypothetical`]: `HypoPG` makes the planner believe in the index. Created, explained and dropped within one
//!    read-only transaction, so that it works behind a transaction pooler and nothing is left on a backend. An index with
//!    a predicate or an expression is seen in a statement over its table alone only: [`Evidence::HypotheticalAlone`]; with a
//!    predicate on pgdj's own servers only, for it can crash a backend.
//! 2. [`Evidence::Sample`]: for GIN, GiST and SP-GiST, of which `HypoPG` knows nothing, and where it is not installed: a
//!    temporary table of a sample under the table's own name, with its indexes and the new one. Only with consent, for it
//!    writes; rolled back.
//! 3. [`Evidence::Catalog`]: the operator classes prove that such an index can serve the condition. No cost.
//!
//! [`Verifier::try_for_real`] builds the index, measures and drops it, where a person agreed that this database may be
//! changed. Nothing here spawns; what is dropped while it runs is cancelled on the server by the cancel queue.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::control::Mode;
use super::explain::{self, ExplainRequest};
use super::judge::{Judge, Level, Objection};
use super::session::{CancelQueue, Connector};
use super::transaction::{AccessMode, Guard, QueryTrouble, Transaction};
use crate::Failure;
use crate::advisor::IndexSpec;
use crate::catalog::Table;
use crate::catalog::index::AccessMethod;
use crate::django::sql::{Build, create_index, index_place};
use crate::failure::FailureKind;
use crate::plan::Plan;
use crate::sample::unit::counted;
use crate::sample::{Bytes, Seconds};

mod alone;
pub(in crate::pg) mod ask;
pub(in crate::pg) mod hypothetical;
pub(in crate::pg) mod proof;
pub(in crate::pg) mod sampled;
pub(in crate::pg) mod trial;

use ask::{BoundStatement, ConnectionMeans};
use hypothetical::Simulation;

pub use trial::trial_name;

/// How an answer was had.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The planner was made to believe in the index by `HypoPG`.
    Hypothetical,
    /// The same, but of a statement over the one table: what the other tables give are parameters in it.
    HypotheticalAlone {
        /// The table.
        table: String,
    },
    /// The planner planned with a real index on a sample of the table.
    Sample {
        /// The part of the table's rows in the sample, 0..=1.
        share: f64,
    },
    /// The catalog was asked whether such an index can serve the condition; the planner was not.
    Catalog,
}

impl Evidence {
    /// Returns it as a clause for a person.
    pub fn words(&self) -> String {
        match self {
            Self::Hypothetical => "hypothetical index, HypoPG".to_owned(),
            Self::HypotheticalAlone { table } => {
                format!("hypothetical index, HypoPG, for a query that reads only {table}")
            }
            Self::Sample { share } => {
                format!("index on a sample of {:.1}% of the rows", share * 100.0)
            }
            Self::Catalog => "estimated from the catalog; the planner was not asked".to_owned(),
        }
    }
}

/// What the planner, or failing that the catalog, says of an index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlannerVerdict {
    /// The planner uses it.
    Used,
    /// The planner does not use it, though it could see it.
    NotUsed,
    /// It can serve the condition; whether the planner would use it is not known.
    CanServe,
    /// It cannot serve, or cannot be built, and why.
    CannotServe(String),
    /// It could not be found out, and why.
    Unknown(String),
}

/// What was found out of indexes that are created together.
#[derive(Debug, Clone, PartialEq)]
pub struct Verified {
    /// How.
    pub evidence: Evidence,
    /// The verdict on each index, in the order of the set.
    pub verdicts: Vec<PlannerVerdict>,
    /// The plan without them; on a sample, the sample's. `None` where no plan was made.
    pub before: Option<Plan>,
    /// The plan with them.
    pub after: Option<Plan>,
    /// Size of each index as extrapolated from the sample; `None` with other evidence, where the advisor's model is better
    /// than `HypoPG`, which is off by up to 12 times.
    pub sizes: Vec<Option<Bytes>>,
    /// What has to be known beside it, one sentence each.
    pub notes: Vec<String>,
}

impl Verified {
    /// Says whether the planner uses every index of the set.
    pub fn is_used(&self) -> bool {
        !self.verdicts.is_empty() && self.verdicts.iter().all(|verdict| *verdict == PlannerVerdict::Used)
    }

    /// Returns the planner's costs of the whole statement, without and with the indexes.
    pub fn costs(&self) -> Option<(f64, f64)> {
        Some((self.before.as_ref()?.total_cost()?, self.after.as_ref()?.total_cost()?))
    }

    /// Returns the part of the cost that is saved, 0..=1; `None` where there was no plan.
    pub fn saving(&self) -> Option<f64> {
        let (before, after) = self.costs()?;
        (before > 0.0).then(|| (1.0 - after / before).max(0.0))
    }
}

/// How far the ladder may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Allowed {
    /// Read-only: `HypoPG`, else the catalog.
    #[default]
    Reading,
    /// A person agreed to a temporary table, which is rolled back: a sample where `HypoPG` cannot serve.
    TemporaryTable,
}

/// How an index on trial is built.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Building {
    /// In a transaction that is rolled back: nothing can stay, but the table takes no writes until then.
    InTransaction {
        /// The longest that the build may take.
        limit: Seconds,
    },
    /// Concurrently, and dropped by name: writes go on, but it waits for old transactions.
    Concurrently {
        /// The longest that the build may take.
        limit: Seconds,
    },
}

impl Building {
    /// The longest that writes are made to wait for a trial, as it is expected.
    const PATIENCE: Seconds = Seconds(5.0);

    /// Chooses by how long the build is expected to take: writes are not to wait for a long one.
    ///
    /// The indexes of a partitioned table cannot be built concurrently.
    pub fn expecting(build: Seconds, is_partitioned: bool) -> Self {
        if build.0 <= Self::PATIENCE.0 {
            Self::InTransaction { limit: Seconds((build.0 * 10.0).clamp(10.0, 30.0)) }
        } else if is_partitioned {
            Self::InTransaction { limit: Seconds((build.0 * 3.0).min(600.0)) }
        } else {
            Self::Concurrently { limit: Seconds(trial::CONCURRENTLY.as_secs_f64() + build.0 * 3.0) }
        }
    }
}

/// What a trial measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    /// Whether the planner uses each index, in their order.
    pub is_used: Vec<bool>,
    /// The plan without them; with times, unless the statement writes.
    pub before: Plan,
    /// The plan with them.
    pub after: Plan,
    /// How long they took to build.
    pub build: Seconds,
    /// The size of each.
    pub sizes: Vec<Bytes>,
    /// What has to be known beside it, one sentence each.
    pub notes: Vec<String>,
}

impl Tried {
    /// Returns how long the statement ran, without and with the indexes; `None` for a write, which is not run.
    pub fn times(&self) -> Option<(Seconds, Seconds)> {
        Some((self.before.execution_time?, self.after.execution_time?))
    }
}

/// Verifies indexes on one target.
#[derive(Clone)]
pub struct Verifier {
    connector: Arc<dyn Connector>,
    mode: Mode,
    cancel_queue: CancelQueue,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier").finish_non_exhaustive()
    }
}

impl Verifier {
    /// A verifier; it opens a short connection for each question. In [`Mode::ReadOnly`] it refuses what may do more than
    /// read, as the planner runs functions too.
    pub fn new(connector: Arc<dyn Connector>, mode: Mode, cancel_queue: CancelQueue) -> Self {
        Self { connector, mode, cancel_queue }
    }

    /// Finds out what sets of indexes would do for a statement; each set is tried by itself, its indexes together.
    ///
    /// The answers are in the order of `sets`. It fails only where the statement itself cannot be explained, or the
    /// server is lost: what cannot be found out of one set is said in its [`PlannerVerdict`].
    pub async fn verify(
        &self,
        request: &ExplainRequest,
        sets: &[Vec<IndexSpec>],
        allowed: Allowed,
    ) -> Result<Vec<Verified>, Failure> {
        let statement = BoundStatement::of(request)?;
        let mut transaction = Transaction::open(self.connector.as_ref(), &self.cancel_queue).await?;
        let verified = climb(
            &mut transaction,
            &statement,
            sets,
            &VerifyTerms { allowed, mode: self.mode, timeout_ms: request.timeout_ms },
        )
        .await;
        transaction.end().await;
        verified.map_err(|trouble| trouble.failure("cannot test the index"))
    }

    /// Builds the indexes, measures the statement without and with them, and drops them.
    ///
    /// Only where a person agreed that this database may be changed. Where a transaction that is rolled back could not
    /// show the truth (rows were updated in place while an old transaction still sees them), the indexes are built
    /// concurrently and dropped by name, as it is done from the start for large ones.
    pub async fn try_for_real(
        &self,
        request: &ExplainRequest,
        specs: &[IndexSpec],
        building: Building,
    ) -> Result<Tried, Failure> {
        if self.mode == Mode::ReadOnly {
            return Err(Failure::new(FailureKind::Refused, "an index cannot be tried: --read-only forbids it")
                .hint("start pgdj without --read-only"));
        }
        // A parameter without a value would be measured as NULL, for which mostly no row is found.
        let needed = explain::statement::check(&request.sql).map_or(0, |statement| statement.parameters);
        if needed > request.parameters.len() {
            let why = format!(
                "the statement needs {} and got {}",
                counted(needed, "value", "values"),
                request.parameters.len()
            );
            let failure = Failure::new(FailureKind::Refused, "cannot try the index").because_text(why);
            return Err(failure.hint("give a value for each $n: R asks for them in the console"));
        }
        let mut transaction = Transaction::open(self.connector.as_ref(), &self.cancel_queue).await?;
        trial::run(&mut transaction, request, specs, building).await
    }

    /// Drops what a trial that was given up while it built concurrently has left of these indexes.
    pub async fn clean_up(&self, specs: &[IndexSpec]) -> Result<(), Failure> {
        let mut transaction = Transaction::open(self.connector.as_ref(), &self.cancel_queue).await?;
        trial::clean_up(&mut transaction, specs).await
    }
}

/// The longest a lock is waited for.
const LOCK: Duration = Duration::from_secs(3);

/// How long a transaction may be idle, which it is while a plan is read.
const IDLE: Duration = Duration::from_secs(30);

fn guard(access: AccessMode, statement: Duration) -> Guard {
    Guard { access, statement, lock: LOCK, idle: IDLE }
}

/// Under which terms indexes are verified.
#[derive(Debug, Clone, Copy)]
struct VerifyTerms {
    allowed: Allowed,
    mode: Mode,
    timeout_ms: u32,
}

/// Returns a verdict on indexes whose definitions name what may do more than read, in read-only mode: the planner is not
/// asked about them.
pub(in crate::pg) async fn refused(
    transaction: &mut Transaction,
    set: &[&WantedIndex<'_>],
    mode: Mode,
) -> Result<Option<Verified>, QueryTrouble> {
    if mode == Mode::Full {
        return Ok(None);
    }
    let definitions: Vec<String> = set.iter().map(|wanted| wanted.create_for_hypopg("pgdj")).collect();
    let verdict = Judge::of_definitions(transaction, &definitions).await?;
    if let Some(objection) = verdict.objections.first().map(Objection::words) {
        let why = format!("{objection}; --read-only forbids it");
        return Ok(Some(Verified {
            evidence: Evidence::Catalog,
            verdicts: vec![PlannerVerdict::Unknown(why); set.len()],
            before: None,
            after: None,
            sizes: vec![None; set.len()],
            notes: Vec::new(),
        }));
    }
    Ok(None)
}

async fn climb(
    transaction: &mut Transaction,
    statement: &BoundStatement,
    sets: &[Vec<IndexSpec>],
    terms: &VerifyTerms,
) -> Result<Vec<Verified>, QueryTrouble> {
    let VerifyTerms { allowed, mode, timeout_ms } = *terms;
    let access = if allowed == Allowed::Reading { AccessMode::Read } else { AccessMode::Write };
    transaction.begin(guard(access, Duration::from_millis(u64::from(timeout_ms)))).await?;
    statement.admit(transaction, Level::Planned, mode).await?;
    let circumstances = ConnectionMeans::read(transaction).await?;
    let tables = ask::tables(transaction, sets.iter().flatten()).await?;
    let sets: Vec<Vec<WantedIndex<'_>>> =
        sets.iter().map(|set| set.iter().map(|spec| WantedIndex::of(spec, &tables)).collect()).collect();
    let before = statement.explain(transaction).await?;
    let mut found = Vec::new();
    for set in &sets {
        let mut notes = Vec::new();
        if let Some(refused) = refused(transaction, &set.iter().collect::<Vec<_>>(), mode).await? {
            found.push(refused);
            continue;
        }
        let mut verified = None;
        if let Some(schema) =
            circumstances.hypopg.as_deref().filter(|_| set.iter().all(WantedIndex::is_known_to_hypopg))
        {
            let simulation = Simulation { schema, before: &before, is_private: circumstances.is_private, mode };
            verified = if set.iter().any(WantedIndex::is_hard) {
                of_one_table(transaction, statement, set, simulation, &mut notes).await?
            } else {
                hypothetical::verify(transaction, statement, set, &simulation, &mut notes).await?
            };
        } else if circumstances.hypopg.is_none() {
            notes.push("HypoPG is not installed in this database".to_owned());
        }
        // A sample has what HypoPG lacks: statistics on an expression, and predicates in their simplest form.
        let is_doubtful = |found: &Verified| !found.is_used() && set.iter().any(WantedIndex::is_hard);
        if allowed == Allowed::TemporaryTable && verified.as_ref().is_none_or(is_doubtful) {
            let sampled = sampled::verify(transaction, statement, set, &circumstances, &mut notes).await?;
            verified = sampled.or(verified);
        }
        let mut verified = match verified {
            Some(verified) => verified,
            None => proof::verify(transaction, set, &before).await?,
        };
        notes.append(&mut verified.notes);
        verified.notes = notes;
        found.push(verified);
    }
    Ok(found)
}

/// Asks HypoPG about indexes with a predicate or an expression, in a statement over their table alone; `None`, with a
/// note, where that cannot be done.
async fn of_one_table(
    transaction: &mut Transaction,
    whole: &BoundStatement,
    set: &[WantedIndex<'_>],
    simulation: Simulation<'_>,
    notes: &mut Vec<String>,
) -> Result<Option<Verified>, QueryTrouble> {
    if set.iter().any(WantedIndex::is_partial) && !simulation.is_private {
        notes.push(
            "the planner was not asked: a hypothetical index with a condition can crash a server (HypoPG issue 116)"
                .to_owned(),
        );
        return Ok(None);
    }
    let Some(statement) = alone::statement(simulation.before, set).and_then(|sql| whole.part(&sql)) else {
        notes.push("the planner was not asked: HypoPG does not see such an index in this statement".to_owned());
        return Ok(None);
    };
    let before = match statement.admit(transaction, Level::Planned, simulation.mode).await {
        Ok(()) => statement.explain(transaction).await,
        Err(trouble) => Err(trouble),
    };
    let before = match before {
        Ok(before) => before,
        Err(trouble) => {
            let why = trouble.message()?;
            tracing::info!(why, "a scan cannot be asked about alone");
            notes.push("the planner was not asked: HypoPG does not see such an index in this statement".to_owned());
            return Ok(None);
        }
    };
    let verified =
        hypothetical::verify(transaction, &statement, set, &Simulation { before: &before, ..simulation }, notes)
            .await?;
    let table = set.first().map_or_else(String::new, |wanted| wanted.spec.table.clone());
    Ok(verified.map(|verified| Verified { evidence: Evidence::HypotheticalAlone { table }, ..verified }))
}

/// An index and its table, as far as its statement needs it.
#[derive(Debug, Clone)]
pub(in crate::pg) struct WantedIndex<'a> {
    spec: &'a IndexSpec,
    table: Table,
}

impl<'a> WantedIndex<'a> {
    pub(in crate::pg) fn of(spec: &'a IndexSpec, tables: &[Table]) -> Self {
        let known = tables.iter().find(|table| table.schema == spec.schema && table.name == spec.table);
        let unknown = || Table { schema: spec.schema.clone(), name: spec.table.clone(), ..Table::default() };
        Self { spec, table: known.cloned().unwrap_or_else(unknown) }
    }

    /// What stands behind ON in the statement that builds it, which is the very one that Django makes.
    fn place(&self) -> String {
        index_place(&self.table, &self.spec.definition)
    }

    /// The same with its predicate as plans write it, for HypoPG takes it as it is written: it would not see that
    /// `status <> 'done'` implies `NOT (status = 'done')`, which a real index's predicate is simplified to.
    fn create_for_hypopg(&self, name: &str) -> String {
        let table = Table { columns: Vec::new(), ..self.table.clone() };
        create_index(&table, &self.spec.definition, name, Build::Plain)
    }

    /// The same for a partition: schema and name.
    fn create_for_partition(&self, schema: &str, name: &str, index: &str) -> String {
        let table =
            Table { columns: Vec::new(), schema: schema.to_owned(), name: name.to_owned(), ..self.table.clone() };
        create_index(&table, &self.spec.definition, index, Build::Plain)
    }

    /// The same for a table of the same form in another schema.
    fn place_in(&self, schema: &str) -> String {
        let table = Table { schema: schema.to_owned(), ..self.table.clone() };
        index_place(&table, &self.spec.definition)
    }

    fn has_expression(&self) -> bool {
        self.spec.definition.has_expression()
    }

    fn is_partial(&self) -> bool {
        !self.spec.definition.predicate.is_empty()
    }

    /// Whether HypoPG sees it in any statement over its table, and without a risk.
    pub(in crate::pg) fn is_easy(&self) -> bool {
        self.is_known_to_hypopg() && !self.is_hard()
    }

    /// Whether HypoPG sees it only where its table is the first of the statement.
    fn is_hard(&self) -> bool {
        self.has_expression() || self.is_partial()
    }

    /// Source: HypoPG's `hypo_is_index_method`, 1.3 and 1.4; GIN, GiST and SP-GiST are refused.
    fn is_known_to_hypopg(&self) -> bool {
        matches!(self.spec.definition.method, AccessMethod::BTree | AccessMethod::Brin | AccessMethod::Hash)
    }
}

/// Returns what stands behind ON in the statement that builds an index.
pub(super) async fn place(transaction: &mut Transaction, spec: &IndexSpec) -> Result<String, QueryTrouble> {
    let tables = trial::tables(transaction, std::slice::from_ref(spec)).await?;
    Ok(WantedIndex::of(spec, &tables).place())
}

/// Says which of these indexes a plan uses; of a table in partitions each has one of a name of its own.
pub(in crate::pg) fn used(plan: &Plan, names: &[Vec<String>]) -> Vec<bool> {
    let is_used = |names: &Vec<String>| {
        plan.iter().any(|(_, node)| node.index().is_some_and(|used| names.iter().any(|name| name == used)))
    };
    names.iter().map(is_used).collect()
}

fn verdicts(plan: &Plan, names: &[Vec<String>]) -> Vec<PlannerVerdict> {
    used(plan, names)
        .into_iter()
        .map(|is_used| if is_used { PlannerVerdict::Used } else { PlannerVerdict::NotUsed })
        .collect()
}
