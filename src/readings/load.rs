//! The load: active sessions by what they wait for, sample by sample.
//!
//! Pure. Average active sessions are the number a database's load is best told by; the classes are those of
//! `pg_stat_activity.wait_event_type`. Source: PostgreSQL manual 27.2.3 "`pg_stat_activity`".

use crate::readings::Readings;
use crate::readings::backends::Backend;
use crate::sample::{Snapshot, Timestamp};

/// What an active session spends its time on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WaitClass {
    /// No wait event: it computes.
    Cpu,
    /// Reads or writes files.
    Io,
    /// Waits for a heavyweight lock: a relation, a row, a transaction.
    Lock,
    /// Waits for a lightweight lock or a buffer pin.
    LwLock,
    /// Waits for its client to take or send data.
    Client,
    /// Waits for another process.
    Ipc,
    /// Waits for a timer or an extension.
    Other,
}

impl WaitClass {
    /// Every class, in the order of the chart from below.
    pub const ALL: [Self; 7] = [Self::Cpu, Self::Io, Self::Lock, Self::LwLock, Self::Client, Self::Ipc, Self::Other];

    /// Returns the class of a `wait_event_type`.
    pub fn of(wait_event_type: &str) -> Self {
        match wait_event_type {
            "" => Self::Cpu,
            "IO" => Self::Io,
            "Lock" => Self::Lock,
            "LWLock" | "BufferPin" | "LWLockNamed" | "LWLockTranche" => Self::LwLock,
            "Client" => Self::Client,
            "IPC" => Self::Ipc,
            _ => Self::Other,
        }
    }

    /// Returns the class's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Io => "IO",
            Self::Lock => "Lock",
            Self::LwLock => "LWLock",
            Self::Client => "Client",
            Self::Ipc => "IPC",
            Self::Other => "Other",
        }
    }
}

/// Active sessions by class at one reading.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Load {
    /// Sessions, in the order of [`WaitClass::ALL`].
    pub by_class: [f64; 7],
    /// Client sessions whose state is not known; they are in no class.
    pub unknown: f64,
}

impl Load {
    /// Counts the active sessions.
    pub fn of(backends: &[Backend]) -> Self {
        let mut load = Self::default();
        for backend in backends {
            if backend.has_unknown_state() {
                load.unknown += 1.0;
                continue;
            }
            if is_load(backend) {
                let class = WaitClass::of(backend.wait_class());
                for (slot, known) in load.by_class.iter_mut().zip(WaitClass::ALL) {
                    *slot += f64::from(u8::from(known == class));
                }
            }
        }
        load
    }

    /// Returns the active sessions of all classes.
    pub fn total(&self) -> f64 {
        self.by_class.iter().sum()
    }

    /// Returns the active sessions by class; `None` where none is seen and some are hidden, which is not zero.
    pub fn known(&self) -> Option<[f64; 7]> {
        (self.total() > 0.0 || self.unknown == 0.0).then_some(self.by_class)
    }
}

/// Whether a session is load: it is active, and a client's or works for one. A vacuum that sleeps as its cost limit tells
/// it to is none.
pub(super) fn is_load(backend: &Backend) -> bool {
    let is_worker = matches!(backend.kind.as_str(), "client backend" | "parallel worker" | "autovacuum worker" | "");
    is_worker && backend.is_active() && !backend.wait.ends_with(":VacuumDelay")
}

/// Whether the sessions of a snapshot were read for it, and are not left from long before.
pub(super) fn is_read(snapshot: &Snapshot) -> bool {
    let limit = 5.0 * snapshot.cost.second();
    snapshot.section("activity").why().is_none() && snapshot.age("activity").is_some_and(|age| age.0 < limit)
}

/// The load at one moment of the server's clock; `None` where the server could not be read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LoadPoint {
    /// The server's clock.
    pub at: Timestamp,
    /// The load, or the gap.
    pub load: Option<Load>,
}

impl LoadPoint {
    /// Derives the point of a snapshot: a gap where its `activity` is older than the snapshot.
    pub fn of(readings: &Readings) -> Self {
        let snapshot = readings.snapshot();
        let load = if is_read(snapshot) { readings.backends().ok().map(Load::of) } else { None };
        Self { at: snapshot.at, load }
    }
}
