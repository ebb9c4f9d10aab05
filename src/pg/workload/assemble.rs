//! Chooses by the prices, plans the affected statements again with the choice, and puts the answer together.

use std::collections::BTreeMap;

use super::asking::PlanAsker;
use super::pricing::{Pricing, WithIndexes};
use super::statements::ReadWorkload;
use super::{WorkloadFacts, WorkloadRequest};
use crate::Failure;
use crate::advisor::{Candidate, IndexSpec};
use crate::django::codes_for_specs;
use crate::sample::Seconds;
use crate::sample::unit::counted;
use crate::workload::priced::{PriceOfUse, PricedMatrix, Prices, ScanShare, priced_matrix};
use crate::workload::writes::{WrittenRows, lost_to_writes};
use crate::workload::{
    CandidatePool, Certificate, Chosen, ChosenIndex, CostChange, HelpedStatement, PlannedStatement, PricedBy,
    WorkloadAdvice, WorkloadStep, choose_from, upper_bound,
};

/// How often the choice is made again, because no plan uses one of its indexes.
const ROUNDS: usize = 3;

/// The part of the time of all statements that an index has to save to be worth building.
const LEAST: f64 = 0.005;

/// A cost that rises by more than this part is worth saying.
const WORSE: f64 = 0.05;

/// The part of a statement that an index has to save to count for it at all; estimates are no closer than that.
const LEAST_OF_A_STATEMENT: f64 = 0.1;

/// Returns what a saving counts as.
fn worth_it(share: f64) -> f64 {
    if share < LEAST_OF_A_STATEMENT { 0.0 } else { share }
}

/// All that the answer is made from.
pub(super) struct Assembly<'a> {
    pub(super) request: WorkloadRequest,
    pub(super) read: &'a mut ReadWorkload,
    pub(super) planned: &'a [PlannedStatement],
    pub(super) facts: &'a WorkloadFacts,
    pub(super) pool: &'a CandidatePool,
}

/// A choice that was planned again.
struct VerifiedChoice {
    chosen: Chosen,
    /// The costs of statements with the choice, by their places, as far as the planner was asked.
    with: BTreeMap<usize, f64>,
}

