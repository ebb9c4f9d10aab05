//! The statements that pgdj sends of its own. Each is registered here; nothing else can be sent.
//!
//! A statement is a `static` [`Own`] beside the code that sends it, and a line of [`GROUPS`]. Connections take only
//! [`Sql`], which only an [`Own`] or a probe makes. So [`print()`](fn@print), which prints the list, prints everything, and what it
//! prints is what is sent. `tests/tidy.rs` fails for an [`Own`] that is not in the list; `tests/it/print_sql.rs` compares
//! the list with what servers log.

mod list;
mod print;

use std::fmt;
use std::sync::Arc;

pub use list::{GROUPS, Group};
pub use print::print;

use super::probes::Probe;
use super::sql;
use crate::sample::{ServerFacts, own};

/// A statement of pgdj's own.
#[derive(Debug)]
pub struct Own {
    /// What it is called. It is in the comment behind the first word, unless the text has such a comment already.
    pub name: &'static str,
    /// What it reads or does.
    pub reads: &'static str,
    /// When it is sent.
    pub when: &'static str,
    /// The places that are filled in, `{name}` in the text.
    pub holes: &'static [Hole],
    /// The text. Comment lines at its head are not sent.
    pub sql: &'static str,
}

/// A place in a statement that is filled in before it is sent.
#[derive(Debug)]
pub struct Hole {
    /// Its name, which stands in braces in the text.
    pub name: &'static str,
    /// What is filled in.
    pub doc: &'static str,
    /// What it can be.
    pub form: Placeholder,
}

/// What can be filled in.
#[derive(Debug, Clone, Copy)]
pub enum Placeholder {
    /// A number.
    Number,
    /// A name of the database, quoted by [`crate::quote`], with its schema or without.
    Name,
    /// Texts or nulls, quoted by [`crate::quote`], with commas between.
    Texts,
    /// Words in capitals, with commas between.
    Words,
    /// One of these.
    OneOf(&'static [&'static str]),
    /// Registered statements, joined by this.
    Statements(&'static str),
    /// What a person wrote, or an advice made of a plan.
    Theirs,
}

/// A text that may be sent, because it was made of registered statements.
#[derive(Clone, PartialEq, Eq)]
pub struct Sql(Arc<str>);

impl Own {
    /// Returns the text as it is sent and printed, with its places open.
    pub fn text(&self) -> String {
        own::marked(&body(self.sql), self.name)
    }

    /// Returns it for sending; it has no places to fill.
    pub fn sql(&self) -> Sql {
        self.fill(&[])
    }

    /// Returns it with its places filled.
    pub fn fill(&self, values: &[(&str, &str)]) -> Sql {
        Sql(self.filled(&self.text(), values).into())
    }

    /// Returns it for a server: where the server lacks something, what stands for it.
    pub fn on(&self, facts: &ServerFacts) -> Sql {
        Sql(sql::resolve(self.name, self.sql, facts).into())
    }

    /// Returns what is sent before one of its places, the others being filled: by it the server's place of an error is
    /// counted back to the text that a person wrote.
    pub fn before(&self, place: &str, values: &[(&str, &str)]) -> String {
        let text = self.text();
        let head = text.split_once(&format!("{{{place}}}")).map_or(text.as_str(), |(head, _)| head);
        self.filled(head, values)
    }

    fn filled(&self, text: &str, values: &[(&str, &str)]) -> String {
        let mut out = String::with_capacity(text.len());
        for piece in self.pieces(text) {
            match piece {
                Ok(text) => out.push_str(text),
                Err(hole) => {
                    let value = values.iter().find(|(name, _)| *name == hole.name).map(|(_, value)| *value);
                    debug_assert!(
                        value.is_some_and(|value| hole.form.takes(value)),
                        "{}: {}: {value:?}",
                        self.name,
                        hole.name
                    );
                    out.push_str(value.unwrap_or_default());
                }
            }
        }
        out
    }

    /// Returns the parts of a text of this statement: what stands as it is, and the places between. Braces that are not
    /// the mark of a place (`'{}'`) stand as they are.
    pub fn pieces<'a>(&self, text: &'a str) -> Vec<Result<&'a str, &'static Hole>> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((at, hole)) = self.first_hole(rest) {
            let (head, tail) = rest.split_at(at);
            pieces.extend([Ok(head), Err(hole)]);
            rest = tail.get(hole.name.len() + 2..).unwrap_or_default();
        }
        pieces.push(Ok(rest));
        pieces
    }

    fn first_hole(&self, text: &str) -> Option<(usize, &'static Hole)> {
        let places = self.holes.iter().filter_map(|hole| Some((text.find(&format!("{{{}}}", hole.name))?, hole)));
        places.min_by_key(|(at, _)| *at)
    }
}

