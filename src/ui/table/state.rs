//! Where a person is in a table: selection, sort, filter, scrolling, folding.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, HashSet};

use super::columns::{self, ColumnNeeds, PlacedColumn};
use super::grid::{Grid, GridRow, Notice, SortKind, WhenAlike};
use super::order::{self, Arrangement, Filter, LineOf, ShownRows, SortDirection};

/// A movement in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// So many rows down, or up where it is negative.
    Rows(isize),
    /// So many screens down, or up where it is negative.
    Pages(isize),
    /// To the first row; from there on the selection stays at the top when the order changes.
    First,
    /// To the last row.
    Last,
    /// One column to the left.
    Left,
    /// One column to the right, to the columns that had no room.
    Right,
}

/// What is at a place of the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableHit {
    /// The row at this place in the grid.
    Row(usize),
    /// The header of the column at this place in the grid.
    Header(usize),
}

/// Where a person is in a table. It outlives the grids.
#[derive(Debug, Default)]
pub struct TableState {
    /// Whether it has the keys; without them no row is marked.
    pub has_focus: bool,
    /// Whether it stands in the tile of another pane: without a frame of its own.
    pub is_tile: bool,
    selected: Option<String>,
    /// The selected line; it stays when its row goes.
    cursor: usize,
    /// Whether the selection follows its row. Until somebody moves it stays at the top.
    follows: bool,
    sort: Option<(Cow<'static, str>, SortDirection)>,
    words: String,
    /// Rows marked to be acted on together.
    marked: BTreeSet<String>,
    folded: HashSet<String>,
    pub(super) sideways: usize,
    pub(super) filter: RefCell<Option<Filter>>,
    pub(super) shown: ShownRows,
    pub(super) needs: ColumnNeeds,
    /// The columns that `needs` is of.
    needs_of: Vec<Cow<'static, str>>,
    /// Columns whose cells were not alike once: they stay, so that none comes and goes with a row.
    varied: HashSet<Cow<'static, str>>,
    /// What the columns say whose cells are all alike: `role shop`.
    pub(super) told: Vec<String>,
    pub(super) drawn: RefCell<Drawn>,
    pub(super) first_line: Cell<usize>,
    /// The key of the row that a person took as selected: as of the last frame, or of the last move since.
    pub(super) seen_key: RefCell<Option<String>>,
}

/// Where things were drawn last.
#[derive(Debug, Clone, Default)]
pub(super) struct Drawn {
    pub(super) area: ratatui::layout::Rect,
    pub(super) rows_y: u16,
    pub(super) rows: u16,
    pub(super) places: Vec<PlacedColumn>,
    pub(super) gap: u16,
    /// The columns that the table had; none where it was scrolled sideways.
    pub(super) of: Vec<Cow<'static, str>>,
    /// Which of them said something, and of which the value was told in the title.
    pub(super) filled: Vec<bool>,
    pub(super) told: Vec<bool>,
    /// How many columns had no room.
    pub(super) hidden: usize,
}

impl TableState {
    /// A table that has the keys, in the order its pane gives it.
    pub fn new() -> Self {
        Self { has_focus: true, ..Self::default() }
    }

    /// A table sorted by a column.
    pub fn sorted(column: impl Into<Cow<'static, str>>, direction: SortDirection) -> Self {
        Self { sort: Some((column.into(), direction)), ..Self::new() }
    }

    /// A table in a tile of another pane: without a frame of its own, without the keys.
    pub(crate) fn tile() -> Self {
        Self { is_tile: true, ..Self::default() }
    }

