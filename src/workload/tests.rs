//! The choice and the bound against an exhaustive search and against a linear solver.

use microlp::{ComparisonOp, OptimizationDirection, Problem, SolveOutcome, Variable};
use proptest::prelude::*;

use super::*;
use crate::workload::matrix::Arranged;

/// A small generator whose numbers are the same each time.
struct Dice(u64);

impl Dice {
    /// A number in 0..1.
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    fn below(&mut self, most: usize) -> usize {
        (self.roll() * most as f64) as usize
    }
}

/// A workload of random figures: sizes over two decades, weights over three, some entries not asked about.
fn random(seed: u64, candidates: usize, statements: usize) -> SavingsMatrix {
    let mut dice = Dice(seed);
    let mut matrix = SavingsMatrix::default();
    for _ in 0..candidates {
        let bytes = 10_f64.powf(5.0 + 2.5 * dice.roll());
        let writes = if dice.roll() < 0.5 { dice.roll() * 2.0 } else { 0.0 };
        matrix.candidates.push(CandidateCost { bytes, upkeep: writes });
    }
    for statement in 0..statements {
        let weight = 10_f64.powf(3.0 * dice.roll());
        let scans = 1 + dice.below(3);
        let mut sum = 0.0;
        for _ in 0..scans {
            let scan = matrix.scans.len();
            matrix.scans.push(statement);
            let mut most: f64 = 0.0;
            let mut known: Vec<usize> = Vec::new();
            for _ in 0..=dice.below(5) {
                let candidate = dice.below(candidates);
                if known.contains(&candidate) {
                    continue;
                }
                known.push(candidate);
                let at_most = weight * dice.roll();
                let seconds = if dice.roll() < 0.1 { 0.0 } else { at_most };
                matrix.savings.push(Saving { scan, candidate, seconds, at_most });
                most = most.max(at_most);
            }
            sum += most;
        }
        matrix.statements.push(sum.min(weight * (0.5 + dice.roll())));
    }
    matrix
}

fn value(matrix: &SavingsMatrix, set: &[usize]) -> f64 {
    let arranged = Arranged::of(matrix);
    let saved: f64 = (0..matrix.statements.len()).map(|at| arranged.saved(at, |one| set.contains(&one))).sum();
    saved - set.iter().map(|at| matrix.candidates[*at].upkeep).sum::<f64>()
}

/// The same figures with every entry as good as it can be.
fn at_best(matrix: &SavingsMatrix) -> SavingsMatrix {
    let mut best = matrix.clone();
    for saving in &mut best.savings {
        saving.seconds = saving.at_most;
    }
    best
}

fn allowed(matrix: &SavingsMatrix, limits: ChoiceLimits, set: &[usize]) -> bool {
    limits.allow(set.len(), set.iter().map(|at| matrix.candidates[*at].bytes).sum())
}

/// The best of all sets.
fn exhaustive(matrix: &SavingsMatrix, limits: ChoiceLimits) -> f64 {
    let count = matrix.candidates.len();
    (0..1_usize << count)
        .map(|bits| (0..count).filter(|at| bits >> at & 1 == 1).collect::<Vec<_>>())
        .filter(|set| allowed(matrix, limits, set))
        .map(|set| value(matrix, &set))
        .fold(0.0, f64::max)
}

/// The linear relaxation, by a solver that shares nothing with the bound.
fn relaxation(matrix: &SavingsMatrix, limits: ChoiceLimits) -> f64 {
    let mut problem = Problem::new(OptimizationDirection::Maximize);
    let fits = |cost: &CandidateCost| limits.bytes.is_none_or(|most| cost.bytes <= most);
    let chosen: Vec<Variable> = matrix
        .candidates
        .iter()
        .map(|cost| problem.add_var(-cost.upkeep, (0.0, if fits(cost) { 1.0 } else { 0.0 })))
        .collect();
    let used: Vec<Variable> = matrix.savings.iter().map(|saving| problem.add_var(saving.at_most, (0.0, 1.0))).collect();
    for (used, saving) in used.iter().zip(&matrix.savings) {
        problem.add_constraint([(*used, 1.0), (chosen[saving.candidate], -1.0)], ComparisonOp::Le, 0.0);
    }
    let of = |is_in: &dyn Fn(&Saving) -> bool, by: &dyn Fn(&Saving) -> f64| -> Vec<(Variable, f64)> {
        used.iter().zip(&matrix.savings).filter(|(_, one)| is_in(one)).map(|(used, one)| (*used, by(one))).collect()
    };
    for scan in 0..matrix.scans.len() {
        problem.add_constraint(of(&|saving| saving.scan == scan, &|_| 1.0), ComparisonOp::Le, 1.0);
    }
    for (statement, most) in matrix.statements.iter().enumerate() {
        let own = of(&|saving| matrix.scans[saving.scan] == statement, &|saving| saving.at_most);
        problem.add_constraint(own, ComparisonOp::Le, *most);
    }
    let all: Vec<(Variable, f64)> = chosen.iter().map(|variable| (*variable, 1.0)).collect();
    problem.add_constraint(all, ComparisonOp::Le, limits.number as f64);
    if let Some(most) = limits.bytes {
        let all: Vec<(Variable, f64)> =
            chosen.iter().zip(&matrix.candidates).map(|(variable, cost)| (*variable, cost.bytes / most)).collect();
        problem.add_constraint(all, ComparisonOp::Le, 1.0);
    }
    let SolveOutcome::Solution(solution) = problem.solve().unwrap() else { panic!("the solver was interrupted") };
    solution.objective() + matrix.unasked
}

