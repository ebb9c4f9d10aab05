-- As superuser in the new database: those of these extensions that this server has.

DO $$
DECLARE
    extension name;
BEGIN
    FOR extension IN
        SELECT a.name
        FROM pg_catalog.pg_available_extensions AS a
        WHERE a.name = ANY ('{pg_stat_statements,pgstattuple,hypopg,pg_trgm}')
            AND (a.name <> 'pg_stat_statements'
                OR pg_catalog.current_setting('shared_preload_libraries') LIKE '%pg_stat_statements%')
    LOOP
        EXECUTE pg_catalog.format('CREATE EXTENSION %I', extension);
    END LOOP;
END
$$;