    /// Takes a new grid: filters, sorts, measures, and finds the selected row again. Called in `refresh`, never in `draw`.
    pub fn refresh(&mut self, grid: &Grid) {
        let sort = self.sort.as_ref().and_then(|(id, direction)| Some((grid.column(id)?, *direction)));
        let by = Arrangement { filter: self.filter.get_mut().as_mut(), sort, folded: &self.folded };
        self.shown = order::arrange(grid, by);
        self.measure(grid);
        self.sideways = self.sideways.min(grid.columns.len().saturating_sub(2));
        let followed = self.selected.as_ref().filter(|_| self.follows);
        let found = followed.and_then(|key| self.line_of(grid, key));
        self.select_line(grid, found.unwrap_or(if self.follows { self.cursor } else { 0 }));
    }

    /// Measures the columns; widths of the same columns only grow.
    fn measure(&mut self, grid: &Grid) {
        let mut needs = columns::needs(grid, &self.shown.lines);
        let ids = || grid.columns.iter().map(|column| column.id.clone());
        let is_known = ids().eq(self.needs_of.iter().cloned());
        if is_known {
            needs.grow(&self.needs);
        } else {
            self.needs_of = ids().collect();
        }
        let was_told = if is_known { std::mem::take(&mut self.needs.is_told) } else { Vec::new() };
        needs.is_told = self.tell(grid, was_told);
        self.needs = needs;
    }

    /// Returns of which columns the value is told in the title, and takes what is told.
    ///
    /// A column that was shown stays, and one that is told stays so until its cells differ: one row, or none, changes nothing.
    fn tell(&mut self, grid: &Grid, was_told: Vec<bool>) -> Vec<bool> {
        let rows = self.shown.lines.len();
        if rows == 0 {
            return was_told;
        }
        let alike = columns::alike(grid, &self.shown.lines);
        let mut is_told = Vec::with_capacity(alike.len());
        self.told.clear();
        for (at, (column, value)) in grid.columns.iter().zip(&alike).enumerate() {
            let may = rows > 1 || was_told.get(at) == Some(&true);
            let told = value.filter(|_| may && !self.varied.contains(&column.id));
            let is_shown = rows > 1 || value.is_some();
            if told.is_none() && is_shown && column.when_alike == WhenAlike::ToldOnce {
                self.varied.insert(column.id.clone());
            }
            self.told.extend(told.map(|value| format!("{} {value}", column.short)));
            is_told.push(told.is_some());
        }
        is_told
    }

    /// Moves the selection, or the columns.
    pub fn go(&mut self, grid: &Grid, to: Move) {
        let page = isize::try_from(self.drawn.borrow().rows.max(2) - 1).unwrap_or(1);
        let line = match to {
            Move::Rows(rows) => self.cursor.saturating_add_signed(rows),
            Move::Pages(pages) => self.cursor.saturating_add_signed(pages.saturating_mul(page)),
            Move::First => 0,
            Move::Last => usize::MAX,
            Move::Left => return self.sideways = self.sideways.saturating_sub(1),
            Move::Right => {
                let furthest = columns::furthest(grid, &self.needs, self.drawn.borrow().area.width);
                return self.sideways = (self.sideways + 1).min(furthest);
            }
        };
        self.follows = to != Move::First;
        self.select_line(grid, line);
        self.mark_seen();
    }

    /// Selects a row by its key; returns whether it is among the rows shown.
    pub fn select(&mut self, grid: &Grid, key: &str) -> bool {
        let Some(line) = self.line_of(grid, key) else { return false };
        self.follows = true;
        self.select_line(grid, line);
        self.mark_seen();
        true
    }

    /// Returns the key of the row that was selected when a person last looked: in the last frame, or by the last move since.
    ///
    /// Rows that come after that frame move the selection before anybody sees it: what a key acts on is this one.
    pub(crate) fn seen_key(&self) -> Option<String> {
        self.seen_key.borrow().clone().or_else(|| self.selected.clone())
    }

    /// Whether the selection follows a row that a person chose; until then it stays at the top.
    pub fn follows(&self) -> bool {
        self.follows
    }

    /// Returns the key of the selected row.
    pub fn selected(&self) -> Option<&str> {
        self.selected.as_deref()
    }

