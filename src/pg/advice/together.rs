//! Indexes that are tried together: which of them are good beside the others.
//!
//! Pure. The planner was asked about every set of two or three candidates, so that each set is known by its cost.

use crate::advisor::IndexSpec;
use crate::catalog::AccessMethod;
use crate::pg::verify::{Evidence, PlannerVerdict, Verified};

/// An index has to save at least this part of what the plan costs without it and with the others.
const LEAST_SAVING: f64 = 0.1;

/// What the planner said of sets of candidates.
pub(super) struct Trials {
    /// Indexes of each candidate.
    sizes: Vec<usize>,
    /// The candidates of each set, by their places in ascending order, and the answer.
    answers: Vec<(Vec<usize>, Verified)>,
    /// The cost without any.
    none: f64,
}

/// Returns every set of two or more of so many candidates.
pub(super) fn subsets(candidates: usize) -> Vec<Vec<usize>> {
    if !(2..=3).contains(&candidates) {
        return Vec::new();
    }
    let all = (0..1_u32 << candidates).filter(|bits| bits.count_ones() > 1);
    all.map(|bits| (0..candidates).filter(|place| bits >> place & 1 == 1).collect()).collect()
}

/// Whether HypoPG sees an index wherever its table stands in a statement.
pub(super) fn is_plain(spec: &IndexSpec) -> bool {
    let index = &spec.definition;
    let is_simulated = matches!(index.method, AccessMethod::BTree | AccessMethod::Brin | AccessMethod::Hash);
    is_simulated && index.predicate.is_empty() && !index.has_expression()
}

impl Trials {
    /// Takes the answers to each candidate alone and to the sets; `None` where the planner was not asked about one of them.
    pub(super) fn new(sizes: Vec<usize>, alone: &[&Verified], sets: Vec<(Vec<usize>, Verified)>) -> Option<Self> {
        let alone = alone.iter().enumerate().map(|(place, answer)| (vec![place], (*answer).clone()));
        let answers: Vec<(Vec<usize>, Verified)> = alone.chain(sets).collect();
        let is_asked = |(_, answer): &(Vec<usize>, Verified)| answer.evidence == Evidence::Hypothetical;
        let none = answers.first().and_then(|(_, answer)| answer.costs())?.0;
        let are_known = answers.iter().all(|one| is_asked(one) && one.1.costs().is_some());
        are_known.then_some(Self { sizes, answers, none })
    }

    fn of(&self, members: &[usize]) -> Option<&Verified> {
        self.answers.iter().find(|(known, _)| known == members).map(|(_, answer)| answer)
    }

    fn cost(&self, members: &[usize]) -> f64 {
        if members.is_empty() {
            return self.none;
        }
        self.of(members).and_then(Verified::costs).map_or(f64::INFINITY, |(_, after)| after)
    }

    /// Returns the candidates of which each is used and saves something beside the others.
    pub(super) fn good_together(&self) -> Vec<usize> {
        let mut members: Vec<usize> = (0..self.sizes.len()).collect();
        while !members.is_empty() {
            let cost = self.cost(&members);
            let saving = |place: usize| {
                let without = self.cost(&without(&members, place));
                if self.is_used(&members, place) { 1.0 - cost / without.max(1e-9) } else { 0.0 }
            };
            let least = members.iter().copied().min_by(|one, other| saving(*one).total_cmp(&saving(*other)));
            match least.filter(|place| saving(*place) < LEAST_SAVING) {
                Some(place) => members = without(&members, place),
                None => break,
            }
        }
        members
    }

    fn is_used(&self, members: &[usize], place: usize) -> bool {
        let verdicts = self.verdicts(members, place);
        !verdicts.is_empty() && verdicts.iter().all(|verdict| *verdict == PlannerVerdict::Used)
    }

    /// The verdicts on one candidate's indexes within a set.
    fn verdicts(&self, members: &[usize], place: usize) -> Vec<PlannerVerdict> {
        let of = |place: &usize| self.sizes.get(*place).copied().unwrap_or(0);
        let before: usize = members.iter().take_while(|known| **known != place).map(of).sum();
        let all = self.of(members).map(|answer| answer.verdicts.clone()).unwrap_or_default();
        all.into_iter().skip(before).take(of(&place)).collect()
    }

    /// Returns what the planner said of a candidate beside the other good ones: the plan with them, then with it too.
    pub(super) fn beside_others(&self, good: &[usize], place: usize) -> Option<Verified> {
        let with = self.of(good)?;
        let others = without(good, place);
        let before = if others.is_empty() { with.before.clone() } else { self.of(&others)?.after.clone() };
        let mut notes = with.notes.clone();
        notes.push("the figures are those beside the other advised indexes: alone it saves less".to_owned());
        let verdicts = self.verdicts(good, place);
        let sizes = vec![None; verdicts.len()];
        Some(Verified { verdicts, before, sizes, notes, ..with.clone() })
    }
}

fn without(members: &[usize], place: usize) -> Vec<usize> {
    members.iter().copied().filter(|known| *known != place).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advisor::tests::plan;

    fn answer(verdicts: &[bool], cost: f64) -> Verified {
        let of = |cost: f64| plan(&format!("Seq Scan on orders  (cost=0.00..{cost:.2} rows=1 width=8)"));
        let verdict = |is_used: &bool| if *is_used { PlannerVerdict::Used } else { PlannerVerdict::NotUsed };
        Verified {
            evidence: Evidence::Hypothetical,
            verdicts: verdicts.iter().map(verdict).collect(),
            before: Some(of(1000.0)),
            after: Some(of(cost)),
            sizes: vec![None; verdicts.len()],
            notes: Vec::new(),
        }
    }

    fn check(alone: [(bool, f64); 2], together: ([bool; 2], f64), expected: &[usize]) {
        let alone = alone.map(|(is_used, cost)| answer(&[is_used], cost));
        let set = (vec![0, 1], answer(&together.0, together.1));
        let trials = Trials::new(vec![1, 1], &alone.iter().collect::<Vec<_>>(), vec![set]).unwrap();
        assert_eq!(trials.good_together(), expected);
    }

    #[test]
    fn an_index_that_is_good_only_beside_another_stays_and_one_that_is_needless_goes() {
        check([(true, 900.0), (false, 1000.0)], ([true, true], 10.0), &[0, 1]);
        check([(true, 100.0), (true, 800.0)], ([true, false], 100.0), &[0]);
        check([(true, 100.0), (true, 120.0)], ([true, true], 99.0), &[0]);
        check([(false, 1000.0), (false, 1000.0)], ([false, false], 1000.0), &[]);
    }

    #[test]
    fn sets_are_of_two_or_three() {
        assert_eq!(subsets(1), Vec::<Vec<usize>>::new());
        assert_eq!(subsets(2), [[0, 1]]);
        assert_eq!(subsets(3), [vec![0, 1], vec![0, 2], vec![1, 2], vec![0, 1, 2]]);
    }
}
