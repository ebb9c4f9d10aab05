//! What the rules share: how a node is called, what its time is, how conditions are read.

use std::collections::HashMap;

pub(super) use super::{Hit, IndexIdea, Tip, TipInput, Topic};
pub(super) use crate::plan::Direction;
pub(super) use crate::plan::{BLOCK, Node, NodeId, NodeKind, Plan, Relationship};
use crate::quote::qualified;
pub(super) use crate::sample::unit::{Bytes, Count, Seconds, Share};

impl Hit {
    /// What was seen at a node, what to do, and what it could save at most, in seconds.
    pub(super) fn at(node: NodeId, seen: String, advice: impl Into<String>, saving: f64) -> Self {
        Self { node: Some(node), ..Self::whole(seen, advice, saving) }
    }

    /// What was seen of the plan as a whole.
    pub(super) fn whole(seen: String, advice: impl Into<String>, saving: f64) -> Self {
        Self {
            node: None,
            cause: None,
            seen,
            advice: advice.into(),
            index: None,
            saving: saving.max(0.0),
            is_outside: false,
        }
    }

    /// Says which part of the advice names an index, and on which table.
    pub(super) fn naming(mut self, words: Option<String>, table: Option<&str>) -> Self {
        let idea = words.zip(table).map(|(words, table)| IndexIdea { table: table.to_owned(), words, order: None });
        self.index = idea;
        self
    }

    /// Says that the index is for an order, which begins with a column.
    pub(super) fn in_order(mut self, column: Option<&str>) -> Self {
        if let Some(index) = &mut self.index {
            index.order = column.map(str::to_owned);
        }
        self
    }

    /// Says that what it saves is not in the time of the plan.
    pub(super) fn outside_the_plan(mut self) -> Self {
        (self.saving, self.is_outside) = (0.0, true);
        self
    }

    /// Names another node as the place of the cause.
    pub(super) fn because_of(mut self, cause: NodeId) -> Self {
        self.cause = Some(cause);
        self
    }
}

impl<'a> TipInput<'a> {
    /// Returns the nodes that were run, or may have been, of these kinds.
    pub(super) fn of(&self, kinds: &'static [NodeKind]) -> impl Iterator<Item = (NodeId, &'a Node)> {
        self.all().filter(|(_, node)| kinds.contains(&node.kind))
    }

    /// Returns the nodes that were run, or may have been.
    pub(super) fn all(&self) -> impl Iterator<Item = (NodeId, &'a Node)> {
        let plan: &'a Plan = self.plan;
        plan.iter().filter(|(_, node)| !node.is_never_executed())
    }

    /// Returns the first scan of a table that has this alias.
    pub(super) fn scan(&self, alias: &str) -> Option<&'a Node> {
        let scans = self.scans.get_or_init(|| {
            let mut scans = HashMap::new();
            for (_, node) in self.all().filter(|(_, node)| node.kind.reads_table()) {
                if let Some(alias) = node.alias() {
                    scans.entry(alias).or_insert(node);
                }
            }
            scans
        });
        scans.get(alias).copied()
    }

    /// Returns the time of the whole, in seconds; zero without times.
    pub(super) fn total(&self) -> f64 {
        if self.plan.has_times() { self.plan.total_time().map_or(0.0, |time| time.0) } else { 0.0 }
    }

    /// Returns a scan's place: the Append it is a part of, so that partitions have one cause.
    pub(super) fn cause(&self, id: NodeId) -> NodeId {
        let append = self.plan.ancestors(id).find(|(_, node)| !matches!(node.kind, NodeKind::BitmapHeapScan));
        append
            .filter(|(_, node)| matches!(node.kind, NodeKind::Append | NodeKind::MergeAppend))
            .map_or(id, |(id, _)| id)
    }

    /// Whether the statement changes rows or locks them.
    pub(super) fn writes(&self) -> bool {
        self.plan.nodes.iter().any(|node| matches!(node.kind, NodeKind::ModifyTable | NodeKind::LockRows))
    }
}

/// Returns the time of a node without its children, in seconds; zero without times.
pub(super) fn own(node: &Node) -> f64 {
    node.derived.self_time.map_or(0.0, |time| time.0)
}

/// Returns the time of a node with its children, in seconds; zero without times.
pub(super) fn with_children(node: &Node) -> f64 {
    node.derived.total_time.map_or(0.0, |time| time.0)
}

/// Returns the rows that the client gets and where the number comes from: counted in this run, else the average of the
/// calls; an estimate only where the planner knew the values.
pub(super) fn rows_returned(seen: &TipInput<'_>) -> Option<(f64, &'static str)> {
    let root = seen.plan.root()?;
    if let Some(rows) = root.rows_total() {
        return Some((rows, "; sending them is not in this time"));
    }
    if let Some(rows) = seen.context.rows_per_call {
        return Some((rows, " a call, by pg_stat_statements"));
    }
    // A generic plan does not know the values: its rows are an average over all of them, or a default.
    let is_generic = seen.plan.nodes.iter().flat_map(|node| &node.fields).any(|(name, field)| {
        (name.ends_with("Cond") || name == "Filter") && field.as_text().is_some_and(|text| text.contains('$'))
    });
    root.estimate.filter(|_| !is_generic).map(|estimate| (estimate.rows, " (estimated)"))
}

/// Returns how a node is called in a sentence: `Seq Scan on shop_order`, `Hash Join`.
pub(super) fn name(node: &Node) -> String {
    match node.relation().or(node.cte()) {
        Some(relation) => format!("{} on {relation}", node.node_type),
        None => node.node_type.to_string(),
    }
}

/// Returns the table of a node, or its name.
pub(super) fn table(node: &Node) -> String {
    node.relation().map_or_else(|| name(node), str::to_owned)
}

