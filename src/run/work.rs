//! What each kind of job does.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use tokio_util::sync::CancellationToken;

use super::jobs::Reporter;
use super::own_editor;
use crate::advisor::IndexSpec;
use crate::app::{Job, JobProgress, JobResult};
use crate::failure::{Failure, FailureKind};
use crate::pg::advice::advise;
use crate::pg::control::Mode;
use crate::pg::exact::{self, Exact, MeasuredRelation};
use crate::pg::explain::{ExplainRequest, Runner};
use crate::pg::maintenance::{Maintainer, MaintenanceTask};
use crate::pg::session::{CancelQueue, Connector, Session};
use crate::pg::verify::{Building, Verifier};
use crate::pg::workload::{self, WorkloadRequest, WorkloadTarget};
use crate::sample::{Missing, Seconds, ServerFacts};

/// How often it is said how long a trial has been running.
const PROGRESS: Duration = Duration::from_millis(500);

/// What jobs work with.
#[derive(Clone)]
pub(super) struct JobContext {
    pub(super) connector: Arc<dyn Connector>,
    pub(super) mode: Mode,
    pub(super) cancel_queue: CancelQueue,
    /// What the server has, as the sampler found it last.
    pub(super) facts: Arc<ServerFacts>,
}

/// A trial of indexes: for which statement, which, and how they are built.
#[derive(Clone, Copy)]
struct IndexTrial<'a> {
    request: &'a ExplainRequest,
    specs: &'a [IndexSpec],
    building: Building,
}

/// Does a job to its end, or until it is cancelled.
pub(super) async fn perform(job: Job, work: JobContext, cancel: CancellationToken, report: Reporter) -> JobResult {
    match job {
        Job::Explain(request) => work.explain(&request, &cancel, &report).await,
        Job::FindParameters { sql } => {
            let runner = work.runner();
            let find = Box::pin(runner.choices(&sql));
            unless_cancelled(&cancel, async { JobResult::Parameters(find.await) }).await
        }
        Job::Advise { request, plan } => {
            let found = Box::pin(advise(&work.connector, work.mode, &work.cancel_queue, &request, &plan));
            unless_cancelled(&cancel, async { JobResult::Advised(found.await.map(Box::new)) }).await
        }
        Job::AdviseWorkload(request) => work.advise_workload(request, &cancel, &report).await,
        Job::TryIndexes { request, specs, building } => {
            work.try_indexes(IndexTrial { request: &request, specs: &specs, building }, &cancel, &report).await
        }
        Job::MeasureBloat { relation, .. } => {
            unless_cancelled(&cancel, async { JobResult::BloatMeasured(work.measure(relation).await) }).await
        }
        Job::Maintain { task, .. } => work.maintain(&task, &cancel, &report).await,
        Job::OpenFile { path } => {
            let read = tokio::task::spawn_blocking(move || own_editor::open(&path));
            let read =
                async { read.await.unwrap_or_else(|error| Err(Failure::new(FailureKind::File, error.to_string()))) };
            unless_cancelled(&cancel, async { JobResult::FileOpened(read.await) }).await
        }
        // The loop lends the terminal to the editor itself.
        Job::EditText { .. } => JobResult::Cancelled,
    }
}

/// Awaits work; what is dropped on a cancel, the cancel queue cancels on the server.
async fn unless_cancelled(cancel: &CancellationToken, work: impl Future<Output = JobResult>) -> JobResult {
    cancel.run_until_cancelled(work).await.unwrap_or(JobResult::Cancelled)
}

impl JobContext {
    fn runner(&self) -> Runner {
        Runner::new(Arc::clone(&self.connector), self.mode, self.cancel_queue.clone())
    }

    fn verifier(&self) -> Verifier {
        Verifier::new(Arc::clone(&self.connector), self.mode, self.cancel_queue.clone())
    }

