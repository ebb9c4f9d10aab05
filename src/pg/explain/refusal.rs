//! Why there is no plan, in a sentence with what to do.

use std::time::Duration;

use tokio_postgres::error::{DbError, ErrorPosition, SqlState};

use super::statement::{self, CheckedStatement, NotOne, StatementEffect};
use super::{Blocker, ExplainRequest, StatementParameter, WHAT_STAYS};
use crate::Failure;
use crate::failure::FailureKind;
use crate::pg::control::Mode;
use crate::pg::judge::{Level, Objection};
use crate::pg::session::sentence;
use crate::pg::transaction::QueryTrouble;
use crate::quote::quote_ident;
use crate::sample::Seconds;
use crate::sample::redact::CUT;
use crate::sample::unit::counted;

/// Under which circumstances it went wrong.
#[derive(Debug, Clone, Copy)]
pub(super) struct FailedRun<'a> {
    pub(super) request: &'a ExplainRequest,
    pub(super) statement: &'a CheckedStatement,
    pub(super) elapsed: Duration,
    pub(super) blocked_by: &'a [Blocker],
    pub(super) is_cancelled: bool,
    pub(super) mode: Mode,
}

fn refused(what: impl Into<String>) -> Failure {
    Failure::new(FailureKind::Refused, what)
}

pub(in crate::pg) fn not_one(error: &NotOne) -> Failure {
    refused(error.to_string()).hint(error.hint())
}

fn deed(effect: StatementEffect) -> String {
    match effect {
        StatementEffect::Acts(function) => {
            format!("the statement calls {function}(), which a rollback does not undo")
        }
        StatementEffect::Writes(verb) => format!("the statement writes ({verb})"),
        StatementEffect::Reads => "the EXPLAIN was asked to run as a write".to_owned(),
    }
}

pub(super) fn read_only_mode(effect: StatementEffect) -> Failure {
    refused(format!("{}; --read-only forbids it", deed(effect)))
        .hint("explain it without ANALYZE, which only plans it; or start pgdj without --read-only")
}

/// Objections that are shown; the rest is counted.
const MOST_OBJECTIONS: usize = 5;

/// What is refused in read-only mode; the causes say why.
pub(in crate::pg) const MAY_DO_MORE: &str = "the statement may do more than read; --read-only forbids it";

/// Says what a statement might run, in read-only mode.
pub(in crate::pg) fn may_do_more(objections: &[Objection]) -> Failure {
    let failure = refused(MAY_DO_MORE);
    let shown = objections.iter().take(MOST_OBJECTIONS);
    let mut failure = shown.fold(failure, |failure, objection| failure.because_text(objection.words()));
    if let Some(more) = objections.len().checked_sub(MOST_OBJECTIONS).filter(|more| *more > 0) {
        failure = failure.because_text(format!("and {more} more"));
    }
    failure.hint("leave that part out of the statement, or start pgdj without --read-only")
}

/// Says what a statement might run, where a person has to agree first.
///
/// What is refused before it is run may have been planned before: then its estimate is shown.
pub(in crate::pg) fn not_agreed(objections: &[Objection], level: Level) -> Failure {
    let what = match level {
        Level::Planned => "not planned: the statement may do more than read",
        Level::Executed => "not run: the statement may do more than read",
    };
    let failure = Failure::new(FailureKind::NotAgreed, what);
    objections.iter().fold(failure, |failure, objection| failure.because_text(objection.words()))
}

/// Says that no statement begins with a word: without the server, which may only see what was judged.
pub(super) fn no_statement(word: &str) -> Failure {
    refused(format!("no statement begins with {word}")).hint(BEGINNINGS)
}

/// How what can be explained begins.
const BEGINNINGS: &str = super::statement::WHAT_EXPLAIN_TAKES;

pub(super) fn no_consent(effect: StatementEffect) -> Failure {
    refused(format!("{}; EXPLAIN ANALYZE would run it", deed(effect))).hint(match effect {
        StatementEffect::Acts(_) => {
            "explain it without ANALYZE, which only plans it; pgdj explain --analyze --write runs it, and a rollback does not undo it"
                .to_owned()
        }
        _ => format!("explain it without ANALYZE, which only plans it; or agree to the write (--write): {WHAT_STAYS}"),
    })
}

pub(super) fn cancelled(at: &FailedRun<'_>) -> Failure {
    refused(format!("the EXPLAIN was cancelled after {}", Seconds(at.elapsed.as_secs_f64())))
}

