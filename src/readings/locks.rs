//! The locks that somebody waits for: who holds or awaits which, and on what.
//!
//! Pure.

use crate::sample::{Row, RowSet, Snapshot};

/// A lock that is held while others wait for it, or that is waited for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ContestedLock {
    /// The session's pid; `None` for a prepared transaction.
    pub pid: Option<i64>,
    /// Its mode: `AccessExclusiveLock`.
    pub mode: String,
    /// What it is on, with the schema: a relation, or another object.
    pub on: String,
    /// The relation it is on; empty for none.
    pub relation: String,
    /// Whether it is held; otherwise it is waited for.
    pub is_granted: bool,
    /// Seconds that the session has waited for it, where the server says it (14).
    pub wait_age: Option<f64>,
}

impl ContestedLock {
    /// Returns every such lock of a snapshot; none where they were not read.
    pub fn all(snapshot: &Snapshot) -> Vec<Self> {
        snapshot.rows("locks").into_iter().flat_map(RowSet::iter).map(|row| Self::of(&row)).collect()
    }

    fn of(row: &Row<'_>) -> Self {
        let relation = row.text("relation");
        Self {
            pid: row.int("pid"),
            mode: row.text("mode").to_owned(),
            on: if relation.is_empty() { row.text("target") } else { relation }.to_owned(),
            relation: relation.to_owned(),
            is_granted: row.flag("granted") == Some(true),
            wait_age: row.number("wait_age"),
        }
    }
}
