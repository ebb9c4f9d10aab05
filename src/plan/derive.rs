//! What follows from the figures of a plan: self times, shares, self buffers, wrong estimates.
//!
//! A node's time contains its children's. It is charged to the node that waited for it: a CTE to the scans that read
//! it, an `InitPlan` to the node that needed its value first, all others to their parent. Under a Gather the processes
//! worked side by side, so a time is the sum over the processes divided by how many there were. Rounding and workers
//! can make children longer than their parent; they are then cut to fit, so that the self times always add up.

use std::collections::HashMap;

use super::Plan;
use super::derived::{Derived, Direction, Misestimate, NodeId};
use super::facts::Buffers;
use super::node::{Node, NodeKind, Relationship};
use crate::sample::Seconds;

/// Where the execution time went; the three add up to it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Accounts {
    /// In the nodes.
    pub nodes: Seconds,
    /// In triggers that fired after the nodes were done: foreign keys, AFTER triggers.
    pub triggers: Seconds,
    /// Before and after the nodes: start, locks, compilation, sending, end.
    pub rest: Seconds,
}

/// A part of a node's time that is charged to another.
#[derive(Debug, Clone, Copy)]
struct Charge {
    from: NodeId,
    weight: f64,
}

/// Fills in what follows for every node, and the plan's accounts.
pub(crate) fn fill(plan: &mut Plan) {
    let ends = subtree_ends(&plan.nodes);
    let processes = processes(&plan.nodes);
    let divisors = divisors(plan);
    let times: Vec<Option<f64>> = plan.nodes.iter().zip(&processes).map(|(node, shared)| wall(node, *shared)).collect();
    let inclusive: Vec<f64> = times.iter().map(|time| time.unwrap_or(0.0)).collect();
    let charges = charges(plan, &ends, &inclusive);
    let self_times = spread(&inclusive, &charges, |charge, held| {
        held.ratio() * inclusive.get(charge.from).copied().unwrap_or(0.0) * charge.weight
    });
    let self_costs = self_costs(&plan.nodes);
    let has_times = times.first().is_some_and(Option::is_some);
    let nodes_time: f64 = self_times.iter().sum();
    let total_cost: f64 = self_costs.iter().sum();
    let execution = plan.execution_time.map_or(0.0, |time| time.0).max(nodes_time);
    let cut = cut_short(&plan.nodes);
    for id in 0..plan.nodes.len() {
        let self_buffers = self_buffers(&plan.nodes, id, &charges);
        let at = |figures: &[f64]| figures.get(id).copied().unwrap_or(0.0);
        let (self_time, self_cost) = (at(&self_times), at(&self_costs));
        let share = if has_times { part(self_time, execution) } else { part(self_cost, total_cost) };
        let Some(node) = plan.nodes.get_mut(id) else { break };
        node.derived = Derived {
            total_time: times.get(id).copied().flatten().map(Seconds),
            self_time: times.get(id).copied().flatten().map(|_| Seconds(self_time)),
            self_cost: node.estimate.map(|_| self_cost),
            share: (has_times || node.estimate.is_some()).then_some(share),
            self_buffers,
            processes: processes.get(id).copied().unwrap_or(1.0),
            divisor: divisors.get(id).copied().unwrap_or(1.0),
            misestimate: misestimate(node),
            is_cut_short: cut.get(id).copied().unwrap_or(false),
            charged_to: charges.charged_to.get(id).copied().flatten(),
            subtree_end: ends.get(id).copied().unwrap_or(id + 1),
        };
    }
    plan.accounts = accounts(plan, nodes_time);
}

fn part(some: f64, whole: f64) -> f64 {
    if whole > 0.0 { (some / whole).clamp(0.0, 1.0) } else { 0.0 }
}

