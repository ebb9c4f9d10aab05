//! The `search_path`: what pgdj's own statements run with, and what the role has of its own.
//!
//! A name without a schema, an operator and a cast are looked up along the path. Whoever may create objects in a schema
//! of the role's path can therefore make a statement of pgdj's call his function, as pgdj's role. So pgdj's own
//! statements run with `pg_catalog, pg_temp`, and the role's own path is data: it is read once, as the server shows it.
//! Source: PostgreSQL manual 5.10.3 "The Schema Search Path".

use super::own::{Hole, Own, Placeholder, Sql};
use crate::quote::quote_text;

/// What shows the path in force; SHOW looks no name up.
pub(super) static SHOW: Own = Own {
    name: "guard: search_path of the role",
    reads: "The search_path of the role, by which names in your statement are resolved.",
    when: "in each transaction, before the path is set",
    holes: &[],
    sql: "show search_path",
};

/// Pins the path for the session. `pg_temp` stands last, or it would be searched first.
pub(super) static PIN_SESSION: Own = Own {
    name: "guard: search_path",
    reads: "Nothing. Sets the search_path, so that no function or operator of another role can run instead of the \
            server's.",
    when: "once for each session, before any statement with a name; not behind a pooler",
    holes: &[],
    sql: "set search_path = pg_catalog, pg_temp",
};

/// Pins the path for the transaction.
pub(super) static PIN_TRANSACTION: Own = Own {
    name: "guard: search_path of a transaction",
    reads: "Nothing. Sets the same search_path until the transaction ends.",
    when: "in each transaction, before pgdj's own statements",
    holes: &[],
    sql: "set local search_path = pg_catalog, pg_temp",
};

/// Puts the role's own path in force.
pub(super) static RESTORE: Own = Own {
    name: "guard: restore the search_path of the role",
    reads: "Nothing. Names in your statement and in an advised index are resolved with the role's own search_path.",
    when: "in the transaction of an EXPLAIN or an index test, before your statement",
    holes: &[Hole { name: "schemas", doc: "the role's search_path, as SHOW returned it", form: Placeholder::Texts }],
    sql: "set local search_path = {schemas}",
};

/// How long the path holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// The end of the session.
    SessionEnds,
    /// The end of the transaction.
    TransactionEnds,
}

/// Returns the statement that pins the path.
pub(super) fn pin(until: Until) -> Sql {
    match until {
        Until::SessionEnds => PIN_SESSION.sql(),
        Until::TransactionEnds => PIN_TRANSACTION.sql(),
    }
}

/// The path of the role: the schemas in which it finds names, as `SHOW search_path` lists them, `$user` included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RolePath(Vec<String>);

impl RolePath {
    /// Reads what SHOW says. Source: `SplitIdentifierString` in src/backend/utils/adt/varlena.c.
    pub fn parse(shown: &str) -> Self {
        let mut schemas = Vec::new();
        let mut rest = shown.trim_ascii_start();
        while !rest.is_empty() {
            let (schema, after) = identifier(rest);
            schemas.push(schema);
            rest = after.trim_ascii_start();
            rest = rest.strip_prefix(',').unwrap_or_default().trim_ascii_start();
        }
        Self(schemas)
    }

    /// Returns the schemas in their order, with the role's name for `$user`.
    pub(crate) fn schemas(&self, role: &str) -> Vec<String> {
        self.0.iter().map(|schema| if schema == "$user" { role.to_owned() } else { schema.clone() }).collect()
    }

    /// Returns it as a JSON list, for a statement that resolves names as data; `$user` is left to the statement.
    pub(super) fn json(&self) -> String {
        serde_json::Value::from(self.0.clone()).to_string()
    }

    /// Returns the statement that puts it in force until the transaction ends.
    pub(super) fn restore(&self) -> Sql {
        let list: Vec<String> = self.0.iter().map(|schema| quote_text(schema)).collect();
        let list = if list.is_empty() { "''".to_owned() } else { list.join(", ") };
        RESTORE.fill(&[("schemas", &list)])
    }
}

/// Returns the first name of a list, unquoted, and what follows it.
fn identifier(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|letter: char| letter == ',' || letter.is_ascii_whitespace()).unwrap_or(text.len());
        let (name, rest) = text.split_at(end);
        return (name.to_ascii_lowercase(), rest);
    };
    let mut name = String::new();
    let mut rest = quoted;
    while let Some((part, after)) = rest.split_once('"') {
        name.push_str(part);
        rest = after;
        match rest.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None => return (name, rest),
        }
    }
    name.push_str(rest);
    (name, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_as_the_server_reads_it_and_put_back_as_it_was() {
        for (shown, schemas, restored) in [
            (r#""$user", public"#, &["app", "public"][..], "'$user', 'public'"),
            ("evil, pg_catalog", &["evil", "pg_catalog"], "'evil', 'pg_catalog'"),
            (r#""Odd ""x"", y",b"#, &[r#"Odd "x", y"#, "b"], r#"'Odd "x", y', 'b'"#),
            (r#""""#, &[""], "''"),
            ("", &[], "''"),
            ("A;drop", &["a;drop"], "'a;drop'"),
            ("a, \u{a0}b", &["a", "\u{a0}b"], "'a', '\u{a0}b'"),
            ("\"it's\"", &["it's"], "'it''s'"),
        ] {
            let path = RolePath::parse(shown);
            assert_eq!(path.schemas("app"), schemas, "{shown}");
            let sql = format!(
                "set /* pgdj guard: restore the search_path of the role */ local search_path = \
                {restored}"
            );
            assert_eq!(path.restore().as_str(), sql, "{shown}");
        }
    }
}
