//! What comes between two samples: the load is read each second, and the screen moves at the pace that it names.
//!
//! Pure. A snapshot that brings more than the sessions is shown at once: a sample, a reading of the slow lane, or why
//! something could not be read.

use super::{App, Clock, Event, SampleOrigin, ServerLink};
use crate::sample::{Section, Snapshot};

/// Share of the pace after which a snapshot is not between two samples any more.
const MOST_OF_THE_PACE: f64 = 0.75;

impl App {
    /// Takes a snapshot between two samples into the history; returns any other event.
    pub(super) fn keep_between(&mut self, event: Event) -> Option<Event> {
        match event {
            Event::Sampled(snapshot) if self.is_between_samples(&snapshot) => {
                self.timeline.push(snapshot);
                self.sampled_at = self.now;
                None
            }
            event => Some(event),
        }
    }

    /// Whether a snapshot that comes live is for the history alone until the next sample: it has other sessions and
    /// nothing else.
    fn is_between_samples(&self, newer: &Snapshot) -> bool {
        let Some(shown) = self.shown.snapshot() else { return false };
        let is_calm = self.clock == Clock::Live
            && self.start.origin == SampleOrigin::Server
            && self.link == ServerLink::Up
            // Both are told by samples.
            && self.message.is_none()
            && self.acts.is_empty();
        is_calm
            && newer.at.0 - shown.at.0 < MOST_OF_THE_PACE * newer.cost.pace.0
            && has_other_sessions_alone(shown, newer)
    }
}

fn has_other_sessions_alone(older: &Snapshot, newer: &Snapshot) -> bool {
    let is_read = |snapshot: &Snapshot| snapshot.section("activity").why().is_none();
    let is_same = |(probe, section): (&&'static str, &Section)| {
        *probe == "activity" || older.sections.get(probe).is_some_and(|older| older.is_same(section))
    };
    is_read(older)
        && is_read(newer)
        && older.sections.len() == newer.sections.len()
        && newer.sections.iter().all(is_same)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::app::{Message, PaneContext, Rights, Start};
    use crate::fixture::{NOW, With as _, row, snapshot, start};
    use crate::sample::{Missing, SampleCost, Seconds, Timestamp};

    fn app() -> App {
        let start =
            Start { rights: Rights::ReadOnly, history_bytes: 1_000_000, ..start(&crate::panes::overview::PANE) };
        App::new(start, crate::panes::ALL, &PaneContext::in_zone(jiff::tz::TimeZone::UTC))
    }

    /// The same as a snapshot so many seconds later, with a session that is another.
    fn later(snapshot: &Snapshot, seconds: f64) -> Snapshot {
        snapshot.clone().at(snapshot.at.0 + seconds).with("activity", vec![row! { pid: 2, state: "active" }])
    }

    /// Takes a snapshot; returns whether a frame is to be drawn, and the moment that it shows.
    fn take(app: &mut App, snapshot: Snapshot) -> (bool, Timestamp) {
        app.take_dirty();
        app.update(Event::Sampled(Arc::new(snapshot)));
        (app.is_dirty(), app.shown.snapshot().unwrap().at)
    }

    #[test]
    fn the_screen_moves_at_the_pace_and_at_once_where_something_else_was_read() {
        let mut app = app();
        let cost = SampleCost { pace: Seconds(2.0), ..SampleCost::default() };
        let first = Snapshot { cost, ..snapshot() }.with("server", vec![]).with("activity", vec![row! { pid: 1 }]);
        assert_eq!(take(&mut app, first.clone()), (true, Timestamp(NOW)));
        assert_eq!(take(&mut app, later(&first, 1.0)), (false, Timestamp(NOW)));
        assert_eq!(app.timeline.history().len(), 2, "the chart has it with the next frame");
        let is_held = app.shown.view(app.timeline.history(), &app.filter).unwrap().is_held;
        assert!(!is_held, "the moment shown stands still for a second, not for a person");
        assert_eq!(take(&mut app, later(&first, 2.0)), (true, Timestamp(NOW + 2.0)));
        let read = later(&first, 3.0).with("server", vec![]);
        assert_eq!(take(&mut app, read.clone()), (true, Timestamp(NOW + 3.0)), "another probe was read");
        let failed = later(&read, 1.0).without("activity", Missing::Slow { since: Timestamp(NOW) });
        assert_eq!(take(&mut app, failed.clone()), (true, Timestamp(NOW + 4.0)), "the server is silent");
        assert!(take(&mut app, later(&failed, 1.0)).0, "and answers again");
        app.message = Some(Message { samples_left: 1, ..Message::note("gone with the next sample") });
        assert!(take(&mut app, later(&failed, 2.0)).0);
        assert!(!take(&mut app, later(&failed, 3.0)).0);
    }
}