/// Returns the table of a node as SQL: quoted, with its schema where the plan has it.
pub(super) fn quoted_table(node: &Node) -> String {
    qualified(node.schema().unwrap_or_default(), node.relation().unwrap_or_default())
}

/// Returns how far an estimate was off and which way, at least this factor; not where the node was stopped early.
pub(super) fn off_by(node: &Node, least: f64) -> Option<(f64, Direction)> {
    let wrong = node.derived.misestimate.filter(|_| !node.derived.is_cut_short)?;
    (wrong.factor >= least).then_some((wrong.factor, wrong.direction))
}

/// Returns `10 rows estimated, 5.0k actual` of a node, and of what they are where that is not the whole.
pub(super) fn expected_and_got(node: &Node) -> String {
    let expected = node.estimate.map_or(0.0, |estimate| estimate.rows);
    let got = node.actual.map_or(0.0, |actual| actual.rows);
    // Both are averages over what ran it.
    let each = match (node.derived.processes, node.loops()) {
        (processes, _) if processes > 1.0 => " per process",
        (_, loops) if loops > 1.0 => " per execution",
        _ => "",
    };
    format!("{}: {} rows estimated, {} actual{each}", name(node), Count(expected), Count(got))
}

/// Returns the lowest node below (or at) this one from which a wrong estimate comes: no child of it is off by 3 times.
pub(super) fn origin(plan: &Plan, from: NodeId) -> NodeId {
    let mut at = from;
    while let Some((worst, _)) = plan
        .children(at)
        .filter(|(_, child)| !matches!(child.relationship, Relationship::InitPlan | Relationship::SubPlan))
        .filter_map(|(id, child)| Some((id, off_by(child, 3.0)?.0)))
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
    {
        at = worst;
    }
    at
}

/// Returns the time that a better estimate of a node's rows could save at most; `None` where the plan has nothing that was
/// chosen by it: the scan itself reads what it reads.
pub(super) fn misled(plan: &Plan, id: NodeId) -> Option<f64> {
    let is_choice = |node: &Node| match node.kind {
        NodeKind::Sort | NodeKind::IncrementalSort | NodeKind::Materialize | NodeKind::Memoize | NodeKind::SetOp => {
            true
        }
        NodeKind::Aggregate => node.strategy() != Some("Plain"),
        kind => kind.is_join(),
    };
    let mut above = plan.ancestors(id).filter(|(_, node)| is_choice(node)).take(2);
    let (nearest, first) = above.next()?;
    let rest: f64 = above.map(|(_, node)| own(node)).sum();
    // How often the other side of a join runs, and how, was chosen by the rows of this one.
    let is_other = |(child, node): &(NodeId, &Node)| !(*child..node.derived.subtree_end).contains(&id);
    let others: f64 = plan.children(nearest).filter(is_other).map(|(_, node)| with_children(node)).sum();
    Some(own(first) + others + rest)
}

/// Returns a condition, cut to what fits a sentence.
pub(super) fn short(condition: &str) -> String {
    const MOST: usize = 80;
    let mut text: String = condition.chars().take(MOST).collect();
    if text.len() < condition.len() {
        text.push('…');
    }
    text
}

/// Returns a size for `work_mem` that holds this many bytes with some room: a power of two of megabytes.
pub(super) fn work_mem_for(bytes: f64) -> String {
    let megabytes = (bytes / 1_048_576.0).max(4.0).log2().ceil().exp2();
    if megabytes >= 1024.0 { format!("{:.0}GB", megabytes / 1024.0) } else { format!("{megabytes:.0}MB") }
}

/// Returns the rows a scan read: those it returned and those it threw away, over all loops.
pub(super) fn rows_read(node: &Node) -> f64 {
    node.rows_total().unwrap_or(0.0) + node.removed_by_filter() + node.removed_by_recheck()
}

/// Returns for which rows a scan's condition is looked at: those it read where that was counted, else those of the table.
pub(super) fn rows_looked_at(seen: &TipInput<'_>, node: &Node) -> String {
    let known = seen.context.table(node).and_then(|table| table.rows).filter(|rows| *rows > 0.0);
    match known {
        _ if node.actual.is_some() => format!("each of {} rows of {}", Count(rows_read(node)), table(node)),
        Some(rows) => format!("each of about {} rows of {}", Count(rows), table(node)),
        None => format!("each row of {}", table(node)),
    }
}

/// Returns a condition without its texts in quotes, so that no word of a value is taken for code.
pub(super) fn without_texts(condition: &str) -> String {
    condition.split('\'').step_by(2).collect::<Vec<_>>().join("''")
}

/// For the tests of the rules.
#[cfg(test)]
pub(super) mod test {
    use super::super::TipContext;
    use super::{Plan, Tip, TipInput};

    /// Returns the first plan of a text; what a short example lacks is no matter.
    pub(in crate::plan::tips) fn plan_of(text: &str) -> Plan {
        crate::plan::parse(text).plans.into_iter().next().unwrap_or_default()
    }

    /// Checks what one rule says of a plan: `what was seen: what to do`, nothing if it is silent.
    pub(in crate::plan::tips) fn check(tip: &Tip, text: &str, expected: &str) {
        check_with(tip, text, &TipContext::default(), expected);
    }

    /// Checks what one rule says of a plan when more is known.
    pub(in crate::plan::tips) fn check_with(tip: &Tip, text: &str, context: &TipContext, expected: &str) {
        let plan = plan_of(text);
        assert!(!plan.nodes.is_empty(), "no plan in {text}");
        let hits = (tip.find)(&TipInput::new(&plan, context));
        let said: Vec<String> = hits.iter().map(|hit| format!("{}: {}", hit.seen, hit.advice)).collect();
        assert_eq!(said.join("\n"), expected, "{text}");
    }
}
