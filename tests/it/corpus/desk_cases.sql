-- Statements on the help desk.

-- generic_relation: index (content_type_id, object_id)
select * from desk_comment where content_type_id = 7 and object_id = 4242 order by created_at;
-- soft_page: index (workspace_id, updated_at)
select * from desk_ticket where workspace_id = 12 and deleted_at is null order by updated_at desc limit 20;
-- soft_status: index (workspace_id, created_at) where status = 'open'
select * from desk_ticket where workspace_id = 12 and deleted_at is null and status = 'open' order by created_at limit 20;
-- deleted_recently: index (deleted_at) where deleted_at is not null
select * from desk_ticket where deleted_at >= '2024-10-20 00:00+00' order by deleted_at desc limit 50;
-- due_and_open: index (due) where status = 'open'
select * from desk_ticket where due <= '2022-06-01' and status = 'open' order by due;
-- assignee: silent
select * from desk_ticket where assignee_id = 77 and status in ('open', 'pending');
-- title_contains: index using gin (upper(title) gin_trgm_ops)
select * from desk_ticket where upper(title) like upper('%abc12d%');
-- number_of_workspace: index (workspace_id, number)
select * from desk_ticket where workspace_id = 3 and number = 1234;
-- external: index (external_id) where external_id is not null
select * from desk_ticket where external_id = md5('e77')::uuid;
-- queue_pop: index (queue, run_at) where state = 'queued'
select * from desk_task where state = 'queued' and queue = 'mail' and run_at <= '2024-12-01 00:00+00' order by run_at limit 1 for update skip locked;
-- stuck: index (locked_at) where state = 'running'
select * from desk_task where state = 'running' and locked_at < '2024-02-01 01:00+00';
-- failed: index (queue) where error is not null
select * from desk_task where error is not null and queue = 'report';
-- payload_key: index ((payload ->> 'order'))
select * from desk_task where payload ->> 'order' = '4242';
-- unpaid_account: index (account_id) where paid_at is null
select * from desk_payment where account_id = 17 and paid_at is null;
-- unpaid_sum: index (amount) where paid_at is null
select sum(amount) from desk_payment where paid_at is null;
-- invoice_prefix: index (invoice_no varchar_pattern_ops)
select * from desk_payment where invoice_no like 'INV-2022-0012%';
-- amount_range: index (amount)
select * from desk_payment where amount between 990 and 990.5;
-- account_in: index (account_id)
select * from desk_payment where account_id in (5, 6, 7) and currency = 'EUR';
-- sensor_day: index (sensor_id, at) on desk_metric
select * from desk_metric where sensor_id = 7 and at >= '2024-03-01 00:00+00' and at < '2024-03-08 00:00+00';
-- bad_quality: index (at) where quality = 9 on desk_metric
select * from desk_metric where quality = 9 and at >= '2024-05-01 00:00+00' and at < '2024-06-01 00:00+00';
-- metric_hours: index using brin (at) on desk_metric
select count(*), avg(value) from desk_metric where at >= '2024-03-01 00:00+00' and at < '2024-03-02 00:00+00';
-- tags_any: index using gin (tags)
select * from desk_document where tags && array['t7'];
-- search: index using gin (search)
select * from desk_document where search @@ to_tsquery('simple', '3d2f9ab');
-- meta_contains: index using gin (meta jsonb_path_ops)
select * from desk_document where meta @> '{"author": "a77"}';
-- meta_key: index ((meta ->> 'author'))
select * from desk_document where meta ->> 'author' = 'a77';
-- valid_at: silent
select count(*) from desk_document where not valid @> '2021-05-05'::date;
-- inactive: index (workspace_id) where not is_active
select * from desk_user where not is_active and workspace_id = 3;
-- username_iexact: index (upper(username))
select * from desk_user where upper(username) = upper('USER77');
-- logins: silent
select * from desk_user where last_login < '2024-12-01 00:00+00' or last_login is null;
-- by_email: index (email) on desk_user
select c.* from desk_comment as c join desk_user as u on u.id = c.author_id where u.email = 'User.77@desk37.org';
-- currencies: silent
select distinct currency from desk_payment;
-- by_workspace: silent
select workspace_id, count(*) from desk_ticket group by workspace_id;
-- closed: silent
select * from desk_ticket where status = 'closed';
-- not_closed: silent
select * from desk_ticket where status <> 'closed';
-- day_in_zone: index (((created_at at time zone 'UTC')::date))
select * from desk_comment where (created_at at time zone 'UTC')::date = '2024-05-05';
-- year: silent
select count(title) from desk_ticket where created_at >= '2022-01-01 00:00+00' and created_at < '2023-06-01 00:00+00';
-- number_or_external: index (number); (external_id)
select * from desk_ticket where number = 5 or external_id = md5('e77')::uuid;
-- random_ten: silent
select * from desk_ticket order by random() limit 10;
-- slug: silent
select * from desk_workspace where slug = 'ws-77';
-- next_page: index (created_at, id)
select * from desk_comment where (created_at, id) < ('2023-05-05 00:00+00', 1000) order by created_at desc, id desc limit 20;
-- due_first: index (due)
select * from desk_ticket order by due limit 20;
-- newest_of_workspace: index (workspace_id, created_at)
select max(created_at) from desk_ticket where workspace_id = 2;
-- open_count: index (deleted_at) where status = 'open'
select count(*) from desk_ticket where status = 'open' and deleted_at is null;
-- hidden_comments: index (author_id) where not is_public
select * from desk_comment where not is_public order by author_id limit 50;
-- exists_hidden: index (object_id) where not is_public on desk_comment
select t.id from desk_ticket as t where t.workspace_id = 3 and exists (select 1 from desk_comment as c where c.content_type_id = 7 and c.object_id = t.id and not c.is_public);
-- priority_page: index (priority desc, created_at) where status = 'pending'
select * from desk_ticket where status = 'pending' order by priority desc, created_at limit 30;
-- text_in_integer: rewrite
select * from desk_ticket where number::text = '77';
-- arithmetic: rewrite
select * from desk_payment where amount * 2 = 1980;
-- suffix: index using gin (email gin_trgm_ops)
select * from desk_user where email like '%er.777@desk17.org';
-- username_prefix: index (upper(username) text_pattern_ops)
select * from desk_user where upper(username::text) like upper('user7777%');
-- week_later: rewrite
select * from desk_ticket where created_at + interval '7 days' < '2022-01-12 00:00+00';
-- newest_open: index (id) where status = 'open'
select * from desk_ticket where status = 'open' and due is null and priority = 4 order by id desc limit 40;
-- newest_few: silent
select * from desk_ticket where status = 'closed' order by id desc limit 40;
-- all_columns: index (user_id)
select * from desk_watch where user_id = 77;
-- two_columns: index (user_id) include (ticket_id)
select ticket_id from desk_watch where user_id = 77;
