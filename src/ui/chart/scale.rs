//! Round numbers for axes: values and times.

/// Rows between two labels of the axis.
const ROWS_BETWEEN: u16 = 2;

/// How far above the values a limit may be and still be drawn: beyond, it would flatten them.
const REACH: f64 = 2.5;

/// Columns for a time and the blanks around it.
const TIME_WIDTH: u16 = 12;

/// The axis of values.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Scale {
    /// The value at the top.
    pub(super) top: f64,
    /// The distance of two labels.
    step: f64,
}

impl Scale {
    /// Returns a scale that holds the greatest value, and the limit where that is within reach.
    pub(super) fn over(greatest: f64, limit: Option<f64>, rows: u16) -> Self {
        let near = limit.filter(|limit| *limit <= greatest.max(1.0) * REACH).unwrap_or(0.0);
        let greatest = greatest.max(near).max(1.0);
        let labels = (rows / ROWS_BETWEEN).clamp(1, 6);
        let step = round_up(greatest / f64::from(labels));
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

/// Returns the next of 1, 2, 5, 10, … (and 0.5, 0.2, …) that is no less.
fn round_up(value: f64) -> f64 {
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= value * 0.999).unwrap_or(value)
}

/// Returns a label of the axis.
pub(super) fn number(value: f64) -> String {
    if value.fract().abs() < 1e-9 { format!("{value:.0}") } else { format!("{value:.1}") }
}

/// Returns a value of the legend.
pub(super) fn value(value: f64) -> String {
    if value == 0.0 || value >= 99.5 { format!("{value:.0}") } else { format!("{value:.1}") }
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

/// Returns the distance of two times in seconds: the least round one whose labels have room.
pub(super) fn time_step(span: f64, width: u16) -> f64 {
    let labels = f64::from((width / TIME_WIDTH).max(1));
    let least = span / labels;
    [
        1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10800.0, 21600.0,
        43200.0,
    ]
    .into_iter()
    .find(|step| *step >= least)
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
            (1234.0, None, 3, 2000.0),
        ] {
            assert!((Scale::over(greatest, limit, rows).top - top).abs() < 1e-9, "{greatest} {limit:?} {rows}");
        }
    }

    #[test]
    fn times_are_round_and_have_room() {
        assert!((time_step(300.0, 60) - 60.0).abs() < 1e-9);
        assert!((time_step(3600.0, 150) - 300.0).abs() < 1e-9);
        assert_eq!(clock(3661.0, 60.0), "01:01");
        assert_eq!(clock(3661.0, 10.0), "01:01:01");
        assert_eq!(clock(-1.0, 1.0), "23:59:59");
    }
}
