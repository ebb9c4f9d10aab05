//! Bars: a share as a part of a cell, and a labelled gauge with its verdict.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::frame::{TextPart, draw_parts, parts_width};
use super::glyphs::{Glyphs, Health};
use super::text;
use super::theme::{Role, Theme};

/// The narrowest bar that still says something.
const LEAST_BAR: usize = 4;

/// The widest bar; more is no more exact to the eye.
const WIDEST_BAR: usize = 24;

/// A quantity against its limit.
#[derive(Debug, Clone, PartialEq)]
pub struct Gauge<'a> {
    /// What it is: `connections`.
    pub label: &'a str,
    /// The part of the limit, 0..=1; `None` where it is not known.
    pub share: Option<f64>,
    /// The figures as they are written: `87/100`.
    pub figures: &'a str,
    /// The verdict, which decides colour and sign; `None` for a bar without one.
    pub health: Option<Health>,
}

/// Returns a share as a bar of exactly `width` columns, in halves of a column; a share over nothing shows at least one half.
pub(crate) fn bar(share: f64, width: usize, glyphs: &Glyphs) -> String {
    let (filled, half) = halves(share, width);
    let [whole, part, nothing] = glyphs.bar;
    let rest = width - filled - half;
    format!("{}{}{}", whole.repeat(filled), part.repeat(half), nothing.repeat(rest))
}

/// Returns the whole columns and the half ones (none or one) of a share.
fn halves(share: f64, width: usize) -> (usize, usize) {
    let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
    let halves = (share * width as f64 * 2.0).round() as usize;
    let halves = if share > 0.0 && width > 0 { halves.max(1) } else { halves };
    (halves / 2, halves % 2)
}

/// Returns a meter of a share, 0..=1, on a faint rail; [`warm`] gives it its colour.
pub(crate) fn meter(share: f64, width: usize, glyphs: &Glyphs) -> [TextPart; 2] {
    let (filled, half) = halves(share, width);
    let [whole, part, _] = glyphs.bar;
    let rest = glyphs.rail.repeat(width - filled - half);
    [(whole.repeat(filled) + &part.repeat(half), Role::Bar), (rest, Role::Faint)]
}

/// Gives the filled part of a meter the colour of how much that is, 0..=1.
pub(crate) fn warm(buffer: &mut Buffer, filled: Rect, heat: f64, theme: &Theme) {
    buffer.set_style(filled.intersection(buffer.area), theme.ramp(heat));
}

impl Gauge<'_> {
    /// Draws the gauge on one line: label, bar, sign and figures. Where there is little room the bar goes first, then the label.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let area = area.intersection(buffer.area);
        if area.is_empty() {
            return;
        }
        let width = usize::from(area.width);
        let verdict = self.health.filter(|health| *health != Health::Good);
        let sign = verdict.map(|health| format!("{} ", theme.glyphs.sign(health))).unwrap_or_default();
        let fixed = text::width(self.label) + 1 + text::width(&sign) + text::width(self.figures);
        let bar_width = width.saturating_sub(fixed + 1).min(WIDEST_BAR);
        let mut parts: Vec<TextPart> = Vec::new();
        if fixed <= width {
            parts.push((format!("{} ", self.label), Role::Muted));
        }
        let mut filled = Rect { width: 0, height: 1, ..area };
        if let Some(share) = self.share.filter(|_| bar_width >= LEAST_BAR) {
            let [full, rest] = meter(share, bar_width, &theme.glyphs);
            filled.x += parts_width(&parts) as u16;
            filled.width = text::width(&full.0) as u16;
            parts.extend([full, rest, (" ".to_owned(), Role::Text)]);
        }
        parts.push((format!("{sign}{}", self.figures), verdict.map_or(Role::Text, Role::of)));
        draw_parts(buffer, area, &parts, theme);
        warm(buffer, filled, self.share.unwrap_or_default(), theme);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::glyphs::{ASCII, UNICODE};
    use crate::ui::snapshot::lines;

    #[test]
    fn a_bar_fills_its_columns_exactly() {
        for (share, width, expected) in [
            (0.0, 4, "    "),
            (0.5, 4, "━━  "),
            (0.63, 4, "━━╸ "),
            (1.0, 4, "━━━━"),
            (7.0, 2, "━━"),
            (0.001, 4, "╸   "),
            (f64::NAN, 2, "  "),
        ] {
            assert_eq!(bar(share, width, &UNICODE), expected, "{share}");
        }
        assert_eq!(bar(0.5, 4, &ASCII), "==  ");
        assert_eq!(bar(0.01, 4, &ASCII), "-   ");
    }

    #[test]
    fn a_gauge_gives_up_its_bar_then_its_label() {
        let gauge = Gauge { label: "connections", share: Some(0.87), figures: "87/100", health: Some(Health::Warning) };
        let mut all = Vec::new();
        for width in [60, 40, 30, 22, 12, 5] {
            let area = Rect::new(0, 0, width, 1);
            let mut buffer = Buffer::empty(area);
            gauge.draw(&mut buffer, area, &Theme::default());
            all.extend(lines(&buffer));
        }
        insta::assert_snapshot!(all.join("\n"));
    }
}
