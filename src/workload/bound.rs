//! The most that any set of the candidates can save: what makes a choice comparable with the best one.
//!
//! The linear relaxation of the choice, by its Lagrangian dual: that a scan uses one index, that a statement saves no more
//! than it can, and the limit on the size are taken into the sum by multipliers; the limit on the number stays. Whatever
//! the multipliers, the value is an upper bound, so it is one however far the search for the best multipliers came.
//!
//! Source: Cornuejols, Fisher, Nemhauser, "Location of bank accounts to optimize float", 1977; steps by Polyak, 1969.

use super::matrix::{ChoiceLimits, SavingsMatrix};

/// Steps of the search.
const STEPS: usize = 8000;
/// A bound this near to what is saved, as a part of it, is near enough.
const NEAR: f64 = 2e-4;
/// Steps without a clearly better bound after which they become shorter,
const PATIENCE: usize = 40;
/// until they are so short.
const LEAST_REACH: f64 = 1e-4;
/// The part of the last step's way that the next one keeps, so that steps do not go to and fro.
const KEPT: f64 = 0.9;

/// Returns the seconds that the best set cannot exceed; `saved` is what a set is known to save.
pub fn upper_bound(matrix: &SavingsMatrix, limits: ChoiceLimits, saved: f64) -> f64 {
    let mut dual = Dual::of(matrix, limits);
    let saved = saved + matrix.unasked;
    let (mut best, mut reach, mut since) = (dual.value(), 1.0, 0);
    let mut best_point = dual.point.clone();
    for _ in 0..STEPS {
        if best - saved <= NEAR * best || reach < LEAST_REACH {
            break;
        }
        dual.step(reach * (dual.last - saved).max(best * NEAR));
        let value = dual.value();
        since += 1;
        if value < best * (1.0 - 1e-6) {
            since = 0;
            best = value;
            best_point.clone_from(&dual.point);
        }
        if since >= PATIENCE {
            (reach, since) = (reach * 0.7, 0);
            dual.point.clone_from(&best_point);
            dual.value();
            dual.rest();
        }
    }
    best.max(saved)
}

/// The multipliers: all in seconds, so that one step fits them all.
#[derive(Debug, Clone, Default)]
struct Point {
    /// Of each scan: what its one index is worth.
    scans: Vec<f64>,
    /// Of each statement: the part of its savings that its limit takes, times the limit.
    statements: Vec<f64>,
    /// Of the limit on the size, times the limit.
    bytes: f64,
}

/// The dual at a point.
struct Dual<'a> {
    matrix: &'a SavingsMatrix,
    limits: ChoiceLimits,
    /// Of each candidate: its entries.
    entries: Vec<Vec<usize>>,
    point: Point,
    /// How the value changes with each multiplier.
    slope: Point,
    /// Where the last step went.
    way: Point,
    last: f64,
}

impl<'a> Dual<'a> {
    fn of(matrix: &'a SavingsMatrix, limits: ChoiceLimits) -> Self {
        let mut entries = vec![Vec::new(); matrix.candidates.len()];
        // Of each scan: the second best, near which the multiplier of many ends.
        let mut two = vec![(0.0, 0.0); matrix.scans.len()];
        for (at, saving) in matrix.savings.iter().enumerate() {
            if let Some(entries) = entries.get_mut(saving.candidate) {
                entries.push(at);
            }
            if let Some((first, second)) = two.get_mut(saving.scan) {
                if saving.at_most > *first {
                    (*first, *second) = (saving.at_most, *first);
                } else if saving.at_most > *second {
                    *second = saving.at_most;
                }
            }
        }
        let zero =
            Point { scans: vec![0.0; matrix.scans.len()], statements: vec![0.0; matrix.statements.len()], bytes: 0.0 };
        let point = Point { scans: two.into_iter().map(|(_, second)| second).collect(), ..zero.clone() };
        Self { matrix, limits, entries, point, slope: zero.clone(), way: zero, last: f64::INFINITY }
    }

