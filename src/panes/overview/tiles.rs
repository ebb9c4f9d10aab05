//! The four tiles of the overview: connections, top queries, tables, indexes.

use std::collections::HashMap;

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::app::header::connections_health;
use crate::app::list::{Focus, List};
use crate::app::{Look, View, Vitals};
use crate::panes::queries::figures::{Since, costs};
use crate::readings::sessions::is_client;
use crate::sample::rates::Interval;
use crate::sample::unit::{Count, Share};
use crate::sample::{Bytes, Seconds};
use crate::ui::frame::Tile;
use crate::ui::gauge::Gauge;
use crate::ui::table::{Cell, Grid, GridColumn, Notice, Row};
use crate::ui::theme::Role;

/// Rows a tile keeps at the most.
const ROWS: usize = 30;

/// The tiles.
#[derive(Debug)]
pub(super) struct Tiles {
    connections: List,
    gauge: Option<(f64, String, crate::ui::Health)>,
    queries: List,
    tables: List,
    indexes: List,
    notes: [String; 4],
}

impl Default for Tiles {
    fn default() -> Self {
        let tile = || {
            let mut list = List::tile();
            list.focus(Focus::Elsewhere);
            list
        };
        Self {
            connections: tile(),
            gauge: None,
            queries: tile(),
            tables: tile(),
            indexes: tile(),
            notes: Default::default(),
        }
    }
}

impl Tiles {
    /// How many tiles there are.
    pub(super) const COUNT: usize = 4;

    /// Derives what the tiles show.
    pub(super) fn refresh(&mut self, view: &View<'_>) {
        let vitals = Vitals::at(view.history, view.moment);
        self.gauge = vitals.connections.zip(vitals.max_connections).map(|(used, limit)| {
            (
                used as f64 / limit.max(1) as f64,
                format!("{used}/{limit}"),
                connections_health(&vitals).unwrap_or_default(),
            )
        });
        let probes = ["activity", "statements", "tables", "indexes"];
        for (note, probe) in self.notes.iter_mut().zip(probes) {
            *note = crate::panes::footnote(view, probe, "").unwrap_or_default();
        }
        self.connections.refresh(connections(view));
        self.queries.refresh(queries(view));
        self.tables.refresh(tables(view));
        self.indexes.refresh(indexes(view));
    }

    /// Draws a tile.
    pub(super) fn draw(&self, which: usize, frame: &mut Frame<'_>, area: Rect, look: Look<'_>) {
        let (key, title, list) = match which {
            0 => ("2", "Connections", &self.connections),
            1 => ("3", "Top queries, last minute", &self.queries),
            2 => ("4", "Tables", &self.tables),
            _ => ("5", "Indexes", &self.indexes),
        };
        let note =
            self.notes.get(which).map(String::as_str).filter(|note| !note.is_empty()).map(|note| (note, Role::Muted));
        let mut inside =
            Tile { title, key: Some(key), note, has_focus: false }.draw(frame.buffer_mut(), area, look.theme);
        if which == 0
            && let Some((share, figures, health)) = &self.gauge
            && inside.height >= 2
        {
            let line = Rect { height: 1, ..inside };
            Gauge { label: "used", share: Some(*share), figures, health: Some(*health) }.draw(
                frame.buffer_mut(),
                line,
                look.theme,
            );
            inside = Rect { y: inside.y + 1, height: inside.height - 1, ..inside };
        }
        list.draw(frame, inside, look);
    }
}

fn missing(view: &View<'_>, probe: &str, columns: Vec<GridColumn>) -> Grid {
    Grid::missing(columns, crate::panes::notice(view.newer.section(probe)))
}

