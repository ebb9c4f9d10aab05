//! Of many statements only those are read that ran since, or came or went; the others are kept.
//!
//! Statements are in buckets by the last bits of their queryid. The server sums up each bucket, and sends the rows of
//! those whose sum is another than the one that pgdj knows, with all the sums. Pure: moments come from outside.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::kept::{AlreadyRead, count_in_first};
use crate::sample::rowset::RowKey;
use crate::sample::{RowSet, SharedRow, Value};

/// All are read anew at least this often.
const WHOLE: Duration = Duration::from_secs(5 * 60);

/// Buckets; `statements.sql` has the same.
const BUCKETS: usize = 1024;

/// The bits of a queryid that tell its bucket.
const LAST_BITS: i64 = 1023;

/// The statements of the last reading.
#[derive(Debug, Default)]
pub(crate) struct Statements {
    rows: Vec<Vec<SharedRow>>,
    sums: Vec<i64>,
    whole: Option<Instant>,
}

impl Statements {
    /// Returns the sums of what is known; none where everything has to be read.
    pub(super) fn sums(&self, now: Instant) -> &[i64] {
        match self.whole {
            Some(whole) if now.saturating_duration_since(whole) < WHOLE => &self.sums,
            _ => &[],
        }
    }

    /// Forgets them all: the next reading is of all.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Returns the rows of all statements: those that were read, and those of the buckets that did not move; `None` where
    /// the sums that were asked with are not the ones that are known.
    pub(super) fn put_together(&mut self, newer: RowSet, known: &AlreadyRead) -> Option<Vec<SharedRow>> {
        let (id, sums) = (newer.position("queryid")?, newer.position("sums")?);
        let (total, keys) = (newer.position("total")?, newer.key_columns());
        let mut rows = newer.rows;
        let end = rows.iter().position(|row| row.get(sums).is_some_and(|sums| !sums.is_null()))?;
        let told = rows.swap_remove(end);
        let new = told.get(sums).map(Value::as_list).unwrap_or_default();
        let new: Vec<i64> = new.iter().filter_map(Value::as_int).collect();
        let mut before: Vec<SharedRow> = Vec::new();
        if known.sums.is_empty() {
            before = std::mem::take(&mut self.rows).into_iter().flatten().collect();
            self.rows = vec![Vec::new(); BUCKETS];
            self.whole = Some(known.asked);
        } else if known.sums == self.sums {
            let moved = self.sums.iter().zip(&new).zip(&mut self.rows).filter(|((old, new), _)| old != new);
            moved.for_each(|(_, rows)| before.append(rows));
        } else {
            self.forget();
            return None;
        }
        self.sums = new;
        let before: HashMap<RowKey<'_>, &SharedRow> = before.iter().map(|row| (keys.key(row), row)).collect();
        for mut row in rows {
            if let Some(slot) = Arc::make_mut(&mut row).get_mut(total) {
                *slot = Value::Null;
            }
            // Another one of its bucket ran: it is the same row.
            if let Some(same) = before.get(&keys.key(&row)).filter(|before| ***before == row) {
                row = Arc::clone(same);
            }
            let bucket = row.get(id).and_then(Value::as_int).unwrap_or_default() & LAST_BITS;
            if let Some(bucket) = usize::try_from(bucket).ok().and_then(|bucket| self.rows.get_mut(bucket)) {
                bucket.push(row);
            }
        }
        let mut all: Vec<SharedRow> = self.rows.iter().flatten().map(Arc::clone).collect();
        count_in_first(&mut all, total, told.get(total).unwrap_or(&Value::Null));
        Some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg::probes::statements::PROBE;
    use crate::sample::Column;

    fn put_together(known: &mut Statements, rows: Vec<Vec<Value>>, asked: &[i64]) -> Option<Vec<SharedRow>> {
        let rows = RowSet::new(PROBE.columns.into(), rows);
        let asked =
            AlreadyRead { asked: Instant::now(), own_pids: Vec::new(), since: f64::NEG_INFINITY, sums: asked.to_vec() };
        known.put_together(rows, &asked)
    }

    fn row(queryid: i64, calls: i64, sums: Option<&[i64]>) -> Vec<Value> {
        let value = |column: &Column| match column.name.as_ref() {
            "queryid" => Value::Int(queryid),
            "calls" => Value::Int(calls),
            "sums" => sums.map_or(Value::Null, |sums| Value::list(sums.iter().copied().map(Value::Int).collect())),
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

    fn calls(rows: &[SharedRow]) -> Vec<(i64, i64)> {
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
        let all = put_together(&mut known, rows, &[]).unwrap();
        assert_eq!(calls(&all), [(-1, 30), (1, 10), (2, 10), (1026, 10)]);
        assert_eq!(known.sums(start), first);
        // 2 ran again, 1026 of the same bucket was evicted, 5 is new; 1 and -1 did nothing.
        let then = sums(&[(1, 10), (2, 11), (5, 1), (1023, 30)]);
        let rows = vec![row(2, 11, None), row(5, 1, None), row(0, 0, Some(&then))];
        let all = put_together(&mut known, rows, &first).unwrap();
        assert_eq!(calls(&all), [(-1, 30), (1, 10), (2, 11), (5, 1)]);
        assert!(known.sums(Instant::now() + WHOLE).is_empty(), "all are read now and then");
        // What was forgotten while the question was on its way cannot be put together.
        known.forget();
        assert_eq!(put_together(&mut known, vec![row(0, 0, Some(&then))], &then), None);
    }

    #[test]
    fn after_a_reset_everything_is_another() {
        let (mut known, start) = (Statements::default(), Instant::now());
        let first = sums(&[(1, 10)]);
        put_together(&mut known, vec![row(1, 10, None), row(0, 0, Some(&first))], &[]).unwrap();
        assert_eq!(known.sums(start), first);
        let all = put_together(&mut known, vec![row(0, 0, Some(&sums(&[])))], &first).unwrap();
        assert_eq!(calls(&all), []);
    }
}
