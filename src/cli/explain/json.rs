//! The report as JSON, for programs.
//!
//! Its shape is versioned by `format`: members are only ever added to a version.
//!
//! ```text
//! {"format": 2, "program": "pgdj 0.1.0", "troubles": [text],
//!  "against": null or {"file": text, "new_sequential_scans": [{"plan", "node"}]},
//!  "plans": [{"explain": what EXPLAIN (FORMAT JSON) wrote, "sql": text or null, "is_analyzed": bool, "notices": [text],
//!    "verdict": text, "is_fine": bool,
//!    "sequential_scans": [{"node", "table", "rows_read", "rows_kept", "is_kept_at_most", "blocks", "times", "share"}],
//!    "tips": [{"id", "title", "node", "evidence", "advice", "why", "wrong", "source", "saving_seconds"}],
//!    "indexes": [{"table", "summary", "why", "evidence": what the planner was asked with, or null, "verdicts": [what it says of each],
//!       "is_verified", "confidence", "cost_before", "cost_after", "saves_seconds", "size_bytes", "sizes": [number],
//!       "is_size_known", "build_seconds", "bytes_per_row", "share_of_row", "wal_bytes_per_insert": of a row that every one
//!       of the indexes takes, "wal_bytes_if_met": the part of it only for rows that meet the condition of a partial index,
//!       "inserts_per_second",
//!       "replaces": [text], "notes": [text], "code": [{"name", "model", "certainty", "meta", "imports", "migration", "sql"}]}],
//!    "refusals": [{"table", "node", "why", "rewrite"}]}]}
//! ```
//!
//! `node` is the node's place in the plan, counted from 0, parents before their children. Texts are as the server gave them.

use serde_json::{Value, json};

use super::report::ExplainReport;
use super::reported::Reported;
use crate::advisor::Refusal;
use crate::cli::index_code::index_code;
use crate::pg::advice::AdvisedIndex;
use crate::pg::verify::Verified;
use crate::plan::tips::TipHit;
use crate::quote::printable_json;
use crate::report;

/// The version of the shape.
const FORMAT: u32 = 2;

/// Writes the report.
///
/// The plans are put in as they were written: a plan may be deeper than a reader of JSON would go.
pub(super) fn write(report: &ExplainReport) -> String {
    let program = format!("pgdj {}", env!("CARGO_PKG_VERSION"));
    let plans: Vec<String> = report.plans.iter().map(one).collect();
    let against = report.against.as_ref().map(|against| {
        let scans = against.scans.iter().map(|(plan, node)| json!({"plan": plan, "node": node}));
        json!({"file": against.from, "new_sequential_scans": scans.collect::<Vec<Value>>()})
    });
    let json = format!(
        "{{\"format\":{FORMAT},\"program\":{},\"troubles\":{},\"against\":{},\"plans\":[{}]}}\n",
        json!(program),
        json!(report.troubles),
        json!(against),
        plans.join(",")
    );
    // It may go to a terminal.
    printable_json(json)
}

fn one(plan: &Reported) -> String {
    let scans: Vec<Value> = plan
        .scans
        .iter()
        .map(|scan| {
            json!({
                "node": scan.node, "table": scan.relation, "rows_read": scan.rows_read, "rows_kept": scan.rows_kept,
                "is_kept_at_most": scan.is_kept_at_most,
                "blocks": scan.blocks, "times": scan.times, "share": scan.share,
            })
        })
        .collect();
    let tips: Vec<Value> = plan.verdict.tips.iter().map(|hit| tip(plan, hit)).collect();
    let (indexes, refusals): (Vec<Value>, Vec<Value>) =
        plan.advised.as_ref().map_or_else(Default::default, |advised| {
            (advised.indexes.iter().map(index).collect(), advised.refusals.iter().map(refusal).collect())
        });
    let rest = json!({
        "sql": plan.sql, "is_analyzed": plan.plan.is_analyzed(), "notices": plan.notices,
        "verdict": plan.verdict.sentence, "is_fine": plan.verdict.is_fine, "sequential_scans": scans, "tips": tips,
        "indexes": indexes, "refusals": refusals,
    });
    let rest = rest.to_string();
    format!("{{\"explain\":{},{}", plan.json().trim(), rest.trim_start_matches('{'))
}

fn tip(plan: &Reported, hit: &TipHit) -> Value {
    json!({
        "id": hit.tip.id, "title": hit.tip.title, "node": hit.node, "evidence": hit.seen, "advice": hit.advice,
        "why": hit.tip.why, "wrong": hit.tip.wrong, "source": hit.tip.source,
        "saving_seconds": (plan.plan.has_times() && !hit.is_outside).then_some(hit.saving.0),
    })
}

fn index(index: &AdvisedIndex) -> Value {
    let (candidate, writes) = (&index.candidate, &index.candidate.write_cost);
    let verified = index.verified.as_ref();
    let costs_of_plan = verified.and_then(Verified::costs);
    let (before, after) = costs_of_plan.unwrap_or((candidate.cost_before, candidate.cost_after));
    let code: Vec<Value> = index
        .codes
        .iter()
        .map(|code| {
            let mut value = index_code(code);
            if let (Some(object), Ok(code)) = (value.as_object_mut(), code) {
                let migration = code.migration.as_ref().map(|file| json!({"name": file.name(), "text": file.text}));
                object.insert("migration".to_owned(), json!(migration));
            }
            value
        })
        .collect();
    json!({
        "table": candidate.spec.table, "summary": candidate.spec.summary(), "why": candidate.why,
        "evidence": verified.map(|verified| &verified.evidence), "verdicts": verified.map(|verified| &verified.verdicts),
        "is_verified": costs_of_plan.is_some(), "confidence": candidate.confidence.word(),
        "cost_before": before, "cost_after": after, "saves_seconds": candidate.saves.map(|saves| saves.0),
        "size_bytes": candidate.size_bytes(), "sizes": candidate.sizes, "is_size_known": candidate.is_size_known,
        "build_seconds": writes.build.0, "bytes_per_row": writes.bytes_per_row, "share_of_row": writes.share_of_row,
        "wal_bytes_per_insert": writes.wal_per_insert, "wal_bytes_if_met": writes.wal_if_met,
        "inserts_per_second": writes.inserts_per_second,
        "replaces": candidate.replaces, "notes": report::notes(index), "code": code,
    })
}

fn refusal(refusal: &Refusal) -> Value {
    json!({
        "table": refusal.table, "node": refusal.node, "why": refusal.why,
        "rewrite": refusal.rewrite.as_ref().map(|rewrite| json!({"what": rewrite.what, "django": rewrite.django})),
    })
}
