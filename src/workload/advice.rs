//! What is advised for a workload.

use super::pool::PlannedStatement;
use super::statement::LeftOutGroup;
use crate::advisor::{Candidate, Refusal};
use crate::django::{DjangoCode, MigrationFile};
use crate::sample::unit::counted;
use crate::sample::{Seconds, Timestamp};

/// What is advised for a workload.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct WorkloadAdvice {
    /// The database.
    pub database: String,
    /// When the statements were read, by the server's clock.
    pub at: Timestamp,
    /// The statements that were planned, the one that took most time first.
    pub statements: Vec<PlannedStatement>,
    /// Statements that were not looked at.
    pub left_out: Vec<LeftOutGroup>,
    /// Time of all statements of the database.
    pub total: Seconds,
    /// Since when they are counted, and how long that is; `None` where the server does not say.
    pub window: Option<(Timestamp, Seconds)>,
    /// The indexes, the one that saves most first.
    pub indexes: Vec<ChosenIndex>,
    /// How far from the best choice this can be.
    pub certificate: Certificate,
    /// What the question cost.
    pub asked: AskedPlans,
    /// Who said what an index saves.
    pub priced: PricedBy,
    /// Statements, by their places, whose estimate is higher with the indexes, with the cost before and after.
    pub worse: Vec<CostChange>,
    /// Statements, by their places, that would have to be written another way first.
    pub rewrites: Vec<(usize, Refusal)>,
    /// One migration for each app, with all of its indexes.
    pub migrations: Vec<MigrationFile>,
    /// The SQL of the indexes of tables without a model.
    pub sql: Vec<String>,
    /// What else has to be known, one sentence each.
    pub notes: Vec<String>,
}

impl WorkloadAdvice {
    /// Returns a time as a share of the time of all statements, 0..=1.
    pub fn share_of(&self, time: Seconds) -> f64 {
        if self.total.0 > 0.0 { (time.0 / self.total.0).min(1.0) } else { 0.0 }
    }
}

/// Who said what an index saves.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum PricedBy {
    /// The planner, which `HypoPG` made believe in the indexes.
    Planner,
    /// The advisor's own model of the planner's costs, and why the planner was not asked.
    Model(String),
    /// Nobody: there was no candidate.
    #[default]
    Nobody,
}

/// An index that was chosen.
#[derive(Debug, Clone, PartialEq)]
pub struct ChosenIndex {
    /// What the advisor says of it.
    pub candidate: Candidate,
    /// Its code, then that of its companions; or why there is none.
    pub codes: Vec<Result<DjangoCode, String>>,
    /// Time that it saves in the window, by the planner's estimates.
    pub saves: Seconds,
    /// The same as a share of the time of all statements of the database, 0..=1.
    pub share: f64,
    /// Time that writers lose to it in the window.
    pub writes: Seconds,
    /// Whether the planner said so; else it is by the advisor's own model.
    pub is_planned: bool,
    /// The statements it helps, the one that saves most first.
    pub helped: Vec<HelpedStatement>,
}

/// A statement that an index helps.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HelpedStatement {
    /// The statement and its costs without and with all chosen indexes.
    pub change: CostChange,
    /// Time that this index saves it in the window.
    pub saves: Seconds,
}

/// How the cost of a statement changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CostChange {
    /// The statement, by its place.
    pub statement: usize,
    /// The cost of the whole statement as it is, in the planner's units.
    pub before: f64,
    /// The same with all chosen indexes.
    pub after: f64,
}

/// What the question cost.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct AskedPlans {
    /// Plans that were asked for.
    pub plans: usize,
    /// The time that the server took for these plans; what it took to check the statements before is not in it.
    pub server: Seconds,
    /// The time that went by.
    pub elapsed: Seconds,
}

/// How far from the best choice a choice can be.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Certificate {
    /// What the choice saves, writes taken off, by the figures it was made with.
    pub saves: Seconds,
    /// What no choice of these candidates can exceed.
    pub bound: Seconds,
    /// How many candidates there were.
    pub candidates: usize,
    /// Whether the figures are the planner's; else they are those of the advisor's own model.
    pub is_planned: bool,
}

impl Certificate {
    /// Returns the part of the best choice that may be missing, 0..=1.
    pub fn gap(&self) -> f64 {
        if self.bound.0 > 0.0 { (1.0 - self.saves.0 / self.bound.0).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// Returns it in a sentence.
    pub fn words(&self) -> String {
        let gap = self.gap() * 100.0;
        // Never less than it is.
        let gap = if gap >= 10.0 { format!("{:.0}", gap.ceil()) } else { format!("{:.1}", (gap * 10.0).ceil() / 10.0) };
        let by = if self.is_planned { "the planner's estimates" } else { "pgdj's own cost model" };
        let candidates = counted(self.candidates, "candidate", "candidates");
        format!("Within {gap}% of the best set of these {candidates}, by {by}, one scan at a time.")
    }
}

/// How far the work is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct WorkloadProgress {
    /// Statements that were looked at.
    pub looked_at: usize,
    /// Statements in all.
    pub statements: usize,
    /// What the question cost so far.
    pub asked: AskedPlans,
    /// What is done at the moment.
    pub step: WorkloadStep,
}

/// What is done at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WorkloadStep {
    /// The statements are read.
    #[default]
    Reading,
    /// The time is waited for in which statements are counted.
    Counting,
    /// Each is planned as it is.
    Planning,
    /// The planner is asked about the candidates.
    Pricing,
    /// The choice is planned again.
    Verifying,
}

impl WorkloadStep {
    /// Returns it for a person.
    pub fn words(self) -> &'static str {
        match self {
            Self::Reading => "reading pg_stat_statements",
            Self::Counting => "counting what runs now",
            Self::Planning => "planning the statements",
            Self::Pricing => "asking about candidates",
            Self::Verifying => "planning with the choice",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_never_claims_more_than_is_known() {
        let words = |saves: f64, bound: f64| {
            Certificate { saves: Seconds(saves), bound: Seconds(bound), candidates: 187, is_planned: true }.words()
        };
        assert!(words(99.61, 100.0).starts_with("Within 0.4% of the best set of these 187 candidates,"));
        assert!(words(99.59, 100.0).starts_with("Within 0.5% "), "{}", words(99.59, 100.0));
        assert!(words(0.0, 0.0).starts_with("Within 0.0% "));
        assert!(words(50.0, 99.0).starts_with("Within 50% "), "{}", words(50.0, 99.0));
    }
}
