//! From prices to the matrix, and from a choice back to what each index saves each statement.

use super::matrix::{CandidateCost, Saving, SavingsMatrix};
use super::pool::{CandidatePool, PlannedStatement};
use crate::sample::Seconds;

/// A saving below this part of a statement's cost is none.
const NO_SHARE: f64 = 0.001;

/// What is known of the share of its cost that a candidate saves a statement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PriceOfUse {
    /// The planner said so, of the whole statement.
    Planner(f64),
    /// The advisor's own model says so, of one scan.
    Model(f64),
    /// Nobody was asked; it can be this at most.
    AtMost(f64),
}

impl PriceOfUse {
    fn share(self) -> f64 {
        match self {
            Self::Planner(share) | Self::Model(share) => share,
            Self::AtMost(_) => 0.0,
        }
    }

    fn at_most(self) -> f64 {
        match self {
            Self::Planner(share) | Self::Model(share) | Self::AtMost(share) => share,
        }
    }
}

/// The prices of all uses, and what holds for whole statements.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Prices {
    /// Of each use of the pool, in its order; `None` for what is no use after all.
    pub uses: Vec<Option<PriceOfUse>>,
    /// Of each statement: the share of its cost that all candidates which the planner was asked about save together;
    /// `None` where it was not asked.
    pub together: Vec<Option<f64>>,
    /// Of each candidate: the time that writers lose to it.
    pub writes: Vec<Seconds>,
    /// What any index has to be worth.
    pub least: Seconds,
}

/// The matrix of a pool, with what its rows stand for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PricedMatrix {
    /// The figures.
    pub matrix: SavingsMatrix,
    /// Of each entry of the matrix: whether the planner said so.
    pub is_planned: Vec<bool>,
}

/// Returns the matrix of a pool.
pub fn priced_matrix(planned: &[PlannedStatement], pool: &CandidatePool, prices: &Prices) -> PricedMatrix {
    let mut figures = PricedMatrix::default();
    let matrix = &mut figures.matrix;
    for (at, candidate) in pool.candidates.iter().enumerate() {
        let writes = prices.writes.get(at).map_or(0.0, |writes| writes.0);
        matrix.candidates.push(CandidateCost { bytes: candidate.size_bytes(), upkeep: writes + prices.least.0 });
    }
    let mut names: Vec<(usize, &str)> = Vec::new();
    let mut by_model: Vec<Vec<(usize, f64)>> = vec![Vec::new(); planned.len()];
    for (possible, price) in pool.uses.iter().zip(&prices.uses) {
        let Some(price) = price.filter(|price| price.at_most() > NO_SHARE) else { continue };
        let time = planned.get(possible.statement).map_or(0.0, |planned| planned.statement.time.0);
        let name = (possible.statement, possible.scan.as_str());
        let scan = names.iter().rposition(|known| *known == name).unwrap_or_else(|| {
            names.push(name);
            matrix.scans.push(possible.statement);
            names.len() - 1
        });
        if let (PriceOfUse::Model(share), Some(by_model)) = (price, by_model.get_mut(possible.statement)) {
            by_model.push((scan, share));
        }
        matrix.savings.push(Saving {
            scan,
            candidate: possible.candidate,
            seconds: price.share() * time,
            at_most: price.at_most() * time,
        });
        figures.is_planned.push(matches!(price, PriceOfUse::Planner(_)));
    }
    for ((at, planned), by_model) in planned.iter().enumerate().zip(&by_model) {
        let together = prices.together.get(at).copied().flatten();
        let asked = pool.uses.iter().zip(&prices.uses).any(|(possible, price)| {
            possible.statement == at && matches!(price, Some(PriceOfUse::Planner(_) | PriceOfUse::AtMost(_)))
        });
        // Where the planner was never asked about all together, nothing is known of the most.
        let by_planner = if asked { together.unwrap_or(1.0) } else { 0.0 };
        let share = (by_planner + best_of_scans(by_model)).min(1.0);
        matrix.statements.push(share * planned.statement.time.0);
    }
    figures
}

/// Returns the best share of each scan, summed.
fn best_of_scans(shares: &[(usize, f64)]) -> f64 {
    let mut best: Vec<(usize, f64)> = Vec::new();
    for (scan, share) in shares {
        match best.iter_mut().find(|(known, _)| known == scan) {
            Some((_, known)) => *known = known.max(*share),
            None => best.push((*scan, *share)),
        }
    }
    best.iter().map(|(_, share)| share).sum()
}

/// What a choice saves one scan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScanShare {
    /// The statement.
    pub statement: usize,
    /// The candidate that saves most of the choice.
    pub candidate: usize,
    /// The time it saves.
    pub seconds: f64,
    /// Whether the planner said so.
    pub is_planned: bool,
}

impl PricedMatrix {
    /// Returns, for each scan that a choice serves, the candidate that serves it best.
    pub fn served(&self, choice: &[usize]) -> Vec<ScanShare> {
        let mut best: Vec<Option<ScanShare>> = vec![None; self.matrix.scans.len()];
        for (saving, is_planned) in self.matrix.savings.iter().zip(&self.is_planned) {
            let statement = self.matrix.scans.get(saving.scan).copied();
            let (Some(place), Some(statement)) = (best.get_mut(saving.scan), statement) else { continue };
            let is_better = place.is_none_or(|known| saving.seconds > known.seconds);
            if choice.contains(&saving.candidate) && saving.seconds > 0.0 && is_better {
                let Saving { candidate, seconds, .. } = *saving;
                *place = Some(ScanShare { statement, candidate, seconds, is_planned: *is_planned });
            }
        }
        best.into_iter().flatten().collect()
    }
}
