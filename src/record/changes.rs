//! What changed in the rows of a section since they were read before: rows that did not are not written again.
//!
//! Rows are matched by their key. A value that changed stands in a list for its column, with how far its row is behind
//! the one before it in that list; moments stand in it as microseconds since one moment, which are short.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::sample::rowset::RowKey;
use crate::sample::{Column, ColumnRole, RowSet, SharedRow, Timestamp, Unit, Value};

/// What changed in the rows of a section.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Changes<'a> {
    /// The rows in their order, in runs: the place of the first among the rows before, and their number. A place of -1
    /// is the next of the new rows. Absent where they are the same rows in the same order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<Vec<[i64; 2]>>,
    /// The new rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub new: Vec<Cow<'a, [Value]>>,
    /// Where [`CellChanges::micros`] begin to count, in microseconds since 1970.
    pub since: i64,
    /// What changed in the rows that are not new, by the column's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub cells: BTreeMap<Cow<'a, str>, CellChanges<'a>>,
}

/// The values of a column that changed.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CellChanges<'a> {
    /// Their rows: how far each is behind the one before, the first behind the beginning. Absent where all rows have one
    /// and the same value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Vec<u32>>,
    /// The values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Cow<'a, Value>>,
    /// The values, where they are moments: microseconds since [`Changes::since`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub micros: Vec<Option<i64>>,
}

/// The place that stands for a new row.
const NEW: i64 = -1;

impl<'a> Changes<'a> {
    /// Returns what changed, or `None` where it is no less to write than the rows.
    pub(super) fn between(old: &RowSet, new: &'a RowSet, at: Timestamp) -> Option<Self> {
        let width = new.columns.len();
        let places = places(old, new);
        let since = micros(at.0)?;
        let mut changes = Self { order: None, new: Vec::new(), since, cells: BTreeMap::new() };
        let is_same_order =
            old.rows.len() == places.len() && places.iter().enumerate().all(|(number, place)| *place == Some(number));
        changes.order = (!is_same_order).then(|| runs(&places));
        let mut written = 0;
        for (row, place) in new.rows.iter().zip(&places) {
            if place.is_none() {
                changes.new.push(Cow::Borrowed(row));
                written += width;
            }
        }
        for (number, column) in new.columns.iter().enumerate() {
            let mut moved: Vec<Cell<'a>> = Vec::new();
            for (row, (values, place)) in new.rows.iter().zip(&places).enumerate() {
                let Some(before) = place.and_then(|place| old.rows.get(place)) else { continue };
                let value = values.get(number)?;
                if before.get(number)? != value {
                    moved.push(Cell { row, value });
                }
            }
            if moved.is_empty() {
                continue;
            }
            let is_known_by_name = new.position(&column.name) == Some(number);
            let is_of_all = is_one_value(new, number);
            let cells = CellChanges::of(&moved, column, is_of_all, since);
            written += cells.values.len() + cells.micros.len();
            // Half of the values, with their places, are as much as all of them.
            if !is_known_by_name || written * 2 > width * new.rows.len() {
                return None;
            }
            changes.cells.insert(Cow::Borrowed(&column.name), cells);
        }
        (written * 2 <= width * new.rows.len()).then_some(changes)
    }

    /// Returns the rows after the changes; `None` where they do not fit the rows before.
    pub(super) fn apply(self, old: &RowSet, mut look_at: impl FnMut(&mut [Value])) -> Option<Vec<SharedRow>> {
        let mut new = self.new.into_iter().map(Cow::into_owned);
        let mut rows: Vec<SharedRow> = match self.order {
            None => old.rows.clone(),
            Some(runs) => {
                let most = old.rows.len() + new.len();
                let mut rows = Vec::new();
                for [place, count] in runs {
                    let count = usize::try_from(count).ok().filter(|count| count + rows.len() <= most)?;
                    if place == NEW {
                        for _ in 0..count {
                            let mut row = new.next()?;
                            row.resize(old.columns.len(), Value::Null);
                            look_at(&mut row);
                            rows.push(row.into());
                        }
                    } else {
                        let first = usize::try_from(place).ok()?;
                        rows.extend_from_slice(old.rows.get(first..first.checked_add(count)?)?);
                    }
                }
                rows
            }
        };
        for (name, cells) in self.cells {
            let column = old.position(&name)?;
            let micros = cells.micros.into_iter().map(|micros| moment(self.since, micros));
            let mut values: Vec<Value> = cells.values.into_iter().map(Cow::into_owned).chain(micros).collect();
            look_at(&mut values);
            match cells.rows {
                None => {
                    let value = values.first()?;
                    for row in &mut rows {
                        Arc::make_mut(row).get_mut(column)?.clone_from(value);
                    }
                }
                Some(gaps) if gaps.len() == values.len() => {
                    let mut at = 0_usize;
                    for (gap, value) in gaps.into_iter().zip(values) {
                        at = at.checked_add(gap as usize)?;
                        *Arc::make_mut(rows.get_mut(at)?).get_mut(column)? = value;
                    }
                }
                Some(_) => return None,
            }
        }
        Some(rows)
    }
}

