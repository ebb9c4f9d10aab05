//! The findings of Overview as a person sees them: the whole console over a snapshot, drawn and driven by keys.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::app::{App, Effect, Event, Job, JobNews, JobResult, PaneContext, Start};
use crate::findings::RULES;
use crate::fixture::{NamedRow, With as _, row, snapshot, start};
use crate::pg::exact::MeasuredRelation;
use crate::sample::Snapshot;
use crate::ui::theme::Theme;

fn app(snapshot: Snapshot) -> App {
    app_of(snapshot, crate::app::SampleOrigin::Server)
}

fn app_of(snapshot: Snapshot, origin: crate::app::SampleOrigin) -> App {
    let start = Start { origin, ..start(&crate::panes::overview::PANE) };
    let mut app = App::new(start, crate::panes::ALL, &PaneContext::in_zone(jiff::tz::TimeZone::UTC));
    app.update(Event::Sampled(Arc::new(snapshot)));
    app
}

fn screen(app: &mut App, width: u16, height: u16) -> String {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| app.draw(frame)).unwrap();
    let buffer = terminal.backend().buffer().clone();
    let lines = buffer.content.chunks(usize::from(width));
    lines.map(|line| line.iter().map(ratatui::buffer::Cell::symbol).collect::<String>() + "\n").collect()
}

fn press(app: &mut App, letter: KeyCode) -> Vec<Effect> {
    app.update(Event::Key(KeyEvent::new(letter, KeyModifiers::NONE)));
    std::iter::from_fn(|| app.next_effect()).collect()
}

fn session(pid: i32, state: &str, age: f64) -> NamedRow {
    row! { pid: pid, backend_start: f64::from(pid), state: state, backend_type: "client backend", user: "web",
    database: "shop", application: "gunicorn", state_age: age, xact_age: age, query_age: age,
    query: "SELECT pg_sleep(600)" }
}

fn trouble() -> Snapshot {
    let index = |oid: i32, name: &'static str| {
        row! { indexrelid: oid, relid: 1, schema: "public", table: "shop_order", name: name, method: "btree",
        is_valid: false, is_ready: true }
    };
    let sessions = vec![session(11, "active", 400.0), session(12, "idle in transaction", 4000.0)];
    snapshot().with("activity", sessions).with("indexes", vec![index(5, "order_once"), index(6, "order_twice")])
}

#[test]
fn findings_read_well_at_every_size() {
    let mut app = app(trouble());
    for (width, height) in [(80, 24), (120, 40), (200, 50), (60, 24)] {
        let shown = screen(&mut app, width, height);
        let plain = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = |words: &str| {
            let found = shown.lines().position(|line| plain(line).contains(words));
            found.unwrap_or_else(|| panic!("{words} is not at {width}x{height}:\n{shown}"))
        };
        let worst = line("CRIT pid 12 gunicorn, idle in transaction for 1h06m");
        let next = line("WARN pid 11 gunicorn, in one transaction for 6m40s");
        let indexes = line("WARN 2 invalid indexes: order_once and 1 more");
        assert!(worst < next && next < indexes, "{shown}");
        assert!(plain(&shown).contains("Terminate the session if no one needs it"), "{shown}");
    }
}

#[test]
fn enter_tells_all_and_a_key_leads_to_the_row() {
    let mut app = app(trouble());
    drop(press(&mut app, KeyCode::Char('j')));
    drop(press(&mut app, KeyCode::Enter));
    let shown = screen(&mut app, 120, 40);
    for words in ["What to do", "Evidence", "Why", "PostgreSQL manual", "SELECT pg_sleep(600)", "o Activity"] {
        assert!(shown.contains(words), "{words} is not in\n{shown}");
    }
    drop(press(&mut app, KeyCode::Char('o')));
    assert_eq!(app.current(), crate::panes::activity::ID);
    let copied = press(&mut app, KeyCode::Char('Y'));
    let Some(Effect::Copy { text, .. }) = copied.first() else { panic!("{copied:?}") };
    assert!(text.contains("\"11\""), "the row of pid 11: {text}");
}

#[test]
fn a_row_that_is_gone_is_said_to_be() {
    let mut app = app(trouble());
    // The filter of Activity must not hide the way.
    drop(press(&mut app, KeyCode::Char('2')));
    for key in [KeyCode::Char('/'), KeyCode::Char('z'), KeyCode::Enter, KeyCode::Char('1'), KeyCode::Char('o')] {
        drop(press(&mut app, key));
    }
    assert_eq!(app.current(), crate::panes::activity::ID);
    assert!(screen(&mut app, 120, 40).contains("idle in tx"), "the filter went");
    drop(press(&mut app, KeyCode::Char('1')));
    let later = trouble().with("activity", vec![]).at(crate::fixture::NOW + 2.0);
    app.update(Event::Sampled(Arc::new(later)));
    assert!(!screen(&mut app, 120, 40).contains("CRIT"), "it is over");
}

