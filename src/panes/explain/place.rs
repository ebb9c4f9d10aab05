//! Where the parts of the pane stand.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};

use super::{Explain, Panel, PlanMode, PlanView};
use crate::app::DrawContext;
use crate::ui::detail::Detail;
use crate::ui::frame::{TextPart, Tile, draw_parts, draw_segments};
use crate::ui::table::Notice;
use crate::ui::text;
use crate::ui::theme::{Role, Theme};

/// The width from which on the panel stands beside the tree.
const WIDE: u16 = 150;

/// The least rows of the tree and of the panel below it.
const LEAST: (u16, u16) = (5, 6);

/// Notes that are shown above the plan, and columns of one.
const MOST_NOTES: usize = 2;
const NOTE: usize = 160;

/// Rows of the tree beside its nodes: the titles and the line below.
const TREE_EXTRA: u16 = 2;

/// Where things were drawn last, for clicks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DrawnAreas {
    /// The text of the editor.
    pub(super) editor: Rect,
    /// The statement on one line.
    pub(super) statement: Rect,
}

/// What stands there before there is a plan.
const WELCOME: &[&str] = &[
    "Press e to write or paste SQL or a plan (JSON, text, a log entry), R to run EXPLAIN ANALYZE.",
    "In Activity and Queries, press e to explain the statement of the selected row. pgdj runs it only when you press \
     R.",
];

impl Explain {
    /// Draws the pane.
    pub(super) fn place(&mut self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        let theme = context.theme;
        self.places = DrawnAreas::default();
        let area = if self.is_editing { self.draw_editor(frame, area, theme) } else { area };
        if area.height == 0 {
            return;
        }
        let heads = self.heads(theme);
        let [above, below] =
            Layout::vertical([Constraint::Length((heads.len() as u16).min(area.height / 2)), Constraint::Min(0)])
                .areas(area);
        for (line, y) in heads.iter().zip(above.y..above.bottom()) {
            let place = Rect { x: area.x + 1, y, width: area.width.saturating_sub(1), height: 1 };
            draw_head(frame.buffer_mut(), place, line, theme);
        }
        if !self.is_editing && self.plan_view.is_some() {
            self.places.statement = Rect { height: above.height.min(1), ..above };
        }
        self.draw_plan(frame, below, context);
    }

    /// Draws the editor and returns what is left below it.
    fn draw_editor(&mut self, frame: &mut Frame<'_>, area: Rect, theme: &Theme) -> Rect {
        let lines = u16::try_from(self.editor.height()).unwrap_or(u16::MAX).saturating_add(2);
        let height = match &self.plan_view {
            Some(_) => lines.clamp(6, (area.height / 2).max(6)),
            None => area.height.saturating_sub(4).max(4),
        };
        let [above, below] = Layout::vertical([Constraint::Length(height), Constraint::Min(0)]).areas(area);
        let limit = format!(
            "{}, at most {} s",
            if self.options.analyze { "ANALYZE" } else { "estimate only" },
            self.timeout_seconds
        );
        let title = if self.from.is_empty() { "Statement".to_owned() } else { format!("Statement from {}", self.from) };
        let frame_of = Tile { title: &title, key: None, note: Some((&limit, Role::Muted)), has_focus: true };
        let inside = frame_of.draw(frame.buffer_mut(), above, theme);
        self.places.editor = inside;
        if let Some(cursor) = self.editor.draw(frame.buffer_mut(), inside, theme) {
            frame.set_cursor_position(cursor);
        }
        below
    }

