//! Load as a person sees it: the whole console over samples, driven by keys.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::app::{App, Event, PaneContext, Rights, SampleOrigin, Start};
use crate::fixture::{NOW, NamedRow, With as _, row, snapshot};
use crate::sample::{Missing, Seconds, Snapshot};
use crate::ui::glyphs::{ASCII, UNICODE};
use crate::ui::theme::{Depth, Theme};

fn app(theme: Theme) -> App {
    let start = Start {
        target: "shop".to_owned(),
        pane: &super::PANE,
        pace: Seconds(1.0),
        rights: Rights::MayAct,
        origin: SampleOrigin::Server,
        zone: jiff::tz::TimeZone::UTC,
        history_bytes: 100_000_000,
        theme,
        themes: None,
        vcpus: Some(8),
    };
    App::new(start, crate::panes::ALL, &PaneContext::in_zone(jiff::tz::TimeZone::UTC))
}

fn session(pid: i32, view: &str, wait: &str) -> NamedRow {
    let query = format!("SELECT a FROM shop_{view} WHERE id = {pid} /*controller='{view}%3Adetail'*/");
    row! { pid: pid, backend_start: f64::from(pid), user: "web", database: "shop", backend_type: "client backend",
    state: "active", application: "gunicorn", query: query.as_str(), query_id: i64::try_from(view.len()).unwrap(),
    wait_event_type: wait, wait_event: if wait.is_empty() { "" } else { "relation" } }
}

/// A minute: three of `orders`, one of `cart`; in its last 20 seconds six more of `orders` that wait.
fn samples() -> Vec<Snapshot> {
    let sample = |second: u32| {
        let mut sessions: Vec<NamedRow> = (1..4).map(|pid| session(pid, "orders", "")).collect();
        sessions.push(session(9, "cart", "IO"));
        if second > 40 {
            sessions.extend((11..17).map(|pid| session(pid, "orders", "Lock")));
        }
        snapshot().at(NOW + f64::from(second)).with("activity", sessions)
    };
    (1..=60).map(sample).collect()
}

struct Console(App);

impl Console {
    fn new() -> Self {
        let mut app = app(Theme::default());
        for sample in samples() {
            app.update(Event::Sampled(Arc::new(sample)));
        }
        let mut console = Self(app);
        console.screen();
        console
    }

    fn screen(&mut self) -> String {
        self.screen_of(100, 30)
    }

    fn screen_of(&mut self, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| self.0.draw(frame)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let lines = buffer.content.chunks(usize::from(width));
        lines.map(|line| line.iter().map(ratatui::buffer::Cell::symbol).collect::<String>() + "\n").collect()
    }

    fn press(&mut self, key: KeyCode) -> String {
        self.0.update(Event::Key(KeyEvent::new(key, KeyModifiers::NONE)));
        while self.0.next_effect().is_some() {}
        self.screen()
    }

    fn letters(&mut self, letters: &str) -> String {
        letters.chars().map(|letter| self.press(KeyCode::Char(letter))).last().unwrap()
    }

    #[track_caller]
    fn check(&mut self, letters: &str, shown: &[&str]) {
        let screen = self.letters(letters);
        for shown in shown {
            assert!(screen.contains(shown), "{letters}: no {shown:?} in\n{screen}");
        }
    }
}

