//! A document as lines for a width.

use super::super::code::Code;
use super::super::frame::TextPart;
use super::super::text::{self, Align};
use super::super::theme::Role;
use crate::document::{Block, Document, Fact, Tone};

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

impl Role {
    /// Returns the role of a tone.
    pub fn of_tone(tone: Tone) -> Self {
        match tone {
            Tone::Plain => Self::Text,
            Tone::Muted => Self::Muted,
            Tone::Strong => Self::Title,
            Tone::Accent => Self::Accent,
            Tone::Good => Self::Good,
            Tone::Warning => Self::Warning,
            Tone::Bad => Self::Bad,
        }
    }
}

/// Returns the code of a document in colour, in order. Takes milliseconds for a megabyte: for `refresh`, not for `draw`.
pub(super) fn codes(document: &Document) -> Vec<Code> {
    let of_block = |block: &Block| match block {
        Block::Code(language, code) => Some(Code::new(*language, code)),
        _ => None,
    };
    document.blocks.iter().filter_map(of_block).collect()
}

/// Returns the lines of a document; `codes` is its code in colour.
pub(super) fn lines(document: &Document, codes: &[Code], width: usize) -> Vec<Vec<TextPart>> {
    let mut lines = Vec::new();
    let mut codes = codes.iter();
    let mut is_below_heading = true;
    for block in &document.blocks {
        match block {
            Block::Heading(_, text) => {
                if !is_below_heading {
                    lines.push(Vec::new());
                }
                lines.push(vec![(text::clean(text).into_owned(), Role::Title)]);
            }
            Block::Text(text, tone) => paragraph("", text, *tone, width, &mut lines),
            Block::List(items, tone) => {
                for item in items {
                    paragraph(BULLET, item, *tone, width, &mut lines);
                }
            }
            Block::Code(..) => {
                let Some(code) = codes.next() else { continue };
                lines.extend(code.lines(width));
                if let Some(note) = code.note() {
                    paragraph("", &note, Tone::Muted, width, &mut lines);
                }
            }
            Block::Facts(facts) => lay_pairs(&facts.iter().map(pair).collect::<Vec<_>>(), width, &mut lines),
        }
        is_below_heading = matches!(block, Block::Heading(..));
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
pub(in crate::ui) fn lay_pairs(pairs: &[(String, String, Role)], width: usize, lines: &mut Vec<Vec<TextPart>>) {
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
