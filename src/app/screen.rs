//! Draws the whole screen: header, tabs, the pane, the footer, and the layers on top.
//!
//! What goes first on a low screen: the tabs below 12 rows, the banner and the breadcrumb below 10, the vital signs below 8, the header
//! below 5, the footer below 4.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Clear, Paragraph};

use super::keys::{Footer, bindings_of};
use super::layer::Layer;
use super::{Action, App, Clock, DrawContext, Pane, PaneId, PaneSpec};
use crate::sample::Timestamp;
use crate::ui::frame::{self, Segment, Tab};
use crate::ui::text::{clean, cut, wrap_at_most};
use crate::ui::theme::Role;

/// Below this the screen says that it is too small.
const SMALLEST: (u16, u16) = (20, 4);
/// Lines of a message at most.
const MESSAGE_LINES: usize = 3;

/// Where the parts of the screen stand.
#[derive(Debug, Clone, Copy)]
struct ScreenAreas {
    server: Rect,
    banner: Rect,
    signs: Rect,
    tabs: Rect,
    crumbs: Rect,
    body: Rect,
    footer: Rect,
}

impl ScreenAreas {
    /// Divides the screen; `banner` and `crumbs` are how many rows these would have.
    fn of(area: Rect, banner: u16, crumbs: u16) -> Self {
        let shown_from = |rows: u16| u16::from(area.height >= rows);
        let [server, banner, signs, tabs, crumbs, body, footer] = Layout::vertical([
            Constraint::Length(shown_from(5)),
            Constraint::Length(shown_from(10).min(banner)),
            Constraint::Length(shown_from(8)),
            Constraint::Length(shown_from(12)),
            Constraint::Length(shown_from(10).min(crumbs)),
            Constraint::Min(1),
            Constraint::Length(shown_from(4)),
        ])
        .areas(area);
        Self { server, banner, signs, tabs, crumbs, body, footer }
    }
}

