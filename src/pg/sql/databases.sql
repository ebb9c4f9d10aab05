-- databases; cost: reads shared memory and pg_database; needs nothing; since 12 (sessions: 14)
select
    d.datname::text as datname,
    d.datname = pg_catalog.current_database() as is_current,
    s.numbackends::bigint as backends,
    s.xact_commit as commits,
    s.xact_rollback as rollbacks,
    s.blks_read as blks_read,
    s.blks_hit as blks_hit,
    s.tup_returned as tup_returned,
    s.tup_fetched as tup_fetched,
    s.tup_inserted as tup_inserted,
    s.tup_updated as tup_updated,
    s.tup_deleted as tup_deleted,
    s.conflicts as conflicts,
    s.temp_files as temp_files,
    s.temp_bytes as temp_bytes,
    s.deadlocks as deadlocks,
    /*? pg_stat_database.active_time */ s.active_time /*: null::float8 */ as active_time,
    /*? pg_stat_database.idle_in_transaction_time */ s.idle_in_transaction_time /*: null::float8 */ as idle_in_transaction_time,
    /*? pg_stat_database.sessions */ s.sessions /*: null::bigint */ as sessions,
    /*? pg_stat_database.sessions_abandoned */ s.sessions_abandoned /*: null::bigint */ as sessions_abandoned,
    /*? pg_stat_database.sessions_fatal */ s.sessions_fatal /*: null::bigint */ as sessions_fatal,
    /*? pg_stat_database.sessions_killed */ s.sessions_killed /*: null::bigint */ as sessions_killed,
    pg_catalog.age(d.datfrozenxid)::bigint as freeze_age,
    pg_catalog.mxid_age(d.datminmxid)::bigint as multixact_age,
    extract(epoch from s.stats_reset)::float8 as stats_reset,
    -- A crash loses all counters. It resets these two with them, and their reset is kept; since 15 that of a database is not.
    (
        select extract(epoch from least(b.stats_reset, a.stats_reset))::float8
        from pg_catalog.pg_stat_bgwriter as b
        cross join pg_catalog.pg_stat_archiver as a
    ) as counters_since,
    pg_catalog.count(*) over () as total
from pg_catalog.pg_database as d
join pg_catalog.pg_stat_database as s on s.datid = d.oid
where d.datallowconn
order by s.xact_commit desc, d.datname
limit 2000
