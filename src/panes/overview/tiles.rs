//! The four tiles of the overview: connections, top queries, tables, indexes.

use std::collections::HashMap;

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::app::header::connections_health;
use crate::app::list::{Focus, List};
use crate::app::{Look, View};
use crate::catalog::index_usage::IndexUsage;
use crate::catalog::table_usage::TableUsage;
use crate::catalog::usage::Verdict;
use crate::readings::backends::Backend;
use crate::readings::sessions::at_least;
use crate::readings::statements::{Since, Statement};
use crate::readings::traffic::TrafficSpan;
use crate::sample::unit::{Count, Share};
use crate::sample::{Bytes, Seconds, Timestamp};
use crate::ui::Health;
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
    gauge: Option<(f64, String, Option<Health>)>,
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
        let vitals = view.readings.vitals(view.past());
        let is_stale = view.newer.section("server").why().is_some();
        self.gauge = vitals.connections.zip(vitals.max_connections).map(|(used, limit)| {
            let share = (used as f64 / limit.max(1) as f64).min(1.0);
            if is_stale {
                return (share, format!("{used}/{limit}?"), None);
            }
            (share, format!("{used}/{limit}"), connections_health(vitals))
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
            Gauge { label: "used", share: Some(*share), figures, health: *health }.draw(
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
        GridColumn::number("sessions", "sessions"),
        GridColumn::number("active", "active").short("act"),
        GridColumn::number("in_tx", "idle in tx"),
        GridColumn::number("waiting", "waiting").short("wait"),
        GridColumn::number("oldest", "oldest tx").drop(1),
    ];
    let Ok(backends) = view.readings.backends() else { return missing(view, "activity", columns) };
    let mut groups: HashMap<String, Group> = HashMap::new();
    for client in backends.iter().filter(|backend| backend.is_client()) {
        let name = client.application.as_str();
        let name = name.split(['[', ':']).next().unwrap_or(name).trim();
        let name = if name.is_empty() { "(no application_name)" } else { name };
        groups.entry(name.to_owned()).or_default().count(client);
    }
    let mut groups: Vec<(String, Group)> = groups.into_iter().collect();
    groups.sort_by(|left, right| right.1.sessions.cmp(&left.1.sessions).then_with(|| left.0.cmp(&right.0)));
    let mut grid = Grid::new(columns);
    grid.rows = groups.into_iter().take(ROWS).map(|(name, group)| group.row(name)).collect();
    // pgdj's own are connections too, and no rows.
    if grid.rows.is_empty() {
        grid.notice = Some(Notice::new("No sessions other than pgdj's"));
    }
    grid
}

/// The sessions of an application.
#[derive(Debug, Clone, Copy, Default)]
struct Group {
    sessions: usize,
    active: usize,
    in_transaction: usize,
    waiting: usize,
    /// Those whose state is not known: they may be in any of these counts.
    unknown: usize,
    oldest: Option<f64>,
}

impl Group {
    fn count(&mut self, client: &Backend) {
        self.sessions += 1;
        self.active += usize::from(client.state == "active");
        self.in_transaction += usize::from(client.is_idle_in_transaction());
        self.waiting += usize::from(client.is_waiting);
        self.unknown += usize::from(client.has_unknown_state());
        self.oldest = self.oldest.into_iter().chain(client.xact_age).reduce(f64::max);
    }

    fn row(self, name: String) -> Row {
        let counted = |count: usize, unknown: usize, role: Role| match (count, unknown) {
            (0, 0) => Cell::number("·", 0.0).role(Role::Muted),
            (0, _) => Cell::unknown(),
            (count, unknown) => Cell::number(at_least(count, unknown), count as f64).role(role),
        };
        let more = if self.unknown > 0 { "+" } else { "" };
        let oldest = match self.oldest {
            Some(age) => Cell::number(format!("{}{more}", Seconds(age)), age),
            None if self.unknown > 0 => Cell::unknown(),
            None => Cell::default(),
        };
        let cells = vec![
            Cell::text(&name),
            Cell::number(self.sessions, self.sessions as f64),
            counted(self.active, self.unknown, Role::Good),
            counted(self.in_transaction, self.unknown, Role::Warning),
            // Who waits for a lock is seen by everybody.
            counted(self.waiting, 0, Role::Lock),
            oldest,
        ];
        Row::new(name, cells)
    }
}

fn queries(view: &View<'_>) -> Grid {
    let columns = vec![
        GridColumn::number("share", "share"),
        GridColumn::number("calls", "calls"),
        GridColumn::number("mean", "mean"),
        GridColumn::text("query", "statement", 20),
    ];
    if view.newer.rows("statements").is_none() {
        return missing(view, "statements", columns);
    }
    let Some(costs) = view.readings.costs(view.past(), Since::Seconds(60.0)) else {
        return Grid::missing(columns, Notice::new("needs two samples"));
    };
    let may_read = view.newer.server.may_as("pg_read_all_stats");
    let mut statements: Vec<&Statement> = costs.statements.iter().collect();
    statements.sort_by(|left, right| right.time_ms.total_cmp(&left.time_ms));
    let texts = view.readings.statement_texts();
    let mut grid = Grid::new(columns);
    for one in statements.into_iter().take(ROWS) {
        let text = match texts.get(&one.queryid) {
            Some(text) => Cell::text(crate::panes::queries::orm::without_columns(text).as_ref()),
            None if !may_read => Cell::text(&format!("text hidden: statements of {}", one.user)).role(Role::Muted),
            None => Cell::text("text not read yet").role(Role::Muted),
        };
        let cells = vec![
            Cell::number(Share(one.share), one.share),
            Cell::number(Count(one.calls), one.calls),
            Cell::number(Seconds(one.mean_ms() / 1e3), one.mean_ms()),
            text,
        ];
        grid.rows.push(Row::new(one.key.clone(), cells));
    }
    if grid.rows.is_empty() {
        grid.notice = Some(Notice::new("No statement finished in the last minute"));
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
        GridColumn::number("seq", "seq rows/s"),
        GridColumn::number("vacuum", "last vacuum").short("last vac").drop(1),
    ];
    let Ok(tables) = view.readings.tables() else { return missing(view, "tables", columns) };
    let traffic = view.readings.table_traffic(view.past(), TrafficSpan::Sample);
    let seq_rows = |usage: &TableUsage| traffic.get(&usage.relid).and_then(|traffic| traffic.seq_rows);
    let mut rows: Vec<(f64, Row)> =
        tables.iter().map(|usage| table_row(usage, seq_rows(usage), view.newer.at)).collect();
    rows.sort_by(|left, right| right.0.total_cmp(&left.0));
    let mut grid = Grid::new(columns);
    grid.rows = rows.into_iter().take(ROWS).map(|(_, row)| row).collect();
    if grid.rows.is_empty() {
        grid.notice = Some(Notice::new("No tables in this database"));
    }
    grid
}

fn table_row(usage: &TableUsage, seq: Option<f64>, now: Timestamp) -> (f64, Row) {
    let size = size(usage.heap_bytes, usage.pages);
    let dead = usage.dead.unwrap_or(0.0);
    let share = usage.dead_share();
    let share = known(share.map(|share| (Share(share), share)));
    let cells = vec![
        Cell::text(&usage.name),
        known(size.map(|size| (Bytes(size), size))),
        known(usage.rows().map(|rows| (Count(rows), rows))),
        if usage.has_many_dead() { share.role(Role::Warning) } else { share },
        known(seq.map(|rate| (Count(rate), rate))),
        Cell::optional(usage.last_vacuum.map(|at| (Seconds(now.0 - at.0), now.0 - at.0))),
    ];
    let weight = dead * 8.0 + seq.unwrap_or(0.0) + size.unwrap_or(0.0) / 8192.0;
    (weight, Row::new(usage.relid.to_string(), cells))
}

/// Returns a size as it was read, else by the pages of the last vacuum or analyze; `None` before the first one.
fn size(bytes: Option<f64>, pages: f64) -> Option<f64> {
    bytes.or_else(|| (pages > 0.0).then_some(pages * 8192.0))
}

/// A number, or `?`.
fn known<T: std::fmt::Display>(number: Option<(T, f64)>) -> Cell {
    number.map_or_else(Cell::unknown, |(shown, number)| Cell::number(shown, number))
}

/// Indexes with a verdict first, by the rule of the Indexes pane, then by size.
fn indexes(view: &View<'_>) -> Grid {
    let columns = vec![
        GridColumn::text("index", "index", 14).at_most(44),
        GridColumn::number("size", "size"),
        GridColumn::number("rate", "scans/s"),
        GridColumn::number("scans", "scans").drop(1),
        GridColumn::text("verdict", "", 7),
    ];
    let Ok(usages) = view.readings.indexes() else { return missing(view, "indexes", columns) };
    let scans = view.readings.index_scans(view.past(), TrafficSpan::Sample);
    let judged = view.readings.judgements();
    let mut rows: Vec<(f64, Row)> = usages
        .iter()
        .map(|usage| {
            let verdict = judged.get(&usage.indexrelid).and_then(|judged| judged.verdicts.first());
            index_row(usage, verdict, scans.get(&usage.indexrelid).copied())
        })
        .collect();
    rows.sort_by(|left, right| right.0.total_cmp(&left.0));
    let mut grid = Grid::new(columns);
    grid.rows = rows.into_iter().take(ROWS).map(|(_, row)| row).collect();
    if grid.rows.is_empty() {
        grid.notice = Some(Notice::new("No indexes in this database"));
    }
    grid
}

fn index_row(usage: &IndexUsage, verdict: Option<&Verdict>, rate: Option<f64>) -> (f64, Row) {
    let (role, weight) = match verdict {
        Some(Verdict::Invalid) => (Role::Bad, 4e15),
        Some(Verdict::DuplicateOf(_)) => (Role::Warning, 3e15),
        Some(Verdict::Unused { is_suspicion: false }) => (Role::Warning, 2e15),
        Some(Verdict::CoveredBy(_) | Verdict::Unused { is_suspicion: true }) => (Role::Muted, 1e15),
        None => (Role::Text, 0.0),
    };
    let size = size(usage.bytes, usage.pages);
    let cells = vec![
        Cell::text(&usage.label()),
        known(size.map(|size| (Bytes(size), size))),
        known(rate.map(|rate| (Count(rate), rate))),
        known(usage.scans.map(|scans| (Count(scans), scans))),
        verdict.map_or_else(Cell::default, |verdict| Cell::mark(verdict.word(), weight).role(role)),
    ];
    (weight + size.unwrap_or(0.0), Row::new(usage.indexrelid.to_string(), cells))
}
