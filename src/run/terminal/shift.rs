//! Rows that moved to the left, as the rows of a chart do: the terminal moves them itself, and only what came in is written.

use ratatui::buffer::Cell;
use unicode_width::UnicodeWidthStr as _;

/// Cells of a row that must have changed before it is worth a look.
const LEAST: usize = 12;
/// The furthest that a row may have moved, in cells.
const FURTHEST: usize = 40;
/// About what the sequence costs, in cells that need not be written.
const COST: usize = 4;

/// How a row moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Shift {
    /// The cell that goes first, and how many go.
    pub(super) from: usize,
    pub(super) cells: usize,
}

/// Returns how a row moved, if most of what changed in it is that; `changed` is how many cells did.
pub(super) fn shift(before: &[Cell], after: &[Cell], changed: usize) -> Option<Shift> {
    if changed < LEAST || before.len() != after.len() {
        return None;
    }
    // Half a wide letter is something else on each terminal.
    if before.iter().chain(after).any(|cell| cell.symbol().width() != 1) {
        return None;
    }
    let from = before.iter().zip(after).position(|(before, after)| before != after)?;
    let left = |cells: usize| {
        let moved = before.iter().skip(from + cells).zip(after.iter().skip(from));
        moved.filter(|(before, after)| before != after).count() + cells
    };
    let most = FURTHEST.min(before.len() - from);
    let cells = (1..most).min_by_key(|cells| left(*cells))?;
    (left(cells) + COST < changed).then_some(Shift { from, cells })
}

/// Moves the cells of a row as the terminal does; what comes in at its end is not known.
pub(super) fn apply(row: &mut [Cell], shift: Shift) {
    if let Some(tail) = row.get_mut(shift.from..) {
        tail.rotate_left(shift.cells.min(tail.len()));
        let known = tail.len().saturating_sub(shift.cells);
        tail.iter_mut().skip(known).for_each(|cell| *cell = unknown());
    }
}

/// A cell that is like no other.
fn unknown() -> Cell {
    Cell::new("\0")
}
