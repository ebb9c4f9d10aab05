//! A scrollbar: how much there is, and where in it one is.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::theme::{Role, Theme};

/// How much there is and where in it one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scrollbar {
    /// How many lines there are.
    pub count: usize,
    /// The first line seen.
    pub first: usize,
}

impl Scrollbar {
    /// Draws the bar over a column; nothing where all is seen.
    pub fn draw(self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let area = area.intersection(buffer.area);
        let height = usize::from(area.height);
        if self.count <= height || area.is_empty() {
            return;
        }
        let thumb = (height * height / self.count).max(1);
        let range = self.count - height;
        let top = (self.first.min(range) * (height - thumb) + range / 2) / range;
        for (line, y) in (area.y..area.bottom()).enumerate() {
            let is_thumb = (top..top + thumb).contains(&line);
            let (mark, role) =
                if is_thumb { (theme.glyphs.thumb, Role::Muted) } else { (theme.glyphs.track, Role::Border) };
            buffer.set_stringn(area.x, y, mark, 1, theme.style(role));
        }
    }
}
