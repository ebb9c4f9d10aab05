-- Sessions :first to :last: most have expired, and nobody runs `clearsessions`.
INSERT INTO django_session (session_key, session_data, expire_date)
SELECT
    pg_catalog.md5('session' || i),
    '.eJx' || pg_catalog.md5('a' || i) || pg_catalog.md5('b' || i) || pg_catalog.md5('c' || i) || ':1tQ2',
    pg_catalog.now() + (i - 25000) * interval '2 minutes'
FROM pg_catalog.generate_series(:first, :last) AS i
