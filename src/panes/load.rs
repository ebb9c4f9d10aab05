//! Load: where does the time go? Average active sessions over time, cut by one dimension, and a table by the same or another.
//!
//! The chart goes below 12 rows. Of the table vanish on a narrow screen, in this order: the statement, the bar by wait
//! class, the change.

mod chart;
mod documents;
mod table;
#[cfg(test)]
mod tests;
mod words;

use jiff::tz::TimeZone;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};

use crate::app::keys::{Binding, key};
use crate::app::list::List;
use crate::app::screen::clock_text_in;
use crate::app::{
    Action, DrawContext, Pane, PaneContext, PaneId, PaneRequest, PaneSpec, PaneSubject, PaneView, RowOrder,
};
use crate::document::Document;
use crate::readings::slices::{Dimension, LoadSamples, SampleCount, SliceCondition, SliceRow, SliceValue, TimeWindow};
use crate::readings::statement_line::statement_line;
use crate::sample::Timestamp;
use crate::sample::unit::counted;
use crate::ui::chart::{ChartFrame, LoadChart};
use crate::ui::frame::Tile;
use crate::ui::table::{Grid, Notice};
use crate::ui::text::clean_cut;
use crate::ui::theme::Role;

use self::chart::Pictured;
use self::table::{LoadRow, headers_of};
use self::words::{beside, choice, sample_words, span_words};

/// Its name.
pub const ID: PaneId = PaneId { name: "load", title: "Load" };

const EARLIER: Action = Action::Own("earlier");
const LATER: Action = Action::Own("later");
const CHART_BY: Action = Action::Own("slice the chart");
const TABLE_BY: Action = Action::Own("slice the table");
const MARK: Action = Action::Own("mark");
const ZOOM: Action = Action::Own("zoom");
const COMPARE: Action = Action::Own("compare");
const WHY: Action = Action::Own("why");

/// The pane in the list of panes.
pub const PANE: PaneSpec = PaneSpec {
    id: ID,
    question: "Show the load by view, statement, wait: where does the time go?",
    tab: "Load",
    order: RowOrder::Sortable,
    bindings: KEYS,
    make: |context: &PaneContext| {
        Box::new(Load { zone: context.zone.clone(), vcpus: context.vcpus, ..Load::default() })
    },
};

const KEYS: &[Binding] = &[
    key(Action::Inspect, &["Enter"], "only this", "Show only this row's load; Activity, Queries and Locks follow.")
        .shown(2),
    key(CHART_BY, &["d"], "chart by", "Choose what the chart is cut by.").shown(3),
    key(TABLE_BY, &["D"], "table by", "Choose what the table is cut by.").shown(3),
    key(EARLIER, &["h", "Left"], "earlier", "Move the cursor on the chart to the left; every pane shows that moment."),
    key(LATER, &["l", "Right"], "later", "Move the cursor on the chart to the right."),
    key(MARK, &["m"], "mark", "Mark this moment: the table counts from here to the cursor.").shown(5),
    key(ZOOM, &["z"], "zoom", "Zoom to the time between the mark and the cursor; Esc or Backspace goes back.").shown(6),
    key(COMPARE, &["C"], "compare", "Compare with the same length of time before; sorted by the change.").shown(6),
    key(Action::View, &["v"], "span", "Show 5 minutes, 15 minutes or an hour.").shown(7),
    key(Action::Jump, &["o"], "go there", "Show the sessions of this row in Activity.").shown(7),
    key(WHY, &["x"], "why", "Say why statements have no view, and what helps."),
    super::explain::FROM_ROW,
];

/// Seconds that the chart shows.
const SPANS: [f64; 3] = [300.0, 900.0, 3600.0];
/// Rows of the table; the rest is summed up below it.
const MOST_ROWS: usize = 100;

/// The pane.
#[derive(Debug)]
pub struct Load {
    list: List,
    chart: LoadChart,
    /// Where it was drawn, for clicks and steps.
    chart_area: Rect,
    /// The right edge of the chart, which stays while an older moment is shown.
    end: Timestamp,
    span: usize,
    chart_by: Dimension,
    /// What the table is cut by, where a person chose it.
    table_by: Option<Dimension>,
    /// Whether a statement had a tag with its view; the table's own dimension is not to change with every sample.
    has_tags: bool,
    mark: Option<Timestamp>,
    zooms: Vec<TimeWindow>,
    is_compared: bool,
    /// Whether older samples are still to be read.
    is_behind: bool,
    shown: Shown,
    /// The most rows that the table had: what it does not need is the chart's, and neither jumps.
    most_rows: usize,
    zone: TimeZone,
    vcpus: Option<u32>,
}

