//! The text of a statement as it is told from others: without its literals, and which table it is mainly about.
//!
//! Pure. Servers that give a statement no identifier (`compute_query_id`, before 14) show only its text.

use crate::sample::redact::token::{Backslash, RedactToken, RedactTokenKind, tokens};

/// What the names of Django's server-side cursors begin with; each has a number of its own.
///
/// Source: `django/db/backends/postgresql/base.py`, `chunked_cursor()`.
const DJANGO_CURSOR: &str = "_django_curs_";

/// Letters of a text that are kept: enough to tell statements apart.
const LONGEST: usize = 2000;

/// Returns a text with its literals as `$1`, `$2`, … as `pg_stat_statements` writes them, without comments, on one line.
///
/// Lists of literals are one list, however long: `IN ($1, …)`.
pub(super) fn normalised(statement: &str) -> String {
    let mut text = String::with_capacity(statement.len().min(LONGEST));
    let mut count = 0_usize;
    let mut list = ListState::Outside;
    // A comma behind a literal waits for what follows it.
    let mut has_comma = false;
    let mut has_space = false;
    for token in significant(statement) {
        if text.len() > LONGEST {
            break;
        }
        let is_literal = token.is_text() || token.kind == RedactTokenKind::Number && !token.text.starts_with('$');
        if list != ListState::Outside && !has_comma && token.is_mark(',') {
            has_comma = true;
        } else if has_comma && is_literal {
            if list == ListState::One {
                text.push_str(", …");
            }
            (list, has_comma) = (ListState::Many, false);
        } else {
            if has_comma {
                text.push_str(", ");
            }
            pad(&mut text, has_space);
            if is_literal {
                count += 1;
                text.push_str(&format!("${count}"));
            } else if token.body.starts_with(DJANGO_CURSOR) {
                text.push_str(&format!("\"{DJANGO_CURSOR}…\""));
            } else {
                text.push_str(token.text);
            }
            (list, has_comma) = (if is_literal { ListState::One } else { ListState::Outside }, false);
        }
        has_space = token.has_space_after;
    }
    text
}

/// What was written last of a list of literals.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ListState {
    /// No literal.
    Outside,
    /// One literal.
    One,
    /// The dots that stand for more.
    Many,
}

fn pad(text: &mut String, has_space: bool) {
    if has_space && !text.ends_with(' ') && !text.is_empty() {
        text.push(' ');
    }
}

/// A token that is neither blank nor comment.
pub(super) struct Significant<'a> {
    token: RedactToken<'a>,
    pub(super) has_space_after: bool,
}

impl<'a> std::ops::Deref for Significant<'a> {
    type Target = RedactToken<'a>;

    fn deref(&self) -> &RedactToken<'a> {
        &self.token
    }
}

pub(super) fn significant(statement: &str) -> Vec<Significant<'_>> {
    let mut found: Vec<Significant<'_>> = Vec::new();
    for token in tokens(statement, Backslash::Plain) {
        match token.kind {
            RedactTokenKind::Space | RedactTokenKind::Comment => {
                if let Some(last) = found.last_mut() {
                    last.has_space_after = true;
                }
            }
            _ => found.push(Significant { token, has_space_after: false }),
        }
    }
    found
}

/// Returns the table that a statement is mainly about: what it changes, else the first that it reads; without its schema.
///
/// Of an autovacuum worker it is the table that it works on (`autovacuum: VACUUM public.shop_order`).
pub(super) fn main_table(statement: &str) -> Option<String> {
    let own = statement.strip_prefix("autovacuum: ").unwrap_or(statement);
    let all = significant(own);
    if all.first().is_some_and(|first| first.is_word("fetch") || first.is_word("move")) {
        // What they read from is a cursor.
        return None;
    }
    let mut depth = 0_usize;
    // A subquery in place of a table is looked into.
    let mut wanted = 0_usize;
    for (at, token) in all.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|before| all.get(before));
        if token.is_mark('(') {
            depth += 1;
        } else if token.is_mark(')') {
            depth = depth.saturating_sub(1);
            wanted = wanted.min(depth);
        } else if depth == wanted && is_before_table(token, before.map(|before| &before.token)) {
            let rest = all.get(at + 1..).unwrap_or_default();
            if rest.first().is_some_and(|next| next.is_mark('(')) {
                wanted = depth + 1;
            } else {
                return table_at(rest);
            }
        }
    }
    None
}

