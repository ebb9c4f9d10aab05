//! What the frame of a chart says: its title, a note, and the legend with its figures, the largest first.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::scale;
use super::{ChartFrame, LoadChart, SessionClass};
use crate::ui::frame::{Segment, TextPart, draw_parts, draw_segments, parts_width};
use crate::ui::text;
use crate::ui::theme::{Role, Theme};

/// What the legend of a load chart says.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Legend {
    /// The figures of the moment shown.
    #[default]
    Moment,
    /// These means of the classes, in the order of the stack.
    Mean(Vec<f64>),
}

/// Where the legend is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LegendPlace {
    /// On the right of the upper border.
    #[default]
    Border,
    /// On a line of its own: the names of the classes are long.
    Line,
}

impl LoadChart {
    /// Writes the note and the legend into the upper border, right of the title.
    pub(super) fn heading(&self, buffer: &mut Buffer, area: Rect, theme: &Theme, frame: ChartFrame<'_>) {
        let cut = theme.glyphs.cut;
        let mut room = usize::from(area.width).saturating_sub(text::width(frame.title) + 6);
        let mut segments: Vec<TextPart> = Vec::new();
        if let Some((note, role)) = frame.note.filter(|_| room > 12) {
            let note = text::cut_with(note, room - 2, cut);
            room = room.saturating_sub(text::width(&note) + 3);
            segments.push((format!(" {note} "), role));
        }
        let legend = match self.legend_place {
            LegendPlace::Border => self.fitting(theme, room.saturating_sub(2)),
            LegendPlace::Line => Vec::new(),
        };
        if !legend.is_empty() {
            if !segments.is_empty() {
                segments.push((theme.glyphs.rule.to_owned(), Role::Border));
            }
            segments.push((" ".to_owned(), Role::Border));
            segments.extend(legend);
            segments.push((" ".to_owned(), Role::Border));
        }
        let wide = u16::try_from(parts_width(&segments)).unwrap_or(u16::MAX).min(area.width.saturating_sub(2));
        let place = Rect { x: area.right() - 1 - wide, width: wide, height: 1, ..area };
        draw_parts(buffer, place, &segments, theme);
    }

    /// Returns the parts of the legend that have room, a dot between two.
    fn fitting(&self, theme: &Theme, room: usize) -> Vec<TextPart> {
        let mut shown: Vec<TextPart> = Vec::new();
        for segment in self.legend(theme) {
            let gap = if shown.is_empty() { 0 } else { 3 };
            if parts_width(&shown) + gap + parts_width(&segment.parts) > room {
                break;
            }
            if gap > 0 {
                shown.push((format!(" {} ", theme.glyphs.dot), Role::Border));
            }
            shown.extend(segment.parts);
        }
        shown
    }

    /// Writes the legend on a line of its own; what has no room is left out.
    pub(super) fn legend_inside(&self, buffer: &mut Buffer, line: Rect, theme: &Theme) {
        draw_segments(buffer, line, &self.legend(theme), theme);
    }

    /// Returns the sum and the classes that are more than nothing, the largest first.
    fn legend(&self, theme: &Theme) -> Vec<Segment> {
        if let Legend::Mean(means) = &self.legend {
            let total = Segment::new(scale::average(means.iter().sum()), Role::Title);
            let total = total.and(" active on average", Role::Muted);
            return [total].into_iter().chain(self.by_size(theme, means, scale::average)).collect();
        }
        let point = self.shown_values();
        let unknown = point.map_or(0.0, |point| point.unknown);
        let hidden = Segment::new(format!("{} hidden", scale::number(unknown)), Role::Muted);
        let Some(values) = point.and_then(|point| point.values.as_ref()) else {
            return vec![match point {
                Some(_) if unknown > 0.0 => hidden,
                Some(_) => Segment::new("no data", Role::Muted),
                None => Segment::new("not read yet", Role::Muted),
            }];
        };
        let classes = self.by_size(theme, values, scale::number);
        classes.into_iter().chain((unknown > 0.0).then_some(hidden)).collect()
    }

    fn by_size(&self, theme: &Theme, values: &[f64], written: fn(f64) -> String) -> Vec<Segment> {
        let mut classes: Vec<(&SessionClass, f64)> = self.classes.iter().zip(values.iter().copied()).collect();
        classes.retain(|(_, value)| *value > 0.0);
        classes.sort_by(|left, right| right.1.total_cmp(&left.1));
        let key = |((class, value), drop): ((&SessionClass, f64), u8)| {
            let parts = vec![
                class_mark(class, theme),
                (format!(" {} ", class.name), Role::Muted),
                (written(value), Role::Text),
            ];
            Segment { parts, drop }
        };
        classes.into_iter().zip(1_u8..).map(key).collect()
    }
}

fn class_mark(class: &SessionClass, theme: &Theme) -> TextPart {
    let is_lettered = theme.is_mono() || !theme.glyphs.is_unicode;
    (if is_lettered { class.letter.to_string() } else { "■".to_owned() }, class.role)
}
