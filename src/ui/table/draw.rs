//! Places a table on the screen; everything was made ready by [`TableState::refresh`].

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};

use super::branches::Look;
use super::columns::{self, Placed, PlacedColumn};
use super::grid::{BarPart, Cell, CellKind, CutAt, Grid, GridRow, Notice, RowNesting};
use super::order::{LineOf, SortDirection};
use super::state::{Drawn, TableState};
use crate::ui::gauge;
use crate::ui::scrollbar::Scrollbar;
use crate::ui::text::{self, Align};
use crate::ui::theme::{Role, Theme};

/// Draws a table: a header, the rows there is room for, and a scrollbar where it is of use.
pub fn draw(buffer: &mut Buffer, area: Rect, grid: &Grid, state: &TableState, theme: &Theme) {
    let area = area.intersection(buffer.area);
    if area.is_empty() {
        return;
    }
    let table = TableDrawing::new(area, grid, state, theme);
    table.header(buffer);
    if state.lines().is_empty() {
        table.notice(buffer);
    } else {
        table.rows(buffer);
        table.scrollbar(buffer);
    }
    *state.drawn.borrow_mut() = Drawn {
        area,
        rows_y: area.y + 1,
        rows: table.height,
        places: table.placed.columns.clone(),
        gap: table.placed.gap,
        filled: state.needs.is_filled.clone(),
        told: state.needs.is_told.clone(),
        of: if state.sideways == 0 { state.listed().to_vec() } else { Vec::new() },
        hidden: table.placed.hidden,
    };
    state.mark_seen();
}

/// Where and how a cell is put.
#[derive(Clone, Copy)]
struct Spot {
    y: u16,
    place: PlacedColumn,
    style: Style,
}

struct TableDrawing<'a> {
    area: Rect,
    grid: &'a Grid,
    state: &'a TableState,
    theme: &'a Theme,
    placed: Placed,
    /// Rows there is room for.
    height: u16,
    has_scrollbar: bool,
    first: usize,
}

impl<'a> TableDrawing<'a> {
    fn new(area: Rect, grid: &'a Grid, state: &'a TableState, theme: &'a Theme) -> Self {
        let height = area.height - 1;
        let count = state.lines().len();
        let fits = count <= usize::from(height);
        let has_scrollbar = !fits && area.width > 4;
        let before = state.shown_before(area.width);
        let place = |reserved: bool| {
            let width = area.width - u16::from(reserved && area.width > 4);
            columns::place(grid, &state.needs, width, state.sideways, &before)
        };
        let mut placed = place(has_scrollbar);
        if placed.hidden > 0 {
            placed = place(true);
        }
        let first = state.scrolled_to(usize::from(height));
        Self { area, grid, state, theme, placed, height, has_scrollbar, first }
    }

    fn header(&self, buffer: &mut Buffer) {
        let style = self.theme.style(Role::Header);
        let line = Rect { height: 1, ..self.area };
        buffer.set_style(line, style);
        let sort = self.state.sort();
        for place in &self.placed.columns {
            let Some(column) = self.grid.columns.get(place.column) else { continue };
            let is_roomy = text::width(&column.title) <= usize::from(place.width);
            let title = if is_roomy { &column.title } else { &column.short };
            let title = text::cut_with(title, usize::from(place.width), self.theme.glyphs.cut);
            let align = self.align(place, column.align);
            let x = self.put(buffer, Spot { y: self.area.y, place: *place, style }, &title, align);
            if let Some((_, direction)) = sort.filter(|(id, _)| *id == column.id) {
                let accent = style.patch(self.theme.style(Role::Accent));
                let end = x + text::width(&title) as u16;
                buffer.set_style(Rect { x, width: end - x, ..line }, accent);
                let x = if align == Align::Right { x.saturating_sub(1) } else { end };
                self.mark(buffer, x, self.arrow(direction), accent);
            }
        }
        let glyphs = &self.theme.glyphs;
        let accent = self.theme.style(Role::Accent);
        if self.placed.has_left {
            self.mark(buffer, self.area.x, glyphs.more_left, accent);
        }
        if self.placed.has_right && self.area.width > 4 {
            self.mark(buffer, self.area.right() - 1, glyphs.more_right, accent);
        }
    }

