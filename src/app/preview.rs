//! What is known of the selected row, below the rows, where the screen is high enough for both.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};

use super::App;
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

impl App {
    /// Derives the preview anew: the rows, the selected one or the pane changed.
    pub(super) fn refresh_preview(&mut self) {
        self.preview = None;
        if self.body().height < LEAST_SHARED {
            return;
        }
        let Some(view) = self.shown.view(self.timeline.history()) else { return };
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
    use super::height;

    #[test]
    fn a_preview_takes_what_the_rows_leave_and_never_their_half_for_nothing() {
        for (pane, wanted, expected) in [(20, 5, 0), (36, 300, 14), (36, 10, 21), (36, 20, 16), (26, 300, 10)] {
            assert_eq!(height(pane, wanted), expected, "{pane} rows, {wanted} wanted");
        }
    }
}
