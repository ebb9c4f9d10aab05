-- The rows of the small tables: Django's own and the shop's reference data.

INSERT INTO django_content_type (id, app_label, model)
VALUES (1, 'admin', 'logentry'), (2, 'auth', 'permission'), (3, 'auth', 'group'), (4, 'auth', 'user'),
    (5, 'contenttypes', 'contenttype'), (6, 'sessions', 'session'), (7, 'shop', 'category'), (8, 'shop', 'customer'),
    (9, 'shop', 'cart'), (10, 'shop', 'order'), (11, 'shop', 'payment'), (12, 'shop', 'product'),
    (13, 'shop', 'pricehistory'), (14, 'shop', 'orderitem'), (15, 'shop', 'review'), (16, 'blog', 'article'),
    (17, 'blog', 'comment'), (18, 'analytics', 'event'), (19, 'jobs', 'task');

-- Four permissions a model, in the order of `create_permissions`.
INSERT INTO auth_permission (id, name, content_type_id, codename)
SELECT
    (t.id - 1) * 4 + a.n,
    'Can ' || a.verb || ' ' || CASE t.model
        WHEN 'logentry' THEN 'log entry'
        WHEN 'contenttype' THEN 'content type'
        WHEN 'orderitem' THEN 'order item'
        WHEN 'pricehistory' THEN 'price history'
        ELSE t.model
    END,
    t.id,
    a.verb || '_' || t.model
FROM django_content_type AS t, (VALUES (1, 'add'), (2, 'change'), (3, 'delete'), (4, 'view')) AS a (n, verb);

INSERT INTO django_migrations (id, app, name, applied)
SELECT m.n, m.app, m.name, pg_catalog.now() - interval '740 days' + m.n * interval '40 milliseconds'
FROM unnest(
    ARRAY['contenttypes', 'auth', 'admin', 'admin', 'admin', 'shop', 'analytics', 'contenttypes', 'auth', 'auth', 'auth',
        'auth', 'auth', 'auth', 'auth', 'auth', 'auth', 'auth', 'auth', 'blog', 'jobs', 'sessions'],
    ARRAY['0001_initial', '0001_initial', '0001_initial', '0002_logentry_remove_auto_add',
        '0003_logentry_add_action_flag_choices', '0001_initial', '0001_initial', '0002_remove_content_type_name',
        '0002_alter_permission_name_max_length', '0003_alter_user_email_max_length', '0004_alter_user_username_opts',
        '0005_alter_user_last_login_null', '0006_require_contenttypes_0002', '0007_alter_validators_add_error_messages',
        '0008_alter_user_username_max_length', '0009_alter_user_last_name_max_length',
        '0010_alter_group_name_max_length', '0011_update_proxy_permissions', '0012_alter_user_first_name_max_length',
        '0001_initial', '0001_initial', '0001_initial']
) WITH ORDINALITY AS m (app, name, n);

INSERT INTO auth_group (id, name)
VALUES (1, 'editors'), (2, 'support'), (3, 'warehouse');

INSERT INTO auth_group_permissions (id, group_id, permission_id)
SELECT p.id, 1 + p.id % 3, p.id
FROM auth_permission AS p;

INSERT INTO auth_user (id, password, last_login, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined)
SELECT i, '!' || pg_catalog.md5(i::text), pg_catalog.now() - i * interval '1 hour', i = 1,
    'user' || i, 'User', i::text, 'user' || i || '@example.org', i <= 20, true, pg_catalog.now() - i * interval '1 day'
FROM pg_catalog.generate_series(1, 500) AS i;

INSERT INTO auth_user_groups (id, user_id, group_id)
SELECT i, i, 1 + i % 3
FROM pg_catalog.generate_series(2, 20) AS i;

INSERT INTO django_admin_log (id, action_time, object_id, object_repr, action_flag, change_message, content_type_id, user_id)
SELECT i, pg_catalog.now() - (2000 - i) * interval '3 hours', (i * 7 % 5000)::text, 'Product ' || i * 7 % 5000, 2,
    '[{"changed": {"fields": ["Price"]}}]', 12, 1 + i % 20
FROM pg_catalog.generate_series(1, 2000) AS i;

INSERT INTO shop_category (id, name, slug, product_count, parent_id)
SELECT i, 'Category ' || i, 'category-' || i, 83, CASE WHEN i > 12 THEN 1 + i % 12 END
FROM pg_catalog.generate_series(1, 60) AS i;

INSERT INTO shop_product (id, sku, name, description, price, stock, tags, attributes, is_active, updated_at, category_id)
SELECT
    i,
    'SKU-' || pg_catalog.lpad(i::text, 6, '0'),
    (ARRAY['Walnut', 'Linen', 'Steel', 'Cork', 'Felt'])[1 + i % 5] || ' '
        || (ARRAY['lamp', 'desk', 'shelf', 'chair', 'rug', 'vase'])[1 + i % 6] || ' ' || i,
    pg_catalog.repeat('Made to last, and easy to clean. ', 2 + i % 9),
    (199 + i * 37 % 9800) / 100.0,
    i * 13 % 400,
    ARRAY[(ARRAY['home', 'office', 'garden'])[1 + i % 3], (ARRAY['new', 'sale', 'classic', 'eco'])[1 + i % 4]],
    pg_catalog.format('{"colour": "%s", "weight_g": %s}', (ARRAY['oak', 'grey', 'blue'])[1 + i % 3], 100 + i % 9000)::jsonb,
    i % 20 <> 0,
    pg_catalog.now() - i * interval '10 minutes',
    1 + i % 60
FROM pg_catalog.generate_series(1, 5000) AS i;

INSERT INTO blog_article (id, title, slug, body, tags, published_at, author_id)
SELECT i, 'How to look after your ' || (ARRAY['lamp', 'desk', 'shelf'])[1 + i % 3] || ', part ' || i, 'how-to-' || i,
    pg_catalog.repeat('Wipe it with a dry cloth, never with anything else. ', 20 + i % 60),
    ARRAY[(ARRAY['care', 'news'])[1 + i % 2], 'part-' || i % 7],
    CASE WHEN i % 10 <> 0 THEN pg_catalog.now() - i * interval '9 hours' END, 1 + i % 20
FROM pg_catalog.generate_series(1, 1500) AS i;

INSERT INTO blog_article_products (id, article_id, product_id)
SELECT i, 1 + i % 1500, 1 + i % 4999
FROM pg_catalog.generate_series(1, 4000) AS i;

INSERT INTO blog_comment (id, name, body, is_approved, created_at, article_id)
SELECT i, 'Reader ' || i % 900, pg_catalog.repeat('Thank you, that helped. ', 1 + i % 5), i % 8 <> 0,
    pg_catalog.now() - i * interval '40 minutes', 1 + i % 1500
FROM pg_catalog.generate_series(1, 15000) AS i;

INSERT INTO jobs_task (id, name, args, status, attempts, run_after, finished_at)
SELECT i, (ARRAY['send_receipt', 'resize_image', 'sync_stock'])[1 + i % 3], pg_catalog.format('{"id": %s}', i)::jsonb,
    CASE WHEN i > 19950 THEN 'queued' ELSE 'done' END, 1, pg_catalog.now() - (20000 - i) * interval '1 minute',
    CASE WHEN i <= 19950 THEN pg_catalog.now() - (20000 - i) * interval '1 minute' END
FROM pg_catalog.generate_series(1, 20000) AS i;
