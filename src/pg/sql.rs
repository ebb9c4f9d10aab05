//! The loader of the `.sql` files: takes what this server has, and its fallback for what it lacks.
//!
//! Two marks, both SQL comments, so that every file also runs as it stands in psql:
//! `/*? fact */ new /*: old */` takes `new` where [`ServerFacts::has`] the fact, else `old`;
//! `/*@ extension */ public. /*@*/` becomes the schema the extension is installed in, or that of a table of Django.

use super::own::body;
use crate::quote::quote_ident;
use crate::sample::{ServerFacts, own};

/// Returns a text for this server: marks resolved, the comment lines at its head replaced by a mark with its name.
pub(super) fn resolve(name: &str, sql: &str, facts: &ServerFacts) -> String {
    own::marked(place(&choose(&body(sql), facts), facts).trim(), name)
}

/// Resolves `/*? fact */ new /*: old */`. A mark without its end is left as the comment it is.
fn choose(sql: &str, facts: &ServerFacts) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some((before, fact, new, old, after)) = next_choice(rest) {
        text.push_str(before);
        text.push_str(if facts.has(fact) { new } else { old });
        rest = after;
    }
    text.push_str(rest);
    text
}

fn next_choice(sql: &str) -> Option<(&str, &str, &str, &str, &str)> {
    let (before, from) = sql.split_once("/*?")?;
    let (fact, from) = from.split_once("*/")?;
    let (new, from) = from.split_once("/*:")?;
    let (old, after) = from.split_once("*/")?;
    Some((before, fact.trim(), new.trim(), old.trim(), after))
}

/// Resolves `/*@ extension */ schema. /*@*/`; an extension that is not installed keeps what the file says.
fn place(sql: &str, facts: &ServerFacts) -> String {
    let mut text = String::with_capacity(sql.len());
    let mut rest = sql;
    while let Some((before, name, written, after)) = next_place(rest) {
        text.push_str(before);
        let of_extension = facts.extensions.get(name).map(|extension| &extension.schema);
        match of_extension.or_else(|| facts.django.get(name).map(|relation| &relation.schema)) {
            Some(schema) => {
                text.push_str(&quote_ident(schema));
                text.push('.');
            }
            None => text.push_str(written),
        }
        rest = after.trim_start();
    }
    text.push_str(rest);
    text
}

fn next_place(sql: &str) -> Option<(&str, &str, &str, &str)> {
    let (before, from) = sql.split_once("/*@ ")?;
    let (name, from) = from.split_once("*/")?;
    let (written, after) = from.split_once("/*@*/")?;
    Some((before, name.trim(), written.trim(), after))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pg::probes::PROBES;
    use crate::sample::server::Extension;

    fn facts(columns: &[&str], schema: Option<&str>) -> ServerFacts {
        let extension = |schema: &str| Extension {
            version: "1.10".to_owned(),
            available: Some("1.10".to_owned()),
            schema: schema.to_owned(),
        };
        ServerFacts {
            columns: columns.iter().map(ToString::to_string).collect(),
            extensions: schema.map(|schema| ("e".to_owned(), extension(schema))).into_iter().collect(),
            ..ServerFacts::default()
        }
    }

    #[test]
    fn a_mark_takes_what_the_server_has() {
        for (sql, facts, expected) in [
            ("select /*? v.c */ a.c /*: null::bigint */ as c", facts(&["v.c"], None), "select a.c as c"),
            ("select /*? v.c */ a.c /*: null::bigint */ as c", facts(&[], None), "select null::bigint as c"),
            ("select /*? v.* */ 1 /*: 2 */, /*? w.d */ 3 /*: 4 */", facts(&["v.x"], None), "select 1, 4"),
            ("from /*@ e */ public. /*@*/ f() as s", facts(&[], None), "from public.f() as s"),
            ("from /*@ e */ public. /*@*/ f()", facts(&[], Some("Odd \"x\"")), "from \"Odd \"\"x\"\"\".f()"),
            ("select 1 /*? unfinished */ + 1", facts(&[], None), "select 1 /*? unfinished */ + 1"),
        ] {
            assert_eq!(resolve("x", sql, &facts), own::marked(expected, "x"), "{sql}");
        }
    }

    #[test]
    fn every_file_says_its_cost_and_has_whole_marks() {
        for probe in PROBES {
            let head = probe.sql.lines().next().unwrap();
            assert!(head.starts_with(&format!("-- {}; cost: ", probe.name)) && head.contains("needs"), "{head}");
            for facts in [facts(&[], None), all_facts(probe.sql)] {
                let sql = resolve(probe.name, probe.sql, &facts);
                assert!(!sql.contains("/*?") && !sql.contains("/*:") && !sql.contains("/*@"), "{sql}");
                assert!(sql.contains("limit") || !sql.contains("order by"), "{} has no limit", probe.name);
            }
        }
    }

    fn all_facts(sql: &str) -> ServerFacts {
        let names: Vec<&str> = sql.split("/*?").skip(1).filter_map(|part| part.split("*/").next()).collect();
        facts(&names.iter().map(|name| name.trim()).collect::<Vec<_>>(), None)
    }
}