fn accounts(plan: &Plan, nodes: f64) -> Accounts {
    let execution = plan.execution_time.map_or(nodes, |time| time.0);
    let outside = (execution - nodes).max(0.0);
    let triggers: f64 = plan.triggers.iter().filter_map(|trigger| trigger.time).map(|time| time.0).sum();
    let triggers = triggers.min(outside);
    Accounts { nodes: Seconds(nodes), triggers: Seconds(triggers), rest: Seconds(outside - triggers) }
}

fn subtree_ends(nodes: &[Node]) -> Vec<NodeId> {
    let mut ends: Vec<NodeId> = (1..=nodes.len()).collect();
    for (id, node) in nodes.iter().enumerate().rev() {
        let end = ends.get(id).copied().unwrap_or(id + 1);
        if let Some(above) = node.parent.and_then(|parent| ends.get_mut(parent)) {
            *above = end.max(*above);
        }
    }
    ends
}

/// Returns how many processes ran each node side by side: what a Gather's child ran more often than the Gather.
fn processes(nodes: &[Node]) -> Vec<f64> {
    let mut all: Vec<f64> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let parent = node.parent.and_then(|id| Some((nodes.get(id)?, *all.get(id)?)));
        all.push(match parent {
            None => 1.0,
            // The leader runs it before the workers start.
            Some(_) if node.relationship == Relationship::InitPlan && node.loops() <= 1.0 => 1.0,
            Some((gather, _))
                if gather.kind.is_gather() && node.relationship == Relationship::Outer && gather.loops() > 0.0 =>
            {
                (node.loops() / gather.loops()).max(1.0)
            }
            Some((_, inherited)) => inherited,
        });
    }
    all
}

/// Returns among how many processes the planner divided the rows of each node.
///
/// A scan that the processes share has the rows of one of them, and so have the nodes above it up to the Gather; a table
/// that each process reads whole has all of its rows. Source: `get_parallel_divisor()` in `costsize.c`.
fn divisors(plan: &Plan) -> Vec<f64> {
    let nodes = &plan.nodes;
    let is_leader_idle =
        plan.settings.iter().any(|(name, value)| name == "parallel_leader_participation" && value == "off");
    let divisor = |workers: f64| if is_leader_idle { workers } else { workers + workers.mul_add(-0.3, 1.0).max(0.0) };
    let mut workers: Vec<f64> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let parent = node.parent.and_then(|id| Some((nodes.get(id)?, *workers.get(id)?)));
        workers.push(match parent {
            Some((gather, _)) if gather.kind.is_gather() && node.relationship == Relationship::Outer => {
                gather.number("Workers Planned").unwrap_or(0.0)
            }
            Some((_, inherited)) if node.relationship != Relationship::InitPlan => inherited,
            _ => 0.0,
        });
    }
    let mut all = vec![1.0; nodes.len()];
    for (id, node) in nodes.iter().enumerate().rev() {
        let workers = workers.get(id).copied().unwrap_or(0.0);
        let is_input = |child: &&NodeId| {
            nodes.get(**child).is_some_and(|child| {
                matches!(child.relationship, Relationship::Outer | Relationship::Member | Relationship::Subquery)
            })
        };
        let first = node.children.iter().find(is_input).and_then(|child| all.get(*child).copied());
        let own = match first {
            _ if workers < 1.0 || node.kind.is_gather() => 1.0,
            _ if node.is_parallel_aware && node.kind != NodeKind::Hash => divisor(workers),
            first => first.unwrap_or(1.0),
        };
        if let Some(cell) = all.get_mut(id) {
            *cell = own;
        }
    }
    all
}

fn wall(node: &Node, processes: f64) -> Option<f64> {
    let actual = node.actual?;
    if actual.loops == 0.0 {
        return Some(0.0);
    }
    Some((actual.total?.0 * actual.loops / processes).max(0.0)).filter(|time| time.is_finite())
}

/// Who is charged with whose time.
#[derive(Debug, Default)]
struct Charges {
    /// What each node is charged with.
    of: Vec<Vec<Charge>>,
    /// The one node each is charged to.
    charged_to: Vec<Option<NodeId>>,
}

