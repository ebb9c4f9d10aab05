//! What the server says of itself: its role, its clock, its connections, its prepared transactions.
//!
//! Pure.

use crate::catalog::rows;
use crate::sample::{Missing, Row, Snapshot};

/// The row of `server`. A figure that is `None` was not read.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServerState {
    /// Whether it is a standby.
    pub is_standby: Option<bool>,
    /// Its clock, in seconds since 1970.
    pub now: Option<f64>,
    /// When it started.
    pub started: Option<f64>,
    /// `max_connections`.
    pub max_connections: Option<i64>,
    /// `superuser_reserved_connections`.
    pub superuser_reserved: Option<i64>,
    /// `reserved_connections`, where the server has it (16).
    pub reserved: Option<i64>,
    /// Client backends of others.
    pub client_backends: Option<i64>,
    /// Client backends of pgdj.
    pub own_backends: Option<i64>,
    /// Whether this role sees the sessions and statements of others.
    pub sees_all: Option<bool>,
    /// On a standby, seconds since the last replayed commit.
    pub replay_lag: Option<f64>,
    /// Prepared transactions.
    pub prepared_transactions: Option<i64>,
    /// Seconds since the oldest of them was prepared.
    pub oldest_prepared: Option<f64>,
}

impl ServerState {
    /// Returns what a snapshot holds of it, or why that could not be read.
    pub fn of(snapshot: &Snapshot) -> Result<Self, Missing> {
        rows(snapshot, "server")?.first().map(|row| Self::read(&row)).ok_or(Missing::NotYet)
    }

    /// Returns how many of `max_connections` are used, pgdj's among them.
    pub fn used_connections(&self) -> Option<i64> {
        let used = self.client_backends? + self.own_backends.unwrap_or(0);
        // Where the kind of a session is hidden, one that takes no slot may be among them.
        Some(self.max_connections.map_or(used, |limit| used.min(limit)))
    }

    fn read(row: &Row<'_>) -> Self {
        Self {
            is_standby: row.flag("is_standby"),
            now: row.number("now"),
            started: row.number("started"),
            max_connections: row.int("max_connections"),
            superuser_reserved: row.int("superuser_reserved"),
            reserved: row.int("reserved"),
            client_backends: row.int("client_backends"),
            own_backends: row.int("own_backends"),
            sees_all: row.flag("read_all_stats"),
            replay_lag: row.number("replay_lag"),
            prepared_transactions: row.int("prepared_transactions"),
            oldest_prepared: row.number("oldest_prepared"),
        }
    }
}
