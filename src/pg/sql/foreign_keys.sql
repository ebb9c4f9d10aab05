-- foreign_keys; cost: one pass over pg_constraint, no relation is opened; needs nothing; since 12
select
    k.oid::bigint as oid,
    k.conname::text as name,
    k.conrelid::bigint as relid,
    n.nspname::text as schema,
    c.relname::text as table,
    c.relkind = 'p' as is_partitioned,
    k.conkey::bigint[] as columns,
    (select pg_catalog.array_agg(a.attname::text order by u.place) from pg_catalog.unnest(k.conkey) with ordinality as u (attnum, place) join pg_catalog.pg_attribute as a on a.attrelid = k.conrelid and a.attnum = u.attnum) as column_names,
    k.confrelid::bigint as referred_relid,
    f.relname::text as referred_table,
    k.confdeltype::text as on_delete,
    k.convalidated as is_validated,
    k.condeferred as is_deferred,
    pg_catalog.count(*) over () as total
from pg_catalog.pg_constraint as k
join pg_catalog.pg_class as c on c.oid = k.conrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_class as f on f.oid = k.confrelid
where k.contype = 'f'
    and k.conparentid = 0
order by c.relpages desc, k.oid
limit 5000
