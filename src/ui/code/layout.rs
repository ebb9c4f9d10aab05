//! SQL laid out to be read: clauses at line starts, indented by what they stand in.
//!
//! For display only. Tokens are never changed, added or left out: only the blanks between them are.

use super::lexer::{Token, TokenKind};
use super::sql;

/// Columns of one level.
const STEP: usize = 2;

/// The longest list that stays on one line.
const LINE: usize = 72;

/// What `join` may follow on its line.
const JOINS: [&str; 7] = ["left", "right", "full", "inner", "cross", "natural", "outer"];

/// Texts beyond which the layout stays as it is: nobody reads them, and a list of a million values is data.
const MOST: usize = 128 * 1024;

/// Returns SQL laid out with clauses at line starts. Strings and comments stay as they are.
pub fn format_sql(text: &str) -> String {
    if text.len() > MOST {
        return text.to_owned();
    }
    let tokens = sql::tokens(text);
    let mut layout = Layout {
        text,
        tokens: &tokens,
        out: String::with_capacity(text.len() * 2),
        levels: vec![NestingLevel::new(0)],
        at: 0,
    };
    layout.run();
    layout.out
}

/// A query or a bracket that is being written.
#[derive(Debug, Clone)]
struct NestingLevel {
    /// Columns before its clauses.
    indent: usize,
    /// What it is.
    holds: Holds,
    /// Whether its list is too long for a line.
    breaks_commas: bool,
    /// Whether an `and` belongs to a `between`.
    is_between: bool,
    /// Open `case`s, whose `and`s stay on the line.
    cases: usize,
}

impl NestingLevel {
    fn new(indent: usize) -> Self {
        Self { indent, holds: Holds::Query, breaks_commas: false, is_between: false, cases: 0 }
    }
}

/// What stands in a bracket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// A query, or the statement itself.
    Query,
    /// A condition too long for a line.
    Condition,
    /// Anything else: arguments, values, a short condition.
    List,
}

/// What a word begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Break {
    /// A clause: a line of its own.
    Clause,
    /// A condition: a line below its clause.
    Condition,
}

struct Layout<'a> {
    text: &'a str,
    tokens: &'a [Token],
    out: String,
    levels: Vec<NestingLevel>,
    at: usize,
}

