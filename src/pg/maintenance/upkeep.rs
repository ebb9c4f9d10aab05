//! The statements of VACUUM, ANALYZE, of an index that is built and kept, and of a reset.

use crate::pg::own::{Hole, Own, Placeholder};

/// When one of these is sent.
const WHEN_TABLE: &str = "only after you agreed (u in Tables); never with --read-only";
const WHEN_BUILD: &str = "only after you agreed to build an index (I in Explain); never with --read-only";

pub(super) const TABLE: Hole = Hole { name: "table", doc: "the table, with its schema", form: Placeholder::Name };
pub(super) const INDEX: Hole =
    Hole { name: "index", doc: "the name of the index, as the migration has it", form: Placeholder::Name };
pub(super) const PLACE: Hole = Hole {
    name: "place",
    doc: "the table, the keys and the condition of the advised index",
    form: Placeholder::Theirs,
};
pub(super) const SCHEMA: Hole =
    Hole { name: "schema", doc: "the schema that pg_stat_statements is installed in", form: Placeholder::Name };

pub(in crate::pg) static OF_TABLE: Own = Own {
    name: "maintenance: table",
    reads: "The name of one table, whether this role may vacuum it, its dead rows and its size; $1 is its oid.",
    when: "before and after you vacuum or analyze it",
    holes: &[],
    sql: "select
    n.nspname::text as schema,
    c.relname::text as name,
    pg_catalog.pg_is_in_recovery() as is_standby,
    pg_catalog.pg_has_role(c.relowner, 'usage')
        or exists (
            select from pg_catalog.pg_database as d
            where d.datname = pg_catalog.current_database() and pg_catalog.pg_has_role(d.datdba, 'usage')
        ) as is_allowed,
    pg_catalog.pg_stat_get_dead_tuples(c.oid)::float8 as dead,
    c.relpages * pg_catalog.current_setting('block_size')::float8 as bytes,
    pg_catalog.pg_stat_get_vacuum_count(c.oid) as vacuums,
    pg_catalog.pg_stat_get_analyze_count(c.oid) as analyzes
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.oid = $1::bigint::oid",
};

pub(in crate::pg) static MAY_MAINTAIN: Own = Own {
    name: "maintenance: right to maintain",
    reads: "Whether this role may vacuum one table by MAINTAIN or pg_maintain (17); $1 is its oid.",
    when: "before you vacuum or analyze a table of another role",
    holes: &[],
    sql: "select pg_catalog.has_table_privilege($1::bigint::oid, 'MAINTAIN')",
};

pub(in crate::pg) static ANALYZE: Own = Own {
    name: "maintenance: analyze",
    reads: "A sample of the table. WRITES THE PLANNER'S STATISTICS. Reads and writes continue; a table that is locked is \
        passed over.",
    when: WHEN_TABLE,
    holes: &[TABLE],
    sql: "analyze (skip_locked) {table}",
};

pub(in crate::pg) static VACUUM: Own = Own {
    name: "maintenance: vacuum",
    reads: "The pages of the table that are not all-visible, and its indexes. REMOVES DEAD ROWS. Reads and writes \
        continue; a table that is locked is passed over; the file is not made shorter, which would lock it.",
    when: WHEN_TABLE,
    holes: &[TABLE],
    sql: "vacuum (skip_locked, truncate false) {table}",
};

pub(in crate::pg) static VACUUM_ANALYZE: Own = Own {
    name: "maintenance: vacuum and analyze",
    reads: "The same, then a sample of the table for the planner's statistics.",
    when: WHEN_TABLE,
    holes: &[TABLE],
    sql: "vacuum (skip_locked, truncate false, analyze) {table}",
};

pub(in crate::pg) static OF_INDEX: Own = Own {
    name: "maintenance: index",
    reads: "Whether an index of that name exists and is valid, its size, and whether a session works on it; $1 the schema, \
        $2 the name.",
    when: "before and after you build an index",
    holes: &[],
    sql: "select
    coalesce(i.indisvalid, false) as is_valid,
    pg_catalog.pg_relation_size(c.oid)::float8 as bytes,
    exists (select from pg_catalog.pg_locks as l where l.relation = c.oid and l.granted) as is_at_work
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join pg_catalog.pg_index as i on i.indexrelid = c.oid
where n.nspname = $1 and c.relname = $2",
};

