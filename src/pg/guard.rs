//! The statements that guard all others: limits, transactions, savepoints. None of them reads anything.
//!
//! What sets the `search_path` is in [`super::path`].

use super::own::{Hole, Own, Placeholder, Sql};
use super::path::{self, Until};

/// `statement_timeout`.
pub(super) const STATEMENT_TIMEOUT: Hole = Hole {
    name: "statement_timeout",
    doc: "milliseconds; each section below says its limit",
    form: Placeholder::Number,
};

/// `lock_timeout`.
pub(super) const LOCK_TIMEOUT: Hole =
    Hole { name: "lock_timeout", doc: "milliseconds; each section below says its limit", form: Placeholder::Number };

/// The settings of a session of our own.
///
/// Compiling or planning a catalog query anew costs more than running it; parallel workers belong to the application; with
/// `row_security = off` a policy is an error, not a filter whose functions run as this role. The role's `transaction_timeout`
/// (since 17) would end the connection, in a transaction of many short questions too; each of them has its own limit.
pub(super) static SET_SESSION: Own = Own {
    name: "guard: session",
    reads: "Nothing. Sets the limits of this session: read-only, timeouts, no JIT, no parallel workers.",
    when: "once for each session, right after it connects; not behind a pooler",
    holes: &[STATEMENT_TIMEOUT, LOCK_TIMEOUT],
    sql: "select
    pg_catalog.set_config('statement_timeout', '{statement_timeout}', false),
    pg_catalog.set_config('lock_timeout', '{lock_timeout}', false),
    pg_catalog.set_config('idle_in_transaction_session_timeout', '5000', false),
    case when pg_catalog.current_setting('transaction_timeout', true) is not null then pg_catalog.set_config('transaction_timeout', '0', false) end,
    pg_catalog.set_config('jit', 'off', false),
    pg_catalog.set_config('plan_cache_mode', 'force_generic_plan', false),
    pg_catalog.set_config('max_parallel_workers_per_gather', '0', false),
    pg_catalog.set_config('row_security', 'off', false),
    pg_catalog.set_config('default_transaction_read_only', 'on', false),
    pg_catalog.set_config('default_transaction_isolation', 'read committed', false),
    pg_catalog.set_config('application_name', 'pgdj', false)",
};

/// The settings of a transaction on a backend of somebody else.
pub(super) static SET_BORROWED: Own = Own {
    name: "guard: transaction behind a pooler",
    reads: "Nothing. Sets the same limits until this transaction ends, so that no other client of the pooler gets \
            them.",
    when: "behind a pooler: before each batch of statements",
    holes: &[STATEMENT_TIMEOUT, LOCK_TIMEOUT],
    sql: "select
    pg_catalog.set_config('statement_timeout', '{statement_timeout}', true),
    pg_catalog.set_config('lock_timeout', '{lock_timeout}', true),
    pg_catalog.set_config('idle_in_transaction_session_timeout', '5000', true),
    case when pg_catalog.current_setting('transaction_timeout', true) is not null then pg_catalog.set_config('transaction_timeout', '0', true) end,
    pg_catalog.set_config('jit', 'off', true),
    pg_catalog.set_config('max_parallel_workers_per_gather', '0', true),
    pg_catalog.set_config('row_security', 'off', true)",
};

pub(super) static BEGIN: Own = Own {
    name: "guard: begin",
    reads: "Nothing. Opens a transaction.",
    when: "before each EXPLAIN and each index test; behind a pooler before each batch of statements",
    holes: &[Hole {
        name: "access",
        doc: "read only; read write only after you agreed to a write or to an index trial",
        form: Placeholder::OneOf(&["read only", "read write"]),
    }],
    sql: "begin isolation level read committed {access}",
};

/// Returns the statements that open a transaction, in one message; the first row is the path in force.
///
/// `access` is `read only` or `read write`. The path comes before anything in which a name is looked up.
pub(super) fn opening(access: &str, settings: Sql) -> Sql {
    let begin = BEGIN.fill(&[("access", access)]);
    Sql::batch(&[begin, path::SHOW.sql(), path::pin(Until::TransactionEnds), settings])
}

