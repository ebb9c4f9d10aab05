//! Two plans side by side: the one that was kept as "before" and the one that is shown, or without and with an index.

use super::tree::name;
use crate::plan::diff::{Change, Delta, Diff, NOTABLE, NodeChange, diff};
use crate::plan::{BLOCK, Plan};
use crate::sample::unit::{self, Count, counted};
use crate::sample::{Bytes, Seconds};
use crate::ui::frame::{Segment, TextPart};
use crate::ui::glyphs::Glyphs;
use crate::ui::table::{Cell, Grid, GridColumn, GridRow, RowNesting as GridShape, SortKind};
use crate::ui::theme::Role;

/// Two plans compared.
#[derive(Debug)]
pub(super) struct Comparison {
    /// The nodes of both, one a row.
    pub(super) grid: Grid,
    /// The figures of both as wholes.
    pub(super) figures: Vec<Segment>,
    /// What is compared, in one line.
    pub(super) about: Vec<TextPart>,
}

impl Comparison {
    /// Says what is compared.
    pub(super) fn about(self, about: Vec<TextPart>) -> Self {
        Self { about, ..self }
    }
}

/// Compares two plans.
pub(super) fn compare(older: &Plan, newer: &Plan, glyphs: &Glyphs) -> Comparison {
    let found = diff(older, newer);
    let rows = if older.is_analyzed() && newer.is_analyzed() { ComparedRows::Counted } else { ComparedRows::Estimated };
    let mut grid = Grid::new(columns(rows));
    grid.shape = GridShape::Tree;
    grid.rows = found.changes.iter().enumerate().map(|(at, change)| row(at, change, older, newer)).collect();
    Comparison { grid, figures: figures(&found, glyphs), about: Vec::new() }
}

/// Which rows are compared: those of a run can only be compared with those of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ComparedRows {
    Counted,
    Estimated,
}

impl ComparedRows {
    fn titles(self) -> [&'static str; 2] {
        match self {
            Self::Counted => ["rows before", "rows after"],
            Self::Estimated => ["est. rows before", "est. rows after"],
        }
    }
}

fn columns(rows: ComparedRows) -> Vec<GridColumn> {
    let pair = |columns: [(&'static str, &'static str); 2], drop: u8, help: &'static str| {
        columns.map(|(id, title)| GridColumn::number(id, title).drop(drop).help(help))
    };
    let mut columns = vec![
        GridColumn::text("change", "", 1).help("What became of the node: the same, changed, new or gone.").at_most(1),
        GridColumn::text("node", "node", 20)
            .help("The step of the later plan, or of the earlier where it is gone (EXPLAIN)."),
        GridColumn::text("was", "node before", 12)
            .help("What the node was before, where it does it in another way.")
            .at_most(16)
            .drop(1),
    ];
    columns.extend(pair(
        [("time_before", "time before"), ("time", "time after")],
        0,
        "Time of the node without its inputs, in the earlier and the later plan (EXPLAIN).",
    ));
    columns.push(
        GridColumn::number("factor", "change")
            .help("How many times slower or faster the node itself is; = is within 20%."),
    );
    let [before, after] = rows.titles();
    columns.extend(pair(
        [("rows_before", before), ("rows", after)],
        2,
        "Rows the node returned over all loops and processes, or those estimated (EXPLAIN).",
    ));
    columns.extend(pair(
        [("blocks_before", "buffers before"), ("blocks", "buffers after")],
        3,
        "Bytes of buffers that the node itself looked at (EXPLAIN BUFFERS).",
    ));
    columns.extend(pair(
        [("cost_before", "cost before"), ("cost", "cost after")],
        4,
        "Cost of the node without its inputs, in the planner's units (EXPLAIN).",
    ));
    // The tree's branches stand in the first column.
    columns.swap(0, 1);
    columns.into_iter().map(|column| column.sorted(SortKind::Fixed)).collect()
}

