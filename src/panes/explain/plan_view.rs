//! A plan that is shown, with everything derived from it: made when it comes or when what is known of its tables does.

use std::sync::Arc;

use super::cards::{Advice, TreeWidth};
use super::deck::DeckPart;
use super::indexes::IndexSearch;
use super::known::ServerKnowledge;
use super::{documents, statement, tree};
use crate::app::PaneView;
use crate::app::list::{Focus, List};
use crate::app::screen::clock_text;
use crate::document::{Document, Language};
use crate::failure::Failure;
use crate::pg::advice::Advised;
use crate::pg::explain::{ExplainAnswer, ExplainRequest, GuessedValue};
use crate::plan::tips::{PlanVerdict, verdict};
use crate::plan::{NodeId, Plan, hot, scans, text, to_json};
use crate::quote::printable_json;
use crate::report::{self, ScannedTable, TrialResult, TriedPlan, WholePlan};
use crate::sample::unit::{self, Count};
use crate::sample::{Bytes, Timestamp};
use crate::ui::code::CodeLine;
use crate::ui::detail::Detail;
use crate::ui::frame::{Segment, TextPart};
use crate::ui::glyphs::{Glyphs, UNICODE};
use crate::ui::html::{self, HtmlPart};
use crate::ui::markdown;
use crate::ui::text::clean_cut;
use crate::ui::theme::Role;

/// A plan and where it came from.
#[derive(Debug)]
pub(super) struct PlanSource {
    /// The plan.
    pub(super) plan: Arc<Plan>,
    /// The statement; empty where it is not known.
    pub(super) sql: String,
    /// The server's own JSON; `None` for a plan that was pasted.
    raw: Option<String>,
    /// The values of its parameters; `None` is NULL.
    pub(super) values: Vec<Option<String>>,
    /// Where it came from, in a few words.
    pub(super) from: String,
    /// What is to be known of how it came, one sentence each.
    pub(super) notes: Vec<String>,
}

impl PlanSource {
    /// A plan from the server, made with these values.
    pub(super) fn answered(answer: ExplainAnswer, values: Vec<Option<String>>) -> Self {
        let ExplainAnswer { plan, raw, sql, estimate_only, notices, at } = answer;
        let what = if estimate_only { "planned" } else { "run" };
        let from = format!("{what} at {}", clock_text(at));
        Self { plan: Arc::new(plan), sql, values, raw: Some(raw), from, notes: notices }
    }

    /// Says whether this is the plan of a statement with values, but of other values.
    pub(super) fn is_the_statement(&self, sql: &str, values: &[Option<String>]) -> bool {
        self.sql == sql && !values.is_empty() && !self.values.is_empty() && self.values != values
    }

    /// Says whether this is the plan of the same statement with other values.
    pub(super) fn is_same_with_other_values(&self, other: &Self) -> bool {
        self.is_the_statement(&other.sql, &other.values)
    }

    /// Returns the values: `$1 = delivered, $2 = 20`; empty where there are none.
    pub(super) fn shown_values(&self) -> String {
        /// Columns of one value that are shown.
        const MOST: usize = 24;
        let one = |(at, value): (usize, &Option<String>)| {
            let value = match value.as_deref() {
                None => "null".to_owned(),
                Some("") => "''".to_owned(),
                Some(value) => clean_cut(value, MOST),
            };
            format!("${} = {value}", at + 1)
        };
        self.values.iter().enumerate().map(one).collect::<Vec<_>>().join(", ")
    }

    /// Returns the server's own JSON, or ours for a plan that was pasted.
    pub(super) fn json(&self) -> String {
        printable_json(self.raw.clone().unwrap_or_else(|| to_json::to_json(&self.plan)))
    }

    /// A plan that was pasted.
    pub(super) fn pasted(plan: Plan, notes: Vec<String>) -> Self {
        let sql = plan.query.clone().unwrap_or_default();
        Self { raw: None, sql, values: Vec::new(), from: "pasted".to_owned(), notes, plan: Arc::new(plan) }
    }
}

/// A file that can be written.
#[derive(Debug)]
pub(super) struct OfferedFile {
    /// What it is, in a few words.
    pub(super) what: &'static str,
    /// Its name.
    pub(super) name: String,
    /// Its text.
    pub(super) text: String,
}

