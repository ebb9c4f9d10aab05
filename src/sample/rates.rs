//! Rates between two readings of the same counters.
//!
//! Pure. A reset, a new row or no time passed is `None`, never zero.

use std::collections::HashMap;

use super::rowset::{KeyColumns, RowKey};
use super::{Reading, Row, Value};

/// Growth of a counter between two readings, or `None` after a reset or without an older value.
pub(crate) fn growth(older: Option<&Value>, newer: &Value) -> Option<f64> {
    let grown = newer.as_f64()? - older?.as_f64()?;
    (grown >= 0.0).then_some(grown)
}

/// Two readings of the same probe, rows matched by their keys.
#[derive(Debug)]
pub struct Interval<'a> {
    older: HashMap<RowKey<'a>, Row<'a>>,
    keys: KeyColumns,
    /// Seconds between the two readings.
    pub seconds: f64,
}

impl<'a> Interval<'a> {
    /// Returns the interval from `older` to `newer`, or `None` if no time passed between them.
    pub fn between(older: &'a Reading, newer: &Reading) -> Option<Self> {
        let seconds = newer.at.since(older.at)?.0;
        let keys = older.rows.key_columns();
        let rows = older.rows.iter().map(|row| (keys.key(row.values()), row)).collect();
        Some(Self { older: rows, keys: newer.rows.key_columns(), seconds })
    }

    /// Returns the older row with the same key.
    pub fn older(&self, newer: &Row<'a>) -> Option<Row<'a>> {
        self.older.get(&self.keys.key(newer.values())).copied()
    }

    /// Returns a counter's growth over the interval.
    pub(crate) fn growth(&self, newer: &Row<'a>, column: &str) -> Option<f64> {
        growth(self.older(newer).map(|row| row.get(column)), newer.get(column))
    }

    /// Returns a counter's growth per second.
    pub fn rate(&self, newer: &Row<'a>, column: &str) -> Option<f64> {
        Some(self.growth(newer, column)? / self.seconds)
    }
}

/// Returns the key columns as one text, for use as a map's key.
pub(crate) fn key_text(row: &Row<'_>) -> String {
    use std::fmt::Write as _;
    let mut text = String::new();
    for value in row.key() {
        // Writing to a string cannot fail.
        match value {
            Value::Int(number) => write!(text, "{number}\u{1f}"),
            Value::Text(part) => write!(text, "{part}\u{1f}"),
            other => write!(text, "{other:?}\u{1f}"),
        }
        .unwrap_or_default();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reset_counter_has_no_rate() {
        assert_eq!(growth(Some(&Value::Int(10)), &Value::Int(4)), None);
        assert_eq!(growth(Some(&Value::Int(4)), &Value::Int(10)), Some(6.0));
        assert_eq!(growth(None, &Value::Int(10)), None);
        assert_eq!(growth(Some(&Value::Null), &Value::Int(10)), None);
    }
}
