-- Events :first to :last: half by visitors who are not logged in.
INSERT INTO analytics_event (id, kind, payload, created_at, customer_id)
SELECT
    i,
    (ARRAY['view', 'view', 'view', 'search', 'add_to_cart', 'checkout'])[1 + h % 6],
    pg_catalog.format('{"path": "/products/%s/", "ms": %s, "utm": {"source": "%s"}, "ab": [%s, %s]}',
        1 + h % 5000, h % 900, (ARRAY['newsletter', 'search', 'direct'])[1 + h % 3], h % 2, h % 3)::jsonb,
    pg_catalog.now() - (120000 - i) * interval '20 seconds',
    CASE WHEN h % 2 = 0 THEN 1 + (h >> 4) % 60000 END
FROM (SELECT i, pg_catalog.hashint4(i) & 2147483647 AS h FROM pg_catalog.generate_series(:first, :last) AS i) AS numbered
