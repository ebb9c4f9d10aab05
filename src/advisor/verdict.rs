//! What is said of a scan: build this, or none and why.

use super::advice::{Candidate, Reason, Refusal, Rewrite};
use super::cost::IndexEstimate;
use super::scan::Scan;
use crate::catalog::Definition;

/// An OFFSET from which on pages should be turned by the last row's key.
pub(super) const DEEP_OFFSET: f64 = 1000.0;

/// One way to serve a scan: an index, or several that work together, with what they would do.
#[derive(Debug, Clone)]
pub(super) struct AccessPath {
    /// The indexes; more than one for the arms of an OR.
    pub(super) definitions: Vec<Definition>,
    /// What they would do.
    pub(super) estimate: IndexEstimate,
    /// Whether the rows of a join's other side are looked up one by one.
    pub(super) is_joined: bool,
    /// Whether it serves an OR, with an index for each arm: one that exists, or one of `definitions`.
    pub(super) is_either: bool,
}

/// What is said of a scan.
#[derive(Debug)]
pub(super) enum ScanVerdict {
    /// An index is worth building.
    Build(Box<Candidate>),
    /// None is, and why.
    Refuse(Box<Refusal>),
    /// None is, and nobody would ask.
    Nothing,
}

impl From<Option<Refusal>> for ScanVerdict {
    fn from(refusal: Option<Refusal>) -> Self {
        refusal.map_or(Self::Nothing, |refusal| Self::Refuse(Box::new(refusal)))
    }
}

/// A refusal of a scan.
pub(super) fn refusal(scan: &Scan<'_>, reason: Reason, why: String) -> Refusal {
    Refusal {
        node: scan.id,
        schema: scan.table.schema.clone(),
        table: scan.table.name.clone(),
        reason,
        why,
        rewrite: None,
        then: None,
    }
}

/// A refusal because the statement has to be written another way.
pub(super) fn needs(scan: &Scan<'_>, why: String, what: &str, django: Option<&str>) -> Refusal {
    let rewrite = Rewrite { what: what.to_owned(), django: django.map(str::to_owned) };
    Refusal { rewrite: Some(rewrite), ..refusal(scan, Reason::NeedsRewrite, why) }
}
