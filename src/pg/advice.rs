//! What is worth doing about a plan, asked of the server it comes from: indexes, verified, as Django code.
//!
//! Reads the catalog, lets the advisor say what it would build, asks the planner about each, and keeps what it would use.
//! Nothing is changed: only reading rungs of the ladder are taken.

use std::sync::Arc;

use super::catalog;
use super::django_read;
use super::explain::Request;
use super::session::{Connector, Limits, Reaper, Session};
use super::verify::{Allowed, Rung, Verdict, Verified, Verifier};
use crate::Failure;
use crate::advisor::{self, Candidate, Confidence, IndexSpec, Refusal};
use crate::catalog::{Catalog, Table};
use crate::django::{DjangoCode, DjangoVersion, Names, code_for_spec};
use crate::failure::Kind;
use crate::plan::Plan;
use crate::plan::tips::{Context, IndexFacts, TableFacts};

/// Indexes that are verified and shown; more are not worth building at once.
const MOST: usize = 3;

/// An index that the planner does not use for less than this part of the cost is not worth building.
const LEAST_SAVING: f64 = 0.02;

/// What the advisor itself is not sure of has to save this part of the cost.
const LEAST_SAVING_UNSURE: f64 = 0.3;

/// What is known and advised about a plan.
#[derive(Debug, Clone, Default)]
pub struct Advised {
    /// The tables of the plan.
    pub catalog: Catalog,
    /// What the tips can go by.
    pub context: Context,
    /// Indexes worth building, the best first, at most three.
    pub indexes: Vec<AdvisedIndex>,
    /// Scans for which nothing is to be built, and why; the slowest first.
    pub refusals: Vec<Refusal>,
    /// What could not be read or asked, one sentence each.
    pub notes: Vec<String>,
}

/// An index worth building.
#[derive(Debug, Clone)]
pub struct AdvisedIndex {
    /// What the advisor says of it; its `spec` and `companions` are those the planner liked best.
    pub candidate: Candidate,
    /// What the planner says; `None` where it could not be asked.
    pub verified: Option<Verified>,
    /// The code of the index and of its companions, in this order; or why there is none.
    pub codes: Vec<Result<DjangoCode, String>>,
}

/// Advises about a plan; `request` is what it was the answer to.
pub async fn advise(
    connector: &Arc<dyn Connector>,
    reaper: &Reaper,
    request: &Request,
    plan: &Plan,
) -> Result<Advised, Failure> {
    let mut session = Session::open(connector.as_ref(), Limits::SLOW, reaper).await?;
    let lost = |why: String| Failure::new(Kind::Connection, "the connection was lost").because_text(why);
    let relations = catalog::relations(plan);
    let read = catalog::read(&mut session, &relations).await.map_err(|gone| lost(gone.why))?;
    let names = django_read::names(&mut session).await.map_err(|gone| lost(gone.why))?;
    drop(session);
    let advice = advisor::advise(plan, &read.catalog);
    let mut advised = Advised {
        context: context(&read.catalog),
        catalog: read.catalog,
        refusals: advice.refusals,
        notes: read.notes,
        ..Advised::default()
    };
    let candidates: Vec<Candidate> = advice.candidates.into_iter().take(MOST).collect();
    if candidates.is_empty() {
        return Ok(advised);
    }
    let sets: Vec<Vec<Vec<IndexSpec>>> = candidates.iter().map(sets).collect();
    if request.sql.trim().is_empty() {
        advised.notes.push("the statement of this plan is not known: the planner was not asked".to_owned());
    }
    let ladder = Verifier::new(Arc::clone(connector), reaper.clone());
    let sets_to_ask = if request.sql.trim().is_empty() { Vec::new() } else { sets.concat() };
    let mut answers = match ladder.verify(request, &sets_to_ask, Allowed::Reading).await {
        Ok(answers) => answers.into_iter(),
        Err(failure) => {
            advised.notes.push(format!("the planner could not be asked about the indexes: {}", failure.what));
            Vec::new().into_iter()
        }
    };
    for (candidate, sets) in candidates.into_iter().zip(sets) {
        let own: Vec<Verified> = answers.by_ref().take(sets.len()).collect();
        match best(candidate, sets, own) {
            Ok((candidate, verified)) => {
                let codes = codes(&candidate, &advised.catalog, &names);
                advised.indexes.push(AdvisedIndex { candidate, verified, codes });
            }
            Err(note) => advised.notes.push(note),
        }
    }
    Ok(advised)
}

