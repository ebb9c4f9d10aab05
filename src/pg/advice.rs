//! What is worth doing about a plan, asked of the server it comes from: indexes, verified, as Django code.
//!
//! Reads the catalog, lets the advisor say what it would build, asks the planner about each, and keeps what it would use.
//! Nothing is changed: only evidence that comes from reading is used.

mod together;

use std::sync::Arc;

use super::catalog;
use super::control::Mode;
use super::django_read;
use super::explain::ExplainRequest;
use super::session::{CancelQueue, Connector, Limits, Session};
use super::verify::{Allowed, Evidence, PlannerVerdict, Verified, Verifier};
use crate::Failure;
use crate::advisor::{self, Candidate, Confidence, IndexSpec, Reason, Refusal, Role, guessed};
use crate::catalog::{Catalog, ReferringTable, Table};
use crate::django::{DjangoCode, DjangoVersion, Project, code_for_spec};
use crate::failure::FailureKind;
use crate::plan::Plan;
use crate::plan::tips::{IndexFacts, IndexIdea, ReferringFacts, TableFacts, TipContext, TipHit};
use together::Trials;

/// Indexes that are verified and shown; more are not worth building at once.
const MOST: usize = 3;

/// An index that the planner does not use for less than this part of the cost is not worth building.
const LEAST_SAVING: f64 = 0.05;

/// What the advisor itself is not sure of has to save this part of the cost.
const LEAST_SAVING_UNSURE: f64 = 0.3;

/// What is known and advised about a plan.
#[derive(Debug, Clone, Default)]
pub struct Advised {
    /// The tables of the plan.
    pub catalog: Catalog,
    /// What the tips can go by.
    pub context: TipContext,
    /// Indexes worth building, the best first, at most three.
    pub indexes: Vec<AdvisedIndex>,
    /// Scans for which nothing is to be built, and why; the slowest first.
    pub refusals: Vec<Refusal>,
    /// What could not be read or asked, one sentence each.
    pub notes: Vec<String>,
}

impl Advised {
    /// Says whether an index of this advice cures what a tip saw: then the index's own figure is the one that counts.
    pub(crate) fn cures(&self, hit: &TipHit) -> bool {
        self.cure(hit).is_some()
    }

    /// Returns which index of this advice cures what a tip saw, counted from 0.
    pub(crate) fn cure(&self, hit: &TipHit) -> Option<usize> {
        self.indexes.iter().position(|index| {
            let is_its_scan = hit.is_about_access() && hit.node == Some(index.candidate.node);
            is_its_scan || hit.index.as_ref().is_some_and(|idea| index.serves(idea))
        })
    }

    /// Returns what a tip advises, where an index of this advice, or the reason for none, counts more than the tip's idea.
    ///
    /// `place` says where the indexes are listed: `below`.
    pub(crate) fn advice_of(&self, hit: &TipHit, place: &str) -> String {
        let Some(idea) = &hit.index else { return hit.advice.clone() };
        if let Some(at) = self.indexes.iter().position(|index| index.serves(idea)) {
            return hit.advice.replace(&idea.words, &format!("build index {} {place}", at + 1));
        }
        if let Some(at) = self.indexes.iter().position(|index| index.is_of(&idea.table)) {
            return format!("{}; index {} {place} does not avoid this sort", hit.advice, at + 1);
        }
        match self.refusal_for(idea) {
            Some(refusal) if refusal.reason == Reason::PatternNotKnown => {
                format!("{}; whether that helps depends on the pattern that the application sends", hit.advice)
            }
            Some(refusal) => {
                let rest = hit.advice.replace(&format!(", or {}", idea.words), "");
                let rest = rest.replace(&format!("{}, or ", idea.words), "").replace(&idea.words, "");
                let rest = rest.trim_end_matches([':', ' ']);
                let rest = if rest.is_empty() { String::new() } else { format!("{rest}; ") };
                format!("{rest}no index is advised: {}", refusal.why)
            }
            None => hit.advice.clone(),
        }
    }

    /// Returns the reason why no index is advised for the table of a tip's index.
    fn refusal_for(&self, idea: &IndexIdea) -> Option<&Refusal> {
        self.refusals.iter().find(|refusal| refusal.table == idea.table)
    }

