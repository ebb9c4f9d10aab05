//! Sparklines: a small history in a line of text, where nothing read is not zero.

use super::glyphs::Glyphs;

/// Returns the last `width` values as a line of exactly `width` columns, the newest on the right.
///
/// A value that was not read is a blank, zero is the lowest step. The scale begins at zero and ends at the greatest value
/// shown, or at `most` where that is greater: two lines with the same `most` can be compared.
pub(crate) fn spark(values: &[Option<f64>], width: usize, most: f64, glyphs: &Glyphs) -> String {
    let shown = values.get(values.len().saturating_sub(width)..).unwrap_or_default();
    let known = shown.iter().flatten().copied().filter(|value| value.is_finite());
    let top = known.fold(most.max(0.0), f64::max);
    let mut line = " ".repeat(width - shown.len());
    for value in shown {
        line.push_str(step(*value, top, glyphs));
    }
    line
}

/// Returns the step of a value between nothing and `top`.
fn step(value: Option<f64>, top: f64, glyphs: &Glyphs) -> &'static str {
    let Some(value) = value.filter(|value| value.is_finite()) else { return " " };
    let share = if top > 0.0 { (value / top).clamp(0.0, 1.0) } else { 0.0 };
    // The highest step stays below the line above, so that rows do not run together.
    let eighths = 1 + (share * 6.0).round() as usize;
    glyphs.rising.get(eighths).copied().unwrap_or(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::glyphs::{ASCII, UNICODE};

    #[test]
    fn values_become_steps_and_gaps_stay_gaps() {
        for (values, width, most, line) in [
            (vec![Some(0.0), Some(4.0), Some(8.0)], 3, 0.0, "▁▄▇"),
            (vec![Some(1.0), None, Some(1.0)], 5, 0.0, "  ▇ ▇"),
            (vec![Some(0.0), Some(0.0)], 2, 0.0, "▁▁"),
            (vec![Some(1.0), Some(2.0), Some(3.0)], 2, 6.0, "▃▄"),
            (vec![Some(f64::NAN), Some(-1.0), Some(1.0)], 3, 0.0, " ▁▇"),
            (vec![], 4, 0.0, "    "),
        ] {
            assert_eq!(spark(&values, width, most, &UNICODE), line, "{values:?}");
        }
        assert_eq!(spark(&[Some(0.0), Some(1.0)], 2, 0.0, &ASCII), ".#");
    }
}
