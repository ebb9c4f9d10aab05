//! The texts of the statements: each asked for once, all kept, within bounds.
//!
//! Pure.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use crate::sample::own::is_own;
use crate::sample::{Column, RowSet, Value};

/// Texts that are kept; as many as `pg_stat_statements.max` has by default.
const MOST_TEXTS: usize = 5000;

/// Bytes of text that are kept.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// Letters that are kept of a text beyond [`MOST_BYTES`]: enough to tell whose it is.
const HEAD: usize = 64;

/// The texts known so far.
#[derive(Debug, Default)]
pub struct Texts {
    known: BTreeMap<i64, Arc<String>>,
    /// How many rows each statement had that was known by a text of ours: another one may be the application's.
    of_ours: HashMap<i64, usize>,
    /// How many rows each statement had when the question that is on its way was asked.
    rows_asked: HashMap<i64, usize>,
    bytes: usize,
    is_waiting: bool,
}

impl Texts {
    /// Returns the queryids to ask for: those of `statements` whose text is not known; none while an answer is awaited.
    ///
    /// The caller says [`Texts::asked`] once they are on their way. One that was evicted before it could be answered is
    /// asked for again when it is seen again.
    pub(crate) fn unseen(&self, statements: &RowSet) -> Vec<i64> {
        if self.is_waiting {
            return Vec::new();
        }
        let rows = count(statements);
        let has_more = |id: &i64| self.of_ours.get(id).is_some_and(|before| rows.get(id) > Some(before));
        let is_unseen = |id: &i64| *id != 0 && (!self.known.contains_key(id) || has_more(id));
        let mut ids: Vec<i64> = ids(statements).filter(is_unseen).take(MOST_TEXTS).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    }

    /// Whether an answer is awaited.
    pub(crate) fn is_waiting(&self) -> bool {
        self.is_waiting
    }

    /// Notes that the question is on its way, and what it was asked for.
    pub fn asked(&mut self, statements: &RowSet) {
        self.is_waiting = true;
        self.rows_asked = count(statements);
    }

    /// Notes that no answer will come: it could not be read, or the connection is gone.
    pub fn failed(&mut self) {
        self.is_waiting = false;
    }

    /// Takes an answer: rows of a queryid and its text, null where the server lost it.
    ///
    /// Beyond the bounds, the texts of statements that are gone are let go.
    pub fn add(&mut self, rows: Vec<Vec<Value>>, statements: Option<&RowSet>) {
        self.is_waiting = false;
        for row in rows {
            let mut values = row.into_iter();
            let Some(Value::Int(id)) = values.next() else { continue };
            let text = match values.next() {
                Some(Value::Text(text)) => text,
                _ => Arc::default(),
            };
            self.bytes += text.len();
            if is_own(&text) {
                self.of_ours.insert(id, self.rows_asked.get(&id).copied().unwrap_or(1));
            } else {
                self.of_ours.remove(&id);
            }
            if let Some(older) = self.known.insert(id, text) {
                self.bytes -= older.len();
            }
        }
        if self.known.len() > MOST_TEXTS || self.bytes > MOST_BYTES {
            self.let_go(statements);
        }
    }

    fn let_go(&mut self, statements: Option<&RowSet>) {
        let still: HashSet<i64> = statements.into_iter().flat_map(ids).collect();
        self.known.retain(|id, _| still.contains(id));
        self.of_ours.retain(|id, _| still.contains(id));
        let mut bytes = 0;
        // Where even those are too much, the last ones have only their beginning.
        for text in self.known.values_mut() {
            if bytes + text.len() > MOST_BYTES {
                *text = text.chars().take(HEAD).collect::<String>().into();
            }
            bytes += text.len();
        }
        self.bytes = bytes;
    }

    /// Returns all texts under the columns of their probe.
    pub fn rows(&self, columns: Arc<[Column]>) -> RowSet {
        RowSet::new(columns, self.known.iter().map(|(id, text)| vec![Value::Int(*id), Value::Text(Arc::clone(text))]))
    }
}

