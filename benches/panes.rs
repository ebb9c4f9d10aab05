//! How long the screen takes to take in a sample and a key, without a server: each pane on 10,000 statements, 20,000
//! tables, as many indexes and 500 sessions.
//!
//! `cargo bench --bench panes`. Timings decide no test.

use std::collections::BTreeMap;
use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use divan::{Bencher, black_box};
use jiff::tz::TimeZone;
use pgdj::app::{App, Event, PaneContext, PaneSpec, Rights, SampleOrigin, Start};
use pgdj::panes;
use pgdj::pg::probes;
use pgdj::readings::slices::{Dimension, LoadSamples, SliceFilter, TimeWindow};
use pgdj::sample::{History, Reading, RowSet, SampleCost, Seconds, Section, ServerFacts, Snapshot, Timestamp, Value};
use pgdj::ui::glyphs::UNICODE;
use pgdj::ui::theme::{Depth, Theme};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

const STATEMENTS: i64 = 10_000;
const TABLES: i64 = 20_000;
const SESSIONS: i64 = 500;
/// Tables of the 20,000 that are one app's.
const TABLES_OF_AN_APP: i64 = 50;
/// Seconds between two samples.
const PACE: f64 = 2.0;
/// Samples in the history.
const SAMPLES: u32 = 4;
const NOW: f64 = 1_800_000_000.0;

const PANES: [&str; 10] =
    ["overview", "activity", "queries", "tables", "indexes", "explain", "locks", "load", "replication", "advice"];

fn main() {
    divan::main();
}

/// Everything that is derived when another sample is shown: vital signs, findings, the pane.
#[divan::bench(args = PANES, sample_count = 5, sample_size = 2)]
fn another_sample(bencher: Bencher, pane: &str) {
    let mut app = console(pane);
    let mut is_back = false;
    bencher.bench_local(|| {
        is_back = !is_back;
        press(&mut app, if is_back { '[' } else { ']' });
    });
}

/// A key that moves the selection, and the frame after it.
#[divan::bench(args = PANES, sample_count = 5, sample_size = 5)]
fn a_key_and_a_frame(bencher: Bencher, pane: &str) {
    let mut app = console(pane);
    let mut terminal = Terminal::new(TestBackend::new(160, 50)).expect("a terminal in memory");
    terminal.draw(|frame| app.draw(frame)).expect("a frame");
    bencher.bench_local(|| {
        press(&mut app, 'j');
        terminal.draw(|frame| app.draw(black_box(frame))).expect("a frame");
    });
}

/// What Load decodes when it is shown for the first time: samples a second apart, each of 500 sessions, 50 of them active.
#[divan::bench(args = [300, 3600], sample_count = 3, sample_size = 1)]
fn the_load_is_sliced(bencher: Bencher, samples: u32) {
    let (history, window) = sessions_over_time(samples, SESSIONS, 1);
    bencher.bench_local(|| {
        let mut load = LoadSamples::default();
        load.take(&history, window);
        while load.is_behind() {
            load.take(&history, window);
        }
        black_box(load.count(window).taken)
    });
}

/// What Load derives of these samples when another one comes: the chart and the table.
#[divan::bench(args = [300, 3600], sample_count = 3, sample_size = 1)]
fn the_load_is_counted(bencher: Bencher, samples: u32) {
    let (history, window) = sessions_over_time(samples, SESSIONS / 10, 10);
    let mut load = LoadSamples::default();
    load.take(&history, window);
    while load.is_behind() {
        load.take(&history, window);
    }
    bencher.bench_local(|| {
        let all = SliceFilter::ALL;
        let series = load.series(window, all, Dimension::WaitClass, 6);
        let rows = load.rows(window, all, Dimension::Statement, Dimension::View);
        black_box((load.count(window).taken, series.points.len(), rows.len()))
    });
}