    fn mark(&self, buffer: &mut Buffer, x: u16, mark: &str, style: Style) {
        if x < self.area.right() {
            buffer.set_stringn(x, self.area.y, mark, 1, style);
        }
    }

    fn arrow(&self, direction: SortDirection) -> &'static str {
        match direction {
            SortDirection::Ascending => self.theme.glyphs.ascending,
            SortDirection::Descending => self.theme.glyphs.descending,
        }
    }

    /// A first column that carries branches stands on the left, numbers too.
    fn align(&self, place: &PlacedColumn, align: Align) -> Align {
        if place.column == 0 && self.grid.shape != RowNesting::Flat { Align::Left } else { align }
    }

    fn rows(&self, buffer: &mut Buffer) {
        let lines = self.state.lines().iter().enumerate().skip(self.first).take(usize::from(self.height));
        for (y, (at, line)) in (self.area.y + 1..).zip(lines) {
            let is_selected = self.state.has_focus && at == self.state.cursor();
            self.row(buffer, y, line, is_selected);
        }
    }

    fn row(&self, buffer: &mut Buffer, y: u16, line: &LineOf, is_selected: bool) {
        let Some(row) = self.grid.rows.get(line.row) else { return };
        let selection = self.theme.style(Role::Selection);
        let is_group = self.grid.shape == RowNesting::Grouped && line.level == 1;
        let mut base = row.role.map_or(Style::new(), |role| self.theme.style(role));
        if is_group {
            base = self.theme.style(Role::Title).patch(base);
        }
        if is_selected {
            let width = self.area.width - u16::from(self.has_scrollbar);
            let all = Rect { y, height: 1, width, ..self.area };
            buffer.set_style(all, selection);
            let accent = selection.patch(Style { bg: None, ..self.theme.style(Role::Accent) });
            buffer.set_stringn(self.area.x, y, self.theme.glyphs.selected, 1, accent);
            base = base.patch(Style { bg: selection.bg, ..Style::new() });
            if row.role.is_none() {
                base = base.patch(selection);
            }
        }
        if self.state.marked().contains(&row.key) {
            let look = base.patch(Style { bg: None, ..self.theme.style(Role::Warning) });
            buffer.set_stringn(self.area.x, y, self.theme.glyphs.marked, 1, look);
        }
        let first = self.placed.columns.first().copied().filter(|_| is_group);
        let named = first.map_or(0, |place| self.group_name(buffer, Spot { y, place, style: base }, line, row));
        let last = self.grid.columns.len().saturating_sub(1);
        let is_free = |place: &&PlacedColumn| place.x >= named && !(is_group && place.column == last);
        let shown = if row.is_wide { 1 } else { self.placed.columns.len() };
        for place in self.placed.columns.iter().filter(is_free).take(shown) {
            let rest = self.area.width.saturating_sub(place.x + u16::from(self.has_scrollbar));
            let place = &PlacedColumn { width: if row.is_wide { rest } else { place.width }, ..*place };
            let Some(cell) = row.cells.get(place.column) else { continue };
            let own = cell.role.map_or(base, |role| base.patch(Style { bg: None, ..self.theme.style(role) }));
            let style = if is_selected && selection.add_modifier.contains(Modifier::REVERSED) {
                // Reversed colours of single cells would tear the bar apart.
                selection.add_modifier(own.add_modifier - Modifier::DIM)
            } else {
                own
            };
            let spot = Spot { y, place: *place, style };
            match &cell.kind {
                CellKind::Bar(parts) => self.bar(buffer, spot, parts),
                CellKind::Badge => self.badge(buffer, spot, cell),
                CellKind::Meter(share) => self.meter(buffer, spot, *share),
                CellKind::Text | CellKind::Heat(_) => self.cell(buffer, spot, line, row),
            }
        }
    }

    /// Writes a group's name, which its last cell holds, first in its row; returns where the cells may go on.
    fn group_name(&self, buffer: &mut Buffer, spot: Spot, line: &LineOf, row: &GridRow) -> u16 {
        let indent = self.branches(buffer, spot, line);
        let Some(name) = row.cells.last() else { return 0 };
        let x = spot.place.x + indent;
        let room = self.area.width.saturating_sub(x + u16::from(self.has_scrollbar));
        let name = text::cut_with(&name.text, usize::from(room), self.theme.glyphs.cut);
        buffer.set_stringn(self.area.x + x, spot.y, &name, usize::from(room), spot.style);
        x + text::width(&name) as u16 + 2
    }

    /// Draws a bar of several parts; without colours each part by its letter.
    fn bar(&self, buffer: &mut Buffer, spot: Spot, parts: &[BarPart]) {
        let is_lettered = self.theme.is_mono() || !self.theme.glyphs.is_unicode;
        let mut x = self.area.x + spot.place.x;
        let end = (x + spot.place.width).min(self.area.right());
        for part in parts {
            let colour = self.theme.style(part.role);
            let style = spot.style.patch(Style { bg: None, ..colour });
            for _ in 0..part.width.min(end.saturating_sub(x)) {
                if let Some(cell) = buffer.cell_mut((x, spot.y)) {
                    cell.set_char(if is_lettered { part.letter } else { '▇' }).set_style(style);
                }
                x += 1;
            }
        }
    }

    /// Draws a state on its own background, as wide as its column: a column of them is one block.
    fn badge(&self, buffer: &mut Buffer, spot: Spot, cell: &Cell) {
        let Spot { y, place, style } = spot;
        let own = cell.role.map_or(style, |role| self.theme.style(role));
        let width = place.width.min(self.area.right().saturating_sub(self.area.x + place.x));
        let text = text::pad(&format!(" {}", cell.text.to_uppercase()), usize::from(width), Align::Left);
        buffer.set_stringn(self.area.x + place.x, y, text, usize::from(width), own);
    }

    /// Draws a share as a meter, as wide as its column: in the colour of the share, what is missing to all of it faint.
    fn meter(&self, buffer: &mut Buffer, spot: Spot, share: f64) {
        let Spot { y, place, style } = spot;
        let x = self.area.x + place.x;
        let width = place.width.min(self.area.right().saturating_sub(x));
        let [(filled, _), (rest, role)] = gauge::meter(share, usize::from(width), &self.theme.glyphs);
        let look = |own: Style| style.patch(Style { bg: None, ..own });
        let (end, _) = buffer.set_stringn(x, y, filled, usize::from(width), look(self.theme.ramp(share)));
        let room = usize::from((x + width).saturating_sub(end));
        buffer.set_stringn(end, y, rest, room, look(self.theme.style(role)));
    }

    fn cell(&self, buffer: &mut Buffer, spot: Spot, line: &LineOf, row: &GridRow) {
        let Spot { y, mut place, .. } = spot;
        let Some(cell) = row.cells.get(place.column) else { return };
        let text = &cell.text;
        if place.column == 0 && self.grid.shape != RowNesting::Flat {
            let indent = self.branches(buffer, spot, line);
            place.x += indent;
            place.width -= indent;
        }
        let Some(column) = self.grid.columns.get(place.column) else { return };
        let cut = self.theme.glyphs.cut;
        let is_half = column.is_number() && text::width(text) > usize::from(place.width);
        // Half a number would be another number.
        let shown = match column.cut {
            _ if is_half => cut.to_string(),
            CutAt::End => text::cut_with(text, usize::from(place.width), cut),
            CutAt::Middle => text::cut_middle(text, usize::from(place.width), cut),
        };
        let x = self.put(buffer, Spot { place, ..spot }, &shown, self.align(&place, column.align));
        let is_judged = cell.role.is_some() || row.role.is_some();
        if column.is_number() && !is_judged && !spot.style.add_modifier.contains(Modifier::REVERSED) {
            let is_sorted_by = self.state.sort().is_some_and(|(id, _)| *id == column.id);
            let look = match cell.kind {
                CellKind::Heat(share) => Some(self.theme.ramp(share)),
                _ => is_sorted_by.then(|| self.theme.style(Role::Title)),
            };
            self.figure(buffer, Position::new(x, y), &shown, look);
        }
        self.highlight(buffer, Position::new(x, y), &shown);
    }

    /// Sets the unit of a number one level below its figure, and a zero below both; what is sorted by stands out.
    fn figure(&self, buffer: &mut Buffer, start: Position, shown: &str, own: Option<Style>) {
        let place = |from: usize, to: usize| {
            let area = Rect { x: start.x + from as u16, y: start.y, width: (to - from) as u16, height: 1 };
            area.intersection(self.area)
        };
        let look = |role: Role| Style { bg: None, ..self.theme.style(role) };
        let width = text::width(shown);
        let is_zero = !shown.contains(|c: char| c.is_ascii_digit() && c != '0');
        if is_zero {
            return buffer.set_style(place(0, width), look(Role::Faint));
        }
        let figure = text::width(shown.trim_end_matches(|c: char| !c.is_ascii_digit()));
        if let Some(own) = own {
            buffer.set_style(place(0, figure), Style { bg: None, ..own });
        }
        buffer.set_style(place(figure, width), look(Role::Muted));
    }

    /// Draws a line's branches or fold mark, fainter than its text, and returns the columns they took.
    fn branches(&self, buffer: &mut Buffer, spot: Spot, line: &LineOf) -> u16 {
        let is_reversed = spot.style.add_modifier.contains(Modifier::REVERSED);
        let style = if is_reversed { spot.style } else { Style { bg: None, ..self.theme.style(Role::Faint) } };
        let place = Rect { x: self.area.x + spot.place.x, y: spot.y, width: spot.place.width, height: 1 };
        self.placed.branches.draw(buffer, place, line, Look { glyphs: &self.theme.glyphs, style })
    }

    /// Puts a text into a column and returns where it begins.
    fn put(&self, buffer: &mut Buffer, spot: Spot, text: &str, align: Align) -> u16 {
        let Spot { y, place, style } = spot;
        let rest = place.width.saturating_sub(text::width(text) as u16);
        let before = match align {
            Align::Left => 0,
            Align::Right => rest,
            Align::Center => rest / 2,
        };
        let x = self.area.x + place.x + before;
        let room = self.area.right().saturating_sub(x).min(place.width);
        if room > 0 {
            buffer.set_stringn(x, y, text, usize::from(room), style);
        }
        x
    }

    /// Marks the characters the filter matched.
    fn highlight(&self, buffer: &mut Buffer, start: Position, shown: &str) {
        let mut filter = self.state.filter.borrow_mut();
        let Some(filter) = filter.as_mut() else { return };
        let places = filter.places(shown);
        let (mut x, y) = (start.x, start.y);
        for (at, grapheme) in unicode_segmentation::UnicodeSegmentation::graphemes(shown, true).enumerate() {
            let wide = text::grapheme_width(grapheme) as u16;
            if places.binary_search(&(at as u32)).is_ok() {
                let matched = Style { bg: None, ..self.theme.style(Role::Match) };
                buffer.set_style(Rect { x, y, width: wide, height: 1 }.intersection(self.area), matched);
            }
            x += wide;
        }
    }

    fn scrollbar(&self, buffer: &mut Buffer) {
        if self.has_scrollbar {
            let column = Rect { x: self.area.right() - 1, y: self.area.y + 1, width: 1, height: self.height };
            Scrollbar { count: self.state.lines().len(), first: self.first }.draw(buffer, column, self.theme);
        }
    }

    /// Says in the middle why there are no rows.
    fn notice(&self, buffer: &mut Buffer) {
        let own = self.state.notice(self.grid);
        let area = Rect { y: self.area.y + 1, height: self.height, ..self.area };
        draw_notice(buffer, area, &own, self.theme);
    }
}

/// Draws a sentence and its remedy in the middle of an area.
pub(crate) fn draw_notice(buffer: &mut Buffer, area: Rect, notice: &Notice, theme: &Theme) {
    let area = area.intersection(buffer.area);
    let width = usize::from(area.width.saturating_sub(2)).min(76);
    if width == 0 || area.height == 0 {
        return;
    }
    let role = notice.role.unwrap_or(Role::Muted);
    let mut lines: Vec<(String, Role)> =
        text::wrap_words(&notice.sentence, width).into_iter().map(|line| (line, role)).collect();
    if let Some(remedy) = &notice.remedy {
        let remedy = text::wrap_words(remedy, width);
        if lines.len() + remedy.len() < usize::from(area.height) {
            lines.push((String::new(), role));
        }
        lines.extend(remedy.into_iter().map(|line| (line, Role::Accent)));
    }
    let before = usize::from(area.height).saturating_sub(lines.len()) / 2;
    for (y, (line, role)) in (area.y..area.bottom()).skip(before).zip(lines) {
        let x = area.x + area.width.saturating_sub(text::width(&line) as u16) / 2;
        buffer.set_stringn(x, y, &line, usize::from(area.right() - x), theme.style(role));
    }
}