#[test]
fn what_cannot_be_judged_is_said_in_the_frame() {
    let hidden = row! { pid: 2, user: "web", database: "shop" };
    let seen = snapshot().with("activity", vec![hidden]);
    let shown = screen(&mut app(seen), 120, 40);
    // What needs the sessions of others is not possible; what was not read at all is pending.
    let parts = shown.split_once(" checks not possible (! for why), ").map(|(before, after)| {
        let number = |text: &str| text.parse::<usize>().unwrap();
        (number(before.rsplit([' ', '│']).next().unwrap()), number(after.split(' ').next().unwrap()))
    });
    let (impossible, pending) = parts.unwrap_or_else(|| panic!("{shown}"));
    assert!(impossible == 3 && pending > 20 && pending + impossible <= RULES.len(), "{shown}");
}

#[test]
fn a_plan_file_is_opened_and_its_indexes_are_asked_for() {
    let mut app = app(snapshot());
    press(&mut app, KeyCode::Char('6'));
    press(&mut app, KeyCode::Char('f'));
    for letter in "plan.txt".chars() {
        press(&mut app, KeyCode::Char(letter));
    }
    let asked = press(&mut app, KeyCode::Enter);
    let [Effect::Start(id, Job::OpenFile { path })] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(path, "plan.txt");
    let text = "Seq Scan on shop_order  (cost=0.00..35.00 rows=10 width=8)\n  Filter: (status = 'x'::text)";
    // The shell answers while it deals with effects: what the answer asks for must be taken too.
    app.update(Event::Job(*id, JobNews::Done(JobResult::FileOpened(Ok(text.to_owned())))));
    assert!(matches!(app.next_effect(), Some(Effect::Start(_, Job::Advise { .. }))));
}

#[test]
fn a_plan_pasted_with_carriage_returns_is_read() {
    let mut app = app(snapshot());
    press(&mut app, KeyCode::Char('6'));
    let plan =
        "QUERY PLAN\rLimit  (cost=0.4..1.0 rows=5 width=8)\r  ->  Seq Scan on t  (cost=0.0..9.0 rows=9 width=8)\r";
    app.update(Event::Paste(plan.repeat(2)));
    let shown = screen(&mut app, 120, 40);
    assert!(shown.contains("Limit") && shown.contains("Seq Scan on t"), "{shown}");
    let footer = shown.lines().last().unwrap();
    assert!(footer.starts_with("The last of 2 plans"), "a note has no tick: {footer}");
}

#[test]
fn an_exact_measurement_is_cancelled_by_escape() {
    let mut app = app(snapshot().with("tables", vec![row! { relid: 7, schema: "public", name: "t", kind: "r" }]));
    press(&mut app, KeyCode::Char('4'));
    press(&mut app, KeyCode::Char('b'));
    let asked = press(&mut app, KeyCode::Char('y'));
    let [Effect::Start(id, Job::MeasureBloat { relation: MeasuredRelation::Table(7), .. })] = asked.as_slice() else {
        panic!("{asked:?}\n{}", screen(&mut app, 120, 40))
    };
    assert!(screen(&mut app, 120, 40).contains("Esc cancels it on the server"));
    assert_eq!(press(&mut app, KeyCode::Esc), [Effect::Cancel(*id)]);
    app.update(Event::Job(*id, JobNews::Done(JobResult::Cancelled)));
    assert!(screen(&mut app, 120, 40).contains("Cancelled the bloat measurement of t"));
    assert_eq!(press(&mut app, KeyCode::Esc), []);
}

#[test]
fn the_chart_is_full_from_the_start_and_grows_in_steps() {
    let mut pane = super::Overview::in_zone(jiff::tz::TimeZone::UTC);
    let mut history = crate::sample::History::default();
    let (mut spans, mut edges) = (Vec::new(), Vec::new());
    for second in 0..400 {
        let seen = snapshot().at(crate::fixture::NOW + f64::from(second)).with("activity", vec![]);
        history.push(Arc::new(seen));
        let moment = history.last().unwrap();
        let readings = crate::readings::Readings::of(Arc::clone(history.at(moment).unwrap()));
        let findings = crate::findings::Findings::default();
        let view = crate::app::PaneView::new(&history, moment, &readings, &findings);
        crate::app::Pane::refresh(&mut pane, &view);
        spans.push(pane.chart.span);
        edges.push(pane.chart.end);
    }
    spans.dedup();
    assert_eq!(spans, [6.0, 9.0, 14.0, 22.0, 35.0, 56.0, 90.0, 140.0, 220.0, 300.0]);
    edges.dedup();
    // While it grows it stays where it begins; then it moves on every 25 s.
    assert_eq!(edges.len(), spans.len() + 4);
}

