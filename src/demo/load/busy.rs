//! The load's own account: how long its statements ran, by the view that their comment names.
//!
//! What pgdj says of the load is held against it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::web::{VIEWS, comment};

/// A view while it is served.
#[derive(Debug)]
pub(super) struct RunningView {
    /// Its place in [`VIEWS`].
    pub(super) place: usize,
    /// What its statements end with.
    pub(super) comment: String,
}

impl RunningView {
    /// Begins a view by its name and its route.
    pub(super) fn new(view: &str, route: &str) -> Self {
        // One that is not listed counts as no view.
        let place = VIEWS.iter().position(|known| *known == view).unwrap_or(VIEWS.len());
        Self { place, comment: comment(view, route) }
    }
}

/// The views, and the statements that name none.
const KINDS: usize = VIEWS.len() + 1;

/// How long statements ran, by view.
#[derive(Debug, Default)]
pub struct BusyTime {
    /// Microseconds of each view, and of all statements that name none.
    micros: [AtomicU64; KINDS],
    /// How many statements these were.
    statements: [AtomicU64; KINDS],
    /// Microseconds of the statements that begin a transaction, which take the server no time to speak of.
    begin_micros: AtomicU64,
    /// How many these were.
    begins: AtomicU64,
}

/// What was counted up to a moment.
#[derive(Debug, Clone, Copy)]
pub struct BusyReading {
    micros: [f64; KINDS],
    statements: [f64; KINDS],
    begin_micros: f64,
    begins: f64,
}

impl BusyTime {
    /// Counts some time of a statement.
    pub(super) fn add(&self, view: Option<usize>, time: Duration) {
        add(self.micros.get(view.unwrap_or(VIEWS.len())), time.as_micros());
    }

    /// Counts a statement that ended, of which all the time was counted.
    pub(super) fn end(&self, view: Option<usize>) {
        add(self.statements.get(view.unwrap_or(VIEWS.len())), 1);
    }

    /// Counts the time from sending a BEGIN to its answer: what a statement takes that the server does nothing for.
    pub(super) fn round_trip(&self, time: Duration) {
        add(Some(&self.begin_micros), time.as_micros());
        add(Some(&self.begins), 1);
    }

    /// Returns what was counted so far.
    pub fn read(&self) -> BusyReading {
        let number = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as f64;
        BusyReading {
            micros: self.micros.each_ref().map(number),
            statements: self.statements.each_ref().map(number),
            begin_micros: number(&self.begin_micros),
            begins: number(&self.begins),
        }
    }
}

impl BusyReading {
    /// Returns the seconds that the server was busy since an older reading, by view; the last one, without a name, is of
    /// statements that name none.
    ///
    /// A client also waits for the line and for its turn on the processor, which is no load of the server: the mean round
    /// trip is taken off each statement.
    pub fn seconds_since(&self, older: &Self) -> Vec<(&'static str, f64)> {
        let round_trip = (self.begin_micros - older.begin_micros) / (self.begins - older.begins).max(1.0);
        let micros = self.micros.iter().zip(older.micros).map(|(newer, older)| newer - older);
        let statements = self.statements.iter().zip(older.statements).map(|(newer, older)| newer - older);
        let seconds = micros.zip(statements).map(|(micros, count)| (micros - count * round_trip).max(0.0) / 1e6);
        VIEWS.into_iter().chain([""]).zip(seconds).collect()
    }
}

fn add(counter: Option<&AtomicU64>, number: impl TryInto<u64>) {
    if let Some(counter) = counter {
        counter.fetch_add(number.try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_round_trip_of_each_statement_is_no_load_of_the_server() {
        let busy = BusyTime::default();
        let older = busy.read();
        busy.round_trip(Duration::from_millis(2));
        busy.round_trip(Duration::from_millis(4));
        for _ in 0..10 {
            busy.add(Some(0), Duration::from_millis(13));
            busy.end(Some(0));
        }
        busy.add(None, Duration::from_millis(1));
        busy.end(None);
        let seconds = busy.read().seconds_since(&older);
        assert_eq!((seconds[0], seconds[VIEWS.len()]), (("orders:list", 0.1), ("", 0.0)));
    }
}
