use super::*;
use crate::findings::Findings;
use crate::fixture::{NOW, With as _, row, snapshot};
use crate::readings::Readings;
use crate::sample::{History, Missing, Snapshot};
use crate::ui::detail::Detail;
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
    let readings = Readings::of(Arc::clone(history.at(moment).unwrap()));
    pane.refresh(&PaneView::new(history, moment, &readings, &findings));
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
fn more_dead_rows_than_the_threshold_are_due() {
    let (pane, _) = shown(vec![shop()], |_| {});
    // 120,000 of 50 + 0.2 * 400,000.
    assert_eq!(text(&pane, 1, "vacuum_due"), "due");
}

#[test]
fn a_measurement_takes_the_place_of_the_estimate() {
    let (mut pane, history) = shown(vec![shop()], |_| {});
    pane.measuring.keep(1, 0.37, Timestamp(NOW));
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
    let (pane, _) = shown(vec![shop(), newer], |pane| pane.view = TableView::Traffic);
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
    // Long enough after the last vacuum, so that another is what helps.
    let (mut pane, history) = shown(vec![shop().at(NOW + 600.0)], |_| {});
    assert!(pane.list.select_key("1"));
    let moment = history.last().unwrap();
    let findings = Findings::default();
    let readings = Readings::of(Arc::clone(history.at(moment).unwrap()));
    let view = PaneView::new(&history, moment, &readings, &findings);
    let document = pane.inspect(&view).unwrap();
    assert_eq!(document.copied.as_deref(), Some("VACUUM (ANALYZE) public.shop_order;"));
    let text = Detail::new(document).text(100);
    assert!(text.contains("VACUUM (ANALYZE) public.shop_order;"), "{text}");
}

fn drawn(pane: &mut Tables, (width, height): (u16, u16)) -> String {
    let mut terminal = ratatui::Terminal::new(ratatui::backend::TestBackend::new(width, height)).unwrap();
    let theme = crate::ui::theme::Theme::default();
    terminal.draw(|frame| pane.draw(frame, frame.area(), DrawContext { theme: &theme })).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let lines = buffer.content.chunks(usize::from(width));
    lines.map(|line| line.iter().map(ratatui::buffer::Cell::symbol).collect::<String>() + "\n").collect()
}

#[test]
fn a_narrow_screen_keeps_what_matters_and_a_wide_one_shows_all() {
    let (mut pane, _) = shown(vec![shop()], |_| {});
    let narrow = drawn(&mut pane, (80, 8));
    for title in ["table", "locked", "size", "dead", "due", "! for why"] {
        assert!(narrow.contains(title), "{title} is not in:\n{narrow}");
    }
    let wide = drawn(&mut pane, (200, 8));
    for title in [
        "model",
        "bloat size",
        "vacuum due",
        "last vacuum",
        "analyze due",
        "last analyze",
        "HOT",
        "seq share",
        "freeze",
    ] {
        assert!(wide.contains(title), "{title} is not in:\n{wide}");
    }
    let _smallest = drawn(&mut pane, (40, 3));
}

fn detail(snapshot: Snapshot, key: &str) -> String {
    let (mut pane, history) = shown(vec![snapshot], |_| {});
    assert!(pane.list.select_key(key));
    let moment = history.last().unwrap();
    let findings = Findings::default();
    let readings = Readings::of(Arc::clone(history.at(moment).unwrap()));
    let view = PaneView::new(&history, moment, &readings, &findings);
    Detail::new(pane.inspect(&view).unwrap()).text(200)
}