    /// Says in a sentence that no index is advised, and whether that is all there is to say: not where the reason is open,
    /// and not where a tip names an index that this search says nothing of.
    pub(crate) fn none_advised(&self, tips: &[TipHit]) -> (String, bool) {
        if self.refusals.iter().any(|refusal| refusal.reason == Reason::PatternNotKnown) {
            let words = "An index may be worth building: which one depends on the pattern that the application sends.";
            return (words.to_owned(), false);
        }
        if self.refusals.iter().any(|refusal| refusal.reason.is_open()) {
            return ("No index is advised yet: the reasons are below.".to_owned(), false);
        }
        let is_unanswered = |hit: &&TipHit| hit.index.as_ref().is_some_and(|idea| self.refusal_for(idea).is_none());
        match tips.iter().find(is_unanswered) {
            Some(hit) => {
                let tip = hit.tip.title;
                (format!("pgdj advises no index; it did not test the one that a tip names ({tip})."), false)
            }
            None => ("No index is worth building for this statement.".to_owned(), true),
        }
    }
}

/// An index worth building.
#[derive(Debug, Clone)]
pub struct AdvisedIndex {
    /// What the advisor says of the index that the planner liked best: every figure is this index's own.
    pub candidate: Candidate,
    /// What the planner says; `None` where it could not be asked.
    pub verified: Option<Verified>,
    /// The code of the index and of its companions, in this order; or why there is none.
    pub codes: Vec<Result<DjangoCode, String>>,
}

impl AdvisedIndex {
    fn is_of(&self, table: &str) -> bool {
        self.candidate.specs().any(|spec| spec.table == table)
    }

    /// Whether it is on the table of a tip's index, and has the column of its order where that is for one.
    fn serves(&self, idea: &IndexIdea) -> bool {
        let mut keys = self.candidate.specs().flat_map(|spec| &spec.definition.keys);
        let mut has_key = |column: &String| keys.any(|key| key.expr.as_column() == Some(column.as_str()));
        self.is_of(&idea.table) && idea.order.as_ref().is_none_or(&mut has_key)
    }
}

/// Advises about a plan; `request` is what it was the answer to. In read-only mode the planner is asked only about what
/// can do nothing but read.
pub async fn advise(
    connector: &Arc<dyn Connector>,
    mode: Mode,
    cancel_queue: &CancelQueue,
    request: &ExplainRequest,
    plan: &Plan,
) -> Result<Advised, Failure> {
    let mut session = Session::open(connector.as_ref(), Limits::SLOW, cancel_queue).await?;
    let lost = |why: String| Failure::new(FailureKind::Connection, "the connection was lost").because_text(why);
    let relations = catalog::relations(plan);
    let read = catalog::read(&mut session, &relations).await.map_err(|gone| lost(gone.why))?;
    let project = django_read::project(&mut session).await.map_err(|gone| lost(gone.why))?;
    drop(session);
    let facts = Facts { catalog: read.catalog, notes: read.notes, project };
    let mut search = Search::for_request(request, plan, facts);
    let sets = search.sets();
    if sets.is_empty() {
        return Ok(search.settle(|_| Vec::new()));
    }
    if request.sql.trim().is_empty() {
        search.note("the statement of this plan is unknown: the planner was not asked".to_owned());
    }
    let ladder = Verifier::new(Arc::clone(connector), mode, cancel_queue.clone());
    let sets_to_ask = if request.sql.trim().is_empty() { Vec::new() } else { sets };
    let mut answers = match ladder.verify(request, &sets_to_ask, Allowed::Reading).await {
        Ok(answers) => answers.into_iter(),
        Err(failure) => {
            let why = failure.because.first().unwrap_or(&failure.what);
            search.note(format!("the planner could not be asked about the indexes: {why}"));
            Vec::new().into_iter()
        }
    };
    Ok(search.settle(|sets| answers.by_ref().take(sets.len()).collect()))
}

/// What is known where indexes are looked for.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The tables.
    pub catalog: Catalog,
    /// What could not be read, one sentence each.
    pub notes: Vec<String>,
    /// The Django project.
    pub project: Project,
}

/// The indexes that the advisor thinks of for a plan, before the planner is asked about them.
#[derive(Debug)]
pub struct Search {
    advised: Advised,
    candidates: Vec<(Candidate, Vec<Vec<IndexSpec>>)>,
    project: Project,
    /// The cost of the whole plan.
    total: Option<f64>,
}

