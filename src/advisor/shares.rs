//! For which share of the rows a clause holds, where the statistics do not say it but the plan does.

use super::condition::{Clause, ClauseClass};
use super::scan::Scan;

/// Rows that have to be looked at, for a count of them to say something.
const ENOUGH_ROWS: f64 = 1000.0;

impl Scan<'_> {
    /// Gives the clauses that the statistics say nothing of the share that the plan's rows leave for them.
    ///
    /// The planner evaluates `now() - interval '1 day'` and knows the elements of arrays; ANALYZE has counted.
    pub(super) fn learn_shares(&mut self) {
        self.replace_defaults();
        let looked_at = self.removed.map_or(f64::INFINITY, |removed| (self.rows + removed) * self.loops);
        if looked_at < ENOUGH_ROWS || (self.removed.is_some() && self.stops_early && !self.searched.is_empty()) {
            return;
        }
        let table = self.table;
        let share = match self.removed {
            Some(removed) if self.searched.is_empty() => self.rows / (self.rows + removed).max(1.0),
            _ => self.rows / table.rows_or_guess().max(1.0),
        };
        let share = share.clamp(0.5 / table.rows_or_guess().max(10.0), 1.0);
        let (unknown, known): (Vec<&Clause>, Vec<&Clause>) =
            self.clauses.iter().partition(|clause| !clause.has_known_share(table));
        if unknown.is_empty() {
            return;
        }
        let known: f64 = known.iter().map(|clause| clause.selectivity).product();
        let each = (share / known.max(1e-9)).min(1.0).powf(1.0 / unknown.len() as f64);
        for clause in self.clauses.iter_mut().chain(&mut self.searched) {
            if !clause.has_known_share(table) {
                clause.selectivity = each;
            }
        }
    }

    /// Takes what the planner assumes of expressions without statistics out of its estimate, where their share is known.
    fn replace_defaults(&mut self) {
        if self.removed.is_some() {
            return;
        }
        for clause in &self.clauses {
            if let (Some(assumed), true) = (clause.assumed(self.table), clause.has_known_share(self.table)) {
                self.rows *= clause.selectivity / assumed;
            }
        }
    }
}

impl Clause {
    /// What the planner takes for a clause on an expression without statistics; `None` where it has some.
    ///
    /// Source: `DEFAULT_EQ_SEL` and `DEFAULT_INEQ_SEL` in src/include/utils/selfuncs.h.
    fn assumed(&self, table: &crate::catalog::Table) -> Option<f64> {
        if self.key.as_column().is_some() || table.statistics_of(&self.key).is_some() {
            return None;
        }
        match self.class {
            ClauseClass::Equal => Some(0.005),
            ClauseClass::Range => Some(1.0 / 3.0),
            _ => None,
        }
    }
}
