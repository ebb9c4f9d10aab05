//! Python and JSON as tokens, as far as colours need them.
//!
//! What is shown of them is what pgdj wrote itself: models, migrations, plans. The grammars of a library for both took
//! a megabyte of the program. Source: the Python manual, 2 "Lexical analysis";
//! RFC 8259.

use super::lexer::{Cursor, Escapes, Token, TokenKind, begins_word, goes_on};

/// The keywords of Python 3, sorted; `match` and `type` are words elsewhere too.
const KEYWORDS: [&str; 32] = [
    "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else", "except",
    "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise",
    "return", "try", "while", "with", "yield",
];
const CONSTANTS: [&str; 3] = ["False", "None", "True"];

/// Returns Python as tokens, one after the other.
pub(super) fn python(text: &str) -> Vec<Token> {
    let mut names = false;
    tokens(text, |cursor, c| {
        let kind = match c {
            '#' => {
                cursor.skip_line();
                TokenKind::Comment
            }
            '\'' | '"' => string(cursor, c),
            '@' => {
                cursor.skip(|c| c == '@' || c == '.' || goes_on(c));
                TokenKind::Name
            }
            _ if begins_word(c) => {
                let word = word(cursor);
                let kind = kind_of(word, names, cursor.peek());
                names = matches!(word, "class" | "def");
                return kind;
            }
            _ => return plain(cursor, c),
        };
        names = false;
        kind
    })
}

/// Returns JSON as tokens, one after the other. A string before a colon is a key.
pub(super) fn json(text: &str) -> Vec<Token> {
    tokens(text, |cursor, c| match c {
        '"' => {
            cursor.step();
            cursor.skip_string(c, Escapes::Backslash);
            if cursor.rest().trim_start().starts_with(':') { TokenKind::Name } else { TokenKind::Text }
        }
        _ if begins_word(c) => match word(cursor) {
            "true" | "false" | "null" => TokenKind::Keyword,
            _ => TokenKind::Word,
        },
        _ => plain(cursor, c),
    })
}

fn tokens<'a>(text: &'a str, mut next: impl FnMut(&mut Cursor<'a>, char) -> TokenKind) -> Vec<Token> {
    let mut cursor = Cursor::new(text);
    let mut tokens = Vec::new();
    while let Some(c) = cursor.peek() {
        let start = cursor.at;
        let kind = next(&mut cursor, c);
        tokens.push(Token { kind, range: start..cursor.at });
    }
    tokens
}

/// What both languages have: blanks, numbers, marks.
fn plain(cursor: &mut Cursor<'_>, c: char) -> TokenKind {
    match c {
        _ if c.is_whitespace() => {
            cursor.skip(char::is_whitespace);
            TokenKind::Blank
        }
        '0'..='9' => {
            cursor.skip_number();
            TokenKind::Number
        }
        _ => {
            cursor.step();
            TokenKind::Mark
        }
    }
}

/// Moves over a string in single or triple quotes; one in single quotes ends with its line.
fn string(cursor: &mut Cursor<'_>, quote: char) -> TokenKind {
    let three = quote.to_string().repeat(3);
    if cursor.rest().starts_with(&three) {
        cursor.at += three.len();
        cursor.skip_past(&three);
        return TokenKind::Text;
    }
    cursor.step();
    while let Some(c) = cursor.peek().filter(|c| *c != '\n') {
        cursor.step();
        if c == quote {
            break;
        }
        if c == '\\' {
            cursor.step();
        }
    }
    TokenKind::Text
}

fn word<'a>(cursor: &mut Cursor<'a>) -> &'a str {
    let (rest, start) = (cursor.rest(), cursor.at);
    cursor.skip(goes_on);
    rest.get(..cursor.at - start).unwrap_or_default()
}

/// Returns what a word is, by itself, by whether it is named here, and by what follows at once.
fn kind_of(word: &str, is_named: bool, next: Option<char>) -> TokenKind {
    let is_prefix = word.len() <= 2 && word.chars().all(|c| "bBfFrRuU".contains(c));
    if CONSTANTS.contains(&word) {
        TokenKind::Number
    } else if KEYWORDS.binary_search(&word).is_ok() || is_prefix && matches!(next, Some('\'' | '"')) {
        TokenKind::Keyword
    } else if is_named || next == Some('(') {
        TokenKind::Name
    } else {
        TokenKind::Word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_sorted_for_the_search() {
        assert!(KEYWORDS.is_sorted());
    }

    #[test]
    fn strings_end_where_python_ends_them() {
        let texts = |text: &str| {
            let tokens = python(text).into_iter().filter(|token| token.kind == TokenKind::Text);
            tokens.map(|token| text[token.range].to_owned()).collect::<Vec<_>>()
        };
        for (text, expected) in [
            (r"'a\'b' + 'c'", vec![r"'a\'b'", "'c'"]),
            ("'open\nx = 'b'", vec!["'open", "'b'"]),
            ("\"\"\"a\n'b'\n\"\"\" + ''", vec!["\"\"\"a\n'b'\n\"\"\"", "''"]),
            ("'''open", vec!["'''open"]),
            ("# 'none'", vec![]),
            (r"'\", vec![r"'\"]),
        ] {
            assert_eq!(texts(text), expected, "{text}");
        }
    }
}
