//! SQL names and texts as they are written: the one place that quotes them.
//!
//! Pure. Names come from a database that somebody else fills: they may hold quotes, newlines, escape sequences. Whatever
//! they hold, what is written here reads back as the same name, and has no character that a terminal would obey. Python
//! texts are quoted by `django::python`. `tests/tidy.rs` keeps everything else from quoting.

/// Words that need quotes although they look plain: all that are not `UNRESERVED` in any version from 12 to 18.
///
/// Source: `pg_get_keywords()`; `quote_identifier()` in `src/backend/utils/adt/ruleutils.c`.
const KEYWORDS: &str = " all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both \
    case cast char character check coalesce collate collation column concurrently constraint create cross \
    current_catalog current_date current_role current_schema current_time current_timestamp current_user dec \
    decimal default deferrable desc distinct do else end except exists extract false fetch float for foreign \
    freeze from full grant greatest group grouping having ilike in initially inner inout int integer intersect \
    interval into is isnull join json json_array json_arrayagg json_exists json_object json_objectagg json_query \
    json_scalar json_serialize json_table json_value lateral leading least left like limit localtime \
    localtimestamp merge_action national natural nchar none normalize not notnull null nullif numeric offset on \
    only or order out outer overlaps overlay placing position precision primary real references returning right \
    row select session_user setof similar smallint some substring symmetric system_user table tablesample then \
    time timestamp to trailing treat trim true union unique user using values varchar variadic verbose when \
    where window with xmlattributes xmlconcat xmlelement xmlexists xmlforest xmlnamespaces xmlparse xmlpi \
    xmlroot xmlserialize xmltable ";

/// Returns a name as SQL, in quotes only where it needs them, like PostgreSQL's `quote_ident()`.
///
/// A control character or an invisible one is written by its number: `U&"a\\001b"`, which every server since 8.4 reads.
pub fn quote_ident(name: &str) -> String {
    if is_plain(name) { name.to_owned() } else { quote_ident_always(name) }
}

/// Returns a name as SQL, in quotes in any case, as Django writes it.
pub fn quote_ident_always(name: &str) -> String {
    if !name.contains(is_unprintable) {
        return in_quotes(name);
    }
    let mut out = String::from("U&\"");
    for letter in name.chars() {
        match letter {
            '"' => out.push_str("\"\""),
            '\\' => out.push_str("\\\\"),
            letter if is_unprintable(letter) && u32::from(letter) <= 0xffff => {
                out.push_str(&format!("\\{:04x}", u32::from(letter)));
            }
            letter if is_unprintable(letter) => out.push_str(&format!("\\+{:06x}", u32::from(letter))),
            letter => out.push(letter),
        }
    }
    out.push('"');
    out
}

/// Returns a name as the server prints it in a plan: what is unprintable stays as it is.
pub(crate) fn ident_as_printed(name: &str) -> String {
    if is_plain(name) { name.to_owned() } else { in_quotes(name) }
}

/// Returns a relation's name with its schema, each part in quotes where it needs them; an empty schema is left out.
pub fn qualified(schema: &str, name: &str) -> String {
    if schema.is_empty() { quote_ident(name) } else { format!("{}.{}", quote_ident(schema), quote_ident(name)) }
}

/// The same with both parts in quotes in any case.
pub fn qualified_always(schema: &str, name: &str) -> String {
    if schema.is_empty() {
        quote_ident_always(name)
    } else {
        format!("{}.{}", quote_ident_always(schema), quote_ident_always(name))
    }
}

/// Returns a text as a literal; a backslash or a control character makes it an `E''` literal, which is read alike under
/// every setting.
pub fn quote_text(text: &str) -> String {
    if !text.contains(|letter| letter == '\\' || is_unprintable(letter)) {
        return format!("'{}'", text.replace('\'', "''"));
    }
    let mut out = String::from("E'");
    for letter in text.chars() {
        match letter {
            '\'' => out.push_str("''"),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            letter if is_unprintable(letter) && u32::from(letter) <= 0xffff => {
                out.push_str(&format!("\\u{:04x}", u32::from(letter)));
            }
            letter if is_unprintable(letter) => out.push_str(&format!("\\U{:08x}", u32::from(letter))),
            letter => out.push(letter),
        }
    }
    out.push('\'');
    out
}

/// Returns JSON as the same JSON in which every character that is not seen, or moves the cursor, is written by its number.
///
/// In JSON such a character stands only in a text; blanks between its values stay.
pub(crate) fn printable_json(json: String) -> String {
    let is_shown = |letter| matches!(letter, '\n' | '\r' | '\t') || !is_unprintable(letter);
    if json.chars().all(is_shown) {
        return json;
    }
    let mut out = String::with_capacity(json.len() + 64);
    for letter in json.chars() {
        if is_shown(letter) {
            out.push(letter);
        } else {
            // Beyond U+FFFF these are two, as RFC 8259 has it.
            letter.encode_utf16(&mut [0; 2]).iter().for_each(|unit| out.push_str(&format!("\\u{unit:04x}")));
        }
    }
    out
}

/// Says whether a character could move the cursor, turn the writing around, or be invisible: a reader would see other
/// text than the server reads.
///
/// Source: Unicode's `Default_Ignorable_Code_Point` and `Bidi_Control`.
pub fn is_unprintable(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}')
}

pub(crate) fn is_plain(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && !KEYWORDS.contains(&format!(" {name} "))
}

fn in_quotes(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_quoted_where_it_must_be() {
        for (schema, name, text) in [
            ("public", "shop_order_pkey", "public.shop_order_pkey"),
            ("", "a b", "\"a b\""),
            ("Odd", "say \"hi\"", "\"Odd\".\"say \"\"hi\"\"\""),
            ("public", "1st", "public.\"1st\""),
            ("public", "order", "public.\"order\""),
            ("", "time", "\"time\""),
            ("a.b", "c.d", "\"a.b\".\"c.d\""),
            ("", "a$b", "\"a$b\""),
            ("", "größe", "\"größe\""),
        ] {
            assert_eq!(qualified(schema, name), text);
        }
        assert_eq!(qualified_always("public", "a"), "\"public\".\"a\"");
    }

    #[test]
    fn what_a_terminal_would_obey_is_written_by_its_number() {
        for (name, text) in [
            ("a\nb", "U&\"a\\000ab\""),
            ("\u{1b}[201~\"\\", "U&\"\\001b[201~\"\"\\\\\""),
            ("\u{202e}x\u{e0001}", "U&\"\\202ex\\+0e0001\""),
        ] {
            assert_eq!(quote_ident(name), text);
        }
        assert_eq!(ident_as_printed("a\nb"), "\"a\nb\"");
        assert_eq!(quote_text("it's"), "'it''s'");
        assert_eq!(quote_text("a\\b'\n\u{1b}"), "E'a\\\\b''\\n\\u001b'");
    }

    #[test]
    fn json_is_printed_without_what_is_not_seen_and_reads_the_same() {
        let text: String =
            ('\0'..=char::MAX).filter(|letter| is_unprintable(*letter)).chain("é\u{1f600}\\\"".chars()).collect();
        let value = serde_json::json!({ "a": text, text.clone(): [1, text] });
        for json in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            let printed = printable_json(json);
            assert_eq!(printed.chars().find(|letter| *letter != '\n' && is_unprintable(*letter)), None);
            assert_eq!(serde_json::from_str::<serde_json::Value>(&printed).unwrap(), value);
        }
        assert_eq!(printable_json("[\"\u{9b}\u{e0001}\"]\n".to_owned()), "[\"\\u009b\\udb40\\udc01\"]\n");
    }
}