impl Search {
    /// Asks the advisor. Pure.
    pub fn new(plan: &Plan, facts: Facts) -> Self {
        let advice = advisor::advise(plan, &facts.catalog);
        let advised = Advised {
            context: context(&facts.catalog),
            catalog: facts.catalog,
            refusals: advice.refusals,
            notes: facts.notes,
            ..Advised::default()
        };
        let candidates = advice.candidates.into_iter().take(MOST);
        let candidates = candidates.map(|candidate| {
            let sets = sets(&candidate);
            (candidate, sets)
        });
        Self { advised, candidates: candidates.collect(), project: facts.project, total: plan.total_cost() }
    }

    /// Asks the advisor about the plan of a request; nothing is advised from a pattern that pgdj made up. Pure.
    fn for_request(request: &ExplainRequest, plan: &Plan, facts: Facts) -> Self {
        let made_up: Vec<(usize, String)> = request.made_up().collect();
        Self::new(&guessed::without(plan, &request.sql, |pattern| guessed::parameter(pattern, &made_up)), facts)
    }

    /// Returns the sets of indexes that the planner is to be asked about, those of the first candidate first, then what is
    /// tried together.
    pub fn sets(&self) -> Vec<Vec<IndexSpec>> {
        let alone = self.candidates.iter().flat_map(|(_, sets)| sets.clone());
        alone.chain(self.together().into_iter().map(|members| self.set_of(&members))).collect()
    }

    /// The candidates that are tried together, by their places: two indexes may be good only with each other, or one of them
    /// needless beside the other.
    fn together(&self) -> Vec<Vec<usize>> {
        let is_plain = |(candidate, _): &(Candidate, Vec<Vec<IndexSpec>>)| candidate.specs().all(together::is_plain);
        if !self.candidates.iter().all(is_plain) {
            return Vec::new();
        }
        together::subsets(self.candidates.len())
    }

    fn set_of(&self, members: &[usize]) -> Vec<IndexSpec> {
        let firsts = members.iter().filter_map(|place| self.candidates.get(*place));
        firsts.flat_map(|(candidate, _)| candidate.specs().cloned()).collect()
    }

    /// Adds a sentence that has to be known beside the advice.
    pub fn note(&mut self, note: String) {
        self.advised.notes.push(note);
    }

    /// Chooses by the planner's answers to the sets of each candidate in turn; none where it could not be asked.
    pub(crate) fn settle(mut self, mut answers: impl FnMut(&[Vec<IndexSpec>]) -> Vec<Verified>) -> Advised {
        let alone: Vec<Vec<Verified>> = self.candidates.iter().map(|(_, sets)| answers(sets)).collect();
        let members = self.together();
        let sets: Vec<Vec<IndexSpec>> = members.iter().map(|members| self.set_of(members)).collect();
        let of_sets = if sets.is_empty() { Vec::new() } else { answers(&sets) };
        let firsts = alone.iter().map(|answers| answers.first()).collect::<Option<Vec<_>>>();
        let trials = firsts.filter(|_| of_sets.len() == sets.len() && !sets.is_empty()).and_then(|firsts| {
            let sizes = self.candidates.iter().map(|(candidate, _)| candidate.specs().count()).collect();
            Trials::new(sizes, &firsts, members.into_iter().zip(of_sets).collect())
        });
        let good = trials.as_ref().map(Trials::good_together);
        for (place, ((candidate, _), own)) in self.candidates.into_iter().zip(alone).enumerate() {
            let summary = candidate.summary();
            let first = candidate.clone();
            let chosen = best(candidate, own, self.total);
            let is_first = chosen.as_ref().map_or(true, |(candidate, _)| candidate.spec == first.spec);
            // What a partial index leaves of a plan, HypoPG cannot show: there the advisor's word stands.
            let is_unseen = trials.is_none() && is_first && chosen.is_err() && first.role == Role::Lookup;
            let follows = self.advised.indexes.iter().any(|index| !index.candidate.specs().all(together::is_plain));
            let chosen = if is_unseen && follows { Ok((first.clone(), None)) } else { chosen };
            let chosen = match (&trials, &good) {
                (Some(trials), Some(good)) if is_first && good.contains(&place) => {
                    chosen.or_else(|_| Ok((first, trials.beside_others(good, place))))
                }
                (Some(_), Some(good)) if is_first && chosen.is_ok() && !good.is_empty() => Err(format!(
                    "considered an index on {summary}; it would not be faster once the other advised indexes exist"
                )),
                _ => chosen,
            };
            match chosen {
                Ok((candidate, verified)) => {
                    let codes = codes(candidate.specs(), &self.advised.catalog, &mut self.project);
                    self.advised.indexes.push(AdvisedIndex { candidate, verified, codes });
                }
                Err(note) => self.advised.notes.push(note),
            }
        }
        self.advised
    }
}

