-- replication; cost: reads shared memory only; needs pg_read_all_stats for all but the pid; since 12
select
    r.pid::bigint as pid,
    coalesce(a.application_name, '') as application,
    coalesce(pg_catalog.host(a.client_addr), 'local') as client,
    coalesce(r.state, '') as state,
    coalesce(r.sync_state, '') as sync_state,
    ((case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_receive_lsn() else pg_catalog.pg_current_wal_lsn() end) - r.replay_lsn)::bigint as lag_bytes,
    extract(epoch from r.write_lag)::float8 as write_lag,
    extract(epoch from r.flush_lag)::float8 as flush_lag,
    extract(epoch from r.replay_lag)::float8 as replay_lag,
    extract(epoch from pg_catalog.clock_timestamp() - r.reply_time)::float8 as reply_age,
    pg_catalog.count(*) over () as total
from pg_catalog.pg_stat_get_wal_senders() as r
-- Below the view: the sessions are looked at only where there is a sender.
cross join lateral pg_catalog.pg_stat_get_activity(r.pid) as a
order by r.replay_lag desc nulls last, r.pid
limit 100
