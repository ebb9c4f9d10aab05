//! What the pane says of its choices and of how much it knows.

use super::CHART_BY;
use crate::app::{Action, Choice, PaneRequest};
use crate::readings::slices::{Dimension, SampleCount};
use crate::sample::Seconds;
use crate::sample::unit::counted;
use crate::ui::dialog::PickItem;

/// Offers what the load can be cut by.
pub(super) fn choice(of: Action, title: &'static str, now: Dimension) -> PaneRequest {
    let item = |dimension: &Dimension| PickItem::new(dimension.name(), dimension.about());
    let selected = Dimension::ALL.iter().position(|dimension| *dimension == now).unwrap_or(0);
    let key = if of == CHART_BY { "d" } else { "D" };
    PaneRequest::Pick(Choice { of, title, items: Dimension::ALL.iter().map(item).collect(), selected, key })
}

/// Returns the dimension of which the table names the largest slice in each row.
pub(super) fn beside(dimension: Dimension) -> Dimension {
    if dimension == Dimension::Statement { Dimension::View } else { Dimension::Statement }
}

/// Says how many samples a window has, how far apart they are, and whether some are missing.
pub(super) fn sample_words(count: &SampleCount) -> String {
    let samples = counted(count.taken, "sample", "samples");
    let of = count.resolution.map(|Seconds(each)| {
        if (each - each.round()).abs() < 0.05 { format!(" of {each:.0} s") } else { format!(" of {each:.1} s") }
    });
    let missed = match (count.taken, count.missed) {
        (0 | 1, 0) => String::new(),
        (_, 0) => ", none missed".to_owned(),
        (_, missed) => format!(", {missed} missed"),
    };
    format!("{samples}{}{missed}", of.unwrap_or_default())
}

/// Returns a span in whole minutes or hours.
pub(super) fn span_words(seconds: f64) -> String {
    if seconds < 3600.0 {
        counted((seconds / 60.0).round() as usize, "minute", "minutes")
    } else {
        counted((seconds / 3600.0).round() as usize, "hour", "hours")
    }
}
