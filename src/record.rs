//! Recordings: an incident in a file, to be put back on the screen.
//!
//! JSON Lines in gzip members, so `zcat FILE | jq` and `DuckDB` read it. The first line is a [`Header`]: format, program,
//! server facts, the table of columns of each section. Every further line is a [`Frame`] with only the sections that were
//! read since the frame before, and of their rows only what changed ([`Changes`]); every member starts with a whole frame and says in its gzip header how long it is and what
//! it holds, so a reader hops to any moment ([`RecordingFile`]), and what is left of a damaged file is still read. Each
//! frame is written when it was taken, so a crash loses at most one: the header of the last member says 0 bytes until it
//! is full. Columns are only ever added: what a section lacks reads as null, and a section
//! that this program does not know is passed over. The header may hold [`Plans`], so that Explain has something to show.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::sample::{Column, Missing, SampleCost, ServerFacts, SharedRow, Timestamp};

mod changes;
#[cfg(test)]
mod crash_tests;
mod decoder;
mod explained;
mod file;
mod glance;
mod index;
mod members;
mod plans;
mod reader;
#[cfg(test)]
mod seek_tests;
mod span;
#[cfg(test)]
mod tests;
mod writer;

pub use changes::{CellChanges, Changes};
pub use explained::Explained;
pub use file::{LoadStep, RecordedWindow, RecordingFile};
pub use plans::{IndexAnswer, Plans, RecordedPlan, Rows, statement_key};
pub use reader::Reader;
pub use span::Span;
pub use writer::{Sink, Writer};

/// The format this program writes.
///
/// In format 1 a section that was read anew had all its rows.
pub const FORMAT: u32 = 2;

/// Bytes a recording may have, unless said otherwise.
pub const DEFAULT_LIMIT_BYTES: u64 = 1024 * 1024 * 1024;

/// Frames in a gzip member: a minute at a sample a second.
const FRAMES_A_MEMBER: u32 = 60;

/// Seconds from the first sample of a member to its last, at a slower pace.
const SECONDS_A_MEMBER: f64 = 300.0;

/// Bytes of text after which a member takes no further sample: reading one takes no more memory than that allows.
const TEXT_A_MEMBER: u64 = 16 * 1024 * 1024;

/// Bytes of the longest line that is read: a sample of a very large schema has a tenth of it.
const LONGEST_LINE: u64 = 256 * 1024 * 1024;

/// The first line of a recording.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Header {
    /// The format: [`FORMAT`].
    pub pgdj_recording: u32,
    /// The program that wrote it, with its version.
    pub program: String,
    /// What the server is.
    pub server: Arc<ServerFacts>,
    /// The columns of each section, in the order of its rows' values.
    pub columns: BTreeMap<String, Vec<Column>>,
    /// Plans of statements, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plans: Option<Arc<Plans>>,
}

/// A line of a recording: one sample.
#[derive(Debug, Serialize, Deserialize)]
pub struct Frame<'a> {
    /// The server's clock at the sample.
    pub at: Timestamp,
    /// What taking it cost.
    pub cost: SampleCost,
    /// What the server is, where that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<Arc<ServerFacts>>,
    /// The sections that changed.
    pub sections: BTreeMap<Cow<'a, str>, Part<'a>>,
}

/// A section that changed: read anew (`at` and `rows` or `changes`), grown stale (`at` and `why`), or not there (`why` alone).
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Part<'a> {
    /// When its rows were read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// Its columns, where they are not those of the header.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub columns: Option<Cow<'a, [Column]>>,
    /// Its rows, where they were read since the frame before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<Cow<'a, [SharedRow]>>,
    /// What changed in its rows since they were read before, in the same member; then there are no `rows`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changes: Option<Changes<'a>>,
    /// Why there is nothing, or nothing newer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Cow<'a, Missing>>,
}

/// What can go wrong with a recording.
#[derive(Debug, Error)]
pub enum RecordError {
    /// It cannot be read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It has no header.
    #[error("it is not a recording of pgdj")]
    NotOne,
    /// It has a format that this program does not know.
    #[error("it has format {found}, and this pgdj knows formats up to {FORMAT}")]
    Newer {
        /// The format.
        found: u32,
    },
    /// A sample cannot be written as JSON.
    #[error("a sample cannot be written: {0}")]
    Line(#[from] serde_json::Error),
    /// It has as many bytes as it may have.
    #[error("it has reached its limit of {}", crate::sample::Bytes(*limit as f64))]
    Full {
        /// The limit.
        limit: u64,
    },
}
