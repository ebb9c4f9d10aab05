//! The advice as JSON, for programs.
//!
//! Its shape is versioned by `format`: members are only ever added to a version.
//!
//! ```text
//! {"format": 1, "program": "pgdj 0.1.0", "database": text, "total_seconds", "window_seconds": number or null,
//!  "counted_since": seconds since 1970 or null, "priced_by": "planner", "model" or "nobody", "why_not_planner": text or null,
//!  "certificate": {"saves_seconds", "bound_seconds", "gap": 0..1, "candidates", "is_planned"},
//!  "asked": {"plans", "planning_seconds": of the server, for these plans, "elapsed_seconds"},
//!  "indexes": [{"table", "summary", "saves_seconds", "share": 0..1, "writes_seconds", "is_planned", "size_bytes",
//!    "is_size_known", "build_seconds", "wal_bytes_per_insert", "replaces": [text], "notes": [text],
//!    "helps": [{"queryid": text, "cost_before", "cost_after", "saves_seconds"}],
//!    "code": [{"name", "model", "certainty", "meta", "imports", "sql"} or {"why_not"}]}],
//!  "migrations": [{"path", "text"}], "sql": [text],
//!  "statements": [{"queryid": text, "sql", "calls", "seconds", "rows", "blocks", "cost"}],
//!  "rewrites": [{"queryid": text, "table", "why", "what", "django"}],
//!  "worse": [{"queryid": text, "cost_before", "cost_after"}],
//!  "left_out": [{"why", "words", "statements", "seconds", "example"}], "notes": [text],
//!  "findings": [{"id", "severity": "critical", "warning" or "notice", "title", "evidence": [[label, value]], "why", "fix", "code"}],
//!  "checks_not_made": [{"check", "why"}]}
//! ```
//!
//! A queryid is a text, for it is larger than what many readers of JSON take for a number.

use serde_json::{Value, json};

use crate::cli::index_code::index_code;
use crate::findings::{Finding, Findings};
use crate::quote::printable_json;
use crate::workload::{ChosenIndex, CostChange, PricedBy, WorkloadAdvice};

/// The version of the shape.
const FORMAT: u32 = 1;

/// Writes the advice.
pub(super) fn write(advice: &WorkloadAdvice, findings: &Findings) -> String {
    let (priced_by, why_not) = match &advice.priced {
        PricedBy::Planner => ("planner", None),
        PricedBy::Model(why) => ("model", Some(why)),
        PricedBy::Nobody => ("nobody", None),
    };
    let certificate = &advice.certificate;
    let json = json!({
        "format": FORMAT, "program": format!("pgdj {}", env!("CARGO_PKG_VERSION")), "database": advice.database,
        "total_seconds": advice.total.0, "window_seconds": advice.window.map(|(_, length)| length.0),
        "counted_since": advice.window.map(|(since, _)| since.0), "priced_by": priced_by, "why_not_planner": why_not,
        "certificate": {
            "saves_seconds": certificate.saves.0, "bound_seconds": certificate.bound.0, "gap": certificate.gap(),
            "candidates": certificate.candidates, "is_planned": certificate.is_planned,
        },
        "asked": {
            "plans": advice.asked.plans, "planning_seconds": advice.asked.server.0,
            "elapsed_seconds": advice.asked.elapsed.0,
        },
        "indexes": advice.indexes.iter().map(|index| one(advice, index)).collect::<Vec<Value>>(),
        "migrations": advice.migrations.iter().map(|file| json!({"path": file.path, "text": file.text})).collect::<Vec<Value>>(),
        "sql": advice.sql,
        "statements": statements(advice), "rewrites": rewrites(advice),
        "worse": advice.worse.iter().map(|change| changed(advice, change)).collect::<Vec<Value>>(),
        "left_out": advice.left_out.iter().map(|group| json!({
            "why": group.why.id(), "words": group.why.words(), "statements": group.statements,
            "seconds": group.time.0, "example": group.example,
        })).collect::<Vec<Value>>(),
        "notes": advice.notes, "findings": findings.list.iter().map(finding).collect::<Vec<Value>>(),
        "checks_not_made": findings.unknown.iter().map(|unjudged| json!({
            "check": unjudged.rule, "why": unjudged.why.to_string(),
        })).collect::<Vec<Value>>(),
    });
    // It may go to a terminal.
    printable_json(format!("{json}\n"))
}

fn finding(finding: &Finding) -> Value {
    json!({
        "id": finding.id, "severity": finding.severity.word(), "title": finding.title, "evidence": finding.evidence,
        "why": finding.why, "fix": finding.fix.text, "code": finding.fix.code.as_ref().map(|code| &code.text),
    })
}

fn queryid(advice: &WorkloadAdvice, at: usize) -> Option<String> {
    advice.statements.get(at).map(|planned| planned.statement.queryid.to_string())
}

fn changed(advice: &WorkloadAdvice, change: &CostChange) -> Value {
    json!({
        "queryid": queryid(advice, change.statement), "cost_before": change.before, "cost_after": change.after,
    })
}

fn statements(advice: &WorkloadAdvice) -> Vec<Value> {
    let statements = advice.statements.iter().map(|planned| {
        let statement = &planned.statement;
        json!({
            "queryid": statement.queryid.to_string(), "sql": statement.sql, "calls": statement.calls,
            "seconds": statement.time.0, "rows": statement.rows, "blocks": statement.blocks, "cost": planned.cost(),
        })
    });
    statements.collect()
}

fn rewrites(advice: &WorkloadAdvice) -> Vec<Value> {
    let rewrites = advice.rewrites.iter().map(|(at, refusal)| {
        json!({
            "queryid": queryid(advice, *at), "table": refusal.table, "why": refusal.why,
            "what": refusal.rewrite.as_ref().map(|rewrite| &rewrite.what),
            "django": refusal.rewrite.as_ref().and_then(|rewrite| rewrite.django.as_ref()),
        })
    });
    rewrites.collect()
}

fn one(advice: &WorkloadAdvice, index: &ChosenIndex) -> Value {
    let (candidate, writes) = (&index.candidate, &index.candidate.write_cost);
    let code: Vec<Value> = index.codes.iter().map(index_code).collect();
    let helps = index.helped.iter().map(|helped| {
        let mut value = changed(advice, &helped.change);
        if let Some(object) = value.as_object_mut() {
            object.insert("saves_seconds".to_owned(), json!(helped.saves.0));
        }
        value
    });
    json!({
        "table": candidate.spec.table, "summary": candidate.spec.summary(), "saves_seconds": index.saves.0,
        "share": index.share, "writes_seconds": index.writes.0, "is_planned": index.is_planned,
        "size_bytes": candidate.size_bytes(), "is_size_known": candidate.is_size_known,
        "build_seconds": writes.build.0, "wal_bytes_per_insert": writes.wal_per_insert,
        "replaces": candidate.replaces, "notes": candidate.notes, "helps": helps.collect::<Vec<Value>>(), "code": code,
    })
}
