//! Values for parameters that no column tells of: by the clause they stand in, the function they are given to, their type.
//!
//! Pure. `pg_stat_statements` makes parameters of every constant, so that LIMIT and `date_trunc` need values too before
//! such a statement can be run.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Token, Tokenizer, Word};

use super::{Choice, StatementParameter};

/// Gives those parameters that have no choices yet what is usual; names the clause they stand in.
pub(super) fn offer(sql: &str, parameters: &mut [StatementParameter]) {
    let places = places(sql);
    for (at, parameter) in parameters.iter_mut().enumerate().filter(|(_, parameter)| parameter.choices.is_empty()) {
        let place = places.iter().find(|(number, _)| *number == at + 1).map(|(_, place)| *place);
        if let Some(clause) = place.filter(|_| parameter.column.is_empty()).and_then(ParameterPosition::clause) {
            clause.clone_into(&mut parameter.column);
        }
        let by_place = place.map(ParameterPosition::values).unwrap_or_default();
        let (values, note) = if by_place.is_empty() {
            (of_type(&parameter.type_name), "a guess from its type")
        } else {
            (by_place, "usual")
        };
        let usual =
            |value: &&str| Choice { note: note.to_owned(), value: (*value).to_owned(), is_from_statistics: false };
        let choices = values.iter().map(usual);
        parameter.choices = choices.collect();
    }
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ParameterPosition {
    Limit,
    Offset,
    /// The first argument of a function that cuts a point in time.
    Unit,
}

impl ParameterPosition {
    fn clause(self) -> Option<&'static str> {
        match self {
            Self::Limit => Some("LIMIT"),
            Self::Offset => Some("OFFSET"),
            Self::Unit => None,
        }
    }

    fn values(self) -> &'static [&'static str] {
        match self {
            // Pages of Django's generic views and of its admin.
            Self::Limit => &["20", "100"],
            Self::Offset => &["0", "10000"],
            Self::Unit => &["day", "month"],
        }
    }
}

/// Returns what may be given for a type so that the statement can be run; nothing where only a person can know.
fn of_type(type_name: &str) -> &'static [&'static str] {
    match type_name {
        "smallint" | "integer" | "bigint" | "numeric" | "real" | "double precision" => &["1"],
        "boolean" => &["true", "false"],
        "date" => &["today", "yesterday"],
        "timestamp with time zone" | "timestamp without time zone" => &["now", "today", "yesterday"],
        "interval" => &["1 day", "30 days"],
        "uuid" => &["00000000-0000-0000-0000-000000000000"],
        "json" | "jsonb" => &["{}"],
        _ => &[],
    }
}

/// Returns the parameters whose place says something, by their numbers from 1.
fn places(sql: &str) -> Vec<(usize, ParameterPosition)> {
    let dialect = PostgreSqlDialect {};
    let Ok(tokens) = Tokenizer::new(&dialect, sql).with_unescape(false).tokenize() else { return Vec::new() };
    let said: Vec<&Token> = tokens.iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    let mut found = Vec::new();
    for (at, token) in said.iter().enumerate() {
        let Token::Placeholder(name) = token else { continue };
        let Some(number) = name.strip_prefix('$').and_then(|digits| digits.parse().ok()) else { continue };
        let before = said.get(..at).unwrap_or_default();
        if let Some(place) = place(before) {
            found.push((number, place));
        }
    }
    found
}

/// Returns the place by what stands before it.
fn place(before: &[&Token]) -> Option<ParameterPosition> {
    let word =
        |back: usize| before.len().checked_sub(back).and_then(|at| before.get(at)).and_then(|token| lower(token));
    match (word(2).as_deref(), word(1).as_deref()) {
        (_, Some("limit")) | (Some("fetch"), Some("first" | "next")) => Some(ParameterPosition::Limit),
        (_, Some("offset")) => Some(ParameterPosition::Offset),
        (Some("date_trunc" | "date_part"), None) if before.last() == Some(&&Token::LParen) => {
            Some(ParameterPosition::Unit)
        }
        _ => None,
    }
}

fn lower(token: &Token) -> Option<String> {
    match token {
        Token::Word(Word { value, quote_style: None, .. }) => Some(value.to_lowercase()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_gets_what_is_usual_where_it_stands() {
        let sql = "select date_trunc($1, o.at), \"limit\" $2 from o where o.a = $3 and note = 'limit $9' -- offset $8
            limit $4 offset $5";
        assert_eq!(
            places(sql),
            [(1, ParameterPosition::Unit), (4, ParameterPosition::Limit), (5, ParameterPosition::Offset)]
        );
        assert_eq!(places("select 1 fetch first $1 rows only"), [(1, ParameterPosition::Limit)]);
        assert_eq!(places("select 'open"), []);
    }

    #[test]
    fn what_the_statistics_offer_stays_and_the_rest_is_guessed() {
        let known = Choice { note: "common".into(), value: "x".into(), is_from_statistics: true };
        let of = |type_name: &str| StatementParameter { type_name: type_name.into(), ..StatementParameter::default() };
        let mut parameters = [
            StatementParameter { choices: vec![known.clone()], column: "o.a".into(), ..of("text") },
            of("bigint"),
            of("timestamp with time zone"),
            of("text"),
        ];
        offer("select from o where a = $1 and at > $3 and b = $4 limit $2", &mut parameters);
        let first: Vec<_> = parameters.iter().map(|it| it.choices.first().map(|it| it.value.as_str())).collect();
        assert_eq!(first, [Some("x"), Some("20"), Some("now"), None]);
        let is_from_statistics = |at: usize| parameters[at].choices[0].is_from_statistics;
        assert!(is_from_statistics(0) && !is_from_statistics(1) && !is_from_statistics(2));
        assert_eq!((parameters[0].column.as_str(), parameters[1].column.as_str()), ("o.a", "LIMIT"));
    }
}