pub(super) fn unconfirmed() -> Failure {
    refused("pgdj stopped waiting for the EXPLAIN: the server did not confirm the cancel")
        .hint("its connection is closed; if it is still running, statement_timeout ends it")
}

pub(super) fn never_sent() -> Failure {
    refused("the EXPLAIN was cancelled before it was sent")
}

pub(super) fn silent(target: &str, after: Duration) -> Failure {
    Failure::new(
        FailureKind::Connection,
        format!("{target} did not answer the EXPLAIN within {}", Seconds(after.as_secs_f64())),
    )
    .hint("its connection is closed; if it is still running, statement_timeout ends it")
}

pub(super) fn no_plan(raw: &str) -> Failure {
    let start: String = raw.chars().take(80).collect();
    refused("the server's answer to EXPLAIN contains no plan").because_text(format!("it begins: {start}"))
}

pub(super) fn count_of_values(parameters: &[StatementParameter], given: usize) -> Failure {
    let name = |(at, known): (usize, &StatementParameter)| format!("${} {}", at + 1, known.type_name);
    let wanted = parameters.iter().enumerate().map(name).collect::<Vec<_>>().join(", ");
    refused(format!(
        "the statement has {}, and {} given",
        counted(parameters.len(), "parameter", "parameters"),
        counted(given, "value was", "values were")
    ))
    .hint(format!("give one value for each of: {wanted}"))
}

/// Says that a statement was only planned: $1 and $2 have no values.
pub(super) fn not_run(parameters: &[StatementParameter]) -> String {
    let names: Vec<String> = (1..=parameters.len()).map(|number| format!("${number}")).collect();
    let types: Vec<&str> = parameters.iter().map(|parameter| parameter.type_name.as_str()).collect();
    let (have, times) = match names.len() {
        1 => ("has no value", "once".to_owned()),
        2 => ("have no values", "twice".to_owned()),
        many => ("have no values", format!("{many} times")),
    };
    let names = match names.as_slice() {
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        names => names.concat(),
    };
    format!("{NOT_RUN}{names} {have}; give --param {times} ({})", types.join(", "))
}

/// How a note begins that says why a statement was not run.
pub const NOT_RUN: &str = "not run: ";

pub(super) fn nul_in_value() -> Failure {
    refused("a value contains a NUL character, which PostgreSQL does not allow")
}

/// Says what the server's trouble was.
pub(super) fn of(trouble: QueryTrouble, at: &FailedRun<'_>, prefix: usize, role: &str) -> Failure {
    let error = match trouble {
        QueryTrouble::Lost(_) if at.is_cancelled => return cancelled(at),
        QueryTrouble::Lost(why) => {
            return Failure::new(FailureKind::Connection, "the connection was lost during the EXPLAIN")
                .because_text(why)
                .hint("nothing was changed: the server rolls back the transaction");
        }
        QueryTrouble::Unusable(why) => return refused("the EXPLAIN failed").because_text(why),
        QueryTrouble::Server(error) => error,
    };
    let Some(said) = error.as_db_error() else {
        return refused("the EXPLAIN failed").because_text(sentence(&error));
    };
    let failure = by_code(said, at, role);
    let failure = match place(said, at.statement, prefix) {
        Some(place) => failure.because_text(place),
        None => failure,
    };
    match (said.detail(), said.hint()) {
        (detail, Some(hint)) if failure.hint.is_none() => with_detail(failure, detail).hint(hint),
        (detail, _) => with_detail(failure, detail),
    }
}

fn with_detail(failure: Failure, detail: Option<&str>) -> Failure {
    match detail {
        Some(detail) => failure.because_text(detail),
        None => failure,
    }
}

