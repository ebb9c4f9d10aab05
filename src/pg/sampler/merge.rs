//! What a reading takes over from the one before, and rows that share a key.
//!
//! Pure.

use std::collections::HashMap;

use crate::sample::rates::key_text;
use crate::sample::{ColumnRole, RowSet, Value};

/// Returns a reading in which every row that is locked (`locked_by`) has the other figures of its last reading, with
/// their `read_at`; one that was never read keeps its nulls.
pub(crate) fn keep_last(older: Option<&RowSet>, mut newer: RowSet) -> RowSet {
    let (Some(older), Some(locked)) = (older, newer.position("locked_by")) else { return newer };
    if newer.position("read_at").is_none() {
        return newer;
    }
    let known: HashMap<String, &Vec<Value>> = older.iter().map(|row| key_text(&row)).zip(older.rows.iter()).collect();
    let keys: Vec<String> = newer.iter().map(|row| key_text(&row)).collect();
    for (values, key) in newer.rows.iter_mut().zip(keys) {
        let by = values.get(locked).cloned().unwrap_or_default();
        let Some(last) = known.get(&key).filter(|_| !by.is_null()) else { continue };
        values.clone_from(last);
        if let Some(slot) = values.get_mut(locked) {
            *slot = by;
        }
    }
    newer
}

/// Returns the rows with each key once: counters added up, gauges that differ left null.
///
/// `pg_stat_statements` hides the queryid of other roles' statements from a plain role: they become one row for each
/// role and database, so that their load is still seen.
pub(crate) fn fold_same_keys(rows: RowSet) -> RowSet {
    let mut place: HashMap<String, usize> = HashMap::new();
    let mut folded: Vec<Vec<Value>> = Vec::with_capacity(rows.rows.len());
    let keys: Vec<String> = rows.iter().map(|row| key_text(&row)).collect();
    let (count, total) = (rows.rows.len(), rows.position("total"));
    for (values, key) in rows.rows.into_iter().zip(keys) {
        let at = *place.entry(key).or_insert(folded.len());
        match folded.get_mut(at) {
            Some(first) => {
                for ((column, sum), value) in rows.columns.iter().zip(first).zip(values) {
                    add(column.role, sum, value);
                }
            }
            None => folded.push(values),
        }
    }
    // What became one row is no part that was cut off.
    let merged = i64::try_from(count - folded.len()).unwrap_or_default();
    for values in &mut folded {
        if let Some(Value::Int(total)) = total.and_then(|at| values.get_mut(at)) {
            *total -= merged;
        }
    }
    RowSet { columns: rows.columns, rows: folded }
}

fn add(role: ColumnRole, sum: &mut Value, value: Value) {
    match (role, &*sum, &value) {
        (ColumnRole::Counter, Value::Int(older), Value::Int(newer)) => *sum = Value::Int(older.saturating_add(*newer)),
        (ColumnRole::Counter, Value::Float(older), Value::Float(newer)) => *sum = Value::float(older + newer),
        (ColumnRole::Counter, Value::Null, _) => *sum = value,
        (ColumnRole::Gauge, older, newer) if older != newer => *sum = Value::Null,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readings::cut::Cut;
    use crate::sample::{Column, Unit};

    fn columns() -> std::sync::Arc<[Column]> {
        let column = |name, role, unit| Column::new(name, role, unit, "", "");
        [
            column("relid", ColumnRole::Key, Unit::Id),
            column("bytes", ColumnRole::Gauge, Unit::Bytes),
            column("read_at", ColumnRole::Gauge, Unit::Moment),
            column("locked_by", ColumnRole::Label, Unit::Ids),
            column("calls", ColumnRole::Counter, Unit::Count),
        ]
        .into()
    }

    fn row(relid: i64, bytes: Value, read_at: Value, locked_by: Value) -> Vec<Value> {
        vec![Value::Int(relid), bytes, read_at, locked_by, Value::Int(1)]
    }

    #[test]
    fn a_locked_table_keeps_its_last_figures_and_their_age() {
        let pids = || Value::List(vec![Value::Int(77)]);
        let older = RowSet {
            columns: columns(),
            rows: vec![
                row(1, Value::Int(10), Value::Float(100.0), Value::Null),
                row(2, Value::Int(20), Value::Float(100.0), Value::Null),
            ],
        };
        let newer = RowSet {
            columns: columns(),
            rows: vec![
                row(1, Value::Int(11), Value::Float(130.0), Value::Null),
                row(2, Value::Null, Value::Null, pids()),
                row(3, Value::Null, Value::Null, pids()),
            ],
        };
        let merged = keep_last(Some(&older), newer);
        assert_eq!(
            merged.rows,
            [
                row(1, Value::Int(11), Value::Float(130.0), Value::Null),
                row(2, Value::Int(20), Value::Float(100.0), pids()),
                row(3, Value::Null, Value::Null, pids()),
            ]
        );
    }

    #[test]
    fn rows_that_become_one_are_not_said_to_be_cut_off() {
        let total = Column::new("total", ColumnRole::Gauge, Unit::Count, "", "");
        let columns: std::sync::Arc<[Column]> = columns().iter().cloned().chain([total]).collect();
        let counted =
            |relid, total| [row(relid, Value::Null, Value::Null, Value::Null), vec![Value::Int(total)]].concat();
        let of = |total| RowSet { columns: columns.clone(), rows: [0, 0, 0, 1].map(|id| counted(id, total)).to_vec() };
        assert_eq!(Cut::of(&fold_same_keys(of(4))), None);
        assert_eq!(Cut::of(&fold_same_keys(of(9))).map(Cut::words).as_deref(), Some("showing 2 of 7"));
    }

    #[test]
    fn rows_of_the_same_key_are_one_with_their_counters_added() {
        let rows = RowSet {
            columns: columns(),
            rows: vec![
                row(0, Value::Int(10), Value::Null, Value::Null),
                row(1, Value::Int(5), Value::Null, Value::Null),
                row(0, Value::Int(20), Value::Null, Value::Null),
            ],
        };
        let folded = fold_same_keys(rows);
        assert_eq!(folded.rows[0], [Value::Int(0), Value::Null, Value::Null, Value::Null, Value::Int(2)]);
        assert_eq!(folded.rows[1][1], Value::Int(5));
    }
}
