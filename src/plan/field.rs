//! What the server said of a node, field by field, in the order it said it.
//!
//! The names are those of `EXPLAIN (FORMAT JSON)`; the text reader gives the same names, so that what reads a plan
//! does not know which of the two it came from.

use std::borrow::Cow;
use std::fmt;

/// The name of a field; the known ones are not allocated.
pub type Name = Cow<'static, str>;

/// The fields of a node, a worker or a plan, in the server's order.
pub type Fields = Vec<(Name, Field)>;

/// The value of a field.
#[derive(Debug, Clone, PartialEq)]
pub enum Field {
    /// JSON's `null`; the server does not write it, other programs do.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Whole(i64),
    /// A number with a fraction, and how many digits it was written with behind the point.
    Real(f64, u8),
    /// A text, or a number that neither of the above can hold.
    Text(String),
    /// A list.
    List(Vec<Field>),
    /// Named values: a worker, the settings, a group of sorts.
    Group(Fields),
}

impl Field {
    /// Returns the field for a number as it was written.
    pub fn number(written: &str) -> Self {
        if let Ok(whole) = written.parse::<i64>() {
            return Self::Whole(whole);
        }
        // More digits than a double holds would be shown as others.
        let plain =
            written.len() <= 16 && written.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-');
        match (written.parse::<f64>(), plain) {
            (Ok(real), true) if real.is_finite() => {
                let decimals = written.split_once('.').map_or(0, |(_, digits)| digits.len());
                Self::Real(real, u8::try_from(decimals).unwrap_or(u8::MAX))
            }
            _ => Self::Text(written.to_owned()),
        }
    }

    /// Returns the number, if it is one, or a text that holds one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Whole(whole) => Some(*whole as f64),
            Self::Real(real, _) => Some(*real),
            Self::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            _ => None,
        }
    }

    /// Puts other texts in the place of those in it.
    pub(crate) fn replace_texts(&mut self, change: &impl Fn(&str) -> Option<String>) {
        match self {
            Self::Text(text) => {
                if let Some(changed) = change(text) {
                    *text = changed;
                }
            }
            Self::List(items) => items.iter_mut().for_each(|item| item.replace_texts(change)),
            Self::Group(fields) => fields.iter_mut().for_each(|(_, field)| field.replace_texts(change)),
            Self::Null | Self::Bool(_) | Self::Whole(_) | Self::Real(..) => {}
        }
    }

    /// Returns the text, if it is one.
    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// Returns the truth, if it is one.
    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(truth) => Some(*truth),
            Self::Text(text) if text == "true" => Some(true),
            Self::Text(text) if text == "false" => Some(false),
            _ => None,
        }
    }

    /// Returns the items of a list; of anything else, itself alone.
    pub fn items(&self) -> &[Field] {
        if let Self::List(items) = self { items } else { std::slice::from_ref(self) }
    }

    /// Returns the members of a group; of anything else, none.
    pub fn members(&self) -> &[(Name, Field)] {
        if let Self::Group(members) = self { members } else { &[] }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Whole(whole) => write!(f, "{whole}"),
            Self::Real(real, decimals) => write!(f, "{real:.*}", usize::from(*decimals)),
            Self::Text(text) => f.write_str(text),
            Self::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
            Self::Group(members) => {
                for (at, (name, field)) in members.iter().enumerate() {
                    write!(f, "{}{name}: {field}", if at == 0 { "" } else { ", " })?;
                }
                Ok(())
            }
        }
    }
}

/// Returns the first field of this name.
pub fn find<'a>(fields: &'a [(Name, Field)], name: &str) -> Option<&'a Field> {
    fields.iter().find(|(known, _)| known == name).map(|(_, field)| field)
}

/// Returns the number of this name.
pub fn number(fields: &[(Name, Field)], name: &str) -> Option<f64> {
    find(fields, name)?.as_f64()
}

/// Returns the text of this name.
pub fn text<'a>(fields: &'a [(Name, Field)], name: &str) -> Option<&'a str> {
    find(fields, name)?.as_text()
}

/// Returns the name of a field, without an allocation where it is a known one.
pub fn name_of(written: &str) -> Name {
    match KNOWN.binary_search(&written) {
        Ok(at) => Cow::Borrowed(KNOWN.get(at).copied().unwrap_or_default()),
        Err(_) => Cow::Owned(written.to_owned()),
    }
}

/// Names that EXPLAIN writes, sorted; source: `src/backend/commands/explain.c` of PostgreSQL 12 to 18.
#[rustfmt::skip]
const KNOWN: &[&str] = &[
    "Actual Loops", "Actual Rows", "Actual Startup Time", "Actual Total Time", "Alias", "Async Capable",
    "Average Sort Space Used", "CTE Name", "Cache Evictions", "Cache Hits", "Cache Key", "Cache Misses", "Cache Mode",
    "Cache Overflows", "Command", "Conflict Arbiter Indexes", "Conflict Filter", "Conflict Resolution",
    "Custom Plan Provider", "Disabled", "Disk Usage", "Exact Heap Blocks", "Execution Time", "Filter",
    "Full-sort Groups", "Function Call", "Function Name", "Group Count", "Group Key", "Hash Batches", "Hash Buckets",
    "Hash Cond", "HashAgg Batches", "Heap Fetches", "I/O Read Time", "I/O Write Time", "Index Cond", "Index Name",
    "Index Searches", "Inner Unique", "JIT", "Join Filter", "Join Type", "Local Dirtied Blocks", "Local Hit Blocks",
    "Local I/O Read Time", "Local I/O Write Time", "Local Read Blocks", "Local Written Blocks", "Lossy Heap Blocks",
    "Maximum Storage", "Merge Cond", "Node Type", "One-Time Filter", "Operation", "Order By", "Original Hash Batches",
    "Original Hash Buckets", "Output", "Parallel Aware", "Params Evaluated", "Parent Relationship", "Partial Mode",
    "Peak Memory Usage", "Peak Sort Space Used", "Plan Rows", "Plan Width", "Planned Partitions", "Planning",
    "Planning Time", "Pre-sorted Groups", "Presorted Key", "Query Identifier", "Query Text", "Recheck Cond",
    "Relation Name", "Remote SQL", "Rows Removed by Filter", "Rows Removed by Index Recheck",
    "Rows Removed by Join Filter", "Run Condition", "Scan Direction", "Schema", "Settings", "Shared Dirtied Blocks",
    "Shared Hit Blocks", "Shared I/O Read Time", "Shared I/O Write Time", "Shared Read Blocks",
    "Shared Written Blocks", "Single Copy", "Sort Key", "Sort Method", "Sort Methods Used", "Sort Space Memory",
    "Sort Space Type", "Sort Space Used", "Startup Cost", "Storage", "Strategy", "Subplan Name", "Subplans Removed",
    "TID Cond", "Temp I/O Read Time", "Temp I/O Write Time", "Temp Read Blocks", "Temp Written Blocks", "Total Cost",
    "Triggers", "Tuples Inserted", "WAL Buffers Full", "WAL Bytes", "WAL FPI", "WAL Records", "Worker Number",
    "Workers", "Workers Launched", "Workers Planned",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_known_names_are_sorted_and_single() {
        assert!(KNOWN.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn a_number_is_shown_as_it_was_written() {
        for written in ["0", "12", "0.00", "1234.560", "-5", "-9223372036854775808", "99999999999999999999999", "1e400"]
        {
            assert_eq!(Field::number(written).to_string(), written.to_owned());
        }
    }
}
