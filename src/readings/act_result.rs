//! What came of a cancel or an end of a session, read from the samples after it.
//!
//! Nothing counts as done before a sample shows it. A session is known by pid and start, a statement by its start too.

use std::collections::BTreeSet;

use super::act::{Doing, SignalKind};
use super::backends::{Backend, PREPARED};
use super::lock_acts::Forecast;
use super::lock_graph::LockGraph;
use crate::sample::Seconds;
use crate::sample::unit::counted;

/// Seconds after a signal from which a session that is still there is worth a word.
const WORTH_A_WORD: f64 = 3.0;
/// Seconds after which it is said that the signal had no effect.
const GIVEN_UP: f64 = 60.0;

/// A signal that was sent, and who waited for its session then.
#[derive(Debug, Clone, PartialEq)]
pub struct Sent {
    kind: SignalKind,
    pid: i64,
    backend_start: f64,
    doing: Doing,
    /// Who waited behind it, directly or behind another, by the keys of their rows.
    waiting: Vec<String>,
    /// Of those, whose wait was expected to end.
    expected: BTreeSet<String>,
    /// The server's clock at the newest sample when the signal was sent.
    at: f64,
    /// Whether a sample has shown its effect; who waited gets one more to run.
    is_over: bool,
}

/// How it stands with a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignalProgress {
    /// Nothing is worth a word yet.
    Waiting,
    /// It has had no effect so far.
    Still(String),
    /// It had its effect, and nobody waits any more for what it was for.
    Done(String),
    /// It had its effect, and somebody still waits; or none, and that is final.
    Left(String),
}

/// The sessions of one sample.
#[derive(Debug, Clone, Copy)]
pub struct Sample<'a> {
    /// The sessions.
    pub backends: &'a [Backend],
    /// Who waits for whom.
    pub graph: &'a LockGraph,
    /// The server's clock.
    pub at: f64,
    /// Whether every session is among them, and none was cut off.
    pub is_whole: bool,
}

impl Sent {
    /// Returns whom it was sent to and how it was.
    pub fn words(&self) -> String {
        let act = match self.kind {
            SignalKind::Cancel => "cancel",
            SignalKind::Terminate => "signal to end",
        };
        format!("the {act} sent to pid {}", self.pid)
    }

    /// Notes a signal to a session, with what the newest sample shows.
    pub fn new(kind: SignalKind, pid: i64, backend_start: f64, doing: Doing, sample: Sample<'_>) -> Self {
        let behind = sample.graph.behind(pid);
        let keys = |nodes: &BTreeSet<i64>| {
            sample.backends.iter().filter(|one| nodes.contains(&one.pid)).map(Backend::key).collect::<Vec<_>>()
        };
        let one = sample.backends.iter().find(|one| one.pid == pid && one.started == backend_start);
        let freed = one.map(|one| Forecast::of(sample.graph, one, kind).freed()).unwrap_or_default();
        let expected = keys(&freed).into_iter().collect();
        Self { kind, pid, backend_start, doing, waiting: keys(&behind), expected, at: sample.at, is_over: false }
    }

    /// Returns what a sample shows of its effect.
    pub fn progress(&mut self, sample: Sample<'_>) -> SignalProgress {
        let elapsed = sample.at - self.at;
        if elapsed <= 0.0 {
            return SignalProgress::Waiting;
        }
        let backends = sample.backends;
        let one = backends.iter().find(|one| one.pid == self.pid && one.started == self.backend_start);
        if one.is_none() && !sample.is_whole {
            return SignalProgress::Left(format!(
                "pid {} is not among the {} sessions that were read: pgdj cannot see the result",
                self.pid,
                backends.len()
            ));
        }
        let Some(over) = self.over(one) else { return self.still(one, elapsed) };
        // Who waited may need a moment to get the lock.
        if !self.is_over && !self.waiting.is_empty() {
            self.is_over = true;
            return SignalProgress::Waiting;
        }
        let waiting: Vec<&Backend> =
            backends.iter().filter(|one| sample.graph.waits(one.pid) && self.waiting.contains(&one.key())).collect();
        let mut parts: Vec<String> = self.released(&waiting).into_iter().collect();
        parts.extend(roots(&waiting, sample.graph));
        let parts = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
        let text = format!("{over}{parts}");
        if waiting.is_empty() { SignalProgress::Done(text) } else { SignalProgress::Left(text) }
    }

