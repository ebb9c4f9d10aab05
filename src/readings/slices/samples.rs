//! The samples of a stretch of time, each as the slices of its active sessions.
//!
//! A snapshot is looked at once, when its time is first asked for; what is outside of the stretch asked for is forgotten.

use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use super::{Dimension, RootNames, SliceFilter, SliceValue, Slices};
use crate::readings::backends::Backend;
use crate::readings::load::{WaitClass, is_load, is_read};
use crate::readings::lock_graph::LockGraph;
use crate::readings::locks::{LockQueue, PreparedTransaction};
use crate::readings::statement_text::normalised;
use crate::sample::{History, Moment, Seconds, Snapshot, Timestamp};

/// Statements whose text is kept for a server that has no `pg_stat_statements`.
const MOST_TEXTS: usize = 5000;
/// Snapshots that are read at once: with 50 active sessions each, less than a frame's time.
const MOST_AT_ONCE: u64 = 120;
/// From so many slices on, those that no sample has any more are looked for.
const MANY: usize = 4096;

/// A stretch of time: after `from`, up to and with `until`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeWindow {
    /// Its beginning, which is not part of it.
    pub from: Timestamp,
    /// Its end.
    pub until: Timestamp,
}

impl TimeWindow {
    /// Returns its length.
    pub fn length(self) -> Seconds {
        Seconds(self.until.0 - self.from.0)
    }

    /// Returns the stretch of the same length directly before it.
    pub fn before(self) -> Self {
        Self { from: Timestamp(self.from.0 - self.length().0), until: self.from }
    }

    fn has(self, at: Timestamp) -> bool {
        self.from.0 < at.0 && at.0 <= self.until.0
    }
}

/// How much a window is known by.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct SampleCount {
    /// Samples that were read.
    pub taken: usize,
    /// Samples that are missing between them.
    pub missed: usize,
    /// The time from one sample to the next, as a rule; `None` of fewer than two.
    pub resolution: Option<Seconds>,
    /// Sessions, on average, that may be active and are in no slice, because their state is hidden.
    pub unknown: f64,
    /// Times a session ran a statement that the server cut, so that a tag at its end is lost.
    pub cut: usize,
    /// Whether any statement has a tag that names its view.
    pub has_tags: bool,
}

impl SampleCount {
    /// Of so few samples no share is told.
    const TOO_FEW: usize = 3;

    /// Whether there are enough samples to tell a share.
    pub fn is_enough_for_shares(&self) -> bool {
        self.taken > Self::TOO_FEW
    }
}

/// A row of a table of slices.
#[derive(Debug, Clone, PartialEq)]
pub struct SliceRow {
    /// The slice.
    pub value: SliceValue,
    /// Active sessions, on average over the samples.
    pub active: f64,
    /// The same by class, in the order of [`WaitClass::ALL`].
    pub by_class: [f64; WaitClass::ALL.len()],
    /// The slice of another dimension that has most of it.
    pub mostly: Option<SliceValue>,
}

/// The load over time by the slices of a dimension.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SliceSeries {
    /// The slices that have a series of their own, the largest first; the last series of a point is the sum of all others.
    pub values: Vec<SliceValue>,
    /// What was seen, oldest first.
    pub points: Vec<SlicePoint>,
}

/// The load at one moment by slices.
#[derive(Debug, Clone, PartialEq)]
pub struct SlicePoint {
    /// The moment.
    pub at: Timestamp,
    /// Active sessions of each series, and of all other slices; `None` where they could not be read.
    pub active: Option<Vec<f64>>,
    /// Sessions that may be active, whose state is hidden.
    pub unknown: f64,
}

/// One sample.
#[derive(Debug)]
struct LoadSample {
    /// The number of its snapshot.
    number: u64,
    at: Timestamp,
    /// What was seen; `None` where the sessions could not be read.
    seen: Option<Seen>,
}

/// What a sample saw.
#[derive(Debug, Default)]
struct Seen {
    /// The active sessions: how many of each kind.
    active: Vec<(Rc<Slices>, u32)>,
    unknown: u32,
    cut: u32,
}

