//! Where the samples of a recording lie in its file.
//!
//! A member whose header says how long it is is hopped over. Every other is read once, and its samples are parted as if
//! they were members. What a header says holds until the member is read: where it was wrong, the member is parted too.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use super::decoder::{Decoder, SectionColumns};
use super::glance::Glance;
use super::members::MemberLines;
use super::span::{Claim, HEADER_BYTES, Span, SpanTally, is_gzip, is_open};
use super::{FRAMES_A_MEMBER, TEXT_A_MEMBER};
use crate::sample::{ServerFacts, Snapshot};

/// Members that are hopped over at once.
const HOPS: usize = 256;
/// Bytes of text that are read at once.
const SLICE: usize = 1024 * 1024;
/// Spans that are kept: of two years. A file made of tiny members would fill the memory.
const MOST_SPANS: usize = 1_000_000;

/// Some samples, and where they lie.
#[derive(Debug, Clone)]
struct IndexedSpan {
    span: Span,
    /// Where their member begins.
    member: u64,
    /// Lines of the member before them.
    lines_before: u64,
    /// Where the next member begins, by what the header says; `None` where the member was read.
    claimed_end: Option<u64>,
    /// The columns at the beginning of the member.
    columns: Arc<SectionColumns>,
}

/// Where the samples lie, as far as the file was looked through.
#[derive(Debug)]
pub(super) struct RecordingIndex {
    file: Arc<File>,
    server: Arc<ServerFacts>,
    /// The columns by the header.
    declared: Arc<SectionColumns>,
    /// The columns after the last member without a claim: before there were claims, a change of columns was said once.
    columns: Arc<SectionColumns>,
    places: Vec<IndexedSpan>,
    /// Where the first member begins that was not looked at.
    next: u64,
    /// Bytes of the file, when it was last asked.
    size: u64,
    parting: Option<Parting>,
    /// Where the member begins at which the file became unreadable: it may be whole when the file has grown.
    unreadable_from: Option<u64>,
    damage: Option<String>,
    is_complete: bool,
}

/// The samples of a place, as far as they could be read.
pub(super) struct ReadPlace {
    /// Them.
    pub(super) samples: Vec<Arc<Snapshot>>,
    /// Whether there are as many as the index says, and where it says.
    pub(super) is_as_indexed: bool,
}

impl RecordingIndex {
    /// The index of a file that was not looked through, with what its header says.
    pub(super) fn new(file: Arc<File>, header: &Decoder) -> std::io::Result<Self> {
        let size = file.metadata()?.len();
        let columns = Arc::new(header.columns().clone());
        let mut index = Self {
            file,
            server: Arc::clone(header.server()),
            declared: Arc::clone(&columns),
            columns,
            places: Vec::new(),
            next: 0,
            size,
            parting: None,
            unreadable_from: None,
            damage: None,
            is_complete: false,
        };
        // The member of the header has none of the samples, or all of them where somebody packed the file anew.
        index.parting = Some(index.part(0, None));
        Ok(index)
    }

    /// Looks through some more of the file; returns whether there is more.
    pub(super) fn advance(&mut self) -> bool {
        match self.parting.take() {
            _ if self.is_complete => {}
            Some(parting) => self.part_on(parting),
            None => {
                let mut hops = 0..HOPS;
                while hops.next().is_some() && self.hop() {}
            }
        }
        !self.is_complete
    }

    /// Looks whether a file that was looked through has grown; returns the first place that may be another now.
    pub(super) fn look_again(&mut self) -> Option<usize> {
        let size = self.file.metadata().map_or(0, |metadata| metadata.len());
        if !self.is_complete || size <= self.size {
            return None;
        }
        (self.size, self.is_complete) = (size, false);
        if let Some(from) = self.unreadable_from.take() {
            self.places.truncate(self.places.partition_point(|place| place.member < from));
            (self.next, self.damage) = (from, None);
        }
        Some(self.places.len())
    }

    /// Whether all of the file was looked through.
    pub(super) fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Returns the share of the file that was looked through, 0..=1.
    pub(super) fn share(&self) -> f64 {
        if self.is_complete { 1.0 } else { self.next.min(self.size) as f64 / self.size.max(1) as f64 }
    }

    /// Returns what cannot be read, in a sentence.
    pub(super) fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    /// Returns how many places there are.
    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Returns the spans, oldest first.
    pub(super) fn spans(&self) -> impl Iterator<Item = Span> {
        self.places.iter().map(|place| place.span)
    }

    /// Returns the span at a place.
    pub(super) fn span(&self, place: usize) -> Option<Span> {
        self.places.get(place).map(|place| place.span)
    }

