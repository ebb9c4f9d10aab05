//! Requests of the web application, each with the SQL that Django's ORM sends for it.
//!
//! Every statement carries the sqlcommenter comment of its view, as `django-sqlcommenter` appends it.

use tokio_postgres::Error;

use super::ConnectedClient;

/// All columns of an order, as the ORM lists them.
const ORDER: &str = r#""shop_order"."id", "shop_order"."customer_id", "shop_order"."reference", "shop_order"."status", "shop_order"."created_at", "shop_order"."shipped_at", "shop_order"."total", "shop_order"."currency", "shop_order"."note""#;
/// All columns of a customer.
const CUSTOMER: &str = r#""shop_customer"."id", "shop_customer"."user_id", "shop_customer"."email", "shop_customer"."full_name", "shop_customer"."city", "shop_customer"."country", "shop_customer"."created_at", "shop_customer"."last_seen_at""#;
/// All columns of a product.
const PRODUCT: &str = r#""shop_product"."id", "shop_product"."category_id", "shop_product"."sku", "shop_product"."name", "shop_product"."description", "shop_product"."price", "shop_product"."stock", "shop_product"."tags", "shop_product"."attributes", "shop_product"."is_active", "shop_product"."updated_at""#;

/// The views that are asked for, as Django names them: the application's namespace and the view.
pub(super) const VIEWS: [&str; 8] = [
    "orders:list",
    "products:detail",
    "products:search",
    "checkout:create",
    "account:orders",
    "admin:shop_customer_changelist",
    "dashboard:index",
    "analytics:track",
];

/// Returns the comment that names the view; keys in alphabetical order, values URL-encoded, as django-sqlcommenter sends it.
pub(super) fn comment(view: &str, route: &str) -> String {
    let controller = view.replace(':', "%3A");
    format!(
        " /*controller='{controller}',db_driver='django.db.backends.postgresql',framework='django%3A5.2',route='{route}'*/"
    )
}

/// Waits for the next visitor, between `least` and `most` milliseconds, and serves the request.
pub(super) async fn serve(work: &mut ConnectedClient<'_>, least: u64, most: u64) -> Result<(), Error> {
    work.pause(least, most).await;
    match work.dice.between(1, 100) {
        1..=10 => order_list(work).await,
        11..=45 => product_detail(work).await,
        46..=57 => search(work).await,
        58..=72 => checkout(work).await,
        73..=86 => account(work).await,
        87..=92 => admin_customers(work).await,
        93..=96 => dashboard(work).await,
        _ => track(work).await,
    }
}

/// What the middleware does for each request: the session and its user.
async fn authenticate(work: &mut ConnectedClient<'_>, note: &str) -> Result<(), Error> {
    let session = work.dice.between(25_001, 40_000);
    let user = work.dice.favourite(500);
    work.sql(&format!(
        r#"SELECT "django_session"."session_key", "django_session"."session_data", "django_session"."expire_date" FROM "django_session" WHERE ("django_session"."expire_date" > '2026-01-01T00:00:00+00:00'::timestamptz AND "django_session"."session_key" = md5('session{session}')) LIMIT 21{note}"#
    ))
    .await?;
    work.sql(&format!(
        r#"SELECT "auth_user"."id", "auth_user"."password", "auth_user"."last_login", "auth_user"."is_superuser", "auth_user"."username", "auth_user"."first_name", "auth_user"."last_name", "auth_user"."email", "auth_user"."is_staff", "auth_user"."is_active", "auth_user"."date_joined" FROM "auth_user" WHERE "auth_user"."id" = {user} LIMIT 21{note}"#
    ))
    .await?;
    if work.dice.chance(30) {
        work.sql(&format!(
            r#"UPDATE "django_session" SET "session_data" = 'e30:1tQ2', "expire_date" = (now() + interval '14 days') WHERE "django_session"."session_key" = md5('session{session}'){note}"#
        ))
        .await?;
    }
    work.pause(1, 8).await;
    Ok(())
}

