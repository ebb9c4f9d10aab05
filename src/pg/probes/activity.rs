//! Probe `activity`: The backends: who does what, since when, and who waits for whom.

use super::{Lane, Pace, Probe, gauge, key, label};
use crate::sample::{Column, Unit};

/// The backends: who does what, since when, and who waits for whom.
pub static PROBE: Probe = Probe {
    name: "activity",
    sql: include_str!("../sql/activity.sql"),
    columns: &COLUMNS,
    lane: Lane::Fast,
    pace: Pace::Second,
    needs: &[],
    doc: "The sessions: what they do, since when, and who waits for whom.",
};

static COLUMNS: [Column; 22] = [
    key("pid", Unit::Id, "Process id of the session.", "pg_stat_activity"),
    key(
        "backend_start",
        Unit::Moment,
        "When the session started; with the pid it identifies the session.",
        "pg_stat_activity",
    ),
    label("database", Unit::Text, "Database, empty for background processes.", "pg_stat_activity"),
    label("user", Unit::Text, "Role that is logged in.", "pg_stat_activity"),
    label("application", Unit::Text, "application_name, as the client set it.", "pg_stat_activity"),
    label("client", Unit::Text, "Client address and port, or `local` for a unix socket.", "pg_stat_activity"),
    label(
        "backend_type",
        Unit::Text,
        "Kind of session: client backend, autovacuum worker, walsender, ….",
        "pg_stat_activity",
    ),
    label(
        "state",
        Unit::Text,
        "active, idle, idle in transaction, …; empty where this role may not see it.",
        "pg_stat_activity",
    ),
    label(
        "wait_event_type",
        Unit::Text,
        "Class of what it waits for, empty when it waits for nothing.",
        "pg_stat_activity",
    ),
    label("wait_event", Unit::Text, "What it waits for.", "pg_stat_activity"),
    label(
        "query_start",
        Unit::Moment,
        "When the running statement started, or the last one did; with the session it identifies one statement.",
        "pg_stat_activity",
    ),
    label(
        "xact_start",
        Unit::Moment,
        "When the transaction started; with the session it identifies one transaction.",
        "pg_stat_activity",
    ),
    label("state_change", Unit::Moment, "When the state changed.", "pg_stat_activity"),
    label(
        "is_superuser",
        Unit::Flag,
        "Whether its role is a superuser, which only a superuser may signal.",
        "pg_roles",
    ),
    label("has_our_role", Unit::Flag, "Whether the role of pgdj has the rights of its role.", "pg_has_role()"),
    label("query_id", Unit::Id, "Identifier of the statement in pg_stat_statements, since 14.", "pg_stat_activity"),
    label("leader_pid", Unit::Id, "Leader of the parallel group, since 13.", "pg_stat_activity"),
    label(
        "blocked_by",
        Unit::Ids,
        "Pids that keep it from its lock or its safe snapshot.",
        "pg_blocking_pids(), pg_safe_snapshot_blocking_pids()",
    ),
    label(
        "query",
        Unit::Sql,
        "The running statement, or the last one; cut at track_activity_query_size.",
        "pg_stat_activity",
    ),
    label(
        "is_query_cut",
        Unit::Flag,
        "Whether the statement is longer than what is kept of it.",
        "track_activity_query_size",
    ),
    label(
        "unchanged",
        Unit::Ids,
        "Of one row alone: the pids of idle sessions that did nothing since the reading before.",
        "pg_stat_activity.state_change",
    ),
    gauge("total", Unit::Count, "Number of sessions; the rows may be cut at a limit.", "pg_stat_activity"),
];