fn charges(plan: &Plan, ends: &[NodeId], inclusive: &[f64]) -> Charges {
    let nodes = &plan.nodes;
    let mut charges = Charges { of: vec![Vec::new(); nodes.len()], charged_to: vec![None; nodes.len()] };
    let readers = cte_readers(nodes);
    let mentions = Mentions::of(nodes);
    for (id, node) in nodes.iter().enumerate() {
        let Some(parent) = node.parent else { continue };
        if is_cte(node) {
            let scans = readers.get(&id).map(Vec::as_slice).unwrap_or_default();
            let time = |scan: NodeId| inclusive.get(scan).copied().unwrap_or(0.0);
            let all: f64 = scans.iter().map(|scan| time(*scan)).sum();
            for scan in scans {
                let weight = if all > 0.0 { time(*scan) / all } else { 1.0 / scans.len() as f64 };
                if let Some(of) = charges.of.get_mut(*scan) {
                    of.push(Charge { from: id, weight });
                }
            }
            continue;
        }
        let to = match node.relationship {
            Relationship::InitPlan => mentions.user(nodes, id, ends, inclusive).unwrap_or(parent),
            _ => parent,
        };
        if let Some(of) = charges.of.get_mut(to) {
            of.push(Charge { from: id, weight: 1.0 });
        }
        if let Some(cell) = charges.charged_to.get_mut(id) {
            *cell = Some(to);
        }
    }
    charges
}

fn is_cte(node: &Node) -> bool {
    node.relationship == Relationship::InitPlan && node.subplan_name().is_some_and(|name| name.starts_with("CTE "))
}

/// Returns the scans of each CTE: a scan reads the CTE of its name that hangs on the nearest node above it.
fn cte_readers(nodes: &[Node]) -> HashMap<NodeId, Vec<NodeId>> {
    let mut by_holder: HashMap<(NodeId, &str), NodeId> = HashMap::new();
    for (id, node) in nodes.iter().enumerate().filter(|(_, node)| is_cte(node)) {
        if let (Some(holder), Some(name)) =
            (node.parent, node.subplan_name().and_then(|name| name.strip_prefix("CTE ")))
        {
            by_holder.insert((holder, name), id);
        }
    }
    let mut readers: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
    if by_holder.is_empty() {
        return readers;
    }
    for (id, node) in nodes.iter().enumerate().filter(|(_, node)| node.kind == NodeKind::CteScan) {
        let Some(name) = node.cte() else { continue };
        let above = std::iter::successors(Some(id), |id| nodes.get(*id).and_then(|node| node.parent));
        let cte = above.filter_map(|holder| by_holder.get(&(holder, name)).copied()).find(|cte| *cte != id);
        if let Some(cte) = cte {
            readers.entry(cte).or_default().push(id);
        }
    }
    readers
}

/// Where the values of `InitPlans` are used: `$0` up to 16, `(InitPlan 1).col1` since 17.
struct Mentions<'a> {
    by_word: HashMap<&'a str, Vec<NodeId>>,
}

impl<'a> Mentions<'a> {
    fn of(nodes: &'a [Node]) -> Self {
        let mut by_word: HashMap<&str, Vec<NodeId>> = HashMap::new();
        let has_any = nodes.iter().any(|node| node.relationship == Relationship::InitPlan && !is_cte(node));
        for (id, node) in nodes.iter().enumerate().filter(|_| has_any) {
            let texts =
                node.fields.iter().filter(|(name, _)| name != "Subplan Name").flat_map(|(_, field)| field.items());
            for word in texts.filter_map(|field| field.as_text()).flat_map(words) {
                let users = by_word.entry(word).or_default();
                if users.last() != Some(&id) {
                    users.push(id);
                }
            }
        }
        Self { by_word }
    }