/// Returns what is to be tried for a candidate: itself first, then what else could serve the scan.
fn sets(candidate: &Candidate) -> Vec<Vec<IndexSpec>> {
    std::iter::once(candidate).chain(&candidate.alternatives).map(|one| one.specs().cloned().collect()).collect()
}

/// Chooses what the planner likes best, with its own figures; says what it was where the planner wants none.
///
/// The answers are to the candidate first, then to its alternatives; `total` is the cost of the whole plan.
fn best(
    mut candidate: Candidate,
    answers: Vec<Verified>,
    total: Option<f64>,
) -> Result<(Candidate, Option<Verified>), String> {
    if answers.is_empty() {
        return Ok((candidate, None));
    }
    let mut ways = std::mem::take(&mut candidate.alternatives);
    let tried = candidate.summary();
    // HypoPG has no statistics of an expression, and takes a third or two hundredths of the rows; here they are known.
    let is_seen = candidate.confidence != Confidence::Low
        && candidate.specs().any(|spec| spec.definition.has_expression())
        && answers.first().is_some_and(|answer| {
            matches!(answer.evidence, Evidence::Hypothetical | Evidence::HypotheticalAlone { .. }) && !answer.is_used()
        });
    let first = candidate.clone();
    ways.insert(0, candidate);
    let mut best: Option<(f64, Candidate, Verified)> = None;
    for (at, (way, answer)) in ways.into_iter().zip(answers).enumerate() {
        let least = if way.confidence == Confidence::Low { LEAST_SAVING_UNSURE } else { LEAST_SAVING };
        // What one scan saves is the part of the statement that this scan is.
        let part = total.filter(|total| *total > 0.0).map_or(1.0, |total| (way.cost_before / total).min(1.0));
        let is_partial = way.specs().any(|spec| !spec.definition.predicate.is_empty());
        let saving = match answer.evidence {
            // The planner cannot be asked about an index with a condition: that it likes a larger one without it says
            // nothing against it.
            Evidence::Catalog if at == 0 && is_partial && can_serve(&answer) => return Ok((way, Some(answer))),
            // The planner was not asked: the advisor's own order stands.
            Evidence::Catalog if at == 0 && can_serve(&answer) => LEAST_SAVING_UNSURE,
            Evidence::Catalog => continue,
            Evidence::HypotheticalAlone { .. } if answer.is_used() => answer.saving().unwrap_or(0.0) * part,
            _ if answer.is_used() => answer.saving().unwrap_or(0.0),
            _ => continue,
        };
        // What the whole statement saves is no measure for what one scan saves: then the advisor's own order stands.
        let is_alone = |evidence: &Evidence| matches!(evidence, Evidence::HypotheticalAlone { .. });
        let is_comparable =
            best.as_ref().is_none_or(|(_, _, known)| !is_alone(&known.evidence) || is_alone(&answer.evidence));
        // Another one has to be clearly better than what the advisor thought best.
        if is_comparable && saving >= least && best.as_ref().is_none_or(|(known, ..)| saving > known + 0.05) {
            best = Some((saving, way, answer));
        }
    }
    match best {
        Some((_, way, answer)) => Ok((way, Some(answer))),
        None if is_seen => Ok((first, None)),
        None => Err(format!("considered an index on {tried}; the planner would not use it, or it would not be faster")),
    }
}

fn can_serve(answer: &Verified) -> bool {
    answer
        .verdicts
        .iter()
        .all(|verdict| matches!(verdict, PlannerVerdict::CanServe | PlannerVerdict::Used | PlannerVerdict::Unknown(_)))
}

/// Returns the code of each index; the migration of a later one follows that of the one before.
fn codes<'a>(
    specs: impl Iterator<Item = &'a IndexSpec>,
    catalog: &Catalog,
    project: &mut Project,
) -> Vec<Result<DjangoCode, String>> {
    specs
        .map(|spec| {
            let code = code_for_spec(spec, catalog, project, DjangoVersion::default());
            if let Ok(code) = &code {
                project.after(code);
            }
            code.map_err(|refused| refused.to_string())
        })
        .collect()
}

