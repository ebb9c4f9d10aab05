//! A recording that is played as if it were a server: its moments are moved to now, and at its end it starts again.
//!
//! Knows no screen and spawns nothing; what is due when is counted from the `now` that is given.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::record::{Explained, Reader, RecordError};
use crate::sample::{Reading, RowSet, Section, ServerFacts, Snapshot, Timestamp, Unit, Value};

/// Seconds of the recording that have gone by when it starts, so that there are rates and charts at once.
const LEAD_IN: f64 = 60.0;

/// Seconds between its last sample and its new start.
const PAUSE: f64 = 2.0;

/// A recording that is played again and again.
pub struct Playback {
    recording: &'static [u8],
    /// Seconds of the recording in a second of ours.
    speed: f64,
    reader: Reader<&'static [u8]>,
    next: Option<Arc<Snapshot>>,
    shift: Shift,
    /// When it started, and which moment of the recording that was.
    started: (Instant, f64),
    /// The moment of the recording that was shown last.
    shown: f64,
}

impl Playback {
    /// Opens a recording; nothing is shown of it before [`Playback::restart`].
    pub fn open(recording: &'static [u8], speed: f64) -> Result<Self, RecordError> {
        let speed = if speed.is_finite() { speed.clamp(0.1, 1000.0) } else { 1.0 };
        let mut reader = Reader::new(recording)?;
        let next = reader.next();
        let started = (Instant::now(), 0.0);
        Ok(Self { recording, speed, reader, next, shift: Shift::default(), started, shown: 0.0 })
    }

    /// Returns what the recorded server was.
    pub fn server(&self) -> &Arc<ServerFacts> {
        self.reader.server()
    }

    /// Returns the plans in the recording.
    pub fn explained(&self) -> Explained {
        Explained::new(Arc::clone(self.reader.plans()))
    }

    /// Starts from the beginning, the samples of the first minute being those of the minute up to `now`.
    pub fn restart(&mut self, now: Timestamp) -> Result<Vec<Arc<Snapshot>>, RecordError> {
        self.reader = Reader::new(self.recording)?;
        self.next = self.reader.next();
        let first = self.next.as_ref().map_or(0.0, |sample| sample.at.0);
        let begin = first + LEAD_IN;
        self.shift = Shift { seconds: now.0 - begin, ..Shift::default() };
        self.started = (Instant::now(), begin);
        self.shown = begin;
        let mut samples = Vec::new();
        while self.next.as_ref().is_some_and(|next| next.at.0 <= begin) {
            samples.extend(self.take());
        }
        Ok(samples)
    }

    /// Returns when the next sample, or else the new start, is due.
    pub fn due(&self) -> Instant {
        let moment = self.next.as_ref().map_or(self.shown + PAUSE, |next| next.at.0);
        let (instant, begin) = self.started;
        instant + Duration::from_secs_f64(((moment - begin) / self.speed).max(0.0))
    }

    /// Whether every sample was taken.
    pub(crate) fn is_at_end(&self) -> bool {
        self.next.is_none()
    }

    /// Takes the next sample.
    pub fn take(&mut self) -> Option<Arc<Snapshot>> {
        let sample = self.next.take()?;
        self.next = self.reader.next();
        self.shown = self.shown.max(sample.at.0);
        Some(self.shift.snapshot(&sample))
    }
}

/// Moves moments by so many seconds.
#[derive(Default)]
struct Shift {
    seconds: f64,
    /// What was moved last of each probe: samples share what was not read anew.
    readings: BTreeMap<&'static str, (Arc<Reading>, Arc<Reading>)>,
    server: Option<(Arc<ServerFacts>, Arc<ServerFacts>)>,
}

impl Shift {
    fn moment(&self, at: Timestamp) -> Timestamp {
        Timestamp(at.0 + self.seconds)
    }

    fn snapshot(&mut self, sample: &Snapshot) -> Arc<Snapshot> {
        let sections = sample.sections.iter().map(|(name, section)| (*name, self.section(name, section))).collect();
        Arc::new(Snapshot {
            at: self.moment(sample.at),
            server: self.server(&sample.server),
            sections,
            cost: sample.cost,
        })
    }

    fn server(&mut self, server: &Arc<ServerFacts>) -> Arc<ServerFacts> {
        if let Some((recorded, moved)) = &self.server
            && Arc::ptr_eq(recorded, server)
        {
            return Arc::clone(moved);
        }
        let moved = Arc::new(ServerFacts { started: self.moment(server.started), ..(**server).clone() });
        self.server = Some((Arc::clone(server), Arc::clone(&moved)));
        moved
    }

    fn section(&mut self, name: &'static str, section: &Section) -> Section {
        match section {
            Section::Ready(reading) => Section::Ready(self.reading(name, reading)),
            Section::Stale { last, why } => Section::Stale { last: self.reading(name, last), why: why.clone() },
            Section::Missing(why) => Section::Missing(why.clone()),
        }
    }

