//! Work beside the requests: a queue with its workers and its scheduler, reports, and a tool that only holds a connection.

use std::time::Duration;

use tokio::time::sleep;
use tokio_postgres::Error;

use super::ConnectedClient;

/// Takes one task from the queue and does it; workers do not wait for each other's row.
pub(super) async fn take_task(work: &mut ConnectedClient<'_>) -> Result<(), Error> {
    work.sql("BEGIN").await?;
    let taken = work
        .column(
            r#"SELECT "jobs_task"."id", "jobs_task"."name", "jobs_task"."args", "jobs_task"."status", "jobs_task"."attempts", "jobs_task"."run_after", "jobs_task"."finished_at" FROM "jobs_task" WHERE ("jobs_task"."status" = 'queued' AND "jobs_task"."run_after" <= now()) ORDER BY "jobs_task"."run_after" ASC LIMIT 1 FOR UPDATE SKIP LOCKED"#,
        )
        .await?;
    let Some(task) = taken.first() else {
        work.sql("COMMIT").await?;
        work.pause(700, 1500).await;
        return Ok(());
    };
    work.pause(40, 600).await;
    work.sql(&format!(
        r#"UPDATE "jobs_task" SET "status" = 'done', "attempts" = ("jobs_task"."attempts" + 1), "finished_at" = now() WHERE "jobs_task"."id" = {task}"#
    ))
    .await?;
    work.sql("COMMIT").await?;
    work.pause(5, 50).await;
    Ok(())
}

/// Puts some tasks into the queue every few seconds, and takes over some stock figures: rows rewritten, dead ones left.
pub(super) async fn schedule_tasks(work: &mut ConnectedClient<'_>) -> Result<(), Error> {
    work.pause(1500, 4000).await;
    let tasks = work.dice.between(1, 8);
    let rows = vec!["('sync_stock', '{}'::jsonb, 'queued', 0, now(), NULL)"; tasks as usize].join(", ");
    work.sql(&format!(
        r#"INSERT INTO "jobs_task" ("name", "args", "status", "attempts", "run_after", "finished_at") VALUES {rows} RETURNING "jobs_task"."id""#
    ))
    .await?;
    let first = work.dice.between(1, 4900);
    work.sql(&format!(
        r#"UPDATE "shop_product" SET "stock" = ("shop_product"."stock" + 1), "updated_at" = now() WHERE "shop_product"."id" BETWEEN {first} AND {}"#,
        first + 99
    ))
    .await
}

/// A report every few seconds: a join of whole tables, or a sort that does not fit into `work_mem`.
pub(super) async fn report(work: &mut ConnectedClient<'_>) -> Result<(), Error> {
    work.pause(3000, 6000).await;
    if work.dice.chance(40) {
        return work
            .sql(
                r"SELECT c.country, date_trunc('month', o.created_at) AS month, count(*) AS orders, sum(i.quantity * i.unit_price) AS revenue FROM shop_order o JOIN shop_orderitem i ON i.order_id = o.id JOIN shop_customer c ON c.id = o.customer_id WHERE o.status = 'delivered' GROUP BY 1, 2 ORDER BY 1, 2 -- Metabase:: userID: 7 queryType: native",
            )
            .await;
    }
    work.sql(
        r"SELECT customer_id, avg(gap) AS days_between FROM (SELECT o.customer_id, o.created_at - lag(o.created_at) OVER (PARTITION BY o.customer_id ORDER BY o.created_at) AS gap FROM shop_order o) AS gaps GROUP BY customer_id ORDER BY days_between LIMIT 100 -- Metabase:: userID: 3 queryType: native",
    )
    .await
}

/// Holds its connection, and once in a while asks what a desktop tool asks.
pub(super) async fn idle(work: &mut ConnectedClient<'_>) -> Result<(), Error> {
    work.sql("SELECT version()").await?;
    sleep(Duration::from_secs(240)).await;
    Ok(())
}