fn by_code(said: &DbError, at: &FailedRun<'_>, role: &str) -> Failure {
    let words = || said.message().to_owned();
    let because = |what: &str| refused(what).because_text(words());
    match *said.code() {
        SqlState::QUERY_CANCELED => interrupted(said, at),
        SqlState::LOCK_NOT_AVAILABLE => blocked(at),
        SqlState::READ_ONLY_SQL_TRANSACTION if at.statement.effect == StatementEffect::Reads => because(
            "the statement writes through a function or a trigger, and this EXPLAIN runs in a read-only transaction",
        )
        .hint(match at.mode {
            Mode::ReadOnly => "explain it without ANALYZE, which only plans it".to_owned(),
            Mode::Full => {
                format!(
                    "explain it without ANALYZE, which only plans it; or agree to the write (--write): {WHAT_STAYS}"
                )
            }
        }),
        SqlState::READ_ONLY_SQL_TRANSACTION => {
            because("the server accepts no writes: it is a standby, or this role's sessions are read-only")
                .hint("explain it without ANALYZE, or connect to the primary")
        }
        SqlState::INSUFFICIENT_PRIVILEGE => because("this role lacks a right that the statement needs").hint(grant(
            said.message(),
            role,
            at.statement.effect,
        )),
        SqlState::SYNTAX_ERROR => {
            let failure = because("the server cannot parse the statement");
            match syntax_hint(at.statement, &at.request.sql) {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        }
        SqlState::UNDEFINED_TABLE | SqlState::INVALID_SCHEMA_NAME => {
            because("the statement names a table that does not exist")
                .hint("check the database and the search_path of this role, or write the schema before the table")
        }
        SqlState::UNDEFINED_COLUMN => because("the statement names a column that does not exist"),
        SqlState::INDETERMINATE_DATATYPE | SqlState::AMBIGUOUS_PARAMETER => {
            because("the type of a parameter is unclear")
                .hint("write a cast, for instance $1::text, or a value instead")
        }
        SqlState::UNDEFINED_FUNCTION | SqlState::AMBIGUOUS_FUNCTION | SqlState::DATATYPE_MISMATCH
            if at.statement.parameters > 0 =>
        {
            because("the types of the parameters do not fit the statement")
                .hint("write a cast, for instance $1::integer, or values instead")
        }
        SqlState::GROUPING_ERROR if at.statement.parameters > 0 => because(
            "the statement groups by an expression with a parameter, and the server cannot know that both are equal",
        )
        .hint("pg_stat_statements replaced constants with $n: write the values again"),
        SqlState::UNDEFINED_PSTATEMENT => because("EXECUTE names a statement that is prepared in another session")
            .hint("explain the statement itself"),
        ref code if is_of_values(code) && !at.request.parameters.is_empty() => {
            because("a value does not match its parameter's type")
                .hint("write values as PostgreSQL would: 2026-01-31, {1,2}, true")
        }
        _ => because("the EXPLAIN failed"),
    }
}

/// Class 22, "data exception". Source: PostgreSQL manual, appendix A.
fn is_of_values(code: &SqlState) -> bool {
    code.code().starts_with("22")
}

fn interrupted(said: &DbError, at: &FailedRun<'_>) -> Failure {
    let limit = Duration::from_millis(u64::from(at.request.timeout_ms));
    if at.is_cancelled {
        return cancelled(at);
    }
    // The words are in the server's language; the clock is not.
    if at.elapsed + Duration::from_millis(20) >= limit {
        let failure = refused(format!("the statement did not end within {}", Seconds(limit.as_secs_f64()))).hint(
            "explain it without ANALYZE, which only plans it; or give it a longer timeout (--timeout SECONDS; O \
                   in the pane)",
        );
        return with_blockers(failure, at.blocked_by);
    }
    refused("another session cancelled the EXPLAIN").because_text(said.message())
}

fn blocked(at: &FailedRun<'_>) -> Failure {
    let limit = super::run::guard(at.request.consent, at.request.timeout_ms).lock;
    let failure = refused(format!("the EXPLAIN waited {} for a lock and stopped", Seconds(limit.as_secs_f64())));
    let failure = with_blockers(failure, at.blocked_by);
    match at.blocked_by {
        [] => failure.hint("try again when the lock is released"),
        [first, ..] => failure.hint(format!("end pid {} or wait for it, then try again", first.pid)),
    }
}

fn with_blockers(failure: Failure, blockers: &[Blocker]) -> Failure {
    let say = |failure: Failure, blocker: &Blocker| {
        let query: String = blocker.query.split_whitespace().collect::<Vec<_>>().join(" ");
        let query: String = query.chars().take(120).collect();
        let query = if query.is_empty() { query } else { format!(": {query}") };
        failure.because_text(format!("pid {} blocks it ({}){query}", blocker.pid, blocker.who))
    };
    blockers.iter().take(5).fold(failure, say)
}

/// Returns the statement that would let this role read, for one that writes who could. Source: `aclcheck_error` of
/// `src/backend/catalog/aclchk.c`.
fn grant(message: &str, role: &str, effect: StatementEffect) -> String {
    let role = if role.is_empty() { "ROLE".to_owned() } else { quote_ident(role) };
    let named = |kind: &str| message.split_once(&format!(" for {kind} ")).map(|(_, name)| name.trim());
    if let Some(schema) = named("schema") {
        return format!("GRANT USAGE ON SCHEMA {} TO {role};", quote_ident(schema));
    }
    // A role that watches is not given the right to write.
    let only_reads = effect == StatementEffect::Reads;
    if let Some(table) = ["table", "relation", "view", "materialized view", "foreign table"]
        .into_iter()
        .find_map(named)
        .filter(|_| only_reads)
    {
        return format!("GRANT SELECT ON {} TO {role};", quote_ident(table));
    }
    if let Some(function) = named("function") {
        return format!("GRANT EXECUTE ON FUNCTION {} TO {role};", quote_ident(function));
    }
    "connect as the application's role, which has the right".to_owned()
}

fn syntax_hint(statement: &CheckedStatement, sql: &str) -> Option<&'static str> {
    Some(if sql.contains("%s") || sql.contains("%(") {
        "%s is a placeholder of Python drivers: write the value, or $1"
    } else if sql.ends_with(CUT) || sql.len() >= 1023 && sql.len() <= 1024 {
        "the text seems to be truncated at track_activity_query_size: take it from pg_stat_statements or the log"
    } else if statement.parameters > 0 {
        "where pg_stat_statements replaced a constant with $n that must be a literal, write the value again"
    } else if sql.trim_start().starts_with('\\') {
        "a backslash starts a command of psql: pgdj explains SQL only"
    } else if statement::misspelt_opening(sql).is_some() {
        BEGINNINGS
    } else {
        return None;
    })
}