impl Placeholder {
    /// Whether this can be filled in.
    pub fn takes(self, value: &str) -> bool {
        match self {
            Self::Number => !value.is_empty() && value.chars().all(|letter| letter.is_ascii_digit() || letter == '.'),
            Self::Name => is_names(value),
            Self::Texts => is_texts(value),
            Self::Words => value.chars().all(|letter| letter.is_ascii_uppercase() || matches!(letter, ',' | ' ' | '_')),
            Self::OneOf(words) => words.contains(&value),
            Self::Statements(_) | Self::Theirs => true,
        }
    }
}

/// Whether a text is a name, or two with a point between.
fn is_names(text: &str) -> bool {
    let Some(rest) = after_name(text) else { return false };
    rest.is_empty() || rest.strip_prefix('.').and_then(after_name).is_some_and(str::is_empty)
}

/// Returns what follows the name at the start of a text.
fn after_name(text: &str) -> Option<&str> {
    if let Some(quoted) = text.strip_prefix("U&\"").or_else(|| text.strip_prefix('"')) {
        return after_quoted(quoted, '"');
    }
    let end = text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(text.len());
    (end > 0).then(|| text.get(end..)).flatten()
}

/// Returns what follows the closing quote; a doubled one is a letter.
fn after_quoted(text: &str, quote: char) -> Option<&str> {
    let (_, mut rest) = text.split_once(quote)?;
    while let Some(more) = rest.strip_prefix(quote) {
        (_, rest) = more.split_once(quote)?;
    }
    Some(rest)
}

/// Whether a text is literals and nulls with commas between. In an `E''` literal every quote is doubled too.
fn is_texts(text: &str) -> bool {
    let mut text = text;
    loop {
        let rest = match text.strip_prefix("E'").or_else(|| text.strip_prefix('\'')) {
            Some(quoted) => after_quoted(quoted, '\''),
            None => text.strip_prefix("null"),
        };
        match rest {
            Some("") => return true,
            Some(rest) => match rest.strip_prefix(", ") {
                Some(next) => text = next,
                None => return false,
            },
            None => return false,
        }
    }
}

/// A place in a probe's SQL for what pgdj knows already, sent as a parameter; as it stands, nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mark {
    /// The pids of this process's backends.
    OwnPids,
    /// The moment since when an idle session must have done something to be read.
    IdleSince,
    /// The moment since when a session must have started to be read, though it is idle and did nothing since the one above.
    NewSince,
    /// The pids of the sessions that were not idle, which are read whatever became of them.
    KnownRunning,
    /// The marks of the statements.
    KnownMarks,
    /// What the cheapest of the statements cost, where only the most expensive ones are read.
    LeastKnown,
}

impl Mark {
    const ALL: [Self; 6] =
        [Self::OwnPids, Self::IdleSince, Self::NewSince, Self::KnownRunning, Self::KnownMarks, Self::LeastKnown];

    /// Returns what stands in the SQL.
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::OwnPids => "'{}' /* own pids */",
            Self::IdleSince => "'-infinity' /* idle since */::timestamptz",
            Self::NewSince => "'-infinity' /* new since */::timestamptz",
            Self::KnownRunning => "'{}' /* known running */::bigint[]",
            Self::KnownMarks => "'{}' /* known marks */::bigint[]",
            Self::LeastKnown => "'-infinity' /* least known */::float8",
        }
    }

    /// Returns what is sent in its place, for the parameter of a number.
    fn sent(self, number: usize) -> String {
        match self {
            Self::OwnPids | Self::KnownRunning | Self::KnownMarks | Self::LeastKnown => format!("${number}"),
            Self::IdleSince | Self::NewSince => format!("pg_catalog.to_timestamp(${number})"),
        }
    }
}

impl Sql {
    /// Returns a probe's statement for a server.
    pub fn of_probe(probe: &Probe, facts: &ServerFacts) -> Self {
        Self(sql::resolve(probe.name, probe.sql, facts).into())
    }

    /// Returns several statements as one message.
    pub fn batch(parts: &[Self]) -> Self {
        Self(parts.iter().map(Self::as_str).collect::<Vec<_>>().join("; ").into())
    }

