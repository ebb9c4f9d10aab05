select
    'class' as kind,
    k.oid::int8 as oid,
    pg_catalog.jsonb_build_object(
        'schema', n.nspname, 'name', k.opcname,
        'functions', array(select s.amproc::oid::int8 from pg_catalog.pg_amproc as s where s.amprocfamily = k.opcfamily),
        'operators', array(select s.amopopr::int8 from pg_catalog.pg_amop as s where s.amopfamily = k.opcfamily and s.amopopr >= 16384),
        'types', array(select x::int8 from pg_catalog.unnest(array[k.opcintype, k.opckeytype]) as x where x >= 16384)
    )::text as facts
from pg_catalog.pg_opclass as k
join pg_catalog.pg_namespace as n on n.oid = k.opcnamespace
where k.oid = any (array(select pg_catalog.jsonb_array_elements_text(w.w -> 'classes')::oid from w))