    /// Returns the selected row.
    pub(crate) fn selected_row<'a>(&self, grid: &'a Grid) -> Option<&'a GridRow> {
        grid.rows.get(self.shown.lines.get(self.cursor)?.row)
    }

    /// Returns the rows shown, in the order shown: what an export or a copy takes.
    pub fn rows<'a>(&'a self, grid: &'a Grid) -> impl Iterator<Item = &'a GridRow> {
        self.shown.lines.iter().filter_map(|line| grid.rows.get(line.row))
    }

    /// Returns the column sorted by and the direction.
    pub fn sort(&self) -> Option<(&str, SortDirection)> {
        self.sort.as_ref().map(|(id, direction)| (id.as_ref(), *direction))
    }

    /// Sorts by a column as it is meant, or in the order the pane gave.
    pub(crate) fn choose_sort(&mut self, grid: &Grid, column: Option<usize>) {
        self.sort = None;
        if let Some(column) = column {
            self.sort_by(grid, column);
        } else {
            self.refresh(grid);
            self.mark_seen();
        }
    }

    /// Reverses the sort.
    pub(crate) fn reverse_sort(&mut self, grid: &Grid) {
        if let Some((_, direction)) = &mut self.sort {
            *direction = if *direction == SortDirection::Ascending {
                SortDirection::Descending
            } else {
                SortDirection::Ascending
            };
        }
        self.refresh(grid);
        self.mark_seen();
    }

    /// Sorts by a column, or reverses where it is sorted by that column already. What a click on a header does.
    pub(crate) fn sort_by(&mut self, grid: &Grid, column: usize) {
        let Some(column) = grid.columns.get(column) else { return };
        if self.sort.as_ref().is_some_and(|(id, _)| *id == column.id) {
            return self.reverse_sort(grid);
        }
        let direction = match column.sort {
            SortKind::Fixed => return,
            SortKind::Ascending => SortDirection::Ascending,
            SortKind::Descending => SortDirection::Descending,
        };
        self.sort = Some((column.id.clone(), direction));
        self.refresh(grid);
        self.mark_seen();
    }

    /// Returns the words the rows are filtered by.
    pub fn filter(&self) -> &str {
        &self.words
    }

    /// Filters by words, each of which must be found in some cell of a row; nothing shows all rows.
    pub(crate) fn set_filter(&mut self, grid: &Grid, words: &str) {
        words.clone_into(&mut self.words);
        self.filter = RefCell::new(Filter::new(words));
        self.refresh(grid);
        self.mark_seen();
    }

    /// Marks a row, or takes its mark away.
    pub(crate) fn toggle_mark(&mut self, key: &str) {
        if !self.marked.remove(key) {
            self.marked.insert(key.to_owned());
        }
    }

    /// Takes all marks away; returns whether there were any.
    pub(crate) fn clear_marks(&mut self) -> bool {
        !std::mem::take(&mut self.marked).is_empty()
    }

    /// Returns the keys of the marked rows.
    pub(crate) fn marked(&self) -> &BTreeSet<String> {
        &self.marked
    }

    /// Folds or opens the group or branch of the selected row; returns whether there was one.
    pub(crate) fn toggle_fold(&mut self, grid: &Grid) -> bool {
        let Some(line) = self.shown.lines.get(self.cursor).filter(|line| line.children > 0) else { return false };
        let Some(key) = grid.rows.get(line.row).map(|row| row.key.clone()) else { return false };
        if !self.folded.remove(&key) {
            self.folded.insert(key);
        }
        self.follows = true;
        self.refresh(grid);
        self.mark_seen();
        true
    }

    /// Folds a group or branch before it is first shown.
    pub fn fold(&mut self, key: impl Into<String>) {
        self.folded.insert(key.into());
    }

    /// Opens groups or branches.
    pub(crate) fn unfold(&mut self, grid: &Grid, keys: &[String]) {
        let folded = self.folded.len();
        self.folded.retain(|key| !keys.contains(key));
        if self.folded.len() < folded {
            self.refresh(grid);
        }
    }

    /// Returns what is said where there are no rows: why, or that the filter leaves none.
    pub(crate) fn notice(&self, grid: &Grid) -> Notice {
        if self.filter().is_empty() || grid.rows.is_empty() {
            return grid.notice.clone().unwrap_or_else(|| Notice::new("not read yet"));
        }
        let words = crate::ui::text::clean_cut(self.filter(), 24);
        Notice::new(format!("No row matches \"{words}\"")).remedy("Esc clears the filter")
    }

    /// Returns the columns that were shown last in this width; none where others are listed now, or were scrolled to, or one
    /// of them says something for the first time.
    pub(super) fn shown_before(&self, width: u16) -> Vec<usize> {
        let drawn = self.drawn.borrow();
        let is_same = drawn.area.width == width && self.sideways == 0 && drawn.of == self.needs_of;
        // A column that says something for the first time may need the place of another.
        let is_news = drawn.filled != self.needs.is_filled || drawn.told != self.needs.is_told;
        if is_same && !is_news { drawn.places.iter().map(|place| place.column).collect() } else { Vec::new() }
    }

    /// Returns the columns that the table has now.
    pub(super) fn listed(&self) -> &[Cow<'static, str>] {
        &self.needs_of
    }

    /// Takes how many rows a page has, where something else draws the rows.
    pub(crate) fn drew(&self, rows: u16) {
        *self.drawn.borrow_mut() = Drawn { rows, ..Drawn::default() };
        self.mark_seen();
    }

    /// Returns what is at a place of the screen, as it was drawn last.
    pub fn hit(&self, x: u16, y: u16) -> Option<TableHit> {
        let drawn = self.drawn.borrow();
        if !drawn.area.contains((x, y).into()) || y.checked_add(1)? < drawn.rows_y {
            return None;
        }
        let Some(line) = y.checked_sub(drawn.rows_y) else {
            let x = x - drawn.area.x;
            let is_under =
                |place: &&PlacedColumn| x + 1 >= place.x && x < place.x + place.width + drawn.gap.saturating_sub(1);
            return drawn.places.iter().find(is_under).map(|place| TableHit::Header(place.column));
        };
        if line >= drawn.rows {
            return None;
        }
        self.shown.lines.get(self.first_line.get() + usize::from(line)).map(|line| TableHit::Row(line.row))
    }

    /// Returns how many rows the filter found, those in folded groups too.
    pub fn found(&self) -> usize {
        self.shown.found
    }

    pub(super) fn cursor(&self) -> usize {
        self.cursor
    }

    pub(super) fn lines(&self) -> &[LineOf] {
        &self.shown.lines
    }

    /// Returns the first line to draw so that the selection is among so many rows.
    pub(super) fn scrolled_to(&self, rows: usize) -> usize {
        let bottom = self.shown.lines.len().saturating_sub(rows);
        let least = (self.cursor + 1).saturating_sub(rows);
        let first = self.first_line.get().clamp(least.min(self.cursor), self.cursor).min(bottom);
        self.first_line.set(first);
        first
    }

    /// Notes that the selection is what a person takes it for: it was drawn, or moved by a key.
    pub(crate) fn mark_seen(&self) {
        self.seen_key.replace(self.selected.clone());
    }

    fn line_of(&self, grid: &Grid, key: &str) -> Option<usize> {
        self.shown.lines.iter().position(|line| grid.rows.get(line.row).is_some_and(|row| row.key == key))
    }

    fn select_line(&mut self, grid: &Grid, line: usize) {
        self.cursor = line.min(self.shown.lines.len().saturating_sub(1));
        self.selected = self.selected_row(grid).map(|row| row.key.clone());
    }
}
