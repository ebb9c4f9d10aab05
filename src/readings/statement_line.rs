//! A statement as one line that says what matters: without comments, quotes, the names of tables before columns and long lists.

use super::statement_text::{Significant, significant};
use crate::quote::is_plain;
use crate::sample::redact::token::RedactTokenKind;

/// Letters of a line that are made: more than the widest screen shows.
const LONGEST: usize = 480;

/// Letters of a list of columns that is kept; of a longer one only `…`.
const LIST: usize = 16;

/// Letters of a list that computes something: `COUNT(*) AS n`.
const COMPUTED: usize = 40;

/// Returns `SELECT … FROM shop_order WHERE status = $1` of `SELECT "shop_order"."id", … FROM "shop_order" WHERE "shop_order"."status" = $1`.
///
/// For the eye only: a name that needs its quotes keeps them, and so do the names of tables where columns are compared with
/// each other.
pub(crate) fn statement_line(statement: &str) -> String {
    let all = significant(head(statement));
    let mut line = Line { text: String::with_capacity(160), lists: Vec::new(), depth: 0, clause: Clause::Columns };
    let mut at = 0;
    while let Some(token) = all.get(at).filter(|_| line.text.len() < LONGEST) {
        at = if line.qualifies(&all, at) { at + 2 } else { at };
        let token = all.get(at).unwrap_or(token);
        line.before(token);
        line.write(token);
        line.after(token, all.get(at + 1));
        at += 1;
    }
    line.text.truncate(line.text.trim_end().len());
    line.text
}

/// A statement may be a megabyte; no more of it is read than a line needs, even where a long list is left out.
fn head(statement: &str) -> &str {
    const READ: usize = 16_384;
    let mut end = statement.len().min(READ);
    while !statement.is_char_boundary(end) {
        end -= 1;
    }
    statement.get(..end).unwrap_or(statement)
}

/// What stands at this place of a statement.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Clause {
    /// Columns: the names of their tables are left out.
    Columns,
    /// Tables: their schemas stay, but for `public`.
    Tables,
    /// Conditions of a join: columns of two tables.
    Join,
}

struct Line {
    text: String,
    /// Of each list that is open: the parentheses around it, and where it begins in the text.
    lists: Vec<(usize, usize)>,
    depth: usize,
    clause: Clause,
}

impl Line {
    /// Whether the name at a place and the dot behind it are left out.
    fn qualifies(&self, all: &[Significant<'_>], at: usize) -> bool {
        let (Some(name), Some(dot), Some(next)) = (all.get(at), all.get(at + 1), all.get(at + 2)) else { return false };
        let is_name = |token: &Significant<'_>| matches!(token.kind, RedactTokenKind::Word | RedactTokenKind::Quoted);
        let is_pair = is_name(name) && dot.is_mark('.') && (is_name(next) || next.is_mark('*'));
        let is_public = name.body == "public" || name.text == "public";
        is_pair
            && match self.clause {
                Clause::Columns => !all.get(at + 3).is_some_and(|token| token.is_mark('(') || token.is_mark('.')),
                Clause::Tables => is_public,
                Clause::Join => false,
            }
    }

    /// Ends a list of columns where FROM follows.
    fn before(&mut self, token: &Significant<'_>) {
        if token.is_mark(')') {
            self.lists.retain(|(depth, _)| *depth < self.depth);
            self.depth = self.depth.saturating_sub(1);
        }
        if token.is_word("from")
            && let Some((_, start)) = self.lists.pop_if(|(depth, _)| *depth == self.depth)
            && self.is_long(start)
        {
            self.text.truncate(start);
            self.text.push_str("… ");
        }
    }

    fn is_long(&self, start: usize) -> bool {
        let list = self.text.get(start..).unwrap_or_default();
        list.len() > if list.contains('(') { COMPUTED } else { LIST }
    }

    fn write(&mut self, token: &Significant<'_>) {
        let is_plain = token.kind == RedactTokenKind::Quoted && token.open == "\"" && is_plain(token.body);
        self.text.push_str(if is_plain { token.body } else { token.text });
        if token.has_space_after {
            self.text.push(' ');
        }
    }

    fn after(&mut self, token: &Significant<'_>, next: Option<&Significant<'_>>) {
        let is = |words: &[&str]| words.iter().any(|word| token.is_word(word));
        if token.is_mark('(') {
            self.depth += 1;
        } else if is(&["from", "into", "update", "join", "table"]) {
            self.clause = Clause::Tables;
        } else if is(&["on", "using"]) {
            self.clause = Clause::Join;
        } else if is(&["select", "where", "set", "order", "group", "having", "limit", "values", "returning"]) {
            self.clause = Clause::Columns;
        }
        let is_first = !next.is_some_and(|next| next.is_word("distinct"));
        if is(&["select", "distinct"]) && is_first {
            self.lists.push((self.depth, self.text.len()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_matters_of_a_statement_is_its_line() {
        for (statement, line) in [
            (
                r#"SELECT "shop_order"."id", "shop_order"."status", "shop_order"."created_at" FROM "shop_order" WHERE "shop_order"."status" = $1 ORDER BY "shop_order"."created_at" DESC LIMIT $2"#,
                "SELECT … FROM shop_order WHERE status = $1 ORDER BY created_at DESC LIMIT $2",
            ),
            (
                r#"SELECT COUNT(*) AS "__count" FROM "shop_order" WHERE "shop_order"."total" > 5"#,
                "SELECT COUNT(*) AS __count FROM shop_order WHERE total > 5",
            ),
            (
                r#"SELECT DISTINCT "a"."one", "a"."two", "a"."three", "a"."four" FROM "a" INNER JOIN "b" ON ("a"."b_id" = "b"."id") WHERE "b"."x" IN (SELECT U0."id" FROM "c" U0)"#,
                "SELECT DISTINCT … FROM a INNER JOIN b ON (a.b_id = b.id) WHERE x IN (SELECT id FROM c U0)",
            ),
            (
                r#"UPDATE "public"."shop_product" SET "stock" = 1 WHERE "Odd Name" = $1 /* view */"#,
                r#"UPDATE shop_product SET stock = 1 WHERE "Odd Name" = $1"#,
            ),
            (r#"SELECT 1 FROM "user" WHERE "user"."order" = 1"#, r#"SELECT 1 FROM "user" WHERE "order" = 1"#),
            (r"select * from sales.orders where id = 1", "select * from sales.orders where id = 1"),
            (r"SELECT pg_catalog.now()", "SELECT pg_catalog.now()"),
            ("", ""),
            ("SELECT 'unfinished", "SELECT 'unfinished"),
        ] {
            assert_eq!(statement_line(statement), line);
        }
    }

    #[test]
    fn no_more_is_made_than_a_line() {
        let many = format!("SELECT 1 WHERE x IN ({})", "1, ".repeat(1 << 20));
        assert!(statement_line(&many).len() < 600);
        assert!(statement_line(&"é".repeat(1 << 20)).len() < 40_000);
    }
}
