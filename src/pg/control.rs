//! Cancel and terminate: exactly the backend that was meant, and only where it is allowed.
//!
//! The pid and the start of the backend are matched in the statement that sends the signal, so that a reused pid is
//! never hit; so is the query or the transaction that the signal is for. In read-only mode no [`Permit`] can be had, and
//! without one no signal can be sent. Every act is logged.

use super::own::Own;
use super::session::{Lost, Query, QueryParameter, Session, sentence};
use crate::sample::{ServerFacts, Timestamp, Value};
use tokio_postgres::error::SqlState;

pub use crate::readings::act::{Doing, SignalKind as Signal};

/// What pgdj may do to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Look.
    ReadOnly,
    /// Look, and act when told to.
    #[default]
    Full,
}

/// The right to act; there is none in read-only mode.
#[derive(Debug, Clone, Copy)]
pub struct Permit(());

impl Permit {
    /// Returns the right to act, unless the mode is read-only.
    pub fn of(mode: Mode) -> Option<Self> {
        match mode {
            Mode::ReadOnly => None,
            Mode::Full => Some(Self(())),
        }
    }
}

fn statement(signal: Signal) -> &'static Own {
    match signal {
        Signal::Cancel => &CANCEL,
        Signal::Terminate => &TERMINATE,
    }
}

/// The backend that is meant: the key of a row of probe `activity`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BackendKey {
    /// Its process id.
    pub pid: i64,
    /// When it started, to the microsecond.
    pub started: Timestamp,
    /// What it must still be doing.
    pub doing: Doing,
}

/// What came of a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignalOutcome {
    /// The server sent it; whether it had an effect is for the next samples to show.
    Sent,
    /// That backend has ended; nothing was sent.
    Gone,
    /// Another backend has its pid; nothing was sent.
    Reused,
    /// The query or the transaction that was meant has ended; nothing was sent.
    Over {
        /// `query` or `transaction`.
        what: &'static str,
    },
    /// The server does not signal that process.
    NotASession,
    /// This role may not; nobody was hit.
    Denied {
        /// In the server's words, or ours.
        what: String,
        /// The statement that would allow it.
        grant: String,
    },
    /// It was on its way when the server did not answer or the connection was lost: it may have been sent, or still be.
    Unanswered {
        /// What was seen instead of an answer.
        why: String,
    },
    /// It could not be asked, or the server refused for another reason.
    Failed {
        /// In the server's words, or ours.
        what: String,
    },
}

impl std::fmt::Display for SignalOutcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sent => write!(f, "sent"),
            Self::Gone => write!(f, "that session has already ended; nothing was sent"),
            Self::Reused => write!(f, "another session has this pid now; nothing was sent"),
            Self::Over { what } => write!(f, "that {what} has already ended; nothing was sent"),
            Self::NotASession => write!(f, "PostgreSQL does not signal this process: it is part of the server"),
            Self::Denied { what, grant } => write!(f, "not permitted: {what}; {grant}"),
            Self::Unanswered { why } => write!(f, "no answer ({why}): it may still reach the session"),
            Self::Failed { what } => write!(f, "failed: {what}"),
        }
    }
}

/// One row where a backend has the pid: whether its start is hidden, whether it is the one that is meant, whether it still
/// runs the query that is meant, and what the function said; it is called where both are so.
pub(super) static CANCEL: Own = Own {
    name: "cancel a statement",
    reads: "CANCELS THE RUNNING STATEMENT of one session: the one with pid $1 that started at $2, if its statement \
        started at $3 (0: any).",
    when: "only after you agreed (c); never with --read-only",
    holes: &[],
    sql: "select
    b.is_hidden,
    b.is_same,
    b.is_meant,
    case when b.is_same and b.is_meant then pg_catalog.pg_cancel_backend(b.pid) end as is_sent
from (
    select
        a.pid,
        a.backend_start is null as is_hidden,
        coalesce((extract(epoch from a.backend_start)::float8 * 1000000)::bigint = $2, false) as is_same,
        coalesce($3::bigint = 0 or a.state = 'active' and (extract(epoch from a.query_start)::float8 * 1000000)::bigint = $3, false) as is_meant
    from pg_catalog.pg_stat_activity as a
    where a.pid = $1
    offset 0
) as b",
};

