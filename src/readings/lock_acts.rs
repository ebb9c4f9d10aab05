//! What a cancel or the end of a session would do for those that wait, and which of them is best.
//!
//! Pure. An act is proposed only where it can be done, by its kind of process, its state and this role's rights.

use std::collections::{BTreeMap, BTreeSet};

use super::act::{Prospect, SignalKind, prospect};
use super::backends::Backend;
use super::lock_graph::{LockGraph, Prediction, Removal};
use crate::sample::ServerFacts;
use crate::sample::unit::counted;

/// Sessions that are looked at; those that most wait behind come first.
const MOST: usize = 24;

/// What an act on a session would do for those that wait behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forecast {
    /// The act.
    pub kind: SignalKind,
    /// The session.
    pub pid: i64,
    /// Whose wait ends at once.
    pub runs: BTreeSet<i64>,
    /// Whose wait ends too, unless a savepoint or the session itself keeps the lock.
    pub runs_likely: BTreeSet<i64>,
    /// Whose wait ends too if it is for another row than that of those who run.
    pub may_run: BTreeSet<i64>,
    /// Who waits on with one less before it.
    pub moves_up: BTreeSet<i64>,
    /// Who waits on as before.
    pub stays: BTreeSet<i64>,
    /// Whether the order in which they wait is known (14).
    pub is_certain: bool,
    /// Whose lock was not read yet: what follows for them is not known.
    pub unknown: BTreeSet<i64>,
}

impl Forecast {
    /// Reckons what an act on a session would do.
    ///
    /// A cancel ends the wait of a session for certain, and with it its transaction; within a block a savepoint may keep the
    /// locks that it has (subtransaction abort, `AbortSubTransaction()` in xact.c).
    pub fn of(graph: &LockGraph, one: &Backend, kind: SignalKind) -> Self {
        let is_block = one.xact_started.zip(one.query_started).is_some_and(|(xact, query)| xact < query);
        let all = match kind {
            SignalKind::Terminate => graph.predict(one.pid, Removal::Session),
            SignalKind::Cancel => graph.predict(one.pid, Removal::Transaction),
        };
        let mut forecast = Self::by(kind, one.pid, all);
        if kind == SignalKind::Cancel && is_block {
            let certain = graph.predict(one.pid, Removal::Statement).runs;
            forecast.runs_likely = forecast.runs.difference(&certain).copied().collect();
            forecast.runs = certain;
        }
        forecast
    }

    /// Reckons what the end of a prepared transaction would do.
    pub fn of_prepared(graph: &LockGraph, node: i64) -> Self {
        Self::by(SignalKind::Terminate, node, graph.predict(node, Removal::Session))
    }

    fn by(kind: SignalKind, pid: i64, prediction: Prediction) -> Self {
        let Prediction { runs, may_run, moves_up, stays, is_certain, unknown } = prediction;
        Self { kind, pid, runs, runs_likely: BTreeSet::new(), may_run, moves_up, stays, is_certain, unknown }
    }

    /// Returns everybody whose wait is expected to end.
    pub fn freed(&self) -> BTreeSet<i64> {
        self.runs.union(&self.runs_likely).copied().collect()
    }

    /// Returns what would follow, in a sentence without its end: `48 sessions stop waiting`.
    pub fn words(&self) -> String {
        let sessions = |count: usize| counted(count, "session", "sessions");
        let runs = |set: &BTreeSet<i64>| match (set.len(), set.first()) {
            (1, Some(only)) => format!("pid {only} stops waiting"),
            (count, _) => format!("{} stop waiting", sessions(count)),
        };
        let mut parts = Vec::new();
        if !self.runs.is_empty() {
            let likely = if self.is_certain { "" } else { " (likely: this release does not say who waits first)" };
            parts.push(format!("{}{likely}", runs(&self.runs)));
        }
        if !self.runs_likely.is_empty() {
            parts.push(format!("{}, unless pid {} has a savepoint", runs(&self.runs_likely), self.pid));
        }
        if !self.may_run.is_empty() {
            let other = if self.may_run.len() == 1 { "it wants" } else { "they want" };
            parts.push(format!("{} too, if {other} another row", runs(&self.may_run)));
        }
        if !self.moves_up.is_empty() {
            let verb = if self.moves_up.len() == 1 { "moves" } else { "move" };
            parts.push(format!("{} {verb} up in the queue", sessions(self.moves_up.len())));
        }
        if !self.stays.is_empty() {
            let verb = if self.stays.len() == 1 { "keeps waiting" } else { "keep waiting" };
            let for_whom = match (self.freed().len(), self.freed().first()) {
                (1, Some(next)) => format!(" until pid {next} is done"),
                _ => String::new(),
            };
            parts.push(format!("{} {verb}{for_whom}", sessions(self.stays.len())));
        }
        if !self.unknown.is_empty() && parts.is_empty() {
            return "not known until the locks are read".to_owned();
        }
        if !self.unknown.is_empty() {
            parts.push(format!(
                "not known for {} that began to wait after the locks were read",
                sessions(self.unknown.len())
            ));
        }
        if parts.is_empty() { "no one waits behind it".to_owned() } else { parts.join("; ") }
    }
}

