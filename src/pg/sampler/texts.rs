//! The texts of the statements: each asked for once, all kept, within bounds.
//!
//! Pure.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use crate::sample::{Column, RowSet, Value};

/// Texts that are kept; as many as `pg_stat_statements.max` has by default.
const MOST_TEXTS: usize = 5000;

/// Bytes of text that are kept.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// The texts known so far.
#[derive(Debug, Default)]
pub struct Texts {
    known: BTreeMap<i64, Arc<str>>,
    bytes: usize,
    asked: HashSet<i64>,
    is_waiting: bool,
}

impl Texts {
    /// Returns the queryids to ask for: those of `statements` that were not asked before; none while an answer is awaited.
    ///
    /// The caller says [`Texts::asked`] once they are on their way.
    pub fn unseen(&self, statements: &RowSet) -> Vec<i64> {
        if self.is_waiting {
            return Vec::new();
        }
        let mut ids: Vec<i64> =
            ids(statements).filter(|id| *id != 0 && !self.asked.contains(id)).take(MOST_TEXTS).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Whether an answer is awaited.
    pub fn is_waiting(&self) -> bool {
        self.is_waiting
    }

    /// Notes that these are on their way.
    pub fn asked(&mut self, ids: &[i64]) {
        self.asked.extend(ids);
        self.is_waiting = true;
    }

    /// Notes that these could not be read, so that they are asked for again.
    pub fn failed(&mut self, ids: &[i64]) {
        self.is_waiting = false;
        for id in ids {
            self.asked.remove(id);
        }
    }

    /// Notes that no answer will come, because the connection is gone.
    pub fn lost(&mut self) {
        if self.is_waiting {
            self.is_waiting = false;
            self.asked = self.known.keys().copied().collect();
        }
    }

    /// Takes an answer: rows of a queryid and its text. Beyond the bounds, the texts of statements that are gone are let go.
    pub fn add(&mut self, rows: Vec<Vec<Value>>, statements: Option<&RowSet>) {
        self.is_waiting = false;
        for row in rows {
            let mut values = row.into_iter();
            if let (Some(Value::Int(id)), Some(Value::Text(text))) = (values.next(), values.next()) {
                self.bytes += text.len();
                if let Some(older) = self.known.insert(id, text) {
                    self.bytes -= older.len();
                }
            }
        }
        if self.known.len() > MOST_TEXTS || self.bytes > MOST_BYTES {
            self.let_go(statements);
        }
    }

    fn let_go(&mut self, statements: Option<&RowSet>) {
        let still: HashSet<i64> = statements.into_iter().flat_map(ids).collect();
        self.known.retain(|id, _| still.contains(id));
        self.asked.retain(|id| still.contains(id));
        self.bytes = 0;
        let mut bytes = 0;
        // Where even those are too much, the last ones have no text.
        self.known.retain(|_, text| {
            bytes += text.len();
            bytes <= MOST_BYTES
        });
        self.bytes = self.known.values().map(|text| text.len()).sum();
    }

    /// Returns all texts under the columns of their probe.
    pub fn rows(&self, columns: Arc<[Column]>) -> RowSet {
        let rows = self.known.iter().map(|(id, text)| vec![Value::Int(*id), Value::Text(Arc::clone(text))]).collect();
        RowSet { columns, rows }
    }
}

fn ids(statements: &RowSet) -> impl Iterator<Item = i64> {
    let at = statements.position("queryid");
    statements.rows.iter().filter_map(move |row| row.get(at?)?.as_int())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Role, Unit};

    fn statements(ids: impl IntoIterator<Item = i64>) -> RowSet {
        let columns: Arc<[Column]> = [Column::new("queryid", Role::Key, Unit::Id, "", "")].into();
        RowSet { columns, rows: ids.into_iter().map(|id| vec![Value::Int(id)]).collect() }
    }

    fn answer(ids: &[i64], text: &str) -> Vec<Vec<Value>> {
        ids.iter().map(|id| vec![Value::Int(*id), Value::text(text)]).collect()
    }

    #[test]
    fn a_text_is_asked_for_once() {
        let mut texts = Texts::default();
        let some = statements([3, 1, 0, 3]);
        let ids = texts.unseen(&some);
        assert_eq!(ids, [1, 3], "0 is a statement this role may not see");
        texts.asked(&ids);
        assert!(texts.unseen(&statements([1, 2, 3])).is_empty(), "one question at a time");
        texts.add(answer(&[1], "select 1"), Some(&some));
        assert_eq!(texts.unseen(&statements([1, 2, 3])), [2], "3 was asked for, and has no text");
        texts.asked(&[2]);
        texts.failed(&[2]);
        assert_eq!(texts.unseen(&statements([2])), [2]);
    }

    #[test]
    fn beyond_the_bound_only_texts_of_living_statements_are_kept() {
        let mut texts = Texts::default();
        let many: Vec<i64> = (1..=6000).collect();
        let living = statements(5001..=6000);
        texts.asked(&many);
        texts.add(answer(&many, "select"), Some(&living));
        let rows = texts.rows(living.columns.clone());
        assert_eq!(rows.len(), 1000);
        assert_eq!(texts.unseen(&statements([1])), [1]);
    }
}
