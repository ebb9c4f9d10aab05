//! When to say no, and why.

use super::advice::{IndexSpec, Reason, Refusal};
use super::choose::Spared;
use super::condition::{Clause, ClauseClass};
use super::rewrite;
use super::scan::Scan;
use super::verdict::{AccessPath, ScanVerdict, refusal};
use super::words::{count, percent};
use crate::catalog::RelationKind;
use crate::plan::Plan;

/// Pages up to which a table is as fast to read as an index.
const FEW_PAGES: f64 = 10.0;
/// Rows below which a table is small.
const FEW_ROWS: f64 = 1000.0;
/// Share of scattered rows from which on an index saves too little.
const MOST_SCATTERED: f64 = 0.2;
/// The same where the rows lie in the order of the key.
const MOST_IN_ORDER: f64 = 0.25;
/// A part of the statement's time below which nothing is worth building.
const NO_PART: f64 = 0.1;
/// Cost of a scan that is fast in any case: some dozens of pages.
const CHEAP: f64 = 60.0;

/// Rows that a search finds which are sorted in no time.
const FEW_SORTED: f64 = 20.0;

/// Returns why a scan is not looked at at all; `None` where it is.
///
/// `spared` is what other indexes save of the plan.
pub(super) fn before(plan: &Plan, scan: &Scan<'_>, spared: Spared) -> Option<ScanVerdict> {
    let table = scan.table;
    let node = plan.node(scan.id)?;
    if node.is_never_executed() {
        return Some(ScanVerdict::Nothing);
    }
    if !matches!(table.kind, RelationKind::Plain | RelationKind::Partitioned | RelationKind::Materialized) {
        let why = format!("{} is a foreign table: build the index on its own server", table.name);
        return Some(Some(refusal(scan, Reason::CannotHaveOne, why)).into());
    }
    let total = plan.total_time().map(|time| time.0 * 1000.0);
    let cost = scan.cost_at_stake();
    let of_cost = cost / (plan.total_cost().unwrap_or(f64::INFINITY) - spared.cost).max(cost).max(1e-9);
    let of_time = match (scan.time_at_stake(), total) {
        (Some(time), Some(total)) if total > 0.0 => time / (total - spared.time).max(time),
        _ => 0.0,
    };
    // A clock alone says little of a part: what ran beside counts too.
    let part = (of_time.max(of_cost) * scan.siblings).min(1.0);
    let is_asked = !scan.clauses.is_empty() || scan.order.is_some() || !scan.joins.is_empty();
    let is_small = table.pages <= FEW_PAGES || table.rows_or_guess() < FEW_ROWS;
    if is_small && scan.rows_read() < 50.0 * FEW_ROWS {
        let why = format!(
            "{} has {} rows on {} pages: a sequential scan is as fast",
            table.name,
            count(table.rows_or_guess()),
            count(table.pages)
        );
        return Some(is_asked.then(|| refusal(scan, Reason::SmallTable, why)).into());
    }
    if let Some(refusal) = rewrite::instead(plan, scan) {
        return Some(Some(refusal).into());
    }
    if let Some(refusal) = already_good(scan) {
        return Some(Some(refusal).into());
    }
    if part < NO_PART || scan.cost_at_stake() * scan.siblings < CHEAP {
        let why = if part < NO_PART {
            format!("the scan of {} is only {} of the statement's cost", table.name, percent(part.min(1.0)))
        } else {
            format!("the scan of {} is already cheap", table.name)
        };
        return Some(is_asked.then(|| refusal(scan, Reason::NotWorthIt, why)).into());
    }
    stale(scan).map(|refusal| Some(refusal).into())
}

/// Statistics that are missing or old make every estimate a guess.
fn stale(scan: &Scan<'_>) -> Option<Refusal> {
    let table = scan.table;
    // One that was analyzed while it was empty has neither.
    let never = table.rows.is_none() && table.columns.iter().all(|column| column.statistics.is_none());
    let changed = table.changed_since_analyze().unwrap_or(0.0);
    let misestimate = scan.node.derived.misestimate.map_or(1.0, |found| found.factor);
    let is_simple = scan.clauses.iter().all(|clause| matches!(clause.class, ClauseClass::Equal | ClauseClass::Range));
    let is_old = changed > 0.1 * table.rows_or_guess() + 1000.0 && misestimate >= 10.0 && is_simple;
    let why = if never {
        format!(
            "{} was never analyzed, so the planner uses default estimates. Run ANALYZE, then explain again",
            table.name
        )
    } else if is_old {
        format!(
            "{} rows of {} changed since the last ANALYZE, and the estimate is {misestimate:.0} times off. Run \
             ANALYZE, then explain again",
            count(changed),
            table.name
        )
    } else {
        return None;
    };
    let mut refusal = refusal(scan, Reason::Stale, why);
    let keys = scan.clauses.iter().filter(|clause| clause.is_equality()).take(2);
    let keys: Vec<_> = keys.map(|clause| crate::catalog::Key::plain(clause.key.clone())).collect();
    if !keys.is_empty() {
        refusal.then = Some(IndexSpec::on(table, crate::catalog::Definition::btree(keys)));
    }
    Some(refusal)
}

