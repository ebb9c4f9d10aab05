create table shop_customer (id bigserial primary key, email text not null, name varchar(80), active boolean not null);
create table shop_order (
    id bigserial primary key,
    customer_id bigint not null references shop_customer on delete cascade,
    status varchar(20) not null,
    total numeric(10, 2) not null,
    created timestamptz not null,
    tags text[] not null default '{}'
);
create table shop_event (id bigserial, day date not null, kind text not null) partition by range (day);
create table shop_event_1 partition of shop_event for values from ('2025-01-01') to ('2025-02-01');
create table shop_event_2 partition of shop_event for values from ('2025-02-01') to ('2025-03-01');
create table shop_event_3 partition of shop_event for values from ('2025-03-01') to ('2025-04-01');
create table "Odd Name" ("Id" int primary key, "a,b" text);
insert into shop_customer (email, name, active)
    select 'user' || i || '@example.com', 'Name ' || i % 97, i % 50 <> 0 from generate_series(1, 5000) as i;
insert into shop_order (customer_id, status, total, created, tags)
    select 1 + i % 5000, (array['done', 'done', 'done', 'pending', 'sent'])[1 + i % 5], i % 1000,
           '2025-01-01'::timestamptz + i * interval '1 minute', array['t' || i % 10]
    from generate_series(1, 60000) as i;
insert into shop_event (day, kind)
    select '2025-01-01'::date + i % 90, 'k' || i % 7 from generate_series(1, 9000) as i;
insert into "Odd Name" select i, 'x, ' || i from generate_series(1, 100) as i;
create index shop_order_customer on shop_order (customer_id);
create index shop_order_created on shop_order (created);
create function slow_stamp() returns trigger language plpgsql as $$ begin perform pg_sleep(0.0001); return new; end $$;
create trigger stamp before update on shop_customer for each row execute function slow_stamp();
create table shop_log (id int, note text);
create function note_it() returns trigger language plpgsql as $$ begin insert into shop_log values (1, 'x'); return null; end $$;
create trigger noted after update on shop_customer for each row execute function note_it();
vacuum analyze;
