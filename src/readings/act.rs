//! What an act on a session can do, said before it is asked: by the kind of process, its state, and this role's rights.
//!
//! An act that would do nothing is refused with the reason. Sources: `ProcessInterrupts()` in postgres.c (a cancel is
//! ignored while the server waits for the client's next command), `pg_signal_backend()` in signalfuncs.c, manual 9.28.2,
//! and the tests of this file's promises on real servers.

use super::backends::Backend;
use crate::sample::{Seconds, ServerFacts, Timestamp};

/// What is done to a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalKind {
    /// `pg_cancel_backend`: its query ends with an error.
    Cancel,
    /// `pg_terminate_backend`: its session ends.
    Terminate,
}

/// What the session must still be doing when the signal is sent; otherwise nothing is sent.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Doing {
    /// Anything.
    #[default]
    Anything,
    /// The statement that started at this moment.
    Statement(Timestamp),
    /// The transaction that started at this moment.
    Transaction(Timestamp),
}

/// What an act would do.
#[derive(Debug, Clone, PartialEq)]
pub enum Prospect<'a> {
    /// It can be done.
    Possible(PlannedAct<'a>),
    /// It would do nothing, or is not permitted.
    Refused(RefusedAct),
}

/// An act that can be done.
#[derive(Debug, Clone, PartialEq)]
pub struct PlannedAct<'a> {
    /// The session it goes to: for a parallel worker its leader.
    pub backend: &'a Backend,
    /// What it must still be doing.
    pub doing: Doing,
    /// The question.
    pub question: String,
    /// What happens, in sentences.
    pub effect: String,
}

/// Why an act is not offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedAct {
    /// In a few words: `Nothing to cancel`.
    pub title: &'static str,
    /// Why, and what else there is.
    pub why: String,
    /// The statement that would permit it.
    pub grant: Option<String>,
}

impl SignalKind {
    /// Returns the verb.
    pub fn verb(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Terminate => "terminate",
        }
    }

    /// Returns PostgreSQL's function that does it.
    pub fn function(self) -> &'static str {
        match self {
            Self::Cancel => "pg_cancel_backend",
            Self::Terminate => "pg_terminate_backend",
        }
    }

    /// Returns the act on a process of a kind (`pg_stat_activity.backend_type`) as a button names it.
    pub(crate) fn button(self, process: &str) -> &'static str {
        match self {
            Self::Cancel if process == "autovacuum worker" => "cancel the autovacuum",
            Self::Cancel => "cancel the statement",
            Self::Terminate => "terminate the session",
        }
    }
}

/// Processes that PostgreSQL refuses to signal: they are no backends.
const AUXILIARY: [&str; 9] = [
    "archiver",
    "background writer",
    "checkpointer",
    "io worker",
    "logger",
    "startup",
    "walreceiver",
    "walsummarizer",
    "walwriter",
];
/// Processes that can be ended and that the server then starts again.
const RESTARTED: [&str; 3] = ["autovacuum launcher", "logical replication launcher", "slotsync worker"];

/// Returns what an act on a session would do.
pub fn prospect<'a>(kind: SignalKind, one: &'a Backend, all: &'a [Backend], facts: &ServerFacts) -> Prospect<'a> {
    if one.kind == "parallel worker" {
        return of_leader(kind, one, all, facts);
    }
    let refusal = part_of_the_server(kind, one).or_else(|| denied(one, facts)).or_else(|| match kind {
        SignalKind::Cancel => nothing_to_cancel(one),
        SignalKind::Terminate => None,
    });
    match refusal {
        Some(refusal) => Prospect::Refused(refusal),
        None => Prospect::Possible(plan(kind, one, facts)),
    }
}

