//! Who waits for whom, and what would follow if one of them went.
//!
//! Pure. Built from the queues of the locks (`pg_locks`), and for sessions that stand in none of them from
//! `pg_blocking_pids()`. A session waits for those that have its lock in a mode that conflicts (hard), and for those that
//! wait for it in such a mode ahead of it (soft): `lockfuncs.c`, `ProcLockWakeup()` in proc.c. Parallel workers are folded
//! into their leader, as `pg_blocking_pids()` does.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::backends::Backend;
use super::locks::{AtLock, LockMode, LockQueue, ModeSet, PreparedTransaction};
use super::threshold::Threshold;
use crate::sample::Timestamp;

/// From so many waiting sessions on it is critical, however short they wait.
pub const MANY: usize = 5;

/// Seconds that a session waits. Shorter waits are everyday work; from the second limit on a web request has given up.
/// Source: the default timeout of gunicorn workers, 30 s.
pub const WAIT: Threshold = Threshold { warning: 5.0, critical: 30.0 };

/// Where a session stands.

#[derive(Debug, Clone, Default)]
struct Places {
    /// The queues of the locks it has that somebody waits for.
    holds: Vec<usize>,
    /// The queue it waits in, and its place there.
    waits: Option<(usize, usize)>,
}

/// The sessions that wait, those they wait for, and the locks.
#[derive(Debug, Clone, Default)]
pub struct LockGraph {
    queues: Vec<LockQueue>,
    places: HashMap<i64, Places>,
    /// Of each queue, whether those who wait in it keep nobody waiting elsewhere.
    is_simple: Vec<bool>,
    /// Of sessions that stand in no queue: who blocks them.
    unqueued: BTreeMap<i64, Vec<i64>>,
    /// Those of them that wait for no lock, but for serializable transactions to end.
    for_snapshots: BTreeSet<i64>,
    prepared: Vec<PreparedTransaction>,
    roots: Vec<LockRoot>,
}

/// What stands at the top of a tree: one that waits for nobody, or the members of a ring, the lowest pid first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockRoot {
    /// Its sessions.
    pub members: Vec<i64>,
    /// Who waits behind it, directly or not.
    pub behind: BTreeSet<i64>,
}

impl LockRoot {
    /// Returns the session it is named by.
    pub fn first(&self) -> i64 {
        self.members.first().copied().unwrap_or_default()
    }

    /// Whether they wait for each other: the server ends one of them after `deadlock_timeout`.
    pub fn is_ring(&self) -> bool {
        self.members.len() > 1
    }
}

/// What is taken away from a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// Its session: every lock, and its place in a queue.
    Session,
    /// Its statement and its transaction: all but advisory locks, which may be the session's.
    Transaction,
    /// Its statement: its place in a queue.
    Statement,
}

/// The wait of a session as a sample saw it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SeenWait {
    query_started: f64,
    is_for_place: bool,
    target: String,
    since: Timestamp,
}

/// What would follow for those that wait behind a session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prediction {
    /// Whose wait ends before anybody else that waits has finished.
    pub runs: BTreeSet<i64>,
    /// Whose wait ends too if it is for another row than that of those who run.
    pub may_run: BTreeSet<i64>,
    /// Who has one less before it, and waits on.
    pub moves_up: BTreeSet<i64>,
    /// Who waits as before, for somebody else.
    pub stays: BTreeSet<i64>,
    /// Whether the server says in which order they wait (14).
    pub is_certain: bool,
    /// Whose lock was not read yet: what follows for them is not known.
    pub unknown: BTreeSet<i64>,
}

