-- migrations; cost: a small table of the application; waits for a lock on it; needs SELECT on it; since 12
copy /*@ django_migrations */ public. /*@*/ django_migrations (id, app, name) to stdout
