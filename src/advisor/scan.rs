//! What a plan says of one scan: its conditions, what is wanted of its order, what it is joined with, what it costs.

use std::collections::BTreeMap;

use super::condition::{Clause, ScanRelation, clauses, is_own};
use super::order::{WantedOrder, estimated_offset, extreme, order_of, rows_of_one};
use crate::catalog::{AccessMethod, Catalog, Expr, PlannerSettings, Table, parse};
use crate::plan::scans::kept;
use crate::plan::{Node, NodeId, NodeKind, Plan, Relationship};

/// One scan of a table.
#[derive(Debug, Clone)]
pub struct Scan<'a> {
    /// The node.
    pub id: NodeId,
    /// The node itself.
    pub node: &'a Node,
    /// The table.
    pub table: &'a Table,
    /// The conditions, those of an index search included.
    pub clauses: Vec<Clause>,
    /// The conditions that an index is searched by already.
    pub searched: Vec<Clause>,
    /// The order that is wanted of its rows.
    pub order: Option<WantedOrder>,
    /// Joins by equality with other relations.
    pub joins: Vec<Join>,
    /// Columns that are needed above it, `None` where the plan does not say (no VERBOSE).
    pub outputs: Option<Vec<String>>,
    /// Rows it returns in one execution, all processes together.
    pub rows: f64,
    /// The most rows that it may have returned over all executions, where the plan has rounded them to none.
    pub at_most: Option<f64>,
    /// Rows its filter removes in one execution, all processes together; `None` without ANALYZE.
    pub removed: Option<f64>,
    /// Rows that the search of its index finds in one execution, before the filter; `None` where no index is searched.
    ///
    /// Counted with ANALYZE, else estimated: the planner does not print it.
    pub found: Option<f64>,
    /// How often it is executed.
    pub loops: f64,
    /// Time with its children over all loops, milliseconds; `None` without ANALYZE.
    pub time: Option<f64>,
    /// Cost of all executions.
    pub cost: f64,
    /// Whether it stops early, because something above needs a few rows only and nothing between sorts or groups.
    pub stops_early: bool,
    /// Whether its rows are grouped, or a table's every row is counted, right above.
    pub is_aggregated: bool,
    /// Whether it is what a DELETE or UPDATE reads.
    pub is_written: bool,
    /// Scans of the plan that read partitions of the same table, itself included; 1 for a table that is no partition.
    pub siblings: f64,
    /// Rows that a deep OFFSET above throws away.
    pub offset: f64,
    /// What the rest of a parallel plan would cost more if this scan were not shared by its workers: an index search is
    /// not, mostly.
    pub parallel_loss: f64,
    /// What that rest costs now.
    pub parallel_rest: f64,
    /// The index of the bitmap that it reads, if it reads one.
    pub bitmap_index: Option<String>,
}

/// A join by equality.
#[derive(Debug, Clone, PartialEq)]
pub struct Join {
    /// The key on this side, normalised.
    pub key: Expr,
    /// Rows of the other side.
    pub other_rows: f64,
    /// The join's node.
    pub node: NodeId,
    /// Whether rows are only looked for, not joined (Semi, Anti).
    pub is_existence: bool,
}

/// Returns every scan of a table that the catalog knows.
pub fn scans<'a>(plan: &'a Plan, catalog: &'a Catalog) -> Vec<Scan<'a>> {
    let mut found: Vec<Scan<'a>> = plan
        .iter()
        .filter(|(_, node)| node.kind.reads_table())
        .filter_map(|(id, node)| {
            let table = catalog.table(node.schema(), node.relation()?)?;
            Some(scan(plan, id, node, table, catalog))
        })
        .collect();
    let mut parts: BTreeMap<&(String, String), f64> = BTreeMap::new();
    for scan in &found {
        if let Some(parent) = &scan.table.parent {
            *parts.entry(parent).or_default() += 1.0;
        }
    }
    for scan in &mut found {
        if scan.is_walk() {
            scan.cost = scan.cost.min(scan.cost_of_walk(&catalog.settings));
        }
        scan.siblings = scan.table.parent.as_ref().and_then(|parent| parts.get(parent)).copied().unwrap_or(1.0);
        // One sort for all partitions.
        if let Some(order) = &mut scan.order {
            order.sort_cost /= scan.siblings;
            order.rows /= scan.siblings;
            order.sort_time = order.sort_time.map(|time| time / scan.siblings);
        }
    }
    found
}

