//! The choice of the best few candidates under a number and a size.
//!
//! Greedily, by the seconds that are saved and by the seconds for each byte, whichever ends better; then one candidate is
//! exchanged for another, and the room that is left is filled, as long as that saves more. What a set saves never grows
//! faster by being larger, so a gain that was computed for a smaller set is an upper bound of the gain for a larger one:
//! most of them need not be computed again.
//!
//! Source: Minoux, "Accelerated greedy algorithms for maximizing submodular set functions", 1978; the knapsack form by
//! Leskovec et al., "Cost-effective outbreak detection in networks", 2007.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::matrix::{Arranged, ChoiceLimits, SavingsMatrix};

/// A set of candidates.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Chosen {
    /// The candidates by their places, the one that was worth most when it was chosen first.
    pub candidates: Vec<usize>,
    /// Seconds that they save together, those that writes take longer taken off.
    pub seconds: f64,
}

/// Exchanges that are looked at; a choice among thousands of candidates has to end.
const MOST_EXCHANGES: usize = 300_000;

/// A gain below this part of the whole is none: sums of floating point numbers differ by as much.
const NO_GAIN: f64 = 1e-9;

/// Chooses a set.
pub fn choose(matrix: &SavingsMatrix, limits: ChoiceLimits) -> Chosen {
    choose_from(matrix, limits, &|_| true)
}

/// Chooses a set of those candidates that are allowed.
pub fn choose_from(matrix: &SavingsMatrix, limits: ChoiceLimits, is_allowed: &dyn Fn(usize) -> bool) -> Chosen {
    let arranged = Arranged::of(matrix);
    let by = |order: GreedyOrder| {
        let mut set = CandidateSet::empty(&arranged, limits, is_allowed);
        set.fill(order);
        set.exchange(order);
        set.chosen()
    };
    let (by_gain, by_byte) = (by(GreedyOrder::ByGain), by(GreedyOrder::ByByte));
    if by_byte.seconds > by_gain.seconds { by_byte } else { by_gain }
}

/// What the next candidate is chosen by.
#[derive(Debug, Clone, Copy)]
enum GreedyOrder {
    ByGain,
    ByByte,
}

impl GreedyOrder {
    fn rank(self, gain: f64, bytes: f64) -> f64 {
        match self {
            Self::ByGain => gain,
            // A page at least: nothing is for free.
            Self::ByByte => gain / bytes.max(8192.0),
        }
    }
}

/// A candidate that waits, with the gain it had when that was computed.
#[derive(Debug, PartialEq)]
struct Waiting {
    rank: f64,
    candidate: usize,
    /// How many candidates were in the set then.
    after: usize,
}

impl Eq for Waiting {}

impl Ord for Waiting {
    fn cmp(&self, other: &Self) -> Ordering {
        self.rank.total_cmp(&other.rank).then_with(|| other.candidate.cmp(&self.candidate))
    }
}

impl PartialOrd for Waiting {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// A set that is being chosen.
struct CandidateSet<'a> {
    arranged: &'a Arranged<'a>,
    limits: ChoiceLimits,
    is_allowed: &'a dyn Fn(usize) -> bool,
    has: Vec<bool>,
    order: Vec<usize>,
    bytes: f64,
    /// What each statement saves by it.
    saved: Vec<f64>,
    least: f64,
}

impl<'a> CandidateSet<'a> {
    fn empty(arranged: &'a Arranged<'a>, limits: ChoiceLimits, is_allowed: &'a dyn Fn(usize) -> bool) -> Self {
        let matrix = arranged.matrix;
        Self {
            arranged,
            limits,
            is_allowed,
            has: vec![false; matrix.candidates.len()],
            order: Vec::new(),
            bytes: 0.0,
            saved: vec![0.0; matrix.statements.len()],
            least: matrix.statements.iter().sum::<f64>() * NO_GAIN,
        }
    }

    fn has(&self, candidate: usize) -> bool {
        self.has.get(candidate).copied().unwrap_or_default()
    }

