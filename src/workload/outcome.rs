//! What came of a baseline: which indexes are there and used, and how the statements run now beside what was promised.

use std::collections::BTreeMap;

use super::baseline::{Baseline, BaselinePart, BuiltIndexes, PromisedHelp, mean};
use super::statement::WorkloadStatement;
use crate::advisor::IndexSpec;
use crate::catalog::{Catalog, Index, Table};
use crate::django::{DjangoCode, DjangoVersion, Project, removal_of};
use crate::sample::{Bytes, Seconds, Timestamp};

/// Calls from which on a mean says something.
pub const ENOUGH_CALLS: f64 = 5.0;
/// A mean that is higher by this part than before is slower.
const SLOWER: f64 = 1.2;
/// The least time that a statement has to lose in all to be listed among those that are slower.
const LEAST_LOST: Seconds = Seconds(0.1);

/// What is known now.
#[derive(Debug, Default)]
pub struct CurrentWorkload {
    /// The database.
    pub database: String,
    /// When it was read, by the server's clock.
    pub at: Timestamp,
    /// Since when statements are counted, where the server says so.
    pub counted_since: Option<Timestamp>,
    /// Each statement of the baseline as it is counted now; `None` where it is not.
    pub statements: Vec<Option<WorkloadStatement>>,
    /// The tables of the indexes.
    pub catalog: Catalog,
    /// What is known of the Django project.
    pub project: Project,
    /// Of statements, by their places in the baseline: the indexes that their plan uses now; `None` where none could be had.
    pub plans: BTreeMap<usize, Option<Vec<String>>>,
    /// What else has to be known, one sentence each.
    pub notes: Vec<String>,
}

/// What came of a baseline.
#[derive(Debug, Default)]
pub struct BaselineOutcome {
    /// What came of each index, in the order of the baseline.
    pub indexes: Vec<IndexOutcome>,
    /// Statements that take longer than before, that which loses most first; the indexes need not be why.
    pub slower: Vec<StatementOutcome>,
    /// From when on calls are counted here.
    pub since: Timestamp,
    /// Whether that is since the indexes were seen to exist; else calls from before they were built are among them.
    pub is_since_built: bool,
    /// What is to be kept with the baseline from now on, because other indexes exist than at the last time.
    pub noted: Option<BuiltIndexes>,
}

/// What came of an index.
#[derive(Debug)]
pub struct IndexOutcome {
    /// Each index that it is made of, in the order of the baseline.
    pub parts: Vec<PartOutcome>,
    /// What came of the statements that it was to help.
    pub statements: Vec<StatementOutcome>,
    /// The verdict.
    pub verdict: IndexVerdict,
}

/// One index as it is now.
#[derive(Debug)]
pub enum PartOutcome {
    /// It is not there.
    NotBuilt,
    /// It is there.
    Built(Box<BuiltPart>),
}

/// An index that is there.
#[derive(Debug)]
pub struct BuiltPart {
    /// Its name, which may be another than the one that was advised.
    pub name: String,
    /// Whether the planner may use it.
    pub is_valid: bool,
    /// Its size, where it could be read.
    pub bytes: Option<Bytes>,
    /// Scans of it since its counters were reset, where they could be read.
    pub scans: Option<f64>,
    /// What removes it, or why there is no code for that.
    pub removal: Result<DjangoCode, String>,
}

/// The verdict on an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IndexVerdict {
    /// It is not there, or not all of it.
    NotBuilt,
    /// It is there, and the planner may not use it.
    Invalid,
    /// It is used.
    Used,
    /// It is not used, though its statements ran.
    Unused,
    /// Its statements did not run since.
    TooEarly,
}

/// What came of a statement.
#[derive(Debug, Clone, PartialEq)]
pub struct StatementOutcome {
    /// The statement, by its place in the baseline.
    pub statement: usize,
    /// The time of a call on average, before.
    pub before: Seconds,
    /// What was promised of it; `None` of a statement that no index was to help.
    pub promised: Option<Seconds>,
    /// Calls since.
    pub calls: f64,
    /// The time of a call on average since; `None` without a call.
    pub after: Option<Seconds>,
    /// Whether its plan uses the index now; `None` where no plan could be had.
    pub uses_index: Option<bool>,
}

