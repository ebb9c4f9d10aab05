-- locks; cost: reads the lock table once (all partitions are locked briefly); needs nothing; since 12
with locks as materialized (
    select
        l.*,
        case
            when l.locktype in ('relation', 'extend', 'page', 'tuple') then l.locktype || ' ' || coalesce(l.relation::text, '') || coalesce(' page ' || l.page::text, '') || coalesce(' tuple ' || l.tuple::text, '')
            when l.locktype = 'transactionid' then 'transaction ' || l.transactionid::text
            when l.locktype = 'virtualxid' then 'virtual transaction ' || l.virtualxid
            else l.locktype || ' ' || coalesce(l.classid::text, '') || ' ' || coalesce(l.objid::text, '') || ' ' || coalesce(l.objsubid::text, '')
        end as target
    from pg_catalog.pg_locks as l
    where l.pid is not null
        and l.pid <> pg_catalog.pg_backend_pid()
        and l.locktype <> 'virtualxid'
)
select
    l.pid::bigint as pid,
    l.target || coalesce(' of database ' || l.database::text, '') as target,
    l.mode as mode,
    l.granted as granted,
    l.locktype as locktype,
    case when l.relation is not null and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database()) then l.relation::regclass::text else '' end as relation,
    /*? pg_locks.waitstart */ extract(epoch from pg_catalog.clock_timestamp() - l.waitstart)::float8 /*: null::float8 */ as wait_age,
    pg_catalog.count(*) over () as total
from locks as l
where exists (
    select
    from locks as w
    where not w.granted
        and w.locktype = l.locktype
        and w.database is not distinct from l.database
        and w.relation is not distinct from l.relation
        and w.transactionid is not distinct from l.transactionid
        and w.classid is not distinct from l.classid
        and w.objid is not distinct from l.objid
)
-- Targets that most sessions wait for come first, and for each target, the sessions that hold it.
order by pg_catalog.count(*) filter (where not l.granted) over (partition by l.target, l.database) desc, l.target, l.granted desc, l.pid
limit 1000
