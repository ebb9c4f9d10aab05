//! Asks the planner what the candidates save: all of a statement's together first, then each alone where they save enough.

use std::collections::BTreeMap;

use super::asking::{BATCH, PlanAsker, lost};
use crate::Failure;
use crate::pg::verify::ask::{self, BoundStatement};
use crate::pg::verify::hypothetical::Simulated;
use crate::pg::verify::{WantedIndex, refused, used};
use crate::plan::Plan;
use crate::workload::{CandidatePool, PlannedStatement, PricedBy, WorkloadStatement};

/// A statement that all candidates together save less than this part of is not asked about any further.
const LEAST_SHARE: f64 = 0.02;

/// Plans that are kept back for each statement, to plan it again with the choice.
const KEPT_BACK: usize = 2;

/// A statement with the indexes that the planner believed in.
pub(super) struct WithIndexes {
    /// The statement, by its place.
    pub(super) statement: usize,
    /// The cost of its plan.
    pub(super) cost: f64,
    /// The candidates that the plan uses, by their places.
    pub(super) used: Vec<usize>,
}

/// Statements that may be planned in the open transaction.
struct AdmittedBatch {
    /// How many of those that were given it is about: the first ones.
    taken: usize,
    /// Those among them that may be planned, by their places.
    bound: Vec<(usize, BoundStatement)>,
}

/// What is asked about.
struct AskedUses<'a> {
    /// Of each statement the candidates that it may use.
    of: &'a BTreeMap<usize, Vec<usize>>,
    /// The most plans in all.
    room: usize,
}

/// What is known of prices.
pub(super) struct Pricing<'a> {
    planned: &'a [PlannedStatement],
    pool: &'a CandidatePool,
    /// Who says what an index saves.
    pub(super) by: PricedBy,
    most_plans: usize,
    /// Of each candidate: its indexes as they are simulated; nothing where `HypoPG` cannot.
    wanted: Vec<Vec<WantedIndex<'a>>>,
    /// The cost of a statement with all of its candidates that can be simulated.
    together: BTreeMap<usize, f64>,
    /// The cost of a statement with one candidate.
    alone: BTreeMap<(usize, usize), f64>,
}

impl<'a> Pricing<'a> {
    pub(super) fn new(planned: &'a [PlannedStatement], pool: &'a CandidatePool, most_plans: usize) -> Self {
        Self {
            planned,
            pool,
            by: PricedBy::Nobody,
            most_plans,
            wanted: vec![Vec::new(); pool.candidates.len()],
            together: BTreeMap::new(),
            alone: BTreeMap::new(),
        }
    }

    /// Whether the planner can be asked about a candidate.
    pub(super) fn is_easy(&self, candidate: usize) -> bool {
        self.wanted.get(candidate).is_some_and(|wanted| !wanted.is_empty())
    }

    /// Returns the cost of a statement with all of its candidates, where the planner was asked.
    pub(super) fn together(&self, statement: usize) -> Option<f64> {
        self.together.get(&statement).copied()
    }

    /// Returns the cost of a statement with one candidate, where the planner was asked.
    pub(super) fn alone(&self, statement: usize, candidate: usize) -> Option<f64> {
        self.alone.get(&(statement, candidate)).copied()
    }

    /// Returns the share of its cost that a statement saves.
    pub(super) fn share(&self, statement: usize, cost: f64) -> f64 {
        self.planned.get(statement).map_or(0.0, |planned| (1.0 - cost / planned.cost()).clamp(0.0, 1.0))
    }

    /// Whether a statement saves too little to be asked about any further.
    pub(super) fn is_dropped(&self, statement: usize) -> bool {
        self.together(statement).is_some_and(|cost| self.share(statement, cost) < LEAST_SHARE)
    }

