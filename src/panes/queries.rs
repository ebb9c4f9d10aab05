//! Queries: what costs most, by interval, since a pinned moment, or since the counters were reset.
//!
//! On a narrow screen vanish, in this order: WAL, planning, database, temporary blocks, user, I/O, what was read, the trend,
//! rows a call, cache hits, the pattern, calls a second, the view or task. The share, the time, the calls, the mean and the
//! statement stay.

mod documents;
pub(super) mod orm;

use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::column::{PaneColumn, cells, column, headers};
use super::explain;
use crate::app::keys::{Binding, key};
use crate::app::list::List;
use crate::app::{Action, DrawContext, Effect, Job, JobIds, Pane, PaneId, PaneRequest, PaneSpec, PaneView, RowOrder};
use crate::document::Document;
use crate::pg::maintenance::MaintenanceTask;
use crate::readings::slices::{Dimension, SliceFilter, SliceValue, TimeWindow};
use crate::readings::statement_line::statement_line;
use crate::readings::statements::{Costs, Since, Statement, TREND_POINTS};
use crate::readings::tags::Tags;
use crate::sample::unit::{Count, Share};
use crate::sample::{Bytes, Seconds, Timestamp};
use crate::ui::glyphs::Glyphs;
use crate::ui::table::{Cell, Grid, GridColumn, GridRow, Notice, SortKind};
use crate::ui::theme::Role;

/// Bytes of a block, unless the server was built otherwise.
const BLOCK: f64 = 8192.0;
/// Letters of a text that the probe reads at the most: a longer one would be explained as another statement.
const MOST_LETTERS: usize = 100_000;

/// Seconds of samples that tell which sessions ran a statement.
const SEEN_FOR: f64 = 300.0;

/// Its name.
pub const ID: PaneId = PaneId { name: "queries", title: "Queries" };

const PIN: Action = Action::Own("pin");
const RESET: Action = Action::Own("reset counters");

/// The pane in the list of panes.
pub const PANE: PaneSpec = PaneSpec {
    id: ID,
    question: "Show the statements: what costs most?",
    tab: "Query",
    order: RowOrder::Sortable,
    bindings: KEYS,
    make: |_| Box::new(Queries::default()),
};

const KEYS: &[Binding] = &[
    key(Action::View, &["v"], "view", "Next interval: sample, minute, since pinned, since reset.").shown(5),
    key(RESET, &["Z"], "reset counters", "Set the counters of pg_stat_statements to zero, for everybody; asks first.")
        .acts(),
    key(PIN, &["b"], "pin", "Pin this moment and count from it (a deployment).").shown(6),
    explain::FROM_ROW,
];

/// The pane.
#[derive(Debug)]
pub struct Queries {
    list: List,
    since: Since,
    pinned: Option<Timestamp>,
    costs: Rc<Costs>,
    texts: HashMap<i64, Arc<String>>,
    texts_at: Timestamp,
    /// The texts of what is listed, each as one line.
    lines: HashMap<i64, String>,
    /// The view or task of each statement, where one is known.
    callers: HashMap<i64, Arc<str>>,
    /// The moment that they are of.
    callers_at: Timestamp,
    /// Whether they differed once: then they have a column, which stays.
    has_callers: bool,
    /// The marks of the terminal, as of the last frame.
    glyphs: Glyphs,
    ids: JobIds,
}

impl Default for Queries {
    fn default() -> Self {
        Self {
            list: List::sorted_by("time"),
            since: Since::Seconds(60.0),
            pinned: None,
            costs: Rc::default(),
            texts: HashMap::new(),
            texts_at: Timestamp::default(),
            lines: HashMap::new(),
            callers: HashMap::new(),
            callers_at: Timestamp::default(),
            has_callers: false,
            glyphs: crate::ui::glyphs::UNICODE,
            ids: JobIds::of(ID),
        }
    }
}

impl Pane for Queries {
    fn refresh(&mut self, view: &PaneView<'_>) {
        self.read_texts(view);
        let section = view.newer.section("statements");
        let derived = view.readings.costs(view.past(), self.since);
        let mut grid = match (section.rows(), derived) {
            (None, _) => Grid::missing(headers(&self.listed_columns()), super::notice(section)),
            (Some(_), None) => {
                Grid::missing(headers(&self.listed_columns()), Notice::new("Needs two samples; the next one is coming"))
            }
            (Some(_), Some(costs)) => {
                self.costs = costs;
                self.read_lines();
                self.read_callers(view);
                self.grid(view)
            }
        };
        grid.title = self.title();
        grid.footnote = super::footnote(view, "statements", &self.note());
        self.list.refresh(grid);
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        self.glyphs = context.theme.glyphs;
        self.list.draw(frame, area, context);
    }