/// Returns what the tips can go by, from the catalog.
pub fn context(catalog: &Catalog) -> TipContext {
    TipContext { tables: catalog.tables.iter().map(facts).collect(), ..TipContext::default() }
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
        is_unique: index.is_unique || index.is_primary || index.is_constraint,
    });
    TableFacts {
        schema: Some(table.schema.clone()),
        name: table.name.clone(),
        rows: table.rows,
        pages: Some(table.pages),
        dead: None,
        modified_since_analyze: table.changed_since_analyze(),
        is_analyzed: counters.map(|_| table.was_analyzed()),
        hot_share: counters
            .filter(|counters| counters.updated > 0.0)
            .map(|counters| counters.hot_updated / counters.updated),
        indexes: indexes.collect(),
        referrers: table.referenced_by.iter().map(referrer).collect(),
    }
}

fn referrer(one: &ReferringTable) -> ReferringFacts {
    ReferringFacts {
        table: one.name.clone(),
        columns: one.key.columns.clone(),
        rows: one.rows,
        is_indexed: one.is_indexed,
        is_deferred: one.is_deferred,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advisor::tests::{catalog, plan};
    use crate::catalog::{Definition, Expr, Key};

    fn answer(is_used: bool, cost: f64) -> Verified {
        let plan_of = |cost: f64| plan(&format!("Seq Scan on orders  (cost=0.00..{cost:.2} rows=1 width=8)"));
        Verified {
            evidence: Evidence::Hypothetical,
            verdicts: vec![if is_used { PlannerVerdict::Used } else { PlannerVerdict::NotUsed }],
            before: Some(plan_of(1000.0)),
            after: Some(plan_of(cost)),
            sizes: vec![None],
            notes: Vec::new(),
        }
    }

    fn candidate() -> Candidate {
        let text = "Seq Scan on orders o  (cost=0.00..48000.00 rows=150 width=72)
  Filter: ((store_id = 7) AND ((status)::text = 'pending'::text))";
        let text = format!(
            "Limit  (cost=0.00..48750.00 rows=20 width=72)
  ->  Sort  (cost=48700.00..48750.00 rows=30000 width=72)
        Sort Key: paid_at DESC
        ->  {}",
            text.replace('\n', "\n            ")
        );
        advisor::advise(&plan(&text), &catalog()).candidates.remove(0)
    }

    #[test]
    fn the_index_that_the_planner_likes_comes_with_its_own_figures() {
        let candidate = candidate();
        // "160 kB" was said of an index of 48 MB: the figures were those of the one the planner refused.
        let large = candidate.alternatives.iter().position(|way| way.size_bytes() > 5.0 * candidate.size_bytes());
        let large = large.expect("a larger index is among the alternatives");
        let expected = candidate.alternatives[large].clone();
        let answers = (0..=candidate.alternatives.len()).map(|at| answer(at == large + 1, 10.0)).collect();
        let (chosen, verified) = best(candidate, answers, Some(48_750.0)).unwrap();
        assert_eq!(chosen, expected);
        assert!(verified.is_some_and(|verified| verified.is_used()));
    }

    #[test]
    fn an_index_that_was_tried_and_dropped_is_named() {
        let candidate = candidate();
        let name = candidate.summary();
        let answers = (0..=candidate.alternatives.len()).map(|_| answer(false, 1000.0)).collect();
        let why = best(candidate, answers, None).unwrap_err();
        assert!(why.starts_with("considered an index on ") && why.contains(&name), "{why}");
    }

    #[test]
    fn a_tip_names_no_other_index_than_the_advice() {
        let text = "Seq Scan on orders o  (cost=0.00..48000.00 rows=1 width=72) (actual time=0.1..900 rows=1 loops=1)
  Filter: ((reference)::text = 'R1'::text)
  Rows Removed by Filter: 1499999
Execution Time: 900 ms";
        let plan = plan(text);
        let hits = crate::plan::tips::verdict(&plan, &TipContext::default()).tips;
        let [hit] = hits.as_slice() else { panic!("{hits:?}") };
        assert_eq!(hit.advice, "an index on orders (reference)");
        let candidate = advisor::advise(&plan, &catalog()).candidates.remove(0);
        let refusal = Refusal {
            node: 0,
            schema: "public".to_owned(),
            table: "orders".to_owned(),
            reason: advisor::Reason::Stale,
            why: "run ANALYZE first".to_owned(),
            rewrite: None,
            then: None,
        };
        let index = AdvisedIndex { candidate, verified: None, codes: Vec::new() };
        let with = |indexes: Vec<AdvisedIndex>, refusals: Vec<Refusal>| {
            Advised { indexes, refusals, ..Advised::default() }.advice_of(hit, "below")
        };
        assert_eq!(with(vec![index.clone()], Vec::new()), "build index 1 below");
        assert_eq!(with(Vec::new(), vec![refusal.clone()]), "no index is advised: run ANALYZE first");
        assert_eq!(with(Vec::new(), Vec::new()), "an index on orders (reference)");
        let named = std::slice::from_ref(hit);
        let none = |refusals: Vec<Refusal>| Advised { refusals, ..Advised::default() }.none_advised(named);
        assert_eq!(
            none(Vec::new()).0,
            "pgdj advises no index; it did not test the one that a tip names (rows read and discarded)."
        );
        assert_eq!(none(vec![refusal.clone()]), ("No index is advised yet: the reasons are below.".to_owned(), false));
        let with_reason = |reason| Refusal { reason, ..refusal.clone() };
        assert!(none(vec![with_reason(advisor::Reason::NotWorthIt)]).1);
        let open = vec![with_reason(advisor::Reason::PatternNotKnown)];
        assert!(none(open.clone()).0.starts_with("An index may be worth building"));
        assert_eq!(
            with(Vec::new(), open),
            "an index on orders (reference); whether that helps depends on the pattern that the application sends"
        );
        // No b-tree serves a pattern, and another index may.
        let trigram = "a trigram index can (gin_trgm_ops)";
        let idea = crate::plan::tips::IndexIdea { table: "orders".to_owned(), words: trigram.to_owned(), order: None };
        let advice = format!("a plain index cannot serve ILIKE '%x%': {trigram}");
        let pattern = TipHit { index: Some(idea), advice, ..hit.clone() };
        let said = Advised { indexes: vec![index.clone()], ..Advised::default() }.advice_of(&pattern, "below");
        assert_eq!(said, "a plain index cannot serve ILIKE '%x%': build index 1 below");
        let said = Advised { refusals: vec![refusal.clone()], ..Advised::default() }.advice_of(&pattern, "below");
        assert_eq!(said, "a plain index cannot serve ILIKE '%x%'; no index is advised: run ANALYZE first");
        let sort = crate::plan::tips::IndexIdea {
            table: "orders".to_owned(),
            words: "an index on orders (paid_at)".to_owned(),
            order: Some("paid_at".to_owned()),
        };
        let spill = "set work_mem to 64MB, or an index on orders (paid_at)".to_owned();
        let hit = TipHit { index: Some(sort), advice: spill, ..hit.clone() };
        let said = Advised { indexes: vec![index], ..Advised::default() }.advice_of(&hit, "below");
        let words = "set work_mem to 64MB, or an index on orders (paid_at); index 1 below does not avoid this sort";
        assert_eq!(said, words);
        let said = Advised { refusals: vec![refusal], ..Advised::default() }.advice_of(&hit, "below");
        assert_eq!(said, "set work_mem to 64MB; no index is advised: run ANALYZE first");
    }

    #[test]
    fn the_migrations_of_one_advice_follow_each_other() {
        let table = Table { schema: "public".into(), name: "shop_order".into(), ..Table::default() };
        let spec = |column| IndexSpec::on(&table, Definition::btree(vec![Key::plain(Expr::column(column))]));
        let specs = [spec("status"), spec("total")];
        let mut project = Project::default().with_model("shop", "order").with_migration("shop", "0001_initial");
        let codes = codes(specs.iter(), &Catalog::default(), &mut project);
        let [first, second] = [0, 1].map(|place: usize| codes[place].clone().unwrap());
        let file = |code: &DjangoCode| code.migration.clone().unwrap();
        assert_eq!(file(&first).name(), "0002_order_status_idx");
        assert_eq!(file(&second).name(), "0003_order_total_idx");
        assert!(file(&second).text.contains("('shop', '0002_order_status_idx')"), "{}", file(&second).text);
        let note = "it follows 0002_order_status_idx, which is printed here too: without that one, let it depend on \
                    0001_initial instead";
        assert!(second.notes.contains(&note.to_owned()), "{:?}", second.notes);
    }
}
