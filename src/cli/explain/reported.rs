//! A plan and all that is said of it, whatever the form.

use std::borrow::Cow;

use crate::pg::advice::Advised;
use crate::pg::explain::ExplainAnswer;
use crate::pg::explain::refusal::NOT_RUN;
use crate::plan::scans::{self, SeqScan};
use crate::plan::tips::{PlanVerdict, TipContext, verdict};
use crate::plan::{Plan, to_json};
use crate::report::{self, ScannedTable, TriedPlan};

/// A plan and all that is said of it.
#[derive(Debug)]
pub(super) struct Reported {
    pub(super) plan: Plan,
    /// The server's own JSON; `None` for a plan that came as a text.
    raw: Option<String>,
    pub(super) sql: Option<String>,
    pub(super) notices: Vec<String>,
    pub(super) verdict: PlanVerdict,
    /// `None` without a server.
    pub(super) advised: Option<Advised>,
    pub(super) scans: Vec<SeqScan>,
}

impl Reported {
    pub(super) fn from_file(plan: Plan) -> Self {
        let (verdict, scans) = (verdict(&plan, &TipContext::default()), scans::sequential(&plan));
        let sql = plan.query.clone();
        Self { plan, raw: None, sql, notices: Vec::new(), verdict, advised: None, scans }
    }

    pub(super) fn from_server(answer: ExplainAnswer, advised: Advised) -> Self {
        let verdict = verdict(&answer.plan, &advised.context);
        let verdict = verdict.with_index(advised.indexes.first().map(|index| index.candidate.summary()).as_deref());
        let is_unrun = answer.notices.iter().any(|notice| notice.starts_with(NOT_RUN));
        let mut verdict = if is_unrun { verdict.not_run() } else { verdict };
        // One cause has one figure: that of the index.
        if let (Some(index), Some(first)) = (advised.indexes.first(), verdict.tips.first())
            && advised.cures(first)
        {
            let subject = TriedPlan { plan: &answer.plan, trial: None };
            let saving = report::saving(index, 0, subject).map(|saving| format!(", {saving}")).unwrap_or_default();
            verdict.sentence = format!("An index is worth building: {}{saving}.", index.candidate.summary());
        }
        for hit in &mut verdict.tips {
            hit.advice = advised.advice_of(hit, "below");
        }
        let scans = scans::sequential(&answer.plan);
        let mut notices = answer.notices;
        notices.extend(advised.notes.iter().cloned());
        Self {
            raw: Some(answer.raw),
            sql: Some(answer.sql),
            notices,
            verdict,
            advised: Some(advised),
            scans,
            plan: answer.plan,
        }
    }

    /// Returns the server's own JSON, or ours for a plan that came as a text.
    pub(super) fn json(&self) -> Cow<'_, str> {
        self.raw.as_deref().map_or_else(|| to_json::to_json(&self.plan).into(), Cow::Borrowed)
    }

    /// Returns what a sequential scan read and kept, in a sentence.
    pub(super) fn scan(&self, scan: &SeqScan) -> String {
        report::scan(&self.plan, scan, &ScannedTable { model: self.model(scan), size: None })
    }

    /// Returns the Django model of a table, where advice was asked for it.
    fn model(&self, scan: &SeqScan) -> Option<String> {
        let indexes = &self.advised.as_ref()?.indexes;
        let codes = indexes.iter().filter(|it| it.candidate.spec.table == scan.relation).flat_map(|it| &it.codes);
        codes.flatten().find_map(|code| code.owner.as_ref()).map(crate::django::Owner::label)
    }
}
