//! Tables: what is bloated, unvacuumed, scanned?
//!
//! On a narrow screen vanish first the columns without a word in them, then the model, the age of the last analyze, the
//! HOT share, the rows, the freeze age. The name, the size, the bloat, the dead rows and how near the next vacuum is stay.

mod documents;
pub mod figures;

use ratatui::Frame;
use ratatui::layout::Rect;

use self::figures::{TableFigures, figures};
use super::column::{PaneColumn, cells, column, headers};
use super::measuring::{self, MEASURE, Measuring};
use super::sessions;
use super::upkeep::{self, UPKEEP, UpkeepOf};
use crate::app::keys::{Binding, key};
use crate::app::list::List;
use crate::app::{
    Action, Choice, DrawContext, JobId, JobNews, Pane, PaneId, PaneRequest, PaneSpec, PaneView, RowOrder,
};
use crate::catalog::autovacuum::Due;
use crate::catalog::bloat::{Bloat, BloatLimits, BloatMethod};
use crate::django::Owner;
use crate::document::Document;
use crate::pg::exact::MeasuredRelation;
use crate::pg::maintenance::TableTask;
use crate::readings::traffic::TrafficSpan;
use crate::sample::unit::{Count, Share};
use crate::sample::{Bytes, Seconds, Timestamp};
use crate::ui::dialog::PickItem;
use crate::ui::table::{Cell, Grid, GridColumn, GridRow, Notice};
use crate::ui::theme::Role;

/// Which columns are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum TableView {
    /// Bloat, vacuum, freezing.
    #[default]
    Upkeep,
    /// Scans and writes over the last minute.
    Traffic,
    /// The same since the counters were reset.
    Totals,
}

impl TableView {
    /// In the order in which they are declared.
    const ALL: [Self; 3] = [Self::Upkeep, Self::Traffic, Self::Totals];

    fn about(self) -> (&'static str, &'static str) {
        let about = match self {
            Self::Upkeep => "bloat, dead rows, vacuum, ANALYZE, freezing",
            Self::Traffic | Self::Totals => "scans, rows read and written, cache hits",
        };
        (self.name(), about)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Upkeep => "maintenance",
            Self::Traffic => "per second over the last minute",
            Self::Totals => "since the counters were reset",
        }
    }

    fn span(self) -> TrafficSpan {
        if self == Self::Totals { TrafficSpan::Reset } else { TrafficSpan::Minute }
    }
}

/// What the largest is on the ramp: large is no verdict.
const LARGEST: f64 = 0.5;

/// Its name.
pub const ID: PaneId = PaneId { name: "tables", title: "Tables" };

/// The pane in the list of panes.
pub const PANE: PaneSpec = PaneSpec {
    id: ID,
    question: "Show the tables: what is bloated, unvacuumed, scanned?",
    tab: "Table",
    order: RowOrder::Sortable,
    bindings: KEYS,
    make: |_| Box::new(Tables::default()),
};

const KEYS: &[Binding] = &[
    key(
        Action::View,
        &["v"],
        "view",
        "Choose the columns: maintenance, traffic per second, since reset; v again goes on.",
    )
    .shown(5),
    measuring::KEY,
    upkeep::KEY,
];

/// The pane.
#[derive(Debug)]
pub struct Tables {
    list: List,
    view: TableView,
    figures: Vec<TableFigures>,
    /// What was measured exactly on demand.
    measuring: Measuring,
    /// The questions of the work that was offered, in the order of the picker.
    offered: Vec<PaneRequest>,
}

impl Default for Tables {
    fn default() -> Self {
        Self {
            list: List::default(),
            view: TableView::default(),
            figures: Vec::new(),
            measuring: Measuring::of(ID),
            offered: Vec::new(),
        }
    }
}

impl Pane for Tables {
    fn refresh(&mut self, view: &PaneView<'_>) {
        let (grid, note) = if let Ok(found) = figures(view, self.view.span()) {
            self.figures = found.tables;
            for one in &mut self.figures {
                one.take_measured(self.measuring.measured().get(&one.usage.relid).copied());
            }
            self.figures.sort_by(|left, right| right.urgency().total_cmp(&left.urgency()));
            (self.grid(view), self.note(&found.notes))
        } else {
            self.figures.clear();
            (Grid::missing(headers(&columns(self.view)), super::notice(view.newer.section("tables"))), String::new())
        };
        let title = format!("Tables: {}", self.view.name());
        self.list.refresh(Grid { title, footnote: super::footnote(view, "tables", &note), ..grid });
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        self.list.draw(frame, area, context);
    }

    fn list(&mut self) -> Option<&mut List> {
        Some(&mut self.list)
    }

