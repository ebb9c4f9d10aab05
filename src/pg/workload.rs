//! Advice for a whole workload: the statements of `pg_stat_statements` are planned without values, candidates of all are
//! priced by the planner (`HypoPG`) or by the advisor's own model, and the best few are planned again.
//!
//! Nothing is changed and nothing is run. Each batch of questions is one read-only transaction with short limits. Somebody
//! else chose the statements, so each is judged as in read-only mode, whatever the mode: one that may do more than
//! read is left out. What is dropped while it runs is cancelled on the server.

mod admitting;
mod asking;
mod assemble;
mod now;
mod pricing;
pub(in crate::pg) mod statements;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::catalog;
use super::control::Mode;
use super::django_read;
use super::session::{CancelQueue, Connector, Limits, Session};
use super::verify::ask::BoundStatement;
use crate::Failure;
use crate::catalog::Catalog;
use crate::django::Project;
use crate::failure::FailureKind;
use crate::plan::Plan;
use crate::sample::Seconds;
use crate::workload::{
    ChoiceLimits, LeftOut, PlannedStatement, PricedBy, WorkloadAdvice, WorkloadProgress, WorkloadStatement,
    WorkloadStep, leave_out, pool,
};

pub use now::read_now;

use asking::{BATCH, PlanAsker};
use assemble::Assembly;
use pricing::Pricing;
use statements::ReadWorkload;

/// Statements that are looked at unless another number is asked for.
pub const STATEMENTS: usize = 500;
/// Indexes that are chosen unless another number is asked for.
pub const INDEXES: usize = 5;
/// Plans that are asked for at most with [`STATEMENTS`] statements.
const MOST_PLANS: usize = 3000;

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WorkloadRequest {
    /// The most statements, those first that take most time.
    pub statements: usize,
    /// What the choice has to keep to.
    pub limits: ChoiceLimits,
    /// Counts only what runs in this time from now on; `None` counts all since the counters were reset.
    pub time: Option<Duration>,
}

impl Default for WorkloadRequest {
    fn default() -> Self {
        Self { statements: STATEMENTS, limits: ChoiceLimits { number: INDEXES, bytes: None }, time: None }
    }
}

impl WorkloadRequest {
    /// Returns the most plans that are asked for.
    fn most_plans(&self) -> usize {
        MOST_PLANS.max(self.statements.saturating_mul(MOST_PLANS / STATEMENTS))
    }
}

/// Where and how it is asked.
#[derive(Clone)]
pub struct WorkloadTarget {
    /// Makes the connections.
    pub connector: Arc<dyn Connector>,
    /// What they may do.
    pub mode: Mode,
    /// Cancels what is dropped.
    pub cancel_queue: CancelQueue,
}

/// Advises for the workload of a database; `told` hears how far it is.
pub async fn advise(
    target: &WorkloadTarget,
    request: WorkloadRequest,
    told: &(dyn Fn(WorkloadProgress) + Sync),
) -> Result<WorkloadAdvice, Failure> {
    let started = Instant::now();
    told(WorkloadProgress::default());
    let mut read = match request.time {
        Some(time) => {
            told(WorkloadProgress { step: WorkloadStep::Counting, ..WorkloadProgress::default() });
            statements::read_for(target, request.statements, time).await?
        }
        None => statements::read(target, request.statements).await?,
    };
    let mut asker = PlanAsker::open(target, told, started).await?;
    let done = Box::pin(work(target, request, &mut read, &mut asker)).await;
    asker.end().await;
    let mut advice = done?;
    asker.asked.elapsed = Seconds(started.elapsed().as_secs_f64());
    advice.asked = asker.asked;
    Ok(advice)
}

async fn work(
    target: &WorkloadTarget,
    request: WorkloadRequest,
    read: &mut ReadWorkload,
    asker: &mut PlanAsker<'_>,
) -> Result<WorkloadAdvice, Failure> {
    asker.begin_step(WorkloadStep::Planning, read.statements.len());
    let planned = plan_all(read, asker).await?;
    let facts = read_facts(target, &planned).await?;
    let pool = pool(&planned, &facts.catalog);
    asker.begin_step(WorkloadStep::Pricing, planned.len());
    let mut pricing = Pricing::new(&planned, &pool, request.most_plans());
    pricing.by = if pool.candidates.is_empty() { PricedBy::Nobody } else { asker.how_to_price().await? };
    if pricing.by == PricedBy::Planner {
        pricing.ask(asker).await?;
    }
    let assembly = Assembly { request, read, planned: &planned, facts: &facts, pool: &pool };
    assembly.choose(pricing, asker).await
}

/// What was read beside the statements.
#[derive(Debug, Default)]
struct WorkloadFacts {
    catalog: Catalog,
    project: Project,
    notes: Vec<String>,
}

/// Plans each statement as it is; what cannot be planned is left out.
async fn plan_all(read: &mut ReadWorkload, asker: &mut PlanAsker<'_>) -> Result<Vec<PlannedStatement>, Failure> {
    let mut planned = Vec::new();
    let mut waiting: VecDeque<WorkloadStatement> = std::mem::take(&mut read.statements).into();
    while !waiting.is_empty() {
        let batch: Vec<&WorkloadStatement> = waiting.iter().take(BATCH).collect();
        let admissions = asker.admit(&batch).await?;
        let bound: Vec<&BoundStatement> = admissions.iter().filter_map(|admission| admission.as_ref().ok()).collect();
        let mut plans = asker.plan(&bound).await?.into_iter();
        for admission in admissions {
            let Some(statement) = waiting.pop_front() else { break };
            asker.looked_at_one();
            let outcome = match admission {
                Ok(_) => plans.next().unwrap_or(Err((LeftOut::NotPlanned, None))),
                Err(why) => Err(why),
            };
            match outcome {
                Ok(plan) if reads_a_table(&plan) => planned.push(PlannedStatement { statement, plan }),
                Ok(_) => leave_out(&mut read.left_out, LeftOut::NoTable, statement.time, None),
                Err((why, said)) => leave_out(&mut read.left_out, why, statement.time, said),
            }
        }
    }
    asker.rest().await;
    Ok(planned)
}

/// Whether a plan reads or writes a table that is not the system's.
fn reads_a_table(plan: &Plan) -> bool {
    let is_system = |schema: Option<&str>| matches!(schema, Some("pg_catalog" | "information_schema" | "pg_toast"));
    plan.iter().any(|(_, node)| node.relation().is_some() && !is_system(node.schema()))
}

async fn read_facts(target: &WorkloadTarget, planned: &[PlannedStatement]) -> Result<WorkloadFacts, Failure> {
    let mut relations: Vec<(String, String)> = Vec::new();
    for relation in planned.iter().flat_map(|planned| catalog::relations(&planned.plan)) {
        if !relations.contains(&relation) {
            relations.push(relation);
        }
    }
    facts_of(target, &relations).await
}

/// Reads what is known of tables: schema and name.
async fn facts_of(target: &WorkloadTarget, relations: &[(String, String)]) -> Result<WorkloadFacts, Failure> {
    if relations.is_empty() {
        return Ok(WorkloadFacts::default());
    }
    let lost = |why: String| Failure::new(FailureKind::Connection, "the connection was lost").because_text(why);
    let mut session = Session::open(target.connector.as_ref(), Limits::SLOW, &target.cancel_queue).await?;
    let read = catalog::read(&mut session, relations).await.map_err(|gone| lost(gone.why))?;
    let project = django_read::project(&mut session).await.map_err(|gone| lost(gone.why))?;
    Ok(WorkloadFacts { catalog: read.catalog, project, notes: read.notes })
}
