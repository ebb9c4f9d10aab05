//! Why something could not be read, in the same words everywhere.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::unit::{Seconds, Timestamp, grouped};

/// Why a part of a snapshot is not there. Its `Display` is one sentence; [`Missing::remedy`] is the statement that changes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Error)]
#[serde(rename_all = "snake_case")]
pub enum Missing {
    /// The first reading is still on its way.
    #[error("not read yet")]
    NotYet,
    /// The program that made this recording did not read it.
    #[error("not in this recording")]
    NotRecorded,
    /// This role may not read it.
    #[error("permission denied: {what}")]
    Denied {
        /// What was refused, in the server's words or ours.
        what: String,
        /// The statement that would allow it.
        grant: String,
    },
    /// The extension is not installed in this database, or not loaded by the server.
    #[error("{extension} is not installed: {what}")]
    NotInstalled {
        /// The extension's name.
        extension: String,
        /// What is lacking, for instance "it is not in `shared_preload_libraries`".
        what: String,
        /// The statement or setting that would install it.
        fix: String,
    },
    /// This server cannot do it.
    #[error("this server has no {what}")]
    Unsupported {
        /// What it lacks.
        what: String,
    },
    /// A lock kept it from being read within `lock_timeout`.
    #[error("blocked by a lock{}", holder(.by, .runs))]
    Blocked {
        /// The pids that hold the lock, where they are known.
        by: Vec<i64>,
        /// What the first of them runs, in one line; empty where that is not known.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        runs: String,
    },
    /// Only a part of a list was read, and what is wanted may be in the rest.
    #[error("only {} of {} {what} were read", grouped(*.shown), grouped(*.total))]
    Cut {
        /// What the list is of, in the plural: `indexes`.
        what: String,
        /// How many were read.
        shown: usize,
        /// How many there are.
        total: usize,
    },
    /// It took longer than `statement_timeout`.
    #[error("timed out after {after}")]
    TimedOut {
        /// How long was allowed.
        after: Seconds,
    },
    /// The connection is there, and the server has not answered for a while.
    #[error("slow: no answer since {}", clock(*.since))]
    Slow {
        /// When the question that is not answered was sent.
        since: Timestamp,
    },
    /// The connection is lost or not there yet.
    #[error("no connection since {}: {why}", clock(*.since))]
    Disconnected {
        /// When it was lost.
        since: Timestamp,
        /// What ended it.
        why: String,
    },
    /// The server answered with an error of another kind.
    #[error("{message} (SQLSTATE {sqlstate})")]
    Failed {
        /// The error's code.
        sqlstate: String,
        /// The server's message.
        message: String,
    },
}

impl Missing {
    /// Returns what would make it readable: a statement to run, or a setting to change; `None` where waiting is all there is.
    pub fn remedy(&self) -> Option<&str> {
        match self {
            Self::Denied { grant, .. } => Some(grant),
            Self::NotInstalled { fix, .. } => Some(fix),
            _ => None,
        }
    }
}

fn holder(pids: &[i64], runs: &str) -> String {
    let runs = if runs.is_empty() { String::new() } else { format!(" ({runs})") };
    match pids {
        [] => String::new(),
        [pid] => format!(" that pid {pid} holds{runs}"),
        [first, others @ ..] => {
            let others: Vec<String> = others.iter().map(ToString::to_string).collect();
            format!(" that pid {first}{runs} and pid {} hold", others.join(", "))
        }
    }
}

fn clock(moment: Timestamp) -> String {
    jiff::Timestamp::from_second(moment.0 as i64).map_or_else(
        |_| "an unknown time".to_owned(),
        |time| time.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string(),
    )
}