/// The samples of a stretch of time.
#[derive(Debug, Default)]
pub struct LoadSamples {
    /// Of snapshots that follow each other, oldest first.
    samples: VecDeque<LoadSample>,
    /// Each kind of session is held once.
    kinds: HashSet<Rc<Slices>>,
    names: HashSet<Arc<str>>,
    /// Texts of statements by their query id, as sessions ran them.
    texts: HashMap<i64, Arc<str>>,
    /// Samples that were forgotten since kinds and names were looked through.
    forgotten: usize,
    is_behind: bool,
}

impl LoadSamples {
    /// Takes in the snapshots of a stretch of time that are not known yet, and forgets those outside of it.
    ///
    /// Of many it takes the newest ones in, and says by [`LoadSamples::is_behind`] that it is to be asked again.
    pub fn take(&mut self, history: &History, window: TimeWindow) {
        self.is_behind = false;
        let Some((first, last)) = bounds(history, window) else {
            self.forgotten += self.samples.len();
            return self.samples.clear();
        };
        while self.samples.front().is_some_and(|sample| sample.number < first) {
            self.samples.pop_front();
            self.forgotten += 1;
        }
        while self.samples.back().is_some_and(|sample| sample.number > last) {
            self.samples.pop_back();
            self.forgotten += 1;
        }
        let newest = self.samples.back().map_or(last, |sample| sample.number);
        if last - newest > MOST_AT_ONCE {
            self.forgotten += self.samples.len();
            self.samples.clear();
        }
        let (known_first, known_last) = match (self.samples.front(), self.samples.back()) {
            (Some(front), Some(back)) => (front.number, back.number),
            _ => (last + 1, last),
        };
        let from = known_first.saturating_sub(MOST_AT_ONCE).max(first);
        self.is_behind = from > first;
        for number in (from..known_first).rev() {
            if let Some(sample) = self.read(history, number) {
                self.samples.push_front(sample);
            }
        }
        for number in known_last + 1..=last {
            if let Some(sample) = self.read(history, number) {
                self.samples.push_back(sample);
            }
        }
        self.let_go();
    }

    /// Whether older snapshots of the time asked for last were not read yet.
    pub fn is_behind(&self) -> bool {
        self.is_behind
    }

    /// Returns the text of a statement as a session ran it, without its literals.
    pub fn text(&self, query_id: i64) -> Option<&str> {
        self.texts.get(&query_id).map(AsRef::as_ref)
    }

    /// Returns how much a window is known by.
    pub fn count(&self, window: TimeWindow) -> SampleCount {
        let mut count = SampleCount::default();
        let mut moments: Vec<f64> = Vec::new();
        let mut unread_at_end = 0;
        for sample in self.within(window) {
            let Some(seen) = &sample.seen else {
                unread_at_end += 1;
                continue;
            };
            unread_at_end = 0;
            moments.push(sample.at.0);
            count.unknown += f64::from(seen.unknown);
            count.cut += seen.cut as usize;
            count.has_tags |=
                seen.active.iter().any(|(kind, _)| matches!(kind.value(Dimension::View), SliceValue::Named(_)));
        }
        count.taken = moments.len();
        count.unknown /= count.taken.max(1) as f64;
        let gaps: Vec<f64> = moments.windows(2).filter_map(|pair| Some(pair.last()? - pair.first()?)).collect();
        count.resolution = median(gaps.clone()).map(Seconds);
        let usual = count.resolution.map_or(f64::INFINITY, |usual| usual.0);
        count.missed =
            gaps.iter().map(|gap| (gap / usual).round().max(1.0) as usize - 1).sum::<usize>() + unread_at_end;
        count
    }

    /// Returns the slices of a dimension in a window, the largest first; of each the slice of another dimension that has
    /// most of it.
    pub fn rows(
        &self,
        window: TimeWindow,
        filter: &SliceFilter,
        dimension: Dimension,
        beside: Dimension,
    ) -> Vec<SliceRow> {
        let (kinds, samples) = self.kinds_within(window, filter);
        let mut rows: HashMap<&SliceValue, SliceRow> = HashMap::new();
        let mut parts: HashMap<(&SliceValue, &SliceValue), f64> = HashMap::new();
        for (kind, times) in kinds {
            let value = kind.value(dimension);
            let active = times / samples;
            let row = rows.entry(value).or_insert_with(|| SliceRow {
                value: value.clone(),
                active: 0.0,
                by_class: [0.0; WaitClass::ALL.len()],
                mostly: None,
            });
            row.active += active;
            if let Some(class) = row.by_class.get_mut(kind.class) {
                *class += active;
            }
            *parts.entry((value, kind.value(beside))).or_default() += active;
        }
        let mut most: HashMap<&SliceValue, (f64, &SliceValue)> = HashMap::new();
        for ((value, part), active) in parts {
            let known = most.entry(value).or_insert((active, part));
            if (active, known.1) > (known.0, part) {
                *known = (active, part);
            }
        }
        let mut rows: Vec<SliceRow> = rows
            .into_iter()
            .map(|(value, row)| SliceRow { mostly: most.get(value).map(|(_, part)| (*part).clone()), ..row })
            .collect();
        rows.sort_by(|left, right| right.active.total_cmp(&left.active).then_with(|| left.value.cmp(&right.value)));
        rows
    }

