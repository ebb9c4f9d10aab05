//! Ctrl-Z and `kill -TSTP`: the program stops, the shell has the terminal, and `fg` goes on where it was.

use rustix::process::{Signal as Unix, getppid, getsid, kill_current_process_group};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::{Failure, FailureKind};

/// What is said where the program cannot be stopped.
pub(super) const NO_SHELL: &str = "pgdj was not started from a shell that could continue it, so it cannot be suspended";

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JobControl {
    /// To stop.
    Stop,
    /// The program was stopped and goes on: the terminal may be another's by its modes and its text.
    Continued,
}

/// The signals that stop the program and let it go on.
pub(super) struct Suspending {
    stop: Signal,
    go_on: Signal,
}

impl Suspending {
    pub(super) fn install() -> Result<Self, Failure> {
        let on = |kind: Unix| {
            signal(SignalKind::from_raw(kind.as_raw()))
                .map_err(|error| Failure::new(FailureKind::Terminal, "cannot listen for signals").because(&error))
        };
        Ok(Self { stop: on(Unix::TSTP)?, go_on: on(Unix::CONT)? })
    }

    /// Returns what a signal asks for; cancel-safe.
    pub(super) async fn asked(&mut self) -> JobControl {
        tokio::select! {
            _ = self.stop.recv() => JobControl::Stop,
            _ = self.go_on.recv() => JobControl::Continued,
        }
    }
}

/// Stops the program, and whatever script it runs in, until it is continued; returns whether it was stopped.
///
/// Without a shell that could continue it (as with `ssh -t host pgdj`) it goes on, as the kernel does for such groups.
pub(super) fn stop() -> bool {
    has_shell() && kill_current_process_group(Unix::STOP).is_ok()
}

/// Whether a shell with job control is above: the parent is of the same session, and this is not its first process.
fn has_shell() -> bool {
    let (Some(parent), Ok(session)) = (getppid(), getsid(None)) else { return false };
    getsid(Some(parent)).is_ok_and(|of_parent| of_parent == session)
}
