//! A plan as a tree with its figures beside it.
//!
//! On a narrow screen vanish, in this order: the total time, the I/O, the blocks read, the expected rows, the loops, the
//! share in figures, the rows removed, the remarks, the blocks, the estimate, the rows. The node, its own time and the bar
//! of its share stay. A column in which no node has a word is not there at all.

use std::collections::HashMap;

use super::indexes::IndexSearch;
use super::known::ServerKnowledge;
use super::names::NodeNames;
use crate::plan::scans::{self, SeqScan};
use crate::plan::{BLOCK, Direction, Misestimate, Node, NodeId, NodeKind, Plan};
use crate::sample::unit::{Count, Share, factor};
use crate::sample::{Bytes, Seconds};
use crate::ui::glyphs::Glyphs;
use crate::ui::table::{Cell, Grid, GridColumn, GridRow, RowNesting, SortKind};
use crate::ui::text;
use crate::ui::theme::Role;

/// Columns of the bar of a node's share: the least and the most.
const BAR: (u16, u16) = (6, 16);

/// Columns of a node's name that are kept on a narrow screen.
const NAME: u16 = 52;

/// Children of an Append from which on they are folded.
const FOLDED_FROM: usize = 4;

/// The factor from which on a wrong estimate is worth a look, and from which on it is bad.
const OFF: (f64, f64) = (10.0, 100.0);

/// The factor from which on an estimate is not said to be right.
const LEAST_OFF: f64 = 1.5;

/// What is said of an estimate that was not off.
const RIGHT: &str = "right";

/// The share of the whole below which a node's time is secondary, and from which on it is where the time goes.
const HOT: (f64, f64) = (0.01, 0.33);

/// Rows that a sequential scan threw away, or would, from which on it stands out.
const MANY_ROWS: f64 = 1000.0;

/// Returns the key of a node's row.
pub(super) fn key(id: NodeId) -> String {
    id.to_string()
}

/// Returns the nodes whose children are folded at first: an Append over many partitions.
pub(super) fn folded(plan: &Plan) -> impl Iterator<Item = NodeId> + '_ {
    let many = |node: &Node| node.children.len() >= FOLDED_FROM;
    plan.iter()
        .filter(move |(_, node)| matches!(node.kind, NodeKind::Append | NodeKind::MergeAppend) && many(node))
        .map(|(id, _)| id)
}

/// Returns the plan as a tree; `search` says for which scans an index is worth building.
pub(super) fn grid(plan: &Plan, known: &ServerKnowledge, search: &IndexSearch, glyphs: &Glyphs) -> Grid {
    let names = NodeNames::of(plan, known);
    let scans = scans::sequential(plan).into_iter().map(|scan| (scan.node, scan)).collect();
    let has_buffers = plan.root().is_some_and(|root| !root.buffers.is_empty());
    let line = NodeRow { plan, known, search, names, scans, glyphs, has_buffers };
    let rows: Vec<GridRow> = plan.iter().map(|(id, node)| line.row(id, node)).collect();
    let widest = rows.iter().filter_map(|row| row.cells.first()).map(|cell| text::width(&cell.text)).max().unwrap_or(0);
    let mut grid = Grid::new(columns(plan, u16::try_from(widest).unwrap_or(u16::MAX).min(NAME)));
    grid.shape = RowNesting::Tree;
    grid.rows = rows;
    without_empty_columns(&mut grid, plan);
    grid
}

/// Takes away the columns in which nothing is said, and that of the estimates where all are right.
fn without_empty_columns(grid: &mut Grid, plan: &Plan) {
    let says_something =
        |at: usize| grid.rows.iter().any(|row| row.cells.get(at).is_some_and(|cell| !cell.text.is_empty()));
    let estimates = grid.column("off").filter(|_| is_estimated_right(plan));
    let kept: Vec<bool> = (0..grid.columns.len()).map(|at| says_something(at) && Some(at) != estimates).collect();
    let mut of_columns = kept.iter();
    grid.columns.retain(|_| of_columns.next() == Some(&true));
    for row in &mut grid.rows {
        let mut of_cells = kept.iter();
        row.cells.retain(|_| of_cells.next() == Some(&true));
    }
}

