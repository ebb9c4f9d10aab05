//! Two plans beside each other, or one: each node on a line with its time, its rows and its buffers.

use super::deck::LayOut;
use super::known::ServerKnowledge;
use super::names::NodeNames;
use crate::plan::diff::{Change, NodeChange};
use crate::plan::{BLOCK, Node, NodeId, Plan};
use crate::sample::Bytes;
use crate::sample::unit::Count;
use crate::ui::frame::TextPart;
use crate::ui::glyphs::Glyphs;
use crate::ui::text::{self, Align};
use crate::ui::theme::Role;

/// Columns of the time, the rows and the buffers of a node.
const FIGURES: [usize; 3] = [10, 10, 10];

/// Columns between two plans.
const BETWEEN: usize = 3;

/// Levels that are indented; deeper ones have their number.
const LEVELS: usize = 24;

/// The share of the whole from which on a node's time stands out.
const HOT: f64 = 0.33;

/// Which rows are compared: those of a run can only be compared with those of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ComparedRows {
    /// Those that came.
    Counted,
    /// Those that were estimated.
    Estimated,
}

/// A plan as lines.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct PlanLines {
    /// What stands above it.
    pub(super) title: &'static str,
    /// What its figures are.
    titles: [&'static str; 3],
    lines: Vec<Option<NodeLine>>,
    glyphs: Option<Glyphs>,
}

/// A node on a line.
#[derive(Debug, Clone, PartialEq)]
struct NodeLine {
    branches: String,
    name: String,
    role: Role,
    figures: [String; 3],
    is_hot: bool,
}

/// How a node looks that is only in this plan, and the nodes in their order; `None` is a gap.
pub(super) struct PlanOrder<'a> {
    /// The plan.
    pub(super) plan: &'a Plan,
    /// The nodes, each with whether the other plan has it too.
    pub(super) nodes: Vec<Option<(NodeId, bool)>>,
    /// How those look that it has not.
    pub(super) role: Role,
}

impl PlanLines {
    /// The lines of a plan in an order.
    pub(super) fn new(title: &'static str, order: &PlanOrder<'_>, rows: ComparedRows, glyphs: &Glyphs) -> Self {
        let known = ServerKnowledge::default();
        let names = NodeNames::of(order.plan, &known);
        let branches = branches(order.plan, glyphs);
        let line = |(id, is_in_both): (NodeId, bool)| {
            let node = order.plan.node(id)?;
            Some(NodeLine {
                branches: branches.get(id).cloned().unwrap_or_default(),
                name: text::clean(&names.name(node)).into_owned(),
                role: if is_in_both { Role::Text } else { order.role },
                figures: figures(order.plan, node, rows),
                is_hot: node.derived.share.is_some_and(|share| share >= HOT),
            })
        };
        let time = if order.plan.has_times() { "self time" } else { "self cost" };
        let counted = if rows == ComparedRows::Counted { "rows" } else { "est. rows" };
        let lines = order.nodes.iter().map(|node| node.and_then(line)).collect();
        Self { title, titles: [time, counted, "buffers"], lines, glyphs: Some(*glyphs) }
    }

    /// Returns the same plan by itself: without gaps, its nodes in their order.
    pub(super) fn in_order(&self) -> Self {
        Self {
            title: "node",
            lines: self.lines.iter().filter(|line| line.is_some()).cloned().collect(),
            ..self.clone()
        }
    }

    /// Returns how many figures have room beside the names: the time always, the rows and the buffers only then.
    fn shown_figures(&self, width: usize) -> usize {
        let wide = |line: &NodeLine| text::width(&line.branches) + text::width(&line.name) + 1;
        let widest = self.lines.iter().flatten().map(wide).max().unwrap_or(0);
        let fits = |shown: &usize| widest + FIGURES.iter().take(*shown).sum::<usize>() <= width;
        (1..=FIGURES.len()).rev().find(fits).unwrap_or(1)
    }

    /// Returns a line, as wide as the width: the head before the first.
    fn line(&self, at: usize, width: usize, shown: usize) -> Vec<TextPart> {
        let name_width = width.saturating_sub(FIGURES.iter().take(shown).sum::<usize>());
        let Some(at) = at.checked_sub(1) else {
            let head = text::pad(self.title, name_width, Align::Left);
            let figures = self.titles.iter().zip(FIGURES).take(shown);
            let figures = figures.map(|(title, wide)| text::pad(title, wide, Align::Right)).collect::<String>();
            return vec![(head, Role::Header), (figures, Role::Header)];
        };
        let Some(Some(line)) = self.lines.get(at) else { return vec![(" ".repeat(width), Role::Text)] };
        let cut = self.glyphs.map_or('…', |glyphs| glyphs.cut);
        let room = name_width.saturating_sub(text::width(&line.branches));
        let name = text::cut_middle(&line.name, room.saturating_sub(1), cut);
        let rest = " ".repeat(room.saturating_sub(text::width(&name)));
        let mut parts = vec![(line.branches.clone(), Role::Faint), (name, line.role), (rest, Role::Text)];
        for (place, (figure, wide)) in line.figures.iter().zip(FIGURES).take(shown).enumerate() {
            let role = if place == 0 && line.is_hot { Role::Title } else { Role::Muted };
            parts.push((text::pad(figure, wide, Align::Right), role));
        }
        parts
    }
}

