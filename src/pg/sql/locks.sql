-- locks; cost: reads the lock table once (all partitions are locked briefly); needs nothing; since 12
-- A row for each lock that is waited for, its mode, and whether it is held or awaited: hundreds of sessions that wait for one
-- lock are two lists of numbers, and none of them is cut.
with everything as materialized (
    select l.* from pg_catalog.pg_locks as l where l.pid is distinct from pg_catalog.pg_backend_pid()
),
seen as materialized (
    select
        l.*,
        case
            when l.locktype in ('relation', 'extend', 'page', 'tuple') then l.locktype || ' ' || coalesce(l.relation::text, '') || coalesce(' page ' || l.page::text, '') || coalesce(' tuple ' || l.tuple::text, '')
            when l.locktype = 'transactionid' then 'transaction ' || l.transactionid::text
            when l.locktype = 'virtualxid' then 'virtual transaction ' || l.virtualxid
            else l.locktype || ' ' || coalesce(l.classid::text, '') || ' ' || coalesce(l.objid::text, '') || ' ' || coalesce(l.objsubid::text, '')
        end || coalesce(' of database ' || l.database::text, '') as target,
        -- A prepared transaction has no session; it is known by the lock on its own transaction id.
        coalesce(l.pid::bigint, - own.transactionid::text::bigint, 0) as holder,
        /*? pg_locks.waitstart */ coalesce((extract(epoch from l.waitstart) * 1000)::bigint, 0) /*: 0::bigint */ as since
    from everything as l
    left join everything as own on l.pid is null and own.pid is null and own.locktype = 'transactionid' and own.virtualtransaction = l.virtualtransaction
),
awaited as materialized (
    select s.target, pg_catalog.count(*) as waiting from seen as s where not s.granted group by s.target
)
select
    s.target as target,
    s.mode as mode,
    s.granted as granted,
    pg_catalog.min(s.locktype) as locktype,
    coalesce(
        case when pg_catalog.min(s.database) = (select d.oid from pg_catalog.pg_database as d where d.datname = pg_catalog.current_database()) then pg_catalog.min(s.relation)::regclass::text end,
        ''
    ) as relation,
    pg_catalog.array_agg(s.holder order by s.since = 0, s.since, s.holder) as pids,
    pg_catalog.array_agg(s.since order by s.since = 0, s.since, s.holder) as since,
    case when pg_catalog.bool_or(s.holder < 0) then (
        select pg_catalog.array_agg(x.transaction::text || E'\t' || x.database || E'\t' || x.gid) from pg_catalog.pg_prepared_xacts as x
    ) end as prepared,
    case when pg_catalog.bool_or(s.holder < 0) then (
        select pg_catalog.array_agg(x.transaction::text || E'\t' || (extract(epoch from x.prepared) * 1000)::bigint::text || E'\t' || x.owner)
        from pg_catalog.pg_prepared_xacts as x
    ) end as prepared_by,
    pg_catalog.count(*) over () as total
from seen as s
join awaited as a on a.target = s.target
group by s.target, s.mode, s.granted, a.waiting
-- Targets that most sessions wait for come first, and for each target, the sessions that hold it.
order by a.waiting desc, s.target, s.granted desc, s.mode
limit 4000
