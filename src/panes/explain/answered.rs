//! What the server said to an EXPLAIN: how it stands, that a person has to agree first, or the plan.

use std::sync::Arc;

use super::run::{After, Run, Step};
use super::sheet::Source;
use super::{Explain, with};
use crate::app::{Effect, Wish};
use crate::failure::Failure;
use crate::pg::explain::{Agreed, Answer, Progress};

impl Explain {
    /// Takes how the EXPLAIN under way stands; the first word of one that was asked about is its beginning.
    pub(super) fn take_progress(&mut self, progress: Progress) {
        if let Some(run) = &mut self.run {
            run.progress = progress;
        } else if let Some(asked) = self.asked.take() {
            if let Agreed::To(agreed) = &asked.request.agreed {
                self.agreed.clone_from(agreed);
            }
            self.run = Some(asked);
            self.failure = None;
        } else if self.filling.is_none() {
            let request = self.request(self.options);
            self.run = Some(Run { request, step: Step::Real, progress });
            self.failure = None;
        }
    }

    /// Asks whether what the statement calls may be called; says what it is if nobody agrees.
    pub(super) fn ask_to_agree(&mut self, failure: Failure) -> Wish {
        let Some(mut run) = self.run.take() else { return Wish::Nothing };
        let wish = run.ask_to_agree(&failure.because, &self.agreed);
        self.asked = Some(run);
        self.failure = Some(failure.hint("press R to be asked again"));
        wish
    }

    /// Takes a plan: it is shown, and what follows it is done or asked.
    pub(super) fn take_answer(&mut self, answer: Answer) -> Wish {
        let run = self.run.take();
        let request = run.as_ref().map(|run| run.request.clone());
        let wish = match run.map_or(After::Nothing, |run| run.after(&answer.plan)) {
            After::Nothing => Wish::Nothing,
            After::Run(run, effect) => {
                self.run = Some(run);
                Wish::Do(effect)
            }
            After::Ask(run, question) => {
                self.asked = Some(run);
                question
            }
        };
        let values = request.as_ref().map(|request| request.parameters.clone()).unwrap_or_default();
        self.show(Source::answered(answer, values));
        let Some((request, sheet)) = request.zip(self.sheet.as_mut()).filter(|_| self.run.is_none()) else {
            return wish;
        };
        sheet.search(request.clone());
        let before = self.before.as_ref().filter(|before| before.is_same_with_other_values(&sheet.source));
        let told = before.map(|before| format!("c compares it with the plan for {}", before.shown_values()));
        let wish = with(told.map(Wish::Say), wish);
        let suggest = Effect::Suggest { request: Box::new(request), plan: Arc::clone(&sheet.source.plan) };
        Wish::All(vec![wish, Wish::Do(suggest)])
    }
}
