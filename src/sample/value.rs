//! One value as a server gave it.

use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash as _, Hasher};
use std::sync::Arc;

use serde::Serialize;
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};

/// One value of a row: what JSON can say, so that a recording reads back what was written.
///
/// There are many: what is longer than a number stands behind a pointer, so that a value takes 16 bytes.
///
/// Text is raw: it is cleaned by `ui::text` on its way to a screen or a stream, not here.
#[derive(Debug, Clone, PartialEq, Serialize, Default)]
#[serde(untagged)]
pub enum Value {
    /// SQL null, and a float that is not finite.
    #[default]
    Null,
    /// A boolean.
    Bool(bool),
    /// A whole number: `int2`, `int4`, `int8`, `oid`, `xid` age.
    Int(i64),
    /// A finite number: `float4`, `float8`.
    Float(f64),
    /// Text as the server sent it.
    Text(Arc<String>),
    /// An array.
    List(Arc<Vec<Value>>),
}

impl Value {
    /// Wraps a float; one that is not finite is null, because no recording could hold it.
    pub(crate) fn float(number: f64) -> Self {
        if number.is_finite() { Self::Float(number) } else { Self::Null }
    }

    /// Wraps text.
    pub fn text(text: &str) -> Self {
        Self::Text(Arc::new(text.to_owned()))
    }

    /// Wraps an array.
    pub fn list(members: Vec<Self>) -> Self {
        Self::List(Arc::new(members))
    }

    /// Whether this is null.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// Returns the text, or `None` for any other kind.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Returns a whole number, or `None` for any other kind.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(*number),
            _ => None,
        }
    }

    /// Returns a number of either kind as a float, or `None`.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Int(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            _ => None,
        }
    }

    /// Returns a boolean, or `None` for any other kind.
    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(flag) => Some(*flag),
            _ => None,
        }
    }

    /// Returns the members of an array; of anything else, none.
    pub fn as_list(&self) -> &[Value] {
        match self {
            Self::List(members) => members,
            _ => &[],
        }
    }

    /// Returns about how many bytes of memory this value holds, for the bound of the history; a text that is known counts
    /// as nothing.
    pub(super) fn weight(&self, known: &mut HashSet<*const u8>) -> usize {
        let own = size_of::<Self>();
        match self {
            // Behind the pointer are two counters and where the letters or members are.
            Self::Text(text) if known.insert(text.as_ptr()) => own + text.len() + BEHIND + ALLOCATION,
            Self::List(members) => {
                own + BEHIND + ALLOCATION + members.iter().map(|member| member.weight(known)).sum::<usize>()
            }
            _ => own,
        }
    }

    /// Hashes this value; values that are equal hash the same.
    pub(super) fn hash_into<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Null => 0_u8.hash(state),
            Self::Bool(flag) => flag.hash(state),
            Self::Int(number) => number.hash(state),
            // Both zeros are equal.
            Self::Float(number) => (number + 0.0).to_bits().hash(state),
            Self::Text(text) => text.hash(state),
            Self::List(members) => members.iter().for_each(|member| member.hash_into(state)),
        }
    }

    /// Adds the texts of this value to those that are known.
    pub(super) fn note_texts(&self, known: &mut HashSet<*const u8>) {
        match self {
            Self::Text(text) => {
                known.insert(text.as_ptr());
            }
            Self::List(members) => members.iter().for_each(|member| member.note_texts(known)),
            _ => {}
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ValueVisitor)
    }
}

/// Takes a value by what JSON says it is: serde's untagged reading keeps a copy and tries one kind after the other.
struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("null, a boolean, a number, a text or a list")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(i64::try_from(number).map_or(Value::Float(number as f64), Value::Int))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value, E> {
        Ok(Value::float(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(member) = members.next_element()? {
            list.push(member);
        }
        Ok(Value::list(list))
    }
}

/// What stands behind the pointer of a text or an array before its letters or members.
const BEHIND: usize = 5 * size_of::<usize>() + ALLOCATION;

/// What the allocator adds to a piece of memory, and what it rounds up, on average.
pub(super) const ALLOCATION: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_takes_16_bytes() {
        assert_eq!(size_of::<Value>(), 16);
    }

    #[test]
    fn what_json_says_is_read_as_its_kind() {
        let text = r#"[null,true,-7,9223372036854775807,9223372036854775808,1.5,"a\"\u0001",[1,[null]],[]]"#;
        let list = Value::list(vec![Value::Int(1), Value::list(vec![Value::Null])]);
        let values = [
            Value::Null,
            Value::Bool(true),
            Value::Int(-7),
            Value::Int(i64::MAX),
            Value::Float(9_223_372_036_854_775_808.0),
            Value::Float(1.5),
            Value::text("a\"\u{1}"),
            list,
            Value::list(Vec::new()),
        ];
        assert_eq!(serde_json::from_str::<Vec<Value>>(text).unwrap(), values);
        assert!(serde_json::from_str::<Value>("{}").is_err());
    }
}
