//! How fresh the figures shown are, and why there are no newer ones.
//!
//! Pure. A server answers if it has answered one of the two questions that are asked most often. That snapshots go on
//! says nothing: they are published whether the server answers or not.

use super::{App, Clock, SampleOrigin};
use crate::sample::{Snapshot, Timestamp};

/// How fresh the figures of a moment are.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Freshness {
    /// Nothing was read, and why.
    Never {
        /// One sentence.
        why: String,
    },
    /// The server answers.
    Fresh,
    /// The server does not answer.
    Stale {
        /// When it answered last, by its own clock.
        since: Timestamp,
        /// One sentence.
        why: String,
    },
}

/// Readings of the backends that may be missed before they are called stale, the one under way among them.
const MISSED: f64 = 3.0;

impl Freshness {
    /// Judges a snapshot that was taken so many seconds ago.
    pub(super) fn of(snapshot: &Snapshot, taken_ago: f64) -> Self {
        let cost = snapshot.cost;
        let missed = MISSED * cost.second();
        let limits = [("activity", missed), ("server", cost.pace.0 + missed)];
        let age = |at: Timestamp| snapshot.at.0 - at.0 + taken_ago;
        let is_fresh = |(probe, limit): (&str, f64)| {
            let section = snapshot.section(probe);
            section.why().is_none() && section.reading().is_some_and(|reading| age(reading.at) <= limit)
        };
        if limits.into_iter().any(is_fresh) {
            return Self::Fresh;
        }
        let sections = limits.map(|(probe, _)| snapshot.section(probe));
        let why = sections.iter().find_map(|section| section.why());
        let why = why.map_or_else(|| "no sample was read".to_owned(), ToString::to_string);
        let newest = sections.iter().filter_map(|section| section.reading()).map(|reading| reading.at.0);
        match newest.max_by(f64::total_cmp) {
            Some(since) => Self::Stale { since: Timestamp(since), why },
            None => Self::Never { why },
        }
    }
}

impl App {
    /// Judges the moment shown; a moment that is held does not age further.
    pub(super) fn freshness(&self) -> Freshness {
        let Some(snapshot) = self.shown.snapshot() else {
            return Freshness::Never { why: "not read yet".to_owned() };
        };
        let is_live = self.clock == Clock::Live && self.start.origin == SampleOrigin::Server;
        Freshness::of(snapshot, if is_live { self.since_last_sample() } else { 0.0 })
    }

    /// Returns how old the newest answer of the server is, in seconds; for ever, where there is none.
    pub(super) fn age_of_data(&self) -> f64 {
        let Some(newest) = self.timeline.history().newest() else { return f64::INFINITY };
        let answers = ["activity", "server"].map(|probe| newest.age(probe).map_or(f64::INFINITY, |age| age.0));
        answers.into_iter().fold(f64::INFINITY, f64::min) + self.since_last_sample()
    }

    /// Returns how long ago the newest sample came, in seconds of our clock.
    fn since_last_sample(&self) -> f64 {
        (self.now.0 - self.sampled_at.0).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NOW, With as _, snapshot};
    use crate::sample::{Missing, Seconds, Section};

    fn stale(seconds: f64, why: &Missing) -> Snapshot {
        let mut seen = snapshot().with("activity", vec![]).with("server", vec![]).at(NOW + seconds);
        for section in seen.sections.values_mut() {
            *section = section.failed(why.clone());
        }
        seen
    }

    #[test]
    fn what_was_read_a_moment_ago_is_fresh_and_goes_stale_by_the_answer_and_not_by_the_sample() {
        let seen = snapshot().with("activity", vec![]).with("server", vec![]);
        assert_eq!(Freshness::of(&seen, 0.0), Freshness::Fresh);
        assert_eq!(Freshness::of(&seen.clone().at(NOW + 2.5), 0.0), Freshness::Fresh);
        // The newest sample is of this moment, and the newest answer is not.
        let since = Timestamp(NOW);
        let why = "no sample was read".to_owned();
        assert_eq!(Freshness::of(&seen.clone().at(NOW + 4.0), 0.0), Freshness::Stale { since, why: why.clone() });
        assert_eq!(Freshness::of(&seen, 4.0), Freshness::Stale { since, why });
    }

    #[test]
    fn a_server_that_is_slow_is_stale_before_its_answer_is_old() {
        let Freshness::Stale { since, why } = Freshness::of(&stale(2.0, &Missing::Slow { since: Timestamp(NOW) }), 0.0)
        else {
            panic!("calm")
        };
        assert!(since == Timestamp(NOW) && why.starts_with("slow: no answer since "), "{why}");
    }

    #[test]
    fn one_answer_is_enough_and_none_at_all_is_never() {
        let mut seen = stale(1.0, &Missing::TimedOut { after: Seconds(2.0) });
        seen.sections.insert("server", snapshot().with("server", vec![]).section("server").clone());
        assert_eq!(Freshness::of(&seen, 0.0), Freshness::Fresh, "the backends alone could not be read");
        seen.sections.insert("server", Section::Missing(Missing::NotYet));
        assert!(matches!(Freshness::of(&seen, 0.0), Freshness::Stale { .. }));
        assert_eq!(Freshness::of(&snapshot(), 0.0), Freshness::Never { why: "not read yet".to_owned() });
    }

    #[test]
    fn a_slowed_pace_is_no_silence() {
        let mut seen = snapshot().with("activity", vec![]).at(NOW + 7.0);
        (seen.cost.pace, seen.cost.wanted_pace) = (Seconds(30.0), Seconds(2.0));
        assert_eq!(Freshness::of(&seen, 0.0), Freshness::Fresh, "the backends are read every 3.75 s");
    }
}
