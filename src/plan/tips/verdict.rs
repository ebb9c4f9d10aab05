//! The plan in one sentence: fine, or how much could be saved.

use super::{TipContext, TipHit, find};
use crate::plan::Plan;
use crate::sample::Seconds;
use crate::sample::unit::Share;

/// What is to be said of a plan as a whole.
#[derive(Debug, Clone)]
pub struct PlanVerdict {
    /// One sentence.
    pub sentence: String,
    /// Whether there is nothing worth doing.
    pub is_fine: bool,
    /// The tips, the largest saving first.
    pub tips: Vec<TipHit>,
}

impl PlanVerdict {
    /// Returns the same of a statement that was to be run and could not be: to be told to run it helps no one.
    #[must_use]
    pub(crate) fn not_run(self) -> Self {
        let sentence = self.sentence.replace(RUN_IT, "; it was not run.");
        Self { sentence, ..self }
    }

    /// Returns the same where an index is worth building: then not all is fine, whatever the tips say.
    #[must_use]
    pub(crate) fn with_index(self, index: Option<&str>) -> Self {
        match index {
            Some(index) if self.is_fine => {
                Self { sentence: format!("An index is worth building: {index}."), is_fine: false, ..self }
            }
            _ => self,
        }
    }
}

/// The end of the sentence about an estimate.
const RUN_IT: &str = "; run it with ANALYZE to see where the time goes.";

/// Returns what a run that was rolled back does not show: Django's foreign keys are deferred, and checked at COMMIT.
///
/// Source: Django, `DatabaseSchemaEditor.sql_create_fk`, `DEFERRABLE INITIALLY DEFERRED`.
fn at_commit(plan: &Plan, context: &TipContext) -> String {
    let Some(root) = plan.nodes.first().filter(|root| root.kind == crate::plan::NodeKind::ModifyTable) else {
        return String::new();
    };
    let referrers = context.table(root).map(|table| table.referrers.as_slice()).unwrap_or_default();
    let mut names: Vec<&str> = referrers.iter().filter(|one| one.is_deferred).map(|one| one.table.as_str()).collect();
    names.dedup();
    let is_delete = root.operation() == Some("Delete");
    let of = match (is_delete, names.as_slice()) {
        (false, _) | (true, []) => "deferred foreign keys".to_owned(),
        (true, all) => {
            let listed = all.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
            let more = all.len().saturating_sub(NAMED);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("the foreign keys of {listed}{more}")
        }
    };
    format!(" What runs at COMMIT ({of}) was not measured.")
}

/// Tables that a sentence names.
const NAMED: usize = 3;

/// Says that an estimate does not show why a statement is slow, where its calls are known to be.
fn unexplained(plan: &Plan, context: &TipContext) -> Option<String> {
    /// A call below this is not slow.
    const SLOW: Seconds = Seconds(0.1);
    let mean = context.mean_time.filter(|mean| mean.0 >= SLOW.0 && !plan.is_analyzed())?;
    let temp = context.temp_per_call.filter(|temp| temp.0 >= 1.0);
    let temp = temp.map(|temp| format!(" and writes {temp} of temporary files")).unwrap_or_default();
    Some(format!("The estimates do not show why it takes {mean}{temp} on average{RUN_IT}"))
}

/// Returns what is to be said of a plan, with its tips.
pub fn verdict(plan: &Plan, context: &TipContext) -> PlanVerdict {
    let tips = find(plan, context);
    if let Some(sentence) = unexplained(plan, context).filter(|_| tips.is_empty()) {
        return PlanVerdict { sentence, is_fine: false, tips };
    }
    let is_fine = tips.is_empty();
    let total = plan.total_time();
    let sentence = match (is_fine, plan.has_times(), total, tips.first()) {
        (true, true, Some(time), _) => {
            format!("This plan is fine: {time}, nothing worth changing.{}", at_commit(plan, context))
        }
        (true, _, _, _) if plan.is_analyzed() => {
            format!("This plan is fine: nothing worth changing.{}", at_commit(plan, context))
        }
        (true, _, _, _) => {
            format!("The estimates show no problem{RUN_IT}")
        }
        (false, true, Some(time), Some(first)) if time.0 > 0.0 && !first.is_outside => {
            let part = Share((first.saving.0 / time.0).min(1.0));
            // Where it is known only which node is slow, nothing is won yet.
            if first.tip.id == super::slow_node::TIP.id {
                let node = first.node.and_then(|id| plan.node(id)).map(super::support::name).unwrap_or_default();
                return PlanVerdict {
                    sentence: format!("Slowest node: {node}, {} of {time} ({part}).", first.saving),
                    is_fine,
                    tips,
                };
            }
            format!("Largest gain: {}, up to {} of {time} ({part}).", first.tip.title, first.saving)
        }
        (false, _, _, _) => {
            format!("{}, see below.", crate::sample::unit::counted(tips.len(), "tip", "tips"))
        }
    };
    PlanVerdict { sentence, is_fine, tips }
}

