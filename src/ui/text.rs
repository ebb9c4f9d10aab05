//! The one cleaner of foreign text, and cutting, padding and wrapping by display width.
//!
//! A server's text (a query, an application name, an error message) may hold anything: escape sequences, NULs,
//! marks that turn the writing direction, a megabyte on one line. It is kept raw inside the engine and passes through
//! here once, on its way to a screen or a stream. Cleaned text has no control character, nothing invisible and nothing
//! whose width two terminals disagree on (joiners and emoji selectors are dropped). Widths are those that ratatui's
//! buffer gives the graphemes, so that columns stay straight.

use std::borrow::Cow;

use ratatui::buffer::CellWidth;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthChar;

mod controls;
mod wrap;

pub use controls::without_controls;
pub(crate) use wrap::{pieces, wrap_at_most};
pub use wrap::{wrap, wrap_words};

/// Marks on one letter that are kept; more of them would climb over the lines above and below.
const MAX_MARKS: usize = 8;

/// Columns a tab stands for where lines are kept.
const TAB: usize = 4;

/// What becomes of a line's end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    /// One space stands for it and for the indentation after it.
    Space,
    /// It stays, and tabs become spaces.
    Keep,
    /// It stays, and tabs stay too.
    Stream,
}

/// Returns the text as one line: a line's end and the indentation after it are one space.
///
/// Controls are shown as their pictures (`␛`, `␀`), marks that turn the direction as `�`; what is invisible is gone.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    clean_as(text, LineEnd::Space)
}

/// Returns the text with its lines kept and its tabs as spaces, for SQL and messages of several lines.
pub(crate) fn clean_lines(text: &str) -> Cow<'_, str> {
    clean_as(text, LineEnd::Keep)
}

/// Returns the text for a stream (a pipe, a file, a terminal below the prompt): lines and tabs are kept.
pub fn clean_stream(text: &str) -> Cow<'_, str> {
    clean_as(text, LineEnd::Stream)
}

/// Returns the text with `\n` as its only line end; `\r\n` and a lone `\r` become one.
pub(crate) fn with_plain_line_ends(text: &str) -> Cow<'_, str> {
    if text.contains('\r') { text.replace("\r\n", "\n").replace('\r', "\n").into() } else { text.into() }
}

/// Returns the text as one line of at most `width` columns, having read no more of it than that needs.
pub(crate) fn clean_cut(text: &str, width: usize) -> String {
    cut(&clean(head(text, width)), width)
}

/// Returns the display width in columns: what ratatui's buffer will take for it.
pub fn width(text: &str) -> usize {
    if text.is_ascii() {
        return text.bytes().filter(|byte| !byte.is_ascii_control()).count();
    }
    text.graphemes(true).map(grapheme_width).sum()
}

/// Returns the display width of one grapheme: 0 for what the buffer leaves out.
pub(crate) fn grapheme_width(grapheme: &str) -> usize {
    if grapheme.contains(char::is_control) { 0 } else { usize::from(grapheme.cell_width()) }
}

/// Returns the text cut at a grapheme to at most `width` columns; `…` says that something is missing.
pub fn cut(text: &str, width: usize) -> String {
    cut_with(text, width, '…')
}

/// Returns the text cut to at most `width` columns with another mark (`~` where the terminal knows only ASCII).
pub(crate) fn cut_with(text: &str, width: usize, mark: char) -> String {
    let (kept, _) = fit(text, width);
    if kept == text.len() {
        return text.to_owned();
    }
    let Some(room) = width.checked_sub(1) else { return String::new() };
    let (kept, _) = fit(text, room);
    let mut out = String::with_capacity(kept + mark.len_utf8());
    out.push_str(text.get(..kept).unwrap_or_default());
    out.push(mark);
    out
}

/// Returns the text cut in its middle to at most `width` columns, so that names which their ends tell apart stay apart.
pub(crate) fn cut_middle(text: &str, width: usize, mark: char) -> String {
    let whole = self::width(text);
    let tail = width.saturating_sub(1) / 3;
    if whole <= width || tail == 0 {
        return cut_with(text, width, mark);
    }
    let (head, _) = fit(text, width - 1 - tail);
    let mut rest = 0;
    let end = text.grapheme_indices(true).rev().find(|(_, grapheme)| {
        rest += grapheme_width(grapheme);
        rest > tail
    });
    let from = end.map_or(0, |(at, grapheme)| at + grapheme.len());
    format!("{}{mark}{}", text.get(..head).unwrap_or_default(), text.get(from..).unwrap_or_default())
}

