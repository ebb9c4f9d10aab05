-- The corpus's skew at about a fiftieth of its size: enough for the planner to prefer the right index.
select setseed(0.42);
insert into shopapp_country(name, code) select 'Country '||g, substr(md5(g::text),1,2) from generate_series(1,249) g;
insert into shopapp_store(name, region) select 'Store '||g, (array['north','south','east','west'])[1+g%4] from generate_series(1,50) g;
insert into shopapp_category(name) select 'Category '||g from generate_series(1,400) g;
insert into shopapp_author(name) select 'Author '||g from generate_series(1,2000) g;
insert into shopapp_customer(email,name,city,phone,tier,is_active,created_at,last_login)
 select 'user'||g||'@example'||(g%97)||'.com', substr(md5(g::text),1,5)||' '||substr(md5((g*7)::text),5,9), 'City'||(random()*5000)::int,
  '+1555'||lpad((random()*9999999)::int::text,7,'0'), case when random()<.9 then 'free' when random()<.9 then 'pro' else 'ent' end, random()>0.02,
  '2023-01-01'::timestamptz + g*interval '5 minutes', case when random()<.2 then null else '2023-01-01'::timestamptz + random()*interval '1000 days' end
 from generate_series(1,20000) g;
insert into shopapp_product(sku,name,category_id,price,is_active,stock,attrs,tags,description)
 select 'SKU-'||lpad(g::text,6,'0'), substr(md5(g::text),1,6)||' lamp '||substr(md5((g*3)::text),1,8), 1+(random()*399)::int, round((random()*500)::numeric,2), random()>0.05, (random()*1000)::int,
  jsonb_build_object('brand','brand'||(random()*2000)::int,'size',(random()*500)::int,'box',jsonb_build_object('width',(random()*500)::int)) || case when random()<.005 then '{"discount": true}'::jsonb else '{}'::jsonb end,
  array['tag'||(random()*500)::int,'tag'||(random()*500)::int,'tag'||(random()*500)::int], repeat(md5(g::text)||' ',4)
 from generate_series(1,20000) g;
insert into shopapp_order(customer_id,store_id,status,channel,created_at,total,paid_total,reference,external_id,deleted_at,note)
 select 1+(random()*19999)::int, 1+(random()*49)::int, case when r<.93 then 'done' when r<.98 then 'cancelled' when r<.995 then 'shipped' else 'pending' end, (random()*3)::int,
  '2023-01-01'::timestamptz + g*interval '30 minutes', round((random()*1000)::numeric,2), round((random()*1000)::numeric,2), 'R'||lpad(g::text,8,'0'),
  case when random()<.02 then 'ext-'||md5(g::text) end, case when random()<.01 then '2024-01-01'::timestamptz + random()*interval '600 days' end, repeat('n',40)
 from (select g, random() r from generate_series(1,50000) g) s;
insert into shopapp_orderitem(order_id,product_id,qty,price) select 1+(g/2), 1+(random()*19999)::int, 1+(random()*9)::int, round((random()*100)::numeric,2) from generate_series(0,79999) g;
insert into shopapp_event(created_at,kind,user_id,path,payload)
 select '2025-01-01'::timestamptz + g*interval '4 minutes', (array['view','click','add'])[1+floor(power(random(),2)*3)::int],
  1+(random()*20000)::int, '/p/'||(random()*200000)::int, jsonb_build_object('ua', substr(md5(g::text),1,20), 'ref', (random()*100)::int) from generate_series(1,120000) g;
insert into shopapp_article(title,slug,body,author_id,status,lang,published_at,views)
 select 'Title '||g||' '||substr(md5((random()*4000)::int::text),1,5), 'title-'||g, (select string_agg(substr(md5((x*g)::text),1,5),' ') from generate_series(1,40) x) || case when random()<.002 then ' postgres' else '' end, 1+(random()*1999)::int,
  case when random()<.8 then 'published' else 'draft' end, (array['en','en','en','en','fr','de','es','it','pt','nl'])[1+(random()*9)::int], '2020-01-01'::timestamptz + random()*interval '2000 days', (random()*10000)::int
 from generate_series(1,6000) g;
insert into shopapp_article_labels(article_id, category_id) select 1+g/5, 1+(g*7)%400 from generate_series(0,29999) g on conflict do nothing;
insert into shopapp_job(queue,state,priority,run_at,heartbeat,payload)
 select (array['mail','sms','report','sync','billing'])[1+(random()*4)::int], case when r<.99 then 'done' when r<.996 then 'queued' when r<.998 then 'running' else 'failed' end, (random()*9)::int,
  '2025-06-01'::timestamptz + g*interval '2 minutes', case when r>=.99 then '2025-09-01'::timestamptz + random()*interval '10 days' end, repeat('j',100)
 from (select g, random() r from generate_series(1,40000) g) s;
insert into shopapp_booking(room_id,during,guest) select 1+(random()*49)::int, tstzrange(t, t+interval '2 hours'), 'guest'||g from (select g, '2024-01-01'::timestamptz + random()*interval '700 days' t from generate_series(1,20000) g) s;
insert into shopapp_import(batch, line) select g/500, repeat('x',80) from generate_series(1,40000) g;
insert into "Altes Buch" ("Kunden Nr", "Tag", code, weight) select g % 5000, '2020-01-01'::date + g % 2000, md5(g::text)::uuid, random() from generate_series(1,40000) g;
