//! When each probe is due.
//!
//! Pure: moments come from outside.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::pg::probes::{Lane, PROBES, Pace, Probe};

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

    /// Returns the time to the next reading of a probe that had no rows, where that makes a difference.
    pub fn without_rows(self, probe: &Probe) -> Option<Duration> {
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
    fn what_was_just_read_is_not_due() {
        let mut schedule = Schedule::new(Lane::Tick);
        let now = Instant::now();
        let all = schedule.due(now, Duration::ZERO);
        assert!(all.iter().any(|probe| probe.name == "activity") && all.iter().all(|probe| probe.lane == Lane::Tick));
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
