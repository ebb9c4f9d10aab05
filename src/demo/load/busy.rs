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

/// How long the server was busy with statements, by view.
#[derive(Debug, Default)]
pub struct BusyTime {
    /// Microseconds of each view, and of all statements that name none.
    micros: [AtomicU64; KINDS],
    /// The median round trip of a statement that the server does nothing for, in microseconds.
    round_trip: AtomicU64,
}

impl BusyTime {
    /// Counts a part of the time of a statement that runs.
    pub(super) fn add(&self, view: Option<usize>, time: Duration) {
        if let Some(micros) = self.micros.get(view.unwrap_or(VIEWS.len())) {
            micros.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    /// Returns a time without the round trip, which is no load of the server: a client also waits for the line and for its
    /// turn on the processor.
    pub(super) fn without_round_trip(&self, time: Duration) -> Duration {
        time.saturating_sub(Duration::from_micros(self.round_trip.load(Ordering::Relaxed)))
    }

    /// Learns from the time of a BEGIN, which takes the server no time to speak of: the median goes up or down a step.
    pub(super) fn learn_round_trip(&self, time: Duration) {
        let known = self.round_trip.load(Ordering::Relaxed);
        let step = (known / 32).max(5);
        let is_longer = time > Duration::from_micros(known);
        self.round_trip.store(if is_longer { known + step } else { known.saturating_sub(step) }, Ordering::Relaxed);
    }

    /// Returns the seconds of each view by its name; the last one, without a name, is of statements that name none.
    pub fn seconds(&self) -> Vec<(&'static str, f64)> {
        let names = VIEWS.into_iter().chain([""]);
        names.zip(&self.micros).map(|(name, micros)| (name, micros.load(Ordering::Relaxed) as f64 / 1e6)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_round_trip_is_the_median_of_statements_that_take_no_time() {
        let busy = BusyTime::default();
        for at in 0..1000 {
            // Now and then the client waits for its turn.
            busy.learn_round_trip(Duration::from_micros(if at % 5 == 0 { 90_000 } else { 400 + at % 100 }));
        }
        let left = busy.without_round_trip(Duration::from_millis(10)).as_micros();
        assert!((9_300..9_650).contains(&left), "{left}");
        assert_eq!(busy.without_round_trip(Duration::from_micros(100)), Duration::ZERO);
        busy.add(Some(0), Duration::from_secs(1));
        busy.add(None, Duration::from_secs(2));
        assert_eq!((busy.seconds()[0], busy.seconds()[VIEWS.len()]), (("orders:list", 1.0), ("", 2.0)));
    }
}