fn scan<'a>(plan: &'a Plan, id: NodeId, node: &'a Node, table: &'a Table, catalog: &Catalog) -> Scan<'a> {
    let relation = ScanRelation::of(table, node.alias().unwrap_or_default());
    let read = |text: Option<&str>| text.map(|text| clauses(parse::expression(text), relation)).unwrap_or_default();
    let mut searched = read(node.index_cond());
    for recheck in read(node.recheck_cond()) {
        if !searched.contains(&recheck) {
            searched.push(recheck);
        }
    }
    let mut all = searched.clone();
    all.extend(read(node.filter()).into_iter().filter(|clause| !searched.contains(clause)));
    let loops = super::repeats::executions(plan, id, catalog);
    let per_loop = |rows: f64| if node.actual.is_some() { rows * node.loops() / loops.max(1.0) } else { rows };
    let kept = kept(plan, id);
    let rows = match (node.actual, node.estimate) {
        (Some(_), _) => kept.filter(|kept| !kept.is_at_most).map_or(0.0, |kept| kept.rows / loops.max(1.0)),
        // Without ANALYZE a parallel scan's rows are those of one process.
        (None, Some(estimate)) => estimate.rows * if node.is_parallel_aware { workers(plan, id) } else { 1.0 },
        (None, None) => 0.0,
    };
    let removed = node.actual.and(node.removed.by_filter.or(Some(0.0))).map(per_loop);
    let mut found = Scan {
        id,
        node,
        table,
        clauses: all,
        searched,
        order: None,
        joins: Vec::new(),
        outputs: needed(plan, id, outputs(node, relation), relation),
        rows,
        at_most: kept.filter(|kept| kept.is_at_most).map(|kept| kept.rows),
        removed,
        found: None,
        loops,
        time: node.derived.total_time.map(|time| time.0 * 1000.0),
        cost: node.estimate.map_or(0.0, |estimate| estimate.total_cost) * loops + gather_cost(plan, id, node),
        stops_early: false,
        is_aggregated: false,
        is_written: false,
        siblings: 1.0,
        offset: 0.0,
        parallel_loss: parallel_rest(plan, id, node) * (workers(plan, id) - 1.0),
        parallel_rest: parallel_rest(plan, id, node),
        bitmap_index: plan.subtree(id).find_map(|(_, below)| below.index()).map(str::to_owned),
    };
    found.found = found.searched_rows(plan, per_loop(node.removed.by_index_recheck.unwrap_or(0.0)));
    found.climb(plan, relation, catalog);
    found.joins.extend(super::exists::lookups(plan, id, relation));
    found.learn_shares();
    found
}

/// Processes that share a scan: the planned workers, and the leader for the part it still takes.
///
/// Source: `get_parallel_divisor` in src/backend/optimizer/path/costsize.c.
fn workers(plan: &Plan, id: NodeId) -> f64 {
    let planned =
        plan.ancestors(id).find(|(_, node)| node.kind.is_gather()).and_then(|(_, node)| node.number("Workers Planned"));
    planned.map_or(1.0, |workers| workers + (1.0 - 0.3 * workers).max(0.0))
}

fn outputs(node: &Node, relation: ScanRelation<'_>) -> Option<Vec<String>> {
    let texts = node.output();
    if texts.is_empty() {
        // A count(*) needs no column at all, which VERBOSE shows as no Output; without VERBOSE nothing is known.
        return node.schema().map(|_| Vec::new());
    }
    let mut found: Vec<String> = Vec::new();
    for text in texts {
        for name in parse::expression(text).columns() {
            // A scan gives all columns where that is cheaper than choosing: then nothing is known of what is needed.
            if relation.table.column(name).is_some() && !found.iter().any(|known| known == name) {
                found.push(name.to_owned());
            }
        }
    }
    Some(found)
}

