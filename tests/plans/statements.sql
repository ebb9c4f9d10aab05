-- seq
select * from shop_order where status = 'pending' and total > 990;
-- parallel
set parallel_setup_cost = 0
set parallel_tuple_cost = 0
set min_parallel_table_scan_size = 0
select status, count(*), sum(total) from shop_order group by status order by status;
-- parallel_join
set parallel_setup_cost = 0
set parallel_tuple_cost = 0
set min_parallel_table_scan_size = 0
set enable_nestloop = off
select c.name, count(*) from shop_order as o join shop_customer as c on c.id = o.customer_id where c.active group by c.name order by 2 desc limit 5;
-- cte
with recent as materialized (select * from shop_order where total > 900), big as materialized (select * from recent where status = 'done') select count(*) from big as a join recent as b on a.id = b.id where a.total > (select avg(total) from recent);
-- recursive
with recursive t(n) as (select 1 union all select n + 1 from t where n < 500) select count(*) from t;
-- initplan
select * from shop_order where total > (select avg(total) * 1.9 from shop_order) order by created desc limit 10;
-- subplan
select c.id, (select count(*) from shop_order as o where o.customer_id = c.id) as orders from shop_customer as c where c.id < 300;
-- hashed_subplan
select count(*) from shop_order where customer_id not in (select id from shop_customer where active);
-- exists
select count(*) from shop_customer as c where exists (select 1 from shop_order as o where o.customer_id = c.id and o.total = 999);
-- partitions
select kind, count(*) from shop_event where kind = 'k3' group by kind;
-- pruned
set plan_cache_mode = force_generic_plan
select * from shop_event where day = (select '2025-02-03'::date) and kind = 'k1';
-- memoize since 14
set enable_hashjoin = off
set enable_mergejoin = off
set enable_material = off
select count(*) from shop_order as o join shop_customer as c on c.id = o.customer_id % 50 where o.id < 5000;
-- nested
set enable_hashjoin = off
set enable_mergejoin = off
select o.id, c.email from shop_customer as c join shop_order as o on o.customer_id = c.id where c.id < 50;
-- merge
set enable_hashjoin = off
set enable_nestloop = off
select count(*) from shop_order as o join shop_customer as c on c.id = o.customer_id where not c.active;
-- spill
set work_mem = '64kB'
select * from shop_order order by total, created;
-- hash_spill
set work_mem = '64kB'
set enable_mergejoin = off
set enable_nestloop = off
select count(*) from shop_order as a join shop_order as b on a.id = b.id;
-- hashagg
set work_mem = '64kB'
select customer_id, count(*) from shop_order group by customer_id;
-- bitmap
set enable_indexscan = off
set enable_indexonlyscan = off
select * from shop_order where (customer_id < 40 or created > '2025-02-10') and status = 'done';
-- index_only
select created from shop_order where created < '2025-01-03' order by created desc;
-- incremental since 13
set enable_seqscan = off
select * from shop_order order by created, total limit 100;
-- window
select id, rank() over (partition by customer_id order by total) from shop_order where customer_id < 100;
-- setop
select customer_id from shop_order where status = 'done' except select id from shop_customer where active;
-- union
select id from shop_order where id < 10 union select id from shop_customer where id < 20 order by 1;
-- distinct
select distinct status from shop_order;
-- grouping
select status, customer_id % 3, count(*) from shop_order group by grouping sets ((status), (customer_id % 3), ());
-- update
update shop_customer set name = 'New' where id < 200;
-- delete
delete from shop_customer where id < 100;
-- insert
insert into shop_log select id, email from shop_customer where id < 1000;
-- upsert
insert into "Odd Name" ("Id", "a,b") values (5, 'y'), (500, 'z') on conflict ("Id") do update set "a,b" = excluded."a,b" where "Odd Name"."Id" > 0;
-- merge_into since 15
merge into "Odd Name" as t using (select i from generate_series(90, 110) as i) as s on t."Id" = s.i when matched then update set "a,b" = 'm' when not matched then insert values (s.i, 'n');
-- odd
select "Id", "a,b" from "Odd Name" where "a,b" like 'x, 1%' or "a,b" = 'it''s: (cost=1..2 rows=3 width=4)' order by "a,b" desc, "Id";
-- functions
select * from generate_series(1, 10) as g(n), unnest(array['a', 'b']) as u(x) where g.n % 2 = 0;
-- values
select * from (values (1, 'a'), (2, 'b')) as v(i, t) where i > 1;
-- never
select * from shop_order where 1 = 2;
-- never_inner
set enable_hashjoin = off
set enable_mergejoin = off
select * from shop_customer as c join shop_order as o on o.customer_id = c.id where c.email = 'nobody';
-- jit
set jit = on
set jit_above_cost = 0
set jit_inline_above_cost = 0
set jit_optimize_above_cost = 0
select sum(total * 2 + id) from shop_order where total > 5;
-- lock
select * from shop_order where id < 5 for update;
-- sample
select count(*) from shop_order tablesample system (10) repeatable (1);
-- tid
select * from shop_order where ctid = '(0,1)';
-- modifying_cte
with gone as (delete from shop_log returning id), added as (insert into shop_log values (7, 'seven') returning id) select count(*) from gone;
-- lateral
select c.id, o.id from shop_customer as c cross join lateral (select id from shop_order where customer_id = c.id order by created desc limit 1) as o where c.id < 50;
