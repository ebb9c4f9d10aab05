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

/// How long statements ran, by view.
#[derive(Debug, Default)]
pub struct BusyTime {
    /// Microseconds of each view, and of all statements that name none.
    micros: [AtomicU64; VIEWS.len() + 1],
}

impl BusyTime {
    /// Counts some time of a statement.
    pub(super) fn add(&self, view: Option<usize>, time: Duration) {
        if let Some(micros) = self.micros.get(view.unwrap_or(VIEWS.len())) {
            micros.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
        }
    }

    /// Returns the seconds of each view by its name; the last one, without a name, is of statements that name none.
    pub fn seconds(&self) -> Vec<(&'static str, f64)> {
        let names = VIEWS.into_iter().chain([""]);
        names.zip(&self.micros).map(|(name, micros)| (name, micros.load(Ordering::Relaxed) as f64 / 1e6)).collect()
    }
}
