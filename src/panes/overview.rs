//! Overview: is it bad, and where? The load chart, four tiles and the worst findings, all live.
//!
//! On a screen of less than 100 columns or 26 rows two tiles are shown at a time, below 76 columns one (`v` turns them); below
//! 14 rows the tiles go, below 8 the chart.

mod panel;
mod tiles;
pub(super) mod worst;

use std::sync::Arc;

use jiff::tz::TimeZone;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};

use crate::app::keys::{Binding, key};
use crate::app::list::List;
use crate::app::screen::clock_text_in;
use crate::app::{Action, DrawContext, Pane, PaneId, PaneRequest, PaneSpec, PaneSubject, PaneView, RowOrder};
use crate::document::Document;
use crate::findings::{Finding, Findings, Severity};
use crate::readings::Readings;
use crate::readings::backends::Backend;
use crate::readings::load::{Load, LoadPoint};
use crate::sample::unit::Count;
use crate::sample::{Timestamp, shortfall};
use crate::ui::chart::{ChartFrame, LoadChart, Point, wait_classes};
use crate::ui::frame::Tile;
use crate::ui::table::GridColumn;
use crate::ui::text::clean_cut;
use crate::ui::theme::Role;

use self::panel::Panel;
use self::tiles::Tiles;

/// Seconds of load that the chart shows at the most; it begins where the data begin and grows in steps until then.
const CHART_SPAN: f64 = 300.0;
/// Columns of the screen from which on two tiles have room beside each other.
const LEAST_FOR_TWO: u16 = 76;
/// Seconds after which a moment that was not read is a gap.
const CHART_HOLD: f64 = 2.5;

/// Its name.
pub const ID: PaneId = PaneId { name: "overview", title: "Overview" };

/// The pane in the list of panes.
pub const PANE: PaneSpec = PaneSpec {
    id: ID,
    question: "Show the overview: is it bad, and where?",
    tab: "Over",
    order: RowOrder::Sortable,
    bindings: KEYS,
    make: |context| Box::new(Overview { vcpus: context.vcpus, ..Overview::in_zone(context.zone.clone()) }),
};

const KEYS: &[Binding] = &[
    key(Action::View, &["v"], "view", "Next tiles, if not all fit.").shown(5),
    key(Action::Jump, &["o"], "go there", "Go to the pane and row that the finding is about.").shown(4),
];

/// The pane.
#[derive(Debug, Default)]
pub struct Overview {
    chart: LoadChart,
    /// Where it was drawn, for clicks.
    chart_area: Rect,
    /// The load of every snapshot the chart may show, oldest first: each is derived once.
    loads: Vec<Point>,
    /// The moment of the oldest snapshot that there was.
    oldest: Option<f64>,
    chart_title: String,
    chart_note: Option<String>,
    tiles: Tiles,
    shown_tile: usize,
    /// Whether two tiles were drawn beside each other, and are turned together.
    has_pairs: bool,
    findings: Findings,
    /// The time of day that they are of, where the server does not answer any more.
    findings_of: Option<String>,
    list: List,
    panel: Panel,
    /// The most rows that the findings needed: what they do not need is the chart's, and neither jumps.
    most_rows: u16,
    /// The zone of the chart's times; the system's where none is set.
    zone: Option<TimeZone>,
    /// The CPUs of the server, where they are known.
    vcpus: Option<u32>,
}