/// A value that changed.
struct Cell<'a> {
    row: usize,
    value: &'a Value,
}

impl<'a> CellChanges<'a> {
    fn of(changed: &[Cell<'a>], column: &Column, is_of_all: bool, since: i64) -> Self {
        let written = if is_of_all { changed.get(..1).unwrap_or_default() } else { changed };
        let micros: Option<Vec<Option<i64>>> = match column.unit {
            Unit::Moment => written.iter().map(|cell| micros_of(cell.value, since)).collect::<Result<_, _>>().ok(),
            _ => None,
        };
        let values = match micros {
            None => written.iter().map(|cell| Cow::Borrowed(cell.value)).collect(),
            Some(_) => Vec::new(),
        };
        let mut before = 0;
        let gap = |cell: &Cell<'_>| {
            let gap = (cell.row - before) as u32;
            before = cell.row;
            gap
        };
        let rows = if is_of_all { None } else { Some(changed.iter().map(gap).collect()) };
        Self { rows, values, micros: micros.unwrap_or_default() }
    }
}

/// Whether all rows have the same value in a column, as the number of rows is where a list may be cut.
fn is_one_value(rows: &RowSet, column: usize) -> bool {
    let mut values = rows.rows.iter().map(|row| row.get(column));
    let first = values.next();
    values.all(|value| Some(value) == first)
}

/// Returns the place of each row among the rows before; `None` for a new one.
fn places(old: &RowSet, new: &RowSet) -> Vec<Option<usize>> {
    let keys: Vec<usize> =
        new.columns.iter().enumerate().filter(|(_, column)| column.role == ColumnRole::Key).map(|(at, _)| at).collect();
    let is_same = |old: &[Value], new: &[Value]| keys.iter().all(|key| old.get(*key) == new.get(*key));
    if keys.is_empty()
        || (old.rows.len() <= new.rows.len() && old.rows.iter().zip(&new.rows).all(|(o, n)| is_same(o, n)))
    {
        return (0..new.rows.len()).map(|at| (at < old.rows.len()).then_some(at)).collect();
    }
    let (old_keys, new_keys) = (old.key_columns(), new.key_columns());
    let mut known: HashMap<RowKey<'_>, usize> =
        old.rows.iter().enumerate().map(|(at, row)| (old_keys.key(row), at)).collect();
    // Each row before is used once: of rows with one key the others are new.
    new.rows.iter().map(|row| known.remove(&new_keys.key(row))).collect()
}

fn runs(places: &[Option<usize>]) -> Vec<[i64; 2]> {
    let mut runs: Vec<[i64; 2]> = Vec::new();
    for place in places {
        let place = place.map_or(NEW, |place| i64::try_from(place).unwrap_or(NEW));
        match runs.last_mut() {
            Some([NEW, count]) if place == NEW => *count += 1,
            Some([first, count]) if *first != NEW && *first + *count == place => *count += 1,
            _ => runs.push([place, 1]),
        }
    }
    runs
}

/// Returns a moment in whole microseconds, in which servers give it; `None` where it is no moment.
fn micros(seconds: f64) -> Option<i64> {
    let micros = (seconds * 1e6).round();
    (micros.abs() < 9e15).then_some(micros as i64)
}

/// A value that cannot be written as microseconds.
struct Inexact;

/// Returns a moment in microseconds since another, where that is the very same moment.
fn micros_of(value: &Value, since: i64) -> Result<Option<i64>, Inexact> {
    match value {
        Value::Null => Ok(None),
        Value::Float(seconds) => {
            let micros = micros(*seconds).ok_or(Inexact)? - since;
            if moment(since, Some(micros)) == *value { Ok(Some(micros)) } else { Err(Inexact) }
        }
        _ => Err(Inexact),
    }
}

