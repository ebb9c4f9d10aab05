//! The standbys of this server, where a standby gets its WAL from, and when one is behind.
//!
//! Pure.

use super::threshold::{ReachedLimit, Threshold};
use crate::catalog;
use crate::sample::{Bytes, Missing, Row, Seconds, Snapshot};

/// Seconds of replication lag.
pub const LAG: Threshold = Threshold { warning: 30.0, critical: 300.0 };
/// Bytes of WAL that the standby has not replayed.
pub const LAG_BYTES: Threshold = Threshold { warning: GB, critical: 10.0 * GB };

const GB: f64 = 1024.0 * 1024.0 * 1024.0;

/// Returns the worse of the two limits that a lag has reached.
pub fn reached(seconds: f64, bytes: f64) -> Option<ReachedLimit> {
    LAG.reached(seconds).max(LAG_BYTES.reached(bytes))
}

/// A WAL sender: a standby, a subscription, an archiving client or a base backup. What is hidden from the role is empty.
#[derive(Debug, Clone, PartialEq)]
pub struct Standby {
    /// Pid of the WAL sender.
    pub pid: i64,
    /// Its `application_name`.
    pub application: String,
    /// Its address; `local` for a Unix socket.
    pub client: String,
    /// `startup`, `catchup`, `streaming`, `backup`, `stopping`; empty where it is hidden.
    pub state: String,
    /// `async`, `potential`, `sync`, `quorum`.
    pub sync_state: String,
    /// WAL written here and not replayed there; `None` where it has not said.
    pub behind: Option<Bytes>,
    /// Time until it wrote recent WAL.
    pub write_lag: Option<Seconds>,
    /// Time until it flushed recent WAL.
    pub flush_lag: Option<Seconds>,
    /// Time until it replayed recent WAL; `None` when all is replayed.
    pub replay_lag: Option<Seconds>,
    /// Since it last answered.
    pub silent_for: Option<Seconds>,
}

impl Standby {
    /// Returns the standbys of a snapshot, or why they could not be read.
    pub fn all(snapshot: &Snapshot) -> Result<Vec<Self>, Missing> {
        Ok(catalog::rows(snapshot, "replication")?.iter().map(|row| Self::of(&row)).collect())
    }

    fn of(row: &Row<'_>) -> Self {
        let text = |column| row.text(column).to_owned();
        let seconds = |column| row.number(column).map(|age| Seconds(age.max(0.0)));
        Self {
            pid: row.int("pid").unwrap_or_default(),
            application: text("application"),
            client: text("client"),
            state: text("state"),
            sync_state: text("sync_state"),
            behind: row.number("lag_bytes").map(|bytes| Bytes(bytes.max(0.0))),
            write_lag: seconds("write_lag"),
            flush_lag: seconds("flush_lag"),
            replay_lag: seconds("replay_lag"),
            silent_for: seconds("reply_age"),
        }
    }

    /// Whether this role may not see more of it than its pid.
    pub fn is_hidden(&self) -> bool {
        self.state.is_empty()
    }

    /// Whether it copies the server's files and replays nothing.
    pub fn is_backup(&self) -> bool {
        self.state == "backup"
    }

    /// Returns the worse of the limits that it has reached; `None` for a backup.
    pub fn reached(&self) -> Option<ReachedLimit> {
        let lag = self.replay_lag.unwrap_or_default().0;
        reached(lag, self.behind.unwrap_or_default().0).filter(|_| !self.is_backup())
    }

    /// Returns its name: `walreceiver (10.0.0.7)`.
    pub fn name(&self) -> String {
        match self.application.as_str() {
            "" => format!("pid {} ({})", self.pid, self.client),
            name => format!("{name} ({})", self.client),
        }
    }
}

/// Where this server gets its WAL from, if it is a standby.
#[derive(Debug, Clone, PartialEq)]
pub struct WalReceiver {
    /// Pid of the WAL receiver; `None` where none runs: then WAL comes from an archive, or not at all.
    pub pid: Option<i64>,
    /// `streaming`, `waiting`, …; empty where none runs or it is hidden.
    pub status: String,
    /// Host and port of the sender: `10.0.0.7:5432`; empty where not known.
    pub sender: String,
    /// The replication slot it uses there; empty for none.
    pub slot: String,
    /// When it last received something, in seconds since 1970.
    pub heard_at: Option<f64>,
    /// Whether replay is paused.
    pub is_paused: bool,
}

impl WalReceiver {
    /// Returns the receiver of a snapshot, `None` for a primary; or why it could not be read.
    pub fn of(snapshot: &Snapshot) -> Result<Option<Self>, Missing> {
        let read = |row: Row<'_>| {
            let port = row.int("port").map(|port| format!(":{port}")).unwrap_or_default();
            let sender = row.text("sender");
            Self {
                pid: row.int("pid"),
                status: row.text("status").to_owned(),
                sender: if sender.is_empty() { String::new() } else { format!("{sender}{port}") },
                slot: row.text("slot").to_owned(),
                heard_at: row.number("heard_at"),
                is_paused: row.flag("is_paused") == Some(true),
            }
        };
        Ok(catalog::rows(snapshot, "wal_receiver")?.first().map(read))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};

    #[test]
    fn a_backup_is_never_behind_and_a_standby_by_the_worse_limit() {
        let gb = GB as i64;
        let of = |row| Standby::all(&snapshot().with("replication", vec![row])).unwrap().remove(0);
        for (row, limit) in [
            (row! { pid: 1, state: "streaming", lag_bytes: gb, replay_lag: 2.0 }, Some(ReachedLimit::Warning)),
            (row! { pid: 1, state: "streaming", lag_bytes: 5, replay_lag: 301.0 }, Some(ReachedLimit::Critical)),
            (row! { pid: 1, state: "streaming", lag_bytes: 5 }, None),
            (row! { pid: 1, state: "backup", lag_bytes: 50 * gb }, None),
        ] {
            assert_eq!(of(row.clone()).reached(), limit, "{row:?}");
        }
        assert!(of(row! { pid: 1 }).is_hidden());
        assert_eq!(of(row! { pid: 4, client: "local" }).name(), "pid 4 (local)");
    }

    #[test]
    fn a_primary_has_no_receiver_and_a_standby_may_have_none_running() {
        let of = |rows| WalReceiver::of(&snapshot().with("wal_receiver", rows)).unwrap();
        assert_eq!(of(vec![]), None);
        let without = of(vec![row! { is_paused: true }]).unwrap();
        assert_eq!((without.pid, without.is_paused, without.sender.as_str()), (None, true, ""));
        let with = of(vec![row! { pid: 4, status: "streaming", sender: "db1", port: 5432 }]).unwrap();
        assert_eq!((with.pid, with.sender.as_str()), (Some(4), "db1:5432"));
    }
}
