//! Writes samples, each with only what was read since the one before.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use serde::Serialize;

use super::span::{Claim, SpanTally};
use super::{FORMAT, FRAMES_A_MEMBER, Frame, Header, Part, Plans, RecordError, SECONDS_A_MEMBER, TEXT_A_MEMBER};
use crate::pg::probes::PROBES;
use crate::sample::{Column, Section, ServerFacts, Snapshot};

/// Writes a recording.
pub struct Writer<W: Write> {
    out: W,
    /// `None` only while one member ends and the next begins, and after an error.
    member: Option<Member>,
    last: Option<Arc<Snapshot>>,
    /// The columns of the header.
    declared: BTreeMap<&'static str, Cow<'static, [Column]>>,
    /// Those that this member says otherwise: each member can be read alone.
    columns: BTreeMap<&'static str, Vec<Column>>,
    limit: u64,
    written: u64,
    frames: u64,
}

impl<W: Write> Writer<W> {
    /// Starts a recording of a server with its header; it ends with an error at so many bytes.
    pub fn new(out: W, server: &Arc<ServerFacts>, limit: u64) -> Result<Self, RecordError> {
        Self::with_plans(out, server, limit, None)
    }

    /// The same with plans of statements.
    pub fn with_plans(
        out: W,
        server: &Arc<ServerFacts>,
        limit: u64,
        plans: Option<Arc<Plans>>,
    ) -> Result<Self, RecordError> {
        let declared: BTreeMap<_, _> = PROBES.iter().map(|probe| (probe.name, Cow::Borrowed(probe.columns))).collect();
        let header = Header {
            pgdj_recording: FORMAT,
            program: concat!("pgdj ", env!("CARGO_PKG_VERSION")).to_owned(),
            server: Arc::clone(server),
            columns: declared.iter().map(|(name, columns)| ((*name).to_owned(), columns.to_vec())).collect(),
            plans,
        };
        let (member, columns) = (Some(Member::begin()), BTreeMap::new());
        let mut writer = Self { out, member, last: None, declared, columns, limit, written: 0, frames: 0 };
        writer.line(&header)?;
        writer.end_member()?;
        Ok(writer)
    }

    /// Writes a sample.
    pub fn push(&mut self, snapshot: &Arc<Snapshot>) -> Result<(), RecordError> {
        if self.bytes() > self.limit {
            return Err(RecordError::Full { limit: self.limit });
        }
        if self.member.as_ref().is_some_and(|member| member.is_full(snapshot)) {
            self.end_member()?;
        }
        let is_same_server = self.last.as_ref().is_some_and(|last| Arc::ptr_eq(&last.server, &snapshot.server));
        let last = self.last.take();
        let mut sections = BTreeMap::new();
        for (name, section) in &snapshot.sections {
            let before = last.as_ref().and_then(|last| last.sections.get(name));
            if let Some(part) = self.part(name, section, before) {
                sections.insert(Cow::Borrowed(*name), part);
            }
        }
        let server = (!is_same_server && self.frames > 0).then(|| Arc::clone(&snapshot.server));
        self.line(&Frame { at: snapshot.at, cost: snapshot.cost, server, sections })?;
        if let Some(member) = &mut self.member {
            member.tally.count(snapshot);
        }
        self.frames += 1;
        self.last = Some(Arc::clone(snapshot));
        Ok(())
    }

    /// Ends the recording and returns what it was written to.
    pub fn finish(mut self) -> Result<W, RecordError> {
        let member = self.member.take().ok_or_else(broken)?;
        if member.tally.samples() > 0 {
            self.out.write_all(&member.end()?)?;
        }
        self.out.flush()?;
        Ok(self.out)
    }

    /// Returns how many samples were written.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Returns how many bytes there are, with those of the member that is not full yet.
    pub fn bytes(&self) -> u64 {
        self.written + self.member.as_ref().map_or(0, |member| member.gzip.get_ref().len() as u64)
    }

    /// Returns what is to be written of a section, or `None` where nothing changed.
    fn part<'a>(&mut self, name: &'static str, section: &'a Section, before: Option<&Section>) -> Option<Part<'a>> {
        let reading = section.reading();
        let why = section.why();
        let is_same_reading = match (reading, before.and_then(Section::reading)) {
            (Some(new), Some(old)) => Arc::ptr_eq(new, old),
            (None, None) => before.is_some(),
            _ => false,
        };
        if is_same_reading && why == before.and_then(Section::why) {
            return None;
        }
        let mut part = Part { at: reading.map(|reading| reading.at), why: why.map(Cow::Borrowed), ..Part::default() };
        if let Some(reading) = reading.filter(|_| !is_same_reading) {
            let columns = &reading.rows.columns;
            let known = self.columns.get(name).map(Vec::as_slice).or(self.declared.get(name).map(AsRef::as_ref));
            if known.is_none_or(|known| *known != **columns) {
                self.columns.insert(name, columns.to_vec());
                part.columns = Some(Cow::Borrowed(columns));
            }
            part.rows = Some(Cow::Borrowed(&reading.rows.rows));
        }
        Some(part)
    }

    fn line(&mut self, line: &impl Serialize) -> Result<(), RecordError> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        let member = self.member.as_mut().ok_or_else(broken)?;
        member.text += text.len() as u64;
        Ok(member.gzip.write_all(&text)?)
    }

    /// Writes the member whole, so that whoever reads a file that still grows finds whole ones.
    fn end_member(&mut self) -> Result<(), RecordError> {
        let bytes = self.member.take().ok_or_else(broken)?.end()?;
        self.out.write_all(&bytes)?;
        self.out.flush()?;
        self.written += bytes.len() as u64;
        self.member = Some(Member::begin());
        self.last = None;
        self.columns.clear();
        Ok(())
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the recording was already stopped by an earlier error")
}

/// A gzip member that is being filled.
struct Member {
    gzip: GzEncoder<Vec<u8>>,
    /// Bytes of its lines.
    text: u64,
    tally: SpanTally,
}

impl Member {
    fn begin() -> Self {
        let gzip = GzBuilder::new().extra(Claim::room()).write(Vec::new(), Compression::default());
        Self { gzip, text: 0, tally: SpanTally::default() }
    }

    /// Whether a sample belongs to the next member.
    fn is_full(&self, next: &Snapshot) -> bool {
        let samples = self.tally.samples();
        samples > 0
            && (samples >= FRAMES_A_MEMBER
                || self.text >= TEXT_A_MEMBER
                || next.at.0 - self.tally.first().0 >= SECONDS_A_MEMBER)
    }

    /// Returns its bytes, with what its header claims of it.
    fn end(self) -> io::Result<Vec<u8>> {
        let mut bytes = self.gzip.finish()?;
        Claim { length: bytes.len() as u64, span: self.tally.span(0) }.write(&mut bytes);
        Ok(bytes)
    }
}
