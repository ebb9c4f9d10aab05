//! One probe's part of a snapshot.

use std::sync::Arc;

use super::{Missing, RowSet, Timestamp};

/// What a probe read, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// The server's clock at the reading.
    pub at: Timestamp,
    /// What was read.
    pub rows: RowSet,
}

/// One probe's part of a snapshot: there is no way to the rows that passes by the state they are in.
#[derive(Debug, Clone, PartialEq)]
pub enum Section {
    /// Read within the probe's own pace.
    Ready(Arc<Reading>),
    /// The last figures, because the newest attempt failed.
    Stale {
        /// What was read last.
        last: Arc<Reading>,
        /// Why there is nothing newer.
        why: Missing,
    },
    /// Nothing to show, and why.
    Missing(Missing),
}

impl Section {
    /// Returns the newest figures there are, however old; the caller shows [`Section::why`] beside them.
    pub fn reading(&self) -> Option<&Arc<Reading>> {
        match self {
            Self::Ready(reading) | Self::Stale { last: reading, .. } => Some(reading),
            Self::Missing(_) => None,
        }
    }

    /// Returns the rows of [`Section::reading`].
    pub fn rows(&self) -> Option<&RowSet> {
        self.reading().map(|reading| &reading.rows)
    }

    /// Returns why there is nothing, or nothing newer.
    pub fn why(&self) -> Option<&Missing> {
        match self {
            Self::Ready(_) => None,
            Self::Stale { why, .. } | Self::Missing(why) => Some(why),
        }
    }

    /// Whether it is the same reading, not only one that is equal, for the same reason.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let is_same_reading = match (self.reading(), other.reading()) {
            (Some(reading), Some(other)) => Arc::ptr_eq(reading, other),
            (None, None) => true,
            _ => false,
        };
        is_same_reading && self.why() == other.why()
    }

    /// Returns this section after an attempt that failed: the last figures are kept, with the reason.
    pub fn failed(&self, why: Missing) -> Self {
        match self.reading() {
            Some(last) => Self::Stale { last: Arc::clone(last), why },
            None => Self::Missing(why),
        }
    }
}
