-- server; cost: reads shared memory, and the small catalogs pg_extension and pg_namespace; needs nothing; since 12
select
    extract(epoch from pg_catalog.clock_timestamp())::float8 as now,
    extract(epoch from pg_catalog.pg_postmaster_start_time())::float8 as started,
    pg_catalog.pg_is_in_recovery() as is_standby,
    pg_catalog.current_setting('max_connections')::bigint as max_connections,
    pg_catalog.current_setting('superuser_reserved_connections')::bigint as superuser_reserved,
    coalesce(pg_catalog.current_setting('reserved_connections', true), '0')::bigint as reserved,
    b.others as client_backends,
    b.own as own_backends,
    (select pg_catalog.count(*) from pg_catalog.pg_prepared_xacts as x) as prepared_transactions,
    (select extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.min(x.prepared))::float8 from pg_catalog.pg_prepared_xacts as x) as oldest_prepared,
    case
        when not pg_catalog.pg_is_in_recovery() then null
        when pg_catalog.pg_last_wal_receive_lsn() = pg_catalog.pg_last_wal_replay_lsn() then 0
        else extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.pg_last_xact_replay_timestamp())
    end::float8 as replay_lag,
    pg_catalog.pg_has_role(current_user, 'pg_read_all_stats', 'usage') as read_all_stats,
    array(
        select e.extname::text || ' ' || e.extversion || ' ' || n.nspname::text
        from pg_catalog.pg_extension as e
        join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
        order by e.extname
        limit 500
    ) as extensions
from (
    -- From a role without pg_read_all_stats the kind of another role's backend is hidden; those of clients have a role and a database.
    select
        pg_catalog.count(*) filter (where not a.is_own) as others,
        pg_catalog.count(*) filter (where a.is_own) as own
    from (
        select
            s.*,
            s.pid = pg_catalog.pg_backend_pid() or s.pid = any ('{}' /* own pids */::bigint[]) and coalesce(s.application_name, '') = 'pgdj' as is_own
        from pg_catalog.pg_stat_get_activity(null) as s
    ) as a
    where a.backend_type = 'client backend'
        or a.backend_type is null and a.usesysid is not null and a.datid is not null
            and a.pid not in (select r.pid from pg_catalog.pg_stat_get_wal_senders() as r)
) as b
