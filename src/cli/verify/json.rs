//! What came of an advice as JSON, for programs.
//!
//! Its shape is versioned by `format`: members are only ever added to a version.
//!
//! ```text
//! {"format": 1, "program": "pgdj 0.1.0", "name": text, "database": text, "kept_at", "at", "since": seconds since 1970,
//!  "is_since_built": whether only calls since the indexes were seen are counted, "is_bad": as `--check` judges,
//!  "indexes": [{"summary", "verdict": "used", "unused", "invalid", "not_built" or "too_early", "share": promised, 0..1,
//!    "parts": [{"table", "name", "is_built", "is_valid", "bytes", "scans", "remove": {…} or null}],
//!    "statements": [statement]}],
//!  "slower": [statement], "notes": [text]}
//! statement: {"queryid": text, "before_seconds", "promised_seconds", "calls", "after_seconds": of a call on average,
//!  "uses_index": by its plan without values}
//! ```

use serde_json::{Value, json};

use crate::cli::index_code::index_code;
use crate::quote::printable_json;
use crate::workload::baseline::BaselinePart;
use crate::workload::outcome::{IndexVerdict, PartOutcome, StatementOutcome};
use crate::workload::{Baseline, BaselineOutcome, CurrentWorkload};

/// The version of the shape.
const FORMAT: u32 = 1;

/// Writes what came of an advice.
pub(super) fn write(baseline: &Baseline, now: &CurrentWorkload, outcome: &BaselineOutcome) -> String {
    let indexes: Vec<Value> = outcome
        .indexes
        .iter()
        .zip(&baseline.indexes)
        .map(|(index, advised)| {
            json!({
                "summary": advised.summary, "verdict": verdict(index.verdict), "share": advised.share,
                "parts": index.parts.iter().zip(&advised.parts).map(|(now, part)| one(part, now)).collect::<Vec<Value>>(),
                "statements": statements(baseline, &index.statements),
            })
        })
        .collect();
    let json = json!({
        "format": FORMAT, "program": format!("pgdj {}", env!("CARGO_PKG_VERSION")), "name": baseline.name,
        "database": baseline.database, "kept_at": baseline.kept_at.0, "at": now.at.0, "since": outcome.since.0,
        "is_since_built": outcome.is_since_built, "is_bad": outcome.is_bad(), "indexes": indexes,
        "slower": statements(baseline, &outcome.slower), "notes": now.notes,
    });
    // It may go to a terminal.
    printable_json(format!("{json}\n"))
}

fn verdict(verdict: IndexVerdict) -> &'static str {
    match verdict {
        IndexVerdict::NotBuilt => "not_built",
        IndexVerdict::Invalid => "invalid",
        IndexVerdict::Used => "used",
        IndexVerdict::Unused => "unused",
        IndexVerdict::TooEarly => "too_early",
    }
}

fn one(advised: &BaselinePart, now: &PartOutcome) -> Value {
    match now {
        PartOutcome::NotBuilt => json!({ "table": advised.table, "name": advised.name, "is_built": false }),
        PartOutcome::Built(part) => json!({
            "table": advised.table, "name": part.name, "is_built": true, "is_valid": part.is_valid,
            "bytes": part.bytes.map(|bytes| bytes.0), "scans": part.scans, "remove": index_code(&part.removal),
        }),
    }
}

fn statements(baseline: &Baseline, outcomes: &[StatementOutcome]) -> Vec<Value> {
    let of = |outcome: &StatementOutcome| {
        json!({
            "queryid": baseline.statements.get(outcome.statement).map(|known| &known.queryid),
            "before_seconds": outcome.before.0, "promised_seconds": outcome.promised.map(|promised| promised.0),
            "calls": outcome.calls, "after_seconds": outcome.after.map(|after| after.0), "uses_index": outcome.uses_index,
        })
    };
    outcomes.iter().map(of).collect()
}
