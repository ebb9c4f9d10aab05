//! Which two plans are put side by side: those of a trial, the one that was kept, or the planner's own.

use std::sync::Arc;

use super::compare::{Comparison, compare};
use super::plan_view::PlanSource;
use super::{Explain, PlanMode};
use crate::app::PaneRequest;
use crate::app::list::List;
use crate::ui::theme::Role;

impl Explain {
    /// Keeps the plan that is shown as the one before.
    pub(super) fn keep(&mut self) -> PaneRequest {
        let Some(plan_view) = &self.plan_view else { return PaneRequest::Say("No plan to keep".to_owned()) };
        self.before = Some(Arc::clone(&plan_view.source));
        self.comparison = None;
        PaneRequest::Say("Plan kept. Change something, press R to run it again, then c to compare".to_owned())
    }

    /// Compares what there is to compare: the measured plans of a trial, the plan that was kept, or the planner's plans
    /// without and with an index that is not there.
    pub(super) fn toggle_compare(&mut self) -> PaneRequest {
        if self.mode == PlanMode::Compare {
            self.mode = PlanMode::Tree;
            return PaneRequest::Nothing;
        }
        if self.compare_tried() || self.compare_kept() || self.compare_hypothetical() {
            return PaneRequest::Nothing;
        }
        PaneRequest::Say(match (&self.before, &self.plan_view) {
            (Some(_), Some(_)) => "This is the kept plan; press R to run it again, then compare".to_owned(),
            _ => "Press b to keep a plan first, then run another and compare".to_owned(),
        })
    }

    fn compare_kept(&mut self) -> bool {
        let (Some(before), Some(plan_view)) = (&self.before, &self.plan_view) else { return false };
        if Arc::ptr_eq(before, &plan_view.source) {
            return false;
        }
        let said = |source: &PlanSource| match source.shown_values() {
            values if values.is_empty() => source.from.clone(),
            values => format!("{} with {values}", source.from),
        };
        let about = vec![
            ("before: ".to_owned(), Role::Muted),
            (said(before), Role::Text),
            ("  after: ".to_owned(), Role::Muted),
            (said(&plan_view.source), Role::Text),
        ];
        let comparison = compare(&before.plan, &plan_view.source.plan, &self.glyphs).about(about);
        self.show_comparison(comparison);
        true
    }

    /// The planner's plans without and with the first index that it was asked about.
    fn compare_hypothetical(&mut self) -> bool {
        let found = self.plan_view.as_ref().and_then(|plan_view| plan_view.search.planned());
        let Some((at, verified, before, after)) = found else { return false };
        let about =
            vec![(format!("index {}, not built: ", at + 1), Role::Accent), (verified.evidence.words(), Role::Muted)];
        let comparison = compare(before, after, &self.glyphs).about(about);
        self.show_comparison(comparison);
        true
    }

    pub(super) fn show_comparison(&mut self, comparison: Comparison) {
        self.compared = List::default();
        self.compared.refresh(comparison.grid.clone());
        self.comparison = Some(comparison);
        self.mode = PlanMode::Compare;
    }
}
