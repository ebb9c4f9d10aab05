-- Customers :first to :last; every 6,000th has the address of the one before, which is why no unique index could be built.
INSERT INTO shop_customer (id, email, full_name, city, country, created_at, last_seen_at, user_id)
SELECT
    i,
    pg_catalog.lower((ARRAY['Anna', 'Boris', 'Chiara', 'David', 'Emre', 'Fatma', 'Goran', 'Hanna'])[1 + h % 8])
        || '.' || CASE WHEN i % 6000 = 0 THEN i - 1 ELSE i END || '@example.org',
    (ARRAY['Anna', 'Boris', 'Chiara', 'David', 'Emre', 'Fatma', 'Goran', 'Hanna'])[1 + h % 8] || ' '
        || (ARRAY['Novak', 'Schmidt', 'Rossi', 'Jensen', 'Yılmaz', 'García', 'Dubois', '佐藤'])[1 + h / 8 % 8],
    (ARRAY['Berlin', 'Brno', 'Bologna', 'Aarhus', 'İzmir', 'Sevilla', 'Lyon', '大阪'])[1 + h / 8 % 8],
    (ARRAY['DE', 'CZ', 'IT', 'DK', 'TR', 'ES', 'FR', 'JP'])[1 + h / 8 % 8],
    pg_catalog.now() - (60000 - i) * interval '20 minutes',
    CASE WHEN h % 5 < 3 THEN pg_catalog.now() - h % 500 * interval '1 hour' END,
    CASE WHEN i <= 500 THEN i END
FROM (SELECT i, pg_catalog.hashint4(CASE WHEN i % 6000 = 0 THEN i - 1 ELSE i END) & 2147483647 AS h
    FROM pg_catalog.generate_series(:first, :last) AS i) AS numbered
