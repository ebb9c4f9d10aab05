//! Draws the whole screen: header, tabs, the pane, the footer, and the layers on top.
//!
//! What goes first on a low screen: the tabs below 12 rows, the vital signs below 8, the header below 5, the footer below 4.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Clear;

use super::keys::{BINDINGS, Footer};
use super::{App, Look, PaneId};
use crate::sample::Timestamp;
use crate::ui::text::{clean, cut, width};
use crate::ui::theme::Role;

/// Below this the screen says that it is too small.
const SMALLEST: (u16, u16) = (20, 4);

/// Where the parts of the screen stand.
#[derive(Debug, Clone, Copy)]
struct Parts {
    server: Rect,
    signs: Rect,
    tabs: Rect,
    body: Rect,
    footer: Rect,
}

impl Parts {
    fn of(area: Rect) -> Self {
        let shown_from = |rows: u16| u16::from(area.height >= rows);
        let [server, signs, tabs, body, footer] = Layout::vertical([
            Constraint::Length(shown_from(5)),
            Constraint::Length(shown_from(8)),
            Constraint::Length(shown_from(12)),
            Constraint::Min(1),
            Constraint::Length(shown_from(4)),
        ])
        .areas(area);
        Self { server, signs, tabs, body, footer }
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
        let parts = Parts::of(area);
        self.draw_server(frame, parts.server);
        self.draw_signs(frame, parts.signs);
        self.draw_tabs(frame, parts.tabs);
        self.draw_pane(frame, parts.body);
        self.draw_footer(frame, parts.footer);
        let look = Look { theme: &self.theme };
        for layer in &mut self.layers {
            layer.draw(frame, area, look);
        }
    }

    fn draw_pane(&mut self, frame: &mut Frame<'_>, area: Rect) {
        let look = Look { theme: &self.theme };
        let current = self.current;
        frame.render_widget(Clear, area);
        frame.buffer_mut().set_style(area, self.theme.screen());
        if let Some(pane) = self.panes.iter_mut().find(|pane| pane.id() == current) {
            pane.draw(frame, area, look);
        }
    }

    fn draw_tabs(&self, frame: &mut Frame<'_>, area: Rect) {
        let spans: Vec<Span<'_>> = tab_words()
            .flat_map(|(pane, number, title)| {
                let role = if pane == self.current { Role::Selection } else { Role::Muted };
                [Span::styled(format!(" {number} {title} "), self.theme.style(role)), Span::raw(" ")]
            })
            .collect();
        frame.render_widget(Line::from(spans), area);
    }

    /// Returns the pane whose tab is at a place.
    pub(super) fn tab_at(&self, at: Position) -> Option<PaneId> {
        let tabs = Parts::of(self.area).tabs;
        if !tabs.contains(at) {
            return None;
        }
        let mut from = usize::from(tabs.x);
        for (pane, _, title) in tab_words() {
            let to = from + title.len() + 4;
            if (from..to).contains(&usize::from(at.x)) {
                return Some(pane);
            }
            from = to + 1;
        }
        None
    }

    fn draw_footer(&self, frame: &mut Frame<'_>, area: Rect) {
        if let Some(message) = &self.message {
            let text = format!("{} {}", self.theme.glyphs.sign(message.health), clean(&message.text));
            let line = Line::styled(cut(&text, usize::from(area.width)), self.theme.health(message.health));
            frame.render_widget(line, area);
            return;
        }
        frame.render_widget(Line::from(self.footer_spans(usize::from(area.width))), area);
    }

    /// The keys that work here, as many as fit, the less important ones left out first.
    fn footer_spans(&self, room: usize) -> Vec<Span<'static>> {
        let mut shown: Vec<(u8, &'static str, &'static str)> = BINDINGS
            .iter()
            .filter(|binding| binding.works_in(self.current))
            .filter_map(|binding| match binding.footer {
                Footer::At(rank) => Some((rank, binding.keys.first().copied()?, binding.short)),
                Footer::No => None,
            })
            .collect();
        let needed = |shown: &[(u8, &str, &str)]| {
            shown.iter().map(|(_, key, short)| width(key) + width(short) + 3).sum::<usize>()
        };
        while needed(&shown) > room && !shown.is_empty() {
            let Some(last) = shown.iter().map(|(rank, ..)| *rank).max() else { break };
            shown.retain(|(rank, ..)| *rank != last);
        }
        shown.sort_by_key(|(rank, ..)| *rank);
        shown
            .into_iter()
            .flat_map(|(_, key, short)| {
                [
                    Span::styled(key, self.theme.style(Role::Key)),
                    Span::styled(format!(" {short}  "), self.theme.style(Role::Muted)),
                ]
            })
            .collect()
    }
}

fn tab_words() -> impl Iterator<Item = (PaneId, usize, &'static str)> {
    PaneId::ALL.iter().enumerate().map(|(at, pane)| (*pane, at + 1, pane.title()))
}

/// Writes a moment as the local time of day.
pub fn clock_text(at: Timestamp) -> String {
    jiff::Timestamp::from_second(at.0 as i64).map_or_else(
        |_| "--:--:--".to_owned(),
        |time| time.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string(),
    )
}
