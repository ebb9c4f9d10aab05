-- indexes; cost: one pass over pg_index and the counters, no relation is opened; needs nothing; since 12
-- Uses the functions below pg_stat_user_indexes: planning the view costs more than running them.
select
    i.indexrelid::bigint as indexrelid,
    i.indrelid::bigint as relid,
    n.nspname::text as schema,
    t.relname::text as table,
    c.relname::text as name,
    m.amname::text as method,
    c.relpages::bigint as pages,
    c.reltuples::float8 as reltuples,
    i.indisunique as is_unique,
    i.indisprimary as is_primary,
    i.indisexclusion as is_exclusion,
    exists (select from pg_catalog.pg_constraint as k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x', 'f')) as is_constraint,
    i.indisvalid as is_valid,
    i.indisready as is_ready,
    i.indisreplident as is_replica_identity,
    i.indisclustered as is_clustered,
    i.indpred is not null as is_partial,
    i.indexprs is not null as is_expression,
    -- Slices, not sub-selects: there are six of these arrays for each index.
    (i.indkey::int2[])[0:i.indnkeyatts - 1]::bigint[] as key_columns,
    (i.indkey::int2[])[i.indnkeyatts:]::bigint[] as included_columns,
    (
        select pg_catalog.array_agg(coalesce((select a.attname::text from pg_catalog.pg_attribute as a where a.attrelid = i.indrelid and a.attnum = u.attnum and u.attnum <> 0), '') order by u.place)
        from pg_catalog.unnest(i.indkey::int2[]) with ordinality as u (attnum, place)
    ) as column_names,
    (i.indclass::oid[])[0:]::bigint[] as opclasses,
    (i.indcollation::oid[])[0:]::bigint[] as collations,
    (i.indoption::int2[])[0:]::bigint[] as key_options,
    case when i.indexprs is null and i.indpred is null then '' else pg_catalog.md5(coalesce(pg_catalog.regexp_replace(i.indexprs::text, ':location -?[0-9]+', '', 'g'), '') || '/' || coalesce(pg_catalog.regexp_replace(i.indpred::text, ':location -?[0-9]+', '', 'g'), '')) end as expression_hash,
    coalesce(c.reloptions, '{}'::text[]) as options,
    pg_catalog.pg_stat_get_numscans(i.indexrelid) as scans,
    pg_catalog.pg_stat_get_tuples_returned(i.indexrelid) as tup_read,
    pg_catalog.pg_stat_get_tuples_fetched(i.indexrelid) as tup_fetch,
    /*? pg_stat_user_indexes.last_idx_scan */ extract(epoch from pg_catalog.pg_stat_get_lastscan(i.indexrelid))::float8 /*: null::float8 */ as last_scan,
    pg_catalog.pg_stat_get_blocks_fetched(i.indexrelid) - pg_catalog.pg_stat_get_blocks_hit(i.indexrelid) as blocks_read,
    pg_catalog.pg_stat_get_blocks_hit(i.indexrelid) as blocks_hit,
    pg_catalog.pg_stat_get_live_tuples(i.indrelid) as table_live,
    k.pids as locked_by,
    w.total as total
from (
    -- The limit comes first, over rows that are sorted in memory: all else is looked up for what is shown alone.
    select c.oid, pg_catalog.count(*) over () as total
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.relkind = 'i'
        and n.nspname not in ('pg_catalog', 'information_schema')
        and n.nspname not like 'pg\_toast%'
    order by c.relpages desc, c.oid
    limit 10000
) as w
join pg_catalog.pg_index as i on i.indexrelid = w.oid
join pg_catalog.pg_class as c on c.oid = i.indexrelid
join pg_catalog.pg_class as t on t.oid = i.indrelid
join pg_catalog.pg_namespace as n on n.oid = t.relnamespace
join pg_catalog.pg_am as m on m.oid = c.relam
left join (
    select l.relation, pg_catalog.array_agg(distinct l.pid::bigint) as pids
    from pg_catalog.pg_locks as l
    join pg_catalog.pg_database as d on d.oid = l.database and d.datname = pg_catalog.current_database()
    where l.locktype = 'relation' and l.mode = 'AccessExclusiveLock'
    group by l.relation
) as k on k.relation in (i.indexrelid, i.indrelid)
order by c.relpages desc, c.oid
