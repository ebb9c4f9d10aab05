-- The rows of the library. {n} is a count at scale 1.
set session_replication_role = replica;
select setseed(0.29);
insert into lib_branch select i, 'Branch ' || i, (array['north', 'south', 'east', 'west'])[1 + i % 4] from generate_series(1, 80) as i;
insert into lib_publisher select i, 'Publisher ' || i from generate_series(1, 2000) as i;
insert into lib_author select i, 'Author ' || i from generate_series(1, {200000}) as i;
insert into lib_subject select i, 'Subject ' || i from generate_series(1, 400) as i;
insert into lib_member
select
    i, 'member' || i || '@mail' || i % 50 || '.org', (array['Mara', 'Ben', 'Chi', 'Dora', 'Emre'])[1 + i % 5] || ' ' || substr(md5(i::text), 1, 5),
    case when random() < 0.3 then 'nick' || (random() * 90000)::int end, 'C' || lpad(i::text, 7, '0'), '+4930' || lpad((random() * 9999999)::int::text, 7, '0'),
    1 + floor(random() * 80)::int, case when r < 0.95 then 'active' when r < 0.98 then 'expired' else 'suspended' end, '2020-01-01'::timestamptz + i * interval '9 minutes',
    case when random() < 0.6 then '2025-01-01'::timestamptz + random() * interval '300 days' end,
    jsonb_build_object('theme', 'theme' || (random() * 900)::int, 'lang', (array['de', 'en'])[1 + (random())::int]),
    array['i' || (random() * 500)::int, 'i' || (random() * 500)::int] || case when random() < 0.25 then array['news'] else '{}' end,
    case when random() < 0.03 then '2025-06-01'::timestamptz + random() * interval '90 days' end
from (select i, random() as r from generate_series(1, {300000}) as i) as s;
insert into lib_book
select
    i, 'Title ' || substr(md5(i::text), 1, 10) || ' ' || i % 70, '978-' || lpad(i::text, 7, '0'), 1 + floor(random() * 2000)::int, (array['en', 'en', 'en', 'en', 'de', 'fr', 'nl'])[1 + (random() * 6)::int],
    case when random() < 0.8 then '1980-01-01'::date + (random() * 16000)::int end, array[(random() * 30000)::int, (random() * 30000)::int],
    jsonb_build_object('series', 's' || (random() * 1500)::int, 'kind', case when random() < 0.3 then 'print' else 'e' || (random() * 5)::int end) || case when random() < 0.004 then '{"award": 1}'::jsonb else '{}' end,
    random() < 0.02
from generate_series(1, {200000}) as i;
insert into lib_authorship (id, book_id, author_id, position) select i, 1 + i % {200000}, 1 + floor(random() * {200000})::int, i / {200000} from generate_series(1, {300000}) as i;
insert into lib_book_subjects (book_id, subject_id) select 1 + i % {200000}, 1 + (i * 7 + i / {200000} * 3) % 400 from generate_series(1, {400000}) as i;
insert into lib_copy select i, 1 + floor(random() * {200000})::int, 1 + floor(random() * 80)::int, 'B' || lpad(i::text, 7, '0'), 'S' || (random() * 60)::int, (random() * 4)::int from generate_series(1, {600000}) as i;
insert into lib_loan
select
    i, 1 + floor(random() * {300000})::int, 1 + floor(random() * {600000})::int, state, t, t + interval '28 days', case when state = 'returned' then t + random() * interval '40 days' end,
    t + random() * interval '200 days', round((random() * 40)::numeric, 2), (random() * {2000000})::int, 'note ' || md5(i::text)
from (
    select i, '2023-01-01'::timestamptz + i * interval '1095 days' / {2000000} as t, case when r < 0.965 then 'returned' when r < 0.985 then 'out' when r < 0.995 then 'overdue' else 'lost' end as state
    from (select i, random() as r from generate_series(1, {2000000}) as i) as s
) as u;
insert into lib_reservation
select i, 1 + floor(random() * {300000})::int, 1 + floor(random() * {200000})::int, case when r < 0.97 then 'done' when r < 0.99 then 'waiting' else 'ready' end, '2022-01-01'::timestamptz + random() * interval '1400 days',
    case when random() < 0.1 then '2025-01-01'::date + (random() * 300)::int end, (random() * 9)::int
from (select i, random() as r from generate_series(1, {400000}) as i) as s;
insert into lib_fine select i, 1 + floor(random() * {2000000})::int, round((random() * 30)::numeric, 2), random() > 0.04, '2023-01-01'::timestamptz + random() * interval '1095 days' from generate_series(1, {300000}) as i;
insert into lib_review
select i, 1 + floor(power(random(), 1.3) * {200000})::int, 1 + floor(random() * {300000})::int, 1 + (random() * 4)::int, 'Review ' || repeat(md5(i::text), 3), '2022-01-01'::timestamptz + random() * interval '1400 days', random() > 0.02
from generate_series(1, {800000}) as i;
insert into lib_auditlog
select i, now() - ({1500000} - i) * interval '400 days' / {1500000}, 'user' || (random() * 3000)::int, (array['view', 'view', 'view', 'edit', 'delete'])[1 + (random() * 4)::int], 1 + (random() * 20)::int, (random() * 300000)::int, 'line ' || md5(i::text)
from generate_series(1, {1500000}) as i;
insert into lib_notice
select i, (array['mail', 'mail', 'sms', 'push'])[1 + (random() * 3)::int], case when r < 0.98 then 'sent' when r < 0.99 then 'queued' when r < 0.995 then 'failed' else 'held' end, (random() * 9)::int,
    '2025-01-01'::timestamptz + i * interval '30 seconds', (random() * 3)::int, 'Dear ' || md5(i::text)
from (select i, random() as r from generate_series(1, {800000}) as i) as s;
insert into lib_entry select i, 1 + floor(random() * 80)::int, 1 + floor(random() * {300000})::int, '2024-01-01 00:00+00'::timestamptz + i * interval '730 days' / {2000000}, (random() * 5)::int from generate_series(1, {1990000}) as i;
vacuum analyze;
