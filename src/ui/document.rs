//! A document as lines of parts, for the screen or for a stream.

use super::code::Code;
use super::frame::TextPart;
use super::text::{self, Align};
use super::theme::Role;
use crate::document::{Block, Document, Fact, HeadingLevel, Tone};

/// The width from which facts stand in two columns.
const TWO_COLUMNS: usize = 100;

/// The least width of a value beside its label; below, it stands under it.
const LEAST_VALUE: usize = 16;

/// The widest label of a fact.
const WIDEST_LABEL: usize = 28;

/// Columns of a value at most.
const MOST_OF_A_VALUE: usize = 4096;

/// What each thing of a list begins with.
const BULLET: &str = "- ";

/// Columns that prose of a stream is wrapped to.
const STREAM: usize = 100;

/// Columns that code of a stream is wrapped to: none, so that it can be copied.
const UNWRAPPED: usize = usize::MAX / 2;

/// Where a document is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Medium {
    /// A part of the screen, of so many columns.
    Screen(usize),
    /// Lines of a terminal or a file: what is below a heading is indented, blank lines set blocks apart.
    Stream,
}

impl Medium {
    /// Returns the columns for prose and for code behind an indentation.
    fn widths(self, indent: usize) -> (usize, usize) {
        match self {
            Self::Screen(width) => (width, width),
            Self::Stream => (STREAM - indent, UNWRAPPED),
        }
    }

    /// Returns how far a heading is indented, and what follows it.
    fn indents(self, level: HeadingLevel) -> (usize, usize) {
        match (self, level) {
            (Self::Screen(_), _) => (0, 0),
            (Self::Stream, HeadingLevel::Section) => (0, 2),
            (Self::Stream, HeadingLevel::Item) => (2, 5),
        }
    }
}

/// Returns the code of a document in colour, in order; of each at most so many bytes.
///
/// Takes milliseconds for a megabyte: for `refresh`, not for `draw`.
pub(super) fn codes(document: &Document, most: usize) -> Vec<Code> {
    let of_block = |block: &Block| match block {
        Block::Code(language, code) => Some(Code::of_at_most(*language, code.trim_end(), most)),
        _ => None,
    };
    document.blocks.iter().filter_map(of_block).collect()
}

/// Returns the lines of a document; `codes` is its code in colour.
pub(super) fn lines(document: &Document, codes: &[Code], medium: Medium) -> Vec<Vec<TextPart>> {
    let mut lines = Vec::new();
    let mut codes = codes.iter();
    let mut indent = 0;
    let mut last: Option<&Block> = None;
    for block in &document.blocks {
        let is_apart = match (block, last) {
            (_, None) | (Block::Heading(HeadingLevel::Item, _), Some(Block::Heading(HeadingLevel::Section, _))) => {
                false
            }
            (Block::Heading(..), _) => true,
            _ => medium == Medium::Stream && indent == 0,
        };
        if is_apart {
            lines.push(Vec::new());
        }
        let first = lines.len();
        let (prose_width, code_width) = medium.widths(indent);
        let mut blanks = indent;
        match block {
            Block::Heading(level, text) => {
                (blanks, indent) = medium.indents(*level);
                lines.push(vec![(text::clean(text).into_owned(), Role::Title)]);
            }
            Block::Text(text, tone) => paragraph("", text, *tone, prose_width, &mut lines),
            Block::List(items, tone) => {
                for item in items {
                    paragraph(BULLET, item, *tone, prose_width, &mut lines);
                }
            }
            Block::Code(..) => {
                let Some(code) = codes.next() else { continue };
                lines.extend(code.lines(code_width));
                if let Some(note) = code.note() {
                    paragraph("", &note, Tone::Muted, prose_width, &mut lines);
                }
            }
            Block::Facts(facts) => lay_pairs(&facts.iter().map(pair).collect::<Vec<_>>(), prose_width, &mut lines),
        }
        if blanks > 0 {
            let own = lines.iter_mut().skip(first).filter(|line| !line.is_empty());
            own.for_each(|line| line.insert(0, (" ".repeat(blanks), Role::Text)));
        }
        last = Some(block);
    }
    lines
}

fn pair(fact: &Fact) -> (String, String, Role) {
    let label = text::clean(&fact.label).into_owned();
    (label, text::clean_cut(&fact.value, MOST_OF_A_VALUE), Role::of_tone(fact.tone))
}

/// Lays a paragraph out; what follows its head hangs below it.
fn paragraph(head: &str, text: &str, tone: Tone, width: usize, lines: &mut Vec<Vec<TextPart>>) {
    let wrapped = text::wrap_words(&text::clean_lines(text), width.saturating_sub(head.len()).max(1));
    for (at, line) in wrapped.into_iter().enumerate() {
        let mut parts = vec![(line, Role::of_tone(tone))];
        if !head.is_empty() {
            parts.insert(0, (if at == 0 { head.to_owned() } else { " ".repeat(head.len()) }, Role::Muted));
        }
        lines.push(parts);
    }
}

/// Lays facts out: labels in a column, values beside them; in two columns where all fit.
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
