//! A tip: where, its evidence, what to do, why, and when that is wrong.

use crate::document::{Document, Tone};
use crate::plan::Plan;
use crate::plan::text_label::label;
use crate::plan::tips::TipHit;
use crate::sample::Seconds;
use crate::sample::unit::Share;

/// A tip, with what is known besides it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdvisedTip<'a> {
    /// The tip.
    pub(crate) hit: &'a TipHit,
    /// What to do, where more is known than the tip itself knows.
    pub(crate) advice: &'a str,
    /// Whether an advised index cures it: what is saved is then said of the index, once.
    pub(crate) is_cured: bool,
}

/// Adds a tip.
pub(crate) fn tip(document: &mut Document, plan: &Plan, number: usize, tip: &AdvisedTip<'_>) {
    let saving = if tip.is_cured { None } else { saving(plan, tip.hit.saving) };
    document.item(format!("{number}. {}", heading(tip.hit, saving.as_deref())));
    facts(document, plan, tip);
    document.pair_as("source", &source(tip.hit), Tone::Muted);
}

/// Returns what a tip is called: `Rows read and discarded: up to 1.0s (86%)`.
pub(crate) fn heading(hit: &TipHit, saving: Option<&str>) -> String {
    let saving = saving.map(|saving| format!(": {saving}")).unwrap_or_default();
    format!("{}{saving}", capitalized(hit.tip.title))
}

/// Returns what a tip could save at most: `up to 1.0s (86%)`; `None` for a plan without times.
pub(crate) fn saving(plan: &Plan, saving: Seconds) -> Option<String> {
    let total = plan.total_time().filter(|total| total.0 > 0.0 && saving.0 > 0.0)?;
    Some(format!("up to {saving} ({})", Share((saving.0 / total.0).min(1.0))))
}

/// Adds where a tip was seen, its evidence, what to do, why, and when that is wrong.
fn facts(document: &mut Document, plan: &Plan, tip: &AdvisedTip<'_>) {
    place(document, plan, tip.hit);
    document.pair_as("do", tip.advice, Tone::Accent);
    reasons(document, tip.hit);
}

/// Adds where a tip was seen, and its evidence.
pub(crate) fn place(document: &mut Document, plan: &Plan, hit: &TipHit) {
    if let Some(node) = hit.node.and_then(|id| plan.node(id)) {
        let others = match hit.others {
            0 => String::new(),
            1 => ", and 1 other node".to_owned(),
            others => format!(", and {others} other nodes"),
        };
        document.pair("at", &format!("{}{others}", label(node).trim()));
    }
    document.pair("evidence", &hit.seen);
}

/// Adds why a tip is given, and when it is wrong.
pub(crate) fn reasons(document: &mut Document, hit: &TipHit) {
    document.pair_as("why", hit.tip.why, Tone::Muted);
    document.pair_as("wrong if", hit.tip.wrong, Tone::Muted);
}

/// Returns where a tip comes from, with its name.
pub(crate) fn source(hit: &TipHit) -> String {
    format!("{} ({})", hit.tip.source, hit.tip.id)
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
