-- statement_texts; cost: loads the file of all texts, so it is asked once for each new queryid; $1: the queryids; needs pg_read_all_stats for others'; since pg_stat_statements 1.7
select distinct on (s.queryid)
    s.queryid as queryid,
    pg_catalog.left(s.query, 100000) || case when pg_catalog.length(s.query) > 100000 then '...' else '' end as query
from /*@ pg_stat_statements */ public. /*@*/ pg_stat_statements(true) as s
where s.queryid = any ($1::bigint[])
-- An unmarked text first: what an EXPLAIN ANALYZE runs may have the queryid of the application's.
order by s.queryid, pg_catalog.strpos(pg_catalog.left(s.query, 40), '/* pgdj') <> 0
limit 5000