fn moment(since: i64, micros: Option<i64>) -> Value {
    micros.map_or(Value::Null, |micros| Value::float(since.saturating_add(micros) as f64 / 1e6))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn column(name: &'static str, role: ColumnRole, unit: Unit) -> Column {
        Column::new(name, role, unit, "", "")
    }

    fn set(columns: &Arc<[Column]>, rows: Vec<Vec<Value>>) -> RowSet {
        RowSet::new(Arc::clone(columns), rows)
    }

    fn columns(role: ColumnRole) -> Arc<[Column]> {
        Arc::new([
            column("id", role, Unit::Id),
            column("since", ColumnRole::Gauge, Unit::Moment),
            column("text", ColumnRole::Label, Unit::Text),
            column("total", ColumnRole::Gauge, Unit::Count),
        ])
    }

    /// Few values of each kind, so that rows keep some, and keys meet.
    fn value() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            (0..4_i64).prop_map(Value::Int),
            (0..4_i64).prop_map(|at| Value::Float((1_790_000_000_123_456 + at * 777_777) as f64 / 1e6)),
            (0..4_i64).prop_map(|part| Value::Float(part as f64 / 64.0)),
            "[ab]{0,2}".prop_map(|text| Value::text(&text)),
            Just(Value::list(vec![Value::Int(7), Value::Null])),
        ]
    }

    fn rows() -> impl Strategy<Value = Vec<Vec<Value>>> {
        let row = ((0..12_i64).prop_map(Value::Int), value(), value(), value());
        prop::collection::vec(row.prop_map(|(id, since, text, total)| vec![id, since, text, total]), 0..12)
    }

    proptest! {
        #[test]
        fn the_rows_are_the_same_after_they_were_written(old in rows(), new in rows(), share in 0..3_u8) {
            for role in [ColumnRole::Key, ColumnRole::Label] {
                let columns = columns(role);
                // As in a recording: most rows are as they were.
                let kept = old.iter().take(old.len() * usize::from(share) / 2);
                let new = set(&columns, kept.chain(&new).cloned().collect());
                let old = set(&columns, old.clone());
                let Some(changes) = Changes::between(&old, &new, Timestamp(1_790_000_000.5)) else { continue };
                let text = serde_json::to_string(&changes).unwrap();
                let read: Changes<'static> = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(read.apply(&old, |_| {}), Some(new.rows), "{}", text);
            }
        }

        #[test]
        fn what_does_not_fit_is_refused(
            old in rows(),
            order in prop::option::of(prop::collection::vec([-3..14_i64, -2..i64::MAX], 0..4)),
            gaps in prop::option::of(prop::collection::vec(prop_oneof![0..3_u32, Just(u32::MAX)], 0..4)),
            values in prop::collection::vec(value(), 0..4),
            micros in prop::collection::vec(prop::option::of(any::<i64>()), 0..3),
            since in any::<i64>(),
            name in "id|total|other",
        ) {
            let old = set(&columns(ColumnRole::Key), old);
            let cells = CellChanges { rows: gaps, values: values.iter().map(Cow::Borrowed).collect(), micros };
            let cells = BTreeMap::from([(Cow::Owned(name), cells)]);
            let changes = Changes { order, new: vec![Cow::Borrowed(&values)], since, cells };
            if let Some(rows) = changes.apply(&old, |_| {}) {
                prop_assert!(rows.len() <= old.rows.len() + 1 && rows.iter().all(|row| row.len() == 4));
            }
        }
    }

    #[test]
    fn a_count_that_stands_in_each_row_is_written_once_and_a_moment_short() {
        let columns = columns(ColumnRole::Key);
        let at = 1_790_000_000.25;
        let row = |id: i64, total: i64| vec![Value::Int(id), Value::Float(at), Value::text("a"), Value::Int(total)];
        let old = set(&columns, (0..100).chain([700]).map(|id| row(id, 100)).collect());
        let mut new: Vec<Vec<Value>> = (0..100).map(|id| row(id, 101)).collect();
        new[3][1] = Value::Float(at + 1.5);
        new.insert(0, row(800, 101));
        let new = set(&columns, new);
        let changes = Changes::between(&old, &new, Timestamp(at + 2.0)).unwrap();
        assert_eq!(
            serde_json::to_string(&changes).unwrap(),
            r#"{"order":[[-1,1],[0,100]],"new":[[800,1790000000.25,"a",101]],"since":1790000002250000,"cells":{"since":{"rows":[4],"micros":[-500000]},"total":{"values":[101]}}}"#
        );
    }
}
