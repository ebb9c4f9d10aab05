//! What a reading takes over from the one before, and rows that share a key.
//!
//! Pure.

use std::collections::HashMap;
use std::sync::Arc;

use crate::sample::rowset::RowKey;
use crate::sample::{ColumnRole, RowSet, SharedRow, Value};

/// Returns a reading in which every row that is locked (`locked_by`) has the other figures of its last reading, with
/// their `read_at`; one that was never read keeps its nulls.
pub(crate) fn keep_last(older: Option<&RowSet>, mut newer: RowSet) -> RowSet {
    let (Some(older), Some(locked)) = (older, newer.position("locked_by")) else { return newer };
    if newer.position("read_at").is_none() {
        return newer;
    }
    let is_locked = |row: &SharedRow| row.get(locked).is_some_and(|by| !by.is_null());
    if !newer.rows.iter().any(is_locked) {
        return newer;
    }
    let keys = older.key_columns();
    let known: HashMap<RowKey<'_>, &SharedRow> = older.rows.iter().map(|row| (keys.key(row), row)).collect();
    for row in newer.rows.iter_mut().filter(|row| is_locked(row)) {
        let Some(last) = known.get(&keys.key(row)) else { continue };
        let by = row.get(locked).cloned().unwrap_or_default();
        *row = Arc::clone(last);
        if row.get(locked) != Some(&by)
            && let Some(slot) = Arc::make_mut(row).get_mut(locked)
        {
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
    let keys = rows.key_columns();
    let mut place: HashMap<RowKey<'_>, usize> = HashMap::with_capacity(rows.rows.len());
    let places: Vec<usize> = rows
        .rows
        .iter()
        .map(|row| {
            let next = place.len();
            *place.entry(keys.key(row)).or_insert(next)
        })
        .collect();
    let (count, distinct) = (rows.rows.len(), place.len());
    if count == distinct {
        return rows;
    }
    let total = rows.position("total");
    let mut folded: Vec<SharedRow> = Vec::with_capacity(distinct);
    for (row, at) in rows.rows.iter().zip(places) {
        match folded.get_mut(at) {
            Some(first) => {
                for ((column, sum), value) in rows.columns.iter().zip(Arc::make_mut(first)).zip(row.iter()) {
                    add(column.role, sum, value);
                }
            }
            None => folded.push(Arc::clone(row)),
        }
    }
    // What became one row is no part that was cut off.
    let merged = i64::try_from(count - distinct).unwrap_or_default();
    for row in &mut folded {
        let Some(Value::Int(known)) = total.and_then(|at| row.get(at)).cloned() else { continue };
        if let Some(slot) = total.and_then(|at| Arc::make_mut(row).get_mut(at)) {
            *slot = Value::Int(known - merged);
        }
    }
    RowSet { columns: rows.columns, rows: folded }
}

fn add(role: ColumnRole, sum: &mut Value, value: &Value) {
    match (role, &*sum, value) {
        (ColumnRole::Counter, Value::Int(older), Value::Int(newer)) => *sum = Value::Int(older.saturating_add(*newer)),
        (ColumnRole::Counter, Value::Float(older), Value::Float(newer)) => *sum = Value::float(older + newer),
        (ColumnRole::Counter, Value::Null, _) => sum.clone_from(value),
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
        let pids = || Value::list(vec![Value::Int(77)]);
        let older = RowSet::new(
            columns(),
            [
                row(1, Value::Int(10), Value::Float(100.0), Value::Null),
                row(2, Value::Int(20), Value::Float(100.0), Value::Null),
            ],
        );
        let newer = RowSet::new(
            columns(),
            [
                row(1, Value::Int(11), Value::Float(130.0), Value::Null),
                row(2, Value::Null, Value::Null, pids()),
                row(3, Value::Null, Value::Null, pids()),
            ],
        );
        let merged = keep_last(Some(&older), newer);
        let expected = [
            row(1, Value::Int(11), Value::Float(130.0), Value::Null),
            row(2, Value::Int(20), Value::Float(100.0), pids()),
            row(3, Value::Null, Value::Null, pids()),
        ];
        assert_eq!(merged, RowSet::new(columns(), expected));
    }

    #[test]
    fn rows_that_become_one_are_not_said_to_be_cut_off() {
        let total = Column::new("total", ColumnRole::Gauge, Unit::Count, "", "");
        let columns: std::sync::Arc<[Column]> = columns().iter().cloned().chain([total]).collect();
        let counted =
            |relid, total| [row(relid, Value::Null, Value::Null, Value::Null), vec![Value::Int(total)]].concat();
        let of = |total| RowSet::new(columns.clone(), [0, 0, 0, 1].map(|id| counted(id, total)));
        assert_eq!(Cut::of(&fold_same_keys(of(4))), None);
        assert_eq!(Cut::of(&fold_same_keys(of(9))).map(Cut::words).as_deref(), Some("showing 2 of 7"));
    }

    #[test]
    fn rows_of_the_same_key_are_one_with_their_counters_added() {
        let rows = RowSet::new(
            columns(),
            [
                row(0, Value::Int(10), Value::Null, Value::Null),
                row(1, Value::Int(5), Value::Null, Value::Null),
                row(0, Value::Int(20), Value::Null, Value::Null),
            ],
        );
        let folded = fold_same_keys(rows);
        assert_eq!(*folded.rows[0], [Value::Int(0), Value::Null, Value::Null, Value::Null, Value::Int(2)]);
        assert_eq!(folded.rows[1][1], Value::Int(5));
    }
}