    async fn explain(&self, request: &ExplainRequest, cancel: &CancellationToken, report: &Reporter) -> JobResult {
        let told = |progress| report.progress(JobProgress::Explaining(progress));
        match self.runner().run(request, told, cancel.cancelled()).await {
            Err(_) if cancel.is_cancelled() => JobResult::Cancelled,
            result => JobResult::Explained(result.map(Box::new)),
        }
    }

    async fn advise_workload(
        &self,
        request: WorkloadRequest,
        cancel: &CancellationToken,
        report: &Reporter,
    ) -> JobResult {
        let target = WorkloadTarget {
            connector: Arc::clone(&self.connector),
            mode: self.mode,
            cancel_queue: self.cancel_queue.clone(),
        };
        let told = |progress| report.progress(JobProgress::Workload(progress));
        let advised = Box::pin(workload::advise(&target, request, &told));
        unless_cancelled(cancel, async { JobResult::WorkloadAdvised(advised.await.map(Box::new)) }).await
    }

    /// Builds indexes, measures, and drops them; a cancelled trial is cleaned up.
    async fn try_indexes(&self, trial: IndexTrial<'_>, cancel: &CancellationToken, report: &Reporter) -> JobResult {
        let IndexTrial { request, specs, building } = trial;
        let started = Instant::now();
        let verifier = self.verifier();
        let tried = cancel.run_until_cancelled(async {
            let mut work = Box::pin(verifier.try_for_real(request, specs, building));
            loop {
                match select(work, Box::pin(tokio::time::sleep(PROGRESS))).await {
                    Either::Left((tried, _)) => return tried,
                    Either::Right(((), going_on)) => work = going_on,
                }
                report.progress(JobProgress::Elapsed(Seconds(started.elapsed().as_secs_f64())));
            }
        });
        if let Some(tried) = tried.await {
            return JobResult::IndexesTried(tried.map(Box::new));
        }
        if let Err(failure) = verifier.clean_up(specs).await {
            let because = failure.because.first().map(|because| format!(": {because}")).unwrap_or_default();
            report.complain(format!("{}{because}", failure.what)).await;
        }
        JobResult::Cancelled
    }

    /// Does what a person agreed to; what a build that was cancelled leaves is dropped.
    async fn maintain(&self, task: &MaintenanceTask, cancel: &CancellationToken, report: &Reporter) -> JobResult {
        if self.mode == Mode::ReadOnly {
            let what = format!("--read-only forbids {}", task.name());
            return JobResult::Maintained(Err(Failure::new(FailureKind::Refused, what)));
        }
        let maintainer =
            Maintainer::new(Arc::clone(&self.connector), self.cancel_queue.clone(), Arc::clone(&self.facts));
        let told = |progress| report.progress(JobProgress::Maintaining(progress));
        let work = Box::pin(maintainer.run(task, told));
        if let Some(done) = cancel.run_until_cancelled(work).await {
            return JobResult::Maintained(done.map(Box::new));
        }
        if let MaintenanceTask::BuildIndexes(indexes) = task {
            for index in indexes {
                if let Err(failure) = maintainer.clean_up(index).await {
                    let because = failure.because.first().map(|because| format!(" ({because})")).unwrap_or_default();
                    report.complain(format!("{}{because}", failure.what)).await;
                }
            }
        }
        JobResult::Cancelled
    }

    /// Measures on a connection of its own, so that cancel and terminate never wait for a scan.
    async fn measure(&self, relation: MeasuredRelation) -> Result<Exact, Missing> {
        let lost = |message: String| Missing::Failed { sqlstate: "none".to_owned(), message };
        let opened = Session::open(self.connector.as_ref(), exact::LIMITS, &self.cancel_queue).await;
        let mut session = opened.map_err(|failure| lost(failure.because.last().cloned().unwrap_or(failure.what)))?;
        exact::measure(&mut session, &self.facts, relation).await.map_err(|gone| lost(gone.why))?
    }
}
