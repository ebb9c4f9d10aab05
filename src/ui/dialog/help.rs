//! The keys that work here, in as many columns as there is room for.

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};

use super::{Window, overlay};
use crate::ui::frame::{TextPart, draw_parts};
use crate::ui::text::{self, Align};
use crate::ui::theme::{Role, Theme};

/// Blanks between two columns.
const GAP: usize = 4;

/// Columns at most; more are not read but searched.
const MOST_COLUMNS: usize = 3;

/// Columns below which a line is cut and not wrapped.
const LEAST_ROOM: usize = 20;

/// The help of a screen, made from its key table.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Help {
    /// What it is the help of.
    pub title: String,
    /// Its sections, in order.
    pub sections: Vec<HelpSection>,
}

/// Keys that belong together.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HelpSection {
    /// What they have in common.
    pub title: String,
    /// Each key and what it does.
    pub keys: Vec<(String, String)>,
}

impl Help {
    /// Draws the help in the middle of an area, from a line on; returns the last line it can be scrolled to.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, scroll: usize, theme: &Theme) -> usize {
        let most = usize::from(area.width.saturating_sub(6));
        let widths = |columns: &[Vec<HelpLine<'_>>]| columns.iter().map(|column| width_of(column)).collect::<Vec<_>>();
        let total = |widths: &[(usize, usize)]| {
            widths.iter().map(|(key, does)| key + does).sum::<usize>() + GAP * widths.len().saturating_sub(1)
        };
        let fits = (1..=MOST_COLUMNS).rev().find(|count| total(&widths(&self.columns(*count))) <= most).unwrap_or(1);
        let wrapped = (total(&widths(&self.columns(fits))) > most).then(|| self.wrapped(most));
        let columns = wrapped.as_ref().unwrap_or(self).columns(fits);
        let widths = widths(&columns);
        let rows = columns.iter().map(Vec::len).max().unwrap_or(0);
        let height = (rows as u16).saturating_add(2);
        let last = rows.saturating_sub(usize::from(area.height.saturating_sub(2)));
        let scroll = scroll.min(last);
        let note = if last > 0 {
            format!("{} of {rows} lines", (rows - last + scroll).min(rows))
        } else {
            "Esc close".to_owned()
        };
        let titles = text::width(&self.title) + note.len() + 5;
        let width = total(&widths).min(most).max(titles) as u16 + 4;
        let inside = overlay(
            buffer,
            area,
            Window { size: Size::new(width, height), title: &self.title, note: Some(&note) },
            theme,
        );
        let mut x = inside.x;
        for (lines, (key_width, does_width)) in columns.iter().zip(widths) {
            let width = inside.right().saturating_sub(x).min((key_width + does_width) as u16);
            for (line, y) in lines.iter().skip(scroll).zip(inside.y..inside.bottom()) {
                draw_parts(buffer, Rect { x, y, width, height: 1 }, &line.parts(key_width), theme);
            }
            x = x.saturating_add((key_width + does_width + GAP) as u16);
        }
        last
    }

    /// Returns the same with lines of at most so many columns.
    fn wrapped(&self, most: usize) -> Self {
        let keys = self.sections.iter().flat_map(|section| &section.keys);
        let key_width = keys.map(|(key, _)| text::width(key) + 2).max().unwrap_or(0);
        let room = most.saturating_sub(key_width);
        if room < LEAST_ROOM {
            return self.clone();
        }
        let lines = |(key, does): &(String, String)| -> Vec<(String, String)> {
            let told = text::wrap_words(does, room);
            let keys = std::iter::once(key.clone()).chain(std::iter::repeat(String::new()));
            keys.zip(told).collect()
        };
        let section = |section: &HelpSection| HelpSection {
            title: section.title.clone(),
            keys: section.keys.iter().flat_map(lines).collect(),
        };
        Self { title: self.title.clone(), sections: self.sections.iter().map(section).collect() }
    }

    /// Returns the sections as columns of about the same height, none torn apart.
    fn columns(&self, count: usize) -> Vec<Vec<HelpLine<'_>>> {
        let total: usize = self.sections.iter().map(|section| section.keys.len() + 2).sum();
        let mut columns: Vec<Vec<HelpLine<'_>>> = vec![Vec::new()];
        let mut before = 0;
        for section in &self.sections {
            let height = section.keys.len() + 2;
            // A section stands in the column in which its middle falls.
            let wanted = ((before + height / 2) * count / total.max(1)).min(count - 1);
            before += height;
            while columns.len() <= wanted && columns.last().is_some_and(|column| !column.is_empty()) {
                columns.push(Vec::new());
            }
            let Some(column) = columns.last_mut() else { continue };
            if !column.is_empty() {
                column.push(HelpLine::Empty);
            }
            column.push(HelpLine::Title(&section.title));
            column.extend(section.keys.iter().map(|(key, does)| HelpLine::Key(key, does)));
        }
        columns
    }
}

/// A line of a column.
#[derive(Debug, Clone, Copy)]
enum HelpLine<'a> {
    Empty,
    Title(&'a str),
    Key(&'a str, &'a str),
}

impl HelpLine<'_> {
    fn parts(self, key_width: usize) -> Vec<TextPart> {
        match self {
            Self::Empty => Vec::new(),
            Self::Title(title) => vec![(title.to_owned(), Role::Title)],
            Self::Key(key, does) => {
                vec![(text::pad(key, key_width, Align::Left), Role::Key), (does.to_owned(), Role::Text)]
            }
        }
    }
}

/// Returns the columns of the screen for keys, with the blanks behind them, and for what they do.
fn width_of(column: &[HelpLine<'_>]) -> (usize, usize) {
    let mut widest = (0, 0);
    for line in column {
        if let HelpLine::Key(key, does) = line {
            widest = (widest.0.max(text::width(key) + 2), widest.1.max(text::width(does)));
        }
    }
    widest
}
