-- vacuum_horizon; cost: reads shared memory only; needs nothing (transaction ids are shown to every role); since 12
select
    h.kind as kind,
    h.pid as pid,
    h.name as name,
    h.database as database,
    h.xmin_age as xmin_age,
    h.xid_age as xid_age,
    h.catalog_age as catalog_age,
    h.open_for as open_for,
    h.is_vacuum as is_vacuum,
    pg_catalog.count(*) over () as total
from (
    select
        -- A sender with a database decodes for a logical subscriber; one without has the snapshot of its standby.
        case when r.pid is not null and a.datid is null then 'standby' else 'session' end as kind,
        a.pid::bigint as pid,
        coalesce(a.application_name, '') as name,
        coalesce((select d.datname::text from pg_catalog.pg_database as d where d.oid = a.datid), '') as database,
        pg_catalog.age(a.backend_xmin)::bigint as xmin_age,
        pg_catalog.age(a.backend_xid)::bigint as xid_age,
        null::bigint as catalog_age,
        extract(epoch from pg_catalog.clock_timestamp() - a.xact_start)::float8 as open_for,
        a.pid in (select v.pid from pg_catalog.pg_stat_progress_vacuum as v) as is_vacuum
    from pg_catalog.pg_stat_get_activity(null) as a
    left join pg_catalog.pg_stat_get_wal_senders() as r on r.pid = a.pid
    where a.pid <> pg_catalog.pg_backend_pid()
        and (a.backend_xmin is not null or a.backend_xid is not null)
        -- A parallel worker has the snapshot of its leader.
        and a.backend_type is distinct from 'parallel worker'
    union all
    select
        'slot' as kind,
        s.active_pid::bigint as pid,
        s.slot_name::text as name,
        coalesce(s.database::text, '') as database,
        pg_catalog.age(s.xmin)::bigint as xmin_age,
        null::bigint as xid_age,
        pg_catalog.age(s.catalog_xmin)::bigint as catalog_age,
        /*? pg_replication_slots.inactive_since */ extract(epoch from pg_catalog.clock_timestamp() - s.inactive_since)::float8 /*: null::float8 */ as open_for,
        false as is_vacuum
    from pg_catalog.pg_replication_slots as s
    where (s.xmin is not null or s.catalog_xmin is not null)
        -- A slot that lost its WAL holds nothing back.
        and /*? pg_replication_slots.wal_status */ s.wal_status is distinct from 'lost' /*: true */
    union all
    select
        'prepared' as kind,
        null::bigint as pid,
        x.gid as name,
        x.database::text as database,
        null::bigint as xmin_age,
        pg_catalog.age(x.transaction)::bigint as xid_age,
        null::bigint as catalog_age,
        extract(epoch from pg_catalog.clock_timestamp() - x.prepared)::float8 as open_for,
        false as is_vacuum
    from pg_catalog.pg_prepared_xacts as x
) as h
order by greatest(h.xmin_age, h.xid_age, h.catalog_age) desc, h.kind, h.pid, h.name
limit 200
