//! Code in colour: SQL, Python and JSON, wrapped to a width; and SQL laid out to be read.
//!
//! Python and JSON are told apart by syntect's grammars. The lexer of SQL is ours: PostgreSQL's own quoting (dollar quotes,
//! escape strings, nested comments) is lexed right, and a text of a megabyte takes milliseconds. Neither can fail: what
//! they do not know is plain text.

use std::ops::Range;

use super::text;
use super::theme::Role;
use crate::document::Language;

mod grammar;
mod layout;
mod lexer;
mod plan;
mod sql;

pub use layout::format_sql;
pub(crate) use lexer::{Token, TokenKind};

/// The most that is shown of a text, in bytes; nobody reads more on a screen.
pub(super) const MOST_SHOWN: usize = 1024 * 1024;

/// A text with what each part of it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Code {
    /// The cleaned text.
    text: String,
    /// The parts that have a role of their own, in order, within one line each.
    spans: Vec<(Range<usize>, Role)>,
    /// Bytes that are left out at the end.
    left_out: usize,
}

/// A line of parts, each with its look.
pub type CodeLine = Vec<(String, Role)>;

impl Code {
    /// Returns the text, cleaned and marked. Takes milliseconds for a megabyte: for `refresh`, not for `draw`.
    pub fn new(language: Language, foreign: &str) -> Self {
        Self::of_at_most(language, foreign, MOST_SHOWN)
    }

    /// Returns at most so many bytes of the text.
    pub(super) fn of_at_most(language: Language, foreign: &str, most: usize) -> Self {
        let (shown, left_out) = shown(foreign, most);
        let text = text::clean_lines(shown).into_owned();
        let spans = spans(language, &text);
        Self { text, spans, left_out }
    }

    /// Returns the cleaned text without its colours.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns what was left out, as a sentence; `None` where nothing was.
    pub fn note(&self) -> Option<String> {
        (self.left_out > 0).then(|| format!("{} more bytes are not shown; copying includes them", self.left_out))
    }

    /// Returns lines of at most `width` columns.
    pub fn lines(&self, width: usize) -> Vec<CodeLine> {
        let mut lines = Vec::new();
        let mut spans = self.spans.as_slice();
        let mut start = 0;
        for line in self.text.split('\n') {
            let end = start + line.len();
            let count = spans.iter().take_while(|(range, _)| range.start < end.max(start + 1)).count();
            let (own, later) = spans.split_at(count);
            for piece in text::pieces(line, width, 2) {
                lines.push(self.piece(start, piece.indent, &piece.parts, own));
            }
            spans = later;
            start = end + 1;
        }
        lines
    }

    /// Returns one line of the screen: the parts of a line that begins at `start`.
    fn piece(&self, start: usize, indent: usize, parts: &[Range<usize>], own: &[(Range<usize>, Role)]) -> CodeLine {
        let mut line: CodeLine = Vec::new();
        let mut push = |range: Range<usize>, role: Role| {
            let Some(text) = self.text.get(range).filter(|text| !text.is_empty()) else { return };
            match line.last_mut().filter(|(_, last)| *last == role) {
                Some((last, _)) => last.push_str(text),
                None => line.push((text.to_owned(), role)),
            }
        };
        for part in parts {
            let (mut at, end) = (start + part.start, start + part.end);
            let first = own.partition_point(|(range, _)| range.end <= at);
            for (range, role) in own.iter().skip(first).take_while(|(range, _)| range.start < end) {
                push(at..range.start.max(at), Role::Text);
                at = at.max(range.start);
                push(at..range.end.min(end), *role);
                at = range.end.min(end);
            }
            push(at..end, Role::Text);
        }
        if indent > 0 {
            line.insert(0, (" ".repeat(indent), Role::Text));
        }
        line
    }
}

/// Returns the parts of a text that have a role of their own, in order, within one line each; the text is not cleaned.
pub fn spans(language: Language, text: &str) -> Vec<(Range<usize>, Role)> {
    if language == Language::Plan {
        return plan::spans(text);
    }
    let mut spans = Vec::new();
    for token in tokens(language, text) {
        if let Some(role) = role(token.kind) {
            push_lines(text, token.range, role, &mut spans);
        }
    }
    spans
}

/// Returns what is shown of a text and how many bytes are not.
fn shown(foreign: &str, most: usize) -> (&str, usize) {
    let mut end = foreign.len().min(most);
    while !foreign.is_char_boundary(end) {
        end -= 1;
    }
    (foreign.get(..end).unwrap_or(foreign), foreign.len() - end)
}

fn tokens(language: Language, text: &str) -> Vec<Token> {
    match language {
        Language::Sql => sql::tokens(text),
        Language::Python | Language::Json | Language::Plan | Language::Plain => grammar::tokens(language, text),
    }
}

/// Returns how a kind of token looks; `None` for what looks like the text around it.
fn role(kind: TokenKind) -> Option<Role> {
    match kind {
        TokenKind::Keyword => Some(Role::SqlKeyword),
        TokenKind::Text => Some(Role::SqlString),
        TokenKind::Number => Some(Role::SqlNumber),
        TokenKind::Comment => Some(Role::SqlComment),
        TokenKind::Name => Some(Role::SqlName),
        TokenKind::Word | TokenKind::Mark | TokenKind::Blank => None,
    }
}

/// Adds a token line by line, because that is how lines are looked up.
fn push_lines(text: &str, range: Range<usize>, role: Role, spans: &mut Vec<(Range<usize>, Role)>) {
    let mut start = range.start;
    for line in text.get(range).unwrap_or_default().split('\n') {
        if !line.is_empty() {
            spans.push((start..start + line.len(), role));
        }
        start += line.len() + 1;
    }
}

#[cfg(test)]
mod tests;
