//! A plan and all that is said of it, whatever the form.

use std::borrow::Cow;

use crate::pg::advice::Advised;
use crate::pg::explain::ExplainAnswer;
use crate::pg::explain::refusal::NOT_RUN;
use crate::plan::BLOCK;
use crate::plan::scans::{self, SeqScan};
use crate::plan::tips::{PlanVerdict, TipContext, TipHit, verdict};
use crate::plan::{NodeId, Plan, to_json};
use crate::sample::Bytes;
use crate::sample::unit::{Count, Share};

/// Sequential scans that are listed; the rest is counted.
const MOST_SCANS: usize = 10;

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

    /// Returns the name of a node for people.
    pub(super) fn node_name(&self, id: NodeId) -> String {
        let Some(node) = self.plan.node(id) else { return String::new() };
        let name = crate::plan::text_label::label(node);
        // The label of a join or a sort says nothing of where it stands; what is below it does.
        name.trim().to_owned()
    }

    /// Returns where a tip was seen.
    pub(super) fn place(&self, hit: &TipHit) -> Option<String> {
        let mut place = self.node_name(hit.node?);
        match hit.others {
            0 => {}
            1 => place.push_str(" (and one more node)"),
            others => place.push_str(&format!(" (and {others} more nodes)")),
        }
        Some(place)
    }

    /// Returns what each sequential scan read and kept, one sentence each, and how many more there are.
    pub(super) fn scan_lines(&self) -> (Vec<String>, usize) {
        let lines = self.scans.iter().take(MOST_SCANS).map(|scan| self.scan_line(scan)).collect();
        (lines, self.scans.len().saturating_sub(MOST_SCANS))
    }

    pub(super) fn scan_line(&self, scan: &SeqScan) -> String {
        let model = self.model(scan).map(|model| format!(" ({model})")).unwrap_or_default();
        let node = self.plan.node(scan.node);
        let name = if scan.relation.is_empty() { "Seq Scan" } else { scan.relation.as_str() };
        let mut parts = Vec::new();
        let share = scan.kept_share().map(|share| format!(" ({})", Share(share))).unwrap_or_default();
        match scan.rows_read {
            Some(read) => {
                parts.push(format!("read {}, kept {}{share}", Count(read).of("row", "rows"), Count(scan.rows_kept)));
            }
            None if node.is_some_and(|node| node.estimate.is_some()) => {
                parts.push(format!("is estimated to keep {}", Count(scan.rows_kept).of("row", "rows")));
            }
            None => {}
        }
        if scan.times > 1.0 {
            parts.push(format!("{} times", Count(scan.times)));
        }
        parts.extend(scan.blocks.map(|blocks| Bytes(blocks * BLOCK).to_string()));
        if node.is_some_and(|node| node.derived.share.is_some()) {
            let of = if self.plan.has_times() { "time" } else { "cost" };
            parts.push(format!("{} of the {of}", Share(scan.share)));
        }
        // A plan without figures says only that there is one.
        if parts.is_empty() { format!("{name}{model}") } else { format!("{name}{model}: {}", parts.join(", ")) }
    }

    /// Returns the Django model of a table, where advice was asked for it.
    fn model(&self, scan: &SeqScan) -> Option<String> {
        let indexes = &self.advised.as_ref()?.indexes;
        let codes = indexes.iter().filter(|it| it.candidate.spec.table == scan.relation).flat_map(|it| &it.codes);
        codes.flatten().find_map(|code| code.owner.as_ref()).map(crate::django::Owner::label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_without_figures_makes_none_up() {
        for (text, expected) in [
            ("Seq Scan on o  (cost=1.00..2.00 rows=1 width=8)", "o: is estimated to keep 1 row, 100% of the cost"),
            ("[{\"Plan\": {\"Node Type\": \"Seq Scan\", \"Relation Name\": \"o\"}}]", "o"),
            ("[{\"Plan\": {\"Node Type\": \"Seq Scan\"}}]", "Seq Scan"),
        ] {
            let plan = crate::plan::parse(text).plans.remove(0);
            assert_eq!(Reported::from_file(plan).scan_lines().0, [expected]);
        }
    }
}
