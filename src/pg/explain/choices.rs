//! The parameters of a statement, and values worth trying: a common one, a rare one, the boundaries.
//!
//! The types come from preparing the statement, the columns from the conditions of its generic plan, the values from
//! `pg_stats`, which shows only what this role may read.

use std::collections::HashMap;

use super::admitted::{self, Terms};
use super::planned::{self, Explaining, Reparse, Stumble, explain};
use super::refusal::{self, FailedRun};
use super::run::{self, Runner};
use super::statement::{self, CheckedStatement};
use super::usual;
use super::{Agreed, Choice, Consent, ExplainRequest, Options, StatementParameter};
use crate::Failure;
use crate::catalog::expr::Expr;
use crate::catalog::parse::expression;
use crate::failure::FailureKind;
use crate::pg::judge::Level;
use crate::pg::own::Own;
use crate::pg::session::{Query, QueryParameter as Bound};
use crate::pg::transaction::Transaction;
use crate::plan::Plan;
use crate::sample::unit::Share;
use crate::sample::{Row, Value};

/// `statement_timeout` of the questions, in milliseconds: they plan and read statistics.
const LIMIT_MS: u32 = 5_000;

/// Longest value that is offered, in characters; a longer one is a document.
const LONGEST: usize = 200;

/// The statistics of the columns asked about, which come as a list in JSON.
pub(in crate::pg) static STATISTICS: Own = Own {
    name: "values for parameters",
    reads: "Common values and histogram bounds of the columns that are compared with $n, from pg_stats, which shows \
        only columns that the role may read. $1 is the list of columns as JSON.",
    when: "when you explain a statement with $n, to offer values in its form",
    holes: &[],
    sql: "select
    w.place::bigint as place,
    s.null_frac::float8 as null_share,
    s.n_distinct::float8 as distinct_count,
    c.reltuples::float8 as table_rows,
    case when t.typcategory <> 'A' then s.most_common_vals::text::text[] end as common,
    s.most_common_freqs::float8[] as shares,
    case when t.typcategory <> 'A' then s.histogram_bounds::text::text[] end as bounds
from pg_catalog.jsonb_to_recordset($1::jsonb) as w (place bigint, schema text, relation text, attribute text)
join pg_catalog.pg_stats as s on s.schemaname = w.schema and s.tablename = w.relation and s.attname = w.attribute
join pg_catalog.pg_namespace as n on n.nspname = w.schema
join pg_catalog.pg_class as c on c.relnamespace = n.oid and c.relname = w.relation
join pg_catalog.pg_attribute as a on a.attrelid = c.oid and a.attname = w.attribute
join pg_catalog.pg_type as t on t.oid = a.atttypid
order by w.place, s.inherited desc
limit 200",
};

/// A column that a parameter is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
struct ComparedColumn {
    schema: String,
    table: String,
    column: String,
    /// The operator between the two; empty for `= ANY` and its like.
    operator: String,
}

/// A parameter in a comparison with a column.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Comparison {
    number: usize,
    alias: Option<String>,
    column: String,
    operator: String,
}

impl Runner {
    /// Finds out the parameters of a statement, in the order of their numbers; none for a statement without.
    pub async fn choices(&self, sql: &str) -> Result<Vec<StatementParameter>, Failure> {
        let statement = statement::check(sql).map_err(|error| refusal::not_one(&error))?;
        if statement.parameters == 0 {
            return Ok(Vec::new());
        }
        let request = ExplainRequest {
            sql: sql.to_owned(),
            parameters: Vec::new(),
            guessed: Vec::new(),
            options: Options { analyze: false, ..Options::default() },
            consent: Consent::ReadOnly,
            agreed: Agreed::To(Vec::new()),
            timeout_ms: LIMIT_MS,
        };
        let started = std::time::Instant::now();
        let found = self.ask(&request, &statement).await;
        found.map_err(|stumble| {
            let circumstances = FailedRun {
                request: &request,
                statement: &statement,
                elapsed: started.elapsed(),
                blocked_by: &[],
                mode: self.mode,
                is_cancelled: false,
            };
            run::tell(stumble, &circumstances, "")
        })
    }

