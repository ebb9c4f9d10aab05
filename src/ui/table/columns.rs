//! Which columns are shown and how wide: numbers whole, texts cut, the least important gone first.

use std::collections::BTreeMap;

use super::branches::{Branches, TreeShape};
use super::grid::{Grid, GridColumn, RowNesting, WhenAlike};
use super::order::{DEEPEST, LineOf};
use crate::ui::text;

/// Columns of the screen for the mark at the selected row.
pub(super) const MARGIN: u16 = 1;

/// How wide the screen must be for two blanks between columns.
const ROOMY: u16 = 34;

/// Columns of the screen in which most texts can be read; long titles come before more than that.
const READABLE: u16 = 32;

/// What the cells of each column need.
#[derive(Debug, Clone, Default)]
pub(super) struct ColumnNeeds {
    /// The widest cell of each column.
    pub(super) widest: Vec<u16>,
    /// Whether any cell of each column says something, or said it once.
    pub(super) is_filled: Vec<bool>,
    /// Whether there is a row, or was once.
    has_rows: bool,
    /// The tree or the groups.
    pub(super) tree: TreeShape,
    /// The widest cell of the first column at each level, by whether it is folded; the deepest levels are one.
    levels: BTreeMap<(usize, bool), u16>,
    /// The columns whose one value is told in the frame's title.
    pub(super) is_told: Vec<bool>,
}

/// The columns as they stand on the screen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Placed {
    /// The columns shown, from the left.
    pub(super) columns: Vec<PlacedColumn>,
    /// How many columns are not shown.
    pub(super) hidden: usize,
    /// Whether columns are hidden on the left.
    pub(super) has_left: bool,
    /// Whether columns are hidden on the right or between.
    pub(super) has_right: bool,
    /// Blanks between two columns.
    pub(super) gap: u16,
    /// How the tree before the first column is drawn.
    pub(super) branches: Branches,
}

/// A column on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct PlacedColumn {
    /// Its place in the grid.
    pub(super) column: usize,
    /// Its left edge, from the left edge of the table.
    pub(super) x: u16,
    /// Its width.
    pub(super) width: u16,
}

/// Returns what the cells need; the only pass over all of them.
pub(super) fn needs(grid: &Grid, lines: &[LineOf]) -> ColumnNeeds {
    let mut widest: Vec<u16> = grid.columns.iter().map(title_width).collect();
    let mut is_filled = vec![grid.rows.is_empty(); grid.columns.len()];
    for row in grid.rows.iter().filter(|row| !row.is_wide) {
        for ((most, filled), cell) in widest.iter_mut().zip(&mut is_filled).zip(&row.cells) {
            *most = (*most).max(cell.width);
            *filled |= cell.width > 0;
        }
    }
    let mut levels: BTreeMap<(usize, bool), u16> = BTreeMap::new();
    for line in lines {
        let row = grid.rows.get(line.row).filter(|row| !row.is_wide);
        let cell = row.and_then(|row| row.cells.first()).map_or(0, |cell| cell.width);
        let level = line.level.min(usize::from(DEEPEST) + 2);
        let most = levels.entry((level, line.is_folded)).or_default();
        *most = cell.max(*most);
    }
    let has_rows = !grid.rows.is_empty();
    ColumnNeeds { widest, is_filled, has_rows, tree: TreeShape::of(grid), levels, is_told: Vec::new() }
}

/// A grid, and what it needs in a width of the screen.
#[derive(Clone, Copy)]
struct Measured<'a> {
    grid: &'a Grid,
    needs: &'a ColumnNeeds,
    /// Columns of the screen for the branches before the first column.
    indent: u16,
}

impl ColumnNeeds {
    /// Widens each column to what it needed before, and keeps those that said something once: a column that grows and
    /// shrinks, or comes and goes, with its rows makes the others jump.
    pub(super) fn grow(&mut self, before: &Self) {
        if before.widest.len() == self.widest.len() {
            self.widest.iter_mut().zip(&before.widest).for_each(|(now, was)| *now = (*now).max(*was));
            match (self.has_rows, before.has_rows) {
                (false, true) => self.is_filled.clone_from(&before.is_filled),
                (true, true) => self.is_filled.iter_mut().zip(&before.is_filled).for_each(|(now, was)| *now |= *was),
                // Without a row no column says more than another.
                (_, false) => {}
            }
            self.has_rows |= before.has_rows;
        }
    }

