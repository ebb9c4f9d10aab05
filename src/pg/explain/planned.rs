//! One EXPLAIN within an open transaction: what a person sees and what verification compares come from here.
//!
//! A statement without parameters is explained as it is; with values it is prepared and executed for these
//! (`force_custom_plan`); without them its generic plan is asked for: by `GENERIC_PLAN` since 16, else with nulls.

use super::options;
use super::refusal;
use super::statement::CheckedStatement;
use super::{Options, StatementParameter};
use crate::Failure;
use crate::pg::own::{Hole, Own, Placeholder};
use crate::pg::session::Query;
use crate::pg::transaction::{ExplainParsed, QueryTrouble, STATEMENT, Transaction, prepare_prefix};
use crate::plan::{self, Plan};
use crate::quote::quote_text;
use crate::sample::Value;

const OPTIONS: Hole = Hole {
    name: "options",
    doc: "FORMAT JSON and the options you chose; ANALYZE, which runs the statement, only if you asked for it",
    form: Placeholder::Words,
};

/// Explains a statement as it was written.
pub(in crate::pg) static EXPLAIN: Own = Own {
    name: "explain",
    reads: "Without ANALYZE, the planner reads only the catalog and statistics. With ANALYZE, the server runs your \
        statement.",
    when: "when you explain a statement (R in the console and pgdj explain --analyze run it); without ANALYZE when \
        pgdj looks for indexes, with ANALYZE only in an index trial that you agreed to",
    holes: &[OPTIONS, STATEMENT],
    sql: "explain ({options}) {statement}",
};

/// Explains what is prepared, which has no parameters.
pub(in crate::pg) static EXPLAIN_PREPARED: Own = Own {
    name: "explain what was prepared",
    reads: "The same for exactly the statement that was checked, with --read-only.",
    when: "when you explain a statement without $n",
    holes: &[OPTIONS],
    sql: "explain /* pgdj explain */ ({options}) execute pgdj_explained",
};

/// Explains what is prepared for these values.
pub(in crate::pg) static EXPLAIN_VALUES: Own = Own {
    name: "explain with values",
    reads: "The same, with the values of $1, $2, …",
    when: "when you explain a statement with $n",
    holes: &[
        OPTIONS,
        Hole {
            name: "values",
            doc: "the values that you gave; nulls before PostgreSQL 16 if you gave none",
            form: Placeholder::Texts,
        },
    ],
    sql: "explain /* pgdj explain */ ({options}) execute pgdj_explained({values})",
};

pub(in crate::pg) static PLAN_CACHE_MODE: Own = Own {
    name: "guard: custom or generic plan",
    reads: "Nothing. Until the transaction ends, plans are for exactly these values, or for any values.",
    when: "before a statement with $n is explained",
    holes: &[Hole {
        name: "mode",
        doc: "force_custom_plan with values, force_generic_plan without",
        form: Placeholder::OneOf(&["force_custom_plan", "force_generic_plan"]),
    }],
    sql: "set local plan_cache_mode = {mode}",
};

/// A statement that is to be explained.
#[derive(Debug, Clone, Copy)]
pub(in crate::pg) struct Explaining<'a> {
    /// The statement.
    pub(in crate::pg) statement: &'a CheckedStatement,
    /// The values of `$1`, `$2`, …; empty asks for the generic plan where there are any.
    pub(in crate::pg) values: &'a [Option<String>],
    /// What EXPLAIN is to tell.
    pub(in crate::pg) options: Options,
    /// What is explained.
    pub(in crate::pg) parsed: Reparse,
}

/// Whether a statement is parsed again to be explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::pg) enum Reparse {
    /// It is, so that its plan knows of an index that came in between.
    Anew,
    /// What was judged is executed, if it is prepared.
    WhenJudged,
}

/// What the server answered.
#[derive(Debug, Clone)]
pub(in crate::pg) struct ExplainedPlan {
    /// The plan.
    pub(in crate::pg) plan: Plan,
    /// The server's JSON.
    pub(in crate::pg) raw: String,
    /// What was asked for in the end: a statement without values is not run.
    pub(in crate::pg) options: Options,
    /// What was changed of the request, one sentence each.
    pub(in crate::pg) notes: Vec<String>,
}

/// Why there is no plan.
#[derive(Debug)]
pub(in crate::pg) enum Stumble {
    /// The server said something, after a prefix of so many characters before the statement.
    Server {
        /// What.
        trouble: QueryTrouble,
        /// Characters sent before the statement.
        prefix: usize,
    },
    /// It is told already.
    Told(Failure),
}

