use super::*;

fn effect_of(sql: &str) -> StatementEffect {
    check(sql).unwrap_or_else(|error| panic!("{sql}: {error}")).effect
}

#[test]
fn what_writes_is_seen_wherever_it_stands() {
    use StatementEffect::{Acts, Reads, Writes};
    for (sql, expected) in [
        ("select 1", Reads),
        ("  /* delete from t */ select 'delete from t' -- update t", Reads),
        ("delete from t", Writes("DELETE")),
        ("With x as (select 1), y as materialized (DELETE from t returning *) select * from y", Writes("DELETE")),
        ("with x as (select 1) insert into t select * from x", Writes("INSERT")),
        ("merge into t using s on true when matched then delete", Writes("MERGE")),
        ("select \"update\", max(update) from t where \"for\" = 1", Reads),
        ("select * from t for update", Writes("SELECT … FOR UPDATE")),
        ("select * from t for no key update skip locked", Writes("SELECT … FOR UPDATE")),
        ("select substring(a from 1 for 2) from t", Reads),
        ("select a into b from t", Writes("SELECT … INTO")),
        ("create table b as select 1", Writes("CREATE")),
        ("select pg_terminate_backend(pid) from pg_stat_activity", Acts("pg_terminate_backend")),
        ("select pg_catalog.\"pg_reload_conf\" ()", Acts("pg_reload_conf")),
        ("select pg_stat_reset from t", Reads),
        ("(select 1) union (select 2)", Reads),
    ] {
        assert_eq!(effect_of(sql), expected, "{sql}");
    }
}

#[test]
fn only_one_statement_is_taken() {
    assert_eq!(check("select 1; select 2"), Err(NotOne::Several(2)));
    assert_eq!(check(" ;; "), Err(NotOne::Empty));
    assert_eq!(check("-- nothing"), Err(NotOne::Empty));
    assert_eq!(check("explain analyze"), Err(NotOne::Empty));
    assert_eq!(check("vacuum t"), Err(NotOne::NoPlan("VACUUM".to_owned())));
    assert_eq!(check("create unique index on t (a)"), Err(NotOne::NoPlan("CREATE INDEX".to_owned())));
    assert!(
        check("create temp table a as select 1").is_ok() && check("create materialized view m as select 1").is_ok()
    );
    assert_eq!(check("select 'a\0'"), Err(NotOne::Nul));
    assert_eq!(check("select ';' ; -- the end").map(|it| it.text), Ok("select ';'".to_owned()));
    assert_eq!(check("select $$;$$, \";\", E'\\';' /* ; */;").map(|it| it.parameters), Ok(0));
    // What is no SQL, or not to be read, is the server's to judge.
    assert!(check("selct 1").is_ok() && check("select 'open").is_ok());
    assert_eq!(split("select 1; select 2;\n").len(), 2);
}

#[test]
fn a_word_that_begins_no_statement_is_named() {
    for (sql, word) in [
        ("SELCT 1", Some("SELCT")),
        ("-- first\n (selct 1)", Some("selct")),
        ("select 1", None),
        ("(values (1))", None),
        ("vacuum t", None),
        ("\\d t", None),
        ("'selct'", None),
        ("\"selct\" 1", None),
        ("", None),
    ] {
        assert_eq!(misspelt_opening(sql).as_deref(), word, "{sql}");
    }
}

#[test]
fn an_explain_that_was_pasted_is_left_out() {
    for sql in [
        "EXPLAIN select 1",
        "explain analyze verbose select 1",
        "explain (analyze, buffers, format json) select 1",
        "/* q */ explain (costs off)\nselect 1;",
    ] {
        let statement = check(sql).unwrap();
        assert_eq!((statement.text.as_str(), statement.notes.len()), ("select 1", 1), "{sql}");
    }
    assert_eq!(check("explain (select 1)").unwrap().text, "(select 1)");
}

#[test]
fn texts_of_pg_stat_statements_are_made_parsable() {
    for (sql, expected, parameters) in [
        ("select $1, $12", "select $1, $12", 12),
        ("select '$1', $$ $2 $$", "select '$1', $$ $2 $$", 0),
        ("where a > now() - interval $1", "where a > now() - $1::interval", 1),
        ("select DATE $1 + $2", "select $1::date + $2", 2),
        ("where EXTRACT($1 FROM \"a\" AT TIME ZONE $2) = $3", "where date_part($1, \"a\" AT TIME ZONE $2) = $3", 3),
        ("select extract(year from a)", "select extract(year from a)", 0),
    ] {
        let sql = format!("select 1 {sql}");
        let statement = check(&sql).unwrap();
        assert_eq!((statement.text, statement.parameters), (format!("select 1 {expected}"), parameters));
    }
    let squashed = check("select * from t where a in ($1 /*, ... */)").unwrap();
    assert!(squashed.notes.iter().any(|note| note.contains("shortened")), "{squashed:?}");
}

proptest::proptest! {
    #[test]
    fn a_look_at_anything_fails_nowhere(text in ".{0,200}") {
        drop(check(&text));
        drop(split(&text));
    }

    #[test]
    fn a_statement_that_is_taken_is_taken_again(text in "(select|with|\\(|\\)|;|'|\\$1| interval | for update|--|/\\*|\\*/|a| |\n){0,12}") {
        if let Ok(once) = check(&text) {
            proptest::prop_assert_eq!(check(&once.text).map(|again| again.effect), Ok(once.effect));
        }
    }
}

#[test]
fn the_query_of_a_cursor_is_what_is_explained() {
    for sql in [
        "declare c cursor for select 1",
        "DECLARE \"_django_curs_1_sync_1\" NO SCROLL CURSOR WITH HOLD FOR select 1;",
        "declare cursor binary insensitive no scroll cursor without hold for select 1",
        "explain declare c scroll cursor for /* x */ select 1",
    ] {
        let statement = check(sql).unwrap();
        assert!(statement.text.ends_with("select 1") && !statement.text.to_lowercase().contains("cursor"), "{sql}");
        assert!(statement.notes.iter().any(|note| note.contains("cursor_tuple_fraction")), "{sql}");
    }
    assert_eq!(effect_of("declare c cursor for select 1 for update"), StatementEffect::Writes("SELECT … FOR UPDATE"));
    assert!(check("declare c").unwrap().text.contains("declare"));
}
