//! A plan as a tree with its figures beside it.
//!
//! On a narrow screen vanish, in this order: the total time, the I/O, the blocks read, the expected rows, the loops, the
//! rows removed, the bar, the blocks, the remarks. The node, its own time, its share, its rows and how far the estimate
//! was off stay.

use std::collections::HashSet;

use super::known::ServerKnowledge;
use crate::plan::text_label::label;
use crate::plan::{BLOCK, Direction, Misestimate, Node, NodeId, NodeKind, Plan, Relationship, hot};
use crate::sample::unit::{Count, Share};
use crate::sample::{Bytes, Seconds};
use crate::ui::gauge::bar;
use crate::ui::glyphs::Glyphs;
use crate::ui::table::{Cell, Grid, GridColumn, GridRow, RowNesting, SortKind};
use crate::ui::theme::Role;

/// Columns of the bar of a node's share.
const BAR: usize = 8;

/// Columns of a node's name that are kept on a narrow screen.
const NAME: u16 = 34;

/// Children of an Append from which on they are folded.
const FOLDED_FROM: usize = 4;

/// The factor from which on a wrong estimate is worth a look, and from which on it is bad.
const OFF: (f64, f64) = (10.0, 100.0);

/// The factor from which on an estimate is not said to be right.
const LEAST_OFF: f64 = 1.5;

/// The share of the time from which on a node is worth a look, and from which on it is where the time goes.
const HOT: (f64, f64) = (0.10, 0.33);

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

/// Returns the plan as a tree.
pub(super) fn grid(plan: &Plan, known: &ServerKnowledge, glyphs: &Glyphs) -> Grid {
    let hot: HashSet<NodeId> = hot::path(plan).into_iter().collect();
    let widest = plan.nodes.iter().map(|node| name(node).len()).max().unwrap_or(0);
    let mut grid = Grid::new(columns(plan, u16::try_from(widest).unwrap_or(u16::MAX).min(NAME)));
    grid.shape = RowNesting::Tree;
    let has_buffers = plan.root().is_some_and(|root| !root.buffers.is_empty());
    let hottest = hot::slowest(plan, 1).first().copied();
    let line = NodeRow { plan, known, glyphs, has_buffers };
    let heat = |id: NodeId| match hottest {
        Some(hottest) if hottest == id => Heat::Hottest,
        _ if hot.contains(&id) => Heat::OnPath,
        _ => Heat::Cool,
    };
    grid.rows = plan.iter().map(|(id, node)| line.row(id, node, heat(id))).collect();
    grid
}

fn columns(plan: &Plan, name: u16) -> Vec<GridColumn> {
    let own = if plan.has_times() { "self time" } else { "self cost" };
    let rows = if plan.is_analyzed() { "rows" } else { "rows estimated" };
    let columns = vec![
        GridColumn::text("node", "node", name).help("The step of the plan; its inputs are below it (EXPLAIN)."),
        GridColumn::number("self", own)
            .help("Time of the node without its inputs; without ANALYZE, its cost in the planner's units (EXPLAIN).")
            .short("self"),
        GridColumn::number("share", "share").help("The same as a share of the whole plan."),
        GridColumn::text("bar", "", 8).help("The same share as a bar.").at_most(8).drop(3),
        GridColumn::number("rows", rows)
            .help("Rows returned over all loops and processes; without ANALYZE, those estimated (EXPLAIN).")
            .short("rows"),
        GridColumn::number("off", "error")
            .help("How many times the estimate of rows is off; \"stopped\" where a node above needed no more."),
        GridColumn::number("expected", "estimated")
            .help("Rows the planner estimated, over all loops (EXPLAIN).")
            .short("est.")
            .drop(6),
        GridColumn::number("removed", "removed")
            .help("Rows read and discarded by a filter (EXPLAIN: Rows Removed by Filter).")
            .drop(4),
        GridColumn::number("loops", "loops")
            .help("How often the node ran, where more than once (EXPLAIN: Actual Loops).")
            .drop(5),
        GridColumn::number("blocks", "buffers")
            .help("Bytes of buffers that the node itself looked at, found in memory or read (EXPLAIN BUFFERS).")
            .drop(2),
        GridColumn::number("read", "read")
            .help("Bytes of these that were not in shared buffers (EXPLAIN BUFFERS).")
            .drop(7),
        GridColumn::number("io", "I/O")
            .help("Time the node itself waited for reads and writes; needs track_io_timing (EXPLAIN BUFFERS).")
            .drop(8),
        GridColumn::number("total", "total time")
            .help("Time of the node with its inputs (EXPLAIN: Actual Total Time).")
            .short("total")
            .drop(9),
        GridColumn::text("remarks", "remarks", 20)
            .help("What stands out: spills, workers that did not start, rows discarded.")
            .drop(1),
    ];
    columns.into_iter().map(|column| column.sorted(SortKind::Fixed)).collect()
}

/// Whether a node is where the time goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heat {
    /// It is not.
    Cool,
    /// It is on the way there.
    OnPath,
    /// It has the most time of its own.
    Hottest,
}

struct NodeRow<'a> {
    plan: &'a Plan,
    known: &'a ServerKnowledge,
    glyphs: &'a Glyphs,
    has_buffers: bool,
}

