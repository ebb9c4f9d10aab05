//! From scans to advice.
use super::advice::Advice;
use crate::catalog::Catalog;
use crate::plan::Plan;
/// Returns what to build for a plan, and what not.
pub fn advise(_plan: &Plan, _catalog: &Catalog) -> Advice {
    Advice::default()
}
