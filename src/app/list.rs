//! The list of a pane: a grid with a person's place in it, and what the common keys do to it.

use std::collections::BTreeSet;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use super::action::Action;
use super::draw_context::DrawContext;
use crate::quote::printable_json;
use crate::ui::dialog::PickItem;
use crate::ui::table::{self, Grid, GridColumn, GridRow, Move, Notice, SortKind, TableHit, TableState};

/// A grid with a person's place in it.
#[derive(Debug)]
pub struct List {
    grid: Grid,
    state: TableState,
}

impl Default for List {
    fn default() -> Self {
        Self { grid: Grid::default(), state: TableState::new() }
    }
}

impl List {
    /// A list sorted by a column, the greatest first.
    pub(crate) fn sorted_by(column: &'static str) -> Self {
        Self { grid: Grid::default(), state: TableState::sorted(column, table::SortDirection::Descending) }
    }

    /// A list in a tile of another pane, without keys.
    pub(crate) fn tile() -> Self {
        Self { grid: Grid::default(), state: TableState::tile() }
    }

    /// Says whether the list has the keys.
    pub(crate) fn focus(&mut self, focus: Focus) {
        self.state.has_focus = focus == Focus::Here;
    }

    /// Returns what is listed.
    pub fn grid(&self) -> &Grid {
        &self.grid
    }

    /// Returns the rows that the filter leaves, in the order shown.
    pub(crate) fn shown(&self) -> impl Iterator<Item = &GridRow> {
        self.state.rows(&self.grid)
    }

    /// Returns the title of the column that a person sorted by.
    pub(crate) fn sorted_title(&self) -> Option<&str> {
        let (id, _) = self.state.sort()?;
        self.grid.columns.get(self.grid.column(id)?).map(|column| column.title.as_ref())
    }

    /// Returns what is said where there are no rows.
    pub(crate) fn notice(&self) -> Notice {
        self.state.notice(&self.grid)
    }

    /// Takes how many rows a page has, of a list that its pane draws itself.
    pub(crate) fn drew(&self, rows: u16) {
        self.state.drew(rows);
    }

    /// Takes a new grid.
    pub fn refresh(&mut self, grid: Grid) {
        self.grid = grid;
        self.state.refresh(&self.grid);
    }

    /// Draws the rows there is room for, in a frame of their own unless the list stands in a tile.
    pub fn draw(&self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        if self.state.is_tile {
            self.draw_rows(frame, area, context);
        } else {
            table::draw_framed(frame.buffer_mut(), area, &self.grid, &self.state, context.theme);
        }
    }

    /// Draws the rows there is room for, without a frame.
    pub fn draw_rows(&self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        table::draw(frame.buffer_mut(), area, &self.grid, &self.state, context.theme);
    }

    /// Writes the place among the rows, and what is not seen, into the lower border of a frame that a pane drew.
    pub fn draw_place(&self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        table::lower_border(frame.buffer_mut(), area, &self.grid, &self.state, context.theme);
    }

    /// Does what a common key asks; returns whether it was one.
    pub fn act(&mut self, action: Action) -> bool {
        let to = match action {
            Action::Up => Move::Rows(-1),
            Action::Down => Move::Rows(1),
            Action::PageUp => Move::Pages(-1),
            Action::PageDown => Move::Pages(1),
            Action::First => Move::First,
            Action::Last => Move::Last,
            Action::Left => Move::Left,
            Action::Right => Move::Right,
            Action::SortReverse => {
                self.state.reverse_sort(&self.grid);
                return true;
            }
            _ => return false,
        };
        self.state.go(&self.grid, to);
        true
    }

    /// Returns what it can be sorted by: its own order first, then the columns; and which it is.
    pub(crate) fn sort_choice(&self) -> (Vec<PickItem>, usize) {
        let own = PickItem::new("given order", "Most urgent first.");
        let columns = self.sortable();
        let by = self.state.sort().map(|(id, _)| id);
        let place = columns.iter().position(|column| Some(column.id.as_ref()) == by).map_or(0, |at| at + 1);
        let item = |column: &&GridColumn| PickItem::new(column.title.to_string(), column.help.to_string());
        (std::iter::once(own).chain(columns.iter().map(item)).collect(), place)
    }