    /// Returns the node that runs an `InitPlan`: the first that uses its value and has the time for it.
    fn user(&self, nodes: &[Node], init: NodeId, ends: &[NodeId], inclusive: &[f64]) -> Option<NodeId> {
        let node = nodes.get(init)?;
        let holder = node.parent?;
        let time = |id: NodeId| inclusive.get(id).copied().unwrap_or(0.0);
        let own = |id: NodeId| {
            let children = nodes.get(id).map(|node| node.children.as_slice()).unwrap_or_default();
            let inputs = children
                .iter()
                .filter(|child| nodes.get(**child).is_some_and(|child| child.relationship != Relationship::InitPlan));
            time(id) - inputs.map(|child| time(*child)).sum::<f64>()
        };
        let within = |id: NodeId, of: NodeId| id >= of && id < ends.get(of).copied().unwrap_or(of);
        let users = words(node.subplan_name()?).filter_map(|word| self.by_word.get(word)).flatten().copied();
        let mut users = users.filter(|user| within(*user, holder) && !within(*user, init)).take(64).peekable();
        let first = *users.peek()?;
        Some(users.find(|user| own(*user) >= time(init) * 0.8).unwrap_or(first))
    }
}

/// Returns the words of a condition that can name an `InitPlan`: `$12`, `InitPlan 3`.
fn words(text: &str) -> impl Iterator<Item = &str> {
    let dollars = text.match_indices('$').map(|(at, _)| (at, 1));
    let names = text.match_indices("InitPlan ").map(|(at, name)| (at, name.len()));
    dollars.chain(names).filter_map(|(at, skip)| {
        let rest = text.get(at + skip..)?;
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        (digits > 0).then(|| text.get(at..at + skip + digits)).flatten()
    })
}

/// What a node has been given of its figure, which a node above may have cut.
#[derive(Debug, Clone, Copy)]
struct Held {
    node: NodeId,
    /// What it was given.
    given: f64,
    /// What it has by itself.
    nominal: f64,
}

impl Held {
    fn ratio(self) -> f64 {
        if self.nominal > 0.0 { self.given / self.nominal } else { 1.0 }
    }
}

/// Returns what of each figure is left when what is charged to the node is taken off; from the root down, so that a
/// part never exceeds its whole.
fn spread(inclusive: &[f64], charges: &Charges, ask: impl Fn(&Charge, Held) -> f64) -> Vec<f64> {
    let mut waiting = vec![0_usize; inclusive.len()];
    for charge in charges.of.iter().flatten() {
        if let Some(count) = waiting.get_mut(charge.from) {
            *count += 1;
        }
    }
    let mut ready: Vec<NodeId> = (0..inclusive.len()).filter(|id| waiting.get(*id) == Some(&0)).collect();
    let mut budget: Vec<f64> = vec![0.0; inclusive.len()];
    for id in &ready {
        if let (Some(cell), Some(own)) = (budget.get_mut(*id), inclusive.get(*id)) {
            *cell = *own;
        }
    }
    let mut own = vec![0.0; inclusive.len()];
    while let Some(id) = ready.pop() {
        let whole = budget.get(id).copied().unwrap_or(0.0);
        let nominal = inclusive.get(id).copied().unwrap_or(0.0);
        let held = Held { node: id, given: whole, nominal };
        let of = charges.of.get(id).map(Vec::as_slice).unwrap_or_default();
        let asks: Vec<f64> = of.iter().map(|charge| ask(charge, held)).collect();
        let asked: f64 = asks.iter().sum();
        let scale = if asked > whole { whole / asked } else { 1.0 };
        if let Some(cell) = own.get_mut(id) {
            *cell = (whole - asked * scale).max(0.0);
        }
        for (charge, ask) in of.iter().zip(&asks) {
            if let Some(cell) = budget.get_mut(charge.from) {
                *cell += ask * scale;
            }
            let Some(count) = waiting.get_mut(charge.from) else { continue };
            *count -= 1;
            if *count == 0 {
                ready.push(charge.from);
            }
        }
    }
    own
}