fn columns(plan: &Plan, name: u16) -> Vec<GridColumn> {
    let (own, share) = if plan.has_times() { ("self time", "share of time") } else { ("self cost", "share of cost") };
    let rows = if plan.is_analyzed() { "rows" } else { "rows estimated" };
    let columns = vec![
        GridColumn::text("node", "node", name).names().help("The step of the plan; its inputs are below it (EXPLAIN)."),
        GridColumn::number("self", own)
            .help("Time of the node without its inputs; without ANALYZE, its cost in the planner's units (EXPLAIN).")
            .short("self"),
        GridColumn::text("bar", share, BAR.0)
            .help("The same as a share of the whole plan.")
            .at_most(BAR.1)
            .short("share"),
        GridColumn::number("share", "share").short("%").help("The share in figures.").drop(8),
        GridColumn::number("rows", rows)
            .help("Rows returned over all loops and processes; without ANALYZE, those estimated (EXPLAIN).")
            .short(if plan.is_analyzed() { "rows" } else { "est. rows" })
            .drop(1),
        GridColumn::number("off", "estimate")
            .help("How many times the estimate of rows is off; \"stopped\" where a node above needed no more.")
            .drop(2),
        GridColumn::number("expected", "planned rows")
            .help("Rows the planner estimated, over all loops (EXPLAIN).")
            .short("planned")
            .drop(9),
        GridColumn::number("removed", "removed")
            .help("Rows read and discarded by a filter (EXPLAIN: Rows Removed by Filter).")
            .drop(6),
        GridColumn::number("loops", "loops")
            .help("How often the node ran, where more than once (EXPLAIN: Actual Loops).")
            .drop(7),
        GridColumn::number("blocks", "buffers")
            .help("Bytes of buffers that the node itself looked at, found in memory or read (EXPLAIN BUFFERS).")
            .drop(4),
        GridColumn::number("read", "read")
            .help("Bytes of these that were not in shared buffers (EXPLAIN BUFFERS).")
            .drop(10),
        GridColumn::number("io", "I/O")
            .help("Time the node itself waited for reads and writes; needs track_io_timing (EXPLAIN BUFFERS).")
            .drop(11),
        GridColumn::number("total", "total time")
            .help("Time of the node with its inputs (EXPLAIN: Actual Total Time).")
            .short("total")
            .drop(12),
        GridColumn::text("remarks", "remarks", 40)
            .help("What stands out: rows read for those kept, spills, workers that did not start.")
            .drop(5),
    ];
    columns.into_iter().map(|column| column.sorted(SortKind::Fixed)).collect()
}

struct NodeRow<'a> {
    plan: &'a Plan,
    known: &'a ServerKnowledge,
    search: &'a IndexSearch,
    names: NodeNames<'a>,
    scans: HashMap<NodeId, SeqScan>,
    glyphs: &'a Glyphs,
    has_buffers: bool,
}