pub(in crate::pg) static BUILD: Own = Own {
    name: "maintenance: build an index",
    reads: "The whole table, twice. BUILDS AN INDEX that stays. Reads and writes continue; it waits for transactions that \
        are open.",
    when: WHEN_BUILD,
    holes: &[INDEX, PLACE],
    sql: "CREATE INDEX CONCURRENTLY /* pgdj: build */ {index} ON {place}",
};

pub(in crate::pg) static DROP: Own = Own {
    name: "maintenance: drop what a build left",
    reads: "Nothing. DROPS THE INVALID INDEX that a build left which was cancelled or failed.",
    when: "after a build of an index that you agreed to was cancelled or failed",
    holes: &[INDEX],
    sql: "DROP INDEX CONCURRENTLY /* pgdj: drop what a build left */ IF EXISTS {index}",
};

/// Each argument has the function's own type, so that no other function of that name can fit better.
pub(in crate::pg) static RESET_STATEMENTS: Own = Own {
    name: "reset pg_stat_statements",
    reads: "Nothing. SETS THE COUNTERS of all statements of all databases to zero, for everybody.",
    when: "only after you agreed (Z in Queries), with pg_stat_statements 1.11 or later; never with --read-only",
    holes: &[SCHEMA],
    sql: "select {schema}.pg_stat_statements_reset(0::pg_catalog.oid, 0::pg_catalog.oid, 0::pg_catalog.int8, false)",
};

pub(in crate::pg) static RESET_STATEMENTS_OLD: Own = Own {
    name: "reset pg_stat_statements before 1.11",
    reads: "The same.",
    when: "only after you agreed (Z in Queries), with pg_stat_statements 1.7 to 1.10; never with --read-only",
    holes: &[SCHEMA],
    sql: "select {schema}.pg_stat_statements_reset(0::pg_catalog.oid, 0::pg_catalog.oid, 0::pg_catalog.int8)",
};

pub(in crate::pg) static VACUUM_PROGRESS: Own = Own {
    name: "maintenance: progress of VACUUM",
    reads: "Shared memory: how far the VACUUM of one table is; $1 is its oid.",
    when: "each second while a VACUUM runs that you agreed to",
    holes: &[],
    sql: "select
    p.phase,
    p.heap_blks_scanned::float8 / nullif(p.heap_blks_total, 0) as done,
    null::bigint as waits_for
from pg_catalog.pg_stat_progress_vacuum as p
where p.relid = $1::bigint::oid and p.datname = pg_catalog.current_database()",
};

pub(in crate::pg) static ANALYZE_PROGRESS: Own = Own {
    name: "maintenance: progress of ANALYZE",
    reads: "Shared memory: how far the ANALYZE of one table is; $1 is its oid. From PostgreSQL 13 on.",
    when: "each second while an ANALYZE runs that you agreed to",
    holes: &[],
    sql: "select
    p.phase,
    p.sample_blks_scanned::float8 / nullif(p.sample_blks_total, 0) as done,
    null::bigint as waits_for
from pg_catalog.pg_stat_progress_analyze as p
where p.relid = $1::bigint::oid and p.datname = pg_catalog.current_database()",
};

pub(in crate::pg) static BUILD_PROGRESS: Own = Own {
    name: "maintenance: progress of CREATE INDEX",
    reads: "Shared memory: how far the build of an index on one table is, and whose transaction it waits for; $1 the \
        schema, $2 the table.",
    when: "each second while an index is built that you agreed to",
    holes: &[],
    sql: "select
    p.phase,
    coalesce(
        p.tuples_done::float8 / nullif(p.tuples_total, 0),
        p.blocks_done::float8 / nullif(p.blocks_total, 0)
    ) as done,
    nullif(p.current_locker_pid, 0) as waits_for
from pg_catalog.pg_stat_progress_create_index as p
join pg_catalog.pg_class as c on c.oid = p.relid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where n.nspname = $1 and c.relname = $2 and p.datname = pg_catalog.current_database()",
};
