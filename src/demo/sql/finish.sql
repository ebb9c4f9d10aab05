-- The last of the seed: sequences behind the rows, expired sessions deleted and not vacuumed, rights for the reports.

DO $$
DECLARE
    numbered record;
BEGIN
    FOR numbered IN
        SELECT a.attrelid::regclass AS relation, a.attname AS name
        FROM pg_catalog.pg_attribute AS a
        JOIN pg_catalog.pg_class AS c ON c.oid = a.attrelid
        WHERE a.attidentity = 'd' AND c.relnamespace = 'public'::regnamespace
    LOOP
        EXECUTE pg_catalog.format(
            'SELECT pg_catalog.setval(pg_catalog.pg_get_serial_sequence(%L, %L), pg_catalog.max(%I)) FROM %s HAVING pg_catalog.max(%I) IS NOT NULL',
            numbered.relation, numbered.name, numbered.name, numbered.relation, numbered.name);
    END LOOP;
END
$$;

DELETE FROM django_session WHERE expire_date < pg_catalog.now() - interval '12 days';

GRANT SELECT ON shop_order, shop_orderitem, shop_customer, shop_product, shop_category TO metabase;
