//! What a server has, asked at connect: columns of its views, extensions, functions this role may execute.
//!
//! One round trip. No decision hangs on a version: a fork, a managed service or a stale extension is seen as it is.

use std::collections::BTreeMap;

use super::django_tables;
use super::own::Own;
use super::session::{Answers, Query, Session, sentence};
use crate::Failure;
use crate::failure::FailureKind;
use crate::sample::server::Extension;
use crate::sample::{Row, RowSet, ServerFacts, Timestamp, Value};

/// When all of this is asked.
pub(super) const FACTS_WHEN: &str =
    "once for each sampling session, right after it connects; then every 3 minutes, and when something was missing";

/// Who and what is asked.
pub(super) static IDENTITY: Own = Own {
    name: "what the server is",
    reads: "Version, database, role and its predefined roles, standby or not, start, preloaded libraries.",
    when: FACTS_WHEN,
    holes: &[],
    sql: "select
    pg_catalog.current_setting('server_version') as version,
    pg_catalog.current_setting('server_version_num')::bigint as version_num,
    pg_catalog.current_database()::text as database,
    current_user::text as role,
    coalesce((select r.rolsuper from pg_catalog.pg_roles as r where r.rolname = current_user), false) as is_superuser,
    pg_catalog.pg_is_in_recovery() as is_standby,
    extract(epoch from pg_catalog.pg_postmaster_start_time())::float8 as started,
    (
        select coalesce(pg_catalog.array_agg(r.rolname::text), '{}')
        from pg_catalog.pg_roles as r
        where r.rolname like 'pg\\_%' and pg_catalog.pg_has_role(current_user, r.oid, 'usage')
    ) as memberships,
    (select coalesce(pg_catalog.array_agg(r.rolname::text), '{}') from pg_catalog.pg_roles as r where r.rolname like 'pg\\_%') as predefined_roles,
    (select s.setting from pg_catalog.pg_settings as s where s.name = 'shared_preload_libraries') as preloaded",
};

/// Columns of the system's views and of a few catalogs.
pub(super) static COLUMNS: Own = Own {
    name: "columns of the statistics views",
    reads: "Which columns the statistics views of this server have; pgdj reads only those.",
    when: FACTS_WHEN,
    holes: &[],
    sql: "select
    c.relname::text as relation,
    pg_catalog.array_agg(a.attname::text) as columns
from pg_catalog.pg_class as c
join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where c.relnamespace = 'pg_catalog'::regnamespace
    and (
        c.relkind = 'v' and (c.relname like 'pg\\_stat%' or c.relname in ('pg_locks', 'pg_replication_slots', 'pg_settings', 'pg_prepared_xacts', 'pg_shmem_allocations'))
        or c.relname in ('pg_class', 'pg_index', 'pg_constraint', 'pg_attribute', 'pg_database', 'pg_subscription')
    )
group by c.oid, c.relname
order by c.relname
limit 500",
};

/// The extensions of this database.
pub(super) static EXTENSIONS: Own = Own {
    name: "extensions",
    reads: "The extensions of this database, their versions and schemas.",
    when: FACTS_WHEN,
    holes: &[],
    sql: "select
    e.extname::text as name,
    e.extversion as version,
    a.default_version as available,
    n.nspname::text as schema
from pg_catalog.pg_extension as e
join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
left join pg_catalog.pg_available_extensions as a on a.name = e.extname
order by e.extname
limit 500",
};

