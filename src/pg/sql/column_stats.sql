-- column_stats; cost: one pass over pg_attribute and pg_statistic; needs SELECT on the tables (or pg_read_all_data) to see pg_stats; since 12
-- It reads histogram bounds of text columns in tables of 16 pages or more, to see whether their lengths differ.
-- The estimate is that of ioguix (pgsql-bloat-estimation, BSD); is_na says that there is none.
select
    c.oid::bigint as relid,
    (
        23
        + case when pg_catalog.max(coalesce(s.null_frac, 0)) > 0 then (7 + pg_catalog.count(s.attname)) / 8 else 0 end
        + pg_catalog.sum((1 - coalesce(s.null_frac, 0)) * coalesce(s.avg_width, 0))
    )::float8 as row_width,
    (pg_catalog.bool_or(a.atttypid = 'pg_catalog.name'::regtype) or pg_catalog.count(*) filter (where not a.attisdropped) <> pg_catalog.count(s.attname)) as is_na,
    pg_catalog.count(s.attname) > 0 as has_statistics,
    coalesce(pg_catalog.substring(pg_catalog.array_to_string(c.reloptions, ' '), 'fillfactor=([0-9]+)')::bigint, 100) as fillfactor,
    c.relpages::bigint as pages,
    c.reltuples::float8 as reltuples,
    coalesce(pg_catalog.max(o.relpages), 0)::bigint as toast_pages,
    pg_catalog.count(*) filter (where not a.attisdropped) as columns,
    pg_catalog.count(s.attname) as columns_seen,
    pg_catalog.has_table_privilege(c.oid, 'select') as may_read,
    pg_catalog.string_agg(
        case
            when a.attisdropped then '0cf10000'
            else
                coalesce(s.avg_width, 0)::text
                || case when a.attlen = -1 and a.attstorage <> 'p' and coalesce(s.avg_width, 0) < 127 then 'c' else a.attalign::text end
                || case
                    when a.attlen > 0 then 'f'
                    when s.avg_width = 18 and a.attstorage in ('x', 'e') and o.relpages > 0 then 'f'
                    when
                        -- Texts of one length, hashes for instance; looked at only where the table is worth it.
                        y.typcategory = 'S' and s.avg_width between 8 and 126 and c.relpages >= 16
                        and (
                            select pg_catalog.min(pg_catalog.octet_length(h.bound)) = pg_catalog.max(pg_catalog.octet_length(h.bound))
                            from pg_catalog.unnest(s.histogram_bounds::text::text[]) as h (bound)
                        )
                        then 'f'
                    else 'v'
                end
                || pg_catalog.round(coalesce(s.null_frac, 0)::numeric * 10000)::text
        end,
        ' ' order by a.attnum
    ) as layout,
    extract(epoch from pg_catalog.clock_timestamp())::float8 as read_at,
    w.total as total
from (
    -- The limit comes first: statistics are looked up for what is shown alone.
    select c.oid, pg_catalog.count(*) over () as total
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'm')
        and n.nspname not in ('pg_catalog', 'information_schema')
        and n.nspname not like 'pg\_toast%'
        and n.nspname not like 'pg\_temp%'
        -- A table without columns has no rows to estimate.
        and c.relnatts > 0
    order by c.relpages desc, c.oid
    limit 5000
) as w
join pg_catalog.pg_class as c on c.oid = w.oid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attnum > 0
left join pg_catalog.pg_type as y on y.oid = a.atttypid
left join pg_catalog.pg_stats as s on s.schemaname = n.nspname and s.tablename = c.relname and s.attname = a.attname and not s.inherited and not a.attisdropped
left join pg_catalog.pg_class as o on o.oid = c.reltoastrelid
group by c.oid, c.relpages, c.reltuples, c.reloptions, w.total
order by c.relpages desc, c.oid