    fn act(&mut self, action: Action, view: &PaneView<'_>) -> PaneRequest {
        match action {
            UPKEEP => self.offer_upkeep(view),
            Action::View => super::choose_view(&TableView::ALL.map(TableView::about), self.view as usize),
            MEASURE => self.ask_exact(),
            _ => PaneRequest::Nothing,
        }
    }

    fn picked(&mut self, of: Action, place: usize) -> PaneRequest {
        if of == UPKEEP {
            let questions = std::mem::take(&mut self.offered);
            return questions.into_iter().nth(place).unwrap_or(PaneRequest::Nothing);
        }
        self.view = TableView::ALL.get(place).copied().unwrap_or_default();
        PaneRequest::Nothing
    }

    fn inspect(&self, view: &PaneView<'_>) -> Option<Document> {
        Some(documents::table(self.selected()?, view))
    }

    fn has_preview(&self) -> bool {
        true
    }

    fn copy(&self, _view: Option<&PaneView<'_>>) -> Option<(String, String)> {
        let one = self.selected()?;
        match documents::advice(one).into_iter().next() {
            Some(advice) => Some((advice.sql, format!("what to do about {}", one.usage.label()))),
            None => Some((one.usage.label(), "the table's name".to_owned())),
        }
    }

    fn take_job(&mut self, id: JobId, news: JobNews) -> PaneRequest {
        self.measuring.take(id, news)
    }
}

/// How old the count of all-visible pages is: `pg_class.relallvisible`.
const BY_LAST_VACUUM: &str = "estimated by the last vacuum or analyze";

impl Tables {
    fn selected(&self) -> Option<&TableFigures> {
        let key = self.list.selected_key()?;
        self.figures.iter().find(|one| one.key() == key)
    }

    /// Offers ANALYZE and VACUUM of the selected table.
    fn offer_upkeep(&mut self, view: &PaneView<'_>) -> PaneRequest {
        let Some(one) = self.selected() else { return PaneRequest::Nothing };
        if one.usage.is_partitioned() {
            return PaneRequest::Say(format!("{} holds no rows itself; choose a partition", one.usage.label()));
        }
        let usage = one.usage.clone();
        let all = view.readings.indexes().unwrap_or_default();
        let indexes = all.iter().filter(|index| index.relid == usage.relid).count();
        let of = UpkeepOf { usage: &usage, indexes, view };
        self.offered = TableTask::ALL.into_iter().map(|task| of.ask(task, self.measuring.next_id())).collect();
        let item = |(label, note): (&str, &str)| PickItem::new(label, note);
        let items = upkeep::offers().map(item).into();
        PaneRequest::Pick(Choice { of: UPKEEP, title: "Vacuum or analyze", items, selected: 0, key: "u" })
    }

    fn ask_exact(&mut self) -> PaneRequest {
        let Some(one) = self.selected() else { return PaneRequest::Nothing };
        if one.usage.is_partitioned() {
            return PaneRequest::Say(format!("{} holds no rows itself; measure a partition", one.usage.label()));
        }
        let size = one.usage.heap_size();
        let unseen = size.map(|size| size * (1.0 - one.usage.visible_share));
        let mut about = Document::new("What it costs");
        about.pair("table", &one.usage.label());
        about.pair("estimate", &super::estimate_words(one.bloat.as_ref()));
        about.pair("heap", &size.map_or_else(|| "?".to_owned(), |size| Bytes(size).to_string()));
        let reads = match unseen {
            None => "all pages that are not all-visible".to_owned(),
            Some(unseen) if unseen > 0.0 => {
                format!("about {}: it skips pages that are all-visible ({BY_LAST_VACUUM})", Bytes(unseen))
            }
            Some(_) => format!("little, if nothing changed since: every page was all-visible ({BY_LAST_VACUUM})"),
        };
        about.pair("reads", &reads);
        super::exact_costs(&mut about, unseen, "pgstattuple_approx()");
        let (relation, name) = (MeasuredRelation::Table(one.usage.relid), one.usage.label());
        let question = format!("Measure the bloat of {name} exactly?");
        PaneRequest::Ask { about, question, then: self.measuring.ask(relation, name) }
    }

    fn note(&self, notes: &[String]) -> String {
        let mut parts = Vec::new();
        let unknown = self.figures.iter().filter(|one| matches!(one.bloat, Some(Bloat::CannotEstimate(_)))).count();
        if self.view == TableView::Upkeep && unknown > 0 {
            parts.push(format!("?: {unknown} not estimated (Enter)"));
        }
        parts.extend(notes.iter().cloned());
        parts.join("; ")
    }

    fn grid(&self, view: &PaneView<'_>) -> Grid {
        let columns = columns(self.view);
        let mut grid = Grid::new(headers(&columns));
        let largest = self.figures.iter().filter_map(|one| one.usage.size()).fold(0.0, f64::max);
        grid.rows = self
            .figures
            .iter()
            .map(|one| GridRow::new(one.key(), cells(&columns, &TableRow { one, view, largest })))
            .collect();
        if grid.rows.is_empty() {
            grid.notice = Some(Notice::new("No tables in this database"));
        }
        grid
    }
}

