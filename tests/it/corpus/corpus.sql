-- Statements with what is to be said of them. `index`: the best candidate is used and saves nine tenths of what the reference saves.
-- `silent`: no candidate. `rewrite`: no candidate, and another way to write it. `analyze`: ANALYZE first.

-- eq_unique: index (reference)
select * from shopapp_order where reference = 'R00012345';
-- eq_sort_limit: index (store_id, created_at desc)
select * from shopapp_order where store_id = 7 order by created_at desc limit 20;
-- eq_two_selective: index (store_id) where status = 'pending'
select * from shopapp_order where status = 'pending' and store_id = 7;
-- article_list: index (lang, published_at desc) where status = 'published'
select * from shopapp_article where lang = 'nl' and status = 'published' order by published_at desc limit 10;
-- sort_nulls_last: index (last_login desc nulls last)
select * from shopapp_customer order by last_login desc nulls last limit 20;
-- join_inner_fk: index (product_id) on shopapp_orderitem
select * from shopapp_orderitem as i join shopapp_product as p on i.product_id = p.id where p.sku = 'SKU-000123';
-- covering_sum: index (store_id, created_at) include (total)
select sum(total) as s from shopapp_order where created_at >= '2025-09-01T00:00:00+00:00'::timestamptz and store_id = 7;
-- or_two_cols: index (reference); (external_id) where external_id is not null
select * from shopapp_order where reference = 'R00012345' or external_id = 'ext-c4ca4238a0b923820dcc509a6f75849b';
-- partial_queue: index (queue, priority desc, run_at) where state = 'queued'
select * from shopapp_job where queue = 'mail' and run_at <= '2025-08-01T00:00:00+00:00'::timestamptz and state = 'queued' order by priority desc, run_at limit 1;
-- partial_bool: index (tier) where not is_active
select * from shopapp_customer where not is_active and tier = 'ent';
-- iexact: index (upper(email::text))
select * from shopapp_customer where upper(email::text) = upper('USER777@example1.com');
-- icontains: index using gin (upper(name::text) gin_trgm_ops)
select * from shopapp_customer where upper(name::text) like upper('%a1b2c%');
-- startswith: index (reference varchar_pattern_ops)
select * from shopapp_order where reference::text like 'R000123%';
-- json_contains: index using gin (attrs jsonb_path_ops)
select * from shopapp_product where attrs @> '{"brand": "brand77"}'::jsonb;
-- json_key_eq: index ((attrs -> 'brand'))
select * from shopapp_product where (attrs -> 'brand') = '"brand77"'::jsonb;
-- fts_config: index using gin (to_tsvector('english'::regconfig, (coalesce(title, '') || ' ' || coalesce(body, ''))))
select *, to_tsvector('english'::regconfig, coalesce(title, '') || ' ' || coalesce(body, '')) as s from shopapp_article
where to_tsvector('english'::regconfig, coalesce(title, '') || ' ' || coalesce(body, '')) @@ (plainto_tsquery('english'::regconfig, 'postgres'));
-- brin_day: index using brin (created_at)
select count(id) as n from shopapp_event where created_at >= '2025-12-01T00:00:00+00:00'::timestamptz and created_at < '2025-12-02T00:00:00+00:00'::timestamptz;
-- neg_common: silent
select * from shopapp_order where status = 'done';
-- neg_small: silent
select * from shopapp_country where name = 'France';
-- neg_fk_already: silent
select * from shopapp_order where customer_id = 5 and status = 'done' order by created_at desc limit 20;
-- neg_exclude: silent
select * from shopapp_order where not (status = 'done');
-- neg_or_join: rewrite
select o.* from shopapp_order as o join shopapp_customer as c on o.customer_id = c.id where o.reference = 'R00012345' or c.email = 'user5@example5.com';
-- neg_stale: analyze
select * from shopapp_import where batch = 77;
