-- table_sizes; cost: a stat() for each file of each table; waits for ACCESS EXCLUSIVE, so tables with such a lock, held or waited for, are left out; needs nothing; since 12
select
    c.oid::bigint as relid,
    case when k.pids is null then pg_catalog.pg_relation_size(c.oid) end as heap_bytes,
    case when k.pids is null then pg_catalog.pg_table_size(c.oid) end as table_bytes,
    case when k.pids is null then pg_catalog.pg_indexes_size(c.oid) end as index_bytes,
    case when k.pids is null then pg_catalog.pg_total_relation_size(c.oid) end as total_bytes,
    case when k.pids is null then extract(epoch from pg_catalog.clock_timestamp())::float8 end as read_at,
    k.pids as locked_by,
    c.total as total
from (
    select c.oid, c.relpages, pg_catalog.count(*) over () as total
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'm')
        and n.nspname not in ('pg_catalog', 'information_schema')
        and n.nspname not like 'pg\_toast%'
        and n.nspname not like 'pg\_temp%'
    order by c.relpages desc, c.oid
    limit 2000
) as c
left join (
    select i.oid as relation, pg_catalog.array_agg(distinct l.pid::bigint) as pids
    from pg_catalog.pg_locks as l
    join pg_catalog.pg_database as d on d.oid = l.database and d.datname = pg_catalog.current_database()
    join (
        select x.oid, x.oid as part from pg_catalog.pg_class as x
        union all
        select x.indrelid, x.indexrelid from pg_catalog.pg_index as x
        union all
        select x.oid, x.reltoastrelid from pg_catalog.pg_class as x where x.reltoastrelid <> 0
    ) as i on i.part = l.relation
    where l.mode = 'AccessExclusiveLock' and l.relation is not null
    group by i.oid
) as k on k.relation = c.oid
order by c.relpages desc, c.oid
limit 2000
