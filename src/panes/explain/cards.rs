//! What is advised about a plan as cards: an index with the tips that it cures, then the other tips, one a card.

use super::deck::{Card, DeckPart};
use super::indexes::IndexSearch;
use super::known::ServerKnowledge;
use crate::document::{Document, Language, Tone};
use crate::pg::advice::{Advised, AdvisedIndex};
use crate::pg::verify::{Evidence, PlannerVerdict};
use crate::plan::NodeId;
use crate::plan::scans::{self, SeqScan};
use crate::plan::tips::{PlanVerdict, TipHit};
use crate::report::{self, ScannedTable, TriedPlan, tip};
use crate::sample::Seconds;
use crate::sample::unit::Count;
use crate::ui::detail::Detail;
use crate::ui::glyphs::Glyphs;
use crate::ui::theme::Role;

/// The share of the time from which on a sequential scan is named above the cards.
const NOTABLE: f64 = 0.1;

/// Sequential scans that are named there.
const MOST_SCANS: usize = 3;

/// The keys that work on the first index.
const INDEX_KEYS: &[(&str, &str)] = &[("y", "copy"), ("w", "write"), ("B", "try it for real")];

/// Whether the tree has room for its remarks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TreeWidth {
    /// It has.
    Wide,
    /// It has not: what they would say of scans is said above the cards.
    Narrow,
}

/// What cards are made from.
#[derive(Clone, Copy)]
pub(super) struct Advice<'a> {
    /// The plan, with the trial of an index.
    pub(super) tried: TriedPlan<'a>,
    /// The tips.
    pub(super) verdict: &'a PlanVerdict,
    /// What is known of the tables.
    pub(super) known: &'a ServerKnowledge,
    /// The search for indexes.
    pub(super) search: &'a IndexSearch,
    /// With which values the plan was made, and how its time compares with the application's calls.
    pub(super) notes: &'a [String],
    /// The marks of the terminal.
    pub(super) glyphs: &'a Glyphs,
}

