//! The table of Load: each slice with its share, its load by wait class, and what costs most in it.

use std::collections::HashMap;

use crate::panes::column::{PaneColumn, cells, column, headers};
use crate::readings::load::WaitClass;
use crate::readings::slices::{Dimension, SliceRow, SliceValue};
use crate::sample::unit::Share;
use crate::ui::chart::{average, wait_classes};
use crate::ui::table::{BarPart, Cell, GridColumn, GridRow, SortKind};
use crate::ui::theme::Role;

/// Columns of the screen of the largest row's bar.
const BAR: f64 = 14.0;

/// A slice, and how much more load it has than in the time before.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) slice: SliceRow,
    /// The change in active sessions; `None` where it is not compared.
    pub(super) change: Option<f64>,
}

/// A row as it is shown.
#[derive(Debug)]
pub(super) struct LoadRow {
    pub(super) row: Changed,
    /// Its share of all rows; `None` where there are too few samples to tell.
    pub(super) share: Option<f64>,
    pub(super) name: String,
    pub(super) mostly: String,
    /// Active sessions of the largest row.
    pub(super) most: f64,
}

impl LoadRow {
    fn share_cell(&self) -> Cell {
        Cell::optional(self.share.map(|share| (Share(share), share)))
    }

    fn active_cell(&self) -> Cell {
        Cell::number(average(self.row.slice.active), self.row.slice.active)
    }

    fn change_cell(&self) -> Cell {
        let Some(change) = self.row.change else { return Cell::default() };
        let sign = match change {
            0.0 => "",
            _ if change < 0.0 => "-",
            _ => "+",
        };
        let cell = Cell::number(format!("{sign}{}", average(change.abs())), change);
        if change > 0.0 { cell } else { cell.role(Role::Muted) }
    }

    fn bar_cell(&self) -> Cell {
        let slice = &self.row.slice;
        let parts = bar(&slice.by_class, if self.most > 0.0 { slice.active / self.most } else { 0.0 });
        let classes = WaitClass::ALL.iter().zip(slice.by_class).filter(|(_, active)| *active > 0.0);
        let words: Vec<String> =
            classes.map(|(class, active)| format!("{} {}", class.name(), average(active))).collect();
        Cell::bar(parts, words.join(", "), slice.active)
    }

    fn name_cell(&self) -> Cell {
        let cell = Cell::text(&self.name);
        match self.row.slice.value {
            SliceValue::Named(_) | SliceValue::Query(_) => cell,
            SliceValue::Untagged(_) | SliceValue::Absent => cell.role(Role::Muted),
        }
    }
}

/// Returns the parts of a bar whose length is a share of the longest: whole columns, each class that is seen at all first by
/// its size.
fn bar(by_class: &[f64; WaitClass::ALL.len()], share: f64) -> Vec<BarPart> {
    let total: f64 = by_class.iter().sum();
    if total <= 0.0 {
        return Vec::new();
    }
    let columns = (share * BAR).round().max(1.0);
    let mut parts = Vec::new();
    let (mut sum, mut drawn) = (0.0, 0.0);
    for (class, active) in wait_classes().iter().zip(by_class) {
        sum += active;
        let until = (sum / total * columns).round();
        let width = (until - drawn) as u16;
        drawn = until;
        if width > 0 {
            parts.push(BarPart { width, role: class.role, letter: class.letter });
        }
    }
    parts
}

/// Puts the change since the time before to each row, and the rows that are gone since; the greatest change comes first.
pub(super) fn with_changes(rows: Vec<SliceRow>, before: Option<Vec<SliceRow>>) -> Vec<Changed> {
    let Some(before) = before else {
        return rows.into_iter().map(|slice| Changed { slice, change: None }).collect();
    };
    let mut before: HashMap<SliceValue, SliceRow> = before.into_iter().map(|row| (row.value.clone(), row)).collect();
    let mut changed: Vec<Changed> = rows
        .into_iter()
        .map(|slice| {
            let was = before.remove(&slice.value).map_or(0.0, |before| before.active);
            Changed { change: Some(slice.active - was), slice }
        })
        .collect();
    changed.extend(before.into_values().map(|was| {
        let gone = SliceRow { active: 0.0, by_class: [0.0; WaitClass::ALL.len()], ..was };
        Changed { slice: gone, change: Some(-was.active) }
    }));
    let size = |row: &Changed| row.change.unwrap_or(0.0);
    changed.sort_by(|left, right| {
        size(right).total_cmp(&size(left)).then_with(|| left.slice.value.cmp(&right.slice.value))
    });
    changed
}

/// Returns the row of the grid.
pub(super) fn grid_row(columns: &[PaneColumn<LoadRow>], row: &LoadRow) -> GridRow {
    GridRow::new(row.row.slice.value.key(), cells(columns, row))
}

/// Returns the headers and the columns of a table by a dimension.
pub(super) fn headers_of(dimension: Dimension, is_compared: bool) -> (Vec<GridColumn>, Vec<PaneColumn<LoadRow>>) {
    let columns = columns(dimension, is_compared);
    (headers(&columns), columns)
}

fn columns(dimension: Dimension, is_compared: bool) -> Vec<PaneColumn<LoadRow>> {
    let is_statement = dimension == Dimension::Statement;
    let name = GridColumn::text("name", dimension.name(), if is_statement { 18 } else { 30 });
    let name = name.at_most(if is_statement { 120 } else { 44 });
    let (mostly, about) = if is_statement {
        ("mostly from", "The Django view that runs it most, by sampled time (pg_stat_activity.query).")
    } else {
        ("statement that costs most", "The statement that most of its sampled time goes to (pg_stat_activity.query).")
    };
    let mut columns = vec![
        column(
            GridColumn::number("share", "share")
                .help("Its share of the active sessions of all rows, by samples; not shown for three samples or fewer (pg_stat_activity)."),
            LoadRow::share_cell,
        ),
        column(
            GridColumn::number("active", "active")
                .help("Sessions that were active at a moment, on average over the samples (pg_stat_activity.state)."),
            LoadRow::active_cell,
        ),
    ];
    if is_compared {
        columns.push(column(
            GridColumn::number("change", "change")
                .help("Active sessions more or fewer than in the same length of time before.")
                .drop(1),
            LoadRow::change_cell,
        ));
    }
    columns.extend([
        column(
            GridColumn::text("waits", "by wait", BAR as u16)
                .help("Its active sessions by wait class, in the colours of the chart (pg_stat_activity.wait_event_type).")
                .at_most(BAR as u16)
                .sorted(SortKind::Fixed)
                .drop(2),
            LoadRow::bar_cell,
        ),
        column(name.help(format!("Who or what it is: {}.", dimension.about())), LoadRow::name_cell),
        column(GridColumn::text("mostly", mostly, 16).short("mostly").help(about).drop(3), |row: &LoadRow| {
            Cell::text(&row.mostly)
        }),
    ]);
    columns
}