/// Returns how many rows each statement has: one for each role, database and level it was run by.
fn count(statements: &RowSet) -> HashMap<i64, usize> {
    let mut rows = HashMap::new();
    for id in ids(statements) {
        *rows.entry(id).or_default() += 1;
    }
    rows
}

fn ids(statements: &RowSet) -> impl Iterator<Item = i64> {
    let at = statements.position("queryid");
    statements.rows.iter().filter_map(move |row| row.get(at?)?.as_int())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{ColumnRole, Unit};

    fn statements(ids: impl IntoIterator<Item = i64>) -> RowSet {
        let columns: Arc<[Column]> = [Column::new("queryid", ColumnRole::Key, Unit::Id, "", "")].into();
        RowSet::new(columns, ids.into_iter().map(|id| vec![Value::Int(id)]))
    }

    fn answer(ids: &[i64], text: &str) -> Vec<Vec<Value>> {
        ids.iter().map(|id| vec![Value::Int(*id), Value::text(text)]).collect()
    }

    #[test]
    fn a_text_is_asked_for_once() {
        let mut texts = Texts::default();
        let some = statements([3, 1, 4, 0, 3]);
        assert_eq!(texts.unseen(&some), [1, 3, 4], "0 is a statement this role may not see");
        texts.asked(&some);
        assert!(texts.unseen(&statements([1, 2, 3])).is_empty(), "one question at a time");
        texts.add([answer(&[1], "select 1"), vec![vec![Value::Int(4), Value::Null]]].concat(), Some(&some));
        assert_eq!(texts.unseen(&statements([1, 2, 4])), [2], "4 has no text, and that is known");
        assert_eq!(texts.unseen(&statements([1, 3])), [3], "3 was evicted before it was read, and is back");
        texts.asked(&statements([]));
        texts.failed();
        assert_eq!(texts.unseen(&statements([2])), [2]);
    }

    #[test]
    fn a_text_of_ours_is_asked_for_again_when_others_run_the_statement() {
        let mut texts = Texts::default();
        texts.asked(&statements([1, 2]));
        let ours = answer(&[1], "explain /* pgdj explain */ (analyze) select n from t");
        texts.add([ours.clone(), answer(&[2], "select 2")].concat(), None);
        assert!(texts.unseen(&statements([1, 2, 2])).is_empty(), "2 is the application's, whoever runs it");
        let more = statements([1, 1, 2]);
        assert_eq!(texts.unseen(&more), [1]);
        texts.asked(&more);
        texts.add(ours, None);
        assert!(texts.unseen(&more).is_empty(), "all of its rows are ours");
        let most = statements([1, 1, 1]);
        texts.asked(&most);
        texts.add(answer(&[1], "select n from t"), None);
        assert!(texts.unseen(&statements([1, 1, 1, 1])).is_empty());
    }

    #[test]
    fn beyond_the_bound_only_texts_of_living_statements_are_kept() {
        let mut texts = Texts::default();
        let many: Vec<i64> = (1..=6000).collect();
        let living = statements(5001..=6000);
        texts.asked(&statements([]));
        texts.add(answer(&many, "select"), Some(&living));
        let rows = texts.rows(living.columns.clone());
        assert_eq!(rows.len(), 1000);
        assert_eq!(texts.unseen(&statements([1])), [1]);
    }

    #[test]
    fn a_text_for_which_there_is_no_room_is_known_by_its_beginning_and_not_asked_for_again() {
        let mut texts = Texts::default();
        let living = statements(1..=3);
        let text = format!("select /* pgdj tables */ {}", "ü".repeat(MOST_BYTES / 4));
        texts.add(answer(&[1, 2, 3], &text), Some(&living));
        assert!(texts.unseen(&living).is_empty());
        assert!(texts.bytes <= MOST_BYTES + 6 * HEAD, "{}", texts.bytes);
        let rows = texts.rows(living.columns.clone());
        assert!(rows.rows.iter().all(|row| row[1].as_str().is_some_and(crate::sample::own::is_own)));
    }
}