/// Returns the acts that free somebody or bring them nearer, the best first: the one that frees most at once; of equal ones
/// a cancel, which leaves the session connected, before an end.
pub fn proposals(graph: &LockGraph, sessions: &[Backend], facts: &ServerFacts) -> Vec<Forecast> {
    let mut found: Vec<Forecast> = candidates(graph)
        .into_iter()
        .filter_map(|node| sessions.iter().find(|one| one.pid == node))
        // The server cancels that by itself.
        .filter(|one| !one.gives_way())
        .filter_map(|one| {
            let kind = if one.is_active() { SignalKind::Cancel } else { SignalKind::Terminate };
            let is_possible = matches!(prospect(kind, one, sessions, facts), Prospect::Possible(_));
            is_possible.then(|| Forecast::of(graph, one, kind))
        })
        .filter(|forecast| !forecast.freed().is_empty() || !forecast.moves_up.is_empty())
        .collect();
    found.sort_by_key(|forecast| {
        let is_end = forecast.kind == SignalKind::Terminate;
        let (runs, freed) = (forecast.runs.len(), forecast.freed().len());
        (std::cmp::Reverse((freed, runs, forecast.moves_up.len())), is_end, forecast.pid)
    });
    found
}

/// Returns the sessions whose going may free others: the roots, and those that others hang below.
fn candidates(graph: &LockGraph) -> Vec<i64> {
    let mut behind: BTreeMap<i64, usize> = BTreeMap::new();
    let parents = graph.waiting().into_iter().filter_map(|node| graph.parent(node));
    for node in parents.chain(graph.roots().iter().flat_map(|root| root.members.iter().copied())) {
        behind.entry(node).or_insert_with(|| graph.count_behind(node));
    }
    let mut nodes: Vec<(usize, i64)> =
        behind.into_iter().map(|(node, count)| (count, node)).filter(|(_, node)| *node > 0).collect();
    nodes.sort_by_key(|(count, node)| (std::cmp::Reverse(*count), *node));
    nodes.into_iter().take(MOST).map(|(_, node)| node).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};
    use crate::readings::Readings;

    fn facts() -> ServerFacts {
        ServerFacts { is_superuser: true, ..ServerFacts::default() }
    }

    /// An ALTER of a migration behind a forgotten transaction, readers behind it.
    fn classic() -> std::rc::Rc<Readings> {
        Readings::of(
            snapshot()
                .with(
                    "activity",
                    vec![
                        row! { pid: 1, state: "idle in transaction", backend_type: "client backend", user: "web", xact_start: 1.0,
                        query_start: 2.0 },
                        row! { pid: 2, state: "active", backend_type: "client backend", user: "web", wait_event_type: "Lock",
                        xact_start: 3.0, query_start: 3.0, blocked_by: [1] },
                        row! { pid: 3, state: "active", backend_type: "client backend", user: "web", wait_event_type: "Lock",
                        xact_start: 4.0, query_start: 4.0, blocked_by: [2] },
                        row! { pid: 4, state: "active", backend_type: "client backend", user: "web", wait_event_type: "Lock",
                        xact_start: 5.0, query_start: 5.0, blocked_by: [2] },
                    ],
                )
                .with(
                    "locks",
                    vec![
                        row! { target: "relation 1", locktype: "relation", mode: "AccessShareLock", granted: true, pids: [1],
                        since: [0] },
                        row! { target: "relation 1", locktype: "relation", mode: "AccessExclusiveLock", granted: false,
                        pids: [2], since: [3000] },
                        row! { target: "relation 1", locktype: "relation", mode: "AccessShareLock", granted: false,
                        pids: [3, 4], since: [4000, 5000] },
                    ],
                ),
        )
    }

    #[test]
    fn the_act_that_frees_most_at_once_is_the_best() {
        let readings = classic();
        let found = proposals(readings.lock_graph(), readings.backends().unwrap(), &facts());
        let said: Vec<String> =
            found.iter().map(|act| format!("{} {}: {}", act.kind.verb(), act.pid, act.words())).collect();
        assert_eq!(
            said,
            [
                "cancel 2: 2 sessions stop waiting",
                "terminate 1: pid 2 stops waiting; 2 sessions keep waiting until pid 2 is done"
            ]
        );
    }

    #[test]
    fn what_the_role_may_not_do_is_not_proposed() {
        let readings = classic();
        let facts = ServerFacts { role: "ops".to_owned(), ..ServerFacts::default() };
        let others =
            readings.backends().unwrap().iter().map(|one| Backend { has_our_role: Some(false), ..one.clone() });
        assert_eq!(proposals(readings.lock_graph(), &others.collect::<Vec<_>>(), &facts), vec![]);
    }

    #[test]
    fn within_a_block_a_savepoint_may_keep_what_a_cancelled_session_has() {
        let readings = classic();
        let holder =
            Backend { xact_started: Some(1.0), query_started: Some(2.0), ..readings.backends().unwrap()[0].clone() };
        let forecast = Forecast::of(readings.lock_graph(), &holder, SignalKind::Cancel);
        assert!(forecast.runs.is_empty() && forecast.runs_likely == BTreeSet::from([2]), "{forecast:?}");
        assert!(forecast.words().contains("unless pid 1 has a savepoint"));
    }
}