/// Returns the time or the cost, the rows and the buffers of a node without its inputs.
fn figures(plan: &Plan, node: &Node, rows: ComparedRows) -> [String; 3] {
    let own = match (node.derived.self_time, node.derived.self_cost) {
        _ if node.is_never_executed() => "never".to_owned(),
        (Some(time), _) if plan.has_times() => time.to_string(),
        (_, Some(cost)) => Count(cost).to_string(),
        _ => String::new(),
    };
    let counted = match rows {
        ComparedRows::Counted => node.rows_total(),
        ComparedRows::Estimated => node.expected_rows(),
    };
    let blocks = node.derived.self_buffers;
    let touched = blocks.shared.touched() + blocks.local.touched() + blocks.temp.read + blocks.temp.written;
    let buffers = if touched > 0.0 { Bytes(touched * BLOCK).to_string() } else { String::new() };
    [own, counted.map(|rows| Count(rows).to_string()).unwrap_or_default(), buffers]
}

/// Returns the branches before each node.
fn branches(plan: &Plan, glyphs: &Glyphs) -> Vec<String> {
    let mut own = vec![String::new(); plan.nodes.len()];
    // What passes by below each node.
    let mut passing = own.clone();
    for (id, node) in plan.iter() {
        let above = passing.get(id).cloned().unwrap_or_default();
        for (place, child) in node.children.iter().enumerate() {
            let is_last = place + 1 == node.children.len();
            let (branch, trunk) = if is_last { (glyphs.last_branch, " ") } else { (glyphs.branch, glyphs.trunk) };
            let is_deep = node.depth >= LEVELS;
            if let Some(line) = own.get_mut(*child) {
                *line = if is_deep { format!("{above}({}) ", node.depth + 2) } else { format!("{above}{branch} ") };
            }
            if let Some(below) = passing.get_mut(*child) {
                *below = if is_deep { above.clone() } else { format!("{above}{trunk} ") };
            }
        }
    }
    own
}

impl LayOut for PlanLines {
    fn lines(&self, width: usize) -> Vec<Vec<TextPart>> {
        let shown = self.shown_figures(width);
        (0..=self.lines.len()).map(|at| self.line(at, width, shown)).collect()
    }
}

/// Two plans beside each other.
#[derive(Debug)]
pub(super) struct PlanPair(pub(super) PlanLines, pub(super) PlanLines);

impl LayOut for PlanPair {
    fn lines(&self, width: usize) -> Vec<Vec<TextPart>> {
        let half = width.saturating_sub(BETWEEN) / 2;
        let wall = self.0.glyphs.map_or("|", |glyphs| glyphs.wall);
        let most = self.0.lines.len().max(self.1.lines.len());
        // Both have the same columns.
        let shown = self.0.shown_figures(half).min(self.1.shown_figures(half));
        let line = |at: usize| {
            let mut line = self.0.line(at, half, shown);
            line.push((format!(" {wall} "), Role::Border));
            line.extend(self.1.line(at, half, shown));
            line
        };
        (0..=most).map(line).collect()
    }
}

/// Returns the nodes of both plans side by side where they stand in one order, else each plan in its own.
pub(super) fn orders<'a>(changes: &[Change], older: &'a Plan, newer: &'a Plan) -> [PlanOrder<'a>; 2] {
    let is_same = |change: &Change| change.shape == NodeChange::Same;
    let ids = |of: &dyn Fn(&Change) -> Option<NodeId>| {
        changes.iter().map(|change| of(change).map(|id| (id, is_same(change)))).collect::<Vec<_>>()
    };
    let mut nodes = [ids(&|change| change.older), ids(&|change| change.newer)];
    let is_in_order = nodes.iter().all(|nodes| nodes.iter().flatten().is_sorted_by_key(|(id, _)| *id));
    if !is_in_order {
        for nodes in &mut nodes {
            nodes.retain(Option::is_some);
            nodes.sort();
        }
    }
    let [before, after] = nodes;
    [
        PlanOrder { plan: older, nodes: before, role: Role::DiffRemove },
        PlanOrder { plan: newer, nodes: after, role: Role::DiffAdd },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::diff::diff;
    use crate::plan::parse;
    use crate::ui::glyphs::UNICODE;

    #[test]
    fn a_node_stands_beside_what_became_of_it() {
        let plan = |text: &str| parse(text).plans.remove(0);
        let before = plan(
            "Limit  (cost=1..9 rows=1 width=8)
  ->  Sort  (cost=1..8 rows=1 width=8)
        Sort Key: a
        ->  Seq Scan on o  (cost=0..7 rows=1 width=8)",
        );
        let after = plan(
            "Limit  (cost=1..3 rows=1 width=8)
  ->  Index Scan using o_a on o  (cost=0..2 rows=1 width=8)",
        );
        let [older, newer] = orders(&diff(&before, &after).changes, &before, &after);
        let lines = |title, order: &PlanOrder<'_>| PlanLines::new(title, order, ComparedRows::Estimated, &UNICODE);
        let pair = PlanPair(lines("before", &older), lines("after", &newer));
        let text = |line: &Vec<TextPart>| line.iter().map(|(text, _)| text.as_str()).collect::<String>();
        let all: Vec<String> = pair.lines(90).iter().map(|line| text(line).trim_end().to_owned()).collect();
        insta::assert_snapshot!(all.join("\n"));
    }

    #[test]
    fn a_plan_of_any_depth_has_short_branches() {
        let mut text = "Materialize  (cost=0..1 rows=1 width=8)".to_owned();
        for level in 1..300 {
            text.push_str(&format!("\n{}->  Materialize  (cost=0..1 rows=1 width=8)", " ".repeat(level * 6 - 4)));
        }
        let plan = parse(&text).plans.remove(0);
        let branches = branches(&plan, &UNICODE);
        assert_eq!(branches.len(), 300);
        assert!(branches.iter().all(|branch| text::width(branch) <= 2 * LEVELS + 6));
        assert!(branches.last().is_some_and(|last| last.ends_with("(300) ")), "{:?}", branches.last());
    }
}
