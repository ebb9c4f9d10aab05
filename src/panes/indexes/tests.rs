use std::sync::Arc;

use super::*;
use crate::fixture::{NOW, With as _, row, snapshot, with_view};
use crate::sample::Timestamp;
use crate::sample::{History, Missing, Snapshot};
use crate::ui::detail::Detail;

fn shop() -> Snapshot {
    snapshot()
        .with(
            "indexes",
            vec![
                row! { indexrelid: 10, relid: 1, schema: "public", table: "shop_order", name: "shop_order_pkey", method: "btree", is_unique: true, is_primary: true, is_valid: true, is_ready: true, key_columns: [1], column_names: ["id"], scans: 900 },
                row! { indexrelid: 11, relid: 1, schema: "public", table: "shop_order", name: "shop_order_total_cd02c9_idx", method: "btree", is_valid: true, is_ready: true, key_columns: [4], key_options: [1], column_names: ["total"], scans: 0, pages: 256 },
                row! { indexrelid: 12, relid: 1, schema: "public", table: "shop_order", name: "shop_order_broken", method: "btree", is_valid: false, is_ready: false, key_columns: [2], column_names: ["status"], scans: 0, locked_by: [99] },
            ],
        )
        .with("tables", vec![row! { relid: 1, name: "shop_order", kind: "r", live: 400_000 }])
        .with(
            "foreign_keys",
            vec![row! { oid: 77, name: "shop_order_customer_fk", relid: 1, table: "shop_order", columns: [3], column_names: ["customer_id"], referred_relid: 2, referred_table: "shop_customer" }],
        )
        .with("content_types", vec![row! { app_label: "shop", model: "order" }])
        .with("migrations", vec![row! { id: 9, app: "shop", name: "0041_auto" }])
        .with("databases", vec![row! { is_current: true, stats_reset: NOW - 30.0 * 86_400.0 }])
}