fn self_costs(nodes: &[Node]) -> Vec<f64> {
    let cost = |node: &Node| node.estimate.map_or(0.0, |estimate| estimate.total_cost.max(0.0));
    let inclusive: Vec<f64> = nodes.iter().map(cost).collect();
    let mut charges = Charges { of: vec![Vec::new(); nodes.len()], charged_to: Vec::new() };
    for (id, node) in nodes.iter().enumerate() {
        let Some(parent) = node.parent.and_then(|parent| nodes.get(parent)) else { continue };
        let repeats = match (parent.kind, node.relationship) {
            (NodeKind::NestedLoop, Relationship::Inner) => outer_rows(nodes, parent),
            (_, Relationship::SubPlan) if !node.is_hashed_in(parent) => parent.estimate.map_or(1.0, |it| it.rows),
            _ => 1.0,
        };
        let of = node.parent.and_then(|parent| charges.of.get_mut(parent));
        if let Some(of) = of {
            of.push(Charge { from: id, weight: 1.0 });
        }
        repeat_cost(&mut charges, node.parent, cost(node), repeats, cost(parent));
    }
    spread(&inclusive, &charges, |charge, held| asked_cost(nodes, charge, held))
}

/// Returns the cost that an input has under a node: where a LIMIT above cuts the node, the input runs whole if the node reads
/// all of it first (a Sort), else up to its first row and then as far as the node does.
///
/// Source: `adjust_limit_rows_costs()` in `src/backend/optimizer/util/pathnode.c`.
fn asked_cost(nodes: &[Node], charge: &Charge, held: Held) -> f64 {
    let cost = |id: NodeId| nodes.get(id).and_then(|node| node.estimate).unwrap_or_default();
    let (own, input) = (cost(held.node), cost(charge.from));
    let total = input.total_cost.max(0.0) * charge.weight;
    if held.given >= held.nominal {
        return total * held.ratio();
    }
    let run = (own.total_cost - own.startup_cost).max(0.0);
    let part = if run > 0.0 { ((held.given - own.startup_cost) / run).clamp(0.0, 1.0) } else { held.ratio() };
    let is_first = match (nodes.get(held.node), nodes.get(charge.from)) {
        (Some(node), Some(input)) => reads_all(node, input),
        _ => false,
    };
    let startup = input.startup_cost.clamp(0.0, input.total_cost.max(0.0));
    match (is_first, charge.weight > 1.0) {
        (true, _) => total,
        (false, true) => total * part,
        (false, false) => startup + (total - startup) * part,
    }
}

/// Weighs the last charge so that a repeated inner side takes what its repetition costs, but no more than the rest of its parent.
fn repeat_cost(charges: &mut Charges, parent: Option<NodeId>, cost: f64, repeats: f64, whole: f64) {
    let Some(of) = parent.and_then(|parent| charges.of.get_mut(parent)) else { return };
    let Some(charge) = of.last_mut().filter(|_| repeats > 1.0 && cost > 0.0) else { return };
    charge.weight = repeats.min((whole / cost).max(1.0));
}

fn outer_rows(nodes: &[Node], join: &Node) -> f64 {
    let outer = join.children.iter().filter_map(|child| nodes.get(*child));
    let outer = outer.filter(|child| child.relationship == Relationship::Outer).find_map(|child| child.estimate);
    outer.map_or(1.0, |estimate| estimate.rows.max(1.0))
}

fn self_buffers(nodes: &[Node], id: NodeId, charges: &Charges) -> Buffers {
    let own = nodes.get(id).map(|node| node.buffers).unwrap_or_default();
    let of = charges.of.get(id).map(Vec::as_slice).unwrap_or_default();
    of.iter().fold(own, |rest, charge| match nodes.get(charge.from) {
        Some(child) => rest.without(child.buffers, charge.weight),
        None => rest,
    })
}

