//! JSON as tokens: keys are names, values strings and numbers.

use super::lexer::{Cursor, Escapes, Kind, Token};

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
        '"' => {
            cursor.step();
            cursor.skip_string('"', Escapes::Backslash);
            let is_key = cursor.rest().trim_start().starts_with(':');
            if is_key { Kind::Name } else { Kind::Text }
        }
        '0'..='9' | '-' => {
            cursor.step();
            cursor.skip_number();
            Kind::Number
        }
        _ if c.is_alphabetic() => {
            cursor.skip(char::is_alphabetic);
            Kind::Keyword
        }
        _ => {
            cursor.step();
            Kind::Mark
        }
    }
}
