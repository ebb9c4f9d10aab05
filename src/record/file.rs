//! A recording of any length on the screen: the samples around one moment are in memory, the others in the file.
//!
//! Opening reads the header and the first minute; [`RecordingFile::index_on`] looks through the rest bit by bit, and
//! [`RecordingFile::load_more`] reads on around the moment shown, as far as memory may be taken for it.

use std::collections::VecDeque;
use std::fs::File;
use std::sync::Arc;

use super::decoder::Decoder;
use super::index::RecordingIndex;
use super::members::MemberLines;
use super::{Plans, RecordError, Span};
use crate::sample::{History, Moment, ServerFacts, Snapshot};

/// Seconds before the moment shown that rates, costs by minute and the load chart look back.
const LOOK_BACK: f64 = 300.0;
/// Spans that are looked through for those seconds: a clock may have gone back.
const LOOK_BACK_SPANS: usize = 400;

/// A recording in a file, read at any place.
#[derive(Debug)]
pub struct RecordingFile {
    index: RecordingIndex,
    server: Arc<ServerFacts>,
    plans: Arc<Plans>,
    /// Bytes of memory that the samples may take.
    room: usize,
    /// The spans in memory, one after the other, and the place of the first.
    loaded: VecDeque<LoadedSpan>,
    first: usize,
    /// What is shown: the place of its span, and which of its samples.
    shown: Option<(usize, usize)>,
    /// The moment that was asked for.
    asked: Moment,
}

/// What came of loading one more span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoadStep {
    /// It is in memory.
    Loaded,
    /// There is none to load, or no room.
    Nothing,
    /// A header was wrong, and the moment shown has to be sought again.
    Lost,
}

/// A span in memory.
#[derive(Debug)]
struct LoadedSpan {
    samples: Vec<Arc<Snapshot>>,
    bytes: usize,
}

/// The samples around a moment of a recording, and what is known of the whole.
#[derive(Debug)]
pub struct RecordedWindow {
    /// The samples, each under its number in the whole.
    pub history: History,
    /// The moment that was asked for.
    pub asked: Moment,
    /// The nearest to it that there is; `None` where there is no sample.
    pub moment: Option<Moment>,
    /// The spans of the whole, oldest first, as far as they are known.
    pub spans: Arc<[Span]>,
    /// The share of the file that was looked through, 0..=1; at 1 every span is known.
    pub indexed: f64,
    /// What cannot be read, in a sentence.
    pub damage: Option<String>,
}

impl RecordingFile {
    /// Reads the header; the samples may take about so many bytes of memory.
    pub fn open(file: File, room: usize) -> Result<Self, RecordError> {
        let file = Arc::new(file);
        let Ok(Some(header)) = MemberLines::open(&file, 0).next() else { return Err(RecordError::NotOne) };
        let (decoder, plans) = Decoder::of_header(&header)?;
        let index = RecordingIndex::new(Arc::clone(&file), &decoder)?;
        let server = Arc::clone(decoder.server());
        let (loaded, asked) = (VecDeque::new(), Moment::of(0));
        Ok(Self { index, server, plans, room, loaded, first: 0, shown: None, asked })
    }

    /// Returns what the server was when the recording began.
    pub fn server(&self) -> &Arc<ServerFacts> {
        &self.server
    }

    /// Returns the plans of statements; empty in a recording without.
    pub fn plans(&self) -> &Arc<Plans> {
        &self.plans
    }

    /// Goes to the first sample, which needs no more of the file than that lies in.
    pub fn open_first(&mut self) -> RecordedWindow {
        loop {
            if let Some(window) = self.seek(Moment::of(0)) {
                return window;
            }
            self.index_on();
        }
    }

    /// Looks through some more of the file; returns whether there is more.
    pub fn index_on(&mut self) -> bool {
        self.index.advance()
    }

    /// Goes to a moment, or the last there is; `None` while the file was not looked through so far.
    pub fn seek(&mut self, moment: Moment) -> Option<RecordedWindow> {
        if moment.number() + 1 >= self.index.samples()
            && let Some(from) = self.index.look_again()
        {
            self.forget_from(from);
        }
        loop {
            let number = match self.index.samples().checked_sub(1) {
                Some(last) if self.index.is_complete() => moment.number().min(last),
                _ => moment.number(),
            };
            let Some(place) = self.index.find(number) else {
                self.shown = None;
                self.asked = moment;
                return self.index.is_complete().then(|| self.window());
            };
            if self.load(place)? {
                let from = self.index.span(place)?.from;
                self.shown = Some((place, (number - from) as usize));
                self.asked = moment;
                self.make_room(place);
                return Some(self.window());
            }
        }
    }

    /// Loads one more span around the moment shown.
    pub fn load_more(&mut self) -> LoadStep {
        let Some(next) = self.next_to_load() else { return LoadStep::Nothing };
        if self.load(next) == Some(true) {
            return LoadStep::Loaded;
        }
        self.shown = None;
        LoadStep::Lost
    }

