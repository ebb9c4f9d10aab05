-- migrations; cost: a small table of the application; waits for a lock on it; needs SELECT on it; since 12
select
    m.id::bigint as id,
    m.app as app,
    m.name as name
from only /*@ django_migrations */ public. /*@*/ django_migrations as m
order by m.id
limit 20000
