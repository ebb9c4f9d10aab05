-- statements; cost: one pass over the hash table, no texts, and the rows of what moved; needs pg_read_all_stats for others' queryids; since pg_stat_statements 1.7
with changed as materialized (
    -- Each statement has a mark of what it has counted: what ran has another, and the old one of it is gone.
    select s.*, k.mark as gone
    from (
        select
            p.*,
            pg_catalog.hashfloat8extended(
                /*? pg_stat_statements.total_exec_time */ p.total_exec_time /*: p.total_time */,
                pg_catalog.hashint8extended(coalesce(p.queryid, 0), p.calls # p.rows # p.shared_blks_hit # (p.userid::bigint << 32) # p.dbid::bigint)
            ) as mark
        from /*@ pg_stat_statements */ public. /*@*/ pg_stat_statements(false) as p
        where p.calls > 0
            and /*? pg_stat_statements.total_exec_time */ p.total_exec_time + 1000 * p.mean_exec_time /*: p.total_time + 1000 * p.mean_time */ >= '-infinity' /* least known */::float8
    ) as s
    full join pg_catalog.unnest('{}' /* known marks */::bigint[]) as k (mark) on k.mark = s.mark
    where s.calls is null or k.mark is null
),
sent as (
    select
        coalesce(s.queryid, 0) as queryid,
        s.userid::bigint as userid,
        s.dbid::bigint as dbid,
        /*? pg_stat_statements.toplevel */ s.toplevel /*: true */ as toplevel,
        coalesce(r.rolname::text, '') as user,
        coalesce(d.datname::text, '') as database,
        s.calls as calls,
        /*? pg_stat_statements.total_exec_time */ s.total_exec_time /*: s.total_time */ as total_time,
        /*? pg_stat_statements.min_exec_time */ s.min_exec_time /*: s.min_time */ as min_time,
        /*? pg_stat_statements.max_exec_time */ s.max_exec_time /*: s.max_time */ as max_time,
        /*? pg_stat_statements.mean_exec_time */ s.mean_exec_time /*: s.mean_time */ as mean_time,
        /*? pg_stat_statements.stddev_exec_time */ s.stddev_exec_time /*: s.stddev_time */ as stddev_time,
        s.rows as rows,
        /*? pg_stat_statements.plans */ s.plans /*: null::bigint */ as plans,
        /*? pg_stat_statements.total_plan_time */ s.total_plan_time /*: null::float8 */ as plan_time,
        s.shared_blks_hit as shared_hit,
        s.shared_blks_read as shared_read,
        s.shared_blks_dirtied as shared_dirtied,
        s.shared_blks_written as shared_written,
        s.local_blks_read as local_read,
        s.temp_blks_read as temp_read,
        s.temp_blks_written as temp_written,
        /*? pg_stat_statements.shared_blk_read_time */ s.shared_blk_read_time /*: s.blk_read_time */ as read_time,
        /*? pg_stat_statements.shared_blk_write_time */ s.shared_blk_write_time /*: s.blk_write_time */ as write_time,
        /*? pg_stat_statements.wal_bytes */ s.wal_bytes::bigint /*: null::bigint */ as wal_bytes,
        /*? pg_stat_statements.jit_generation_time */ s.jit_generation_time + s.jit_inlining_time + s.jit_optimization_time + s.jit_emission_time /*: null::float8 */ as jit_time,
        /*? pg_stat_statements.stats_since */ extract(epoch from s.stats_since)::float8 /*: null::float8 */ as stats_since,
        s.mark as mark,
        null::bigint[] as gone,
        (select pg_catalog.count(c.calls) from changed as c) as total
    from changed as s
    left join pg_catalog.pg_roles as r on r.oid = s.userid
    left join pg_catalog.pg_database as d on d.oid = s.dbid
    where s.calls is not null
    -- Ordered as if each had run a thousand times more: a new expensive statement comes early.
    order by /*? pg_stat_statements.total_exec_time */ s.total_exec_time + 1000 * s.mean_exec_time /*: s.total_time + 1000 * s.mean_time */ desc, s.queryid
    limit 5000
)
select s.* from sent as s
union all
-- One row more for the marks that are gone.
select 0, 0, 0, null, '', '', 0, 0, 0, 0, 0, 0, 0, null, null, 0, 0, 0, 0, 0, 0, 0, 0, 0, null, null, null, null,
    array(select c.gone from changed as c where c.calls is null),
    (select pg_catalog.count(c.calls) from changed as c)