/// What the last refresh derived.
#[derive(Debug, Default)]
struct Shown {
    dimension: Option<Dimension>,
    rows: Vec<SliceRow>,
    /// The steps of the breadcrumb.
    crumbs: Vec<String>,
    /// The time of the cursor with what its moment is made of.
    moment: String,
    /// How much the window is known by.
    count: SampleCount,
    samples: String,
    table: String,
}

impl Default for Load {
    fn default() -> Self {
        Self {
            list: List::default(),
            chart: LoadChart::default(),
            chart_area: Rect::ZERO,
            end: Timestamp::default(),
            span: 0,
            chart_by: Dimension::WaitClass,
            table_by: None,
            has_tags: false,
            mark: None,
            zooms: Vec::new(),
            is_compared: false,
            is_behind: false,
            shown: Shown::default(),
            most_rows: 0,
            zone: TimeZone::UTC,
            vcpus: None,
        }
    }
}

impl Pane for Load {
    fn refresh(&mut self, view: &PaneView<'_>) {
        self.follow_clock(view);
        let whole = self.chart_window();
        let window = self.window(view);
        let compared = if self.is_compared { whole.before().from.0.min(window.before().from.0) } else { whole.from.0 };
        let from = compared.min(window.from.0);
        let known = TimeWindow { from: Timestamp(from), until: whole.until };
        let samples = view.readings.load_samples(view.history, known);
        self.is_behind = samples.is_behind();
        self.has_tags |= samples.count(whole).has_tags;
        let pictured = Pictured { whole, window, is_zoomed: !self.zooms.is_empty(), dimension: self.chart_by };
        self.chart = LoadChart {
            limits: super::load_limits(view, self.vcpus),
            mark: self.mark.map(|mark| mark.0),
            utc_offset: super::utc_offset(&self.zone, view.newer.at.0),
            ..chart::chart(view, &samples, pictured)
        };
        self.derive(view, &samples, window);
        let grid = self.grid(view, &samples, window);
        self.most_rows = self.most_rows.max(grid.rows.len());
        self.list.refresh(grid);
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        let chart = self.chart_height(area.height);
        let [top, bottom] = Layout::vertical([Constraint::Length(chart), Constraint::Min(1)]).areas(area);
        let glyphs = &context.theme.glyphs;
        let crumbs = self.shown.crumbs.join(if glyphs.is_unicode { " › " } else { " > " });
        let only = if crumbs.is_empty() { String::new() } else { format!(" {} {crumbs}", glyphs.dot) };
        if chart > 0 {
            self.draw_chart(frame, top, context, &only);
        }
        let mut heading = if chart > 0 { self.shown.table.clone() } else { format!("{}{only}", self.shown.table) };
        if !self.list.filter().is_empty() {
            let (found, all) = (self.list.shown().count(), self.list.len());
            heading.push_str(&format!(": {found} of {all} match \"{}\"", clean_cut(self.list.filter(), 24).trim()));
        }
        let note = Some((self.shown.samples.as_str(), Role::Muted));
        let tile = Tile { title: &heading, key: None, note, has_focus: true };
        let inside = tile.draw(frame.buffer_mut(), bottom, context.theme);
        self.list.draw_rows(frame, inside, context);
        self.list.draw_place(frame, bottom, context);
    }

    fn list(&mut self) -> Option<&mut List> {
        Some(&mut self.list)
    }

    fn act(&mut self, action: Action, view: &PaneView<'_>) -> PaneRequest {
        match action {
            EARLIER => self.step(view, -1),
            LATER => self.step(view, 1),
            CHART_BY => choice(CHART_BY, "Chart by", self.chart_by),
            TABLE_BY => choice(TABLE_BY, "Table by", self.shown.dimension.unwrap_or(Dimension::Statement)),
            MARK => self.set_mark(view),
            ZOOM => self.zoom(view),
            COMPARE => {
                self.is_compared = !self.is_compared;
                PaneRequest::Nothing
            }
            WHY if self.shown.count.cut > 0 => PaneRequest::Open(documents::cut_statements(self.shown.count.cut)),
            WHY => PaneRequest::Open(documents::untagged()),
            Action::View => {
                self.span = (self.span + 1) % SPANS.len();
                self.zooms.clear();
                PaneRequest::Say(format!("The last {}", span_words(self.chart_span())))
            }
            _ => self.act_on_row(action, view),
        }
    }

