-- archiving; cost: reads shared memory only; needs nothing; since 12
select
    pg_catalog.current_setting('archive_mode') as mode,
    pg_catalog.current_setting('archive_command') <> '' or coalesce(pg_catalog.current_setting('archive_library', true), '') <> '' as is_configured,
    (pg_catalog.pg_size_bytes(pg_catalog.current_setting('wal_segment_size')))::bigint as segment_bytes,
    a.archived_count as archived,
    coalesce(a.last_archived_wal, '') as last_archived,
    extract(epoch from a.last_archived_time)::float8 as last_archived_at,
    a.failed_count as failed,
    coalesce(a.last_failed_wal, '') as last_failed,
    extract(epoch from a.last_failed_time)::float8 as last_failed_at
from pg_catalog.pg_stat_get_archiver() as a