/// The same for the session, and for the transaction it is idle in.
pub(super) static TERMINATE: Own = Own {
    name: "terminate a session",
    reads: "TERMINATES ONE SESSION: the one with pid $1 that started at $2, if its transaction started at $3 (0: any \
        or none).",
    when: "only after you agreed (K); never with --read-only",
    holes: &[],
    sql: "select
    b.is_hidden,
    b.is_same,
    b.is_meant,
    case when b.is_same and b.is_meant then pg_catalog.pg_terminate_backend(b.pid) end as is_sent
from (
    select
        a.pid,
        a.backend_start is null as is_hidden,
        coalesce((extract(epoch from a.backend_start)::float8 * 1000000)::bigint = $2, false) as is_same,
        coalesce($3::bigint = 0 or (extract(epoch from a.xact_start)::float8 * 1000000)::bigint = $3, false) as is_meant
    from pg_catalog.pg_stat_activity as a
    where a.pid = $1
    offset 0
) as b",
};

/// Why nothing is sent to a session whose start this role cannot see.
const HIDDEN_START: &str =
    "the start time of another role's session is hidden, so pgdj cannot be sure that its pid was not reused";

fn microseconds(at: Timestamp) -> i64 {
    (at.0 * 1e6).round() as i64
}

/// Sends a signal to a backend; returns what came of it.
pub async fn send(
    session: &mut Session,
    facts: &ServerFacts,
    _: Permit,
    signal: Signal,
    backend: BackendKey,
) -> SignalOutcome {
    let meant = match backend.doing {
        Doing::Anything => 0,
        Doing::Statement(at) | Doing::Transaction(at) => microseconds(at),
    };
    let query = Query::new(statement(signal).sql())
        .with(QueryParameter::Int(backend.pid))
        .with(QueryParameter::Int(microseconds(backend.started)))
        .with(QueryParameter::Int(meant));
    let answer = session.one(query).await;
    let outcome = outcome(answer, facts, backend.doing);
    tracing::info!(?signal, pid = backend.pid, started = backend.started.0, %outcome, "signal");
    outcome
}

fn outcome(
    answer: Result<Result<super::session::Answer, tokio_postgres::Error>, Lost>,
    facts: &ServerFacts,
    doing: Doing,
) -> SignalOutcome {
    match answer {
        Err(lost) => SignalOutcome::Unanswered { why: lost.why },
        Ok(Err(error)) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
            let what = sentence(&error);
            // A superuser's backend is for superusers, whatever the grants.
            // Source: PostgreSQL manual 9.28.2 "Server Signaling Functions".
            let grant = if what.to_lowercase().contains("superuser") && !what.contains("pg_signal_backend") {
                "only a superuser can do this".to_owned()
            } else {
                facts.grant("pg_signal_backend")
            };
            SignalOutcome::Denied { what, grant }
        }
        Ok(Err(error)) => SignalOutcome::Failed { what: sentence(&error) },
        Ok(Ok(answer)) => match answer.rows.first().map(Vec::as_slice) {
            Some([Value::Bool(true), ..]) => SignalOutcome::Denied {
                what: HIDDEN_START.to_owned(),
                grant: facts.grant("pg_read_all_stats, pg_signal_backend"),
            },
            Some([_, Value::Bool(false), ..]) => SignalOutcome::Reused,
            Some([_, _, Value::Bool(false), _]) => SignalOutcome::Over {
                what: if matches!(doing, Doing::Transaction(_)) { "transaction" } else { "statement" },
            },
            Some([_, _, _, Value::Bool(true)]) => SignalOutcome::Sent,
            Some([_, _, _, Value::Bool(false)]) => SignalOutcome::NotASession,
            _ => SignalOutcome::Gone,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_only_mode_gives_no_permit() {
        assert!(Permit::of(Mode::ReadOnly).is_none());
        assert!(Permit::of(Mode::Full).is_some());
    }
}
