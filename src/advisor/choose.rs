//! From scans to advice: every scan's candidates are weighed by cost, then the whole plan's are merged and ranked.

use super::advice::{Advice, Candidate, Confidence, IndexSpec, Reason, Refusal, Role};
use super::btree::{self, CandidateParts};
use super::condition::{Clause, ClauseClass};
use super::cost::{self, IndexEstimate};
use super::existing::{replaced, serving};
use super::scan::{Scan, scans};
use super::verdict::{AccessPath, ScanVerdict};
use super::write::{WriteCost, write_cost};
use super::{reasons, rewrite, special, words};
use crate::catalog::index::{AccessMethod, Definition};
use crate::catalog::{Catalog, Expr, Table};
use crate::plan::{Node, NodeId, Plan};
use crate::sample::Seconds;

/// A candidate has to save at least this share of the cost.
pub const LEAST_SAVING: f64 = 0.5;
/// Of so small a share of the rows,
const FEW_FETCHED: f64 = 0.033;
/// this saving is enough.
const LEAST_OF_FEW: f64 = 0.15;
/// A join is followed row by row only if the other side has at most this share of the table's rows.
const FEW_OTHERS: f64 = 0.05;
/// Among candidates whose costs differ by no more than this factor the smallest is taken.
const AS_GOOD: f64 = 1.25;
/// A cost below which the planner's figures tell two candidates no longer apart: a few pages.
const A_FEW_PAGES: f64 = 20.0;
/// Other candidates that are kept for whoever can ask the planner.
const MOST_ALTERNATIVES: usize = 4;

/// Returns what to build for a plan, and what not and why.
pub fn advise(plan: &Plan, catalog: &Catalog) -> Advice {
    let mut advice = Advice::default();
    for verdict in verdicts(plan, &scans(plan, catalog), catalog) {
        match verdict {
            ScanVerdict::Build(candidate) => add(plan, &mut advice.candidates, *candidate),
            ScanVerdict::Refuse(refusal) => advice.refusals.push(*refusal),
            ScanVerdict::Nothing => {}
        }
    }
    without_the_passed_over(plan, &mut advice.candidates);
    once(&mut advice.refusals);
    advice.candidates.sort_by(|one, other| saving(other).total_cmp(&saving(one)));
    let share = |refusal: &Refusal| plan.node(refusal.node).and_then(|node| node.derived.share).unwrap_or(0.0);
    advice.refusals.sort_by(|one, other| share(other).total_cmp(&share(one)));
    advice
}

/// Returns what is said of each scan. A scan that is a small part of the plan is a large one of what other indexes leave of it.
fn verdicts(plan: &Plan, scans: &[Scan<'_>], catalog: &Catalog) -> Vec<ScanVerdict> {
    let mut verdicts: Vec<ScanVerdict> =
        scans.iter().map(|scan| of_scan(plan, scan, catalog, Spared::default())).collect();
    for _ in 0..MOST_ROUNDS {
        let spared = Spared::by(&verdicts);
        let mut is_more = false;
        for (scan, verdict) in scans.iter().zip(&mut verdicts) {
            let is_small = matches!(verdict, ScanVerdict::Refuse(refusal) if refusal.reason == Reason::NotWorthIt);
            if is_small {
                *verdict = of_scan(plan, scan, catalog, spared);
                is_more |= matches!(verdict, ScanVerdict::Build(_));
            }
        }
        if !is_more {
            break;
        }
    }
    verdicts
}

/// Rounds in which what is left of a plan is looked at again.
const MOST_ROUNDS: usize = 3;

/// What the indexes that were found so far save of a plan.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Spared {
    /// Cost in the planner's units.
    pub(super) cost: f64,
    /// Milliseconds; nothing without ANALYZE.
    pub(super) time: f64,
}

impl Spared {
    fn by(verdicts: &[ScanVerdict]) -> Self {
        let built = verdicts.iter().filter_map(|verdict| match verdict {
            ScanVerdict::Build(candidate) => Some(candidate),
            _ => None,
        });
        built.fold(Self::default(), |sum, candidate| Self {
            cost: sum.cost + saving(candidate).max(0.0),
            time: sum.time + candidate.saves.map_or(0.0, |saved| saved.0 * 1000.0),
        })
    }
}

/// Drops candidates for scans that a page makes needless: where an index gives the first rows of an order, the other side of
/// a join is looked up for each of them.
fn without_the_passed_over(plan: &Plan, candidates: &mut Vec<Candidate>) {
    let pages: Vec<(NodeId, NodeId, f64)> = candidates
        .iter()
        .filter_map(|candidate| match candidate.role {
            Role::Page(Some(sort)) => Some((candidate.node, sort, saving(candidate))),
            _ => None,
        })
        .collect();
    candidates.retain(|candidate| {
        candidate.role == Role::Lookup
            || !pages.iter().any(|(node, sort, saved)| {
                *node != candidate.node
                    && *saved >= saving(candidate)
                    && plan.node(*node).and_then(Node::relation) != plan.node(candidate.node).and_then(Node::relation)
                    && plan.ancestors(candidate.node).any(|(above, _)| above == *sort)
            })
    });
}

