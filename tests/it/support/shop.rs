//! A small Django shop with one of everything a probe looks at.

use tokio_postgres::Client;

const SCHEMA: &str = "
create table django_content_type (id serial primary key, app_label varchar(100) not null, model varchar(100) not null);
create table django_migrations (id serial primary key, app varchar(255), name varchar(255), applied timestamptz);
insert into django_content_type (app_label, model) values ('shop', 'order'), ('shop', 'customer');
create table shop_customer (id bigserial primary key, email text not null, tags text[] not null default '{}', payload jsonb);
create table shop_order (
    id bigserial primary key,
    customer_id bigint not null references shop_customer (id) on delete cascade,
    status varchar(20) not null,
    total numeric(12, 2) not null,
    created_at timestamptz not null default now()
);
insert into shop_customer (email) select 'c' || n || '@example.org' from generate_series(1, 500) as n;
insert into shop_order (customer_id, status, total) select 1 + n % 500, case when n % 10 = 0 then 'open' else 'paid' end, n from generate_series(1, 5000) as n;
create index shop_order_status on shop_order (status) include (total);
create index shop_order_open on shop_order (created_at) where status = 'open';
create index shop_customer_lower on shop_customer (lower(email));
create unique index shop_customer_tags on shop_customer (email, id) with (fillfactor = 70);
create table shop_event (at timestamptz not null, kind text) partition by range (at);
create table shop_event_2026 partition of shop_event for values from ('2026-01-01') to ('2027-01-01');
create index on shop_event (at);
create materialized view shop_total as select status, sum(total) as total from shop_order group by status;
analyze;
";

/// Makes the shop.
pub(crate) async fn make(client: &Client) {
    client.batch_execute(SCHEMA).await.unwrap();
}