/// Makes the server end what runs for a client that is gone; it does nothing, without an error, where the server has no
/// such check: before 14, and on platforms that cannot tell.
///
/// Source: PostgreSQL manual 19.3 `client_connection_check_interval`; `check_client_connection_check_interval` in
/// tcop/postgres.c: Linux since 14, macOS and the BSDs since 15.
pub(super) static CHECK_CLIENT: Own = Own {
    name: "guard: check for the client",
    reads: "Nothing. From PostgreSQL 14 on, the server checks every 2 s whether pgdj is still connected, and ends \
        its statement if not.",
    when: "with the settings of a session, and in each transaction of an EXPLAIN",
    holes: &[Hole {
        name: "is_local",
        doc: "true: until the transaction ends; false: for the session",
        form: Placeholder::OneOf(&["true", "false"]),
    }],
    sql: "select case
    when pg_catalog.current_setting('client_connection_check_interval', true) is null then null
    when pg_catalog.version() operator(pg_catalog.~) 'linux'
        or pg_catalog.current_setting('server_version_num')::int operator(pg_catalog.>=) 150000
        and pg_catalog.version() operator(pg_catalog.~) 'darwin|bsd'
    then pg_catalog.set_config('client_connection_check_interval', '2000', {is_local}) end",
};

/// Returns the statement for a time.
pub(super) fn check_client(until: Until) -> Sql {
    CHECK_CLIENT.fill(&[("is_local", if until == Until::TransactionEnds { "true" } else { "false" })])
}

pub(super) static SAVE: Own = Own {
    name: "guard: savepoint",
    reads: "Nothing. Sets a savepoint, so that a statement that fails does not abort the others.",
    when: "behind a pooler: before the first statement of a batch",
    holes: &[],
    sql: "savepoint pgdj",
};

pub(super) static BACK: Own = Own {
    name: "guard: back to the savepoint",
    reads: "Nothing.",
    when: "behind a pooler: between two statements of a batch",
    holes: &[],
    sql: "rollback to savepoint pgdj",
};

pub(super) static COMMIT: Own = Own {
    name: "guard: commit",
    reads: "Nothing. Ends a read-only transaction.",
    when: "behind a pooler: after each batch of statements",
    holes: &[],
    sql: "commit",
};

/// `idle_in_transaction_session_timeout`.
pub(super) const IDLE_TIMEOUT: Hole = Hole {
    name: "idle_timeout",
    doc: "milliseconds: 10000 for an EXPLAIN, 30000 for an index",
    form: Placeholder::Number,
};

/// The settings of a transaction.
///
/// The judge reads strings as they are with `standard_conforming_strings`; with it off, a backslash would end them
/// elsewhere.
pub(super) static SET: Own = Own {
    name: "guard: transaction",
    reads: "Nothing. Sets the limits of this transaction.",
    when: "after the begin of each EXPLAIN, index test or trial",
    holes: &[STATEMENT_TIMEOUT, LOCK_TIMEOUT, IDLE_TIMEOUT],
    sql: "select
    pg_catalog.set_config('statement_timeout', '{statement_timeout}', true),
    pg_catalog.set_config('lock_timeout', '{lock_timeout}', true),
    pg_catalog.set_config('idle_in_transaction_session_timeout', '{idle_timeout}', true),
    case when pg_catalog.current_setting('transaction_timeout', true) is not null then pg_catalog.set_config('transaction_timeout', '0', true) end,
    pg_catalog.set_config('application_name', 'pgdj', true),
    pg_catalog.set_config('standard_conforming_strings', 'on', true)",
};

pub(super) static DEALLOCATE: Own = Own {
    name: "guard: deallocate",
    reads: "Nothing. Forgets the prepared statement.",
    when: "before the next PREPARE, and after the ROLLBACK",
    holes: &[],
    sql: "deallocate pgdj_explained",
};

pub(super) static ROLLBACK: Own = Own {
    name: "guard: rollback",
    reads: "Nothing. Ends the transaction and undoes whatever was written in it.",
    when: "at the end of each EXPLAIN, index test and trial, whatever the result",
    holes: &[],
    sql: "rollback",
};

/// The savepoint of a step.
pub(super) const POINT: Hole = Hole {
    name: "savepoint",
    doc: "what it is for",
    form: Placeholder::OneOf(&["pgdj_judge", "pgdj_explain", "pgdj_hypothetical", "pgdj_proof", "pgdj_sample"]),
};

pub(super) static SAVEPOINT: Own = Own {
    name: "guard: savepoint of a transaction",
    reads: "Nothing. Marks where to go back to.",
    when: "before each step of an index test or trial",
    holes: &[POINT],
    sql: "savepoint {savepoint}",
};

pub(super) static ROLLBACK_TO: Own = Own {
    name: "guard: rollback to savepoint",
    reads: "Nothing. Undoes the step.",
    when: "after each step of an index test or trial",
    holes: &[POINT],
    sql: "rollback to savepoint {savepoint}",
};

pub(super) static RELEASE: Own = Own {
    name: "guard: release",
    reads: "Nothing. Forgets the savepoint.",
    when: "after each step of an index test or trial",
    holes: &[POINT],
    sql: "release savepoint {savepoint}",
};
