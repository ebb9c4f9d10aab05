//! Every moment there is, behind one door: those of this session in memory, or those of a recording in its file.
//!
//! Pure. Of a recording only the samples around one moment are in memory; [`Timeline::at`] is `None` for any other, and
//! the shell loads it.

use std::ops::RangeInclusive;
use std::sync::Arc;

use crate::readings::Readings;
use crate::readings::load::LoadPoint;
use crate::record::{RecordedWindow, Span};
use crate::sample::{History, Moment, Snapshot, Timestamp};

/// Seconds over which the load is averaged to find the worst.
const MINUTE: f64 = 60.0;
/// Seconds by which a window may be longer, where samples are far apart.
const LONGEST_STEP: f64 = 15.0;

/// Every moment there is.
#[derive(Debug)]
pub struct Timeline {
    /// The samples in memory.
    history: History,
    recorded: Option<Recorded>,
}

/// What is known of a recording as a whole.
#[derive(Debug)]
struct Recorded {
    spans: Arc<[Span]>,
    indexed: f64,
}

impl Timeline {
    /// The moments of a session that begins, in at most so many bytes.
    pub fn bounded(limit_bytes: usize) -> Self {
        Self { history: History::bounded(limit_bytes), recorded: None }
    }

    /// Adds the newest snapshot of a session.
    pub fn push(&mut self, snapshot: Arc<Snapshot>) {
        self.history.push(snapshot);
    }

    /// Takes what is known of a recording as a whole.
    pub(crate) fn learn(&mut self, window: &RecordedWindow) {
        self.recorded = Some(Recorded { spans: Arc::clone(&window.spans), indexed: window.indexed });
    }

    /// Takes the samples around a moment of a recording; returns whether they are others than before.
    pub fn take(&mut self, history: History) -> bool {
        let are_others = (self.history.first(), self.history.len()) != (history.first(), history.len());
        self.history = history;
        are_others
    }

    /// Returns the samples in memory.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Whether this is a recording in its file.
    pub(crate) fn is_recorded(&self) -> bool {
        self.recorded.is_some()
    }

    /// Returns the share of a recording that was looked through, where that is not all of it.
    pub fn indexed(&self) -> Option<f64> {
        self.recorded.as_ref().map(|recorded| recorded.indexed).filter(|indexed| *indexed < 1.0)
    }

    /// Returns the snapshot at a moment; `None` where it is not in memory.
    pub fn at(&self, moment: Moment) -> Option<&Arc<Snapshot>> {
        let is_in_memory = !self.is_recorded() || self.history.first().is_some_and(|first| first <= moment);
        self.history.at(moment).filter(|_| is_in_memory)
    }

    /// Returns the first moment and the last, as far as they are known.
    pub fn range(&self) -> Option<RangeInclusive<Moment>> {
        let Some(recorded) = &self.recorded else { return Some(self.history.first()?..=self.history.last()?) };
        let last = recorded.spans.last()?;
        Some(Moment::of(0)..=Moment::of((last.from + u64::from(last.samples)).checked_sub(1)?))
    }

    /// Returns the moment some steps earlier (negative) or later, held within what is there.
    pub fn step(&self, from: Moment, steps: i64) -> Option<Moment> {
        let (first, last) = self.range()?.into_inner();
        Some(Moment::of(from.number().saturating_add_signed(steps)).clamp(first, last))
    }

    /// Returns the moment nearest to a time. Of a recording, a moment that is not in memory is found to the second or two
    /// by which the samples of its minute are apart.
    pub fn nearest(&self, time: Timestamp) -> Option<Moment> {
        let Some(recorded) = &self.recorded else { return self.history.nearest(time) };
        let after = recorded.spans.partition_point(|span| span.first.0 <= time.0);
        let Some(span) = after.checked_sub(1).and_then(|place| recorded.spans.get(place)) else {
            return Some(*self.range()?.start());
        };
        let oldest = self.history.first().and_then(|first| self.history.at(first));
        let is_in_memory = oldest.is_some_and(|oldest| oldest.at.0 <= time.0)
            && self.history.newest().is_some_and(|newest| time.0 <= newest.at.0);
        if is_in_memory {
            return self.history.nearest(time);
        }
        let samples = f64::from(span.samples);
        let length = recorded.spans.get(after).map_or(samples, |next| (next.first.0 - span.first.0).max(1.0));
        let share = ((time.0 - span.first.0) / length).clamp(0.0, 1.0);
        Some(Moment::of(span.from + ((share * samples) as u64).min(u64::from(span.samples.saturating_sub(1)))))
    }