fn shown(one: Snapshot) -> (Indexes, History) {
    let mut history = History::bounded(1 << 24);
    history.push(Arc::new(one));
    let mut pane = Indexes::default();
    with_view(&history, |view| pane.refresh(view));
    (pane, history)
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
fn two_small_indexes_that_are_the_same_are_said_to_be_so_without_a_finding() {
    let index = |oid: i32, name: &str, keys: [i32; 1]| {
        row! { indexrelid: oid, relid: 1, schema: "public", table: "shop_order", name: name, method: "btree",
        is_valid: true, is_ready: true, key_columns: keys, column_names: ["status"], opclasses: [10], collations: [0],
        key_options: [0], scans: 5 }
    };
    let longer = row! { indexrelid: 24, relid: 1, schema: "public", table: "shop_order", name: "status_at", method: "btree",
    is_valid: true, is_ready: true, key_columns: [7, 8], column_names: ["status", "at"], opclasses: [10, 10],
    collations: [0, 0], key_options: [0, 0], scans: 5 };
    let rows = vec![index(21, "status_a", [2]), index(22, "status_b", [2]), index(23, "status_c", [7]), longer];
    let sizes = [21, 22, 23, 24].map(|oid| row! { indexrelid: oid, bytes: 424 * 1024 });
    let seen = snapshot().with("indexes", rows).with("index_sizes", sizes.to_vec());
    let (mut pane, history) = shown(seen.clone());
    assert_eq!(texts(&pane, "index")[0], "status_b", "what is said comes first");
    let said: Vec<(String, String)> = texts(&pane, "verdict").into_iter().zip(texts(&pane, "other")).collect();
    for (verdict, other) in [("duplicate", "duplicate of status_a"), ("redundant", "prefix of status_at")] {
        assert!(said.contains(&(verdict.to_owned(), other.to_owned())), "{said:?}");
    }
    let grid = pane.list.grid();
    let at = grid.column("verdict").unwrap();
    assert_eq!(grid.rows[0].cells[at].role, Some(Role::Muted), "a fact, and no call to act");
    with_view(&history, |view| {
        pane.act(Action::View, view);
        pane.refresh(view);
    });
    assert!(pane.list.grid().rows.is_empty(), "no verdict, and no finding");
}

#[test]
fn a_verdict_is_whole_on_a_narrow_screen() {
    let index = |oid: i32, name: &str| {
        row! { indexrelid: oid, relid: 1, schema: "public", table: "shop_order", name: name, method: "btree",
        is_valid: true, is_ready: true, key_columns: [2], column_names: ["status"], opclasses: [10], collations: [0],
        key_options: [0], scans: 0 }
    };
    let rows =
        vec![index(21, "shop_order_of_a_name_that_needs_much_room_idx"), index(22, "shop_order_another_of_the_same")];
    let sizes = [21, 22].map(|oid| row! { indexrelid: oid, bytes: 424_000_000 });
    let (mut pane, _) = shown(snapshot().with("indexes", rows).with("index_sizes", sizes.to_vec()));
    let narrow = drawn(&mut pane, (80, 8));
    assert!(narrow.contains(" DUPLICATE +1 "), "{narrow}");
}

#[test]
fn an_index_is_removed_as_django_would() {
    let (mut pane, history) = shown(shop());
    assert!(pane.list.select_key("11"));
    let text = with_view(&history, |view| Detail::new(pane.inspect(view).unwrap()).text(120));
    for part in ["RemoveIndexConcurrently", "atomic = False", "DROP INDEX CONCURRENTLY", "standbys"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn a_missing_index_that_statements_pay_for_comes_first_with_the_statement() {
    let search = r#"SELECT "shop_order"."id" FROM "shop_order" WHERE "shop_order"."customer_id" = $1"#;
    let seen = shop()
        .with(
            "statements",
            vec![row! { queryid: 1, calls: 800, total_time: 920.0 }, row! { queryid: 2, calls: 1, total_time: 80.0 }],
        )
        .with("statement_texts", vec![row! { queryid: 1, query: search }, row! { queryid: 2, query: "SELECT 1" }]);
    let (pane, _) = shown(seen.clone());
    assert_eq!(texts(&pane, "index")[0], "(shop_order_customer_fk)");
    let text = detail(seen, "fk 77");
    for part in ["92% of the time of all statements", "800 calls", "WHERE customer_id = $1"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn a_missing_index_comes_as_a_migration() {
    let (mut pane, history) = shown(shop());
    assert!(pane.list.select_key("fk 77"));
    let (code, _) = with_view(&history, |view| pane.copy(Some(view)).unwrap());
    for part in
        ["AddIndexConcurrently(", "fields=['customer']", "('shop', '0041_auto')", "migrations/0042_order_customer_idx"]
    {
        assert!(code.contains(part), "{part} is not in:\n{code}");
    }
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

fn drawn(pane: &mut Indexes, (width, height): (u16, u16)) -> String {
    let mut terminal = ratatui::Terminal::new(ratatui::backend::TestBackend::new(width, height)).unwrap();
    let theme = crate::ui::theme::Theme::default();
    terminal.draw(|frame| pane.draw(frame, frame.area(), DrawContext { theme: &theme })).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let lines = buffer.content.chunks(usize::from(width));
    lines.map(|line| line.iter().map(ratatui::buffer::Cell::symbol).collect::<String>() + "\n").collect()
}

#[test]
fn a_narrow_screen_keeps_the_verdict_and_a_wide_one_shows_all() {
    let (mut pane, _) = shown(shop());
    let narrow = drawn(&mut pane, (80, 8));
    for title in ["index", "verdict", "locked", "scans"] {
        assert!(narrow.contains(title), "{title} is not in:\n{narrow}");
    }
    let wide = drawn(&mut pane, (220, 8));
    for title in ["table", "keys", "method", "defined by", "rows fetched", "cache hits"] {
        assert!(wide.contains(title), "{title} is not in:\n{wide}");
    }
    let _smallest = drawn(&mut pane, (40, 3));
}

fn detail(snapshot: Snapshot, key: &str) -> String {
    let (mut pane, history) = shown(snapshot);
    assert!(pane.list.select_key(key));
    with_view(&history, |view| Detail::new(pane.inspect(view).unwrap()).text(200))
}

#[test]
fn the_only_index_of_a_foreign_key_is_not_given_away_lightly() {
    let of_key = |columns: [i32; 1]| {
        shop().with(
            "foreign_keys",
            vec![row! { oid: 78, name: "shop_order_total_fk", relid: 1, table: "shop_order", columns: columns,
            column_names: ["total"], referred_relid: 2, referred_table: "shop_customer" }],
        )
    };
    let caution = "the only index that starts with the foreign key shop_order_total_fk";
    assert!(detail(of_key([4]), "11").contains(caution));
    assert!(!detail(of_key([3]), "11").contains(caution));
}

#[test]
fn a_unique_index_that_failed_comes_with_the_query_for_what_is_there_twice() {
    let broken = snapshot().with(
        "indexes",
        vec![row! { indexrelid: 12, relid: 1, schema: "public", table: "shop_customer", name: "email_uniq", method: "btree",
        is_unique: true, is_valid: false, key_columns: [2], column_names: ["email"] }],
    );
    let text = detail(broken.clone(), "12");
    assert!(!text.contains("REINDEX"), "it would fail on the same duplicates:\n{text}");
    for part in ["Some rows have the same key", "DROP INDEX CONCURRENTLY", "GROUP BY email HAVING count(*) > 1"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    let query = "create unique index concurrently email_uniq on shop_customer (email)";
    let text = detail(broken.with("activity", vec![row! { pid: 31, state: "active", query: query }]), "12");
    assert!(text.contains("Pid 31 builds it at this moment") && !text.contains("DROP INDEX"), "{text}");
}

#[test]
fn a_fresh_b_tree_that_is_measured_has_no_bloat() {
    let (mut pane, history) = shown(shop());
    pane.measuring.keep(11, 0.095, Timestamp(NOW));
    with_view(&history, |view| pane.refresh(view));
    assert_eq!(texts(&pane, "bloat")[2], "0%");
}

#[test]
fn a_missing_index_says_what_it_costs_and_how_to_make_it_by_hand() {
    let text = detail(shop(), "fk 77");
    for part in ["400k", r#"CREATE INDEX CONCURRENTLY "order_customer_idx" ON "shop_order" ("customer_id");"#] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}
