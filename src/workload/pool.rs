//! The candidates of all statements together, each once, and which statements each may serve.

use std::collections::BTreeMap;

use super::statement::WorkloadStatement;
use crate::advisor::price::prices;
use crate::advisor::{Candidate, IndexSpec, Refusal, advise};
use crate::catalog::Catalog;
use crate::plan::{NodeId, Plan};
use crate::sample::Seconds;

/// Candidates on one table; with more simulated at once the planner takes clearly longer.
pub const MOST_ON_A_TABLE: usize = 20;
/// Candidates in all.
const MOST: usize = 240;

/// A statement with its plan without values.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedStatement {
    /// The statement.
    pub statement: WorkloadStatement,
    /// Its plan as it is.
    pub plan: Plan,
}

impl PlannedStatement {
    /// Returns the planner's cost of the whole statement; at least a little, so that shares can be taken of it.
    pub fn cost(&self) -> f64 {
        self.plan.total_cost().unwrap_or_default().max(1e-6)
    }
}

/// A statement and a candidate that may serve one of its scans.
#[derive(Debug, Clone, PartialEq)]
pub struct PossibleUse {
    /// The statement, by its place.
    pub statement: usize,
    /// The candidate, by its place.
    pub candidate: usize,
    /// The scan: its alias, or the table of all its partitions.
    pub scan: String,
    /// The share of the statement's cost that is saved, by the advisor's own model, 0..=1.
    pub share: f64,
}

/// The candidates of a workload.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CandidatePool {
    /// The candidates, each once.
    pub candidates: Vec<Candidate>,
    /// What may serve what; of a statement's and a candidate's scan at most one entry.
    pub uses: Vec<PossibleUse>,
    /// Candidates that were thought of and are not among these, because each of them is worth less.
    pub dropped: usize,
    /// Statements, by their places, that would have to be written another way.
    pub rewrites: Vec<(usize, Refusal)>,
}

/// Collects the candidates of all statements.
pub fn pool(planned: &[PlannedStatement], catalog: &Catalog) -> CandidatePool {
    let mut collected = Collected::default();
    for (at, planned) in planned.iter().enumerate() {
        collected.add(at, planned, catalog);
    }
    collected.limit(planned);
    collected.cross(planned, catalog);
    let Collected { candidates, mut uses, dropped, rewrites, .. } = collected;
    uses.sort_by_key(|possible| (possible.statement, possible.candidate));
    CandidatePool { candidates, uses, dropped, rewrites }
}

#[derive(Default)]
struct Collected {
    candidates: Vec<Candidate>,
    by_table: BTreeMap<(String, String), Vec<usize>>,
    uses: Vec<PossibleUse>,
    dropped: usize,
    rewrites: Vec<(usize, Refusal)>,
}

impl Collected {
    fn add(&mut self, statement: usize, planned: &PlannedStatement, catalog: &Catalog) {
        let advice = advise(&planned.plan, catalog);
        for refusal in advice.refusals.into_iter().filter(|refusal| refusal.rewrite.is_some()) {
            self.rewrites.push((statement, refusal));
        }
        for mut candidate in advice.candidates {
            let alternatives = std::mem::take(&mut candidate.alternatives);
            for candidate in std::iter::once(candidate).chain(alternatives) {
                let share = share_of(planned, candidate.cost_before, candidate.cost_after);
                let scan = scan_name(&planned.plan, candidate.node, catalog);
                let place = self.place(candidate);
                self.note(PossibleUse { statement, candidate: place, scan, share });
            }
        }
    }

    /// Returns the place of a candidate, which is new unless the same indexes are there already.
    fn place(&mut self, candidate: Candidate) -> usize {
        let table = (candidate.spec.schema.clone(), candidate.spec.table.clone());
        let known = self.by_table.entry(table).or_default();
        let is_same = |at: &&usize| self.candidates.get(**at).is_some_and(|known| known.specs().eq(candidate.specs()));
        if let Some(at) = known.iter().find(is_same) {
            return *at;
        }
        known.push(self.candidates.len());
        self.candidates.push(candidate);
        self.candidates.len() - 1
    }

    fn note(&mut self, new: PossibleUse) {
        let is_same = |known: &&mut PossibleUse| {
            (known.statement, known.candidate) == (new.statement, new.candidate) && known.scan == new.scan
        };
        match self.uses.iter_mut().rev().take_while(|known| known.statement == new.statement).find(is_same) {
            Some(known) => known.share = known.share.max(new.share),
            None => self.uses.push(new),
        }
    }