impl App {
    /// Draws a frame.
    pub fn draw(&mut self, frame: &mut Frame<'_>) {
        let area = frame.area();
        self.area = area;
        frame.buffer_mut().set_style(area, self.theme.screen());
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            frame.render_widget(Line::raw(cut("too small", usize::from(area.width))), area);
            return;
        }
        let parts = self.parts();
        self.draw_server(frame, parts.server);
        self.draw_banner(frame, parts.banner);
        self.draw_signs(frame, parts.signs);
        self.draw_tabs(frame, parts.tabs);
        self.draw_crumbs(frame, parts.crumbs);
        self.draw_pane(frame, parts.body);
        if self.layers.is_empty() {
            self.draw_footer(frame, parts.footer);
        }
        let context = DrawContext { theme: &self.theme };
        for layer in &mut self.layers {
            layer.draw(frame, area, context);
        }
        if let Some(keys) = self.layers.last().and_then(Layer::keys) {
            frame.render_widget(Clear, parts.footer);
            frame.buffer_mut().set_style(parts.footer, self.theme.screen());
            let footer = Rect { x: parts.footer.x + 1, width: parts.footer.width.saturating_sub(1), ..parts.footer };
            frame::draw_keys(frame.buffer_mut(), footer, keys, &self.theme);
        }
    }

    /// Returns where the pane stands.
    pub(super) fn body(&self) -> Rect {
        self.parts().body
    }

    fn parts(&self) -> ScreenAreas {
        let is_narrowed = !self.crumbs.is_empty() && self.panes.shown().is_some_and(Pane::is_narrowed);
        ScreenAreas::of(self.area, u16::from(!self.banner.is_empty()), u16::from(is_narrowed))
    }

    fn draw_banner(&self, frame: &mut Frame<'_>, area: Rect) {
        let area = Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area };
        frame::draw_segments(frame.buffer_mut(), area, &self.banner, &self.theme);
    }

    /// Says what the rows of the pane below are narrowed to.
    fn draw_crumbs(&self, frame: &mut Frame<'_>, area: Rect) {
        let area = Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area };
        let arrow = if self.theme.glyphs.is_unicode { " › " } else { " > " };
        let only = Segment::new("only ", Role::Muted).and(clean(&self.crumbs.join(arrow)), Role::Warning);
        let widen = Segment::new("Backspace", Role::Key).and(" one condition less", Role::Muted).drop(1);
        frame::draw_segments(frame.buffer_mut(), area, &[only, widen], &self.theme);
    }

    fn draw_pane(&mut self, frame: &mut Frame<'_>, area: Rect) {
        let area = self.draw_preview(frame, area);
        let context = DrawContext { theme: &self.theme };
        if let Some(pane) = self.panes.shown_mut() {
            pane.draw(frame, area, context);
        }
    }

    fn draw_tabs(&mut self, frame: &mut Frame<'_>, area: Rect) {
        // The tenth is 0.
        let keys: Vec<String> = (1..=self.panes.specs().len()).map(|number| (number % 10).to_string()).collect();
        let tab = |(key, pane): (&'_ String, &PaneSpec)| Tab { key: key.clone(), name: pane.id.title, short: pane.tab };
        let tabs: Vec<Tab> = keys.iter().zip(self.panes.specs()).map(tab).collect();
        let active = self.panes.place();
        let area = Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area };
        self.tabs = frame::draw_tabs(frame.buffer_mut(), area, &tabs, active, &self.theme);
    }

    /// Returns the pane whose tab is at a place.
    pub(super) fn tab_at(&self, at: Position) -> Option<PaneId> {
        self.tabs.iter().zip(self.panes.specs()).find(|(place, _)| place.contains(at)).map(|(_, pane)| pane.id)
    }

    /// Draws a message at the bottom, over the last lines of the pane where one line does not do.
    fn draw_message(&self, frame: &mut Frame<'_>, area: Rect, message: &Line<'_>) {
        let width = usize::from(area.width);
        let lines = wrap_at_most(&message.to_string(), width, MESSAGE_LINES, self.theme.glyphs.cut);
        let above = u16::try_from(lines.len()).unwrap_or(1).saturating_sub(1).min(area.y);
        let place = Rect { y: area.y - above, height: above + 1, ..area };
        frame.render_widget(Clear, place);
        frame.buffer_mut().set_style(place, self.theme.screen());
        let lines: Vec<Line<'_>> = lines.into_iter().map(|line| Line::styled(line, message.style)).collect();
        frame.render_widget(Paragraph::new(lines), place);
    }

    fn draw_footer(&self, frame: &mut Frame<'_>, area: Rect) {
        if let Some(message) = &self.message {
            let said = clean(&message.text);
            let (text, style) = match message.health {
                Some(health) => (format!("{} {said}", self.theme.glyphs.sign(health)), self.theme.health(health)),
                None => (said.into_owned(), self.theme.style(Role::Accent)),
            };
            self.draw_message(frame, area, &Line::styled(text, style));
            return;
        }
        let typing = self.panes.shown().and_then(Pane::typing);
        if let Some(keys) = typing {
            let area = Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area };
            frame::draw_keys(frame.buffer_mut(), area, keys, &self.theme);
            return;
        }
        let mut keys: Vec<(u8, &str, &str)> = bindings_of(self.panes.spec(), self.panes.specs())
            .filter(|binding| self.may(binding))
            .filter(|binding| self.panes.shown().is_none_or(|pane| pane.offers(binding.action)))
            .filter_map(|binding| match binding.footer {
                Footer::At(rank) => {
                    let is_back = binding.action == Action::Pause && matches!(self.clock, Clock::Held(_));
                    Some((rank, binding.keys.first().copied()?, if is_back { "live" } else { binding.short }))
                }
                Footer::No => None,
            })
            .collect();
        keys.sort_by_key(|(rank, ..)| *rank);
        let keys: Vec<(&str, &str)> = keys.into_iter().map(|(_, key, short)| (key, short)).collect();
        let area = Rect { x: area.x + 1, width: area.width.saturating_sub(1), ..area };
        frame::draw_keys(frame.buffer_mut(), area, &keys, &self.theme);
    }
}

/// Writes a moment as the local time of day.
pub(crate) fn clock_text(at: Timestamp) -> String {
    clock_text_in(at, jiff::tz::TimeZone::system())
}

/// Writes a moment as the time of day in a zone.
pub fn clock_text_in(at: Timestamp, zone: jiff::tz::TimeZone) -> String {
    jiff::Timestamp::from_second(at.0 as i64)
        .map_or_else(|_| "--:--:--".to_owned(), |time| time.to_zoned(zone).strftime("%H:%M:%S").to_string())
}
