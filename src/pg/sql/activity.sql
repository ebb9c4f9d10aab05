-- activity; cost: reads shared memory; roles and databases are looked up for the rows that are sent; if a session waits: pg_locks once and pg_blocking_pids() once for each lock and mode; needs pg_read_all_stats for others' queries; since 12
with seen as materialized (
    select
        s.*,
        s.state is distinct from 'idle'
            or s.state_change > '-infinity' /* idle since */::timestamptz
            or s.backend_start > '-infinity' /* new since */::timestamptz
            or s.pid = any ('{}' /* known running */::bigint[]) as is_news
    from pg_catalog.pg_stat_get_activity(null) as s
    where s.pid <> pg_catalog.pg_backend_pid()
        -- A pid that this process knows, and named by it: any other session called pgdj is listed.
        and not (s.pid = any ('{}' /* own pids */::bigint[]) and coalesce(s.application_name, '') = 'pgdj')
),
waiting as materialized (
    -- Those that wait for one lock in one mode wait for the same sessions: they are asked for once, of the first.
    select
        l.pid,
        pg_catalog.first_value(l.pid) over (
            partition by l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid::text, l.classid, l.objid, l.objsubid, l.mode
            order by /*? pg_locks.waitstart */ l.waitstart /*: (select s.query_start from seen as s where s.pid = l.pid) */ nulls last, l.pid
        ) as first
    from pg_catalog.pg_locks as l
    where not l.granted
        -- What a backend of another role waits for is hidden from a plain role; that it waits stands in pg_locks for all.
        and exists (select from seen as s where s.wait_event_type = 'Lock' or s.backend_type is null)
),
blocked as materialized (
    select f.first, pg_catalog.pg_blocking_pids(f.first)::bigint[] as by
    from (select distinct w.first from waiting as w) as f
),
total as materialized (
    select pg_catalog.count(*) as sessions, pg_catalog.array_agg(s.pid::bigint) filter (where not s.is_news) as unchanged from seen as s
),
sent as (
    select
        a.*, w.first, d.datname, r.rolname, r.rolsuper,
        -- Up to three bytes are left away where a letter would be cut in two.
        pg_catalog.octet_length(a.query) >= (
            select pg_catalog.pg_size_bytes(case when s.size like '%kB' or s.size like '%MB' then s.size else pg_catalog.rtrim(s.size, 'B') end) - 4
            from (select pg_catalog.current_setting('track_activity_query_size')) as s (size)
        ) or pg_catalog.octet_length(a.query) > 10000 and pg_catalog.length(a.query) > 10000 as is_cut
    from seen as a
    left join pg_catalog.pg_database as d on d.oid = a.datid
    left join pg_catalog.pg_roles as r on r.oid = a.usesysid
    left join waiting as w on w.pid = a.pid
    where a.is_news
    order by
        case
            when w.pid is not null or a.pid = any (array(select pg_catalog.unnest(b.by) from blocked as b)) then 1
            when a.state is distinct from 'active' or a.backend_type is distinct from 'client backend' then 3
            else 2
        end,
        a.xact_start nulls last,
        a.pid
    limit 2000
)
select
    a.pid::bigint as pid,
    pg_catalog.date_part('epoch', a.backend_start) as backend_start,
    coalesce(a.datname::text, '') as database,
    coalesce(a.rolname::text, '') as user,
    coalesce(a.application_name, '') as application,
    case
        when a.client_addr is not null then pg_catalog.host(a.client_addr) || ':' || a.client_port::text
        when a.backend_type = 'client backend' then 'local'
        else ''
    end as client,
    coalesce(a.backend_type, '') as backend_type,
    coalesce(a.state, '') as state,
    coalesce(a.wait_event_type, '') as wait_event_type,
    coalesce(a.wait_event, '') as wait_event,
    pg_catalog.date_part('epoch', a.query_start) as query_start,
    pg_catalog.date_part('epoch', a.xact_start) as xact_start,
    pg_catalog.date_part('epoch', a.state_change) as state_change,
    a.rolsuper as is_superuser,
    case when a.usesysid is not null then pg_catalog.pg_has_role(a.usesysid, 'usage') end as has_our_role,
    /*? pg_stat_activity.query_id */ a.query_id /*: null::bigint */ as query_id,
    /*? pg_stat_activity.leader_pid */ a.leader_pid::bigint /*: null::bigint */ as leader_pid,
    case
        -- A deferrable transaction waits for no lock, but for serializable transactions to end.
        when a.wait_event = 'SafeSnapshot' then pg_catalog.pg_safe_snapshot_blocking_pids(a.pid)::bigint[]
        else pg_catalog.array_remove((select b.by from blocked as b where b.first = a.first), a.pid::bigint)
    end as blocked_by,
    -- three dots where the server or this statement cut it: behind what is left may stand the name of a secret
    coalesce(pg_catalog.left(a.query, 10000) || case when a.is_cut then '...' else '' end, '') as query,
    a.is_cut as is_query_cut,
    null::bigint[] as unchanged,
    (select t.sessions from total as t) as total
from sent as a
union all
-- One row more for the sessions that did nothing since that moment: pgdj knows the rest of them.
select 0, 0, '', '', '', '', '', '', '', '', null, null, null, null, null, null, null, null, '', null, t.unchanged, t.sessions
from total as t
where t.unchanged is not null