/// A parallel worker that is cancelled or ended fails the statement of its leader, so the act goes there.
fn of_leader<'a>(kind: SignalKind, one: &'a Backend, all: &'a [Backend], facts: &ServerFacts) -> Prospect<'a> {
    let pid = one.pid;
    let refused = |why| {
        let title = "Act on the leader";
        Prospect::Refused(RefusedAct { title, why, grant: None })
    };
    let Some(leader) = one.leader else {
        return refused(format!(
            "pid {pid} is a parallel worker. PostgreSQL before 13 does not say which session it works for: act on \
             the session that runs the same statement."
        ));
    };
    let Some(leader) = all.iter().find(|other| other.pid == leader && other.kind != one.kind) else {
        return refused(format!("pid {pid} is a parallel worker of pid {leader}, which is not listed."));
    };
    match prospect(kind, leader, all, facts) {
        Prospect::Possible(plan) => {
            let effect =
                format!("pid {pid} is a parallel worker of pid {}: this acts on pid {0}. {}", leader.pid, plan.effect);
            Prospect::Possible(PlannedAct { effect, ..plan })
        }
        refused @ Prospect::Refused(_) => refused,
    }
}

fn part_of_the_server(kind: SignalKind, one: &Backend) -> Option<RefusedAct> {
    let is_auxiliary = AUXILIARY.contains(&one.kind.as_str());
    if !is_auxiliary && !RESTARTED.contains(&one.kind.as_str()) {
        return None;
    }
    let (pid, process) = (one.pid, &one.kind);
    let what = format!("pid {pid} is a process of the server itself ({process}), not a session.");
    let (title, rest) = match kind {
        SignalKind::Cancel => ("Nothing to cancel", "It runs no statement."),
        SignalKind::Terminate if is_auxiliary => {
            ("Cannot be terminated", "PostgreSQL does not allow it to be terminated.")
        }
        SignalKind::Terminate => ("Cannot be terminated", "The server would start it again immediately."),
    };
    Some(RefusedAct { title, why: format!("{what} {rest}"), grant: None })
}

/// Returns why this role may not signal the session.
fn denied(one: &Backend, facts: &ServerFacts) -> Option<RefusedAct> {
    let refuse = |why: String, grant: Option<String>| Some(RefusedAct { title: "Not permitted", why, grant });
    let (pid, user) = (one.pid, &one.user);
    if one.kind.is_empty() && one.started == 0.0 {
        let why = format!("pid {pid} belongs to another role, and {} cannot see what it does.", facts.role);
        return refuse(why, Some(facts.grant("pg_read_all_stats, pg_signal_backend")));
    }
    if facts.is_superuser {
        return None;
    }
    if one.kind == "autovacuum worker" {
        if facts.may_as("pg_signal_autovacuum_worker") {
            return None;
        }
        let grant = facts.has("role pg_signal_autovacuum_worker").then(|| facts.grant("pg_signal_autovacuum_worker"));
        let may =
            if grant.is_some() { "a superuser or a member of pg_signal_autovacuum_worker" } else { "a superuser" };
        return refuse(format!("pid {pid} is an autovacuum worker: only {may} can signal it."), grant);
    }
    match (one.is_superuser, one.has_our_role) {
        (Some(true), _) => refuse(
            format!("pid {pid} is a session of the superuser {user}: only a superuser can cancel or terminate it."),
            None,
        ),
        (_, Some(false)) if !facts.may_as("pg_signal_backend") => refuse(
            format!("pid {pid} is a session of {user}, and {} cannot signal the sessions of other roles.", facts.role),
            Some(facts.grant("pg_signal_backend")),
        ),
        (None, _) if one.user.is_empty() => {
            refuse(format!("pid {pid} ({}) runs without a role: only a superuser can signal it.", one.kind), None)
        }
        _ => None,
    }
}

fn nothing_to_cancel(one: &Backend) -> Option<RefusedAct> {
    let pid = one.pid;
    let refuse = |why: String| Some(RefusedAct { title: "Nothing to cancel", why, grant: None });
    match one.state.as_str() {
        "active" | "fastpath function call" | "disabled" => None,
        "" if one.kind == "autovacuum worker" => None,
        "idle in transaction" => refuse(format!(
            "pid {pid} is idle in transaction{}: it runs no statement. Press Esc, then K, to terminate it and roll back its \
             transaction.",
            for_age(one.state_age)
        )),
        "idle in transaction (aborted)" => refuse(format!(
            "pid {pid} is in an aborted transaction{}: it runs no statement. If it failed within a savepoint, it still holds \
             the locks taken before that. Press Esc, then K, to terminate it.",
            for_age(one.state_age)
        )),
        "" => refuse(format!("pid {pid} ({}) shows no statement.", one.kind)),
        state => refuse(format!(
            "pid {pid} is {state}{}: it runs no statement and no transaction. Press Esc, then K, to terminate it.",
            for_age(one.state_age)
        )),
    }
}

