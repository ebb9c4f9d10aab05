//! One value as a server gave it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// One value of a row: what JSON can say, so that a recording reads back what was written.
///
/// Text is raw: it is cleaned by `ui::text` on its way to a screen or a stream, not here.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
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
    Text(Arc<str>),
    /// An array.
    List(Vec<Value>),
}

impl Value {
    /// Wraps a float; one that is not finite is null, because no recording could hold it.
    pub fn float(number: f64) -> Self {
        if number.is_finite() { Self::Float(number) } else { Self::Null }
    }

    /// Wraps text.
    pub fn text(text: &str) -> Self {
        Self::Text(Arc::from(text))
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
    pub fn as_bool(&self) -> Option<bool> {
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

    /// Returns about how many bytes of memory this value holds, for the bound of the history.
    pub fn weight(&self) -> usize {
        let own = size_of::<Self>();
        match self {
            Self::Text(text) => own + text.len() / Arc::strong_count(text).max(1),
            Self::List(members) => own + members.iter().map(Self::weight).sum::<usize>(),
            _ => own,
        }
    }
}
