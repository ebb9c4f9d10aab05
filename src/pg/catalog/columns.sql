-- columns of tables; cost: lookups in pg_attribute; needs nothing; since 12
-- Collation: c = compares bytes, n = not deterministic, o = any other.
select
    a.attrelid::bigint as relid,
    a.attnum::bigint as number,
    a.attname::text as name,
    pg_catalog.format_type(a.atttypid, null) as type_name,
    pg_catalog.format_type(a.atttypid, a.atttypmod) as full_type,
    t.typcategory::text as category,
    a.attlen::bigint as length,
    case a.attalign when 'c' then 1 when 's' then 2 when 'i' then 4 else 8 end::bigint as alignment,
    a.attnotnull as is_not_null,
    case
        when l.oid is null then null
        when not l.collisdeterministic then 'n'
        when l.collname = 'default' then
            case
                when pg_catalog.to_jsonb(d) ->> 'datlocprovider' = 'i' then 'o'
                when coalesce(pg_catalog.to_jsonb(d) ->> 'datlocprovider', 'c') = 'b'
                    then case when coalesce(pg_catalog.to_jsonb(d) ->> 'datlocale', '') in ('C', 'C.UTF-8', 'PG_UNICODE_FAST') then 'c' else 'o' end
                when d.datcollate in ('C', 'POSIX') then 'c'
                else 'o'
            end
        when l.collname in ('C', 'POSIX', 'ucs_basic') then 'c'
        else 'o'
    end as collation
from pg_catalog.pg_attribute as a
join pg_catalog.pg_type as t on t.oid = a.atttypid
left join pg_catalog.pg_collation as l on l.oid = a.attcollation
left join pg_catalog.pg_database as d on d.datname = pg_catalog.current_database()
where a.attrelid = any ($1::bigint[]::oid[]) and a.attnum > 0 and not a.attisdropped
order by a.attrelid, a.attnum
limit 50000
