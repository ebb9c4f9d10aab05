//! Asks the planner what the candidates save: all of a statement's together first, then each alone where they save enough.

use std::collections::BTreeMap;

use super::asking::{BATCH, PlanAsker, lost};
use crate::Failure;
use crate::pg::verify::ask::{self, BoundStatement};
use crate::pg::verify::hypothetical::Simulated;
use crate::pg::verify::{WantedIndex, refused, used};
use crate::plan::Plan;
use crate::workload::{CandidatePool, PlannedStatement, PricedBy};

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
        for batch in statements.chunks(BATCH / 2) {
            let room = self.most_plans.saturating_sub(kept_back);
            self.ask_batch(asker, batch, &uses, room).await?;
        }
        Ok(())
    }

    /// Finds out which candidates can be simulated.
    async fn prepare(&mut self, asker: &mut PlanAsker<'_>) -> Result<(), Failure> {
        asker.begin().await?;
        let specs = self.pool.candidates.iter().flat_map(crate::advisor::Candidate::specs);
        let tables = ask::tables(&mut asker.transaction, specs).await.map_err(lost)?;
        for (candidate, place) in self.pool.candidates.iter().zip(&mut self.wanted) {
            let wanted: Vec<WantedIndex<'_>> = candidate.specs().map(|spec| WantedIndex::of(spec, &tables)).collect();
            let is_easy = wanted.iter().all(WantedIndex::is_easy);
            if is_easy && refused(&mut asker.transaction, &wanted, asker.mode).await.map_err(lost)?.is_none() {
                *place = wanted;
            }
        }
        asker.rest().await;
        Ok(())
    }

    async fn ask_batch(
        &mut self,
        asker: &mut PlanAsker<'_>,
        batch: &[usize],
        uses: &BTreeMap<usize, Vec<usize>>,
        room: usize,
    ) -> Result<(), Failure> {
        let bound = self.admit(asker, batch).await?;
        let of = |statement: usize| uses.get(&statement).map(Vec::as_slice).unwrap_or_default();
        let mut all: Vec<usize> = batch.iter().flat_map(|statement| of(*statement)).copied().collect();
        all.sort_unstable();
        all.dedup();
        let room_for = |asker: &PlanAsker<'_>| room.saturating_sub(asker.asked.plans);
        let first: Vec<&(usize, BoundStatement)> = bound.iter().take(room_for(asker)).collect();
        for found in self.with(asker, &all, &first).await? {
            self.together.insert(found.statement, found.cost);
        }
        for candidate in all {
            let relevant = bound.iter().filter(|(statement, _)| of(*statement).contains(&candidate));
            let worth =
                relevant.filter(|(statement, _)| self.together.contains_key(statement) && !self.is_dropped(*statement));
            // Of a statement with one candidate the price is known.
            let (single, several): (Vec<_>, Vec<_>) = worth.partition(|(statement, _)| of(*statement).len() == 1);
            for (statement, _) in single {
                if let Some(cost) = self.together(*statement) {
                    self.alone.insert((*statement, candidate), cost);
                }
            }
            let several: Vec<&(usize, BoundStatement)> = several.into_iter().take(room_for(asker)).collect();
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

    /// Begins a transaction and judges statements in it; returns those that may be planned.
    async fn admit(
        &self,
        asker: &mut PlanAsker<'_>,
        statements: &[usize],
    ) -> Result<Vec<(usize, BoundStatement)>, Failure> {
        asker.rest().await;
        asker.begin().await?;
        let mut bound = Vec::new();
        for at in statements {
            let Some(planned) = self.planned.get(*at) else { continue };
            if let Ok(statement) = asker.admit(&planned.statement).await? {
                bound.push((*at, statement));
            }
        }
        Ok(bound)
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
        let simulated = Simulated::create(&mut asker.transaction, &schema, &set).await.map_err(lost)?;
        let names = simulated.names(set.len());
        let mut found = Ok(Vec::new());
        for (statement, bound) in statements {
            match asker.plan(bound).await {
                Ok(Ok(plan)) => {
                    let used = used_of(&plan, &names, &owners);
                    let cost = plan.total_cost().unwrap_or_default();
                    if let Ok(found) = &mut found {
                        found.push(WithIndexes { statement: *statement, cost, used });
                    }
                }
                Ok(Err(_)) => {}
                Err(failure) => {
                    found = Err(failure);
                    break;
                }
            }
        }
        if found.is_ok() {
            simulated.drop(&mut asker.transaction).await.map_err(lost)?;
        }
        found
    }

    /// Plans statements with a choice.
    pub(super) async fn plan_with(
        &self,
        asker: &mut PlanAsker<'_>,
        statements: &[usize],
        choice: &[usize],
    ) -> Result<Vec<WithIndexes>, Failure> {
        let mut found = Vec::new();
        for batch in statements.chunks(BATCH) {
            let bound = self.admit(asker, batch).await?;
            found.extend(self.with(asker, choice, &bound.iter().collect::<Vec<_>>()).await?);
            for _ in batch {
                asker.looked_at_one();
            }
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
