-- tables; cost: one pass over pg_class and the counters, no relation is opened; needs nothing; since 12
-- Uses the functions below pg_stat_user_tables: planning that view and pg_statio_user_tables costs more than running them.
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
    pg_catalog.pg_stat_get_numscans(c.oid) as seq_scan,
    pg_catalog.pg_stat_get_tuples_returned(c.oid) as seq_tup_read,
    x.scans as idx_scan,
    x.fetched + pg_catalog.pg_stat_get_tuples_fetched(c.oid) as idx_tup_fetch,
    pg_catalog.pg_stat_get_tuples_inserted(c.oid) as inserts,
    pg_catalog.pg_stat_get_tuples_updated(c.oid) as updates,
    pg_catalog.pg_stat_get_tuples_deleted(c.oid) as deletes,
    pg_catalog.pg_stat_get_tuples_hot_updated(c.oid) as hot_updates,
    pg_catalog.pg_stat_get_live_tuples(c.oid) as live,
    pg_catalog.pg_stat_get_dead_tuples(c.oid) as dead,
    pg_catalog.pg_stat_get_mod_since_analyze(c.oid) as mod_since_analyze,
    /*? pg_stat_user_tables.n_ins_since_vacuum */ pg_catalog.pg_stat_get_ins_since_vacuum(c.oid) /*: null::bigint */ as ins_since_vacuum,
    extract(epoch from pg_catalog.pg_stat_get_last_vacuum_time(c.oid))::float8 as last_vacuum,
    extract(epoch from pg_catalog.pg_stat_get_last_autovacuum_time(c.oid))::float8 as last_autovacuum,
    extract(epoch from pg_catalog.pg_stat_get_last_analyze_time(c.oid))::float8 as last_analyze,
    extract(epoch from pg_catalog.pg_stat_get_last_autoanalyze_time(c.oid))::float8 as last_autoanalyze,
    pg_catalog.pg_stat_get_vacuum_count(c.oid) + pg_catalog.pg_stat_get_autovacuum_count(c.oid) as vacuums,
    /*? pg_stat_user_tables.last_seq_scan */ extract(epoch from pg_catalog.pg_stat_get_lastscan(c.oid))::float8 /*: null::float8 */ as last_seq_scan,
    /*? pg_stat_user_tables.last_idx_scan */ extract(epoch from x.last_scan)::float8 /*: null::float8 */ as last_idx_scan,
    pg_catalog.pg_stat_get_blocks_fetched(c.oid) - pg_catalog.pg_stat_get_blocks_hit(c.oid) as heap_read,
    pg_catalog.pg_stat_get_blocks_hit(c.oid) as heap_hit,
    k.pids as locked_by,
    w.total as total
from (
    -- The limit comes first, over rows that are sorted in memory: counters are looked up for what is shown alone.
    select c.oid, pg_catalog.count(*) over () as total
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'm')
        and n.nspname not in ('pg_catalog', 'information_schema')
        and n.nspname not like 'pg\_toast%'
    order by c.relpages desc, c.oid
    limit 5000
) as w
join pg_catalog.pg_class as c on c.oid = w.oid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
left join lateral (
    select
        pg_catalog.sum(pg_catalog.pg_stat_get_numscans(i.indexrelid))::bigint as scans,
        pg_catalog.sum(pg_catalog.pg_stat_get_tuples_fetched(i.indexrelid))::bigint as fetched,
        /*? pg_stat_user_tables.last_idx_scan */ pg_catalog.max(pg_catalog.pg_stat_get_lastscan(i.indexrelid)) /*: null::timestamptz */ as last_scan
    from pg_catalog.pg_index as i
    where i.indrelid = c.oid
) as x on true
left join (
    select l.relation, pg_catalog.array_agg(distinct l.pid::bigint) as pids
    from pg_catalog.pg_locks as l
    join pg_catalog.pg_database as d on d.oid = l.database and d.datname = pg_catalog.current_database()
    where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
    group by l.relation
) as k on k.relation = c.oid
order by c.relpages desc, c.oid
