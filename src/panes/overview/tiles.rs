//! The four tiles of the overview: connections, top queries, tables, indexes.

mod applications;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use crate::app::list::{Focus, List};
use crate::app::signs::connections_health;
use crate::app::{DrawContext, PaneRequest, PaneSubject, PaneView};
use crate::catalog::index_usage::IndexUsage;
use crate::catalog::table_usage::TableUsage;
use crate::catalog::usage::IndexProblem;
use crate::panes::column::{PaneColumn, cells, column, headers};
use crate::readings::statement_line::statement_line;
use crate::readings::statements::{Since, Statement};
use crate::readings::traffic::TrafficSpan;
use crate::sample::unit::{Count, Share};
use crate::sample::{Bytes, Seconds, Timestamp};
use crate::ui::Health;
use crate::ui::frame::Tile;
use crate::ui::gauge::Gauge;
use crate::ui::table::{BarPart, Cell, Grid, GridColumn, GridRow, Notice, SortKind};
use crate::ui::theme::Role;

/// Seconds from which on the statements were not read for too long to say that none finished.
const STALE: f64 = 15.0;
/// Columns of a bar at the most.
const BAR: u16 = 20;
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
    /// Where each was drawn last, for clicks.
    drawn: [Rect; 4],
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
            drawn: Default::default(),
        }
    }
}

impl Tiles {
    /// How many tiles there are.
    pub(super) const COUNT: usize = 4;

    /// Derives what the tiles show.
    pub(super) fn refresh(&mut self, view: &PaneView<'_>) {
        let vitals = view.readings.vitals(view.past());
        let is_stale = view.newer.section("server").why().is_some();
        self.gauge = vitals.connections_share().zip(vitals.connections_words()).map(|(share, words)| {
            if is_stale {
                return (share, format!("{words}?"), None);
            }
            (share, words, connections_health(vitals))
        });
        let probes = ["activity", "statements", "tables", "indexes"];
        for (note, probe) in self.notes.iter_mut().zip(probes) {
            *note = crate::panes::footnote(view, probe, "").unwrap_or_default();
        }
        self.connections.refresh(applications::connections(view));
        self.queries.refresh(queries(view));
        self.tables.refresh(tables(view));
        self.indexes.refresh(indexes(view));
    }

    /// Returns the title of each tile and its list.
    pub(super) fn lists(&self) -> [(&'static str, &List); Self::COUNT] {
        [
            ("Connections", &self.connections),
            ("Top queries, last minute", &self.queries),
            ("Tables", &self.tables),
            ("Indexes", &self.indexes),
        ]
    }

    /// Forgets where the tiles were drawn; those that are drawn now take clicks.
    pub(super) fn begin(&mut self) {
        self.drawn = Default::default();
    }

    /// Opens the pane of the tile at a place, on the row there.
    pub(super) fn click(&mut self, at: Position) -> Option<PaneRequest> {
        let which = self.drawn.iter().position(|place| place.contains(at))?;
        let (pane, list) = match which {
            0 => return Some(PaneRequest::Go(crate::panes::activity::ID, PaneSubject::Nothing)),
            1 => (crate::panes::queries::ID, &mut self.queries),
            2 => (crate::panes::tables::ID, &mut self.tables),
            _ => (crate::panes::indexes::ID, &mut self.indexes),
        };
        let row = list.click(at).then(|| list.selected_key().map(ToOwned::to_owned)).flatten();
        Some(PaneRequest::Go(pane, row.map_or(PaneSubject::Nothing, PaneSubject::Row)))
    }

    /// Draws a tile.
    pub(super) fn draw(&mut self, which: usize, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        if let Some(place) = self.drawn.get_mut(which) {
            *place = area;
        }
        let Some((title, list)) = self.lists().get(which).copied() else { return };
        // Their panes are the ones after this.
        let key = (which + 2).to_string();
        let note =
            self.notes.get(which).map(String::as_str).filter(|note| !note.is_empty()).map(|note| (note, Role::Muted));
        let mut inside =
            Tile { title, key: Some(&key), note, has_focus: false }.draw(frame.buffer_mut(), area, context.theme);
        if which == 0
            && let Some((share, figures, health)) = &self.gauge
            && inside.height >= 2
        {
            // Below the border's title, as the rows are.
            let line = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), height: 1, ..inside };
            Gauge { label: "used", share: Some(*share), figures, health: *health }.draw(
                frame.buffer_mut(),
                line,
                context.theme,
            );
            inside = Rect { y: inside.y + 1, height: inside.height - 1, ..inside };
        }
        list.draw(frame, inside, context);
    }
}