impl LockGraph {
    /// Builds it of the queues and the sessions of one sample.
    pub fn of(mut queues: Vec<LockQueue>, prepared: Vec<PreparedTransaction>, sessions: &[Backend]) -> Self {
        let leaders: HashMap<i64, i64> = sessions.iter().filter_map(|one| Some((one.pid, one.leader?))).collect();
        let started: HashMap<i64, f64> =
            sessions.iter().filter_map(|one| Some((one.pid, one.query_started?))).collect();
        // The sessions are read more often than the locks: who does not wait any more is in no queue.
        let done: BTreeSet<i64> =
            sessions.iter().filter(|one| !one.is_waiting && !one.is_hidden).map(|one| one.pid).collect();
        for queue in &mut queues {
            queue.waiting.retain(|one| !done.contains(&one.node));
            if !queue.is_ordered {
                // Before 14 the best that is known of the order is when the statements started.
                let moment = |one: &AtLock| started.get(&one.node).copied().unwrap_or(f64::INFINITY);
                queue.waiting.sort_by(|left, right| moment(left).total_cmp(&moment(right)));
            }
            for one in queue.held.iter_mut().chain(&mut queue.waiting) {
                one.node = leaders.get(&one.node).copied().unwrap_or(one.node);
            }
        }
        queues.retain(|queue| !queue.waiting.is_empty());
        let mut places: HashMap<i64, Places> = HashMap::new();
        for (at, queue) in queues.iter().enumerate() {
            for held in &queue.held {
                places.entry(held.node).or_default().holds.push(at);
            }
            for (place, waiting) in queue.waiting.iter().enumerate() {
                places.entry(waiting.node).or_default().waits.get_or_insert((at, place));
            }
        }
        let is_queued = |pid: i64| places.get(&pid).is_some_and(|places| places.waits.is_some());
        let others = |one: &Backend| one.blocked_by.iter().copied().filter(|other| *other != one.pid).collect();
        let unqueued: BTreeMap<i64, Vec<i64>> = sessions
            .iter()
            .filter(|one| !one.blocked_by.is_empty() && one.leader.is_none() && !is_queued(one.pid))
            .map(|one| (one.pid, others(one)))
            .collect();
        let blocking: BTreeSet<i64> = unqueued.values().flatten().copied().collect();
        let keeps_nobody = |one: &AtLock| {
            !blocking.contains(&one.node) && places.get(&one.node).is_none_or(|places| places.holds.is_empty())
        };
        let is_simple = queues.iter().map(|queue| queue.waiting.iter().all(keeps_nobody)).collect();
        let for_snapshots = sessions.iter().filter(|one| one.wants_safe_snapshot()).map(|one| one.pid).collect();
        let graph = Self { queues, places, is_simple, unqueued, for_snapshots, prepared, roots: Vec::new() };
        Self { roots: graph.find_roots(), ..graph }
    }

    /// Returns the wait of each session whose start is known, for the sample that follows: as it is here, or as an earlier
    /// sample saw it if its lock was not read yet.
    pub(super) fn seen_waits(&self, earlier: &HashMap<i64, SeenWait>, sessions: &[Backend]) -> HashMap<i64, SeenWait> {
        let seen = |one: &Backend| {
            let Some((queue, wanted)) = self.wants(one.pid) else {
                let before = earlier.get(&one.pid).filter(|seen| one.query_started == Some(seen.query_started));
                return before.filter(|_| one.is_waiting).map(|seen| (one.pid, seen.clone()));
            };
            let (query_started, since) = one.query_started.zip(wanted.since)?;
            let is_for_place = queue.locktype == "tuple";
            Some((one.pid, SeenWait { query_started, is_for_place, target: queue.target.clone(), since }))
        };
        sessions.iter().filter_map(seen).collect()
    }

    /// Lets a wait go on that an earlier sample saw.
    ///
    /// Who waits for a row stands in two queues, one after the other: that for the place at the row, then that for the
    /// transaction that has it. The server counts each by itself.
    pub(super) fn go_on(&mut self, earlier: &HashMap<i64, SeenWait>, sessions: &[Backend]) {
        for session in sessions {
            let Some(before) =
                earlier.get(&session.pid).filter(|seen| session.query_started == Some(seen.query_started))
            else {
                continue;
            };
            let Some((at, place)) = self.places.get(&session.pid).and_then(|places| places.waits) else { continue };
            let Some(queue) = self.queues.get_mut(at) else { continue };
            let moved_up = before.is_for_place && queue.locktype == "transactionid";
            if !moved_up && queue.target != before.target {
                continue;
            }
            if let Some(since) = queue.waiting.get_mut(place).and_then(|one| one.since.as_mut()) {
                *since = Timestamp(since.0.min(before.since.0));
            }
        }
    }

    /// Returns how many wait.
    pub fn count(&self) -> usize {
        self.waiting().len()
    }

    /// Returns who waits.
    pub fn waiting(&self) -> BTreeSet<i64> {
        let queued = self.places.iter().filter(|(_, places)| places.waits.is_some()).map(|(node, _)| *node);
        queued.chain(self.unqueued.keys().copied()).collect()
    }

    /// Whether it waits.
    pub fn waits(&self, node: i64) -> bool {
        self.unqueued.contains_key(&node) || self.places.get(&node).is_some_and(|places| places.waits.is_some())
    }

