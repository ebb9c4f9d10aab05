//! What goes wrong in the shop: a forgotten transaction, a migration behind a reader, and two that want the same rows.

use std::future::pending;
use std::time::Duration;

use tokio::time::sleep;
use tokio_postgres::Error;

use super::ConnectedClient;

/// Seconds between two tries of the migration.
const MIGRATION_EVERY: f64 = 40.0;
/// Seconds between two meetings of the rivals.
const RIVALS_EVERY: f64 = 17.0;
/// Every so many meetings the rivals take their rows in opposite order and deadlock.
const DEADLOCK_EVERY: u64 = 6;

/// Seconds after the load's start at which someone forgets to commit.
pub(in crate::demo) const INCIDENT_FROM: f64 = 110.0;
/// Seconds after the load's start at which the migration wants the table.
const MIGRATION_FROM: f64 = INCIDENT_FROM + 25.0;
/// Seconds after the load's start at which the forgotten session is ended.
const RESCUE_FROM: f64 = MIGRATION_FROM + 55.0;

/// Changes an order in a shell and never commits; ended by [`rescue`].
pub(super) async fn forget_an_order(work: &mut ConnectedClient<'_>) -> Result<(), Error> {
    work.once_at(INCIDENT_FROM).await;
    work.sql("BEGIN").await?;
    work.sql(r#"UPDATE "shop_order" SET "note" = 'call back' WHERE "shop_order"."id" = 4711"#).await?;
    pending().await
}

/// Wants to add a column to the orders, without a `lock_timeout`: until it has the lock every request waits behind it.
///
/// Undone in the end, so that the shop stays as its models say.
pub(super) async fn migrate_orders(work: &mut ConnectedClient<'_>) -> Result<(), Error> {
    work.once_at(MIGRATION_FROM).await;
    work.sql("BEGIN").await?;
    work.sql(r#"ALTER TABLE "shop_order" ADD COLUMN "gift_wrap" boolean DEFAULT false NOT NULL"#).await?;
    work.sql("ROLLBACK").await?;
    pending().await
}

/// Ends the session that everybody waits for.
pub(super) async fn rescue(work: &mut ConnectedClient<'_>) -> Result<(), Error> {
    work.once_at(RESCUE_FROM).await;
    work.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE application_name = 'manage.py shell_plus' AND state = 'idle in transaction'",
    )
    .await?;
    pending().await
}

/// Changes a row in a shell and never commits: holds a lock, and the horizon behind which VACUUM must not clean.
pub(super) async fn forget(work: &mut ConnectedClient<'_>) -> Result<(), Error> {
    work.sql("BEGIN").await?;
    work.sql(r#"UPDATE "shop_customer" SET "city" = 'Bremen' WHERE "shop_customer"."id" = 59998"#).await?;
    work.sql(r#"SELECT COUNT(*) AS "__count" FROM "shop_customer" WHERE "shop_customer"."city" = 'Bremen'"#).await?;
    pending().await
}

/// Reads all reviews through a server-side cursor, as `QuerySet.iterator()` does, for some nine seconds.
pub(super) async fn export(work: &mut ConnectedClient<'_>) -> Result<(), Error> {
    work.next(MIGRATION_EVERY, 12.0).await;
    work.sql("BEGIN").await?;
    work.sql(r#"DECLARE "_django_curs_140213_sync_1" NO SCROLL CURSOR FOR SELECT "shop_review"."id", "shop_review"."product_id", "shop_review"."customer_id", "shop_review"."rating", "shop_review"."body", "shop_review"."created_at" FROM "shop_review""#)
        .await?;
    for _ in 0..18 {
        work.sql(r#"FETCH FORWARD 2000 FROM "_django_curs_140213_sync_1""#).await?;
        sleep(Duration::from_millis(500)).await;
    }
    work.sql("COMMIT").await
}

/// Wants to add a column to what [`export`] reads: waits, requests queue behind it, and after its `lock_timeout` it gives
/// up. Where someone ended the export in time it is undone, so that the shop stays as its models say.
pub(super) async fn migrate(work: &mut ConnectedClient<'_>) -> Result<(), Error> {
    work.next(MIGRATION_EVERY, 13.5).await;
    work.sql("SET lock_timeout = '6s'").await?;
    work.sql("BEGIN").await?;
    work.sql(r#"ALTER TABLE "shop_review" ADD COLUMN "helpful_count" integer DEFAULT 0 NOT NULL CHECK ("helpful_count" >= 0)"#)
        .await?;
    work.sql("ROLLBACK").await
}

/// Updates the same row as its rival, which waits for it; now and then two rows in opposite order: a deadlock.
pub(super) async fn rival(work: &mut ConnectedClient<'_>, rows: [u32; 2]) -> Result<(), Error> {
    work.next(RIVALS_EVERY, 4.0).await;
    let meeting = (work.began.elapsed().as_secs_f64() / RIVALS_EVERY) as u64;
    let [first, second] = rows;
    let deadlock = meeting % DEADLOCK_EVERY == DEADLOCK_EVERY - 1;
    work.sql("BEGIN").await?;
    recount(work, if deadlock { first } else { first.min(second) }).await?;
    sleep(Duration::from_millis(2500)).await;
    recount(work, if deadlock { second } else { first.max(second) }).await?;
    work.sql("COMMIT").await
}

/// Counts the products of a category again.
async fn recount(work: &ConnectedClient<'_>, category: u32) -> Result<(), Error> {
    work.sql(&format!(
        r#"UPDATE "shop_category" SET "product_count" = (SELECT COUNT(*) FROM "shop_product" U0 WHERE U0."category_id" = {category}) WHERE "shop_category"."id" = {category}"#
    ))
    .await
}
