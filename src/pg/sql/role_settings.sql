-- role_settings; cost: a small catalog; needs nothing; since 12
select
    coalesce(r.rolname::text, '') as role,
    coalesce(d.datname::text, '') as database,
    coalesce(s.setconfig, '{}'::text[]) as settings,
    coalesce(r.rolcanlogin, true) as can_login,
    pg_catalog.count(*) over () as total
from pg_catalog.pg_db_role_setting as s
left join pg_catalog.pg_roles as r on r.oid = s.setrole
left join pg_catalog.pg_database as d on d.oid = s.setdatabase
order by 1, 2
limit 500