    /// Returns the number after that of the last sample.
    pub(super) fn samples(&self) -> u64 {
        self.places.last().map_or(0, |place| place.span.from + u64::from(place.span.samples))
    }

    /// Returns the place of a sample; `None` where it is not known yet, or not there.
    pub(super) fn find(&self, number: u64) -> Option<usize> {
        let after = self.places.partition_point(|place| place.span.from <= number);
        (number < self.samples()).then(|| after.checked_sub(1)).flatten()
    }

    /// Reads the samples of a place. Where the header was wrong about them they are `None`, and what the index says of
    /// this place and of those after it is found out anew.
    pub(super) fn read(&mut self, at: usize) -> Option<Vec<Arc<Snapshot>>> {
        let place = self.places.get(at)?;
        let ReadPlace { samples, is_as_indexed } = self.decode(place);
        if is_as_indexed {
            return Some(samples);
        }
        if place.claimed_end.is_some() {
            self.distrust(at);
            return None;
        }
        // It was read before, and is another now, or holds what only a glance could take for a sample.
        self.note_damage(at, samples.len(), "a sample cannot be read");
        self.keep(at, samples.len());
        (!samples.is_empty()).then_some(samples)
    }

    fn decode(&self, place: &IndexedSpan) -> ReadPlace {
        let wanted = place.lines_before..place.lines_before + u64::from(place.span.samples);
        let mut lines = MemberLines::open(&self.file, place.member);
        let mut decoder = Decoder::starting(Arc::clone(&self.server), SectionColumns::clone(&place.columns));
        let (mut samples, mut passed, mut text) = (Vec::new(), 0, 0);
        while passed < wanted.end && (text < TEXT_A_MEMBER || place.claimed_end.is_none()) {
            let Ok(Some(line)) = lines.next() else { break };
            text += line.len() as u64;
            if !is_header(place.member, passed) {
                let Ok(sample) = decoder.sample(&line) else { break };
                if wanted.contains(&passed) {
                    samples.push(sample);
                }
            }
            passed += 1;
        }
        let is_whole = passed == wanted.end;
        let is_as_claimed = place.claimed_end.is_none_or(|end| {
            // JSON may change a number's last digit.
            let is_first = |sample: &Arc<Snapshot>| (sample.at.0 - place.span.first.0).abs() < 1e-3;
            samples.first().is_some_and(is_first) && matches!(lines.next(), Ok(None)) && lines.end() == end
        });
        ReadPlace { samples, is_as_indexed: is_whole && is_as_claimed }
    }

    /// Parts the member of a place whose header was wrong.
    fn distrust(&mut self, at: usize) {
        let Some(place) = self.places.get(at) else { return };
        let (member, otherwise) = (place.member, place.claimed_end);
        self.places.truncate(at);
        (self.next, self.is_complete) = (member, false);
        self.parting = Some(self.part(member, otherwise));
    }

    /// Keeps so many samples of a place.
    fn keep(&mut self, at: usize, samples: usize) {
        if samples == 0 {
            self.places.remove(at);
        } else if let Some(place) = self.places.get_mut(at) {
            place.span.samples = samples as u32;
            place.span.peak = place.span.peak.min(place.span.samples - 1);
        }
        let mut from = 0;
        for place in &mut self.places {
            place.span.from = from;
            from += u64::from(place.span.samples);
        }
    }

    fn note_damage(&mut self, at: usize, samples: usize, why: &str) {
        let before = self.span(at).map_or_else(|| self.samples(), |span| span.from) + samples as u64;
        self.damage.get_or_insert_with(|| format!("the recording is damaged after {before} samples: {why}"));
    }

    /// Takes the next member by what its header says; returns whether to go on like this.
    fn hop(&mut self) -> bool {
        if self.next >= self.size {
            self.is_complete = true;
            return false;
        }
        if self.places.len() >= MOST_SPANS {
            self.note_damage(usize::MAX, 0, "what follows is in too many small parts");
            self.is_complete = true;
            return false;
        }
        let Some((claim, end)) = self.claim_at(self.next) else {
            self.parting = Some(self.part(self.next, None));
            return false;
        };
        self.places.push(IndexedSpan {
            span: Span { from: self.samples(), ..claim.span },
            member: self.next,
            lines_before: 0,
            claimed_end: Some(end),
            columns: Arc::clone(&self.declared),
        });
        self.next = end;
        true
    }

