//! Which moment the screen shows.

use crate::sample::{History, Moment};

/// Which moment the screen shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// The newest sample.
    #[default]
    Live,
    /// A moment that was held; sampling goes on behind it.
    Held(Moment),
}

impl Clock {
    /// Returns the moment to show, or `None` before the first sample.
    pub fn moment(self, history: &History) -> Option<Moment> {
        match self {
            Self::Live => history.last(),
            Self::Held(moment) => history.step(moment, 0),
        }
    }

    /// Holds at the newest moment, or goes on live.
    pub fn toggle(self, history: &History) -> Self {
        match self {
            Self::Live => history.last().map_or(Self::Live, Self::Held),
            Self::Held(_) => Self::Live,
        }
    }

    /// Goes some samples back (negative) or forward; beyond the newest it goes on live.
    pub fn step(self, history: &History, steps: i64) -> Self {
        let Some(from) = self.moment(history) else { return self };
        if steps > 0 && history.last() == Some(from) {
            return Self::Live;
        }
        history.step(from, steps).map_or(self, Self::Held)
    }
}
