//! The statement on one line, with the values that it was planned or run with.

use super::plan_view::PlanSource;
use crate::document::Language;
use crate::quote::quote_text;
use crate::ui::code::{Code, CodeLine, spans};
use crate::ui::text::clean_cut;

/// Columns of the statement that are shown on one line.
const STATEMENT: usize = 400;

/// Columns of one value.
const VALUE: usize = 24;

/// Returns the statement of a plan on one line, in colour.
pub(super) fn line(source: &PlanSource) -> CodeLine {
    let line = with_values(&crate::readings::statement_line::statement_line(&source.sql), &source.values);
    Code::new(Language::Sql, &clean_cut(&line, STATEMENT)).lines(STATEMENT).into_iter().next().unwrap_or_default()
}

/// Puts the values in the places of the parameters, as they would be written; `None` is NULL.
fn with_values(line: &str, values: &[Option<String>]) -> String {
    let mut written = String::with_capacity(line.len());
    let mut end = 0;
    for (range, _) in spans(Language::Sql, line) {
        let Some(parameter) = line.get(range.clone()).and_then(|text| text.strip_prefix('$')) else { continue };
        let number = parameter.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        let Some(value) = number.and_then(|number| values.get(number)) else { continue };
        written.push_str(line.get(end..range.start).unwrap_or_default());
        written.push_str(&literal(value.as_deref()));
        end = range.end;
    }
    written.push_str(line.get(end..).unwrap_or_default());
    written
}

/// Returns a value as it would be written; a long one is cut.
pub(super) fn literal(value: Option<&str>) -> String {
    match value {
        None => "NULL".to_owned(),
        Some(number) if number.parse::<f64>().is_ok_and(f64::is_finite) => number.to_owned(),
        Some(text) => quote_text(&clean_cut(text, VALUE)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_their_values_and_strings_stay_as_they_are() {
        let some = |value: &str| Some(value.to_owned());
        for (line, values, expected) in [
            ("WHERE status = $1 LIMIT $2", vec![some("delivered"), some("20")], "WHERE status = 'delivered' LIMIT 20"),
            ("WHERE a = $1 AND b = $2", vec![None, some("it's")], "WHERE a = NULL AND b = 'it''s'"),
            ("WHERE a = '$1' AND b = $1", vec![some("x")], "WHERE a = '$1' AND b = 'x'"),
            ("WHERE a = $3", vec![some("x")], "WHERE a = $3"),
            ("WHERE a = $1", vec![], "WHERE a = $1"),
        ] {
            assert_eq!(with_values(line, &values), expected);
        }
    }
}
