//! The history up to the moment that is shown: rates and trends come from it.
//!
//! Pure.

use std::sync::Arc;

use crate::sample::{History, Moment, Reading, Snapshot};

/// The history up to a moment.
#[derive(Debug, Clone, Copy)]
pub struct Past<'a> {
    /// Every snapshot.
    pub history: &'a History,
    /// The moment.
    pub moment: Moment,
}

impl<'a> Past<'a> {
    /// Returns the snapshots up to and with the moment, the newest first.
    pub(crate) fn backwards(&self) -> impl Iterator<Item = &'a Arc<Snapshot>> {
        self.history.until(self.moment).rev()
    }

    /// Returns the readings of a probe, each once, the newest first.
    pub fn readings(&self, probe: &str) -> impl Iterator<Item = &'a Arc<Reading>> {
        let mut last = f64::INFINITY;
        // A probe that was not due shares its reading with the snapshot before.
        self.backwards().filter_map(move |snapshot| snapshot.section(probe).reading()).filter(move |reading| {
            let is_older = reading.at.0 < last;
            last = last.min(reading.at.0);
            is_older
        })
    }

    /// Returns the reading of a probe before the one at the moment.
    pub(crate) fn reading_before(&self, probe: &str) -> Option<&'a Arc<Reading>> {
        self.history.at(self.moment)?.section(probe).reading()?;
        self.readings(probe).nth(1)
    }
}
