//! The pane before there is a plan: what can be done, and the statements explained last. And which keys have a use.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};

use super::deck::{Card, DeckLook, DeckPart, LayOut};
use super::keys::{
    ANALYZE, BUILD, COMPARE, COPY_CODE, EDIT, FOLD, HOTTEST, KEEP, NEXT_SCAN, OPEN, OPTIONS, PLAN_TEXT, RUN, SAVE_CODE,
    SCROLL_DOWN, SCROLL_UP, TRY,
};
use super::{Explain, PlanMode};
use crate::app::{Action, DrawContext, PaneRequest};
use crate::plan::scans;
use crate::readings::statement_line::statement_line;
use crate::ui::frame::TextPart;
use crate::ui::table::{Cell, Grid, GridColumn, GridRow, SortKind};
use crate::ui::text::{self, Align};
use crate::ui::theme::Role;

/// Statements that are listed.
const MOST: usize = 50;

/// What can be done, with its key.
const WAYS: &[(&str, &str)] = &[
    ("e", "write or paste a statement, or a plan (JSON, text, an auto_explain log entry)"),
    ("R", "run EXPLAIN ANALYZE on it; pgdj runs a statement only when you press R"),
    ("f", "open a file: a statement, a plan, a log"),
    ("", "In Activity and Queries, e explains the statement of the selected row."),
];

/// The line about the list below.
const RECENT: (&str, &str) = ("Enter", "explain the statement selected below again, without running it");

/// Keys, each with what it does.
#[derive(Debug)]
struct Ways(Vec<(&'static str, &'static str)>);

impl LayOut for Ways {
    fn lines(&self, width: usize) -> Vec<Vec<TextPart>> {
        /// Columns of a key.
        const KEY: usize = 7;
        let mut lines = Vec::new();
        for (key, does) in &self.0 {
            for (at, text) in text::wrap_words(does, width.saturating_sub(KEY).max(1)).into_iter().enumerate() {
                let key = if at == 0 { *key } else { "" };
                lines.push(vec![(text::pad(key, KEY, Align::Left), Role::Key), (text, Role::Text)]);
            }
        }
        lines
    }
}

impl Explain {
    /// Lists the statements explained last, the newest first.
    pub(super) fn refresh_recent(&mut self) {
        let column = GridColumn::text("statement", "statement", 20).help("A statement that was explained before.");
        let mut grid = Grid { title: "Last statements".to_owned(), ..Grid::new(vec![column.sorted(SortKind::Fixed)]) };
        let newest = self.editor.past().iter().enumerate().rev().take(MOST);
        grid.rows =
            newest.map(|(at, sql)| GridRow::new(at.to_string(), vec![Cell::text(&statement_line(sql))])).collect();
        self.recent.refresh(grid);
    }

    /// Returns the statement that is selected in the list.
    pub(super) fn recent_statement(&self) -> Option<&str> {
        let at: usize = self.recent.selected_key()?.parse().ok()?;
        self.editor.past().get(at).map(String::as_str)
    }

    /// Estimates the statement that is selected in the list.
    pub(super) fn explain_recent(&mut self) -> PaneRequest {
        let Some(sql) = self.recent_statement().map(str::to_owned) else { return PaneRequest::Nothing };
        self.explain(&sql, String::new())
    }

    /// Draws what can be done, and the statements explained last.
    pub(super) fn draw_empty(&self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        let has_recent = !self.recent.is_empty();
        let ways = Ways(has_recent.then_some(RECENT).into_iter().chain(WAYS.iter().copied()).collect());
        let card = DeckPart::Card(Card::of("Why is a statement slow, and what would help?", Role::Title, ways));
        let height = card.rows(area.width);
        let height = u16::try_from(height).unwrap_or(u16::MAX).min(area.height);
        let [above, below] = Layout::vertical([Constraint::Length(height), Constraint::Min(0)]).areas(area);
        let look = DeckLook { keys: &[], theme: context.theme };
        self.deck.draw(frame.buffer_mut(), above, [&[&card], &[]], look);
        if has_recent {
            self.recent.draw(frame, below, context);
        }
    }

    /// Whether a key does something to what is shown.
    pub(super) fn has_use_for(&self, action: Action) -> bool {
        let Some(plan_view) = &self.plan_view else {
            return match action {
                EDIT | OPEN | ANALYZE | OPTIONS => true,
                RUN => !self.editor.is_blank(),
                Action::View
                | HOTTEST
                | NEXT_SCAN
                | FOLD
                | PLAN_TEXT
                | KEEP
                | COMPARE
                | TRY
                | BUILD
                | COPY_CODE
                | SAVE_CODE
                | SCROLL_DOWN
                | SCROLL_UP => false,
                Action::Inspect | Action::Filter | Action::Copy => !self.recent.is_empty(),
                _ => true,
            };
        };
        let is_tree = self.mode == PlanMode::Tree;
        match action {
            COMPARE => self.mode == PlanMode::Compare || self.can_compare(),
            TRY | BUILD => plan_view.request.is_some() && plan_view.search.count() > 0,
            COPY_CODE => plan_view.search.count() > 0,
            NEXT_SCAN => is_tree && !scans::sequential(&plan_view.source.plan).is_empty(),
            HOTTEST | FOLD | Action::View | Action::Filter => is_tree,
            RUN => !self.editor.is_blank(),
            _ => true,
        }
    }
}
