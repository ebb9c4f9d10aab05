//! Pictures for tests: what a buffer shows, as text and as classes of style.

use ratatui::buffer::Buffer;

use super::text;

/// Returns the lines a buffer shows, without the blanks at their ends.
pub(crate) fn lines(buffer: &Buffer) -> Vec<String> {
    let area = buffer.area;
    let line = |y: u16| {
        let mut out = String::new();
        let mut x = area.x;
        while x < area.right() {
            let symbol = buffer[(x, y)].symbol();
            out.push_str(symbol);
            x += (text::width(symbol) as u16).max(1);
        }
        out.trim_end().to_owned()
    };
    (area.y..area.bottom()).map(line).collect()
}