    /// Returns what the header of a member says, and where that ends, if a member or the end of the file is there.
    fn claim_at(&self, at: u64) -> Option<(Claim, u64)> {
        let claim = Claim::read(&self.bytes_at::<HEADER_BYTES>(at)?)?;
        let end = at.checked_add(claim.length)?;
        let is_there = end == self.size || self.bytes_at::<2>(end).is_some_and(|bytes| is_gzip(&bytes));
        is_there.then_some((claim, end))
    }

    fn bytes_at<const COUNT: usize>(&self, at: u64) -> Option<[u8; COUNT]> {
        let mut bytes = [0; COUNT];
        self.file.read_exact_at(&mut bytes, at).ok()?;
        Some(bytes)
    }

    /// Begins to part a member; `otherwise` is where to go on if it cannot be read to its end.
    fn part(&self, member: u64, otherwise: Option<u64>) -> Parting {
        let columns = if otherwise.is_some() { &self.declared } else { &self.columns };
        Parting {
            lines: MemberLines::open(&self.file, member),
            decoder: Decoder::starting(Arc::clone(&self.server), SectionColumns::clone(columns)),
            member,
            otherwise,
            columns: Arc::clone(columns),
            passed: 0,
            tally: SpanTally::default(),
            text: 0,
        }
    }

    /// Parts some more of a member.
    fn part_on(&mut self, mut parting: Parting) {
        let mut text = 0;
        while text < SLICE {
            let line = match parting.lines.next() {
                Ok(Some(line)) => line,
                Ok(None) => return self.end_member(&parting),
                Err(error) => return self.end_cut(&parting, &error),
            };
            text += line.len();
            if parting.is_full() {
                self.places.push(parting.cut(self.samples()));
            }
            if let Err(error) = parting.count(&line) {
                return self.end_unreadable(&parting, &error.to_string());
            }
        }
        self.parting = Some(parting);
    }

    fn end_member(&mut self, parting: &Parting) {
        self.end_place(parting);
        self.next = parting.lines.end().max(parting.member + 1);
        if parting.otherwise.is_none() && *parting.columns != *parting.decoder.columns() {
            self.columns = Arc::new(parting.decoder.columns().clone());
        }
    }

    /// Ends a member that has no end. One that is still open is no damage: what is in it was read.
    fn end_cut(&mut self, parting: &Parting, error: &std::io::Error) {
        let is_open = error.kind() == std::io::ErrorKind::UnexpectedEof
            && self.bytes_at::<HEADER_BYTES>(parting.member).is_some_and(|header| is_open(&header));
        if !is_open {
            return self.end_unreadable(parting, &error.to_string());
        }
        self.end_place(parting);
        (self.unreadable_from, self.is_complete) = (Some(parting.member), true);
    }

    fn end_unreadable(&mut self, parting: &Parting, why: &str) {
        self.end_place(parting);
        self.note_damage(usize::MAX, 0, why);
        if let Some(next) = parting.otherwise {
            self.next = next;
        } else {
            (self.unreadable_from, self.is_complete) = (Some(parting.member), true);
        }
    }

    fn end_place(&mut self, parting: &Parting) {
        if parting.tally.samples() > 0 {
            self.places.push(parting.place(self.samples()));
        }
    }
}

/// Whether a line is the header of the recording.
fn is_header(member: u64, lines_before: u64) -> bool {
    member == 0 && lines_before == 0
}

/// A member that is read to find out what is in it.
#[derive(Debug)]
struct Parting {
    lines: MemberLines,
    decoder: Decoder,
    member: u64,
    otherwise: Option<u64>,
    columns: Arc<SectionColumns>,
    /// Lines that were read.
    passed: u64,
    /// The samples that are in no place yet, and the bytes of their lines.
    tally: SpanTally,
    text: u64,
}

impl Parting {
    fn is_full(&self) -> bool {
        self.tally.samples() >= FRAMES_A_MEMBER || self.text >= TEXT_A_MEMBER
    }

    fn count(&mut self, line: &[u8]) -> Result<(), serde_json::Error> {
        if !is_header(self.member, self.passed) {
            let sample = self.decoder.sample_of(Glance::at(line)?)?;
            self.tally.count(&sample);
            self.text += line.len() as u64;
        }
        self.passed += 1;
        Ok(())
    }

    /// Returns the place of the samples that are in none yet.
    fn place(&self, from: u64) -> IndexedSpan {
        IndexedSpan {
            span: self.tally.span(from),
            member: self.member,
            lines_before: self.passed - u64::from(self.tally.samples()),
            claimed_end: None,
            columns: Arc::clone(&self.columns),
        }
    }

    fn cut(&mut self, from: u64) -> IndexedSpan {
        let place = self.place(from);
        (self.tally, self.text) = (SpanTally::default(), 0);
        place
    }
}
