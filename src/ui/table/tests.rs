use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Modifier;

use super::*;
use crate::ui::glyphs::{ASCII, UNICODE};
use crate::ui::snapshot::lines;
use crate::ui::theme::{Depth, Role, Theme};

fn columns() -> Vec<GridColumn> {
    vec![
        GridColumn::number("pid", "pid"),
        GridColumn::text("state", "state", 5).at_most(20).drop(2),
        GridColumn::number("xact", "transaction age").short("xact").drop(1),
        GridColumn::text("client", "client", 8).at_most(20).drop(4),
        GridColumn::number("rows", "rows").drop(3),
        GridColumn::text("query", "query", 10),
    ]
}

fn row(pid: i64, state: &str, age: f64, query: &str) -> GridRow {
    GridRow::new(
        pid.to_string(),
        vec![
            Cell::number(pid, pid as f64),
            Cell::text(state).role(if state == "active" { Role::Good } else { Role::Muted }),
            Cell::number(format!("{age:.1}s"), age),
            Cell::text("10.0.0.12"),
            Cell::optional((pid % 2 == 0).then_some((pid * 1000, pid as f64))),
            Cell::text(query),
        ],
    )
}

fn sessions() -> Grid {
    let mut grid = Grid::new(columns());
    grid.rows = vec![
        row(4711, "active", 3.2, "select * from shop_order\n  where status = 'pending' order by created_at"),
        row(12, "idle in transaction", 812.5, "update shop_customer set name = '日本語テキスト' where id = 3"),
        row(30_011, "active", 0.1, "\x1b[31mselect\u{202e} 1"),
        row(77, "idle", 0.0, ""),
    ];
    grid
}

/// What the screen shows, with blanks at line ends gone.
fn shown(grid: &Grid, state: &mut TableState, size: (u16, u16), theme: &Theme) -> String {
    let area = Rect::new(0, 0, size.0, size.1);
    let mut buffer = Buffer::empty(area);
    state.refresh(grid);
    draw(&mut buffer, area, grid, state, theme);
    lines(&buffer).join("\n")
}

fn keys(grid: &Grid, state: &TableState) -> Vec<String> {
    state.rows(grid).map(|row| row.key.clone()).collect()
}

#[test]
fn a_wide_table_shows_everything() {
    insta::assert_snapshot!(shown(&sessions(), &mut TableState::new(), (120, 7), &Theme::default()));
}