    /// Returns the columns of the screen that branches add to the widest cell of the first column.
    fn indent(&self, branches: Branches) -> u16 {
        let of_level = |((level, is_folded), cell): (&(usize, bool), &u16)| {
            cell.saturating_add(branches.indent(*level, *is_folded))
        };
        let most = self.levels.iter().map(of_level).max().unwrap_or(0);
        most.saturating_sub(self.widest.first().copied().unwrap_or(0))
    }
}

/// Returns the value of each column whose cells are all alike.
pub(super) fn alike<'a>(grid: &'a Grid, lines: &[LineOf]) -> Vec<Option<&'a str>> {
    let one = |at: usize| {
        let cells = lines.iter().filter_map(|line| grid.rows.get(line.row)?.cells.get(at)).map(|cell| &cell.text);
        // A row that has none, as a process of the server has no role, contradicts nothing.
        let mut cells = cells.filter(|text| !text.is_empty());
        let first = cells.next()?;
        cells.all(|text| text == first).then_some(first.as_str())
    };
    let may = |column: &GridColumn| column.when_alike == WhenAlike::ToldOnce && grid.shape == RowNesting::Flat;
    grid.columns.iter().enumerate().map(|(at, column)| may(column).then(|| one(at)).flatten()).collect()
}

fn title_width(column: &GridColumn) -> u16 {
    text::width(&column.short) as u16
}

/// Columns of the screen that the columns shown before may lack: their texts shrink rather than that a column goes.
const LACK: u16 = 12;

/// Returns the columns for a width, scrolled sideways by some columns.
///
/// `before` are those that were shown in this width: they stay, whatever grows, as long as the texts can make room.
pub(super) fn place(grid: &Grid, needs: &ColumnNeeds, width: u16, scroll: usize, before: &[usize]) -> Placed {
    let gap = if width >= ROOMY { 2 } else { 1 };
    let room = width.saturating_sub(MARGIN);
    let branches = needs.tree.in_room(room);
    let of = Measured { grid, needs, indent: needs.indent(branches) };
    let comfortable = |at: usize| least(of, at, Fit::Comfortable);
    let tight = |at: usize| least(of, at, Fit::Tight);
    let mut chosen: Vec<usize> =
        if scroll == 0 { (0..grid.columns.len()).collect() } else { scrolled(grid.columns.len(), scroll) };
    let is_told = |at: usize| needs.is_told.get(at) == Some(&true);
    chosen.retain(|at| *at == 0 || !is_told(*at));
    if scroll == 0 && total(&chosen, gap, |at| most(of, at)) > room {
        // Where a text would be cut, a column without a word in it has no place.
        chosen.retain(|at| *at == 0 || needs.is_filled.get(*at) != Some(&false));
    }
    let kept: Vec<usize> = chosen.iter().copied().filter(|at| before.contains(at)).collect();
    let lacks = total(&kept, gap, comfortable).saturating_sub(room);
    let is_kept = scroll == 0 && !kept.is_empty() && lacks <= LACK && total(&kept, gap, tight) <= room;
    while chosen.len() > 1 && total(&chosen, gap, comfortable) > room {
        let gone = if scroll == 0 { first_to_go(grid, needs, &chosen) } else { chosen.len() - 1 };
        let may_go = chosen.get(gone).and_then(|at| grid.columns.get(*at)).is_some_and(|column| column.drop > 0);
        // Before one goes that should stay, the texts shrink further.
        if scroll == 0 && !may_go && total(&chosen, gap, tight) <= room {
            break;
        }
        chosen.remove(gone);
    }
    if is_kept {
        chosen = kept;
    }
    let fit = if total(&chosen, gap, comfortable) > room { Fit::Tight } else { Fit::Comfortable };
    let fitted = |at: usize| least(of, at, fit);
    let mut widths: Vec<u16> = chosen.iter().map(|at| fitted(*at)).collect();
    let used = total(&chosen, gap, fitted);
    grow(&mut widths, &chosen, of, room.saturating_sub(used));
    let mut x = MARGIN;
    let mut columns = Vec::with_capacity(chosen.len());
    for (column, wide) in chosen.iter().zip(&widths) {
        columns.push(PlacedColumn { column: *column, x, width: (*wide).min(width.saturating_sub(x)) });
        x = x.saturating_add(*wide).saturating_add(gap);
    }
    let told = (1..grid.columns.len()).filter(|at| is_told(*at)).count();
    let hidden = (grid.columns.len() - told).saturating_sub(columns.len());
    let has_left = scroll > 0;
    let passed = if has_left { scroll.min(grid.columns.len().saturating_sub(2)) } else { 0 };
    Placed { has_right: hidden > passed, columns, hidden, has_left, gap, branches }
}