    /// Returns how many no longer wait, beside how many were expected to.
    fn released(&self, waiting: &[&Backend]) -> Option<String> {
        let count = self.waiting.len() - waiting.len();
        if self.waiting.is_empty() {
            return None;
        }
        let said = counted(count, "session no longer waits", "sessions no longer wait");
        let late = waiting.iter().filter(|one| self.expected.contains(&one.key())).count();
        let beside = match (self.expected.len(), late) {
            (0, _) => String::new(),
            (expected, 0) if expected == count => ", as predicted".to_owned(),
            (expected, _) => format!(" ({expected} predicted)"),
        };
        (count > 0 || late > 0).then(|| format!("{said}{beside}"))
    }

    /// Returns what happened, once what the signal was for is over.
    fn over(&self, one: Option<&Backend>) -> Option<String> {
        let pid = self.pid;
        let Some(one) = one else {
            return Some(match self.kind {
                SignalKind::Cancel => format!("the session of pid {pid} ended with its statement"),
                SignalKind::Terminate => format!("pid {pid} ended"),
            });
        };
        if self.kind == SignalKind::Terminate {
            return None;
        }
        let is_same = match self.doing {
            Doing::Statement(at) => one.state == "active" && one.query_started == Some(at.0),
            Doing::Anything | Doing::Transaction(_) => one.state == "active" || one.state.is_empty(),
        };
        if is_same {
            return None;
        }
        let then = match one.state.as_str() {
            "idle in transaction (aborted)" => "; its transaction is aborted until the client rolls back",
            "idle in transaction" => "; its transaction is still open",
            _ => "",
        };
        Some(format!("the statement of pid {pid} ended{then}"))
    }

    fn still(&self, one: Option<&Backend>, elapsed: f64) -> SignalProgress {
        if elapsed < WORTH_A_WORD {
            return SignalProgress::Waiting;
        }
        let (pid, elapsed_text) = (self.pid, Seconds(elapsed.round()));
        let (what, act) = match self.kind {
            SignalKind::Cancel => ("runs", "cancel"),
            SignalKind::Terminate => ("exists", "signal"),
        };
        let why = one.map_or("", why_still);
        let text = format!("pid {pid} still {what} {elapsed_text} after the {act}: {why}");
        if elapsed < GIVEN_UP { SignalProgress::Still(text) } else { SignalProgress::Left(text) }
    }
}

/// Returns why a session does not react, by what it waits for.
///
/// A cancel interrupts no write to the client, and no process that runs without looking for signals.
/// Source: `ProcessClientWriteInterrupt()` in postgres.c.
fn why_still(one: &Backend) -> &'static str {
    match one.wait.split(':').next().unwrap_or_default() {
        "Client" => "it waits for the client",
        "IO" => "it reads or writes files; it reacts after that",
        "LWLock" | "BufferPin" | "Buffer" => "it waits within the server and reacts after that",
        "Extension" => "it runs code of an extension that does not react",
        _ => "it is rolling back, or runs code that does not react",
    }
}

