//! The best few indexes for a whole workload: what each candidate saves each scan, the choice, and how far from the best
//! possible choice it can be at most.
//!
//! Pure. `pg::workload` fills the matrix by asking the planner.

pub mod advice;
pub mod baseline;
pub mod bound;
pub mod choice;
pub mod matrix;
pub mod outcome;
pub mod pool;
pub mod priced;
pub mod statement;
#[cfg(test)]
mod tests;
pub mod writes;

pub use advice::{
    AskedPlans, Certificate, ChosenIndex, CostChange, HelpedStatement, PricedBy, WorkloadAdvice, WorkloadProgress,
    WorkloadStep,
};
pub use baseline::Baseline;
pub use bound::upper_bound;
pub use choice::{Chosen, choose, choose_from};
pub use matrix::{CandidateCost, ChoiceLimits, Saving, SavingsMatrix};
pub use outcome::{BaselineOutcome, CurrentWorkload, compare};
pub use pool::{CandidatePool, PlannedStatement, PossibleUse, pool};
pub use statement::{LeftOut, LeftOutGroup, WorkloadStatement, leave_out};
