//! The demo where there is no server: a recording is played as if it were one.

use std::path::Path;
use std::sync::Arc;

use jiff::tz::TimeZone;
use pgdj::app::{App, Event, PaneContext, Rights, SampleOrigin, Start};
use pgdj::run::{Playback, load};
use pgdj::sample::{Seconds, Snapshot, Timestamp};
use pgdj::ui::theme::Theme;
use ratatui::Terminal as Screen;
use ratatui::backend::TestBackend;

use crate::support::pty::{PGDJ, Terminal};

/// Starts the demo on a machine on which no server is found.
fn start(size: (u16, u16), home: &Path, options: &[&str]) -> Terminal {
    let mut arguments = vec!["PGDJ_DEMO_SERVERS=", PGDJ, "demo"];
    arguments.extend(options);
    Terminal::start_program(size, home, "/usr/bin/env", &arguments)
}

/// Returns the time of day in the header, in seconds.
fn clock(screen: &str) -> Option<i64> {
    let header = screen.lines().next()?;
    let word = header.split_whitespace().find(|word| word.len() == 8 && word.matches(':').count() == 2)?;
    let parts: Vec<i64> = word.split(':').filter_map(|part| part.parse().ok()).collect();
    Some(parts.iter().fold(0, |sum, part| sum * 60 + part))
}

fn now() -> f64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs_f64()
}

#[tokio::test]
async fn without_a_server_the_demo_plays_a_recording_whose_time_is_now_and_runs_on() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = start((80, 24), home.path(), &[]);
    let shown = ["This is a recording.", "Live demo: ", "RECORDING"];
    let screen = terminal.wait("the banner", |screen| shown.iter().all(|part| screen.contains(part))).await;
    let first = clock(&screen).unwrap();
    let of_day = now() as i64 % 86_400;
    assert!((of_day - first).rem_euclid(86_400) < 120, "{first} at {of_day}");
    terminal.wait("time runs on", |screen| clock(screen).is_some_and(|at| at != first)).await;
    for (pane, act) in [("2", "c"), ("2", "K"), ("6", "B")] {
        terminal.press("\u{1b}");
        terminal.press(pane);
        terminal.wait("no message", |screen| !screen.contains("no server to act on")).await;
        terminal.press(act);
        terminal.wait_for("This is a recording: there is no server to act on.").await;
    }
    terminal.press("q");
    assert_eq!(terminal.end().await, 0);
    assert_eq!(terminal.left_behind(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_played_recording_explains_the_statements_it_has_plans_for_and_says_so_of_others() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = start((160, 50), home.path(), &[]);
    terminal.wait_for("This is a recording.").await;
    let paste = |text: &str| format!("\u{1b}[200~{text}\u{1b}[201~");
    terminal.press("6");
    terminal
        .press(&paste(r#"SELECT COUNT(*) AS "__count" FROM "shop_customer" WHERE "shop_customer"."city" = 'Kiel'"#));
    terminal.wait_for("Kiel").await;
    terminal.press("\u{12}");
    let shown = ["1 index worth building", "EXPLAIN was not run: this is a recording", "SEQ SCAN shop_customer"];
    terminal.wait("the recorded plan", |screen| shown.iter().all(|part| screen.contains(part))).await;
    terminal.press("v");
    terminal.wait_for("the planner would use it").await;
    terminal.press("J");
    terminal.wait_for("models.Index(").await;
    terminal.press(&paste("select * from nowhere"));
    terminal.wait_for("nowhere").await;
    terminal.press("\u{12}");
    terminal.wait_for("The recording has no plan for this statement").await;
    terminal.press("q");
    assert_eq!(terminal.end().await, 0);
}

#[tokio::test]
async fn at_its_end_the_recording_starts_again() {
    let home = tempfile::tempdir().unwrap();
    let mut terminal = start((120, 30), home.path(), &["--speed", "20"]);
    terminal.wait_for("The recording starts again").await;
    terminal.press("q");
    assert_eq!(terminal.end().await, 0);
}

fn console(samples: &[Arc<Snapshot>]) -> App {
    let start = Start {
        target: "demo".to_owned(),
        pane: &pgdj::panes::queries::PANE,
        pace: Seconds(2.0),
        rights: Rights::ReadOnly,
        origin: SampleOrigin::Played,
        zone: TimeZone::UTC,
        history_bytes: 64 * 1024 * 1024,
        theme: Theme::default(),
        themes: None,
        vcpus: None,
    };
    let mut app = App::new(start, pgdj::panes::ALL, &PaneContext::in_zone(TimeZone::UTC));
    load(&mut app, samples.iter().cloned());
    app
}

/// Returns what is drawn, without the line of messages.
fn drawn(app: &mut App) -> Vec<String> {
    let mut screen = Screen::new(TestBackend::new(140, 20)).unwrap();
    screen.draw(|frame| app.draw(frame)).unwrap();
    let text = screen.backend().to_string();
    text.lines().take(19).map(str::to_owned).collect()
}

#[test]
fn after_its_new_start_history_and_rates_are_those_of_a_console_that_was_just_opened() {
    let mut playback = Playback::open(pgdj::demo::RECORDING, 1.0).unwrap();
    let mut samples = playback.restart(Timestamp(5e9)).unwrap();
    samples.extend(std::iter::from_fn(|| playback.take()));
    let mut app = console(&samples);
    let before = drawn(&mut app);
    let again = playback.restart(Timestamp(6e9)).unwrap();
    app.update(Event::Restarted(again.clone()));
    let after = drawn(&mut app);
    assert_ne!(before, after);
    assert_eq!(after, drawn(&mut console(&again)));
}
