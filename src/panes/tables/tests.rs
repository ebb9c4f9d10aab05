use super::*;
use crate::catalog::fixture::{NOW, With as _, row, snapshot};
use crate::findings::Findings;
use crate::sample::{History, Missing, Snapshot};
use std::sync::Arc;

fn shop() -> Snapshot {
    snapshot()
        .with(
            "tables",
            vec![
                row! { relid: 1, schema: "public", name: "shop_order", kind: "r", pages: 5000, reltuples: 400_000, live: 400_000, dead: 120_000, seq_scan: 100, idx_scan: 300, updates: 50, hot_updates: 25, last_vacuum: NOW - 90.0 },
                row! { relid: 2, schema: "public", name: "shop_category", kind: "r", pages: 3, reltuples: 20, live: 20, dead: 0, locked_by: [4711] },
            ],
        )
        .with("content_types", vec![row! { app_label: "shop", model: "order" }])
        .with("settings", vec![row! { name: "autovacuum", value: "on" }])
}

fn shown(snapshots: Vec<Snapshot>, act: impl Fn(&mut Tables)) -> (Tables, History) {
    let mut history = History::bounded(1 << 24);
    for one in snapshots {
        history.push(Arc::new(one));
    }
    let mut pane = Tables::default();
    act(&mut pane);
    refresh(&mut pane, &history);
    (pane, history)
}

fn refresh(pane: &mut Tables, history: &History) {
    let moment = history.last().unwrap();
    let findings = Findings::default();
    pane.refresh(&View { history, moment, newer: history.at(moment).unwrap(), findings: &findings });
}

fn text(pane: &Tables, row: usize, column: &str) -> String {
    let grid = pane.list.grid();
    let at = grid.column(column).unwrap();
    grid.rows[row].cells[at].text.clone()
}

#[test]
fn what_is_locked_comes_first_and_says_by_whom() {
    let (pane, _) = shown(vec![shop()], |_| {});
    assert_eq!(text(&pane, 0, "table"), "shop_category");
    assert_eq!(text(&pane, 0, "locked"), "4711");
    assert_eq!(text(&pane, 1, "model"), "shop.order");
    assert_eq!(text(&pane, 1, "dead"), "23%");
    assert_eq!(text(&pane, 1, "vacuumed"), "1m30s");
}

#[test]
fn more_dead_rows_than_the_threshold_are_over_a_hundred_percent() {
    let (pane, _) = shown(vec![shop()], |_| {});
    // 120,000 of 50 + 0.2 * 400,000.
    assert_eq!(text(&pane, 1, "vacuum_due"), "150%");
}

#[test]
fn a_measurement_takes_the_place_of_the_estimate() {
    let (mut pane, history) = shown(vec![shop()], |_| {});
    pane.take_exact(1, 0.37, Timestamp(NOW));
    refresh(&mut pane, &history);
    assert_eq!(text(&pane, 1, "bloat"), "37%");
}

#[test]
fn traffic_is_counted_between_two_samples() {
    let mut newer = shop().at(NOW + 60.0);
    newer = newer.with(
        "tables",
        vec![row! { relid: 1, schema: "public", name: "shop_order", kind: "r", pages: 5000, seq_scan: 160, idx_scan: 300, updates: 650, hot_updates: 325 }],
    );
    let (pane, _) = shown(vec![shop(), newer], |pane| pane.view = Columns::Traffic);
    assert_eq!(text(&pane, 0, "seq_scans"), "1");
    assert_eq!(text(&pane, 0, "updates"), "10");
    assert_eq!(text(&pane, 0, "hot"), "50%");
}

#[test]
fn what_was_not_read_is_said() {
    let (pane, _) = shown(vec![snapshot().without("tables", Missing::NotYet)], |_| {});
    assert!(pane.list.grid().notice.is_some());
    assert!(pane.list.is_empty());
}

#[test]
fn the_detail_holds_the_statement_and_its_migration() {
    let (mut pane, history) = shown(vec![shop()], |_| {});
    assert!(pane.list.select_key("1"));
    let moment = history.last().unwrap();
    let findings = Findings::default();
    let view = View { history: &history, moment, newer: history.at(moment).unwrap(), findings: &findings };
    let document = pane.inspect(&view).unwrap();
    let text = document.detail.text(100);
    assert!(text.contains("VACUUM (ANALYZE) public.shop_order;"), "{text}");
    assert_eq!(document.copied.as_deref(), Some("VACUUM (ANALYZE) public.shop_order;"));
}