/// What starting the workers of a scan and taking over its rows costs, where nothing but the scan is parallel.
fn gather_cost(plan: &Plan, id: NodeId, node: &Node) -> f64 {
    let cost = |node: &Node| node.estimate.map_or(0.0, |estimate| estimate.total_cost);
    let mut below = cost(node);
    for (_, above) in plan.ancestors(id).take_while(|_| node.is_parallel_aware) {
        if above.kind.is_gather() {
            return (cost(above) - below).max(0.0);
        }
        if above.kind.is_join() || above.kind == NodeKind::Append {
            break;
        }
        below = cost(above);
    }
    0.0
}

/// Cost under the same Gather beside a scan that its workers share, less what each of them does of it.
fn parallel_rest(plan: &Plan, id: NodeId, node: &Node) -> f64 {
    let cost = |node: &Node| node.estimate.map_or(0.0, |estimate| estimate.total_cost);
    let gather = plan.ancestors(id).find(|(_, above)| above.kind.is_gather());
    let Some((gather, _)) = gather.filter(|_| node.is_parallel_aware) else { return 0.0 };
    let whole = plan.children(gather).map(|(_, child)| cost(child)).fold(0.0, f64::max);
    let has_join = plan.ancestors(id).take_while(|(above, _)| *above != gather).any(|(_, above)| above.kind.is_join());
    if !has_join || cost(node) > MOST_OF_IT * whole {
        return 0.0;
    }
    (whole - cost(node)).max(0.0)
}

/// A scan that takes more of its parallel plan than this is what the plan is parallel for.
const MOST_OF_IT: f64 = 0.3;

/// A scan gives all columns where that is cheaper than choosing; what is needed stands in the aggregate above it then.
fn needed(plan: &Plan, id: NodeId, outputs: Option<Vec<String>>, relation: ScanRelation<'_>) -> Option<Vec<String>> {
    let is_all = outputs.as_ref().is_some_and(|found| found.len() > 1 && found.len() == relation.table.columns.len());
    if !is_all {
        return outputs;
    }
    let mut texts: Vec<&str> = Vec::new();
    for (_, node) in plan.ancestors(id) {
        match node.kind {
            NodeKind::Gather | NodeKind::GatherMerge => {}
            NodeKind::Sort | NodeKind::IncrementalSort => texts.extend(node.sort_key()),
            NodeKind::Aggregate | NodeKind::Group => {
                texts.extend(node.output());
                texts.extend(node.group_key());
                return columns_of(&texts, relation).or(outputs);
            }
            _ => break,
        }
    }
    outputs
}

/// Returns this relation's columns in texts; `None` where one cannot be read.
fn columns_of(texts: &[&str], relation: ScanRelation<'_>) -> Option<Vec<String>> {
    let mut found: Vec<String> = Vec::new();
    for text in texts {
        let text = text.trim_start_matches('(').trim_start_matches("PARTIAL ");
        let text = text.strip_suffix(" DESC").unwrap_or(text);
        let open = text.matches('(').count();
        let text = if open < text.matches(')').count() { text.strip_suffix(')').unwrap_or(text) } else { text };
        if text == "count(*)" {
            continue;
        }
        let expr = parse::expression(text);
        if expr.any_part(&|part| matches!(part, Expr::Other(_) | Expr::SubPlan)) {
            return None;
        }
        for name in expr.columns() {
            if relation.table.column(name).is_some() && !found.iter().any(|known| known == name) {
                found.push(name.to_owned());
            }
        }
    }
    Some(found)
}

impl Join {
    /// Returns the join as a clause with a value that is not known.
    pub(crate) fn clause(&self, table: &Table) -> Clause {
        let whole = Expr::binary("=", self.key.clone(), Expr::Parameter("$join".to_owned()));
        let rows = table.rows_or_guess();
        let selectivity = table.statistics_of(&self.key).map_or(0.005, |statistics| statistics.equal_share(None, rows));
        Clause {
            class: super::condition::ClauseClass::Equal,
            key: self.key.clone(),
            whole,
            is_constant: false,
            selectivity,
        }
    }
}

