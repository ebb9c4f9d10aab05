//! Lists that end at a limit: how many rows were read of how many there are.
//!
//! A probe that may be cut counts all its rows in a column `total` of each row, and takes the most relevant ones.

use crate::sample::RowSet;

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

    /// Returns it in words: `showing 2,000 of 3,412`.
    pub fn words(self) -> String {
        format!("showing {} of {}", grouped(self.shown), grouped(self.total))
    }
}

/// Writes a number with a comma between thousands: which of two is larger must not be rounded away.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::fixture::{With as _, row, snapshot};

    #[test]
    fn a_list_that_was_cut_says_of_how_many() {
        let seen = |total: i64| {
            let rows = vec![row! { pid: 1, total: total }, row! { pid: 2, total: total }];
            let snapshot = snapshot().with("activity", rows);
            Cut::of(snapshot.rows("activity").unwrap()).map(Cut::words)
        };
        assert_eq!(seen(2), None);
        assert_eq!(seen(3412).as_deref(), Some("showing 2 of 3,412"));
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!(Cut::of(snapshot().with("activity", vec![]).rows("activity").unwrap()), None);
    }
}
