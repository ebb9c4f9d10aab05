-- vacuum_progress; cost: reads shared memory only; needs pg_read_all_stats for others'; since 12
select
    p.pid::bigint as pid,
    p.relid::bigint as relid,
    coalesce(p.phase, '') as phase,
    p.heap_blks_total as heap_total,
    p.heap_blks_scanned as heap_scanned,
    p.heap_blks_vacuumed as heap_vacuumed,
    p.index_vacuum_count as index_passes,
    pg_catalog.count(*) over () as total
from pg_catalog.pg_stat_progress_vacuum as p
where p.datname = pg_catalog.current_database()
order by p.pid
limit 100
