//! Breaking lines at a display width.

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

fn wrap_hanging(text: &str, columns: usize, hang: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    for line in text.split('\n') {
        if width(line) <= columns {
            lines.push(line.to_owned());
        } else {
            wrap_line(line, columns, hang, &mut lines);
        }
    }
    lines
}

/// Wraps one line that is too long.
fn wrap_line(line: &str, columns: usize, hang: usize, lines: &mut Vec<String>) {
    let own = line.len() - line.trim_start_matches(' ').len();
    let wanted = own + hang;
    let indent = if wanted * 2 <= columns { wanted } else { 0 };
    let mut now = String::new();
    let mut used = 0;
    let mut is_first = true;
    for word in line.split_word_bounds() {
        let wide = width(word);
        let is_blank = word.chars().all(|c| c == ' ');
        if used + wide <= columns {
            if !(is_blank && used == indent && !is_first) {
                now.push_str(word);
                used += wide;
            }
            continue;
        }
        if is_blank {
            next_line(&mut now, &mut used, indent, lines);
            is_first = false;
            continue;
        }
        if used > indent && wide + indent <= columns {
            next_line(&mut now, &mut used, indent, lines);
            is_first = false;
            now.push_str(word);
            used += wide;
            continue;
        }
        for grapheme in word.graphemes(true) {
            let wide = grapheme_width(grapheme);
            if used + wide > columns && used > 0 {
                next_line(&mut now, &mut used, indent, lines);
                is_first = false;
            }
            // A grapheme wider than the whole line has no place at all.
            if used + wide <= columns {
                now.push_str(grapheme);
                used += wide;
            }
        }
    }
    if used > indent || is_first {
        lines.push(now);
    }
}

fn next_line(now: &mut String, used: &mut usize, indent: usize, lines: &mut Vec<String>) {
    let done = std::mem::replace(now, " ".repeat(indent));
    lines.push(done.trim_end_matches(' ').to_owned());
    *used = indent;
}