fn for_age(age: Option<f64>) -> String {
    age.map(|age| format!(" for {}", Seconds(age))).unwrap_or_default()
}

fn plan<'a>(kind: SignalKind, one: &'a Backend, facts: &ServerFacts) -> PlannedAct<'a> {
    let pid = one.pid;
    let (question, mut effect) = match (kind, one.kind.as_str()) {
        (SignalKind::Cancel, "autovacuum worker") => {
            (format!("Cancel the autovacuum of pid {pid}?"), end_of_autovacuum(kind, one))
        }
        (SignalKind::Cancel, "walsender") => {
            let stream = "What it sends ends with \"canceling statement due to user request\".";
            let question = format!("Cancel the replication of pid {pid} ({})?", one.application);
            (question, format!("{stream} {}", end_of_walsender(one)))
        }
        (SignalKind::Cancel, _) => (format!("Cancel the running statement of pid {pid}?"), end_of_statement(one)),
        (SignalKind::Terminate, "autovacuum worker") => {
            (format!("Terminate the autovacuum worker pid {pid}?"), end_of_autovacuum(kind, one))
        }
        (SignalKind::Terminate, "walsender") => {
            (format!("Terminate the walsender pid {pid} ({})?", one.application), end_of_walsender(one).to_owned())
        }
        (SignalKind::Terminate, _) => (format!("Terminate the session of pid {pid}?"), end_of_session(one)),
    };
    if one.builds_concurrently() {
        effect.push_str(
            " The index it builds stays behind invalid, and writes may maintain it: drop it with DROP INDEX CONCURRENTLY.",
        );
    }
    if facts.is_pooled && one.is_client() {
        effect.push_str(" Behind a pooler the error goes to the client that uses this connection at that moment.");
    }
    PlannedAct { backend: one, doing: doing(kind, one), question, effect }
}

/// Returns what the session must still be doing: a cancel is for one statement, the end of an idle transaction for that
/// transaction.
fn doing(kind: SignalKind, one: &Backend) -> Doing {
    let meant = match kind {
        SignalKind::Cancel if one.state == "active" => one.query_started.map(|at| Doing::Statement(Timestamp(at))),
        SignalKind::Terminate if one.is_idle_in_transaction() => {
            one.xact_started.map(|at| Doing::Transaction(Timestamp(at)))
        }
        _ => None,
    };
    meant.unwrap_or_default()
}

fn end_of_statement(one: &Backend) -> String {
    if one.wait == "IPC:SyncRep" {
        return "It stops waiting for the synchronous standby. Its transaction is already committed here and stays \
                committed; the client gets a warning and no error."
            .to_owned();
    }
    if one.state == "disabled" {
        return "track_activities is off, so pgdj cannot see whether it runs a statement. If it does, the statement \
            fails."
            .to_owned();
    }
    let failure = "Its statement fails with \"canceling statement due to user request\".";
    // In autocommit the transaction starts with its statement.
    let is_block = one.xact_started.zip(one.query_started).is_some_and(|(xact, query)| xact < query);
    if is_block {
        format!(
            "{failure} The transaction is aborted and releases its locks. Inside atomic() with a savepoint, only locks \
             taken since the savepoint are released."
        )
    } else {
        format!("{failure} The session stays connected.")
    }
}

