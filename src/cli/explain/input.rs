//! Where the statement or the plan comes from.

use std::fs::File;
use std::io::{IsTerminal as _, Read};
use std::path::Path;

use crate::cli::args::ExplainArgs;
use crate::failure::{Failure, FailureKind};
use crate::pg::session::{CancelQueue, Connector, Limits, Query, QueryParameter, Session, sentence};
use crate::pg::{server, why};
use crate::plan;
use crate::readings::statements::MeanCall;
use crate::sample::Seconds;

/// The most that is read, in bytes.
const MOST: u64 = 256 * 1024 * 1024;

/// The extension that keeps statements.
const EXTENSION: &str = "pg_stat_statements";

/// What was given.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ExplainInput {
    /// Plans that somebody has already.
    Plan {
        /// The text.
        text: String,
        /// What it was read from, for people.
        from: String,
    },
    /// A statement to be explained.
    Statement(String),
    /// A statement that `pg_stat_statements` keeps.
    QueryId(i64),
}

/// Reads what the arguments name.
pub(super) fn read(asked: &ExplainArgs) -> Result<ExplainInput, Failure> {
    if let Some(id) = asked.queryid {
        return Ok(ExplainInput::QueryId(id));
    }
    if let Some(path) = &asked.plan {
        let (from, text) = file(path)?;
        return Ok(ExplainInput::Plan { text, from });
    }
    let Some(path) = &asked.file else {
        if std::io::stdin().is_terminal() {
            let what = "nothing to explain";
            return Err(Failure::new(FailureKind::Usage, what)
                .hint("name a file, pipe in a statement or a plan, or use --queryid; - reads standard input"));
        }
        return Ok(judge(text_of(Path::new("-"))?, "standard input"));
    };
    Ok(judge(text_of(path)?, &name_of(path)))
}

/// Reads a file; returns what it is called, for people, and its text.
pub(super) fn file(path: &Path) -> Result<(String, String), Failure> {
    Ok((name_of(path), text_of(path)?))
}

fn name_of(path: &Path) -> String {
    if path.as_os_str() == "-" { "standard input".to_owned() } else { path.display().to_string() }
}

fn judge(text: String, from: &str) -> ExplainInput {
    if is_plan(&text) { ExplainInput::Plan { text, from: from.to_owned() } } else { ExplainInput::Statement(text) }
}

/// Whether a text is a plan and no statement: a plan begins as JSON, or has figures that no SQL has.
fn is_plan(text: &str) -> bool {
    let start = text.trim_start_matches('\u{feff}').trim_start();
    let is_json = start.starts_with(['[', '{']);
    let is_markup = start.starts_with("<explain") || start.starts_with("- Plan:");
    let has_figures = text.contains("(cost=") || text.contains("(actual ") || text.contains("QUERY PLAN");
    is_json || is_markup || (has_figures && !plan::parse(text).plans.is_empty())
}

fn text_of(path: &Path) -> Result<String, Failure> {
    let name = name_of(path);
    let failed = |error: &std::io::Error| Failure::new(FailureKind::File, format!("cannot read {name}")).because(error);
    let mut bytes = Vec::new();
    if path.as_os_str() == "-" {
        std::io::stdin().lock().take(MOST + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    } else {
        let file = File::open(path).map_err(|error| failed(&error))?;
        file.take(MOST + 1).read_to_end(&mut bytes).map_err(|error| failed(&error))?;
    }
    if bytes.len() as u64 > MOST {
        let what = format!("{name} is larger than {} MB", MOST / 1024 / 1024);
        return Err(Failure::new(FailureKind::File, what).hint("extract the plan you need"));
    }
    // What is no UTF-8 (a log in LATIN1) is kept with marks in its place.
    Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// A statement of `pg_stat_statements`.
pub(super) struct KeptStatement {
    /// Its text, as far as it is kept.
    pub(super) sql: String,
    /// Its average call over all who ran it in this database.
    pub(super) mean: Option<MeanCall>,
}

/// Returns the statement that `pg_stat_statements` keeps under an id.
pub(super) async fn statement_of(
    connector: &dyn Connector,
    cancel_queue: &CancelQueue,
    id: i64,
) -> Result<KeptStatement, Failure> {
    let refused = |what: String| Failure::new(FailureKind::Refused, what);
    let mut session = Session::open(connector, Limits::SLOW, cancel_queue).await?;
    let facts = server::read_facts(&mut session, &connector.target()).await?;
    if !facts.extensions.contains_key(EXTENSION) {
        let missing = why::not_installed(EXTENSION, &facts);
        let failure = refused(format!("cannot look up the queryid: {missing}"));
        return Err(match missing.remedy() {
            Some(remedy) => failure.hint(remedy),
            None => failure,
        });
    }
    let query = Query::new(server::BY_QUERYID.on(&facts)).with(QueryParameter::Int(id));
    let answer = session.one(query).await;
    let answer =
        answer.map_err(|lost| Failure::new(FailureKind::Connection, "the connection was lost").because(&lost))?;
    let rows =
        answer.map_err(|error| refused(format!("cannot look up the queryid: {}", sentence(&error))))?.into_rows();
    let Some(row) = rows.first() else {
        return Err(refused(format!("pg_stat_statements has no statement with queryid {id}"))
            .hint("the Queries pane lists queryids; a reset or a new major version changes them"));
    };
    let text = row.text("query").to_owned();
    let database = row.text("database");
    if text.is_empty() || text == "<insufficient privilege>" {
        return Err(
            refused(format!("this role cannot see the statement with queryid {id}")).hint(facts.grant("pg_monitor"))
        );
    }
    if !database.is_empty() && database != facts.database {
        return Err(refused(format!(
            "the statement with the queryid {id} ran in database {database}, not in {}",
            facts.database
        ))
        .hint(format!("add -d {database}")));
    }
    let number = |name: &str| row.number(name);
    let mean = number("time_per_call").map(|milliseconds| MeanCall {
        rows: number("rows_per_call").unwrap_or_default(),
        time: Seconds(milliseconds / 1e3),
        temp_written: number("temp_per_call").unwrap_or_default(),
    });
    Ok(KeptStatement { sql: text, mean })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_is_told_from_a_statement() {
        for (text, expected) in [
            ("select 1", false),
            ("select '(cost=' from t -- QUERY PLAN", false),
            ("[{\"Plan\": {\"Node Type\": \"Result\"}}]", true),
            ("{ broken", true),
            ("Seq Scan on t  (cost=0.00..1.01 rows=1 width=4)", true),
            (" QUERY PLAN\n------\n Result  (cost=0.00..0.01 rows=1 width=4)\n(1 row)", true),
            ("<explain xmlns=\"x\">", true),
            ("with x as (select 1) select * from x", false),
        ] {
            assert_eq!(is_plan(text), expected, "{text}");
        }
    }
}
