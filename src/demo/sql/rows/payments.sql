-- Payments :first to :last, one an order.
INSERT INTO shop_payment (id, provider, amount, captured_at, response, order_id)
SELECT
    i,
    (ARRAY['card', 'card', 'paypal', 'sepa', 'invoice'])[1 + h % 5],
    (500 + h % 39500) / 100.0,
    pg_catalog.now() - (400000 - i) * interval '158 seconds',
    ('{"code": "' || h % 100 || '", "id": "pay_' || i || '"}')::jsonb,
    i
FROM (SELECT i, pg_catalog.hashint4(i) & 2147483647 AS h FROM pg_catalog.generate_series(:first, :last) AS i) AS numbered
