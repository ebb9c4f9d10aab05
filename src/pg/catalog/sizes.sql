-- true sizes of tables and their indexes; cost: a stat() for each file; waits for the table's lock; needs nothing; since 12
select
    c.oid::bigint as oid,
    -- Partitioned ones have no file, and 12 would run what their partition key calls.
    case when c.relkind in ('p', 'I') then 0 else pg_catalog.pg_relation_size(c.oid) end::float8 as bytes
from pg_catalog.pg_class as c
where c.oid = any ($1::bigint[]::oid[])
    or c.oid in (select i.indexrelid from pg_catalog.pg_index as i where i.indrelid = any ($1::bigint[]::oid[]))
limit 20000
