//! Which moment the screen shows.

use super::timeline::Timeline;
use crate::sample::Moment;

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
    pub fn moment(self, timeline: &Timeline) -> Option<Moment> {
        match self {
            Self::Live => timeline.range().map(|range| *range.end()),
            Self::Held(moment) => timeline.step(moment, 0),
        }
    }

    /// Holds at the newest moment, or goes on live; nothing goes on behind a recording.
    pub(crate) fn toggle(self, timeline: &Timeline) -> Self {
        match self {
            Self::Live => self.moment(timeline).map_or(Self::Live, Self::Held),
            Self::Held(_) if timeline.is_recorded() => self,
            Self::Held(_) => Self::Live,
        }
    }

    /// Goes some samples back (negative) or forward; beyond the newest it goes on live.
    pub fn step(self, timeline: &Timeline, steps: i64) -> Self {
        let Some(from) = self.moment(timeline) else { return self };
        if steps > 0 && Self::Live.moment(timeline) == Some(from) && !timeline.is_recorded() {
            return Self::Live;
        }
        timeline.step(from, steps).map_or(self, Self::Held)
    }
}