    /// Whether it waits for a lock that was not read yet: locks are read a little after sessions.
    pub fn is_unread(&self, node: i64) -> bool {
        self.unqueued.contains_key(&node) && !self.for_snapshots.contains(&node)
    }

    /// Returns what a session waits for: the lock and the mode.
    pub fn wants(&self, node: i64) -> Option<(&LockQueue, AtLock)> {
        let (at, place) = self.places.get(&node)?.waits?;
        let queue = self.queues.get(at)?;
        Some((queue, *queue.waiting.get(place)?))
    }

    /// Returns the locks that a session has and somebody waits for, each with its strongest mode.
    pub fn holds(&self, node: i64) -> Vec<(&LockQueue, LockMode)> {
        let mut held: Vec<(&LockQueue, LockMode)> = Vec::new();
        for queue in
            self.places.get(&node).into_iter().flat_map(|places| &places.holds).filter_map(|at| self.queues.get(*at))
        {
            let modes = queue.held.iter().filter(|one| one.node == node).map(|one| one.mode);
            if let Some(mode) = modes.max().filter(|_| !held.iter().any(|(known, _)| known.target == queue.target)) {
                held.push((queue, mode));
            }
        }
        held
    }

    /// Returns the prepared transactions, where one of them blocks.
    pub fn all_prepared(&self) -> &[PreparedTransaction] {
        &self.prepared
    }

    /// Returns the prepared transaction of a node.
    pub fn prepared(&self, node: i64) -> Option<&PreparedTransaction> {
        self.prepared.iter().find(|one| one.node == node)
    }

    /// Returns how long it has waited at a moment, in seconds: as the server says (14), else since its statement began.
    pub fn waited(&self, node: i64, session: Option<&Backend>, now: Timestamp) -> Option<f64> {
        let since = self.wants(node).and_then(|(_, wanted)| wanted.since);
        since.map(|since| (now.0 - since.0).max(0.0)).or_else(|| session?.query_age)
    }

    /// Returns those that have what a session waits for.
    pub fn holders(&self, node: i64) -> Vec<i64> {
        let Some((queue, wanted)) = self.wants(node) else { return Vec::new() };
        let mut found: Vec<i64> = Vec::new();
        for held in queue.held.iter().filter(|held| held.node != node && held.mode.conflicts_with(wanted.mode)) {
            if !found.contains(&held.node) {
                found.push(held.node);
            }
        }
        found
    }

    /// Returns those that wait for the same lock ahead of a session, in a mode that conflicts.
    fn ahead(&self, node: i64) -> impl DoubleEndedIterator<Item = &AtLock> {
        let place = self.places.get(&node).and_then(|places| places.waits);
        let until = place.and_then(|(at, place)| self.queues.get(at)?.waiting.get(..=place));
        let (own, before) = until.and_then(<[AtLock]>::split_last).unzip();
        let conflicts = own.map(|own| own.mode.conflicts()).unwrap_or_default();
        before.unwrap_or_default().iter().filter(move |one| one.node != node && conflicts.has(one.mode))
    }

    /// Returns those it waits for directly, as few as lead to all of them: of those of one mode ahead of it that wait for
    /// each other, the last.
    fn blockers(&self, node: i64) -> Vec<i64> {
        let mut found = self.holders(node);
        found.extend(self.unqueued.get(&node).into_iter().flatten());
        let mut covered = ModeSet::default();
        for one in self.ahead(node).rev() {
            if !covered.has(one.mode) {
                found.push(one.node);
                if one.mode.conflicts_with(one.mode) {
                    covered.add(one.mode);
                }
            }
        }
        found
    }

    /// Returns how many wait behind a session, directly or not.
    pub fn count_behind(&self, node: i64) -> usize {
        // Of hundreds that wait in one queue and hold nothing else, each is asked for.
        let Some((at, place)) =
            self.places.get(&node).filter(|places| places.holds.is_empty()).and_then(|own| own.waits)
        else {
            return self.behind(node).len();
        };
        let Some(queue) = self.queues.get(at).filter(|_| self.is_simple.get(at) == Some(&true)) else {
            return self.behind(node).len();
        };
        let mut reached = ModeSet::default();
        let mut count = 0;
        for (later, one) in queue.waiting.iter().enumerate().skip(place) {
            if later == place || one.mode.conflicts().meets(reached) {
                reached.add(one.mode);
                count += usize::from(later != place);
            }
        }
        count
    }

