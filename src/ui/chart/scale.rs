//! Round numbers for axes: values and times.

use super::Limit;

/// Rows between two labels of the axis.
const ROWS_BETWEEN: u16 = 2;

/// Columns from one time to the next: its digits, and about as much of the border.
const TIME_WIDTH: u16 = 12;
const TIME_WIDTH_WITH_SECONDS: u16 = 20;

/// The axis of values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    /// The value at the top.
    pub(super) top: f64,
    /// The distance of two labels.
    step: f64,
}

impl Scale {
    /// Returns a scale that holds the greatest value, and the limits that are within reach.
    pub(super) fn over(greatest: f64, limits: &[Limit], rows: u16) -> Self {
        let greatest = greatest.max(1.0);
        let near = limits.iter().filter(|limit| limit.value <= greatest * limit.reach).map(|limit| limit.value);
        let greatest = near.fold(greatest, f64::max);
        let labels = (rows / ROWS_BETWEEN).clamp(1, 6);
        // One or two labels alone are to be near the values.
        let round: &[f64] =
            if labels > 2 { &[1.0, 2.0, 5.0, 10.0] } else { &[1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0] };
        // Of sessions, parts finer than halves say nothing.
        let step = round_up(greatest / f64::from(labels), round).max(0.5);
        Self { top: (greatest / step * 2.0 - 0.001).ceil() * step / 2.0, step }
    }

    /// Returns the values that have a label, but not zero, which is the bottom.
    pub(super) fn ticks(&self) -> impl Iterator<Item = f64> {
        let count = (self.top / self.step + 0.001).floor() as u32;
        let step = self.step;
        (1..=count).map(move |at| f64::from(at) * step)
    }

    /// Returns the columns the labels need.
    pub(super) fn label_width(&self) -> u16 {
        self.ticks().map(|tick| number(tick).len()).max().unwrap_or(1) as u16
    }
}

/// Returns the next of the round factors, times a power of ten, that is no less.
fn round_up(value: f64, round: &[f64]) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    round.iter().map(|factor| factor * power).find(|step| *step >= value * 0.999).unwrap_or(value)
}

/// Returns a label of the axis.
pub(super) fn number(value: f64) -> String {
    if value.fract().abs() < 1e-9 { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// Returns an average with three digits at most: what is more than nothing is not written as nothing.
pub(crate) fn average(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        _ if value >= 9.95 => format!("{value:.0}"),
        _ if value >= 0.995 => format!("{value:.1}"),
        _ if value >= 0.005 => format!("{value:.2}"),
        _ => "<0.01".to_owned(),
    }
}

/// Lengths of time that a chart grows through until it shows its whole span, in seconds: near enough to each other that
/// no more than three eighths of it are empty, far enough apart that it seldom moves.
const GROWING: [f64; 15] =
    [6.0, 9.0, 14.0, 22.0, 35.0, 56.0, 90.0, 140.0, 220.0, 350.0, 560.0, 900.0, 1400.0, 2200.0, 3500.0];

/// Returns the time that a chart shows of which so much is known: all of it, until that is `most`.
pub(crate) fn span_for(known: f64, most: f64) -> f64 {
    GROWING.into_iter().find(|span| *span >= known).unwrap_or(most).min(most)
}

/// Returns the distance of two times in seconds: the least round one whose labels have room.
pub(super) fn time_step(span: f64, width: u16) -> f64 {
    let has_room = |step: &f64| {
        let each = if *step < 60.0 { TIME_WIDTH_WITH_SECONDS } else { TIME_WIDTH };
        *step * f64::from((width / each).max(1)) >= span
    };
    [
        1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10800.0, 21600.0,
        43200.0,
    ]
    .into_iter()
    .find(has_room)
    .unwrap_or(86400.0)
}

/// Returns the time of day as `12:05`, with seconds where times are less than a minute apart.
pub(super) fn clock(local: f64, step: f64) -> String {
    // As every other time of day; a round moment that was calculated may be a hair less.
    let second = (local + 1e-3).rem_euclid(86400.0).floor() as u32 % 86400;
    let (hours, minutes, seconds) = (second / 3600, second / 60 % 60, second % 60);
    if step < 60.0 { format!("{hours:02}:{minutes:02}:{seconds:02}") } else { format!("{hours:02}:{minutes:02}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        for (greatest, limit, rows, top) in [
            (0.0, None, 8, 1.0),
            (3.2, None, 8, 3.5),
            (3.2, Some(8.0), 8, 8.0),
            (3.2, Some(64.0), 8, 3.5),
            (87.0, None, 12, 90.0),
            (1234.0, None, 3, 1500.0),
            (12.0, None, 3, 15.0),
        ] {
            let limit: Vec<Limit> = limit
                .map(|value| Limit { value, label: String::new(), reach: 2.5, role: crate::ui::theme::Role::Warning })
                .into_iter()
                .collect();
            assert!((Scale::over(greatest, &limit, rows).top - top).abs() < 1e-9, "{greatest} {limit:?} {rows}");
        }
    }

    #[test]
    fn a_chart_is_never_half_empty_once_it_has_begun() {
        for known in (4..4000).map(f64::from) {
            let span = span_for(known, 3600.0);
            assert!(span <= 3600.0 && known.min(3600.0) / span > 0.62, "{known} of {span}");
        }
        assert_eq!([span_for(0.0, 300.0), span_for(241.0, 300.0), span_for(9e9, 300.0)], [6.0, 300.0, 300.0]);
    }

    #[test]
    fn times_are_round_and_have_room() {
        assert!((time_step(300.0, 60) - 60.0).abs() < 1e-9);
        assert!((time_step(300.0, 150) - 60.0).abs() < 1e-9, "seconds need more room");
        assert!((time_step(60.0, 150) - 10.0).abs() < 1e-9);
        assert!((time_step(3600.0, 150) - 300.0).abs() < 1e-9);
        assert_eq!(clock(3661.0, 60.0), "01:01");
        assert_eq!(clock(3661.0, 10.0), "01:01:01");
        assert_eq!(clock(-1.0, 1.0), "23:59:59");
    }
}
