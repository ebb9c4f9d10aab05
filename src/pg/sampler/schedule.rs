//! When each probe is due.
//!
//! Pure: moments come from outside.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::pg::probes::{Lane, PROBES, Pace, Probe};

/// The longest that a dear probe rests: older figures would not be of this incident.
const LONGEST_REST: Duration = Duration::from_secs(10 * 60);

/// When each probe of a lane is due next; one that is not here is due now.
#[derive(Debug)]
pub struct Schedule {
    lane: Lane,
    next: BTreeMap<&'static str, Instant>,
}

/// The paces in force.
#[derive(Debug, Clone, Copy)]
pub struct Paces {
    /// Of [`Pace::Second`].
    pub second: Duration,
    /// Of [`Pace::Sample`].
    pub sample: Duration,
}

impl Paces {
    /// Returns the time from one reading of a probe to the next; `None` for one that is asked for.
    pub fn interval(self, probe: &Probe) -> Option<Duration> {
        match probe.pace {
            Pace::Second => Some(self.second),
            Pace::Sample | Pace::WhileRows(_) => Some(self.sample),
            Pace::Every(interval) => Some(interval.max(self.sample)),
            Pace::Asked => None,
        }
    }

    /// Returns how long a probe rests that took so long: what is dear is read less often, and slows nothing else.
    ///
    /// `budget` is the server's seconds that pgdj may use in each second. What is read each second has another limit
    /// ([`super::budget`]); what comes with each sample may have a tenth of it, what comes now and then a twentieth.
    pub fn rest(probe: &Probe, took: Duration, budget: f64) -> Duration {
        let share = match probe.pace {
            Pace::Second => return Duration::ZERO,
            Pace::Sample | Pace::WhileRows(_) | Pace::Asked => 0.1,
            Pace::Every(_) => 0.05,
        };
        took.div_f64((budget * share).max(1e-6)).min(LONGEST_REST)
    }

    /// Returns the time to the next reading of a probe that had no rows, where that makes a difference.
    pub(crate) fn without_rows(self, probe: &Probe) -> Option<Duration> {
        match probe.pace {
            Pace::WhileRows(interval) => Some(interval.max(self.sample)),
            _ => None,
        }
    }
}

impl Schedule {
    /// A schedule in which all is due.
    pub fn new(lane: Lane) -> Self {
        Self { lane, next: BTreeMap::new() }
    }

    /// Makes everything due.
    pub fn clear(&mut self) {
        self.next.clear();
    }

    /// Returns the probes that are due now, or within `slack`, in the order of [`PROBES`].
    pub fn due(&self, now: Instant, slack: Duration) -> Vec<&'static Probe> {
        self.probes().filter(|probe| self.next.get(probe.name).is_none_or(|next| *next <= now + slack)).collect()
    }

    /// Makes a probe due.
    pub fn at_once(&mut self, probe: &str) {
        self.next.remove(probe);
    }

    /// Notes when a probe is due again.
    pub fn again(&mut self, probe: &Probe, at: Instant) {
        self.next.insert(probe.name, at);
    }

    /// Returns when the next probe is due, given those that are read at all.
    pub fn next(&self, is_read: impl Fn(&Probe) -> bool, now: Instant) -> Option<Instant> {
        self.probes()
            .filter(|probe| is_read(probe))
            .map(|probe| self.next.get(probe.name).copied().unwrap_or(now))
            .min()
    }

    fn probes(&self) -> impl Iterator<Item = &'static Probe> {
        PROBES.iter().copied().filter(|probe| probe.lane == self.lane && probe.pace != Pace::Asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg::probes::find;

    #[test]
    fn the_backends_are_read_each_second_whatever_the_pace() {
        let paces = Paces { second: Duration::from_secs(1), sample: Duration::from_secs(10) };
        for (probe, seconds) in [("activity", 1), ("server", 10), ("tables", 10), ("settings", 30)] {
            assert_eq!(paces.interval(find(probe).unwrap()), Some(Duration::from_secs(seconds)), "{probe}");
        }
        assert_eq!(paces.interval(find("statement_texts").unwrap()), None);
    }

    #[test]
    fn a_dear_probe_rests_and_a_cheap_one_keeps_its_pace() {
        let rest = |probe, milliseconds| {
            Paces::rest(find(probe).unwrap(), Duration::from_millis(milliseconds), 0.02).as_secs()
        };
        assert_eq!((rest("activity", 50), rest("statements", 4), rest("statements", 60)), (0, 2, 30));
        assert_eq!((rest("tables", 2), rest("indexes", 340), rest("index_stats", 2_000)), (2, 340, 600));
    }

    #[test]
    fn what_was_just_read_is_not_due() {
        let mut schedule = Schedule::new(Lane::Fast);
        let now = Instant::now();
        let all = schedule.due(now, Duration::ZERO);
        assert!(all.iter().any(|probe| probe.name == "activity") && all.iter().all(|probe| probe.lane == Lane::Fast));
        for probe in all {
            schedule.again(probe, now + Duration::from_secs(if probe.name == "activity" { 1 } else { 2 }));
        }
        let names = |schedule: &Schedule, seconds| -> Vec<&str> {
            let at = now + Duration::from_secs(seconds);
            schedule.due(at, Duration::from_millis(100)).iter().map(|probe| probe.name).collect()
        };
        assert_eq!(names(&schedule, 1), ["activity"]);
        assert!(names(&schedule, 2).len() > 5);
    }
}
