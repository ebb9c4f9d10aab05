-- Carts :first to :last; `trouble.sql` deletes half of them.
INSERT INTO shop_cart (id, token, lines, updated_at, customer_id)
SELECT
    i,
    pg_catalog.md5('cart' || i)::uuid,
    pg_catalog.format('[{"product": %s, "quantity": %s}, {"product": %s, "quantity": 1}]', h % 5000, 1 + h % 3, h % 4999)::jsonb,
    pg_catalog.now() - i * interval '1 minute',
    CASE WHEN h % 3 = 0 THEN 1 + h % 60000 END
FROM (SELECT i, pg_catalog.hashint4(i) & 2147483647 AS h FROM pg_catalog.generate_series(:first, :last) AS i) AS numbered
