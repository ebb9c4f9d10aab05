-- foreign keys from and to tables; cost: lookups in pg_constraint; needs nothing; since 12
select
    k.conrelid::bigint as relid,
    k.confrelid::bigint as target,
    k.conname::text as name,
    n.nspname::text as schema,
    c.relname::text as table,
    tn.nspname::text as target_schema,
    t.relname::text as target_table,
    (select pg_catalog.array_agg(a.attname::text order by u.place)
        from pg_catalog.unnest(k.conkey) with ordinality as u (attnum, place)
        join pg_catalog.pg_attribute as a on a.attrelid = k.conrelid and a.attnum = u.attnum) as columns,
    (select pg_catalog.array_agg(a.attname::text order by u.place)
        from pg_catalog.unnest(k.confkey) with ordinality as u (attnum, place)
        join pg_catalog.pg_attribute as a on a.attrelid = k.confrelid and a.attnum = u.attnum) as target_columns,
    k.condeferred as is_deferred,
    case when c.reltuples < 0 then null else c.reltuples end::float8 as rows,
    exists (
        select from pg_catalog.pg_index as i
        where i.indrelid = k.conrelid and i.indisvalid and i.indpred is null
            and (i.indkey::int2[])[0:pg_catalog.cardinality(k.conkey) - 1] @> k.conkey
    ) as is_indexed
from pg_catalog.pg_constraint as k
join pg_catalog.pg_class as c on c.oid = k.conrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_class as t on t.oid = k.confrelid
join pg_catalog.pg_namespace as tn on tn.oid = t.relnamespace
where k.contype = 'f' and (k.conrelid = any ($1::bigint[]::oid[]) or k.confrelid = any ($1::bigint[]::oid[]))
order by k.conrelid, k.oid
limit 10000