    /// Returns the place of the span to load next, and makes room for it.
    fn next_to_load(&mut self) -> Option<usize> {
        let (shown, _) = self.shown?;
        let average = self.bytes() / self.loaded.len().max(1);
        if !self.has_span_before() {
            // A rate is between two samples: whatever they weigh, this one is loaded, and the later ones go first.
            while self.bytes() + average > self.room && self.first + self.loaded.len() > shown + 1 {
                self.loaded.pop_back();
            }
            return shown.checked_sub(1);
        }
        let end = self.first + self.loaded.len();
        let oldest = self.oldest_needed(shown);
        let next = if self.first > oldest {
            self.first - 1
        } else if end == shown + 1 && end < self.index.len() {
            end
        } else if self.bytes() + average > self.room {
            return None;
        } else if end < self.index.len() {
            end
        } else {
            self.first.checked_sub(1)?
        };
        while self.bytes() + average > self.room {
            if self.first + self.loaded.len() > shown + 2 {
                self.loaded.pop_back();
            } else if self.first < oldest {
                self.loaded.pop_front();
                self.first += 1;
            } else {
                return None;
            }
        }
        Some(next)
    }

    /// Whether the span before the one shown is loaded, without which its first samples have no rates.
    pub fn has_span_before(&self) -> bool {
        self.shown.is_none_or(|(shown, _)| shown == 0 || self.first < shown)
    }

    /// Whether all that the panes look back at is loaded.
    pub fn has_look_back(&self) -> bool {
        self.shown.is_none_or(|(shown, _)| self.first <= self.oldest_needed(shown))
    }

    /// Returns the samples around the moment shown, and what is known of the whole.
    pub fn window(&self) -> RecordedWindow {
        let from = self.index.span(self.first).map_or(0, |span| span.from);
        let samples = self.loaded.iter().flat_map(|span| span.samples.iter().cloned()).collect();
        let moment = self.shown.and_then(|(place, sample)| {
            let span = self.index.span(place)?;
            let last = u64::from(span.samples.saturating_sub(1));
            Some(Moment::of(span.from + last.min(sample as u64)))
        });
        RecordedWindow {
            history: History::window(from, samples),
            asked: self.asked,
            moment,
            spans: self.index.spans().collect(),
            indexed: self.index.share(),
            damage: self.index.damage().map(str::to_owned),
        }
    }

    /// Loads a span, and forgets those that do not adjoin it. False where it was another than the index said, and the
    /// index knows better now; `None` where that has to be found out first.
    fn load(&mut self, place: usize) -> Option<bool> {
        let end = self.first + self.loaded.len();
        if (self.first..end).contains(&place) {
            return Some(true);
        }
        let indexed = self.index.span(place).map(|span| span.samples);
        let Some(samples) = self.index.read(place) else {
            self.forget_from(place);
            return self.index.is_complete().then_some(false);
        };
        if indexed != u32::try_from(samples.len()).ok() {
            self.forget_from(place);
            return Some(false);
        }
        let mut older: Option<&Snapshot> = None;
        let mut bytes = 0;
        for sample in &samples {
            bytes += sample.weight_beside(older);
            older = Some(sample);
        }
        let span = LoadedSpan { samples, bytes };
        if place + 1 == self.first && !self.loaded.is_empty() {
            self.loaded.push_front(span);
            self.first = place;
        } else if place == end && !self.loaded.is_empty() {
            self.loaded.push_back(span);
        } else {
            self.loaded = VecDeque::from([span]);
            self.first = place;
        }
        Some(true)
    }

    /// Forgets the spans in memory from a place on: they may be others now.
    fn forget_from(&mut self, place: usize) {
        self.loaded.truncate(place.saturating_sub(self.first));
    }

    /// Forgets the spans that are farthest from the one shown, until the others have room; that and the one before it
    /// stay whatever they weigh.
    fn make_room(&mut self, shown: usize) {
        while self.bytes() > self.room && self.loaded.len() > 2 {
            let (before, after) = (shown - self.first, self.first + self.loaded.len() - 1 - shown);
            if after >= before {
                self.loaded.pop_back();
            } else {
                self.loaded.pop_front();
                self.first += 1;
            }
        }
    }

    fn bytes(&self) -> usize {
        self.loaded.iter().map(|span| span.bytes).sum()
    }

    /// Returns the place of the oldest span that the panes look back at from the one shown.
    fn oldest_needed(&self, shown: usize) -> usize {
        let Some(newest) = self.index.span(shown) else { return shown };
        let is_needed = |place: &usize| {
            // The one that begins before those seconds has samples within them.
            self.index.span(place + 1).is_some_and(|next| newest.first.0 - next.first.0 < LOOK_BACK)
        };
        (shown.saturating_sub(LOOK_BACK_SPANS)..shown).rev().take_while(is_needed).last().unwrap_or(shown)
    }
}
