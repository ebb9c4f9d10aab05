//! Which two plans are put side by side: those of a trial, the one that was kept, or the planner's own.

use std::sync::Arc;

use super::compare::{Compared, Comparison, compare};
use super::deck::DeckPart;
use super::plan_view::PlanSource;
use super::{Explain, PlanMode};
use crate::app::PaneRequest;
use crate::ui::theme::Role;

/// The keys below the code of an index that was not built.
const PLANNED_KEYS: &[(&str, &str)] =
    &[("y", "copy code"), ("w", "write migration"), ("B", "try it for real"), ("Esc", "back to the plan")];

impl Explain {
    /// Keeps the plan that is shown as the one before.
    pub(super) fn keep(&mut self) -> PaneRequest {
        let Some(plan_view) = &self.plan_view else { return PaneRequest::Say("No plan to keep".to_owned()) };
        self.before = Some(Arc::clone(&plan_view.source));
        self.comparison = None;
        PaneRequest::Say("Plan kept. Change something, press R to run it again, then C to compare".to_owned())
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

    /// Whether there is something to compare.
    pub(super) fn can_compare(&self) -> bool {
        let Some(plan_view) = &self.plan_view else { return false };
        let is_tried = plan_view.tried.as_ref().is_some_and(|trial| trial.tried.is_ok());
        let is_kept = self.before.as_ref().is_some_and(|before| !Arc::ptr_eq(before, &plan_view.source));
        is_tried || is_kept || plan_view.search.planned().is_some()
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
        let compared = Compared {
            title: "Before and after".to_owned(),
            facts: vec![("before", said(before), Role::Text), ("after", said(&plan_view.source), Role::Text)],
            ..Compared::default()
        };
        self.show_comparison(compare(&before.plan, &plan_view.source.plan, compared, &self.glyphs));
        true
    }

    /// The planner's plans without and with the first index that it was asked about.
    fn compare_hypothetical(&mut self) -> bool {
        let found = self.plan_view.as_ref().and_then(|plan_view| plan_view.search.planned());
        let Some((at, verified, before, after)) = found else { return false };
        let code = self.plan_view.as_ref().and_then(|plan_view| plan_view.search.code_card(at));
        let compared = Compared {
            title: format!("Without and with index {}, not built", at + 1),
            facts: vec![("how", verified.evidence.words(), Role::Text)],
            index: Some(at),
            after: code.map(|card| DeckPart::Card(card.keys(PLANNED_KEYS))).into_iter().collect(),
            ..Compared::default()
        };
        self.show_comparison(compare(before, after, compared, &self.glyphs));
        true
    }

    pub(super) fn show_comparison(&mut self, comparison: Comparison) {
        self.compared.rewind();
        self.comparison = Some(comparison);
        self.mode = PlanMode::Compare;
    }
}
