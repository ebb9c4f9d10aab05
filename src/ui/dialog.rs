//! What lies over the panes: help, questions, lists to pick from, messages.

use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use ratatui::style::Modifier;

use super::frame::{TextPart, Tile, draw_parts};
use super::text;
use super::theme::{Role, Theme};
use crate::document::Fact;

mod form;
mod help;
mod picker;

pub use form::{Filled, Form, FormField, FormValue};
pub use help::{Help, HelpSection};
pub use picker::{PickItem, Picker};

/// Columns of a fact at most: what an act does takes four lines.
const MOST_OF_A_FACT: usize = 400;

/// Columns beside a window that are left blank instead of showing what is below.
const STRIP: u16 = 4;

/// A question before something is done.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Confirm {
    /// What would be done: `Terminate this session?`.
    pub title: String,
    /// What it would hit, so that nobody has to remember it.
    pub facts: Vec<Fact>,
    /// What else is to be known: what a rollback does not undo, what stands behind it.
    pub warning: Option<String>,
    /// The keys and what each does; the harmless one first.
    pub choices: Vec<(String, String)>,
}

impl Confirm {
    /// Draws the question in the middle of an area.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let inner = usize::from(area.width.saturating_sub(4)).clamp(1, 72);
        let facts = self
            .facts
            .iter()
            .map(|fact| (fact.label.clone(), text::clean_cut(&fact.value, MOST_OF_A_FACT), Role::Text));
        let mut lines: Vec<Vec<TextPart>> = Vec::new();
        super::document::lay_pairs(&facts.collect::<Vec<_>>(), inner, &mut lines);
        if let Some(warning) = &self.warning {
            lines.push(Vec::new());
            let sign = theme.glyphs.warning;
            let wrapped = text::wrap_words(&format!("{sign} {}", text::clean_lines(warning)), inner);
            lines.extend(wrapped.into_iter().map(|line| vec![(line, Role::Warning)]));
        }
        let choices = self
            .choices
            .iter()
            .flat_map(|(key, does)| [(key.clone(), Role::Key), (format!(" {does}   "), Role::Muted)]);
        let choices: Vec<TextPart> = choices.collect();
        let width = lines.iter().chain([&choices]).map(|line| super::frame::parts_width(line)).max().unwrap_or(0);
        let width = width.max(text::width(&self.title) + 2);
        let size = Size::new(width as u16 + 4, lines.len() as u16 + 4);
        let inside = overlay(buffer, area, Window { size, title: &self.title, note: None }, theme);
        let choices_y = inside.bottom().saturating_sub(1);
        for (line, y) in lines.iter().zip(inside.y..choices_y) {
            draw_parts(buffer, Rect { y, height: 1, ..inside }, line, theme);
        }
        draw_parts(buffer, Rect { y: choices_y, height: inside.height.min(1), ..inside }, &choices, theme);
    }
}

/// A window over the panes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Window<'a> {
    /// The size of the whole frame.
    pub(crate) size: Size,
    /// Its title.
    pub(crate) title: &'a str,
    /// What is to be known of it, in its frame on the right.
    pub(crate) note: Option<&'a str>,
}

/// Dims an area, clears a place in its middle, draws a frame around it and returns the inside.
///
/// Where the area is smaller than the window, it is the area.
pub(crate) fn overlay(buffer: &mut Buffer, area: Rect, window: Window<'_>, theme: &Theme) -> Rect {
    let area = area.intersection(buffer.area);
    let without = Modifier::BOLD | Modifier::UNDERLINED | Modifier::REVERSED;
    buffer.set_style(area, theme.screen().patch(theme.style(Role::Muted)).remove_modifier(without));
    let (width, height) = (window.size.width.min(area.width), window.size.height.min(area.height));
    let place = Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    // A wide character that begins left of the frame would reach into it.
    if let Some(left) = place.x.checked_sub(1).filter(|left| *left >= buffer.area.x) {
        for y in place.y..place.bottom() {
            if let Some(cell) = buffer.cell_mut((left, y))
                && text::width(cell.symbol()) > 1
            {
                cell.set_symbol(" ");
            }
        }
    }
    // A strip of a few columns beside the window says nothing.
    let strip = |columns: u16| if columns <= STRIP { columns } else { 0 };
    let (left, right) = (strip(place.x - area.x), strip(area.right() - place.right()));
    let cleared = Rect { x: place.x - left, width: place.width + left + right, ..place };
    for position in cleared.positions() {
        if let Some(cell) = buffer.cell_mut(position) {
            cell.reset();
        }
    }
    buffer.set_style(cleared, theme.screen());
    let note = window.note.map(|note| (note, Role::Muted));
    let inside = Tile { title: window.title, key: None, note, has_focus: true }.draw(buffer, place, theme);
    if inside.width > 4 && inside.width < place.width {
        Rect { x: inside.x + 1, width: inside.width - 2, ..inside }
    } else {
        inside
    }
}

#[cfg(test)]
mod tests;
