-- facts about what a statement may run; cost: lookups in the catalog by name and number; needs nothing; since 12
-- $1 is JSON: {"schemas", "calls", "fields", "words", "operators", "functions", "operator_ids", "types", "relations", "classes"}.
-- Only the arms that are asked for are sent: planning all of them takes longer than running them.
with w as (select $1::jsonb as w),
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
{arms}
limit 20001