/// Returns the rows of the table that begin with a share, without the frame.
fn rows(screen: &str) -> Vec<String> {
    let table = screen.lines().skip_while(|line| !line.contains(" share ")).skip(1);
    let inside = table.take_while(|line| line.starts_with('│')).map(|line| line.trim_matches(['│', '▌', ' ', '┃']));
    inside.filter(|line| !line.is_empty()).map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[test]
fn the_load_is_listed_by_view_with_the_statement_that_costs_most() {
    let screen = Console::new().screen();
    for shown in [
        "Load by wait class",
        "60 samples of 1 s, none missed",
        "6.0 active on average",
        "By Django view, last 5 minutes",
    ] {
        assert!(screen.contains(shown), "no {shown:?} in\n{screen}");
    }
    let rows = rows(&screen);
    assert!(
        rows[0].starts_with("83% 5.0 ▇") && rows[0].ends_with("orders:detail SELECT a FROM shop_orders WHERE id = $1"),
        "{rows:?}"
    );
    assert!(rows[1].starts_with("17% 1.0 ▇"), "{rows:?}");
}

#[test]
fn a_row_narrows_every_list_and_backspace_widens_it() {
    let mut console = Console::new();
    let narrowed = console.press(KeyCode::Enter);
    assert!(narrowed.contains("Load by wait class · view=orders:detail"), "{narrowed}");
    // One row alone says nothing: the table goes on to the statements.
    assert!(narrowed.contains("By statement, last 5 minutes"), "{narrowed}");
    assert_eq!(rows(&narrowed).len(), 1, "{narrowed}");
    console.check("2", &["only view=orders:detail  Backspace one condition less"]);
    let activity = console.screen();
    assert!(activity.contains("shop_orders") && !activity.contains("shop_cart"), "{activity}");
    console.check("7", &["only view=orders:detail"]);
    let tables = console.press(KeyCode::Char('4'));
    assert!(!tables.contains("only view="), "{tables}");
    console.letters("8");
    let wide = console.press(KeyCode::Backspace);
    assert!(!wide.contains("view=") && wide.contains("By Django view"), "{wide}");
    assert!(console.press(KeyCode::Backspace).contains("The lists are not narrowed"));
    assert!(console.letters("jo2").contains("only view=cart:detail"));
}

#[test]
fn the_dimension_is_chosen_from_a_list() {
    let mut console = Console::new();
    console.check("d", &["Chart by", "root blocker", "wait event"]);
    console.letters("view");
    let chart = console.press(KeyCode::Enter);
    assert!(chart.contains("Load by Django view") && chart.contains("orders:detail 5.0"), "{chart}");
    console.check("D", &["Table by"]);
    console.letters("wait class");
    let table = console.press(KeyCode::Enter);
    assert!(table.contains("By wait class") && table.contains("Load by Django view"), "{table}");
    assert_eq!(rows(&table).len(), 3, "{table}");
}

#[test]
fn the_cursor_moves_the_whole_console_and_says_what_its_moment_is_made_of() {
    let mut console = Console::new();
    let left = console.press(KeyCode::Left);
    assert!(left.contains("PAUSED") && left.contains("10 = Lock 6, CPU 3, IO 1"), "{left}");
    for _ in 0..20 {
        console.press(KeyCode::Left);
    }
    let earlier = console.letters("h");
    assert!(earlier.contains("4 = CPU 3, IO 1"), "{earlier}");
    let live = console.press(KeyCode::Esc);
    assert!(!live.contains("PAUSED") && !live.contains("10 = "), "{live}");
    console.press(KeyCode::Right);
    assert!(console.screen().contains("No newer sample"), "{}", console.screen());
}

#[test]
fn a_window_is_marked_zoomed_and_left_again() {
    let mut console = Console::new();
    console.check("z", &["Mark a moment with m"]);
    console.check("m", &["Marked 08:01:00"]);
    console.check("z", &["Move the cursor away from the mark first"]);
    console.check("{", &["11 samples of 1 s, none missed", "08:00:49 to 08:01:00"]);
    let zoomed = console.letters("{z");
    assert!(zoomed.contains("21 samples of 1 s") && zoomed.contains("08:00:39 to 08:01:00"), "{zoomed}");
    assert!(zoomed.contains("active on average · ■ Lock 5.7"), "{zoomed}");
    let back = console.press(KeyCode::Backspace);
    assert!(back.contains("last 5 minutes") && back.contains("60 samples"), "{back}");
    // Of three samples or fewer no share is told.
    let few = console.letters("m]");
    assert!(
        few.contains("2 samples of 1 s") && few.contains("too few samples for a share") && !few.contains("83%"),
        "{few}"
    );
    assert!(!console.press(KeyCode::Esc).contains("too few"));
}

#[test]
fn a_window_is_compared_with_the_one_before() {
    let mut console = Console::new();
    console.check("C", &["compared with ", "no sample of the time before"]);
    console.letters("m{{");
    let compared = console.screen();
    let rows = rows(&compared);
    assert!(rows[0].starts_with("90%") && rows[0].contains("+5.7"), "{compared}");
    assert!(rows[1].contains(" 1.0 0 ▇"), "{compared}");
}

#[test]
fn statements_that_the_server_cut_are_said_once_with_what_helps() {
    let mut console = Console(app(Theme::default()));
    for second in 1..=5 {
        let mut cut = session(1, "orders", "");
        cut.retain(|(name, _)| *name != "query");
        cut.extend(row! { query: "SELECT aaaaaa...", is_query_cut: true });
        let sample = snapshot().at(NOW + f64::from(second)).with("activity", vec![cut]);
        console.0.update(Event::Sampled(Arc::new(sample)));
    }
    console.check("x", &["track_activity_query_size = '16kB'", "seen"]);
    let screen = console.press(KeyCode::Esc);
    assert!(screen.contains("the server cuts some statements: a tag at their end is lost (x)"), "{screen}");
}

#[test]
fn without_colour_each_class_has_its_letter_and_hostile_names_stay_on_their_line() {
    for theme in [Theme::load("mono", None, Depth::Mono, UNICODE), Theme::load("mono", None, Depth::Mono, ASCII)] {
        let mut console = Console(app(theme.unwrap()));
        for second in 1..=5 {
            let hostile = row! { pid: 1, backend_type: "client backend", state: "active", wait_event_type: "Lock",
            query: "SELECT 1 /*controller='%1b%5b31m%0d%0a%e2%80%ae%00'*/" };
            let sample = snapshot().at(NOW + f64::from(second)).with("activity", vec![hostile]);
            console.0.update(Event::Sampled(Arc::new(sample)));
        }
        let screen = console.screen();
        assert!(rows(&screen.replace('|', "│").replace('>', " "))[0].contains("LLLLLLLLLLLLLL"), "{screen}");
        assert!(!screen.contains(['\u{1b}', '\r', '\u{202e}', '\0']), "{screen}");
        let narrowed = console.press(KeyCode::Enter);
        assert!(!narrowed.contains(['\u{1b}', '\r', '\u{202e}', '\0']), "{narrowed}");
    }
}

#[test]
fn ten_thousand_views_and_every_size_of_the_screen_are_drawn() {
    let mut console = Console(app(Theme::default()));
    for second in 0..10 {
        let views = (0..1000).map(|id| {
            let query = format!("SELECT 1 /*controller='v{}'*/", second * 1000 + id);
            row! { pid: id, backend_type: "client backend", state: "active", query: query.as_str() }
        });
        let sample = snapshot().at(NOW + f64::from(second)).with("activity", views.collect());
        console.0.update(Event::Sampled(Arc::new(sample)));
    }
    assert!(console.screen().contains("9900 rows more"), "{}", console.screen());
    for (width, height) in [(20, 4), (30, 8), (40, 10), (80, 24), (200, 50), (400, 100)] {
        for key in "dDmzCvxo[]{}W8".chars() {
            console.screen_of(width, height);
            console.press(KeyCode::Char(key));
            console.screen_of(width, height);
            console.press(KeyCode::Esc);
        }
    }
}

#[test]
fn what_cannot_be_read_is_said() {
    let mut console = Console(app(Theme::default()));
    let denied = Missing::Denied { what: "activity".to_owned(), grant: "GRANT pg_monitor TO x".to_owned() };
    console.0.update(Event::Sampled(Arc::new(snapshot().without("activity", denied))));
    let screen = console.screen();
    assert!(screen.contains("GRANT pg_monitor TO x"), "{screen}");
    console.letters("dqDCmzxeo");
    console.0.update(Event::Sampled(Arc::new(snapshot().at(NOW + 1.0).with("activity", vec![]))));
    assert!(console.press(KeyCode::Esc).contains("No active session in this time"));
}

#[test]
fn queries_and_locks_list_what_the_sessions_of_the_filter_run_and_wait_for() {
    let mut console = Console(app(Theme::default()));
    let statement = |id: i32, calls: i32| {
        row! { queryid: id, userid: 1, dbid: 1, toplevel: true, user: "web", database: "shop", calls: calls,
        total_time: f64::from(calls), rows: 1 }
    };
    let text = |id: i32, query: &str| row! { queryid: id, query: query };
    for second in 1..=5 {
        let blocked = |pid: i32, view: &str| {
            let mut waits = session(pid, view, "Lock");
            waits.extend(row! { blocked_by: [1] });
            waits
        };
        let mut root = session(1, "", "");
        root.retain(|(name, _)| *name != "state" && *name != "query");
        root.extend(row! { state: "idle in transaction", query: "SELECT 'root'" });
        let sample = snapshot()
            .at(NOW + f64::from(second))
            .with("activity", vec![root, blocked(2, "orders"), blocked(3, "cart"), blocked(4, "orders")])
            .with("statements", vec![statement(6, 10 * second), statement(4, 10 * second), statement(99, 10 * second)])
            .with("statement_texts", vec![text(6, "SELECT orders"), text(4, "SELECT cart"), text(99, "SELECT other")]);
        console.0.update(Event::Sampled(Arc::new(sample)));
    }
    console.check("3", &["SELECT orders", "SELECT cart", "SELECT other"]);
    console.letters("8");
    console.press(KeyCode::Enter);
    let queries = console.letters("3");
    assert!(queries.contains("only view=orders:detail") && queries.contains("SELECT orders"), "{queries}");
    assert!(!queries.contains("SELECT cart") && !queries.contains("SELECT other"), "{queries}");
    let locks = console.letters("7");
    for (pid, is_listed) in [("1 gunicorn", true), ("2 gunicorn", true), ("4 gunicorn", true), ("3 gunicorn", false)] {
        assert_eq!(locks.contains(pid), is_listed, "{pid}:\n{locks}");
    }
    // By the session at the root: all that wait for it.
    console.letters("8");
    console.press(KeyCode::Backspace);
    console.letters("D");
    console.letters("root");
    let by_root = console.press(KeyCode::Enter);
    assert!(by_root.contains("By root blocker") && by_root.contains("1 gunicorn"), "{by_root}");
    let narrowed = console.press(KeyCode::Enter);
    assert!(narrowed.contains("blocker=1 gunicorn"), "{narrowed}");
}