/// Sessions by application: how many, in which states.
fn connections(view: &View<'_>) -> Grid {
    let columns = vec![
        GridColumn::text("application", "application", 10).at_most(30),
        GridColumn::number("sessions", "sessions").short("sess"),
        GridColumn::number("active", "active").short("act"),
        GridColumn::number("in_tx", "idle in tx").short("in tx"),
        GridColumn::number("waiting", "waiting").short("wait"),
        GridColumn::number("oldest", "oldest tx").drop(1),
    ];
    let Some(activity) = view.newer.rows("activity") else { return missing(view, "activity", columns) };
    let mut groups: HashMap<String, [f64; 5]> = HashMap::new();
    for row in activity.iter().filter(is_client) {
        let name = row.text("application");
        let name = name.split(['[', ':']).next().unwrap_or(name).trim();
        let name = if name.is_empty() { "(no application_name)" } else { name };
        let [sessions, active, in_tx, waiting, oldest] = groups.entry(name.to_owned()).or_default();
        *sessions += 1.0;
        *active += f64::from(u8::from(row.text("state") == "active"));
        *in_tx += f64::from(u8::from(row.text("state").starts_with("idle in transaction")));
        *waiting += f64::from(u8::from(row.text("wait_event_type") == "Lock"));
        *oldest = oldest.max(row.number("xact_age").unwrap_or(0.0));
    }
    let mut rows: Vec<(String, [f64; 5])> = groups.into_iter().collect();
    rows.sort_by(|left, right| right.1[0].total_cmp(&left.1[0]).then_with(|| left.0.cmp(&right.0)));
    let mut grid = Grid::new(columns);
    for (name, [sessions, active, in_tx, waiting, oldest]) in rows.into_iter().take(ROWS) {
        let flagged = |value: f64, role: Role| {
            let cell = if value > 0.0 { Cell::number(value, value) } else { Cell::number("·", 0.0).role(Role::Muted) };
            if value > 0.0 { cell.role(role) } else { cell }
        };
        let cells = vec![
            Cell::text(&name),
            Cell::number(sessions, sessions),
            flagged(active, Role::Good),
            flagged(in_tx, Role::Warning),
            flagged(waiting, Role::Lock),
            Cell::optional((oldest > 0.0).then_some((Seconds(oldest), oldest))),
        ];
        grid.rows.push(Row::new(name, cells));
    }
    grid
}

fn queries(view: &View<'_>) -> Grid {
    let columns = vec![
        GridColumn::number("share", "share"),
        GridColumn::number("calls", "calls"),
        GridColumn::number("mean", "mean"),
        GridColumn::text("query", "query", 20),
    ];
    if view.newer.rows("statements").is_none() {
        return missing(view, "statements", columns);
    }
    let Some(mut costs) = costs(view.history, view.moment, Since::Seconds(60.0)) else {
        return Grid::missing(columns, Notice::new("an interval needs two samples"));
    };
    costs.statements.sort_by(|left, right| right.time_ms.total_cmp(&left.time_ms));
    let texts = view.newer.rows("statement_texts");
    let text_of = |id: i64| {
        texts.and_then(|rows| rows.iter().find(|row| row.int("queryid") == Some(id)).map(|row| row.text("query")))
    };
    let mut grid = Grid::new(columns);
    for one in costs.statements.iter().take(ROWS) {
        let Some(text) = text_of(one.queryid) else { continue };
        let cells = vec![
            Cell::number(Share(one.share), one.share),
            Cell::number(Count(one.calls), one.calls),
            Cell::number(Seconds(one.mean_ms() / 1e3), one.mean_ms()),
            Cell::text(crate::panes::queries::orm::without_columns(text).as_ref()),
        ];
        grid.rows.push(Row::new(one.key.clone(), cells));
    }
    if grid.rows.is_empty() {
        grid.notice = Some(Notice::new("no statement finished in the last minute"));
    }
    grid
}

/// Tables by what asks for attention: dead rows first, then sequential reading.
fn tables(view: &View<'_>) -> Grid {
    let columns = vec![
        GridColumn::text("table", "table", 12).at_most(36),
        GridColumn::number("size", "heap"),
        GridColumn::number("live", "rows"),
        GridColumn::number("dead", "dead"),
        GridColumn::number("seq", "seq rows/s").short("seq/s"),
        GridColumn::number("vacuum", "vacuumed").short("vacuum").drop(1),
    ];
    let Some(reading) = view.newer.section("tables").reading() else { return missing(view, "tables", columns) };
    let older = view.history.reading_before(view.moment, "tables");
    let interval = older.as_deref().and_then(|older| Interval::between(older, reading));
    let mut rows: Vec<(f64, Row)> =
        reading.rows.iter().map(|row| table_row(&row, interval.as_ref(), view.newer.at.0)).collect();
    rows.sort_by(|left, right| right.0.total_cmp(&left.0));
    let mut grid = Grid::new(columns);
    grid.rows = rows.into_iter().take(ROWS).map(|(_, row)| row).collect();
    if grid.rows.is_empty() {
        grid.notice = Some(Notice::new("this database has no tables of users"));
    }
    grid
}