    fn inspect(&self, _view: &PaneView<'_>) -> Option<Document> {
        None
    }

    fn copy(&self, view: Option<&PaneView<'_>>) -> Option<(String, String)> {
        let (dimension, row) = self.selected()?;
        Some((view?.readings.slice_label(dimension, &row.value), format!("the {}", dimension.name())))
    }

    fn click(&mut self, at: Position) -> PaneRequest {
        let moment = self.chart.moment_at(self.chart_area, at.x).filter(|_| self.chart_area.contains(at));
        moment.map_or(PaneRequest::Nothing, |moment| PaneRequest::Hold(Timestamp(moment)))
    }

    fn close(&mut self) -> Option<PaneRequest> {
        let is_closed = self.mark.take().is_some() || self.zooms.pop().is_some();
        is_closed.then_some(PaneRequest::Nothing)
    }

    fn is_behind(&self) -> bool {
        self.is_behind
    }

    fn is_zoomed(&self) -> bool {
        self.mark.is_some() || !self.zooms.is_empty()
    }

    fn picked(&mut self, of: Action, place: usize) -> PaneRequest {
        if let Some(dimension) = Dimension::ALL.get(place).copied() {
            match of {
                CHART_BY => self.chart_by = dimension,
                _ => self.table_by = Some(dimension),
            }
        }
        PaneRequest::Nothing
    }
}

impl Load {
    /// Keeps the right edge of the chart while an older moment is shown; one that the chart does not show moves it there.
    fn follow_clock(&mut self, view: &PaneView<'_>) {
        let at = view.newer.at;
        let is_newest = !view.is_held;
        if !is_newest {
            self.zooms.retain(|zoom| zoom.from.0 <= at.0 && at.0 <= zoom.until.0);
        }
        let span = self.chart_span();
        if is_newest || at > self.end && self.zooms.is_empty() {
            self.end = at;
        } else if self.zooms.is_empty() && at.0 <= self.end.0 - span {
            let newest = view.history.newest().map_or(at.0, |newest| newest.at.0);
            self.end = Timestamp((at.0 + span / 2.0).min(newest));
        }
    }

    fn draw_chart(&mut self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>, only: &str) {
        let moment = &self.shown.moment;
        let dot = context.theme.glyphs.dot;
        let moment = if moment.is_empty() { String::new() } else { format!(" {dot} {moment}") };
        let hidden = self.shown.count.unknown.round();
        let hidden = if hidden >= 1.0 { format!(" {dot} without {hidden:.0} that are hidden") } else { String::new() };
        let heading = format!("Load by {}{only}{hidden}{moment}", self.chart_by.name());
        let heading = ChartFrame { title: &heading, note: None };
        self.chart_area = self.chart.draw(frame.buffer_mut(), area, context.theme, heading);
    }

    /// Returns the rows of the screen for the chart: two fifths, and what the table does not need, up to three fifths.
    fn chart_height(&self, height: u16) -> u16 {
        if height < 12 {
            return 0;
        }
        // A border, a header and a line of notes stand around the rows.
        let table = u16::try_from(self.most_rows).unwrap_or(u16::MAX).saturating_add(4).max(8);
        height.saturating_sub(table).clamp(height * 2 / 5, height * 3 / 5).max(7)
    }

    fn chart_span(&self) -> f64 {
        SPANS.get(self.span).copied().unwrap_or(300.0)
    }

    /// Returns the time that the chart shows.
    fn chart_window(&self) -> TimeWindow {
        let all = TimeWindow { from: Timestamp(self.end.0 - self.chart_span()), until: self.end };
        self.zooms.last().copied().unwrap_or(all)
    }

    /// Returns the time that the table counts.
    fn window(&self, view: &PaneView<'_>) -> TimeWindow {
        self.marked(view).unwrap_or_else(|| self.chart_window())
    }

    /// Returns the time between the mark and the cursor, with both.
    fn marked(&self, view: &PaneView<'_>) -> Option<TimeWindow> {
        let (mark, cursor) = (self.mark?.0, view.newer.at.0);
        Some(TimeWindow { from: Timestamp(mark.min(cursor) - 1e-3), until: Timestamp(mark.max(cursor)) })
    }

