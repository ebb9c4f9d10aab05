//! From a row on the wire to [`Value`]s.
//!
//! Takes every built-in type a probe may give. Secrets are taken out of every text here, before anything keeps it. Text that is not UTF-8 (a `SQL_ASCII` database) is kept with marks
//! in place of the bytes that are none.

use std::borrow::Cow;
use std::collections::HashSet;
use std::error::Error;
use std::sync::Arc;

use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Kind, Type};

use crate::sample::redact::redact;
use crate::sample::{SharedRow, Value};

/// One value as it came; its type decides what it is.
struct DecodedCell(Value);

impl<'a> FromSql<'a> for DecodedCell {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        if let Kind::Array(_) = ty.kind() {
            let members = Vec::<Option<DecodedCell>>::from_sql(ty, raw)?;
            return Ok(Self(Value::list(
                members.into_iter().map(|cell| cell.map_or(Value::Null, |it| it.0)).collect(),
            )));
        }
        Ok(Self(match *ty {
            Type::RECORD_ARRAY => Value::list(records(raw)?),
            Type::BOOL => Value::Bool(bool::from_sql(ty, raw)?),
            Type::INT2 => Value::Int(i16::from_sql(ty, raw)?.into()),
            Type::INT4 => Value::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT8 => Value::Int(i64::from_sql(ty, raw)?),
            Type::OID => Value::Int(u32::from_sql(ty, raw)?.into()),
            Type::FLOAT4 => Value::float(f32::from_sql(ty, raw)?.into()),
            Type::FLOAT8 => Value::float(f64::from_sql(ty, raw)?),
            Type::TEXT | Type::VARCHAR | Type::NAME | Type::BPCHAR | Type::CHAR | Type::UNKNOWN | Type::XML => {
                Value::text(&redact(&String::from_utf8_lossy(raw)))
            }
            // The answer to an EXPLAIN, of a statement that came in by the line above or from the user.
            Type::JSON => Value::text(&String::from_utf8_lossy(raw)),
            _ => return Err(format!("a column of type {ty} was not expected").into()),
        }))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(Value::Null))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

type DecodeError = Box<dyn Error + Sync + Send>;

/// Bytes that are read from the front.
struct RecordBytes<'a>(&'a [u8]);

impl<'a> RecordBytes<'a> {
    const CUT: &'static str = "a row within a value is cut";

    fn number(&mut self) -> Result<i32, DecodeError> {
        let (number, rest) = self.0.split_first_chunk::<4>().ok_or(Self::CUT)?;
        self.0 = rest;
        Ok(i32::from_be_bytes(*number))
    }

    /// Reads a length and so many bytes; a length of -1 is null.
    fn counted(&mut self) -> Result<Option<&'a [u8]>, DecodeError> {
        let Ok(length) = usize::try_from(self.number()?) else { return Ok(None) };
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Self::CUT)?;
        self.0 = rest;
        Ok(Some(bytes))
    }
}

/// Returns the rows of an array of rows: dimensions, flags, type, and if there are any, their number, the first one's
/// place, and each with its length.
///
/// Source: `array_send` in src/backend/utils/adt/arrayfuncs.c.
fn records(raw: &[u8]) -> Result<Vec<Value>, DecodeError> {
    let mut wire = RecordBytes(raw);
    let [dimensions, _flags, _type] = [wire.number()?, wire.number()?, wire.number()?];
    if dimensions == 0 {
        return Ok(Vec::new());
    }
    let [count, _first] = [wire.number()?, wire.number()?];
    let row = |_| Ok(wire.counted()?.map(record).transpose()?.map_or(Value::Null, Value::list));
    (0..count).map(row).collect()
}

/// Returns the fields of a row within a value: their number, then of each its type, its length and itself.
///
/// Source: `record_send` in src/backend/utils/adt/rowtypes.c. A type that is not built in is not expected.
fn record(raw: &[u8]) -> Result<Vec<Value>, DecodeError> {
    let mut wire = RecordBytes(raw);
    let count = wire.number()?;
    let field = |_| {
        let ty = Type::from_oid(wire.number()?.cast_unsigned()).ok_or("a field of a type that is not built in")?;
        Ok(wire
            .counted()?
            .map(|field| DecodedCell::from_sql(&ty, field))
            .transpose()?
            .map_or(Value::Null, |cell| cell.0))
    };
    (0..count).map(field).collect()
}

