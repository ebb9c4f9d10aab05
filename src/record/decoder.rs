//! Makes samples of the lines of a recording.
//!
//! Secrets are taken out again: a file may be older than what takes them out when samples are written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::Error as _;

use super::{Changes, FORMAT, Frame, Header, Part, Plans, RecordError};
use crate::pg::decode::Shared;
use crate::pg::probes;
use crate::sample::{Column, Missing, Reading, RowSet, Section, ServerFacts, SharedRow, Snapshot, Timestamp, Value};

/// The columns of each section.
pub(super) type SectionColumns = BTreeMap<&'static str, Arc<[Column]>>;

/// What is known of a recording's samples after some of its lines.
#[derive(Debug)]
pub(super) struct Decoder {
    server: Arc<ServerFacts>,
    columns: SectionColumns,
    sections: BTreeMap<&'static str, Section>,
    shared: BTreeMap<&'static str, Shared>,
}

impl Decoder {
    /// Reads the header's line; returns the plans in it too.
    pub(super) fn of_header(line: &[u8]) -> Result<(Self, Arc<Plans>), RecordError> {
        let Ok(marked) = serde_json::from_slice::<Marked>(line) else { return Err(RecordError::NotOne) };
        if marked.pgdj_recording > FORMAT {
            return Err(RecordError::Newer { found: marked.pgdj_recording });
        }
        let Ok(header) = serde_json::from_slice::<Header>(line) else { return Err(RecordError::NotOne) };
        let known = header.columns.into_iter();
        let columns = known.filter_map(|(name, columns)| Some((probes::find(&name)?.name, columns.into()))).collect();
        let mut plans = header.plans.unwrap_or_default();
        Arc::make_mut(&mut plans).redact();
        Ok((Self::starting(header.server, columns), plans))
    }

    /// One that has seen no sample.
    ///
    /// A recording has the columns of all probes of the program that made it: what it has none of is not in it.
    pub(super) fn starting(server: Arc<ServerFacts>, columns: SectionColumns) -> Self {
        let later = probes::PROBES.iter().filter(|probe| !columns.contains_key(probe.name));
        let sections = later.map(|probe| (probe.name, Section::Missing(Missing::NotRecorded))).collect();
        Self { server, columns, sections, shared: BTreeMap::new() }
    }

    /// Returns what the server is, as of the last sample.
    pub(super) fn server(&self) -> &Arc<ServerFacts> {
        &self.server
    }

    /// Returns the columns of each section, as of the last sample.
    pub(super) fn columns(&self) -> &SectionColumns {
        &self.columns
    }

    /// Returns the next sample.
    pub(super) fn sample(&mut self, line: &[u8]) -> Result<Arc<Snapshot>, serde_json::Error> {
        self.sample_of(serde_json::from_slice(line)?)
    }

    /// Returns the sample of a line that was read.
    pub(super) fn sample_of(&mut self, frame: Frame<'_>) -> Result<Arc<Snapshot>, serde_json::Error> {
        if let Some(server) = frame.server {
            self.server = server;
        }
        for (name, part) in frame.sections {
            // A section that a newer program recorded has nobody here to show it.
            let Some(probe) = probes::find(&name) else { continue };
            let section = self.section(probe.name, part)?;
            self.sections.insert(probe.name, section);
        }
        let (server, sections) = (Arc::clone(&self.server), self.sections.clone());
        Ok(Arc::new(Snapshot { at: frame.at, server, sections, cost: frame.cost }))
    }

    fn section(&mut self, name: &'static str, part: Part<'_>) -> Result<Section, serde_json::Error> {
        if let Some(columns) = part.columns {
            self.columns.insert(name, columns.into_owned().into());
        }
        let why = part.why.map(Cow::into_owned);
        let last = self.sections.get(name).and_then(Section::reading).cloned();
        let reading = match (part.at, part.rows, part.changes) {
            (Some(at), Some(rows), _) => Some(self.reading(name, at, rows.into_owned())),
            (Some(at), None, Some(changes)) => {
                let reading = last.and_then(|last| self.changed(name, at, changes, &last.rows));
                Some(reading.ok_or_else(|| serde_json::Error::custom("what changed does not fit the sample before"))?)
            }
            (Some(_), None, None) => last,
            _ => None,
        };
        Ok(match (reading, why) {
            (Some(reading), None) => Section::Ready(reading),
            (Some(last), Some(why)) => Section::Stale { last, why },
            (None, why) => Section::Missing(why.unwrap_or(Missing::NotYet)),
        })
    }

    /// Makes rows that all have as many values as there are columns.
    fn reading(&mut self, name: &'static str, at: Timestamp, mut rows: Vec<SharedRow>) -> Arc<Reading> {
        let columns = self.columns.get(name).cloned().unwrap_or_else(|| Arc::from(Vec::new()));
        for row in rows.iter_mut().filter(|row| row.len() != columns.len()) {
            let nulls = std::iter::repeat(Value::Null);
            *row = row.iter().cloned().chain(nulls).take(columns.len()).collect();
        }
        self.shared.entry(name).or_default().share_redacted(&mut rows);
        Arc::new(Reading { at, rows: RowSet { columns, rows } })
    }

    /// Makes rows of those before and of what changed; the texts that did not are the same ones.
    fn changed(
        &mut self,
        name: &'static str,
        at: Timestamp,
        changes: Changes<'_>,
        last: &RowSet,
    ) -> Option<Arc<Reading>> {
        let shared = self.shared.entry(name).or_default();
        let rows = changes.apply(last, |values| shared.share_more(values))?;
        Some(Arc::new(Reading { at, rows: RowSet { columns: Arc::clone(&last.columns), rows } }))
    }
}

/// What every format's header has.
#[derive(serde::Deserialize)]
struct Marked {
    pgdj_recording: u32,
}