    /// The lines above the plan: the statement, how a run stands, the figures, what went wrong.
    fn heads(&self, theme: &Theme) -> Vec<Head> {
        let mut heads = Vec::new();
        let plan_view = self.plan_view.as_ref();
        let has_words = |plan_view: &&PlanView| !plan_view.source.sql.is_empty() || !self.from.is_empty();
        if let Some(plan_view) = plan_view.filter(has_words).filter(|_| !self.is_editing) {
            let mut line: Vec<TextPart> = Vec::new();
            if !self.from.is_empty() {
                line.push((format!("{}  ", self.from), Role::Muted));
            }
            line.extend(plan_view.statement.iter().cloned());
            heads.push(Head::Line(line));
        }
        let tried = plan_view.and_then(|plan_view| plan_view.tried.as_ref());
        if let Some(elapsed) = self.is_trying() {
            heads.push(Head::Line(super::trial::under_way(elapsed, &theme.glyphs)));
        } else if let Some(trial) = tried.filter(|trial| trial.tried.is_err()) {
            heads.push(Head::Line(super::trial::line(trial, &theme.glyphs)));
        }
        match (&self.run, &self.comparison) {
            (Some(run), _) => heads.push(Head::Line(run.line(theme.glyphs.selected))),
            (None, Some(comparison)) if self.mode == PlanMode::Compare => {
                heads.push(Head::Line(comparison.about.clone()));
                heads.push(Head::Figures(comparison.figures.clone()));
            }
            _ => heads.extend(plan_view.map(|plan_view| Head::Figures(plan_view.figures()))),
        }
        if let Some(failure) = &self.failure {
            heads
                .push(Head::Line(vec![(format!("{} ", theme.glyphs.bad), Role::Bad), clean(&failure.what, Role::Bad)]));
            heads.extend(
                failure
                    .because
                    .iter()
                    .map(|cause| Head::Line(vec![("  because: ".to_owned(), Role::Muted), clean(cause, Role::Text)])),
            );
            if let Some(hint) = &failure.hint {
                heads.push(Head::Line(vec![("  hint: ".to_owned(), Role::Muted), clean(hint, Role::Accent)]));
            }
        }
        let notes = plan_view.map(|plan_view| plan_view.source.notes.as_slice()).unwrap_or_default();
        for (at, note) in notes.iter().take(MOST_NOTES).enumerate() {
            let more = notes.len().saturating_sub(MOST_NOTES);
            let is_last = at + 1 == MOST_NOTES && more > 0;
            let more = if is_last { format!("  (and {more} more: t, Enter)") } else { String::new() };
            heads.push(Head::Line(vec![
                (format!("{} ", theme.glyphs.warning), Role::Warning),
                (text::clean_cut(note, NOTE), Role::Muted),
                (more, Role::Muted),
            ]));
        }
        heads
    }

    fn draw_plan(&mut self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        let theme = context.theme;
        let Some(plan_view) = &self.plan_view else {
            if !self.is_editing {
                let notice = Notice::new(WELCOME.first().copied().unwrap_or_default());
                let notice = notice.remedy(WELCOME.get(1).copied().unwrap_or_default());
                crate::ui::table::draw_notice(frame.buffer_mut(), area, &notice, theme);
            }
            return;
        };
        match self.mode {
            PlanMode::Compare => return self.compared.draw(frame, area, context),
            PlanMode::Text => return plan_view.text.draw(frame.buffer_mut(), indented(area), theme),
            PlanMode::Tree => {}
        }
        let (tree, panel) = split(area, self.panel, plan_view.list.len());
        plan_view.list.draw(frame, tree, context);
        if panel.is_empty() {
            return;
        }
        let (document, title) = match self.panel {
            Panel::Node => (self.node.as_ref(), self.node.as_ref().map(|node| node.document().title.as_str())),
            Panel::Index => (Some(&plan_view.indexes), None),
            _ => (Some(&plan_view.tips), None),
        };
        let title = title.unwrap_or(self.panel.title());
        let frame_of =
            Tile { title, key: None, note: Some(("J K scroll · v next panel", Role::Muted)), has_focus: false };
        let inside = frame_of.draw(frame.buffer_mut(), panel, theme);
        if let Some(document) = document {
            Detail::draw(document, frame.buffer_mut(), indented(inside), theme);
        }
    }
}

/// A line above the plan.
enum Head {
    Line(Vec<TextPart>),
    Figures(Vec<crate::ui::frame::Segment>),
}

fn draw_head(buffer: &mut Buffer, place: Rect, head: &Head, theme: &Theme) {
    match head {
        Head::Line(parts) => {
            draw_parts(buffer, place, parts, theme);
        }
        Head::Figures(segments) => drop(draw_segments(buffer, place, segments, theme)),
    }
}

fn clean(foreign: &str, role: Role) -> TextPart {
    (text::clean(foreign).into_owned(), role)
}

fn indented(area: Rect) -> Rect {
    Rect { x: area.x + u16::from(area.width > 0), width: area.width.saturating_sub(1), ..area }
}

/// Returns where the tree and the panel stand; a small tree leaves its room to the panel.
fn split(area: Rect, panel: Panel, nodes: usize) -> (Rect, Rect) {
    if panel == Panel::Nothing {
        return (area, Rect::ZERO);
    }
    if area.width >= WIDE {
        let [tree, panel] = Layout::horizontal([Constraint::Percentage(60), Constraint::Percentage(40)]).areas(area);
        return (tree, panel);
    }
    if area.height < LEAST.0 + LEAST.1 {
        return (area, Rect::ZERO);
    }
    let needed = u16::try_from(nodes).unwrap_or(u16::MAX).saturating_add(TREE_EXTRA).max(LEAST.0);
    let height = (area.height * 2 / 5).max(area.height.saturating_sub(needed)).max(LEAST.1);
    let [tree, panel] = Layout::vertical([Constraint::Min(LEAST.0), Constraint::Length(height)]).areas(area);
    (tree, panel)
}