fn check(matrix: &SavingsMatrix, limits: ChoiceLimits) -> (f64, f64, f64) {
    let chosen = choose(matrix, limits);
    assert!(allowed(matrix, limits, &chosen.candidates), "{limits:?}: {chosen:?}");
    assert!((value(matrix, &chosen.candidates) - chosen.seconds).abs() < 1e-6 * chosen.seconds.max(1.0));
    let bound = upper_bound(matrix, limits, chosen.seconds);
    let (known, best) = (exhaustive(matrix, limits), exhaustive(&at_best(matrix), limits));
    let slack = 1e-9 * best.max(1.0);
    assert!(chosen.seconds <= known + slack, "{chosen:?} {known}");
    assert!(best <= bound + slack, "the best set saves {best}, the bound says {bound}: {limits:?} {matrix:?}");
    (chosen.seconds, known, bound)
}

#[test]
fn no_set_saves_more_than_the_bound_and_the_choice_is_one_of_the_best() {
    let (mut whole, mut best) = (0.0, 0.0);
    for seed in 0..40 {
        let matrix = random(seed, 3 + seed as usize % 9, 2 + seed as usize % 7);
        let size: f64 = matrix.candidates.iter().map(|cost| cost.bytes).sum();
        for number in [1, 2, 5] {
            for bytes in [None, Some(size * 0.15), Some(size * 0.5)] {
                let (chosen, known, _) = check(&matrix, ChoiceLimits { number, bytes });
                whole += chosen;
                best += known;
            }
        }
    }
    assert!(whole >= 0.995 * best, "{whole} of {best}");
}

#[test]
fn the_bound_is_as_tight_as_a_linear_solver_makes_it() {
    for seed in 0..6 {
        let matrix = random(seed, 40, 70);
        let size: f64 = matrix.candidates.iter().map(|cost| cost.bytes).sum();
        for limits in [
            ChoiceLimits { number: 5, bytes: None },
            ChoiceLimits { number: 40, bytes: Some(size * 0.1) },
            ChoiceLimits { number: 8, bytes: Some(size * 0.05) },
        ] {
            let chosen = choose(&matrix, limits);
            let (own, linear) = (upper_bound(&matrix, limits, chosen.seconds), relaxation(&matrix, limits));
            assert!(own >= linear * (1.0 - 1e-6), "{own} is below {linear}");
            assert!(own <= linear * 1.005, "{own} is far above {linear}: seed {seed} {limits:?}");
        }
    }
}

#[test]
fn what_nobody_was_asked_about_counts_in_the_bound_alone() {
    let mut matrix = SavingsMatrix {
        candidates: vec![CandidateCost { bytes: 1e6, upkeep: 0.0 }; 2],
        statements: vec![10.0],
        scans: vec![0],
        savings: vec![
            Saving { scan: 0, candidate: 0, seconds: 4.0, at_most: 4.0 },
            Saving { scan: 0, candidate: 1, seconds: 0.0, at_most: 10.0 },
        ],
        unasked: 0.0,
    };
    let limits = ChoiceLimits { number: 5, bytes: None };
    let chosen = choose(&matrix, limits);
    assert_eq!((chosen.candidates.as_slice(), chosen.seconds), ([0].as_slice(), 4.0));
    assert!((upper_bound(&matrix, limits, chosen.seconds) - 10.0).abs() < 0.1);
    matrix.unasked = 3.0;
    assert!((upper_bound(&matrix, limits, chosen.seconds) - 13.0).abs() < 0.1);
}

#[test]
fn an_index_that_costs_writers_more_than_it_saves_is_not_chosen() {
    let of = |writes: f64| SavingsMatrix {
        candidates: vec![CandidateCost { bytes: 1e6, upkeep: writes }],
        statements: vec![10.0],
        scans: vec![0],
        savings: vec![Saving { scan: 0, candidate: 0, seconds: 8.0, at_most: 8.0 }],
        unasked: 0.0,
    };
    let limits = ChoiceLimits { number: 5, bytes: None };
    assert_eq!(choose(&of(9.0), limits), Chosen::default());
    assert_eq!(choose(&of(3.0), limits).seconds, 5.0);
    assert_eq!(choose(&of(3.0), ChoiceLimits { number: 0, bytes: None }), Chosen::default());
    assert_eq!(choose(&SavingsMatrix::default(), limits), Chosen::default());
}

proptest! {
    #[test]
    fn figures_that_make_no_sense_break_nothing(
        savings in proptest::collection::vec((0_usize..6, 0_usize..6, -5.0..5.0_f64), 0..20),
        sizes in proptest::collection::vec(0.0..3.0_f64, 0..6),
        number in 0_usize..4,
    ) {
        let matrix = SavingsMatrix {
            candidates: sizes.iter().map(|size| CandidateCost { bytes: *size, upkeep: *size - 1.0 }).collect(),
            statements: vec![0.0, 2.0, 4.0],
            scans: vec![0, 1, 1, 2, 7],
            savings: savings.iter().map(|(scan, candidate, seconds)| Saving {
                scan: *scan, candidate: *candidate, seconds: *seconds, at_most: seconds.abs(),
            }).collect(),
            unasked: 0.0,
        };
        for bytes in [None, Some(0.0), Some(2.0)] {
            let limits = ChoiceLimits { number, bytes };
            let chosen = choose(&matrix, limits);
            prop_assert!(upper_bound(&matrix, limits, chosen.seconds) >= chosen.seconds);
        }
    }
}
