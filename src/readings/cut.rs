//! Lists that end at a limit: how many rows were read of how many there are.
//!
//! A probe that may be cut counts all its rows in a column `total` of each row, and takes the most relevant ones.
//! What is in the rest is not known: a check that finds nothing in a part of a list has not passed.

use crate::sample::unit::grouped;
use crate::sample::{Missing, Row, RowSet};

/// A list of which not all was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Rows that were read.
    pub shown: usize,
    /// Rows there are.
    pub total: usize,
}

impl Cut {
    /// Returns how a list was cut; `None` where all of it was read.
    pub fn of(rows: &RowSet) -> Option<Self> {
        let total = usize::try_from(rows.first()?.int("total")?).ok()?;
        (total > rows.len()).then_some(Self { shown: rows.len(), total })
    }

    /// Returns why the rest of a probe's list is missing; `None` where no check can need the rest.
    pub(crate) fn doubt(self, probe: &str, rows: &RowSet) -> Option<Missing> {
        let what = match probe {
            // Who blocks, waits, runs or is in a transaction comes first.
            "activity" if rows.iter().last().is_some_and(|last| is_at_rest(&last)) => return None,
            "activity" => "sessions",
            "databases" => "databases",
            "tables" => "tables",
            "table_sizes" => "sizes of tables",
            "column_stats" => "statistics of tables",
            "indexes" => "indexes",
            "index_sizes" => "sizes of indexes",
            "index_stats" => "statistics of indexes",
            "foreign_keys" => "foreign keys",
            "replication" => "standbys",
            "slots" => "replication slots",
            "role_settings" => "settings of roles",
            "vacuum_progress" => "running vacuums",
            // The locks that most wait for, the most expensive statements and the oldest holders of vacuum come first.
            "locks" | "statements" | "statement_texts" | "vacuum_horizon" => return None,
            other => other,
        };
        Some(Missing::Cut { what: what.to_owned(), shown: self.shown, total: self.total })
    }

    /// Returns it in words: `showing 2,000 of 3,412`.
    pub fn words(self) -> String {
        format!("showing {} of {}", grouped(self.shown), grouped(self.total))
    }
}

/// Whether a session neither runs, waits, nor is in a transaction.
fn is_at_rest(row: &Row<'_>) -> bool {
    row.number("xact_age").or(row.number("xact_start")).is_none()
        && row.text("state") != "active"
        && row.get("blocked_by").is_null()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};

    #[test]
    fn a_list_that_was_cut_says_of_how_many() {
        let seen = |total: i64| {
            let rows = vec![row! { pid: 1, total: total }, row! { pid: 2, total: total }];
            let snapshot = snapshot().with("activity", rows);
            Cut::of(snapshot.rows("activity").unwrap()).map(Cut::words)
        };
        assert_eq!(seen(2), None);
        assert_eq!(seen(3412).as_deref(), Some("showing 2 of 3,412"));
        assert_eq!(Cut::of(snapshot().with("activity", vec![]).rows("activity").unwrap()), None);
    }
}