    async fn ask(
        &self,
        request: &ExplainRequest,
        statement: &CheckedStatement,
    ) -> Result<Vec<StatementParameter>, Stumble> {
        let opened = Transaction::open(self.connector.as_ref(), &self.cancel_queue).await;
        let mut transaction = opened.map_err(Stumble::Told)?;
        let begun = transaction.begin(run::guard(Consent::ReadOnly, request.timeout_ms)).await;
        begun.map_err(|trouble| Stumble::server(trouble, ""))?;
        let terms = Terms { level: Level::Planned, mode: self.mode, agreed: request.agreed.clone() };
        let found = match admitted::admit(&mut transaction, statement, terms, &|_| {}).await {
            Ok(_admitted) => parameters(&mut transaction, request, statement).await,
            // Nobody has agreed yet that the server parses it: it is asked when the statement is explained.
            Err(Stumble::Told(failure)) if failure.kind == FailureKind::NotAgreed => {
                let mut unknown = vec![StatementParameter::default(); statement.parameters];
                usual::offer(&statement.text, &mut unknown);
                Ok(unknown)
            }
            Err(stumble) => Err(stumble),
        };
        transaction.end().await;
        found
    }
}

async fn parameters(
    transaction: &mut Transaction,
    request: &ExplainRequest,
    statement: &CheckedStatement,
) -> Result<Vec<StatementParameter>, Stumble> {
    let mut parameters = planned::parameters(transaction, statement, Reparse::WhenJudged).await?;
    // A plan that cannot be had (a table this role may not read) leaves the types, which are worth a form already.
    let asked = Explaining { statement, values: &[], options: request.options, parsed: Reparse::WhenJudged };
    if let Ok(explained) = explain(transaction, &asked).await {
        compare(transaction, &explained.plan, &mut parameters).await;
    }
    usual::offer(&statement.text, &mut parameters);
    Ok(parameters)
}

/// Finds the columns that the parameters are compared with, and values of theirs.
async fn compare(transaction: &mut Transaction, plan: &Plan, parameters: &mut [StatementParameter]) {
    let places = places(plan);
    for (number, place) in &places {
        if let Some(parameter) = number.checked_sub(1).and_then(|at| parameters.get_mut(at)) {
            parameter.column = format!("{}.{}", place.table, place.column);
        }
    }
    for (number, choices) in values(transaction, &places, parameters).await {
        if let Some(parameter) = number.checked_sub(1).and_then(|at| parameters.get_mut(at)) {
            parameter.choices = choices;
            let type_name = parameter.type_name.clone();
            parameter.choices.retain(|choice| fits(&type_name, &choice.value));
        }
    }
}

/// Returns the column each parameter is compared with, by the parameter's number from 1.
fn places(plan: &Plan) -> HashMap<usize, ComparedColumn> {
    const CONDITIONS: &[&str] = &[
        "Index Cond",
        "Filter",
        "Recheck Cond",
        "Join Filter",
        "Hash Cond",
        "Merge Cond",
        "One-Time Filter",
        "TID Cond",
    ];
    let mut aliases: HashMap<&str, (String, String)> = HashMap::new();
    for (_, node) in plan.iter() {
        if let (Some(alias), Some(schema), Some(table)) = (node.alias(), node.schema(), node.relation()) {
            aliases.entry(alias).or_insert_with(|| (schema.to_owned(), table.to_owned()));
        }
    }
    let mut found = HashMap::new();
    for (_, node) in plan.iter() {
        for text in CONDITIONS.iter().filter_map(|name| node.text(name)).filter(|text| text.contains('$')) {
            let mut pairs = Vec::new();
            compared(&expression(text), &mut pairs);
            for Comparison { number, alias, column, operator } in pairs {
                let alias = alias.or_else(|| node.alias().map(str::to_owned));
                let Some((schema, table)) = alias.and_then(|alias| aliases.get(alias.as_str())) else { continue };
                found.entry(number).or_insert_with(|| ComparedColumn {
                    schema: schema.clone(),
                    table: table.clone(),
                    column,
                    operator,
                });
            }
        }
    }
    found
}

/// Collects which parameters are compared with which columns.
fn compared(expr: &Expr, pairs: &mut Vec<Comparison>) {
    if let Expr::Binary { left, right, .. } | Expr::Quantified { left, right, .. } = expr {
        for (one, other) in [(left, right), (right, left)] {
            if let Some((alias, column)) = column_in(one) {
                let operator = if let Expr::Binary { op, .. } = expr { op.as_str() } else { "" };
                pairs.extend(numbers_in(other).into_iter().map(|number| Comparison {
                    number,
                    alias: alias.clone(),
                    column: column.clone(),
                    operator: operator.to_owned(),
                }));
            }
        }
    }
    for part in expr.parts() {
        compared(part, pairs);
    }
}

/// Returns the one column of a side of a comparison, seen through casts and calls: `upper((c.email)::text)`.
fn column_in(expr: &Expr) -> Option<(Option<String>, String)> {
    match expr {
        Expr::Column { table, name } => Some((table.clone(), name.clone())),
        Expr::Cast { operand, .. } => column_in(operand),
        Expr::Call { args, .. } => {
            let mut columns = args.iter().filter_map(column_in);
            columns.next().filter(|_| columns.next().is_none())
        }
        _ => None,
    }
}