impl StatementOutcome {
    /// Whether it was called often enough to say something.
    pub fn is_measured(&self) -> bool {
        self.after.is_some() && self.calls >= ENOUGH_CALLS
    }

    /// Whether it takes clearly longer than before.
    pub fn is_slower(&self) -> bool {
        self.is_measured() && self.after.is_some_and(|after| after.0 > self.before.0 * SLOWER)
    }

    /// Returns the time that it takes longer than before, all calls together.
    fn lost(&self) -> Seconds {
        Seconds(self.after.map_or(0.0, |after| (after.0 - self.before.0) * self.calls))
    }
}

impl BaselineOutcome {
    /// Whether something is to be done: an index is not used or invalid, or a statement that one was to help is slower.
    pub fn is_bad(&self) -> bool {
        self.indexes.iter().any(|index| {
            matches!(index.verdict, IndexVerdict::Unused | IndexVerdict::Invalid)
                || index.verdict != IndexVerdict::NotBuilt && index.statements.iter().any(StatementOutcome::is_slower)
        })
    }
}

/// Compares what was promised with what is.
pub fn compare(baseline: &Baseline, now: &CurrentWorkload) -> BaselineOutcome {
    let counted = Counted::of(baseline, now);
    let indexes: Vec<IndexOutcome> = baseline
        .indexes
        .iter()
        .map(|index| {
            let parts: Vec<PartOutcome> = index.parts.iter().map(|part| part_now(part, now)).collect();
            let names: Vec<&str> = built(&parts).map(|part| part.name.as_str()).collect();
            let statements: Vec<StatementOutcome> = index
                .helps
                .iter()
                .filter_map(|help| counted.outcome(help.statement, Some(help), names.as_slice()))
                .collect();
            let verdict = verdict(&parts, &statements, counted.built.is_some());
            IndexOutcome { parts, statements, verdict }
        })
        .collect();
    let is_helped = |at: usize| baseline.indexes.iter().flat_map(|index| &index.helps).any(|help| help.statement == at);
    let others = (0..baseline.statements.len()).filter(|at| !is_helped(*at));
    let mut slower: Vec<StatementOutcome> = others
        .filter_map(|at| counted.outcome(at, None, &[]))
        .filter(|outcome| outcome.is_slower() && outcome.lost() >= LEAST_LOST)
        .collect();
    slower.sort_by(|one, other| other.lost().0.total_cmp(&one.lost().0));
    let names: Vec<String> =
        indexes.iter().flat_map(|index| built(&index.parts)).map(|part| part.name.clone()).collect();
    let is_news = baseline.built.as_ref().map_or(&[][..], |built| &built.names) != names;
    let since = counted.built.map_or(baseline.kept_at, |built| built.at);
    let since = now.counted_since.filter(|reset| *reset > since).unwrap_or(since);
    BaselineOutcome {
        is_since_built: counted.built.is_some(),
        noted: is_news.then(|| BuiltIndexes { at: now.at, names, counters: counted.now() }),
        indexes,
        slower,
        since,
    }
}

fn built(parts: &[PartOutcome]) -> impl Iterator<Item = &BuiltPart> {
    parts.iter().filter_map(|part| match part {
        PartOutcome::Built(part) => Some(part.as_ref()),
        PartOutcome::NotBuilt => None,
    })
}

/// Finds an index by its name, or by what it is made of.
fn part_now(part: &BaselinePart, now: &CurrentWorkload) -> PartOutcome {
    let Some(table) = now.catalog.table(Some(&part.schema), &part.table) else { return PartOutcome::NotBuilt };
    let is_made_of = |index: &&Index| {
        IndexSpec::on(table, index.definition.clone()).summary() == part.definition && !index.is_unique
    };
    let is_named = |index: &&Index| !part.name.is_empty() && index.name == part.name;
    let found = table.indexes.iter().find(is_named).or_else(|| table.indexes.iter().find(is_made_of));
    match found {
        Some(index) => PartOutcome::Built(Box::new(BuiltPart::of(table, index, &now.project))),
        None => PartOutcome::NotBuilt,
    }
}

impl BuiltPart {
    fn of(table: &Table, index: &Index, project: &Project) -> Self {
        let removal = removal_of(table, index, project, DjangoVersion::default());
        Self {
            name: index.name.clone(),
            is_valid: index.is_valid,
            bytes: index.bytes.map(Bytes),
            scans: index.scans,
            removal: removal.map_err(|refused| refused.to_string()),
        }
    }
}

