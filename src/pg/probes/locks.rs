//! Probe `locks`: Locks that wait, and the locks held on what they wait for.

use super::{Lane, Probe, gauge, key, label, while_rows};
use crate::sample::{Column, Unit};

/// Locks that wait, and the locks held on what they wait for.
pub static PROBE: Probe = Probe {
    name: "locks",
    sql: include_str!("../sql/locks.sql"),
    columns: &COLUMNS,
    lane: Lane::Fast,
    pace: while_rows(10),
    needs: &[],
    doc: "Locks that wait, and the locks held on what they wait for.",
};

static COLUMNS: [Column; 8] = [
    key("pid", Unit::Id, "Session that holds or waits for the lock.", "pg_locks"),
    key("target", Unit::Text, "What is locked, in words.", "pg_locks"),
    key("mode", Unit::Text, "Lock mode.", "pg_locks"),
    key("granted", Unit::Flag, "Whether it is held.", "pg_locks"),
    label("locktype", Unit::Text, "Kind of object.", "pg_locks"),
    label("relation", Unit::Text, "Relation, where it is one of this database.", "pg_locks.relation"),
    gauge("wait_age", Unit::Seconds, "How long it waits, since 14.", "pg_locks.waitstart"),
    gauge("total", Unit::Count, "Number of contended locks; the rows may be cut at a limit.", "pg_locks"),
];
