//! A plan and all that is said of it, as one document.

use super::{AdvisedTip, TriedPlan, indexes, tip};
use crate::document::{Document, Language, Tone};
use crate::pg::advice::Advised;
use crate::plan::tips::PlanVerdict;
use crate::plan::{Plan, text};

/// Sequential scans that are listed; the rest is counted.
const MOST_SCANS: usize = 10;

/// A plan and all that is said of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WholePlan<'a> {
    /// The plan.
    pub(crate) plan: &'a Plan,
    /// The statement.
    pub(crate) sql: Option<&'a str>,
    /// What is to be said of it as a whole.
    pub(crate) verdict: &'a PlanVerdict,
    /// What is to be known of how it came, one sentence each.
    pub(crate) notices: &'a [String],
    /// Its sequential scans, one sentence each.
    pub(crate) scans: &'a [String],
    /// What was advised; `None` without a server.
    pub(crate) advised: Option<&'a Advised>,
}

/// Adds a plan, and all that is said of it, to a document.
pub(crate) fn whole(document: &mut Document, whole: WholePlan<'_>) {
    if let Some(sql) = whole.sql {
        document.code(Language::Sql, sql);
    }
    document.code(Language::Plan, &text::psql(whole.plan));
    let tone = if whole.verdict.is_fine { Tone::Good } else { Tone::Strong };
    document.text_as(&whole.verdict.sentence, tone);
    document.list(whole.notices.to_vec(), Tone::Plain);
    let mut scans: Vec<String> = whole.scans.iter().take(MOST_SCANS).cloned().collect();
    if let Some(more) = whole.scans.len().checked_sub(MOST_SCANS).filter(|more| *more > 0) {
        scans.push(format!("and {more} more"));
    }
    if !scans.is_empty() {
        document.heading("Sequential scans");
        document.list(scans, Tone::Warning);
    }
    if !whole.verdict.tips.is_empty() {
        document.heading("Tips");
    }
    for (at, hit) in whole.verdict.tips.iter().enumerate() {
        let is_cured = whole.advised.is_some_and(|advised| advised.cures(hit));
        tip::tip(document, whole.plan, at + 1, &AdvisedTip { hit, advice: &hit.advice, is_cured });
    }
    let Some(advised) = whole.advised else { return };
    if !advised.indexes.is_empty() {
        document.heading("Indexes");
    }
    indexes(document, advised, TriedPlan { plan: whole.plan, trial: None });
}
