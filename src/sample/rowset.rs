//! Rows under declared columns.

use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::value::ALLOCATION;
use super::{Column, ColumnRole, Value};

/// The values of a row; readings in which they are the same hold them once.
pub type SharedRow = Arc<[Value]>;

/// Rows under a table of columns.
#[derive(Debug, Clone, PartialEq)]
pub struct RowSet {
    /// The columns, in the order of each row's values.
    pub columns: Arc<[Column]>,
    /// The rows; each has as many values as there are columns.
    pub rows: Vec<SharedRow>,
}

/// One row seen with its columns, for reading a value by name.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    columns: &'a [Column],
    values: &'a [Value],
}

impl RowSet {
    /// Rows under these columns.
    pub fn new(columns: Arc<[Column]>, rows: impl IntoIterator<Item = Vec<Value>>) -> Self {
        Self { columns, rows: rows.into_iter().map(SharedRow::from).collect() }
    }

    /// No rows under these columns.
    pub fn empty(columns: Arc<[Column]>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// Returns how many rows there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns where a column stands, or `None` where there is no such column.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// Returns the rows, each with its columns.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Row<'_>> + ExactSizeIterator {
        #[cfg(test)]
        counted::read();
        self.rows.iter().map(|values| Row { columns: &self.columns, values })
    }

    /// Returns the first row.
    pub fn first(&self) -> Option<Row<'_>> {
        self.iter().next()
    }

    /// Returns which columns are the key of a row.
    pub fn key_columns(&self) -> KeyColumns {
        KeyColumns::of(&self.columns)
    }

    /// Takes over the rows of an older reading that are the same, so that both hold them once.
    pub fn share_rows_of(&mut self, older: &Self) {
        if self.columns != older.columns {
            return;
        }
        let keys = self.key_columns();
        // Most rows stand where they stood; the others are looked for once one of them is met.
        let mut known: Option<HashMap<RowKey<'_>, &SharedRow>> = None;
        for (place, row) in self.rows.iter_mut().enumerate() {
            let there =
                older.rows.get(place).filter(|older| Arc::ptr_eq(older, row) || keys.key(older) == keys.key(row));
            let same = there.or_else(|| {
                let known = known.get_or_insert_with(|| older.rows.iter().map(|row| (keys.key(row), row)).collect());
                known.get(&keys.key(row)).copied()
            });
            if let Some(same) = same.filter(|same| *same == row) {
                *row = Arc::clone(same);
            }
        }
    }

    /// Returns about how many bytes of memory this holds; rows that an older reading holds too count as nothing, and a
    /// text that stands in several rows, or in what an older reading had instead, counts once.
    pub fn weight_beside(&self, older: Option<&Self>) -> usize {
        let pointers = |rows: &Self| -> HashSet<*const Value> { rows.rows.iter().map(|row| row.as_ptr()).collect() };
        let mut texts = HashSet::new();
        let known = older.map(pointers).unwrap_or_default();
        if let Some(older) = older {
            let own = pointers(self);
            let gone = older.rows.iter().filter(|row| !own.contains(&row.as_ptr()));
            gone.flat_map(|row| row.iter()).for_each(|value| value.note_texts(&mut texts));
        }
        let rows = self.rows.iter().filter(|row| !known.contains(&row.as_ptr())).map(|row| {
            // A shared row has two counters before its values.
            ALLOCATION + 2 * size_of::<usize>() + row.iter().map(|value| value.weight(&mut texts)).sum::<usize>()
        });
        self.rows.len() * size_of::<SharedRow>() + rows.sum::<usize>()
    }
}

/// The columns that name a row from one reading to the next; they are among the first 128.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyColumns(u128);

impl KeyColumns {
    fn of(columns: &[Column]) -> Self {
        let keys = columns.iter().take(128).enumerate().filter(|(_, column)| column.role == ColumnRole::Key);
        Self(keys.fold(0, |places, (place, _)| places | 1 << place))
    }

    /// Returns the key of a row.
    pub fn key(self, row: &[Value]) -> RowKey<'_> {
        RowKey { columns: self, row }
    }
}

