-- column_stats; cost: one pass over pg_attribute and pg_statistic; needs SELECT on the tables (or pg_read_all_data) to see pg_stats; since 12
-- The estimate is ioguix' (pgsql-bloat-estimation, BSD); what makes it void is kept as is_na.
select
    c.oid::bigint as relid,
    (
        23
        + case when pg_catalog.max(coalesce(s.null_frac, 0)) > 0 then (7 + pg_catalog.count(s.attname)) / 8 else 0 end
        + pg_catalog.sum((1 - coalesce(s.null_frac, 0)) * coalesce(s.avg_width, 0))
    )::float8 as row_width,
    (pg_catalog.bool_or(a.atttypid = 'pg_catalog.name'::regtype) or pg_catalog.count(*) <> pg_catalog.count(s.attname)) as is_na,
    pg_catalog.count(s.attname) > 0 as has_statistics,
    coalesce(pg_catalog.substring(pg_catalog.array_to_string(c.reloptions, ' '), 'fillfactor=([0-9]+)')::bigint, 100) as fillfactor,
    c.relpages::bigint as pages,
    c.reltuples::float8 as reltuples,
    coalesce(pg_catalog.max(o.relpages), 0)::bigint as toast_pages,
    pg_catalog.count(*) as columns,
    pg_catalog.count(s.attname) as columns_seen,
    extract(epoch from pg_catalog.clock_timestamp())::float8 as read_at
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
left join pg_catalog.pg_stats as s on s.schemaname = n.nspname and s.tablename = c.relname and s.attname = a.attname and not s.inherited
left join pg_catalog.pg_class as o on o.oid = c.reltoastrelid
where c.relkind in ('r', 'm')
    and n.nspname not in ('pg_catalog', 'information_schema')
    and n.nspname not like 'pg\_toast%'
    and n.nspname not like 'pg\_temp%'
group by c.oid, c.relpages, c.reltuples, c.reloptions
order by c.relpages desc, c.oid
limit 5000