impl Pane for Overview {
    fn refresh(&mut self, view: &PaneView<'_>) {
        self.take_loads(view);
        let zone = self.zone.clone().unwrap_or_else(TimeZone::system);
        self.findings_of = last_answer(view).map(|at| clock_text_in(at, zone.clone()));
        self.chart = LoadChart {
            utc_offset: super::utc_offset(&zone, view.newer.at.0),
            limits: super::load_limits(view, self.vcpus),
            ..chart(view, &self.loads)
        };
        (self.chart_title, self.chart_note) = chart_words(view);
        self.tiles.refresh(view);
        let was = self.findings.list.first().map(|worst| worst.id);
        self.findings.clone_from(view.findings);
        self.panel.refresh(&view.findings.list, worst::keys(&view.findings.list));
        self.list.refresh(worst::grid(view.findings));
        // What is critical and new is looked at first, wherever the list was scrolled to.
        let is_new = |worst: &Finding| worst.severity == Severity::Critical && Some(worst.id) != was;
        if self.findings.list.first().is_some_and(is_new) {
            self.list.act(Action::First);
        }
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        self.tiles.begin();
        self.has_pairs = false;
        let is_wide = area.width >= 100 && area.height >= 26;
        if area.height < 8 {
            self.draw_findings(frame, area, context);
        } else if is_wide {
            self.draw_wide(frame, area, context);
        } else {
            self.draw_narrow(frame, area, context);
        }
    }

    fn list(&mut self) -> Option<&mut List> {
        Some(&mut self.list)
    }

    fn columns(&mut self) -> Vec<(&'static str, Vec<GridColumn>)> {
        [("Findings", &self.list)]
            .into_iter()
            .chain(self.tiles.lists())
            .map(|(title, list)| (title, list.grid().columns.clone()))
            .collect()
    }

    fn act(&mut self, action: Action, _view: &PaneView<'_>) -> PaneRequest {
        match action {
            Action::View => {
                let next = if self.has_pairs { self.shown_tile / 2 * 2 + 2 } else { self.shown_tile + 1 };
                self.shown_tile = next % Tiles::COUNT;
                PaneRequest::Nothing
            }
            Action::Jump => match self.selected().map(worst::place) {
                Some(Some((pane, key))) => PaneRequest::Go(pane, key.map_or(PaneSubject::Nothing, PaneSubject::Row)),
                Some(None) => PaneRequest::Say("This finding is about the server; Enter shows what to do".to_owned()),
                None => PaneRequest::Nothing,
            },
            _ => PaneRequest::Nothing,
        }
    }

    fn inspect(&self, _view: &PaneView<'_>) -> Option<Document> {
        self.selected().map(worst::document)
    }

    fn click(&mut self, at: Position) -> PaneRequest {
        if let Some(key) = self.panel.key_at(at).map(ToOwned::to_owned) {
            self.list.select_key(&key);
            return PaneRequest::Nothing;
        }
        if let Some(request) = self.tiles.click(at) {
            return request;
        }
        let moment = self.chart.moment_at(self.chart_area, at.x).filter(|_| self.chart_area.contains(at));
        moment.map_or(PaneRequest::Nothing, |moment| PaneRequest::Hold(Timestamp(moment)))
    }

    fn copy(&self, _view: Option<&PaneView<'_>>) -> Option<(String, String)> {
        let finding = self.selected()?;
        match &finding.fix.code {
            Some(code) => Some((code.text.clone(), "the fix".to_owned())),
            None => Some((finding.title.clone(), "the finding".to_owned())),
        }
    }
}

impl Overview {
    /// The pane with its chart's times in a zone.
    pub fn in_zone(zone: TimeZone) -> Self {
        Self { zone: Some(zone), ..Self::default() }
    }

    fn selected(&self) -> Option<&Finding> {
        let key = self.list.selected_key()?;
        let at = worst::keys(&self.findings.list).iter().position(|known| known == key)?;
        self.findings.list.get(at)
    }

    fn draw_wide(&mut self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        let findings = self.findings_height(area.width, context).clamp(5, area.height * 3 / 10);
        let chart = (area.height / 3).clamp(9, 16);
        let [top, middle, bottom] =
            Layout::vertical([Constraint::Length(chart), Constraint::Min(10), Constraint::Length(findings)])
                .areas(area);
        self.draw_chart(frame, top, context);
        let [upper, lower] = Layout::vertical([Constraint::Fill(1), Constraint::Fill(1)]).areas(middle);
        let halves =
            |row: Rect| -> [Rect; 2] { Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(row) };
        for (at, place) in halves(upper).into_iter().chain(halves(lower)).enumerate() {
            self.tiles.draw(at, frame, place, context);
        }
        self.draw_findings(frame, bottom, context);
    }

