-- More statements of the same kind on the same shop.

-- in_list_rare: index (status)
select * from shopapp_order where status in ('pending', 'shipped') and store_id = 3;
-- between_range: index (created_at)
select * from shopapp_order where created_at between '2024-03-01 00:00:00+00' and '2024-03-01 06:00:00+00';
-- eq_phone: index (phone)
select * from shopapp_customer where phone = '+15550012345';
-- mixed_directions: index (status, total desc, created_at)
select * from shopapp_order where status = 'shipped' order by total desc, created_at limit 20;
-- order_only: index (total)
select * from shopapp_order order by total desc limit 10;
-- two_order: index (city, name)
select * from shopapp_customer order by city, name limit 25;
-- soft_delete: index (deleted_at) where deleted_at is not null
select * from shopapp_order where deleted_at is not null and store_id = 4;
-- soft_delete_order: index (deleted_at) where deleted_at is not null
select * from shopapp_order where deleted_at is not null order by deleted_at desc limit 20;
-- failed_jobs: index (run_at) where state = 'failed'
select * from shopapp_job where state = 'failed' order by run_at limit 50;
-- stuck_jobs: index (heartbeat) where state = 'running'
select * from shopapp_job where state = 'running' and heartbeat < '2025-09-02 00:00:00+00';
-- count_rare: index (state)
select count(*) from shopapp_job where state = 'queued';
-- max_run_at: index (run_at)
select max(run_at) from shopapp_job;
-- istartswith: index (upper(city::text) text_pattern_ops)
select * from shopapp_customer where upper(city::text) like upper('city4999%');
-- lower_email: index (lower(email::text))
select * from shopapp_customer where lower(email::text) = 'user4242@example71.com';
-- like_within: index using gin (title gin_trgm_ops)
select * from shopapp_article where title like '%itle 4242%';
-- iregex: index using gin (name gin_trgm_ops)
select * from shopapp_customer where name::text ~* 'fatima.*3b7';
-- endswith: index using gin (path gin_trgm_ops)
select * from shopapp_event where path like '%/p/77777';
-- tags_contains: index using gin (tags)
select * from shopapp_product where tags @> array['tag77']::varchar(20)[];
-- tags_overlap: index using gin (tags)
select * from shopapp_product where tags && array['tag77', 'tag78']::varchar(20)[];
-- json_has_key: index using gin (attrs)
select * from shopapp_product where attrs ? 'discount';
-- json_text_key: index ((attrs ->> 'brand'))
select * from shopapp_product where attrs ->> 'brand' = 'brand42';
-- range_overlap: index using gist (during)
select * from shopapp_booking where during && '[2025-03-01 10:00+00, 2025-03-01 12:00+00)'::tstzrange;
-- range_contains_room: index using gist (during)
select * from shopapp_booking where room_id = 5 and during @> '2025-03-01 10:30+00'::timestamptz;
-- date_cast: index (((created_at at time zone 'UTC')::date))
select * from shopapp_order where (created_at at time zone 'UTC')::date = '2024-02-02'::date;
-- month_trunc: index (date_trunc('month', created_at at time zone 'UTC'))
select count(*) from shopapp_order where date_trunc('month', created_at at time zone 'UTC') = '2023-02-01 00:00:00'::timestamp;
-- user_events: index (user_id, created_at)
select * from shopapp_event where user_id = 4242 order by created_at desc limit 20;
-- user_kind: index (user_id)
select * from shopapp_event where user_id = 4242 and kind = 'login';
-- rare_kind_recent: index (created_at) where kind = 'export'
select * from shopapp_event where kind = 'export' and created_at >= '2025-12-10 00:00:00+00' order by created_at desc limit 100;
-- join_through: index (product_id) on shopapp_orderitem
select o.* from shopapp_order as o join shopapp_orderitem as i on i.order_id = o.id join shopapp_product as p on p.id = i.product_id
where p.category_id = 7 and o.status = 'pending';
-- semi_exists: index (customer_id) where status = 'pending' on shopapp_order
select c.* from shopapp_customer as c where c.tier = 'ent' and exists (select 1 from shopapp_order as o where o.customer_id = c.id and o.status = 'pending');
-- not_exists: index (product_id) on shopapp_orderitem
select p.id from shopapp_product as p where p.category_id = 9 and not exists (select 1 from shopapp_orderitem as i where i.product_id = p.id);
-- sub_count: index (product_id) on shopapp_orderitem
select p.id, (select count(*) from shopapp_orderitem as i where i.product_id = p.id) as sold from shopapp_product as p where p.category_id = 11 limit 5;
-- latest_of_each: index (user_id, created_at desc)
select distinct on (user_id) user_id, created_at, kind from shopapp_event where user_id in (5, 6, 7) order by user_id, created_at desc;
-- keyset: index (created_at, id)
select * from shopapp_order where created_at < '2024-06-01 00:00:00+00' or (created_at = '2024-06-01 00:00:00+00' and id < 800000) order by created_at desc, id desc limit 20;
-- keyset_row: index (created_at, id)
select * from shopapp_order where (created_at, id) < ('2024-06-01 00:00:00+00', 800000) order by created_at desc, id desc limit 20;
-- range_and_eq: index (store_id, created_at)
select * from shopapp_order where store_id = 9 and created_at >= '2025-12-20 00:00:00+00' and created_at < '2025-12-25 00:00:00+00';
-- group_filtered: index (created_at)
select kind, count(*) from shopapp_event where created_at >= '2025-12-10 00:00:00+00' group by kind;
-- update_rare: index (state)
update shopapp_job set priority = 0 where state = 'queued' and queue = 'sms';
-- window_rank: index (user_id)
select id, rank() over (partition by kind order by created_at desc) from shopapp_event where user_id in (77, 78, 79);
-- stock_low: index (stock)
select * from shopapp_product where stock < 3 and is_active;
-- price_top: index (price)
select * from shopapp_product where is_active order by price desc limit 20;
-- or_in_arm: index (reference); (total)
select * from shopapp_order where reference in ('R00000007', 'R00000008') or (total = 12.34 and store_id = 5);
-- covering_ids: index (channel)
select count(*) from shopapp_order where created_at >= '2025-12-01 00:00:00+00' and channel = 3;
-- agg_customer_count: index (city)
select city, count(*) from shopapp_customer where city in ('City17', 'City18') group by city;

