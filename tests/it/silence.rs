//! A server that is slow, one that hangs and one that is gone: three sentences, and nothing on the screen looks live.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use pgdj::sample::{Missing, Snapshot, Timestamp};
use rustix::process::Signal;

use crate::support::client::own_backends;
use crate::support::console::Console;
use crate::support::signal::{self, Stopped};
use crate::support::watch::quick;
use crate::support::{Login, Server, Watched, apart, installed, open};

/// Returns the next snapshot, and the two lines at the top of its screen.
async fn top(console: &mut Console, watched: &mut Watched) -> (Arc<Snapshot>, String) {
    let snapshot = watched.next().await;
    let shown = console.see(watched, Arc::clone(&snapshot));
    (snapshot, shown.lines().take(2).collect::<Vec<_>>().join("\n"))
}

fn postmaster(data: &Path) -> u32 {
    std::fs::read_to_string(data.join("postmaster.pid")).unwrap().lines().next().unwrap().trim().parse().unwrap()
}

async fn server() -> Option<(Server, Login)> {
    let server = apart(installed::own()?);
    let login = server.database().await;
    Some((server, login))
}

fn clock(at: Timestamp) -> String {
    pgdj::app::screen::clock_text_in(at, TimeZone::UTC)
}

/// The newest answer of the server in a snapshot.
fn answered(snapshot: &Snapshot) -> Timestamp {
    let at = |probe| snapshot.section(probe).reading().map_or(0.0, |reading| reading.at.0);
    Timestamp(at("activity").max(at("server")))
}

#[tokio::test]
async fn a_server_that_is_slow_is_stale_since_its_last_answer_and_live_again_with_the_next() {
    let Some((_server, login)) = server().await else { return };
    let mut watched = Watched::start(login.clone(), quick());
    let mut console = Console::new();
    watched.complete().await;
    loop {
        let (_, top) = top(&mut console, &mut watched).await;
        if top.contains(" live ") {
            break;
        }
    }
    let stopped = Stopped::these(own_backends(&open(&login).await).await);
    loop {
        let (snapshot, top) = top(&mut console, &mut watched).await;
        let Some(why) = snapshot.section("activity").why() else { continue };
        assert!(matches!(why, Missing::Slow { .. }), "{why}");
        let since = clock(answered(&snapshot));
        assert!(top.contains(&format!("stale since {since}")), "{top}");
        assert!(!top.contains(" live ") && top.contains("slow: no answer since "), "{top}");
        assert!(top.contains("waiting 0?"), "{top}");
        break;
    }
    drop(stopped);
    loop {
        let (_, top) = top(&mut console, &mut watched).await;
        if top.contains(" live ") {
            assert!(top.contains("waiting 0 ") && !top.contains("slow"), "{top}");
            break;
        }
    }
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_and_its_reason_stays_while_nothing_else_is_known() {
    let Some((server, login)) = server().await else { return };
    let mut settings = quick();
    settings.patience = Duration::from_secs(3);
    let mut watched = Watched::start(login.clone(), settings);
    let mut console = Console::new();
    watched.complete().await;
    let mut pids = own_backends(&open(&login).await).await;
    pids.push(postmaster(&server.private.data_directory()));
    let stopped = Stopped::these(pids);
    let mut attempts = 0;
    // The first gives the connection up, the second was a new connection that nobody took.
    while attempts < 2 {
        let (snapshot, top) = top(&mut console, &mut watched).await;
        attempts = watched.failures.len();
        if attempts == 0 {
            continue;
        }
        let why = snapshot.section("activity").why().map(ToString::to_string).unwrap_or_default();
        assert!(why.contains(": hung: no answer for "), "{why}");
        assert!(top.contains("NO CONNECTION  data of "), "{top}");
        assert!(top.contains("hung: no answer for "), "{top}");
    }
    let said: Vec<&str> = watched.failures.iter().map(|failure| failure.what.split(" to ").next().unwrap()).collect();
    assert_eq!(said[..2], ["lost the connection", "cannot connect"]);
    drop(stopped);
    watched.until("it is found again", |it| it.section("activity").why().is_none()).await;
}

#[tokio::test]
async fn a_server_that_is_killed_is_gone() {
    let Some((server, login)) = server().await else { return };
    let mut watched = Watched::start(login.clone(), quick());
    let mut console = Console::new();
    watched.complete().await;
    // An immediate shutdown, as after a crash.
    signal::send(postmaster(&server.private.data_directory()), Signal::QUIT);
    loop {
        let (snapshot, top) = top(&mut console, &mut watched).await;
        if watched.failures.is_empty() {
            continue;
        }
        let why = snapshot.section("activity").why().map(ToString::to_string).unwrap_or_default();
        assert!(why.starts_with("no connection since ") && !why.contains("slow") && !why.contains("hung"), "{why}");
        assert!(top.contains("NO CONNECTION  data of "), "{top}");
        assert!(watched.failures[0].because[0].starts_with("gone: "), "{:?}", watched.failures[0]);
        break;
    }
}