/// Samples a second apart, each of so many sessions, of which every `step`th of 500 is taken.
fn sessions_over_time(samples: u32, sessions: i64, step: i64) -> (History, TimeWindow) {
    let mut history = History::bounded(usize::MAX);
    let columns: Arc<[_]> = Arc::from(probes::find("activity").expect("a probe of this name").columns);
    for sample in 0..samples {
        let at = Timestamp(NOW + f64::from(sample));
        let row = |row: i64| columns.iter().map(|column| session(&column.name, row * step)).collect();
        let rows = RowSet::new(Arc::clone(&columns), (0..sessions).map(row));
        let sections = [("activity", Section::Ready(Arc::new(Reading { at, rows })))].into();
        history.push(Arc::new(Snapshot { at, server: Arc::default(), sections, cost: SampleCost::default() }));
    }
    (history, TimeWindow { from: Timestamp(NOW - 1.0), until: Timestamp(NOW + f64::from(samples)) })
}

fn press(app: &mut App, key: char) {
    app.update(Event::Key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE)));
    while app.next_effect().is_some() {}
}

fn console(pane: &str) -> App {
    let pane: &'static PaneSpec = panes::named(pane).expect("a pane of this name");
    let start = Start {
        target: "shop".into(),
        pane,
        pace: Seconds(PACE),
        rights: Rights::MayAct,
        origin: SampleOrigin::Server,
        zone: TimeZone::UTC,
        history_bytes: usize::MAX,
        theme: Theme::fallback(Depth::True, UNICODE),
        themes: None,
        vcpus: None,
    };
    let mut app = App::new(start, panes::ALL, &PaneContext::in_zone(TimeZone::UTC));
    for sample in 0..SAMPLES {
        app.update(Event::Sampled(Arc::new(snapshot(sample))));
    }
    app
}

fn snapshot(sample: u32) -> Snapshot {
    let at = Timestamp(NOW + PACE * f64::from(sample));
    let grown = i64::from(sample);
    let mut sections = BTreeMap::new();
    let mut add = |probe: &'static str, count: i64, value: &dyn Fn(&str, i64) -> Value| {
        let columns = probes::find(probe).expect("a probe of this name").columns;
        let row = |row: i64| columns.iter().map(|column| value(&column.name, row)).collect();
        let rows = RowSet::new(Arc::from(columns), (0..count).map(row));
        sections.insert(probe, Section::Ready(Arc::new(Reading { at, rows })));
    };
    add("server", 1, &server);
    add("activity", SESSIONS, &session);
    add("statements", STATEMENTS, &|column, row| statement(column, row, grown));
    add("statement_texts", STATEMENTS, &text_of_statement);
    add("tables", TABLES, &|column, row| table(column, row, grown));
    add("table_sizes", TABLES, &table_size);
    add("column_stats", TABLES, &column_stats);
    add("indexes", TABLES, &|column, row| index(column, row, grown));
    add("index_sizes", TABLES, &index_size);
    add("foreign_keys", TABLES, &foreign_key);
    add("content_types", TABLES, &content_type);
    add("databases", 1, &|column, _| database(column, grown));
    add("settings", 4, &setting);
    add("vacuum_horizon", 0, &|_, _| Value::Null);
    add("locks", 0, &|_, _| Value::Null);
    let memberships = ["pg_monitor", "pg_read_all_stats"].map(str::to_owned).into();
    let facts = ServerFacts { database: "shop".into(), role: "monitor".into(), memberships, ..ServerFacts::default() };
    Snapshot { at, server: Arc::new(facts), sections, cost: SampleCost::default() }
}

fn server(column: &str, _: i64) -> Value {
    match column {
        "max_connections" => Value::Int(600),
        "client_backends" => Value::Int(SESSIONS),
        "now" | "started" => Value::Float(NOW),
        "is_standby" => Value::Bool(false),
        _ => Value::Null,
    }
}

