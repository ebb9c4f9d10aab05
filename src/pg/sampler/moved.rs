//! Of many statements only those are read that ran since, or came or went; the others are kept.
//!
//! Statements are in buckets by the last bits of their queryid. The server sums up each bucket, and sends the rows of
//! those whose sum is another than the one that pgdj knows, with all the sums. Pure: moments come from outside.

use std::time::{Duration, Instant};

use crate::sample::{Column, Value};

/// All are read anew at least this often.
const WHOLE: Duration = Duration::from_secs(5 * 60);

/// Buckets; `statements.sql` has the same.
const BUCKETS: usize = 1024;

/// The bits of a queryid that tell its bucket.
const LAST_BITS: i64 = 1023;

/// The statements of the last reading.
#[derive(Debug, Default)]
pub struct Statements {
    rows: Vec<Vec<Vec<Value>>>,
    sums: Vec<i64>,
    whole: Option<Instant>,
}

impl Statements {
    /// Returns the sums of what is known; none where everything has to be read.
    pub fn sums(&self, now: Instant) -> &[i64] {
        match self.whole {
            Some(whole) if now.saturating_duration_since(whole) < WHOLE => &self.sums,
            _ => &[],
        }
    }

    /// Forgets them all: the next reading is of all.
    pub(crate) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Returns the rows of all statements: those that were read, and those of the buckets that did not move; `None` where
    /// the sums that were asked with are not the ones that are known.
    pub(crate) fn put_together(
        &mut self,
        columns: &[Column],
        mut rows: Vec<Vec<Value>>,
        asked: &[i64],
    ) -> Option<Vec<Vec<Value>>> {
        let place = |name: &str| columns.iter().position(|column| column.name == name);
        let (id, sums, total) = (place("queryid")?, place("sums")?, place("total")?);
        let end = rows.iter().position(|row| row.get(sums).is_some_and(|sums| !sums.is_null()))?;
        let told = rows.swap_remove(end);
        let new = told.get(sums).map(Value::as_list).unwrap_or_default();
        let new: Vec<i64> = new.iter().filter_map(Value::as_int).collect();
        if asked.is_empty() {
            self.rows = vec![Vec::new(); BUCKETS];
            self.whole = Some(Instant::now());
        } else if asked == self.sums {
            let moved = asked.iter().zip(&new).zip(&mut self.rows).filter(|((old, new), _)| old != new);
            moved.for_each(|(_, rows)| rows.clear());
        } else {
            self.forget();
            return None;
        }
        self.sums = new;
        for row in rows {
            let bucket = row.get(id).and_then(Value::as_int).unwrap_or_default() & LAST_BITS;
            if let Some(bucket) = usize::try_from(bucket).ok().and_then(|bucket| self.rows.get_mut(bucket)) {
                bucket.push(row);
            }
        }
        let count = told.get(total).cloned().unwrap_or_default();
        let mut all: Vec<Vec<Value>> = self.rows.iter().flatten().cloned().collect();
        for row in &mut all {
            if let Some(slot) = row.get_mut(total) {
                slot.clone_from(&count);
            }
        }
        Some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg::probes::statements::PROBE;

    fn row(queryid: i64, calls: i64, sums: Option<&[i64]>) -> Vec<Value> {
        let value = |column: &Column| match column.name.as_ref() {
            "queryid" => Value::Int(queryid),
            "calls" => Value::Int(calls),
            "sums" => sums.map_or(Value::Null, |sums| Value::List(sums.iter().copied().map(Value::Int).collect())),
            "total" => Value::Int(7),
            _ => Value::Null,
        };
        PROBE.columns.iter().map(value).collect()
    }

    fn sums(changed: &[(usize, i64)]) -> Vec<i64> {
        let mut sums = vec![0; BUCKETS];
        for (bucket, sum) in changed {
            sums[*bucket] = *sum;
        }
        sums
    }

    fn calls(rows: &[Vec<Value>]) -> Vec<(i64, i64)> {
        let mut calls: Vec<_> = rows.iter().map(|row| (row[0].as_int().unwrap(), row[6].as_int().unwrap())).collect();
        calls.sort_unstable();
        calls
    }

    #[test]
    fn what_did_not_move_is_kept_and_what_went_is_gone() {
        assert_eq!(PROBE.columns[6].name, "calls");
        let (mut known, start) = (Statements::default(), Instant::now());
        assert!(known.sums(start).is_empty());
        let first = sums(&[(1, 10), (2, 20), (1023, 30)]);
        let rows =
            vec![row(1, 10, None), row(2, 10, None), row(1026, 10, None), row(-1, 30, None), row(0, 0, Some(&first))];
        let all = known.put_together(PROBE.columns, rows, &[]).unwrap();
        assert_eq!(calls(&all), [(-1, 30), (1, 10), (2, 10), (1026, 10)]);
        assert_eq!(known.sums(start), first);
        // 2 ran again, 1026 of the same bucket was evicted, 5 is new; 1 and -1 did nothing.
        let then = sums(&[(1, 10), (2, 11), (5, 1), (1023, 30)]);
        let rows = vec![row(2, 11, None), row(5, 1, None), row(0, 0, Some(&then))];
        let all = known.put_together(PROBE.columns, rows, &first).unwrap();
        assert_eq!(calls(&all), [(-1, 30), (1, 10), (2, 11), (5, 1)]);
        assert!(known.sums(Instant::now() + WHOLE).is_empty(), "all are read now and then");
        // What was forgotten while the question was on its way cannot be put together.
        known.forget();
        assert_eq!(known.put_together(PROBE.columns, vec![row(0, 0, Some(&then))], &then), None);
    }

    #[test]
    fn after_a_reset_everything_is_another() {
        let (mut known, start) = (Statements::default(), Instant::now());
        let first = sums(&[(1, 10)]);
        known.put_together(PROBE.columns, vec![row(1, 10, None), row(0, 0, Some(&first))], &[]).unwrap();
        assert_eq!(known.sums(start), first);
        let all = known.put_together(PROBE.columns, vec![row(0, 0, Some(&sums(&[])))], &first).unwrap();
        assert_eq!(calls(&all), []);
    }
}