    fn reading(&mut self, name: &'static str, reading: &Arc<Reading>) -> Arc<Reading> {
        if let Some((recorded, moved)) = self.readings.get(name)
            && Arc::ptr_eq(recorded, reading)
        {
            return Arc::clone(moved);
        }
        let moved = Arc::new(Reading { at: self.moment(reading.at), rows: self.rows(&reading.rows) });
        self.readings.insert(name, (Arc::clone(reading), Arc::clone(&moved)));
        moved
    }

    fn rows(&self, rows: &RowSet) -> RowSet {
        let mut moved = rows.clone();
        let columns = moved.columns.iter().enumerate();
        let moments: Vec<usize> =
            columns.filter(|(_, column)| column.unit == Unit::Moment).map(|(place, _)| place).collect();
        if moments.is_empty() {
            return moved;
        }
        for row in &mut moved.rows {
            let values = Arc::make_mut(row);
            for place in &moments {
                if let Some(value) = values.get_mut(*place)
                    && let Some(seconds) = value.as_f64()
                {
                    *value = Value::float(seconds + self.seconds);
                }
            }
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::RECORDING;

    fn played() -> (Playback, Vec<Arc<Snapshot>>) {
        let mut playback = Playback::open(RECORDING, 1.0).unwrap();
        let samples = playback.restart(Timestamp(5e9)).unwrap();
        (playback, samples)
    }

    #[test]
    fn a_minute_has_gone_by_when_it_starts_and_then_time_runs_on() {
        let (mut playback, samples) = played();
        assert!(samples.len() > 20, "{} samples", samples.len());
        assert!(samples.windows(2).all(|pair| pair[0].at.0 < pair[1].at.0));
        let last = samples.last().unwrap();
        assert!(last.at.0 <= 5e9 && last.at.0 > 5e9 - 5.0, "{}", last.at.0);
        assert!((samples[0].at.0 - (5e9 - LEAD_IN)).abs() < 0.01);
        let due = playback.due();
        let next = playback.take().unwrap();
        assert!(next.at.0 > 5e9 && next.at.0 < 5e9 + 10.0);
        let waited = (due - playback.started.0).as_secs_f64();
        assert!((waited - (next.at.0 - 5e9)).abs() < 0.01, "{waited}");
        assert!(playback.due() > due);
    }

    #[test]
    fn every_moment_is_moved_and_every_age_and_counter_stays() {
        let recorded: Vec<_> = Reader::new(RECORDING).unwrap().collect();
        let (mut playback, mut samples) = played();
        samples.extend(std::iter::from_fn(|| playback.take()));
        assert_eq!(samples.len(), recorded.len());
        let by = samples[0].at.0 - recorded[0].at.0;
        let mut moments = 0;
        for (moved, recorded) in samples.iter().zip(&recorded) {
            assert!((moved.at.0 - recorded.at.0 - by).abs() < 1e-3);
            assert!((moved.server.started.0 - recorded.server.started.0 - by).abs() < 1e-3);
            for (name, section) in &moved.sections {
                let Some((new, old)) = section.reading().zip(recorded.section(name).reading()) else { continue };
                assert!((new.at.0 - old.at.0 - by).abs() < 1e-3, "{name}");
                for (new, old) in new.rows.iter().zip(old.rows.iter()) {
                    for (column, (new, old)) in new.columns().iter().zip(new.values().iter().zip(old.values())) {
                        match (column.unit == Unit::Moment, new.as_f64(), old.as_f64()) {
                            (true, Some(new), Some(old)) => {
                                moments += 1;
                                assert!((new - old - by).abs() < 1e-3, "{name}.{}", column.name);
                            }
                            _ => assert_eq!(new, old, "{name}.{}", column.name),
                        }
                    }
                }
            }
        }
        assert!(moments > 1000, "{moments}");
    }

    #[test]
    fn what_was_not_read_anew_stays_shared() {
        let (_, samples) = played();
        let is_shared = |pair: &[Arc<Snapshot>]| {
            let [older, newer] = pair else { return false };
            older
                .section("settings")
                .reading()
                .zip(newer.section("settings").reading())
                .is_some_and(|(one, other)| Arc::ptr_eq(one, other))
        };
        assert!(samples.windows(2).filter(|pair| is_shared(pair)).count() > samples.len() / 2);
    }

    #[test]
    fn at_its_end_it_starts_again_with_its_moments_moved_on() {
        let (mut playback, first) = played();
        while playback.take().is_some() {}
        assert!(playback.is_at_end());
        let again = playback.restart(Timestamp(5e9 + 1000.0)).unwrap();
        assert!(!playback.is_at_end());
        assert_eq!(first.len(), again.len());
        assert!((again[0].at.0 - first[0].at.0 - 1000.0).abs() < 1e-3);
        assert_eq!(first[0].rows("databases").unwrap().len(), again[0].rows("databases").unwrap().len());
    }

    #[test]
    fn a_speed_that_is_none_is_harmless() {
        for speed in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let mut playback = Playback::open(RECORDING, speed).unwrap();
            assert!(!playback.restart(Timestamp(0.0)).unwrap().is_empty());
            assert!(playback.due() > playback.started.0);
        }
    }
}
