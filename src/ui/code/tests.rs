use proptest::prelude::*;

use super::*;

/// The parts that have a look of their own, as `role:text`.
fn marked(language: Language, text: &str) -> String {
    let line = |line: CodeLine| {
        let part = |(text, role): (String, Role)| {
            let name = role.name().trim_start_matches("sql_");
            if role == Role::Text { text } else { format!("<{name} {text}>") }
        };
        line.into_iter().map(part).collect::<String>()
    };
    Code::new(language, text).lines(1000).into_iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn sql_is_lexed_as_postgresql_does() {
    for (text, expected) in [
        ("SELECT 1", "<keyword SELECT> <number 1>"),
        ("select 'it''s' from t", "<keyword select> <string 'it''s'> <keyword from> t"),
        (r"select E'a\'b', 1", r"<keyword select> <string E'a\'b'>, <number 1>"),
        ("select $$it's$$, $fn$ $$ $fn$", "<keyword select> <string $$it's$$>, <string $fn$ $$ $fn$>"),
        ("where id = $12", "<keyword where> id = <number $12>"),
        ("/* a /* b */ c */ x", "<comment /* a /* b */ c */> x"),
        ("x -- note\ny", "x <comment -- note>\ny"),
        ("count(*) > 1.5e-3", "<name count>(*) > <number 1.5e-3>"),
        ("\"select\".\"from\"", "\"select\".\"from\""),
        ("'open", "<string 'open>"),
        ("/* open", "<comment /* open>"),
        ("a is not null", "a <keyword is not> <number null>"),
    ] {
        assert_eq!(
            marked(Language::Sql, text).replace("> <keyword ", " "),
            expected.replace("> <keyword ", " "),
            "{text}"
        );
    }
}

#[test]
fn python_and_json_have_their_colours() {
    for (language, text, expected) in [
        (Language::Python, "class Meta:  # x", "<keyword class> <name Meta>:  <comment # x>"),
        (
            Language::Python,
            "models.Index(fields=['a'], x=None)",
            "models.<name Index>(fields=[<string 'a'>], x=<number None>)",
        ),
        (Language::Python, "f\"a\" '''b\nc'''", "<keyword f><string \"a\"> <string '''b>\n<string c'''>"),
        (Language::Json, r#"{"a": [1, "b", true]}"#, r#"{<name "a">: [<number 1>, <string "b">, <keyword true>]}"#),
        (Language::Plain, "select 1", "select 1"),
    ] {
        assert_eq!(marked(language, text), expected, "{text}");
    }
}

#[test]
fn wrapped_code_keeps_its_colours() {
    let code = Code::new(Language::Sql, "select 'a long string of words' from shop_order");
    let lines = code.lines(20);
    let text: Vec<String> = lines.iter().map(|line| line.iter().map(|(text, _)| text.as_str()).collect()).collect();
    assert_eq!(text, ["select 'a long", "  string of words'", "  from shop_order"]);
    assert_eq!(lines[1][1], ("string of words'".to_owned(), Role::SqlString));
}

#[test]
fn sql_is_laid_out_by_its_clauses() {
    let all: Vec<String> = [
        r#"SELECT "shop_order"."id", "shop_order"."status", "shop_order"."created_at", "shop_order"."total" FROM "shop_order" INNER JOIN "shop_customer" ON ("shop_order"."customer_id" = "shop_customer"."id") WHERE ("shop_order"."status" = 'pending' AND "shop_customer"."email" LIKE '%x%') ORDER BY "shop_order"."created_at" DESC LIMIT 20"#,
        "select count(*) from (select distinct a, b from t where x between 1 and 2 and y is distinct from z or k = 3) s left outer join u on u.a = s.a and u.b = extract(year from s.b)",
        "update t set a = 1, b = 2 where id in (select id from u where v = 'a -- b' for update skip locked) returning id",
        "insert into t (a, b) values (1, 2), (3, 4) on conflict (a) do update set b = excluded.b",
        "with r as (select 1 from t), s as (select 2) select case when a and b then 1 else 2 end, sum(x) over (partition by y order by z) from r -- the end\nwhere 1 = 1 /* app='shop' */; select 2",
        "delete from t where a = 1; vacuum t",
        "SELECT 1 FROM t WHERE (t.status_of_the_order = 'pending' AND t.created_at > now() AND t.customer_id IN (1, 2, 3)) AND x",
    ]
    .map(format_sql)
    .to_vec();
    insta::assert_snapshot!(all.join("\n\n"));
}

#[test]
fn a_megabyte_is_taken_whatever_is_in_it() {
    for text in [
        "select 'ü', col_a from t where x in (1,2,3)\n".repeat(25_000),
        "x, ".repeat(350_000),
        "(".repeat(1_000_000),
        "/*".repeat(500_000),
        "$a".repeat(500_000),
    ] {
        let code = Code::new(Language::Sql, &text);
        let lines = code.lines(120);
        assert!(format_sql(&text[..120_000]).len() > 110_000);
        assert!(!lines.is_empty());
    }
    let long = Code::new(Language::Sql, &"é".repeat(MOST_SHOWN));
    assert!(long.note().is_some());
}

proptest! {
    #[test]
    fn lexers_cover_the_whole_text(text in "[ -~\\n$é]{0,200}") {
        for language in [Language::Sql, Language::Python, Language::Json] {
            let mut end = 0;
            for token in tokens(language, &text) {
                prop_assert_eq!(token.range.start, end);
                prop_assert!(token.range.end > end);
                end = token.range.end;
            }
            prop_assert_eq!(end, text.len());
        }
    }

    #[test]
    fn code_shows_all_its_letters(text in "[ -~\\n]{0,200}", width in 4_usize..80) {
        let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        let code = Code::new(Language::Sql, &text);
        let shown: String = code.lines(width).into_iter().flatten().map(|(text, _)| text).collect();
        prop_assert_eq!(letters(&shown), letters(&text));
        prop_assert!(code.lines(width).iter().all(|line| line.iter().map(|(text, _)| text::width(text)).sum::<usize>() <= width));
    }

    #[test]
    fn a_layout_changes_blanks_only(text in "(select|from|where|and|\\(|\\)|'a  b'|-- c\n|/\\* d \\*/|,|;| |\n|x|\\$1|between|case|end|join|left|on|order|by|[a-z(),;' $-]){0,60}") {
        let parts = |text: &str| -> Vec<String> {
            let all = sql::tokens(text).into_iter().filter(|token| token.kind != TokenKind::Blank);
            all.map(|token| text[token.range].to_owned()).collect()
        };
        prop_assert_eq!(parts(&format_sql(&text)), parts(&text));
    }
}