/// The list of pending orders: sorted without an index, then a customer for each row (an N+1).
async fn order_list(work: &mut ConnectedClient<'_>) -> Result<(), Error> {
    let note = work.view("orders:list", "orders/");
    work.sql("BEGIN").await?;
    authenticate(work, &note).await?;
    let customers = work
        .column(&format!(
            r#"SELECT "shop_order"."customer_id", {ORDER} FROM "shop_order" WHERE "shop_order"."status" = 'pending' ORDER BY "shop_order"."created_at" DESC LIMIT 50{note}"#
        ))
        .await?;
    for customer in customers {
        work.sql(&format!(
            r#"SELECT {CUSTOMER} FROM "shop_customer" WHERE "shop_customer"."id" = {customer} LIMIT 21{note}"#
        ))
        .await?;
    }
    work.pause(10, 40).await;
    work.sql("COMMIT").await
}

/// A product with its category and its latest reviews.
async fn product_detail(work: &mut ConnectedClient<'_>) -> Result<(), Error> {
    let note = work.view("products:detail", "products/%3Cint%3Apk%3E/");
    let product = work.dice.favourite(5000);
    authenticate(work, &note).await?;
    work.sql(&format!(
        r#"SELECT {PRODUCT}, "shop_category"."id", "shop_category"."name", "shop_category"."slug", "shop_category"."parent_id", "shop_category"."product_count" FROM "shop_product" INNER JOIN "shop_category" ON ("shop_product"."category_id" = "shop_category"."id") WHERE "shop_product"."id" = {product} LIMIT 21{note}"#
    ))
    .await?;
    work.sql(&format!(
        r#"SELECT "shop_review"."id", "shop_review"."product_id", "shop_review"."customer_id", "shop_review"."rating", "shop_review"."body", "shop_review"."created_at" FROM "shop_review" WHERE "shop_review"."product_id" = {product} ORDER BY "shop_review"."created_at" DESC LIMIT 10{note}"#
    ))
    .await?;
    work.pause(5, 25).await;
    Ok(())
}

/// The search box: `icontains` on the name, and a tag of the array.
async fn search(work: &mut ConnectedClient<'_>) -> Result<(), Error> {
    let note = work.view("products:search", "search/");
    let wanted = match work.dice.between(1, 4) {
        1 => "lamp",
        2 => "walnut",
        3 => "desk",
        _ => "rug",
    };
    work.sql(&format!(
        r#"SELECT {PRODUCT} FROM "shop_product" WHERE ("shop_product"."is_active" AND UPPER("shop_product"."name"::text) LIKE UPPER('%{wanted}%')) ORDER BY "shop_product"."name" ASC LIMIT 24{note}"#
    ))
    .await?;
    work.sql(&format!(
        r#"SELECT COUNT(*) AS "__count" FROM "shop_product" WHERE "shop_product"."tags" @> ARRAY['sale']::varchar(30)[]{note}"#
    ))
    .await?;
    work.pause(5, 20).await;
    Ok(())
}

/// An order: several rows in one transaction, and updates that leave dead rows behind.
async fn checkout(work: &mut ConnectedClient<'_>) -> Result<(), Error> {
    let note = work.view("checkout:create", "checkout/");
    let (customer, product) = (work.dice.favourite(59_999), work.dice.favourite(4999));
    work.sql("BEGIN").await?;
    authenticate(work, &note).await?;
    work.sql(&format!(
        r#"SELECT {PRODUCT} FROM "shop_product" WHERE "shop_product"."id" = {product} LIMIT 21 FOR UPDATE{note}"#
    ))
    .await?;
    work.sql(&format!(
        r#"UPDATE "shop_product" SET "stock" = ("shop_product"."stock" - 1), "updated_at" = now() WHERE "shop_product"."id" = {product}{note}"#
    ))
    .await?;
    let reference = work.dice.between(0, 999_999_999_999);
    let order = work
        .column(&format!(
            r#"INSERT INTO "shop_order" ("customer_id", "reference", "status", "created_at", "shipped_at", "total", "currency", "note") VALUES ({customer}, 'W{reference:012}', 'pending', now(), NULL, '49.90', 'EUR', '') RETURNING "shop_order"."id"{note}"#
        ))
        .await?;
    work.pause(5, 30).await;
    let Some(order) = order.first() else { return work.sql("COMMIT").await };
    work.sql(&format!(
        r#"INSERT INTO "shop_orderitem" ("order_id", "product_id", "quantity", "unit_price") VALUES ({order}, {product}, 1, '19.90'), ({order}, {}, 2, '15.00') RETURNING "shop_orderitem"."id"{note}"#,
        product + 1
    ))
    .await?;
    work.sql(&format!(
        r#"INSERT INTO "shop_payment" ("order_id", "provider", "amount", "captured_at", "response") VALUES ({order}, 'card', '49.90', now(), '{{"code": "00"}}'::jsonb) RETURNING "shop_payment"."id"{note}"#
    ))
    .await?;
    work.sql(&format!(
        r#"UPDATE "shop_customer" SET "last_seen_at" = now() WHERE "shop_customer"."id" = {customer}{note}"#
    ))
    .await?;
    work.sql(&format!(
        r#"INSERT INTO "jobs_task" ("name", "args", "status", "attempts", "run_after", "finished_at") VALUES ('send_receipt', '{{"order": {order}}}'::jsonb, 'queued', 0, now(), NULL) RETURNING "jobs_task"."id"{note}"#
    ))
    .await?;
    work.pause(20, 120).await;
    work.sql("COMMIT").await
}

