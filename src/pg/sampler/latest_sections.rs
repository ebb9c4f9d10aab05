//! The sections as they are known now, and the snapshot made of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::merge;
use crate::pg::decode::Shared;
use crate::pg::probes::{Lane, PROBES, Pace, Probe};
use crate::pg::why;
use crate::sample::{
    Column, Missing, Reading, RowSet, SampleCost, Section, ServerFacts, SharedRow, Snapshot, Timestamp,
};

/// The sections as they are known now.
#[derive(Debug)]
pub struct LatestSections {
    facts: Arc<ServerFacts>,
    sections: BTreeMap<&'static str, Section>,
    columns: BTreeMap<&'static str, Arc<[Column]>>,
    shared: Shared,
    clock: Option<(Timestamp, Instant)>,
    /// The fast lane's sections as they were before the server fell silent; empty while it answers.
    before_silence: BTreeMap<&'static str, Section>,
}

impl LatestSections {
    /// No section was read yet.
    pub fn new(target: String) -> Self {
        Self {
            facts: Arc::new(ServerFacts { target, ..ServerFacts::default() }),
            sections: PROBES.iter().map(|probe| (probe.name, Section::Missing(Missing::NotYet))).collect(),
            columns: PROBES.iter().map(|probe| (probe.name, Arc::from(probe.columns))).collect(),
            shared: Shared::default(),
            clock: None,
            before_silence: BTreeMap::new(),
        }
    }

    /// Returns what the server has.
    pub fn facts(&self) -> &Arc<ServerFacts> {
        &self.facts
    }

    /// Takes what the server has: a probe it cannot answer says why; one that can be asked again is not read yet.
    pub fn connected(&mut self, facts: Arc<ServerFacts>) {
        self.facts = facts;
        self.before_silence.clear();
        for probe in PROBES {
            match why::cannot_be_read(probe, &self.facts) {
                Some(why) => self.put(probe, Section::Missing(why)),
                None if matches!(self.section(probe.name), Section::Missing(_)) => {
                    self.put(probe, Section::Missing(Missing::NotYet));
                }
                None => {}
            }
        }
    }

    /// Whether this server can be asked a probe.
    pub fn is_read(&self, probe: &Probe) -> bool {
        why::cannot_be_read(probe, &self.facts).is_none()
    }

    /// Returns a probe's section.
    pub fn section(&self, probe: &str) -> &Section {
        const NOT_YET: &Section = &Section::Missing(Missing::NotYet);
        self.sections.get(probe).unwrap_or(NOT_YET)
    }

    /// Returns a probe's columns.
    pub fn columns(&self, probe: &str) -> Arc<[Column]> {
        self.columns.get(probe).cloned().unwrap_or_else(|| Arc::from([]))
    }

    /// Takes what a probe read.
    pub fn read(&mut self, probe: &'static Probe, at: Timestamp, mut rows: Vec<SharedRow>) {
        let columns = self.columns(probe.name);
        if let Some(row) = rows.first()
            && row.len() != columns.len()
        {
            let message = format!("{} gave {} columns instead of {}", probe.name, row.len(), columns.len());
            return self.failed(probe, Missing::Failed { sqlstate: "none".to_owned(), message });
        }
        self.shared.share(&mut rows);
        let newer = merge::fold_same_keys(RowSet { columns, rows });
        let older = self.section(probe.name).rows();
        let mut newer = merge::keep_last(older, newer);
        if let Some(older) = older {
            newer.share_rows_of(older);
        }
        self.put(probe, Section::Ready(Arc::new(Reading { at, rows: newer })));
    }

    /// Takes a reading that is put together already.
    pub fn known(&mut self, probe: &'static Probe, reading: Reading) {
        self.put(probe, Section::Ready(Arc::new(reading)));
    }

    /// Takes why a probe could not be read; its last figures stay.
    pub fn failed(&mut self, probe: &'static Probe, why: Missing) {
        let section = self.section(probe.name).failed(why);
        self.put(probe, section);
    }

    /// Marks every section of the lanes as without a connection.
    pub fn lost(&mut self, why: &str, is_concerned: impl Fn(Lane) -> bool) {
        if is_concerned(Lane::Fast) {
            // An answer over another connection says nothing about these.
            self.before_silence.clear();
        }
        let since = self.now();
        for probe in PROBES.iter().filter(|probe| is_concerned(probe.lane)) {
            // What this server does not have, no other connection would read: its reason stays.
            let why_not = why::cannot_be_read(probe, &self.facts);
            if why_not.is_some() && self.section(probe.name).why() == why_not.as_ref() {
                continue;
            }
            let since = match self.section(probe.name).why() {
                Some(Missing::Disconnected { since, .. }) => *since,
                _ => since,
            };
            self.failed(probe, Missing::Disconnected { since, why: why.to_owned() });
        }
    }