/// Returns the numbers of the parameters in a side of a comparison; `ARRAY[$1, $2]` is kept as text.
fn numbers_in(expr: &Expr) -> Vec<usize> {
    let number = |text: &str| text.strip_prefix('$')?.parse().ok();
    match expr {
        Expr::Parameter(name) => number(name).into_iter().collect(),
        Expr::Other(text) => {
            text.split(|letter: char| !letter.is_ascii_digit() && letter != '$').filter_map(number).collect()
        }
        other => other.parts().into_iter().flat_map(numbers_in).collect(),
    }
}

async fn values(
    transaction: &mut Transaction,
    places: &HashMap<usize, ComparedColumn>,
    parameters: &[StatementParameter],
) -> Vec<(usize, Vec<Choice>)> {
    let wanted: Vec<serde_json::Value> = places
        .iter()
        .map(|(number, place)| {
            serde_json::json!({
                "place": number, "schema": place.schema, "relation": place.table, "attribute": place.column,
            })
        })
        .collect();
    if wanted.is_empty() {
        return Vec::new();
    }
    let query = Query::new(STATISTICS.sql()).with(Bound::Text(serde_json::Value::Array(wanted).to_string()));
    let answer = match transaction.ask(query).await {
        Ok(answer) => answer,
        Err(trouble) => {
            tracing::info!(?trouble, "the statistics of the parameters cannot be read");
            return Vec::new();
        }
    };
    let mut found: Vec<(usize, Vec<Choice>)> = Vec::new();
    for row in answer.into_rows().iter() {
        let Some(number) = row.int("place").and_then(|number| usize::try_from(number).ok()) else { continue };
        if found.iter().any(|(known, _)| *known == number) {
            continue;
        }
        let type_name = number.checked_sub(1).and_then(|at| parameters.get(at)).map_or("", |it| it.type_name.as_str());
        let choices = choices_of(&row, type_name);
        let operator = places.get(&number).map_or("", |place| place.operator.as_str());
        found.push((number, if is_pattern(operator) { patterns_of(&choices, operator) } else { choices }));
    }
    found
}

/// Whether a value of a column can be one of the parameter: in `now() - $1` or `extract(year from a) = $1` it is of another
/// type than the column.
fn fits(type_name: &str, value: &str) -> bool {
    let is_moment =
        value.starts_with(|letter: char| letter.is_ascii_digit()) && value.contains('-') || value.ends_with("infinity");
    match type_name {
        "smallint" | "integer" | "bigint" | "numeric" | "real" | "double precision" => value.parse::<f64>().is_ok(),
        "date" | "timestamp with time zone" | "timestamp without time zone" => is_moment,
        "interval" => !is_moment,
        "boolean" => matches!(value, "t" | "f"),
        _ => true,
    }
}

/// Chooses from the statistics of a column. Source: PostgreSQL manual 52.27 "`pg_stats`".
fn choices_of(row: &Row<'_>, type_name: &str) -> Vec<Choice> {
    let texts = |name: &str| -> Vec<&str> { row.get(name).as_list().iter().filter_map(Value::as_str).collect() };
    let (common, bounds) = (texts("common"), texts("bounds"));
    let shares: Vec<f64> = row.get("shares").as_list().iter().filter_map(Value::as_f64).collect();
    let mut choices: Vec<Choice> = Vec::new();
    let mut offer = |note: String, value: &str| {
        let is_known = choices.iter().any(|known| known.value == value);
        if !is_known && value.chars().count() <= LONGEST {
            choices.push(Choice { note, value: value.to_owned(), is_from_statistics: true });
        }
    };
    if let (Some(value), Some(share)) = (common.first(), shares.first()) {
        offer(format!("common, {} of the rows", Share(*share)), value);
    }
    let middle = bounds.get(bounds.len() / 2);
    match (middle, common.last(), shares.last()) {
        // What is not among the most common is rarer than they are.
        (Some(value), _, _) => offer(rare_note(row, common.len(), &shares), value),
        (None, Some(value), Some(share)) if common.len() > 1 => {
            offer(format!("rare, {} of the rows", Share(*share)), value);
        }
        _ => {}
    }
    if let [smallest, .., largest] = bounds.as_slice() {
        offer("boundary, about the smallest".to_owned(), smallest);
        offer("boundary, about the largest".to_owned(), largest);
    }
    if type_name.ends_with("[]") {
        for choice in &mut choices {
            choice.value = format!("{{\"{}\"}}", choice.value.replace('\\', "\\\\").replace('"', "\\\""));
        }
    }
    choices
}

