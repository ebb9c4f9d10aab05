-- index_sizes; cost: a stat() for each file of each index; waits for ACCESS EXCLUSIVE, so indexes with such a lock, held or waited for, are left out; needs nothing; since 12
select
    i.indexrelid::bigint as indexrelid,
    case when k.pids is null then pg_catalog.pg_relation_size(i.indexrelid) end as bytes,
    case when k.pids is null then pg_catalog.pg_get_indexdef(i.indexrelid) end as definition,
    case when k.pids is null then extract(epoch from pg_catalog.clock_timestamp())::float8 end as read_at,
    k.pids as locked_by,
    i.total as total
from (
    select i.indexrelid, i.indrelid, c.relpages, pg_catalog.count(*) over () as total
    from pg_catalog.pg_index as i
    join pg_catalog.pg_class as c on c.oid = i.indexrelid and c.relkind = 'i'
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname not in ('pg_catalog', 'information_schema')
        and n.nspname not like 'pg\_toast%'
        and n.nspname not like 'pg\_temp%'
    order by c.relpages desc, c.oid
    limit 5000
) as i
left join (
    select l.relation, pg_catalog.array_agg(distinct l.pid::bigint) as pids
    from pg_catalog.pg_locks as l
    join pg_catalog.pg_database as d on d.oid = l.database and d.datname = pg_catalog.current_database()
    where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
    group by l.relation
) as k on k.relation in (i.indexrelid, i.indrelid)
order by i.relpages desc, i.indexrelid
limit 5000
