-- Traps under every name, in SCHEMA; the words in capitals are filled in.
create schema if not exists SCHEMA;
set search_path = pg_catalog;
do $traps$
declare
    f record; l text; r text; o text; base text[] := TYPES; pairs text[][]; made text;
begin
    -- Functions of the same names and arguments as the server's own, and for other arguments.
    for f in select p.oid, p.proname, pg_get_function_identity_arguments(p.oid) as args, p.prorettype::regtype::text as result, p.proretset
        from pg_proc as p where p.pronamespace = 'pg_catalog'::regnamespace and p.prokind = 'f' and p.proname in (FUNCTIONS)
    loop
        begin
            execute format('create function SCHEMA.%I(%s) returns %s language plpgsql as $f$ begin return %s; end $f$',
                f.proname, regexp_replace(f.args, 'OUT [^,]*(, )?', '', 'g'), case when f.proretset then 'setof ' else '' end || f.result, case when f.proretset then '' else 'null' end);
        exception when others then null; end;
    end loop;
    for l in select unnest(array[FUNCTIONS]) loop
        for r in select * from unnest(array['text', 'name', 'oid', 'int4', 'int8', 'regclass', 'bool', '', 'anyarray', 'anyelement', 'text, text', 'varchar']) loop
            begin
                execute format('create function SCHEMA.%I(%s) returns text language plpgsql as $f$ begin return null; end $f$', l, r);
            exception when others then null; end;
        end loop;
    end loop;
    -- Operators of every name, between all of the types, and between their arrays.
    for l in select t from unnest(base) as t union all select t || '[]' from unnest(base) as t loop
        for r in select t from unnest(base) as t union all select t || '[]' from unnest(base) as t loop
            continue when (l like '%[]' or r like '%[]') and replace(l, '[]', '') <> replace(r, '[]', '');
            execute format('create function SCHEMA.pwn(%s, %s) returns bool language plpgsql as $f$ begin return null; end $f$', l, r);
            for o in select distinct p.oprname::text from pg_operator as p
                where p.oprnamespace = 'pg_catalog'::regnamespace and p.oprkind = 'b'
                    and (p.oprleft::regtype::text = any (base) or p.oprright::regtype::text = any (base) or p.oprleft = 'anyarray'::regtype)
            loop
                begin
                    execute format('create operator SCHEMA.%s (leftarg = %s, rightarg = %s, function = SCHEMA.pwn)', o, l, r);
                exception when others then null; end;
            end loop;
        end loop;
    end loop;
    -- Types: domains whose check calls.
    for l in select t.typname from pg_type as t where t.typnamespace = 'pg_catalog'::regnamespace and t.typtype = 'b' and t.typname in (NAMES, 'oid', 'text', 'name')
    loop
        begin
            execute format('create function SCHEMA.check_%s(pg_catalog.%I) returns pg_catalog.bool language plpgsql as $f$ begin return true; end $f$', l, l);
            execute format('create domain SCHEMA.%I as pg_catalog.%I check (SCHEMA.check_%s(value))', l, l, l);
        exception when others then null; end;
    end loop;
    -- Relations under the names of the system's views.
    execute 'create function SCHEMA.seen() returns pg_catalog.bool language plpgsql as $f$ begin return true; end $f$';
    for l in select c.relname from pg_class as c where c.relnamespace = 'pg_catalog'::regnamespace and c.relkind in ('v', 'r') and c.relname ~ '^pg_(stat|class|attr|ind|names|type|proc|oper|loc|set|roles|datab|dep|ext|am|op|cons|prep|cast|coll)'
    loop
        begin
            execute format('create view SCHEMA.%I as select *, SCHEMA.seen() as trap from pg_catalog.%I', l, l);
        exception when others then null; end;
    end loop;end $traps$;