/// Returns how far the columns can be scrolled sideways: until the last one is seen whole.
pub(super) fn furthest(grid: &Grid, needs: &ColumnNeeds, width: u16) -> usize {
    let most = grid.columns.len().saturating_sub(2);
    if place(grid, needs, width, 0, &[]).hidden == 0 {
        return 0;
    }
    let shows_last = |scroll: usize| {
        place(grid, needs, width, scroll, &[]).columns.last().is_some_and(|last| last.column + 1 == grid.columns.len())
    };
    (1..=most).find(|scroll| shows_last(*scroll)).unwrap_or(most)
}

/// The first column and those after the scrolled ones.
fn scrolled(count: usize, scroll: usize) -> Vec<usize> {
    let skip = scroll.min(count.saturating_sub(2));
    std::iter::once(0).chain(1 + skip..count).collect()
}

/// How far texts shrink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// To their `min`.
    Comfortable,
    /// To [`TIGHT`], where the screen is too narrow even for the columns that should stay.
    Tight,
}

/// Columns of the screen a text keeps on the narrowest screen.
const TIGHT: u16 = 8;

/// Returns the least a column can do with: a number all its digits, a text its `min`.
fn least(of: Measured<'_>, at: usize, fit: Fit) -> u16 {
    let Some(column) = of.grid.columns.get(at) else { return 0 };
    let whole = of.needs.widest.get(at).copied().unwrap_or(0);
    let indent = if at == 0 { of.indent } else { 0 };
    if column.is_number() || column.is_whole {
        whole + indent
    } else {
        let min = if fit == Fit::Tight { column.min.min(TIGHT) } else { column.min };
        whole.min(min.max(1)).max(title_width(column).min(min)) + indent
    }
}

/// Returns the most a column has use for.
fn most(of: Measured<'_>, at: usize) -> u16 {
    let Some(column) = of.grid.columns.get(at) else { return 0 };
    let indent = if at == 0 { of.indent } else { 0 };
    let whole = of.needs.widest.get(at).copied().unwrap_or(0).max(text::width(&column.title) as u16);
    let whole = whole.saturating_add(indent);
    if column.is_number() { whole } else { whole.min(column.max.saturating_add(indent)) }
}

fn total(chosen: &[usize], gap: u16, least: impl Fn(usize) -> u16) -> u16 {
    let gaps = gap.saturating_mul(chosen.len().saturating_sub(1) as u16);
    chosen.iter().fold(gaps, |sum, at| sum.saturating_add(least(*at)))
}

/// Returns the place in `chosen` of the column that vanishes first: one without a word in it before all others, then the
/// highest `drop`; of equals the rightmost. The first column stays.
fn first_to_go(grid: &Grid, needs: &ColumnNeeds, chosen: &[usize]) -> usize {
    let priority = |at: usize| {
        let is_empty = needs.is_filled.get(at) == Some(&false);
        (is_empty, grid.columns.get(at).map_or(0, |column| column.drop))
    };
    let places = chosen.iter().enumerate().skip(1);
    places.max_by_key(|(_, at)| priority(**at)).map_or(chosen.len() - 1, |(place, _)| place)
}

/// Gives the columns what is left: texts until they can be read, then headers their long titles, then texts the rest.
fn grow(widths: &mut [u16], chosen: &[usize], of: Measured<'_>, rest: u16) {
    let is_number = |at: usize| of.grid.columns.get(at).is_some_and(GridColumn::is_number);
    let readable = |at: usize| if is_number(at) { 0 } else { most(of, at).min(READABLE) };
    let titled = |at: usize| if is_number(at) { most(of, at) } else { 0 };
    let rest = fill(widths, chosen, rest, readable);
    let rest = fill(widths, chosen, rest, titled);
    fill(widths, chosen, rest, |at| most(of, at));
}

/// Widens the narrowest first, each up to its limit; returns what is left.
fn fill(widths: &mut [u16], chosen: &[usize], rest: u16, limit: impl Fn(usize) -> u16) -> u16 {
    let limits: Vec<u16> = chosen.iter().map(|at| limit(*at)).collect();
    for left in (1..=rest).rev() {
        let hungry = widths.iter_mut().zip(&limits).filter(|(width, limit)| **width < **limit);
        let Some((width, _)) = hungry.min_by_key(|(width, _)| **width) else { return left };
        *width += 1;
    }
    0
}
