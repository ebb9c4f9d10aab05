-- slots; cost: reads shared memory only; needs nothing (Aurora refuses the WAL position unless wal_level is logical); since 12
select
    s.slot_name::text as name,
    s.slot_type as type,
    coalesce(s.plugin::text, '') as plugin,
    coalesce(s.database::text, '') as database,
    s.active as is_active,
    s.active_pid::bigint as active_pid,
    s.temporary as is_temporary,
    /*? pg_replication_slots.synced */ s.synced /*: false */ as is_synced,
    ((case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn() else pg_catalog.pg_current_wal_lsn() end) - s.restart_lsn)::bigint as kept_bytes,
    /*? pg_replication_slots.wal_status */ coalesce(s.wal_status, '') /*: '' */ as wal_status,
    /*? pg_replication_slots.safe_wal_size */ s.safe_wal_size /*: null::bigint */ as safe_bytes,
    /*? pg_replication_slots.inactive_since */ extract(epoch from pg_catalog.clock_timestamp() - s.inactive_since)::float8 /*: null::float8 */ as inactive_for,
    pg_catalog.count(*) over () as total
from pg_catalog.pg_replication_slots as s
order by kept_bytes desc nulls last, s.slot_name
limit 200
