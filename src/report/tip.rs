//! A tip: where, its evidence, what to do, why, and when that is wrong.

use crate::document::{Document, Tone};
use crate::plan::Plan;
use crate::plan::text_label::label;
use crate::plan::tips::TipHit;
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
    let AdvisedTip { hit, advice, is_cured } = *tip;
    let total = plan.total_time().filter(|total| total.0 > 0.0 && hit.saving.0 > 0.0 && !is_cured);
    let saving = total.map(|total| format!(": up to {} ({})", hit.saving, Share((hit.saving.0 / total.0).min(1.0))));
    document.item(format!("{number}. {}{}", capitalized(hit.tip.title), saving.unwrap_or_default()));
    if let Some(node) = hit.node.and_then(|id| plan.node(id)) {
        let others = match hit.others {
            0 => String::new(),
            1 => ", and 1 other node".to_owned(),
            others => format!(", and {others} other nodes"),
        };
        document.pair("at", &format!("{}{others}", label(node).trim()));
    }
    document.pair("evidence", &hit.seen);
    document.pair_as("do", advice, Tone::Accent);
    document.pair_as("why", hit.tip.why, Tone::Muted);
    document.pair_as("wrong if", hit.tip.wrong, Tone::Muted);
    document.pair_as("source", &format!("{} ({})", hit.tip.source, hit.tip.id), Tone::Muted);
}

fn capitalized(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
