//! Python as tokens, as far as colour needs it: Django models and migrations.

use super::lexer::{Cursor, Escapes, Kind, Token, begins_word, goes_on};

/// Python's keywords, sorted.
const KEYWORDS: &[&str] = &[
    "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif", "else", "except",
    "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass", "raise",
    "return", "try", "while", "with", "yield",
];

/// Returns the whole text as tokens, one after the other.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut cursor = Cursor::new(text);
    let mut tokens = Vec::new();
    while let Some(c) = cursor.peek() {
        let start = cursor.at;
        let kind = next(&mut cursor, c);
        if cursor.at == start {
            cursor.step();
        }
        tokens.push(Token { kind, range: start..cursor.at });
    }
    tokens
}

fn next(cursor: &mut Cursor<'_>, c: char) -> Kind {
    match c {
        _ if c.is_whitespace() => {
            cursor.skip(char::is_whitespace);
            Kind::Blank
        }
        '#' => {
            cursor.skip_line();
            Kind::Comment
        }
        '\'' | '"' => {
            string(cursor, c);
            Kind::Text
        }
        '@' => {
            cursor.step();
            cursor.skip(|c| goes_on(c) || c == '.');
            Kind::Name
        }
        '0'..='9' => {
            cursor.skip_number();
            Kind::Number
        }
        _ if begins_word(c) => word(cursor),
        _ => {
            cursor.step();
            Kind::Mark
        }
    }
}

/// Moves over a string, of one line or in three quotes.
fn string(cursor: &mut Cursor<'_>, quote: char) {
    let triple = quote.to_string().repeat(3);
    if cursor.rest().starts_with(&triple) {
        cursor.at += triple.len();
        cursor.skip_past(&triple);
    } else {
        cursor.step();
        cursor.skip_string(quote, Escapes::Backslash);
    }
}

fn word(cursor: &mut Cursor<'_>) -> Kind {
    let rest = cursor.rest();
    let start = cursor.at;
    cursor.skip(goes_on);
    let word = rest.get(..cursor.at - start).unwrap_or_default();
    let next = cursor.peek();
    if let Some(quote @ ('\'' | '"')) = next.filter(|_| word.len() <= 2 && word.chars().all(|c| "rRbBfFuU".contains(c)))
    {
        string(cursor, quote);
        return Kind::Text;
    }
    if matches!(word, "True" | "False" | "None") {
        Kind::Number
    } else if KEYWORDS.binary_search(&word).is_ok() {
        Kind::Keyword
    } else if next == Some('(') || word.starts_with(char::is_uppercase) {
        Kind::Name
    } else {
        Kind::Word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_sorted() {
        assert!(KEYWORDS.is_sorted());
    }
}
