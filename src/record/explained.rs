//! What Explain shows of a recording: plans and indexes by the rules of today, without a server.

use std::sync::Arc;

use super::plans::{IndexAnswer, Plans, RecordedPlan};
use crate::advisor::{IndexSpec, guessed};
use crate::pg::advice::{Advised, Facts, Search};
use crate::pg::catalog::CatalogRows;
use crate::pg::django_read;
use crate::pg::explain::ExplainAnswer;
use crate::pg::verify::Verified;
use crate::plan::{self, Plan, to_json};
use crate::sample::{RowSet, Timestamp};

/// Explains the statements of a recording, as far as it holds their plans.
#[derive(Debug, Clone, Default)]
pub struct Explained {
    plans: Arc<Plans>,
}

impl Explained {
    /// Takes the plans of a recording.
    pub fn new(plans: Arc<Plans>) -> Self {
        Self { plans }
    }

    /// Returns for how many statements there is a plan.
    pub fn len(&self) -> usize {
        self.plans.plans.len()
    }

    /// Whether there is no plan at all.
    pub fn is_empty(&self) -> bool {
        self.plans.plans.is_empty()
    }

    /// Returns the plan of a statement; `None` where the recording has none. `at` stands for the moment it was made.
    pub fn answer(&self, sql: &str, at: Option<Timestamp>) -> Option<ExplainAnswer> {
        let recorded = self.plans.find(sql)?;
        let plan = plan::parse(&recorded.plan).plans.into_iter().next()?;
        let how = if recorded.is_estimate {
            "an estimate"
        } else {
            "the statement ran with the values at recording \
            time"
        };
        Some(ExplainAnswer {
            plan,
            raw: recorded.plan.clone(),
            sql: recorded.sql.clone(),
            estimate_only: recorded.is_estimate,
            notices: vec![format!("The plan is part of the recording: {how}.")],
            at: at.unwrap_or(recorded.at),
        })
    }

    /// Advises about a plan, by the facts in the recording; `None` where it holds nothing of the plan's tables.
    pub fn advise(&self, sql: &str, plan: &Plan) -> Option<Advised> {
        let facts = facts(&self.plans);
        let relations = crate::pg::catalog::relations(plan);
        let is_known = |(_, name): &(String, String)| facts.catalog.tables.iter().any(|table| table.name == *name);
        if relations.is_empty() || !relations.iter().all(is_known) {
            return None;
        }
        let recorded = self.plans.find(sql);
        let answers = |sets: &[Vec<IndexSpec>]| {
            let answer = |set: &Vec<IndexSpec>| recorded.and_then(|recorded| verified(recorded, set));
            // The best of some sets would not be the best of all.
            sets.iter().map(answer).collect::<Option<Vec<_>>>().unwrap_or_default()
        };
        // The values of a recording were chosen by pgdj.
        let plan = guessed::without(plan, sql, |_| Some(guessed::UNKNOWN.to_owned()));
        Some(Search::new(&plan, facts).settle(answers))
    }
}

/// Returns what is known of the tables and the project.
pub(super) fn facts(plans: &Plans) -> Facts {
    let rows = |(name, rows): (&String, &super::Rows)| (name.clone(), RowSet::from(rows));
    let parts = CatalogRows { rows: plans.catalog.iter().map(rows).collect(), notes: plans.catalog_notes.clone() };
    let read = parts.read();
    let parts = django_read::ProjectRows { rows: plans.project.iter().map(rows).collect(), unread: None };
    Facts { catalog: read.catalog, notes: read.notes, project: parts.project() }
}

fn verified(recorded: &RecordedPlan, set: &[IndexSpec]) -> Option<Verified> {
    let set = IndexAnswer::key(set);
    let answer = recorded.indexes.iter().find(|answer| answer.set == set)?;
    let plan = |json: &Option<String>| plan::parse(json.as_deref()?).plans.into_iter().next();
    Some(Verified {
        evidence: answer.rung.clone(),
        verdicts: answer.verdicts.clone(),
        before: plan(&answer.before),
        after: plan(&answer.after),
        sizes: vec![None; answer.verdicts.len()],
        notes: answer.notes.clone(),
    })
}