/// Drops refusals that say the same of several scans.
fn once(refusals: &mut Vec<Refusal>) {
    let mut said: Vec<(Reason, String)> = Vec::new();
    refusals.retain(|refusal| {
        let what = (refusal.reason, refusal.why.clone());
        let is_new = !said.contains(&what);
        if is_new {
            said.push(what);
        }
        is_new
    });
}

fn saving(candidate: &Candidate) -> f64 {
    candidate.cost_before - candidate.cost_after
}

/// Adds a candidate; one that another scan asked for too is the same index.
fn add(plan: &Plan, candidates: &mut Vec<Candidate>, candidate: Candidate) {
    if let Some(known) = candidates.iter_mut().find(|known| known.spec == candidate.spec) {
        known.cost_before += candidate.cost_before;
        known.cost_after += candidate.cost_after;
        known.saves = match (known.saves, candidate.saves) {
            (Some(one), Some(other)) => Some(Seconds(one.0 + other.0)),
            (one, other) => one.or(other),
        };
        if plan.node(known.node).and_then(Node::relation) != plan.node(candidate.node).and_then(Node::relation) {
            // Another partition of the same table. A known size is that of all of them.
            let is_known = known.is_size_known && candidate.is_size_known;
            for (one, other) in known.sizes.iter_mut().zip(&candidate.sizes) {
                *one = if is_known { one.max(*other) } else { *one + other };
            }
            known.replaces.extend(candidate.replaces);
        }
    } else {
        candidates.push(candidate);
    }
}

fn of_scan(plan: &Plan, scan: &Scan<'_>, catalog: &Catalog, spared: Spared) -> ScanVerdict {
    if let Some(verdict) = reasons::before(plan, scan, spared) {
        return verdict;
    }
    let mut ways = ways(scan, catalog);
    ways.extend(scan.walked(plan).iter().flat_map(|walked| walks(walked, catalog)));
    ways.retain(|way| way.definitions.iter().all(|definition| !exists(scan.table, definition, way)));
    ways.sort_by(|one, other| one.estimate.cost.total_cmp(&other.estimate.cost));
    let before = scan.cost_at_stake();
    let Some(at) = best(&ways) else { return reasons::after(plan, scan, None).into() };
    let way = ways.remove(at);
    // The planner takes every page for one read from a disk; a few rows of many save more than that says.
    let least = if way.estimate.fetched <= FEW_FETCHED { LEAST_OF_FEW } else { LEAST_SAVING };
    let saved = before - way.estimate.cost;
    // What other indexes spare is not there to be lost.
    let left = (1.0 - spared.cost / scan.parallel_rest.max(1e-9)).clamp(0.0, 1.0);
    if saved < before * least || reasons::wants_too_much(&way) || saved < scan.parallel_loss * left {
        return reasons::after(plan, scan, Some(&way)).into();
    }
    ScanVerdict::Build(Box::new(candidate(scan, &way, &ways, catalog)))
}

/// Says whether an index like it exists: then a new one would do nothing that the planner cannot do already.
fn exists(table: &Table, definition: &Definition, way: &AccessPath) -> bool {
    // Of an OR one arm may be served already, if another is not.
    way.definitions.len() == 1 && serving(table, definition).is_some()
}

/// How much more a smaller index may cost: this factor for each time that it is smaller,
const FOR_EACH_TIME_SMALLER: f64 = 0.4;
/// up to this factor.
const ALMOST_AS_GOOD: f64 = 2.2;

/// The same of BRIN, which is thousands of times smaller.
const ALMOST_AS_GOOD_BRIN: f64 = 3.0;
/// Bytes that nobody would pay for.
const NO_SIZE: f64 = 262_144.0;

/// The cheapest way, or one that is as good and smaller.
fn best(ways: &[AccessPath]) -> Option<usize> {
    let cheapest = ways.first()?.estimate;
    let is_as_good = |way: &AccessPath| {
        if cheapest.bytes - way.estimate.bytes < NO_SIZE {
            return way.estimate.cost <= cheapest.cost * 1.02;
        }
        let smaller = cheapest.bytes / way.estimate.bytes.max(1.0);
        let is_brin = way.definitions.iter().all(|definition| definition.method == AccessMethod::Brin);
        let most = if is_brin { ALMOST_AS_GOOD_BRIN } else { ALMOST_AS_GOOD };
        let factor = (1.0 + FOR_EACH_TIME_SMALLER * smaller).clamp(AS_GOOD, most);
        way.estimate.cost <= (cheapest.cost * factor).max(cheapest.cost + A_FEW_PAGES)
    };
    let size = |way: &AccessPath| way.estimate.bytes;
    ways.iter()
        .enumerate()
        .filter(|(_, way)| is_as_good(way))
        .min_by(|(_, one), (_, other)| size(one).total_cmp(&size(other)))
        .map(|(at, _)| at)
}

