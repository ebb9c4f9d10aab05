//! Breaking lines at a display width.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use super::{grapheme_width, width};

/// Returns lines of at most `width` columns, broken at blanks where there is one, with the line's indentation kept.
///
/// The blanks at a break are dropped, everything else is kept. For code: a line that goes on is indented by two more
/// columns than its beginning, as long as that leaves half of the width.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    wrap_hanging(text, width, 2)
}

/// Returns lines of at most `width` columns for prose: a line that goes on stands where its beginning stood.
pub fn wrap_words(text: &str, width: usize) -> Vec<String> {
    wrap_hanging(text, width, 0)
}

/// Returns at most so many lines of at most `columns` columns; the last one is cut, with a mark, where there is more.
pub(crate) fn wrap_at_most(text: &str, columns: usize, most: usize, mark: char) -> Vec<String> {
    let mut lines = wrap_words(text, columns.max(1));
    if lines.len() > most {
        let rest = lines.split_off(most.saturating_sub(1)).join(" ");
        lines.push(super::cut_with(&rest, columns, mark));
    }
    lines
}

fn wrap_hanging(text: &str, columns: usize, hang: usize) -> Vec<String> {
    let mut lines = Vec::new();
    for line in text.split('\n') {
        let pieces = pieces(line, columns, hang);
        lines.extend(pieces.into_iter().map(|piece| {
            let text: String = piece.parts.into_iter().filter_map(|part| line.get(part)).collect();
            format!("{:indent$}{text}", "", indent = piece.indent)
        }));
    }
    lines
}

/// A line of the screen, as parts of the line it came from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct LinePiece {
    /// Blanks before it.
    pub(crate) indent: usize,
    /// The bytes of the line that stand on it.
    pub(crate) parts: Vec<Range<usize>>,
    used: usize,
}

impl LinePiece {
    fn push(&mut self, part: Range<usize>, wide: usize) {
        self.used += wide;
        match self.parts.last_mut().filter(|last| last.end == part.start) {
            Some(last) => last.end = part.end,
            None => self.parts.push(part),
        }
    }

    fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }
}

/// Breaks one line into pieces of at most so many columns; those that go on hang by so many.
pub(crate) fn pieces(line: &str, columns: usize, hang: usize) -> Vec<LinePiece> {
    let columns = columns.max(1);
    if width(line) <= columns {
        return vec![LinePiece { parts: std::iter::once(0..line.len()).collect(), ..LinePiece::default() }];
    }
    let own = line.len() - line.trim_start_matches(' ').len();
    let wanted = own + hang;
    let indent = if wanted * 2 <= columns { wanted } else { 0 };
    let mut breaker = Breaker { line, columns, indent, now: LinePiece::default(), done: Vec::new() };
    for run in runs(line) {
        let text = line.get(run.clone()).unwrap_or_default();
        let is_blank = text.starts_with(' ');
        // What stands between two blanks stays together, as `100%,` does, unless no line has room for it.
        if is_blank || width(text) + indent <= columns {
            breaker.word(run.start, text);
        } else {
            for (at, word) in text.split_word_bound_indices() {
                breaker.word(run.start + at, word);
            }
        }
    }
    if !breaker.now.is_empty() || breaker.done.is_empty() {
        breaker.next();
    }
    breaker.done
}

/// Returns what is blank and what is not, by turns.
fn runs(line: &str) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    let mut is_blank = false;
    for (at, letter) in line.char_indices() {
        let end = at + letter.len_utf8();
        let is_same = (letter == ' ') == is_blank;
        match runs.last_mut() {
            Some(run) if is_same => run.end = end,
            _ => runs.push(at..end),
        }
        is_blank = letter == ' ';
    }
    runs
}

struct Breaker<'a> {
    line: &'a str,
    columns: usize,
    indent: usize,
    now: LinePiece,
    done: Vec<LinePiece>,
}

impl Breaker<'_> {
    fn word(&mut self, at: usize, word: &str) {
        let wide = width(word);
        let is_blank = word.bytes().all(|byte| byte == b' ');
        let has_room = self.now.used + wide <= self.columns;
        if is_blank {
            let opens_line = self.now.is_empty() && !self.done.is_empty();
            match (has_room, opens_line) {
                (true, false) => self.now.push(at..at + word.len(), wide),
                (_, true) => {}
                (false, false) => self.next(),
            }
            return;
        }
        if !has_room && !self.now.is_empty() && wide + self.indent <= self.columns {
            self.next();
        }
        if self.now.used + wide <= self.columns {
            self.now.push(at..at + word.len(), wide);
            return;
        }
        for (offset, grapheme) in word.grapheme_indices(true) {
            let wide = grapheme_width(grapheme);
            if self.now.used + wide > self.columns && !self.now.is_empty() {
                self.next();
            }
            // A wide grapheme may have no room beside the indentation.
            if self.now.used + wide > self.columns {
                self.now.indent = 0;
                self.now.used = 0;
            }
            // One wider than the whole line has no place at all.
            if self.now.used + wide <= self.columns {
                self.now.push(at + offset..at + offset + grapheme.len(), wide);
            }
        }
    }

    /// Ends the line without the blanks at its end.
    fn next(&mut self) {
        let fresh = LinePiece { indent: self.indent, parts: Vec::new(), used: self.indent };
        let mut done = std::mem::replace(&mut self.now, fresh);
        if let Some(last) = done.parts.last_mut() {
            let text = self.line.get(last.clone()).unwrap_or_default();
            last.end = last.start + text.trim_end_matches(' ').len();
        }
        self.done.push(done);
    }
}
