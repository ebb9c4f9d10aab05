//! A document to read: headings, figures, paragraphs and code, wrapped and scrolled.
//!
//! Made in `refresh` from everything that is known of a row; laid out once for a width.

use std::cell::{Cell, RefCell};

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::code::{Code, Language};
use super::frame::{TextPart, draw_parts};
use super::text::{self, Align};
use super::theme::{Role, Theme};

/// The width from which figures stand in two columns.
const TWO_COLUMNS: usize = 100;

/// The least width of a value beside its label; below, it stands under it.
const LEAST_VALUE: usize = 16;

/// The widest label of a figure.
const WIDEST_LABEL: usize = 28;

/// What a document is made of.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// A heading.
    Heading(String),
    /// Figures: label, value, look.
    Pairs(Vec<(String, String, Role)>),
    /// A paragraph.
    Paragraph(String, Role),
    /// Code in colour.
    Code(Code),
    /// An empty line.
    Gap,
}

/// A document that is being read.
#[derive(Debug, Default)]
pub struct Detail {
    blocks: Vec<Block>,
    first: Cell<usize>,
    /// The lines for a width.
    laid: RefCell<(u16, Vec<Vec<TextPart>>)>,
    height: Cell<u16>,
}

impl Detail {
    /// An empty document.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a heading.
    pub(crate) fn heading(mut self, text: impl Into<String>) -> Self {
        if !self.blocks.is_empty() {
            self.blocks.push(Block::Gap);
        }
        self.blocks.push(Block::Heading(text.into()));
        self
    }

    /// Adds a figure; figures one after the other stand under one another. Foreign text is cleaned.
    pub fn pair(self, label: impl Into<String>, value: impl AsRef<str>) -> Self {
        self.pair_as(label, value, Role::Text)
    }

    /// Adds a figure with a look.
    pub fn pair_as(mut self, label: impl Into<String>, value: impl AsRef<str>, role: Role) -> Self {
        let pair = (label.into(), text::clean_cut(value.as_ref(), 4096), role);
        match self.blocks.last_mut() {
            Some(Block::Pairs(pairs)) => pairs.push(pair),
            _ => self.blocks.push(Block::Pairs(vec![pair])),
        }
        self
    }

    /// Adds a paragraph. Foreign text is cleaned.
    pub fn paragraph(self, text: impl AsRef<str>) -> Self {
        self.paragraph_as(text, Role::Text)
    }

    /// Adds a paragraph with a look.
    pub(crate) fn paragraph_as(mut self, text: impl AsRef<str>, role: Role) -> Self {
        self.blocks.push(Block::Paragraph(text::clean_lines(text.as_ref()).into_owned(), role));
        self
    }

    /// Adds code; foreign text is cleaned, what is not shown of it is said.
    pub fn code(mut self, language: Language, code: impl AsRef<str>) -> Self {
        let code = Code::new(language, code.as_ref());
        let note = code.note();
        self.blocks.push(Block::Code(code));
        match note {
            Some(note) => self.paragraph_as(note, Role::Muted),
            None => self,
        }
    }

    /// Takes the contents of another document and stays where it is, for the same row read anew.
    pub fn replace(&mut self, newer: Self) {
        if self.blocks != newer.blocks {
            self.blocks = newer.blocks;
            *self.laid.get_mut() = (0, Vec::new());
        }
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
        let width = area.width.saturating_sub(2).max(1);
        if self.laid.borrow().0 != width {
            *self.laid.borrow_mut() = (width, self.lines(usize::from(width)));
        }
        self.first.set(self.first.get().min(self.last_first()));
        let laid = self.laid.borrow();
        let first = self.first.get();
        for (line, y) in laid.1.iter().skip(first).zip(area.y..area.bottom()) {
            draw_parts(buffer, Rect { y, height: 1, width, ..area }, line, theme);
        }
        let bar = super::scrollbar::Scrollbar { count: laid.1.len(), first };
        bar.draw(buffer, Rect { x: area.right() - 1, width: 1, ..area }, theme);
    }

    fn last_first(&self) -> usize {
        self.laid.borrow().1.len().saturating_sub(usize::from(self.height.get()))
    }

    fn lines(&self, width: usize) -> Vec<Vec<TextPart>> {
        let mut lines = Vec::new();
        for block in &self.blocks {
            match block {
                Block::Heading(text) => lines.push(vec![(text.clone(), Role::Title)]),
                Block::Gap => lines.push(Vec::new()),
                Block::Paragraph(text, role) => {
                    lines.extend(text::wrap_words(text, width).into_iter().map(|line| vec![(line, *role)]));
                }
                Block::Code(code) => lines.extend(code.lines(width)),
                Block::Pairs(pairs) => lay_pairs(pairs, width, &mut lines),
            }
        }
        lines
    }
}

/// Lays figures out: labels in a column, values beside them; in two columns where all fit.
pub(super) fn lay_pairs(pairs: &[(String, String, Role)], width: usize, lines: &mut Vec<Vec<TextPart>>) {
    let label =
        pairs.iter().map(|(label, ..)| text::width(label)).max().unwrap_or(0).min(WIDEST_LABEL).min(width / 2) + 2;
    let value = pairs.iter().map(|(_, value, _)| text::width(value)).max().unwrap_or(0);
    let half = width / 2;
    let is_short = pairs.iter().all(|(text, ..)| text::width(text) + 2 <= label);
    if width >= TWO_COLUMNS && pairs.len() > 3 && label + value < half && is_short {
        let rows = pairs.len().div_ceil(2);
        for row in 0..rows {
            let mut line = Vec::new();
            for (label_text, value, role) in [row, row + rows].iter().filter_map(|at| pairs.get(*at)) {
                line.push((text::pad(label_text, label, Align::Left), Role::Muted));
                line.push((text::pad(value, half - label, Align::Left), *role));
            }
            lines.push(line);
        }
        return;
    }
    let is_narrow = width.saturating_sub(label) < LEAST_VALUE;
    let label = if is_narrow { 2 } else { label };
    for (label_text, value, role) in pairs {
        // A label that is too long for its column has a line of its own.
        let is_alone = is_narrow || text::width(label_text) + 2 > label;
        if is_alone {
            lines.push(vec![(label_text.clone(), Role::Muted)]);
        }
        for (at, value) in text::wrap_words(value, width.saturating_sub(label).max(1)).into_iter().enumerate() {
            let shown = if at == 0 && !is_alone { label_text.as_str() } else { "" };
            lines.push(vec![(text::pad(shown, label, Align::Left), Role::Muted), (value, *role)]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::snapshot::lines;

    fn session() -> Detail {
        Detail::new()
            .heading("Session 4711")
            .pair("user", "shop_app")
            .pair("client", "10.0.0.12:51344")
            .pair_as("state", "idle in transaction", Role::Warning)
            .pair("transaction", "13m32s")
            .pair("application", "gunicorn\x1b[2J: shop")
            .heading("Query")
            .code(Language::Sql, "select id, status from shop_order where status = 'pending' -- recent\norder by created_at desc")
            .heading("What to do")
            .paragraph("The transaction is open since 13 minutes and holds back the cleaning of dead rows: find the view that forgot it.")
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