/// Views of the extensions this program knows, and their functions with their columns: a stale extension has fewer.
pub(super) static EXTENSION_PARTS: Own = Own {
    name: "views and functions of extensions",
    reads: "Which views and functions the extensions that pgdj can use have, and whether the role may call them.",
    when: FACTS_WHEN,
    holes: &[],
    sql: "select
    p.proname::text as relation,
    array(
        select u.name
        from unnest(p.proargnames, p.proargmodes) as u (name, mode) -- of two arrays: the parser knows it by this name alone
        where u.mode in ('o', 't', 'b') and u.name <> ''
    ) as columns,
    pg_catalog.has_function_privilege(p.oid, 'execute') as may_execute
from pg_catalog.pg_proc as p
join pg_catalog.pg_depend as d on d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
join pg_catalog.pg_extension as e on d.refclassid = 'pg_catalog.pg_extension'::regclass and d.refobjid = e.oid
where e.extname in ('pg_stat_statements', 'pgstattuple', 'hypopg', 'pg_buffercache', 'pg_visibility', 'pg_qualstats', 'pg_stat_kcache', 'pg_wait_sampling')
union all
select
    c.relname::text,
    array(select a.attname::text from pg_catalog.pg_attribute as a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
    false
from pg_catalog.pg_class as c
join pg_catalog.pg_depend as d on d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
join pg_catalog.pg_extension as e on d.refclassid = 'pg_catalog.pg_extension'::regclass and d.refobjid = e.oid
where c.relkind = 'v'
    and e.extname in ('pg_stat_statements', 'hypopg', 'pg_buffercache', 'pg_qualstats', 'pg_stat_kcache', 'pg_wait_sampling')
order by 1
limit 500",
};

/// The server's own functions that are not for everyone, and of those a few that old servers and forks lack.
pub(super) static FUNCTIONS: Own = Own {
    name: "functions that the role may call",
    reads: "Which of the server's restricted functions the role may call.",
    when: FACTS_WHEN,
    holes: &[],
    sql: "select
    p.proname::text as name
from pg_catalog.pg_proc as p
where p.pronamespace = 'pg_catalog'::regnamespace
    and (p.proacl is not null or p.proname in ('pg_blocking_pids', 'pg_cancel_backend', 'pg_terminate_backend', 'pg_current_wal_lsn', 'pg_stat_get_wal_senders'))
    and pg_catalog.has_function_privilege(p.oid, 'execute')
group by p.proname
order by p.proname
limit 500",
};

/// The statement of this database before the same of another. Both answer to the same queryid only if their tables' oids agree.
pub static BY_QUERYID: Own = Own {
    name: "statement of a queryid",
    reads: "The text of one statement from pg_stat_statements and what a call takes on average; $1 is its queryid.",
    when: "once for pgdj explain --queryid, after the six statements under \"Server version and features\"",
    holes: &[],
    sql: "select
    s.query as query,
    d.datname::text as database,
    ((pg_catalog.sum(s.rows) over same) / nullif(pg_catalog.sum(s.calls) over same, 0))::float8 as rows_per_call,
    ((pg_catalog.sum(/*? pg_stat_statements.total_exec_time */ s.total_exec_time /*: s.total_time */) over same) / nullif(pg_catalog.sum(s.calls) over same, 0))::float8 as time_per_call,
    ((pg_catalog.sum(s.temp_blks_written) over same) / nullif(pg_catalog.sum(s.calls) over same, 0))::float8 as temp_per_call
from /*@ pg_stat_statements */ public. /*@*/ pg_stat_statements(true) as s
left join pg_catalog.pg_database as d on d.oid = s.dbid
where s.queryid = $1
window same as (partition by s.dbid) -- whoever ran it in this database
order by (d.datname = pg_catalog.current_database()) desc nulls last, pg_catalog.length(s.query) desc
limit 1",
};

/// Statements of [`read_facts`].
pub const LOOK_STATEMENTS: u32 = 6;

/// Asks a server what it has.
pub async fn read_facts(session: &mut Session, target: &str) -> Result<ServerFacts, Failure> {
    let failed = || Failure::new(FailureKind::Connection, format!("cannot read the capabilities of {target}"));
    let [identity, columns, extensions, parts, functions] =
        [&IDENTITY, &COLUMNS, &EXTENSIONS, &EXTENSION_PARTS, &FUNCTIONS].map(|own| Query::new(own.sql()));
    let questions = [identity, columns, extensions, parts, functions, django_tables::question(&session.path)];
    let answers = session.pipeline(&questions).await.map_err(|lost| failed().because(&lost))?;
    let mut facts = ServerFacts { target: target.to_owned(), is_pooled: session.is_pooled, ..ServerFacts::default() };
    let [identity, columns, extensions, parts, functions, django] = tables(answers);
    // Without the first nothing is known; each of the others may be missing alone (a fork without pg_available_extensions).
    let identity = identity.map_err(|why| failed().because_text(why))?;
    for row in identity.iter() {
        identify(&mut facts, &row);
    }
    facts.django = django.as_ref().map(django_tables::relations).unwrap_or_default();
    for (name, relation) in &facts.django {
        facts.columns.extend(relation.columns.iter().map(|column| format!("{name}.{column}")));
    }
    for row in rows(&columns).chain(rows(&parts)) {
        let relation = row.text("relation");
        let names = row.get("columns").as_list().iter().filter_map(Value::as_str);
        facts.columns.extend(names.map(|name| format!("{relation}.{name}")));
        if row.flag("may_execute") == Some(true) {
            facts.columns.insert(format!("{relation}()"));
        }
    }
    facts.columns.extend(rows(&functions).map(|row| format!("{}()", row.text("name"))));
    facts.extensions = installed(&extensions);
    Ok(facts)
}

fn identify(facts: &mut ServerFacts, row: &Row<'_>) {
    row.text("version").clone_into(&mut facts.version);
    facts.version_num = row.int("version_num").unwrap_or_default();
    row.text("database").clone_into(&mut facts.database);
    row.text("role").clone_into(&mut facts.role);
    facts.is_superuser = row.flag("is_superuser").unwrap_or_default();
    facts.is_standby = row.flag("is_standby").unwrap_or_default();
    facts.started = Timestamp(row.number("started").unwrap_or_default());
    facts.memberships = row.get("memberships").as_list().iter().filter_map(Value::as_str).map(str::to_owned).collect();
    let roles = row.get("predefined_roles").as_list().iter().filter_map(Value::as_str);
    facts.columns.extend(roles.map(|role| format!("role {role}")));
    facts.preloaded = row.get("preloaded").as_str().map(str::to_owned);
}

fn installed(extensions: &Result<RowSet, String>) -> BTreeMap<String, Extension> {
    rows(extensions)
        .map(|row| {
            let extension = Extension {
                version: row.text("version").to_owned(),
                available: row.get("available").as_str().map(str::to_owned),
                schema: row.text("schema").to_owned(),
            };
            (row.text("name").to_owned(), extension)
        })
        .collect()
}

fn rows(table: &Result<RowSet, String>) -> impl Iterator<Item = Row<'_>> {
    table.iter().flat_map(RowSet::iter)
}

/// Puts the answers under their own column names.
fn tables<const N: usize>(answers: Answers) -> [Result<RowSet, String>; N] {
    let mut answers = answers.into_iter();
    std::array::from_fn(|_| {
        let answer = answers.next().ok_or_else(|| "no answer".to_owned())?.map_err(|error| {
            let why = sentence(&error);
            tracing::warn!(why, "some capabilities of the server are unknown");
            why
        })?;
        Ok(answer.into_rows())
    })
}
