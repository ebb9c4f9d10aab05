//! What is worth doing, worst first: findings, indexes and statements to be written another way in one order.

use crate::advisor::Refusal;
use crate::findings::{Finding, Severity};

/// Something that is worth doing.
#[derive(Debug, Clone)]
pub(crate) enum WorthDoing {
    /// An index of the advice, by its place.
    Index(usize),
    /// A statement to be written another way, by its place.
    Rewrite(usize, Box<Refusal>),
    /// A finding.
    Finding(Box<Finding>),
}

impl WorthDoing {
    /// Returns what it is in a word: `index`, `rewrite`, or the severity of a finding.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Index(_) => "index",
            Self::Rewrite(..) => "rewrite",
            Self::Finding(finding) => finding.severity.word(),
        }
    }

    /// How urgent it is, more first: critical findings, indexes that save a twentieth of the time or more, warnings,
    /// statements that take as much, other indexes, other statements, notices.
    pub(crate) fn rank(&self, share: Option<f64>) -> f64 {
        match self {
            Self::Finding(finding) if finding.severity == Severity::Critical => 4.0,
            Self::Index(_) if share.unwrap_or_default() >= 0.05 => 3.0 + share.unwrap_or_default().min(0.99),
            Self::Index(_) => 1.995 + share.unwrap_or_default() / 100.0,
            Self::Finding(finding) if finding.severity == Severity::Warning => 2.0,
            Self::Rewrite(..) if share.unwrap_or_default() >= 0.05 => 1.996 + share.unwrap_or_default() / 1000.0,
            Self::Rewrite(..) => 1.0 + share.unwrap_or_default().min(0.99),
            Self::Finding(_) => 0.0,
        }
    }
}
