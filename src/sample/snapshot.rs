//! Everything that was read at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Missing, RowSet, Seconds, Section, ServerFacts, Timestamp};

/// Everything that is known at one moment: one section a probe.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// The server's clock at the sample (ours, where the server could not be reached).
    pub at: Timestamp,
    /// What the server is.
    pub server: Arc<ServerFacts>,
    /// A section for every probe there is, by the probe's name.
    pub sections: BTreeMap<&'static str, Section>,
    /// What taking it cost.
    pub cost: SampleCost,
}

/// What a sample cost.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct SampleCost {
    /// Time the server spent on the probes of this sample.
    pub server: Seconds,
    /// Time from sending to the last answer: the latency of the line and the server's time.
    pub elapsed: Seconds,
    /// Round trips on the wire.
    pub round_trips: u32,
    /// Statements the server ran.
    pub statements: u32,
    /// The pace in force, which is slower than the one asked for when the budget is exceeded.
    pub pace: Seconds,
    /// The pace that was asked for.
    pub wanted_pace: Seconds,
    /// Samples that were dropped because nobody took them in time.
    pub dropped: u64,
}

impl SampleCost {
    /// Returns the time from one reading of the backends to the next, in seconds: they are slowed last.
    pub fn second(&self) -> f64 {
        let slowed = if self.wanted_pace.0 > 0.0 { self.pace.0 / self.wanted_pace.0 } else { 1.0 };
        (slowed / 4.0).max(1.0)
    }
}

impl Snapshot {
    /// Returns a probe's section; one that no probe fills is not read yet.
    pub fn section(&self, probe: &str) -> &Section {
        const NOT_YET: &Section = &Section::Missing(Missing::NotYet);
        self.sections.get(probe).unwrap_or(NOT_YET)
    }

    /// Returns a probe's rows, however old; where age matters ask [`Snapshot::section`].
    pub fn rows(&self, probe: &str) -> Option<&RowSet> {
        self.section(probe).rows()
    }

    /// Returns the age of a probe's figures at this snapshot's moment.
    pub fn age(&self, probe: &str) -> Option<Seconds> {
        let reading = self.section(probe).reading()?;
        Some(Seconds((self.at.0 - reading.at.0).max(0.0)))
    }

    /// Returns about how many bytes of memory this holds beyond an older snapshot, with which it shares readings that were
    /// not taken anew, and texts that did not change.
    pub fn weight_beside(&self, older: Option<&Self>) -> usize {
        let fixed = size_of::<Self>() + self.sections.len() * SECTION_BYTES;
        let readings = self.sections.iter().filter_map(|(probe, section)| Some((*probe, section.reading()?)));
        let fresh = readings.map(|(probe, reading)| match older.and_then(|older| older.section(probe).reading()) {
            Some(known) if Arc::ptr_eq(known, reading) => 0,
            known => reading.rows.weight_beside(known.map(|known| &known.rows)),
        });
        fixed + fresh.sum::<usize>()
    }
}

/// What a section takes in the map of a snapshot: its entry, and the share of the map's nodes.
const SECTION_BYTES: usize = size_of::<Section>() + size_of::<&str>() + 32;
