//! Signals to processes of the tests. A minimal system has no `kill` program.

use rustix::process::{Pid, Signal, kill_process};

/// Sends a signal to a process that a test started.
pub(crate) fn send(pid: u32, signal: Signal) {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw).expect("a process number");
    kill_process(pid, signal).unwrap();
}

/// Processes that are stopped until this is dropped.
pub(crate) struct Stopped(Vec<u32>);

impl Stopped {
    pub(crate) fn these(pids: Vec<u32>) -> Self {
        for pid in &pids {
            send(*pid, Signal::STOP);
        }
        Self(pids)
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        for pid in &self.0 {
            send(*pid, Signal::CONT);
        }
    }
}