    fn list(&mut self) -> Option<&mut List> {
        Some(&mut self.list)
    }

    fn act(&mut self, action: Action, view: &PaneView<'_>) -> PaneRequest {
        match action {
            Action::View => {
                let place = self.intervals().iter().position(|interval| *interval == self.since).unwrap_or(0);
                let about = |interval: &Since| match interval {
                    Since::Seconds(_) => ("last minute", "what was expensive just now"),
                    Since::Sample => ("last sample", "the time between the last two samples"),
                    Since::Pinned(_) => ("since the pinned moment", "b pins the moment shown"),
                    Since::Reset => ("since the counters were reset", "everything that the server counted"),
                };
                let views: Vec<(&str, &str)> = self.intervals().iter().map(about).collect();
                super::choose_view(&views, place)
            }
            PIN => {
                let at = view.newer.at;
                self.pinned = Some(at);
                self.since = Since::Pinned(at);
                PaneRequest::Say("Pinned: figures count from this moment".to_owned())
            }
            RESET => self.ask_reset(view),
            Action::Explain => match self.selected().and_then(|one| Some((one, self.text(one)?))) {
                Some((_, text)) if text.chars().count() >= MOST_LETTERS => PaneRequest::Say(
                    "The text is longer than the 100,000 letters that pgdj reads of it: paste it into Explain"
                        .to_owned(),
                ),
                Some((one, text)) => explain::show(text, format!("queryid {}", one.queryid)),
                None => PaneRequest::Say("No statement text for this row".to_owned()),
            },
            _ => PaneRequest::Nothing,
        }
    }

    fn picked(&mut self, _of: Action, place: usize) -> PaneRequest {
        self.since = self.intervals().get(place).copied().unwrap_or(self.since);
        PaneRequest::Nothing
    }

    fn inspect(&self, view: &PaneView<'_>) -> Option<Document> {
        let statement = self.selected()?;
        let caller = self.callers.get(&statement.queryid).map_or("", AsRef::as_ref);
        let told = documents::Told { text: self.text(statement), caller, since: &self.since_words() };
        Some(documents::statement(statement, &self.costs, told, view))
    }

    /// By the key of the row, or by the queryid alone.
    fn select(&mut self, key: &str) -> bool {
        let by_id = self.costs.statements.iter().find(|one| one.queryid.to_string() == key).map(|one| one.key.clone());
        self.list.select_key(by_id.as_deref().unwrap_or(key))
    }

    fn has_preview(&self) -> bool {
        true
    }

    fn is_narrowed(&self) -> bool {
        true
    }

    fn copy(&self, _view: Option<&PaneView<'_>>) -> Option<(String, String)> {
        let statement = self.selected()?;
        Some((self.text(statement)?.to_owned(), "the statement".to_owned()))
    }
}

impl Queries {
    fn selected(&self) -> Option<&Statement> {
        let key = self.list.selected_key()?;
        self.costs.statements.iter().find(|statement| statement.key == key)
    }

    /// Asks whether the counters are to be set to zero.
    fn ask_reset(&mut self, view: &PaneView<'_>) -> PaneRequest {
        if view.newer.section("statements").rows().is_none() {
            return PaneRequest::Say("pg_stat_statements was not read here".to_owned());
        }
        let mut about = Document::new("What it does");
        let server = &view.newer.server;
        about.pair("on", &format!("{} as {}", server.target, server.role));
        about.pair(
            "loses",
            "calls, times and texts of all statements of all databases and roles, for everybody who reads them",
        );
        about.pair("instead", "b pins this moment: figures then count from it, and nothing is lost");
        about.pair("cannot", "be taken back");
        let job = Job::Maintain { task: MaintenanceTask::ResetStatements, name: "pg_stat_statements".to_owned() };
        let question = "Set the counters of pg_stat_statements to zero?".to_owned();
        PaneRequest::Ask { about, question, then: Effect::Start(self.ids.take(), job) }
    }

    /// Returns the intervals that the figures can be of.
    fn intervals(&self) -> Vec<Since> {
        let pinned = self.pinned.map(Since::Pinned);
        [Since::Seconds(60.0), Since::Sample].into_iter().chain(pinned).chain([Since::Reset]).collect()
    }

    fn text(&self, statement: &Statement) -> Option<&str> {
        self.texts.get(&statement.queryid).map(|text| text.as_str())
    }