impl NodeRow<'_> {
    fn row(&self, id: NodeId, node: &Node, heat: Heat) -> GridRow {
        let share = node.derived.share.unwrap_or(0.0);
        let (remarks, is_warning) = self.remarks(node);
        let remarks = Cell::text(&remarks).role(if is_warning { Role::Warning } else { Role::Muted });
        let name = Cell::text(&self.name(node, heat));
        let name = match heat {
            _ if stands_out(node) => name.role(Role::Warning),
            Heat::Cool => name,
            Heat::OnPath | Heat::Hottest => name.role(Role::Accent),
        };
        let own_blocks = node.derived.self_buffers;
        let touched = own_blocks.shared.touched() + own_blocks.local.touched();
        let read = own_blocks.shared.read + own_blocks.local.read + own_blocks.temp.read;
        let bytes = |blocks: f64| Cell::optional((blocks > 0.0).then_some((Bytes(blocks * BLOCK), blocks)));
        let cells = vec![
            name,
            warm(self.own(node), share),
            warm(Cell::optional(node.derived.share.map(|share| (Share(share), share))), share),
            warm(Cell::mark(if share > 0.0 { bar(share, BAR, self.glyphs) } else { String::new() }, share), share),
            rows_cell(node),
            off_cell(node),
            Cell::optional(node.actual.and(expected(node)).map(|rows| (Count(rows), rows))),
            count_cell(removed(node)),
            count_cell(if node.loops() > 1.0 { node.loops() } else { 0.0 }),
            bytes(if self.has_buffers { touched } else { 0.0 }),
            bytes(read),
            Cell::optional(Some(self.own_io(id, node)).filter(|io| *io > 0.0).map(|io| (Seconds(io), io))),
            Cell::optional(node.derived.total_time.map(|time| (time, time.0))),
            remarks,
        ];
        let row = GridRow::new(key(id), cells).depth(u16::try_from(node.depth).unwrap_or(u16::MAX));
        if node.is_never_executed() { row.role(Role::Muted) } else { row }
    }

    /// The name, with a mark on the way to where the time goes.
    fn name(&self, node: &Node, heat: Heat) -> String {
        match heat {
            Heat::Cool => name(node),
            Heat::OnPath => format!("{} {}", self.glyphs.prompt, name(node)),
            Heat::Hottest => format!("{} {}", self.glyphs.warning, name(node)),
        }
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
    fn remarks(&self, node: &Node) -> (String, bool) {
        let mut warnings = Vec::new();
        let mut notes = Vec::new();
        if node.is_never_executed() {
            notes.push("never executed".to_owned());
        }
        if node.kind == NodeKind::SeqScan {
            let told = self.scan(node);
            if stands_out(node) { warnings.push(told) } else { notes.push(told) }
        }
        warnings.extend(spills(node));
        warnings.extend(fetches(node));
        if let (Some(planned), Some(launched)) = (node.number("Workers Planned"), node.number("Workers Launched")) {
            let told = format!("{launched} of {planned} workers");
            if launched < planned { warnings.push(told) } else { notes.push(told) }
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

    /// What a sequential scan read for what it kept, the size of the table, the model.
    fn scan(&self, node: &Node) -> String {
        let mut parts = Vec::new();
        let kept = node.rows_or_estimate();
        if node.actual.is_some() && !node.is_never_executed() {
            let read = kept + node.removed_by_filter();
            parts.push(if node.filter().is_some() {
                format!("{} read, {} kept", Count(read), Count(kept))
            } else {
                format!("all {} rows read", Count(read))
            });
            let times = node.loops() / node.derived.processes.max(1.0);
            if times > 1.5 {
                parts.push(format!("{} times", Count(times.round())));
            }
        }
        parts.extend(self.known.size(node).map(|size| format!("table of {size}")));
        parts.extend(self.known.model(node).map(|model| format!("model {model}")));
        parts.join(&format!(" {} ", self.glyphs.dot))
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

/// Returns the name of a node: what it is to its parent where that is not plain, and what it does.
pub(super) fn name(node: &Node) -> String {
    let label = label(node);
    // The schema takes the room that the table's name needs; it is in the node's own document.
    let schema = node.schema().map(|schema| format!(" on {}.", crate::quote::ident_as_printed(schema)));
    let label = schema.map_or(label.clone(), |schema| label.replacen(&schema, " on ", 1));
    match (node.subplan_name(), node.relationship) {
        (Some(subplan), Relationship::InitPlan | Relationship::SubPlan) => format!("{subplan}: {label}"),
        _ => label,
    }
}

/// Returns the rows expected over all executions and processes, to stand beside those that came.
fn expected(node: &Node) -> Option<f64> {
    let times = (node.loops() / node.derived.processes.max(1.0)).max(1.0);
    node.expected_rows().map(|rows| rows * times)
}

fn removed(node: &Node) -> f64 {
    node.removed_by_filter() + node.removed_by_join_filter() + node.removed_by_recheck()
}

fn warm(cell: Cell, share: f64) -> Cell {
    if share >= HOT.1 {
        cell.role(Role::Bad)
    } else if share >= HOT.0 {
        cell.role(Role::Warning)
    } else {
        cell
    }
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

/// How far the estimate was off: `12× under` means that twelve times as many rows came as were estimated.
fn off_cell(node: &Node) -> Cell {
    let Some(off) = node.derived.misestimate else { return Cell::default() };
    if is_stopped_early(node) {
        return Cell::mark("stopped", 1.0).role(Role::Muted);
    }
    if off.factor < LEAST_OFF {
        return Cell::number("ok", 1.0).role(Role::Muted);
    }
    let word = match off.direction {
        Direction::Under => " under",
        Direction::Over => " over",
        Direction::Exact => "",
    };
    let cell = Cell::number(format!("{}×{word}", Count(off.factor)), off.factor);
    // What something above may have stopped was not wrongly estimated.
    if node.derived.is_cut_short {
        cell.role(Role::Muted)
    } else if off.factor >= OFF.1 {
        cell.role(Role::Bad)
    } else if off.factor >= OFF.0 {
        cell.role(Role::Warning)
    } else {
        cell
    }
}