fn is_before_table(token: &RedactToken<'_>, before: Option<&RedactToken<'_>>) -> bool {
    let follows = |words: &[&str]| before.is_some_and(|before| words.iter().any(|word| before.is_word(word)));
    let is = |word: &str| token.is_word(word);
    let is_first = before.is_none();
    is("from")
        || is("update") && !follows(&["for", "key", "do", "on"])
        || is("into") && follows(&["insert", "merge"])
        || is("table") && follows(&["alter", "lock", "truncate"])
        || is_first && (is("vacuum") || is("analyze") || is("copy"))
        || is("analyze") && follows(&["vacuum"])
}

/// Returns the name that the tokens begin with, without its schema.
fn table_at(tokens: &[Significant<'_>]) -> Option<String> {
    const SKIPPED: &[&str] = &["only", "lateral", "if", "exists", "full", "freeze", "verbose", "analyze"];
    let is_skipped = |token: &&Significant<'_>| SKIPPED.iter().any(|word| token.is_word(word));
    let mut names = tokens.iter().skip_while(is_skipped);
    let mut name = name_of(names.next()?)?;
    while names.next().is_some_and(|dot| dot.is_mark('.')) {
        let Some(part) = names.next().and_then(name_of) else { break };
        name = part;
    }
    Some(name)
}

fn name_of(token: &Significant<'_>) -> Option<String> {
    match token.kind {
        RedactTokenKind::Word => Some(token.text.to_lowercase()),
        RedactTokenKind::Quoted => Some(token.body.replace("\"\"", "\"")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_placeholders() {
        for (statement, expected) in [
            ("SELECT a FROM t WHERE id = 5 AND name = 'x''y'", "SELECT a FROM t WHERE id = $1 AND name = $2"),
            ("select 1 /*controller='a'*/", "select $1"),
            ("SELECT *\n  FROM t2\tWHERE b IN (1, 2,3) LIMIT 21", "SELECT * FROM t2 WHERE b IN ($1, …) LIMIT $2"),
            ("SELECT a FROM t WHERE id = $1", "SELECT a FROM t WHERE id = $1"),
            ("select $$a'b$$, e'\\'', \"it's\" -- why", "select $1, …, \"it's\""),
            ("", ""),
            ("FETCH FORWARD 2000 FROM \"_django_curs_14_sync_1\"", "FETCH FORWARD $1 FROM \"_django_curs_…\""),
            ("select 'cut...", "select $1"),
        ] {
            assert_eq!(normalised(statement), expected, "{statement}");
        }
    }

    #[test]
    fn statements_that_differ_by_literals_alone_are_one() {
        assert_eq!(normalised("SELECT 1 FROM t WHERE a IN (1,2)"), normalised("SELECT 9 FROM t WHERE a IN (1, 2, 3)"));
        assert_ne!(normalised("SELECT a FROM t"), normalised("SELECT b FROM t"));
    }

    #[test]
    fn a_statement_is_about_a_table() {
        for (statement, table) in [
            (r#"SELECT "shop_order"."id" FROM "shop_order" WHERE 1"#, Some("shop_order")),
            (
                r#"UPDATE "shop_category" SET "n" = (SELECT COUNT(*) FROM "shop_product") WHERE "id" = 1"#,
                Some("shop_category"),
            ),
            ("SELECT (SELECT count(*) FROM a), extract(year from b) FROM public.C", Some("c")),
            (
                "SELECT avg(gap) FROM (SELECT extract(day from x) FROM shop_order o) AS gaps GROUP BY 1",
                Some("shop_order"),
            ),
            ("INSERT INTO jobs_task (a) VALUES ('select from x') RETURNING id", Some("jobs_task")),
            ("DELETE FROM ONLY \"a\".\"it\"\"s\" WHERE 1", Some("it\"s")),
            ("WITH x AS (SELECT * FROM y) UPDATE z SET a = 1 FROM x", Some("z")),
            ("SELECT * FROM t FOR UPDATE", Some("t")),
            ("ALTER TABLE IF EXISTS ONLY shop_order ADD COLUMN x int", Some("shop_order")),
            ("autovacuum: VACUUM ANALYZE public.shop_order (to prevent wraparound)", Some("shop_order")),
            ("autovacuum: ANALYZE pg_toast.pg_toast_1", Some("pg_toast_1")),
            ("/* FROM a */ SELECT 'FROM b'", None),
            ("FETCH FORWARD 2000 FROM \"_django_curs_14_sync_1\"", None),
            ("COMMIT", None),
            ("SELECT * FROM", None),
            ("", None),
            ("FROM ((((", None),
        ] {
            assert_eq!(main_table(statement).as_deref(), table, "{statement}");
        }
    }
}
