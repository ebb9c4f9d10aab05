//! Probe `locks`: The locks that are waited for: who waits, who holds them.

use super::{Lane, Probe, gauge, key, label, while_rows};
use crate::sample::{Column, Unit};

/// The locks that are waited for: who waits, who holds them.
pub static PROBE: Probe = Probe {
    name: "locks",
    sql: include_str!("../sql/locks.sql"),
    columns: &COLUMNS,
    lane: Lane::Fast,
    pace: while_rows(10),
    needs: &[],
    doc: "The locks that are waited for: who waits, who holds them.",
};

static COLUMNS: [Column; 10] = [
    key("target", Unit::Text, "What is locked, in words.", "pg_locks"),
    key("mode", Unit::Text, "Lock mode.", "pg_locks"),
    key("granted", Unit::Flag, "Whether it is held.", "pg_locks"),
    label("locktype", Unit::Text, "Kind of object.", "pg_locks"),
    label("relation", Unit::Text, "Relation, where it is one of this database.", "pg_locks.relation"),
    gauge(
        "pids",
        Unit::Ids,
        "Sessions that hold it or wait for it, the one that waits longest first; a prepared transaction is its xid, negative.",
        "pg_locks.pid, virtualtransaction",
    ),
    gauge(
        "since",
        Unit::Ids,
        "Since when each waits, in milliseconds since 1970-01-01 UTC; 0 where that is not known (before 14).",
        "pg_locks.waitstart",
    ),
    label(
        "prepared",
        Unit::Texts,
        "The prepared transactions, where one holds it: xid, database and gid, with tabs between them.",
        "pg_prepared_xacts",
    ),
    label(
        "prepared_by",
        Unit::Texts,
        "Of the same: xid, when it was prepared, in milliseconds since 1970-01-01 UTC, and its owner, with tabs between them.",
        "pg_prepared_xacts",
    ),
    gauge("total", Unit::Count, "Number of rows; they may be cut at a limit.", "pg_locks"),
];