fn missing(view: &PaneView<'_>, probe: &str, columns: Vec<GridColumn>) -> Grid {
    Grid::missing(columns, crate::panes::notice(view.newer.section(probe)))
}

/// A statement of the tile, and what stands for its text.
struct StatementTileRow<'a> {
    statement: &'a Statement,
    text: Cell,
}

fn statement_columns<'a>() -> Vec<PaneColumn<StatementTileRow<'a>>> {
    vec![
        column(GridColumn::number("share", "share").help("Share of the execution time of all statements in the last minute (pg_stat_statements.total_exec_time)."), |row: &StatementTileRow<'_>| {
            Cell::number(Share(row.statement.share), row.statement.share)
        }),
        column(bar_column("share_bar", 6, "The share as a bar."), |row| Cell::meter(row.statement.share, BAR)),
        column(GridColumn::number("calls", "calls").drop(6).help("How often it ran in the last minute (pg_stat_statements.calls)."), |row| {
            Cell::number(Count(row.statement.calls), row.statement.calls)
        }),
        column(GridColumn::number("mean", "mean").help("Execution time per call (pg_stat_statements)."), |row| {
            let mean = row.statement.mean_ms();
            Cell::number(Seconds(mean / 1e3), mean)
        }),
        column(GridColumn::text("query", "statement", 24).help("The statement (pg_stat_statements.query)."), |row| row.text.clone()),
    ]
}

fn queries(view: &PaneView<'_>) -> Grid {
    let columns = statement_columns();
    if view.newer.section("statements").reading().is_none() {
        return missing(view, "statements", headers(&columns));
    }
    let Some(costs) = view.readings.costs(view.past(), Since::Seconds(60.0)) else {
        return Grid::missing(headers(&columns), Notice::new("needs two samples"));
    };
    let may_read = view.newer.server.may_as("pg_read_all_stats");
    let mut statements: Vec<&Statement> = costs.statements.iter().collect();
    statements.sort_by(|left, right| right.time_ms.total_cmp(&left.time_ms));
    let texts = view.readings.statement_texts();
    let mut grid = Grid::new(headers(&columns));
    for statement in statements.into_iter().take(ROWS) {
        let text = match texts.get(&statement.queryid) {
            Some(text) => Cell::text(&statement_line(text)),
            None if !may_read => {
                Cell::text(&format!("text hidden: statements of {}", statement.user)).role(Role::Muted)
            }
            None => Cell::text("text not read yet").role(Role::Muted),
        };
        grid.rows.push(GridRow::new(statement.key.clone(), cells(&columns, &StatementTileRow { statement, text })));
    }
    if grid.rows.is_empty() {
        let age = view.newer.age("statements").unwrap_or_default();
        grid.notice = Some(Notice::new(if age.0 >= STALE {
            format!("Not read for {age}")
        } else {
            "No statement finished in the last minute".to_owned()
        }));
    }
    grid
}

/// A table of the tile.
struct TableTileRow<'a> {
    usage: &'a TableUsage,
    /// Rows that sequential scans read in a second.
    seq: Option<f64>,
    now: Timestamp,
    /// Bytes of the largest table.
    largest: f64,
}