/// Every way to serve a scan that the clauses, joins and orders suggest.
fn ways(scan: &Scan<'_>, catalog: &Catalog) -> Vec<AccessPath> {
    let single = |definition: Definition, joined: &[Clause]| AccessPath {
        estimate: cost::estimate(scan, joined, &definition, catalog),
        definitions: vec![definition],
        is_joined: !joined.is_empty(),
        is_either: false,
    };
    let plain = CandidateParts { scan, clauses: &scan.clauses, joined: &[] };
    let mut found: Vec<AccessPath> = btree::candidates(&plain)
        .into_iter()
        .chain(special::candidates(scan, &scan.clauses, catalog))
        .map(|definition| single(definition, &[]))
        .collect();
    for joined in looked_up(scan) {
        let parts = CandidateParts { scan, clauses: &scan.clauses, joined: &joined };
        found.extend(btree::candidates(&parts).into_iter().map(|definition| single(definition, &joined)));
    }
    found.extend(scan.clauses.iter().filter_map(|clause| either(scan, clause, catalog)));
    found
}

/// The ways to read the inner side of a join in the wanted order until a LIMIT is content.
fn walks(scan: &Scan<'_>, catalog: &Catalog) -> Vec<AccessPath> {
    /// Cost of looking up the other side's row, whose pages are in the cache.
    const LOOKUP: f64 = 1.0;
    let parts = CandidateParts { scan, clauses: &scan.clauses, joined: &[] };
    let found = btree::candidates(&parts).into_iter().filter_map(|definition| {
        let estimate = cost::estimate(scan, &[], &definition, catalog);
        let looked_up = estimate.fetched * scan.table.rows_or_guess();
        let estimate = IndexEstimate { cost: estimate.cost + looked_up * LOOKUP, ..estimate };
        estimate.gives_order.then(|| AccessPath {
            definitions: vec![definition],
            estimate,
            is_joined: false,
            is_either: false,
        })
    });
    found.collect()
}

/// The joins whose other side is small enough to be followed row by row, all keys of one join together.
pub(super) fn looked_up(scan: &Scan<'_>) -> Vec<Vec<Clause>> {
    let most = (scan.table.rows_or_guess() * FEW_OTHERS).max(10.0);
    let mut nodes: Vec<_> = scan.joins.iter().filter(|join| join.other_rows <= most).map(|join| join.node).collect();
    nodes.dedup();
    nodes
        .into_iter()
        .map(|node| scan.joins.iter().filter(|join| join.node == node).map(|join| join.clause(scan.table)).collect())
        .collect()
}

/// An index for each arm of an OR.
fn either(scan: &Scan<'_>, clause: &Clause, catalog: &Catalog) -> Option<AccessPath> {
    let ClauseClass::Either(arms) = &clause.class else { return None };
    let mut definitions: Vec<Definition> = Vec::new();
    let mut total: Option<IndexEstimate> = None;
    for arm in arms {
        let of_arm = scan.for_arm(arm, clause);
        // What exists serves an arm at no price; a full index on the arm's own key is as good as one with more keys.
        let parts = CandidateParts { scan: &of_arm, clauses: &of_arm.clauses, joined: &[] };
        let mut found: Vec<(Definition, IndexEstimate)> = btree::candidates(&parts)
            .into_iter()
            .chain(special::candidates(&of_arm, &of_arm.clauses, catalog))
            .map(|definition| {
                let estimate = cost::estimate(&of_arm, &[], &definition, catalog);
                (definition, estimate)
            })
            .collect();
        found.sort_by(|(_, one), (_, other)| one.cost.total_cmp(&other.cost));
        let least = found.first()?.1.cost;
        let enough = (least * AS_GOOD).max(least + A_FEW_PAGES);
        let (definition, mut estimate) = found
            .into_iter()
            .filter(|(_, estimate)| estimate.cost <= enough)
            .min_by(|(_, one), (_, other)| one.bytes.total_cmp(&other.bytes))?;
        if serving(scan.table, &definition).is_some() {
            estimate.bytes = 0.0;
        } else {
            definitions.push(definition);
        }
        total = Some(total.map_or(estimate, |sum| sum.and(&estimate)));
    }
    definitions.dedup();
    let estimate = total?.sorted(scan, catalog);
    (!definitions.is_empty()).then_some(AccessPath { definitions, estimate, is_joined: false, is_either: true })
}