/// Returns the bytes that fit `width` columns, on a grapheme's boundary, and the columns they take.
pub(crate) fn fit(text: &str, width: usize) -> (usize, usize) {
    if text.len() <= width && text.is_ascii() {
        return (text.len(), self::width(text));
    }
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        let next = used + grapheme_width(grapheme);
        if next > width {
            return (at, used);
        }
        used = next;
    }
    (text.len(), used)
}

/// On which side of its column a text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Align {
    /// Words.
    #[default]
    Left,
    /// Numbers.
    Right,
    /// Notices.
    Center,
}

/// Returns the text cut or filled with spaces to exactly `width` columns.
pub fn pad(text: &str, width: usize, align: Align) -> String {
    let text = cut(text, width);
    let rest = width.saturating_sub(self::width(&text));
    let before = match align {
        Align::Left => 0,
        Align::Right => rest,
        Align::Center => rest / 2,
    };
    let after = rest - before;
    format!("{:before$}{text}{:after$}", "", "")
}

/// Returns as much of the text's beginning as a line of `width` columns could need.
///
/// A column may take several characters (marks, invisible ones): the bound is generous, what is beyond shows as cut.
fn head(text: &str, width: usize) -> &str {
    let mut end = width.saturating_mul(16).saturating_add(256);
    if end >= text.len() {
        return text;
    }
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}

fn clean_as(text: &str, end: LineEnd) -> Cow<'_, str> {
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Cow::Borrowed(text);
    }
    let mut out = Cleaned { text: String::with_capacity(text.len()), marks: 0, end, is_indent: false, column: 0 };
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.line_end(),
            '\t' => out.tab(),
            _ => out.push(c),
        }
    }
    Cow::Owned(out.text)
}

/// The text as far as it is cleaned.
struct Cleaned {
    text: String,
    /// Combining marks since the last letter.
    marks: usize,
    end: LineEnd,
    /// Whether only blanks were seen since a line's end.
    is_indent: bool,
    /// Characters since the line's beginning, for tabs.
    column: usize,
}

impl Cleaned {
    fn line_end(&mut self) {
        match self.end {
            LineEnd::Keep | LineEnd::Stream => {
                self.text.push('\n');
                self.column = 0;
                self.marks = 0;
            }
            LineEnd::Space => {
                if !self.is_indent && !self.text.is_empty() {
                    self.push(' ');
                }
                self.is_indent = true;
            }
        }
    }

    fn tab(&mut self) {
        match self.end {
            LineEnd::Keep => (0..TAB - self.column % TAB).for_each(|_| self.push(' ')),
            LineEnd::Stream => self.text.push('\t'),
            LineEnd::Space => self.push(' '),
        }
    }

    fn push(&mut self, c: char) {
        if c == ' ' && self.is_indent {
            return;
        }
        let Some(shown) = shown(c) else { return };
        if shown.width() == Some(0) {
            self.marks += 1;
            // A mark with no letter below it would join the border or the cell before it.
            if self.marks > MAX_MARKS || self.column == 0 {
                return;
            }
        } else {
            self.marks = 0;
            self.column += 1;
        }
        self.is_indent = false;
        self.text.push(shown);
    }
}

/// Returns what stands for a character: itself, a picture, or nothing.
fn shown(c: char) -> Option<char> {
    match c {
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)),
        '\u{7f}' => Some('␡'),
        // C1 controls, and the marks that turn the writing direction: overrides, embeddings, isolates.
        '\u{80}'..='\u{9f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => Some('\u{fffd}'),
        _ if is_invisible(c) => None,
        _ => Some(c),
    }
}

/// Whether nothing is seen of a character, or two terminals disagree on the columns it takes or takes away.
///
/// Source: Unicode's `Default_Ignorable_Code_Point`, the emoji skin tones, and the halfwidth sound marks that
/// `unicode-width` counts as none and terminals as one.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{1f3fb}'..='\u{1f3ff}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests;
