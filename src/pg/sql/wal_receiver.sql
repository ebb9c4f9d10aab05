-- wal_receiver; cost: reads shared memory only; needs pg_read_all_stats for all but the pid; since 12
select
    r.pid::bigint as pid,
    coalesce(r.status, '') as status,
    coalesce(r.sender_host, '') as sender,
    r.sender_port::bigint as port,
    coalesce(r.slot_name, '') as slot,
    extract(epoch from r.last_msg_receipt_time)::float8 as heard_at,
    pg_catalog.pg_is_wal_replay_paused() as is_paused
from (values (1)) as one (row)
left join pg_catalog.pg_stat_get_wal_receiver() as r on r.pid is not null
-- The function that says whether replay is paused fails on a primary; there is no row there.
where pg_catalog.pg_is_in_recovery()
