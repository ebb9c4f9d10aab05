-- tables; cost: one pass over pg_class and the counters, no relation is opened; needs nothing; since 12
select
    c.oid::bigint as relid,
    n.nspname::text as schema,
    c.relname::text as name,
    c.relkind::text as kind,
    c.relpages::bigint as pages,
    c.reltuples::float8 as reltuples,
    c.relallvisible::bigint as visible_pages,
    case when c.relfrozenxid <> '0'::xid then pg_catalog.age(c.relfrozenxid)::bigint end as freeze_age,
    coalesce(c.reloptions, '{}'::text[]) as options,
    s.seq_scan as seq_scan,
    s.seq_tup_read as seq_tup_read,
    s.idx_scan as idx_scan,
    s.idx_tup_fetch as idx_tup_fetch,
    s.n_tup_ins as inserts,
    s.n_tup_upd as updates,
    s.n_tup_del as deletes,
    s.n_tup_hot_upd as hot_updates,
    s.n_live_tup as live,
    s.n_dead_tup as dead,
    s.n_mod_since_analyze as mod_since_analyze,
    /*? pg_stat_user_tables.n_ins_since_vacuum */ s.n_ins_since_vacuum /*: null::bigint */ as ins_since_vacuum,
    extract(epoch from s.last_vacuum)::float8 as last_vacuum,
    extract(epoch from s.last_autovacuum)::float8 as last_autovacuum,
    extract(epoch from s.last_analyze)::float8 as last_analyze,
    extract(epoch from s.last_autoanalyze)::float8 as last_autoanalyze,
    s.vacuum_count + s.autovacuum_count as vacuums,
    /*? pg_stat_user_tables.last_seq_scan */ extract(epoch from s.last_seq_scan)::float8 /*: null::float8 */ as last_seq_scan,
    /*? pg_stat_user_tables.last_idx_scan */ extract(epoch from s.last_idx_scan)::float8 /*: null::float8 */ as last_idx_scan,
    io.heap_blks_read as heap_read,
    io.heap_blks_hit as heap_hit,
    k.pids as locked_by
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_stat_user_tables as s on s.relid = c.oid
left join pg_catalog.pg_statio_user_tables as io on io.relid = c.oid
left join (
    select l.relation, pg_catalog.array_agg(distinct l.pid::bigint) as pids
    from pg_catalog.pg_locks as l
    join pg_catalog.pg_database as d on d.oid = l.database and d.datname = pg_catalog.current_database()
    where l.mode = 'AccessExclusiveLock' and l.relation is not null
    group by l.relation
) as k on k.relation = c.oid
where c.relkind in ('r', 'p', 'm')
order by c.relpages desc, c.oid
limit 5000
