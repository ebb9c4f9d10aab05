-- wal; cost: reads shared memory only; needs nothing (Aurora refuses it unless wal_level is logical); since 12
select
    (case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn() else pg_catalog.pg_current_wal_lsn() end - '0/0'::pg_lsn)::bigint as position,
    (case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_receive_lsn() end - '0/0'::pg_lsn)::bigint as received
from (values (1)) as one (row)
