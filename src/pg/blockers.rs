//! Who holds the lock that kept a statement of ours waiting, and what that session runs.
//!
//! Asked after the wait, because a session that waits cannot ask. So the answer names every session with an ACCESS
//! EXCLUSIVE lock, held or requested: nothing weaker blocks a reader. It calls the functions below the views: the views
//! read catalogs, and the lock may be on one of those.

use tokio_postgres::Error;
use tokio_postgres::error::SqlState;

use super::judge::rules::FIRST_OF_USERS;
use super::own::Own;
use super::session::{Answer, Lost, Query, QueryParameter, Session};
use crate::sample::Missing;

/// Where the lock may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockTarget {
    /// On a system catalog.
    Catalog,
    /// On any relation of this database, or on a shared catalog.
    AnyRelation,
    /// On this relation.
    Relation(i64),
}

/// Who blocks, by the relations between two numbers.
pub(super) static BLOCKERS: Own = Own {
    name: "blockers",
    reads: "Which sessions hold or wait for an ACCESS EXCLUSIVE lock on a relation of this database, and what they \
        run; $1 and $2 are the lowest and the highest oid of these relations.",
    when: "after a statement exceeded its lock_timeout, with the next sample or after an exact bloat measurement",
    holes: &[],
    sql: "select
    l.pid::bigint as pid,
    coalesce(pg_catalog.max(a.state), '') as state,
    coalesce(
        pg_catalog.left(pg_catalog.max(a.query), 200)
        || case when pg_catalog.length(pg_catalog.max(a.query)) > 200 or pg_catalog.octet_length(pg_catalog.max(a.query)) >= (
            select pg_catalog.pg_size_bytes(case when s.size like '%kB' or s.size like '%MB' then s.size else pg_catalog.rtrim(s.size, 'B') end) - 4
            from (select pg_catalog.current_setting('track_activity_query_size')) as s (size)
        ) then '...' else '' end,
        ''
    ) as query
from pg_catalog.pg_lock_status() as l
left join pg_catalog.pg_stat_get_activity(null) as a on a.pid = l.pid
where l.locktype = 'relation'
    and l.mode = 'AccessExclusiveLock'
    and l.database in (0, (select own.datid from pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) as own))
    and l.relation::bigint between $1 and $2
group by l.pid
order by pg_catalog.bool_or(l.granted) desc, l.pid
limit 20",
};

/// Returns the question.
pub fn question(place: LockTarget) -> Query {
    let (first, last) = match place {
        LockTarget::Catalog => (1, FIRST_OF_USERS - 1),
        LockTarget::AnyRelation => (1, i64::from(u32::MAX)),
        LockTarget::Relation(oid) => (oid, oid),
    };
    Query::new(BLOCKERS.sql()).with(QueryParameter::Int(first)).with(QueryParameter::Int(last))
}

/// Reads the answer: the pids, the likeliest first, and what the first one runs.
pub fn read(answer: Answer) -> Missing {
    let rows = answer.into_rows();
    let by = rows.iter().filter_map(|row| row.int("pid")).collect();
    let runs = rows.first().map(|row| what_it_runs(row.text("state"), row.text("query"))).unwrap_or_default();
    Missing::Blocked { by, runs }
}

/// Asks who blocks; an error of the question is an answer without pids.
pub async fn ask(session: &mut Session, place: LockTarget) -> Result<Missing, Lost> {
    let answer = session.one(question(place)).await?;
    Ok(answer.map_or_else(|_| Missing::Blocked { by: Vec::new(), runs: String::new() }, read))
}

/// Whether an error says that a lock was not given within `lock_timeout`.
pub fn is_blocked(error: &Error) -> bool {
    error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE)
}

/// Characters of a query that are shown.
const SHOWN: usize = 80;

/// Returns the statement in one line; of a session that runs nothing, its state and its last statement.
fn what_it_runs(state: &str, query: &str) -> String {
    let mut words = query.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = words.char_indices().nth(SHOWN) {
        words.truncate(cut);
        words.push('…');
    }
    match state {
        _ if words.is_empty() => state.to_owned(),
        "active" | "" => words,
        _ => format!("{state}, last: {words}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_blocker_runs_is_one_short_line() {
        for (state, query, expected) in [
            ("active", "VACUUM  FULL\n pg_class", "VACUUM FULL pg_class"),
            ("idle in transaction", "lock table t", "idle in transaction, last: lock table t"),
            ("", "", ""),
            ("idle in transaction", "", "idle in transaction"),
        ] {
            assert_eq!(what_it_runs(state, query), expected);
        }
        assert_eq!(what_it_runs("active", &"é".repeat(300)).chars().count(), SHOWN + 1);
    }

    #[test]
    fn an_answer_without_rows_names_nobody() {
        assert_eq!(read(Answer::default()), Missing::Blocked { by: vec![], runs: String::new() });
    }
}