#[test]
fn who_locks_a_table_is_named() {
    let locked = shop().with(
        "activity",
        vec![row! { pid: 4711, user: "deploy", application: "migrate", state: "active", xact_age: 60.0,
        query: "ALTER TABLE shop_category ADD COLUMN x int" }],
    );
    let text = detail(locked, "2");
    for part in ["its sizes are never read", "pid 4711, deploy migrate, active", "ALTER TABLE shop_category"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn dead_rows_that_stay_after_a_vacuum_are_laid_to_who_sees_them() {
    let held = shop()
        .with("activity", vec![row! { pid: 31, user: "etl", state: "idle in transaction" }])
        .with("vacuum_horizon", vec![row! { kind: "session", pid: 31, xid_age: 71, database: "shop" }]);
    let text = detail(held, "1");
    assert!(text.contains("pid 31, etl") && text.contains("dead rows of the last 70 transactions"), "{text}");
    assert!(!text.contains("VACUUM (ANALYZE)"), "another vacuum would not help:\n{text}");
}

#[test]
fn a_vacuum_that_runs_is_not_advised_again_but_made_faster() {
    let table = row! { relid: 1, schema: "public", name: "shop_order", kind: "r", reltuples: 400_000, live: 400_000,
    dead: 120_000, options: ["autovacuum_vacuum_cost_delay=100", "autovacuum_vacuum_cost_limit=1"] };
    let running = shop().with("tables", vec![table]);
    let text = detail(running.clone(), "1");
    assert!(text.contains("VACUUM (ANALYZE) public.shop_order;"), "{text}");
    let running = running.with("vacuum_progress", vec![row! { pid: 11_006, relid: 1, phase: "scanning heap" }]);
    let text = detail(running, "1");
    assert!(!text.contains("VACUUM (ANALYZE)"), "{text}");
    for part in [
        "A vacuum is running here (pid 11006)",
        "autovacuum_vacuum_cost_delay=100 and autovacuum_vacuum_cost_limit=1",
        "RESET (autovacuum_vacuum_cost_delay, autovacuum_vacuum_cost_limit);",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn where_autovacuum_is_off_no_vacuum_is_due() {
    let table = |option: &str| {
        shop().with(
            "tables",
            vec![row! { relid: 1, schema: "public", name: "shop_order", kind: "r", reltuples: 5_000, live: 5_000,
            dead: 18_000, mod_since_analyze: 0, options: [option] }],
        )
    };
    let text = detail(table("autovacuum_enabled=false"), "1");
    assert!(text.contains("vacuum due at") && text.contains("none: autovacuum is off"), "{text}");
    let text = detail(table("fillfactor=100"), "1");
    assert!(text.contains("1.1k dead rows: 18k now (17×)"), "{text}");
    assert!(text.contains("550 changed rows: 0 now"), "{text}");
}

#[test]
fn a_table_s_own_settings_are_explained_beside_the_server_s() {
    let own = shop()
        .with(
            "tables",
            vec![row! { relid: 1, schema: "public", name: "shop_order", kind: "r", live: 10,
            options: ["autovacuum_vacuum_scale_factor=0.01", "fillfactor=70"] }],
        )
        .with("settings", vec![row! { name: "autovacuum_vacuum_scale_factor", value: "0.2" }]);
    let text = detail(own, "1");
    assert!(text.contains("0.01 (server: 0.2; plus this share of the rows)"), "{text}");
    let slow = shop()
        .with(
            "tables",
            vec![row! { relid: 1, schema: "public", name: "shop_order", kind: "r", live: 10,
            options: ["autovacuum_enabled=false", "autovacuum_vacuum_cost_delay=100", "autovacuum_vacuum_cost_limit=1"] }],
        )
        .with(
            "settings",
            vec![
                row! { name: "autovacuum", value: "on" },
                row! { name: "autovacuum_vacuum_cost_delay", value: "2" },
                row! { name: "autovacuum_vacuum_cost_limit", value: "-1" },
            ],
        );
    let text = detail(slow, "1");
    for part in [
        "false (server: on); only anti-wraparound vacuums run",
        "100 ms (server: 2 ms; 0 = no delay)",
        "1 (server: -1 (uses vacuum_cost_limit); cost limit between two delays)",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn what_the_fillfactor_keeps_free_is_no_bloat_and_a_vacuum_ends_a_measurement() {
    let table = |vacuum: f64| {
        shop().with(
            "tables",
            vec![row! { relid: 1, schema: "public", name: "shop_order", kind: "r", live: 10, pages: 100,
            options: ["fillfactor=70"], last_vacuum: vacuum }],
        )
    };
    let (mut pane, history) = shown(vec![table(NOW - 90.0)], |_| {});
    pane.measuring.keep(1, 0.37, Timestamp(NOW));
    refresh(&mut pane, &history);
    assert_eq!(text(&pane, 0, "bloat"), "10%");
    let (mut pane, history) = shown(vec![table(NOW)], |_| {});
    pane.measuring.keep(1, 0.37, Timestamp(NOW - 10.0));
    refresh(&mut pane, &history);
    assert_eq!(text(&pane, 0, "bloat"), "");
}