    /// Keeps those that are worth most.
    fn limit(&mut self, planned: &[PlannedStatement]) {
        let mut worth = vec![0.0; self.candidates.len()];
        for possible in &self.uses {
            let time = planned.get(possible.statement).map_or(0.0, |planned| planned.statement.time.0);
            if let Some(worth) = worth.get_mut(possible.candidate) {
                *worth += possible.share * time;
            }
        }
        let mut order: Vec<(usize, f64)> = worth.into_iter().enumerate().collect();
        order.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let mut on_table: BTreeMap<(String, String), usize> = BTreeMap::new();
        let mut kept: Vec<usize> = Vec::new();
        for (at, _) in order {
            let Some(candidate) = self.candidates.get(at) else { continue };
            let count = on_table.entry((candidate.spec.schema.clone(), candidate.spec.table.clone())).or_default();
            let specs = candidate.specs().count();
            if *count + specs <= MOST_ON_A_TABLE && kept.len() < MOST {
                *count += specs;
                kept.push(at);
            }
        }
        kept.sort_unstable();
        self.dropped = self.candidates.len() - kept.len();
        let place_of = |old: usize| kept.binary_search(&old).ok();
        self.uses.retain_mut(|possible| {
            let place = place_of(possible.candidate);
            possible.candidate = place.unwrap_or_default();
            place.is_some()
        });
        let mut at = 0;
        self.candidates.retain(|_| {
            at += 1;
            place_of(at - 1).is_some()
        });
        self.by_table.clear();
        for (at, candidate) in self.candidates.iter().enumerate() {
            let table = (candidate.spec.schema.clone(), candidate.spec.table.clone());
            self.by_table.entry(table).or_default().push(at);
        }
    }

    /// Finds what a candidate of one statement saves another.
    fn cross(&mut self, planned: &[PlannedStatement], catalog: &Catalog) {
        let mut own: Vec<Vec<usize>> = vec![Vec::new(); planned.len()];
        for possible in &self.uses {
            if let Some(own) = own.get_mut(possible.statement) {
                own.push(possible.candidate);
            }
        }
        let mut found = Vec::new();
        for ((statement, planned), own) in planned.iter().enumerate().zip(&own) {
            let others: Vec<(usize, &IndexSpec)> = self
                .on_tables_of(&planned.plan, catalog)
                .into_iter()
                .filter(|at| !own.contains(at))
                .filter_map(|at| Some((at, self.candidates.get(at)?)))
                .filter(|(_, candidate)| candidate.companions.is_empty())
                .map(|(at, candidate)| (at, &candidate.spec))
                .collect();
            let specs: Vec<&IndexSpec> = others.iter().map(|(_, spec)| *spec).collect();
            for ((candidate, _), prices) in others.iter().zip(prices(&planned.plan, catalog, &specs)) {
                for price in prices {
                    let share = share_of(planned, price.before, price.after);
                    let scan = scan_name(&planned.plan, price.node, catalog);
                    found.push(PossibleUse { statement, candidate: *candidate, scan, share });
                }
            }
        }
        for possible in found {
            let is_same = |known: &&mut PossibleUse| {
                (known.statement, known.candidate) == (possible.statement, possible.candidate)
                    && known.scan == possible.scan
            };
            // The partitions of a table count together.
            match self.uses.iter_mut().rev().take_while(|known| known.statement == possible.statement).find(is_same) {
                Some(known) => known.share = (known.share + possible.share).min(1.0),
                None => self.uses.push(possible),
            }
        }
    }

    /// Returns the candidates on the tables of a plan.
    fn on_tables_of(&self, plan: &Plan, catalog: &Catalog) -> Vec<usize> {
        let mut found: Vec<usize> = Vec::new();
        for (_, node) in plan.iter() {
            let Some(table) = node.relation().and_then(|name| catalog.table(node.schema(), name)) else { continue };
            let whole = table.parent.clone().unwrap_or_else(|| (table.schema.clone(), table.name.clone()));
            for at in self.by_table.get(&whole).into_iter().flatten() {
                if !found.contains(at) {
                    found.push(*at);
                }
            }
        }
        found
    }
}

/// Returns the share of a statement that is saved. A scan that a LIMIT stops costs more than its whole statement, which pays
/// for a part of it.
fn share_of(planned: &PlannedStatement, before: f64, after: f64) -> f64 {
    ((before - after) / planned.cost().max(before)).clamp(0.0, 1.0)
}

/// Returns what a scan is called: its alias; for a partition, the whole table.
fn scan_name(plan: &Plan, node: NodeId, catalog: &Catalog) -> String {
    let Some(node) = plan.node(node) else { return String::new() };
    let table = node.relation().and_then(|name| catalog.table(node.schema(), name));
    match table.and_then(|table| table.parent.as_ref()) {
        Some((_, whole)) => whole.clone(),
        None => node.alias().or(node.relation()).unwrap_or_default().to_owned(),
    }
}

/// Returns the time of all these statements.
pub fn time_of(planned: &[PlannedStatement]) -> Seconds {
    Seconds(planned.iter().map(|planned| planned.statement.time.0).sum())
}