    /// Returns what a candidate would add.
    fn gain(&self, candidate: usize) -> f64 {
        let with = |other: usize| other == candidate || self.has(other);
        let more = |statement: &usize| self.arranged.saved(*statement, with) - self.saved_by(*statement);
        let more: f64 = self.arranged.served(candidate).iter().map(more).sum();
        more - self.arranged.cost(candidate).upkeep
    }

    fn saved_by(&self, statement: usize) -> f64 {
        self.saved.get(statement).copied().unwrap_or_default()
    }

    /// Adds what is worth most for as long as something is worth anything and there is room.
    fn fill(&mut self, order: GreedyOrder) {
        let bytes = |candidate: usize| self.arranged.cost(candidate).bytes;
        let mut waiting: BinaryHeap<Waiting> = (0..self.has.len())
            .filter(|candidate| !self.has(*candidate) && (self.is_allowed)(*candidate))
            .map(|candidate| {
                let rank = order.rank(self.gain(candidate), bytes(candidate));
                Waiting { rank, candidate, after: self.order.len() }
            })
            .collect();
        while let Some(next) = waiting.pop() {
            if next.rank <= 0.0 || self.order.len() >= self.limits.number {
                break;
            }
            let cost = self.arranged.cost(next.candidate);
            if !self.limits.allow(self.order.len() + 1, self.bytes + cost.bytes) {
                continue;
            }
            let gain = self.gain(next.candidate);
            if next.after < self.order.len() {
                let rank = order.rank(gain, cost.bytes);
                waiting.push(Waiting { rank, candidate: next.candidate, after: self.order.len() });
            } else if gain > self.least {
                self.add(next.candidate);
            }
        }
    }

    fn add(&mut self, candidate: usize) {
        self.order.push(candidate);
        self.set(candidate, true);
    }

    fn remove(&mut self, candidate: usize) {
        self.order.retain(|known| *known != candidate);
        self.set(candidate, false);
    }

    fn set(&mut self, candidate: usize, is_in: bool) {
        if let Some(has) = self.has.get_mut(candidate) {
            *has = is_in;
        }
        let bytes = self.arranged.cost(candidate).bytes;
        self.bytes += if is_in { bytes } else { -bytes };
        for statement in self.arranged.served(candidate) {
            let now = self.arranged.saved(*statement, |other| self.has(other));
            if let Some(saved) = self.saved.get_mut(*statement) {
                *saved = now;
            }
        }
    }

    /// Exchanges one for another for as long as that saves more, and fills the room again.
    fn exchange(&mut self, order: GreedyOrder) {
        let mut looked_at = 0;
        while looked_at < MOST_EXCHANGES {
            let mut best: Option<(f64, usize, usize)> = None;
            let inside = self.order.clone();
            for out in inside {
                for other in 0..self.has.len() {
                    if self.has(other) || !(self.is_allowed)(other) {
                        continue;
                    }
                    looked_at += 1;
                    let bytes = self.bytes - self.arranged.cost(out).bytes + self.arranged.cost(other).bytes;
                    let gain = self.exchanged(out, other);
                    let least = best.map_or(self.least, |(known, ..)| known);
                    if self.limits.allow(self.order.len(), bytes) && gain > least {
                        best = Some((gain, out, other));
                    }
                }
            }
            let Some((_, out, other)) = best else { break };
            self.remove(out);
            self.add(other);
            self.fill(order);
        }
    }

    /// Returns what it gains to have one instead of another.
    fn exchanged(&self, out: usize, other: usize) -> f64 {
        let has = |candidate: usize| candidate != out && (candidate == other || self.has(candidate));
        let (of_out, of_other) = (self.arranged.served(out), self.arranged.served(other));
        let more = |statement: &usize| self.arranged.saved(*statement, has) - self.saved_by(*statement);
        let both = of_out.iter().chain(of_other.iter().filter(|statement| !of_out.contains(statement)));
        let more: f64 = both.map(more).sum();
        more + self.arranged.cost(out).upkeep - self.arranged.cost(other).upkeep
    }

    fn chosen(self) -> Chosen {
        let writes: f64 = self.order.iter().map(|candidate| self.arranged.cost(*candidate).upkeep).sum();
        Chosen { seconds: self.saved.iter().sum::<f64>() - writes, candidates: self.order }
    }
}
