//! The names and operators that a statement, or the body of a SQL function, writes.
//!
//! Pure, and without a grammar: whatever could name a function, a type or a relation counts as doing so. What that makes
//! too many only matters where an object of that name does harm.

use std::collections::BTreeSet;

use super::rules::RESERVED;
use super::token::{NameFolding, SqlToken, Unclear, tokens};

/// Names by what they could be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct WrittenNames {
    /// Names before a bracket: functions, aggregates, types, methods of TABLESAMPLE.
    pub(super) calls: BTreeSet<String>,
    /// Names behind a dot without a bracket: `(t).f` and `t.f` call a function of one argument where there is no such column.
    pub(super) fields: BTreeSet<String>,
    /// All names: types and relations.
    pub(super) words: BTreeSet<String>,
    /// Operators, with those that the grammar writes for LIKE, IN, BETWEEN and others.
    pub(super) operators: BTreeSet<String>,
    /// Names before a dot: schemas.
    pub(super) schemas: BTreeSet<String>,
    /// What the statement is by its first word, and whether it changes rows.
    pub(super) deed: Deed,
}

/// What a statement does by its words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Deed {
    /// It reads.
    #[default]
    Reads,
    /// It may write: the word.
    Writes(&'static str),
    /// It is of a kind that cannot be judged: its first word, empty where there is none.
    Other(String),
    /// It is more than one statement.
    Several,
}

/// Operators that the grammar writes where no operator stands: IN, BETWEEN, CASE x WHEN, NULLIF, USING, DISTINCT FROM.
/// Source: `src/backend/parser/gram.y` and `parse_expr.c`.
const IMPLIED: &[&str] = &["=", "<>", "<", "<=", ">", ">="];

/// Those of LIKE, ILIKE and SIMILAR TO.
const OF_PATTERNS: &[&str] = &["~~", "!~~", "~~*", "!~~*", "~", "!~"];

/// Words that change rows or lock them wherever they stand without quotes; `update` is also that of FOR UPDATE.
const WRITING: &[&str] = &["insert", "update", "delete", "merge", "into", "share"];

impl WrittenNames {
    /// Reads one statement.
    pub(super) fn of(sql: &str, folding: NameFolding) -> Result<Self, Unclear> {
        let tokens = tokens(sql, folding)?;
        let mut written = Self { deed: deed(&tokens), ..Self::default() };
        for (at, token) in tokens.iter().enumerate() {
            let before = at.checked_sub(1).and_then(|before| tokens.get(before));
            match token {
                SqlToken::Word { name, is_quoted } => written.name(name, *is_quoted, before, tokens.get(at + 1)),
                SqlToken::Operator(operator) => drop(written.operators.insert(operator.clone())),
                SqlToken::Mark(_) | SqlToken::Text | SqlToken::Value => {}
            }
        }
        written.operators.extend(IMPLIED.iter().map(|operator| (*operator).to_owned()));
        Ok(written)
    }

    fn name(&mut self, name: &str, is_quoted: bool, before: Option<&SqlToken>, after: Option<&SqlToken>) {
        let is_field = before == Some(&SqlToken::Mark("."));
        let is_call = after == Some(&SqlToken::Mark("("));
        if !is_quoted && matches!(name, "like" | "ilike" | "similar") {
            self.operators.extend(OF_PATTERNS.iter().map(|operator| (*operator).to_owned()));
        }
        if after == Some(&SqlToken::Mark(".")) {
            self.schemas.insert(name.to_owned());
        }
        if !is_quoted && !is_field && RESERVED.contains(&name) {
            return;
        }
        self.words.insert(name.to_owned());
        if is_call {
            self.calls.insert(name.to_owned());
        } else if is_field {
            self.fields.insert(name.to_owned());
        }
    }

    /// Adds what another statement writes; both write if one does.
    pub(super) fn add(&mut self, other: Self) {
        let Self { calls, fields, words, operators, schemas, deed } = other;
        self.calls.extend(calls);
        self.fields.extend(fields);
        self.words.extend(words);
        self.operators.extend(operators);
        self.schemas.extend(schemas);
        if self.deed == Deed::Reads {
            self.deed = deed;
        }
    }

    /// Whether anything is written that has to be looked up.
    pub(super) fn is_empty(&self) -> bool {
        self.words.is_empty() && self.operators.is_empty()
    }
}

