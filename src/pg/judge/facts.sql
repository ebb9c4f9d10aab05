with /* pgdj judge */ w as (select $1::jsonb as w),
-- What is known of functions, operators, types and relations that a statement may run: asked by number and by name.
-- One parameter, as JSON: {"schemas", "calls", "fields", "words", "operators", "functions", "operator_ids", "types", "relations", "classes"}.
-- Only the arms that are asked for are sent: planning all of them takes longer than running them.
schemas as materialized (
    select n.oid, n.nspname
    from pg_catalog.pg_namespace as n
    where n.nspname = any (array(select pg_catalog.jsonb_array_elements_text(w.w -> 'schemas')::name from w))
        or n.oid = pg_catalog.pg_my_temp_schema()
),
functions as materialized (
    select p.oid
    from pg_catalog.pg_proc as p
    where p.oid = any (array(select pg_catalog.jsonb_array_elements_text(w.w -> 'functions')::oid from w))
    union
    select p.oid
    from pg_catalog.pg_proc as p
    join schemas as s on s.oid = p.pronamespace
    where p.proname = any (array(select pg_catalog.jsonb_array_elements_text(w.w -> 'calls')::name from w))
    union
    select p.oid
    from pg_catalog.pg_proc as p
    join schemas as s on s.oid = p.pronamespace
    where p.proname = any (array(select pg_catalog.jsonb_array_elements_text(w.w -> 'fields')::name from w))
        and p.pronargs >= 1 and p.pronargs - p.pronargdefaults <= 1
    union
    -- casts between types of the release, which only a superuser makes, are chosen without a word of the statement
    select c.castfunc
    from pg_catalog.pg_cast as c
    where c.castfunc >= 16384 and c.castsource < 16384 and c.casttarget < 16384
),
operators as materialized (
    select o.oid
    from pg_catalog.pg_operator as o
    where o.oid = any (array(select pg_catalog.jsonb_array_elements_text(w.w -> 'operator_ids')::oid from w))
    union
    select o.oid
    from pg_catalog.pg_operator as o
    join schemas as s on s.oid = o.oprnamespace
    where o.oprname = any (array(select pg_catalog.jsonb_array_elements_text(w.w -> 'operators')::name from w))
        and o.oid >= 16384
),
types as materialized (
    select t.oid
    from pg_catalog.pg_type as t
    where t.oid = any (array(select pg_catalog.jsonb_array_elements_text(w.w -> 'types')::oid from w))
    union
    select t.oid
    from pg_catalog.pg_type as t
    join schemas as s on s.oid = t.typnamespace
    where t.typname = any (array(select pg_catalog.jsonb_array_elements_text(w.w -> 'words')::name from w))
        and t.oid >= 16384
),
relations as materialized (
    select c.oid
    from pg_catalog.pg_class as c
    where c.oid = any (array(select pg_catalog.jsonb_array_elements_text(w.w -> 'relations')::oid from w))
    union
    select c.oid
    from pg_catalog.pg_class as c
    join schemas as s on s.oid = c.relnamespace
    where c.relname = any (array(select pg_catalog.jsonb_array_elements_text(w.w -> 'words')::name from w))
        and c.relkind not in ('i', 'I', 't', 'c')
)
-- arm: function
select
    'function' as kind,
    p.oid::int8 as oid,
    pg_catalog.jsonb_build_object(
        'schema', n.nspname, 'name', p.proname, 'language', l.lanname, 'volatility', p.provolatile, 'kind', p.prokind,
        'library', p.probin, 'source', p.prosrc,
        'body', case when l.lanname = 'sql' then pg_catalog.to_jsonb(p) ->> 'prosqlbody' end,
        'config', p.proconfig,
        'is_internal', 2281 = any (p.proargtypes::oid[]) or p.prorettype in (2279, 2281, 269, 325, 3310, 3115, 3838, 2280),
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
-- arm: operator
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
-- arm: type
select
    'type' as kind,
    t.oid::int8 as oid,
    pg_catalog.jsonb_build_object(
        'schema', n.nspname, 'name', t.typname, 'kind', t.typtype,
        'functions', array(
            select f::int8
            from pg_catalog.unnest(array[
                t.typinput::oid, t.typoutput::oid, t.typreceive::oid, t.typsend::oid, t.typmodin::oid, t.typmodout::oid, t.typanalyze::oid,
                r.rngcanonical::oid, r.rngsubdiff::oid
            ]) as f
            where f <> 0
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
-- arm: relation
select
    'relation' as kind,
    c.oid::int8 as oid,
    pg_catalog.jsonb_build_object(
        'schema', n.nspname, 'name', c.relname, 'kind', c.relkind,
        -- run with the statement
        'trees', array(
            select r.ev_action::text from pg_catalog.pg_rewrite as r where r.ev_class = c.oid and c.relkind <> 'm'
            union all
            select r.ev_qual::text from pg_catalog.pg_rewrite as r where r.ev_class = c.oid and c.relkind <> 'm'
            union all
            select p.polqual::text from pg_catalog.pg_policy as p where p.polrelid = c.oid and p.polqual is not null
            union all
            select d.adbin::text
            from pg_catalog.pg_attrdef as d
            join pg_catalog.pg_attribute as a on a.attrelid = d.adrelid and a.attnum = d.adnum
            where d.adrelid = c.oid and a.attgenerated <> ''
        ),
        -- folded by the planner, and run by writes only
        'folded', array(
            select d.adbin::text
            from pg_catalog.pg_attrdef as d
            join pg_catalog.pg_attribute as a on a.attrelid = d.adrelid and a.attnum = d.adnum
            where d.adrelid = c.oid and a.attgenerated = ''
            union all
            select p.polwithcheck::text from pg_catalog.pg_policy as p where p.polrelid = c.oid and p.polwithcheck is not null
            union all
            select k.conbin::text from pg_catalog.pg_constraint as k where k.conrelid = c.oid and k.conbin is not null
            union all
            select x::text
            from pg_catalog.pg_index as i, pg_catalog.unnest(array[i.indexprs::text, i.indpred::text]) as x
            where i.indrelid = c.oid and x is not null
            union all
            select p.partexprs::text from pg_catalog.pg_partitioned_table as p where p.partrelid = c.oid and p.partexprs is not null
            union all
            select pg_catalog.to_jsonb(s) ->> 'stxexprs'
            from pg_catalog.pg_statistic_ext as s
            where s.stxrelid = c.oid and pg_catalog.to_jsonb(s) ->> 'stxexprs' is not null
        ),
        'functions', array(
            select m.amhandler::oid::int8
            from pg_catalog.pg_am as m
            where m.amhandler >= 16384
                and (m.oid = c.relam or m.oid in (
                    select x.relam
                    from pg_catalog.pg_index as i
                    join pg_catalog.pg_class as x on x.oid = i.indexrelid
                    where i.indrelid = c.oid
                ))
        ),
        'classes', array(
            select k::int8
            from pg_catalog.pg_index as i, pg_catalog.unnest(i.indclass::oid[]) as k
            where i.indrelid = c.oid and k >= 16384
            union
            select k::int8
            from pg_catalog.pg_partitioned_table as p, pg_catalog.unnest(p.partclass::oid[]) as k
            where p.partrelid = c.oid and k >= 16384
        ),
        'types', array(
            select a.atttypid::int8
            from pg_catalog.pg_attribute as a
            where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.atttypid >= 16384
            union
            select c.reltype::int8 where c.reltype >= 16384
        ),
        'relations', array(select i.inhrelid::int8 from pg_catalog.pg_inherits as i where i.inhparent = c.oid)
    )::text as facts
from relations as f
join pg_catalog.pg_class as c on c.oid = f.oid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
-- arm: class
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
