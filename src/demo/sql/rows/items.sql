-- Order items :first to :last: two an order, the best sellers much more often than the rest.
INSERT INTO shop_orderitem (id, quantity, unit_price, order_id, product_id)
SELECT i, 1 + h % 4, (199 + h % 9800) / 100.0, (i + 1) / 2, 1 + (5000 * ((h >> 8) % 10000 / 10000.0::float8) ^ 3)::int % 5000
FROM (SELECT i, pg_catalog.hashint4(i) & 2147483647 AS h FROM pg_catalog.generate_series(:first, :last) AS i) AS numbered
