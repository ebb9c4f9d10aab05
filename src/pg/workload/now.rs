//! Reads what came of a baseline: the counters, the indexes, and the plans of the statements that they were to help.

use std::collections::BTreeMap;
use std::time::Instant;

use super::asking::{BATCH, PlanAsker};
use super::statements::{self, MOST_COUNTED};
use super::{WorkloadTarget, facts_of};
use crate::Failure;
use crate::pg::verify::ask::BoundStatement;
use crate::workload::baseline::counted_now;
use crate::workload::{Baseline, CurrentWorkload, WorkloadStatement};

/// Reads what is now of a baseline. The helped statements are planned without values, as they were for the advice, in
/// short read-only transactions; nothing is run.
pub async fn read_now(target: &WorkloadTarget, baseline: &Baseline) -> Result<CurrentWorkload, Failure> {
    // After an index was built, the statements that it helps are no longer among the dearest.
    let read = statements::read(target, MOST_COUNTED).await?;
    let mut relations: Vec<(String, String)> = Vec::new();
    for part in baseline.indexes.iter().flat_map(|index| &index.parts) {
        let relation = (part.schema.clone(), part.table.clone());
        if !relations.contains(&relation) {
            relations.push(relation);
        }
    }
    let facts = facts_of(target, &relations).await?;
    let statements = counted_now(baseline, read.statements);
    let plans = plans(target, baseline, &statements).await?;
    Ok(CurrentWorkload {
        database: read.database,
        at: read.at,
        counted_since: read.window.map(|(since, _)| since),
        statements,
        catalog: facts.catalog,
        project: facts.project,
        plans,
        notes: facts.notes,
    })
}

/// Plans the statements that the indexes were to help, and returns the indexes that each plan uses.
async fn plans(
    target: &WorkloadTarget,
    baseline: &Baseline,
    counted: &[Option<WorkloadStatement>],
) -> Result<BTreeMap<usize, Option<Vec<String>>>, Failure> {
    let mut places: Vec<usize> =
        baseline.indexes.iter().flat_map(|index| &index.helps).map(|help| help.statement).collect();
    places.sort_unstable();
    places.dedup();
    let found = places.iter().filter_map(|at| Some((*at, counted.get(*at)?.as_ref()?)));
    let found: Vec<(usize, &WorkloadStatement)> = found.collect();
    let mut plans = BTreeMap::new();
    let mut asker = PlanAsker::open(target, &|_| {}, Instant::now()).await?;
    let mut waiting = found.as_slice();
    while !waiting.is_empty() {
        let batch = waiting.get(..BATCH).unwrap_or(waiting);
        let texts: Vec<&WorkloadStatement> = batch.iter().map(|(_, statement)| *statement).collect();
        let admissions = asker.admit(&texts).await?;
        let taken = admissions.len().max(1);
        let bound: Vec<&BoundStatement> = admissions.iter().filter_map(|admission| admission.as_ref().ok()).collect();
        let mut planned = asker.plan(&bound).await?.into_iter();
        for ((at, _), admission) in batch.iter().zip(&admissions) {
            let plan = admission.as_ref().ok().and_then(|_| planned.next()?.ok());
            let used = plan.map(|plan| plan.iter().filter_map(|(_, node)| node.index().map(str::to_owned)).collect());
            plans.insert(*at, used);
        }
        waiting = waiting.get(taken..).unwrap_or_default();
    }
    asker.end().await;
    Ok(plans)
}
