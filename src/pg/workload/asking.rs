//! Asks for plans in short read-only transactions, and counts what that costs.

use std::time::{Duration, Instant};

use tokio_postgres::error::SqlState;

use super::WorkloadTarget;
use crate::Failure;
use crate::pg::control::Mode;
use crate::pg::explain::limits::with_limits;
use crate::pg::explain::refusal::MAY_DO_MORE;
use crate::pg::explain::statement::check;
use crate::pg::judge::Level;
use crate::pg::transaction::{AccessMode, Guard, QueryTrouble, Transaction};
use crate::pg::verify::ask::{BoundStatement, ConnectionMeans};
use crate::pg::verify::hypothetical::is_ready;
use crate::plan::Plan;
use crate::workload::{AskedPlans, LeftOut, PricedBy, WorkloadProgress, WorkloadStatement, WorkloadStep};

/// What holds while plans are asked for. A table that is locked is passed over, not waited for.
const GUARD: Guard = Guard {
    access: AccessMode::Read,
    statement: Duration::from_secs(5),
    lock: Duration::from_millis(500),
    idle: Duration::from_secs(10),
};

/// Statements that are planned in one transaction: it holds back vacuum no longer than it takes.
pub(super) const BATCH: usize = 50;

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
    in_batch: usize,
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
            in_batch: 0,
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

    /// Begins a transaction, unless one is open that is not yet full.
    pub(super) async fn begin(&mut self) -> Result<(), Failure> {
        if self.is_open && self.in_batch >= BATCH {
            self.rest().await;
        }
        if !self.is_open {
            self.transaction.begin(GUARD).await.map_err(lost)?;
            (self.is_open, self.in_batch) = (true, 0);
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

    /// Judges a statement and plans it as it is.
    pub(super) async fn plan_first(&mut self, statement: &WorkloadStatement) -> Result<Result<Plan, NoPlan>, Failure> {
        self.begin().await?;
        self.in_batch += 1;
        let bound = match self.admit(statement).await? {
            Ok(bound) => bound,
            Err(why) => return Ok(Err(why)),
        };
        self.plan(&bound).await
    }

    /// Judges a statement in the open transaction, as in read-only mode: nobody agreed to this one.
    pub(super) async fn admit(
        &mut self,
        statement: &WorkloadStatement,
    ) -> Result<Result<BoundStatement, NoPlan>, Failure> {
        let Ok(checked) = check(&with_limits(&statement.sql, statement.rows_per_call())) else {
            return Ok(Err((LeftOut::NotPlanned, None)));
        };
        let bound = BoundStatement::without_values(checked);
        match bound.admit(&mut self.transaction, Level::Planned, Mode::ReadOnly).await {
            Ok(()) => Ok(Ok(bound)),
            Err(QueryTrouble::Unusable(why)) => {
                let why = why.strip_prefix(MAY_DO_MORE).map_or(why.as_str(), |rest| rest.trim_start_matches(": "));
                Ok(Err((LeftOut::MayDoMore, Some(why.to_owned()))))
            }
            Err(trouble) => refused(trouble).map(Err),
        }
    }

    /// Plans a statement that was judged in this transaction.
    pub(super) async fn plan(&mut self, statement: &BoundStatement) -> Result<Result<Plan, NoPlan>, Failure> {
        self.asked.plans += 1;
        match statement.explain(&mut self.transaction).await {
            Ok(plan) => {
                self.asked.server.0 += plan.planning_time.map_or(0.0, |time| time.0);
                Ok(Ok(plan))
            }
            Err(trouble) => refused(trouble).map(Err),
        }
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
fn refused(trouble: QueryTrouble) -> Result<NoPlan, Failure> {
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
