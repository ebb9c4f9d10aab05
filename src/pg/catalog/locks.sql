-- granted locks that an index build waits for (it takes SHARE); cost: reads shared memory only; needs nothing, pg_read_all_stats for when the transaction of another role began; since 12
select
    l.relation::bigint as relid,
    l.pid::bigint as pid,
    l.mode as mode,
    extract(epoch from a.xact_start)::float8 as xact_start
from pg_catalog.pg_lock_status() as l
left join pg_catalog.pg_stat_get_activity(null) as a on a.pid = l.pid
where l.relation = any ($1::bigint[]::oid[])
    and l.database = (select own.datid from pg_catalog.pg_stat_get_activity(pg_catalog.pg_backend_pid()) as own)
    and l.granted
    and l.mode in ('RowExclusiveLock', 'ShareUpdateExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
    and l.pid <> pg_catalog.pg_backend_pid()
order by a.xact_start, l.pid
limit 1000