    /// Returns what the table is cut by: what a person chose, else the view or the statement, else what is not narrowed yet.
    fn table_dimension(&self, view: &PaneView<'_>) -> Dimension {
        let view_first = if self.has_tags { Dimension::View } else { Dimension::Statement };
        let by_itself =
            [view_first, Dimension::Statement, Dimension::WaitEvent, Dimension::Application, Dimension::User];
        let mut free = by_itself.into_iter().filter(|dimension| view.filter.value(*dimension).is_none());
        self.table_by.or_else(|| free.next()).unwrap_or(Dimension::Statement)
    }

    fn derive(&mut self, view: &PaneView<'_>, samples: &LoadSamples, window: TimeWindow) {
        let dimension = self.table_dimension(view);
        let count = samples.count(window);
        let is_held = view.is_held;
        let moment = if is_held {
            format!("{} {}", self.clock(view.newer.at), chart::words(&self.chart, view.newer.at))
        } else {
            String::new()
        };
        let length = if self.mark.is_some() || !self.zooms.is_empty() {
            format!("{} to {}", self.clock(window.from), self.clock(window.until))
        } else {
            format!("last {}", span_words(window.length().0))
        };
        let before = if self.is_compared {
            let length = window.length().0;
            let clock = |at: f64| self.clock(Timestamp(at));
            format!(", compared with {} to {}", clock(window.from.0 - length), clock(window.from.0))
        } else {
            String::new()
        };
        self.shown = Shown {
            dimension: Some(dimension),
            rows: Vec::new(),
            crumbs: view.crumbs(),
            moment,
            samples: match count.unknown.round() {
                hidden if hidden >= 1.0 => format!("{hidden:.0} hidden, {}", sample_words(&count)),
                _ => sample_words(&count),
            },
            count,
            table: format!("By {}, {length}{before}", dimension.name()),
        };
    }

    fn grid(&mut self, view: &PaneView<'_>, samples: &LoadSamples, window: TimeWindow) -> Grid {
        let dimension = self.shown.dimension.unwrap_or(Dimension::Statement);
        let section = view.newer.section("activity");
        let (headers, columns) = headers_of(dimension, self.is_compared);
        if section.rows().is_none() {
            return Grid::missing(headers, super::notice(section));
        }
        let all = samples.rows(window, view.filter, dimension, beside(dimension));
        let total: f64 = all.iter().map(|row| row.active).sum();
        let is_known = self.is_compared && samples.count(window.before()).taken > 0;
        let before = is_known.then(|| samples.rows(window.before(), view.filter, dimension, beside(dimension)));
        let rows = table::with_changes(all, before);
        let most = rows.iter().map(|row| row.slice.active).fold(0.0, f64::max);
        let left_out = rows.len().saturating_sub(MOST_ROWS);
        let mut grid = Grid::new(headers);
        self.shown.rows = rows.iter().take(MOST_ROWS).map(|row| row.slice.clone()).collect();
        let label = |of: Dimension, value: &SliceValue| {
            let label = view.readings.slice_label(of, value);
            if of == Dimension::Statement { statement_line(&label) } else { label }
        };
        grid.rows = rows
            .into_iter()
            .take(MOST_ROWS)
            .map(|row| {
                let row = LoadRow {
                    share: (total > 0.0 && self.shown.count.is_enough_for_shares()).then(|| row.slice.active / total),
                    name: label(dimension, &row.slice.value),
                    mostly: row
                        .slice
                        .mostly
                        .as_ref()
                        .map(|mostly| label(beside(dimension), mostly))
                        .unwrap_or_default(),
                    most,
                    row,
                };
                table::grid_row(&columns, &row)
            })
            .collect();
        if grid.rows.is_empty() {
            grid.notice = Some(if self.shown.count.taken == 0 {
                Notice::new("No sample of this time")
            } else {
                match self.shown.count.unknown.round() {
                    hidden if hidden >= 1.0 => {
                        let text = format!(
                            "Not known: {hidden:.0} sessions may be active, and this role does not see their state"
                        );
                        Notice::new(text).role(Role::Warning)
                    }
                    _ => Notice::new("No active session in this time"),
                }
            });
        }
        grid.footnote = super::footnote(view, "activity", &self.notes(left_out, is_known));
        grid
    }