    fn draw_narrow(&mut self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        let tile = if area.height >= 14 { area.height / 3 } else { 0 };
        let most = area.height - tile - (area.height / 4).max(4);
        let findings = self.findings_height(area.width, context).clamp(4, most.max(4));
        let [top, middle, bottom] =
            Layout::vertical([Constraint::Min(4), Constraint::Length(findings), Constraint::Length(tile)]).areas(area);
        self.draw_chart(frame, top, context);
        self.draw_findings(frame, middle, context);
        if tile == 0 {
            return;
        }
        if area.width < LEAST_FOR_TWO {
            return self.tiles.draw(self.shown_tile, frame, bottom, context);
        }
        let halves: [Rect; 2] = Layout::horizontal([Constraint::Fill(1), Constraint::Fill(1)]).areas(bottom);
        let first = self.shown_tile / 2 * 2;
        for (at, place) in (first..).zip(halves) {
            self.tiles.draw(at, frame, place, context);
        }
        self.has_pairs = true;
    }

    /// Returns the rows that the findings need with their frame, the most they ever did.
    fn findings_height(&mut self, columns: u16, context: DrawContext<'_>) -> u16 {
        let rows = self.panel.height(columns.saturating_sub(2), context.theme).max(1).saturating_add(2);
        self.most_rows = self.most_rows.max(rows);
        self.most_rows
    }

    fn draw_chart(&mut self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        let note = self.chart_note.as_ref().map(|note| (note.as_str(), Role::Muted));
        let heading = ChartFrame { title: &self.chart_title, note };
        self.chart_area = self.chart.draw(frame.buffer_mut(), area, context.theme, heading);
    }

    /// Derives the load of the snapshots that came since the last refresh.
    fn take_loads(&mut self, view: &PaneView<'_>) {
        let end = right_edge(view);
        // Of a recording, what is before the samples in memory is loaded later.
        let oldest = view.history.first().and_then(|first| view.history.at(first)).map_or(end, |oldest| oldest.at.0);
        let is_older = self.oldest.replace(oldest).is_some_and(|known| oldest < known);
        if is_older || self.loads.last().is_some_and(|last| last.at > end) {
            self.loads.clear();
        }
        let known = self.loads.last().map_or(f64::MIN, |last| last.at);
        let from = end - CHART_SPAN;
        let last = view.history.last().unwrap_or(view.moment);
        let news = view.history.until(last).rev().skip_while(|snapshot| snapshot.at.0 > end);
        let news = news.take_while(|snapshot| snapshot.at.0 > known.max(from));
        let mut news: Vec<Point> = news
            .map(|snapshot| {
                let LoadPoint { at, load } = if Arc::ptr_eq(snapshot, view.readings.snapshot()) {
                    LoadPoint::of(view.readings)
                } else {
                    LoadPoint::of(&Readings::of(Arc::clone(snapshot)))
                };
                let values = load.and_then(|load| load.known()).map(Vec::from);
                Point { at: at.0, values, unknown: load.map_or(0.0, |load| load.unknown) }
            })
            .collect();
        news.reverse();
        self.loads.retain(|point| point.at > from);
        self.loads.append(&mut news);
    }

    fn draw_findings(&mut self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        let note = worst::note(&self.findings);
        let note = note.as_ref().map(|(text, role)| (text.as_str(), *role));
        let heading = self.findings_title();
        let tile = Tile { title: &heading, key: None, note, has_focus: true };
        let inside = tile.draw(frame.buffer_mut(), area, context.theme);
        self.panel.draw(frame.buffer_mut(), inside, &self.list, context.theme);
        self.list.drew(inside.height);
        if inside.bottom() < area.bottom() {
            self.list.draw_place(frame, area, context);
        }
    }

