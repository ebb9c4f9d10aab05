-- what ANALYZE found, of tables and of the expressions of their indexes; cost: reads pg_statistic of these; needs SELECT on them; since 12
select
    coalesce(i.indrelid, c.oid)::bigint as relid,
    i.indexrelid::bigint as index,
    a.attnum::bigint as number,
    s.attname::text as name,
    s.null_frac::float8 as null_share,
    s.avg_width::float8 as width,
    s.n_distinct::float8 as n_distinct,
    s.correlation::float8 as correlation,
    s.most_common_vals::text::text[] as common,
    s.most_common_freqs::float8[] as common_shares,
    s.histogram_bounds::text::text[] as bounds,
    s.most_common_elems::text::text[] as elements,
    s.most_common_elem_freqs::float8[] as element_shares
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
join pg_catalog.pg_stats as s on s.schemaname = n.nspname and s.tablename = c.relname
left join pg_catalog.pg_index as i on i.indexrelid = c.oid
join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attname = s.attname
where (c.oid = any ($1::bigint[]::oid[]) or i.indrelid = any ($1::bigint[]::oid[]))
    and (not s.inherited or c.relkind = 'p')
limit 50000
