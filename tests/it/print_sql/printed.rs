//! What `pgdj --print-sql` prints, as patterns: the text is read from the program, the form of what is filled in from the
//! list.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::process::Command;

use pgdj::pg::own::{GROUPS, Placeholder};

/// A part of a printed statement.
#[derive(Debug)]
enum Part {
    /// Stands as it is.
    Text(String),
    /// One of these, by what the server has.
    Either(String, String),
    /// The schema of an extension, with its point.
    Schema,
    /// What is filled in.
    Filled(Placeholder),
}

/// A printed statement.
#[derive(Debug)]
struct Statement {
    name: String,
    parts: Vec<Part>,
}

/// All of them.
pub(super) struct Printed {
    statements: Vec<Statement>,
    /// The names of those that matched on the way to a match.
    found: RefCell<Vec<usize>>,
}

impl Printed {
    /// Reads what a program prints.
    pub(super) fn by(program: &str) -> Self {
        let output = Command::new(program).arg("--print-sql").env_clear().output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        let mut statements = Vec::new();
        // Each is a paragraph: comments, then the statement up to its semicolon.
        for paragraph in text.split("\n\n") {
            let paragraph = paragraph.trim_start();
            let Some(sql) = paragraph.strip_suffix(';').or_else(|| paragraph.strip_suffix(";\n")) else { continue };
            let name = sql.lines().next().and_then(|line| line.strip_prefix("-- ")).unwrap();
            let body: Vec<&str> = sql.lines().skip_while(|line| line.starts_with("--")).collect();
            statements.push(Statement { name: name.to_owned(), parts: parts(name, &plain(&body.join("\n"))) });
        }
        assert!(statements.len() > 100, "{}", statements.len());
        // Those that take anything come last: another says more.
        let takes_all = |part: &Part| matches!(part, Part::Filled(Placeholder::Theirs));
        statements.sort_by_key(|statement| statement.parts.iter().any(takes_all));
        Self { statements, found: RefCell::default() }
    }

    /// Returns their names.
    pub(super) fn all(&self) -> impl Iterator<Item = &str> {
        self.statements.iter().map(|statement| statement.name.as_str())
    }

    /// Returns the names of the printed statements that a message is made of; `None` if it has anything else.
    pub(super) fn names(&self, sql: &str) -> Option<BTreeSet<&str>> {
        self.found.borrow_mut().clear();
        let is_printed = self.several("; ", &plain(sql), &str::is_empty);
        let found = self.found.borrow();
        is_printed.then(|| found.iter().map(|at| self.statements[*at].name.as_str()).collect())
    }

    /// Whether a text begins with one or more of the statements, and what follows is right.
    fn several(&self, separator: &str, text: &str, then: &dyn Fn(&str) -> bool) -> bool {
        self.statements.iter().enumerate().any(|(at, statement)| {
            self.found.borrow_mut().push(at);
            let go_on = |rest: &str| {
                then(rest)
                    || !separator.is_empty()
                        && rest.strip_prefix(separator).is_some_and(|rest| self.several(separator, rest, then))
            };
            let matched = self.begins(&statement.parts, text, &go_on);
            if !matched {
                let mut found = self.found.borrow_mut();
                let place = found.iter().rposition(|it| *it == at).unwrap();
                found.truncate(place);
            }
            matched
        })
    }

    /// Whether a text begins with these parts, and what follows is right.
    fn begins(&self, parts: &[Part], text: &str, then: &dyn Fn(&str) -> bool) -> bool {
        let Some((part, rest)) = parts.split_first() else { return then(text) };
        let go_on = |text: &str| self.begins(rest, text, then);
        let after = |word: &str| text.strip_prefix(word).is_some_and(go_on);
        match part {
            Part::Text(word) => after(word),
            Part::Either(new, old) => after(new) || after(old),
            Part::Schema => filled(Placeholder::Name, text, &|rest| rest.strip_prefix('.').is_some_and(go_on)),
            Part::Filled(Placeholder::Statements(separator)) => self.several(&plain(separator), text, &go_on),
            Part::Filled(form) => filled(*form, text, &go_on),
        }
    }
}

/// Whether a text begins with something of this form, and what follows is right.
fn filled(form: Placeholder, text: &str, then: &dyn Fn(&str) -> bool) -> bool {
    let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
    ends.rev().any(|end| form.takes(&text[..end]) && then(&text[end..]))
}

/// Every run of white space as one blank.
fn plain(text: &str) -> String {
    let mut out = String::new();
    for letter in text.chars() {
        let letter = if letter.is_whitespace() { ' ' } else { letter };
        if letter != ' ' || !out.ends_with(' ') {
            out.push(letter);
        }
    }
    out
}

/// Takes a statement apart at its marks.
fn parts(name: &str, text: &str) -> Vec<Part> {
    let own = GROUPS.iter().flat_map(|group| group.statements).find(|own| own.name == name);
    let pieces = own.map_or_else(|| vec![Ok(text)], |own| own.pieces(text));
    let mut parts = Vec::new();
    for piece in pieces {
        match piece {
            Ok(text) => marks(text, &mut parts),
            Err(hole) => parts.push(Part::Filled(hole.form)),
        }
    }
    parts
}

fn marks(text: &str, parts: &mut Vec<Part>) {
    // What is sent in place of what is known already.
    const KNOWN: [(&str, &str); 6] = [
        ("'{}' /* own pids */", "$1"),
        ("'-infinity' /* idle since */::timestamptz", "pg_catalog.to_timestamp($2)"),
        ("'-infinity' /* new since */::timestamptz", "pg_catalog.to_timestamp($3)"),
        ("'{}' /* known running */::bigint[]", "$4"),
        ("'{}' /* known marks */::bigint[]", "$1"),
        ("'-infinity' /* least known */::float8", "$2"),
    ];
    let all = ["/*? ", "/*@ "].into_iter().chain(KNOWN.map(|(mark, _)| mark));
    let first = all.map(|mark| text.find(mark).unwrap_or(text.len())).min().unwrap();
    parts.push(Part::Text(text[..first].to_owned()));
    let rest = &text[first..];
    if let Some(mark) = rest.strip_prefix("/*? ") {
        let (_, from) = mark.split_once("*/").unwrap();
        let (new, from) = from.split_once("/*:").unwrap();
        let (old, after) = from.split_once("*/").unwrap();
        parts.push(Part::Either(new.trim().to_owned(), old.trim().to_owned()));
        marks(after, parts);
    } else if let Some(mark) = rest.strip_prefix("/*@ ") {
        let (_, after) = mark.split_once("/*@*/").unwrap();
        parts.push(Part::Schema);
        marks(after.trim_start(), parts);
    } else if let Some((mark, sent)) = KNOWN.iter().find(|(mark, _)| rest.starts_with(mark)) {
        parts.push(Part::Either((*sent).to_owned(), (*mark).to_owned()));
        marks(&rest[mark.len()..], parts);
    }
}