    /// Says what is to be known of the figures.
    fn notes(&self, left_out: usize, is_before_known: bool) -> String {
        let mut notes = Vec::new();
        if self.is_behind {
            notes.push("reading older samples".to_owned());
        }
        let count = &self.shown.count;
        if count.taken > 0 && !count.is_enough_for_shares() {
            notes.push("too few samples for a share".to_owned());
        }
        if self.is_compared && !is_before_known {
            notes.push("no sample of the time before".to_owned());
        }
        if count.cut > 0 {
            notes.push("the server cuts some statements: a tag at their end is lost (x)".to_owned());
        }
        if left_out > 0 {
            notes.push(format!("{} more", counted(left_out, "row", "rows")));
        }
        notes.join("; ")
    }

    fn clock(&self, at: Timestamp) -> String {
        clock_text_in(at, self.zone.clone())
    }

    /// Moves the cursor by a column of the chart, by a sample at least.
    fn step(&mut self, view: &PaneView<'_>, direction: i64) -> PaneRequest {
        let step = self.chart.step(self.chart_area).unwrap_or_default();
        let there = view.history.nearest(Timestamp(view.newer.at.0 + step * direction as f64));
        let there = match there.filter(|there| *there != view.moment) {
            Some(there) => Some(there),
            None => view.history.step(view.moment, direction),
        };
        let there = there.filter(|there| *there != view.moment).and_then(|there| view.history.at(there));
        match there {
            Some(there) => PaneRequest::Hold(there.at),
            None if direction > 0 => PaneRequest::Say("No newer sample; Esc returns to live".to_owned()),
            None => PaneRequest::Say("No older sample in memory".to_owned()),
        }
    }

    fn set_mark(&mut self, view: &PaneView<'_>) -> PaneRequest {
        let at = view.newer.at;
        if self.mark == Some(at) {
            self.mark = None;
            return PaneRequest::Say("The mark is gone".to_owned());
        }
        self.mark = Some(at);
        PaneRequest::Say(format!("Marked {}: move the cursor, then z zooms", self.clock(at)))
    }

    fn zoom(&mut self, view: &PaneView<'_>) -> PaneRequest {
        let Some(marked) = self.marked(view) else {
            return PaneRequest::Say("Mark a moment with m, move the cursor, then zoom".to_owned());
        };
        if marked.length().0 < 2.0 {
            return PaneRequest::Say("Move the cursor away from the mark first".to_owned());
        }
        self.mark = None;
        self.zooms.push(marked);
        PaneRequest::Nothing
    }

    fn selected(&self) -> Option<(Dimension, &SliceRow)> {
        let key = self.list.selected_key()?;
        let row = self.shown.rows.iter().find(|row| row.value.key() == key)?;
        Some((self.shown.dimension?, row))
    }

    fn act_on_row(&mut self, action: Action, view: &PaneView<'_>) -> PaneRequest {
        let Some((dimension, row)) = self.selected() else { return PaneRequest::Nothing };
        let narrow = || PaneRequest::Narrow(SliceCondition { dimension, value: row.value.clone() });
        match action {
            Action::Inspect => {
                let narrow = narrow();
                // One row alone says nothing: the table goes on to the next dimension.
                self.table_by = None;
                narrow
            }
            Action::Jump => {
                PaneRequest::All(vec![narrow(), PaneRequest::Go(super::activity::ID, PaneSubject::Nothing)])
            }
            Action::Explain => explain(dimension, row, view),
            _ => PaneRequest::Nothing,
        }
    }
}

/// Brings the statement of a row to Explain, or the one that costs most in it.
fn explain(dimension: Dimension, row: &SliceRow, view: &PaneView<'_>) -> PaneRequest {
    let statement = if dimension == Dimension::Statement { Some(&row.value) } else { row.mostly.as_ref() };
    let id = match statement {
        Some(SliceValue::Query(id)) => id,
        // A statement that waits before it is analyzed has no queryid, only its text.
        Some(SliceValue::Named(text)) => return super::explain::show(text, "seen in Load".to_owned()),
        _ => return PaneRequest::Say("This row has no statement to explain".to_owned()),
    };
    match view.readings.statement_texts().get(id).filter(|text| !text.is_empty()) {
        Some(text) => super::explain::show(text, format!("queryid {id}")),
        None => PaneRequest::Say("The text of this statement is not in pg_stat_statements".to_owned()),
    }
}
