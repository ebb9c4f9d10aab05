//! What each candidate saves each scan, and what it costs: the plain figures that the choice and its bound work on.
//!
//! All savings and costs of writes are seconds of the server's time in one window, so that they can be added.

/// The figures of a workload.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SavingsMatrix {
    /// The candidates.
    pub candidates: Vec<CandidateCost>,
    /// Of each statement, the seconds that all candidates together can save at most.
    pub statements: Vec<f64>,
    /// Of each scan, its statement, by its place in `statements`.
    pub scans: Vec<usize>,
    /// What is saved, one entry for each scan and candidate that meet.
    pub savings: Vec<Saving>,
    /// Seconds that could be saved in statements which have no entry, because they were dropped or never asked about.
    pub unasked: f64,
}

/// What a candidate costs.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CandidateCost {
    /// Its size in bytes.
    pub bytes: f64,
    /// Seconds that writes take longer because of it, and what any index has to be worth.
    pub upkeep: f64,
}

/// What a candidate saves a scan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Saving {
    /// The scan.
    pub scan: usize,
    /// The candidate.
    pub candidate: usize,
    /// Seconds, as they were estimated; 0 where nobody was asked.
    pub seconds: f64,
    /// The most that it can be: the same where it was asked about.
    pub at_most: f64,
}

/// What a choice has to keep to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ChoiceLimits {
    /// The most candidates.
    pub number: usize,
    /// The most bytes, all together.
    pub bytes: Option<f64>,
}

impl ChoiceLimits {
    /// Whether a set of this number and size keeps to them.
    pub(super) fn allow(&self, number: usize, bytes: f64) -> bool {
        number <= self.number && self.bytes.is_none_or(|most| bytes <= most)
    }
}

/// The matrix with its entries in the order in which they are asked for.
#[derive(Debug)]
pub(super) struct Arranged<'a> {
    pub(super) matrix: &'a SavingsMatrix,
    /// Of each scan: the candidates with their seconds.
    by_scan: Vec<Vec<(usize, f64)>>,
    /// Of each statement: its scans.
    scans_of: Vec<Vec<usize>>,
    /// Of each candidate: the statements it serves, each once.
    serves: Vec<Vec<usize>>,
}

impl<'a> Arranged<'a> {
    pub(super) fn of(matrix: &'a SavingsMatrix) -> Self {
        let mut arranged = Self {
            matrix,
            by_scan: vec![Vec::new(); matrix.scans.len()],
            scans_of: vec![Vec::new(); matrix.statements.len()],
            serves: vec![Vec::new(); matrix.candidates.len()],
        };
        for (scan, statement) in matrix.scans.iter().enumerate() {
            if let Some(scans) = arranged.scans_of.get_mut(*statement) {
                scans.push(scan);
            }
        }
        for saving in &matrix.savings {
            let Some(statement) = matrix.scans.get(saving.scan) else { continue };
            if let Some(of_scan) = arranged.by_scan.get_mut(saving.scan) {
                of_scan.push((saving.candidate, saving.seconds));
            }
            if let Some(served) = arranged.serves.get_mut(saving.candidate)
                && !served.contains(statement)
            {
                served.push(*statement);
            }
        }
        arranged
    }

    /// Returns the statements that a candidate serves.
    pub(super) fn served(&self, candidate: usize) -> &[usize] {
        self.serves.get(candidate).map(Vec::as_slice).unwrap_or_default()
    }

    pub(super) fn cost(&self, candidate: usize) -> CandidateCost {
        self.matrix.candidates.get(candidate).copied().unwrap_or_default()
    }

    /// Returns the seconds that a set saves a statement: of each scan the best of the set, all together at most what the
    /// statement can save.
    pub(super) fn saved(&self, statement: usize, has: impl Fn(usize) -> bool) -> f64 {
        let scans = self.scans_of.get(statement).map(Vec::as_slice).unwrap_or_default();
        let best = |scan: &usize| {
            let of_scan = self.by_scan.get(*scan).map(Vec::as_slice).unwrap_or_default();
            of_scan.iter().filter(|(candidate, _)| has(*candidate)).map(|(_, seconds)| *seconds).fold(0.0, f64::max)
        };
        let all: f64 = scans.iter().map(best).sum();
        all.min(self.matrix.statements.get(statement).copied().unwrap_or_default())
    }
}
