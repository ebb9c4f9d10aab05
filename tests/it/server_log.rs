//! What pgdj leaves in the server's log: not one line of an error, over a run of everything it does.

use std::io::Write as _;
use std::process::{Command, Stdio};

use tokio_postgres::Client;

use crate::hostile_schema::script;
use crate::support::pooler::Pooler;
use crate::support::pty::{PGDJ, Terminal};
use crate::support::{Login, Server, apart, installed, open, shop};

/// Lines that report an error, and those of a client that broke off.
fn errors(server: &Server) -> Vec<String> {
    const SIGNS: [&str; 6] =
        ["ERROR:", "FATAL:", "PANIC:", "could not receive data", "could not send data", "unexpected EOF"];
    let is_error = |line: &&str| SIGNS.iter().any(|word| line.contains(word));
    server.private.log().lines().filter(is_error).map(str::to_owned).collect()
}

/// Goes through every pane of the console and every way to look at a row, then leaves.
async fn go_through_the_console(login: &Login, flags: &[&str]) {
    let home = tempfile::tempdir().unwrap();
    let target = login.conninfo();
    let arguments: Vec<&str> = [target.as_str()].into_iter().chain(flags.iter().copied()).collect();
    let mut terminal = Terminal::start((140, 45), home.path(), &arguments);
    terminal.wait_for("live").await;
    // A session that is there to be looked at; it is idle.
    terminal.press("2");
    terminal.wait_for("Sessions that do something").await;
    terminal.press("i");
    for (key, word) in [("2", "idle"), ("3", "calls"), ("4", "▌shop_order"), ("5", "shop_order_pkey")] {
        terminal.press(key);
        terminal.wait_for(word).await;
        // Whether a statement ran in the interval is chance.
        if key == "3" {
            continue;
        }
        terminal.press("\r");
        terminal.wait_for("Esc close").await;
        terminal.press("\u{1b}");
        terminal.wait(word, |screen| !screen.contains("Esc close")).await;
    }
    terminal.press("6e");
    terminal.wait_for("F5").await;
    terminal.press("select * from shop_order where status = 'pending' order by created_at limit 5");
    terminal.press("\u{1b}[15~");
    terminal.wait_for("measured").await;
    terminal.wait("the indexes", |screen| !screen.contains("Looking for indexes")).await;
    terminal.press("r");
    terminal.press("1");
    terminal.wait_for("Load").await;
    terminal.press("q");
    assert_eq!(terminal.end().await, 0);
}

fn explain(login: &Login, flags: &[&str], sql: &str) {
    let mut command = Command::new(PGDJ);
    command.arg(login.conninfo()).args(["explain", "-"]).args(flags);
    command.env_clear().env("HOME", "/nonexistent").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(sql.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{flags:?} {sql}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A statement, and one with a parameter: without a value its generic plan is asked for.
fn explain_all(login: &Login, flags: &[&str]) {
    const SQL: &str = "select * from shop_order where status = 'pending' limit 5";
    const WITH_PARAMETER: &str = "select * from shop_order where status = $1 order by created_at limit 5";
    explain(login, flags, SQL);
    explain(login, &[flags, &["--analyze"]].concat(), SQL);
    explain(login, flags, WITH_PARAMETER);
    explain(login, &[flags, &["--param", "open"]].concat(), WITH_PARAMETER);
    explain(login, &[flags, &["--analyze", "--param", "open"]].concat(), WITH_PARAMETER);
}

async fn run_everything(login: &Login) {
    for flags in [&[][..], &["--read-only"]] {
        go_through_the_console(login, flags).await;
        explain_all(login, flags);
    }
    explain(login, &["--analyze", "--write"], "update shop_order set total = 1 where id = 1");
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(PGDJ);
    command.args(["record", home.path().join("file").to_str().unwrap(), &login.conninfo(), "--for", "2s"]);
    assert!(command.env_clear().env("HOME", home.path()).output().unwrap().status.success());
}

/// The shop as it is seen by the application's owner, with every extension that pgdj knows and the server has.
async fn shop_on(server: &Server) -> (Login, Client) {
    let login = server.database().await;
    let client = open(&login).await;
    shop::make(&client).await;
    for extension in ["pg_stat_statements", "pgstattuple", "hypopg"] {
        let has = "select count(*) from pg_available_extensions where name = $1";
        if client.query_one(has, &[&extension]).await.unwrap().get::<_, i64>(0) > 0 {
            client.batch_execute(&format!("create extension {extension}")).await.unwrap();
        }
    }
    (login, client)
}

#[tokio::test]
async fn a_run_of_everything_leaves_no_error_in_the_servers_log() {
    for installed in installed::ends() {
        let server = apart(installed);
        let (login, client) = shop_on(&server).await;
        script(&login).await;
        run_everything(&login).await;
        let bare = server.database().await;
        let make = "create table shop_order (id int primary key, status text, total int, created_at date)";
        open(&bare).await.batch_execute(make).await.unwrap();
        client.batch_execute("grant select on shop_order to public").await.unwrap();
        // Without Django's tables and without an extension; as a role that monitors, and as one without rights.
        let monitor = server.role("monitor", "grant pg_monitor to monitor").await;
        let plain = server.role("plain", "").await;
        for login in [bare, login.with_user(&monitor), login.with_user(&plain)] {
            explain_all(&login, &[]);
            go_through_the_console(&login, &["--read-only"]).await;
        }
        if let Some(pooler) = Pooler::start(&server) {
            script(&pooler.login(&login)).await;
            run_everything(&pooler.login(&login)).await;
            explain_all(&pooler.login(&login).with_user(&plain), &[]);
            go_through_the_console(&pooler.login(&login).with_user(&plain), &["--read-only"]).await;
        }
        let errors = errors(&server);
        assert!(errors.is_empty(), "{}: {}", server.name, errors.join("\n"));
    }
}