fn end_of_session(one: &Backend) -> String {
    match one.kind.as_str() {
        kind if kind.starts_with("logical replication") => {
            return "What it is applying is rolled back. The server starts the worker again after \
                    wal_retrieve_retry_interval."
                .to_owned();
        }
        kind if !one.is_client() => {
            return format!(
                "It is a background worker ({kind}): its transaction is rolled back, and it may be started again."
            );
        }
        _ => {}
    }
    let rolled_back = "is rolled back";
    let age = one.xact_age.map(|age| format!(", open for {},", Seconds(age))).unwrap_or_default();
    if one.wait == "IPC:SyncRep" {
        "It waits for a synchronous standby: its transaction is already committed here and stays committed. The client \
         loses its connection."
            .to_owned()
    } else if one.state == "idle" {
        "It has no open transaction. The client loses its connection.".to_owned()
    } else {
        format!("Its transaction{age} {rolled_back}. The client loses its connection.")
    }
}

fn end_of_walsender(one: &Backend) -> &'static str {
    if one.database.is_empty() {
        "The standby loses its connection, reconnects by itself and catches up. A base backup over it fails."
    } else {
        "The subscriber loses its connection and reconnects by itself."
    }
}

fn end_of_autovacuum(kind: SignalKind, one: &Backend) -> String {
    let next = match kind {
        SignalKind::Cancel => "The worker leaves this table unfinished and continues with the next one.",
        SignalKind::Terminate => "The worker ends; autovacuum starts another when it is due.",
    };
    if one.query.contains("(to prevent wraparound)") {
        format!(
            "{next} This vacuum prevents transaction id wraparound and has to finish: autovacuum starts it again within \
             autovacuum_naptime."
        )
    } else {
        format!("{next} The table is due again after autovacuum_naptime.")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(state: &str) -> Backend {
        Backend {
            pid: 7,
            started: 1.0,
            user: "web".to_owned(),
            kind: "client backend".to_owned(),
            state: state.to_owned(),
            is_superuser: Some(false),
            has_our_role: Some(false),
            state_age: Some(60.0),
            query_started: Some(20.0),
            xact_started: Some(10.0),
            ..Backend::default()
        }
    }

    fn of_kind(kind: &str) -> Backend {
        Backend { kind: kind.to_owned(), user: String::new(), is_superuser: None, has_our_role: None, ..client("") }
    }

    fn facts(memberships: &[&str]) -> ServerFacts {
        let memberships = memberships.iter().map(|name| (*name).to_owned()).collect();
        ServerFacts { role: "ops".to_owned(), memberships, ..ServerFacts::default() }
    }

    fn superuser() -> ServerFacts {
        ServerFacts { is_superuser: true, ..facts(&[]) }
    }

    fn refusal(kind: SignalKind, one: &Backend, facts: &ServerFacts) -> RefusedAct {
        match prospect(kind, one, &[], facts) {
            Prospect::Refused(refusal) => refusal,
            Prospect::Possible(plan) => panic!("{plan:?}"),
        }
    }

    fn possible(kind: SignalKind, one: &Backend) -> (Doing, String) {
        match prospect(kind, one, &[], &superuser()) {
            Prospect::Possible(plan) => (plan.doing, plan.effect),
            Prospect::Refused(refusal) => panic!("{refusal:?}"),
        }
    }

    #[test]
    fn a_session_that_runs_no_statement_has_nothing_to_cancel() {
        for (state, says) in [
            ("idle", "pid 7 is idle for 1m00s: it runs no statement"),
            ("idle in transaction", "pid 7 is idle in transaction for 1m00s: it runs no statement. Press Esc, then K"),
            ("idle in transaction (aborted)", "If it failed within a savepoint, it still holds the locks taken before"),
            ("starting", "it runs no statement"),
        ] {
            let refusal = refusal(SignalKind::Cancel, &client(state), &superuser());
            assert!(refusal.title == "Nothing to cancel" && refusal.why.contains(says), "{state}: {refusal:?}");
        }
        for state in ["active", "fastpath function call", "disabled"] {
            possible(SignalKind::Cancel, &client(state));
        }
    }

    #[test]
    fn processes_of_the_server_are_neither_cancelled_nor_ended() {
        for kind in AUXILIARY.iter().chain(&RESTARTED) {
            for act in [SignalKind::Cancel, SignalKind::Terminate] {
                let refusal = refusal(act, &of_kind(kind), &superuser());
                assert!(refusal.why.contains(&format!("process of the server itself ({kind})")), "{refusal:?}");
            }
        }
    }

    #[test]
    fn who_lacks_the_right_is_told_the_grant() {
        let superusers = Backend { is_superuser: Some(true), ..client("active") };
        let hidden = Backend { kind: String::new(), started: 0.0, ..client("") };
        let grant = |one: &Backend, memberships: &[&str]| {
            refusal(SignalKind::Terminate, one, &facts(memberships)).grant.unwrap_or_default()
        };
        assert_eq!(grant(&client("active"), &[]), "GRANT pg_signal_backend TO ops;");
        assert_eq!(grant(&hidden, &[]), "GRANT pg_read_all_stats, pg_signal_backend TO ops;");
        assert_eq!(grant(&superusers, &["pg_signal_backend"]), "", "no grant helps");
        assert_eq!(grant(&of_kind("autovacuum worker"), &["pg_signal_backend"]), "");
        let mut newest = facts(&["pg_signal_backend"]);
        newest.columns.insert("role pg_signal_autovacuum_worker".to_owned());
        let said = refusal(SignalKind::Cancel, &of_kind("autovacuum worker"), &newest);
        assert_eq!(said.grant.as_deref(), Some("GRANT pg_signal_autovacuum_worker TO ops;"));
        let may = facts(&["pg_signal_backend"]);
        assert!(matches!(prospect(SignalKind::Cancel, &client("active"), &[], &may), Prospect::Possible(_)));
    }

    #[test]
    fn a_parallel_worker_hands_the_act_to_its_leader() {
        let all = [client("active"), Backend { pid: 8, leader: Some(7), ..of_kind("parallel worker") }];
        let Prospect::Possible(plan) = prospect(SignalKind::Cancel, &all[1], &all, &superuser()) else {
            panic!("refused")
        };
        assert_eq!((plan.backend.pid, plan.question.as_str()), (7, "Cancel the running statement of pid 7?"));
        assert!(plan.effect.starts_with("pid 8 is a parallel worker of pid 7: this acts on pid 7."), "{}", plan.effect);
        let orphan = Backend { leader: None, ..of_kind("parallel worker") };
        assert!(refusal(SignalKind::Cancel, &orphan, &superuser()).why.contains("before 13"));
    }

    #[test]
    fn a_signal_names_the_statement_or_the_transaction_it_is_for() {
        let (doing, effect) = possible(SignalKind::Cancel, &client("active"));
        assert_eq!(doing, Doing::Statement(Timestamp(20.0)));
        assert!(effect.contains("aborted and releases its locks"), "{effect}");
        let autocommit = Backend { xact_started: Some(20.0), ..client("active") };
        assert!(possible(SignalKind::Cancel, &autocommit).1.ends_with("The session stays connected."));
        let (doing, _) = possible(SignalKind::Terminate, &client("idle in transaction"));
        assert_eq!(doing, Doing::Transaction(Timestamp(10.0)));
        assert_eq!(possible(SignalKind::Terminate, &client("active")).0, Doing::Anything);
        assert!(possible(SignalKind::Terminate, &client("idle")).1.starts_with("It has no open transaction"));
    }

    #[test]
    fn what_comes_back_is_said() {
        let wraparound = Backend {
            query: "autovacuum: VACUUM public.t (to prevent wraparound)".to_owned(),
            ..of_kind("autovacuum worker")
        };
        for (one, says) in [
            (wraparound, "starts it again within autovacuum_naptime"),
            (of_kind("autovacuum worker"), "after autovacuum_naptime"),
            (of_kind("walsender"), "The standby loses its connection, reconnects"),
            (of_kind("logical replication apply worker"), "wal_retrieve_retry_interval"),
            (of_kind("some extension"), "may be started again"),
        ] {
            let (_, effect) = possible(SignalKind::Terminate, &one);
            assert!(effect.contains(says), "{effect}");
        }
        let streaming = Backend { state: "active".to_owned(), ..of_kind("walsender") };
        let (doing, effect) = possible(SignalKind::Cancel, &streaming);
        assert_eq!(doing, Doing::Statement(Timestamp(20.0)));
        assert!(effect.contains("The standby loses its connection, reconnects"), "{effect}");
    }
}