-- neg_half: silent
select * from shopapp_order where created_at >= '2024-01-01 00:00:00+00' and store_id > 10;
-- neg_sum_all: silent
select sum(total) from shopapp_order;
-- neg_count_all: silent
select count(*) from shopapp_order;
-- neg_year: silent
select * from shopapp_order where created_at between '2024-01-01 00:00:00+00' and '2024-12-31 23:59:59+00';
-- neg_pk: silent
select * from shopapp_order where id = 1234;
-- neg_fk: silent
select * from shopapp_orderitem where order_id = 1234;
-- neg_limit_any: silent
select * from shopapp_order limit 20;
-- neg_limit_common: silent
select * from shopapp_order where status = 'done' limit 20;
-- neg_offset: rewrite
select * from shopapp_order order by created_at desc offset 100000 limit 20;
-- neg_random: rewrite
select * from shopapp_product order by random() limit 5;
-- neg_flag_common: silent
select * from shopapp_customer where is_active;
-- neg_short_pattern: silent
select * from shopapp_customer where name like '%a1%';
-- neg_join_all: silent
select s.region, sum(o.total) from shopapp_order as o join shopapp_store as s on s.id = o.store_id group by s.region;
-- neg_group_all: silent
select status, count(*) from shopapp_order group by status;
-- neg_unique_email: silent
select * from shopapp_customer where email = 'user77@example77.com';
-- neg_email_prefix: silent
select * from shopapp_customer where email like 'user777@%';
-- difference: index ((total - paid_total))
select * from shopapp_order where total - paid_total > 995;
-- neg_no_config: rewrite
select * from shopapp_article where to_tsvector(body) @@ plainto_tsquery('postgres');
-- neg_stores: silent
select * from shopapp_store where region = 'north' order by name;
-- neg_category_few: silent
select * from shopapp_product where category_id = 5 and price < 100;
-- neg_items_of_order: silent
select o.*, i.* from shopapp_order as o join shopapp_orderitem as i on i.order_id = o.id where o.id = 77;

