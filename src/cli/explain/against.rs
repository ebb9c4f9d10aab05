//! `--against`: the sequential scans that an older plan has not.

use std::collections::HashSet;
use std::path::Path;

use serde_json::Value;

use super::input;
use super::reported::Reported;
use crate::failure::{Failure, FailureKind};
use crate::plan::diff::diff;
use crate::plan::scans::SeqScan;
use crate::plan::{self, NodeId, Plan};

/// What came since the older plans.
#[derive(Debug)]
pub(super) struct Against {
    /// The file of the older plans.
    pub(super) from: String,
    /// The new sequential scans: the place of the plan in the report, and the node in it.
    pub(super) scans: Vec<(usize, NodeId)>,
}

/// Reads the older plans.
pub(super) fn read(path: &Path) -> Result<(String, Vec<Plan>), Failure> {
    let (from, text) = input::file(path)?;
    if let Some(plans) = of_a_report(&text) {
        return Ok((from, plans));
    }
    let parsed = plan::parse(&text);
    if parsed.plans.is_empty() {
        let failure = Failure::new(FailureKind::Refused, format!("no plan found in {from} (--against)"));
        let why = parsed.troubles.into_iter().take(3).map(|trouble| trouble.what);
        return Err(why
            .fold(failure, Failure::because_text)
            .hint("keep one with `pgdj explain FILE --format json > plan.json`, or with EXPLAIN (FORMAT JSON)"));
    }
    Ok((from, parsed.plans))
}

/// Returns the plans of an earlier `--format json`, each with its statement; `None` if it is none.
fn of_a_report(text: &str) -> Option<Vec<Plan>> {
    let report: Value = serde_json::from_str(text).ok()?;
    let plans = report.get("plans")?.as_array()?.iter().filter_map(|one| {
        let mut plan = plan::parse(&one.get("explain")?.to_string()).plans.into_iter().next()?;
        plan.query = one.get("sql").and_then(Value::as_str).map(str::to_owned);
        Some(plan)
    });
    Some(plans.collect()).filter(|plans: &Vec<Plan>| !plans.is_empty())
}

/// Compares the plans of a report with older ones: with the one of the same statement, else with the one in the same
/// place. Where there is none, every sequential scan is new.
pub(super) fn compare(from: String, older: &[Plan], newer: &[Reported]) -> Against {
    let mut scans = Vec::new();
    for (at, reported) in newer.iter().enumerate() {
        let own = reported.sql.as_deref();
        let same = own.and_then(|sql| older.iter().find(|plan| plan.query.as_deref() == Some(sql)));
        let was = same.or_else(|| older.get(at).filter(|plan| own.is_none() || plan.query.is_none()));
        let is_new: HashSet<NodeId> = match was {
            Some(was) => diff(was, &reported.plan).new_sequential_scans(was, &reported.plan).collect(),
            None => reported.scans.iter().map(|scan| scan.node).collect(),
        };
        // In the order of the report, the most expensive first; one that never ran is none.
        scans.extend(reported.scans.iter().filter(|scan| is_new.contains(&scan.node)).map(|scan| (at, scan.node)));
    }
    Against { from, scans }
}

impl Against {
    /// Returns the verdict in one sentence.
    pub(super) fn sentence(&self) -> String {
        match self.scans.len() {
            0 => format!("No new sequential scan compared with {}.", self.from),
            1 => format!("1 new sequential scan compared with {}.", self.from),
            count => format!("{count} new sequential scans compared with {}.", self.from),
        }
    }

    /// Returns the new scans.
    pub(super) fn found<'a>(&'a self, plans: &'a [Reported]) -> impl Iterator<Item = (&'a Reported, &'a SeqScan)> {
        self.scans.iter().filter_map(|(at, node)| {
            let plan = plans.get(*at)?;
            Some((plan, plan.scans.iter().find(|scan| scan.node == *node)?))
        })
    }
}
