select
    'type' as kind,
    t.oid::int8 as oid,
    pg_catalog.jsonb_build_object(
        'schema', n.nspname, 'name', t.typname, 'kind', t.typtype,
        -- an owner who can replace it, and who could not do worse anyway
        'stranger', (
            select r.rolname
            from pg_catalog.pg_roles as r
            join pg_catalog.pg_database as d on d.datname = pg_catalog.current_database()
            where r.oid = t.typowner and t.oid >= 16384
                and (t.typtype = 'd' or t.typrelid in (select c.oid from pg_catalog.pg_class as c where c.oid = t.typrelid and c.relkind = 'c'))
                and not r.rolsuper and r.oid <> d.datdba and r.rolname not in (current_user, 'pg_database_owner')
        ),
        'functions', array(
            select f::int8
            from pg_catalog.unnest(array[
                t.typinput::oid, t.typoutput::oid, t.typreceive::oid, t.typsend::oid, t.typmodin::oid, t.typmodout::oid, t.typanalyze::oid
            ]) as f
            -- those of the release are given the number of this type, which is judged here
            where f >= 16384
            union
            select f::int8 from pg_catalog.unnest(array[r.rngcanonical::oid, r.rngsubdiff::oid]) as f where f <> 0
            union
            select c.castfunc::int8
            from pg_catalog.pg_cast as c
            where c.castfunc <> 0 and (c.castsource = t.oid or c.casttarget = t.oid)
            union
            select s.amproc::oid::int8
            from pg_catalog.pg_opclass as k
            join pg_catalog.pg_amproc as s on s.amprocfamily = k.opcfamily
            where k.opcintype = t.oid
        ),
        'operators', array(
            select s.amopopr::int8
            from pg_catalog.pg_opclass as k
            join pg_catalog.pg_amop as s on s.amopfamily = k.opcfamily
            where k.opcintype = t.oid and s.amopopr >= 16384
        ),
        'types', array(
            select x::int8
            from pg_catalog.unnest(array[t.typelem, t.typarray, t.typbasetype, r.rngsubtype]) as x
            where x >= 16384
            union
            select a.atttypid::int8
            from pg_catalog.pg_attribute as a
            where a.attrelid = t.typrelid and t.typrelid <> 0 and a.attnum > 0 and not a.attisdropped and a.atttypid >= 16384
            union
            select b.oid::int8
            from pg_catalog.pg_range as m
            join pg_catalog.pg_type as b on b.oid = (pg_catalog.to_jsonb(m) ->> 'rngmultitypid')::oid
            where m.rngtypid = t.oid and b.oid >= 16384
            union
            select m.rngtypid::int8
            from pg_catalog.pg_range as m
            where t.typtype = 'm' and (pg_catalog.to_jsonb(m) ->> 'rngmultitypid')::oid = t.oid
        ),
        -- what reads a value of a row type opens its table
        'relations', array(select t.typrelid::int8 where t.typrelid <> 0),
        'trees', array(
            select c.conbin::text from pg_catalog.pg_constraint as c where c.contypid = t.oid and c.conbin is not null
            union all
            select t.typdefaultbin::text where t.typdefaultbin is not null
        ),
        'classes', array(select r.rngsubopc::int8 where r.rngsubopc >= 16384)
    )::text as facts
from types as f
join pg_catalog.pg_type as t on t.oid = f.oid
join pg_catalog.pg_namespace as n on n.oid = t.typnamespace
left join pg_catalog.pg_range as r on r.rngtypid = t.oid
