//! Tokens, and a place in a text.

use std::ops::Range;

/// What a part of a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenKind {
    /// A word of the language.
    Keyword,
    /// A word of the writer.
    Word,
    /// A word that names something special: a function, a type, a class, a parameter, a key.
    Name,
    /// A string.
    Text,
    /// A number or a constant.
    Number,
    /// A comment.
    Comment,
    /// An operator, a bracket, a comma.
    Mark,
    /// Blanks and line ends.
    Blank,
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) kind: TokenKind,
    pub(crate) range: Range<usize>,
}

/// A place in a text that moves on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Returns what is still to be read.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Moves over one character.
    pub(super) fn step(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    /// Moves over all characters of a kind.
    pub(super) fn skip(&mut self, is_kind: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|c| !is_kind(c)).unwrap_or(rest.len());
    }

    /// Moves to the end of the line.
    pub(super) fn skip_line(&mut self) {
        self.skip(|c| c != '\n');
    }

    /// Moves behind a word that ends something, or to the end of the text.
    pub(super) fn skip_past(&mut self, end: &str) {
        let rest = self.rest();
        self.at += rest.find(end).map_or(rest.len(), |at| at + end.len());
    }

    /// Moves over the inside of a string and its end quote.
    pub(super) fn skip_string(&mut self, quote: char, escapes: Escapes) {
        while let Some(c) = self.peek() {
            self.step();
            if c == '\\' && escapes == Escapes::Backslash {
                self.step();
            } else if c == quote {
                if escapes == Escapes::Backslash || self.peek() != Some(quote) {
                    // In an escape string of SQL a doubled quote is one too; taking it as two strings looks the same.
                    return;
                }
                self.step();
            }
        }
    }

    /// Moves over a number: digits, a fraction, an exponent, other bases.
    pub(super) fn skip_number(&mut self) {
        self.skip(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
        let before = self.text.get(..self.at).unwrap_or_default();
        if before.ends_with(['e', 'E']) && matches!(self.peek(), Some('+' | '-')) {
            self.step();
            self.skip(|c| c.is_ascii_digit());
        }
    }
}

/// How a quote is written within a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// Twice.
    Doubled,
    /// After a backslash.
    Backslash,
}

/// Whether a character begins a word.
pub(super) fn begins_word(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

/// Whether a character goes on with a word.
pub(super) fn goes_on(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