#[cfg(test)]
mod tests {
    use super::super::support::test::plan_of;
    use super::*;

    fn check(text: &str, expected: &str) {
        assert_eq!(verdict(&plan_of(text), &TipContext::default()).sentence, expected);
    }

    #[test]
    fn a_fine_plan_is_told_so() {
        check(
            "Index Scan using o_pkey on o  (cost=0.4..8.4 rows=1 width=8) (actual time=0.01..0.02 rows=1 loops=1)\nExecution Time: 0.05 ms",
            "This plan is fine: 50µs, nothing worth changing.",
        );
        check(
            "Index Scan using o_pkey on o  (cost=0.4..8.4 rows=1 width=8)",
            "The estimates show no problem; run it with ANALYZE to see where the time goes.",
        );
    }

    #[test]
    fn a_statement_that_is_known_to_be_slow_is_not_called_fine_by_its_estimate() {
        let estimate = plan_of("Index Scan using o_pkey on o  (cost=0.4..8.4 rows=1 width=8)");
        let context = TipContext {
            mean_time: Some(Seconds(4.2)),
            temp_per_call: Some(crate::sample::Bytes(8192.0 * 128.0)),
            ..TipContext::default()
        };
        let said = verdict(&estimate, &context);
        assert!(!said.is_fine);
        assert_eq!(
            said.sentence,
            "The estimates do not show why it takes 4.2s and writes 1.0 MB of temporary files on average; run it with \
             ANALYZE to see where the time goes."
        );
        let quick = TipContext { mean_time: Some(Seconds(0.01)), ..TipContext::default() };
        assert!(verdict(&estimate, &quick).is_fine);
    }

    #[test]
    fn no_problem_is_not_said_above_an_index_worth_building() {
        let plan = plan_of("Index Scan using o_pkey on o  (cost=0.4..8.4 rows=1 width=8)");
        let said = verdict(&plan, &TipContext::default()).with_index(Some("o (a)"));
        assert_eq!((said.sentence.as_str(), said.is_fine), ("An index is worth building: o (a).", false));
        let not_run = verdict(&plan, &TipContext::default()).not_run();
        assert_eq!(not_run.sentence, "The estimates show no problem; it was not run.");
        let said = verdict(&plan, &TipContext::default()).with_index(None);
        assert!(said.is_fine && said.sentence.starts_with("The estimates show no problem"));
    }

    #[test]
    fn a_node_that_is_only_slow_wins_nothing() {
        check(
            "Hash Join  (cost=1..2 rows=1 width=8) (actual time=1..900 rows=1 loops=1)\n  ->  Seq Scan on o  (cost=1..2 rows=1 width=8) (actual time=1..414 rows=1 loops=1)\n  ->  Hash  (cost=1..2 rows=1 width=8) (actual time=1..300 rows=1 loops=1)\nExecution Time: 900 ms",
            "Slowest node: Seq Scan on o, 414ms of 900ms (46%).",
        );
    }

    #[test]
    fn what_is_sent_is_no_part_of_the_time() {
        check(
            "Seq Scan on o  (cost=1..2 rows=1 width=8) (actual time=1..100 rows=50000 loops=1)\nExecution Time: 167 ms",
            "1 tip, see below.",
        );
    }

    #[test]
    fn a_slow_one_is_told_what_could_be_saved() {
        check(
            "Seq Scan on o  (cost=1..2 rows=1 width=8) (actual time=1..900 rows=1 loops=1)\n  Filter: (a = 1)\n  Rows Removed by Filter: 99999\nExecution Time: 900 ms",
            "Largest gain: rows read and discarded, up to 900ms of 900ms (100%).",
        );
    }
}