fn candidate(scan: &Scan<'_>, way: &AccessPath, others: &[AccessPath], catalog: &Catalog) -> Candidate {
    let table = scan.table;
    let mut specs = way.definitions.iter().map(|definition| IndexSpec::on(table, definition.clone()));
    let spec = specs.next().unwrap_or_default();
    let companions: Vec<IndexSpec> = specs.collect();
    let before = scan.cost_at_stake();
    let after = way.estimate.cost;
    let share = (1.0 - after / before.max(1e-9)).clamp(0.0, 1.0);
    let mut extensions: Vec<String> = Vec::new();
    for definition in &way.definitions {
        for name in special::extensions(table, definition) {
            if !catalog.has_extension(name) && !extensions.iter().any(|known| known == name) {
                extensions.push(name.to_owned());
            }
        }
    }
    let mut replaces: Vec<String> = Vec::new();
    for index in way.definitions.iter().flat_map(|definition| replaced(table, definition)) {
        if !replaces.contains(&index.name) {
            replaces.push(index.name.clone());
        }
    }
    let (parts, is_whole) = partitions(table, catalog);
    let sizes: Vec<f64> = way.definitions.iter().map(|index| cost::bytes(table, index, catalog)).collect();
    let write_costs = way.definitions.iter().zip(&sizes).map(|(index, bytes)| write_cost(table, index, *bytes));
    let write_cost = write_costs.reduce(|all, one| all.and(&one)).unwrap_or_default();
    let write_cost = WriteCost { build: Seconds(write_cost.build.0 * parts), ..write_cost };
    Candidate {
        why: words::why(scan, way),
        alternatives: alternatives(scan, others, catalog),
        node: scan.id,
        role: role(scan, way),
        saves: scan.time_at_stake().map(|milliseconds| Seconds(milliseconds / 1000.0 * share)),
        cost_before: before,
        cost_after: after,
        sizes: sizes.iter().map(|bytes| bytes * parts).collect(),
        is_size_known: is_whole
            && way.definitions.iter().all(is_size_known)
            && way.definitions.iter().all(|known| matches!(known.method, AccessMethod::BTree | AccessMethod::Brin)),
        write_cost,
        replaces,
        rewrite: rewrite::beside(scan, way),
        confidence: confidence(scan, way, share),
        extensions,
        notes: words::notes(scan, way, catalog),
        spec,
        companions,
    }
}

fn role(scan: &Scan<'_>, way: &AccessPath) -> Role {
    match &scan.order {
        _ if way.is_joined => Role::Lookup,
        Some(order) if order.limit.is_some() && way.estimate.gives_order => Role::Page(order.sort),
        _ => Role::Search,
    }
}

/// Returns how many times a partition its whole table is, and whether that is known; an index is built on all of it.
fn partitions(table: &Table, catalog: &Catalog) -> (f64, bool) {
    let Some((schema, name)) = &table.parent else { return (1.0, true) };
    let whole = catalog.table(Some(schema), name).and_then(|parent| parent.rows).filter(|rows| *rows > 0.0);
    whole.map_or((1.0, false), |rows| ((rows / table.rows_or_guess().max(1.0)).max(1.0), true))
}

/// Says whether the size follows from statistics: of a key within a document nothing is known.
fn is_size_known(definition: &Definition) -> bool {
    let is_within = |part: &Expr| matches!(part, Expr::Binary { op, .. } if op.starts_with(['-', '#']) && op.len() > 1);
    !definition.keys.iter().any(|key| key.expr.any_part(&is_within))
}

/// The next best ways that are one index, without those that say nothing else.
fn alternatives(scan: &Scan<'_>, others: &[AccessPath], catalog: &Catalog) -> Vec<Candidate> {
    let mut found: Vec<Candidate> = Vec::new();
    for way in others.iter().filter(|way| way.definitions.len() == 1) {
        let other = candidate(scan, way, &[], catalog);
        if found.len() < MOST_ALTERNATIVES && !found.iter().any(|known| known.spec == other.spec) {
            found.push(other);
        }
    }
    found
}

fn confidence(scan: &Scan<'_>, way: &AccessPath, share: f64) -> Confidence {
    let table = scan.table;
    let knows = |definition: &Definition| {
        definition.columns().iter().all(|name| table.column(name).is_some_and(|column| column.statistics.is_some()))
    };
    let is_counted = scan.removed.is_some();
    match (way.definitions.iter().all(knows), is_counted) {
        (false, false) => Confidence::Low,
        (true, _) | (_, true) if share >= 0.9 => Confidence::High,
        _ => Confidence::Fair,
    }
}