fn row(at: usize, change: &Change, older: &Plan, newer: &Plan) -> GridRow {
    let was = change.older.and_then(|id| older.node(id));
    let is = change.newer.and_then(|id| newer.node(id));
    let (mark, role) = match change.shape {
        NodeChange::Same => ("", Role::Text),
        NodeChange::Was(_) => ("~", Role::Accent),
        NodeChange::Came => ("+", Role::DiffAdd),
        NodeChange::Gone => ("-", Role::DiffRemove),
    };
    let label = |node: Option<&crate::plan::Node>| node.map(name).unwrap_or_default();
    let before = match &change.shape {
        NodeChange::Same => Cell::text("same").role(Role::Muted),
        NodeChange::Was(was) => Cell::text(was).role(Role::DiffRemove),
        NodeChange::Came => Cell::text("added").role(Role::Muted),
        NodeChange::Gone => Cell::text("removed").role(Role::Muted),
    };
    let node = Cell::text(&label(is.or(was))).role(role);
    let mut cells = vec![node, Cell::mark(mark, 0.0).role(role), before];
    let seconds = |figure: Option<f64>| Cell::optional(figure.map(|time| (Seconds(time), time)));
    let count = |figure: Option<f64>| Cell::optional(figure.map(|count| (Count(count), count)));
    let bytes = |figure: Option<f64>| Cell::optional(figure.map(|blocks| (Bytes(blocks * BLOCK), blocks)));
    cells.extend([seconds(change.time.older), seconds(change.time.newer), factor_cell(&change.time)]);
    cells.extend([count(change.rows.older), count(change.rows.newer)]);
    cells.extend([bytes(change.blocks.older), bytes(change.blocks.newer)]);
    cells.extend([count(change.cost.older), count(change.cost.newer)]);
    let depth = is.or(was).map_or(0, |node| node.depth);
    GridRow::new(at.to_string(), cells).depth(u16::try_from(depth).unwrap_or(u16::MAX))
}

fn factor_cell(delta: &Delta) -> Cell {
    let (text, role) = factor(delta, TIME);
    let cell = Cell::number(text, delta.change().unwrap_or(0.0));
    cell.role(role)
}

/// What more and less of a figure is called.
type Words = (&'static str, &'static str);

const TIME: Words = ("slower", "faster");
const COST: Words = ("higher", "lower");
const BUFFERS: Words = ("more", "fewer");

/// Returns how many times more or less, with its mark; small differences are chance.
fn factor(delta: &Delta, (more, less): Words) -> (String, Role) {
    match delta.factor().filter(|factor| *factor > 0.0) {
        Some(factor) if factor >= NOTABLE => (format!("{}× {more}", unit::factor(factor)), Role::Bad),
        Some(factor) if factor <= 1.0 / NOTABLE => (format!("{}× {less}", unit::factor(1.0 / factor)), Role::Good),
        Some(_) => ("=".to_owned(), Role::Muted),
        None => (String::new(), Role::Muted),
    }
}

fn figures(found: &Diff, glyphs: &Glyphs) -> Vec<Segment> {
    let mut all = Vec::new();
    let arrow = if glyphs.is_unicode { "→" } else { "->" };
    let mut told = |what: &str, words: Words, delta: &Delta, show: &dyn Fn(f64) -> String| {
        let (Some(older), Some(newer)) = (delta.older, delta.newer) else { return };
        let (times, role) = factor(delta, words);
        let drop = all.len() as u8;
        let segment = Segment::new(format!("{what} "), Role::Muted)
            .and(format!("{} {arrow} {}", show(older), show(newer)), Role::Text)
            .and(format!(" {times}"), role);
        all.push(segment.drop(drop));
    };
    told("time", TIME, &found.time, &|time| Seconds(time).to_string());
    told("cost", COST, &found.cost, &|cost| Count(cost).to_string());
    told("buffers", BUFFERS, &found.blocks, &|blocks| Bytes(blocks * BLOCK).to_string());
    let shapes = found.shapes().count();
    let words =
        if shapes == 0 { "same plan shape".to_owned() } else { counted(shapes, "node changed", "nodes changed") };
    all.push(Segment::new(words, Role::Muted).drop(4));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::parse;

    #[test]
    fn rows_are_said_to_be_estimated_where_one_of_the_plans_was_not_run() {
        let plan = |text: &str| parse(text).plans.remove(0);
        let estimate = plan("Seq Scan on o  (cost=1..2 rows=599 width=8)");
        let run = plan("Seq Scan on o  (cost=1..2 rows=599 width=8) (actual time=0..1 rows=1000 loops=1)");
        for (older, newer, title, rows) in
            [(&estimate, &run, "est. rows after", "599"), (&run, &run, "rows after", "1.0k")]
        {
            let grid = compare(older, newer, &crate::ui::glyphs::UNICODE).grid;
            let at = grid.column("rows").unwrap();
            assert_eq!((&*grid.columns[at].title, grid.rows[0].cells[at].text.as_str()), (title, rows));
        }
    }
}
