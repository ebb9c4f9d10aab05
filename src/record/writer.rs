//! Writes samples, each with only what was read since the one before.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use super::{FORMAT, FRAMES_A_MEMBER, Frame, Header, Part, Plans, RecordError};
use crate::pg::probes::PROBES;
use crate::sample::{Column, Section, ServerFacts, Snapshot};

/// Writes a recording.
pub struct Writer<W: Write> {
    /// `None` only while one member ends and the next begins, and after an error.
    member: Option<GzEncoder<Counted<W>>>,
    frames_in_member: u32,
    last: Option<Arc<Snapshot>>,
    columns: BTreeMap<&'static str, Cow<'static, [Column]>>,
    limit: u64,
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
        let columns: BTreeMap<_, _> = PROBES.iter().map(|probe| (probe.name, Cow::Borrowed(probe.columns))).collect();
        let header = Header {
            pgdj_recording: FORMAT,
            program: concat!("pgdj ", env!("CARGO_PKG_VERSION")).to_owned(),
            server: Arc::clone(server),
            columns: columns.iter().map(|(name, columns)| ((*name).to_owned(), columns.to_vec())).collect(),
            plans,
        };
        let member = GzEncoder::new(Counted { out, bytes: 0 }, Compression::default());
        let mut writer = Self { member: Some(member), frames_in_member: 0, last: None, columns, limit, frames: 0 };
        writer.line(&header)?;
        writer.end_member()?;
        Ok(writer)
    }

    /// Writes a sample.
    pub fn push(&mut self, snapshot: &Arc<Snapshot>) -> Result<(), RecordError> {
        if self.bytes() > self.limit {
            return Err(RecordError::Full { limit: self.limit });
        }
        if self.frames_in_member >= FRAMES_A_MEMBER {
            self.end_member()?;
        }
        let last = self.last.take().filter(|_| self.frames_in_member > 0);
        let is_same_server = last.as_ref().is_some_and(|last| Arc::ptr_eq(&last.server, &snapshot.server));
        let mut sections = BTreeMap::new();
        for (name, section) in &snapshot.sections {
            let before = last.as_ref().and_then(|last| last.sections.get(name));
            if let Some(part) = self.part(name, section, before) {
                sections.insert(Cow::Borrowed(*name), part);
            }
        }
        let server = (!is_same_server && self.frames > 0).then(|| Arc::clone(&snapshot.server));
        self.line(&Frame { at: snapshot.at, cost: snapshot.cost, server, sections })?;
        self.frames_in_member += 1;
        self.frames += 1;
        self.last = Some(Arc::clone(snapshot));
        Ok(())
    }

    /// Ends the recording and returns what it was written to.
    pub fn finish(mut self) -> Result<W, RecordError> {
        let member = self.member.take().ok_or_else(broken)?;
        let mut counted = member.finish()?;
        counted.out.flush()?;
        Ok(counted.out)
    }

    /// Returns how many samples were written.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Returns how many bytes were written; what is still being compressed is not among them.
    pub fn bytes(&self) -> u64 {
        self.member.as_ref().map_or(0, |member| member.get_ref().bytes)
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
            if self.columns.get(name).is_none_or(|known| **known != **columns) {
                self.columns.insert(name, Cow::Owned(columns.to_vec()));
                part.columns = Some(Cow::Borrowed(columns));
            }
            part.rows = Some(Cow::Borrowed(&reading.rows.rows));
        }
        Some(part)
    }

    fn line(&mut self, line: &impl Serialize) -> Result<(), RecordError> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        Ok(self.member.as_mut().ok_or_else(broken)?.write_all(&text)?)
    }

    fn end_member(&mut self) -> Result<(), RecordError> {
        let mut counted = self.member.take().ok_or_else(broken)?.finish()?;
        counted.flush()?;
        self.member = Some(GzEncoder::new(counted, Compression::default()));
        self.frames_in_member = 0;
        Ok(())
    }
}

fn broken() -> io::Error {
    io::Error::new(io::ErrorKind::BrokenPipe, "the recording was already stopped by an earlier error")
}

/// A writer that counts.
struct Counted<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Write for Counted<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.out.write(bytes)?;
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
