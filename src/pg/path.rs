//! The `search_path`: what pgdj's own statements run with, and what the role has of its own.
//!
//! A name without a schema, an operator and a cast are looked up along the path. Whoever may create objects in a schema
//! of the role's path can therefore make a statement of pgdj's call his function, as pgdj's role. So pgdj's own
//! statements run with [`PINNED`], and the role's own path is data: it is read once, as the server shows it.
//! Source: PostgreSQL manual 5.10.3 "The Schema Search Path".

use crate::quote::quote_text;
use crate::sample::own;

/// The path of pgdj's own statements. `pg_temp` stands last, or it would be searched first.
pub(super) const PINNED: &str = "pg_catalog, pg_temp";

/// What shows the path in force; SHOW looks no name up.
pub(super) const SHOW: &str = "show /* pgdj guard */ search_path";

/// How long the path holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// The end of the session.
    SessionEnds,
    /// The end of the transaction.
    TransactionEnds,
}

/// Returns the statement that pins the path.
pub(super) fn pin(until: Until) -> String {
    let local = if until == Until::TransactionEnds { "local " } else { "" };
    own::marked(&format!("set {local}search_path = {PINNED}"), "guard")
}

/// The path of the role: the schemas in which it finds names, as `SHOW search_path` lists them, `$user` included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RolePath(Vec<String>);

impl RolePath {
    /// Reads what SHOW says. Source: `SplitIdentifierString` in src/backend/utils/adt/varlena.c.
    pub fn parse(shown: &str) -> Self {
        let mut schemas = Vec::new();
        let mut rest = shown.trim_start();
        while !rest.is_empty() {
            let (schema, after) = identifier(rest);
            schemas.push(schema);
            rest = after.trim_start();
            rest = rest.strip_prefix(',').unwrap_or_default().trim_start();
        }
        Self(schemas)
    }

    /// Returns the schemas in their order, with the role's name for `$user`.
    pub fn schemas(&self, role: &str) -> Vec<String> {
        self.0.iter().map(|schema| if schema == "$user" { role.to_owned() } else { schema.clone() }).collect()
    }

    /// Returns it as a JSON list, for a statement that resolves names as data; `$user` is left to the statement.
    pub(super) fn json(&self) -> String {
        serde_json::Value::from(self.0.clone()).to_string()
    }

    /// Returns the statement that puts it in force until the transaction ends.
    pub(super) fn restore(&self) -> String {
        let list: Vec<String> = self.0.iter().map(|schema| quote_text(schema)).collect();
        let list = if list.is_empty() { "''".to_owned() } else { list.join(", ") };
        own::marked(&format!("set local search_path = {list}"), "guard")
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
            ("\"it's\"", &["it's"], "'it''s'"),
        ] {
            let path = RolePath::parse(shown);
            assert_eq!(path.schemas("app"), schemas, "{shown}");
            assert_eq!(path.restore(), format!("set /* pgdj guard */ local search_path = {restored}"), "{shown}");
        }
    }

    #[test]
    fn the_pinned_path_is_set_for_a_session_or_a_transaction() {
        assert_eq!(pin(Until::SessionEnds), "set /* pgdj guard */ search_path = pg_catalog, pg_temp");
        assert_eq!(pin(Until::TransactionEnds), "set /* pgdj guard */ local search_path = pg_catalog, pg_temp");
    }
}
