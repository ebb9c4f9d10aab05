-- the server as the advisor needs it; cost: reads settings and the list of extensions on disk; needs nothing; since 12
select
    pg_catalog.current_setting('server_version_num')::bigint as version,
    pg_catalog.pg_is_in_recovery() as is_standby,
    (select pg_catalog.array_agg(s.name::text order by s.name) from pg_catalog.pg_settings as s where s.name like 'enable\_%' and s.setting = 'off') as disabled,
    (select pg_catalog.array_agg(s.name::text || '=' || s.setting order by s.name) from pg_catalog.pg_settings as s
        where s.name in ('seq_page_cost', 'random_page_cost', 'cpu_tuple_cost', 'cpu_index_tuple_cost', 'cpu_operator_cost', 'effective_cache_size')) as costs,
    (select pg_catalog.array_agg(e.name::text || '=' || coalesce(n.nspname::text, '') order by e.name)
        from pg_catalog.pg_available_extensions as e
        left join pg_catalog.pg_extension as x on x.extname = e.name
        left join pg_catalog.pg_namespace as n on n.oid = x.extnamespace) as extensions,
    pg_catalog.to_regclass('pg_catalog.pg_stats_ext_exprs') is not null as has_expression_statistics