fn verdict(parts: &[PartOutcome], statements: &[StatementOutcome], is_since_built: bool) -> IndexVerdict {
    let built: Vec<&BuiltPart> = built(parts).collect();
    if built.len() < parts.len() {
        return IndexVerdict::NotBuilt;
    }
    if built.iter().any(|part| !part.is_valid) {
        return IndexVerdict::Invalid;
    }
    if !statements.is_empty() && statements.iter().all(|it| it.uses_index == Some(false)) {
        return IndexVerdict::Unused;
    }
    let is_scanned = |part: &&BuiltPart| part.scans.is_none_or(|scans| scans > 0.0);
    let is_planned = statements.iter().any(|statement| statement.uses_index == Some(true));
    if built.iter().all(is_scanned) && built.iter().any(|part| part.scans.is_some()) {
        return IndexVerdict::Used;
    }
    let ran = statements.iter().any(|statement| statement.calls > 0.0);
    if is_since_built && ran && !is_planned { IndexVerdict::Unused } else { IndexVerdict::TooEarly }
}

/// The counters of then and now.
struct Counted<'a> {
    baseline: &'a Baseline,
    now: &'a CurrentWorkload,
    /// Whether all counters began again since the baseline.
    is_reset: bool,
    built: Option<&'a BuiltIndexes>,
}

impl<'a> Counted<'a> {
    fn of(baseline: &'a Baseline, now: &'a CurrentWorkload) -> Self {
        let built = baseline.built.as_ref();
        let last = built.map_or(baseline.kept_at, |built| built.at);
        Self { baseline, now, is_reset: now.counted_since.is_some_and(|since| since > last), built }
    }

    /// Returns the counters of now, to be kept.
    fn now(&self) -> Vec<Option<(f64, Seconds)>> {
        self.now.statements.iter().map(|now| now.as_ref().map(|now| (now.calls, now.time))).collect()
    }

    /// Returns calls and time since.
    fn since(&self, at: usize) -> Option<(f64, Seconds)> {
        let now = self.now.statements.get(at)?.as_ref()?;
        let before = match self.built {
            Some(built) => built.counters.get(at).copied().flatten().unwrap_or_default(),
            None => self.baseline.statements.get(at).map(|known| (known.calls, known.time))?,
        };
        // A counter that fell began again.
        let is_reset = self.is_reset || now.calls < before.0 || now.time < before.1;
        let (calls, time) = if is_reset { (0.0, Seconds(0.0)) } else { before };
        Some((now.calls - calls, Seconds(now.time.0 - time.0)))
    }

