//! The texts of a statement that speaks of a secret: any of them may be its value, wherever it stands.
//!
//! SQL has too many ways to set a value beside a name (`'…' = password`, `nullif(token, '…')`, `'…' as password`) to know
//! each. So every text of a query or write that names a secret is taken out, but those that are plainly compared with
//! another column.

use super::token::{RedactToken, RedactTokenKind};
use super::{Marks, TABLES};

/// What a statement that holds values begins with.
const VERBS: &[&str] = &[
    "select", "with", "insert", "update", "delete", "merge", "values", "table", "explain", "prepare", "declare",
    "copy", "call", "execute", "perform", "if", "return",
];

/// What may stand before a statement in a function's body.
const LEADS: &[&str] = &["begin", "then", "else", "loop"];

/// What `CREATE` makes of an expression.
const MADE: &[&str] =
    &["table", "view", "materialized", "temp", "temporary", "unlogged", "index", "unique", "policy", "rule"];

/// Words that bring more rows than a table's into a statement: then a column may hold a secret by another name.
const INNER: &[&str] = &["select", "values", "with", "table", "union", "intersect", "except", "merge"];

/// What columns that hold secrets end with, in a table of secrets.
const COLUMNS: &[&str] =
    &["key", "keys", "code", "digest", "checksum", "hash", "salt", "data", "value", "payload", "pin"];

/// What stands before a comparison.
const BEFORE: &[&str] = &["where", "and", "or", "on", "not", "set", "when"];

/// What stands behind a comparison.
const BEHIND: &[&str] =
    &["and", "or", "where", "from", "returning", "order", "group", "having", "limit", "offset", "fetch", "for", "then"];

/// What stands behind a closing parenthesis, beside those; any other word may name what a function makes of a secret.
const GOES_ON: &[&str] = &[
    "is", "in", "not", "like", "ilike", "between", "collate", "asc", "desc", "nulls", "join", "inner", "left", "right",
    "full", "cross", "on", "set", "values", "when", "else", "end", "over", "filter", "within", "limit", "union",
    "with",
];

/// Texts of fewer letters say nothing.
const SHORT: usize = 3;