/// Returns the values of a row, in its order.
pub fn values(row: &Row) -> Result<Vec<Value>, tokio_postgres::Error> {
    (0..row.len()).map(|at| row.try_get::<_, DecodedCell>(at).map(|cell| cell.0)).collect()
}

/// Texts that were read, so that whatever is read next shares those that are the same.
///
/// A backend's query is the same text in most samples: shared, a history of an hour costs what one sample does.
#[derive(Debug, Default)]
pub struct Shared {
    texts: HashSet<Arc<String>>,
    /// How many texts there may be before those that nothing holds any more are let go.
    most: usize,
}

/// Texts that are not looked through.
const FEW_TEXTS: usize = 1000;

impl Shared {
    /// Replaces each text that was read before by that one. Rows that something else holds too have shared texts already.
    pub fn share(&mut self, rows: &mut [SharedRow]) {
        for row in rows.iter_mut().filter_map(Arc::get_mut) {
            for value in row {
                self.share_value(value);
            }
        }
        self.let_go();
    }

    /// Does the same with texts that may be as they were before secrets were taken out: those that are new are redacted.
    pub(crate) fn share_redacted(&mut self, rows: &mut [SharedRow]) {
        for row in rows.iter_mut().filter_map(Arc::get_mut) {
            for value in row {
                self.redact_new(value);
            }
        }
        self.share(rows);
    }

    /// Does the same with values of a reading of which the rest is known already.
    pub fn share_more(&mut self, values: &mut [Value]) {
        for value in values {
            self.redact_new(value);
            self.share_value(value);
        }
        self.let_go();
    }

    /// Lets go what nothing else holds, once there are twice as many texts as were left the last time.
    fn let_go(&mut self) {
        if self.texts.len() > self.most.max(FEW_TEXTS) {
            self.texts.retain(|text| Arc::strong_count(text) > 1);
            self.texts.shrink_to_fit();
            self.most = self.texts.len() * 2;
        }
    }

    fn redact_new(&self, value: &mut Value) {
        match value {
            Value::Text(text) if !self.texts.contains(text) => {
                if let Cow::Owned(redacted) = redact(text) {
                    *text = Arc::new(redacted);
                }
            }
            Value::List(members) if !members.is_empty() => {
                for member in Arc::make_mut(members) {
                    self.redact_new(member);
                }
            }
            _ => {}
        }
    }

    fn share_value(&mut self, value: &mut Value) {
        match value {
            Value::Text(text) => match self.texts.get(text) {
                Some(known) => *text = Arc::clone(known),
                None => {
                    self.texts.insert(Arc::clone(text));
                }
            },
            Value::List(members) if !members.is_empty() => {
                for member in Arc::make_mut(members) {
                    self.share_value(member);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_within_a_value_is_read_and_one_that_is_cut_is_an_error() {
        let mut raw = vec![0, 0, 0, 3];
        for (oid, field) in [(23_u32, Some(&[0, 0, 0, 7][..])), (25, None), (25, Some(b"text"))] {
            raw.extend(oid.to_be_bytes());
            raw.extend(field.map_or(-1, |field| i32::try_from(field.len()).unwrap()).to_be_bytes());
            raw.extend(field.unwrap_or_default());
        }
        let fields = [Value::Int(7), Value::Null, Value::text("text")];
        assert_eq!(record(&raw).unwrap(), fields);
        assert!((0..raw.len()).all(|end| record(&raw[..end]).is_err()));

        let length = i32::try_from(raw.len()).unwrap();
        let head: Vec<u8> = [1, 0, 2249, 2, 1, length].into_iter().flat_map(i32::to_be_bytes).collect();
        let array = [head, raw, (-1_i32).to_be_bytes().to_vec()].concat();
        assert_eq!(records(&array).unwrap(), [Value::list(fields.to_vec()), Value::Null]);
        assert!((0..array.len()).all(|end| records(&array[..end]).is_err()));
        assert_eq!(records(&[0; 12]).unwrap(), []);
    }

    #[test]
    fn the_same_text_is_held_once() {
        let mut shared = Shared::default();
        let rows = || [vec![Value::text("select 1")], vec![Value::text("select 1"), Value::text("idle")]];
        let reading = || rows().map(SharedRow::from);
        let (mut older, mut newer) = (reading(), reading());
        shared.share(&mut older);
        shared.share(&mut newer);
        let (Value::Text(first), Value::Text(last)) = (&older[0][0], &newer[1][0]) else { panic!("texts") };
        assert!(Arc::ptr_eq(first, last));
    }
}