impl Layout<'_> {
    fn run(&mut self) {
        while let Some(token) = self.tokens.get(self.at) {
            match token.kind {
                TokenKind::Blank => {}
                TokenKind::Comment => self.comment(),
                TokenKind::Keyword => self.keyword(),
                TokenKind::Mark => self.mark(),
                _ => self.word(),
            }
            self.at += 1;
        }
    }

    fn token(&self, at: usize) -> &str {
        self.tokens.get(at).and_then(|token| self.text.get(token.range.clone())).unwrap_or_default()
    }

    /// Writes the token as it is, with a blank before it where one was.
    fn word(&mut self) {
        let had_blank = self
            .at
            .checked_sub(1)
            .and_then(|at| self.tokens.get(at))
            .is_some_and(|token| token.kind == TokenKind::Blank);
        let begins_line = self.out.is_empty() || self.out.ends_with(['\n', ' ']);
        if had_blank && !begins_line && !self.out.ends_with('(') {
            self.out.push(' ');
        }
        let token = self.token(self.at).to_owned();
        self.out.push_str(&token);
    }

    fn comment(&mut self) {
        self.word();
        if self.token(self.at).starts_with("--") {
            self.line(0);
        }
    }

    /// Ends the line and indents the next.
    fn line(&mut self, deeper: usize) {
        let indent = self.levels.last().map_or(0, |level| level.indent) + deeper;
        let kept = self.out.trim_end_matches(' ').len();
        self.out.truncate(kept);
        if !self.out.is_empty() && !self.out.ends_with('\n') {
            self.out.push('\n');
        }
        if !self.out.is_empty() {
            self.out.push_str(&" ".repeat(indent));
        }
    }

    fn keyword(&mut self) {
        let word = self.token(self.at).to_ascii_lowercase();
        let kind =
            self.levels.last().filter(|level| level.holds != Holds::List).and_then(|level| self.breaks(&word, level));
        match kind {
            Some(Break::Clause) => {
                self.line(0);
                let is_long = self.list_is_long();
                if let Some(level) = self.levels.last_mut() {
                    level.breaks_commas = is_long;
                }
            }
            Some(Break::Condition) => self.line(STEP),
            None => {}
        }
        if let Some(level) = self.levels.last_mut() {
            match word.as_str() {
                "between" => level.is_between = true,
                "and" => level.is_between = false,
                "case" => level.cases += 1,
                "end" => level.cases = level.cases.saturating_sub(1),
                _ => {}
            }
        }
        self.word();
    }

    /// Returns whether a word begins a line.
    fn breaks(&self, word: &str, level: &NestingLevel) -> Option<Break> {
        let before = self.word_before();
        let after = self.word_after();
        let is_clause = match word {
            "and" | "or" => {
                let stays = level.cases > 0 || (word == "and" && level.is_between);
                return (!stays).then_some(Break::Condition);
            }
            _ if level.holds != Holds::Query => false,
            "from" => before != "distinct" && before != "delete",
            "set" => before != "update" && before != "default",
            "update" => !matches!(before.as_str(), "for" | "do" | "no" | "key"),
            "select" | "where" | "having" | "limit" | "offset" | "union" | "except" | "intersect" | "returning"
            | "values" | "window" => true,
            "group" | "order" => after == "by",
            "for" => matches!(after.as_str(), "update" | "share" | "no" | "key"),
            "on" => after == "conflict",
            "join" => !JOINS.contains(&before.as_str()),
            "left" | "right" | "full" | "inner" | "cross" | "natural" => self.begins_join(),
            _ => false,
        };
        is_clause.then_some(Break::Clause)
    }

    /// Whether `join` follows, with `outer` between or not (`left(` is a function).
    fn begins_join(&self) -> bool {
        let is_second = matches!(self.word_before().as_str(), "natural" | "cross");
        !is_second && matches!(self.word_after().as_str(), "join" | "outer" | "inner" | "left")
    }

    fn word_before(&self) -> String {
        let before = (0..self.at).rev().map(|at| (at, self.tokens.get(at)));
        let found = before
            .take(4)
            .find(|(_, token)| token.is_some_and(|token| !matches!(token.kind, TokenKind::Blank | TokenKind::Comment)));
        found.map_or(String::new(), |(at, _)| self.short(at))
    }

    fn word_after(&self) -> String {
        let found = (self.at + 1..self.at + 4).find(|at| {
            self.tokens.get(*at).is_some_and(|token| !matches!(token.kind, TokenKind::Blank | TokenKind::Comment))
        });
        found.map_or(String::new(), |at| self.short(at))
    }

    /// A token in lower case, if it can be a keyword at all.
    fn short(&self, at: usize) -> String {
        let token = self.token(at);
        if token.len() <= 16 { token.to_ascii_lowercase() } else { String::new() }
    }

    fn mark(&mut self) {
        match self.token(self.at) {
            "(" => self.open(),
            ")" => self.close(),
            "," => {
                self.word();
                match self.levels.last() {
                    Some(level) if level.holds == Holds::Query && level.breaks_commas => self.line(STEP),
                    _ if self.next_is_blank() => {}
                    Some(level) if level.holds == Holds::Query => self.out.push(' '),
                    _ => {}
                }
            }
            ";" => {
                self.word();
                self.levels.truncate(1);
                if let Some(level) = self.levels.last_mut() {
                    *level = NestingLevel::new(0);
                }
                if self.tokens.len() > self.at + 1 {
                    self.line(0);
                }
            }
            _ => self.word(),
        }
    }

    fn next_is_blank(&self) -> bool {
        self.tokens.get(self.at + 1).is_some_and(|token| token.kind == TokenKind::Blank)
    }

    /// Opens a bracket: a query inside it goes to lines of its own.
    fn open(&mut self) {
        self.word();
        let indent = self.levels.last().map_or(0, |level| level.indent);
        let is_query = matches!(self.word_after().as_str(), "select" | "with" | "values");
        if is_query {
            self.levels.push(NestingLevel::new(indent + STEP));
            self.line(0);
        } else {
            let holds = if self.long_list_of(&["and", "or"], &[]) { Holds::Condition } else { Holds::List };
            self.levels.push(NestingLevel { holds, ..NestingLevel::new(indent + STEP) });
        }
    }

    fn close(&mut self) {
        let was_query = self.levels.len() > 1 && self.levels.pop().is_some_and(|level| level.holds == Holds::Query);
        if was_query {
            self.line(0);
        }
        self.word();
    }

    /// Whether the list from here to the next clause is too long for a line.
    fn list_is_long(&self) -> bool {
        self.long_list_of(
            &[","],
            &["from", "where", "group", "order", "limit", "union", "having", "returning", "on", "select"],
        )
    }

    /// Whether what follows, up to the bracket's end or one of the ends, is too long for a line and has one of the joints.
    fn long_list_of(&self, joints: &[&str], ends: &[&str]) -> bool {
        let mut depth = 0_i32;
        let mut length = 0;
        let mut has_joint = false;
        for at in self.at + 1..self.tokens.len() {
            let word = self.short(at);
            match word.as_str() {
                "(" => depth += 1,
                ")" if depth == 0 => break,
                ")" => depth -= 1,
                ";" => break,
                word if depth == 0 && ends.contains(&word) => break,
                word if depth == 0 && joints.contains(&word) => has_joint = true,
                _ => {}
            }
            length += self.token(at).len();
            if length > LINE && has_joint {
                return true;
            }
            // Far enough to know that what is here is no list.
            if length > LINE * 4 || depth > 8 {
                break;
            }
        }
        false
    }
}