    /// Returns the part of a statement's savings that its limit leaves.
    fn left(&self, statement: usize) -> f64 {
        let most = self.matrix.statements.get(statement).copied().unwrap_or_default();
        let taken = self.point.statements.get(statement).copied().unwrap_or_default();
        if most > 0.0 { (1.0 - taken / most).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Computes the value and the slope.
    fn value(&mut self) -> f64 {
        let matrix = self.matrix;
        let mut total = matrix.unasked
            + self.point.scans.iter().sum::<f64>()
            + self.point.statements.iter().sum::<f64>()
            + self.limits.bytes.map_or(0.0, |_| self.point.bytes);
        let mut worth: Vec<(f64, usize)> = Vec::new();
        for (candidate, cost) in matrix.candidates.iter().enumerate() {
            let savings = self.parts(candidate).map(|(_, _, more)| more).filter(|more| *more > 0.0);
            let worth_of = savings.sum::<f64>() - cost.upkeep - self.share_of_bytes(candidate) * self.point.bytes;
            if worth_of > 0.0 && self.fits(candidate) {
                worth.push((worth_of, candidate));
            }
        }
        worth.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        worth.truncate(self.limits.number);
        self.slope.scans.fill(1.0);
        self.slope.statements.fill(1.0);
        self.slope.bytes = 1.0;
        let mut taken: Vec<(usize, usize, f64)> = Vec::new();
        for (more, candidate) in &worth {
            total += more;
            self.slope.bytes -= self.share_of_bytes(*candidate);
            taken.extend(
                self.parts(*candidate).filter(|(.., more)| *more > 0.0).map(|(at, most, _)| (at, *candidate, most)),
            );
        }
        for (scan, _, at_most) in taken {
            let Some(statement) = matrix.scans.get(scan) else { continue };
            if let Some(slope) = self.slope.scans.get_mut(scan) {
                *slope -= 1.0;
            }
            let most = matrix.statements.get(*statement).copied().unwrap_or_default();
            if let Some(slope) = self.slope.statements.get_mut(*statement).filter(|_| most > 0.0) {
                *slope -= at_most / most;
            }
        }
        self.last = total;
        total
    }

    /// Returns a candidate's scans, what it saves each at most, and what that is worth beside the scan's multiplier.
    fn parts(&self, candidate: usize) -> impl Iterator<Item = (usize, f64, f64)> {
        let entries = self.entries.get(candidate).map(Vec::as_slice).unwrap_or_default();
        entries.iter().filter_map(|at| {
            let saving = self.matrix.savings.get(*at)?;
            let left = self.left(*self.matrix.scans.get(saving.scan)?);
            Some((saving.scan, saving.at_most, saving.at_most * left - self.point.scans.get(saving.scan)?))
        })
    }

    fn share_of_bytes(&self, candidate: usize) -> f64 {
        let bytes = self.matrix.candidates.get(candidate).map_or(0.0, |cost| cost.bytes);
        self.limits.bytes.filter(|most| *most > 0.0).map_or(0.0, |most| bytes / most)
    }

    /// Whether it can be in any set at all.
    fn fits(&self, candidate: usize) -> bool {
        self.limits.allow(1, self.matrix.candidates.get(candidate).map_or(0.0, |cost| cost.bytes))
    }

    /// Forgets where the last step went.
    fn rest(&mut self) {
        self.way.scans.fill(0.0);
        self.way.statements.fill(0.0);
        self.way.bytes = 0.0;
    }

    /// Goes down the slope so far that the value would fall by so much, if it were straight.
    fn step(&mut self, fall: f64) {
        let mut norm = turn(&mut self.way.scans, &self.slope.scans, &self.point.scans)
            + turn(&mut self.way.statements, &self.slope.statements, &self.point.statements);
        if self.limits.bytes.is_some() {
            let way = std::slice::from_mut(&mut self.way.bytes);
            norm += turn(way, &[self.slope.bytes], &[self.point.bytes]);
        }
        if norm <= 0.0 {
            return;
        }
        let length = fall / norm;
        for (at, way) in self.point.scans.iter_mut().zip(&self.way.scans) {
            *at = (*at - length * way).max(0.0);
        }
        let mosts = &self.matrix.statements;
        for ((at, way), most) in self.point.statements.iter_mut().zip(&self.way.statements).zip(mosts) {
            *at = (*at - length * way).clamp(0.0, most.max(0.0));
        }
        self.point.bytes = (self.point.bytes - length * self.way.bytes).max(0.0);
    }
}

/// Turns the way towards the slope; returns the square of its length. A multiplier that is 0 does not go below.
fn turn(way: &mut [f64], slope: &[f64], point: &[f64]) -> f64 {
    let mut square = 0.0;
    for ((way, slope), at) in way.iter_mut().zip(slope).zip(point) {
        *way = KEPT * *way + (1.0 - KEPT) * slope;
        if *way > 0.0 && *at <= 0.0 {
            *way = 0.0;
        }
        square += *way * *way;
    }
    square
}
