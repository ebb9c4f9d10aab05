//! What comes back of the pane's jobs: how they stand, that a person has to agree first, or how they ended.

use std::sync::Arc;

use super::plan_view::PlanSource;
use super::run::{After, ExplainRun};
use super::{Explain, with};
use crate::app::{JobId, JobProgress, JobResult, Message, PaneRequest};
use crate::failure::{Failure, FailureKind};
use crate::pg::explain::{Agreed, ExplainAnswer};
use crate::sample::Seconds;

impl Explain {
    /// Begins what a person agreed to.
    pub(super) fn begin(&mut self, id: JobId) {
        if let Some(run) = self.asked.take_if(|run| run.id == id) {
            if let Agreed::To(agreed) = &run.request.agreed {
                self.agreed.clone_from(agreed);
            }
            self.run = Some(run);
            self.failure = None;
        }
        if let Some(trial) = self.trial.as_mut().filter(|trial| trial.id == id) {
            trial.elapsed = Some(Seconds(0.0));
        }
    }

    pub(super) fn take_progress(&mut self, id: JobId, progress: JobProgress) {
        match progress {
            JobProgress::Explaining(progress) => {
                if let Some(run) = self.run.as_mut().filter(|run| run.id == id) {
                    run.progress = progress;
                }
            }
            // That is said below every pane.
            JobProgress::Maintaining(_) | JobProgress::Workload(_) => {}
            JobProgress::Elapsed(elapsed) => {
                if let Some(trial) = self.trial.as_mut().filter(|trial| trial.id == id) {
                    trial.elapsed = Some(elapsed);
                }
            }
        }
    }

    /// Takes how a job ended; one that the pane no longer waits for is passed over.
    pub(super) fn take_result(&mut self, id: JobId, result: JobResult) -> PaneRequest {
        match result {
            JobResult::Explained(Ok(answer)) => {
                if let Some(run) = self.run.take_if(|run| run.id == id) {
                    return self.take_answer(run, *answer);
                }
            }
            JobResult::Parameters(known) => {
                if let Some(run) = self.run.take_if(|run| run.id == id) {
                    return self.ask_values(run.request, known);
                }
            }
            JobResult::Explained(Err(failure)) => {
                if let Some(run) = self.run.take_if(|run| run.id == id) {
                    return self.take_failure(run, failure);
                }
            }
            JobResult::Advised(found) => {
                if self.advising.take_if(|advising| *advising == id).is_some()
                    && let Some(plan_view) = &mut self.plan_view
                {
                    plan_view.take_found(found);
                }
            }
            JobResult::IndexesTried(tried) => self.take_tried(id, tried),
            JobResult::FileOpened(read) => {
                if let Some((_, path)) = self.opening.take_if(|(opening, _)| *opening == id) {
                    return self.take_file(&path, read);
                }
            }
            JobResult::TextEdited(edited) => {
                if self.editor_job.take_if(|editing| *editing == id).is_some() {
                    return self.take_edited(edited);
                }
            }
            JobResult::BloatMeasured(_) | JobResult::Maintained(_) | JobResult::WorkloadAdvised(_) => {}
            JobResult::Cancelled | JobResult::Failed(_) => self.forget_job(id),
        }
        PaneRequest::Nothing
    }

    fn take_edited(&mut self, edited: Result<String, Failure>) -> PaneRequest {
        match edited {
            Ok(text) => {
                self.editor.set(&text);
                self.is_editing = true;
                PaneRequest::Nothing
            }
            Err(failure) => {
                let hint = failure.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
                PaneRequest::Report(Message::bad(format!("{}{hint}", failure.what)))
            }
        }
    }

    /// Waits for a job no more.
    fn forget_job(&mut self, id: JobId) {
        self.run.take_if(|run| run.id == id);
        self.trial.take_if(|trial| trial.id == id);
        self.opening.take_if(|(opening, _)| *opening == id);
        self.editor_job.take_if(|editing| *editing == id);
        if self.advising.take_if(|advising| *advising == id).is_some()
            && let Some(plan_view) = &mut self.plan_view
        {
            plan_view.take_found(Err(Failure::new(FailureKind::Refused, "the search for indexes was cancelled")));
        }
    }

    /// Shows why there is no plan, or asks whether what the statement calls may be called.
    fn take_failure(&mut self, mut run: ExplainRun, failure: Failure) -> PaneRequest {
        if failure.kind != FailureKind::NotAgreed {
            self.failure = Some(failure);
            return PaneRequest::Nothing;
        }
        let pane_request = run.ask_to_agree(self.ids.take(), &failure.because, &self.agreed);
        self.asked = Some(run);
        self.failure = Some(failure.hint("press R, then y, to run it"));
        pane_request
    }

    /// Takes a plan: it is shown, and what follows it is done or asked.
    fn take_answer(&mut self, run: ExplainRun, answer: ExplainAnswer) -> PaneRequest {
        let request = run.request.clone();
        let pane_request = match run.after(&answer.plan, &mut self.ids) {
            After::Nothing => PaneRequest::Nothing,
            After::Run(run, effect) => {
                self.run = Some(*run);
                PaneRequest::Do(effect)
            }
            After::Ask(run, question) => {
                self.asked = Some(*run);
                *question
            }
        };
        self.show(PlanSource::answered(answer, request.parameters.clone()));
        let Some(plan_view) = self.plan_view.as_mut().filter(|_| self.run.is_none()) else { return pane_request };
        plan_view.search(request.clone());
        let before = self.before.as_ref().filter(|before| before.is_same_with_other_values(&plan_view.source));
        let told = before.map(|before| format!("C compares it with the plan for {}", before.shown_values()));
        let pane_request = with(told.map(PaneRequest::Say), pane_request);
        let plan = Arc::clone(&plan_view.source.plan);
        PaneRequest::All(vec![pane_request, self.advise(request, plan)])
    }
}