fn misestimate(node: &Node) -> Option<Misestimate> {
    let (estimate, actual) = (node.estimate?, node.actual.filter(|actual| actual.loops > 0.0)?);
    // These report no rows of their own.
    if matches!(node.kind, NodeKind::BitmapAnd | NodeKind::BitmapOr | NodeKind::ModifyTable) {
        return None;
    }
    let (expected, came) = (estimate.rows.max(1.0), actual.rows.max(1.0));
    let direction = match came.total_cmp(&expected) {
        std::cmp::Ordering::Greater => Direction::Under,
        std::cmp::Ordering::Less => Direction::Over,
        std::cmp::Ordering::Equal => Direction::Exact,
    };
    Some(Misestimate { factor: expected.max(came) / expected.min(came), direction })
}

/// Returns which nodes may have been stopped before their end by something above.
fn cut_short(nodes: &[Node]) -> Vec<bool> {
    let mut cut: Vec<bool> = Vec::with_capacity(nodes.len());
    for node in nodes {
        let parent = node.parent.and_then(|id| Some((nodes.get(id)?, *cut.get(id)?)));
        cut.push(parent.is_some_and(|(parent, is_cut)| stops(parent, node) || (is_cut && !reads_all(parent, node))));
    }
    cut
}

fn stops(parent: &Node, child: &Node) -> bool {
    let is_inner = child.relationship == Relationship::Inner;
    let is_half = parent.join_type().is_some_and(|join| join.contains("Semi") || join.contains("Anti"));
    let is_exists = child.relationship == Relationship::SubPlan
        && !child.is_hashed_in(parent)
        && child.rows_total().is_some_and(|rows| rows <= child.loops());
    // The inner side of a merge join is read no further than the outer needs it.
    parent.kind == NodeKind::Limit
        || parent.kind == NodeKind::MergeJoin
        || is_exists
        || (is_inner && ((is_half && parent.kind == NodeKind::NestedLoop) || parent.is_true("Inner Unique")))
}

/// Whether a node reads all of this input before it gives its first row.
fn reads_all(node: &Node, input: &Node) -> bool {
    match node.kind {
        NodeKind::Sort | NodeKind::Hash | NodeKind::BitmapHeapScan | NodeKind::BitmapAnd | NodeKind::BitmapOr => true,
        NodeKind::Aggregate => node.strategy() != Some("Sorted"),
        NodeKind::HashJoin => input.relationship == Relationship::Inner,
        _ => matches!(input.relationship, Relationship::InitPlan),
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::parse;

    #[test]
    fn a_share_of_the_cost_is_of_the_top_nodes_cost() {
        let text = "Limit  (cost=9584.24..10590.31 rows=50 width=8)
  ->  Gather Merge  (cost=9584.24..16004.85 rows=319 width=8)
        Workers Planned: 2
        ->  Sort  (cost=8584.22..8585.00 rows=319 width=8)
              Sort Key: a
              ->  Parallel Seq Scan on o  (cost=0.00..8018.82 rows=319 width=8)";
        let plan = parse(text).plans.remove(0);
        let costs: Vec<f64> = plan.nodes.iter().filter_map(|node| node.derived.self_cost).collect();
        // It was 8018.82 of the 16004.85 of a Gather Merge that the LIMIT stops.
        let share = plan.nodes[3].derived.share.unwrap();
        assert!((share - 8018.82 / 10590.31).abs() < 1e-9, "{share} {costs:?}");
        assert!((costs.iter().sum::<f64>() - 10590.31).abs() < 1e-6, "{costs:?}");
    }

    #[test]
    fn a_scan_that_a_limit_stops_costs_the_part_that_it_runs() {
        let text = "Limit  (cost=0.00..100.00 rows=50 width=8)
  ->  Seq Scan on o  (cost=0.00..8000.00 rows=4000 width=8)";
        let plan = parse(text).plans.remove(0);
        assert_eq!(plan.nodes[1].derived.self_cost, Some(100.0));
    }
}