/// Returns how many of the waiting wait behind whom: the one that waits for nobody itself, most waiting first.
fn roots(waiting: &[&Backend], graph: &LockGraph) -> Vec<String> {
    let among = |root: &BTreeSet<i64>| waiting.iter().filter(|one| root.contains(&one.pid)).count();
    let mut counts: Vec<(i64, usize, bool)> = graph
        .roots()
        .iter()
        .map(|root| {
            let members: BTreeSet<i64> = root.members.iter().copied().collect();
            (root.first(), among(&root.behind) + if root.is_ring() { among(&members) } else { 0 }, root.is_ring())
        })
        .filter(|(_, count, _)| *count > 0)
        .collect();
    counts.sort_by_key(|(pid, count, _)| (std::cmp::Reverse(*count), *pid));
    let words = counts.iter().take(3).map(|(pid, count, is_ring)| {
        let verb = if *count == 1 { "waits" } else { "wait" };
        match (*is_ring, *pid) {
            (true, pid) => format!("{count} {verb} in a deadlock with {pid}"),
            (false, pid) if pid <= PREPARED => format!("{count} {verb} behind a prepared transaction"),
            (false, pid) => format!("{count} {verb} behind {pid}"),
        }
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Timestamp;

    fn session(pid: i64, state: &str, blocked_by: &[i64]) -> Backend {
        Backend {
            pid,
            started: 1.0,
            kind: "client backend".to_owned(),
            state: state.to_owned(),
            query_started: Some(5.0),
            is_waiting: !blocked_by.is_empty(),
            blocked_by: blocked_by.to_vec(),
            ..Backend::default()
        }
    }

    fn at(at: f64, backends: &[Backend]) -> Sample<'_> {
        let graph = Box::leak(Box::new(LockGraph::of(Vec::new(), Vec::new(), backends)));
        Sample { backends, graph, at, is_whole: true }
    }

    fn sent(kind: SignalKind, pid: i64, backends: &[Backend]) -> Sent {
        let doing = match kind {
            SignalKind::Cancel => Doing::Statement(Timestamp(5.0)),
            SignalKind::Terminate => Doing::Anything,
        };
        Sent::new(kind, pid, 1.0, doing, at(100.0, backends))
    }

    #[test]
    fn who_is_released_and_who_still_waits_is_counted_one_sample_later() {
        let before = [
            session(1, "idle in transaction", &[]),
            session(2, "active", &[1]),
            session(3, "active", &[2]),
            session(4, "active", &[2]),
            session(5, "active", &[1]),
        ];
        let mut sent = sent(SignalKind::Terminate, 1, &before);
        assert_eq!(sent.progress(at(100.0, &before)), SignalProgress::Waiting, "the sample is older than the signal");
        let after = [
            session(2, "active", &[]),
            session(3, "active", &[2]),
            session(4, "active", &[2]),
            session(5, "idle", &[]),
        ];
        assert_eq!(sent.progress(at(101.0, &after)), SignalProgress::Waiting, "who waited needs a moment");
        let text = "pid 1 ended: 2 sessions no longer wait, 2 wait behind 2";
        assert_eq!(sent.progress(at(102.0, &after)), SignalProgress::Left(text.to_owned()));
        let free = [session(9, "idle", &[])];
        assert_eq!(
            sent.progress(at(103.0, &free)),
            SignalProgress::Done("pid 1 ended: 4 sessions no longer wait".to_owned())
        );
    }

    #[test]
    fn nothing_is_done_while_the_statement_runs() {
        let before = [session(1, "active", &[])];
        let mut sent = sent(SignalKind::Cancel, 1, &before);
        assert_eq!(sent.progress(at(101.0, &before)), SignalProgress::Waiting);
        let writes = [Backend { wait: "Client:ClientWrite".to_owned(), ..session(1, "active", &[]) }];
        let text = "pid 1 still runs 4.0s after the cancel: it waits for the client";
        assert_eq!(sent.progress(at(104.2, &writes)), SignalProgress::Still(text.to_owned()));
        let rolls = sent.progress(at(104.2, &before));
        assert!(matches!(&rolls, SignalProgress::Still(text) if text.contains("rolling back")), "{rolls:?}");
        assert!(matches!(sent.progress(at(161.0, &before)), SignalProgress::Left(_)), "it is said for a minute");
        for (state, says) in [
            ("idle", "the statement of pid 1 ended"),
            ("idle in transaction", "the statement of pid 1 ended; its transaction is still open"),
            (
                "idle in transaction (aborted)",
                "the statement of pid 1 ended; its transaction is aborted until the client rolls back",
            ),
        ] {
            assert_eq!(sent.progress(at(162.0, &[session(1, state, &[])])), SignalProgress::Done(says.to_owned()));
        }
        let next = [Backend { query_started: Some(101.0), ..session(1, "active", &[]) }];
        assert_eq!(sent.progress(at(162.0, &next)), SignalProgress::Done("the statement of pid 1 ended".to_owned()));
    }

    #[test]
    fn another_session_of_the_same_pid_is_not_the_one_that_was_meant() {
        let mut sent = sent(SignalKind::Terminate, 1, &[session(1, "idle", &[])]);
        let other = [Backend { started: 101.0, ..session(1, "active", &[]) }];
        assert_eq!(sent.progress(at(102.0, &other)), SignalProgress::Done("pid 1 ended".to_owned()));
    }

    #[test]
    fn a_list_that_was_cut_proves_no_end() {
        let mut sent = sent(SignalKind::Terminate, 1, &[session(1, "idle", &[])]);
        let seen = sent.progress(Sample { is_whole: false, ..at(102.0, &[]) });
        assert!(matches!(&seen, SignalProgress::Left(text) if text.contains("cannot see")), "{seen:?}");
    }

    #[test]
    fn a_prepared_transaction_and_a_circle_end_a_chain() {
        let all = [
            session(1, "active", &[0]),
            session(2, "active", &[1]),
            session(3, "active", &[4]),
            session(4, "active", &[3]),
        ];
        let waiting: Vec<&Backend> = all.iter().collect();
        let said = roots(&waiting, &LockGraph::of(Vec::new(), Vec::new(), &all));
        assert_eq!(said, ["2 wait behind a prepared transaction", "2 wait in a deadlock with 3"]);
    }
}
