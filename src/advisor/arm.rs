//! A scan with one arm of an OR in place of the OR.

use super::condition::Clause;
use super::scan::Scan;

/// The share of the rows that an arm of an OR is taken to have at least: the next value may find more than this one did.
const LEAST_OF_ARM: f64 = 0.0003;

impl Scan<'_> {
    /// Returns the same scan as if it had the clauses of one arm of an OR in place of the OR.
    #[must_use]
    pub(crate) fn for_arm(&self, arm: &[Clause], either: &Clause) -> Self {
        let clauses: Vec<Clause> = arm.to_vec();
        let share: f64 = clauses.iter().map(|clause| clause.selectivity).product();
        // An arm holds for no more rows than the OR does, which is known better than the share of a pattern.
        let share = share.min(self.share_of(either).max(LEAST_OF_ARM));
        Self {
            clauses,
            searched: Vec::new(),
            at_most: None,
            rows: share * self.table.rows_or_guess(),
            removed: None,
            order: None,
            outputs: None,
            joins: Vec::new(),
            ..self.clone()
        }
    }

    /// Returns the share of the table's rows for which one of its clauses holds, 0..=1: what is returned, over what the other
    /// clauses leave.
    fn share_of(&self, clause: &Clause) -> f64 {
        let share = match self.removed {
            Some(removed) if self.searched.is_empty() && self.rows + removed > 0.0 => self.rows / (self.rows + removed),
            _ => self.rows / self.table.rows_or_guess().max(1.0),
        };
        let others = self.clauses.iter().filter(|other| other.whole != clause.whole);
        let others: f64 = others.map(|other| other.selectivity).product();
        (share / others.max(1e-9)).clamp(0.0, 1.0)
    }
}