-- f_compare: silent
select * from shopapp_order where paid_total < total - 990 and total > paid_total;
-- same_row: silent
select * from shopapp_order where paid_total = total;
-- not_in_states: index (status) where status <> all ('{done,cancelled}')
select * from shopapp_order where not (status in ('done', 'cancelled'));
-- deleted_null: silent
select * from shopapp_order where deleted_at is null;
-- deleted_not_null: index (deleted_at) where deleted_at is not null
select * from shopapp_order where deleted_at is not null;
-- external_set: index (external_id) where external_id is not null
select id, external_id from shopapp_order where external_id is not null and store_id = 5;
-- heartbeat_null_running: index (state)
select * from shopapp_job where heartbeat is not null and state = 'failed';
-- latest: index (created_at)
select * from shopapp_event order by created_at desc limit 1;
-- by_city: index (city) on shopapp_customer
select o.* from shopapp_order as o join shopapp_customer as c on c.id = o.customer_id where c.city = 'City77';
-- by_category: index (product_id) on shopapp_orderitem
select i.* from shopapp_orderitem as i join shopapp_product as p on p.id = i.product_id where p.category_id = 7 and p.stock < 50;
-- in_many: index (reference)
select * from shopapp_order where reference in (select 'R' || lpad(i::text, 8, '0') from generate_series(1, 20) as i);
-- similar: index using gin (name gin_trgm_ops)
select * from shopapp_customer where name % 'Fatima 3b7a1c2d';
-- iendswith: index using gin (upper(name::text) gin_trgm_ops)
select * from shopapp_customer where upper(name::text) like upper('%a1b2');
-- attrs_true: index ((attrs -> 'discount'))
select * from shopapp_product where (attrs -> 'discount') = 'true'::jsonb;
-- attrs_nested: index using gin (attrs jsonb_path_ops)
select * from shopapp_product where attrs @> '{"color": "red", "size": 7}';
-- has_any_keys: index using gin (attrs)
select * from shopapp_product where attrs ?| array['discount', 'promo'];
-- month_extract: silent
select count(*) from shopapp_order where extract(month from created_at at time zone 'UTC') = 5;
-- having_count: silent
select customer_id, count(*) from shopapp_order group by customer_id having count(*) > 12;
-- total_range: index (total)
select * from shopapp_order where total > 999.5;
-- store_status_count: index (store_id, status)
select count(*) from shopapp_order where store_id = 7 and status = 'cancelled';
-- user_day: index (user_id, created_at)
select count(*) from shopapp_event where user_id = 77 and created_at >= '2025-06-01 00:00+00';
-- path_eq: index (path)
select * from shopapp_event where path = '/p/777';
-- path_prefix: index (path varchar_pattern_ops)
select * from shopapp_event where path like '/p/7777%';
-- kind_path: index (path)
select * from shopapp_event where kind = 'view' and path = '/p/778';
-- payload_ref: index (((payload ->> 'ua')))
select * from shopapp_event where payload ->> 'ua' = 'abcdef';
-- booking_room_overlap: index using gist (room_id, during)
select * from shopapp_booking where room_id = 7 and during && '[2025-02-01 00:00+00, 2025-02-02 00:00+00)'::tstzrange;
-- author_list: silent
select a.id, a.title from shopapp_article as a where a.author_id = 17 order by a.published_at desc limit 10;
-- author_name: silent
select a.id, a.title from shopapp_article as a join shopapp_author as u on u.id = a.author_id where u.name = 'Author 77';
-- popular: index (views)
select id, title, views from shopapp_article where status = 'published' order by views desc limit 10;
-- popular_lang: index (lang, views) where status = 'published'
select id, title, views from shopapp_article where status = 'published' and lang = 'de' order by views desc limit 10;
-- job_claim: index (priority desc, run_at) where state = 'queued'
select * from shopapp_job where state = 'queued' and run_at <= '2025-09-01 00:00+00' order by priority desc, run_at limit 1 for update skip locked;
-- update_eq: index (reference)
update shopapp_order set note = 'x' where reference = 'R00000077';
-- delete_eq: index (reference)
delete from shopapp_order where reference = 'R00000078';
-- channel_flag: silent
select * from shopapp_order where channel = 1;
-- count_status: index (status)
select count(*) from shopapp_order where status = 'pending';
-- email_domain: index using gin (email gin_trgm_ops)
select count(*) from shopapp_customer where email like '%77@example7.com';
-- name_prefix_order: index (name varchar_pattern_ops)
select * from shopapp_customer where name like 'Olga 00%' order by name limit 20;
-- city_distinct: silent
select distinct tier from shopapp_customer;
-- row_number_page: silent
select * from (select id, row_number() over (order by created_at) as n from shopapp_order) as s where n between 50 and 60;