    /// Returns everybody that waits behind a session, directly or not.
    pub fn behind(&self, node: i64) -> BTreeSet<i64> {
        self.behind_all(&[node])
    }

    fn behind_all(&self, nodes: &[i64]) -> BTreeSet<i64> {
        let mut found: BTreeSet<i64> = BTreeSet::new();
        let mut open = nodes.to_vec();
        // For each queue and mode the first place from which on everybody was looked at.
        let mut seen: HashMap<(usize, LockMode), usize> = HashMap::new();
        while let Some(node) = open.pop() {
            let unqueued =
                self.unqueued.iter().filter(|(_, blockers)| blockers.contains(&node)).map(|(waiter, _)| *waiter);
            let mut next: Vec<i64> = unqueued.collect();
            for (at, mode, from) in self.reach(node) {
                let known = seen.entry((at, mode)).or_insert(usize::MAX);
                if from >= *known {
                    continue;
                }
                let until = std::mem::replace(known, from);
                let waiting = self.queues.get(at).map(|queue| queue.waiting.as_slice()).unwrap_or_default();
                let fresh = waiting.iter().take(until).skip(from);
                next.extend(fresh.filter(|one| one.mode.conflicts_with(mode)).map(|one| one.node));
            }
            open.extend(next.into_iter().filter(|waiter| !nodes.contains(waiter) && found.insert(*waiter)));
        }
        found
    }

    /// Returns where a session keeps others waiting: the queue, its mode, and the first place that it is ahead of.
    fn reach(&self, node: i64) -> Vec<(usize, LockMode, usize)> {
        let Some(places) = self.places.get(&node) else { return Vec::new() };
        let mut reach = Vec::new();
        for at in &places.holds {
            let held = self.queues.get(*at).map(|queue| queue.held.as_slice()).unwrap_or_default();
            reach.extend(held.iter().filter(|one| one.node == node).map(|one| (*at, one.mode, 0)));
        }
        if let Some((at, place)) = places.waits
            && let Some(queue) = self.queues.get(at)
            && let Some(own) = queue.waiting.get(place)
        {
            reach.push((at, own.mode, place + 1));
        }
        reach
    }

    /// Returns the tops of the trees, those that most sessions wait behind first.
    pub fn roots(&self) -> &[LockRoot] {
        &self.roots
    }

    fn find_roots(&self) -> Vec<LockRoot> {
        let mut roots: Vec<LockRoot> =
            self.tops().into_iter().map(|members| LockRoot { behind: self.behind_all(&members), members }).collect();
        roots.sort_by_key(|root| (std::cmp::Reverse(root.behind.len()), root.first()));
        roots
    }

    /// Returns the groups of sessions that wait for nobody outside of the group and are waited for.
    fn tops(&self) -> Vec<Vec<i64>> {
        let waiting = self.waiting();
        let blockers: BTreeMap<i64, Vec<i64>> = waiting.iter().map(|node| (*node, self.blockers(*node))).collect();
        let free: BTreeSet<i64> = blockers.values().flatten().copied().filter(|node| !waiting.contains(node)).collect();
        let mut tops: Vec<Vec<i64>> = free.into_iter().map(|node| vec![node]).collect();
        // Who is behind none of these waits, at the end, for itself.
        let mut reached: BTreeSet<i64> = tops.iter().flatten().copied().collect();
        let mut below: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for (waiter, blockers) in &blockers {
            for blocker in blockers {
                below.entry(*blocker).or_default().push(*waiter);
            }
        }
        let spread = |reached: &mut BTreeSet<i64>, from: Vec<i64>| {
            let mut open = from;
            while let Some(node) = open.pop() {
                open.extend(below.get(&node).into_iter().flatten().copied().filter(|waiter| reached.insert(*waiter)));
            }
        };
        let from = reached.iter().copied().collect();
        spread(&mut reached, from);
        for node in waiting.iter().copied() {
            if reached.contains(&node) {
                continue;
            }
            let ring = ring_of(node, &blockers);
            // One that waits for nobody who was read stands alone.
            let members = if ring.is_empty() { vec![node] } else { ring };
            reached.extend(&members);
            spread(&mut reached, members.clone());
            tops.push(members);
        }
        tops
    }

    /// Returns below whom a waiting session hangs: one ahead of it in another mode, else who has the lock, else who is ahead.
    pub fn parent(&self, node: i64) -> Option<i64> {
        let wanted = self.wants(node).map(|(_, wanted)| wanted.mode);
        let soft = self.ahead(node).find(|one| Some(one.mode) != wanted).map(|one| one.node);
        soft.or_else(|| self.holders(node).first().copied())
            .or_else(|| self.ahead(node).next().map(|one| one.node))
            .or_else(|| self.unqueued.get(&node)?.first().copied())
    }

