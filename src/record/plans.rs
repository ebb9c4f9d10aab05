//! Plans of statements in a recording, with the facts that advice about them needs.
//!
//! A member of the header, which a program that does not know it passes over. What the advisor makes of the facts is not
//! recorded but derived when it is shown; only what the planner said of an index cannot be had again.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::tokenizer::{Token, Tokenizer};

use crate::pg::verify::{Evidence, PlannerVerdict};
use crate::sample::redact::{Secrets, redact};
use crate::sample::{Column, ColumnRole, RowSet, Timestamp, Unit, Value};

/// Plans of statements, with the facts that advice about them needs.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Plans {
    /// The plans.
    pub plans: Vec<RecordedPlan>,
    /// The catalog of all their tables: the rows of each part by its name.
    #[serde(default)]
    pub catalog: BTreeMap<String, Rows>,
    /// What could not be read of it, one sentence each.
    #[serde(default)]
    pub catalog_notes: Vec<String>,
    /// What the database says of the Django project, the same way.
    #[serde(default)]
    pub project: BTreeMap<String, Rows>,
}

/// The plan of one statement.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RecordedPlan {
    /// The statement that was explained, with its values.
    pub sql: String,
    /// The server's JSON.
    pub plan: String,
    /// Whether it was not run.
    #[serde(default)]
    pub is_estimate: bool,
    /// When, by the server's clock.
    pub at: Timestamp,
    /// What the planner said of indexes for it.
    #[serde(default)]
    pub indexes: Vec<IndexAnswer>,
}

/// What the planner said of indexes that are created together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IndexAnswer {
    /// The indexes, each as a text by which it is found again.
    pub set: Vec<String>,
    /// How the answer was had.
    pub rung: Evidence,
    /// The verdict on each.
    pub verdicts: Vec<PlannerVerdict>,
    /// The plan without them, as JSON.
    #[serde(default)]
    pub before: Option<String>,
    /// The plan with them.
    #[serde(default)]
    pub after: Option<String>,
    /// What has to be known beside it.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// Rows under the names of their columns.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Rows {
    columns: Vec<String>,
    rows: Vec<Vec<Value>>,
}

impl From<&RowSet> for Rows {
    fn from(set: &RowSet) -> Self {
        let columns = set.columns.iter().map(|column| column.name.to_string()).collect();
        Self { columns, rows: set.rows.iter().map(|row| row.to_vec()).collect() }
    }
}

impl From<&Rows> for RowSet {
    fn from(rows: &Rows) -> Self {
        let column = |name: &String| Column {
            name: name.clone().into(),
            role: ColumnRole::Label,
            unit: Unit::Text,
            doc: "".into(),
            source: "".into(),
        };
        let whole = |row: &Vec<Value>| {
            let mut row = row.clone();
            row.resize(rows.columns.len(), Value::Null);
            row
        };
        Self::new(rows.columns.iter().map(column).collect(), rows.rows.iter().map(whole))
    }
}

impl Plans {
    /// Takes secrets out of the statements and their plans.
    pub(super) fn redact(&mut self) {
        for plan in &mut self.plans {
            let secrets = Secrets::of(&plan.sql);
            let texts = plan.indexes.iter_mut().flat_map(|answer| [&mut answer.before, &mut answer.after]).flatten();
            for json in texts.chain([&mut plan.plan]) {
                redact_json(json, &secrets);
            }
            plan.sql = redact(&plan.sql).into_owned();
        }
    }

    /// Returns the plan of a statement, whatever its values; `$1` stands for any.
    pub fn find(&self, sql: &str) -> Option<&RecordedPlan> {
        let key = statement_key(sql);
        self.plans.iter().find(|plan| statement_key(&plan.sql) == key)
    }
}

