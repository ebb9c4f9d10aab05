//! What a terminal would obey, taken out of a text that is to be pasted.
//!
//! A shell or psql that a text is pasted into must get the text and nothing else: an escape sequence could move the
//! cursor, answer for the person, or end the bracketed paste (`ESC [ 201 ~`) so that what follows runs at once.
//! Line ends and tabs stay. Source: ECMA-48 5.3 to 5.6; xterm's "Bracketed Paste Mode".

use std::borrow::Cow;
use std::iter::Peekable;
use std::str::Chars;

/// Returns the text without control characters, escape sequences and marks that turn the direction, and how many there were.
///
/// A carriage return is a line's end.
pub fn without_controls(text: &str) -> (Cow<'_, str>, usize) {
    if !text.contains(|letter: char| letter != '\n' && letter != '\t' && is_obeyed(letter)) {
        return (Cow::Borrowed(text), 0);
    }
    let mut out = String::with_capacity(text.len());
    let mut left_out = 0;
    let mut rest = text.chars().peekable();
    while let Some(letter) = rest.next() {
        match letter {
            '\n' | '\t' => out.push(letter),
            '\r' => {
                if rest.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            '\u{1b}' => {
                skip_escape(&mut rest);
                left_out += 1;
            }
            '\u{9b}' => {
                skip_control_sequence(&mut rest);
                left_out += 1;
            }
            '\u{90}' | '\u{98}' | '\u{9d}'..='\u{9f}' => {
                skip_string(&mut rest);
                left_out += 1;
            }
            letter if is_obeyed(letter) => left_out += 1,
            letter => out.push(letter),
        }
    }
    (Cow::Owned(out), left_out)
}

fn is_obeyed(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Skips what belongs to an ESC.
fn skip_escape(rest: &mut Peekable<Chars<'_>>) {
    match rest.peek() {
        Some('[') => {
            rest.next();
            skip_control_sequence(rest);
        }
        Some('P' | 'X' | ']' | '^' | '_') => {
            rest.next();
            skip_string(rest);
        }
        _ => {
            while rest.next_if(|letter| (' '..='/').contains(letter)).is_some() {}
            rest.next_if(|letter| ('0'..='~').contains(letter));
        }
    }
}

/// Skips parameters, intermediates and the final letter of a control sequence.
fn skip_control_sequence(rest: &mut Peekable<Chars<'_>>) {
    while rest.next_if(|letter| (' '..='?').contains(letter)).is_some() {}
    rest.next_if(|letter| ('@'..='~').contains(letter));
}

/// Skips a string up to its end: BEL, ST, or the end of the line, beyond which no terminal should wait.
fn skip_string(rest: &mut Peekable<Chars<'_>>) {
    while let Some(letter) = rest.next_if(|letter| *letter != '\n') {
        match letter {
            '\u{7}' | '\u{9c}' => return,
            '\u{1b}' => {
                rest.next_if_eq(&'\\');
                return;
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_would_obey_is_left_out_and_counted() {
        for (text, expected, left_out) in [
            ("select 1;\n\tselect 2;\n", "select 1;\n\tselect 2;\n", 0),
            ("a\u{1b}[201~\nrm -rf /\n", "a\nrm -rf /\n", 1),
            ("a\u{1b}]0;title\u{7}b\u{1b}]52;c;eA==\u{1b}\\c", "abc", 2),
            ("a\u{9b}201~b\u{90}q\u{9c}c", "abc", 2),
            ("a\u{1b}(0b\u{1b}cd\u{7}\u{8}e\u{0}", "abde", 5),
            ("one\r\ntwo\rthree", "one\ntwo\nthree", 0),
            ("\u{202e}gnirts", "gnirts", 1),
            ("é 名 🐘", "é 名 🐘", 0),
            ("\u{1b}", "", 1),
        ] {
            let (found, count) = without_controls(text);
            assert_eq!((found.as_ref(), count), (expected, left_out), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_obeyed_is_left(raw in any::<String>(), esc in "(\u{1b}|\u{9b}|\\[|201~|[a-z]|\n){0,40}") {
            for text in [raw, esc] {
                let (found, _) = without_controls(&text);
                prop_assert!(!found.chars().any(|letter| is_obeyed(letter) && letter != '\n' && letter != '\t'));
            }
        }
    }
}