    /// Takes over the texts, which change only when statements are seen for the first time.
    fn read_texts(&mut self, view: &PaneView<'_>) {
        let Some(reading) = view.newer.section("statement_texts").reading() else { return };
        if reading.at == self.texts_at {
            return;
        }
        self.texts_at = reading.at;
        let texts = view.readings.statement_texts().iter().filter(|(_, text)| !text.is_empty());
        self.texts.extend(texts.map(|(id, text)| (*id, Arc::clone(text))));
    }

    /// Makes the lines of what is listed; those that were there stay.
    fn read_lines(&mut self) {
        let mut known = std::mem::take(&mut self.lines);
        for statement in &self.costs.statements {
            let id = statement.queryid;
            let Some(text) = self.texts.get(&id) else { continue };
            self.lines.entry(id).or_insert_with(|| known.remove(&id).unwrap_or_else(|| statement_line(text)));
        }
    }

    /// Looks for the view or task of each statement: in the samples, else in the comment of its text, which is that of the
    /// first who ran it.
    fn read_callers(&mut self, view: &PaneView<'_>) {
        let until = view.newer.at;
        let window = TimeWindow { from: Timestamp(until.0 - SEEN_FOR), until };
        let mut known = std::mem::replace(&mut self.callers, view.readings.callers(view.history, window));
        let was = std::mem::replace(&mut self.callers_at, until);
        let oldest = view.history.first().and_then(|first| view.history.at(first)).map_or(until, |oldest| oldest.at);
        // Of an earlier moment it is not known what was seen later, nor of a new history what was seen before it.
        if until < was || was < oldest {
            known.clear();
        }
        for statement in &self.costs.statements {
            let id = statement.queryid;
            if self.callers.contains_key(&id) {
                continue;
            }
            let by_text = || self.texts.get(&id).map(|text| Tags::of(text)).and_then(caller_of);
            let found = known.remove(&id).or_else(by_text);
            self.callers.extend(found.map(|name| (id, name)));
        }
        // One that all statements have in common tells them apart no more than none.
        let mut listed = self.costs.statements.iter().map(|statement| self.callers.get(&statement.queryid));
        let first = listed.next().flatten();
        self.has_callers |= listed.any(|caller| caller != first);
    }

    /// Returns the columns; a statement's view or task only where one was known.
    fn listed_columns<'a>(&self) -> Vec<PaneColumn<StatementRow<'a>>> {
        let mut columns = columns();
        if !self.has_callers {
            columns.retain(|one| !one.is("caller"));
        }
        columns
    }

    fn since_words(&self) -> String {
        match self.since {
            Since::Sample => "last sample".to_owned(),
            Since::Seconds(asked) => {
                let seconds = self.costs.seconds.filter(|seconds| (asked - seconds).abs() >= 1.0);
                format!("last {}", Seconds(seconds.unwrap_or(asked)))
            }
            Since::Pinned(at) => format!("since {} (pinned)", crate::app::screen::clock_text(at)),
            Since::Reset => "since the counters were reset".to_owned(),
        }
    }

    fn note(&self) -> String {
        let mut parts = Vec::new();
        // Of statements that ended: those that began earlier bring their whole time.
        if self.costs.seconds.is_some() {
            parts.push(format!("statements that ended took {}", Seconds(self.costs.total_ms / 1000.0)));
        }
        parts.extend(self.costs.notes.iter().cloned());
        parts.join("; ")
    }

    /// Says of which time the figures are; figures for a shorter time than was asked for say so.
    fn title(&self) -> String {
        let length = match (self.since, self.costs.seconds) {
            (Since::Seconds(_), _) | (_, None) => self.since_words(),
            (_, Some(seconds)) => format!("{}: {}", self.since_words(), Seconds(seconds)),
        };
        format!("Statements, {length}")
    }

    fn grid(&self, view: &PaneView<'_>) -> Grid {
        let columns = self.listed_columns();
        let mut grid = Grid::new(headers(&columns));
        let seen = (!view.filter.is_empty()).then(|| statements_seen(view));
        // One scale for all of them: each on its own would show noise as large as load.
        let trends = view.readings.trends(view.past());
        let most = trends.values().flatten().flatten().copied().filter(|one| one.is_finite()).fold(0.0, f64::max);
        let admitted = self.costs.statements.iter().filter(|statement| admits(statement, seen.as_ref(), view.filter));
        grid.rows = admitted.map(|statement| self.row(statement, &columns, view, most)).collect();
        if grid.rows.is_empty() {
            grid.notice = Some(match seen {
                Some(_) => Notice::new(
                    "No statement of the interval was seen in the samples of these sessions; one that waits to be planned, as for the \
                     lock on a table, has no queryid yet",
                ),
                None => Notice::new("No statement finished in this interval"),
            });
        }
        grid
    }

