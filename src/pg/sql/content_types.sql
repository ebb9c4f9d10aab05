-- content_types; cost: a small table of the application; waits for a lock on it; needs SELECT on it; since 12
select
    t.app_label as app_label,
    t.model as model
from only /*@ django_content_type */ public. /*@*/ django_content_type as t
order by t.app_label, t.model
limit 5000
