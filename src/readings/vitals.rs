//! The vital signs of the header, derived from one moment of the history.
//!
//! Pure. What could not be read is `None` here and is said by the header as unknown, never as zero.

use super::Readings;
use super::past::Past;
use super::replication::Standby;
use super::threshold::ReachedLimit;
use super::transactions;
use crate::sample::rates::Interval;
use crate::sample::{Reading, RowSet};

/// Paces after which a count is older than what stands beside it.
const MISSED: f64 = 3.0;
/// Seconds to look back for blocks that were asked for, where none were since the reading before.
const HITS_SPAN: f64 = 60.0;

/// The vital signs at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Vitals {
    /// Client backends of others by state, where they may be seen.
    pub sessions: Option<SessionCounts>,
    /// Client backends that count against the limit, ours too.
    pub connections: Option<i64>,
    /// Whether they were counted long before the sessions that are shown.
    pub are_connections_old: bool,
    /// `max_connections`.
    pub max_connections: Option<i64>,
    /// Slots that ordinary roles cannot have: `superuser_reserved_connections` + `reserved_connections`.
    pub reserved: Option<i64>,
    /// The oldest open transaction.
    pub oldest_transaction: Option<OldestTransaction>,
    /// Sessions that wait for a lock.
    pub waiting: Option<usize>,
    /// Transactions per second, all databases.
    pub tps: Option<f64>,
    /// Share of block requests found in shared buffers since the last reading before them, 0..=1; `None` if there were none
    /// for a minute.
    pub hit_ratio: Option<f64>,
    /// WAL written (replayed, on a standby) per second, in bytes.
    pub wal_rate: Option<f64>,
    /// Largest replication lag.
    pub lag: Option<Lag>,
}

/// How far behind the furthest standby is (or this one, if it is a standby).
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lag {
    /// No standby is connected.
    NoStandby,
    /// The furthest one.
    Behind {
        /// Seconds, where the server knows them.
        seconds: Option<f64>,
        /// Bytes of WAL, where the server knows them.
        bytes: Option<f64>,
    },
}

/// The oldest open transaction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OldestTransaction {
    /// Its age in seconds.
    pub age: f64,
    /// Its session; `None` of a prepared transaction.
    pub pid: Option<i64>,
    /// The limit that it has reached.
    pub reached: Option<ReachedLimit>,
}

/// Share of block requests found in shared buffers below which something is wrong, 0..=1.
pub const LEAST_HITS: f64 = 0.80;

/// Client backends by state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SessionCounts {
    /// Running a statement.
    pub active: usize,
    /// Waiting for the client outside of a transaction.
    pub idle: usize,
    /// Waiting for the client within a transaction, aborted ones too.
    pub in_transaction: usize,
    /// In a state this role may not see.
    pub hidden: usize,
    /// Our own, which are not among the rest.
    pub own: usize,
}

impl Vitals {
    /// Returns how many connections ordinary roles may have: `max_connections` without the reserved ones.
    pub fn usable_connections(&self) -> Option<i64> {
        self.max_connections.map(|all| (all - self.reserved.unwrap_or(0)).max(1))
    }

    /// Returns how much of what ordinary roles may have is used, 0..=1.
    pub fn connections_share(&self) -> Option<f64> {
        self.connections.zip(self.usable_connections()).map(|(used, usable)| (used as f64 / usable as f64).min(1.0))
    }

    /// Returns the connections against what ordinary roles may have, and how many of the reserved ones are used beyond:
    /// `25/57`, `57/57 +2`.
    pub fn connections_words(&self) -> Option<String> {
        let (used, usable) = self.connections.zip(self.usable_connections())?;
        let more = if used > usable { format!(" +{}", used - usable) } else { String::new() };
        let mark = if self.are_connections_old { "?" } else { "" };
        Some(format!("{}/{usable}{more}{mark}", used.min(usable)))
    }

    /// Derives the vital signs at a moment.
    pub(super) fn of(readings: &Readings, past: Past<'_>) -> Self {
        let mut vitals = Self::default();
        vitals.read_server(readings);
        vitals.read_activity(readings);
        vitals.read_rates(past, readings);
        vitals.read_lag(readings);
        vitals
    }

    fn read_server(&mut self, readings: &Readings) {
        let Ok(server) = readings.server() else { return };
        self.max_connections = server.max_connections;
        self.reserved = server.superuser_reserved.map(|count| count + server.reserved.unwrap_or(0));
        self.connections = server.used_connections();
        let read_at = |probe: &str| readings.snapshot().section(probe).reading().map(|reading| reading.at.0);
        let pace = readings.snapshot().cost.pace.0;
        let counted = read_at("server").zip(read_at("activity"));
        self.are_connections_old = counted.is_some_and(|(server, sessions)| sessions - server > MISSED * pace.max(1.0));
    }