    fn findings_title(&self) -> String {
        let of = self.findings_of.as_ref().map(|moment| format!(" of {moment}")).unwrap_or_default();
        let filter = self.list.filter();
        if !filter.is_empty() {
            let (found, all) = (self.list.shown().count(), self.list.len());
            return format!("Findings{of}: {found} of {all} match \"{}\"", clean_cut(filter, 24).trim());
        }
        match self.list.sorted_title() {
            Some(column) => format!("Findings{of}, by {column}"),
            None => format!("Findings{of}, worst first"),
        }
    }
}

/// Returns the chart's right edge: the newest moment there is, also while an older one is shown that is within the chart.
///
/// For one further back the chart goes back in steps of half its span, so that a step in time rarely moves it.
fn right_edge(view: &PaneView<'_>) -> f64 {
    const HALF: f64 = CHART_SPAN / 2.0;
    let newest = view.history.newest().map_or(view.newer.at.0, |newest| newest.at.0).max(view.newer.at.0);
    let is_within = newest - view.newer.at.0 < CHART_SPAN;
    if is_within { newest } else { ((view.newer.at.0 / HALF).ceil() * HALF).min(newest) }
}

fn chart(view: &PaneView<'_>, loads: &[Point]) -> LoadChart {
    let end = right_edge(view);
    let (span, right) = super::chart_time(view, end, CHART_SPAN);
    let cursor = view.is_held.then_some(view.newer.at.0);
    LoadChart {
        classes: wait_classes(),
        points: loads.to_vec(),
        span,
        end: Some(right),
        hold: CHART_HOLD * view.newer.cost.second(),
        cursor,
        shown: Some(view.newer.at.0),
        ..LoadChart::default()
    }
}

/// Returns when the sessions were read last, where they could not be read again.
fn last_answer(view: &PaneView<'_>) -> Option<Timestamp> {
    let section = view.newer.section("activity");
    section.why().and(section.reading()).map(|reading| reading.at)
}

/// Says how many of the load are workers, which the header does not count among the active sessions.
fn workers(view: &PaneView<'_>) -> String {
    let is_worker = |one: &&Backend| matches!(one.kind.as_str(), "parallel worker" | "autovacuum worker");
    let workers: Vec<Backend> =
        view.readings.backends().unwrap_or_default().iter().filter(is_worker).cloned().collect();
    match Load::of(&workers).total() {
        count if count > 0.0 => format!(", {}", Count(count).of("worker", "workers")),
        _ => String::new(),
    }
}

/// Says how many vacuums pause, which the load does not count: they sleep as their cost limit tells them to.
fn paused_vacuums(view: &PaneView<'_>) -> Option<String> {
    let backends = view.readings.backends().unwrap_or_default();
    match backends.iter().filter(|backend| backend.is_active() && backend.wait.ends_with(":VacuumDelay")).count() {
        0 => None,
        count => Some(format!("{} (vacuum_cost_delay)", Count(count as f64).of("vacuum pauses", "vacuums pause"))),
    }
}

/// Returns the chart's title with the load of the moment shown, and what is to be known of it.
fn chart_words(view: &PaneView<'_>) -> (String, Option<String>) {
    let title = |load: &str| format!("Load by wait: {load}");
    match LoadPoint::of(view.readings).load {
        Some(load) if load.unknown > 0.0 => {
            let why = shortfall("activity", &view.newer.server);
            let why = why.as_ref().and_then(|why| why.remedy()).unwrap_or("track_activities is off there");
            let known = load.known().map_or_else(|| "?".to_owned(), |_| format!("{:.0}+", load.total()));
            (title(&known), Some(format!("{:.0} sessions hidden: {why}", load.unknown)))
        }
        Some(load) if load.total() > 0.0 => (title(&format!("{:.0}{}", load.total(), workers(view))), None),
        Some(_) => (title("0"), paused_vacuums(view)),
        None => {
            let why = view.newer.section("activity").why();
            (title("?"), Some(why.map_or_else(|| "not read for a while".to_owned(), ToString::to_string)))
        }
    }
}

#[cfg(test)]
mod tests;
