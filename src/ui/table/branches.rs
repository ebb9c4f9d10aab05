//! How a tree is indented: two columns of the screen a level, one where the levels would take the names' room.
//!
//! Every level has a place of its own, so that lines that pass by stand below each other at any depth. Levels for which
//! the screen has no room stand at the last place, with their number.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::grid::{Grid, RowNesting};
use super::order::{DEEPEST, LineOf};
use crate::ui::glyphs::Glyphs;
use crate::ui::text;

/// Columns of the screen for the mark of what can be folded.
const MARK: u16 = 2;

/// Columns of the screen for one level of groups.
const GROUP_STEP: u16 = 3;

/// What a tree needs of the screen, for any width of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct TreeShape {
    nesting: RowNesting,
    /// Levels below the top.
    levels: u16,
    /// Columns of the screen before the lines of a tree: a forest has marks before its roots.
    base: u16,
}

impl TreeShape {
    /// Returns the shape of what is shown; folding changes only whether a lone root has a mark.
    pub(super) fn of(grid: &Grid) -> Self {
        let levels = grid.rows.iter().map(|row| row.depth).max().unwrap_or(0);
        let roots = grid.rows.iter().filter(|row| row.depth == 0).take(2).count();
        let has_marks = grid.shape == RowNesting::Grouped || roots > 1;
        Self { nesting: grid.shape, levels, base: if has_marks { MARK } else { 0 } }
    }

    /// Returns how it is drawn in so many columns of the screen.
    pub(super) fn in_room(self, room: u16) -> Branches {
        let (step, most) = match self.nesting {
            RowNesting::Tree if self.levels.saturating_mul(2) <= room / 4 => (2, self.levels),
            RowNesting::Tree => (1, self.levels.min(room / 2).min(DEEPEST)),
            RowNesting::Flat | RowNesting::Grouped => (GROUP_STEP, DEEPEST),
        };
        Branches { shape: self, step, most }
    }
}

/// How a tree is drawn in a width.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Branches {
    shape: TreeShape,
    /// Columns of the screen for one level.
    step: u16,
    /// The levels that have a place of their own.
    most: u16,
}

impl Branches {
    /// Returns the columns of the screen that a line's branches and marks take.
    pub(super) fn indent(&self, level: usize, is_folded: bool) -> u16 {
        let fold = if is_folded { MARK } else { 0 };
        match (self.shape.nesting, level) {
            (_, 0) => 0,
            (_, 1) => self.shape.base.max(fold),
            (RowNesting::Tree, level) => {
                let below = level - 1;
                let shown = u16::try_from(below).unwrap_or(u16::MAX).min(self.most);
                let number = if below > usize::from(shown) { text::width(&number(level)) as u16 } else { 0 };
                self.shape.base + shown * self.step + u16::from(self.step == 1) + number + fold
            }
            (_, level) => (level - 1).min(usize::from(self.most)) as u16 * self.step + fold,
        }
    }

    /// Draws a line's branches and fold mark in a place and returns the columns they took.
    pub(super) fn draw(&self, buffer: &mut Buffer, place: Rect, line: &LineOf, look: Look<'_>) -> u16 {
        let drawn = self.text(line, look.glyphs);
        let wide = place.width.min(text::width(&drawn) as u16);
        buffer.set_stringn(place.x, place.y, &drawn, usize::from(wide), look.style);
        wide
    }

    fn text(&self, line: &LineOf, glyphs: &Glyphs) -> String {
        let mut drawn = String::new();
        let fold = if line.is_folded { glyphs.folded } else { "" };
        match (line.level, self.shape.base) {
            (0, _) => {}
            (1, 0) => drawn.push_str(fold),
            (1, _) if line.children > 0 => drawn.push_str(if line.is_folded { glyphs.folded } else { glyphs.open }),
            (1, _) => drawn.push_str("  "),
            (level, base) if self.shape.nesting == RowNesting::Tree => {
                drawn.push_str(&" ".repeat(usize::from(base)));
                self.lines(&mut drawn, line, glyphs);
                if level - 1 > usize::from(self.most) {
                    drawn.push_str(&number(level));
                }
                drawn.push_str(fold);
            }
            (level, _) => {
                let blanks = (level - 1).min(usize::from(self.most)) * usize::from(self.step);
                drawn.push_str(&" ".repeat(blanks));
                drawn.push_str(fold);
            }
        }
        drawn
    }

    /// Adds the lines that pass by and the line's own.
    fn lines(&self, drawn: &mut String, line: &LineOf, glyphs: &Glyphs) {
        let blanks = " ".repeat(usize::from(self.step.saturating_sub(1)));
        let Some((own, above)) = line.followed.split_last() else { return };
        let passing = usize::from(self.most).saturating_sub(1).min(line.level.saturating_sub(2));
        for has_sibling in above.iter().skip(1).take(passing) {
            drawn.push_str(if *has_sibling { glyphs.trunk } else { " " });
            drawn.push_str(&blanks);
        }
        drawn.push_str(if *own { glyphs.branch } else { glyphs.last_branch });
        drawn.push_str(&blanks);
        if self.step == 1 {
            drawn.push(' ');
        }
    }
}

/// What branches are drawn with.
#[derive(Clone, Copy)]
pub(super) struct Look<'a> {
    /// The marks.
    pub(super) glyphs: &'a Glyphs,
    /// The colour of lines and marks.
    pub(super) style: Style,
}

/// Says at which level a line is that has no place of its own.
fn number(level: usize) -> String {
    format!("({level}) ")
}
