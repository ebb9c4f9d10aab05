//! The report as documents, for a person: the plan as psql prints it, then what is worth doing.

use super::report::ExplainReport;
use super::reported::Reported;
use crate::document::{Document, Tone};
use crate::report::{self, WholePlan};

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
    let scans: Vec<String> = plan.scans.iter().map(|scan| plan.scan(scan)).collect();
    let whole = WholePlan {
        plan: &plan.plan,
        sql: plan.sql.as_deref(),
        verdict: &plan.verdict,
        notices: &plan.notices,
        scans: &scans,
        advised: plan.advised.as_ref(),
    };
    report::whole(document, whole);
}
