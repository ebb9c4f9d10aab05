-- statistics of expressions, from CREATE STATISTICS; cost: reads a few rows; needs SELECT on the tables; since 14
select
    c.oid::bigint as relid,
    e.expr::text as expression,
    e.null_frac::float8 as null_share,
    e.avg_width::float8 as width,
    e.n_distinct::float8 as n_distinct,
    e.correlation::float8 as correlation,
    e.most_common_vals::text::text[] as common,
    e.most_common_freqs::float8[] as common_shares,
    e.histogram_bounds::text::text[] as bounds,
    e.most_common_elems::text::text[] as elements,
    e.most_common_elem_freqs::float8[] as element_shares
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_stats_ext_exprs as e on e.schemaname = n.nspname and e.tablename = c.relname
where c.oid = any ($1::bigint[]::oid[])
limit 1000