#[test]
fn a_recording_refuses_at_once_what_only_a_server_could_answer() {
    let table = || snapshot().with("tables", vec![row! { relid: 1, schema: "public", name: "shop_cart", kind: "r" }]);
    for (origin, expected) in [
        (crate::app::SampleOrigin::Server, "Measure the bloat of shop_cart exactly?"),
        (crate::app::SampleOrigin::Recording, "This is a recording: there is no server to ask."),
    ] {
        let mut app = app_of(table(), origin);
        press(&mut app, KeyCode::Char('4'));
        press(&mut app, KeyCode::Char('b'));
        let screen = screen(&mut app, 120, 30);
        assert!(screen.contains(expected), "{screen}");
    }
}

#[test]
fn the_chart_goes_back_to_the_moment_that_is_shown() {
    use crate::app::{DrawContext, Pane as _, PaneView};
    use crate::findings::Findings;
    use crate::fixture::NOW;
    use crate::readings::Readings;
    let mut history = crate::sample::History::default();
    for step in 0..100 {
        let active = if step < 10 { 3 } else { 1 };
        let sessions = (0..active).map(|pid| session(pid, "active", 1.0)).collect();
        history.push(Arc::new(snapshot().at(NOW + f64::from(step) * 10.0).with("activity", sessions)));
    }
    let mut pane = super::Overview::in_zone(jiff::tz::TimeZone::UTC);
    let findings = Findings::default();
    let mut shown = |at: f64| {
        let moment = history.nearest(crate::sample::Timestamp(NOW + at)).unwrap();
        let readings = Readings::of(Arc::clone(history.at(moment).unwrap()));
        pane.refresh(&PaneView::new(&history, moment, &readings, &findings));
        let mut terminal = Terminal::new(TestBackend::new(120, 30)).unwrap();
        let theme = Theme::default();
        terminal.draw(|frame| pane.draw(frame, frame.area(), DrawContext { theme: &theme })).unwrap();
        let text: String = terminal.backend().buffer().content.iter().map(ratatui::buffer::Cell::symbol).collect();
        text
    };
    for (at, active) in [(990.0, 1), (50.0, 3), (900.0, 1), (300.0, 1)] {
        let text = shown(at);
        assert!(text.contains(&format!("Load by wait: {active} ")), "the title at {at}:\n{text}");
        assert!(text.contains(&format!("CPU {active} ")), "the legend at {at}:\n{text}");
        assert_eq!(text.contains('▲'), at < 990.0, "{at}:\n{text}");
    }
}

#[test]
fn workers_are_told_from_the_sessions_that_the_header_counts() {
    let worker = row! { pid: 12, backend_start: 12.0, state: "active", backend_type: "parallel worker", user: "web",
    database: "shop" };
    let mut app = app(snapshot().with("activity", vec![session(11, "active", 4.0), worker]));
    let shown = screen(&mut app, 120, 40);
    assert!(shown.contains("Load by wait: 2, 1 worker"), "{shown}");
}

#[test]
fn a_new_critical_finding_is_seen_wherever_the_list_was() {
    let quiet = || {
        snapshot()
            .with("settings", vec![row! { name: "fsync", value: "on" }])
            .with("activity", vec![row! { pid: 1, backend_type: "client backend", state: "idle in transaction", xact_age: 700.0, state_age: 700.0 }])
    };
    let mut app = app(quiet());
    press(&mut app, KeyCode::Char('G'));
    let waiter = |pid: i32| {
        row! { pid: pid, backend_type: "client backend", state: "active", wait_event_type: "Lock", query_age: 60.0, blocked_by: [1] }
    };
    let mut rows = vec![
        row! { pid: 1, backend_type: "client backend", state: "idle in transaction", xact_age: 700.0, state_age: 700.0 },
    ];
    rows.extend((2..9).map(waiter));
    app.update(Event::Sampled(Arc::new(quiet().at(crate::fixture::NOW + 2.0).with("activity", rows))));
    let shown = screen(&mut app, 80, 24);
    let first = shown.lines().find(|line| line.contains("CRIT")).unwrap_or_else(|| panic!("{shown}"));
    assert!(first.contains("7 sessions wait") && first.contains('▌'), "{shown}");
}
