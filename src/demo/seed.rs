//! The seed: the shop's database, as quickly as two cores allow.
//!
//! Tables first, then rows over several connections at once, then keys, then what is wrong on purpose. The rows come from
//! a hash of their number: the same on every server, whatever the number of connections.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::try_join_all;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, Error, NoTls};

/// Connections that load rows and build indexes at once.
const LANES: usize = 3;

/// The rows of one large table.
struct Bulk {
    /// An INSERT … SELECT over `generate_series(:first, :last)`.
    sql: &'static str,
    /// Rows in all.
    rows: u32,
    /// Rows of one statement, small enough that all lanes end at about the same time.
    step: u32,
}

/// The large tables, the largest first.
const BULK: &[Bulk] = &[
    Bulk { sql: include_str!("sql/rows/orders.sql"), rows: 400_000, step: 100_000 },
    Bulk { sql: include_str!("sql/rows/items.sql"), rows: 800_000, step: 200_000 },
    Bulk { sql: include_str!("sql/rows/payments.sql"), rows: 380_000, step: 95_000 },
    Bulk { sql: include_str!("sql/rows/events.sql"), rows: 120_000, step: 60_000 },
    Bulk { sql: include_str!("sql/rows/carts.sql"), rows: 120_000, step: 60_000 },
    Bulk { sql: include_str!("sql/rows/prices.sql"), rows: 100_000, step: 100_000 },
    Bulk { sql: include_str!("sql/rows/customers.sql"), rows: 60_000, step: 60_000 },
    Bulk { sql: include_str!("sql/rows/reviews.sql"), rows: 60_000, step: 60_000 },
    Bulk { sql: include_str!("sql/rows/sessions.sql"), rows: 40_000, step: 40_000 },
];

/// Makes the database `shop` and all that is in it; `server` is a superuser's way to the database `postgres`.
pub(super) async fn run(server: &Config, progress: &impl Fn(&str)) -> Result<(), Error> {
    let mut shop = server.clone();
    shop.dbname("shop");
    with_client(server, async |client| one_by_one(client, include_str!("sql/roles.sql")).await).await?;
    with_client(&shop, async |client| client.batch_execute(include_str!("sql/extensions.sql")).await).await?;
    let mut owner = shop.clone();
    owner.user("shop").application_name("psql");
    with_client(&owner, async |client| client.batch_execute(include_str!("sql/tables.sql")).await).await?;
    progress("seeding 400,000 orders with 800,000 items");
    in_lanes(&owner, &rows()).await?;
    progress("building keys and indexes");
    in_lanes(&owner, &statements(include_str!("sql/indexes.sql"))).await?;
    in_lanes(&owner, &statements(include_str!("sql/foreign-keys.sql"))).await?;
    progress("adding locks, bloat and bad indexes");
    with_client(&owner, async |client| make_trouble(client).await).await?;
    in_lanes(&shop, &statements(include_str!("sql/vacuum.sql"))).await?;
    with_client(&owner, async |client| client.batch_execute(include_str!("sql/finish.sql")).await).await?;
    with_client(&shop, async |client| begin_the_day(client).await).await
}

/// Connects, lets `work` use the client, and closes.
async fn with_client(config: &Config, work: impl AsyncFnOnce(&Client) -> Result<(), Error>) -> Result<(), Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::select! {
        // The connection ends by itself only when it is lost.
        lost = connection => lost,
        done = work(&client) => done,
    }
}

/// Runs all statements over several connections, each taking the next one.
async fn in_lanes(config: &Config, statements: &[String]) -> Result<(), Error> {
    let next = AtomicUsize::new(0);
    let lane = async || {
        with_client(config, async |client| {
            client.batch_execute("SET maintenance_work_mem = '64MB'; SET synchronous_commit = off").await?;
            while let Some(statement) = statements.get(next.fetch_add(1, Ordering::Relaxed)) {
                client.batch_execute(statement).await?;
            }
            Ok(())
        })
        .await
    };
    try_join_all((0..LANES).map(|_| lane())).await.map(drop)
}

async fn one_by_one(client: &Client, script: &str) -> Result<(), Error> {
    for statement in statements(script) {
        client.batch_execute(&statement).await?;
    }
    Ok(())
}

/// Runs `trouble.sql`; the unique index is meant to fail.
async fn make_trouble(client: &Client) -> Result<(), Error> {
    for statement in statements(include_str!("sql/trouble.sql")) {
        match client.batch_execute(&statement).await {
            Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {}
            other => other?,
        }
    }
    Ok(())
}

/// Switches autovacuum on, and empties `pg_stat_statements`, where that is installed, of the seed's own statements.
async fn begin_the_day(client: &Client) -> Result<(), Error> {
    client.batch_execute("ALTER SYSTEM SET autovacuum = on").await?;
    // Off for the seed's sake only; a shop that trades is safe against a crash.
    client.batch_execute("ALTER SYSTEM SET fsync = on").await?;
    client.batch_execute("ALTER SYSTEM SET full_page_writes = on").await?;
    client.batch_execute("SELECT pg_catalog.pg_reload_conf()").await?;
    let sql = "select pg_catalog.count(*) from pg_catalog.pg_extension as e where e.extname = 'pg_stat_statements'";
    let installed: i64 = client.query_one(sql, &[]).await?.get(0);
    if installed > 0 {
        client.batch_execute("SELECT pg_stat_statements_reset()").await?;
    }
    Ok(())
}

/// Returns the statements that fill the tables, the large ones first.
fn rows() -> Vec<String> {
    let mut all = Vec::new();
    for bulk in BULK {
        let mut first = 1;
        while first <= bulk.rows {
            let last = (first + bulk.step - 1).min(bulk.rows);
            all.push(bulk.sql.replace(":first", &first.to_string()).replace(":last", &last.to_string()));
            first = last + 1;
        }
    }
    // In one lane: permissions are made of content types, and those of groups of permissions.
    all.push(include_str!("sql/small-rows.sql").to_owned());
    all
}

/// Returns the statements of a script in which each ends with a semicolon at the end of a line.
fn statements(script: &str) -> Vec<String> {
    let code: Vec<&str> = script.lines().filter(|line| !line.starts_with("--")).collect();
    code.join("\n")
        .split(";\n")
        .map(|text| text.trim().trim_end_matches(';'))
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{rows, statements};

    #[test]
    fn a_script_is_cut_at_the_ends_of_its_statements() {
        assert_eq!(statements("-- a; b\n\nselect 1;\n\nselect ';',\n    2;\n"), ["select 1", "select ';',\n    2"]);
    }

    #[test]
    fn every_row_of_a_large_table_is_in_one_statement() {
        let orders: Vec<String> = rows().into_iter().filter(|sql| sql.contains("INSERT INTO shop_order ")).collect();
        assert_eq!(orders.len(), 4);
        assert!(orders.iter().any(|sql| sql.contains("generate_series(300001, 400000)")));
    }
}
