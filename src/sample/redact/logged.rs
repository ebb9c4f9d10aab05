//! Takes secrets out of what the log tells beside a statement: the values of its parameters, and its plan.
//!
//! A value in a list of parameters has no name, and a literal in a plan may have none either (`Output`). The statement
//! says which of them are secrets: what stands in it in a secret's place.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::token::{Backslash, RedactToken, RedactTokenKind, tokens};
use super::{MASK, Marks, holds_secret, push_masked, redact};

/// From how many bytes on a part of a literal tells which it is.
const SAYS: usize = 3;

/// What a statement shows to be secret.
#[derive(Debug, Clone, Default)]
pub struct Secrets {
    /// The contents of its secret literals, as they are written, and the values of its secret parameters.
    literals: BTreeSet<String>,
    /// Its secret parameters: `$1`.
    parameters: BTreeSet<String>,
}

impl Secrets {
    /// Returns what a statement shows to be secret.
    pub fn of(statement: &str) -> Self {
        let cut = tokens(statement, Backslash::Plain);
        // A parameter counts as a literal that is not in the statement.
        let mut with_literals = String::with_capacity(statement.len());
        for token in &cut {
            if is_parameter(token) {
                write!(with_literals, "'{}'", token.text).unwrap_or_default();
            } else {
                with_literals.push_str(token.text);
            }
        }
        let parameters: BTreeSet<String> =
            cut.iter().filter(|token| is_parameter(token)).map(|token| token.text.to_owned()).collect();
        let mut secrets = Self::default();
        for body in masked(&tokens(&with_literals, Backslash::Plain)) {
            let place = if parameters.contains(body) { &mut secrets.parameters } else { &mut secrets.literals };
            place.insert(body.to_owned());
        }
        // An empty literal would take out every other empty one, and says nothing.
        secrets.literals.retain(|body| !body.is_empty() && body != MASK);
        secrets
    }

    /// Returns a list of parameters (`$1 = 'a', $2 = NULL`) without its secrets; their values are secrets from then on.
    ///
    /// Source: `BuildParamLogString` in src/backend/nodes/params.c: every value is in quotes, or NULL.
    pub(crate) fn redact_parameters(&mut self, list: &str) -> String {
        let mut redacted = String::with_capacity(list.len());
        let mut is_secret = false;
        for token in tokens(list, Backslash::Plain) {
            if is_parameter(&token) {
                is_secret = self.parameters.contains(token.text);
            }
            if is_secret && token.is_text() {
                if !token.body.is_empty() && token.body != MASK {
                    self.literals.insert(token.body.to_owned());
                }
                push_masked(&mut redacted, &token);
            } else {
                redacted.push_str(token.text);
            }
        }
        redact(&redacted).into_owned()
    }

    /// Returns a text of the statement's plan without its secrets.
    pub(crate) fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let redacted = redact(text);
        if self.literals.is_empty() || !redacted.contains('\'') {
            return redacted;
        }
        let mut masked = String::with_capacity(redacted.len());
        for token in tokens(&redacted, Backslash::Plain) {
            if token.is_text() && self.is_made_of_one(token.body) {
                push_masked(&mut masked, &token);
            } else {
                masked.push_str(token.text);
            }
        }
        if masked == redacted { redacted } else { Cow::Owned(masked) }
    }

    /// Whether a literal of a plan is a secret, or what the planner makes of one: `IN ('a', 'b')` becomes `'{a,b}'`, and
    /// `LIKE 'abc%'` becomes `>= 'abc'` and `< 'abd'`.
    fn is_made_of_one(&self, body: &str) -> bool {
        if self.literals.contains(body) {
            return true;
        }
        let is_array = body.starts_with('{');
        let start = body.char_indices().next_back().map_or("", |(last, _)| body.get(..last).unwrap_or_default());
        self.literals.iter().filter(|literal| literal.len() >= SAYS).any(|literal| {
            is_array && body.contains(literal.as_str()) || start.len() >= SAYS && literal.starts_with(start)
        })
    }
}

fn is_parameter(token: &RedactToken<'_>) -> bool {
    token.kind == RedactTokenKind::Number && token.text.starts_with('$')
}

