-- Price history, rows :first to :last.
INSERT INTO shop_pricehistory (id, price, valid_from, product_id)
SELECT i, (199 + (pg_catalog.hashint4(i) & 2147483647) % 9800) / 100.0, date '2023-01-01' + i / 5000 * 40, 1 + i % 5000
FROM pg_catalog.generate_series(:first, :last) AS i