    /// Returns the load over time by a dimension's largest slices, and all others as one.
    ///
    /// Of wait classes each has a series, in the order of [`WaitClass::ALL`].
    pub fn series(&self, window: TimeWindow, filter: &SliceFilter, dimension: Dimension, most: usize) -> SliceSeries {
        let values: Vec<SliceValue> = if dimension == Dimension::WaitClass {
            WaitClass::ALL.iter().map(|class| SliceValue::Named(class.name().into())).collect()
        } else {
            let mut totals: HashMap<&SliceValue, f64> = HashMap::new();
            for (kind, times) in self.kinds_within(window, filter).0 {
                *totals.entry(kind.value(dimension)).or_default() += times;
            }
            let mut totals: Vec<(&SliceValue, f64)> = totals.into_iter().collect();
            totals.sort_by(|left, right| right.1.total_cmp(&left.1).then_with(|| left.0.cmp(right.0)));
            totals.into_iter().take(most).map(|(value, _)| value.clone()).collect()
        };
        let places: HashMap<&SliceValue, usize> = values.iter().zip(0..).collect();
        // Which series a kind of session belongs to is looked up once for all samples.
        let mut series_of: HashMap<*const Slices, Option<usize>> = HashMap::new();
        let points = self.within(window).map(|sample| {
            let active = sample.seen.as_ref().map(|seen| {
                let mut active = vec![0.0; values.len() + 1];
                for (kind, times) in &seen.active {
                    let place = *series_of.entry(Rc::as_ptr(kind)).or_insert_with(|| {
                        let place = || places.get(kind.value(dimension)).copied().unwrap_or(values.len());
                        filter.admits_slices(kind).then(place)
                    });
                    if let Some(series) = place.and_then(|place| active.get_mut(place)) {
                        *series += f64::from(*times);
                    }
                }
                active
            });
            let unknown = sample.seen.as_ref().map_or(0.0, |seen| f64::from(seen.unknown));
            SlicePoint { at: sample.at, active, unknown }
        });
        let points = points.collect();
        SliceSeries { values, points }
    }

    /// Returns the query ids of the statements that admitted sessions ran in a window.
    pub fn query_ids(&self, window: TimeWindow, filter: &SliceFilter) -> HashSet<i64> {
        let (kinds, _) = self.kinds_within(window, filter);
        let id = |kind: &Slices| match kind.value(Dimension::Statement) {
            SliceValue::Query(id) => Some(*id),
            _ => None,
        };
        kinds.into_iter().filter_map(|(kind, _)| id(kind)).collect()
    }

    fn within(&self, window: TimeWindow) -> impl Iterator<Item = &LoadSample> {
        self.samples.iter().filter(move |sample| window.has(sample.at))
    }

    /// Returns each kind of admitted session with how often it was seen, and the number of samples, at least one.
    fn kinds_within(&self, window: TimeWindow, filter: &SliceFilter) -> (Vec<(&Slices, f64)>, f64) {
        let mut times: HashMap<*const Slices, (&Slices, f64)> = HashMap::new();
        let mut samples = 0_u32;
        for seen in self.within(window).filter_map(|sample| sample.seen.as_ref()) {
            samples += 1;
            for (kind, count) in &seen.active {
                times.entry(Rc::as_ptr(kind)).or_insert((kind, 0.0)).1 += f64::from(*count);
            }
        }
        let mut kinds: Vec<(&Slices, f64)> = times.into_values().collect();
        kinds.retain(|(kind, _)| filter.admits_slices(kind));
        (kinds, f64::from(samples.max(1)))
    }