/// Returns the contents of the texts that are taken out.
fn masked<'a>(cut: &[RedactToken<'a>]) -> Vec<&'a str> {
    let mut marks = Marks { tokens: cut, masked: vec![false; cut.len()] };
    marks.mark_all();
    let is_masked = |(token, is_masked): &(&RedactToken<'a>, &bool)| {
        token.is_text() && (**is_masked || token.kind == RedactTokenKind::Literal && holds_secret(token, 0))
    };
    cut.iter().zip(&marks.masked).filter(is_masked).map(|(token, _)| token.body).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_in_a_secrets_place_is_taken_out_and_no_other() {
        for (statement, list, expected) in [
            (
                "UPDATE auth_user SET password = $1, email = $2 WHERE id = $3",
                "$1 = 'hUnter2', $2 = 'a@b', $3 = '7'",
                "$1 = '[redacted]', $2 = 'a@b', $3 = '7'",
            ),
            (
                "INSERT INTO auth_user (password, email) VALUES ($1, $2)",
                "$1 = 'hUnter2', $2 = NULL",
                "$1 = '[redacted]', $2 = NULL",
            ),
            (
                "select * from t where name = $2 and token = lower($1)",
                "$1 = 'it''s \\', $2 = 'bob'",
                "$1 = '[redacted]', $2 = 'bob'",
            ),
            ("select crypt($1, salt) from t where id = $10", "$1 = 'a...', $10 = '1'", "$1 = '[redacted]', $10 = '1'"),
            (
                "select * from authtoken_token where key = $1 and created > $2",
                "$1 = 'hUnter2', $2 = '2026'",
                "$1 = '[redacted]', $2 = '2026'",
            ),
            ("select $1 as token", "$1 = 'hUnter2'", "$1 = '[redacted]'"),
            ("select 'password = $1', $1", "$1 = 'a'", "$1 = 'a'"),
            ("select $1", "$1 = 'postgres://bob:hUnter2@db1/shop'", "$1 = '[redacted]'"),
            ("select $1", "$1 = 'pbkdf2_sha256$1$a$b'", "$1 = '[redacted]'"),
            ("select $1", "$1 = 'cut off", "$1 = 'cut off"),
            ("update t set pwd = $1", "$1 = 'cut off", "$1 = '[redacted]"),
        ] {
            assert_eq!(Secrets::of(statement).redact_parameters(list), expected, "{statement}");
        }
    }

    #[test]
    fn a_literal_without_a_name_is_known_by_the_statement() {
        let output = "nextval('auth_user_id_seq'::regclass), 'hUnter2'::character varying(128), 'a@b'::text";
        let expected = "nextval('auth_user_id_seq'::regclass), '[redacted]'::character varying(128), 'a@b'::text";
        let secrets = Secrets::of("UPDATE auth_user SET password = 'hUnter2' WHERE email = 'a@b'");
        assert_eq!(secrets.redact(output), expected);
        let mut secrets = Secrets::of("UPDATE auth_user SET password = $1 WHERE email = $2");
        secrets.redact_parameters("$1 = 'hUnter2', $2 = 'a@b'");
        assert_eq!(secrets.redact(output), expected);
        let secrets =
            Secrets::of("SELECT 1 FROM authtoken_token WHERE key IN ('hUnter2', 'other') OR key LIKE 'begin%'");
        for (plan, expected) in [
            ("(key = ANY ('{hUnter2,other}'::text[]))", "(key = ANY ('[redacted]'::text[]))"),
            (
                "((key >= 'begin'::text) AND (key < 'begio'::text) AND (kind = 'beg'::text))",
                "((key >= '[redacted]'::text) AND (key < '[redacted]'::text) AND (kind = 'beg'::text))",
            ),
        ] {
            assert_eq!(secrets.redact(plan), expected);
        }
        let secrets = Secrets::of("select 1");
        assert_eq!(secrets.redact("((password)::text = 'hUnter2'::text)"), "((password)::text = '[redacted]'::text)");
        assert_eq!(secrets.redact("(status = 'open'::text)"), "(status = 'open'::text)");
    }
}
