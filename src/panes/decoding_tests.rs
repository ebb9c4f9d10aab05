//! What reads the rows of a sample: the sample itself, once; no key and no frame.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::app::{App, Event, PaneContext};
use crate::fixture::{NOW, With as _, row, snapshot};
use crate::panes;
use crate::sample::Snapshot;
use crate::sample::rowset::counted::reads;

fn sample(grown: i32) -> Snapshot {
    let client = "client backend";
    let table = |oid: i32, name: &'static str| {
        row! { relid: oid, schema: "public", name: name, kind: "r", pages: 100, reltuples: 1e5, live: 1e5, inserts: 1e5,
        dead: 30_000, seq_scan: grown, seq_tup_read: grown }
    };
    let index = |oid: i32, name: &'static str| {
        row! { indexrelid: oid, relid: 1, schema: "public", table: "shop_order", name: name, method: "btree",
        is_valid: true, is_ready: true, scans: 0, key_columns: [2], column_names: ["state"], pages: 1000 }
    };
    let statement = |id: i32| row! { queryid: id, userid: 1, dbid: 1, calls: grown * id, total_time: grown * id };
    let text = |id: i32| row! { queryid: id, query: "select 1" };
    snapshot()
        .at(NOW + f64::from(grown))
        .with("server", vec![row! { max_connections: 100, client_backends: 3, now: NOW, started: NOW - 9.0 }])
        .with(
            "activity",
            vec![
                row! { pid: 1, backend_start: 1.0, backend_type: client, user: "web", state: "idle in transaction",
                state_age: 90.0, xact_age: 90.0, query: "select 1" },
                row! { pid: 2, backend_start: 2.0, backend_type: client, user: "web", state: "active",
                wait_event_type: "Lock", wait_event: "transactionid", blocked_by: [1], query_age: 9.0 },
            ],
        )
        .with(
            "locks",
            vec![row! { pids: [1], since: [0], mode: "ExclusiveLock", granted: true, target: "transaction 7" }],
        )
        .with("vacuum_horizon", vec![row! { kind: "session", pid: 1, database: "shop", xid_age: 901 }])
        .with("tables", vec![table(1, "shop_order"), table(2, "shop_line")])
        .with("table_sizes", vec![row! { relid: 1, heap_bytes: 9e6, total_bytes: 2e7 }])
        .with("indexes", vec![index(5, "shop_order_state"), index(6, "shop_order_state_again")])
        .with("index_sizes", vec![row! { indexrelid: 5, bytes: 9_000_000 }, row! { indexrelid: 6, bytes: 9_000_000 }])
        .with("foreign_keys", vec![row! { oid: 9, relid: 2, columns: [3], column_names: ["order_id"] }])
        .with("content_types", vec![row! { app_label: "shop", model: "order" }])
        .with("databases", vec![row! { datname: "shop", is_current: true, stats_reset: NOW - 9e6, commits: grown }])
        .with("settings", vec![row! { name: "autovacuum", value: "on" }])
        .with("statements", vec![statement(1), statement(2)])
        .with("statement_texts", vec![text(1), text(2)])
}

fn console() -> (App, Terminal<TestBackend>) {
    let mut app = App::new(crate::fixture::start(panes::FIRST), panes::ALL, &PaneContext::in_zone(TimeZone::UTC));
    let mut terminal = Terminal::new(TestBackend::new(160, 50)).unwrap();
    for grown in [1, 3, 5] {
        app.update(Event::Sampled(Arc::new(sample(grown))));
    }
    terminal.draw(|frame| app.draw(frame)).unwrap();
    (app, terminal)
}

/// Returns how often rows are read by keys and the frame after each.
fn reads_of(app: &mut App, terminal: &mut Terminal<TestBackend>, keys: &[KeyCode]) -> usize {
    let before = reads();
    for key in keys {
        app.update(Event::Key(KeyEvent::new(*key, KeyModifiers::NONE)));
        while app.next_effect().is_some() {}
        terminal.draw(|frame| app.draw(frame)).unwrap();
    }
    reads() - before
}

#[test]
fn a_frame_and_a_tick_read_no_rows() {
    let (mut app, mut terminal) = console();
    let before = reads();
    for second in 0..3 {
        app.update(Event::Tick(crate::sample::Timestamp(NOW + f64::from(second))));
        app.update(Event::Resized);
        terminal.draw(|frame| app.draw(frame)).unwrap();
    }
    assert_eq!(reads() - before, 0);
}

#[test]
fn a_key_reads_no_rows_that_were_read_before() {
    let (mut app, mut terminal) = console();
    let key = |letter: char| if letter == '\n' { KeyCode::Enter } else { KeyCode::Char(letter) };
    let letters = |text: &str| text.chars().map(key).collect::<Vec<_>>();
    let tour = letters("2345712345671");
    assert!(reads_of(&mut app, &mut terminal, &tour) > 0, "each pane asks for its own subjects");
    assert_eq!(reads_of(&mut app, &mut terminal, &tour), 0, "and for none a second time");
    for (pane, own) in [("1", "v"), ("2", "vvOOOiic"), ("3", "vv\nvv\n"), ("4", "vv\nvv\n"), ("5", "vv"), ("7", "")] {
        let rows = [KeyCode::Down, KeyCode::Up, KeyCode::Enter, KeyCode::Esc, KeyCode::Char('y'), KeyCode::Char('Y')];
        let filter = [KeyCode::Char('/'), KeyCode::Char('s'), KeyCode::Enter, KeyCode::Esc, KeyCode::Esc];
        let keys: Vec<KeyCode> = letters(pane)
            .into_iter()
            .chain(rows)
            .chain(letters("ss\nSss\ngG?"))
            .chain([KeyCode::Esc])
            .chain(filter)
            .chain(letters(own))
            .chain([KeyCode::Esc])
            .collect();
        // What a person asks for first (another interval, the code for an index) is read then.
        reads_of(&mut app, &mut terminal, &keys);
        assert_eq!(reads_of(&mut app, &mut terminal, &keys), 0, "pane {pane}");
    }
}

#[test]
fn the_same_sample_shown_again_is_not_read_again() {
    let (mut app, mut terminal) = console();
    let pause_and_go_on = [KeyCode::Char(' '), KeyCode::Char(']'), KeyCode::Char(' '), KeyCode::Esc];
    assert_eq!(reads_of(&mut app, &mut terminal, &pause_and_go_on), 0);
    assert!(reads_of(&mut app, &mut terminal, &[KeyCode::Char('[')]) > 0, "another one is");
}
