//! Prints as JSON what pgdj says of a recorded database, for `tests/projects/compare.py`: `verdicts RECORDING`.
//!
//! The last sample is judged: the model of every table, the origin of every index, every finding, and the code that adds
//! an index on each foreign key and that removes each index.

use std::fs::File;
use std::process::ExitCode;
use std::sync::Arc;

use pgdj::catalog::index_usage::IndexUsage;
use pgdj::catalog::usage::ReferringKey;
use pgdj::django::{DjangoCode, Project, Refused, index_for_key};
use pgdj::findings::{self, Finding, RuleInput};
use pgdj::readings::Readings;
use pgdj::record::Reader;
use pgdj::sample::{RowSet, Snapshot};
use serde_json::{Value, json};

#[expect(clippy::print_stdout, reason = "it is a program that prints")]
fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: verdicts RECORDING");
        return ExitCode::from(2);
    };
    match samples(&path) {
        Ok((older, newer)) => println!("{}", verdicts(&older, newer)),
        Err(why) => {
            eprintln!("{path}: {why}");
            return ExitCode::from(1);
        }
    }
    ExitCode::SUCCESS
}

/// Returns the first and the last sample.
fn samples(path: &str) -> Result<(Arc<Snapshot>, Arc<Snapshot>), String> {
    let file = File::open(path).map_err(|why| why.to_string())?;
    let reader = Reader::new(file).map_err(|why| why.to_string())?;
    let samples: Vec<Arc<Snapshot>> = reader.collect();
    match (samples.first(), samples.last()) {
        (Some(first), Some(last)) => Ok((Arc::clone(first), Arc::clone(last))),
        _ => Err("no sample".to_owned()),
    }
}

fn verdicts(older: &Snapshot, newer: Arc<Snapshot>) -> Value {
    let readings = Readings::of(newer);
    let project = readings.project_for_code();
    let found = findings::check(&RuleInput::new(&readings, Some(older)));
    let indexes = readings.indexes().unwrap_or_default();
    // No index at all: then every foreign key lacks one.
    let keys = readings.foreign_keys().unwrap_or_default();
    let unknown: Vec<Value> =
        found.unknown.iter().map(|unknown| json!({"rule": unknown.rule, "why": unknown.why.to_string()})).collect();
    json!({
        "unread": project.unread,
        "last_migrations": project.apps.iter().map(|(app, of)| json!([app, of.last_migration])).collect::<Vec<_>>(),
        "tables": tables(&readings, project),
        "indexes": indexes.iter().map(|index| one_index(&readings, index)).collect::<Vec<_>>(),
        "additions": keys.iter().map(|key| addition(key, project)).collect::<Vec<_>>(),
        "findings": found.list.iter().map(finding).collect::<Vec<_>>(),
        "unknown": unknown,
    })
}

fn tables(readings: &Readings, project: &Project) -> Vec<Value> {
    let rows = readings.snapshot().rows("tables").into_iter().flat_map(RowSet::iter);
    rows.map(|row| {
        let name = row.text("name");
        let owner = project.owner(name);
        json!({
            "schema": row.text("schema"), "name": name,
            "owner": owner.as_ref().map(|owner| json!({
                "app": owner.app, "model": owner.model, "through": owner.through, "shown": owner.shown(),
                "is_confirmed": owner.certainty.is_confirmed(), "words": owner.certainty.words(),
            })),
        })
    })
    .collect()
}

fn one_index(readings: &Readings, index: &IndexUsage) -> Value {
    let origin = readings.origins().origin(index);
    json!({
        "schema": index.schema, "table": index.table, "name": index.name, "columns": index.key_names().collect::<Vec<_>>(),
        "key_options": index.key_options, "is_unique": index.is_unique,
        "word": origin.word(), "words": origin.words(), "source": format!("{:?}", origin.source),
        "is_confirmed": origin.is_confirmed, "column": origin.column,
        "removal": code(&readings.removal_of(index)),
    })
}

fn addition(key: &ReferringKey, project: &Project) -> Value {
    json!({"table": key.table, "columns": key.columns, "code": code(&index_for_key(key, project))})
}

fn code(code: &Result<DjangoCode, Refused>) -> Value {
    match code {
        Ok(code) => json!({
            "name": code.name, "app": code.owner.as_ref().map(|owner| &owner.app),
            "model": code.owner.as_ref().map(|owner| &owner.model), "certainty": code.certainty.words(),
            "is_of_django": code.owner.as_ref().is_some_and(pgdj::django::Owner::is_of_django),
            "meta": code.meta_line, "imports": code.imports, "notes": code.notes, "sql": code.sql,
            "migration": code.migration.as_ref().map(|file| json!({"path": file.path, "text": file.text})),
        }),
        Err(refused) => json!({"why_not": refused.why}),
    }
}

fn finding(finding: &Finding) -> Value {
    json!({
        "id": finding.id, "severity": finding.severity.word(), "title": finding.title, "evidence": finding.evidence,
        "why": finding.why, "fix": finding.fix.text, "code": finding.fix.code.as_ref().map(|code| &code.text),
    })
}