    fn read_activity(&mut self, readings: &Readings) {
        let Ok(backends) = readings.backends() else { return };
        let clients = || backends.iter().filter(|backend| backend.is_client());
        let mut sessions = SessionCounts::default();
        for client in clients() {
            match client.state.as_str() {
                _ if client.has_unknown_state() => sessions.hidden += 1,
                "active" | "fastpath function call" => sessions.active += 1,
                "idle" => sessions.idle += 1,
                // It is only just starting.
                "" | "starting" => {}
                _ => sessions.in_transaction += 1,
            }
        }
        sessions.own =
            readings.server().ok().and_then(|server| usize::try_from(server.own_backends?).ok()).unwrap_or_default();
        // A cut takes away those that neither run, wait, block nor are in a transaction.
        let cut = readings.cut("activity");
        sessions.idle += cut.map_or(0, |cut| cut.total - cut.shown);
        self.sessions = Some(sessions);
        // Some may wait whom the list of sessions leaves out: sessions beyond its limit, and our own.
        let waiting = backends.iter().filter(|backend| backend.is_waiting).count();
        self.waiting = Some(waiting.max(readings.lock_graph().count()));
        let of_sessions = clients().filter_map(|client| {
            let (age, pid) = (client.xact_age?, Some(client.pid));
            Some(OldestTransaction { age, pid, reached: transactions::reached(client) })
        });
        // A prepared transaction has no session, and holds locks and dead rows all the same.
        let prepared = readings.server().ok().and_then(|server| server.oldest_prepared);
        let prepared =
            prepared.map(|age| OldestTransaction { age, pid: None, reached: transactions::IDLE.reached(age) });
        self.oldest_transaction = of_sessions.chain(prepared).max_by(|left, right| left.age.total_cmp(&right.age));
    }

    fn read_rates(&mut self, past: Past<'_>, readings: &Readings) {
        let newer = readings.snapshot();
        if let (Some(older), Some(reading)) =
            (past.reading_before("databases"), newer.section("databases").reading())
            && let Some(interval) = Interval::between(older, reading)
            // They are of all databases.
            && readings.cut("databases").is_none()
        {
            self.tps = growth(reading, &interval, "commits")
                .zip(growth(reading, &interval, "rollbacks"))
                .map(|(commits, rollbacks)| (commits + rollbacks) / interval.seconds);
            let older = past.readings("databases").skip(1);
            let mut recent = older.take_while(|older| reading.at.0 - older.at.0 <= HITS_SPAN);
            self.hit_ratio = recent.find_map(|older| hit_ratio(older, reading));
        }
        if let (Some(older), Some(reading)) = (past.reading_before("wal"), newer.section("wal").reading())
            && let Some(interval) = Interval::between(older, reading)
        {
            self.wal_rate = reading.rows.first().and_then(|row| interval.rate(&row, "position"));
        }
    }

    fn read_lag(&mut self, readings: &Readings) {
        let newer = readings.snapshot();
        let server = readings.server().ok().filter(|server| server.is_standby == Some(true));
        if let Some(server) = server {
            let seconds = server.replay_lag;
            let bytes = newer
                .rows("wal")
                .and_then(RowSet::first)
                .and_then(|row| Some(row.number("received")? - row.number("position")?));
            self.lag = Some(Lag::Behind { seconds, bytes });
            return;
        }
        let Ok(standbys) = readings.standbys() else { return };
        let largest = |of: fn(&Standby) -> Option<f64>| standbys.iter().filter_map(of).max_by(f64::total_cmp);
        self.lag = Some(if standbys.is_empty() {
            Lag::NoStandby
        } else {
            Lag::Behind {
                seconds: largest(|standby| standby.replay_lag.map(|lag| lag.0)),
                bytes: largest(|standby| standby.behind.map(|bytes| bytes.0)),
            }
        });
    }
}

/// Returns what a counter of all databases grew by.
fn growth(newer: &Reading, interval: &Interval<'_>, name: &str) -> Option<f64> {
    newer.rows.iter().map(|row| interval.growth(&row, name)).sum()
}

/// Returns the share of block requests between two readings that were found in shared buffers, if there were any.
fn hit_ratio(older: &Reading, newer: &Reading) -> Option<f64> {
    let interval = Interval::between(older, newer)?;
    let (hit, read) = growth(newer, &interval, "blks_hit").zip(growth(newer, &interval, "blks_read"))?;
    (hit + read > 0.0).then(|| hit / (hit + read))
}
