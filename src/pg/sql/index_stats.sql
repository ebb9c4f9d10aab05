-- index_stats; cost: one pass over pg_index and pg_statistic; needs SELECT on the tables (or pg_read_all_data) to see pg_stats; since 12
select
    i.indexrelid::bigint as indexrelid,
    pg_catalog.sum((1 - coalesce(s.null_frac, 0)) * (pg_catalog.ceil(coalesce(s.avg_width, 0)::float8 / g.size) * g.size))::float8 as key_width,
    least(
        pg_catalog.max(c.reltuples)::float8,
        pg_catalog.exp(least(700, pg_catalog.sum(pg_catalog.ln(
            greatest(1, case when coalesce(s.n_distinct, -1) < 0 then -coalesce(s.n_distinct, -1) * greatest(t.reltuples, 1) else s.n_distinct end)::float8
        )) filter (where u.place <= i.indnkeyatts)))
    )::float8 as distinct_rows,
    least(
        pg_catalog.max(c.reltuples)::float8,
        pg_catalog.max(
            greatest(1, case when coalesce(s.n_distinct, -1) < 0 then -coalesce(s.n_distinct, -1) * greatest(t.reltuples, 1) else s.n_distinct end)::float8
        ) filter (where u.place <= i.indnkeyatts)
    )::float8 as distinct_least,
    pg_catalog.max(coalesce(s.null_frac, 0))::float8 as null_share,
    case when pg_catalog.count(*) = 1 then pg_catalog.max((select pg_catalog.sum(f.share) from pg_catalog.unnest(s.most_common_freqs) as f (share))) end::float8 as common_share,
    case when pg_catalog.count(*) = 1 then pg_catalog.max(pg_catalog.cardinality(s.most_common_freqs)) end::bigint as common_values,
    pg_catalog.count(*) as keys,
    pg_catalog.has_table_privilege(i.indrelid, 'select') as may_read,
    (
        m.amname <> 'btree' or i.indpred is not null or i.indexprs is not null
        or pg_catalog.count(*) <> pg_catalog.count(s.attname) or pg_catalog.bool_or(a.atttypid = 'pg_catalog.name'::regtype)
    ) as is_na,
    (
        i.indnatts = i.indnkeyatts
        and not pg_catalog.bool_or(a.atttypid in ('pg_catalog.numeric'::regtype, 'pg_catalog.float4'::regtype, 'pg_catalog.float8'::regtype, 'pg_catalog.jsonb'::regtype) or y.typtype in ('c', 'r', 'm') or y.typelem <> 0 and y.typlen = -1)
        and pg_catalog.bool_and(coalesce(l.collisdeterministic, true))
        and pg_catalog.current_setting('server_version_num')::int >= 130000
    ) as can_deduplicate,
    coalesce(pg_catalog.substring(pg_catalog.array_to_string(c.reloptions, ' '), 'fillfactor=([0-9]+)')::bigint, 90) as fillfactor,
    c.relpages::bigint as pages,
    c.reltuples::float8 as reltuples,
    extract(epoch from pg_catalog.clock_timestamp())::float8 as read_at,
    w.total as total
from (
    -- The limit comes first: statistics are looked up for what is shown alone.
    select c.oid, pg_catalog.count(*) over () as total
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.relkind = 'i'
        and n.nspname not in ('pg_catalog', 'information_schema')
        and n.nspname not like 'pg\_toast%'
        and n.nspname not like 'pg\_temp%'
    order by c.relpages desc, c.oid
    limit 5000
) as w
join pg_catalog.pg_index as i on i.indexrelid = w.oid
join pg_catalog.pg_class as c on c.oid = i.indexrelid
join pg_catalog.pg_class as t on t.oid = i.indrelid
join pg_catalog.pg_namespace as n on n.oid = t.relnamespace
join pg_catalog.pg_am as m on m.oid = c.relam
cross join lateral pg_catalog.unnest(i.indkey::int2[]) with ordinality as u (attnum, place)
left join pg_catalog.pg_attribute as a on a.attrelid = t.oid and a.attnum = u.attnum
left join pg_catalog.pg_type as y on y.oid = a.atttypid
left join pg_catalog.pg_collation as l on l.oid = a.attcollation
left join pg_catalog.pg_stats as s on s.schemaname = n.nspname and s.tablename = t.relname and s.attname = a.attname and not s.inherited
cross join lateral (select case a.attalign when 'd' then 8 when 'i' then 4 when 's' then 2 else 1 end::float8 as size) as g
group by i.indexrelid, i.indrelid, i.indnatts, i.indnkeyatts, i.indpred, i.indexprs, m.amname, c.relpages, c.reltuples, c.reloptions, w.total
order by c.relpages desc, i.indexrelid
