//! What is reported of one run, and whether that is bad news.

use super::against::Against;
use super::reported::Reported;

/// The plans of one run.
#[derive(Debug)]
pub(super) struct ExplainReport {
    pub(super) plans: Vec<Reported>,
    /// What of a file was not understood, one sentence each.
    pub(super) troubles: Vec<String>,
    /// What came since older plans, where some were named.
    pub(super) against: Option<Against>,
}

impl ExplainReport {
    /// Whether `--check` is to fail: on a sequential scan that is new, or, without older plans, on whatever is worth doing.
    pub(super) fn is_bad(&self) -> bool {
        if let Some(against) = &self.against {
            return !against.scans.is_empty();
        }
        self.plans
            .iter()
            .any(|plan| !plan.verdict.is_fine || plan.advised.as_ref().is_some_and(|it| !it.indexes.is_empty()))
    }
}
