//! Signals to processes of the tests. A minimal system has no `kill` program.

use rustix::process::{Pid, Signal, kill_process};

/// Sends a signal to a process that a test started.
pub(crate) fn send(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process number");
    kill_process(pid, signal).unwrap();
}