impl NodeRow<'_> {
    fn row(&self, id: NodeId, node: &Node) -> GridRow {
        let (remarks, is_warning) = self.remarks(id, node);
        let remarks = Cell::text(&remarks).role(if is_warning { Role::Warning } else { Role::Muted });
        let name = Cell::text(&self.names.name(node));
        let name = if stands_out(node) { name.role(Role::Warning) } else { name };
        let own_blocks = node.derived.self_buffers;
        let touched = own_blocks.shared.touched() + own_blocks.local.touched();
        let read = own_blocks.shared.read + own_blocks.local.read + own_blocks.temp.read;
        let bytes = |blocks: f64| Cell::optional((blocks > 0.0).then_some((Bytes(blocks * BLOCK), blocks)));
        let share = node.derived.share;
        let cells = vec![
            name,
            by_weight(self.own(node), share),
            share.map_or_else(Cell::default, |share| Cell::meter(share, BAR.1)),
            Cell::optional(share.map(|share| (Share(share), share))).role(Role::Muted),
            rows_cell(node),
            off_cell(node),
            Cell::optional(node.actual.and(expected(node)).map(|rows| (Count(rows), rows))).role(Role::Muted),
            count_cell(removed(node)),
            count_cell(if node.loops() > 1.0 { node.loops() } else { 0.0 }),
            bytes(if self.has_buffers { touched } else { 0.0 }),
            bytes(read),
            Cell::optional(Some(self.own_io(id, node)).filter(|io| *io > 0.0).map(|io| (Seconds(io), io))),
            Cell::optional(node.derived.total_time.map(|time| (time, time.0))).role(Role::Muted),
            remarks,
        ];
        let row = GridRow::new(key(id), cells).depth(u16::try_from(node.depth).unwrap_or(u16::MAX));
        if node.is_never_executed() { row.role(Role::Muted) } else { row }
    }

    fn own(&self, node: &Node) -> Cell {
        if node.is_never_executed() {
            return Cell::text("never");
        }
        match (self.plan.has_times(), node.derived.self_time, node.derived.self_cost) {
            (true, Some(time), _) => Cell::number(time, time.0),
            (_, _, Some(cost)) => Cell::number(Count(cost), cost),
            _ => Cell::default(),
        }
    }

    /// The time of reads and writes without that of its inputs.
    fn own_io(&self, id: NodeId, node: &Node) -> f64 {
        let below: f64 = self.plan.children(id).map(|(_, child)| child.io.total().0).sum();
        (node.io.total().0 - below).max(0.0) / node.derived.processes.max(1.0)
    }

    /// Returns what is to be said of a node, and whether it is a warning.
    fn remarks(&self, id: NodeId, node: &Node) -> (String, bool) {
        let mut warnings = Vec::new();
        let mut notes = Vec::new();
        if node.is_never_executed() {
            notes.push("never executed".to_owned());
        }
        if let Some(scan) = self.scans.get(&id) {
            let said = self.scan(node, scan);
            if stands_out(node) { warnings.push(said) } else { notes.push(said) }
        }
        warnings.extend(spills(node));
        warnings.extend(fetches(node));
        if let (Some(planned), Some(launched)) = (node.number("Workers Planned"), node.number("Workers Launched"))
            && launched < planned
        {
            warnings.push(format!("{launched} of {planned} workers"));
        }
        if let Some(cache) = node.memoized.filter(|cache| cache.hits + cache.misses > 0.0) {
            notes.push(format!("{} from cache", Share(cache.hits / (cache.hits + cache.misses))));
        }
        if let Some(pruned) = node.number("Subplans Removed").filter(|pruned| *pruned > 0.0) {
            notes.push(format!("{pruned} partitions pruned"));
        }
        if node.is_disabled() {
            warnings.push("disabled by a setting".to_owned());
        }
        if matches!(node.kind, NodeKind::Append | NodeKind::MergeAppend) {
            notes.push(format!("{} parts", node.children.len()));
        }
        if node.derived.is_cut_short && node.kind.reads_table() && !node.is_never_executed() {
            notes.push("may have stopped early".to_owned());
        }
        let is_warning = !warnings.is_empty();
        warnings.extend(notes.into_iter().filter(|note| !note.is_empty()));
        (warnings.join(&format!(" {} ", self.glyphs.dot)), is_warning)
    }

    /// What a sequential scan read for what it kept, whether an index would do better, the size of the table.
    fn scan(&self, node: &Node, scan: &SeqScan) -> String {
        let mut parts = Vec::new();
        if let Some(read) = scan.rows_read {
            parts.push(match (node.filter().is_some(), scan.kept_share()) {
                (true, Some(share)) => format!("{} read, {} kept", Count(read), Share(share)),
                (true, None) => format!("{} read, at most {} kept", Count(read), Count(scan.rows_kept)),
                (false, _) => format!("all {} rows read", Count(read)),
            });
            if scan.times > 1.5 {
                parts.push(format!("{} times", Count(scan.times.round())));
            }
        }
        parts.extend(self.search.word_on(scan.node));
        parts.extend(self.known.size(node).map(|size| format!("table of {size}")));
        if node.is_parallel_aware {
            parts.push("parallel".to_owned());
        }
        parts.join(&format!(" {} ", self.glyphs.dot))
    }
}

/// Gives a figure the weight of its share of the whole.
fn by_weight(cell: Cell, share: Option<f64>) -> Cell {
    match share {
        Some(share) if share >= HOT.1 => cell.role(Role::Title),
        Some(share) if share < HOT.0 => cell.role(Role::Muted),
        _ => cell,
    }
}