    /// Asks about all statements, those first that take most time.
    pub(super) async fn ask(&mut self, asker: &mut PlanAsker<'_>) -> Result<(), Failure> {
        self.prepare(asker).await?;
        let mut uses: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for possible in self.pool.uses.iter().filter(|possible| self.is_easy(possible.candidate)) {
            let of = uses.entry(possible.statement).or_default();
            if !of.contains(&possible.candidate) {
                of.push(possible.candidate);
            }
        }
        let statements: Vec<usize> = uses.keys().copied().collect();
        let kept_back = KEPT_BACK * statements.len();
        asker.begin_step(crate::workload::WorkloadStep::Pricing, statements.len());
        let room = self.most_plans.saturating_sub(kept_back);
        let mut waiting = statements.as_slice();
        while !waiting.is_empty() {
            let bound = self.admit(asker, waiting.get(..BATCH).unwrap_or(waiting)).await?;
            let (batch, rest) = waiting.split_at(bound.taken);
            self.ask_batch(asker, batch, bound, &AskedUses { of: &uses, room }).await?;
            waiting = rest;
        }
        Ok(())
    }

    /// Finds out which candidates can be simulated.
    async fn prepare(&mut self, asker: &mut PlanAsker<'_>) -> Result<(), Failure> {
        asker.begin().await?;
        let specs = self.pool.candidates.iter().flat_map(crate::advisor::Candidate::specs);
        let tables = ask::tables(&mut asker.transaction, specs).await.map_err(lost)?;
        let mut easy: Vec<(usize, Vec<WantedIndex<'a>>)> = Vec::new();
        for (at, candidate) in self.pool.candidates.iter().enumerate() {
            let wanted: Vec<WantedIndex<'_>> = candidate.specs().map(|spec| WantedIndex::of(spec, &tables)).collect();
            if wanted.iter().all(WantedIndex::is_easy) {
                easy.push((at, wanted));
            }
        }
        let mode = asker.mode;
        // All together first: each has to be looked at only if something speaks against one of them.
        let all: Vec<&WantedIndex<'_>> = easy.iter().flat_map(|(_, wanted)| wanted).collect();
        let is_harmless = refused(&mut asker.transaction, &all, mode).await.map_err(lost)?.is_none();
        for (at, wanted) in easy {
            let all: Vec<&WantedIndex<'_>> = wanted.iter().collect();
            let is_harmless = is_harmless || refused(&mut asker.transaction, &all, mode).await.map_err(lost)?.is_none();
            if let Some(place) = self.wanted.get_mut(at).filter(|_| is_harmless) {
                *place = wanted;
            }
        }
        asker.rest().await;
        Ok(())
    }

    /// Asks about the statements of a batch, which were admitted.
    async fn ask_batch(
        &mut self,
        asker: &mut PlanAsker<'_>,
        batch: &[usize],
        mut admitted: AdmittedBatch,
        uses: &AskedUses<'_>,
    ) -> Result<(), Failure> {
        let of = |statement: usize| uses.of.get(&statement).map(Vec::as_slice).unwrap_or_default();
        let mut all: Vec<usize> = batch.iter().flat_map(|statement| of(*statement)).copied().collect();
        all.sort_unstable();
        all.dedup();
        let room_for = |asker: &PlanAsker<'_>| uses.room.saturating_sub(asker.asked.plans);
        let first: Vec<&(usize, BoundStatement)> = admitted.bound.iter().take(room_for(asker)).collect();
        for found in self.with(asker, &all, &first).await? {
            self.together.insert(found.statement, found.cost);
        }
        for candidate in all {
            let is_worth = |statement: usize| self.together.contains_key(&statement) && !self.is_dropped(statement);
            let worth = batch.iter().copied().filter(|at| of(*at).contains(&candidate) && is_worth(*at));
            // Of a statement with one candidate the price is known.
            let (single, several): (Vec<usize>, Vec<usize>) = worth.partition(|at| of(*at).len() == 1);
            for statement in single {
                if let Some(cost) = self.together(statement) {
                    self.alone.insert((statement, candidate), cost);
                }
            }
            if several.is_empty() {
                continue;
            }
            if asker.is_long() {
                admitted = self.admit(asker, batch).await?;
            }
            let several = admitted.bound.iter().filter(|(statement, _)| several.contains(statement));
            let several: Vec<&(usize, BoundStatement)> = several.take(room_for(asker)).collect();
            for found in self.with(asker, &[candidate], &several).await? {
                self.alone.insert((found.statement, candidate), found.cost);
            }
        }
        for _ in batch {
            asker.looked_at_one();
        }
        asker.rest().await;
        Ok(())
    }

    /// Begins a transaction and judges statements in it; returns those of the first so many that may be planned.
    async fn admit(&self, asker: &mut PlanAsker<'_>, statements: &[usize]) -> Result<AdmittedBatch, Failure> {
        let places: Vec<usize> = statements.iter().copied().filter(|at| self.planned.get(*at).is_some()).collect();
        let texts: Vec<&WorkloadStatement> =
            places.iter().filter_map(|at| self.planned.get(*at)).map(|planned| &planned.statement).collect();
        let admissions = asker.admit(&texts).await?;
        // One at least is taken, so that there is an end.
        let taken = admissions.len().max(1).min(statements.len());
        let bound = places.into_iter().zip(admissions).filter_map(|(at, admission)| Some((at, admission.ok()?)));
        Ok(AdmittedBatch { taken, bound: bound.collect() })
    }

    /// Plans judged statements with candidates; without one that is planned there is none in the answer.
    async fn with(
        &self,
        asker: &mut PlanAsker<'_>,
        candidates: &[usize],
        statements: &[&(usize, BoundStatement)],
    ) -> Result<Vec<WithIndexes>, Failure> {
        let Some(schema) = asker.hypopg.clone().filter(|_| !statements.is_empty()) else { return Ok(Vec::new()) };
        let mut owners: Vec<usize> = Vec::new();
        let mut set: Vec<&WantedIndex<'_>> = Vec::new();
        for candidate in candidates {
            for wanted in self.wanted.get(*candidate).into_iter().flatten() {
                owners.push(*candidate);
                set.push(wanted);
            }
        }
        let simulated =
            Simulated::create(&mut asker.transaction, &schema, &set, &mut asker.partitions).await.map_err(lost)?;
        let names = simulated.names(set.len());
        let bound: Vec<&BoundStatement> = statements.iter().map(|(_, bound)| bound).collect();
        let plans = asker.plan(&bound).await?;
        let found = statements.iter().zip(plans).filter_map(|((statement, _), plan)| {
            let plan = plan.ok()?;
            let used = used_of(&plan, &names, &owners);
            Some(WithIndexes { statement: *statement, cost: plan.total_cost().unwrap_or_default(), used })
        });
        let found = found.collect();
        simulated.drop(&mut asker.transaction).await.map_err(lost)?;
        Ok(found)
    }

    /// Plans statements with a choice.
    pub(super) async fn plan_with(
        &self,
        asker: &mut PlanAsker<'_>,
        statements: &[usize],
        choice: &[usize],
    ) -> Result<Vec<WithIndexes>, Failure> {
        let mut found = Vec::new();
        let mut waiting = statements;
        while !waiting.is_empty() {
            let admitted = self.admit(asker, waiting.get(..BATCH).unwrap_or(waiting)).await?;
            found.extend(self.with(asker, choice, &admitted.bound.iter().collect::<Vec<_>>()).await?);
            for _ in 0..admitted.taken {
                asker.looked_at_one();
            }
            waiting = waiting.get(admitted.taken..).unwrap_or_default();
            asker.rest().await;
        }
        Ok(found)
    }

    /// Returns how many plans may still be asked for.
    pub(super) fn plans_left(&self, asker: &PlanAsker<'_>) -> usize {
        self.most_plans.saturating_sub(asker.asked.plans)
    }
}

/// Returns the candidates that a plan uses.
fn used_of(plan: &Plan, names: &[Vec<String>], owners: &[usize]) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    for (is_used, owner) in used(plan, names).into_iter().zip(owners) {
        if is_used && !found.contains(owner) {
            found.push(*owner);
        }
    }
    found
}
