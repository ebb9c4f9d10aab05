//! The locks that somebody waits for: who holds or awaits which, on what, and in which order.
//!
//! Pure. The modes and their conflicts are those of the manual, 13.3.1, and of `LockConflicts` in lock.c.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::backends::Backend;
use crate::quote::quote_text;
use crate::sample::{Row, RowSet, Snapshot, Timestamp, Value};

/// The modes of a lock, the weakest first.
const MODES: [&str; 8] = [
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
];

/// For each mode the modes that it conflicts with, a bit for each in the order of [`MODES`].
const CONFLICTS: [u8; 8] =
    [0b1000_0000, 0b1100_0000, 0b1111_0000, 0b1111_1000, 0b1110_1100, 0b1111_1100, 0b1111_1110, 0b1111_1111];

/// The mode of a lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LockMode(u8);

impl LockMode {
    /// Reads the mode as `pg_locks` names it; what is not known (`SIReadLock`) conflicts with nothing.
    fn of(name: &str) -> Option<Self> {
        let at = MODES.iter().position(|mode| *mode == name)?;
        u8::try_from(at).ok().map(Self)
    }

    /// Returns the modes that it conflicts with.
    pub(super) fn conflicts(self) -> ModeSet {
        ModeSet(CONFLICTS.get(usize::from(self.0)).copied().unwrap_or_default())
    }

    /// Whether two sessions cannot have these at once.
    pub fn conflicts_with(self, other: Self) -> bool {
        self.conflicts().has(other)
    }

    /// Returns it as SQL and the manual write it: `ACCESS EXCLUSIVE`.
    pub fn words(self) -> String {
        let name = MODES.get(usize::from(self.0)).copied().unwrap_or_default();
        let name = name.trim_end_matches("Lock");
        let mut words = String::new();
        for letter in name.chars() {
            if letter.is_uppercase() && !words.is_empty() {
                words.push(' ');
            }
            words.extend(letter.to_uppercase());
        }
        words
    }
}

/// Some modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct ModeSet(u8);

impl ModeSet {
    pub(super) fn has(self, mode: LockMode) -> bool {
        self.0 & (1 << mode.0) != 0
    }

    pub(super) fn add(&mut self, mode: LockMode) {
        self.0 |= 1 << mode.0;
    }

    /// Whether one of them is among others.
    pub(super) fn meets(self, others: Self) -> bool {
        self.0 & others.0 != 0
    }
}

/// A session, or a prepared transaction, at a lock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AtLock {
    /// The pid; of a prepared transaction its xid, negative.
    pub node: i64,
    /// The mode it has or wants.
    pub mode: LockMode,
    /// Since when it waits, where the server says it (14).
    pub since: Option<Timestamp>,
}

/// A lock that somebody waits for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LockQueue {
    /// What it is on, in words: `relation 16384 of database 5`.
    pub target: String,
    /// Kind of object: `relation`, `tuple`, `transactionid`, `virtualxid`, `advisory`, …
    pub locktype: String,
    /// The relation it is on, with its schema; empty for none of this database.
    pub relation: String,
    /// Who has it.
    pub held: Vec<AtLock>,
    /// Who waits for it, in the order of the queue where that is known.
    pub waiting: Vec<AtLock>,
    /// Whether the order of those who wait is known (14).
    pub is_ordered: bool,
}

impl LockQueue {
    /// Returns what it is on: the relation, or another object in words.
    pub fn on(&self) -> String {
        match (self.relation.as_str(), advisory(&self.target)) {
            ("", Some(words)) => words,
            ("", None) => self.target.clone(),
            (relation, _) => relation.to_owned(),
        }
    }

    /// Returns what one that waits here wants, for a pid that has it: `a row of shop_order`, `shop_order ACCESS EXCLUSIVE`.
    pub fn wanted_words(&self, mode: LockMode, holder: Option<i64>) -> String {
        let pid = || match holder {
            Some(pid) if pid > 0 => format!("pid {pid}"),
            Some(_) => "a prepared transaction".to_owned(),
            None => "a session".to_owned(),
        };
        match self.locktype.as_str() {
            "tuple" => format!("a row of {}", self.on()),
            "transactionid" => format!("a row that {} changed", pid()),
            "virtualxid" => format!("the end of the transaction of {}", pid()),
            _ => format!("{} {}", self.on(), mode.words()),
        }
    }

    /// Returns what one that has it holds: `rows that it changed`, `shop_order ACCESS SHARE`.
    pub fn held_words(&self, mode: LockMode) -> String {
        match self.locktype.as_str() {
            "tuple" => format!("a row of {}, as the next in its queue", self.on()),
            "transactionid" => "rows that it changed".to_owned(),
            "virtualxid" => "an open transaction".to_owned(),
            _ => format!("{} {}", self.on(), mode.words()),
        }
    }