impl TableTileRow<'_> {
    /// Orders the tables: dead rows first, then sequential reading.
    fn weight(&self) -> f64 {
        self.usage.dead.unwrap_or(0.0) * 8.0 + self.seq.unwrap_or(0.0) + self.usage.heap_size().unwrap_or(0.0) / 8192.0
    }

    fn dead(&self) -> Cell {
        let share = known(self.usage.dead_share().map(|share| (Share(share), share)));
        if self.usage.has_many_dead() { share.role(Role::Warning) } else { share }
    }

    fn last_vacuum(&self) -> Cell {
        let age = self.usage.last_vacuum.map(|at| self.now.0 - at.0);
        Cell::optional(age.map(|age| (Seconds(age), age)))
    }
}

fn table_columns<'a>() -> Vec<PaneColumn<TableTileRow<'a>>> {
    vec![
        column(
            GridColumn::text("table", "table", 16).help("The table (pg_class).").at_most(36).names(),
            |row: &TableTileRow<'_>| Cell::text(&row.usage.name),
        ),
        column(GridColumn::number("size", "heap").help("Size of its heap in bytes (pg_relation_size)."), |row| {
            known(row.usage.heap_size().map(|size| (Bytes(size), size)))
        }),
        column(
            GridColumn::number("live", "rows").help("Live rows, estimated (pg_stat_user_tables.n_live_tup)."),
            |row| known(row.usage.rows().map(|rows| (Count(rows), rows))),
        ),
        column(
            GridColumn::number("dead", "dead")
                .help("Share of its rows that are dead (pg_stat_user_tables.n_dead_tup)."),
            TableTileRow::dead,
        ),
        column(
            GridColumn::number("seq", "seq rows/s")
                .help("Rows per second that sequential scans read (pg_stat_user_tables.seq_tup_read)."),
            |row| known(row.seq.map(|rate| (Count(rate), rate))),
        ),
        column(
            GridColumn::number("vacuum", "last vacuum")
                .help("Time since the last vacuum (pg_stat_user_tables.last_vacuum).")
                .short("last vac")
                .drop(1),
            TableTileRow::last_vacuum,
        ),
        column(bar_column("size_bar", BAR, "Its size against that of the largest table."), |row| {
            size_bar(row.usage.heap_size(), row.largest)
        }),
    ]
}

/// Tables by what asks for attention: dead rows first, then sequential reading.
fn tables<'a>(view: &PaneView<'a>) -> Grid {
    let columns = table_columns();
    let Ok(tables) = view.readings.tables() else { return missing(view, "tables", headers(&columns)) };
    let traffic = view.readings.table_traffic(view.past(), TrafficSpan::Sample);
    let largest = tables.iter().filter_map(TableUsage::heap_size).fold(0.0, f64::max);
    let row = |usage: &'a TableUsage| TableTileRow {
        largest,
        usage,
        seq: traffic.get(&usage.relid).and_then(|of| of.seq_rows),
        now: view.newer.at,
    };
    let mut rows: Vec<TableTileRow<'_>> = tables.iter().map(row).collect();
    rows.sort_by(|left, right| right.weight().total_cmp(&left.weight()));
    let mut grid = Grid::new(headers(&columns));
    let shown = rows.iter().take(ROWS).map(|row| GridRow::new(row.usage.relid.to_string(), cells(&columns, row)));
    grid.rows = shown.collect();
    if grid.rows.is_empty() {
        grid.notice = Some(Notice::new("No tables in this database"));
    }
    grid
}

/// A column of bars, which are the first to go where there is little room.
fn bar_column(id: &'static str, min: u16, help: &'static str) -> GridColumn {
    GridColumn::text(id, "", min).help(help).sorted(SortKind::Fixed).drop(5)
}

/// A size as a bar: large is no verdict, so it has no colour of a ramp.
fn size_bar(size: Option<f64>, largest: f64) -> Cell {
    let Some(size) = size.filter(|size| *size > 0.0 && largest > 0.0) else { return Cell::default() };
    let width = ((size / largest * f64::from(BAR)).round() as u16).clamp(1, BAR);
    Cell::bar(vec![BarPart { width, role: Role::Bar, letter: '=' }], Bytes(size).to_string(), size)
}

/// A number, or `?`.
fn known<T: std::fmt::Display>(number: Option<(T, f64)>) -> Cell {
    number.map_or_else(Cell::unknown, |(shown, number)| Cell::number(shown, number))
}

