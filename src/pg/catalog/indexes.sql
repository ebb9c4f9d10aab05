-- indexes of tables; cost: lookups in pg_index, and for expressions pg_get_indexdef, which waits for the table's lock; needs nothing; since 12
select
    i.indexrelid::bigint as oid,
    i.indrelid::bigint as relid,
    c.relname::text as name,
    m.amname::text as method,
    i.indisunique as is_unique,
    i.indisprimary as is_primary,
    exists (select from pg_catalog.pg_constraint as k where k.conindid = i.indexrelid and k.contype in ('p', 'u', 'x')) as is_constraint,
    i.indisvalid and i.indisready as is_valid,
    i.indisreplident as is_replica_identity,
    c.relpages::float8 * 8192 as bytes,
    c.reltuples::float8 as reltuples,
    s.idx_scan::float8 as scans,
    i.indnkeyatts::bigint as key_count,
    (
        select pg_catalog.array_agg(case when u.attnum = 0 then pg_catalog.pg_get_indexdef(i.indexrelid, u.place::int, false) else a.attname::text end order by u.place)
        from pg_catalog.unnest(i.indkey::int2[]) with ordinality as u (attnum, place)
        left join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = u.attnum and u.attnum <> 0
    ) as keys,
    (
        select pg_catalog.array_agg(case when u.attnum = 0 then 'e' else 'c' end order by u.place)
        from pg_catalog.unnest(i.indkey::int2[]) with ordinality as u (attnum, place)
    ) as kinds,
    (
        select pg_catalog.array_agg(case when o.opcdefault then '' else o.opcname::text end order by u.place)
        from pg_catalog.unnest(i.indclass::oid[]) with ordinality as u (opclass, place)
        join pg_catalog.pg_opclass as o on o.oid = u.opclass
    ) as opclasses,
    (select pg_catalog.array_agg(u.flags::bigint order by u.place) from pg_catalog.unnest(i.indoption::int2[]) with ordinality as u (flags, place)) as flags,
    -- A key under another collation than its column's serves no comparison of the column.
    (
        select coalesce(pg_catalog.bool_or(a.attcollation <> 0 and u.own <> 0 and a.attcollation <> u.own), false)
        from rows from (pg_catalog.unnest(i.indkey::int2[]), pg_catalog.unnest(i.indcollation::oid[])) as u (attnum, own)
        join pg_catalog.pg_attribute as a on a.attrelid = i.indrelid and a.attnum = u.attnum and u.attnum <> 0
    ) as is_recollated,
    case when i.indpred is null then null else pg_catalog.pg_get_expr(i.indpred, i.indrelid, false) end as predicate,
    c.reloptions as options
from pg_catalog.pg_index as i
join pg_catalog.pg_class as c on c.oid = i.indexrelid
join pg_catalog.pg_am as m on m.oid = c.relam
left join pg_catalog.pg_stat_all_indexes as s on s.indexrelid = i.indexrelid
where i.indrelid = any ($1::bigint[]::oid[])
order by i.indrelid, i.indexrelid
limit 10000