impl Stumble {
    pub(super) fn server(trouble: QueryTrouble, prefix: &str) -> Self {
        Self::Server { trouble, prefix: prefix.chars().count() }
    }

    /// Returns it for somebody who does not show the place in the statement.
    pub(in crate::pg) fn trouble(self) -> QueryTrouble {
        match self {
            Self::Server { trouble, .. } => trouble,
            Self::Told(failure) if failure.because.is_empty() => QueryTrouble::Unusable(failure.what),
            Self::Told(failure) => QueryTrouble::Unusable(format!("{}: {}", failure.what, failure.because.join("; "))),
        }
    }
}

/// Prepares a statement and returns its parameters, as far as their types tell.
pub(super) async fn parameters(
    transaction: &mut Transaction,
    statement: &CheckedStatement,
    parsed: Reparse,
) -> Result<Vec<StatementParameter>, Stumble> {
    let types = match parsed {
        Reparse::WhenJudged if transaction.has_prepared(&statement.text) => transaction.parameters().await,
        Reparse::WhenJudged | Reparse::Anew => transaction.prepare(&statement.text).await,
    };
    let types = types.map_err(|trouble| Stumble::server(trouble, &prepare_prefix()))?;
    Ok(types.into_iter().map(|type_name| StatementParameter { type_name, ..StatementParameter::default() }).collect())
}

/// Explains a statement; anew each time, so that a plan knows of an index that came in between.
pub(in crate::pg) async fn explain(
    transaction: &mut Transaction,
    asked: &Explaining<'_>,
) -> Result<ExplainedPlan, Stumble> {
    let Explaining { statement, values, mut options, parsed } = *asked;
    let version = transaction.greeting().version;
    let mut notes = Vec::new();
    let raw = if statement.parameters == 0 {
        options.generic_plan = false;
        if !values.is_empty() {
            notes.push("the values were not used: the statement has no parameters".to_owned());
        }
        let list = listed(&options, version, &mut notes);
        let is_prepared = parsed == Reparse::WhenJudged && transaction.has_prepared(&statement.text);
        let sql = if is_prepared {
            EXPLAIN_PREPARED.fill(&[(OPTIONS.name, &list)])
        } else {
            EXPLAIN.fill(&[(OPTIONS.name, &list), (STATEMENT.name, &statement.text)])
        };
        let answer = transaction.theirs().ask(Query::new(sql)).await;
        let answer = answer.map_err(|trouble| Stumble::server(trouble, &prefix(&list)))?;
        answer.scalar().and_then(Value::as_str).map(str::to_owned)
    } else {
        let parameters = parameters(transaction, statement, parsed).await?;
        if values.is_empty() {
            if options.analyze {
                notes.push(refusal::not_run(&parameters));
            }
            generic(transaction, statement, &mut options, &mut notes).await?
        } else {
            custom(transaction, &parameters, asked, &mut notes).await?
        }
    };
    let raw = raw.unwrap_or_default();
    let Some(plan) = plan::parse(&raw).plans.into_iter().next() else {
        return Err(Stumble::Told(refusal::no_plan(&raw)));
    };
    let is_pruned = plan.iter().any(|(_, node)| node.number("Subplans Removed").is_some());
    if is_pruned && values.is_empty() && statement.parameters > 0 {
        let note = "partitions were pruned by null values, because this server has no GENERIC_PLAN";
        notes.push(note.to_owned());
    }
    Ok(ExplainedPlan { plan, raw, options, notes })
}

/// Plans statements without values that were parsed in this transaction ([`Transaction::parse_each`]), many in one round
/// trip; afterwards the transaction is as it was before.
pub(in crate::pg) async fn plan_parsed(
    transaction: &mut Transaction,
    statements: &[&CheckedStatement],
    options: Options,
) -> Result<Vec<Result<Plan, Stumble>>, QueryTrouble> {
    let version = transaction.greeting().version;
    let how = |statement: &&CheckedStatement| {
        let has_parameters = statement.parameters > 0;
        let has_generic = version >= GENERIC_PLAN;
        let options = Options { analyze: false, generic_plan: has_parameters && has_generic, ..options };
        let (list, _) = options::list(&options, version);
        if !has_parameters || has_generic {
            return ExplainParsed::AsItIs(EXPLAIN.fill(&[(OPTIONS.name, &list), (STATEMENT.name, &statement.text)]));
        }
        let nulls = vec!["null"; statement.parameters].join(", ");
        ExplainParsed::Prepared {
            settings: PLAN_CACHE_MODE.fill(&[("mode", "force_generic_plan")]),
            statement: statement.text.clone(),
            execute: EXPLAIN_VALUES.fill(&[(OPTIONS.name, &list), ("values", &nulls)]),
        }
    };
    let values = transaction.explain_each(POINT, &statements.iter().map(how).collect::<Vec<_>>()).await?;
    let plan = |raw: Result<Option<String>, QueryTrouble>| {
        let raw = raw.map_err(|trouble| Stumble::server(trouble, ""))?.unwrap_or_default();
        plan::parse(&raw).plans.into_iter().next().ok_or_else(|| Stumble::Told(refusal::no_plan(&raw)))
    };
    Ok(values.into_iter().map(plan).collect())
}

