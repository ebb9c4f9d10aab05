-- Orders :first to :last, oldest first, one every 2.6 minutes; recent ones are still pending or paid.
INSERT INTO shop_order (id, reference, status, created_at, shipped_at, total, currency, note, customer_id)
SELECT
    i,
    'R' || pg_catalog.lpad(i::text, 9, '0'),
    CASE
        WHEN i > 394000 THEN (ARRAY['pending', 'paid', 'paid', 'shipped'])[1 + h % 4]
        WHEN h % 100 < 5 THEN 'cancelled'
        WHEN h % 1000 = 999 THEN 'pending'
        ELSE 'delivered'
    END,
    pg_catalog.now() - (400000 - i) * interval '158 seconds',
    CASE WHEN i <= 394000 AND h % 100 >= 5 THEN pg_catalog.now() - (400000 - i) * interval '158 seconds' + h % 72 * interval '1 hour' END,
    (500 + h % 39500) / 100.0,
    CASE WHEN h % 10 = 0 THEN 'USD' ELSE 'EUR' END,
    CASE WHEN h % 17 = 0 THEN 'Please leave it with the neighbour at number ' || h % 90 ELSE '' END,
    1 + (60000 * ((h >> 8) % 10000 / 10000.0::float8) ^ 2)::int % 60000
FROM (SELECT i, pg_catalog.hashint4(i) & 2147483647 AS h FROM pg_catalog.generate_series(:first, :last) AS i) AS numbered
