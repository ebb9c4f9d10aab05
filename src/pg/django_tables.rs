//! Django's own tables as data: which relation the role's path finds under their names, and whether it may be read.
//!
//! Whoever owns the application's schema may put a view in their place, whose functions would run as pgdj's role, or
//! a policy on them. Only a plain table with built-in types is read, by its schema; of anything else is said what it is.
//! That it may be swapped after this judgement does no harm, because it is read by COPY ([`super::copy`]). What the
//! server would refuse is not asked: nothing of it gets into the server's log.

use std::collections::BTreeMap;

use super::own::Own;
use super::session::{Query, QueryParameter, RolePath};
use crate::sample::RowSet;
use crate::sample::server::Relation;

/// What the role's path finds under the names of Django's own tables; $1 is the path.
///
/// Objects below oid 16384 come with the server. Source: `FirstNormalObjectId` in src/include/access/transam.h.
pub(super) static TABLES: Own = Own {
    name: "tables of Django",
    reads: "Whether django_migrations and django_content_type are plain tables. It opens neither. $1 is the role's \
        search_path as JSON.",
    when: "with the five above, and each time pgdj looks for indexes",
    holes: &[],
    sql: "select distinct on (c.relname)
    c.relname::text as relation,
    c.oid::bigint as oid,
    n.nspname::text as schema,
    c.relkind::text as kind,
    array(
        select a.attname::text
        from pg_catalog.pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        order by a.attnum
        limit 100
    ) as columns,
    exists (
        select from pg_catalog.pg_attribute as a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
            and (a.atttypid >= 16384 or a.attgenerated <> '' or a.attcollation >= 16384)
    ) as has_own_types,
    pg_catalog.row_security_active(c.oid) as has_policies,
    not exists (
        select from pg_catalog.pg_attribute as a
        where a.attrelid = c.oid and a.attname in ('id', 'app', 'name', 'app_label', 'model')
            and pg_catalog.has_column_privilege(c.oid, a.attnum, 'select')
    ) as is_denied
from pg_catalog.jsonb_array_elements_text($1::jsonb) with ordinality as p (schema, place)
join pg_catalog.pg_namespace as n on n.nspname = case p.schema when '$user' then current_user::text else p.schema end
join pg_catalog.pg_class as c on c.relnamespace = n.oid
where c.relname in ('django_migrations', 'django_content_type')
    and pg_catalog.has_schema_privilege(n.oid, 'usage')
order by c.relname, p.place",
};

/// Asks for them along a path.
pub(super) fn question(path: &RolePath) -> Query {
    Query::new(TABLES.sql()).with(QueryParameter::Text(path.json()))
}

/// Reads the answer.
pub(super) fn relations(rows: &RowSet) -> BTreeMap<String, Relation> {
    rows.iter()
        .map(|row| {
            let texts = row.get("columns").as_list().iter().filter_map(crate::sample::Value::as_str);
            let relation = Relation {
                oid: row.int("oid").unwrap_or_default(),
                schema: row.text("schema").to_owned(),
                kind: row.text("kind").to_owned(),
                columns: texts.map(str::to_owned).collect(),
                has_own_types: row.flag("has_own_types").unwrap_or(true),
                has_policies: row.flag("has_policies").unwrap_or(true),
                is_denied: row.flag("is_denied").unwrap_or(true),
            };
            (row.text("relation").to_owned(), relation)
        })
        .collect()
}
