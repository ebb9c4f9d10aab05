//! Of many statements only those are read that ran since, or came or went; the others are kept.
//!
//! The server gives each statement a mark, a hash of what it has counted. Told the marks that pgdj knows, it sends the rows
//! that have another one, and which marks no statement has any more. Pure: moments come from outside.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::kept::{AlreadyRead, count_in_first};
use crate::sample::rowset::{KeyColumns, RowKey};
use crate::sample::{RowSet, SharedRow, Value};

/// All are read anew at least this often.
const WHOLE: Duration = Duration::from_secs(5 * 60);

/// Statements that are kept at most: twice as many as `statements.sql` reads at once.
const MOST_KEPT: usize = 10_000;

/// The statements of the last reading.
#[derive(Debug, Default)]
pub(crate) struct Statements {
    rows: Vec<SharedRow>,
    marks: Vec<i64>,
    /// What the cheapest of them cost, where the server has more than were read.
    least: Option<f64>,
    /// How many the server has.
    total: i64,
    whole: Option<Instant>,
}

/// Where the columns stand that matter here.
struct Places {
    mark: usize,
    gone: usize,
    total: usize,
    total_time: usize,
    mean_time: usize,
}

impl Places {
    fn of(rows: &RowSet) -> Option<Self> {
        Some(Self {
            mark: rows.position("mark")?,
            gone: rows.position("gone")?,
            total: rows.position("total")?,
            total_time: rows.position("total_time")?,
            mean_time: rows.position("mean_time")?,
        })
    }

    /// Returns a row without its mark, and the mark; without the number of all rows too.
    fn take_mark(&self, mut row: SharedRow) -> (SharedRow, i64) {
        let mark = row.get(self.mark).and_then(Value::as_int).unwrap_or_default();
        let values = Arc::make_mut(&mut row);
        for place in [self.mark, self.total] {
            if let Some(slot) = values.get_mut(place) {
                *slot = Value::Null;
            }
        }
        (row, mark)
    }

    /// Returns what a statement cost, by which `statements.sql` orders them.
    fn cost(&self, row: &[Value]) -> Option<f64> {
        Some(row.get(self.total_time)?.as_f64()? + 1000.0 * row.get(self.mean_time)?.as_f64()?)
    }
}

impl Statements {
    /// Returns the marks of what is known, and what the cheapest of it cost; nothing where everything has to be read.
    pub(super) fn known(&self, now: Instant) -> (&[i64], f64) {
        match self.whole {
            Some(whole) if now.saturating_duration_since(whole) < WHOLE => {
                (&self.marks, self.least.unwrap_or(f64::NEG_INFINITY))
            }
            _ => (&[], f64::NEG_INFINITY),
        }
    }

    /// Forgets them all: the next reading is of all.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }

    /// Returns the rows of all statements: those that were read, and those whose marks did not move; `None` where the
    /// marks that were asked with are not the ones that are known.
    pub(super) fn put_together(&mut self, newer: RowSet, known: &AlreadyRead) -> Option<Vec<SharedRow>> {
        let (places, keys) = (Places::of(&newer)?, newer.key_columns());
        let mut rows = newer.rows;
        let end = rows.iter().position(|row| row.get(places.gone).is_some_and(|gone| !gone.is_null()))?;
        let told = rows.swap_remove(end);
        let counted = told.get(places.total).and_then(Value::as_int).unwrap_or_default();
        let is_cut = usize::try_from(counted).is_ok_and(|counted| counted > rows.len());
        if known.marks.is_empty() {
            let gone = self.marks.iter().copied().collect();
            self.replace(rows, &gone, &places, keys);
            self.whole = Some(known.asked);
            self.total = counted;
            let costs = self.rows.iter().filter_map(|row| places.cost(row));
            self.least = is_cut.then(|| costs.fold(f64::INFINITY, f64::min));
        } else if known.marks == self.marks {
            let gone = told.get(places.gone).map(Value::as_list).unwrap_or_default();
            let left = self.replace(rows, &gone.iter().filter_map(Value::as_int).collect(), &places, keys);
            self.total = self.total.saturating_add(counted).saturating_sub(i64::try_from(left).unwrap_or_default());
            if is_cut || self.rows.len() > MOST_KEPT {
                self.whole = None;
            }
        } else {
            self.forget();
            return None;
        }
        // Those that are too cheap to be read are counted when all are read.
        let rows = i64::try_from(self.rows.len()).unwrap_or(i64::MAX);
        self.total = if self.least.is_none() { rows } else { self.total.max(rows) };
        let mut all = self.rows.clone();
        count_in_first(&mut all, places.total, &Value::Int(self.total));
        Some(all)
    }

