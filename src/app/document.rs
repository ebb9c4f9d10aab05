//! A titled document: what a pane knows of a row, a finding, a question.

use super::PaneId;
use crate::ui::code::Language;
use crate::ui::detail::Detail;

/// A document with a title.
#[derive(Debug, Default)]
pub struct Document {
    /// Its title.
    pub title: String,
    /// Its figures, for a question that needs no more.
    pub facts: Vec<(String, String)>,
    /// What `y` copies, where it is not the whole text.
    pub copied: Option<String>,
    /// The pane that its subject is a row of, for the key that goes there.
    pub leads_to: Option<PaneId>,
    /// Its contents.
    pub detail: Detail,
}

impl Document {
    /// An empty document.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), ..Self::default() }
    }

    /// Adds a heading.
    pub(crate) fn heading(&mut self, text: &str) {
        self.detail = std::mem::take(&mut self.detail).heading(text);
    }

    /// Adds a figure.
    pub fn pair(&mut self, label: &str, value: &str) {
        self.facts.push((label.to_owned(), value.to_owned()));
        self.detail = std::mem::take(&mut self.detail).pair(label, value);
    }

    /// Adds a paragraph.
    pub fn text(&mut self, text: &str) {
        self.detail = std::mem::take(&mut self.detail).paragraph(text);
    }

    /// Adds code.
    pub fn code(&mut self, language: Language, code: &str) {
        self.detail = std::mem::take(&mut self.detail).code(language, code);
    }
}