fn is_pattern(operator: &str) -> bool {
    matches!(operator, "~~" | "~~*" | "!~~" | "!~~*" | "~" | "~*" | "!~" | "!~*")
}

/// Returns patterns out of values of the column: of a whole value nobody knows how the application looks for it.
fn patterns_of(values: &[Choice], operator: &str) -> Vec<Choice> {
    /// Letters of a pattern.
    const LETTERS: usize = 4;
    let Some(value) = values.iter().map(|choice| choice.value.as_str()).find(|value| !value.is_empty()) else {
        return Vec::new();
    };
    let plain: Vec<char> = value.chars().filter(|letter| letter.is_alphanumeric() || *letter == ' ').collect();
    let middle = plain.len().saturating_sub(LETTERS) / 2;
    let within: String = plain.iter().skip(middle).take(LETTERS).collect();
    let start: String = value.chars().take_while(|letter| letter.is_alphanumeric()).take(LETTERS).collect();
    let (within, start) = if operator.contains("~~") {
        (format!("%{within}%"), format!("{start}%"))
    } else {
        (within, format!("^{start}"))
    };
    let choice = |note: &str, value: String| Choice { note: note.to_owned(), value, is_from_statistics: false };
    vec![choice("a guess: contains", within), choice("a guess: starts with", start)]
}

/// Says how rare a value beside the most common ones is: what they leave, shared out evenly.
fn rare_note(row: &Row<'_>, common: usize, shares: &[f64]) -> String {
    let distinct = row.number("distinct_count").unwrap_or(0.0);
    let rows = row.number("table_rows").unwrap_or(0.0).max(1.0);
    let distinct = if distinct < 0.0 { -distinct * rows } else { distinct };
    let left = 1.0 - row.number("null_share").unwrap_or(0.0) - shares.iter().sum::<f64>();
    let others = distinct - common as f64;
    if others < 1.0 || left <= 0.0 {
        return "rare".to_owned();
    }
    format!("rare, {} of the rows", Share(left / others))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_column_are_offered_only_for_a_parameter_of_its_kind() {
        let moment = "2026-01-31 10:00:00+00";
        for (type_name, value, expected) in [
            ("interval", moment, false),
            ("interval", "7 days", true),
            ("timestamp with time zone", moment, true),
            ("date", "2026-01-31", true),
            ("date", "delivered", false),
            ("numeric", moment, false),
            ("integer", "-7", true),
            ("boolean", "t", true),
            ("boolean", "7", false),
            ("text", moment, true),
        ] {
            assert_eq!(fits(type_name, value), expected, "{type_name} {value}");
        }
    }

    fn pairs(text: &str) -> Vec<(usize, Option<String>, String)> {
        let mut pairs = Vec::new();
        compared(&expression(text), &mut pairs);
        pairs.into_iter().map(|pair| (pair.number, pair.alias, pair.column)).collect()
    }

    #[test]
    fn a_pattern_is_offered_as_one() {
        let values = [Choice { note: "rare".into(), value: "emre.10788@example.org".into(), ..Choice::default() }];
        let of = |operator| patterns_of(&values, operator).into_iter().map(|choice| choice.value).collect::<Vec<_>>();
        assert_eq!(of("~~"), ["%88ex%", "emre%"]);
        assert_eq!(of("~"), ["88ex", "^emre"]);
        assert!(patterns_of(&[], "~~").is_empty());
        let mut found = Vec::new();
        compared(&expression("(upper((email)::text) ~~ upper($1))"), &mut found);
        assert!(found.iter().all(|one| is_pattern(&one.operator)) && found.len() == 1, "{found:?}");
    }

    #[test]
    fn a_parameter_is_known_by_the_column_it_is_compared_with() {
        let check = |text: &str, expected: &[(usize, Option<&str>, &str)]| {
            let expected: Vec<_> =
                expected.iter().map(|(n, alias, name)| (*n, alias.map(str::to_owned), (*name).to_owned())).collect();
            assert_eq!(pairs(text), expected, "{text}");
        };
        check("((o.status)::text = ($1)::text)", &[(1, Some("o"), "status")]);
        check("((created_at >= $2) AND (created_at < $3))", &[(2, None, "created_at"), (3, None, "created_at")]);
        check("($1 < (a.x + 1))", &[]);
        check("(a.id = ANY ($4))", &[(4, Some("a"), "id")]);
        check("(a.id = ANY (ARRAY[$1, $12]))", &[(1, Some("a"), "id"), (12, Some("a"), "id")]);
        check("(upper((u.email)::text) = upper($1))", &[(1, Some("u"), "email")]);
        check("(a.id = b.id)", &[]);
        check("nonsense (((", &[]);
    }
}