/// Whether a sequential scan is to be seen at once: it threw away much of what it read, or takes much of the time.
fn stands_out(node: &Node) -> bool {
    if node.kind != NodeKind::SeqScan || node.is_never_executed() {
        return false;
    }
    let removed = node.removed_by_filter();
    let is_wasteful = removed >= MANY_ROWS && removed > node.rows_total().unwrap_or(0.0);
    is_wasteful || node.derived.share.unwrap_or(0.0) >= HOT.1
}

fn spills(node: &Node) -> Vec<String> {
    let mut told = Vec::new();
    if let Some(sort) = node.sorted.as_ref().filter(|sort| sort.is_on_disk) {
        told.push(format!("{}: {} on disk", sort.method, sort.space));
    }
    if let Some(hash) = node.hashed.filter(|hash| hash.batches > 1.0) {
        told.push(format!("{} batches, spilled", Count(hash.batches)));
    }
    if let Some(hash) = node.aggregated.filter(|hash| hash.disk.0 > 0.0) {
        told.push(format!("{} on disk in {} batches", hash.disk, Count(hash.batches)));
    }
    let temp = node.derived.self_buffers.temp;
    if told.is_empty() && temp.read + temp.written > 0.0 {
        told.push(format!("{} of temporary files", Bytes((temp.read + temp.written) * BLOCK)));
    }
    told
}

fn fetches(node: &Node) -> Vec<String> {
    let mut told = Vec::new();
    if let Some(fetches) = node.heap_fetches().filter(|fetches| *fetches >= 1.0) {
        told.push(format!("{} heap fetches", Count(fetches)));
    }
    if let Some(lossy) = node.number("Lossy Heap Blocks").filter(|lossy| *lossy > 0.0) {
        told.push(format!("{} lossy blocks", Count(lossy)));
    }
    told
}

/// Returns the rows expected over all executions and processes, to stand beside those that came.
fn expected(node: &Node) -> Option<f64> {
    let times = (node.loops() / node.derived.processes.max(1.0)).max(1.0);
    node.expected_rows().map(|rows| rows * times)
}

fn removed(node: &Node) -> f64 {
    node.removed_by_filter() + node.removed_by_join_filter() + node.removed_by_recheck()
}

fn count_cell(count: f64) -> Cell {
    Cell::optional((count > 0.0).then_some((Count(count), count)))
}

fn rows_cell(node: &Node) -> Cell {
    if node.is_never_executed() {
        return Cell::default();
    }
    let rows = node.rows_or_estimate();
    Cell::number(Count(rows), rows)
}

/// Whether fewer rows came than were expected because something above needed no more: that is no wrong estimate.
fn is_stopped_early(node: &Node) -> bool {
    let is_over = |off: Misestimate| off.direction == Direction::Over && off.factor >= LEAST_OFF;
    node.derived.is_cut_short && node.derived.misestimate.is_some_and(is_over)
}

/// Returns whether every estimate that was put to the test was right.
pub(super) fn is_estimated_right(plan: &Plan) -> bool {
    let mut tested = plan.nodes.iter().filter(|node| node.derived.misestimate.is_some()).peekable();
    tested.peek().is_some() && tested.all(|node| off_words(node).as_deref() == Some(RIGHT))
}

/// How far the estimate was off, in words: `12× under` means that twelve times as many rows came as were estimated.
fn off_words(node: &Node) -> Option<String> {
    let off = node.derived.misestimate?;
    if is_stopped_early(node) {
        return Some("stopped".to_owned());
    }
    let word = match off.direction {
        Direction::Under if off.factor >= LEAST_OFF => "under",
        Direction::Over if off.factor >= LEAST_OFF => "over",
        _ => return Some(RIGHT.to_owned()),
    };
    Some(format!("{}× {word}", factor(off.factor)))
}

fn off_cell(node: &Node) -> Cell {
    let (Some(words), Some(off)) = (off_words(node), node.derived.misestimate) else { return Cell::default() };
    let cell = Cell::number(words, off.factor);
    // What something above may have stopped was not wrongly estimated.
    if node.derived.is_cut_short || off.factor < LEAST_OFF {
        cell.role(Role::Muted)
    } else if off.factor >= OFF.1 {
        cell.role(Role::Bad)
    } else if off.factor >= OFF.0 {
        cell.role(Role::Warning)
    } else {
        cell
    }
}
