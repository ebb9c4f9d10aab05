-- statements_info; cost: reads shared memory only; needs nothing; since pg_stat_statements 1.9
select
    i.dealloc as dealloc,
    extract(epoch from i.stats_reset)::float8 as stats_reset,
    pg_catalog.current_setting('pg_stat_statements.max', true)::bigint as max_entries
from /*@ pg_stat_statements */ public. /*@*/ pg_stat_statements_info as i
