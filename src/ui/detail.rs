//! A document that is read on the screen: wrapped and scrolled.
//!
//! Made in `refresh` from everything that is known of a row; laid out once for a width.

use std::cell::{Cell, RefCell};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::code::{Code, MOST_SHOWN};
use super::document::{self, Medium};
use super::frame::{TextPart, draw_parts};
use super::theme::Theme;
use crate::document::Document;

/// A document that is being read.
#[derive(Debug, Default)]
pub struct Detail {
    document: Document,
    /// Its code in colour, in order.
    codes: Vec<Code>,
    first: Cell<usize>,
    /// The lines for a width.
    laid: RefCell<(u16, Vec<Vec<TextPart>>)>,
    height: Cell<u16>,
    /// The most lines that it had while it was read.
    most_lines: Cell<u16>,
}

impl Detail {
    /// A document that is read from its beginning.
    pub fn new(document: Document) -> Self {
        Self { codes: document::codes(&document, MOST_SHOWN), document, ..Self::default() }
    }

    /// Returns what is read.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// Takes the contents of another document and stays where it is, for the same row read anew.
    pub fn replace(&mut self, newer: Document) {
        if self.document != newer {
            let (first, height, most_lines) = (self.first.clone(), self.height.clone(), self.most_lines.clone());
            *self = Self { first, height, most_lines, ..Self::new(newer) };
        }
    }

    /// Returns how many rows it needs in so many columns; while it is read it does not shrink again.
    pub(crate) fn rows(&self, columns: u16) -> u16 {
        self.lay(columns);
        let lines = u16::try_from(self.laid.borrow().1.len()).unwrap_or(u16::MAX);
        self.most_lines.set(self.most_lines.get().max(lines));
        self.most_lines.get()
    }

    /// Scrolls so many lines down, or up where it is negative.
    pub fn scroll(&self, lines: isize) {
        let first = self.first.get().saturating_add_signed(lines);
        self.first.set(first.min(self.last_first()));
    }

    /// Scrolls so many screens down, or up where it is negative.
    pub(crate) fn scroll_pages(&self, pages: isize) {
        let page = isize::try_from(self.height.get().max(2) - 1).unwrap_or(1);
        self.scroll(pages.saturating_mul(page));
    }

    /// Returns the document as plain text, for a copy.
    pub fn text(&self, width: u16) -> String {
        let lines = self.lines(usize::from(width.max(1)));
        let line =
            |parts: Vec<TextPart>| parts.into_iter().map(|(text, _)| text).collect::<String>().trim_end().to_owned();
        lines.into_iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// Draws the document from the line it is scrolled to, with a scrollbar where there is more.
    pub fn draw(&self, buffer: &mut Buffer, area: Rect, theme: &Theme) {
        let area = area.intersection(buffer.area);
        if area.is_empty() {
            return;
        }
        self.height.set(area.height);
        let width = self.lay(area.width);
        self.first.set(self.first.get().min(self.last_first()));
        let laid = self.laid.borrow();
        let first = self.first.get();
        for (line, y) in laid.1.iter().skip(first).zip(area.y..area.bottom()) {
            draw_parts(buffer, Rect { y, height: 1, width, ..area }, line, theme);
        }
        let bar = super::scrollbar::Scrollbar { count: laid.1.len(), first };
        bar.draw(buffer, Rect { x: area.right() - 1, width: 1, ..area }, theme);
    }

    /// Returns how many lines it has in so many columns, none of them for a scrollbar.
    pub(crate) fn line_count(&self, columns: u16) -> usize {
        self.lay(columns.saturating_add(2));
        self.laid.borrow().1.len()
    }

    /// Draws one of its lines, as it was laid out for [`Self::line_count`].
    pub(crate) fn draw_line(&self, buffer: &mut Buffer, area: Rect, line: usize, theme: &Theme) {
        if let Some(line) = self.laid.borrow().1.get(line) {
            draw_parts(buffer, area, line, theme);
        }
    }

    /// Lays it out in so many columns, two of them for the scrollbar; returns the columns of its lines.
    fn lay(&self, columns: u16) -> u16 {
        let width = columns.saturating_sub(2).max(1);
        if self.laid.borrow().0 != width {
            *self.laid.borrow_mut() = (width, self.lines(usize::from(width)));
        }
        width
    }

    fn last_first(&self) -> usize {
        self.laid.borrow().1.len().saturating_sub(usize::from(self.height.get()))
    }

    fn lines(&self, width: usize) -> Vec<Vec<TextPart>> {
        document::lines(&self.document, &self.codes, Medium::Screen(width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::document::{Language, Tone};
    use crate::ui::snapshot::lines;

    fn session() -> Detail {
        let mut document = Document::new("Session 4711");
        document.heading("Session 4711");
        document.pair("user", "shop_app");
        document.pair("client", "10.0.0.12:51344");
        document.pair_as("state", "idle in transaction", Tone::Warning);
        document.pair("transaction", "13m32s");
        document.pair("application", "gunicorn\x1b[2J: shop");
        document.heading("Query");
        let sql = "select id, status from shop_order where status = 'pending' -- recent\norder by created_at desc";
        document.code(Language::Sql, sql);
        document.heading("What to do");
        document.text(
            "The transaction is open since 13 minutes and holds back the cleaning of dead rows: find the view that forgot it.",
        );
        Detail::new(document)
    }

    fn drawn(detail: &Detail, size: (u16, u16)) -> String {
        let area = Rect::new(0, 0, size.0, size.1);
        let mut buffer = Buffer::empty(area);
        detail.draw(&mut buffer, area, &Theme::default());
        lines(&buffer).join("\n")
    }

    #[test]
    fn a_document_is_laid_out_for_its_width() {
        let all: Vec<String> = [(120, 14), (60, 18), (24, 8)].iter().map(|size| drawn(&session(), *size)).collect();
        insta::assert_snapshot!(all.join("\n--\n"));
    }

    #[test]
    fn it_scrolls_to_its_end_and_no_further() {
        let detail = session();
        drawn(&detail, (40, 6));
        detail.scroll(1000);
        let end = drawn(&detail, (40, 6));
        assert!(end.contains("dead rows: find the view"), "{end}");
        detail.scroll_pages(-1);
        assert_ne!(drawn(&detail, (40, 6)), end);
        detail.scroll(-1000);
        assert!(drawn(&detail, (40, 6)).starts_with("Session 4711"));
    }

    #[test]
    fn no_size_panics() {
        for (width, height) in (0..30).flat_map(|width| (0..6).map(move |height| (width, height))) {
            drawn(&session(), (width, height));
        }
    }
}
