//! Cancel and terminate: exactly the backend that was meant, and only where it is allowed.
//!
//! The pid and the start of the backend are matched in the statement that sends the signal, so that a reused pid is
//! never hit. In read-only mode no [`Permit`] can be had, and without one no signal can be sent. Every act is logged.

use super::own::Own;
use super::session::{Lost, Parameter, Query, Session, sentence};
use crate::quote::quote_ident;
use crate::sample::{ServerFacts, Timestamp, Value};
use tokio_postgres::error::SqlState;

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

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ends the running statement: `pg_cancel_backend()`.
    Cancel,
    /// Ends the session: `pg_terminate_backend()`.
    Terminate,
}

impl Signal {
    fn statement(self) -> &'static Own {
        match self {
            Self::Cancel => &CANCEL,
            Self::Terminate => &TERMINATE,
        }
    }
}

/// The backend that is meant: the key of a row of probe `activity`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Backend {
    /// Its process id.
    pub pid: i64,
    /// When it started, to the microsecond.
    pub started: Timestamp,
}

/// What came of a signal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The server sent it.
    Sent,
    /// That backend is gone; nobody was hit.
    Gone,
    /// This role may not; nobody was hit.
    Denied {
        /// In the server's words, or ours.
        what: String,
        /// The statement that would allow it.
        grant: String,
    },
    /// It could not be asked, or the server refused for another reason.
    Failed {
        /// In the server's words, or ours.
        what: String,
    },
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sent => write!(f, "sent"),
            Self::Gone => write!(f, "that backend is gone already; nobody was hit"),
            Self::Denied { what, grant } => write!(f, "not permitted: {what}; {grant}"),
            Self::Failed { what } => write!(f, "failed: {what}"),
        }
    }
}

/// One row: what the function said, if that very backend is there; and whether the pid is.
pub(super) static CANCEL: Own = Own {
    name: "cancel a query",
    reads: "ENDS THE RUNNING QUERY of one session: the one with pid $1 that started at $2, or none.",
    when: "only after you agreed (c); never with --read-only",
    holes: &[],
    sql: "select
    (
        select pg_catalog.pg_cancel_backend(a.pid)
        from pg_catalog.pg_stat_activity as a
        where a.pid = $1 and (extract(epoch from a.backend_start)::float8 * 1000000)::bigint = $2
    ) as is_sent,
    exists (select from pg_catalog.pg_stat_activity as a where a.pid = $1 and a.backend_start is null) as is_hidden",
};

/// The same for the session.
pub(super) static TERMINATE: Own = Own {
    name: "end a session",
    reads: "ENDS ONE SESSION: the one with pid $1 that started at $2, or none.",
    when: "only after you agreed (K); never with --read-only",
    holes: &[],
    sql: "select
    (
        select pg_catalog.pg_terminate_backend(a.pid)
        from pg_catalog.pg_stat_activity as a
        where a.pid = $1 and (extract(epoch from a.backend_start)::float8 * 1000000)::bigint = $2
    ) as is_sent,
    exists (select from pg_catalog.pg_stat_activity as a where a.pid = $1 and a.backend_start is null) as is_hidden",
};

/// Sends a signal to a backend; returns what came of it.
pub async fn send(
    session: &mut Session,
    facts: &ServerFacts,
    _: Permit,
    (signal, backend): (Signal, Backend),
) -> Outcome {
    let started = (backend.started.0 * 1e6).round() as i64;
    let query = Query::new(signal.statement().sql()).with(Parameter::Int(backend.pid)).with(Parameter::Int(started));
    let answer = session.one(query).await;
    let outcome = outcome(answer, facts);
    tracing::info!(?signal, pid = backend.pid, started = backend.started.0, %outcome, "signal");
    outcome
}

fn outcome(
    answer: Result<Result<super::session::Answer, tokio_postgres::Error>, Lost>,
    facts: &ServerFacts,
) -> Outcome {
    let grant = || format!("GRANT pg_signal_backend TO {};", quote_ident(&facts.role));
    match answer {
        Err(lost) => Outcome::Failed { what: lost.why },
        Ok(Err(error)) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
            let what = sentence(&error);
            // A superuser's backend is for superusers, whatever the grants.
            // Source: PostgreSQL manual 9.28.2 "Server Signaling Functions".
            let grant = if what.to_lowercase().contains("superuser") && !what.contains("pg_signal_backend") {
                "it takes a superuser".to_owned()
            } else {
                grant()
            };
            Outcome::Denied { what, grant }
        }
        Ok(Err(error)) => Outcome::Failed { what: sentence(&error) },
        Ok(Ok(answer)) => match answer.rows.first().map(Vec::as_slice) {
            Some([Value::Bool(true), _]) => Outcome::Sent,
            Some([_, Value::Bool(true)]) => Outcome::Denied {
                what: "the start of a backend of another role is hidden, so it cannot be told from its successor"
                    .to_owned(),
                grant: format!("GRANT pg_read_all_stats, pg_signal_backend TO {};", quote_ident(&facts.role)),
            },
            _ => Outcome::Gone,
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