fn deed(tokens: &[SqlToken]) -> Deed {
    let end = tokens.iter().rposition(|token| *token != SqlToken::Mark(";")).map_or(0, |at| at + 1);
    let tokens = tokens.get(..end).unwrap_or_default();
    if tokens.contains(&SqlToken::Mark(";")) {
        return Deed::Several;
    }
    let keyword = |token: &SqlToken| match token {
        SqlToken::Word { name, is_quoted: false } => Some(name.clone()),
        _ => None,
    };
    let first = tokens.iter().find(|token| **token != SqlToken::Mark("(")).and_then(keyword).unwrap_or_default();
    if !matches!(first.as_str(), "select" | "with" | "values" | "table" | "insert" | "update" | "delete" | "merge") {
        return Deed::Other(first);
    }
    // A column of such a name, behind a dot, is none.
    let words = tokens
        .iter()
        .enumerate()
        .filter(|(at, _)| at.checked_sub(1).and_then(|before| tokens.get(before)) != Some(&SqlToken::Mark(".")));
    let mut words = words.filter_map(|(_, token)| keyword(token));
    words
        .find_map(|word| WRITING.iter().find(|writing| **writing == word))
        .map_or(Deed::Reads, |word| Deed::Writes(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(names: &BTreeSet<String>) -> String {
        names.iter().map(String::as_str).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn several_together_write_all_that_each_of_them_writes() {
        let of = |sql: &str| WrittenNames::of(sql, NameFolding::of("UTF8")).unwrap();
        let (read, write) = ("select f(a) from s.t where b @> c", "delete from u where (v).w ~~ x");
        for (one, other) in [(read, write), (write, read)] {
            let mut both = of(one);
            both.add(of(other));
            assert_eq!(list(&both.calls), "f");
            assert!(both.words.is_superset(&of(one).words) && both.words.is_superset(&of(other).words));
            assert!(both.fields.contains("w") && both.schemas.contains("s"));
            assert!(both.operators.contains("@>") && both.operators.contains("~~"));
            assert_eq!(both.deed, Deed::Writes("delete"));
        }
    }

    #[test]
    fn whatever_could_be_a_call_counts_as_one() {
        for (sql, calls, fields) in [
            ("select lower(a), U&\"pg\\005fsleep\"(1)", "lower pg_sleep", ""),
            ("select pg_sleep /* ( */ -- (\n (1)", "pg_sleep", ""),
            ("select (t).f, t.\"g\", s.h(1) from t", "h", "f g"),
            ("select a from t where b in (1) and not (c)", "", ""),
            ("select \"in\" (1)", "in", ""),
            ("select count(*) over (order by a)", "count over", ""),
            ("select t.user from t", "", "user"),
            ("select * from t tablesample system (1)", "system", ""),
            ("select x::varchar(3)", "varchar", ""),
        ] {
            let written = WrittenNames::of(sql, NameFolding::None).unwrap();
            assert_eq!((list(&written.calls).as_str(), list(&written.fields).as_str()), (calls, fields), "{sql}");
        }
    }

    #[test]
    fn operators_are_those_that_are_written_and_those_that_words_stand_for() {
        let written =
            WrittenNames::of("select a || b from t where c not ilike 'x' and d operator(s.===) e", NameFolding::None)
                .unwrap();
        for operator in ["||", "!~~*", "~~", "=", "==="] {
            assert!(written.operators.contains(operator), "{operator}");
        }
        assert_eq!(list(&written.schemas), "s");
        assert!(!WrittenNames::of("select a", NameFolding::None).unwrap().operators.contains("~~"));
    }

    #[test]
    fn what_a_statement_does_is_seen_by_its_words() {
        for (sql, expected) in [
            ("select 1", Deed::Reads),
            ("((select 1)) union values (2);", Deed::Reads),
            ("select \"update\", t.delete from t", Deed::Reads),
            ("with a as (delete from t returning *) select 1", Deed::Writes("delete")),
            ("select * from t for no key update", Deed::Writes("update")),
            ("select * from t for key share", Deed::Writes("share")),
            ("select 1 into t", Deed::Writes("into")),
            ("create table t as select 1", Deed::Other("create".to_owned())),
            ("execute x", Deed::Other("execute".to_owned())),
            ("do $$ begin end $$", Deed::Other("do".to_owned())),
            ("select 1; select 2", Deed::Several),
            ("", Deed::Other(String::new())),
        ] {
            assert_eq!(WrittenNames::of(sql, NameFolding::None).unwrap().deed, expected, "{sql}");
        }
    }
}
