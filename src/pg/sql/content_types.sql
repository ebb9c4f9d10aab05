-- content_types; cost: a small table of the application; waits for a lock on it; needs SELECT on it; since 12
copy /*@ django_content_type */ public. /*@*/ django_content_type (app_label, model) to stdout