impl Advice<'_> {
    /// Returns the cards of indexes and tips, what saves most first.
    pub(super) fn tips(&self) -> Vec<DeckPart> {
        let mut cards = Vec::new();
        if let Some(found) = self.search.found() {
            let indexes = found.indexes.iter().enumerate();
            cards.extend(indexes.map(|(at, index)| DeckPart::Card(self.index(at, index, found))));
        }
        let is_cured = |hit: &TipHit| self.search.found().is_some_and(|found| found.cures(hit));
        let mut open: Vec<&TipHit> = self.verdict.tips.iter().filter(|hit| !is_cured(hit)).collect();
        while !open.is_empty() {
            let first = open.remove(0);
            // What is the same at another node is one card.
            let (same, others): (Vec<&TipHit>, Vec<&TipHit>) =
                open.into_iter().partition(|hit| hit.tip.id == first.tip.id);
            cards.push(DeckPart::Card(self.tip(first, &same)));
            open = others;
        }
        cards
    }

    /// Returns what is said above the cards; where the tree has no room for remarks, of its scans too.
    pub(super) fn lead(&self, tree: TreeWidth) -> Option<DeckPart> {
        let mut document = Document::new("");
        let plan = self.tried.plan;
        let has_index = self.search.found().is_some_and(|found| !found.indexes.is_empty());
        // Nothing is fine where an index is worth building; and what the first card says is not said twice.
        let is_said_by_a_card = has_index || plan.has_times() && !self.verdict.tips.is_empty();
        if !is_said_by_a_card {
            let tone = if self.verdict.is_fine { Tone::Good } else { Tone::Plain };
            document.text_as(&self.verdict.sentence, tone);
        }
        for note in self.notes {
            document.text_as(note, Tone::Muted);
        }
        let has_card = |node: NodeId| {
            let is_of_index =
                self.search.found().is_some_and(|found| found.indexes.iter().any(|index| index.candidate.node == node));
            is_of_index || self.verdict.tips.iter().any(|hit| hit.node == Some(node))
        };
        let scans = scans::sequential(plan);
        let is_told = |scan: &&SeqScan| tree == TreeWidth::Narrow && scan.share >= NOTABLE && !has_card(scan.node);
        for scan in scans.iter().filter(is_told).take(MOST_SCANS) {
            let node = plan.node(scan.node);
            let table = ScannedTable {
                model: node.and_then(|node| self.known.model(node)).map(str::to_owned),
                size: node.and_then(|node| self.known.size(node)),
            };
            document.text_as(&report::scan(plan, scan, &table), Tone::Warning);
        }
        (!document.blocks.is_empty()).then(|| DeckPart::Text(Detail::new(document)))
    }

    /// An index, with the tips that it cures.
    fn index(&self, at: usize, index: &AdvisedIndex, found: &Advised) -> Card {
        let candidate = &index.candidate;
        let is_alone = found.indexes.len() == 1;
        let is_its_own = |hit: &&TipHit| found.cure(hit) == Some(at);
        let cured: Vec<&TipHit> = self.verdict.tips.iter().filter(is_its_own).collect();
        let saving = report::saving(index, at, self.tried);
        let number = if is_alone { String::new() } else { format!("{}. ", at + 1) };
        let title = if let Some(hit) = cured.first() {
            tip::heading(hit, saving.as_deref())
        } else {
            let saving = saving.map(|saving| format!(": {saving}")).unwrap_or_default();
            format!("Index worth building{saving}")
        };
        let mut document = Document::new(format!("{number}{title}"));
        for code in &index.codes {
            match code {
                Ok(code) => match &code.meta_line {
                    Some(line) => document.code(Language::Python, line.trim_end_matches(',')),
                    None => document.code(Language::Sql, &code.sql),
                },
                Err(why) => document.text_as(&format!("No code for this index: {why}."), Tone::Warning),
            }
        }
        document.pair("why", &candidate.why);
        if let Some(trial) = self.tried.trial.filter(|trial| trial.at == at) {
            trial.tell(&mut document, crate::sample::Bytes(candidate.size_bytes()));
        } else {
            document.pair("costs", &report::costs(candidate));
        }
        if !candidate.replaces.is_empty() {
            document.pair_as("replaces", &candidate.replaces.join(", "), Tone::Accent);
        }
        if let Some(rewrite) = &candidate.rewrite {
            document.pair_as("and change", &rewrite.what, Tone::Accent);
        }
        for hit in cured.iter().skip(1) {
            document.pair("also cures", hit.tip.title);
        }
        if let Some(hit) = cured.first() {
            document.pair_as("wrong if", hit.tip.wrong, Tone::Muted);
        }
        let (note, role) = self.check(index);
        let is_refuted = self.tried.trial_of(at).is_some_and(|tried| !tried.is_used.iter().all(|is_used| *is_used));
        let card = Card::new(document, if is_refuted { Role::Bad } else { Role::Good }).note(&note, role);
        if at == 0 { card.keys(INDEX_KEYS) } else { card }
    }

    /// Says what the planner makes of an index, in a few words.
    fn check(&self, index: &AdvisedIndex) -> (String, Role) {
        let Some(verified) = &index.verified else { return ("planner not asked".to_owned(), Role::Warning) };
        if !verified.is_used() {
            return match verified.verdicts.first() {
                Some(PlannerVerdict::CanServe) => ("can serve it, planner not asked".to_owned(), Role::Muted),
                Some(PlannerVerdict::CannotServe(_)) => ("it cannot serve".to_owned(), Role::Warning),
                Some(PlannerVerdict::Unknown(_)) => ("not known whether the planner uses it".to_owned(), Role::Warning),
                _ => ("the planner would not use it".to_owned(), Role::Bad),
            };
        }
        let by = match &verified.evidence {
            Evidence::Hypothetical | Evidence::HypotheticalAlone { .. } => "HypoPG",
            Evidence::Sample { .. } => "on a sample",
            Evidence::Catalog => "by the catalog",
        };
        let arrow = if self.glyphs.is_unicode { "→" } else { "->" };
        match verified.costs() {
            Some((before, after)) => (format!("{by}: cost {} {arrow} {}", Count(before), Count(after)), Role::Good),
            None => (format!("{by}: the planner would use it"), Role::Good),
        }
    }

    /// A tip that no index cures, with the same at other nodes.
    fn tip(&self, first: &TipHit, same: &[&TipHit]) -> Card {
        let plan = self.tried.plan;
        let all = || std::iter::once(first).chain(same.iter().copied());
        let most = Seconds(all().map(|hit| hit.saving.0).sum());
        let most = plan.total_time().map_or(most, |total| Seconds(most.0.min(total.0)));
        let mut document = Document::new(tip::heading(first, tip::saving(plan, most).as_deref()));
        let advice = |hit: &TipHit| {
            self.search.found().map_or_else(|| hit.advice.clone(), |found| found.advice_of(hit, "(v shows it)"))
        };
        let is_one_advice = all().all(|hit| advice(hit) == advice(first));
        for hit in all() {
            tip::place(&mut document, plan, hit);
            if !is_one_advice {
                document.pair_as("do", &advice(hit), Tone::Accent);
            }
        }
        if is_one_advice {
            document.pair_as("do", &advice(first), Tone::Accent);
        }
        tip::reasons(&mut document, first);
        Card::new(document, Role::Title).source(&tip::source(first))
    }

    /// Returns the cards about indexes: of each its checks and its code, then where none is advised, or how the search
    /// stands.
    pub(super) fn indexes(&self) -> Vec<DeckPart> {
        let found = match self.search {
            IndexSearch::Found(found) => found,
            search => return vec![DeckPart::Card(Card::new(search.status(), Role::Title))],
        };
        let mut cards = Vec::new();
        for (at, index) in found.indexes.iter().enumerate() {
            let names: Vec<&str> = index.codes.iter().flatten().map(|code| code.name.as_str()).collect();
            let mut document = Document::new(format!("Index {}: {}", at + 1, index.candidate.summary()));
            if !names.is_empty() {
                document.pair("name", &names.join(", "));
            }
            report::details(&mut document, index, self.tried.trial.filter(|trial| trial.at == at));
            cards.push(DeckPart::Card(Card::new(document, Role::Title)));
        }
        let mut document = Document::new("Indexes not advised");
        if found.indexes.is_empty() {
            let (words, is_calm) = found.none_advised(&self.verdict.tips);
            document.text_as(&words, if is_calm { Tone::Good } else { Tone::Plain });
        }
        report::not_advised(&mut document, &found.refusals);
        found.notes.iter().for_each(|note| document.text_as(note, Tone::Muted));
        if !document.blocks.is_empty() {
            cards.push(DeckPart::Card(Card::new(document, Role::Title)));
        }
        cards
    }
}