    /// Returns every queue of a snapshot, without what the sessions, where they were read later, say is over.
    pub fn beside(sessions: &[Backend], snapshot: &Snapshot) -> Vec<Self> {
        let mut queues = Self::all(snapshot);
        let read_at = |probe: &str| snapshot.section(probe).reading().map(|reading| reading.at.0);
        let Some((locks, _)) = read_at("locks").zip(read_at("activity")).filter(|(locks, seen)| locks < seen) else {
            return queues;
        };
        let listed: HashMap<i64, &Backend> = sessions.iter().map(|session| (session.pid, session)).collect();
        let blocking: HashSet<i64> = sessions.iter().flat_map(|session| session.blocked_by.iter().copied()).collect();
        let is_later = |moment: Option<f64>| moment.is_some_and(|moment| moment > locks);
        // Not listed are those that ended, and pgdj's own, which are named where they block.
        let is_gone = |node: i64| node > 0 && !listed.contains_key(&node) && !blocking.contains(&node);
        let runs_another = |node: i64| listed.get(&node).is_some_and(|session| is_later(session.query_started));
        let is_in_another = |node: i64| {
            let ended = |session: &&Backend| session.xact_started.is_none() || is_later(session.xact_started);
            !blocking.contains(&node) && listed.get(&node).is_some_and(ended)
        };
        for queue in &mut queues {
            queue.waiting.retain(|one| !is_gone(one.node) && !runs_another(one.node));
            let is_of_the_session = queue.locktype == "advisory";
            queue.held.retain(|one| !is_gone(one.node) && (is_of_the_session || !is_in_another(one.node)));
        }
        queues
    }

    /// Returns every queue of a snapshot; none where they were not read.
    pub fn all(snapshot: &Snapshot) -> Vec<Self> {
        let mut queues: Vec<Self> = Vec::new();
        for row in snapshot.rows("locks").into_iter().flat_map(RowSet::iter) {
            let target = row.text("target");
            let at = queues.iter().rposition(|queue| queue.target == target).unwrap_or_else(|| {
                queues.push(Self {
                    target: target.to_owned(),
                    locktype: row.text("locktype").to_owned(),
                    relation: row.text("relation").to_owned(),
                    is_ordered: true,
                    ..Self::default()
                });
                queues.len() - 1
            });
            if let Some(queue) = queues.get_mut(at) {
                queue.take(&row);
            }
        }
        for queue in &mut queues {
            let moment = |one: &AtLock| one.since.map_or(f64::INFINITY, |since| since.0);
            queue.waiting.sort_by(|left, right| moment(left).total_cmp(&moment(right)));
            // Between its entry into the queue and the moment being noted there is an instant.
            queue.is_ordered = queue.waiting.iter().filter(|one| one.since.is_none()).count() <= 1;
        }
        queues
    }

    fn take(&mut self, row: &Row<'_>) {
        let Some(mode) = LockMode::of(row.text("mode")) else { return };
        let numbers = |name: &str| row.get(name).as_list().iter().filter_map(Value::as_int).collect::<Vec<_>>();
        // Older recordings have a row for each session.
        let (nodes, since) = match row.int("pid") {
            Some(pid) => (vec![pid], Vec::new()),
            None => (numbers("pids"), numbers("since")),
        };
        let moment = |at: usize| since.get(at).filter(|at| **at > 0).map(|at| Timestamp(*at as f64 / 1000.0));
        let all = nodes.iter().enumerate().map(|(at, node)| AtLock { node: *node, mode, since: moment(at) });
        if row.flag("granted") == Some(true) { self.held.extend(all) } else { self.waiting.extend(all) }
    }
}

/// Returns an advisory lock as the function takes its key: `advisory lock 4242`, `advisory lock (7, 42)`.
///
/// Source: PostgreSQL manual, `pg_locks`: `objsubid` is 1 for one key of eight bytes, whose high half is `classid`, and 2 for
/// two keys of four.
fn advisory(target: &str) -> Option<String> {
    let mut parts = target.strip_prefix("advisory ")?.split(' ').map(|part| part.parse::<u32>().ok());
    let (class, object, form) = (parts.next()??, parts.next()??, parts.next()??);
    let two = |half: u32| i64::from(half.cast_signed());
    match form {
        1 => Some(format!("advisory lock {}", ((u64::from(class) << 32) | u64::from(object)).cast_signed())),
        2 => Some(format!("advisory lock ({}, {})", two(class), two(object))),
        _ => None,
    }
}