fn session(column: &str, row: i64) -> Value {
    let is_active = row % 10 == 0;
    match column {
        "pid" => Value::Int(1000 + row),
        "database" => Value::text("shop"),
        "user" => Value::text("web"),
        "application" => Value::text(&format!("gunicorn {}", row % 20)),
        "client" => Value::text("10.0.0.1:4711"),
        "backend_type" => Value::text("client backend"),
        "state" => Value::text(if is_active { "active" } else { "idle" }),
        "backend_start" => Value::Float(NOW - 60.0),
        "query_start" | "state_change" => Value::Float(NOW - 2.0),
        "xact_start" if is_active => Value::Float(NOW - 2.0),
        "wait_event_type" if row % 100 == 10 => Value::text("Lock"),
        "wait_event" if row % 100 == 10 => Value::text("transactionid"),
        "blocked_by" if row % 100 == 10 => Value::list([Value::Int(1000)].into()),
        "query" => Value::text(&format!("select * from shop_t{row} where id = 1 /*controller='shop',action='list'*/")),
        _ => Value::Null,
    }
}

fn statement(column: &str, row: i64, grown: i64) -> Value {
    match column {
        "queryid" => Value::Int(row + 1),
        "userid" | "dbid" => Value::Int(10),
        "toplevel" => Value::Bool(true),
        "user" => Value::text("web"),
        "database" => Value::text("shop"),
        "calls" => Value::Int(1000 + grown * (row % 7)),
        "total_time" => Value::Float((5000 + grown * (row % 7) * 3) as f64),
        "rows" | "shared_hit" => Value::Int(100_000 + grown * row),
        "shared_read" => Value::Int(1000 + grown * (row % 3)),
        "max_time" => Value::Float(50.0),
        _ => Value::Null,
    }
}

fn text_of_statement(column: &str, row: i64) -> Value {
    match column {
        "queryid" => Value::Int(row + 1),
        "query" => Value::text(&format!(
            "SELECT \"shop_t{row}\".\"id\", \"shop_t{row}\".\"name\", \"shop_t{row}\".\"created_at\" FROM \
             \"shop_t{row}\" WHERE \"shop_t{row}\".\"id\" = $1 LIMIT 21"
        )),
        _ => Value::Null,
    }
}

fn model(row: i64) -> (String, String) {
    (format!("app{}", row / TABLES_OF_AN_APP), format!("t{row}"))
}

fn table_name(row: i64) -> Value {
    let (app, model) = model(row);
    Value::text(&format!("{app}_{model}"))
}

fn table(column: &str, row: i64, grown: i64) -> Value {
    match column {
        "relid" => Value::Int(100_000 + row),
        "schema" => Value::text("public"),
        "name" => table_name(row),
        "kind" => Value::text("r"),
        "pages" | "visible_pages" => Value::Int(1000 + row),
        "reltuples" | "live" | "inserts" => Value::Int(100_000 + row),
        "dead" => Value::Int(row % 30_000),
        "seq_scan" | "idx_scan" | "updates" | "hot_updates" | "heap_read" | "heap_hit" => Value::Int(100 + grown),
        "seq_tup_read" => Value::Int(100_000 + grown * row),
        "deletes" | "mod_since_analyze" | "ins_since_vacuum" => Value::Int(10),
        "freeze_age" => Value::Int(1_000_000),
        "last_autovacuum" | "last_autoanalyze" => Value::Float(NOW - 3600.0),
        "options" => Value::list([Value::text("fillfactor=90")].into()),
        _ => Value::Null,
    }
}

fn table_size(column: &str, row: i64) -> Value {
    match column {
        "relid" => Value::Int(100_000 + row),
        "heap_bytes" => Value::Int((1000 + row) * 8192),
        "table_bytes" => Value::Int((1010 + row) * 8192),
        "index_bytes" => Value::Int(400 * 8192),
        "total_bytes" => Value::Int((1410 + row) * 8192),
        "read_at" => Value::Float(NOW),
        _ => Value::Null,
    }
}

