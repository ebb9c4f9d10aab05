//! A table in a frame: what is listed and how old it is stands in the upper border, the place and what is not seen in the lower.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::draw::draw;
use super::grid::Grid;
use super::order::SortDirection;
use super::state::TableState;
use crate::ui::frame::{Tile, draw_parts};
use crate::ui::text;
use crate::ui::theme::{Role, Theme};

/// The least rows and columns for a frame; below them the rows have all of it.
const LEAST: (u16, u16) = (24, 7);

/// Draws a table in a frame.
pub fn draw_framed(buffer: &mut Buffer, area: Rect, grid: &Grid, state: &TableState, theme: &Theme) {
    if area.width < LEAST.0 || area.height < LEAST.1 {
        return draw(buffer, area, grid, state, theme);
    }
    let dot = format!(" {} ", theme.glyphs.dot);
    let mut parts = vec![grid.title.clone()];
    parts.extend(state.told.iter().cloned());
    parts.retain(|part| !part.is_empty());
    let heading = parts.join(&dot);
    let note = upper_note(grid, state, theme);
    let tile = Tile { title: &heading, note: Some((&note, Role::Muted)), ..Tile::default() };
    let inside = tile.draw(buffer, area, theme);
    draw(buffer, inside, grid, state, theme);
    lower_border(buffer, area, grid, state, theme);
}

/// What the rows are narrowed to and sorted by.
fn upper_note(grid: &Grid, state: &TableState, theme: &Theme) -> String {
    let mut notes = Vec::new();
    if !state.filter().is_empty() {
        let words = text::clean_cut(state.filter(), 24);
        notes.push(format!("{} of {} match \"{}\"", state.found(), grid.rows.len(), words.trim()));
    }
    if let Some((id, direction)) = state.sort()
        && let Some(column) = grid.column(id).and_then(|at| grid.columns.get(at))
    {
        let arrow = match direction {
            SortDirection::Ascending => theme.glyphs.ascending,
            SortDirection::Descending => theme.glyphs.descending,
        };
        notes.push(format!("sorted by {} {arrow}", column.title));
    }
    notes.join(&format!(" {} ", theme.glyphs.dot))
}

/// Writes the place among the rows into the lower border, on its left what is not seen and what is to be known of the figures.
pub(crate) fn lower_border(buffer: &mut Buffer, area: Rect, grid: &Grid, state: &TableState, theme: &Theme) {
    let Some(y) = area.bottom().checked_sub(1).filter(|_| area.width > 4) else { return };
    let count = state.lines().len();
    let place = if count == 0 { String::new() } else { format!(" {}/{count} ", state.cursor() + 1) };
    let wide = text::width(&place) as u16;
    let x = area.right().saturating_sub(wide + 1).max(area.x + 1);
    draw_parts(buffer, Rect { x, y, width: wide, height: 1 }, &[(place, Role::Muted)], theme);
    let hidden = state.drawn.borrow().hidden;
    let mut notes = Vec::new();
    if hidden > 0 {
        let plural = if hidden == 1 { "column" } else { "columns" };
        notes.push(format!("+{hidden} {plural} {}", theme.glyphs.more_right));
    }
    let fixed = notes.len();
    // Parts of sentences say nothing: what has no room is left out whole.
    notes.extend(grid.footnote.iter().flat_map(|note| note.split("; ")).map(str::to_owned));
    let room = usize::from(x.saturating_sub(area.x + 4));
    if notes.is_empty() || room < 8 {
        return;
    }
    let joined = |notes: &[String], is_cut: bool| {
        let (before, footnote) = notes.split_at(fixed.min(notes.len()));
        let more = is_cut.then(|| theme.glyphs.cut.to_string());
        let footnote = footnote.iter().cloned().chain(more).collect::<Vec<_>>().join("; ");
        let parts: Vec<&str> = before.iter().map(String::as_str).chain([footnote.as_str()]).collect();
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join(&format!(" {} ", theme.glyphs.dot))
    };
    let all = notes.len();
    while notes.len() > fixed + 1 && text::width(&joined(&notes, notes.len() < all)) > room {
        notes.pop();
    }
    let notes = joined(&notes, notes.len() < all);
    let notes = format!(" {} ", text::cut_with(&notes, room, theme.glyphs.cut));
    let line = Rect { x: area.x + 1, y, width: x.saturating_sub(area.x + 2), height: 1 };
    draw_parts(buffer, line, &[(notes, Role::Muted)], theme);
}
