//! Where the parts of the pane stand.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::Style;

use super::deck::{DeckLook, DeckPart};
use super::{Explain, Panel, PlanMode, PlanView};
use crate::app::DrawContext;
use crate::ui::frame::{Segment, TextPart, Tile, draw_parts, draw_segments, parts_width};
use crate::ui::glyphs::Glyphs;
use crate::ui::text;
use crate::ui::theme::{Role, Theme};

/// The width from which on cards stand beside a tall tree.
const WIDE: u16 = 150;

/// The width from which on the tree has room for its remarks.
const REMARKS: u16 = 110;

/// The least rows of the tree and of the cards below it.
const LEAST: (u16, u16) = (4, 6);

/// Notes that are shown above the plan, and columns of one.
const MOST_NOTES: usize = 2;
const NOTE: usize = 160;

/// Rows of the tree beside its nodes: the titles.
const TREE_EXTRA: u16 = 1;

/// Where things were drawn last, for clicks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DrawnAreas {
    /// The text of the editor.
    pub(super) editor: Rect,
    /// The statement on one line.
    pub(super) statement: Rect,
}

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
        if let Some(plan_view) = plan_view.filter(|_| !self.is_editing) {
            heads.push(self.statement(plan_view, &theme.glyphs));
        }
        let tried = plan_view.and_then(|plan_view| plan_view.tried.as_ref());
        if let Some(elapsed) = self.is_trying() {
            heads.push(Head::Line(super::trial::under_way(elapsed, &theme.glyphs)));
        } else if let Some((trial, failure)) = tried.and_then(|trial| Some((trial, trial.tried.as_ref().err()?))) {
            heads.push(Head::Line(super::trial::failed(trial, failure, &theme.glyphs)));
        }
        match (&self.run, plan_view) {
            (Some(run), _) => heads.push(Head::Line(run.line(theme.glyphs.selected))),
            (None, Some(plan_view)) => heads.push(Head::Modes(self.modes(), plan_view.figures())),
            (None, None) => {}
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

    /// The statement with where it came from, and what it took.
    fn statement(&self, plan_view: &PlanView, glyphs: &Glyphs) -> Head {
        let source = &plan_view.source;
        let from = if self.from.is_empty() { &source.from } else { &self.from };
        let mut line: Vec<TextPart> = vec![(text::clean(from).into_owned(), Role::Faint)];
        if !plan_view.statement.is_empty() {
            line.push((format!(" {} ", glyphs.dot), Role::Faint));
        }
        line.extend(plan_view.statement.iter().cloned());
        Head::Sides(line, plan_view.sum())
    }

    /// The ways to look at the plan, each with its key; the one that is shown stands out.
    fn modes(&self) -> Vec<TextPart> {
        let mut parts = Vec::new();
        for (mode, key, word) in
            [(PlanMode::Tree, "", "plan"), (PlanMode::Text, "t", "text"), (PlanMode::Compare, "C", "compare")]
        {
            let is_shown = mode == self.mode;
            if mode == PlanMode::Compare && !is_shown && !self.can_compare() {
                continue;
            }
            if !parts.is_empty() {
                parts.push(("  ".to_owned(), Role::Muted));
            }
            if !is_shown && !key.is_empty() {
                parts.push((format!("{key} "), Role::Key));
            }
            if is_shown {
                parts.push((format!(" {word} "), Role::Tab));
            } else {
                parts.push((word.to_owned(), Role::Muted));
            }
        }
        parts
    }

    fn draw_plan(&mut self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        let theme = context.theme;
        let Some(plan_view) = &self.plan_view else {
            if !self.is_editing {
                self.draw_empty(frame, area, context);
            }
            return;
        };
        match self.mode {
            PlanMode::Compare => {
                let parts = self.comparison.as_ref().map(|comparison| comparison.parts(area.width)).unwrap_or_default();
                let look = DeckLook { keys: &[("J U", "scroll"), ("Esc", "back to the plan")], theme };
                return self.compared.draw(frame.buffer_mut(), area, [&parts, &[]], look);
            }
            PlanMode::Text => return plan_view.text.draw(frame.buffer_mut(), indented(area), theme),
            PlanMode::Tree => {}
        }
        let (tree, cards) = split(area, self.panel, plan_view.list.len());
        plan_view.list.draw(frame, tree, context);
        let is_narrow = tree.width < REMARKS;
        let [wide, narrow] = &plan_view.leads;
        let lead: Vec<&DeckPart> = if is_narrow { narrow } else { wide }.iter().collect();
        let tips: Vec<&DeckPart> = plan_view.tips.iter().collect();
        let indexes: Vec<&DeckPart> = plan_view.indexes.iter().collect();
        let node: Vec<&DeckPart> = self.node.iter().collect();
        let columns = match self.panel {
            Panel::Tips => [[lead, tips].concat(), [indexes, node].concat()],
            Panel::Index => [[lead, indexes].concat(), [node, tips].concat()],
            Panel::Node => [[lead, node].concat(), [tips, indexes].concat()],
            Panel::Nothing => return,
        };
        let keys = [("J U", "scroll"), ("v", self.panel.next().word())];
        self.deck.draw(
            frame.buffer_mut(),
            cards,
            columns.each_ref().map(Vec::as_slice),
            DeckLook { keys: &keys, theme },
        );
    }
}

