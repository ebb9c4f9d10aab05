use std::sync::Arc;

use super::*;
use crate::fixture::{NOW, With as _, row, snapshot};
use crate::sample::{History, Snapshot};

fn with_view<T>(seen: Snapshot, work: impl FnOnce(&PaneView<'_>) -> T) -> T {
    let mut history = History::bounded(1 << 20);
    history.push(Arc::new(seen));
    crate::fixture::with_view(&history, work)
}

/// Returns the rows as kind, name, state, and the notes.
fn shown(seen: Snapshot) -> (Vec<String>, String) {
    with_view(seen, |view| {
        let mut pane = Replication::default();
        pane.refresh(view);
        let rows = pane.rows.iter().map(|row| format!("{} {}: {}", row.kind(), row.name(), row.state().0));
        (rows.collect(), pane.list.grid().footnote.clone().unwrap_or_default())
    })
}

#[test]
fn a_primary_lists_its_standbys_slots_and_archive() {
    let seen = snapshot()
        .with("wal_receiver", vec![])
        .with(
            "replication",
            vec![
                row! { pid: 5, application: "db2", client: "10.0.0.2", state: "streaming", lag_bytes: 4096 },
                row! { pid: 6, application: "pg_basebackup", client: "local", state: "backup" },
            ],
        )
        .with("slots", vec![row! { name: "old", type: "physical", kept_bytes: 1 << 20 }])
        .with("archiving", vec![row! { mode: "on", is_configured: true, last_archived_at: NOW - 5.0 }]);
    let (rows, note) = shown(seen);
    let expected = [
        "standby db2 (10.0.0.2): streaming",
        "backup pg_basebackup (local): backup",
        "slot old: not read",
        "archive WAL archive: works",
    ];
    assert_eq!((rows, note.as_str()), (expected.map(str::to_owned).to_vec(), ""));
}

#[test]
fn a_standby_says_where_its_wal_comes_from_and_that_replay_is_paused() {
    let of = |receiver| {
        snapshot().with("wal_receiver", vec![receiver]).with("server", vec![row! { is_standby: true, replay_lag: 3.0 }])
    };
    assert_eq!(
        shown(of(row! { pid: 5, status: "streaming", sender: "db1", port: 5432 })).0,
        ["upstream db1:5432: streaming"]
    );
    assert_eq!(
        shown(of(row! { pid: 5, status: "streaming", sender: "db1", is_paused: true })).0,
        ["upstream db1: paused"]
    );
    assert_eq!(shown(of(row! { is_paused: false })).0, ["upstream ?: no receiver"]);
}

#[test]
fn a_part_that_could_not_be_read_is_named() {
    let why = Missing::TimedOut { after: Seconds(1.0) };
    let mut seen = snapshot().with("replication", vec![]).with("wal_receiver", vec![]);
    seen.sections.insert("slots", crate::sample::Section::Missing(why.clone()));
    let (rows, note) = shown(seen);
    assert_eq!(rows, Vec::<String>::new());
    assert!(note.contains(&format!("slots: {why}")), "{note}");
}

#[test]
fn every_row_has_its_document() {
    let seen = snapshot()
        .with("wal_receiver", vec![row! { is_paused: true }])
        .with("replication", vec![row! { pid: 5, state: "streaming" }, row! { pid: 6 }])
        .with("slots", vec![row! { name: "it's", type: "logical" }, row! { name: "lost", wal_status: "lost" }])
        .with("archiving", vec![row! { mode: "on", is_configured: true, last_failed_at: NOW }]);
    with_view(seen, |view| {
        let mut pane = Replication::default();
        pane.refresh(view);
        let texts: Vec<String> =
            pane.rows.iter().map(|row| crate::ui::markdown::write(&[documents::of(row, view)])).collect();
        let expected = [
            "pg_wal_replay_resume",
            "replay lag",
            "hidden from this role",
            "pg_drop_replication_slot('it''s')",
            "lost",
            "the last attempt failed",
        ];
        for (text, expected) in texts.iter().zip(expected) {
            assert!(text.contains(expected), "{text}");
        }
    });
}