/// Takes secrets out of every text of a plan; what is no JSON is no plan either, and stays.
fn redact_json(json: &mut String, secrets: &Secrets) {
    let Ok(mut plan) = serde_json::from_str::<Json>(json) else { return };
    let mut ahead = vec![&mut plan];
    let mut is_changed = false;
    while let Some(value) = ahead.pop() {
        match value {
            Json::String(text) => {
                if let Cow::Owned(redacted) = secrets.redact(text) {
                    *text = redacted;
                    is_changed = true;
                }
            }
            Json::Array(items) => ahead.extend(items),
            Json::Object(members) => ahead.extend(members.values_mut()),
            _ => {}
        }
    }
    if is_changed {
        *json = plan.to_string();
    }
}

/// Returns a text that is the same for a statement with values, with other values, and as `pg_stat_statements` keeps it.
///
/// Comments and blanks are left out, every constant and parameter is `?`, and a list of them counts as one.
pub fn statement_key(sql: &str) -> String {
    let dialect = PostgreSqlDialect {};
    let Ok(tokens) = Tokenizer::new(&dialect, sql).with_unescape(false).tokenize() else { return sql.to_owned() };
    let mut words: Vec<String> = Vec::new();
    for token in tokens {
        let word = match token {
            Token::Whitespace(_) | Token::SemiColon | Token::EOF => continue,
            Token::Word(word) if word.quote_style.is_none() => word.value.to_lowercase(),
            Token::Number(..)
            | Token::Placeholder(_)
            | Token::SingleQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::DollarQuotedString(_)
            | Token::NationalStringLiteral(_)
            | Token::HexStringLiteral(_) => "?".to_owned(),
            other => other.to_string(),
        };
        // `IN (1, 2, 3)`: of a list the first member stays.
        if word == "?" && words.ends_with(&["?".to_owned(), ",".to_owned()]) {
            words.pop();
            continue;
        }
        words.push(word);
    }
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_is_known_again_whatever_its_values() {
        let same = |one: &str, other: &str| assert_eq!(statement_key(one), statement_key(other));
        same(
            "SELECT a FROM t WHERE b = 'x' AND c IN (1, 2, 3) LIMIT 21 /*action='list'*/",
            "select a from t\nwhere b = $1 and c in ($2, $3, $4) limit $5 -- a note\n;",
        );
        same("SELECT E'\\n', $$x$$, 1.5", "select $1, $2, $3");
        same("UPDATE t SET a = (a - 1)", "UPDATE t SET a = (a - $1)");
        let different = |one: &str, other: &str| assert_ne!(statement_key(one), statement_key(other));
        different("select a from t where b = 1", "select a from t where b > 1");
        different("select \"A\" from t", "select a from t");
        different("select a from t limit 1", "select a from t");
        // What cannot be cut into words is itself.
        assert_eq!(statement_key("select 'open"), "select 'open");
    }

    #[test]
    fn secrets_of_an_older_recording_are_taken_out() {
        let plan =
            |text: &str| format!(r#"[{{"Plan":{{"Filter":"((email)::text = {text})","Node Type":"Seq Scan"}}}}]"#);
        let sql = "select 1 from auth_user where password = 'hUnter2' and email = 'hUnter2'";
        let recorded = RecordedPlan { sql: sql.to_owned(), plan: plan("'hUnter2'::text"), ..RecordedPlan::default() };
        let mut plans = Plans { plans: vec![recorded], ..Plans::default() };
        plans.redact();
        assert!(!plans.plans[0].sql.contains("password = 'hUnter2'"), "{}", plans.plans[0].sql);
        assert_eq!(plans.plans[0].plan, plan("'[redacted]'::text"));
    }

    #[test]
    fn rows_come_back_under_their_columns() {
        let rows: Rows = serde_json::from_str(r#"{"columns": ["a", "b"], "rows": [[1, "x"], [2]]}"#).unwrap();
        let set = RowSet::from(&rows);
        let read: Vec<_> = set.iter().map(|row| (row.int("a"), row.text("b").to_owned())).collect();
        assert_eq!(read, [(Some(1), "x".to_owned()), (Some(2), String::new())]);
        assert_eq!(Rows::from(&set).columns, ["a", "b"]);
    }
}