    /// Returns the sample with the most active sessions in the minute with the most of them on average; `None` where no
    /// load is known.
    pub fn worst(&self) -> Option<(Moment, f64)> {
        let Some(recorded) = &self.recorded else { return worst_minute(&self.history) };
        let known = recorded.spans.iter().filter_map(|span| Some((span.load?, span)));
        // The first of equals: an incident begins there.
        let (load, span) = known.reduce(|worst, next| if next.0 > worst.0 { next } else { worst })?;
        Some((Moment::of(span.from + u64::from(span.peak)), f64::from(load)))
    }

    /// Returns which snapshot of how many a moment is, counted from 1.
    pub fn place(&self, moment: Moment) -> (u64, u64) {
        let Some((first, last)) = self.range().map(RangeInclusive::into_inner) else { return (0, 0) };
        let from = first.number();
        (moment.number().saturating_sub(from) + 1, last.number() + 1 - from)
    }
}

/// Returns the minute of the samples in memory with the most active sessions on average, wherever it begins: the last of its
/// worst samples, which knows most of what happened, and the average.
fn worst_minute(history: &History) -> Option<(Moment, f64)> {
    let last = history.last()?;
    let load = |snapshot: &Arc<Snapshot>| {
        let load = LoadPoint::of(&Readings::of(Arc::clone(snapshot))).load.filter(|load| load.known().is_some())?;
        Some(load.total())
    };
    let first = history.first()?.number();
    let numbered = history.until(last).zip(first..);
    let points: Vec<(f64, f64, u64)> =
        numbered.filter_map(|(snapshot, number)| Some((snapshot.at.0, load(snapshot)?, number))).collect();
    let mut worst: Option<(f64, usize, usize)> = None;
    let (mut from, mut sum) = (0, 0.0);
    for (until, (at, load, _)) in points.iter().enumerate() {
        sum += load;
        while let Some((start, gone, _)) = points.get(from).filter(|(start, ..)| at - start >= MINUTE) {
            // A minute that is whole counts; the next begins a sample later.
            let count = (until - from + 1) as f64;
            let average = sum / count;
            if worst.is_none_or(|(known, ..)| average > known) && at - start < MINUTE + LONGEST_STEP {
                worst = Some((average, from, until));
            }
            sum -= gone;
            from += 1;
        }
    }
    // Of less than a minute all there is.
    let all =
        || Some((points.iter().map(|(_, load, _)| load).sum::<f64>() / points.len().max(1) as f64, 0, points.len()));
    let (average, from, until) = worst.or_else(all)?;
    let minute = points.get(from..=until.min(points.len().saturating_sub(1)))?;
    let (_, _, number) = minute.iter().max_by(|left, right| left.1.total_cmp(&right.1))?;
    Some((Moment::of(*number), average))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::app::{App, Effect, Event, PaneContext, Rights, SampleOrigin, Start};
    use crate::fixture::{NOW, With as _, row, snapshot};
    use crate::record::{LoadStep, RecordingFile, Writer};

    /// Samples a second apart, with one active session and, from 1000 s on, nine for a minute.
    fn samples(count: u32) -> Vec<Arc<Snapshot>> {
        let server = Arc::clone(&snapshot().server);
        let sample = |second: u32| {
            let active = row! { pid: 1, backend_type: "client backend", state: "active" };
            let sessions = if (1000..1060).contains(&second) { 9 } else { 1 };
            let mut sample = snapshot().at(NOW + f64::from(second)).with("activity", vec![active; sessions]);
            sample.server = Arc::clone(&server);
            Arc::new(sample)
        };
        (0..count).map(sample).collect()
    }

    /// A console on a recording, and what its shell would do.
    struct Console {
        app: App,
        file: RecordingFile,
        asked: Vec<Moment>,
    }

    impl Console {
        fn open(count: u32) -> Self {
            let mut file = tempfile::tempfile().unwrap();
            let samples = samples(count);
            let mut writer = Writer::new(Vec::new(), &samples[0].server, u64::MAX).unwrap();
            for sample in &samples {
                writer.push(sample).unwrap();
            }
            file.write_all(&writer.finish().unwrap()).unwrap();
            let start = Start {
                rights: Rights::ReadOnly,
                origin: SampleOrigin::Recording,
                history_bytes: 500_000,
                ..crate::fixture::start(&crate::panes::overview::PANE)
            };
            let app = App::new(start, crate::panes::ALL, &PaneContext::in_zone(jiff::tz::TimeZone::UTC));
            let mut console = Self { app, file: RecordingFile::open(file, 500_000).unwrap(), asked: Vec::new() };
            let window = console.file.open_first();
            console.app.update(Event::Recorded(Box::new(window)));
            console
        }

        fn press(&mut self, letter: char) {
            self.app.update(Event::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE)));
            while let Some(effect) = self.app.next_effect() {
                let Effect::Seek(moment) = effect else { panic!("{effect:?}") };
                self.asked.push(moment);
            }
        }

        /// Answers what was asked for.
        fn answer(&mut self) {
            for moment in std::mem::take(&mut self.asked) {
                let window = loop {
                    match self.file.seek(moment) {
                        Some(window) => break window,
                        None => self.file.index_on(),
                    };
                };
                self.app.update(Event::Recorded(Box::new(window)));
            }
        }

        fn rest(&mut self) {
            while self.file.load_more() == LoadStep::Loaded || self.file.index_on() {}
            self.app.update(Event::Recorded(Box::new(self.file.window())));
        }

        fn header(&mut self) -> String {
            let mut terminal = Terminal::new(TestBackend::new(160, 40)).unwrap();
            terminal.draw(|frame| self.app.draw(frame)).unwrap();
            terminal.backend().buffer().content.iter().take(160).map(ratatui::buffer::Cell::symbol).collect()
        }

        #[track_caller]
        fn check(&mut self, key: char, shown: &str) {
            self.press(key);
            self.answer();
            let header = self.header();
            assert!(header.contains(shown), "{key}: {header}");
        }
    }

    #[test]
    fn a_recording_opens_on_its_first_sample_and_says_that_it_is_not_looked_through() {
        let mut console = Console::open(400 * 60);
        let header = console.header();
        assert!(header.contains("REPLAY 08:00:00  1 of ") && header.contains(", indexing "), "{header}");
        console.rest();
        let header = console.header();
        assert!(header.contains("  1 of 24000  every "), "{header}");
    }

    #[test]
    fn any_sample_is_reached_by_keys_and_nothing_goes_on_behind_a_recording() {
        let mut console = Console::open(3000);
        console.rest();
        for (key, shown) in [
            (']', "  2 of 3000 "),
            ('[', "  1 of 3000 "),
            ('[', "  1 of 3000 "),
            (')', "  3000 of 3000 "),
            (']', "  3000 of 3000 "),
            ('{', "  2990 of 3000 "),
            (' ', "  2990 of 3000 "),
            ('W', "REPLAY 08:17:00  1021 of 3000 "),
            ('(', "  1 of 3000 "),
            ('}', "  11 of 3000 "),
        ] {
            console.check(key, shown);
        }
        console.app.update(Event::Key(KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE)));
        assert!(console.header().contains("  11 of 3000 "));
    }

    #[test]
    fn keys_pressed_before_an_answer_count_from_the_moment_asked_for_and_older_answers_are_dropped() {
        let mut console = Console::open(3000);
        console.rest();
        console.press(')');
        console.press('{');
        console.press('[');
        let header = console.header();
        assert!(header.contains("  1 of 3000 "), "the screen waits for nobody: {header}");
        assert_eq!(console.asked, [2999, 2989, 2988].map(Moment::of));
        let first = console.file.seek(Moment::of(2999)).unwrap();
        console.app.update(Event::Recorded(Box::new(first)));
        assert!(console.header().contains("  1 of 3000 "));
        console.answer();
        assert!(console.header().contains("  2989 of 3000 "));
    }

    #[test]
    fn a_click_on_the_load_chart_goes_to_that_moment() {
        let mut console = Console::open(3000);
        console.rest();
        console.check(')', "  3000 of 3000 ");
        let click = |column| {
            let kind = MouseEventKind::Down(MouseButton::Left);
            Event::Mouse(MouseEvent { kind, column, row: 8, modifiers: KeyModifiers::NONE })
        };
        console.app.update(click(80));
        assert_eq!(console.app.next_effect(), Some(Effect::Seek(Moment::of(2847))));
        console.app.update(click(159));
        assert_eq!(console.app.next_effect(), None, "the frame of the chart is no moment");
    }

    #[test]
    fn a_moment_is_found_by_its_time_in_memory_and_in_the_file() {
        let mut console = Console::open(3000);
        console.rest();
        let near = |seconds: f64| console.app.timeline.nearest(Timestamp(NOW + seconds));
        for (seconds, number) in [(-5.0, 0), (0.0, 0), (10.0, 10), (2000.0, 2000), (2930.0, 2930), (9e9, 2999)] {
            assert_eq!(near(seconds), Some(Moment::of(number)), "{seconds} s");
        }
        let mut session = Timeline::bounded(10_000_000);
        assert_eq!((session.range(), session.worst(), session.nearest(Timestamp(0.0))), (None, None, None));
        for sample in samples(1200) {
            session.push(sample);
        }
        assert_eq!(session.worst().map(|(moment, _)| moment), Some(Moment::of(1059)));
        assert_eq!(session.nearest(Timestamp(NOW + 30.0)), Some(Moment::of(30)));
        assert_eq!(session.range(), Some(Moment::of(0)..=Moment::of(1199)));
        assert_eq!(session.place(Moment::of(9)), (10, 1200));
    }
}
