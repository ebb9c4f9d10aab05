select
    'operator' as kind,
    o.oid::int8 as oid,
    pg_catalog.jsonb_build_object(
        'schema', n.nspname, 'name', o.oprname,
        'functions', array(
            select f::int8 from pg_catalog.unnest(array[o.oprcode::oid, o.oprrest::oid, o.oprjoin::oid]) as f where f <> 0
        ),
        'operators', array(select x::int8 from pg_catalog.unnest(array[o.oprcom, o.oprnegate]) as x where x >= 16384),
        'types', array(select t::int8 from pg_catalog.unnest(array[o.oprleft, o.oprright, o.oprresult]) as t where t >= 16384)
    )::text as facts
from operators as f
join pg_catalog.pg_operator as o on o.oid = f.oid
join pg_catalog.pg_namespace as n on n.oid = o.oprnamespace
