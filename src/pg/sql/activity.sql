-- activity; cost: reads shared memory and pg_authid, pg_blocking_pids() for waiters only; needs pg_read_all_stats for others' queries; since 12
with seen as materialized (
    select
        a.*,
        case
            -- What a backend of another role waits for is hidden from a plain role; that it waits stands in pg_locks for all.
            when a.wait_event_type = 'Lock' or a.state is null and a.usesysid is not null and a.pid in (select l.pid from pg_catalog.pg_locks as l where not l.granted)
                then pg_catalog.pg_blocking_pids(a.pid)::bigint[]
        end as blocked_by
    from pg_catalog.pg_stat_activity as a
    where a.pid <> pg_catalog.pg_backend_pid()
        -- A pid that this process knows, and named by it: any other session called pgdj is listed.
        and not (a.pid = any ('{}' /* own pids */::bigint[]) and coalesce(a.application_name, '') = 'pgdj')
)
select
    a.pid::bigint as pid,
    extract(epoch from a.backend_start)::float8 as backend_start,
    coalesce(a.datname::text, '') as database,
    coalesce(a.usename::text, '') as user,
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
    extract(epoch from pg_catalog.clock_timestamp() - a.query_start)::float8 as query_age,
    extract(epoch from pg_catalog.clock_timestamp() - a.xact_start)::float8 as xact_age,
    extract(epoch from pg_catalog.clock_timestamp() - a.backend_start)::float8 as backend_age,
    extract(epoch from pg_catalog.clock_timestamp() - a.state_change)::float8 as state_age,
    extract(epoch from a.query_start)::float8 as query_start,
    extract(epoch from a.xact_start)::float8 as xact_start,
    (select r.rolsuper from pg_catalog.pg_roles as r where r.oid = a.usesysid) as is_superuser,
    case when a.usesysid is not null then pg_catalog.pg_has_role(a.usesysid, 'usage') end as has_our_role,
    /*? pg_stat_activity.query_id */ a.query_id /*: null::bigint */ as query_id,
    /*? pg_stat_activity.leader_pid */ a.leader_pid::bigint /*: null::bigint */ as leader_pid,
    a.blocked_by as blocked_by,
    -- three dots where the server or this statement cut it: behind what is left may stand the name of a secret
    coalesce(pg_catalog.left(a.query, 10000) || case when t.is_cut then '...' else '' end, '') as query,
    t.is_cut as is_query_cut,
    pg_catalog.count(*) over () as total
from seen as a
cross join (
    select pg_catalog.pg_size_bytes(case when s.size like '%kB' or s.size like '%MB' then s.size else pg_catalog.rtrim(s.size, 'B') end) as bytes
    from (select pg_catalog.current_setting('track_activity_query_size')) as s (size)
) as m
cross join lateral (
    -- Up to three bytes are left away where a letter would be cut in two.
    select pg_catalog.octet_length(a.query) + 4 >= m.bytes or pg_catalog.length(a.query) > 10000 as is_cut
) as t
order by
    case
        when a.blocked_by is not null or a.pid in (select pg_catalog.unnest(b.blocked_by) from seen as b where b.blocked_by is not null) then 1
        when a.state is distinct from 'active' or a.backend_type is distinct from 'client backend' then 3
        else 2
    end,
    a.xact_start nulls last,
    a.pid
limit 2000
