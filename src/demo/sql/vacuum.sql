-- Statistics and visibility map as on a server that has run for a while. Not shop_pricehistory, which was never analysed.

VACUUM (ANALYZE) shop_orderitem;
VACUUM (ANALYZE) shop_order;
VACUUM (ANALYZE) shop_payment;
VACUUM (ANALYZE) analytics_event;
VACUUM (ANALYZE) shop_customer;
VACUUM (ANALYZE) shop_review;
VACUUM (ANALYZE) shop_cart;
VACUUM (ANALYZE) django_session;
VACUUM (ANALYZE) shop_product, shop_category, blog_article, blog_article_products, blog_comment, jobs_task;
VACUUM (ANALYZE) auth_user, auth_user_groups, auth_group, auth_group_permissions, auth_permission;
VACUUM (ANALYZE) django_admin_log, django_content_type, django_migrations;