/// An index of the tile.
struct IndexTileRow<'a> {
    usage: &'a IndexUsage,
    verdict: Option<&'a IndexProblem>,
    /// Scans a second.
    rate: Option<f64>,
    /// Bytes of the largest index.
    largest: f64,
}

impl IndexTileRow<'_> {
    /// Returns how the verdict looks, and how bad it is.
    fn severity(&self) -> (Role, f64) {
        match self.verdict {
            Some(IndexProblem::BeingBuilt(_)) => (Role::Accent, 5e14),
            Some(IndexProblem::Invalid) => (Role::Bad, 4e15),
            Some(IndexProblem::DuplicateOf(_)) => (Role::Warning, 3e15),
            Some(IndexProblem::Unused { is_suspicion: false }) => (Role::Warning, 2e15),
            Some(IndexProblem::CoveredBy(_) | IndexProblem::Unused { is_suspicion: true }) => (Role::Muted, 1e15),
            None => (Role::Text, 0.0),
        }
    }

    /// Orders the indexes: the worst verdict first, then the largest.
    fn weight(&self) -> f64 {
        self.severity().1 + self.usage.size().unwrap_or(0.0)
    }

    fn verdict(&self) -> Cell {
        let (role, severity) = self.severity();
        self.verdict.map_or_else(Cell::default, |verdict| Cell::mark(verdict.word(), severity).role(role))
    }
}

fn index_columns<'a>() -> Vec<PaneColumn<IndexTileRow<'a>>> {
    vec![
        column(
            GridColumn::text("index", "index", 24).help("The index (pg_index).").at_most(44).names(),
            |row: &IndexTileRow<'_>| Cell::text(&row.usage.label()),
        ),
        column(GridColumn::number("size", "size").help("Its size on disk in bytes (pg_relation_size)."), |row| {
            known(row.usage.size().map(|size| (Bytes(size), size)))
        }),
        column(
            GridColumn::number("rate", "scans/s")
                .help("Scans per second since the sample before (pg_stat_user_indexes.idx_scan)."),
            |row| known(row.rate.map(|rate| (Count(rate), rate))),
        ),
        column(
            GridColumn::number("scans", "scans")
                .help("Scans since the statistics were reset (pg_stat_user_indexes.idx_scan).")
                .drop(1),
            |row| known(row.usage.scans.map(|scans| (Count(scans), scans))),
        ),
        column(
            GridColumn::text("verdict", "", 7).help("What is wrong with it: unused, redundant, invalid."),
            IndexTileRow::verdict,
        ),
        column(bar_column("size_bar", BAR, "Its size against that of the largest index."), |row| {
            size_bar(row.usage.size(), row.largest)
        }),
    ]
}

/// Indexes with a verdict first, by the rule of the Indexes pane, then by size.
fn indexes<'a>(view: &PaneView<'a>) -> Grid {
    let columns = index_columns();
    let Ok(usages) = view.readings.indexes() else { return missing(view, "indexes", headers(&columns)) };
    let scans = view.readings.index_scans(view.past(), TrafficSpan::Sample);
    let judged = view.readings.judgements();
    let largest = usages.iter().filter_map(IndexUsage::size).fold(0.0, f64::max);
    let row = |usage: &'a IndexUsage| IndexTileRow {
        largest,
        usage,
        verdict: judged.of(usage.indexrelid).and_then(|judged| judged.verdicts.first()),
        rate: scans.get(&usage.indexrelid).copied(),
    };
    let mut rows: Vec<IndexTileRow<'_>> = usages.iter().map(row).collect();
    rows.sort_by(|left, right| right.weight().total_cmp(&left.weight()));
    let mut grid = Grid::new(headers(&columns));
    let shown = rows.iter().take(ROWS).map(|row| GridRow::new(row.usage.indexrelid.to_string(), cells(&columns, row)));
    grid.rows = shown.collect();
    if grid.rows.is_empty() {
        grid.notice = Some(Notice::new("No indexes in this database"));
    }
    grid
}
