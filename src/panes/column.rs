//! A column of a pane: its header, its order and the cell of a row, declared in one place.

use crate::ui::table::{Cell, GridColumn};

/// A column over rows of one type.
pub(super) struct PaneColumn<R> {
    header: GridColumn,
    cell: fn(&R) -> Cell,
}

/// Declares a column.
pub(super) fn column<R>(header: GridColumn, cell: fn(&R) -> Cell) -> PaneColumn<R> {
    PaneColumn { header, cell }
}

impl<R> PaneColumn<R> {
    /// Says when it vanishes on a narrow screen: the highest first.
    pub(super) fn drop(self, priority: u8) -> Self {
        Self { header: self.header.drop(priority), ..self }
    }

    /// Whether it is the column of an id.
    pub(super) fn is(&self, id: &str) -> bool {
        self.header.id == id
    }

    /// Returns its header.
    pub(super) fn header(&self) -> GridColumn {
        self.header.clone()
    }

    /// Returns the cell of a row.
    pub(super) fn cell(&self, row: &R) -> Cell {
        (self.cell)(row)
    }
}

/// Returns the headers of columns.
pub(super) fn headers<R>(columns: &[PaneColumn<R>]) -> Vec<GridColumn> {
    columns.iter().map(PaneColumn::header).collect()
}

/// Returns the cells of a row.
pub(super) fn cells<R>(columns: &[PaneColumn<R>], row: &R) -> Vec<Cell> {
    columns.iter().map(|column| column.cell(row)).collect()
}
