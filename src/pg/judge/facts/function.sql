select
    'function' as kind,
    p.oid::int8 as oid,
    pg_catalog.jsonb_build_object(
        'schema', n.nspname, 'name', p.proname, 'language', l.lanname, 'volatility', p.provolatile, 'kind', p.prokind,
        'library', p.probin, 'source', p.prosrc,
        'body', case when l.lanname = 'sql' then pg_catalog.to_jsonb(p) ->> 'prosqlbody' end,
        'config', p.proconfig,
        -- an owner who can replace it, and who could not do worse anyway
        'stranger', (
            select r.rolname
            from pg_catalog.pg_roles as r
            join pg_catalog.pg_database as d on d.datname = pg_catalog.current_database()
            where r.oid = p.proowner and p.oid >= 16384
                and not r.rolsuper and r.oid <> d.datdba and r.rolname not in (current_user, 'pg_database_owner')
        ),
        'is_internal', 2281 = any (p.proargtypes::oid[]) or p.prorettype in (2279, 2281, 269, 325, 3310, 3115, 3838, 2280),
        -- an input function of many types, which is given the number of the type
        'reads_type', 26 = any (p.proargtypes::oid[])
            and (2275 = any (p.proargtypes::oid[]) or 2281 = any (p.proargtypes::oid[]) and p.proname like '%recv'),
        -- what is given a number or a name of a table may open it
        'is_given_number', p.proargtypes::oid[] && array[26, 2205]::oid[] or p.proname like 'pg\_get\_%',
        'types', array(select t from pg_catalog.unnest(p.proargtypes::oid[] || coalesce(p.proallargtypes, '{}') || p.prorettype) as t where t >= 16384),
        'trees', pg_catalog.jsonb_build_array(p.proargdefaults::text),
        'functions', array(
            select f::int8
            from pg_catalog.unnest(array[
                p.prosupport::oid, a.aggtransfn::oid, a.aggfinalfn::oid, a.aggcombinefn::oid, a.aggserialfn::oid, a.aggdeserialfn::oid,
                a.aggmtransfn::oid, a.aggminvtransfn::oid, a.aggmfinalfn::oid
            ]) as f
            where f <> 0
        ),
        -- a function of a superuser that is one of the release's under another name
        'alias_of', array(
            select b.oid::int8
            from pg_catalog.pg_proc as b
            where l.lanname = 'internal' and p.oid >= 16384 and b.oid < 16384 and b.prolang = p.prolang and b.prosrc = p.prosrc
        ),
        'operators', array(select a.aggsortop::int8 where a.aggsortop >= 16384),
        'aggregate_types', array(select t::int8 from pg_catalog.unnest(array[a.aggtranstype, a.aggmtranstype]) as t where t >= 16384)
    )::text as facts
from functions as f
join pg_catalog.pg_proc as p on p.oid = f.oid
join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
join pg_catalog.pg_language as l on l.oid = p.prolang
left join pg_catalog.pg_aggregate as a on a.aggfnoid = p.oid