    /// Marks every section of the fast lane as slow: the server was asked so long ago and has not answered.
    pub fn is_silent(&mut self, waited: Duration) {
        if !self.before_silence.is_empty() {
            return;
        }
        let since = Timestamp(self.now().0 - waited.as_secs_f64());
        for probe in PROBES.iter().filter(|probe| probe.lane == Lane::Fast) {
            self.before_silence.insert(probe.name, self.section(probe.name).clone());
            self.failed(probe, Missing::Slow { since });
        }
    }

    /// Says of what was never read that the first connection has been awaited for so long.
    pub(crate) fn is_connecting(&mut self, waited: Duration) {
        let since = Timestamp(self.now().0 - waited.as_secs_f64());
        for probe in PROBES {
            if *self.section(probe.name) == Section::Missing(Missing::NotYet) {
                let why = "the server has not answered yet".to_owned();
                self.put(probe, Section::Missing(Missing::Disconnected { since, why }));
            }
        }
    }

    /// Takes back what [`Self::is_silent`] marked: the server answered, so what was not due yet is as good as before.
    pub fn answered(&mut self) {
        self.sections.append(&mut self.before_silence);
    }

    /// Notes the server's clock.
    pub fn clock(&mut self, server: Timestamp) {
        self.clock = Some((server, Instant::now()));
    }

    /// Returns the server's clock as far as it is known, else ours.
    pub fn now(&self) -> Timestamp {
        match self.clock {
            Some((server, read)) => Timestamp(server.0 + read.elapsed().as_secs_f64()),
            None => Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())),
        }
    }

    /// Returns a snapshot of what is known at a moment.
    pub fn snapshot(&self, at: Timestamp, cost: SampleCost) -> Snapshot {
        Snapshot { at, server: Arc::clone(&self.facts), sections: self.sections.clone(), cost }
    }

    fn put(&mut self, probe: &'static Probe, section: Section) {
        self.sections.insert(probe.name, section);
    }
}

/// Returns the probe whose answer is a text for each queryid.
pub(crate) fn asked_probe() -> Option<&'static Probe> {
    PROBES.iter().copied().find(|probe| probe.pace == Pace::Asked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_once() -> (LatestSections, &'static str) {
        let mut latest = LatestSections::new("t".to_owned());
        let probe = *PROBES.iter().find(|probe| probe.lane == Lane::Fast).unwrap();
        let rows = RowSet { columns: latest.columns(probe.name), rows: Vec::new() };
        latest.known(probe, Reading { at: Timestamp(1.0), rows });
        (latest, probe.name)
    }

    #[test]
    fn a_server_that_answers_late_leaves_nothing_marked_as_slow() {
        let (mut latest, name) = read_once();
        latest.clock(Timestamp(100.0));
        latest.is_silent(Duration::from_secs(2));
        let marked = latest.section(name).why().cloned();
        assert!(matches!(marked, Some(Missing::Slow { since }) if (97.9..98.5).contains(&since.0)), "{marked:?}");
        latest.is_silent(Duration::from_secs(9));
        assert_eq!(latest.section(name).why(), marked.as_ref(), "it is the same silence");
        latest.answered();
        assert_eq!(latest.section(name).why(), None);
    }

    #[test]
    fn what_the_server_does_not_have_is_not_awaited_from_another_connection() {
        let (mut latest, _) = read_once();
        latest.connected(Arc::new(ServerFacts::default()));
        let lacks = latest.section("content_types").clone();
        assert!(lacks.why().is_some_and(|why| *why != Missing::NotYet), "{lacks:?}");
        latest.lost("the second connection is not open yet", |lane| lane == Lane::Slow);
        assert_eq!(*latest.section("content_types"), lacks);
        assert!(matches!(latest.section("table_sizes").why(), Some(Missing::Disconnected { .. })));
    }

    #[test]
    fn what_a_lost_connection_marked_is_not_taken_back_by_the_next_answer() {
        let (mut latest, name) = read_once();
        latest.is_silent(Duration::from_secs(2));
        latest.lost("gone", |_| true);
        latest.answered();
        assert!(matches!(latest.section(name).why(), Some(Missing::Disconnected { why, .. }) if why == "gone"));
    }
}