/// A prepared transaction that holds a lock somebody waits for.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PreparedTransaction {
    /// Its xid, negative: its node among those at a lock.
    pub node: i64,
    /// Its database.
    pub database: String,
    /// Its identifier.
    pub gid: String,
    /// The role that prepared it; empty where that was not read.
    pub owner: String,
    /// When it was prepared.
    pub since: Option<Timestamp>,
}

impl PreparedTransaction {
    /// Returns the statement that rolls it back, in its database.
    pub fn sql_to_end(&self) -> String {
        format!("ROLLBACK PREPARED {};", quote_text(&self.gid))
    }

    /// Returns those of a snapshot.
    pub(super) fn all(snapshot: &Snapshot) -> Vec<Self> {
        let distinct = |name: &str| -> BTreeSet<String> {
            let rows = snapshot.rows("locks").into_iter().flat_map(RowSet::iter);
            rows.flat_map(|row| crate::catalog::texts(&row, name)).collect()
        };
        let mut all: Vec<Self> = distinct("prepared").iter().filter_map(|text| Self::of(text)).collect();
        for text in distinct("prepared_by") {
            for one in &mut all {
                one.add_owner(&text);
            }
        }
        all
    }

    fn of(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '\t');
        let xid: i64 = parts.next()?.parse().ok()?;
        let (database, gid) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        Some(Self { node: -xid, database, gid, ..Self::default() })
    }

    /// Takes when it was prepared and by whom from a text that may be another one's.
    fn add_owner(&mut self, text: &str) {
        let mut parts = text.splitn(3, '\t');
        let mut number = || parts.next()?.parse::<i64>().ok();
        let (xid, since) = (number(), number());
        if xid == Some(-self.node) {
            self.since = since.map(|since| Timestamp(since as f64 / 1000.0));
            parts.next().unwrap_or_default().clone_into(&mut self.owner);
        }
    }

    /// Returns how long ago it was prepared at a moment, in seconds.
    pub fn age(&self, now: Timestamp) -> Option<f64> {
        self.since.map(|since| (now.0 - since.0).max(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};

    #[test]
    fn conflicts_are_mutual() {
        for left in 0..8 {
            for right in 0..8 {
                assert_eq!(
                    LockMode(left).conflicts_with(LockMode(right)),
                    LockMode(right).conflicts_with(LockMode(left))
                );
            }
        }
        assert_eq!(LockMode(7).words(), "ACCESS EXCLUSIVE");
        assert_eq!(LockMode(3).words(), "SHARE UPDATE EXCLUSIVE");
    }

    #[test]
    fn a_lock_is_one_queue_in_the_order_of_waiting() {
        let seen = snapshot().with(
            "locks",
            vec![
                row! { target: "relation 1", mode: "AccessShareLock", granted: true, locktype: "relation", relation: "public.t",
                pids: [7], since: [0] },
                row! { target: "relation 1", mode: "AccessExclusiveLock", granted: false, pids: [8], since: [2000] },
                row! { target: "relation 1", mode: "AccessShareLock", granted: false, pids: [6, 9], since: [1500, 3000] },
            ],
        );
        let queues = LockQueue::all(&seen);
        let [queue] = queues.as_slice() else { panic!("{queues:?}") };
        assert_eq!(queue.waiting.iter().map(|one| one.node).collect::<Vec<_>>(), [6, 8, 9]);
        assert!(queue.is_ordered && queue.on() == "public.t" && queue.held[0].node == 7);
    }

    #[test]
    fn an_advisory_lock_has_its_key() {
        assert_eq!(advisory("advisory 0 4242 1 of database 5").as_deref(), Some("advisory lock 4242"));
        assert_eq!(advisory("advisory 4294967295 4294967295 1").as_deref(), Some("advisory lock -1"));
        assert_eq!(advisory("advisory 7 42 2 of database 5").as_deref(), Some("advisory lock (7, 42)"));
        assert_eq!(advisory("relation 7"), None);
    }

    #[test]
    fn a_prepared_transaction_is_known_by_its_xid() {
        let held = row! { target: "relation 1", prepared: ["753\tshop\tit's\tone"], prepared_by: ["12\t1\tother", "753\t5000\tb\tob"] };
        let seen = snapshot().with("locks", vec![held]);
        let all = PreparedTransaction::all(&seen);
        assert_eq!((all[0].node, all[0].database.as_str(), all[0].gid.as_str()), (-753, "shop", "it's\tone"));
        assert_eq!((all[0].owner.as_str(), all[0].age(Timestamp(7.0))), ("b\tob", Some(2.0)));
    }
}