/// A plan with everything derived from it.
#[derive(Debug)]
pub(super) struct PlanView {
    /// The plan.
    pub(super) source: Arc<PlanSource>,
    /// The tree.
    pub(super) list: List,
    /// What is said above the cards: where the tree has room for remarks, and where not.
    pub(super) leads: [Option<DeckPart>; 2],
    /// The indexes with the tips that they cure, and the other tips.
    pub(super) tips: Vec<DeckPart>,
    /// What is to be said of it as a whole.
    pub(super) verdict: PlanVerdict,
    /// The plan as psql prints it.
    pub(super) text: Detail,
    /// The statement on one line, in colour.
    pub(super) statement: CodeLine,
    /// The indexes worth building.
    pub(super) search: IndexSearch,
    /// The checks and the code of each, and where none is advised.
    pub(super) indexes: Vec<DeckPart>,
    /// What was asked for, where the statement was explained here.
    pub(super) request: Option<ExplainRequest>,
    /// What came of the last trial of an index.
    pub(super) tried: Option<TrialResult>,
    /// The queryid under which `pg_stat_statements` counts the statement, where it came from there.
    pub(super) queryid: Option<i64>,
    known: ServerKnowledge,
    known_at: Timestamp,
    glyphs: Glyphs,
}

impl PlanView {
    /// Returns the plan, with all that is said of it, as a page, as markdown and as JSON; the names have the moment.
    pub(super) fn files(&self, at: Timestamp) -> Vec<OfferedFile> {
        let plan = &self.source.plan;
        let scans: Vec<String> = scans::sequential(plan)
            .iter()
            .map(|scan| {
                let node = plan.node(scan.node);
                let model = node.and_then(|node| self.known.model(node)).map(str::to_owned);
                report::scan(plan, scan, &ScannedTable { model, size: node.and_then(|node| self.known.size(node)) })
            })
            .collect();
        let mut document = Document::new("EXPLAIN");
        let values = self.source.shown_values();
        if !values.is_empty() {
            document.pair("values", &values);
        }
        document.pair("plan", &self.source.from);
        let sql = Some(self.source.sql.as_str()).filter(|sql| !sql.is_empty());
        let (verdict, notices, advised) = (&self.verdict, self.source.notes.as_slice(), self.search.found());
        report::whole(&mut document, WholePlan { plan, sql, verdict, notices, scans: &scans, advised });
        let moment = jiff::Timestamp::from_second(at.0 as i64).unwrap_or_default().strftime("%Y-%m-%d-%H%M%S");
        let page = html::write(&[HtmlPart { document: &document, plan: Some(plan) }]);
        let text = markdown::write(std::slice::from_ref(&document));
        let file = |what, ending: &str, text| OfferedFile { what, name: format!("explain-{moment}.{ending}"), text };
        vec![
            file("a page for the browser", "html", page),
            file("markdown, for an issue", "md", text),
            file("the plan as JSON", "json", self.source.json()),
        ]
    }

    /// A plan of whose tables nothing is known yet.
    pub(super) fn new(source: PlanSource) -> Self {
        let mut list = List::tile();
        list.focus(Focus::Here);
        for id in tree::folded(&source.plan) {
            list.fold(tree::key(id));
        }
        let mut text = Document::new("The plan");
        text.code(Language::Plan, &text::lines(&source.plan).join("\n"));
        let mut plan_view = Self {
            verdict: verdict(&source.plan, &crate::plan::tips::TipContext::default()),
            statement: statement::line(&source),
            source: Arc::new(source),
            list,
            leads: [None, None],
            tips: Vec::new(),
            text: Detail::new(text),
            search: IndexSearch::default(),
            indexes: Vec::new(),
            request: None,
            tried: None,
            queryid: None,
            known: ServerKnowledge::default(),
            known_at: Timestamp::default(),
            glyphs: UNICODE,
        };
        plan_view.derive();
        if let Some(id) = hot::slowest(&plan_view.source.plan, 1).first() {
            plan_view.select(*id);
        }
        plan_view
    }

    /// Takes what a snapshot knows of the tables, at most once for a reading of them.
    pub(super) fn learn(&mut self, view: &PaneView<'_>) {
        /// How often the tables' figures are looked at again, in seconds.
        const PACE: f64 = 60.0;
        if view.newer.at.0 - self.known_at.0 < PACE && self.known_at.0 > 0.0 {
            return;
        }
        self.known_at = view.newer.at;
        self.known = ServerKnowledge::of(&self.source.plan, self.queryid, view.readings);
        self.verdict = verdict(&self.source.plan, &self.known.context);
        self.derive();
    }

    /// Takes the marks of the terminal.
    pub(super) fn mark_with(&mut self, glyphs: &Glyphs) {
        if self.glyphs != *glyphs {
            self.glyphs = *glyphs;
            self.derive();
        }
    }