    fn row<'a>(
        &'a self,
        statement: &'a Statement,
        columns: &[PaneColumn<StatementRow<'a>>],
        view: &PaneView<'_>,
        most: f64,
    ) -> GridRow {
        let trends = view.readings.trends(view.past()).get(&statement.key);
        let spark =
            trends.map(|points| crate::ui::spark::spark(&roots(points), TREND_POINTS, most.sqrt(), &self.glyphs));
        let seconds = self.costs.seconds.filter(|seconds| *seconds > 0.0);
        let row = StatementRow {
            statement,
            spark: spark.unwrap_or_default(),
            per_second: seconds.map(|seconds| statement.calls / seconds),
            caller: self.callers.get(&statement.queryid).map_or("", AsRef::as_ref),
            text: self.text(statement),
            line: self.lines.get(&statement.queryid).map(String::as_str),
            without_text: waiting_for_text(statement, view),
        };
        GridRow::new(statement.key.clone(), cells(columns, &row))
    }
}

/// Returns the view that a comment names, else the task.
fn caller_of(tags: Tags) -> Option<Arc<str>> {
    [tags.view, tags.task].into_iter().find(|name| !name.is_empty()).map(Into::into)
}

/// Returns the statements that sessions ran which belong to what the console is narrowed to, as far as samples saw them.
fn statements_seen(view: &PaneView<'_>) -> HashSet<i64> {
    let until = view.newer.at;
    let window = TimeWindow { from: Timestamp(until.0 - SEEN_FOR), until };
    view.readings.load_samples(view.history, window).query_ids(window, view.filter)
}

/// Whether a statement belongs: a session that does ran it, and it is of the role and the database that are asked for.
fn admits(statement: &Statement, seen: Option<&HashSet<i64>>, filter: &SliceFilter) -> bool {
    let Some(seen) = seen else { return true };
    let is = |dimension, name: &str| match filter.value(dimension) {
        Some(SliceValue::Named(wanted)) => wanted.as_ref() == name,
        _ => true,
    };
    seen.contains(&statement.queryid)
        && is(Dimension::User, &statement.user)
        && is(Dimension::Database, &statement.database)
}

/// A statement as it is listed.
struct StatementRow<'a> {
    statement: &'a Statement,
    /// Its small history.
    spark: String,
    /// Calls a second; `None` where the length of the interval is not known.
    per_second: Option<f64>,
    /// The view or task that runs it; empty where none is known.
    caller: &'a str,
    text: Option<&'a str>,
    /// The text as one line.
    line: Option<&'a str>,
    /// What stands in place of the text.
    without_text: &'static str,
}

impl StatementRow<'_> {
    /// Returns its pattern, in Django's terms.
    fn hint(&self) -> Cell {
        let hint = orm::hint(self.text.unwrap_or_default(), self.statement, self.per_second);
        Cell::text(hint.unwrap_or_default()).role(Role::Warning)
    }

    fn query(&self) -> Cell {
        match self.line {
            Some(line) => Cell::text(line),
            None => Cell::text(self.without_text).role(Role::Muted),
        }
    }

    fn hits(&self) -> Cell {
        let total = self.statement.hit + self.statement.read;
        let hits = (total > 0.0).then(|| self.statement.hit / total);
        Cell::optional(hits.map(|share| (Share(share), share)))
    }
}