impl IndexAnswer {
    /// Takes what the planner said of a set of indexes.
    pub fn new(set: &[IndexSpec], verified: &Verified) -> Self {
        Self {
            set: Self::key(set),
            rung: verified.evidence.clone(),
            verdicts: verified.verdicts.clone(),
            before: verified.before.as_ref().map(to_json::to_json),
            after: verified.after.as_ref().map(to_json::to_json),
            notes: verified.notes.clone(),
        }
    }

    fn key(set: &[IndexSpec]) -> Vec<String> {
        set.iter().map(|spec| format!("{}.{} {}", spec.schema, spec.table, spec.summary())).collect()
    }
}

impl Plans {
    /// Returns the sets of indexes that the planner is to be asked about for a plan.
    pub fn sets(&self, plan: &Plan) -> Vec<Vec<IndexSpec>> {
        Search::new(plan, facts(self)).sets()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::AccessMethod;
    use crate::demo::RECORDING;
    use crate::record::Reader;

    /// Said where the advisor has moved on from what the planner was asked when the demo was recorded.
    const ANEW: &str = "make the recording anew: pgdj demo --record FILE";

    fn demo() -> (Arc<Plans>, Explained) {
        let plans = Arc::clone(Reader::new(RECORDING).unwrap().plans());
        (Arc::clone(&plans), Explained::new(plans))
    }

    #[test]
    fn the_demos_recording_explains_its_statements_by_their_texts_and_with_other_values() {
        let (plans, explained) = demo();
        assert!(explained.len() > 25, "{} plans", explained.len());
        for recorded in &plans.plans {
            let answer = explained.answer(&recorded.sql, None).unwrap();
            assert_eq!(answer.estimate_only, recorded.is_estimate);
        }
        let city = r#"SELECT COUNT(*) AS "__count" FROM "shop_customer" WHERE "shop_customer"."city" = $1"#;
        assert!(!explained.answer(city, None).unwrap().estimate_only);
        assert!(explained.answer("select * from nowhere", None).is_none());
        assert!(explained.answer("COMMIT", None).is_none());
    }

    #[test]
    fn the_demos_recording_advises_indexes_as_django_code_that_the_planner_uses() {
        let (plans, explained) = demo();
        let advised = plans.plans.iter().filter_map(|recorded| {
            let answer = explained.answer(&recorded.sql, None)?;
            explained.advise(&recorded.sql, &answer.plan)
        });
        let indexes: Vec<_> = advised.flat_map(|advised| advised.indexes).collect();
        assert!(indexes.len() >= 3, "{} indexes: {ANEW}", indexes.len());
        let has_code = |index: &&crate::pg::advice::AdvisedIndex| index.codes.iter().all(Result::is_ok);
        assert_eq!(indexes.iter().filter(has_code).count(), indexes.len());
        let verified: Vec<_> = indexes.iter().filter_map(|index| index.verified.as_ref()).collect();
        // HypoPG refuses GIN: about such an index no planner was asked.
        let is_asked = |index: &&crate::pg::advice::AdvisedIndex| {
            index.candidate.specs().any(|spec| spec.definition.method != AccessMethod::Gin)
        };
        let asked: Vec<_> = indexes.iter().filter(is_asked).collect();
        assert!(asked.len() >= 3 && asked.iter().all(|index| index.verified.is_some()), "{ANEW}");
        assert!(verified.iter().any(|verified| verified.is_used()), "{ANEW}");
    }

    #[test]
    fn a_recording_without_plans_explains_nothing() {
        let explained = Explained::default();
        assert!(explained.is_empty() && explained.answer("select 1", None).is_none());
        let plan = plan::parse(r#"[{"Plan": {"Node Type": "Seq Scan", "Relation Name": "t"}}]"#).plans.remove(0);
        assert!(explained.advise("select 1", &plan).is_none());
    }
}
