-- tables by name; cost: one lookup in pg_class for each; needs nothing; since 12
-- $1 is a JSON list of [schema, name]; a schema that is empty is looked for along the role's path, which is $2. Of a partition its root comes too.
with path as (
    select n.oid, p.place
    from pg_catalog.jsonb_array_elements_text($2::text::jsonb) with ordinality as p (schema, place)
    join pg_catalog.pg_namespace as n on n.nspname = case p.schema when '$user' then current_user::text else p.schema end
    where pg_catalog.has_schema_privilege(n.oid, 'usage')
),
wanted as (
    select distinct on (r.place) c.oid, c.relispartition
    from pg_catalog.jsonb_array_elements($1::text::jsonb) with ordinality as r (name, place)
    join pg_catalog.pg_class as c on c.relname = r.name ->> 1
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    left join path as p on p.oid = n.oid
    where case when r.name ->> 0 = '' then p.place is not null else n.nspname = r.name ->> 0 end
        and c.relkind in ('r', 'p', 'm', 'f', 't')
    order by r.place, p.place
)
select
    c.oid::bigint as oid,
    n.nspname::text as schema,
    c.relname::text as name,
    c.relkind::text as kind,
    c.reltuples::float8 as reltuples,
    c.relpages::float8 as pages,
    c.relallvisible::float8 as all_visible,
    c.relispartition as is_partition,
    (select pg_catalog.json_build_array(pn.nspname, p.relname)::text
        from pg_catalog.pg_class as p
        join pg_catalog.pg_namespace as pn on pn.oid = p.relnamespace
        where c.relispartition and p.oid = pg_catalog.pg_partition_root(c.oid)) as parent,
    pg_catalog.has_table_privilege(c.oid, 'select') or pg_catalog.has_any_column_privilege(c.oid, 'select') as may_read,
    s.n_tup_ins::float8 as inserted,
    s.n_tup_upd::float8 as updated,
    s.n_tup_del::float8 as deleted,
    s.n_tup_hot_upd::float8 as hot_updated,
    s.n_mod_since_analyze::float8 as changed,
    coalesce(s.last_analyze, s.last_autoanalyze) is not null as was_analyzed,
    s.relid is not null as has_counters,
    extract(epoch from pg_catalog.clock_timestamp() - d.stats_reset)::float8 as seconds
from (
    select w.oid from wanted as w
    union
    select pg_catalog.pg_partition_root(w.oid)::oid from wanted as w where w.relispartition
) as u
join pg_catalog.pg_class as c on c.oid = u.oid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join pg_catalog.pg_stat_all_tables as s on s.relid = c.oid
left join pg_catalog.pg_stat_database as d on d.datname = pg_catalog.current_database()
order by c.oid
limit 1000