#[test]
fn a_narrow_table_drops_columns_in_order_and_says_so() {
    let all: Vec<String> = [100, 80, 60, 50, 40, 30, 20, 10]
        .iter()
        .map(|columns| {
            format!("{columns}:\n{}", shown(&sessions(), &mut TableState::new(), (*columns, 7), &Theme::default()))
        })
        .collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn dropped_columns_are_reached_sideways() {
    let grid = sessions();
    let mut state = TableState::new();
    let mut all = vec![shown(&grid, &mut state, (40, 7), &Theme::default())];
    for _ in 0..6 {
        state.go(&grid, Move::Right);
        all.push(shown(&grid, &mut state, (40, 7), &Theme::default()));
    }
    all.dedup();
    insta::assert_snapshot!(all.join("\n"));
    for _ in 0..6 {
        state.go(&grid, Move::Left);
    }
    assert_eq!(shown(&grid, &mut state, (40, 7), &Theme::default()), all[0]);
}

#[test]
fn a_number_is_whole_or_not_there() {
    let grid = sessions();
    for columns in 1..130 {
        let picture = shown(&grid, &mut TableState::new(), (columns, 8), &Theme::default());
        for (line, pid) in picture.lines().skip(1).zip(["4711", "12", "30011", "77"]) {
            let first = line.trim_start_matches(['▌', ' ']).split(' ').next().unwrap();
            assert!(first == pid || first == "…" || first.is_empty(), "{columns}: {line}");
        }
    }
}

#[test]
fn no_size_panics_and_nothing_is_drawn_outside() {
    let mut tree = sessions();
    tree.shape = RowNesting::Tree;
    tree.rows.iter_mut().zip(0..).for_each(|(row, depth)| row.depth = depth);
    for grid in [&sessions(), &tree, &Grid::default(), &Grid::missing(columns(), Notice::new("no").remedy("grant it"))]
    {
        for (columns, rows) in (0..24).flat_map(|columns| (0..8).map(move |rows| (columns, rows))) {
            let mut state = TableState::new();
            state.refresh(grid);
            state.go(grid, Move::Right);
            let mut buffer = Buffer::empty(Rect::new(0, 0, 30, 10));
            draw(&mut buffer, Rect::new(2, 1, columns, rows), grid, &state, &Theme::default());
            for (x, y) in (0..30).flat_map(|x| (0..10).map(move |y| (x, y))) {
                let is_inside = (2..2 + columns).contains(&x) && (1..=rows).contains(&y);
                assert!(is_inside || buffer[(x, y)].symbol() == " ", "{columns}x{rows}: {x},{y}");
            }
        }
    }
}

#[test]
fn sorting_puts_what_is_missing_last_both_ways() {
    let grid = sessions();
    let mut state = TableState::sorted("rows", SortDirection::Descending);
    state.refresh(&grid);
    assert_eq!(keys(&grid, &state), ["12", "4711", "30011", "77"]);
    state.reverse_sort(&grid);
    assert_eq!(keys(&grid, &state), ["12", "4711", "30011", "77"]);
    state.sort_by(&grid, 2);
    assert_eq!(keys(&grid, &state), ["12", "4711", "30011", "77"]);
    state.sort_by(&grid, 1);
    assert_eq!(keys(&grid, &state), ["4711", "30011", "77", "12"]);
}

#[test]
fn it_is_sorted_by_a_column_or_in_the_given_order() {
    let grid = sessions();
    let mut state = TableState::new();
    state.refresh(&grid);
    let mut seen = Vec::new();
    for column in (0..6).map(Some).chain([None]) {
        state.choose_sort(&grid, column);
        seen.push(state.sort().map(|(id, _)| id.to_owned()));
    }
    let seen: Vec<&str> = seen.iter().map(|id| id.as_deref().unwrap_or("-")).collect();
    assert_eq!(seen, ["pid", "state", "xact", "client", "rows", "query", "-"]);
}

#[test]
fn the_selection_follows_its_row() {
    let mut grid = sessions();
    let mut state = TableState::new();
    state.refresh(&grid);
    assert_eq!(state.selected(), Some("4711"));
    state.go(&grid, Move::Rows(1));
    grid.rows.reverse();
    state.refresh(&grid);
    assert_eq!(state.selected(), Some("12"));
    grid.rows.retain(|row| row.key != "12");
    state.refresh(&grid);
    assert_eq!(state.selected(), Some("4711"), "where the row was, the next one is selected");
}

#[test]
fn until_somebody_moves_the_selection_stays_at_the_top() {
    let mut grid = sessions();
    let mut state = TableState::new();
    state.refresh(&grid);
    grid.rows.reverse();
    state.refresh(&grid);
    assert_eq!(state.selected(), Some("77"));
    state.go(&grid, Move::Last);
    state.go(&grid, Move::First);
    grid.rows.reverse();
    state.refresh(&grid);
    assert_eq!(state.selected(), Some("4711"));
}

#[test]
fn the_filter_is_fuzzy_in_names_and_exact_in_long_texts() {
    let grid = sessions();
    let mut state = TableState::new();
    for (words, expected) in [
        ("", vec!["4711", "12", "30011", "77"]),
        ("actv", vec!["4711", "30011"]),
        ("active order", vec!["4711"]),
        ("idle", vec!["12", "77"]),
        ("日本", vec!["12"]),
        ("scdat", vec![]),
    ] {
        state.set_filter(&grid, words);
        let found = keys(&grid, &state);
        assert_eq!(found, expected, "{words}");
    }
}

#[test]
fn a_filter_marks_what_it_matched_and_counts() {
    let grid = sessions();
    let mut state = TableState::new();
    state.set_filter(&grid, "idle");
    let theme = Theme::default();
    let area = Rect::new(0, 0, 80, 8);
    let mut buffer = Buffer::empty(area);
    draw(&mut buffer, area, &grid, &state, &theme);
    insta::assert_snapshot!(lines(&buffer).join("\n"));
    let is_marked = |x: u16| buffer[(x, 1)].modifier.contains(Modifier::UNDERLINED);
    let marked: String = (0..80).filter(|x| is_marked(*x)).map(|x| buffer[(x, 1)].symbol()).collect();
    assert_eq!(marked, "idle");
    state.set_filter(&grid, "nobody has this");
    insta::assert_snapshot!(shown(&grid, &mut state, (50, 8), &theme));
}

#[test]
fn what_is_missing_is_said_with_its_remedy() {
    let notice = Notice::new("permission denied: view pg_stat_statements").remedy("grant pg_monitor to app");
    let grid = Grid::missing(columns(), notice);
    let all = [(60, 9), (30, 6), (12, 3)].map(|size| shown(&grid, &mut TableState::new(), size, &Theme::default()));
    insta::assert_snapshot!(all.join("\n--\n"));
}

#[test]
fn trees_and_groups_are_drawn_and_folded() {
    let mut grid = sessions();
    grid.rows
        .extend([row(5, "active", 1.0, "vacuum"), row(6, "active", 2.0, "alter table shop_order add column x int")]);
    for (row, depth) in grid.rows.iter_mut().zip([0, 1, 2, 1, 0, 1]) {
        row.depth = depth;
    }
    let mut all = Vec::new();
    for (shape, theme) in [
        (RowNesting::Tree, Theme::default()),
        (RowNesting::Grouped, Theme::default()),
        (RowNesting::Tree, Theme::load("mono", None, Depth::Mono, ASCII).unwrap()),
    ] {
        grid.shape = shape;
        let mut state = TableState::new();
        all.push(shown(&grid, &mut state, (70, 8), &theme));
        assert!(state.toggle_fold(&grid));
        all.push(shown(&grid, &mut state, (70, 8), &theme));
    }
    insta::assert_snapshot!(all.join("\n--\n"));
}

#[test]
fn a_group_keeps_its_name_when_the_columns_are_scrolled() {
    let mut grid = sessions();
    grid.shape = RowNesting::Grouped;
    grid.rows[0].cells[5] = Cell::text("gunicorn: 2 active");
    grid.rows.iter_mut().zip([0, 1, 1, 1]).for_each(|(row, depth)| row.depth = depth);
    let mut state = TableState::new();
    state.refresh(&grid);
    state.sideways = 1;
    let shown = shown(&grid, &mut state, (40, 6), &Theme::default());
    assert!(shown.contains("gunicorn: 2 active") && !shown.contains("query"), "{shown}");
}

#[test]
fn a_filter_keeps_the_ancestors_in_a_tree() {
    let mut grid = sessions();
    grid.shape = RowNesting::Tree;
    grid.rows.iter_mut().zip([0, 1, 2, 0]).for_each(|(row, depth)| row.depth = depth);
    let mut state = TableState::new();
    state.set_filter(&grid, "30011");
    assert_eq!(keys(&grid, &state), ["4711", "12", "30011"]);
    assert_eq!(state.found(), 1);
}

#[test]
fn clicks_hit_rows_and_headers() {
    let grid = sessions();
    let mut state = TableState::new();
    let _picture = shown(&grid, &mut state, (120, 7), &Theme::default());
    assert_eq!(state.hit(3, 2), Some(TableHit::Row(1)));
    assert_eq!(state.hit(3, 0), Some(TableHit::Header(0)));
    assert_eq!(state.hit(3, 6), None);
    assert_eq!(state.hit(200, 2), None);
}

fn many(count: i64) -> Grid {
    let mut grid = Grid::new(columns());
    grid.rows = (0..count)
        .map(|pid| row(pid, "active", (pid * 7919 % 1000) as f64, "select * from shop_order where status = 'pending'"))
        .collect();
    grid
}

#[test]
fn pages_and_the_scrollbar_follow_the_selection() {
    let grid = many(200);
    let mut state = TableState::new();
    let mut all = vec![shown(&grid, &mut state, (60, 10), &Theme::default())];
    state.go(&grid, Move::Pages(1));
    assert_eq!(state.selected(), Some("8"));
    state.go(&grid, Move::Pages(1));
    all.push(shown(&grid, &mut state, (60, 10), &Theme::default()));
    state.go(&grid, Move::Last);
    all.push(shown(&grid, &mut state, (60, 10), &Theme::default()));
    insta::assert_snapshot!(all.join("\n--\n"));
}

#[test]
fn ten_thousand_rows_are_put_in_order_and_filtered() {
    let grid = many(10_000);
    let mut state = TableState::sorted("xact", SortDirection::Descending);
    state.refresh(&grid);
    state.set_filter(&grid, "order");
    assert_eq!(state.found(), 10_000);
}

#[test]
fn the_selected_row_is_marked_without_colour_too() {
    let grid = sessions();
    let theme = Theme::load("mono", None, Depth::Mono, UNICODE).unwrap();
    let mut state = TableState::new();
    state.refresh(&grid);
    let area = Rect::new(0, 0, 60, 6);
    let mut buffer = Buffer::empty(area);
    draw(&mut buffer, area, &grid, &state, &theme);
    assert!((0..60).all(|x| buffer[(x, 1)].modifier.contains(Modifier::REVERSED)));
    assert!((0..60).all(|x| !buffer[(x, 2)].modifier.contains(Modifier::REVERSED)));
}

#[test]
fn the_lines_of_a_deep_tree_take_no_more_room_than_those_of_a_flat_one() {
    let mut grid = many(10_000);
    grid.shape = RowNesting::Tree;
    grid.rows.iter_mut().zip(0..).for_each(|(row, depth)| row.depth = depth);
    let mut state = TableState::new();
    shown(&grid, &mut state, (60, 12), &Theme::default());
    // For each of its ancestors it was 50 MB.
    assert_eq!(state.lines().iter().map(|line| line.followed.len()).max(), Some(65));
    assert_eq!(state.lines().iter().map(|line| line.level).max(), Some(10_000));
}

#[test]
fn a_frame_says_what_is_listed_and_what_is_not_seen() {
    let mut grid = Grid::new(vec![
        GridColumn::text("state", "state", 9),
        GridColumn::text("role", "role", 6).told_once(),
        GridColumn::text("bar", "of all", 6),
        GridColumn::number("share", "share"),
        GridColumn::text("index", "index", 12).names(),
        GridColumn::number("extra", "an extra column").drop(3),
    ]);
    let states = [("idle tx", Role::BadgeBad, 0.8), ("waits", Role::BadgeWarning, 0.2), ("", Role::BadgePlain, 0.0)];
    grid.rows = states
        .iter()
        .enumerate()
        .map(|(at, (state, role, share))| {
            let share_cell = Cell::number(crate::sample::unit::Share(*share), *share);
            let name = Cell::text("shop_orderitem_product_id_48153f22");
            let cells = vec![
                Cell::badge(state, *role),
                Cell::text("shop"),
                Cell::meter(*share, 6),
                share_cell,
                name,
                Cell::number(at, at as f64),
            ];
            GridRow::new(at.to_string(), cells)
        })
        .collect();
    grid.title = "Sessions".to_owned();
    grid.footnote = Some("5.0s old".to_owned());
    let mut state = TableState::sorted("share", SortDirection::Descending);
    state.refresh(&grid);
    let draw = |state: &TableState, grid: &Grid, size: (u16, u16)| {
        let area = ratatui::layout::Rect::new(0, 0, size.0, size.1);
        let mut buffer = ratatui::buffer::Buffer::empty(area);
        draw_framed(&mut buffer, area, grid, state, &Theme::default());
        crate::ui::snapshot::lines(&buffer).join("\n")
    };
    let mut all: Vec<String> =
        [(90, 8), (56, 8), (23, 8), (60, 6)].iter().map(|size| draw(&state, &grid, *size)).collect();
    // A column that was not alike once stays.
    if let Some(cell) = grid.rows.first_mut().and_then(|row| row.cells.get_mut(1)) {
        *cell = Cell::text("other");
    }
    state.refresh(&grid);
    if let Some(cell) = grid.rows.first_mut().and_then(|row| row.cells.get_mut(1)) {
        *cell = Cell::text("shop");
    }
    state.refresh(&grid);
    state.set_filter(&grid, "waits");
    all.push(draw(&state, &grid, (90, 8)));
    insta::assert_snapshot!(all.join("\n--\n"));
}

#[test]
fn a_row_may_give_its_first_cell_all_of_it() {
    let mut grid = Grid::new(vec![GridColumn::text("name", "name", 6).at_most(8), GridColumn::number("n", "n")]);
    let cells = |text: &str| vec![Cell::text(text), Cell::number(7, 7.0)];
    grid.rows = vec![GridRow::new("a", cells("short")), GridRow::new("b", cells("longer than its column")).wide()];
    let text = shown(&grid, &mut TableState::new(), (30, 4), &Theme::default());
    assert!(text.contains("longer than its column"), "{text}");
    assert_eq!(text.lines().nth(1).map(str::len), Some("▌short 7".len()), "the others keep their width: {text}");
}

/// Returns the titles of the columns that are shown.
fn titles(grid: &Grid, state: &mut TableState, width: u16) -> String {
    let text = shown(grid, state, (width, 8), &Theme::default());
    text.lines().next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn columns_do_not_come_and_go_with_the_samples() {
    let mut state = TableState::new();
    let mut grid = sessions();
    let before = titles(&grid, &mut state, 48);
    assert_eq!(before, "pid state xact rows query ›");
    // No row has this figure any more, and one needs more room than before.
    for row in &mut grid.rows {
        row.cells[4] = Cell::default();
        row.cells[2] = Cell::number("1234567.0s", 1.0);
    }
    assert_eq!(titles(&grid, &mut state, 48), before);
    grid.rows.truncate(1);
    assert_eq!(titles(&grid, &mut state, 48), before);
    grid.rows.clear();
    assert_eq!(titles(&grid, &mut state, 48), before);
    // In another width others have room.
    assert_ne!(titles(&grid, &mut state, 30), before);
    // What needs far more goes rather than that no text can be read.
    let mut grid = sessions();
    grid.rows[0].cells[2] = Cell::number("1234567890123456789012345.0s", 1.0);
    assert_ne!(titles(&grid, &mut state, 48), before);
}

#[test]
fn a_value_that_is_told_in_the_title_stays_there_with_one_row_and_one_that_was_shown_stays_a_column() {
    let mut grid = Grid::new(vec![GridColumn::number("n", "n"), GridColumn::text("role", "role", 6).told_once()]);
    let row = |n: i64, role: &str| GridRow::new(n.to_string(), vec![Cell::number(n, n as f64), Cell::text(role)]);
    let two = vec![row(1, "web"), row(2, "web")];
    let mut state = TableState::new();
    for rows in [two.clone(), vec![row(1, "web")], Vec::new(), two.clone()] {
        grid.rows = rows;
        assert_eq!(titles(&grid, &mut state, 40), "n", "{:?}", grid.rows);
        assert_eq!(state.told, ["role web"]);
    }
    let mut state = TableState::new();
    for rows in [vec![row(1, "web")], two] {
        grid.rows = rows;
        assert_eq!(titles(&grid, &mut state, 40), "n role");
    }
}

#[test]
fn a_part_of_the_footnote_that_has_no_room_is_left_out_whole() {
    let grid = Grid { footnote: Some("first part; second part; third".to_owned()), title: "T".to_owned(), ..many(3) };
    let mut state = TableState::new();
    state.refresh(&grid);
    let lower = |width: u16| {
        let area = Rect::new(0, 0, width, 9);
        let mut buffer = Buffer::empty(area);
        draw_framed(&mut buffer, area, &grid, &state, &Theme::default());
        lines(&buffer).last().cloned().unwrap_or_default()
    };
    assert!(lower(90).contains("first part; second part; third"), "{}", lower(90));
    for width in 46..90 {
        let line = lower(width);
        let parts = line.split("first part").nth(1).unwrap_or_default().split(" ─").next().unwrap_or_default();
        assert!(["; …", "; second part; …", "; second part; third"].contains(&parts.trim()), "{width}: {line}");
    }
}

#[test]
fn a_column_that_says_something_for_the_first_time_comes_and_stays() {
    let mut grid = sessions();
    for row in &mut grid.rows {
        row.cells[1] = Cell::default();
    }
    let mut state = TableState::new();
    let empty = Grid { rows: Vec::new(), ..grid.clone() };
    titles(&empty, &mut state, 48);
    assert_eq!(titles(&grid, &mut state, 48), "pid xact client rows query ›");
    let filled = sessions();
    let after = titles(&filled, &mut state, 48);
    assert_eq!(after, "pid state xact rows query ›");
    assert_eq!(titles(&grid, &mut state, 48), after);
    assert_eq!(titles(&empty, &mut state, 48), after);
}
