//! The values with which an application sent a statement, out of a session's own text of it.
//!
//! Pure. `pg_stat_statements` shows the statement with `$1`, `pg_stat_activity` the constants, unless the driver binds them
//! on the server. Both are the same but for those.

use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

/// Returns the values of `$1`, `$2`, … in a text of the same statement, `None` being null; `None` where it is another one.
pub(crate) fn values(statement: &str, sent: &str) -> Option<Vec<Option<String>>> {
    let (statement, sent) = (tokens(statement)?, tokens(sent)?);
    let mut found: Vec<(usize, Option<String>)> = Vec::new();
    let mut rest = sent.as_slice();
    for token in &statement {
        if let Token::Placeholder(name) = token {
            let number: usize = name.strip_prefix('$')?.parse().ok().filter(|number| *number > 0)?;
            let (value, after) = constant(rest)?;
            found.push((number, value));
            rest = after;
        } else {
            let (next, after) = rest.split_first()?;
            if !is_same(token, next) {
                return None;
            }
            rest = after;
        }
    }
    let count = found.iter().map(|(number, _)| *number).max()?;
    let value = |number: usize| found.iter().find(|(known, _)| *known == number).map(|(_, value)| value.clone());
    if rest.is_empty() { (1..=count).map(value).collect() } else { None }
}

fn tokens(sql: &str) -> Option<Vec<Token>> {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize().ok()?;
    let mut tokens: Vec<Token> = tokens.into_iter().filter(|token| !matches!(token, Token::Whitespace(_))).collect();
    while tokens.last() == Some(&Token::SemiColon) {
        tokens.pop();
    }
    Some(tokens)
}

fn is_same(one: &Token, other: &Token) -> bool {
    match (one, other) {
        (Token::Word(one), Token::Word(other)) if one.quote_style.is_none() && other.quote_style.is_none() => {
            one.value.eq_ignore_ascii_case(&other.value)
        }
        _ => one == other,
    }
}

/// Takes a constant off the front.
fn constant(tokens: &[Token]) -> Option<(Option<String>, &[Token])> {
    let (first, rest) = tokens.split_first()?;
    let value = match first {
        Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => Some(text.clone()),
        Token::Number(digits, _) => Some(digits.clone()),
        Token::Minus => {
            let (Token::Number(digits, _), rest) = rest.split_first()? else { return None };
            return Some((Some(format!("-{digits}")), rest));
        }
        Token::Word(word) if word.quote_style.is_none() => match word.value.to_ascii_lowercase().as_str() {
            "null" => None,
            known @ ("true" | "false") => Some(known.to_owned()),
            _ => return None,
        },
        _ => return None,
    };
    Some((value, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_values_are_those_of_the_sessions_own_text() {
        let statement = "SELECT count(*) FROM c WHERE upper(email) LIKE upper($1) AND a = $2 OR b = $2 LIMIT $3";
        let sent = "select COUNT(*) from c /* view='x' */ where UPPER(email) like UPPER('%983''%') and a = -7 or b = -7
            limit 20;";
        let found = values(statement, sent).unwrap();
        assert_eq!(found, ["%983'%", "-7", "20"].map(|value| Some(value.to_owned())));
        for (statement, sent, expected) in [
            ("select $1", "select null", Some(vec![None])),
            ("select $1", "select E'a\\'b'", Some(vec![Some("a'b".to_owned())])),
            ("select $1", "select $1", None),
            ("select $1", "select 1, 2", None),
            ("select $1 from a", "select 1 from b", None),
            ("select a in ($1)", "select a in (1, 2)", None),
            ("select 1", "select 1", None),
            ("select 'open", "select 1", None),
        ] {
            assert_eq!(values(statement, sent), expected, "{statement} {sent}");
        }
    }
}
