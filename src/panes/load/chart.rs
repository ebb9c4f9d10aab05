//! The chart of Load: a series for each slice, in the wait classes' own colours where it is cut by them.

use crate::app::PaneView;
use crate::readings::slices::{Dimension, LoadSamples, TimeWindow};
use crate::sample::Timestamp;
use crate::ui::chart::{Legend, LegendPlace, LoadChart, Point, SessionClass, wait_classes};
use crate::ui::text::clean_cut;
use crate::ui::theme::Role;

/// Seconds after which a moment that was not read is a gap.
const HOLD: f64 = 2.5;
/// Columns of the screen for the name of a series in the legend.
const NAME: usize = 26;
/// Parts of the cursor's moment that are named.
const PARTS: usize = 3;

/// How the series look that are no wait classes; waiting for locks keeps its red to itself.
const SERIES: [(Role, char); 6] = [
    (Role::Accent, 'a'),
    (Role::SqlString, 'b'),
    (Role::SqlNumber, 'c'),
    (Role::SqlName, 'd'),
    (Role::Lwlock, 'e'),
    (Role::Spark, 'f'),
];

/// What is pictured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pictured {
    /// The time that the chart shows.
    pub(super) whole: TimeWindow,
    /// The part of it that the legend is the mean of.
    pub(super) window: TimeWindow,
    /// Whether that is a part which a person zoomed to: it is shown whole, whatever is known of it.
    pub(super) is_zoomed: bool,
    /// What it is cut by.
    pub(super) dimension: Dimension,
}

/// Returns the chart of a stretch of time.
pub(super) fn chart(view: &PaneView<'_>, samples: &LoadSamples, pictured: Pictured) -> LoadChart {
    let Pictured { whole, window, dimension, .. } = pictured;
    let series = samples.series(whole, view.filter, dimension, SERIES.len());
    let classes = if dimension == Dimension::WaitClass {
        wait_classes()
    } else {
        let name = |value| clean_cut(&view.readings.slice_label(dimension, value), NAME);
        let named = series.values.iter().zip(SERIES);
        let named = named.map(|(value, (role, letter))| SessionClass { name: name(value).into(), role, letter });
        named.chain([SessionClass { name: "others".into(), role: Role::Client, letter: 'z' }]).collect()
    };
    let is_shown = |at: Timestamp| window.from.0 < at.0 && at.0 <= window.until.0;
    let mut sums = vec![0.0; classes.len()];
    let mut count = 0.0;
    let points: Vec<Point> = series
        .points
        .into_iter()
        .map(|point| {
            if let Some(active) = point.active.as_ref().filter(|_| is_shown(point.at)) {
                sums.iter_mut().zip(active).for_each(|(sum, value)| *sum += value);
                count += 1.0;
            }
            Point { at: point.at.0, values: point.active, unknown: point.unknown }
        })
        .collect();
    let length = whole.length().0;
    let (span, right) = if pictured.is_zoomed {
        (length, whole.until.0)
    } else {
        crate::panes::chart_time(view, whole.until.0, length)
    };
    let means = sums.into_iter().map(|sum| sum / f64::max(count, 1.0)).collect();
    LoadChart {
        classes,
        points,
        span,
        end: Some(right),
        hold: HOLD * view.newer.cost.second(),
        cursor: view.is_held.then_some(view.newer.at.0),
        legend_place: if dimension == Dimension::WaitClass { LegendPlace::Border } else { LegendPlace::Line },
        legend: if count > 0.0 { Legend::Mean(means) } else { Legend::Moment },
        ..LoadChart::default()
    }
}

/// Says what the moment of the cursor is made of: `51 = Lock 49 · CPU 1`.
pub(super) fn words(chart: &LoadChart, at: Timestamp) -> String {
    let point = chart.points.iter().rev().find(|point| point.at <= at.0 + 0.01);
    let Some(values) = point.and_then(|point| point.values.as_ref()) else { return "not read".to_owned() };
    let total: f64 = values.iter().sum();
    let mut parts: Vec<(&str, f64)> =
        chart.classes.iter().map(|class| class.name.as_ref()).zip(values.iter().copied()).collect();
    parts.retain(|(_, value)| *value > 0.0);
    parts.sort_by(|left, right| right.1.total_cmp(&left.1));
    let named: Vec<String> = parts.iter().take(PARTS).map(|(name, value)| format!("{name} {value:.0}")).collect();
    let more = if parts.len() > PARTS { ", …" } else { "" };
    if named.is_empty() { "none active".to_owned() } else { format!("{total:.0} = {}{more}", named.join(", ")) }
}