    fn derive(&mut self) {
        self.list.refresh(tree::grid(&self.source.plan, &self.known, &self.search, &self.glyphs));
        let notes: Vec<String> = self.values_line().into_iter().chain(self.mean_lines()).collect();
        let advice = Advice {
            tried: TriedPlan { plan: &self.source.plan, trial: self.tried.as_ref() },
            verdict: &self.verdict,
            known: &self.known,
            search: &self.search,
            notes: &notes,
            glyphs: &self.glyphs,
        };
        self.leads = [advice.lead(TreeWidth::Wide), advice.lead(TreeWidth::Narrow)];
        self.tips = advice.tips();
        self.indexes = advice.indexes();
    }

    /// Returns with which values the plan was made, and which of them are guesses; `None` for a plan without values.
    fn values_line(&self) -> Option<String> {
        let values = self.source.shown_values();
        let guessed = self.request.as_ref().map(|request| request.guessed.as_slice()).unwrap_or_default();
        (!values.is_empty()).then(|| format!("With {values}{}.", origin(guessed)))
    }

    /// Returns how long the application's calls take and how many rows they return, where the plan says otherwise.
    fn mean_lines(&self) -> impl Iterator<Item = String> {
        let (plan, context) = (&self.source.plan, &self.known.context);
        let rows = report::rows_beside_the_mean(plan, context.rows_per_call);
        report::beside_the_mean(plan, context.mean_time).into_iter().chain(rows)
    }

    /// Says that indexes are being looked for, for what was asked.
    pub(super) fn search(&mut self, request: ExplainRequest) {
        self.request = Some(request);
        self.search = IndexSearch::UnderWay;
        self.derive();
    }

    /// Says that indexes are being looked for, for a plan from elsewhere: its statement cannot be run from here.
    pub(super) fn search_for_pasted(&mut self) {
        self.search = IndexSearch::UnderWay;
        self.derive();
    }

    /// Takes the indexes that were found for this plan.
    pub(super) fn take_found(&mut self, found: Result<Box<Advised>, Failure>) {
        self.search = found.map_or_else(IndexSearch::Failed, IndexSearch::Found);
        self.derive();
    }

    /// Takes what came of a trial.
    pub(super) fn take_tried(&mut self, trial: TrialResult) {
        let mut trial = trial;
        trial.name_after(self.search.found().and_then(|found| found.indexes.get(trial.at)));
        self.tried = Some(trial);
        self.derive();
    }

    /// Forgets a trial that failed; returns whether there was one.
    pub(super) fn forget_failed_trial(&mut self) -> bool {
        let is_failed = self.tried.as_ref().is_some_and(|trial| trial.tried.is_err());
        if is_failed {
            self.tried = None;
            self.derive();
        }
        is_failed
    }

    /// Returns the selected node.
    pub(super) fn selected(&self) -> Option<NodeId> {
        self.list.selected_key()?.parse().ok()
    }

    /// Selects a node, opening what hides it.
    pub(super) fn select(&mut self, id: NodeId) {
        let plan = &self.source.plan;
        let above: Vec<String> = plan.ancestors(id).map(|(above, _)| tree::key(above)).collect();
        self.list.open(&above);
        let _is_shown = self.list.select_key(&tree::key(id));
    }

    /// Selects the next of the nodes with the most time, going round.
    pub(super) fn next_hot(&mut self) {
        /// Nodes that are gone round.
        const MOST: usize = 5;
        self.next_of(&hot::slowest(&self.source.plan, MOST));
    }

    /// Selects the next sequential scan, the most expensive first; returns whether there is one.
    pub(super) fn next_scan(&mut self) -> bool {
        let scans: Vec<NodeId> = scans::sequential(&self.source.plan).iter().map(|scan| scan.node).collect();
        self.next_of(&scans);
        !scans.is_empty()
    }

    fn next_of(&mut self, ids: &[NodeId]) {
        let here = self.selected();
        let at = ids.iter().position(|id| Some(*id) == here).map_or(0, |at| (at + 1) % ids.len().max(1));
        if let Some(id) = ids.get(at) {
            self.select(*id);
        }
    }

    /// Returns everything known of the selected node.
    pub(super) fn node(&self) -> Option<Document> {
        Some(documents::node(&self.source.plan, self.selected()?, &self.known))
    }

