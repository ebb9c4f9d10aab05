//! Cuts a text into SQL's tokens, as far as secrets are concerned: words, names, literals, comments, marks.
//!
//! Every byte belongs to exactly one token, and any text can be cut: a literal or comment without an end goes to the
//! end of the text, because servers cut the texts of statements.
//! Source: PostgreSQL manual 4.1 "Lexical Structure".

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RedactTokenKind {
    /// Blanks.
    Space,
    /// A comment, with its marks.
    Comment,
    /// A keyword or a name without quotes.
    Word,
    /// A name in double quotes.
    Quoted,
    /// A string literal, with its prefix.
    Literal,
    /// A string literal between dollar tags.
    Dollar,
    /// A number, a parameter.
    Number,
    /// One other letter.
    Mark,
}

/// How strings without a prefix read a backslash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Backslash {
    /// As itself: `standard_conforming_strings` is on, the default.
    Plain,
    /// As an escape: it is off.
    Escape,
}

/// One token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RedactToken<'a> {
    pub(crate) kind: RedactTokenKind,
    /// All of it.
    pub(crate) text: &'a str,
    /// What stands before the content of a literal: the prefix and the opening quote.
    pub(crate) open: &'a str,
    /// The content of a literal or a name in quotes, as it is written.
    pub(crate) body: &'a str,
    /// The closing quote; empty where the text was cut.
    pub(crate) close: &'a str,
}

impl RedactToken<'_> {
    /// Whether it is this word, in any case.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.kind == RedactTokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// Whether it is this one letter.
    pub(crate) fn is_mark(&self, mark: char) -> bool {
        self.kind == RedactTokenKind::Mark && self.text.starts_with(mark)
    }

    /// Whether it is a string.
    pub(crate) fn is_text(&self) -> bool {
        matches!(self.kind, RedactTokenKind::Literal | RedactTokenKind::Dollar)
    }

    /// Whether its prefix makes escapes of backslashes: `E'…'`, `U&'…'`, `U&"…"`.
    pub(crate) fn has_escapes(&self) -> bool {
        self.open.starts_with(['e', 'E', 'u', 'U'])
    }
}

/// Cuts a text into its tokens.
pub(crate) fn tokens(text: &str, backslash: Backslash) -> Vec<RedactToken<'_>> {
    let mut tokens = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let token = next(rest, backslash);
        rest = rest.get(token.text.len()..).unwrap_or_default();
        tokens.push(token);
    }
    tokens
}

fn next(rest: &str, backslash: Backslash) -> RedactToken<'_> {
    let length_of = |part: &dyn Fn(char) -> bool| rest.find(|letter| !part(letter)).unwrap_or(rest.len());
    let first = rest.chars().next().unwrap_or_default();
    if let Some((kind, open)) = opening(rest) {
        return match kind {
            RedactTokenKind::Dollar => dollar(rest, open),
            kind => quoted(rest, kind, open, backslash),
        };
    }
    if rest.starts_with("--") {
        return plain(rest, RedactTokenKind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return plain(rest, RedactTokenKind::Comment, comment_length(rest));
    }
    if first.is_whitespace() {
        plain(rest, RedactTokenKind::Space, length_of(&char::is_whitespace))
    } else if is_first_of_word(first) {
        plain(rest, RedactTokenKind::Word, length_of(&is_of_word))
    } else if first.is_ascii_digit() {
        plain(rest, RedactTokenKind::Number, length_of(&|letter| is_of_word(letter) || letter == '.'))
    } else if first == '$' {
        let digits = rest.get(1..).unwrap_or_default();
        let length = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
        plain(rest, if length > 0 { RedactTokenKind::Number } else { RedactTokenKind::Mark }, 1 + length)
    } else {
        plain(rest, RedactTokenKind::Mark, first.len_utf8())
    }
}

fn is_first_of_word(letter: char) -> bool {
    letter.is_ascii_alphabetic() || letter == '_' || !letter.is_ascii() && !letter.is_whitespace()
}

fn is_of_word(letter: char) -> bool {
    is_first_of_word(letter) || letter.is_ascii_digit() || letter == '$'
}

fn plain(rest: &str, kind: RedactTokenKind, length: usize) -> RedactToken<'_> {
    let text = rest.get(..length).unwrap_or(rest);
    RedactToken { kind, text, open: "", body: text, close: "" }
}

/// Returns what opens a literal or a name in quotes, with its prefix.
fn opening(rest: &str) -> Option<(RedactTokenKind, &str)> {
    const OPENINGS: &[(&str, RedactTokenKind)] = &[
        ("'", RedactTokenKind::Literal),
        ("\"", RedactTokenKind::Quoted),
        ("e'", RedactTokenKind::Literal),
        ("b'", RedactTokenKind::Literal),
        ("x'", RedactTokenKind::Literal),
        ("n'", RedactTokenKind::Literal),
        ("u&'", RedactTokenKind::Literal),
        ("u&\"", RedactTokenKind::Quoted),
    ];
    for (opening, kind) in OPENINGS {
        if let Some(open) = rest.get(..opening.len()).filter(|open| open.eq_ignore_ascii_case(opening)) {
            return Some((*kind, open));
        }
    }
    let tag = rest.strip_prefix('$')?;
    let end = tag.find('$')?;
    let name = tag.get(..end)?;
    let is_tag = name.is_empty()
        || name.starts_with(is_first_of_word) && name.chars().all(|letter| is_of_word(letter) && letter != '$');
    Some((RedactTokenKind::Dollar, rest.get(..end + 2)?)).filter(|_| is_tag)
}

fn dollar<'a>(rest: &'a str, open: &'a str) -> RedactToken<'a> {
    let after = rest.get(open.len()..).unwrap_or_default();
    let (body, close) = match after.find(open) {
        Some(end) => (after.get(..end).unwrap_or_default(), open.len()),
        None => (after, 0),
    };
    whole(rest, RedactTokenKind::Dollar, open, body, close)
}

fn quoted<'a>(rest: &'a str, kind: RedactTokenKind, open: &'a str, backslash: Backslash) -> RedactToken<'a> {
    let quote = if kind == RedactTokenKind::Quoted { '"' } else { '\'' };
    let has_escapes = open.starts_with(['e', 'E'])
        || open == "'" && backslash == Backslash::Escape && kind == RedactTokenKind::Literal;
    let after = rest.get(open.len()..).unwrap_or_default();
    let mut letters = after.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        if letter == '\\' && has_escapes {
            letters.next();
        } else if letter == quote {
            if letters.peek().is_some_and(|(_, next)| *next == quote) {
                letters.next();
            } else {
                return whole(rest, kind, open, after.get(..at).unwrap_or_default(), 1);
            }
        }
    }
    whole(rest, kind, open, after, 0)
}

fn whole<'a>(rest: &'a str, kind: RedactTokenKind, open: &'a str, body: &'a str, close: usize) -> RedactToken<'a> {
    let end = open.len() + body.len();
    let text = rest.get(..end + close).unwrap_or(rest);
    RedactToken { kind, text, open, body, close: text.get(end..).unwrap_or_default() }
}

/// Returns how long a comment is; comments nest.
fn comment_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let (mut depth, mut at) = (0_usize, 0);
    while let Some(pair) = bytes.get(at..at + 2) {
        match pair {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    rest.len()
}
