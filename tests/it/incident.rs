//! An incident on a small terminal, through the real program: what the first screen says, and the three keys that end it.

use tokio_postgres::Client;

use crate::support::client::try_open;
use crate::support::pty::Terminal;
use crate::support::{Login, apart, installed, open};

/// Begins a transaction, runs a statement in it and leaves it open.
async fn forgotten(login: &Login) -> (Client, i32) {
    let client = try_open(login, "celery: import_prices").await.unwrap();
    client.batch_execute("begin; select count(*) from shop_order").await.unwrap();
    let pid = client.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    (client, pid)
}

/// Runs a statement over a connection of its own, in the background; returns its pid.
async fn waiting(login: &Login, application: &str, sql: &'static str) -> Result<i32, tokio_postgres::Error> {
    let client = try_open(login, application).await?;
    let pid = client.query_one("select pg_backend_pid()", &[]).await?.get(0);
    tokio::spawn(async move {
        drop(client.batch_execute(sql).await);
        // Until the test is over, so that a connection that has what it wanted is not free for another.
        std::future::pending::<()>().await;
        drop(client);
    });
    Ok(pid)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_behind_a_forgotten_transaction_is_seen_at_once_and_ended_with_three_keys() {
    for installed in installed::ends() {
        let server = apart(installed);
        let login = server.database().await;
        let admin = open(&login).await;
        admin.batch_execute("create table shop_order (id int); create role app login").await.unwrap();
        admin.batch_execute("grant all on shop_order to app; alter table shop_order owner to app").await.unwrap();
        admin.batch_execute("create role mon login; grant pg_monitor, pg_signal_backend to mon").await.unwrap();
        let app = login.with_user("app");
        let home = std::env::temp_dir().join(format!("pgdj-incident-{}-{}", std::process::id(), installed.major));
        std::fs::create_dir_all(&home).unwrap();
        let conninfo = format!("host={} port={} user=mon dbname={}", login.host, login.port, login.database);
        let mut terminal = Terminal::start((80, 24), &home, &[&conninfo]);
        terminal.wait_for("live").await;
        // It was there before the connections ran out.
        let (_celery, root) = forgotten(&app).await;
        let migration =
            waiting(&app, "manage.py migrate", "alter table shop_order add column note text").await.unwrap();
        let is_waiting = "select count(*) from pg_locks where pid = $1 and not granted";
        while admin.query_one(is_waiting, &[&migration]).await.unwrap().get::<_, i64>(0) == 0 {}
        let mut requests = 0;
        while waiting(&app, "gunicorn", "select count(*) from shop_order").await.is_ok() {
            requests += 1;
        }
        assert!(requests > 40, "{requests}");
        let all = format!("{} sessions wait", requests + 1);
        let behind = format!("pid {root}");
        let first = terminal
            .wait("the root by its name on the first screen", |screen| {
                screen.contains(&all) && screen.contains(&behind) && screen.contains("celery")
            })
            .await;
        assert!(first.contains("Findings, worst first"), "{first}");
        terminal.press("7");
        terminal
            .wait(&format!("the best act on {}", server.name), |screen| {
                screen.contains(&format!("cancel {migration}"))
                    && screen.contains(&format!("{requests} sessions stop waiting"))
            })
            .await;
        terminal.press("a");
        terminal.wait_for("Cancel the running statement of pid ").await;
        terminal.press("y");
        let after = terminal.wait_for("as predicted").await;
        assert!(after.contains(&format!("{requests} sessions")), "{after}");
        let left: i64 = admin.query_one("select count(*) from pg_locks where not granted", &[]).await.unwrap().get(0);
        assert_eq!(left, 0, "{after}");
        terminal.press("q");
        terminal.end().await;
        std::fs::remove_dir_all(&home).unwrap();
    }
}