    /// Sorts by what was chosen of [`List::sort_choice`].
    pub(crate) fn sort_by_choice(&mut self, place: usize) {
        let column = place.checked_sub(1).and_then(|at| self.sortable().get(at).map(|column| column.id.clone()));
        let column = column.and_then(|id| self.grid.column(&id));
        self.state.choose_sort(&self.grid, column);
    }

    fn sortable(&self) -> Vec<&GridColumn> {
        self.grid.columns.iter().filter(|column| column.sort != SortKind::Fixed).collect()
    }

    /// Takes a click: selects a row, or sorts by a header; returns whether it hit the list.
    pub(crate) fn click(&mut self, at: Position) -> bool {
        match self.state.hit(at.x, at.y) {
            Some(TableHit::Row(row)) => {
                let key = self.grid.rows.get(row).map(|row| row.key.clone());
                key.is_some_and(|key| self.state.select(&self.grid, &key))
            }
            Some(TableHit::Header(column)) => {
                self.state.sort_by(&self.grid, column);
                true
            }
            None => false,
        }
    }

    /// Marks the selected row, or takes its mark away, and goes on to the next.
    pub(crate) fn mark(&mut self) {
        let Some(key) = self.selected_key().map(str::to_owned) else { return };
        self.state.toggle_mark(&key);
        self.state.go(&self.grid, Move::Rows(1));
    }

    /// Takes all marks away; returns whether there were any.
    pub(crate) fn clear_marks(&mut self) -> bool {
        self.state.clear_marks()
    }

    /// Returns the keys of the marked rows, listed or not.
    pub(crate) fn marked(&self) -> &BTreeSet<String> {
        self.state.marked()
    }

    /// Folds or opens the selected group; returns whether there was one.
    pub(crate) fn toggle_fold(&mut self) -> bool {
        self.state.toggle_fold(&self.grid)
    }

    /// Folds a group or branch before it is first shown.
    pub fn fold(&mut self, key: String) {
        self.state.fold(key);
    }

    /// Opens branches, so that what is in them can be selected.
    pub fn open(&mut self, keys: &[String]) {
        self.state.unfold(&self.grid, keys);
    }

    /// Returns the words the rows are filtered by.
    pub fn filter(&self) -> &str {
        self.state.filter()
    }

    /// Filters the rows by words.
    pub(crate) fn set_filter(&mut self, words: &str) {
        self.state.set_filter(&self.grid, words);
    }

    /// Selects the row of a key; returns whether it is shown.
    pub(crate) fn select_key(&mut self, key: &str) -> bool {
        self.state.select(&self.grid, key)
    }

    /// Returns the key of the selected row.
    pub fn selected_key(&self) -> Option<&str> {
        self.state.selected_row(&self.grid).map(|row| row.key.as_str())
    }

    /// Returns the key of the row that was selected when a person last looked; see [`TableState::seen_key`].
    pub(crate) fn seen_key(&self) -> Option<String> {
        self.state.seen_key()
    }

    /// Takes the selected row for seen: the list comes to the screen with this frame.
    pub(crate) fn mark_seen(&self) {
        self.state.mark_seen();
    }

    /// Whether the selection follows a row that a person chose; until then it stays at the top.
    pub fn follows(&self) -> bool {
        self.state.follows()
    }

    /// Returns the selected row as JSON: the column's name to the text shown.
    pub fn selected_json(&self) -> Option<String> {
        let row = self.state.selected_row(&self.grid)?;
        let named = self.grid.columns.iter().zip(&row.cells);
        let object: serde_json::Map<String, serde_json::Value> =
            named.map(|(column, cell)| (column.id.to_string(), cell.text.clone().into())).collect();
        serde_json::to_string_pretty(&object).ok().map(printable_json)
    }

    /// Returns how many rows there are before the filter.
    pub fn len(&self) -> usize {
        self.grid.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.grid.rows.is_empty()
    }
}

/// Whether a list has the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    /// It has.
    Here,
    /// Another has.
    Elsewhere,
}
