//! What is worth doing, worst first: findings, indexes and statements to be written another way in one order.

use crate::findings::Severity;

/// The kind of something that is worth doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Worth {
    /// An index of the advice.
    Index,
    /// A statement to be written another way.
    Rewrite,
    /// A finding.
    Finding(Severity),
}

/// The share of the time of all statements from which on an index or a statement stands before what is only in order or
/// not.
const LARGE: f64 = 0.05;

impl Worth {
    /// Returns it in a word: `index`, `rewrite`, or the severity of a finding.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Rewrite => "rewrite",
            Self::Finding(severity) => severity.word(),
        }
    }

    /// How urgent it is, more first, by the share of the time of all statements that it saves, or that the statement takes:
    /// critical findings, indexes that save much, warnings, statements that take much, other indexes, other statements,
    /// notices.
    pub(crate) fn rank(self, share: f64) -> f64 {
        let class: u8 = match self {
            Self::Finding(Severity::Critical) => 6,
            Self::Index if share >= LARGE => 5,
            Self::Finding(Severity::Warning) => 4,
            Self::Rewrite if share >= LARGE => 3,
            Self::Index => 2,
            Self::Rewrite => 1,
            Self::Finding(Severity::Notice) => 0,
        };
        f64::from(class) + share.clamp(0.0, 0.99)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_saves_much_comes_before_warnings_and_what_saves_little_after_them() {
        let mut all = [
            (Worth::Finding(Severity::Notice), 0.0),
            (Worth::Rewrite, 0.01),
            (Worth::Index, 0.01),
            (Worth::Rewrite, 0.3),
            (Worth::Finding(Severity::Warning), 0.0),
            (Worth::Index, 0.1),
            (Worth::Index, 0.4),
            (Worth::Finding(Severity::Critical), 0.0),
        ];
        let expected = all;
        all.sort_by(|one, other| one.0.rank(one.1).total_cmp(&other.0.rank(other.1)));
        assert_eq!(all, expected);
    }
}
