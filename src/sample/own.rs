//! The mark by which this program's own statements are told from those of others.
//!
//! Pure. The mark stands behind the first word: `select /* pgdj tables */ …`. Since 18 the server leaves out a comment
//! that stands before a statement when it keeps its text in `pg_stat_statements`.
//! Source: tried on 12, 14 and 18; `RawStmt.stmt_location` begins at the first token since 18.

use super::ServerFacts;

/// What the mark begins with.
const MARK: &str = "/* pgdj";

/// How far from its beginning the mark is looked for: behind the first word.
const REACH: usize = 32;

/// Returns a statement with the mark, which names what it is for; one that has the mark is left as it is.
pub fn marked(sql: &str, what: &str) -> String {
    let sql = sql.trim_start();
    if is_own(sql) {
        return sql.to_owned();
    }
    let end = sql.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(sql.len());
    let (word, rest) = sql.split_at(end);
    let space = if what.is_empty() { "" } else { " " };
    let mark = format!("{MARK}{space}{what} */");
    if word.is_empty() { format!("{mark} {sql}") } else { format!("{word} {mark}{rest}") }
}

/// Whether a statement's text has the mark.
pub fn is_own(query: &str) -> bool {
    query.find(MARK).is_some_and(|at| at < REACH)
}

/// Whether a text of `pg_stat_statements` is surely a statement of this program alone, so that it is part of no figure.
///
/// Since 16 the server gives BEGIN, COMMIT, SET and the like one queryid by what they do, whatever comment they have, and
/// since 17 all savepoints have the same: with its first text stands what the application ran too.
/// Source: tried on 12 to 18; release notes of 16 ("utility commands") and 17 (E.8.3.9.1).
pub fn is_surely_own(query: &str, server: &ServerFacts) -> bool {
    is_own(query) && !(server.has("pg_stat_io.*") && is_control(query))
}

/// Whether a statement only controls a transaction, a session or what it prepared.
fn is_control(query: &str) -> bool {
    const CONTROLS: [&str; 11] = [
        "begin",
        "commit",
        "deallocate",
        "discard",
        "end",
        "release",
        "reset",
        "rollback",
        "savepoint",
        "set",
        "start",
    ];
    let word = query.trim_start().split(|letter: char| !letter.is_ascii_alphabetic()).next().unwrap_or_default();
    CONTROLS.iter().any(|control| control.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_stands_behind_the_first_word() {
        for (sql, what, expected) in [
            ("select 1", "tables", "select /* pgdj tables */ 1"),
            ("\n  select\n    1", "", "select /* pgdj */\n    1"),
            ("with a as (select 1) table a", "a", "with /* pgdj a */ a as (select 1) table a"),
            ("select /* pgdj tables */ 1", "other", "select /* pgdj tables */ 1"),
            ("(values (1))", "a", "/* pgdj a */ (values (1))"),
            ("commit", "a", "commit /* pgdj a */"),
            ("", "", "/* pgdj */ "),
        ] {
            let got = marked(sql, what);
            assert_eq!(got, expected);
            assert!(is_own(&got), "{got}");
        }
    }

    #[test]
    fn a_statement_that_only_speaks_of_the_mark_is_not_ours() {
        for query in
            ["select 1", "", "select count(*) from pg_stat_statements where query like '%/* pgdj %'", "/* pg */"]
        {
            assert!(!is_own(query), "{query}");
        }
    }

    #[test]
    fn a_statement_that_others_run_too_is_not_surely_ours() {
        let older = ServerFacts::default();
        let newer = ServerFacts { columns: ["pg_stat_io.reads".to_owned()].into(), ..ServerFacts::default() };
        for (query, by_older, by_newer) in [
            ("savepoint /* pgdj guard: savepoint */ $1", true, false),
            ("commit /* pgdj guard: commit */", true, false),
            ("SET /* pgdj */ local x = $1", true, false),
            ("select /* pgdj tables */ 1", true, true),
            ("explain /* pgdj explain */ select 1", true, true),
            ("savepoint a", false, false),
        ] {
            assert_eq!((is_surely_own(query, &older), is_surely_own(query, &newer)), (by_older, by_newer), "{query}");
        }
    }
}