/// A table as it is listed.
struct TableRow<'a> {
    one: &'a TableFigures,
    view: &'a PaneView<'a>,
    /// Bytes of the largest table.
    largest: f64,
}

type TableUsageColumn<'a> = PaneColumn<TableRow<'a>>;

fn columns<'a>(view: TableView) -> Vec<TableUsageColumn<'a>> {
    let size = |row: &TableRow<'_>| {
        let size = row.one.usage.size();
        size.map_or_else(unknown, |size| Cell::number(Bytes(size), size).heat(LARGEST * size / row.largest.max(1.0)))
    };
    let mut columns = vec![
        column(
            GridColumn::text("table", "table", 22)
                .names()
                .help("The table, with its schema where that is not public (pg_class).")
                .at_most(48),
            |row: &TableRow<'_>| Cell::text(&row.one.usage.label()),
        ),
        column(
            GridColumn::text("locked", "locked by", 9)
                .help("Process ids with an ACCESS EXCLUSIVE lock on it, held or waited for (pg_locks).")
                .at_most(16),
            |row| sessions::lockers_cell(row.view, &row.one.usage.locked_by).role(Role::Lock),
        ),
        column(
            GridColumn::text("model", "model", 12)
                .help("The Django model of the table (django_content_type, or guessed from its name).")
                .at_most(28)
                .drop(9),
            |row| Cell::text(&row.one.owner.as_ref().map(Owner::short).unwrap_or_default()),
        ),
        column(
            GridColumn::number("size", "size")
                .help("Its size on disk in bytes with indexes and TOAST (pg_total_relation_size)."),
            size,
        ),
        column(
            GridColumn::number("rows", "~rows")
                .help("Live rows, estimated (pg_stat_user_tables.n_live_tup, pg_class.reltuples).")
                .drop(4),
            |row| count(row.one.usage.rows()),
        ),
    ];
    columns.extend(match view {
        TableView::Upkeep => upkeep_columns(),
        TableView::Traffic | TableView::Totals => traffic_columns(),
    });
    columns
}

fn upkeep_columns<'a>() -> Vec<TableUsageColumn<'a>> {
    let wasted = |row: &TableRow<'_>| {
        let amount = row.one.bloat.as_ref().and_then(Bloat::amount).filter(|amount| !amount.is_within_error());
        Cell::optional(amount.map(|amount| (amount.bytes, amount.bytes.0)))
    };
    let dead = |row: &TableRow<'_>| {
        let usage = &row.one.usage;
        let cell = if usage.has_lost_counters() { unknown() } else { share(usage.dead_share()) };
        if usage.has_many_dead() { cell.role(Role::Warning) } else { cell }
    };
    let freeze = |row: &TableRow<'_>| {
        let due = row.one.due.as_ref();
        let cell = share(due.and_then(Due::freeze_share));
        if due.is_some_and(Due::is_freezing_late) { cell.role(Role::Warning) } else { cell }
    };
    vec![
        column(GridColumn::number("bloat", "bloat").help("Share of the heap that VACUUM FULL would free, estimated from statistics, or measured by b (pgstattuple)."), |row| bloat_cell(row.one.bloat.as_ref(), BloatLimits::TABLE)),
        column(GridColumn::number("wasted", "bloat size").help("The same in bytes.").drop(2), wasted),
        column(GridColumn::number("dead", "dead").help("Share of its rows that are dead and wait for vacuum (pg_stat_user_tables.n_dead_tup)."), dead),
        column(GridColumn::number("vacuum_due", "vacuum due").help("Dead or inserted rows, whichever is nearer, as a share of the number from which autovacuum starts; due from 100% on.").short("vac due"), |row| due(row.one, Due::vacuum_share)),
        column(GridColumn::number("vacuumed", "last vacuum").help("Time since the last vacuum, by hand or by autovacuum (pg_stat_user_tables.last_vacuum).").short("last vac").drop(3), |row| {
            ago(row.one.usage.last_vacuum, row.view.newer.at)
        }),
        column(GridColumn::number("analyze_due", "analyze due").help("Changed rows as a share of the number from which autovacuum analyzes; due from 100% on.").short("ana due").drop(5), |row| {
            due(row.one, Due::analyze_share)
        }),
        column(GridColumn::number("analyzed", "last analyze").help("Time since the last ANALYZE, by hand or by autovacuum (pg_stat_user_tables.last_analyze).").short("last ana").drop(7), |row| {
            ago(row.one.usage.last_analyze, row.view.newer.at)
        }),
        hot().drop(6),
        seq_share().drop(8),
        column(GridColumn::number("freeze", "freeze").help("Age of its oldest transaction id as a share of autovacuum_freeze_max_age (pg_class.relfrozenxid).").drop(3), freeze),
    ]
}