/// The savepoint of an EXPLAIN.
const POINT: &str = "pgdj_explain";

/// The release since which EXPLAIN has `GENERIC_PLAN`. Source: PostgreSQL manual, EXPLAIN.
const GENERIC_PLAN: i64 = 160_000;

/// Returns the options of EXPLAIN, and notes what the server has not.
fn listed(options: &Options, version: i64, notes: &mut Vec<String>) -> String {
    let (list, missing) = options::list(options, version);
    if !missing.is_empty() {
        notes.push(format!("omitted: not available in PostgreSQL {}: {}", version / 10_000, missing.join(", ")));
    }
    list
}

/// Returns what stands before the statement.
fn prefix(list: &str) -> String {
    EXPLAIN.before(STATEMENT.name, &[(OPTIONS.name, list)])
}

/// The plan without the values of `$n`.
async fn generic(
    transaction: &mut Transaction,
    statement: &CheckedStatement,
    wanted: &mut Options,
    notes: &mut Vec<String>,
) -> Result<Option<String>, Stumble> {
    wanted.analyze = false;
    let version = transaction.greeting().version;
    wanted.generic_plan = version >= GENERIC_PLAN;
    let list = listed(wanted, version, notes);
    let asked = if wanted.generic_plan {
        // A bound parameter would be folded into the plan, so this goes by the simple protocol; that it is one
        // statement was proved by preparing it.
        let sql = EXPLAIN.fill(&[(OPTIONS.name, &list), (STATEMENT.name, &statement.text)]);
        transaction.theirs().first_value(&sql).await
    } else {
        let nulls = vec!["null"; statement.parameters].join(", ");
        execute(transaction, &list, "force_generic_plan", &nulls).await
    };
    asked.map_err(|trouble| Stumble::server(trouble, &prefix(&list)))
}

/// The plan for these values.
async fn custom(
    transaction: &mut Transaction,
    parameters: &[StatementParameter],
    asked: &Explaining<'_>,
    notes: &mut Vec<String>,
) -> Result<Option<String>, Stumble> {
    if parameters.len() != asked.values.len() {
        return Err(Stumble::Told(refusal::count_of_values(parameters, asked.values.len())));
    }
    let mut literals = Vec::with_capacity(asked.values.len());
    for value in asked.values {
        literals.push(literal(value.as_deref()).ok_or_else(|| Stumble::Told(refusal::nul_in_value()))?);
    }
    let options = Options { generic_plan: false, ..asked.options };
    let list = listed(&options, transaction.greeting().version, notes);
    let asked = execute(transaction, &list, "force_custom_plan", &literals.join(", ")).await;
    asked.map_err(|trouble| Stumble::server(trouble, &prefix(&list)))
}

async fn execute(
    transaction: &mut Transaction,
    list: &str,
    mode: &str,
    values: &str,
) -> Result<Option<String>, QueryTrouble> {
    transaction.control(&[PLAN_CACHE_MODE.fill(&[("mode", mode)])]).await?;
    let sql = EXPLAIN_VALUES.fill(&[(OPTIONS.name, list), ("values", values)]);
    let answer = transaction.theirs().ask(Query::new(sql)).await?;
    Ok(answer.scalar().and_then(Value::as_str).map(str::to_owned))
}

/// Returns a value as a literal; `None` with a NUL in it.
fn literal(value: Option<&str>) -> Option<String> {
    match value {
        None => Some("null".to_owned()),
        Some(value) if value.contains('\0') => None,
        Some(value) => Some(quote_text(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_quoted_so_that_it_stays_a_value() {
        for (value, expected) in [
            (None, Some("null")),
            (Some("a"), Some("'a'")),
            (Some("'; drop table t; --"), Some("'''; drop table t; --'")),
            (Some("\\'"), Some("E'\\\\'''")),
            (Some("a\0"), None),
        ] {
            assert_eq!(literal(value).as_deref(), expected);
        }
    }
}
