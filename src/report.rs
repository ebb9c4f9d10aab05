//! What is said of a plan, as documents: sequential scans, tips, indexes worth building, what a trial measured.
//!
//! One function for each, for the console and the command line alike. Knows no screen.

pub(crate) mod finding;
mod index;
mod mean;
pub(crate) mod outcome;
mod scan;
pub(crate) mod tip;
mod trial;
mod whole;
pub(crate) mod workload;
pub(crate) mod worth;

pub(crate) use index::{costs, details, indexes, not_advised, notes, saving};
pub(crate) use mean::{beside_the_mean, rows_beside_the_mean};
pub(crate) use scan::{ScannedTable, scan};
pub(crate) use tip::AdvisedTip;
pub(crate) use trial::{TRIED, TrialResult, TriedPlan, built_size};
pub(crate) use whole::{WholePlan, whole};
