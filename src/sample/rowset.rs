//! Rows under declared columns.

use std::collections::HashSet;
use std::sync::Arc;

use super::value::ALLOCATION;
use super::{Column, ColumnRole, Value};

/// Rows under a table of columns.
#[derive(Debug, Clone, PartialEq)]
pub struct RowSet {
    /// The columns, in the order of each row's values.
    pub columns: Arc<[Column]>,
    /// The rows; each has as many values as there are columns.
    pub rows: Vec<Vec<Value>>,
}

/// One row seen with its columns, for reading a value by name.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    columns: &'a [Column],
    values: &'a [Value],
}

impl RowSet {
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

    /// Returns about how many bytes of memory this holds; a text that an older reading holds too, or that stands in
    /// several rows, counts once.
    pub fn weight_beside(&self, older: Option<&Self>) -> usize {
        let mut texts = HashSet::new();
        if let Some(older) = older {
            older.rows.iter().flatten().for_each(|value| value.note_texts(&mut texts));
        }
        let rows = self.rows.iter().map(|row| {
            size_of::<Vec<Value>>() + ALLOCATION + row.iter().map(|value| value.weight(&mut texts)).sum::<usize>()
        });
        rows.sum()
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
    pub fn key(&self) -> Vec<Value> {
        self.columns
            .iter()
            .zip(self.values)
            .filter(|(column, _)| column.role == ColumnRole::Key)
            .map(|(_, value)| value.clone())
            .collect()
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
