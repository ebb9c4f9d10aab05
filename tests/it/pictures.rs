//! Pictures of every pane, at four sizes, full, empty and missing, from a recording of the demo.
//!
//! `PGDJ_RECORD=1 cargo test --test it pictures::record` makes the recording anew.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use pgdj::app::{App, Event, PaneContext, Rights, SampleOrigin, Start};
use pgdj::sample::{Missing, Reading, RowSet, Seconds, Section, ServerFacts, Snapshot};
use pgdj::ui::theme::Theme;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::recordings;
use crate::support::watch::Watched;

/// The sizes of the pictures: a small terminal, a usual one, a wide one, a sliver.
const SIZES: [(u16, u16); 4] = [(80, 24), (120, 40), (200, 50), (40, 10)];
/// Seconds of the recording.
const RECORDED: usize = 70;

fn console(facts: &Arc<ServerFacts>, snapshots: &[Arc<Snapshot>]) -> App {
    let start = Start {
        target: "demo".to_owned(),
        pane: &pgdj::panes::overview::PANE,
        pace: Seconds(2.0),
        rights: Rights::MayAct,
        origin: SampleOrigin::Server,
        zone: TimeZone::UTC,
        history_bytes: 64 * 1024 * 1024,
        theme: Theme::default(),
        themes: None,
        vcpus: None,
    };
    let mut app = App::new(start, pgdj::panes::ALL, &PaneContext::in_zone(TimeZone::UTC));
    app.update(Event::Connected(Arc::clone(facts)));
    for snapshot in snapshots {
        app.update(Event::Tick(snapshot.at));
        app.update(Event::Sampled(Arc::clone(snapshot)));
    }
    app
}

/// Draws a pane at every size, one below the other.
fn pictures(app: &mut App, key: char) -> String {
    let mut all = String::new();
    for (columns, rows) in SIZES {
        let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
        // The size is known once it was drawn; the preview depends on it.
        terminal.draw(|frame| app.draw(frame)).unwrap();
        app.update(Event::Key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE)));
        terminal.draw(|frame| app.draw(frame)).unwrap();
        all.push_str(&format!("== {columns}x{rows}\n"));
        let buffer = terminal.backend().buffer();
        for y in 0..rows {
            let line: String = (0..columns).map(|x| buffer[(x, y)].symbol()).collect();
            all.push_str(line.trim_end());
            all.push('\n');
        }
    }
    all
}

/// Compares with the pictures kept; the time of day depends on the machine's zone.
fn compare(name: &str, picture: &str) {
    insta::with_settings!({ filters => vec![(r"\b\d\d:\d\d(:\d\d)?\b", "[time]")] }, {
        insta::assert_snapshot!(name, picture);
    });
}

const PANES: [(char, &str); 6] =
    [('1', "overview"), ('2', "activity"), ('3', "queries"), ('4', "tables"), ('5', "indexes"), ('8', "load")];

#[test]
fn every_pane_full() {
    let (facts, snapshots) = recordings::read("demo");
    let mut app = console(&facts, &snapshots);
    for (key, name) in PANES {
        compare(&format!("full_{name}"), &pictures(&mut app, key));
    }
}

#[test]
fn every_pane_empty() {
    let (facts, snapshots) = recordings::read("demo");
    let mut empty = Snapshot::clone(snapshots.last().unwrap());
    for section in empty.sections.values_mut() {
        if let Some(reading) = section.reading() {
            let rows = RowSet { columns: reading.rows.columns.clone(), rows: Vec::new() };
            *section = Section::Ready(Arc::new(Reading { at: reading.at, rows }));
        }
    }
    let mut app = console(&facts, &[Arc::new(empty)]);
    let all: Vec<String> = PANES.iter().map(|(key, _)| pictures(&mut app, *key)).collect();
    compare("empty", &all.join("\n"));
}

#[test]
fn every_pane_missing() {
    let (facts, snapshots) = recordings::read("demo");
    let mut missing = Snapshot::clone(snapshots.last().unwrap());
    for (probe, section) in &mut missing.sections {
        *section = Section::Missing(Missing::Denied {
            what: format!("{probe} may not be read by this role"),
            grant: "GRANT pg_monitor TO app_monitor".to_owned(),
        });
    }
    let mut app = console(&facts, &[Arc::new(missing)]);
    let all: Vec<String> = PANES.iter().map(|(key, _)| pictures(&mut app, *key)).collect();
    compare("missing", &all.join("\n"));
}

/// Records the demo, where it is asked for.
#[tokio::test(flavor = "multi_thread")]
async fn record() {
    if std::env::var_os("PGDJ_RECORD").is_none() {
        return;
    }
    let demo = pgdj::demo::start(|_| {}).await.unwrap();
    let load = tokio::spawn(pgdj::demo::load::run(demo.conninfo()));
    let login = crate::support::Login::of_conninfo(&demo.conninfo());
    let settings = pgdj::pg::sampler::SamplerSettings { budget: 10.0, ..pgdj::pg::sampler::SamplerSettings::default() };
    let mut watched = Watched::start(login, settings);
    let mut snapshots = Vec::new();
    while snapshots.len() < RECORDED {
        snapshots.push(tokio::time::timeout(Duration::from_secs(60), watched.next()).await.unwrap());
    }
    load.abort();
    let mut facts = ServerFacts::clone(watched.facts.as_ref().unwrap());
    facts.target = "demo".to_owned();
    recordings::write("demo", &Arc::new(facts), &snapshots);
}
