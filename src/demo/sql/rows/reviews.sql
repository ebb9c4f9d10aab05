-- Reviews :first to :last, each customer's of another product.
INSERT INTO shop_review (id, rating, body, created_at, customer_id, product_id)
SELECT
    i,
    1 + h % 5,
    pg_catalog.repeat((ARRAY['Does what it should. ', 'Arrived late, works well. ', 'Smaller than it looks. '])[1 + h % 3], 1 + h % 6),
    pg_catalog.now() - h % 700 * interval '1 day' - h % 86400 * interval '1 second',
    1 + i % 60000,
    1 + i % 4999
FROM (SELECT i, pg_catalog.hashint4(i) & 2147483647 AS h FROM pg_catalog.generate_series(:first, :last) AS i) AS numbered
