select
    'relation' as kind,
    c.oid::int8 as oid,
    pg_catalog.jsonb_build_object(
        'schema', n.nspname, 'name', c.relname, 'kind', c.relkind,
        -- run with the statement
        'trees', array(
            select r.ev_action::text
            from pg_catalog.pg_rewrite as r
            where r.ev_class = c.oid and r.ev_type = '1' and c.relkind <> 'm'
            union all
            select p.polqual::text from pg_catalog.pg_policy as p where p.polrelid = c.oid and p.polqual is not null
            union all
            select d.adbin::text
            from pg_catalog.pg_attrdef as d
            join pg_catalog.pg_attribute as a on a.attrelid = d.adrelid and a.attnum = d.adnum
            where d.adrelid = c.oid and a.attgenerated <> ''
        ),
        -- run with a statement that writes: the rules of other commands (pg_settings has one on UPDATE)
        'on_write', array(
            select x::text
            from pg_catalog.pg_rewrite as r, pg_catalog.unnest(array[r.ev_action::text, r.ev_qual::text]) as x
            where r.ev_class = c.oid and r.ev_type <> '1' and c.relkind <> 'm'
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
            select pg_catalog.to_jsonb(s) ->> 'stxexprs'
            from pg_catalog.pg_statistic_ext as s
            where s.stxrelid = c.oid and pg_catalog.to_jsonb(s) ->> 'stxexprs' is not null
        ),
        -- partition keys: its own, and those of the tables it is a partition of
        'keys', array(
            select p.partexprs::text
            from pg_catalog.pg_partitioned_table as p
            where p.partexprs is not null
                and (p.partrelid = c.oid or p.partrelid in (select a.relid::oid from pg_catalog.pg_partition_ancestors(c.oid) as a))
        ),
        'key_classes', array(
            select k::int8
            from pg_catalog.pg_partitioned_table as p, pg_catalog.unnest(p.partclass::oid[]) as k
            where k >= 16384
                and (p.partrelid = c.oid or p.partrelid in (select a.relid::oid from pg_catalog.pg_partition_ancestors(c.oid) as a))
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
