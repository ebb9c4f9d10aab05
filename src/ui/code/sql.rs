//! PostgreSQL's SQL as tokens.
//!
//! Source: PostgreSQL manual 4.1 "Lexical Structure" (escape strings, dollar quotes, nested comments, parameters).

use super::lexer::{Cursor, Escapes, Token, TokenKind, begins_word, goes_on};

/// The words shown as keywords: those of the manual's appendix C that queries and Django's statements use, sorted.
const KEYWORDS: &[&str] = &[
    "add",
    "all",
    "alter",
    "analyze",
    "and",
    "any",
    "array",
    "as",
    "asc",
    "begin",
    "between",
    "by",
    "case",
    "cast",
    "check",
    "collate",
    "column",
    "commit",
    "concurrently",
    "conflict",
    "constraint",
    "copy",
    "create",
    "cross",
    "current",
    "cursor",
    "database",
    "declare",
    "default",
    "delete",
    "desc",
    "distinct",
    "do",
    "drop",
    "else",
    "end",
    "except",
    "exists",
    "explain",
    "extension",
    "fetch",
    "filter",
    "first",
    "following",
    "for",
    "foreign",
    "from",
    "full",
    "function",
    "grant",
    "group",
    "having",
    "if",
    "ilike",
    "in",
    "include",
    "index",
    "inner",
    "insert",
    "intersect",
    "into",
    "is",
    "isnull",
    "join",
    "key",
    "last",
    "lateral",
    "left",
    "like",
    "limit",
    "lock",
    "materialized",
    "merge",
    "natural",
    "no",
    "not",
    "nothing",
    "notnull",
    "nulls",
    "of",
    "offset",
    "on",
    "only",
    "or",
    "order",
    "outer",
    "over",
    "partition",
    "preceding",
    "prepare",
    "primary",
    "range",
    "recursive",
    "references",
    "reindex",
    "release",
    "rename",
    "returning",
    "revoke",
    "right",
    "rollback",
    "row",
    "rows",
    "savepoint",
    "schema",
    "select",
    "set",
    "share",
    "show",
    "similar",
    "skip",
    "some",
    "start",
    "table",
    "tablesample",
    "then",
    "to",
    "transaction",
    "truncate",
    "unbounded",
    "union",
    "unique",
    "update",
    "using",
    "vacuum",
    "validate",
    "values",
    "view",
    "when",
    "where",
    "window",
    "with",
    "within",
];

/// Words that are constants, sorted.
const CONSTANTS: &[&str] =
    &["current_date", "current_time", "current_timestamp", "current_user", "false", "null", "true"];

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

fn next(cursor: &mut Cursor<'_>, c: char) -> TokenKind {
    let rest = cursor.rest();
    match c {
        _ if c.is_whitespace() => {
            cursor.skip(char::is_whitespace);
            TokenKind::Blank
        }
        '-' if rest.starts_with("--") => {
            cursor.skip_line();
            TokenKind::Comment
        }
        '/' if rest.starts_with("/*") => {
            skip_comment(cursor);
            TokenKind::Comment
        }
        '\'' => {
            cursor.step();
            cursor.skip_string('\'', Escapes::Doubled);
            TokenKind::Text
        }
        '"' => {
            cursor.step();
            cursor.skip_string('"', Escapes::Doubled);
            TokenKind::Word
        }
        '$' => dollar(cursor),
        '0'..='9' => {
            cursor.skip_number();
            TokenKind::Number
        }
        _ if begins_word(c) => word(cursor),
        _ => {
            cursor.step();
            TokenKind::Mark
        }
    }
}

/// Moves over a comment with those inside it.
fn skip_comment(cursor: &mut Cursor<'_>) {
    let mut depth = 0_usize;
    while let Some(c) = cursor.peek() {
        let rest = cursor.rest();
        if rest.starts_with("/*") {
            depth += 1;
            cursor.at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            cursor.at += 2;
            if depth == 0 {
                return;
            }
        } else {
            cursor.at += c.len_utf8();
            cursor.skip(|c| c != '*' && c != '/');
        }
    }
}

/// A parameter (`$1`), a dollar-quoted string, or just the sign.
fn dollar(cursor: &mut Cursor<'_>) -> TokenKind {
    let rest = cursor.rest();
    let tag_length = rest.char_indices().skip(1).find(|(_, c)| !goes_on(*c)).map_or(rest.len(), |(at, _)| at);
    let tag = rest.get(..=tag_length).filter(|tag| tag.ends_with('$') && tag.len() > 1);
    let digits = rest.get(1..tag_length).unwrap_or_default();
    cursor.step();
    if let Some(tag) = tag.filter(|_| !digits.starts_with(|c: char| c.is_ascii_digit())) {
        cursor.at += tag.len() - 1;
        cursor.skip_past(tag);
        return TokenKind::Text;
    }
    cursor.skip(|c| c.is_ascii_digit());
    if digits.is_empty() { TokenKind::Mark } else { TokenKind::Number }
}

fn word(cursor: &mut Cursor<'_>) -> TokenKind {
    let rest = cursor.rest();
    let start = cursor.at;
    cursor.skip(|c| goes_on(c) || c == '$');
    let word = rest.get(..cursor.at - start).unwrap_or_default();
    let is_prefix = matches!(word, "e" | "E" | "b" | "B" | "x" | "X" | "n" | "N");
    if is_prefix && cursor.peek() == Some('\'') {
        cursor.step();
        let escapes = if matches!(word, "e" | "E") { Escapes::Backslash } else { Escapes::Doubled };
        cursor.skip_string('\'', escapes);
        return TokenKind::Text;
    }
    kind_of(word, cursor.peek())
}

/// Returns what a word is, by itself and by what follows at once.
fn kind_of(word: &str, next: Option<char>) -> TokenKind {
    // No keyword is longer; a word of a megabyte is not copied.
    let lower = if word.len() <= 24 { word.to_ascii_lowercase() } else { String::new() };
    if CONSTANTS.binary_search(&lower.as_str()).is_ok() {
        TokenKind::Number
    } else if KEYWORDS.binary_search(&lower.as_str()).is_ok() {
        TokenKind::Keyword
    } else if next == Some('(') {
        TokenKind::Name
    } else {
        TokenKind::Word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn word_lists_are_sorted() {
        assert!(KEYWORDS.is_sorted());
        assert!(CONSTANTS.is_sorted());
    }
}
