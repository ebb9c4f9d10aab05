//! Who holds up an EXPLAIN: asked once a second, over a session of its own that is opened only for a slow one.

use std::sync::OnceLock;
use std::time::Duration;

use tokio::sync::watch;

use super::Blocker;
use crate::pg::own::Own;
use crate::pg::session::{CancelQueue, Connector, Limits, Query, QueryParameter, Session};
use crate::sample::{Row, Seconds};

/// An EXPLAIN that takes longer is looked after.
const PATIENCE: Duration = Duration::from_millis(500);

/// Time between two looks.
const PACE: Duration = Duration::from_secs(1);

/// Only of a backend that waits for a lock: `pg_blocking_pids` stops the lock manager for a moment.
/// Source: PostgreSQL manual 9.26 "System Information Functions".
pub(in crate::pg) static WHO: Own = Own {
    name: "who blocks the EXPLAIN",
    reads: "Which sessions hold the lock that your EXPLAIN waits for, and what they run. $1 is the pid of the EXPLAIN.",
    when: "once a second while an EXPLAIN takes longer than 0.5 s, over another connection",
    holes: &[],
    sql: "select
    b.pid::bigint as pid,
    a.usename::text as role,
    a.application_name as application,
    a.state as state,
    extract(epoch from pg_catalog.clock_timestamp() - a.xact_start)::float8 as age,
    pg_catalog.left(a.query, 1000)
        || case when pg_catalog.length(a.query) > 1000 or pg_catalog.octet_length(a.query) >= (
            select pg_catalog.pg_size_bytes(case when s.size like '%kB' or s.size like '%MB' then s.size else pg_catalog.rtrim(s.size, 'B') end) - 4
            from (select pg_catalog.current_setting('track_activity_query_size')) as s (size)
        ) then '...' else '' end as query
from pg_catalog.pg_stat_activity as w
cross join lateral (select distinct p.pid from pg_catalog.unnest(pg_catalog.pg_blocking_pids(w.pid)) as p (pid)) as b
left join pg_catalog.pg_stat_activity as a on a.pid = b.pid
where w.pid = $1 and w.wait_event_type = 'Lock'
order by a.xact_start nulls last, b.pid
limit 20",
};

/// Tells who holds up the backend, for as long as it is polled; never ends.
pub(super) async fn watch(
    connector: &dyn Connector,
    cancel_queue: &CancelQueue,
    pid: &OnceLock<i64>,
    blockers: watch::Sender<Vec<Blocker>>,
) {
    tokio::time::sleep(PATIENCE).await;
    let mut session: Option<Session> = None;
    loop {
        if let Some(pid) = pid.get() {
            if session.is_none() {
                session = open(connector, cancel_queue).await;
            }
            if let Some(asked) = session.as_mut() {
                match asked.one(Query::new(WHO.sql()).with(QueryParameter::Int(*pid))).await {
                    Ok(Ok(answer)) => {
                        let rows = answer.into_rows();
                        blockers.send_replace(rows.iter().map(|row| blocker(&row)).collect());
                    }
                    Ok(Err(error)) => tracing::info!(%error, "who blocks the EXPLAIN cannot be asked"),
                    Err(lost) => {
                        tracing::info!(why = lost.why, "the connection that watches the EXPLAIN is lost");
                        session = None;
                    }
                }
            }
        }
        tokio::time::sleep(PACE).await;
    }
}

async fn open(connector: &dyn Connector, cancel_queue: &CancelQueue) -> Option<Session> {
    match Session::open(connector, Limits::FAST, cancel_queue).await {
        Ok(session) => Some(session),
        Err(failure) => {
            tracing::info!(%failure, "no second connection to watch the EXPLAIN");
            None
        }
    }
}

fn blocker(row: &Row<'_>) -> Blocker {
    let pid = row.int("pid").unwrap_or_default();
    if pid == 0 {
        // Source: PostgreSQL manual 9.26, pg_blocking_pids: zero stands for a prepared transaction.
        return Blocker { pid, who: "a prepared transaction".to_owned(), query: String::new() };
    }
    let mut parts: Vec<String> = ["role", "application", "state"]
        .into_iter()
        .map(|name| row.text(name).to_owned())
        .filter(|part| !part.is_empty())
        .collect();
    if let Some(age) = row.number("age") {
        parts.push(format!("for {}", Seconds(age)));
    }
    Blocker { pid, who: parts.join(", "), query: row.text("query").to_owned() }
}
