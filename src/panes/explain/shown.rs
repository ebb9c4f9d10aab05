//! How a plan comes to be shown: from the server, pasted, or from a file; and the search for its indexes.

use std::sync::Arc;

use super::plan_view::{PlanSource, PlanView};
use super::{Explain, PlanMode, with};
use crate::app::{Effect, Job, PaneRequest};
use crate::failure::{Failure, FailureKind};
use crate::pg::explain::{ExplainRequest, Options};
use crate::plan::{Plan, parse};

impl Explain {
    pub(super) fn show_pasted(&mut self, text: &str) -> PaneRequest {
        let parsed = parse(text);
        let notes: Vec<String> = parsed.troubles.iter().map(ToString::to_string).collect();
        let others = parsed.plans.len().saturating_sub(1);
        let Some(plan) = parsed.plans.into_iter().next_back() else {
            let what = notes.into_iter().next().unwrap_or_else(|| "there is no plan in this text".to_owned());
            self.failure = Some(
                Failure::new(FailureKind::Refused, what)
                    .hint("paste EXPLAIN's output in FORMAT JSON or TEXT, or an auto_explain entry, whole"),
            );
            self.is_editing = false;
            return PaneRequest::Nothing;
        };
        // R runs what the editor holds: the statement of this plan, or nothing where the plan does not say it.
        self.editor.set(plan.query.as_deref().unwrap_or_default());
        self.is_editing = false;
        self.show(PlanSource::pasted(plan, notes));
        let suggest = self.search_pasted();
        match others {
            0 => suggest,
            others => with(Some(suggest), PaneRequest::Say(format!("The last of {} plans is shown", others + 1))),
        }
    }

    /// Looks for indexes for a plan from elsewhere: in the catalog of this server, which may know its tables.
    pub(super) fn search_pasted(&mut self) -> PaneRequest {
        let options = Options { analyze: false, ..self.options };
        let request = ExplainRequest { sql: String::new(), ..self.request(options) };
        let Some(plan_view) = &mut self.plan_view else { return PaneRequest::Nothing };
        let request = ExplainRequest { sql: plan_view.source.sql.clone(), ..request };
        plan_view.search_for_pasted();
        let plan = Arc::clone(&plan_view.source.plan);
        self.advise(request, plan)
    }

    pub(super) fn advise(&mut self, request: ExplainRequest, plan: Arc<Plan>) -> PaneRequest {
        let id = self.ids.take();
        self.advising = Some(id);
        PaneRequest::Do(Effect::Start(id, Job::Advise { request: Box::new(request), plan }))
    }

    pub(super) fn show(&mut self, source: PlanSource) {
        self.failure = None;
        self.advising = None;
        self.mode = PlanMode::Tree;
        self.comparison = None;
        let mut plan_view = PlanView::new(source);
        plan_view.queryid = self.queryid();
        self.plan_view = Some(plan_view);
        self.refresh_node();
    }
}