/// A line above the plan.
enum Head {
    /// From the left.
    Line(Vec<TextPart>),
    /// From the left, cut where the other begins, which ends at the right.
    Sides(Vec<TextPart>, Vec<TextPart>),
    /// From the left, and figures that end at the right.
    Modes(Vec<TextPart>, Vec<Segment>),
}

fn draw_head(buffer: &mut Buffer, place: Rect, head: &Head, theme: &Theme) {
    match head {
        Head::Line(parts) => {
            draw_parts(buffer, place, parts, theme);
        }
        Head::Sides(left, right) => {
            let wide = u16::try_from(parts_width(right)).unwrap_or(u16::MAX).min(place.width / 2);
            let room = Rect { width: place.width.saturating_sub(wide + 3), ..place };
            draw_parts(buffer, room, left, theme);
            let x = place.right().saturating_sub(wide + 1);
            draw_parts(buffer, Rect { x, width: wide, ..place }, right, theme);
        }
        Head::Modes(modes, segments) => {
            let end = draw_modes(buffer, place, modes, theme);
            let room = place.right().saturating_sub(end + 4);
            let segments = fitting(segments, room);
            let wide: usize = segments.iter().map(|segment| parts_width(&segment.parts) + 2).sum();
            let x = place.right().saturating_sub(wide as u16).max(end + 3);
            draw_segments(buffer, Rect { x, width: place.right().saturating_sub(x), ..place }, &segments, theme);
        }
    }
}

/// Draws the ways to look at the plan, the one that is shown on its background; returns where they end.
fn draw_modes(buffer: &mut Buffer, place: Rect, modes: &[TextPart], theme: &Theme) -> u16 {
    let mut x = place.x;
    for (word, role) in modes {
        let room = usize::from(place.right().saturating_sub(x));
        let style = theme.style(*role);
        let style = if *role == Role::Tab { style } else { Style { bg: None, ..style } };
        x = buffer.set_stringn(x, place.y, word, room, style).0;
    }
    x
}

/// Returns the segments that have room; the highest `drop` goes first.
fn fitting(segments: &[Segment], room: u16) -> Vec<Segment> {
    let mut kept = segments.to_vec();
    let wide = |kept: &[Segment]| kept.iter().map(|segment| parts_width(&segment.parts) + 2).sum::<usize>();
    while wide(&kept) > usize::from(room) {
        let Some((at, _)) = kept.iter().enumerate().max_by_key(|(_, segment)| segment.drop) else { break };
        kept.remove(at);
    }
    kept
}

fn clean(foreign: &str, role: Role) -> TextPart {
    (text::clean(foreign).into_owned(), role)
}

fn indented(area: Rect) -> Rect {
    Rect { x: area.x + u16::from(area.width > 0), width: area.width.saturating_sub(1), ..area }
}

/// Returns where the tree and the cards stand; a small tree leaves its room to the cards, a tall one on a wide screen has
/// them beside it.
fn split(area: Rect, panel: Panel, nodes: usize) -> (Rect, Rect) {
    if panel == Panel::Nothing {
        return (area, Rect::ZERO);
    }
    let needed = u16::try_from(nodes).unwrap_or(u16::MAX).saturating_add(TREE_EXTRA);
    if area.width >= WIDE && needed > area.height / 2 {
        let [tree, cards] = Layout::horizontal([Constraint::Percentage(60), Constraint::Percentage(40)]).areas(area);
        return (tree, cards);
    }
    if area.height < LEAST.0 + LEAST.1 {
        return (area, Rect::ZERO);
    }
    let height = (area.height * 2 / 5).max(area.height.saturating_sub(needed)).max(LEAST.1);
    let [tree, cards] = Layout::vertical([Constraint::Min(LEAST.0), Constraint::Length(height)]).areas(area);
    (tree, cards)
}