/// What names a row from one reading to the next: its values in the key columns.
#[derive(Debug, Clone, Copy)]
pub struct RowKey<'a> {
    columns: KeyColumns,
    row: &'a [Value],
}

impl<'a> RowKey<'a> {
    fn values(&self) -> impl Iterator<Item = &'a Value> {
        let (mut places, row) = (self.columns.0, self.row);
        std::iter::from_fn(move || {
            let place = (places != 0).then(|| places.trailing_zeros() as usize)?;
            places &= places - 1;
            row.get(place)
        })
    }
}

impl PartialEq for RowKey<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.values().eq(other.values())
    }
}

// A float of a row is finite, so each value is equal to itself.
impl Eq for RowKey<'_> {}

impl Hash for RowKey<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.values().for_each(|value| value.hash_into(state));
    }
}

impl<'a> Row<'a> {
    /// Puts values beside their columns.
    pub fn new(columns: &'a [Column], values: &'a [Value]) -> Self {
        Self { columns, values }
    }

    /// Returns the columns.
    pub fn columns(&self) -> &'a [Column] {
        self.columns
    }

    /// Returns the values, in the order of the columns.
    pub fn values(&self) -> &'a [Value] {
        self.values
    }

    /// Returns a value by its column's name; null where there is no such column.
    pub fn get(&self, name: &str) -> &'a Value {
        const NULL: &Value = &Value::Null;
        self.columns.iter().position(|column| column.name == name).and_then(|at| self.values.get(at)).unwrap_or(NULL)
    }

    /// Returns a text, empty where it is null.
    pub fn text(&self, name: &str) -> &'a str {
        self.get(name).as_str().unwrap_or_default()
    }

    /// Returns a whole number, or `None` where it is null or absent.
    pub fn int(&self, name: &str) -> Option<i64> {
        self.get(name).as_int()
    }

    /// Returns a number as a float, or `None` where it is null or absent.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.get(name).as_f64()
    }

    /// Returns a boolean, or `None` where it is null or absent.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.get(name).as_bool()
    }

    /// Returns the values of the key columns: what names this row from one sample to the next.
    pub fn key(&self) -> impl Iterator<Item = &'a Value> {
        self.columns
            .iter()
            .zip(self.values)
            .filter(|(column, _)| column.role == ColumnRole::Key)
            .map(|(_, value)| value)
    }
}

/// How often rows were read, for the tests that say what must not read any.
#[cfg(test)]
pub(crate) mod counted {
    use std::cell::Cell;

    thread_local! {
        static READS: Cell<usize> = const { Cell::new(0) };
    }

    pub(super) fn read() {
        READS.set(READS.get() + 1);
    }

    /// Returns how often this thread read the rows of a row set.
    pub(crate) fn reads() -> usize {
        READS.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Unit;

    fn set(rows: &[(i64, i64)]) -> RowSet {
        let column = |name, role| Column::new(name, role, Unit::Count, "", "");
        let columns = [column("id", ColumnRole::Key), column("calls", ColumnRole::Counter)].into();
        RowSet::new(columns, rows.iter().map(|(id, calls)| vec![Value::Int(*id), Value::Int(*calls)]))
    }

    #[test]
    fn rows_that_did_not_change_are_held_once_wherever_they_stand() {
        let older = set(&[(1, 10), (2, 20), (3, 30), (4, 40)]);
        let mut newer = set(&[(1, 10), (3, 30), (2, 21), (5, 50), (4, 40)]);
        let before = newer.clone();
        newer.share_rows_of(&older);
        assert_eq!(newer, before);
        let is_shared = |row: &SharedRow| older.rows.iter().any(|older| Arc::ptr_eq(older, row));
        assert_eq!(newer.rows.iter().map(is_shared).collect::<Vec<_>>(), [true, true, false, false, true]);
        let alone = newer.weight_beside(None) - before.weight_beside(Some(&older));
        assert_eq!(alone, 0, "none was shared before");
        let row = ALLOCATION + 2 * size_of::<usize>() + 2 * size_of::<Value>();
        assert_eq!(newer.weight_beside(Some(&older)), 5 * size_of::<SharedRow>() + 2 * row);
    }
}