fn traffic_columns<'a>() -> Vec<TableUsageColumn<'a>> {
    vec![
        column(GridColumn::number("seq_scans", "seq scans").help("Sequential scans per second in the last minute, or since the counters were reset (pg_stat_user_tables.seq_scan).").short("seq"), |row: &TableRow<'_>| {
            count(row.one.traffic.seq_scans)
        }),
        column(GridColumn::number("seq_rows", "seq rows").help("Live rows that sequential scans read in the same time (pg_stat_user_tables.seq_tup_read)."), |row| count(row.one.traffic.seq_rows)),
        column(GridColumn::number("idx_scans", "idx scans").help("Index scans in the same time (pg_stat_user_tables.idx_scan).").short("idx").drop(2), |row| {
            count(row.one.traffic.idx_scans)
        }),
        seq_share().drop(5),
        column(GridColumn::number("inserts", "inserts").help("Rows inserted in the same time (pg_stat_user_tables.n_tup_ins).").short("ins").drop(1), |row| count(row.one.traffic.inserts)),
        column(GridColumn::number("updates", "updates").help("Rows updated in the same time (pg_stat_user_tables.n_tup_upd).").short("upd").drop(1), |row| count(row.one.traffic.updates)),
        column(GridColumn::number("deletes", "deletes").help("Rows deleted in the same time (pg_stat_user_tables.n_tup_del).").short("del").drop(1), |row| count(row.one.traffic.deletes)),
        hot().drop(3),
        column(GridColumn::number("heap_hits", "heap hits").help("Share of its heap blocks found in shared buffers (pg_statio_user_tables).").short("hits").drop(6), |row| {
            share(row.one.traffic.heap_hits())
        }),
    ]
}

fn hot<'a>() -> TableUsageColumn<'a> {
    column(
        GridColumn::number("hot", "HOT")
            .help("Share of its updates that changed no index (pg_stat_user_tables.n_tup_hot_upd)."),
        |row| share(row.one.traffic.hot_share()),
    )
}

fn seq_share<'a>() -> TableUsageColumn<'a> {
    column(
        GridColumn::number("seq_share", "seq share")
            .help("Share of its scans that are sequential (pg_stat_user_tables.seq_scan, idx_scan).")
            .short("seq%"),
        |row| share(row.one.traffic.seq_share()),
    )
}

/// Returns how near autovacuum's threshold is: a share, `due` from the threshold on, `?` where the counters came late.
fn due(one: &TableFigures, share: impl Fn(&Due) -> Option<f64>) -> Cell {
    let Some(due) = &one.due else { return Cell::default() };
    if one.usage.has_lost_counters() {
        return unknown();
    }
    match share(due) {
        Some(_) if !due.is_enabled => Cell::mark("off", -1.0).role(Role::Warning),
        Some(share) if share >= 1.0 => Cell::number("due", share).role(Role::Warning),
        Some(share) => Cell::number(Share(share), share),
        None if due.are_counters_late => Cell::mark("?", -1.0).role(Role::Muted),
        None => Cell::default(),
    }
}

/// Returns the bloat as it is shown: `~12%` estimated, `12%` measured, `?` where no number is one.
/// Returns bloat as a cell, coloured from the limits on of which the findings speak.
pub(super) fn bloat_cell(bloat: Option<&Bloat>, limits: BloatLimits) -> Cell {
    match bloat {
        None => Cell::default(),
        Some(Bloat::CannotEstimate(_)) => Cell::mark("?", -1.0).role(Role::Muted),
        Some(Bloat::Known(amount)) => {
            if amount.is_within_error() {
                return Cell::number("<15%", amount.share).role(Role::Muted);
            }
            let mark = if amount.method == BloatMethod::Exact { "" } else { "~" };
            let cell = Cell::number(format!("{mark}{}", Share(amount.share)), amount.share);
            if limits.is_notable(amount) { cell.role(Role::Warning) } else { cell }
        }
    }
}

fn count(number: Option<f64>) -> Cell {
    Cell::optional(number.map(|number| (Count(number), number)))
}

/// A figure that cannot be known.
fn unknown() -> Cell {
    Cell::number("?", -1.0).role(Role::Muted)
}

fn share(number: Option<f64>) -> Cell {
    Cell::optional(number.map(|number| (Share(number), number)))
}

fn ago(at: Option<Timestamp>, now: Timestamp) -> Cell {
    Cell::optional(at.map(|at| (Seconds((now.0 - at.0).max(0.0)), now.0 - at.0)))
}

#[cfg(test)]
mod tests;
