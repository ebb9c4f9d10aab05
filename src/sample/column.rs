//! What a column of a probe means: its role, unit, explanation and source.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// One column of a probe, from which formats, sorting, help, JSON and recordings are made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The column's name in the SQL and in JSON, for instance `xact_start`.
    pub name: Cow<'static, str>,
    /// What the column does in its row.
    pub role: ColumnRole,
    /// What its numbers count.
    pub unit: Unit,
    /// One sentence for the help.
    pub doc: Cow<'static, str>,
    /// The view, function or manual chapter it comes from.
    pub source: Cow<'static, str>,
}

/// What a column does in its row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnRole {
    /// Part of what identifies the row from one sample to the next.
    Key,
    /// A name or a text.
    Label,
    /// A value that stands for itself at the moment it was read.
    Gauge,
    /// A number that only grows until it is reset; only its rate says something about now.
    Counter,
}

/// What a column's values are. It decides the type expected from the server and the format shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Text.
    Text,
    /// SQL text, to be highlighted.
    Sql,
    /// Yes or no.
    Flag,
    /// An identifier written as a plain number: a pid, an oid, a queryid.
    Id,
    /// A whole number of things.
    Count,
    /// A number of things that may be a fraction.
    Number,
    /// Bytes.
    Bytes,
    /// Blocks of 8 kB (`block_size` of the server).
    Blocks,
    /// Seconds, as a float.
    Seconds,
    /// Milliseconds, as a float.
    Millis,
    /// A moment: seconds since 1970-01-01 UTC, as a float.
    Moment,
    /// A part of one, 0..=1.
    Share,
    /// Transactions, as an age.
    Xids,
    /// A list of whole numbers, for instance pids.
    Ids,
    /// A list of texts.
    Texts,
}

impl Column {
    /// A column of a probe written in this program.
    pub const fn new(
        name: &'static str,
        role: ColumnRole,
        unit: Unit,
        doc: &'static str,
        source: &'static str,
    ) -> Self {
        Self { name: Cow::Borrowed(name), role, unit, doc: Cow::Borrowed(doc), source: Cow::Borrowed(source) }
    }
}
