-- Statements on the clinics.

-- tenant_page: index (tenant_id, starts)
select * from core_visit where tenant_id = 12 order by starts desc limit 25;
-- tenant_state_page: index (tenant_id, starts) where state = 1
select * from core_visit where tenant_id = 12 and state = 1 order by starts limit 25;
-- open_visits: index (starts) where state = 0
select * from core_visit where state = 0 order by starts;
-- case_name: index ("lastName")
select * from core_patient where "lastName" = 'Abc1234';
-- case_name_tenant: index (tenant_id, "lastName")
select * from core_patient where tenant_id = 40 and "lastName" like 'A%' order by "lastName" limit 10;
-- email_ci: index (lower(email))
select * from core_patient where lower(email) = 'person.777@mail27.org';
-- email_ilike: index using gin (email gin_trgm_ops)
select * from core_patient where email ilike '%.777@mail%';
-- insurance: index (insurance_no) where insurance_no is not null
select * from core_patient where insurance_no = 'INS000000777';
-- vips: index (tenant_id) where is_vip
select * from core_patient where is_vip and tenant_id = 3;
-- archived: index (archived_at) where archived_at is not null
select id from core_patient where archived_at >= '2024-10-20 00:00+00';
-- profile_doctor: index ((profile ->> 'doctor'))
select * from core_patient where profile ->> 'doctor' = 'dr77';
-- profile_zip: index ((profile #>> '{address,zip}'))
select * from core_patient where profile #>> '{address,zip}' = '01234';
-- profile_contains: index using gin (profile jsonb_path_ops)
select * from core_patient where profile @> '{"doctor": "dr77"}';
-- labels_any: index using gin (labels)
select * from core_patient where labels && array[7];
-- labels_all: index using gin (labels)
select * from core_patient where labels @> array[7, 8];
-- born_between: index (born)
select * from core_patient where born between '1990-05-01' and '1990-05-20';
-- visit_of_patient_order: silent
select * from core_visit where patient_id = md5('p77')::uuid order by starts;
-- code_eq: index (code)
select * from core_visit where code = 123456;
-- code_in: index (code)
select * from core_visit where code in (1, 2, 3, 4, 5, 6, 7, 8);
-- room_day: index (room, day)
select * from core_visit where room = 'R17' and day = '2023-05-05';
-- room_range: index (room, starts)
select count(*) from core_visit where room = 'R17' and starts >= '2023-05-01 00:00+00' and starts < '2023-06-01 00:00+00';
-- slot_overlap: index using gist (slot)
select * from core_visit where slot && tstzrange('2023-05-05 10:00+00', '2023-05-05 10:15+00');
-- vector: index using gin (search)
select * from core_visit where search @@ to_tsquery('english', 'leg & 3d2f9a');
-- fee_top: index (fee desc nulls last)
select * from core_visit order by fee desc nulls last limit 10;
-- cancelled_recent: index (starts) where cancelled
select * from core_visit where cancelled and starts > '2024-09-01 00:00+00' order by starts limit 50;
-- unread: index (visit_id) where not read
select * from core_message where not read;
-- messages_of_visit: index (visit_id)
select * from core_message where visit_id = md5('v77')::uuid order by sent;
-- messages_of_patient: index (visit_id) on core_message
select m.* from core_message as m join core_visit as v on v.id = m.visit_id where v.patient_id = md5('p77')::uuid;
-- last_of_sender: index (sender, sent)
select distinct on (sender) * from core_message where sender = 'user77' order by sender, sent desc;
-- sent_day: index using brin (sent)
select count(*) from core_message where sent >= '2023-01-01' and sent < '2023-01-02';
-- sent_date: index ((sent::date))
select * from core_message where sent::date = '2022-02-02';
-- by_ip: index (ip)
select * from core_message where ip = '10.1.2.3';
-- by_token: index (token)
select * from core_message where token = 'abcdefabcdefabcd';
-- amount_over: index (amount)
select * from core_message where amount > 999.5;
-- kind_group: index (kind)
select kind, count(*) from core_message where kind in (3, 4) group by kind;
-- body_word: index using gin (body gin_trgm_ops)
select * from core_message where body like '%fab1e5%';
-- errors: index (at) where level = 50
select * from core_log where level = 50 order by at desc limit 100;
-- errors_of_day: index (at) where level = 50
select * from core_log where level >= 50 and at >= '2024-01-02 00:00+00' and at < '2024-01-03 00:00+00';
-- max_of: index (fee)
select max(fee), min(fee) from core_visit;
-- with_cte: index (code) on core_visit
with picked as materialized (select id from core_visit where code between 1000 and 1010) select m.* from core_message as m join picked as p on p.id = m.visit_id limit 10;
-- expression_order: index (lower("lastName"))
select * from core_patient order by lower("lastName") limit 20;
-- coalesced: index ((coalesce(insurance_no, '')))
select * from core_patient where coalesce(insurance_no, '') = 'INS000000777';
-- or_same: index (room)
select * from core_visit where (room = 'R1' or room = 'R2') and state = 0;
-- none_or_null: silent
select count(*) from core_patient where archived_at is not null or is_vip;
-- row_lock: index (sent) where not read
select * from core_message where not read order by sent limit 1 for update skip locked;
-- delete_old: index (sent)
delete from core_message where sent < '2022-01-01 08:00';

-- none_not_in: silent
select count(*) from core_visit where state not in (0, 1, 2);
-- none_all: silent
select tenant_id, sum(fee) from core_visit group by tenant_id;
-- none_state_common: silent
select count(*) from core_visit where state = 3 and fee > 10;
-- none_text_id: rewrite
select * from core_visit where code::text = '123456';
-- none_tag: silent
select * from "core_Tag" where "Label" = 'Tag 7';
-- none_extract: rewrite
select * from core_visit where extract(hour from starts) = 3 and extract(minute from starts) = 59;
-- none_log_page: silent
select * from core_log where tenant_id = 7 order by at desc limit 20;
-- none_log_range: silent
select * from core_log where tenant_id = 7 and at >= '2024-01-02 00:00+00' and at < '2024-01-02 06:00+00';
-- or_sub: index (code) on core_visit
select * from core_patient as p where p.email = 'x' or p.id in (select v.patient_id from core_visit as v where v.code = 77);
-- none_pages: rewrite
select * from core_message order by sent desc offset 50000 limit 20;
