//! What was advised for a workload, and how its statements ran before: kept to be compared with what comes of it.
//!
//! A baseline holds texts of statements as `pg_stat_statements` keeps them, without the values of parameters, and with
//! secrets redacted.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::advice::{ChosenIndex, WorkloadAdvice};
use super::statement::WorkloadStatement;
use crate::sample::redact::redact;
use crate::sample::{Seconds, Timestamp};

/// The version of the shape.
pub const FORMAT: u32 = 1;

/// An advice that is kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct Baseline {
    /// The version of this shape.
    pub format: u32,
    /// Its name.
    pub name: String,
    /// The database.
    pub database: String,
    /// When the statements were read, by the server's clock.
    pub kept_at: Timestamp,
    /// Whether the planner said what an index saves; else it was the advisor's own model.
    pub is_planned: bool,
    /// The statements that were planned, the one that took most time first.
    pub statements: Vec<BaselineStatement>,
    /// The indexes that were advised.
    pub indexes: Vec<BaselineIndex>,
    /// The counters when the indexes were first seen to exist.
    pub built: Option<BuiltIndexes>,
}

/// A statement and its counters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct BaselineStatement {
    /// Its queryid, as text: a number of this size is none for many readers of JSON.
    pub queryid: String,
    /// Its text, redacted.
    pub sql: String,
    /// Times it was run.
    pub calls: f64,
    /// Time it took, all calls together.
    pub time: Seconds,
    /// Rows it returned or changed.
    pub rows: f64,
}

/// An index that was advised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct BaselineIndex {
    /// Its keys in words, as the advice had them.
    pub summary: String,
    /// The indexes it is made of: one, or with those of its companions several.
    pub parts: Vec<BaselinePart>,
    /// The share of the time of all statements that was promised, 0..=1.
    pub share: f64,
    /// Bytes of all parts, estimated.
    pub bytes: f64,
    /// Whether the planner said what it saves; else it was the advisor's own model.
    #[serde(default)]
    pub is_planned: bool,
    /// The statements it was to help.
    pub helps: Vec<PromisedHelp>,
}

/// One index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct BaselinePart {
    /// The schema of its table.
    pub schema: String,
    /// Its table.
    pub table: String,
    /// The name that the code gives it; empty where there was no code.
    pub name: String,
    /// What it is made of, by [`crate::advisor::IndexSpec::summary`].
    pub definition: String,
}

/// What an index was to do for a statement.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, Default)]
pub struct PromisedHelp {
    /// The statement, by its place.
    pub statement: usize,
    /// The planner's cost without the indexes.
    pub cost_before: f64,
    /// The same with all of them.
    pub cost_after: f64,
}

/// The counters when indexes were first seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct BuiltIndexes {
    /// When that was, by the server's clock.
    pub at: Timestamp,
    /// The names of those that there were, in their order.
    pub names: Vec<String>,
    /// Calls and time of each statement, by its place; `None` where it was not counted.
    pub counters: Vec<Option<(f64, Seconds)>>,
}

impl Baseline {
    /// Keeps an advice under a name.
    pub fn of(advice: &WorkloadAdvice, name: &str) -> Self {
        Self {
            format: FORMAT,
            name: name.to_owned(),
            database: advice.database.clone(),
            kept_at: advice.at,
            is_planned: advice.certificate.is_planned,
            statements: advice.statements.iter().map(|planned| BaselineStatement::of(&planned.statement)).collect(),
            indexes: advice.indexes.iter().map(BaselineIndex::of).collect(),
            built: None,
        }
    }
}

impl Baseline {
    /// Whether every figure can be one: somebody may have changed the file.
    pub fn is_plausible(&self) -> bool {
        let is_figure = |figure: f64| figure.is_finite() && figure >= 0.0;
        let of_statement = |it: &BaselineStatement| [it.calls, it.time.0, it.rows].into_iter().all(is_figure);
        let of_help = |help: &PromisedHelp| [help.cost_before, help.cost_after].into_iter().all(is_figure);
        let of_index = |it: &BaselineIndex| {
            [it.share, it.bytes].into_iter().all(is_figure)
                && it.helps.iter().all(|help| of_help(help) && help.statement < self.statements.len())
        };
        let counters = self.built.iter().flat_map(|built| &built.counters).flatten();
        is_figure(self.kept_at.0)
            && self.statements.iter().all(of_statement)
            && self.indexes.iter().all(of_index)
            && counters.into_iter().all(|(calls, time)| is_figure(*calls) && is_figure(time.0))
    }
}

impl BaselineStatement {
    fn of(statement: &WorkloadStatement) -> Self {
        Self {
            queryid: statement.queryid.to_string(),
            sql: redact(&statement.sql).into_owned(),
            calls: statement.calls,
            time: statement.time,
            rows: statement.rows,
        }
    }

    /// Returns the time of one call on average, before.
    pub fn mean(&self) -> Seconds {
        mean(self.calls, self.time).unwrap_or_default()
    }
}

impl BaselineIndex {
    fn of(index: &ChosenIndex) -> Self {
        let parts = index.candidate.specs().zip(&index.codes).map(|(spec, code)| BaselinePart {
            schema: spec.schema.clone(),
            table: spec.table.clone(),
            name: code.as_ref().map(|code| code.name.clone()).unwrap_or_default(),
            definition: spec.summary(),
        });
        let helps = index.helped.iter().map(|helped| PromisedHelp {
            statement: helped.change.statement,
            cost_before: helped.change.before,
            cost_after: helped.change.after,
        });
        Self {
            summary: index.candidate.summary(),
            parts: parts.collect(),
            share: index.share,
            is_planned: index.is_planned,
            bytes: index.candidate.size_bytes(),
            helps: helps.collect(),
        }
    }
}

/// Returns a name for an advice that nobody gave one: the database and the moment, in UTC.
pub fn baseline_name(database: &str, at: Timestamp) -> String {
    let plain: String = database.chars().filter(char::is_ascii_alphanumeric).take(30).collect();
    let time = jiff::Timestamp::from_second(at.0 as i64).map(|time| time.strftime("%Y%m%d-%H%M%S").to_string());
    let plain = if plain.is_empty() { "baseline".to_owned() } else { plain };
    format!("{plain}-{}", time.unwrap_or_default())
}

/// Returns each statement of a baseline as it is counted now; `None` where it is not. Its queryid changes with a restore, its
/// text does not.
pub fn counted_now(baseline: &Baseline, statements: Vec<WorkloadStatement>) -> Vec<Option<WorkloadStatement>> {
    // Of equal texts the first is kept, which takes more time.
    let by_text = statements.into_iter().rev().map(|statement| (redact(&statement.sql).into_owned(), statement));
    let mut by_text: HashMap<String, WorkloadStatement> = by_text.collect();
    baseline.statements.iter().map(|known| by_text.remove(&known.sql)).collect()
}

/// Returns the time of one call on average; `None` without a call.
pub fn mean(calls: f64, time: Seconds) -> Option<Seconds> {
    (calls > 0.0).then(|| Seconds(time.0 / calls))
}