/// An index search that throws away little is as good as one can be.
fn already_good(scan: &Scan<'_>) -> Option<Refusal> {
    let name = scan.node.index().or(scan.bitmap_index.as_deref())?;
    let is_counted = scan.removed.is_some();
    let per_loop = scan.found?;
    let enough = (0.0005 * scan.table.rows_or_guess()).max(20.0);
    let is_needed_for_order = scan.order.as_ref().is_some_and(|order| order.sort.is_some() && order.limit.is_some());
    let is_few = scan.loops * per_loop <= enough;
    let throws_none = if is_counted { scan.removed == Some(0.0) } else { scan.clauses == scan.searched };
    let is_exact = throws_none && !is_needed_for_order && scan.outputs.is_none();
    // A cheap search that throws away less than ten rows for each it keeps. Not by the clock, which knows other loads.
    let is_cheap = scan.cost_at_stake() < 30.0 * CHEAP && !is_needed_for_order;
    let is_fair = is_cheap && per_loop - scan.rows < 10.0 * scan.rows.max(1.0);
    // A page of a few rows is sorted as fast as it is read.
    let is_short = scan.cost_at_stake() < 30.0 * CHEAP && per_loop <= FEW_SORTED;
    if !is_few && !is_exact && !is_fair && !is_short {
        return None;
    }
    let (about, source) = if is_counted { ("", "") } else { ("about ", ", both estimated") };
    let (found, needed) = (count(per_loop), count(scan.rows));
    let rows = if found == "1" { "row" } else { "rows" };
    let why = if found == needed {
        let estimated = if is_counted { "" } else { " (estimated)" };
        format!("{name} already finds the {needed} {rows} needed{estimated}: another index would not be faster")
    } else {
        format!(
            "{name} finds {about}{found} {rows} and {needed} of them are needed{source}: another index would not be faster"
        )
    };
    Some(refusal(scan, Reason::AlreadyIndexed, why))
}

/// Says whether an index would have to fetch so many rows that reading the table is as good.
pub(super) fn wants_too_much(way: &AccessPath) -> bool {
    if way.estimate.is_index_only {
        // The whole index in its order spares the sort, which its price was compared with.
        return way.estimate.fetched > 0.8 && !way.estimate.gives_order;
    }
    let most = if way.estimate.correlation >= 0.9 { MOST_IN_ORDER } else { MOST_SCATTERED };
    way.estimate.fetched > most
}

/// Says whether some index could serve a clause.
fn is_servable(clause: &Clause) -> bool {
    !matches!(clause.class, ClauseClass::Unusable(_) | ClauseClass::Negative | ClauseClass::NotNull)
}

/// What the planner takes for `<` and `>` where it knows nothing. Source: `DEFAULT_INEQ_SEL` in
/// src/include/utils/selfuncs.h.
const ASSUMED: f64 = 1.0 / 3.0;

/// Returns the range for which the planner had no figure, where the estimate of the scan is nothing but its default.
fn not_estimated<'s>(scan: &'s Scan<'_>) -> Option<&'s Clause> {
    let share = scan.selectivity();
    if scan.removed.is_some() || share <= MOST_SCATTERED {
        return None;
    }
    let (guessed, known): (Vec<&Clause>, Vec<&Clause>) =
        scan.clauses.iter().partition(|clause| clause.class == ClauseClass::Range && !clause.is_known(scan.table));
    let known: f64 = known.iter().map(|clause| clause.selectivity).product();
    let assumed = known * ASSUMED.powi(i32::try_from(guessed.len()).unwrap_or(1));
    let is_default = (share / assumed.max(1e-9) - 1.0).abs() < 0.05;
    guessed.first().copied().filter(|_| is_default)
}

/// Says that nobody knows how many rows match, and which index is likely.
fn rows_not_known(scan: &Scan<'_>, clause: &Clause, way: Option<&AccessPath>) -> Refusal {
    let why = format!(
        "how many rows of {} match is not known: the planner does not know the value in {} and assumes {}. Give it a value, \
         or run EXPLAIN ANALYZE",
        scan.table.name,
        super::advice::expr_text(&clause.whole),
        percent(scan.selectivity())
    );
    let likely = way.filter(|way| !way.is_either).and_then(|way| way.definitions.first());
    let then = likely.map(|definition| IndexSpec::on(scan.table, definition.clone()));
    Refusal { then, ..refusal(scan, Reason::RowsNotKnown, why) }
}

