//! What the header of a gzip member says of its samples, so that a reader hops from member to member.
//!
//! A field of the gzip header's extra part (RFC 1952, 2.3.1.1), which every other reader of gzip passes over. It is a
//! claim: whoever reads the member checks it.

use std::sync::Arc;

use crate::readings::Readings;
use crate::readings::load::LoadPoint;
use crate::sample::{Snapshot, Timestamp};

/// Some samples of a recording that lie together, a minute as a rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Span {
    /// The number of its first sample in the recording, counted from 0.
    pub from: u64,
    /// How many samples it has.
    pub samples: u32,
    /// The server's clock at its first sample.
    pub first: Timestamp,
    /// Average active sessions over its samples; `None` where no load is known.
    pub load: Option<f32>,
    /// Which of its samples has the highest load, counted from 0.
    pub peak: u32,
}

/// Counts up the samples of a span.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct SpanTally {
    samples: u32,
    first: Timestamp,
    known: u32,
    sum: f64,
    highest: f64,
    peak: u32,
}

impl SpanTally {
    /// Counts a sample.
    pub(crate) fn count(&mut self, snapshot: &Arc<Snapshot>) {
        let load = LoadPoint::of(&Readings::of(Arc::clone(snapshot))).load.filter(|load| load.known().is_some());
        self.count_load(snapshot.at, load.map(|load| load.total()));
    }

    /// Counts a sample of this load.
    pub(super) fn count_load(&mut self, at: Timestamp, load: Option<f64>) {
        if self.samples == 0 {
            self.first = at;
        }
        if let Some(load) = load {
            if self.known == 0 || load > self.highest {
                (self.highest, self.peak) = (load, self.samples);
            }
            self.known += 1;
            self.sum += load;
        }
        self.samples = self.samples.saturating_add(1);
    }

    /// Returns how many samples were counted.
    pub(crate) fn samples(&self) -> u32 {
        self.samples
    }

    /// Returns the server's clock at the first sample.
    pub(crate) fn first(&self) -> Timestamp {
        self.first
    }

    /// Returns the span, which begins at this number.
    pub(crate) fn span(&self, from: u64) -> Span {
        let load = (self.known > 0).then(|| (self.sum / f64::from(self.known)) as f32);
        Span { from, samples: self.samples, first: self.first, load, peak: self.peak }
    }
}

/// The marks of a gzip member: its magic, deflate, and that an extra field is the only optional part.
const GZIP: [u8; 2] = [0x1f, 0x8b];
const DEFLATE: u8 = 8;
const HAS_EXTRA: u8 = 4;
/// Marks our field among those of others.
const OURS: [u8; 2] = *b"PG";
/// Bytes of our field's values.
const VALUES: usize = 28;
/// Where they are in a member that we write: after the fixed part, the extra part's length, the mark and its length.
pub(super) const VALUES_AT: u64 = 10 + 2 + 4;
/// Bytes of a member's header that say all of it.
pub(super) const HEADER_BYTES: usize = VALUES_AT as usize + VALUES;
/// Bytes of the smallest member: the header and the trailer.
const LEAST_BYTES: u64 = HEADER_BYTES as u64 + 8;
/// Samples a member may claim.
const MOST_SAMPLES: u32 = 100_000;

/// What a member's header claims.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Claim {
    /// Bytes of the whole member.
    pub(super) length: u64,
    /// Its samples; the number of the first is not known to it.
    pub(super) span: Span,
}

impl Claim {
    /// Returns the extra part of the header of a member that is still open: its length is 0.
    pub(super) fn open() -> Vec<u8> {
        let mut extra = OURS.to_vec();
        extra.extend((VALUES as u16).to_le_bytes());
        extra.resize(4 + VALUES, 0);
        extra
    }

    /// Returns the values of the field, to be written at [`VALUES_AT`].
    pub(super) fn values(&self) -> Vec<u8> {
        let mut values = Vec::with_capacity(VALUES);
        values.extend(self.length.to_le_bytes());
        values.extend(self.span.first.0.to_le_bytes());
        values.extend(self.span.samples.to_le_bytes());
        values.extend(self.span.peak.to_le_bytes());
        values.extend(self.span.load.unwrap_or(f32::NAN).to_le_bytes());
        values
    }

    /// Reads what the first bytes of a member claim; `None` where there is nothing of ours, or what cannot be.
    pub(super) fn read(header: &[u8]) -> Option<Self> {
        let is_ours = has_field(header)?;
        let mut at = VALUES_AT as usize;
        let length = u64::from_le_bytes(take(header, &mut at)?);
        let first = f64::from_le_bytes(take(header, &mut at)?);
        let samples = u32::from_le_bytes(take(header, &mut at)?);
        let peak = u32::from_le_bytes(take(header, &mut at)?);
        let load = f32::from_le_bytes(take(header, &mut at)?);
        let can_be = length >= LEAST_BYTES && first.is_finite() && (1..=MOST_SAMPLES).contains(&samples);
        let load = Some(load).filter(|load| load.is_finite());
        let span = Span { from: 0, samples, first: Timestamp(first), load, peak: peak.min(samples.saturating_sub(1)) };
        (is_ours && can_be).then_some(Self { length, span })
    }
}

/// Whether a member with these first bytes was not ended: it is being written, or a crash left it.
pub(super) fn is_open(header: &[u8]) -> bool {
    has_field(header) == Some(true) && bytes(header, VALUES_AT as usize) == Some(0_u64.to_le_bytes())
}

fn has_field(header: &[u8]) -> Option<bool> {
    let is_ours = header.get(..3)? == [GZIP[0], GZIP[1], DEFLATE]
        && *header.get(3)? == HAS_EXTRA
        && header.get(12..14)? == OURS
        && usize::from(u16::from_le_bytes(bytes(header, 14)?)) >= VALUES;
    Some(is_ours)
}

/// Whether a gzip member begins with these bytes.
pub(super) fn is_gzip(header: &[u8]) -> bool {
    header.starts_with(&GZIP)
}

fn bytes<const COUNT: usize>(from: &[u8], at: usize) -> Option<[u8; COUNT]> {
    from.get(at..at + COUNT)?.try_into().ok()
}

fn take<const COUNT: usize>(from: &[u8], at: &mut usize) -> Option<[u8; COUNT]> {
    let taken = bytes(from, *at);
    *at += COUNT;
    taken
}
