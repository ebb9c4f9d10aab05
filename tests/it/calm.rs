//! Calm is never made up: before the server answered, and for a role that does not see the sessions of others.

use crate::support::console::Console;
use crate::support::proxy::Proxy;
use crate::support::watch::quick;
use crate::support::{Watched, apart, installed, open, shop};

/// What a screen says only when it knows.
const CALM: [&str; 8] = [
    "No active session",
    "No rows",
    "No sessions",
    "No session is running",
    "All checks passed",
    "oldest tx none",
    "No statement finished",
    "live ",
];

#[tokio::test]
async fn before_the_server_answers_nothing_looks_calm() {
    let Some(own) = installed::own() else { return };
    let server = apart(own);
    let login = server.database().await;
    let proxy = Proxy::start(&login, std::time::Duration::ZERO);
    proxy.freeze();
    let mut watched = Watched::start(proxy.login(&login), quick());
    let mut console = Console::new();
    let mut is_said = false;
    while !is_said {
        let snapshot = watched.next().await;
        let shown = console.see(&watched, snapshot);
        for calm in CALM.into_iter().chain(["waiting 0"]) {
            assert!(!shown.contains(calm), "{calm}:\n{shown}");
        }
        for unknown in ["connecting", "waiting ?", "oldest tx ?", "No check was made yet"] {
            assert!(shown.contains(unknown), "{unknown} is not in\n{shown}");
        }
        is_said = shown.contains("the server has not answered yet");
    }
}

#[tokio::test]
async fn a_plain_role_is_told_what_it_does_not_see_until_it_is_granted() {
    let Some(own) = installed::own() else { return };
    let server = apart(own);
    let login = server.database().await;
    let client = open(&login).await;
    shop::make(&client).await;
    let role = server.role("plain", "").await;
    let (idle, busy) = (open(&login).await, open(&login).await);
    idle.batch_execute("begin; select count(*) from shop_order").await.unwrap();
    let busy = tokio::spawn(async move { busy.batch_execute("select pg_sleep(600)").await });
    let mut watched = Watched::start(login.with_user(&role), quick());
    let mut console = Console::new();
    let snapshot = watched.complete().await;
    let shown = console.see(&watched, snapshot);
    for calm in CALM.into_iter().filter(|calm| *calm != "live ") {
        assert!(!shown.contains(calm), "{calm}:\n{shown}");
    }
    for said in ["? active", "oldest tx ?", "hidden from role plain", "sessions hidden: GRANT pg_monitor TO plain;"] {
        assert!(shown.contains(said), "{said} is not in\n{shown}");
    }
    let findings: Vec<&str> =
        shown.lines().skip_while(|line| !line.contains("Findings, worst first")).skip(1).collect();
    assert!(findings[0].contains("hidden from role plain"), "the grant is first:\n{shown}");
    // What the fix says is noticed without waiting for anything.
    client.batch_execute("grant pg_monitor to plain").await.unwrap();
    let granted = watched.until("the grant is noticed", |it| it.server.may_as("pg_monitor")).await;
    let seen = watched
        .until("it sees", |it| it.at.0 > granted.at.0 && it.section("activity").reading().unwrap().at.0 > granted.at.0)
        .await;
    let shown = console.see(&watched, seen);
    assert!(!shown.contains("hidden from role plain") && shown.contains("1 active"), "{shown}");
    busy.abort();
}
