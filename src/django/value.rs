//! A literal of a predicate as a Python value and as the SQL that Django makes of that value.
//!
//! Source: `psycopg.sql.quote` of psycopg 3 under Django's adapters, tried with Django 4.2 and 5.2.

use super::python::{Imports, Py, PythonAndSql, python_text};
use crate::catalog::expr::{Literal, LiteralForm};
use crate::quote::quote_text;

/// Returns a literal as a value of a column's type; `None` where Django has no plain form of it.
pub(super) fn of(literal: &Literal, type_name: &str, imports: &mut Imports) -> Option<PythonAndSql> {
    let text = literal.text.as_str();
    let atom = |python: String, sql: String| Some(PythonAndSql { python: Py::Atom(python), sql });
    if literal.form == LiteralForm::Null {
        return None;
    }
    match type_name {
        "smallint" | "integer" | "bigint" => {
            let number: i64 = text.parse().ok()?;
            atom(number.to_string(), number.to_string())
        }
        "boolean" => {
            let is_true = matches!(text, "true" | "t");
            atom(if is_true { "True" } else { "False" }.to_owned(), is_true.to_string())
        }
        "numeric" => {
            let is_number = text.parse::<f64>().is_ok_and(f64::is_finite);
            let is_plain = text.chars().all(|letter| matches!(letter, '0'..='9' | '.' | '-'));
            imports.add("decimal", "Decimal");
            atom(format!("Decimal({})", python_text(text)), text.to_owned()).filter(|_| is_number && is_plain)
        }
        "character varying" | "text" | "character" | "citext" => {
            let sql = if text.contains('\\') { format!(" {}", quote_text(text)) } else { quote_text(text) };
            Some(PythonAndSql { python: Py::text(text), sql })
        }
        "uuid" => {
            let is_plain = text.len() == 36 && text.chars().all(|letter| letter.is_ascii_hexdigit() || letter == '-');
            imports.add("uuid", "UUID");
            atom(format!("UUID({})", python_text(text)), format!("'{}'::uuid", text.replace('-', "")))
                .filter(|_| is_plain)
        }
        "date" => {
            let date: jiff::civil::Date = text.parse().ok()?;
            imports.add_module("datetime");
            atom(format!("datetime.date({}, {}, {})", date.year(), date.month(), date.day()), format!("'{date}'::date"))
        }
        "timestamp with time zone" => moment(text, imports),
        _ => None,
    }
}

/// `2025-08-01 00:00:00+00` as Python's `datetime` in UTC.
fn moment(text: &str, imports: &mut Imports) -> Option<PythonAndSql> {
    let civil: jiff::civil::DateTime = text.get(..10).zip(text.get(11..)).and_then(|(date, rest)| {
        let time = rest.split(['+', '-']).next()?;
        format!("{date}T{time}").parse().ok()
    })?;
    let sign_at = text.get(11..)?.find(['+', '-'])? + 11;
    let offset = text.get(sign_at..)?;
    let mut parts = offset.get(1..)?.split(':').map(str::parse::<i32>);
    let hours = parts.next()?.ok()?;
    let minutes = parts.next().map_or(Some(0), Result::ok)?;
    let sign = if offset.starts_with('-') { -1 } else { 1 };
    let offset = jiff::tz::Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()?;
    let utc = offset.to_timestamp(civil).ok()?.to_zoned(jiff::tz::TimeZone::UTC).datetime();
    imports.add_module("datetime");
    let mut figures = vec![
        i32::from(utc.year()),
        i32::from(utc.month()),
        i32::from(utc.day()),
        i32::from(utc.hour()),
        i32::from(utc.minute()),
    ];
    let micros = utc.subsec_nanosecond() / 1000;
    if utc.second() != 0 || micros != 0 {
        figures.push(i32::from(utc.second()));
    }
    if micros != 0 {
        figures.push(micros);
    }
    let figures: Vec<String> = figures.iter().map(ToString::to_string).collect();
    let fraction = if micros == 0 { String::new() } else { format!(".{micros:06}") };
    let sql = format!(
        "'{} {:02}:{:02}:{:02}{fraction}+00:00'::timestamptz",
        utc.date(),
        utc.hour(),
        utc.minute(),
        utc.second()
    );
    let python = format!("datetime.datetime({}, tzinfo=datetime.timezone.utc)", figures.join(", "));
    Some(PythonAndSql { python: Py::Atom(python), sql })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, type_name: &str, expected: Option<(&str, &str)>) {
        let literal = Literal { text: text.to_owned(), form: LiteralForm::Quoted, type_name: None };
        let both = of(&literal, type_name, &mut Imports::default());
        let found = both.as_ref().map(|both| (both.python.flat(), both.sql.clone()));
        assert_eq!(found, expected.map(|(python, sql)| (python.to_owned(), sql.to_owned())), "{text}");
    }

    #[test]
    fn a_literal_is_a_value_of_the_column_s_type() {
        check("done", "character varying", Some(("'done'", "'done'")));
        check("it's", "text", Some(("\"it's\"", "'it''s'")));
        check("5", "integer", Some(("5", "5")));
        check("five", "integer", None);
        check("t", "boolean", Some(("True", "true")));
        check("1.50", "numeric", Some(("Decimal('1.50')", "1.50")));
        check("NaN", "numeric", None);
        check("2025-08-01", "date", Some(("datetime.date(2025, 8, 1)", "'2025-08-01'::date")));
        check(
            "2025-08-01 02:00:00+02",
            "timestamp with time zone",
            Some((
                "datetime.datetime(2025, 8, 1, 0, 0, tzinfo=datetime.timezone.utc)",
                "'2025-08-01 00:00:00+00:00'::timestamptz",
            )),
        );
        check(
            "2025-08-01 00:00:07.25-03:30",
            "timestamp with time zone",
            Some((
                "datetime.datetime(2025, 8, 1, 3, 30, 7, 250000, tzinfo=datetime.timezone.utc)",
                "'2025-08-01 03:30:07.250000+00:00'::timestamptz",
            )),
        );
        check("infinity", "timestamp with time zone", None);
        check("{1}", "integer[]", None);
    }
}
