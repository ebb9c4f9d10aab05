//! Writes samples, each with only what was read since the one before.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use flate2::write::GzEncoder;
use flate2::{Compression, GzBuilder};
use serde::Serialize;

use super::span::{Claim, SpanTally, VALUES_AT};
use super::{
    Changes, FORMAT, FRAMES_A_MEMBER, Frame, Header, Part, Plans, RecordError, SECONDS_A_MEMBER, TEXT_A_MEMBER,
};
use crate::pg::probes::PROBES;
use crate::sample::{Column, Section, ServerFacts, Snapshot};

/// What a recording is written to, from its first byte on.
pub trait Sink: Write {
    /// Replaces bytes that were written before.
    fn replace(&mut self, at: u64, bytes: &[u8]) -> io::Result<()>;
}

impl Sink for File {
    fn replace(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }
}

impl Sink for Vec<u8> {
    fn replace(&mut self, at: u64, bytes: &[u8]) -> io::Result<()> {
        let place = usize::try_from(at).ok().and_then(|at| self.get_mut(at..)?.get_mut(..bytes.len()));
        place.map(|place| place.copy_from_slice(bytes)).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}

/// Writes a recording.
pub struct Writer<W: Sink> {
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

impl<W: Sink> Writer<W> {
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
        let (member, columns) = (Some(Member::begin(0)), BTreeMap::new());
        let mut writer = Self { out, member, last: None, declared, columns, limit, written: 0, frames: 0 };
        writer.line(&header)?;
        writer.end_member()?;
        Ok(writer)
    }

    /// Writes a sample.
    pub fn push(&mut self, snapshot: &Arc<Snapshot>) -> Result<(), RecordError> {
        if self.written > self.limit {
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
        self.flush()?;
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
            self.end(member)?;
        }
        Ok(self.out)
    }

    /// Returns how many samples were written.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Returns how many bytes were written.
    pub fn bytes(&self) -> u64 {
        self.written
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
            let is_whole = part.columns.is_some();
            let known = before.and_then(Section::reading).filter(|_| !is_whole);
            part.changes = known.and_then(|known| Changes::between(&known.rows, &reading.rows, reading.at));
            part.rows = part.changes.is_none().then_some(Cow::Borrowed(&reading.rows.rows));
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

    /// Writes the samples so far, so that a crash takes none of them: the next one has the same window of texts.
    fn flush(&mut self) -> Result<(), RecordError> {
        let mut member = self.member.take().ok_or_else(broken)?;
        member.gzip.flush()?;
        self.write(&std::mem::take(member.gzip.get_mut()))?;
        self.member = Some(member);
        Ok(())
    }

    fn end_member(&mut self) -> Result<(), RecordError> {
        let member = self.member.take().ok_or_else(broken)?;
        self.end(member)?;
        self.member = Some(Member::begin(self.written));
        self.last = None;
        self.columns.clear();
        Ok(())
    }

    /// Ends a member, whose header may say from now on what it holds.
    fn end(&mut self, member: Member) -> Result<(), RecordError> {
        let (at, span) = (member.at, member.tally.span(0));
        self.write(&member.gzip.finish()?)?;
        let claim = Claim { length: self.written - at, span };
        Ok(self.out.replace(at + VALUES_AT, &claim.values())?)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), RecordError> {
        self.out.write_all(bytes)?;
        self.out.flush()?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the recording was already stopped by an earlier error")
}

/// A gzip member that is being filled.
struct Member {
    /// Where it begins.
    at: u64,
    /// Its bytes that are not written yet.
    gzip: GzEncoder<Vec<u8>>,
    /// Bytes of its lines.
    text: u64,
    tally: SpanTally,
}

impl Member {
    /// Its header says that it is still open.
    fn begin(at: u64) -> Self {
        let gzip = GzBuilder::new().extra(Claim::open()).write(Vec::new(), Compression::default());
        Self { at, gzip, text: 0, tally: SpanTally::default() }
    }

    /// Whether a sample belongs to the next member.
    fn is_full(&self, next: &Snapshot) -> bool {
        let samples = self.tally.samples();
        samples > 0
            && (samples >= FRAMES_A_MEMBER
                || self.text >= TEXT_A_MEMBER
                || next.at.0 - self.tally.first().0 >= SECONDS_A_MEMBER)
    }
}
