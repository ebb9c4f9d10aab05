//! The jobs under way: begun, cancelled, and their news given to the pane that asked.

use crate::failure::Failure;
use crate::pg::explain::ExplainAnswer;
use crate::ui::text::clean_cut;

use super::job::{JobKind, JobProgress};
use super::{App, Effect, Job, JobId, JobNews, JobResult, Message, PaneRequest, RunningJob, maintenance};

/// Columns of a statement that the journal keeps.
const LOGGED_SQL: usize = 120;

/// Returns what the journal says of an EXPLAIN ANALYZE that ended; nothing of an estimate.
fn analyze_result(done: &Result<Box<ExplainAnswer>, Failure>) -> Option<String> {
    match done {
        Ok(answer) if answer.plan.is_analyzed() => {
            let time = answer.plan.total_time().map(|time| format!(" after {time}")).unwrap_or_default();
            Some(format!("EXPLAIN ANALYZE ended{time}; its transaction was rolled back"))
        }
        Ok(_) => None,
        Err(failure) => Some(format!("EXPLAIN failed: {}", failure.what)),
    }
}

impl App {
    /// Asks the shell to run a job, and tells its pane that it runs.
    pub(super) fn start_job(&mut self, id: JobId, job: Job) {
        let (kind, title) = (job.kind(), job.title());
        if kind == JobKind::Maintain
            && let Some(other) = self.jobs.iter().find(|job| job.kind == kind)
        {
            let text = format!("{} is still running; Esc in {} cancels it", other.title, other.id.pane.title);
            self.message = Some(Message::note(text));
            return;
        }
        match &job {
            Job::Explain(request) if request.options.analyze => {
                let sql = request.sql.split_whitespace().collect::<Vec<_>>().join(" ");
                self.log(format!("EXPLAIN ANALYZE sent: {}", clean_cut(&sql, LOGGED_SQL)));
            }
            Job::MeasureBloat { .. } | Job::Maintain { .. } => {
                if kind == JobKind::Maintain {
                    self.log(format!("started {title}"));
                }
                self.message = Some(Message::note(format!("Running {title}. Esc cancels it on the server")));
            }
            Job::TryIndexes { .. } => self.log(format!("started {title}")),
            _ => {}
        }
        self.jobs.push(RunningJob { id, kind, title, is_cancelling: false });
        self.ask_shell(Effect::Start(id, job));
        self.tell_pane(id, JobNews::Started);
    }

    /// Asks the shell to cancel a job that its pane has given up.
    pub(super) fn cancel_job(&mut self, id: JobId) {
        if let Some(job) = self.jobs.iter_mut().find(|job| job.id == id) {
            job.is_cancelling = true;
            self.ask_shell(Effect::Cancel(id));
        }
    }

    /// Cancels the newest job of the shown pane that a person waits for, or that runs beside; returns whether there is
    /// one.
    pub(super) fn cancel_job_of_pane(&mut self, is_awaited: bool) -> bool {
        let current = self.current();
        let is_it =
            |job: &&RunningJob| job.id.pane == current && job.kind.is_awaited() == is_awaited && !job.is_cancelling;
        let Some((id, title)) = self.jobs.iter().rev().find(is_it).map(|job| (job.id, job.title.clone())) else {
            return false;
        };
        self.message = Some(Message::note(format!("Cancelling {title}")));
        self.cancel_job(id);
        self.tell_pane(id, JobNews::Done(JobResult::Cancelled));
        true
    }

    /// Takes news of a job; the pane that asked drops what it no longer waits for.
    pub(super) fn on_job(&mut self, id: JobId, news: JobNews) {
        if let JobNews::Progress(JobProgress::Maintaining(progress)) = &news
            && let Some(job) = self.jobs.iter().find(|job| job.id == id && !job.is_cancelling)
        {
            self.message = Some(Message::note(maintenance::progress_words(&job.title, progress)));
        }
        if let JobNews::Done(result) = &news {
            let Some(at) = self.jobs.iter().position(|job| job.id == id) else { return };
            let job = self.jobs.remove(at);
            self.say_end(&job, result);
        }
        self.tell_pane(id, news);
    }

    fn say_end(&mut self, job: &RunningJob, result: &JobResult) {
        match result {
            JobResult::Cancelled if job.is_cancelling => {
                let text = format!("Cancelled {}.", job.title);
                self.log(text.clone());
                self.message = Some(Message::note(text));
            }
            JobResult::Explained(done) => {
                if let Some(text) = analyze_result(done) {
                    self.log(text);
                }
            }
            JobResult::IndexesTried(Ok(tried)) => {
                self.log(format!("the trial index was built in {}, measured and dropped", tried.build));
            }
            JobResult::IndexesTried(Err(failure)) => self.log(format!("the index trial failed: {}", failure.what)),
            JobResult::Maintained(done) => {
                let message = maintenance::result(&job.title, done);
                self.log(message.text.clone());
                self.message = Some(message);
                // What is listed is from before.
                self.ask_shell(Effect::ReadNow);
            }
            JobResult::Failed(failure) => {
                self.log(failure.what.clone());
                self.message = Some(Message::bad(failure.what.clone()));
            }
            _ => {}
        }
    }

    fn tell_pane(&mut self, id: JobId, news: JobNews) {
        let request = self.panes.get_mut(id.pane).map_or(PaneRequest::Nothing, |pane| pane.take_job(id, news));
        self.refresh_pane();
        self.grant(request);
    }
}
