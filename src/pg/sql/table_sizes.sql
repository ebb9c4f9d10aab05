-- table_sizes; cost: a stat() for each file of each table; waits for ACCESS EXCLUSIVE, so tables with such a lock, held or waited for, are left out; needs nothing; since 12
select
    c.oid::bigint as relid,
    s.heap as heap_bytes,
    s.of_table as table_bytes,
    s.of_indexes as index_bytes,
    -- As pg_total_relation_size() adds them up, which would look at every file once more.
    s.of_table + s.of_indexes as total_bytes,
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
    -- What a lock on an index or a TOAST table keeps waiting is its table; without such a lock nothing is looked up.
    select i.oid as relation, pg_catalog.array_agg(distinct l.pid::bigint) as pids
    from pg_catalog.pg_locks as l
    join pg_catalog.pg_database as d on d.oid = l.database and d.datname = pg_catalog.current_database()
    cross join lateral (
        select l.relation as oid
        union all
        select x.indrelid from pg_catalog.pg_index as x where x.indexrelid = l.relation
        union all
        select x.oid from pg_catalog.pg_class as x where x.reltoastrelid = l.relation
    ) as i
    where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
    group by i.oid
) as k on k.relation = c.oid
cross join lateral (
    select
        case when k.pids is null then pg_catalog.pg_relation_size(c.oid) end as heap,
        case when k.pids is null then pg_catalog.pg_table_size(c.oid) end as of_table,
        case when k.pids is null then pg_catalog.pg_indexes_size(c.oid) end as of_indexes
    -- The offset keeps the planner from asking twice.
    offset 0
) as s
order by c.relpages desc, c.oid
limit 2000
