-- What is wrong in the shop on purpose, after rows and keys; each statement by itself, outside a transaction. What is
-- wrong with tables from the start is in `tables.sql`.

-- Its autovacuum is off: half of the table is free space once it has been vacuumed by hand.
DELETE FROM shop_cart WHERE id % 2 = 0;

-- Autovacuum works on this one all the time, with brakes so hard that it never ends.
ALTER TABLE django_session SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 100, autovacuum_vacuum_cost_limit = 1);

-- A concurrent build that finds duplicates fails, and leaves its index behind, invalid.
CREATE UNIQUE INDEX CONCURRENTLY shop_customer_email_uniq ON shop_customer (email);