impl Assembly<'_> {
    /// Chooses, verifies, and returns the answer.
    pub(super) async fn choose(
        self,
        pricing: Pricing<'_>,
        asker: &mut PlanAsker<'_>,
    ) -> Result<WorkloadAdvice, Failure> {
        let window = self.read.window.map(|(_, length)| length);
        let written: Vec<WrittenRows> = self
            .planned
            .iter()
            .filter_map(|planned| WrittenRows::of(&planned.statement.sql, &planned.plan, planned.statement.rows))
            .collect();
        let writes = self.pool.candidates.iter().map(|candidate| lost_to_writes(candidate, &written, window)).collect();
        let prices = self.prices(&pricing, writes);
        let figures = priced_matrix(self.planned, self.pool, &prices);
        let verified = self.verify(&figures, &pricing, asker).await?;
        Ok(self.answer(&figures, &prices, &pricing, verified))
    }

    /// Returns what is known of each use.
    fn prices(&self, pricing: &Pricing<'_>, writes: Vec<Seconds>) -> Prices {
        let least = Seconds(self.read.total.0 * LEAST);
        let mut prices = Prices { writes, least, ..Prices::default() };
        let mut best: BTreeMap<(usize, usize), (usize, f64)> = BTreeMap::new();
        for (at, possible) in self.pool.uses.iter().enumerate() {
            let known = best.entry((possible.statement, possible.candidate)).or_insert((at, possible.share));
            if possible.share > known.1 {
                *known = (at, possible.share);
            }
        }
        for (at, possible) in self.pool.uses.iter().enumerate() {
            let (statement, candidate) = (possible.statement, possible.candidate);
            if !pricing.is_easy(candidate) {
                prices.uses.push(Some(PriceOfUse::Model(worth_it(possible.share))));
                continue;
            }
            // What the planner says of the whole statement is put down to the scan that the index serves best.
            let is_best = best.get(&(statement, candidate)).is_some_and(|(best, _)| *best == at);
            let price = match pricing.alone(statement, candidate) {
                Some(cost) => PriceOfUse::Planner(worth_it(pricing.share(statement, cost))),
                None => {
                    PriceOfUse::AtMost(pricing.together(statement).map_or(1.0, |cost| pricing.share(statement, cost)))
                }
            };
            prices.uses.push(is_best.then_some(price));
        }
        let together = |at: usize| pricing.together(at).map(|cost| pricing.share(at, cost));
        prices.together = (0..self.planned.len()).map(together).collect();
        prices
    }

    /// Chooses, and plans the affected statements again; what no plan uses is left out and the choice made again.
    async fn verify(
        &self,
        figures: &PricedMatrix,
        pricing: &Pricing<'_>,
        asker: &mut PlanAsker<'_>,
    ) -> Result<VerifiedChoice, Failure> {
        let mut refused: Vec<usize> = Vec::new();
        let mut round = 0;
        loop {
            round += 1;
            let chosen = choose_from(&figures.matrix, self.request.limits, &|at| !refused.contains(&at));
            let easy: Vec<usize> = chosen.candidates.iter().copied().filter(|at| pricing.is_easy(*at)).collect();
            let mut statements: Vec<usize> = figures
                .served(&chosen.candidates)
                .iter()
                .filter(|share| easy.contains(&share.candidate))
                .map(|share| share.statement)
                .collect();
            statements.sort_unstable();
            statements.dedup();
            statements.truncate(pricing.plans_left(asker));
            asker.begin_step(WorkloadStep::Verifying, statements.len());
            let found: Vec<WithIndexes> = pricing.plan_with(asker, &statements, &easy).await?;
            let is_unused = |at: &usize| !found.iter().any(|with| with.used.contains(at));
            let unused: Vec<usize> =
                if found.is_empty() { Vec::new() } else { easy.into_iter().filter(is_unused).collect() };
            if unused.is_empty() || round >= ROUNDS {
                let mut chosen = chosen;
                chosen.candidates.retain(|at| !unused.contains(at));
                let with = found.into_iter().map(|with| (with.statement, with.cost)).collect();
                return Ok(VerifiedChoice { chosen, with });
            }
            refused.extend(unused);
        }
    }

    fn answer(
        self,
        figures: &PricedMatrix,
        prices: &Prices,
        pricing: &Pricing<'_>,
        verified: VerifiedChoice,
    ) -> WorkloadAdvice {
        let VerifiedChoice { chosen, with } = verified;
        let bound = upper_bound(&figures.matrix, self.request.limits, chosen.seconds);
        let specs: Vec<&IndexSpec> = chosen
            .candidates
            .iter()
            .filter_map(|at| self.pool.candidates.get(*at))
            .flat_map(Candidate::specs)
            .collect();
        let several = codes_for_specs(&specs, &self.facts.catalog, &self.facts.project);
        let mut codes = several.codes.into_iter();
        let helped = self.helped(figures, &chosen, &with);
        let mut indexes = Vec::new();
        for at in &chosen.candidates {
            let Some(candidate) = self.pool.candidates.get(*at).cloned() else { continue };
            let codes = codes.by_ref().take(candidate.specs().count());
            let codes = codes.map(|code| code.map_err(|refused| refused.to_string())).collect();
            let mut helped = helped.get(at).cloned().unwrap_or_default();
            helped.sort_by(|one, other| other.saves.0.total_cmp(&one.saves.0));
            let saves = Seconds(helped.iter().map(|helped| helped.saves.0).sum());
            indexes.push(ChosenIndex {
                candidate,
                codes,
                saves,
                share: if self.read.total.0 > 0.0 { (saves.0 / self.read.total.0).min(1.0) } else { 0.0 },
                writes: prices.writes.get(*at).copied().unwrap_or_default(),
                is_planned: pricing.is_easy(*at),
                helped,
            });
        }
        indexes.sort_by(|one, other| other.saves.0.total_cmp(&one.saves.0));
        let worse = with.iter().filter_map(|(at, after)| {
            let before = self.planned.get(*at)?.cost();
            (*after > before * (1.0 + WORSE)).then_some(CostChange { statement: *at, before, after: *after })
        });
        let notes = self.notes();
        WorkloadAdvice {
            worse: worse.collect(),
            database: std::mem::take(&mut self.read.database),
            at: self.read.at,
            left_out: std::mem::take(&mut self.read.left_out),
            total: self.read.total,
            window: self.read.window,
            indexes,
            certificate: Certificate {
                saves: Seconds(chosen.seconds),
                bound: Seconds(bound),
                candidates: self.pool.candidates.len(),
                is_planned: pricing.by == PricedBy::Planner,
            },
            priced: pricing.by.clone(),
            rewrites: self.pool.rewrites.clone(),
            migrations: several.migrations,
            sql: several.sql,
            notes,
            statements: self.planned.to_vec(),
            ..WorkloadAdvice::default()
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = self.facts.notes.clone();
        if self.pool.dropped > 0 {
            let dropped = counted(self.pool.dropped, "candidate is", "candidates are");
            notes.push(format!("{dropped} not among those that were compared: each is worth less than all of these"));
        }
        notes
    }

    /// Returns what each chosen candidate saves each statement: as the planner said it of all together.
    fn helped(
        &self,
        figures: &PricedMatrix,
        chosen: &Chosen,
        with: &BTreeMap<usize, f64>,
    ) -> BTreeMap<usize, Vec<HelpedStatement>> {
        let mut by_statement: BTreeMap<usize, Vec<ScanShare>> = BTreeMap::new();
        for share in figures.served(&chosen.candidates) {
            by_statement.entry(share.statement).or_default().push(share);
        }
        let mut helped: BTreeMap<usize, Vec<HelpedStatement>> = BTreeMap::new();
        for (statement, shares) in by_statement {
            let Some(planned) = self.planned.get(statement) else { continue };
            let (time, before) = (planned.statement.time.0, planned.cost());
            let sum = |is_planned: bool| -> f64 {
                shares.iter().filter(|share| share.is_planned == is_planned).map(|share| share.seconds).sum()
            };
            let by_planner = with.get(&statement).map(|after| (1.0 - after / before).clamp(0.0, 1.0) * time);
            let all = (by_planner.unwrap_or_else(|| sum(true)) + sum(false)).min(time);
            let factor = all / (sum(true) + sum(false)).max(1e-12);
            let after = if time > 0.0 { before * (1.0 - all / time) } else { before };
            for share in shares {
                let saves = Seconds(share.seconds * factor);
                let change = CostChange { statement, before, after };
                let of = helped.entry(share.candidate).or_default();
                match of.iter_mut().find(|known| known.change.statement == statement) {
                    Some(known) => known.saves.0 += saves.0,
                    None => of.push(HelpedStatement { change, saves }),
                }
            }
        }
        helped
    }
}
