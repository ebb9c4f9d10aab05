//! Whatever a name or a text holds, the server reads what pgdj writes of it as that name and that text.

use pgdj::quote::{qualified, qualified_always, quote_ident, quote_ident_always, quote_text};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;

use crate::support::{open, own, servers};

/// The parts that names are made of: what SQL, Python and a terminal read as their own, and letters.
const PARTS: &[&str] = &[
    "\"",
    "'",
    ".",
    ";",
    "\n",
    "\r",
    "\t",
    "\\",
    "\\u0041",
    "\\'",
    "--",
    "/*",
    "*/",
    "$$",
    "%s",
    "{}",
    "$1",
    "\u{1b}[201~",
    "\u{7}",
    "\u{7f}",
    "\u{85}",
    "\u{9b}",
    "\u{202e}",
    "\u{200b}",
    "\u{feff}",
    "\u{e0001}",
    "\"\"\"",
    "'''",
    "#",
    "a",
    "B",
    "_",
    "order",
    "Größe",
    "名",
    "🐘",
    " ",
    "0",
    "select",
    "__import__('os')",
    ", ",
    ")",
    "[",
    "-",
];

/// Longest name of the server, bytes.
const LONGEST: usize = 63;

/// Names of 1 to 63 bytes, the same at each run.
pub(crate) fn names(count: usize) -> Vec<String> {
    let mut runner = TestRunner::deterministic();
    let letter = prop_oneof![4 => proptest::sample::select(PARTS).prop_map(str::to_owned), 1 => "[^\u{0}]"];
    let name = proptest::collection::vec(letter, 1..24).prop_map(|parts| {
        let mut name = parts.concat();
        while name.len() > LONGEST {
            name.pop();
        }
        name
    });
    let made = (0..count).map(|_| name.new_tree(&mut runner).unwrap().current());
    let longest = "x".repeat(LONGEST);
    made.filter(|name| !name.is_empty())
        .chain([longest, "é".repeat(31), "t; select 'INJECTED'; --".to_owned()])
        .collect()
}

/// What has no character that a terminal obeys.
pub(crate) fn assert_printable(text: &str) {
    let bad = text.chars().find(|letter| *letter != '\n' && pgdj::quote::is_unprintable(*letter));
    assert_eq!(bad, None, "{text:?}");
}

#[tokio::test]
async fn every_server_reads_a_quoted_name_and_text_as_what_was_meant() {
    for server in servers() {
        let client = open(&server.database().await).await;
        for name in names(200) {
            let (quoted, other) = (quote_ident(&name), quote_ident_always(&name));
            let sql = format!("select 1 as {quoted}, 2 as {other}, {}::text as text", quote_text(&name));
            assert_printable(&sql);
            let row =
                client.query_one(&sql, &[]).await.unwrap_or_else(|error| panic!("{}: {sql}: {error}", server.name));
            assert_eq!((row.columns()[0].name(), row.columns()[1].name()), (name.as_str(), name.as_str()), "{sql}");
            assert_eq!(row.get::<_, String>(2), name, "{sql}");
        }
    }
}

#[tokio::test]
async fn a_relation_of_any_name_is_the_one_that_is_reached() {
    let Some(server) = own() else { return };
    let client = open(&server.database().await).await;
    for name in names(60) {
        let (plain, always) = (qualified(&name, &name), qualified_always(&name, &name));
        let made = format!("create schema {0}; create table {plain} (id int, {0} int)", quote_ident(&name));
        for sql in [made, format!("vacuum {always}")] {
            client.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        }
        let found = client
            .query_one(
                "select count(*) from pg_class as c join pg_namespace as n on n.oid = c.relnamespace \
                 where c.relname = $1 and n.nspname = $1",
                &[&name],
            )
            .await
            .unwrap();
        assert_eq!(found.get::<_, i64>(0), 1, "{name:?}");
        client.batch_execute(&format!("drop schema {} cascade", quote_ident(&name))).await.unwrap();
    }
}

#[tokio::test]
async fn every_keyword_of_every_server_is_quoted_where_the_server_quotes_it() {
    for server in servers() {
        let client = open(&server.database().await).await;
        let rows = client.query("select word, quote_ident(word) from pg_get_keywords()", &[]).await.unwrap();
        assert!(rows.len() > 400);
        for row in rows {
            let (word, by_server): (&str, &str) = (row.get(0), row.get(1));
            // A word of another version is in quotes too, which does no harm.
            let ours = quote_ident(word);
            assert!(ours == by_server || ours == quote_ident_always(word), "{}: {word}", server.name);
        }
    }
}
