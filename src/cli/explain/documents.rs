//! The report as documents, for a person: the plan as psql prints it, then what is worth doing.

use super::report::ExplainReport;
use super::reported::Reported;
use crate::document::{Document, Language, Tone};
use crate::plan::text;
use crate::report::{self, AdvisedTip, TriedPlan};

/// Sequential scans that are listed; the rest is counted.
const MOST_SCANS: usize = 10;

/// Returns the document of each plan, and that of the comparison with older ones.
pub(super) fn documents(report: &ExplainReport) -> Vec<Document> {
    let count = report.plans.len();
    let mut documents = Vec::with_capacity(count + 1);
    for (at, plan) in report.plans.iter().enumerate() {
        let title = if count > 1 { format!("EXPLAIN: plan {} of {count}", at + 1) } else { "EXPLAIN".to_owned() };
        let mut document = Document::new(title);
        if at == 0 {
            // Before the plans: what is below is not all there was.
            let troubles = report.troubles.iter().map(|trouble| format!("not parsed: {trouble}"));
            document.list(troubles.collect(), Tone::Warning);
        }
        of_plan(&mut document, plan);
        documents.push(document);
    }
    if let Some(against) = &report.against {
        let mut document = Document::new("Against the older plan");
        let tone = if against.scans.is_empty() { Tone::Good } else { Tone::Bad };
        document.text_as(&against.sentence(), tone);
        let scans = against.found(&report.plans).map(|(plan, scan)| plan.scan(scan));
        document.list(scans.collect(), Tone::Bad);
        documents.push(document);
    }
    documents
}

fn of_plan(document: &mut Document, plan: &Reported) {
    if let Some(sql) = &plan.sql {
        document.code(Language::Sql, sql);
    }
    document.code(Language::Plan, &text::psql(&plan.plan));
    document.text_as(&plan.verdict.sentence, if plan.verdict.is_fine { Tone::Good } else { Tone::Strong });
    document.list(plan.notices.clone(), Tone::Plain);
    let mut scans: Vec<String> = plan.scans.iter().take(MOST_SCANS).map(|scan| plan.scan(scan)).collect();
    if let Some(more) = plan.scans.len().checked_sub(MOST_SCANS).filter(|more| *more > 0) {
        scans.push(format!("and {more} more"));
    }
    if !scans.is_empty() {
        document.heading("Sequential scans");
        document.list(scans, Tone::Warning);
    }
    if !plan.verdict.tips.is_empty() {
        document.heading("Tips");
    }
    for (at, hit) in plan.verdict.tips.iter().enumerate() {
        let is_cured = plan.advised.as_ref().is_some_and(|advised| advised.cures(hit));
        report::tip::tip(document, &plan.plan, at + 1, &AdvisedTip { hit, advice: &hit.advice, is_cured });
    }
    let Some(advised) = &plan.advised else { return };
    if !advised.indexes.is_empty() {
        document.heading("Indexes");
    }
    report::indexes(document, advised, TriedPlan { plan: &plan.plan, trial: None });
}
