//! Reads samples back, as many as a file still holds.
//!
//! Secrets are taken out again: a file may be older than what takes them out when samples are written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use flate2::read::MultiGzDecoder;

use super::{FORMAT, Frame, Header, LONGEST_LINE, Part, Plans, RecordError};
use crate::pg::decode::Shared;
use crate::pg::probes;
use crate::sample::{Column, Reading, RowSet, Section, ServerFacts, Snapshot, Timestamp};

/// Reads a recording: an iterator over its samples, oldest first.
pub struct Reader<R: Read> {
    lines: BufReader<MultiGzDecoder<R>>,
    server: Arc<ServerFacts>,
    columns: BTreeMap<&'static str, Arc<[Column]>>,
    sections: BTreeMap<&'static str, Section>,
    shared: BTreeMap<&'static str, Shared>,
    plans: Arc<Plans>,
    damage: Option<String>,
    is_at_end: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the header.
    pub fn new(input: R) -> Result<Self, RecordError> {
        let mut lines = BufReader::new(MultiGzDecoder::new(input));
        let Ok(first) = line(&mut lines) else { return Err(RecordError::NotOne) };
        let Ok(marked) = serde_json::from_slice::<Marked>(&first) else { return Err(RecordError::NotOne) };
        if marked.pgdj_recording > FORMAT {
            return Err(RecordError::Newer { found: marked.pgdj_recording });
        }
        let Ok(header) = serde_json::from_slice::<Header>(&first) else { return Err(RecordError::NotOne) };
        let columns = header
            .columns
            .into_iter()
            .filter_map(|(name, columns)| Some((probes::find(&name)?.name, columns.into())))
            .collect();
        let (sections, shared) = (BTreeMap::new(), BTreeMap::new());
        let mut plans = header.plans.unwrap_or_default();
        Arc::make_mut(&mut plans).redact();
        Ok(Self { lines, server: header.server, columns, sections, shared, plans, damage: None, is_at_end: false })
    }

    /// Returns what the server is, as of the last sample read.
    pub fn server(&self) -> &Arc<ServerFacts> {
        &self.server
    }

    /// Returns the plans of statements; empty in a recording without.
    pub fn plans(&self) -> &Arc<Plans> {
        &self.plans
    }

    /// Returns why the reading ended before the end of the file, where it did.
    pub fn damage(&self) -> Option<&str> {
        self.damage.as_deref()
    }

    fn snapshot(&mut self, frame: Frame<'_>) -> Arc<Snapshot> {
        if let Some(server) = frame.server {
            self.server = server;
        }
        for (name, part) in frame.sections {
            // A section that a newer program recorded has nobody here to show it.
            let Some(probe) = probes::find(&name) else { continue };
            let section = self.section(probe.name, part);
            self.sections.insert(probe.name, section);
        }
        let (server, sections) = (Arc::clone(&self.server), self.sections.clone());
        Arc::new(Snapshot { at: frame.at, server, sections, cost: frame.cost })
    }

    fn section(&mut self, name: &'static str, part: Part<'_>) -> Section {
        if let Some(columns) = part.columns {
            self.columns.insert(name, columns.into_owned().into());
        }
        let why = part.why.map(Cow::into_owned);
        let reading = match (part.at, part.rows) {
            (Some(at), Some(rows)) => Some(self.reading(name, at, rows.into_owned())),
            (Some(_), None) => self.sections.get(name).and_then(Section::reading).cloned(),
            _ => None,
        };
        match (reading, why) {
            (Some(reading), None) => Section::Ready(reading),
            (Some(last), Some(why)) => Section::Stale { last, why },
            (None, why) => Section::Missing(why.unwrap_or(crate::sample::Missing::NotYet)),
        }
    }

    /// Makes rows that all have as many values as there are columns.
    fn reading(&mut self, name: &'static str, at: Timestamp, mut rows: Vec<Vec<crate::sample::Value>>) -> Arc<Reading> {
        let columns = self.columns.get(name).cloned().unwrap_or_else(|| Arc::from(Vec::new()));
        for row in &mut rows {
            row.resize(columns.len(), crate::sample::Value::Null);
        }
        self.shared.entry(name).or_default().share_redacted(&mut rows);
        Arc::new(Reading { at, rows: RowSet { columns, rows } })
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Arc<Snapshot>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_at_end {
            return None;
        }
        let text = match line(&mut self.lines) {
            Ok(text) if !text.is_empty() => text,
            ended => {
                self.is_at_end = true;
                self.damage = ended.err().map(|error| error.to_string());
                return None;
            }
        };
        match serde_json::from_slice(&text) {
            Ok(frame) => Some(self.snapshot(frame)),
            Err(error) => {
                self.is_at_end = true;
                self.damage = Some(error.to_string());
                None
            }
        }
    }
}

/// What every format's header has.
#[derive(serde::Deserialize)]
struct Marked {
    pgdj_recording: u32,
}

/// Reads a line, empty at the end.
fn line(lines: &mut impl BufRead) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    lines.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut text)?;
    Ok(text)
}
