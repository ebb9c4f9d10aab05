//! From a row on the wire to [`Value`]s.
//!
//! Takes every built-in type a probe may give; text that is not UTF-8 (a `SQL_ASCII` database) is kept with marks
//! in place of the bytes that are none.

use std::collections::HashSet;
use std::error::Error;
use std::sync::Arc;

use tokio_postgres::Row;
use tokio_postgres::types::{FromSql, Kind, Type};

use crate::sample::Value;

/// One value as it came; its type decides what it is.
struct Cell(Value);

impl<'a> FromSql<'a> for Cell {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        if let Kind::Array(_) = ty.kind() {
            let members = Vec::<Option<Cell>>::from_sql(ty, raw)?;
            return Ok(Self(Value::List(
                members.into_iter().map(|cell| cell.map_or(Value::Null, |it| it.0)).collect(),
            )));
        }
        Ok(Self(match *ty {
            Type::BOOL => Value::Bool(bool::from_sql(ty, raw)?),
            Type::INT2 => Value::Int(i16::from_sql(ty, raw)?.into()),
            Type::INT4 => Value::Int(i32::from_sql(ty, raw)?.into()),
            Type::INT8 => Value::Int(i64::from_sql(ty, raw)?),
            Type::OID => Value::Int(u32::from_sql(ty, raw)?.into()),
            Type::FLOAT4 => Value::float(f32::from_sql(ty, raw)?.into()),
            Type::FLOAT8 => Value::float(f64::from_sql(ty, raw)?),
            Type::TEXT
            | Type::VARCHAR
            | Type::NAME
            | Type::BPCHAR
            | Type::CHAR
            | Type::UNKNOWN
            | Type::JSON
            | Type::XML => Value::text(&String::from_utf8_lossy(raw)),
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

/// Returns the values of a row, in its order.
pub fn values(row: &Row) -> Result<Vec<Value>, tokio_postgres::Error> {
    (0..row.len()).map(|at| row.try_get::<_, Cell>(at).map(|cell| cell.0)).collect()
}

/// Texts of the last reading of a probe, so that the next reading shares those that are the same.
///
/// A backend's query is the same text in most samples: shared, a history of an hour costs what one sample does.
#[derive(Debug, Default)]
pub struct Shared {
    texts: HashSet<Arc<str>>,
}

impl Shared {
    /// Replaces each text that was in the reading before by that one; keeps this reading's for the next.
    pub fn share(&mut self, rows: &mut [Vec<Value>]) {
        let mut texts = HashSet::with_capacity(self.texts.len());
        for value in rows.iter_mut().flatten() {
            self.share_value(value, &mut texts);
        }
        self.texts = texts;
    }

    fn share_value(&self, value: &mut Value, texts: &mut HashSet<Arc<str>>) {
        match value {
            Value::Text(text) => {
                if let Some(known) = texts.get(text).or_else(|| self.texts.get(text)) {
                    *text = Arc::clone(known);
                }
                texts.insert(Arc::clone(text));
            }
            Value::List(members) => {
                for member in members {
                    self.share_value(member, texts);
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
    fn the_same_text_is_held_once() {
        let mut shared = Shared::default();
        let reading = || vec![vec![Value::text("select 1")], vec![Value::text("select 1"), Value::text("idle")]];
        let (mut older, mut newer) = (reading(), reading());
        shared.share(&mut older);
        shared.share(&mut newer);
        let (Value::Text(first), Value::Text(last)) = (&older[0][0], &newer[1][0]) else { panic!("texts") };
        assert!(Arc::ptr_eq(first, last));
    }
}