/// The orders of one customer with their items: two queries (`prefetch_related`).
async fn account(work: &mut ConnectedClient<'_>) -> Result<(), Error> {
    let note = work.view("account:orders", "account/orders/");
    let customer = work.dice.favourite(60_000);
    authenticate(work, &note).await?;
    let orders = work
        .column(&format!(
            r#"SELECT {ORDER} FROM "shop_order" WHERE "shop_order"."customer_id" = {customer} ORDER BY "shop_order"."created_at" DESC LIMIT 20{note}"#
        ))
        .await?;
    if !orders.is_empty() {
        work.sql(&format!(
            r#"SELECT "shop_orderitem"."id", "shop_orderitem"."order_id", "shop_orderitem"."product_id", "shop_orderitem"."quantity", "shop_orderitem"."unit_price" FROM "shop_orderitem" WHERE "shop_orderitem"."order_id" IN ({}){note}"#,
            orders.join(", ")
        ))
        .await?;
    }
    work.pause(5, 20).await;
    Ok(())
}

/// The admin's search for a customer: `icontains` over 60,000 addresses.
async fn admin_customers(work: &mut ConnectedClient<'_>) -> Result<(), Error> {
    let note = work.view("admin:shop_customer_changelist", "admin/shop/customer/");
    let part = work.dice.between(100, 999);
    authenticate(work, &note).await?;
    work.sql(&format!(
        r#"SELECT COUNT(*) AS "__count" FROM "shop_customer" WHERE (UPPER("shop_customer"."email"::text) LIKE UPPER('%{part}%') OR UPPER("shop_customer"."full_name"::text) LIKE UPPER('%{part}%')){note}"#
    ))
    .await?;
    work.pause(10, 30).await;
    Ok(())
}

/// The dashboard: today's sales, by a date that has no index.
async fn dashboard(work: &mut ConnectedClient<'_>) -> Result<(), Error> {
    let note = work.view("dashboard:index", "dashboard/");
    authenticate(work, &note).await?;
    work.sql(&format!(
        r#"SELECT "shop_order"."status", COUNT("shop_order"."id") AS "orders", SUM("shop_order"."total") AS "sales" FROM "shop_order" WHERE "shop_order"."created_at" >= (now() - interval '1 day') GROUP BY "shop_order"."status" ORDER BY "orders" DESC{note}"#
    ))
    .await?;
    work.pause(10, 30).await;
    Ok(())
}

/// A beacon of the browser: one row, committed by itself.
async fn track(work: &mut ConnectedClient<'_>) -> Result<(), Error> {
    let note = work.view("analytics:track", "t/");
    let (customer, milliseconds) = (work.dice.favourite(60_000), work.dice.between(20, 900));
    work.sql(&format!(
        r#"INSERT INTO "analytics_event" ("customer_id", "kind", "payload", "created_at") VALUES ({customer}, 'view', '{{"path": "/", "ms": {milliseconds}}}'::jsonb, now()) RETURNING "analytics_event"."id"{note}"#
    ))
    .await
}
