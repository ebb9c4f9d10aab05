//! The rows that are kept from one reading to the next, because they did not change: of which probes, and until when.
//!
//! Pure: moments come from outside.

use std::sync::Arc;
use std::time::Instant;

use super::idle::{KnownSessions, ReadingOf, SessionCache};
use super::moved::Statements;
use crate::pg::own::Mark;
use crate::pg::probes::Probe;
use crate::pg::session::QueryParameter;
use crate::sample::{Reading, RowSet, SharedRow, Value};

/// What was known when a question was asked.
#[derive(Debug, Clone)]
pub(crate) struct AlreadyRead {
    /// When it was asked.
    pub(super) asked: Instant,
    /// The pids of this process's backends.
    pub(super) own_pids: Vec<i64>,
    /// The sessions.
    pub(super) sessions: KnownSessions,
    /// The marks of the statements; none where all are read.
    pub(super) marks: Vec<i64>,
    /// What the cheapest of the statements cost, where only the most expensive ones are read.
    pub(super) least: f64,
}

impl AlreadyRead {
    /// Returns what is sent in place of a mark.
    pub(super) fn parameter(&self, mark: Mark) -> QueryParameter {
        match mark {
            Mark::OwnPids => QueryParameter::Ids(self.own_pids.clone()),
            Mark::IdleSince => QueryParameter::Float(self.sessions.since),
            Mark::NewSince => QueryParameter::Float(self.sessions.new_since),
            Mark::KnownRunning => QueryParameter::Ids(self.sessions.running.clone()),
            Mark::KnownMarks => QueryParameter::Ids(self.marks.clone()),
            Mark::LeastKnown => QueryParameter::Float(self.least),
        }
    }
}

/// The probes of which only what changed is read.
#[derive(Debug, Default)]
pub(crate) struct KeptRows {
    sessions: SessionCache,
    statements: Statements,
}

impl KeptRows {
    /// Returns what is known now.
    pub(super) fn known(&self, now: Instant, own_pids: Vec<i64>, reading: ReadingOf) -> AlreadyRead {
        let (marks, least) = self.statements.known(now);
        let sessions = self.sessions.known(now, reading);
        AlreadyRead { asked: now, own_pids, sessions, marks: marks.to_vec(), least }
    }

    /// Returns all rows of a probe: those that were read now, and of the last reading those that did not change; `None`
    /// where the rest is not known any more.
    pub(super) fn put_together(
        &mut self,
        probe: &Probe,
        last: Option<&RowSet>,
        newer: Reading,
        known: &AlreadyRead,
    ) -> Option<Vec<SharedRow>> {
        match probe.name {
            "activity" => self.sessions.put_together(last, newer, known),
            "statements" => self.statements.put_together(newer.rows, known),
            _ => Some(newer.rows.rows),
        }
    }

    /// The next reading of a probe is of everything.
    pub(super) fn forget_of(&mut self, probe: &Probe) {
        match probe.name {
            "activity" => self.sessions.forget(),
            "statements" => self.statements.forget(),
            _ => {}
        }
    }

    /// The next reading of each probe is of everything.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

/// Sets in the first row how many rows there are, where a list that is cut is looked for; the others say nothing, so that
/// they stay the same rows when the number changes.
pub(super) fn count_in_first(rows: &mut [SharedRow], place: usize, total: &Value) {
    for (number, row) in rows.iter_mut().enumerate() {
        let value = if number == 0 { total } else { &Value::Null };
        if row.get(place).is_some_and(|known| known != value)
            && let Some(slot) = Arc::make_mut(row).get_mut(place)
        {
            slot.clone_from(value);
        }
    }
}