/// Returns what is to be tried for a candidate: itself first, then what else could serve the scan.
fn sets(candidate: &Candidate) -> Vec<Vec<IndexSpec>> {
    let own: Vec<IndexSpec> = std::iter::once(&candidate.spec).chain(&candidate.companions).cloned().collect();
    let others = candidate.alternatives.iter().map(|spec| vec![spec.clone()]);
    std::iter::once(own).chain(others).collect()
}

/// Chooses what the planner likes best; says what it was where the planner wants none.
fn best(
    mut candidate: Candidate,
    sets: Vec<Vec<IndexSpec>>,
    answers: Vec<Verified>,
) -> Result<(Candidate, Option<Verified>), String> {
    if answers.is_empty() {
        return Ok((candidate, None));
    }
    let least = if candidate.confidence == Confidence::Low { LEAST_SAVING_UNSURE } else { LEAST_SAVING };
    let mut best: Option<(f64, Vec<IndexSpec>, Verified)> = None;
    for (at, (set, answer)) in sets.into_iter().zip(answers).enumerate() {
        let saving = match answer.rung {
            // The planner was not asked: the advisor's own order stands.
            Rung::Catalog if at == 0 && can_serve(&answer) => LEAST_SAVING_UNSURE,
            Rung::Catalog => continue,
            _ if answer.is_used() => answer.saving().unwrap_or(0.0),
            _ => continue,
        };
        // Another one has to be clearly better than what the advisor thought best.
        if saving >= least && best.as_ref().is_none_or(|(known, ..)| saving > known + 0.05) {
            best = Some((saving, set, answer));
        }
    }
    let Some((_, set, answer)) = best else {
        return Err(format!(
            "an index on {} {} was thought of, and the planner would not use it, or gain nothing",
            candidate.spec.table,
            candidate.spec.summary()
        ));
    };
    let mut set = set.into_iter();
    if let Some(spec) = set.next() {
        candidate.spec = spec;
        candidate.companions = set.collect();
    }
    Ok((candidate, Some(answer)))
}

fn can_serve(answer: &Verified) -> bool {
    answer.verdicts.iter().all(|verdict| matches!(verdict, Verdict::CanServe | Verdict::Used | Verdict::Unknown(_)))
}

fn codes(candidate: &Candidate, catalog: &Catalog, names: &Names) -> Vec<Result<DjangoCode, String>> {
    let specs = std::iter::once(&candidate.spec).chain(&candidate.companions);
    specs
        .map(|spec| {
            code_for_spec(spec, catalog, names, DjangoVersion::default()).map_err(|refused| refused.to_string())
        })
        .collect()
}

/// Returns what the tips can go by, from the catalog.
pub fn context(catalog: &Catalog) -> Context {
    Context { tables: catalog.tables.iter().map(facts).collect(), ..Context::default() }
}

fn facts(table: &Table) -> TableFacts {
    let counters = table.counters.as_ref();
    let indexes = table.indexes.iter().map(|index| IndexFacts {
        name: index.name.clone(),
        keys: index
            .definition
            .keys
            .iter()
            .map(|key| key.expr.as_column().map_or_else(|| key.expr.sql(), str::to_owned))
            .collect(),
    });
    TableFacts {
        schema: Some(table.schema.clone()),
        name: table.name.clone(),
        rows: table.rows,
        pages: Some(table.pages),
        dead: None,
        modified_since_analyze: counters.map(|counters| counters.changed_since_analyze),
        is_analyzed: counters.map(|counters| counters.was_analyzed),
        hot_share: counters
            .filter(|counters| counters.updated > 0.0)
            .map(|counters| counters.hot_updated / counters.updated),
        indexes: indexes.collect(),
    }
}