/// Returns where the server stumbled, counted in the statement itself.
fn place(said: &DbError, statement: &CheckedStatement, prefix: usize) -> Option<String> {
    let ErrorPosition::Original(position) = said.position()? else { return None };
    let at = usize::try_from(*position).ok()?.checked_sub(prefix + 1)?;
    let before: Vec<char> = statement.text.chars().take(at).collect();
    let line = before.iter().filter(|letter| **letter == '\n').count() + 1;
    let column = before.iter().rev().take_while(|letter| **letter != '\n').count() + 1;
    // The server may point into a word: it is quoted from its start.
    let is_of_word = |letter: &&char| letter.is_alphanumeric() || **letter == '_';
    let at = at - before.iter().rev().take_while(is_of_word).count();
    let rest: String = statement.text.chars().skip(at).take_while(|letter| *letter != '\n').take(40).collect();
    let rest = rest.trim_end();
    Some(if rest.is_empty() {
        format!("at the end of the statement, line {line}, column {column}")
    } else {
        format!("at line {line}, column {column}: {rest}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_rollback_undoes_is_not_offered_to_be_rolled_back() {
        let acts = no_consent(StatementEffect::Acts("pg_terminate_backend"));
        let hint = acts.hint.unwrap_or_default();
        assert!(hint.contains("a rollback does not undo it") && !hint.contains("is rolled back"), "{hint}");
        let writes = no_consent(StatementEffect::Writes("DELETE")).hint.unwrap_or_default();
        assert!(writes.contains("it is rolled back"), "{writes}");
    }

    #[test]
    fn what_was_planned_is_not_said_to_be_unplanned() {
        assert!(not_agreed(&[], Level::Planned).what.starts_with("not planned: "));
        assert!(not_agreed(&[], Level::Executed).what.starts_with("not run: "));
    }

    #[test]
    fn parameters_without_values_are_named_with_their_types() {
        let of = |types: &[&str]| {
            let one =
                |name: &&str| StatementParameter { type_name: (*name).to_owned(), ..StatementParameter::default() };
            not_run(&types.iter().map(one).collect::<Vec<_>>())
        };
        assert_eq!(of(&["text"]), "not run: $1 has no value; give --param once (text)");
        assert_eq!(of(&["text", "bigint"]), "not run: $1 and $2 have no values; give --param twice (text, bigint)");
        assert_eq!(
            of(&["text", "bigint", "date"]),
            "not run: $1, $2 and $3 have no values; give --param 3 times (text, bigint, date)"
        );
    }

    #[test]
    fn a_lock_is_waited_for_no_longer_than_the_list_of_statements_says() {
        let limit = |timeout_ms| super::super::run::guard(super::super::Consent::ReadOnly, timeout_ms).lock;
        assert_eq!((limit(30_000), limit(4_000)), (Duration::from_secs(10), Duration::from_secs(2)));
    }
}
