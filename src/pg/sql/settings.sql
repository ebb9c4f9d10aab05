-- settings; cost: memory only; needs pg_read_all_settings for a few; since 12
select
    s.name as name,
    coalesce(s.setting, '') as value,
    coalesce(s.unit, '') as unit,
    coalesce(s.reset_val, '') as default_value,
    s.source as source,
    s.pending_restart as pending_restart
from pg_catalog.pg_settings as s
where s.name in (
    'autovacuum', 'autovacuum_analyze_scale_factor', 'autovacuum_analyze_threshold', 'autovacuum_freeze_max_age', 'autovacuum_max_workers',
    'autovacuum_multixact_freeze_max_age', 'autovacuum_naptime', 'autovacuum_vacuum_cost_delay', 'autovacuum_vacuum_cost_limit',
    'autovacuum_vacuum_insert_scale_factor', 'autovacuum_vacuum_insert_threshold', 'autovacuum_vacuum_max_threshold',
    'autovacuum_vacuum_scale_factor', 'autovacuum_vacuum_threshold', 'block_size', 'checkpoint_timeout', 'compute_query_id', 'effective_cache_size',
    'effective_io_concurrency', 'full_page_writes', 'fsync', 'hash_mem_multiplier', 'hot_standby_feedback', 'idle_in_transaction_session_timeout',
    'idle_session_timeout', 'jit', 'jit_above_cost', 'lock_timeout', 'log_lock_waits', 'log_min_duration_statement', 'maintenance_work_mem',
    'max_connections', 'max_parallel_workers_per_gather', 'max_prepared_transactions', 'max_slot_wal_keep_size', 'max_wal_size', 'max_worker_processes',
    'pg_stat_statements.max', 'pg_stat_statements.track', 'pg_stat_statements.track_planning', 'random_page_cost', 'reserved_connections',
    'seq_page_cost', 'server_version', 'shared_buffers', 'shared_preload_libraries', 'statement_timeout', 'superuser_reserved_connections',
    'synchronous_commit', 'tcp_keepalives_idle', 'track_activities', 'track_activity_query_size', 'track_counts', 'track_io_timing',
    'transaction_timeout', 'vacuum_cost_limit', 'vacuum_freeze_table_age', 'vacuum_failsafe_age', 'wal_level', 'work_mem'
)
or s.pending_restart
order by s.name
limit 200
