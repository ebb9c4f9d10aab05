//! What is known of the selected row, below the rows, where the screen is high enough for both.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};

use super::App;
use super::layer::Layer;
use super::screen::clock_text;
use crate::document::Document;
use crate::sample::Timestamp;
use crate::ui::detail::Detail;
use crate::ui::frame::Tile;
use crate::ui::theme::Role;

/// The least rows of a pane that are shared with a preview.
const LEAST_SHARED: u16 = 26;
/// The least rows of a preview, with its border.
const LEAST: u16 = 9;

/// Returns how many rows of a pane a preview takes, given the rows the list has use for; 0 where there is no room.
fn height(pane: u16, wanted: u16) -> u16 {
    if pane < LEAST_SHARED {
        return 0;
    }
    let free = pane.saturating_sub(wanted);
    (pane * 2 / 5).max(free.min(pane * 3 / 5)).max(LEAST)
}

/// A row whose document lies over the pane.
#[derive(Debug)]
pub(super) struct InspectedRow {
    /// The document's title, which names the row.
    pub(super) title: String,
    /// The moment of its figures.
    pub(super) read_at: Timestamp,
}

/// What stands in the title of a document whose row is gone, before the moment of its figures.
const AS_OF: &str = ", as of ";

impl App {
    /// Reads the row anew whose document lies on top; where it is gone, its title says of which moment it is.
    pub(super) fn refresh_inspected(&mut self) {
        let Some(view) = self.shown.view(self.timeline.history(), &self.filter) else { return };
        let (Some(Layer::Document(detail)), Some(row)) = (self.layers.last_mut(), &mut self.inspected) else { return };
        let of_row = detail.document().title.strip_prefix(row.title.as_str());
        if !of_row.is_some_and(|rest| rest.is_empty() || rest.starts_with(AS_OF)) {
            return;
        }
        let newer = self.panes.shown().and_then(|pane| pane.inspect(&view));
        if let Some(newer) = newer.filter(|newer| newer.title == row.title) {
            row.read_at = view.newer.at;
            detail.replace(newer);
        } else {
            let title = format!("{}{AS_OF}{}", row.title, clock_text(row.read_at));
            detail.replace(Document { title, ..detail.document().clone() });
        }
    }

    /// Derives the preview anew: the rows, the selected one or the pane changed.
    pub(super) fn refresh_preview(&mut self) {
        self.preview = None;
        if self.body().height < LEAST_SHARED {
            return;
        }
        let Some(view) = self.shown.view(self.timeline.history(), &self.filter) else { return };
        let pane = self.panes.shown();
        self.preview = pane.filter(|pane| pane.has_preview()).and_then(|pane| pane.inspect(&view)).map(Detail::new);
    }

    /// Draws the preview at the foot of a pane's area and returns what is left of it.
    pub(super) fn draw_preview(&mut self, frame: &mut Frame<'_>, area: Rect) -> Rect {
        let listed = self.pane().and_then(|pane| Some(pane.list()?.len()));
        let Some((detail, listed)) = self.preview.as_ref().zip(listed) else { return area };
        // A header above the rows, a line of counts below, a blank line before the frame.
        let height = height(area.height, u16::try_from(listed).unwrap_or(u16::MAX).saturating_add(3));
        let [rows, below] = Layout::vertical([Constraint::Min(1), Constraint::Length(height)]).areas(area);
        let tile =
            Tile { title: &detail.document().title, note: Some(("Enter details", Role::Muted)), ..Tile::default() };
        let inside = tile.draw(frame.buffer_mut(), below, &self.theme);
        let inside = Rect { x: inside.x + 1, width: inside.width.saturating_sub(1), ..inside };
        detail.draw(frame.buffer_mut(), inside, &self.theme);
        rows
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::height;
    use crate::app::{App, Event, PaneContext, Rights, Start};
    use crate::fixture::{NOW, With as _, row, snapshot, start};

    #[test]
    fn a_document_that_lies_over_a_pane_goes_on_with_its_row_and_says_when_that_is_gone() {
        let start =
            Start { rights: Rights::ReadOnly, history_bytes: 1_000_000, ..start(&crate::panes::activity::PANE) };
        let mut app = App::new(start, crate::panes::ALL, &PaneContext::in_zone(jiff::tz::TimeZone::UTC));
        let sample = |app: &mut App, second: f64, pid: i32| {
            let session = row! { pid: pid, backend_start: 1.0, backend_type: "client backend", user: "web",
            database: "shop", state: "idle in transaction", xact_start: NOW - 100.0, state_change: NOW - 100.0 };
            let seen = snapshot().at(NOW + second).with("activity", vec![session]);
            app.update(Event::Sampled(Arc::new(seen)));
        };
        let screen = |app: &mut App| {
            let mut terminal = Terminal::new(TestBackend::new(120, 24)).unwrap();
            terminal.draw(|frame| app.draw(frame)).unwrap();
            let text: String = terminal.backend().buffer().content.iter().map(ratatui::buffer::Cell::symbol).collect();
            text
        };
        sample(&mut app, 0.0, 7);
        app.update(Event::Key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE)));
        let shown = screen(&mut app);
        assert!(shown.contains("Esc close") && shown.contains("1m40s"), "{shown}");
        sample(&mut app, 45.0, 7);
        let shown = screen(&mut app);
        assert!(shown.contains("2m25s") && !shown.contains("1m40s"), "{shown}");
        sample(&mut app, 50.0, 8);
        let shown = screen(&mut app);
        assert!(shown.contains("2m25s") && shown.contains(", as of "), "{shown}");
        sample(&mut app, 60.0, 7);
        let shown = screen(&mut app);
        assert!(shown.contains("2m40s") && !shown.contains(", as of "), "{shown}");
    }

    #[test]
    fn a_preview_takes_what_the_rows_leave_and_never_their_half_for_nothing() {
        for (pane, wanted, expected) in [(20, 5, 0), (36, 300, 14), (36, 10, 21), (36, 20, 16), (26, 300, 10)] {
            assert_eq!(height(pane, wanted), expected, "{pane} rows, {wanted} wanted");
        }
    }
}