fn table_row(row: &crate::sample::Row<'_>, interval: Option<&Interval<'_>>, now: f64) -> (f64, Row) {
    let (live, dead) = (row.number("live").unwrap_or(0.0), row.number("dead").unwrap_or(0.0));
    let size = row.number("pages").unwrap_or(0.0) * 8192.0;
    let dead_share = if live + dead > 0.0 { dead / (live + dead) } else { 0.0 };
    let seq = interval.and_then(|interval| interval.rate(row, "seq_tup_read"));
    let vacuum = row.number("last_vacuum").into_iter().chain(row.number("last_autovacuum")).max_by(f64::total_cmp);
    let dead_cell = Cell::number(Share(dead_share), dead_share);
    let cells = vec![
        Cell::text(row.text("name")),
        Cell::number(Bytes(size), size),
        Cell::number(Count(live), live),
        if dead_share > 0.2 && dead > 1000.0 { dead_cell.role(Role::Warning) } else { dead_cell },
        Cell::optional(seq.map(|rate| (Count(rate), rate))),
        Cell::optional(vacuum.map(|at| (Seconds(now - at), now - at))),
    ];
    (dead * 8.0 + seq.unwrap_or(0.0) + size / 8192.0, Row::new(row.int("relid").unwrap_or(0).to_string(), cells))
}

/// Indexes by size, the never used ones marked.
fn indexes(view: &View<'_>) -> Grid {
    let columns = vec![
        GridColumn::text("index", "index", 14).at_most(44),
        GridColumn::number("size", "size"),
        GridColumn::number("rate", "scans/s").short("/s"),
        GridColumn::number("scans", "scans").drop(1),
        GridColumn::text("verdict", "", 7),
    ];
    let Some(reading) = view.newer.section("indexes").reading() else { return missing(view, "indexes", columns) };
    let older = view.history.reading_before(view.moment, "indexes");
    let interval = older.as_deref().and_then(|older| Interval::between(older, reading));
    let mut rows: Vec<(f64, Row)> = reading.rows.iter().map(|row| index_row(&row, interval.as_ref())).collect();
    rows.sort_by(|left, right| right.0.total_cmp(&left.0));
    let mut grid = Grid::new(columns);
    grid.rows = rows.into_iter().take(ROWS).map(|(_, row)| row).collect();
    if grid.rows.is_empty() {
        grid.notice = Some(Notice::new("this database has no indexes of users"));
    }
    grid
}

fn index_row(row: &crate::sample::Row<'_>, interval: Option<&Interval<'_>>) -> (f64, Row) {
    let size = row.number("pages").unwrap_or(0.0) * 8192.0;
    let scans = row.number("scans").unwrap_or(0.0);
    let rate = interval.and_then(|interval| interval.rate(row, "scans"));
    let is_bound = ["is_unique", "is_primary", "is_constraint", "is_replica_identity"]
        .iter()
        .any(|flag| row.flag(flag) == Some(true));
    let (verdict, weight) = if row.flag("is_valid") == Some(false) {
        (Cell::mark("invalid", 2.0).role(Role::Bad), 1e15)
    } else if scans == 0.0 && !is_bound {
        (Cell::mark("unused", 1.0).role(Role::Warning), 1e12)
    } else {
        (Cell::default(), 0.0)
    };
    let cells = vec![
        Cell::text(row.text("name")),
        Cell::number(Bytes(size), size),
        Cell::optional(rate.map(|rate| (Count(rate), rate))),
        Cell::number(Count(scans), scans),
        verdict,
    ];
    (weight + size, Row::new(row.int("indexrelid").unwrap_or(0).to_string(), cells))
}
