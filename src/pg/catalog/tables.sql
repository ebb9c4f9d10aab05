-- tables by name; cost: one look-up in pg_class for each; needs nothing; since 12
-- $1 is a JSON list of [schema, name]; a schema that is empty is looked for along the search_path.
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
        from pg_catalog.pg_inherits as h
        join pg_catalog.pg_class as p on p.oid = h.inhparent
        join pg_catalog.pg_namespace as pn on pn.oid = p.relnamespace
        where h.inhrelid = c.oid and c.relispartition) as parent,
    pg_catalog.has_table_privilege(c.oid, 'select') or pg_catalog.has_any_column_privilege(c.oid, 'select') as may_read,
    s.n_tup_ins::float8 as inserted,
    s.n_tup_upd::float8 as updated,
    s.n_tup_del::float8 as deleted,
    s.n_tup_hot_upd::float8 as hot_updated,
    s.n_mod_since_analyze::float8 as changed,
    coalesce(s.last_analyze, s.last_autoanalyze) is not null as was_analyzed,
    s.relid is not null as has_counters,
    extract(epoch from pg_catalog.clock_timestamp() - d.stats_reset)::float8 as seconds
from pg_catalog.jsonb_array_elements($1::text::jsonb) as r (wanted)
join pg_catalog.pg_class as c on c.relname = r.wanted ->> 1
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join pg_catalog.pg_stat_all_tables as s on s.relid = c.oid
left join pg_catalog.pg_stat_database as d on d.datname = pg_catalog.current_database()
where c.relkind in ('r', 'p', 'm', 'f', 't')
    and case when r.wanted ->> 0 = '' then pg_catalog.pg_table_is_visible(c.oid) else n.nspname = r.wanted ->> 0 end
order by c.oid
limit 1000