fn columns<'a>() -> Vec<PaneColumn<StatementRow<'a>>> {
    let trend = GridColumn::text("trend", "trend", 8)
        .help("Time of the statement in each of the last samples, the newest on the right; the square root, on one scale for all (pg_stat_statements).")
        .at_most(12)
        .drop(5)
        .sorted(SortKind::Fixed);
    vec![
        column(GridColumn::number("share", "share").help("Share of the execution time of all statements in the interval that v chooses (pg_stat_statements.total_exec_time)."), |row: &StatementRow<'_>| {
            Cell::number(Share(row.statement.share), row.statement.share)
        }),
        column(GridColumn::text("bar", "of all", 6).help("The share as a bar.").at_most(10).drop(3).sorted(SortKind::Fixed), |row| Cell::meter(row.statement.share, 6)),
        column(GridColumn::number("time", "time").help("Execution time of all its calls in the interval that v chooses (pg_stat_statements.total_exec_time)."), |row| millis_cell(row.statement.time_ms)),
        column(trend, |row| Cell::mark(row.spark.clone(), row.statement.time_ms).role(Role::Spark)),
        column(GridColumn::number("calls", "calls").help("How often it ran in the interval that v chooses (pg_stat_statements.calls)."), |row| count_cell(row.statement.calls)),
        column(GridColumn::number("rate", "calls/s").help("Calls per second in the interval that v chooses (pg_stat_statements.calls).").drop(2), |row| {
            Cell::optional(row.per_second.map(|rate| (Count(rate), rate)))
        }),
        column(GridColumn::number("mean", "mean").help("Execution time per call: time divided by calls (pg_stat_statements)."), |row| mean_cell(row.statement)),
        column(GridColumn::number("rows", "rows/call").help("Rows returned or changed per call (pg_stat_statements.rows).").drop(4), |row| count_cell(row.statement.rows_per_call())),
        column(GridColumn::number("hits", "hits").help("Share of its shared buffers that were found in memory and not read (pg_stat_statements.shared_blks_hit).").drop(3), StatementRow::hits),
        column(GridColumn::number("read", "read").help("Bytes read into shared buffers, from disk or the system's cache (pg_stat_statements.shared_blks_read).").drop(5), |row| bytes_cell(row.statement.read * BLOCK)),
        column(GridColumn::number("io", "I/O").help("Time spent reading and writing blocks; needs track_io_timing (pg_stat_statements.blk_read_time).").drop(6), |row| {
            let io = row.statement.io_ms;
            if io > 0.0 { millis_cell(io) } else { Cell::default() }
        }),
        column(GridColumn::number("temp", "temp").help("Bytes of temporary files written: work_mem was too small (pg_stat_statements.temp_blks_written).").drop(7), |row| bytes_cell(row.statement.temp_written * BLOCK)),
        column(GridColumn::number("wal", "WAL").help("Bytes of write-ahead log it made (pg_stat_statements.wal_bytes, 13 and later).").drop(10), |row| bytes_cell(row.statement.wal_bytes.unwrap_or(0.0))),
        column(GridColumn::number("plan", "planning").help("Time spent planning; needs track_planning (pg_stat_statements.total_plan_time, 13 and later).").drop(9), |row| {
            row.statement.plan_ms.map_or_else(Cell::default, millis_cell)
        }),
        column(GridColumn::text("user", "role", 5).told_once().help("The role that ran it (pg_stat_statements.userid).").at_most(14).drop(6), |row| Cell::text(&row.statement.user)),
        column(GridColumn::text("database", "database", 5).told_once().help("The database it ran in (pg_stat_statements.dbid).").at_most(14).drop(8), |row| {
            Cell::text(&row.statement.database)
        }),
        column(GridColumn::text("caller", "view or task", 16).short("view").names().help("The Django view that runs it most, else the command or task, by the samples of the last 5 minutes (pg_stat_activity.query); else by the comment of its first call.").at_most(36).drop(1), |row| Cell::text(row.caller)),
        column(GridColumn::text("hint", "pattern", 8).help("What pgdj recognizes in its text: a pattern of the Django ORM.").at_most(14).drop(2), StatementRow::hint),
        column(GridColumn::text("query", "statement", 44).help("The statement with its constants replaced by $1, $2, … (pg_stat_statements.query)."), StatementRow::query),
    ]
}

/// Returns the square roots: on one scale for all statements the small ones would be flat.
fn roots(points: &[Option<f64>]) -> Vec<Option<f64>> {
    points.iter().map(|point| point.map(|value| value.max(0.0).sqrt())).collect()
}

fn count_cell(count: f64) -> Cell {
    Cell::number(Count(count), count)
}

fn millis_cell(millis: f64) -> Cell {
    Cell::number(Seconds(millis / 1e3), millis)
}

fn mean_cell(statement: &Statement) -> Cell {
    let mean = statement.mean_ms();
    let cell = Cell::number(Seconds(mean / 1e3), mean);
    if mean >= 1000.0 {
        cell.role(Role::Bad)
    } else if mean >= 100.0 {
        cell.role(Role::Warning)
    } else {
        cell
    }
}

fn bytes_cell(bytes: f64) -> Cell {
    Cell::optional((bytes > 0.0).then_some((Bytes(bytes), bytes)))
}

fn waiting_for_text(statement: &Statement, view: &PaneView<'_>) -> &'static str {
    if statement.queryid == 0 || view.readings.server().is_ok_and(|server| server.sees_all == Some(false)) {
        "text hidden: GRANT pg_monitor"
    } else {
        "reading text"
    }
}

#[cfg(test)]
mod tests;
