use std::sync::Arc;

use super::*;
use crate::catalog::fixture::{NOW, With as _, row, snapshot};
use crate::findings::Findings;
use crate::sample::{History, Missing, Snapshot};

fn shop() -> Snapshot {
    snapshot()
        .with(
            "indexes",
            vec![
                row! { indexrelid: 10, relid: 1, schema: "public", table: "shop_order", name: "shop_order_pkey", method: "btree", is_unique: true, is_primary: true, is_valid: true, is_ready: true, key_columns: [1], column_names: ["id"], scans: 900 },
                row! { indexrelid: 11, relid: 1, schema: "public", table: "shop_order", name: "shop_order_total_cd02c9_idx", method: "btree", is_valid: true, is_ready: true, key_columns: [4], key_options: [1], column_names: ["total"], scans: 0 },
                row! { indexrelid: 12, relid: 1, schema: "public", table: "shop_order", name: "shop_order_broken", method: "btree", is_valid: false, is_ready: false, key_columns: [2], column_names: ["status"], scans: 0, locked_by: [99] },
            ],
        )
        .with("tables", vec![row! { relid: 1, name: "shop_order", kind: "r", live: 400_000 }])
        .with(
            "foreign_keys",
            vec![row! { oid: 77, name: "shop_order_customer_fk", relid: 1, table: "shop_order", columns: [3], column_names: ["customer_id"], referred_relid: 2, referred_table: "shop_customer" }],
        )
        .with("content_types", vec![row! { app_label: "shop", model: "order" }])
        .with("databases", vec![row! { is_current: true, stats_reset: NOW - 30.0 * 86_400.0 }])
}

fn shown(one: Snapshot) -> (Indexes, History) {
    let mut history = History::bounded(1 << 24);
    history.push(Arc::new(one));
    let mut pane = Indexes::default();
    with_view(&history, |view| pane.refresh(view));
    (pane, history)
}

fn with_view<T>(history: &History, work: impl FnOnce(&View<'_>) -> T) -> T {
    let moment = history.last().unwrap();
    let findings = Findings::default();
    work(&View { history, moment, newer: history.at(moment).unwrap(), findings: &findings })
}

fn texts(pane: &Indexes, column: &str) -> Vec<String> {
    let grid = pane.list.grid();
    let at = grid.column(column).unwrap();
    grid.rows.iter().map(|row| row.cells[at].text.clone()).collect()
}

#[test]
fn the_worst_come_first_and_a_missing_one_is_a_row() {
    let (pane, _) = shown(shop());
    assert_eq!(
        texts(&pane, "index"),
        ["shop_order_broken", "(shop_order_customer_fk)", "shop_order_total_cd02c9_idx", "shop_order_pkey"]
    );
    let verdicts = texts(&pane, "verdict");
    assert!(verdicts[0].starts_with("invalid"), "{verdicts:?}");
    assert_eq!(verdicts[1..], ["missing", "unused", ""]);
    assert_eq!(texts(&pane, "keys")[2], "total desc");
    assert_eq!(texts(&pane, "locked")[0], "99");
}

#[test]
fn an_index_is_removed_as_django_would() {
    let (mut pane, history) = shown(shop());
    assert!(pane.list.select_key("11"));
    let text = with_view(&history, |view| pane.inspect(view).unwrap().detail.text(120));
    for part in ["RemoveIndexConcurrently", "atomic = False", "DROP INDEX CONCURRENTLY", "standbys"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn a_missing_index_comes_as_a_migration() {
    let (mut pane, _) = shown(shop());
    assert!(pane.list.select_key("fk 77"));
    let (code, _) = pane.copy().unwrap();
    assert!(code.contains("AddIndexConcurrently(") && code.contains("fields=[\"customer\"]"), "{code}");
}

#[test]
fn only_the_judged_are_listed_on_demand() {
    let (mut pane, history) = shown(shop());
    with_view(&history, |view| {
        pane.act(Action::View, view);
        pane.refresh(view);
    });
    assert_eq!(texts(&pane, "index").len(), 3);
}

#[test]
fn what_was_not_read_is_said() {
    let (pane, _) = shown(snapshot().without("indexes", Missing::NotYet));
    assert!(pane.list.grid().notice.is_some());
}