/// Returns the places of the texts that may be a secret's value.
pub(super) fn values_of_secrets(tokens: &[RedactToken<'_>]) -> Vec<usize> {
    let is_said = |token: &RedactToken<'_>| !matches!(token.kind, RedactTokenKind::Space | RedactTokenKind::Comment);
    let said: Vec<(usize, &RedactToken<'_>)> = tokens.iter().enumerate().filter(|(_, token)| is_said(token)).collect();
    let mut found = Vec::new();
    for statement in said.split(|(_, token)| token.is_mark(';')).map(StatementTokens) {
        if statement.holds_values() && statement.names_a_secret() {
            let is_flat = statement.is_flat();
            let may_be = |place: &usize| !is_flat || !statement.is_of_another_column(*place);
            found.extend(statement.texts().filter(may_be).filter_map(|place| Some(statement.0.get(place)?.0)));
        }
    }
    found
}

/// Returns the places of the texts of the last statement, which was cut: a name behind the cut may make any a secret.
pub(super) fn values_of_cut(tokens: &[RedactToken<'_>]) -> Vec<usize> {
    let is_said = |token: &RedactToken<'_>| !matches!(token.kind, RedactTokenKind::Space | RedactTokenKind::Comment);
    let said: Vec<(usize, &RedactToken<'_>)> = tokens.iter().enumerate().filter(|(_, token)| is_said(token)).collect();
    let Some(last) = said.split(|(_, token)| token.is_mark(';')).next_back().map(StatementTokens) else {
        return Vec::new();
    };
    if !last.holds_values() {
        return Vec::new();
    }
    last.texts().filter_map(|place| Some(last.0.get(place)?.0)).collect()
}

/// The tokens of a statement without blanks and comments, each with its place.
struct StatementTokens<'a>(&'a [(usize, &'a RedactToken<'a>)]);

impl StatementTokens<'_> {
    fn token(&self, place: usize) -> Option<&RedactToken<'_>> {
        self.0.get(place).map(|(_, token)| *token)
    }

    fn is_one_of(&self, place: usize, words: &[&str]) -> bool {
        self.token(place).is_some_and(|token| words.iter().any(|word| token.is_word(word)))
    }

    fn is_mark(&self, place: usize, marks: &str) -> bool {
        self.token(place).is_some_and(|token| token.kind == RedactTokenKind::Mark && marks.contains(token.text))
    }

    /// Whether it is a query, a write, or what is made of one; other commands have their values right behind a name.
    fn holds_values(&self) -> bool {
        let mut first = 0;
        while self.is_mark(first, "(") || self.is_one_of(first, LEADS) {
            first += 1;
        }
        self.is_one_of(first, VERBS) || self.is_one_of(first, &["create"]) && self.is_one_of(first + 1, MADE)
    }

    /// Whether a name in it speaks of a secret, or is one of the tables that hold some.
    fn names_a_secret(&self) -> bool {
        self.secrets().next().is_some()
    }

    /// Returns the places of the names that speak of a secret.
    fn secrets(&self) -> impl Iterator<Item = usize> {
        let is_secret =
            |token: &RedactToken<'_>| is_name(token) && (Marks::is_secret(token) || is_table_of_secrets(token.body));
        self.0.iter().enumerate().filter(move |(_, (_, token))| is_secret(token)).map(|(place, _)| place)
    }

    /// Whether a secret may have another name: `unnest(tokens) as a`, `authtoken_token as a (b)`.
    fn has_other_names(&self) -> bool {
        let is_name_at = |place: usize| self.token(place).is_some_and(is_name);
        let has_list = |secret: usize| {
            let name = if self.is_one_of(secret + 1, &["as"]) { secret + 2 } else { secret + 1 };
            is_name_at(name) && self.is_mark(name + 1, "(")
        };
        let is_named = |place: usize| {
            self.is_mark(place, ")")
                && is_name_at(place + 1)
                && ![BEFORE, BEHIND, GOES_ON].iter().any(|words| self.is_one_of(place + 1, words))
        };
        self.secrets().any(has_list) || (0..self.0.len()).any(is_named)
    }

    /// Whether its columns are those of its tables, by their own names.
    fn is_flat(&self) -> bool {
        let places = |words: &'static [&str]| (0..self.0.len()).filter(|place| self.is_one_of(*place, words));
        let is_lock = |place: &usize| place.checked_sub(1).is_some_and(|before| self.is_one_of(before, &["for"]));
        let is_write = places(&["insert", "update", "delete"]).any(|place| !is_lock(&place));
        places(INNER).count() <= usize::from(!is_write) && !self.has_other_names()
    }

    /// Returns the places of the texts that are long enough to say something.
    fn texts(&self) -> impl Iterator<Item = usize> {
        // A parameter stands for a text of any length.
        let says = |token: &RedactToken<'_>| token.body.starts_with('$') || token.body.chars().count() >= SHORT;
        self.0.iter().enumerate().filter(move |(_, (_, token))| token.is_text() && says(token)).map(|(place, _)| place)
    }

    /// Whether a text is compared with a column that holds no secret: `where a.name = 'bob'`.
    fn is_of_another_column(&self, text: usize) -> bool {
        let behind = text + 1;
        let is_end = self.token(behind).is_none() || self.is_mark(behind, "),:") || self.is_one_of(behind, BEHIND);
        let Some(column) = self.compared(text).filter(|_| is_end) else { return false };
        let is_harmless =
            |token: &RedactToken<'_>| is_name(token) && !Marks::is_secret(token) && !is_column_of_secrets(token);
        if !self.token(column).is_some_and(is_harmless) {
            return false;
        }
        let mut first = column;
        while first >= 2 && self.is_mark(first - 1, ".") && self.token(first - 2).is_some_and(is_name) {
            first -= 2;
        }
        first.checked_sub(1).is_some_and(|before| self.is_mark(before, "(,") || self.is_one_of(before, BEFORE))
    }

    /// Returns the place before the operator that stands before a text.
    fn compared(&self, text: usize) -> Option<usize> {
        let last = text.checked_sub(1)?;
        if self.is_one_of(last, &["like", "ilike"]) {
            return last.checked_sub(1);
        }
        let operator = (0..=last).rev().take_while(|place| self.is_mark(*place, "=<>!")).count();
        if matches!(operator, 1 | 2) { last.checked_sub(operator) } else { None }
    }
}

fn is_name(token: &RedactToken<'_>) -> bool {
    matches!(token.kind, RedactTokenKind::Word | RedactTokenKind::Quoted)
}

fn is_table_of_secrets(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    TABLES.iter().any(|part| name.contains(part))
}

fn is_column_of_secrets(token: &RedactToken<'_>) -> bool {
    let name = token.body.to_ascii_lowercase();
    COLUMNS.iter().any(|end| name.ends_with(end))
}
