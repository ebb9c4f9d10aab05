//! Asks for plans in short read-only transactions, and counts what that costs.

use std::time::{Duration, Instant};

use tokio_postgres::error::SqlState;

use super::WorkloadTarget;
use super::admitting::{self, Admission};
use crate::Failure;
use crate::pg::control::Mode;
use crate::pg::transaction::{AccessMode, Guard, QueryTrouble, Transaction};
use crate::pg::verify::ask::{BoundStatement, ConnectionMeans};
use crate::pg::verify::hypothetical::{KnownPartitions, is_ready};
use crate::plan::Plan;
use crate::workload::{AskedPlans, LeftOut, PricedBy, WorkloadProgress, WorkloadStatement, WorkloadStep};

/// What holds while plans are asked for. A table that is locked is passed over, not waited for.
pub(super) const GUARD: Guard = Guard {
    access: AccessMode::Read,
    statement: Duration::from_secs(2),
    lock: Duration::from_millis(100),
    idle: Duration::from_secs(10),
};

/// Statements that are planned in one transaction.
pub(super) const BATCH: usize = 100;

/// How long a transaction that has locked tables asks for plans before it is ended and begun again: it holds back vacuum, and a command that
/// needs a table for itself, and who waits behind that, no longer.
const LONGEST: Duration = Duration::from_secs(1);

/// How often it is told how far the work is.
const PACE: Duration = Duration::from_millis(100);

/// Why a statement has no plan, and what was said.
pub(super) type NoPlan = (LeftOut, Option<String>);

/// Asks for plans.
pub(super) struct PlanAsker<'a> {
    pub(super) transaction: Transaction,
    pub(super) mode: Mode,
    /// What it cost so far.
    pub(super) asked: AskedPlans,
    /// The schema of `HypoPG`, once it is known that it works.
    pub(super) hypopg: Option<String>,
    /// The partitions of tables, as far as they were asked for.
    pub(super) partitions: KnownPartitions,
    begun: Instant,
    is_open: bool,
    progress: WorkloadProgress,
    told: &'a (dyn Fn(WorkloadProgress) + Sync),
    said: Instant,
    started: Instant,
}

/// The failure of a connection that was lost.
pub(super) fn lost(trouble: QueryTrouble) -> Failure {
    trouble.failure("cannot ask the planner about the workload")
}

impl<'a> PlanAsker<'a> {
    pub(super) async fn open(
        target: &WorkloadTarget,
        told: &'a (dyn Fn(WorkloadProgress) + Sync),
        started: Instant,
    ) -> Result<Self, Failure> {
        Ok(Self {
            transaction: Transaction::open(target.connector.as_ref(), &target.cancel_queue).await?,
            mode: target.mode,
            asked: AskedPlans::default(),
            hypopg: None,
            partitions: KnownPartitions::default(),
            begun: started,
            is_open: false,
            progress: WorkloadProgress::default(),
            told,
            said: started,
            started,
        })
    }

    /// Says what is done from here on, and of how many statements.
    pub(super) fn begin_step(&mut self, step: WorkloadStep, statements: usize) {
        self.progress = WorkloadProgress { statements, step, ..WorkloadProgress::default() };
        self.tell();
    }

    /// Counts a statement as looked at.
    pub(super) fn looked_at_one(&mut self) {
        self.progress.looked_at += 1;
        if self.said.elapsed() >= PACE {
            self.tell();
        }
    }

    fn tell(&mut self) {
        self.said = Instant::now();
        self.asked.elapsed.0 = self.started.elapsed().as_secs_f64();
        self.progress.asked = self.asked;
        (self.told)(self.progress);
    }

    /// Begins a transaction, unless one is open.
    pub(super) async fn begin(&mut self) -> Result<(), Failure> {
        if !self.is_open {
            self.transaction.begin(GUARD).await.map_err(lost)?;
            (self.is_open, self.begun) = (true, Instant::now());
        }
        Ok(())
    }

    /// Ends the transaction.
    pub(super) async fn rest(&mut self) {
        self.transaction.end().await;
        self.is_open = false;
    }

    /// Ends whatever is open.
    pub(super) async fn end(&mut self) {
        self.rest().await;
    }

    /// Begins a transaction and judges statements in it, at most [`BATCH`]: the answers are those of the first so many.
    pub(super) async fn admit(&mut self, statements: &[&WorkloadStatement]) -> Result<Vec<Admission>, Failure> {
        self.rest().await;
        self.begin().await?;
        let first = statements.get(..BATCH).unwrap_or(statements);
        let admitted = admitting::admit(&mut self.transaction, first).await;
        self.begun = Instant::now();
        admitted
    }

    /// Whether the open transaction has held its locks so long that they are to be let go first.
    pub(super) fn is_long(&self) -> bool {
        self.begun.elapsed() >= LONGEST
    }

    /// Plans statements that were admitted to this transaction.
    pub(super) async fn plan(&mut self, statements: &[&BoundStatement]) -> Result<Vec<Result<Plan, NoPlan>>, Failure> {
        self.asked.plans += statements.len();
        let planned = BoundStatement::plan_parsed(&mut self.transaction, statements).await.map_err(lost)?;
        let mut plans = Vec::with_capacity(planned.len());
        for plan in planned {
            plans.push(match plan {
                Ok(plan) => {
                    self.asked.server.0 += plan.planning_time.map_or(0.0, |time| time.0);
                    Ok(plan)
                }
                Err(trouble) => Err(refused(trouble)?),
            });
        }
        Ok(plans)
    }

    /// Returns whether the planner can be asked about indexes that do not exist.
    pub(super) async fn how_to_price(&mut self) -> Result<PricedBy, Failure> {
        self.rest().await;
        self.begin().await?;
        let means = ConnectionMeans::read(&mut self.transaction).await.map_err(lost)?;
        let Some(schema) = means.hypopg else {
            return Ok(PricedBy::Model("HypoPG is not installed in this database".to_owned()));
        };
        let is_ready = is_ready(&mut self.transaction, &schema).await.map_err(lost)?;
        self.rest().await;
        if !is_ready {
            return Ok(PricedBy::Model("HypoPG makes no index on this server".to_owned()));
        }
        self.hypopg = Some(schema);
        Ok(PricedBy::Planner)
    }
}

/// Returns why the server does not plan a statement; a lost connection ends everything.
pub(super) fn refused(trouble: QueryTrouble) -> Result<NoPlan, Failure> {
    let why = match trouble.code() {
        Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => LeftOut::Denied,
        Some(code)
            if [
                SqlState::UNDEFINED_TABLE,
                SqlState::UNDEFINED_COLUMN,
                SqlState::UNDEFINED_FUNCTION,
                SqlState::INVALID_SCHEMA_NAME,
            ]
            .contains(code) =>
        {
            LeftOut::Gone
        }
        Some(code) if [SqlState::LOCK_NOT_AVAILABLE, SqlState::QUERY_CANCELED].contains(code) => LeftOut::Blocked,
        _ => LeftOut::NotPlanned,
    };
    match trouble.message() {
        Ok(message) => Ok((why, Some(message))),
        Err(gone) => Err(lost(gone)),
    }
}
