//! The table of all panes: sorted, filtered, scrolled both ways, with a selection that follows its row.
//!
//! A pane makes a [`Grid`] in `refresh` and hands it to [`TableState::refresh`], which puts the rows in order; [`draw`] then
//! only places what is visible. What happens on a narrow screen: numbers are never cut, texts shrink to their column's `min`
//! with `…`, then columns vanish, the highest [`GridColumn::drop`] first. `→` scrolls to them with the first column fixed;
//! `‹ ›` and the lower border of the frame say that there is more.

mod branches;
mod columns;
mod draw;
mod framed;
mod grid;
mod order;
mod state;

pub use draw::draw;
pub(crate) use draw::draw_notice;
pub use framed::draw_framed;
pub(crate) use framed::lower_border;
pub use grid::{
    BarPart, Cell, CellKind, CutAt, Grid, GridColumn, GridRow, Notice, RowNesting, SortKey, SortKind, WhenAlike,
};
pub use order::SortDirection;
pub use state::{Move, TableHit, TableState};

#[cfg(test)]
mod tests;