    fn outcome(&self, at: usize, help: Option<&PromisedHelp>, names: &[&str]) -> Option<StatementOutcome> {
        let known = self.baseline.statements.get(at)?;
        let (calls, time) = self.since(at).unwrap_or_default();
        let before = known.mean();
        let promised = help.map(|help| Seconds(before.0 * help.cost_after / help.cost_before.max(1e-9)));
        let uses_index = self.now.plans.get(&at).and_then(Option::as_ref).filter(|_| !names.is_empty());
        Some(StatementOutcome {
            statement: at,
            before,
            promised,
            calls,
            after: mean(calls, time),
            uses_index: uses_index.map(|used| names.iter().any(|name| used.iter().any(|used| used == name))),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::baseline::{BaselineIndex, BaselineStatement, counted_now};

    fn statement(id: i64, calls: f64, time: f64) -> WorkloadStatement {
        WorkloadStatement {
            queryid: id,
            sql: format!("select {id}"),
            calls,
            time: Seconds(time),
            ..WorkloadStatement::default()
        }
    }

    fn baseline() -> Baseline {
        let kept = |id: i64, calls: f64, time: f64| BaselineStatement {
            queryid: id.to_string(),
            sql: format!("select {id}"),
            calls,
            time: Seconds(time),
            rows: 0.0,
        };
        let part = BaselinePart {
            schema: "public".to_owned(),
            table: "shop_order".to_owned(),
            name: "order_ref_idx".to_owned(),
            definition: "(reference)".to_owned(),
        };
        Baseline {
            kept_at: Timestamp(1000.0),
            statements: vec![kept(1, 10.0, 10.0), kept(2, 100.0, 1.0)],
            indexes: vec![BaselineIndex {
                parts: vec![part],
                helps: vec![PromisedHelp { statement: 0, cost_before: 100.0, cost_after: 1.0 }],
                ..BaselineIndex::default()
            }],
            ..Baseline::default()
        }
    }

    fn index(scans: f64, is_valid: bool) -> Index {
        Index { name: "order_ref_idx".to_owned(), is_valid, scans: Some(scans), ..Index::default() }
    }

    fn now(indexes: Vec<Index>, statements: Vec<WorkloadStatement>) -> CurrentWorkload {
        let table = Table { schema: "public".to_owned(), name: "shop_order".to_owned(), indexes, ..Table::default() };
        let catalog = Catalog { tables: vec![table], ..Catalog::default() };
        let statements = counted_now(&baseline(), statements);
        CurrentWorkload { at: Timestamp(2000.0), statements, catalog, ..CurrentWorkload::default() }
    }

    #[test]
    fn an_index_that_is_not_there_is_not_built_and_the_calls_since_are_not_measured_against_it() {
        let outcome = compare(&baseline(), &now(Vec::new(), vec![statement(1, 20.0, 20.0)]));
        assert_eq!(outcome.indexes[0].verdict, IndexVerdict::NotBuilt);
        assert!(outcome.noted.is_none() && !outcome.is_bad());
    }

    #[test]
    fn when_an_index_is_first_seen_the_counters_are_noted_and_later_calls_are_measured_from_there() {
        let mut baseline = baseline();
        let first = compare(&baseline, &now(vec![index(0.0, true)], vec![statement(1, 30.0, 30.0)]));
        assert_eq!(first.indexes[0].verdict, IndexVerdict::TooEarly);
        assert!(!first.is_since_built);
        baseline.built = first.noted;
        let later = compare(&baseline, &now(vec![index(40.0, true)], vec![statement(1, 70.0, 30.4)]));
        assert!(later.is_since_built && later.noted.is_none() && !later.is_bad());
        let outcome = &later.indexes[0].statements[0];
        assert_eq!((outcome.before, outcome.calls), (Seconds(1.0), 40.0));
        assert!((outcome.after.unwrap().0 - 0.01).abs() < 1e-9 && (outcome.promised.unwrap().0 - 0.01).abs() < 1e-9);
        assert_eq!(later.indexes[0].verdict, IndexVerdict::Used);
    }

    #[test]
    fn an_index_without_a_scan_though_its_statements_ran_is_not_used() {
        let mut baseline = baseline();
        baseline.built = Some(BuiltIndexes {
            at: Timestamp(1500.0),
            names: vec!["order_ref_idx".to_owned()],
            counters: vec![Some((30.0, Seconds(30.0))), None],
        });
        let now = now(vec![index(0.0, true)], vec![statement(1, 50.0, 50.0), statement(2, 200.0, 20.0)]);
        let outcome = compare(&baseline, &now);
        assert_eq!(outcome.indexes[0].verdict, IndexVerdict::Unused);
        assert!(outcome.is_bad());
        let removal = match &outcome.indexes[0].parts[0] {
            PartOutcome::Built(part) => part.removal.as_ref().unwrap().sql.clone(),
            PartOutcome::NotBuilt => String::new(),
        };
        assert!(removal.contains("DROP INDEX CONCURRENTLY"), "{removal}");
        // The other statement takes 100 ms instead of 10.
        assert_eq!(outcome.slower.iter().map(|it| it.statement).collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn an_invalid_index_is_called_so_and_counters_that_began_again_count_from_there() {
        let mut now = now(vec![index(0.0, false)], vec![statement(1, 8.0, 0.8)]);
        assert_eq!(compare(&baseline(), &now).indexes[0].verdict, IndexVerdict::Invalid);
        now.counted_since = Some(Timestamp(1800.0));
        let outcome = compare(&baseline(), &now);
        assert_eq!((outcome.since, outcome.indexes[0].statements[0].calls), (Timestamp(1800.0), 8.0));
    }

    #[test]
    fn a_statement_is_found_by_its_text_where_a_restore_gave_it_another_queryid() {
        let other = WorkloadStatement { queryid: 99, ..statement(1, 12.0, 12.0) };
        let outcome = compare(&baseline(), &now(Vec::new(), vec![other]));
        assert_eq!(outcome.indexes[0].statements[0].calls, 2.0);
    }
}
