//! Exact bloat of one table or index, on demand: it reads the relation, so a person asks for it and may cancel it.

use super::blockers::{self, LockTarget};
use super::own::{Hole, Own, Placeholder};
use super::session::{Limits, Lost, Query, QueryParameter, Session, sentence};
use super::why;
use crate::quote::quote_ident;
use crate::sample::{Bytes, Missing, Row, Seconds, ServerFacts, Timestamp};
use tokio_postgres::error::SqlState;

/// What is to be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MeasuredRelation {
    /// A table, by its oid.
    Table(i64),
    /// A B-tree index, by its oid.
    Index(i64),
}

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Exact {
    /// The server's clock at the end of the scan.
    pub at: Timestamp,
    /// Size of the heap or the index.
    pub bytes: Bytes,
    /// Dead rows of a table; deleted pages of an index.
    pub dead: Bytes,
    /// Free space: of an index, what its leaf pages lack to be full.
    pub free: Bytes,
    /// Part of a table that was read, 0..=1: pages all of whose rows are visible are not. One for an index.
    pub scanned: f64,
}

impl Exact {
    /// Returns the part that is dead or free, 0..=1; `None` of nothing.
    pub fn share(&self) -> Option<f64> {
        (self.bytes.0 > 0.0).then(|| (self.dead.0 + self.free.0) / self.bytes.0)
    }
}

/// The extension that measures.
const EXTENSION: &str = "pgstattuple";

/// Returns why nothing can be measured here, or `None` if it can be tried.
pub fn cannot(relation: MeasuredRelation, facts: &ServerFacts) -> Option<Missing> {
    if !facts.extensions.contains_key(EXTENSION) {
        return Some(why::not_installed(EXTENSION, facts));
    }
    let function = function(relation);
    (!facts.has(&format!("{function}()"))).then(|| denied(format!("permission denied for function {function}"), facts))
}

/// Measures a relation.
pub async fn measure(
    session: &mut Session,
    facts: &ServerFacts,
    relation: MeasuredRelation,
) -> Result<Result<Exact, Missing>, Lost> {
    if let Some(why) = cannot(relation, facts) {
        return Ok(Err(why));
    }
    let schema = facts.extensions.get(EXTENSION).map_or("public", |it| it.schema.as_str());
    let (MeasuredRelation::Table(oid) | MeasuredRelation::Index(oid)) = relation;
    let query =
        Query::new(statement(relation).fill(&[(SCHEMA.name, &quote_ident(schema))])).with(QueryParameter::Int(oid));
    let error = match session.one(query).await? {
        Ok(answer) => {
            let rows = answer.into_rows();
            let gone = || Missing::Unsupported { what: format!("relation with the oid {oid} any more") };
            return Ok(rows.first().map(|row| read(&row)).ok_or_else(gone));
        }
        Err(error) => error,
    };
    if blockers::is_blocked(&error) {
        return Ok(Err(blockers::ask(session, LockTarget::Relation(oid)).await?));
    }
    let message = sentence(&error);
    Ok(Err(match error.code() {
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => denied(message, facts),
        Some(&SqlState::QUERY_CANCELED) => {
            Missing::TimedOut { after: Seconds(session.limits().statement.as_secs_f64()) }
        }
        code => Missing::Failed { sqlstate: code.map_or("none", SqlState::code).to_owned(), message },
    }))
}

/// The limits of a session that measures.
pub const LIMITS: Limits = Limits::ACT;

fn function(relation: MeasuredRelation) -> &'static str {
    match relation {
        MeasuredRelation::Table(_) => "pgstattuple_approx",
        MeasuredRelation::Index(_) => "pgstatindex",
    }
}

fn denied(what: String, facts: &ServerFacts) -> Missing {
    Missing::Denied { what, grant: facts.grant("pg_stat_scan_tables") }
}

const SCHEMA: Hole =
    Hole { name: "schema", doc: "the schema that pgstattuple is installed in", form: Placeholder::Name };

/// Source: PostgreSQL manual F.33 "pgstattuple".
pub(super) static OF_TABLE: Own = Own {
    name: "exact bloat of a table",
    reads: "One table: every page that is not all-visible. It can take minutes, and blocks no reads or writes. $1 is \
        the oid of the table.",
    when: "only after you agreed (b in Tables), if pgstattuple is installed",
    holes: &[SCHEMA],
    sql: "select
    s.table_len::float8 as bytes,
    s.dead_tuple_len::float8 as dead,
    s.approx_free_space::float8 as free,
    (s.scanned_percent / 100)::float8 as scanned,
    extract(epoch from pg_catalog.clock_timestamp())::float8 as at
from pg_catalog.pg_class as c
cross join lateral {schema}.pgstattuple_approx(c.oid::regclass) as s
where c.oid = $1::bigint::oid",
};

/// The same of an index.
pub(super) static OF_INDEX: Own = Own {
    name: "exact bloat of an index",
    reads: "One b-tree index, all of it. It can take minutes, and blocks no reads or writes. $1 is the oid of the \
        index.",
    when: "only after you agreed (b in Indexes), if pgstattuple is installed",
    holes: &[SCHEMA],
    sql: "select
    s.index_size::float8 as bytes,
    (s.deleted_pages + s.empty_pages) * pg_catalog.current_setting('block_size')::float8 as dead,
    s.leaf_pages * pg_catalog.current_setting('block_size')::float8
        * case when s.avg_leaf_density between 0 and 100 then 1 - s.avg_leaf_density / 100 else 0 end as free,
    1::float8 as scanned,
    extract(epoch from pg_catalog.clock_timestamp())::float8 as at
from pg_catalog.pg_class as c
cross join lateral {schema}.pgstatindex(c.oid::regclass) as s
where c.oid = $1::bigint::oid",
};

fn statement(relation: MeasuredRelation) -> &'static Own {
    match relation {
        MeasuredRelation::Table(_) => &OF_TABLE,
        MeasuredRelation::Index(_) => &OF_INDEX,
    }
}

fn read(row: &Row<'_>) -> Exact {
    let number = |name| row.number(name).unwrap_or_default();
    Exact {
        at: Timestamp(number("at")),
        bytes: Bytes(number("bytes")),
        dead: Bytes(number("dead")),
        free: Bytes(number("free")),
        scanned: number("scanned"),
    }
}
