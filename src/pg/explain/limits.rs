//! LIMIT and OFFSET of a statement of `pg_stat_statements`, where they are parameters.
//!
//! Pure. A plan for any value takes a tenth of the rows for the limit, so that an index for the order of a page of 20 rows
//! looks ten thousand times dearer than it is. How many rows a call returns on average is known.

use sqlparser::tokenizer::Token;

use super::statement::{SqlPiece, pieces};

/// A limit is at least as many rows: fewer were returned, or more were wanted.
const LEAST: u64 = 20;

/// Returns a statement with a value for each LIMIT and OFFSET that is a parameter, by the rows that a call returns.
///
/// The parameters keep their numbers and types: `LIMIT $3` becomes `LIMIT coalesce(20::bigint, $3)`, of which the planner
/// knows the value. Source: `eval_const_expressions_mutator` of src/backend/optimizer/util/clauses.c, `T_CoalesceExpr`.
pub(in crate::pg) fn with_limits(sql: &str, rows_per_call: f64) -> String {
    let Some(pieces) = pieces(sql) else { return sql.to_owned() };
    let rows = (rows_per_call.ceil().clamp(0.0, 1e15) as u64).max(LEAST);
    let (mut out, mut depth) = (String::with_capacity(sql.len() + 32), 0_usize);
    let mut before: Option<&SqlPiece> = None;
    for piece in &pieces {
        match &piece.token {
            Token::LParen => depth += 1,
            Token::RParen => depth = depth.saturating_sub(1),
            _ => {}
        }
        let value = match (before.and_then(keyword), &piece.token) {
            // A sub-query of Django's with a limit asks for one row.
            (Some("limit"), Token::Placeholder(_)) => Some(if depth == 0 { rows } else { 1 }),
            (Some("offset"), Token::Placeholder(_)) => Some(0),
            _ => None,
        };
        match value {
            Some(value) => out.push_str(&format!("coalesce({value}::bigint, {})", piece.text)),
            None => out.push_str(&piece.text),
        }
        if !matches!(piece.token, Token::Whitespace(_)) {
            before = Some(piece);
        }
    }
    out
}

fn keyword(piece: &SqlPiece) -> Option<&'static str> {
    match &piece.token {
        Token::Word(word) if word.quote_style.is_none() => {
            ["limit", "offset"].into_iter().find(|known| word.value.eq_ignore_ascii_case(known))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_has_the_rows_of_a_call_and_its_parameter_keeps_its_number() {
        for (sql, rows, expected) in [
            (
                "select a from t where b = $1 order by c LIMIT $2 OFFSET $3",
                49.2,
                "select a from t where b = $1 order by c LIMIT coalesce(50::bigint, $2) OFFSET coalesce(0::bigint, $3)",
            ),
            ("select a limit $1", 0.3, "select a limit coalesce(20::bigint, $1)"),
            (
                "select (select b from u order by c limit $1) from t limit $2",
                100.0,
                "select (select b from u order by c limit coalesce(1::bigint, $1)) from t limit coalesce(100::bigint, $2)",
            ),
            ("select \"limit\" $1, 'limit $2' -- limit $3", 5.0, "select \"limit\" $1, 'limit $2' -- limit $3"),
            ("select 'open limit $1", 5.0, "select 'open limit $1"),
            ("select a limit 5", 9.0, "select a limit 5"),
        ] {
            assert_eq!(with_limits(sql, rows), expected);
        }
    }
}
