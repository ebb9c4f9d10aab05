//! Django's own tables as data: which relation the role's path finds under their names, and whether it may be read.
//!
//! Whoever owns the application's schema may put a view in their place, whose functions would run as pgdj's role, give a
//! column a type of his own, or add an index whose expression is computed while a statement is planned. Only a plain
//! table with built-in types and plain indexes is read; of anything else is said what it is. It is read with ONLY, by
//! its schema, under `row_security = off`, so that a policy is an error and not a function that runs.

use std::collections::BTreeMap;

use super::session::{Parameter, Query, RolePath};
use crate::sample::RowSet;
use crate::sample::server::Relation;

/// What the role's path finds under the names of Django's own tables; $1 is the path.
///
/// Objects below oid 16384 come with the server. Source: `FirstNormalObjectId` in src/include/access/transam.h.
const TABLES: &str = "select distinct on (c.relname)
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
    exists (select from pg_catalog.pg_index as i where i.indrelid = c.oid and (i.indexprs is not null or i.indpred is not null))
        or exists (select from pg_catalog.pg_statistic_ext as s where s.stxrelid = c.oid)
        or exists (select from pg_catalog.pg_rewrite as w where w.ev_class = c.oid) as has_expressions
from pg_catalog.jsonb_array_elements_text($1::jsonb) with ordinality as p (schema, place)
join pg_catalog.pg_namespace as n on n.nspname = case p.schema when '$user' then current_user::text else p.schema end
join pg_catalog.pg_class as c on c.relnamespace = n.oid
where c.relname in ('django_migrations', 'django_content_type')
    and pg_catalog.has_schema_privilege(n.oid, 'usage')
order by c.relname, p.place";

/// Asks for them along a path.
pub(super) fn question(path: &RolePath) -> Query {
    Query::new(TABLES).with(Parameter::Text(path.json()))
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
                has_expressions: row.flag("has_expressions").unwrap_or(true),
            };
            (row.text("relation").to_owned(), relation)
        })
        .collect()
}
