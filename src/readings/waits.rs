//! Who waits for whom: sessions that wait for a lock, and the pids that block each.
//!
//! Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::threshold::Threshold;

/// From so many waiting sessions on it is critical, however short they wait.
pub const MANY: usize = 5;

/// Seconds that a session waits. Shorter waits are everyday work; from the second limit on a web request has given up.
/// Source: the default timeout of gunicorn workers, 30 s.
pub const WAIT: Threshold = Threshold { warning: 5.0, critical: 30.0 };

/// The waiting sessions, each with the pids that block it (`pg_blocking_pids()`).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Waits(BTreeMap<i64, Vec<i64>>);

/// The way from a waiting session to the one that waits for nobody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain {
    /// The pids, the waiting one first, each blocked by the next.
    pub pids: Vec<i64>,
    /// In a circle (a deadlock in the making) the pid of the chain that blocks its last.
    pub closes_at: Option<i64>,
}

impl Waits {
    /// Takes each session's pid and the pids that block it; a session that nobody blocks is left out.
    pub fn of(sessions: impl IntoIterator<Item = (i64, Vec<i64>)>) -> Self {
        Self(sessions.into_iter().filter(|(_, blockers)| !blockers.is_empty()).collect())
    }

    /// Returns how many wait.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Returns the pids of those that wait.
    pub fn waiters(&self) -> impl Iterator<Item = i64> {
        self.0.keys().copied()
    }

    /// Follows the first blocker of each session.
    pub fn chain(&self, pid: i64) -> Chain {
        let mut pids = vec![pid];
        let mut here = pid;
        while let Some(next) = self.0.get(&here).and_then(|blockers| blockers.first()).copied() {
            if pids.contains(&next) {
                return Chain { pids, closes_at: Some(next) };
            }
            pids.push(next);
            here = next;
        }
        Chain { pids, closes_at: None }
    }

    /// Returns everybody a session waits for, directly or behind another.
    pub fn blockers(&self, waiter: i64) -> BTreeSet<i64> {
        let mut found = BTreeSet::new();
        let mut open = vec![waiter];
        while let Some(pid) = open.pop() {
            let next = self.0.get(&pid).into_iter().flatten().copied();
            open.extend(next.filter(|blocker| *blocker != waiter && found.insert(*blocker)));
        }
        found
    }

    /// Returns everybody that waits for a session, directly or behind another.
    pub fn behind(&self, pid: i64) -> BTreeSet<i64> {
        let mut found = BTreeSet::new();
        let mut open = vec![pid];
        while let Some(blocker) = open.pop() {
            let direct = self.0.iter().filter(|(_, blockers)| blockers.contains(&blocker)).map(|(waiter, _)| *waiter);
            open.extend(direct.filter(|waiter| *waiter != pid && found.insert(*waiter)));
        }
        found
    }
}

impl Chain {
    /// Returns the pid at its end.
    pub fn end(&self) -> i64 {
        self.pids.last().copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_of_waiters_ends() {
        let waits = Waits::of([(1, vec![2]), (2, vec![3]), (3, vec![1]), (4, vec![])]);
        assert_eq!(waits.count(), 3);
        assert_eq!(waits.blockers(1), BTreeSet::from([2, 3]));
        assert_eq!(waits.behind(1), BTreeSet::from([2, 3]));
        assert_eq!(waits.chain(1), Chain { pids: vec![1, 2, 3], closes_at: Some(1) });
    }

    #[test]
    fn a_chain_ends_at_the_one_that_waits_for_nobody() {
        let waits = Waits::of([(1, vec![2, 7]), (2, vec![3]), (5, vec![2])]);
        assert_eq!((waits.chain(1).end(), waits.chain(9).end()), (3, 9));
        assert_eq!(waits.blockers(1), BTreeSet::from([2, 3, 7]));
        assert_eq!(waits.behind(3), BTreeSet::from([1, 2, 5]));
    }
}