    /// Returns how many tips and indexes there are.
    fn advice_figures(&self) -> Vec<Segment> {
        let mut all = Vec::new();
        let (tips, indexes) = (self.verdict.tips.len(), self.search.count());
        // A tick beside an index worth building would be false calm.
        if tips > 0 || indexes == 0 {
            let (mark, role) = match tips {
                0 if self.verdict.is_fine => (self.glyphs.good, Role::Good),
                0 => ("", Role::Muted),
                _ => (self.glyphs.warning, Role::Warning),
            };
            let counted = match tips {
                0 => format!("{mark} no tips"),
                tips => format!("{mark} {}", unit::counted(tips, "tip", "tips")),
            };
            all.push(Segment::new(counted.trim_start().to_owned(), role).drop(1));
        }
        if indexes > 0 {
            let words = if indexes == 1 { "index worth building" } else { "indexes worth building" };
            all.push(Segment::new(format!("{indexes} {words}"), Role::Good).drop(1));
        }
        all
    }

    /// Returns what the plan took, for the end of the statement's line; or that it is an estimate.
    pub(super) fn sum(&self) -> Vec<TextPart> {
        let plan = &self.source.plan;
        match plan.total_time().filter(|_| plan.is_analyzed()) {
            Some(time) => vec![(time.to_string(), Role::Title), (" measured".to_owned(), Role::Muted)],
            None => match plan.total_cost() {
                Some(cost) => vec![
                    ("cost ".to_owned(), Role::Muted),
                    (Count(cost).to_string(), Role::Title),
                    (" estimated, not run".to_owned(), Role::Muted),
                ],
                None => vec![("estimated, not run".to_owned(), Role::Muted)],
            },
        }
    }

    /// Returns the plan's figures, the most important first.
    pub(super) fn figures(&self) -> Vec<Segment> {
        let plan = &self.source.plan;
        let mut all = self.advice_figures();
        if let Some(mean) = self.known.context.mean_time.filter(|_| plan.is_analyzed()) {
            all.push(Segment::new("mean of all calls ", Role::Muted).and(mean.to_string(), Role::Text).drop(3));
        }
        if let Some(time) = plan.planning_time {
            all.push(Segment::new(time.to_string(), Role::Text).and(" planning", Role::Muted).drop(4));
        }
        if tree::is_estimated_right(plan) {
            all.push(Segment::new("estimates right", Role::Muted).drop(7));
        }
        let scans = scans::sequential(plan).len();
        if scans > 0 {
            all.push(
                Segment::new(
                    format!("{scans} sequential {}", if scans == 1 { "scan" } else { "scans" }),
                    Role::Warning,
                )
                .drop(2),
            );
        }
        if let Some(cost) = plan.total_cost().filter(|_| plan.is_analyzed()) {
            all.push(Segment::new("cost ", Role::Muted).and(Count(cost).to_string(), Role::Text).drop(5));
        }
        let blocks = plan.root().map(|root| root.buffers.shared.touched() + root.buffers.local.touched());
        if let Some(blocks) = blocks.filter(|blocks| *blocks > 0.0) {
            let bytes = Bytes(blocks * crate::plan::BLOCK);
            all.push(Segment::new(bytes.to_string(), Role::Text).and(" of buffers", Role::Muted).drop(6));
        }
        if let Some(jit) = plan.jit.and_then(|jit| jit.total) {
            all.push(Segment::new(jit.to_string(), Role::Text).and(" JIT", Role::Muted).drop(7));
        }
        if plan.accounts.triggers.0 > 0.0 {
            let time = plan.accounts.triggers.to_string();
            all.push(Segment::new(time, Role::Warning).and(" triggers", Role::Muted).drop(3));
        }
        all
    }
}

/// Says which values pgdj chose and where each comes from: ` ($1 is a guess, $2 is from statistics, …)`.
fn origin(guessed: &[GuessedValue]) -> String {
    let of = |is_from_statistics: bool, one: &str, many: &str| {
        let some = guessed.iter().filter(|value| value.is_from_statistics == is_from_statistics);
        let numbers: Vec<String> = some.map(|value| format!("${}", value.number)).collect();
        (!numbers.is_empty()).then(|| format!("{} {}", numbers.join(", "), if numbers.len() == 1 { one } else { many }))
    };
    let usual = of(false, "is a guess", "are guesses");
    let said: Vec<String> = usual.into_iter().chain(of(true, "is from statistics", "are from statistics")).collect();
    if said.is_empty() { String::new() } else { format!(" ({}, not from the application)", said.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_is_only_usual_is_not_said_to_be_from_statistics() {
        let value = |number, is_from_statistics| GuessedValue { number, is_from_statistics };
        assert_eq!(
            origin(&[value(1, false), value(2, true)]),
            " ($1 is a guess, $2 is from statistics, not from the application)"
        );
        let said = origin(&[value(1, false), value(2, true), value(3, false), value(4, true)]);
        assert_eq!(said, " ($1, $3 are guesses, $2, $4 are from statistics, not from the application)");
        assert_eq!(origin(&[]), "");
    }
}