    /// Returns it with parameters in place of its marks, and which these are, in the order of the parameters.
    ///
    /// Its text is always the same then, so that a prepared one is found again whatever is known.
    pub(super) fn with_parameters(self) -> (Self, Vec<Mark>) {
        let marks: Vec<Mark> = Mark::ALL.into_iter().filter(|mark| self.0.contains(mark.text())).collect();
        let sql = marks
            .iter()
            .enumerate()
            .fold(self, |sql, (place, mark)| Self(sql.0.replace(mark.text(), &mark.sent(place + 1)).into()));
        (sql, marks)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sql {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

/// Returns a text without the comment lines at its head.
pub(super) fn body(sql: &str) -> String {
    let lines: Vec<&str> = sql.lines().skip_while(|line| line.starts_with("--")).map(str::trim_end).collect();
    lines.join("\n").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn all() -> impl Iterator<Item = &'static Own> {
        GROUPS.iter().flat_map(|group| group.statements.iter().copied())
    }

    #[test]
    fn only_the_places_that_are_named_are_filled_and_what_was_filled_in_stays() {
        static ONE: Own = Own {
            name: "one",
            reads: "",
            when: "",
            holes: &[
                Hole { name: "a", doc: "", form: Placeholder::Theirs },
                Hole { name: "b", doc: "", form: Placeholder::Name },
            ],
            sql: "-- a comment about {a}\nselect '{}', {a}, {c} from {b}",
        };
        let sql = ONE.fill(&[("b", "x"), ("a", "'{b}'")]);
        assert_eq!(sql.as_str(), "select /* pgdj one */ '{}', '{b}', {c} from x");
        assert_eq!(ONE.before("b", &[("a", "1")]), "select /* pgdj one */ '{}', 1, {c} from ");
    }

    #[test]
    fn a_place_takes_only_its_own_form() {
        let check = |form: Placeholder, takes: &[&str], refuses: &[&str]| {
            for value in takes {
                assert!(form.takes(value), "{form:?} {value}");
            }
            for value in refuses {
                assert!(!form.takes(value), "{form:?} {value}");
            }
        };
        check(Placeholder::Number, &["1", "5.0000"], &["", "1;", "1 or 1"]);
        check(
            Placeholder::Name,
            &["a", "\"a b\"", "a.\"b\"\"c\"", "U&\"\\001b\""],
            &["", "a b", "a.b.c", "\"a\" b", "\"a"],
        );
        check(Placeholder::Texts, &["''", "'a', null, E'\\\\''x'"], &["", "a", "'a' b", "'a"]);
        check(Placeholder::Words, &["FORMAT JSON, TIMING OFF", "GENERIC_PLAN"], &["a", "A;"]);
        check(Placeholder::OneOf(&["true"]), &["true"], &["false"]);
    }

    #[test]
    fn every_statement_says_what_it_reads_and_when_and_explains_its_places() {
        let mut names = BTreeSet::new();
        for own in all() {
            assert!(names.insert(own.name), "{} stands there twice", own.name);
            assert!(!own.reads.is_empty() && !own.when.is_empty(), "{}", own.name);
            assert!(own::is_own(&own.text()), "{} has no mark", own.name);
            for hole in own.holes {
                assert!(own.text().contains(&format!("{{{}}}", hole.name)), "{}: {}", own.name, hole.name);
                assert!(!hole.doc.is_empty(), "{}: {}", own.name, hole.name);
            }
        }
    }

    #[test]
    fn what_is_known_is_a_parameter() {
        use super::super::probes::{activity, statements, wal};
        let of = |probe| Sql::of_probe(probe, &ServerFacts::default()).with_parameters();
        let (sql, marks) = of(&activity::PROBE);
        assert_eq!(marks, [Mark::OwnPids, Mark::IdleSince, Mark::NewSince, Mark::KnownRunning]);
        let sql = sql.as_str();
        assert!(sql.contains("s.pid = any ($1::bigint[])"), "{sql}");
        assert!(sql.contains("or s.state_change > pg_catalog.to_timestamp($2)\n"), "{sql}");
        assert!(sql.contains("or s.pid = any ($4) as is_news"), "{sql}");
        assert!(Mark::ALL.iter().all(|mark| !sql.contains(mark.text())), "{sql}");
        let (sql, marks) = of(&statements::PROBE);
        assert_eq!(marks, [Mark::KnownMarks, Mark::LeastKnown]);
        assert!(sql.as_str().contains("full join pg_catalog.unnest($1) as k (mark)"));
        assert!(sql.as_str().contains("1000 * p.mean_time >= $2\n"), "{}", sql.as_str());
        assert_eq!(of(&wal::PROBE).1, []);
    }
}
