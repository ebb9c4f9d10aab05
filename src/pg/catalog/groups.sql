-- distinct groups of columns, from CREATE STATISTICS; cost: reads a few rows; needs SELECT on the tables; since 12
select
    c.oid::bigint as relid,
    e.n_distinct::text as groups
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_stats_ext as e on e.schemaname = n.nspname and e.tablename = c.relname
where c.oid = any ($1::bigint[]::oid[]) and e.n_distinct is not null
limit 1000