fn column_stats(column: &str, row: i64) -> Value {
    match column {
        "relid" => Value::Int(100_000 + row),
        "is_na" => Value::Bool(false),
        "has_statistics" | "may_read" => Value::Bool(true),
        "fillfactor" => Value::Int(100),
        "pages" => Value::Int(1000 + row),
        "reltuples" => Value::Int(100_000 + row),
        "layout" => Value::text("8df0 8df0 4if0 33iv0 20iv1000 8df0"),
        _ => Value::Null,
    }
}

fn index(column: &str, row: i64, grown: i64) -> Value {
    let numbers = |number: i64| Value::list([Value::Int(number)].into());
    match column {
        "indexrelid" => Value::Int(500_000 + row),
        "relid" => Value::Int(100_000 + row),
        "schema" => Value::text("public"),
        "table" => table_name(row),
        "name" => Value::text(&format!("app{}_t{row}_name_1a2b3c4d", row / TABLES_OF_AN_APP)),
        "method" => Value::text("btree"),
        "is_valid" | "is_ready" => Value::Bool(true),
        "pages" => Value::Int(400),
        "reltuples" | "table_live" => Value::Int(100_000 + row),
        "key_columns" => numbers(2),
        "column_names" => Value::list([Value::text("name")].into()),
        "opclasses" => numbers(1978),
        "collations" | "key_options" => numbers(0),
        "scans" => Value::Int(if row % 50 == 0 { 0 } else { 10 + grown }),
        "tup_read" | "tup_fetch" | "blocks_read" | "blocks_hit" => Value::Int(1000 + grown),
        _ => Value::Null,
    }
}

fn index_size(column: &str, row: i64) -> Value {
    match column {
        "indexrelid" => Value::Int(500_000 + row),
        "bytes" => Value::Int(400 * 8192),
        "definition" => Value::text(&format!("CREATE INDEX app_t{row}_name ON public.app_t{row} USING btree (name)")),
        "read_at" => Value::Float(NOW),
        _ => Value::Null,
    }
}

fn foreign_key(column: &str, row: i64) -> Value {
    match column {
        "oid" => Value::Int(900_000 + row),
        "relid" => Value::Int(100_000 + row),
        "referred_relid" => Value::Int(100_000),
        "name" => Value::text(&format!("app_t{row}_owner_id_5e6f_fk")),
        "schema" => Value::text("public"),
        "table" => table_name(row),
        "referred_table" => table_name(0),
        "columns" => Value::list([Value::Int(if row % 40 == 0 { 3 } else { 2 })].into()),
        "column_names" => Value::list([Value::text("owner_id")].into()),
        _ => Value::Null,
    }
}

fn content_type(column: &str, row: i64) -> Value {
    let (app, model) = model(row);
    match column {
        "app_label" => Value::text(&app),
        "model" => Value::text(&model),
        _ => Value::Null,
    }
}

fn database(column: &str, grown: i64) -> Value {
    match column {
        "datname" => Value::text("shop"),
        "is_current" => Value::Bool(true),
        "stats_reset" => Value::Float(NOW - 9e6),
        "commits" | "blks_hit" => Value::Int(1_000_000 + 1000 * grown),
        "rollbacks" | "blks_read" => Value::Int(1000 + grown),
        _ => Value::Null,
    }
}

fn setting(column: &str, row: i64) -> Value {
    let settings = [
        ("autovacuum", "on"),
        ("autovacuum_vacuum_scale_factor", "0.2"),
        ("block_size", "8192"),
        ("autovacuum_naptime", "60"),
    ];
    let setting = usize::try_from(row).ok().and_then(|row| settings.get(row)).copied().unwrap_or_default();
    match column {
        "name" => Value::text(setting.0),
        "value" => Value::text(setting.1),
        _ => Value::Null,
    }
}
