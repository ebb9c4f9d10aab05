//! "Try it for real" in the real program: the question, the measured plans, and that nothing of an index stays.

use std::time::{Duration, Instant};

use tokio_postgres::Client;

use crate::support::pty::{PATIENCE, Terminal};
use crate::support::{Login, open, own};

const TABLE: &str = "
    create table shop_order (id bigint primary key, customer_id integer not null, note text not null);
    insert into shop_order select g, g % 20000, md5(g::text) from generate_series(1, 200000) as g;
    alter table shop_order set (autovacuum_enabled = off);
    analyze shop_order";

const PASTED: &str = "\u{1b}[200~select * from shop_order where customer_id = 7\u{1b}[201~";
const F5: &str = "\u{1b}[15~";

async fn with_orders() -> Option<(Login, Client)> {
    let login = own()?.database().await;
    let client = open(&login).await;
    client.batch_execute(TABLE).await.unwrap();
    Some((login, client))
}

/// A console in whose Explain pane an index was found for a statement.
async fn with_an_index(login: &Login, arguments: &[&str]) -> (Terminal, tempfile::TempDir) {
    let home = tempfile::tempdir().unwrap();
    let port = login.port.to_string();
    let target = ["-h", &login.host, "-p", &port, "-U", &login.user, "-d", &login.database, "-w"];
    let mut terminal = Terminal::start((140, 40), home.path(), &[&target, arguments].concat());
    terminal.wait_for("Load").await;
    terminal.press("6");
    terminal.wait_for("write or paste a statement").await;
    terminal.press(PASTED);
    terminal.wait_for("Statement").await;
    terminal.press(F5);
    terminal.wait_for("1 index worth building").await;
    (terminal, home)
}

async fn indexes(client: &Client) -> i64 {
    let sql = "select count(*) from pg_index where indrelid = 'shop_order'::regclass";
    client.query_one(sql, &[]).await.unwrap().get(0)
}

async fn until_only_the_key_is_left(client: &Client) {
    let deadline = Instant::now() + PATIENCE;
    while indexes(client).await > 1 {
        assert!(Instant::now() < deadline, "an index is left");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_index_is_built_measured_and_gone() {
    let Some((login, client)) = with_orders().await else { return };
    let (mut terminal, _home) = with_an_index(&login, &[]).await;
    terminal.press("B");
    let asked = terminal.wait_for("Build index 1 and measure").await;
    for words in ["CREATE INDEX", "SHARE lock", "ROLLBACK", &login.database] {
        assert!(asked.contains(words), "{words} in\n{asked}");
    }
    terminal.press("y");
    let shown = terminal.wait_for("used by the planner").await;
    assert!(
        shown.contains("removed again") && shown.contains("SEQ SCAN") && shown.contains("Bitmap Index Scan"),
        "{shown}"
    );
    assert_eq!(indexes(&client).await, 1);
    terminal.press("q");
    assert_eq!(terminal.end().await, 0);
    assert!(terminal.left_behind().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn in_read_only_mode_nothing_is_built() {
    let Some((login, _client)) = with_orders().await else { return };
    let (mut terminal, _home) = with_an_index(&login, &["--read-only"]).await;
    terminal.press("B");
    terminal.wait_for("read-only").await;
    assert!(!terminal.screen().contains("Build index 1 and measure"));
}

/// The trial builds concurrently, and waits for an old transaction; it is left in the middle of that, by a key or by
/// leaving the program.
#[tokio::test(flavor = "multi_thread")]
async fn a_trial_that_is_given_up_leaves_nothing() {
    for way in ["\u{1b}", "q"] {
        let Some((login, client)) = with_orders().await else { return };
        for sql in ["alter table shop_order set (fillfactor = 50)", "vacuum full shop_order", "analyze shop_order"] {
            client.batch_execute(sql).await.unwrap();
        }
        let old = open(&login).await;
        // It sees rows that are then updated in place, and a concurrent build waits for it to end.
        old.batch_execute("begin isolation level repeatable read; select count(*) from shop_order").await.unwrap();
        client.batch_execute("update shop_order set note = 'x' where customer_id = 7").await.unwrap();
        let (mut terminal, _home) = with_an_index(&login, &[]).await;
        terminal.press("B");
        terminal.wait_for("Build index 1 and measure").await;
        terminal.press("y");
        let deadline = Instant::now() + PATIENCE;
        while indexes(&client).await < 2 {
            assert!(Instant::now() < deadline, "it is not built concurrently:\n{}", terminal.screen());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(terminal.screen().contains("trying the index"));
        terminal.press(way);
        if way == "q" {
            // What it builds is cancelled before it leaves; the drop has to wait as well.
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        old.batch_execute("rollback").await.unwrap();
        until_only_the_key_is_left(&client).await;
        if way == "q" {
            assert_eq!(terminal.end().await, 0);
        } else {
            terminal.wait("the tree again", |screen| !screen.contains("trying the index")).await;
        }
    }
}