    /// Puts what was read in the place of what is gone, or behind the rest; returns how many are gone.
    fn replace(&mut self, read: Vec<SharedRow>, gone: &HashSet<i64>, places: &Places, keys: KeyColumns) -> usize {
        let read: Vec<(SharedRow, i64)> = read.into_iter().map(|row| places.take_mark(row)).collect();
        let mut slots: Vec<(SharedRow, Option<i64>)> =
            std::mem::take(&mut self.rows).into_iter().zip(self.marks.drain(..).map(Some)).collect();
        let mut left: Vec<(usize, SharedRow)> = Vec::new();
        for (place, (row, mark)) in slots.iter_mut().enumerate() {
            if mark.take_if(|mark| gone.contains(mark)).is_some() {
                left.push((place, Arc::clone(row)));
            }
        }
        let mut free: HashMap<RowKey<'_>, (usize, &SharedRow)> =
            left.iter().map(|(place, row)| (keys.key(row), (*place, row))).collect();
        for (row, mark) in &read {
            let older = free.remove(&keys.key(row));
            // All were read again, and this one did not move.
            let same = older.map(|(_, older)| older).filter(|older| *older == row);
            let slot = (Arc::clone(same.unwrap_or(row)), Some(*mark));
            match older.and_then(|(place, _)| slots.get_mut(place)) {
                Some(place) => *place = slot,
                None => slots.push(slot),
            }
        }
        for (row, mark) in slots {
            if let Some(mark) = mark {
                self.rows.push(row);
                self.marks.push(mark);
            }
        }
        left.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg::probes::statements::PROBE;
    use crate::pg::sampler::idle::KnownSessions;
    use crate::sample::Column;

    fn put_together(known: &mut Statements, rows: Vec<Vec<Value>>, asked: &[i64]) -> Option<Vec<SharedRow>> {
        let rows = RowSet::new(PROBE.columns.into(), rows);
        let marks = asked.to_vec();
        let sessions = KnownSessions::none();
        let asked = AlreadyRead { asked: Instant::now(), own_pids: Vec::new(), sessions, marks, least: 0.0 };
        known.put_together(rows, &asked)
    }

    /// A statement whose mark is ten times its queryid and its calls, and which cost as many milliseconds.
    fn row(queryid: i64, calls: i64) -> Vec<Value> {
        let value = |column: &Column| match column.name.as_ref() {
            "queryid" => Value::Int(queryid),
            "calls" => Value::Int(calls),
            "total_time" => Value::Float(calls as f64),
            "mean_time" => Value::Float(1.0),
            "mark" => Value::Int(queryid * 10 + calls),
            _ => Value::Null,
        };
        PROBE.columns.iter().map(value).collect()
    }

    /// The row that tells what is gone, and how many were to be sent.
    fn told(gone: &[i64], count: i64) -> Vec<Value> {
        let value = |column: &Column| match column.name.as_ref() {
            "gone" => Value::list(gone.iter().copied().map(Value::Int).collect()),
            "total" => Value::Int(count),
            _ => Value::Int(0),
        };
        PROBE.columns.iter().map(value).collect()
    }

    fn calls(rows: &[SharedRow]) -> Vec<(i64, i64)> {
        rows.iter().map(|row| (row[0].as_int().unwrap(), row[6].as_int().unwrap())).collect()
    }

    fn total(rows: &[SharedRow]) -> Vec<i64> {
        rows.iter().filter_map(|row| row.last()?.as_int()).collect()
    }

    #[test]
    fn what_did_not_move_is_kept_and_what_went_is_gone() {
        assert_eq!(PROBE.columns[6].name, "calls");
        let (mut known, start) = (Statements::default(), Instant::now());
        assert_eq!(known.known(start), (&[][..], f64::NEG_INFINITY));
        let all = put_together(&mut known, vec![row(1, 1), row(2, 1), row(3, 1), told(&[], 3)], &[]).unwrap();
        assert_eq!((calls(&all), total(&all)), (vec![(1, 1), (2, 1), (3, 1)], vec![3]));
        assert!(all.iter().all(|row| row[27].is_null()) && PROBE.columns[27].name == "mark");
        assert_eq!(known.known(start), (&[11, 21, 31][..], f64::NEG_INFINITY));
        // 2 ran again, 3 was evicted, 5 is new.
        let then = put_together(&mut known, vec![row(2, 2), row(5, 1), told(&[21, 31], 2)], &[11, 21, 31]).unwrap();
        assert_eq!((calls(&then), total(&then)), (vec![(1, 1), (2, 2), (5, 1)], vec![3]));
        assert!(Arc::ptr_eq(&then[0], &all[0]) || then[0] == all[0]);
        assert_eq!(known.known(start).0, [11, 22, 51]);
        assert!(known.known(Instant::now() + WHOLE).0.is_empty(), "all are read now and then");
        let whole = put_together(&mut known, vec![row(5, 1), row(2, 3), told(&[], 2)], &[]).unwrap();
        assert_eq!(calls(&whole), [(2, 3), (5, 1)]);
        assert!(Arc::ptr_eq(&whole[1], &then[2]), "it did not move, and is the same row");
        // What was forgotten while the question was on its way cannot be put together.
        known.forget();
        assert_eq!(put_together(&mut known, vec![told(&[], 0)], &[51, 23]), None);
    }

    #[test]
    fn after_a_reset_everything_is_another() {
        let mut known = Statements::default();
        put_together(&mut known, vec![row(1, 1), told(&[], 1)], &[]).unwrap();
        let all = put_together(&mut known, vec![told(&[11], 0)], &[11]).unwrap();
        assert_eq!(calls(&all), []);
    }

    #[test]
    fn of_more_than_are_read_at_once_only_those_are_asked_for_that_cost_as_much_as_the_known_ones() {
        let (mut known, start) = (Statements::default(), Instant::now());
        let all = put_together(&mut known, vec![row(1, 9), row(2, 5), told(&[], 40)], &[]).unwrap();
        assert_eq!(total(&all), [40]);
        assert_eq!(known.known(start), (&[19, 25][..], 1005.0));
        let all = put_together(&mut known, vec![row(3, 6), told(&[], 1)], &[19, 25]).unwrap();
        assert_eq!((calls(&all), total(&all)), (vec![(1, 9), (2, 5), (3, 6)], vec![41]));
        // More moved than are read at once: the next reading is of all.
        put_together(&mut known, vec![row(1, 10), told(&[19, 25], 7)], &[19, 25, 36]).unwrap();
        assert!(known.known(start).0.is_empty());
    }
}
