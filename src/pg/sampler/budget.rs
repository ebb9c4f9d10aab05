//! What is read each second, against its share of the budget: it slows down by itself, and recovers.
//!
//! Pure: moments come from outside.

use std::time::{Duration, Instant};

/// How long the cost is watched before the pace is judged.
const WINDOW: Duration = Duration::from_secs(5);

/// The slowest: so many times the pace asked for.
const SLOWEST: f64 = 30.0;

/// What is read each second may use so much of the budget; the rest is for what is read with samples and now and then.
const SHARE: f64 = 0.5;

/// The connections of one pgdj: two that sample, one that acts.
const CONNECTIONS: usize = 3;

/// The budget is shared among so many at most: sessions that only have our name slow nothing down for ever.
const MOST_PROGRAMS: usize = 20;

/// Returns what one program may use of a budget where so many sessions of other pgdj's are on the server.
pub(super) fn share(budget: f64, others: usize) -> f64 {
    budget / (1 + others.div_ceil(CONNECTIONS)).min(MOST_PROGRAMS) as f64
}

/// Watches what the readings of each second cost.
#[derive(Debug)]
pub struct Budget {
    /// Server seconds allowed in each second.
    limit: f64,
    spent: f64,
    since: Instant,
    factor: f64,
}

impl Budget {
    /// Starts to watch, at the pace asked for; `budget` is the server's seconds that pgdj may use in each second.
    pub fn new(budget: f64, now: Instant) -> Self {
        Self { limit: budget * SHARE, spent: 0.0, since: now, factor: 1.0 }
    }

    /// Takes another budget.
    pub(super) fn allow(&mut self, budget: f64) {
        self.limit = budget * SHARE;
    }

    /// Notes what a reading cost the server, and judges the pace once in a while.
    pub fn spend(&mut self, server_seconds: f64, now: Instant) {
        self.spent += server_seconds.max(0.0);
        let watched = now.saturating_duration_since(self.since);
        if watched < WINDOW.mul_f64(self.factor) {
            return;
        }
        let share = self.spent / watched.as_secs_f64() / self.limit.max(1e-6);
        if share > 1.0 {
            self.factor = (self.factor * share.clamp(1.1, 2.0)).min(SLOWEST);
        } else if share < 0.6 {
            self.factor = (self.factor * 0.7).max(1.0);
        }
        self.spent = 0.0;
        self.since = now;
    }

    /// Returns how often the backends are read and snapshots published.
    pub fn second(&self, second: Duration) -> Duration {
        second.mul_f64(self.factor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a minute of readings each costing so much, and returns the pace in force for one of a second.
    fn pace_after(budget: &mut Budget, now: &mut Instant, cost: f64) -> Duration {
        let end = *now + Duration::from_mins(1);
        while *now < end {
            *now += budget.second(Duration::from_secs(1));
            budget.spend(cost, *now);
        }
        budget.second(Duration::from_secs(1))
    }

    #[test]
    fn several_programs_share_one_budget() {
        let shares = [0, 1, 3, 4, 57, 6000].map(|others| (0.02 / share(0.02, others)).round() as i64);
        assert_eq!(shares, [1, 2, 2, 3, 20, 20]);
        let mut now = Instant::now();
        let mut budget = Budget::new(0.02, now);
        budget.allow(share(0.02, 57));
        let slowed = pace_after(&mut budget, &mut now, 0.002);
        assert!(slowed > Duration::from_secs(3), "{slowed:?}");
    }

    #[test]
    fn a_dear_reading_is_made_less_often_until_it_is_cheap_again() {
        let mut now = Instant::now();
        let mut budget = Budget::new(0.02, now);
        assert_eq!(pace_after(&mut budget, &mut now, 0.005), Duration::from_secs(1));
        let slowed = pace_after(&mut budget, &mut now, 0.05);
        assert!(slowed > Duration::from_secs(4) && slowed < Duration::from_secs(12), "{slowed:?}");
        pace_after(&mut budget, &mut now, 0.005);
        assert_eq!(pace_after(&mut budget, &mut now, 0.005), Duration::from_secs(1));
    }
}
