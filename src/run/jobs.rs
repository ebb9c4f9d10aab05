//! Long work for the console: one job of a kind at a time, each in a task that can be cancelled.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::work::{JobContext, perform};
use crate::app::{Event, Job, JobId, JobKind, JobNews, JobResult};
use crate::failure::{Failure, FailureKind};
use crate::pg::control::Mode;
use crate::pg::session::{Connector, cancel_queue};
use crate::sample::ServerFacts;

/// News that may wait for the loop.
const ROOM: usize = 32;

/// Runs jobs.
pub(super) struct JobRunner {
    work: JobContext,
    cancel_work: JoinHandle<()>,
    running: Vec<Running>,
    news: mpsc::Sender<Event>,
}

/// A job whose task has not been seen to end.
struct Running {
    id: JobId,
    kind: JobKind,
    cancel: CancellationToken,
    task: JoinHandle<()>,
}

impl JobRunner {
    /// Nothing runs yet; news of the jobs comes out of the channel.
    pub(super) fn new(connector: Arc<dyn Connector>, mode: Mode) -> (Self, mpsc::Receiver<Event>) {
        let (news, heard) = mpsc::channel(ROOM);
        let (cancel_queue, cancel_work) = cancel_queue();
        let facts = Arc::new(ServerFacts { target: connector.target(), ..ServerFacts::default() });
        let work = JobContext { connector, mode, cancel_queue, facts };
        (Self { work, cancel_work: tokio::spawn(cancel_work), running: Vec::new(), news }, heard)
    }

    /// Keeps what the server has: a job that starts later goes by it.
    pub(super) fn learn(&mut self, facts: &Arc<ServerFacts>) {
        self.work.facts = Arc::clone(facts);
    }

    /// Begins a job; an older one of its kind is cancelled.
    pub(super) fn start(&mut self, id: JobId, job: Job) {
        self.running.retain(|running| !running.task.is_finished());
        let kind = job.kind();
        for running in self.running.iter().filter(|running| running.kind == kind) {
            running.cancel.cancel();
        }
        // Trial indexes bear the name of the process, so what is left of an older trial goes first.
        let is_older = |running: &Running| kind == JobKind::TryIndexes && running.kind == kind;
        let older = self.running.extract_if(.., |running| is_older(running)).map(|running| running.task).collect();
        let cancel = CancellationToken::new();
        let report = Reporter { id, news: self.news.clone() };
        let title = job.title();
        let performing = perform(job, self.work.clone(), cancel.clone(), report.clone());
        let task = tokio::spawn(run(performing, title, older, report));
        self.running.push(Running { id, kind, cancel, task });
    }

    /// Cancels a job; that it has ended is heard like any other end.
    pub(super) fn cancel(&self, id: JobId) {
        for running in self.running.iter().filter(|running| running.id == id) {
            running.cancel.cancel();
        }
    }

    /// Cancels every job, and waits until the server knows and nothing of a trial is left.
    pub(super) async fn stop(self) {
        let Self { work, cancel_work, running, news } = self;
        // Nobody listens any more.
        drop(news);
        for job in &running {
            job.cancel.cancel();
        }
        for job in running {
            drop(job.task.await);
        }
        drop(work);
        drop(cancel_work.await);
    }
}

/// Performs a job after older ones have ended, and tells how it ended even if it panics.
async fn run(
    performing: impl Future<Output = JobResult> + Send + 'static,
    title: String,
    older: Vec<JoinHandle<()>>,
    report: Reporter,
) {
    for task in older {
        drop(task.await);
    }
    let result = tokio::spawn(performing).await.unwrap_or_else(|error| {
        JobResult::Failed(Failure::new(FailureKind::Refused, format!("a fault in pgdj ended {title}: {error}")))
    });
    report.end(result).await;
}

/// Tells how far one job is, and how it ended.
#[derive(Clone)]
pub(super) struct Reporter {
    id: JobId,
    news: mpsc::Sender<Event>,
}

impl Reporter {
    /// Tells how far it is; a console that is busy hears the next time.
    pub(super) fn progress(&self, progress: crate::app::JobProgress) {
        drop(self.news.try_send(Event::Job(self.id, JobNews::Progress(progress))));
    }

    /// Tells how it ended; a console that is leaving does not listen.
    async fn end(&self, result: JobResult) {
        drop(self.news.send(Event::Job(self.id, JobNews::Done(result))).await);
    }

    /// Says something that went wrong beside the job's own result.
    pub(super) async fn complain(&self, text: String) {
        drop(self.news.send(Event::Done(crate::app::Outcome::Bad(text))).await);
    }
}