impl Scan<'_> {
    /// Returns the rows that are read over all executions: those that are kept and those that are thrown away.
    pub fn rows_read(&self) -> f64 {
        match self.removed {
            Some(removed) => (self.rows + removed) * self.loops,
            None if self.searched.is_empty() => self.table.rows_or_guess() * self.loops,
            None => self.found.unwrap_or(self.rows).max(self.rows) * self.loops,
        }
    }

    /// Returns the rows that the search of the index finds in one execution.
    fn searched_rows(&self, plan: &Plan, rechecked: f64) -> Option<f64> {
        if self.searched.is_empty() {
            return None;
        }
        if let Some(removed) = self.removed {
            return Some(self.rows + removed + rechecked);
        }
        // A bitmap's own node says what it finds.
        let bitmap =
            plan.children(self.id).map(|(_, child)| child).find(|child| child.kind == NodeKind::BitmapIndexScan);
        if let Some(estimate) = bitmap.and_then(|bitmap| bitmap.estimate) {
            return Some(estimate.rows.max(self.rows));
        }
        let mut shares: Vec<(&Expr, f64)> = Vec::new();
        for clause in &self.searched {
            match shares.iter_mut().find(|(key, _)| *key == &clause.key) {
                // Two bounds of one range: what both leave.
                Some((_, share)) => *share = (*share + clause.selectivity - 1.0).max(*share * clause.selectivity),
                None => shares.push((&clause.key, clause.selectivity)),
            }
        }
        let share: f64 = shares.iter().map(|(_, share)| share).product();
        Some((share * self.table.rows_or_guess()).max(self.rows))
    }

    /// Learns from the nodes above it.
    fn climb(&mut self, plan: &Plan, relation: ScanRelation<'_>, catalog: &Catalog) {
        let mut child = self.id;
        let mut is_ordered_context = true;
        for (id, node) in plan.ancestors(self.id) {
            let relationship = plan.node(child).map(|node| node.relationship).unwrap_or_default();
            if matches!(relationship, Relationship::InitPlan | Relationship::SubPlan) {
                break;
            }
            match node.kind {
                NodeKind::Sort | NodeKind::IncrementalSort if is_ordered_context && self.order.is_none() => {
                    self.order = order_of(plan, id, node, relation).map(|order| WantedOrder {
                        sort_cost: order.sort_cost * super::repeats::executions(plan, id, catalog),
                        ..order
                    });
                    is_ordered_context = self.order.is_some();
                    self.stops_early = false;
                }
                NodeKind::Limit => {
                    self.limit(plan, id, node, is_ordered_context);
                    is_ordered_context = false;
                }
                NodeKind::Aggregate | NodeKind::Group | NodeKind::WindowAgg | NodeKind::SetOp => {
                    self.aggregate(node, relation, is_ordered_context);
                    is_ordered_context = false;
                }
                NodeKind::ModifyTable => self.is_written = true,
                NodeKind::SubqueryScan | NodeKind::CteScan | NodeKind::RecursiveUnion => break,
                kind if kind.is_join() => {
                    self.join(plan, id, child, relation);
                    if relationship == Relationship::Inner
                        && self.order.is_none()
                        && !matches!(node.join_type(), Some("Inner" | "Right"))
                    {
                        is_ordered_context = false;
                    }
                }
                _ => {}
            }
            child = id;
        }
    }

    fn limit(&mut self, plan: &Plan, id: NodeId, node: &Node, is_ordered_context: bool) {
        let wanted = node.actual.map(|actual| actual.rows).or(node.estimate.map(|estimate| estimate.rows));
        let given = plan.children(id).next().map_or(0.0, |(_, child)| rows_of_one(child, node));
        self.offset = match (node.actual, wanted) {
            (Some(_), Some(wanted)) => (given - wanted).max(0.0),
            _ => plan.children(id).next().map_or(0.0, |(_, child)| estimated_offset(node, child)),
        };
        if !is_ordered_context {
            return;
        }
        if let Some(order) = &mut self.order {
            order.limit = wanted.map(|wanted| (wanted + self.offset).max(1.0));
        } else {
            self.stops_early = true;
            self.walk(wanted);
        }
    }

    /// Says whether it walks along an index for its order, throwing most rows away, until a LIMIT is content.
    pub(crate) fn is_walk(&self) -> bool {
        self.stops_early && self.order.is_some()
    }

    /// Without a search an index is only walked along for its order: the same order over fewer rows would do.
    fn walk(&mut self, limit: Option<f64>) {
        /// Rows thrown away for each that is kept, and in all, from which on it is a walk.
        const WASTE: f64 = 10.0;
        const LEAST: f64 = 500.0;
        let removed = self.removed.unwrap_or(0.0);
        let is_index =
            matches!(self.node.kind, NodeKind::IndexScan | NodeKind::IndexOnlyScan) && self.searched.is_empty();
        if !is_index || removed < (WASTE * self.rows).max(LEAST) {
            return;
        }
        let index = self.table.indexes.iter().find(|index| Some(index.name.as_str()) == self.node.index());
        let Some(index) = index.filter(|index| index.definition.method == AccessMethod::BTree) else { return };
        let keys = index.definition.keys.clone();
        let rows = self.rows;
        self.order = Some(WantedOrder { keys, limit, sort: None, sort_cost: 0.0, rows, sort_time: None });
    }

    /// What a walk costs: the planner's figure is for all of it, had nothing stopped it.
    fn cost_of_walk(&self, settings: &PlannerSettings) -> f64 {
        let read = self.rows + self.removed.unwrap_or(0.0);
        let pages = self.table.pages.max(1.0);
        let scattered = (2.0 * pages * read / (2.0 * pages + read)).min(pages);
        let side_by_side = (read / self.table.rows_or_guess().max(1.0) * pages).max(1.0);
        let first = self.order.as_ref().and_then(|order| order.keys.first());
        let statistics = first.and_then(|key| self.table.statistics_of(&key.expr));
        let in_order = statistics.map_or(0.0, |statistics| statistics.correlation * statistics.correlation);
        let io =
            scattered * settings.random_page_cost * (1.0 - in_order) + side_by_side * settings.seq_page_cost * in_order;
        (io + read * settings.cpu_tuple_cost) * self.loops.max(1.0)
    }

    fn aggregate(&mut self, node: &Node, relation: ScanRelation<'_>, is_ordered_context: bool) {
        self.is_aggregated = true;
        if self.order.is_none() && is_ordered_context && node.group_key().is_empty() {
            self.order = extreme(node, relation);
        }
    }

    fn join(&mut self, plan: &Plan, id: NodeId, child: NodeId, relation: ScanRelation<'_>) {
        let Some(node) = plan.node(id) else { return };
        let other = plan.children(id).find(|(other, other_node)| {
            *other != child && matches!(other_node.relationship, Relationship::Outer | Relationship::Inner)
        });
        let Some((_, other)) = other else { return };
        let other_rows = match (other.actual, other.estimate) {
            (Some(actual), _) => {
                let sharing = if other.is_shared() { other.derived.processes.max(1.0) } else { 1.0 };
                actual.rows * actual.loops.max(1.0) / node.loops().max(1.0) * sharing
            }
            (None, _) => other.expected_rows().unwrap_or(f64::INFINITY),
        };
        let is_existence = matches!(node.join_type(), Some("Semi" | "Anti" | "Right Semi" | "Right Anti"));
        let conditions = [node.hash_cond(), node.merge_cond(), node.join_filter()];
        for clause in conditions.into_iter().flatten().flat_map(|text| clauses(parse::expression(text), relation)) {
            if clause.is_equality()
                && !clause.is_constant
                && matches!(&clause.whole, Expr::Binary { right, .. } if !is_own(right, relation) && !right.columns().is_empty())
            {
                self.joins.push(Join { key: clause.key, other_rows, node: id, is_existence });
            }
        }
    }

    /// Returns the share of the table's rows that it returns, 0..=1.
    pub(crate) fn selectivity(&self) -> f64 {
        let rows = self.table.rows_or_guess().max(1.0);
        match self.removed {
            Some(removed)
                if self.searched.is_empty() && (self.is_walk() || !self.stops_early) && self.rows + removed > 0.0 =>
            {
                self.rows / (self.rows + removed)
            }
            _ => self.rows / rows,
        }
        .clamp(0.0, 1.0)
    }

    /// Returns the time of the scan and of the sort that an index could save, milliseconds.
    pub(crate) fn time_at_stake(&self) -> Option<f64> {
        let sort = self.order.as_ref().and_then(|order| order.sort_time).unwrap_or(0.0);
        self.time.map(|time| time + sort)
    }

    /// Returns the cost of the scan and of the sort that an index could save.
    pub(crate) fn cost_at_stake(&self) -> f64 {
        self.cost + self.order.as_ref().map_or(0.0, |order| order.sort_cost)
    }
}