    /// Reads a snapshot; one that has the same reading as the one before is no sample of its own, and in no window.
    fn read(&mut self, history: &History, number: u64) -> Option<LoadSample> {
        let snapshot = history.at(Moment::of(number))?;
        let reading = snapshot.section("activity").reading();
        let is_same = |older: &Arc<Snapshot>| {
            let older = older.section("activity").reading();
            older.zip(reading).is_some_and(|(older, newer)| Arc::ptr_eq(older, newer))
        };
        let before = number.checked_sub(1).map(Moment::of).filter(|before| history.first() <= Some(*before));
        if !is_read(snapshot) {
            return Some(LoadSample { number, at: snapshot.at, seen: None });
        }
        if before.and_then(|before| history.at(before)).is_some_and(is_same) {
            return Some(LoadSample { number, at: Timestamp(f64::NAN), seen: None });
        }
        let at = reading.map_or(snapshot.at, |reading| reading.at);
        Some(LoadSample { number, at, seen: Some(self.see(snapshot)) })
    }

    fn see(&mut self, snapshot: &Snapshot) -> Seen {
        let Some(reading) = snapshot.section("activity").reading() else { return Seen::default() };
        let sessions = Backend::all_at_work(&reading.rows, reading.at);
        let roots = if sessions.iter().any(|session| session.is_waiting) {
            let prepared = PreparedTransaction::all(snapshot);
            RootNames::of(&LockGraph::of(LockQueue::beside(&sessions, snapshot), prepared, &sessions), &sessions)
        } else {
            RootNames::default()
        };
        let mut seen = Seen::default();
        let mut places: HashMap<*const Slices, usize> = HashMap::new();
        for session in &sessions {
            if session.has_unknown_state() {
                seen.unknown += 1;
            } else if is_load(session) {
                seen.cut += u32::from(session.is_query_cut && session.view.is_empty());
                let kind = self.kind(session, &roots);
                let place = *places.entry(Rc::as_ptr(&kind)).or_insert(seen.active.len());
                match seen.active.get_mut(place) {
                    Some((_, count)) => *count += 1,
                    None => seen.active.push((kind, 1)),
                }
            }
        }
        seen
    }

    /// Returns the kind of a session, the same for all that are alike.
    fn kind(&mut self, session: &Backend, roots: &RootNames) -> Rc<Slices> {
        if let Some(id) = session.query_id.filter(|id| *id != 0 && !self.texts.contains_key(id)) {
            if self.texts.len() >= MOST_TEXTS {
                self.texts.clear();
            }
            self.texts.insert(id, normalised(&session.query).into());
        }
        let mut slices = Slices::of(session, roots);
        if let Some(known) = self.kinds.get(&slices) {
            return Rc::clone(known);
        }
        for value in &mut slices.values {
            if let SliceValue::Named(name) | SliceValue::Untagged(name) = value {
                match self.names.get(name) {
                    Some(known) => *name = Arc::clone(known),
                    None => drop(self.names.insert(Arc::clone(name))),
                }
            }
        }
        let kind = Rc::new(slices);
        self.kinds.insert(Rc::clone(&kind));
        kind
    }

    /// Returns how many kinds of sessions are held.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.kinds.len()
    }

    /// Lets go of kinds and names that no sample has any more: where there are many, once a quarter of the samples went.
    fn let_go(&mut self) {
        if self.kinds.len().max(self.names.len()) < MANY || self.forgotten * 4 < self.samples.len() {
            return;
        }
        self.forgotten = 0;
        self.kinds.retain(|kind| Rc::strong_count(kind) > 1);
        self.names.retain(|name| Arc::strong_count(name) > 1);
    }
}

/// Returns the numbers of the first and the last snapshot of a window.
fn bounds(history: &History, window: TimeWindow) -> Option<(u64, u64)> {
    let first = history.nearest(window.from)?.number();
    let last = history.nearest(window.until)?.number();
    let is_after = |number: u64| history.at(Moment::of(number)).is_some_and(|sample| sample.at.0 > window.until.0);
    let last = if is_after(last) { last.checked_sub(1)? } else { last };
    let is_in = |number: u64| history.at(Moment::of(number)).is_some_and(|sample| sample.at.0 > window.from.0);
    let first = if is_in(first) { first } else { first + 1 };
    (first <= last).then_some((first, last))
}

fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied()
}