    /// Returns what would follow if something were taken away from a session.
    pub fn predict(&self, node: i64, removal: Removal) -> Prediction {
        let behind = self.behind(node);
        let mut prediction = Prediction { is_certain: true, ..Prediction::default() };
        let places = self.places.get(&node).cloned().unwrap_or_default();
        let mut touched: BTreeSet<usize> = places.waits.map(|(at, _)| at).into_iter().collect();
        touched.extend(places.holds);
        for queue in touched.into_iter().filter_map(|at| self.queues.get(at)) {
            let loses =
                removal == Removal::Session || (removal == Removal::Transaction && queue.locktype != "advisory");
            let mut held: Vec<AtLock> = queue.held.iter().filter(|one| !loses || one.node != node).copied().collect();
            let own = queue.waiting.iter().position(|one| one.node == node);
            let was_held = loses.then(|| queue.held.iter().filter(|one| one.node == node)).into_iter().flatten();
            let was: Vec<LockMode> = was_held.map(|one| one.mode).collect();
            prediction.is_certain &= queue.is_ordered;
            let mut ahead = ModeSet::default();
            for (place, one) in queue.waiting.iter().enumerate().filter(|(_, one)| one.node != node) {
                let was_ahead = own.is_some_and(|own| place > own)
                    && own.and_then(|own| queue.waiting.get(own)).is_some_and(|own| own.mode.conflicts_with(one.mode));
                let was_before = was_ahead || was.iter().any(|mode| mode.conflicts_with(one.mode));
                let conflicts = one.mode.conflicts();
                let is_kept = held.iter().any(|other| other.node != one.node && conflicts.has(other.mode))
                    || conflicts.meets(ahead);
                if is_kept {
                    ahead.add(one.mode);
                } else {
                    held.push(*one);
                }
                if !was_before {
                    continue;
                }
                // Who gets the lock on a row's place, or on one of several virtual transactions, then waits for the next.
                let waits_on = matches!(queue.locktype.as_str(), "tuple" | "virtualxid");
                // All that wait for a transaction are told of its end; of those who want one row the first then has it.
                let is_second = queue.locktype == "transactionid" && !prediction.runs.is_empty();
                let set = match (is_kept || waits_on, is_second) {
                    (true, _) => &mut prediction.moves_up,
                    (false, true) => &mut prediction.may_run,
                    (false, false) => &mut prediction.runs,
                };
                set.insert(one.node);
            }
        }
        if removal != Removal::Statement {
            // A safe snapshot is there when the last of those transactions has ended.
            for waiter in &self.for_snapshots {
                let blockers = self.unqueued.get(waiter).map(Vec::as_slice).unwrap_or_default();
                if blockers.contains(&node) {
                    let set = if blockers.len() == 1 { &mut prediction.runs } else { &mut prediction.moves_up };
                    set.insert(*waiter);
                }
            }
        }
        prediction.moves_up = prediction.moves_up.difference(&prediction.runs).copied().collect();
        prediction.unknown = behind.iter().copied().filter(|waiter| self.is_unread(*waiter)).collect();
        let told: BTreeSet<i64> =
            prediction.runs.iter().chain(&prediction.moves_up).chain(&prediction.may_run).copied().collect();
        prediction.stays =
            behind.difference(&told).copied().filter(|waiter| !prediction.unknown.contains(waiter)).collect();
        prediction
    }
}

/// Returns the members of a ring that a session is in or leads to, the lowest first; none where there is no ring.
fn ring_of(node: i64, blockers: &BTreeMap<i64, Vec<i64>>) -> Vec<i64> {
    let reach = |from: i64| {
        let mut found: BTreeSet<i64> = BTreeSet::new();
        let mut open = vec![from];
        while let Some(node) = open.pop() {
            open.extend(blockers.get(&node).into_iter().flatten().copied().filter(|blocker| found.insert(*blocker)));
        }
        found
    };
    let ahead = reach(node);
    // The ring that waits for nobody outside of it is the smallest set that some session reaches.
    let sets = ahead.iter().map(|other| reach(*other)).filter(|set| !set.is_empty());
    let last = sets.min_by_key(BTreeSet::len);
    last.map(|set| set.into_iter().collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