/// Returns why nothing came of a scan; `None` where nobody would ask.
pub(super) fn after(plan: &Plan, scan: &Scan<'_>, way: Option<&AccessPath>) -> Option<Refusal> {
    let table = scan.table;
    let share = scan.selectivity();
    let node = plan.node(scan.id)?;
    let is_searched = !scan.searched.is_empty();
    if scan.clauses.is_empty() && scan.order.is_none() && way.is_none() {
        let why = if scan.joins.is_empty() {
            format!("no condition on {}: all its rows are needed", table.name)
        } else {
            format!("every row of {} takes part in the join", table.name)
        };
        return (!is_searched).then(|| refusal(scan, Reason::NothingToLookFor, why));
    }
    if scan.stops_early && scan.removed.is_some_and(|removed| removed < 10.0 * scan.rows.max(1.0)) {
        return Some(refusal(
            scan,
            Reason::StopsEarly,
            format!("the scan of {} stops after {} rows", table.name, count(scan.rows)),
        ));
    }
    if is_searched && way.is_none() {
        let name = node.index().or(scan.bitmap_index.as_deref()).unwrap_or("an index");
        return Some(refusal(
            scan,
            Reason::AlreadyIndexed,
            format!("{name} already answers it as well as an index can"),
        ));
    }
    if let Some(clause) = not_estimated(scan) {
        return Some(rows_not_known(scan, clause, way));
    }
    // Another pattern may keep few rows, and an index that was looked for without it says nothing of it.
    if let Some(pattern) = scan.clauses.iter().find_map(Clause::unknown_pattern) {
        return Some(not_served(scan, Reason::PatternNotKnown, pattern));
    }
    if share > MOST_SCATTERED && !scan.clauses.is_empty() && scan.clauses.iter().any(is_servable) {
        let estimated = if scan.removed.is_some() { "" } else { " (estimated)" };
        let why = format!(
            "{}{estimated} of the rows of {} are needed: reading the whole table is as fast",
            percent(share),
            table.name
        );
        return Some(refusal(scan, Reason::MostRowsWanted, why));
    }
    if let Some(way) = way.filter(|way| way.is_either) {
        return Some(refusal(scan, Reason::OneForEachSide, one_for_each_side(scan, way)));
    }
    Some(no_index_serves(scan, way).unwrap_or_else(|| not_worth_it(scan, way)))
}

/// Says that an OR needs an index for each side. What they save is not said: of one side alone it is nothing.
fn one_for_each_side(scan: &Scan<'_>, way: &AccessPath) -> String {
    let keys = way.definitions.iter().filter_map(|index| index.keys.first());
    let keys: Vec<String> = keys.map(|key| super::advice::expr_text(&key.expr)).collect();
    match keys.as_slice() {
        [one] => {
            format!("this OR needs an index for each side; {} has none on {one}. pgdj did not test it", scan.table.name)
        }
        [first, second] => {
            format!("one index cannot serve this OR; two can: {first} and {second}. pgdj did not test the two together")
        }
        many => format!(
            "one index cannot serve this OR; {} can: {}. pgdj did not test them together",
            many.len(),
            many.join(", ")
        ),
    }
}

/// Says which condition no index serves, where there is no way.
fn no_index_serves(scan: &Scan<'_>, way: Option<&AccessPath>) -> Option<Refusal> {
    let negative = scan.clauses.iter().find(|clause| clause.class == ClauseClass::Negative);
    if let (Some(negative), None) = (negative, way) {
        let why = format!(
            "an index finds matching values, not their absence ({})",
            super::advice::expr_text(&negative.whole)
        );
        return Some(refusal(scan, Reason::NoIndexServes, why));
    }
    let unusable = scan.clauses.iter().find(|clause| matches!(clause.class, ClauseClass::Unusable(_)));
    unusable.filter(|_| way.is_none()).map(|clause| not_served(scan, Reason::NoIndexServes, clause))
}

/// Says of a condition why no index serves it.
fn not_served(scan: &Scan<'_>, reason: Reason, clause: &Clause) -> Refusal {
    let condition = super::advice::expr_text(&clause.whole).replace(" ~~ ", " LIKE ").replace(" ~~* ", " ILIKE ");
    let why = if let ClauseClass::Unusable(why) = &clause.class { why.as_str() } else { "no index serves it" };
    refusal(scan, reason, format!("{condition}: {why}"))
}

/// Says what the best way would save, which is too little.
fn not_worth_it(scan: &Scan<'_>, way: Option<&AccessPath>) -> Refusal {
    let table = scan.table;
    let why = match way {
        Some(way) if scan.parallel_loss > 0.0 && scan.cost_at_stake() - way.estimate.cost < scan.parallel_loss => {
            format!("an index on {} would save less than the plan loses without parallel workers", table.name)
        }
        Some(way) if wants_too_much(way) => {
            format!("an index on {} would have to fetch {} of its rows", table.name, percent(way.estimate.fetched))
        }
        Some(way) => format!(
            "the best index, {}, would save only {} of the cost",
            way.definitions.first().map(|index| IndexSpec::on(table, index.clone()).summary()).unwrap_or_default(),
            percent((1.0 - way.estimate.cost / scan.cost_at_stake().max(1e-9)).max(0.0))
        ),
        None => format!("no index would make the scan of {} faster", table.name),
    };
    refusal(scan, Reason::NotWorthIt, why)
}
