//! The indexes worth building for a plan: what each saves and costs, its Django code, and where to build none and why.

use super::tried::TrialResult;
use crate::advisor::Confidence;
use crate::django::DjangoCode;
use crate::document::{Document, Language, Tone};
use crate::failure::Failure;
use crate::pg::advice::{Advised, AdvisedIndex};
use crate::pg::verify::{PlannerVerdict, Verified};
use crate::plan::Plan;
use crate::sample::Bytes;
use crate::sample::unit::{Count, Share};

/// What the indexes are for, and what came of a trial of one of them.
pub(super) struct TriedPlan<'a> {
    /// The plan.
    pub(super) plan: &'a Plan,
    /// The last trial.
    pub(super) tried: Option<&'a TrialResult>,
}

/// How the search for indexes stands.
#[derive(Debug, Default)]
pub(super) enum IndexSearch {
    /// Nothing was asked: an estimate, or a plan from elsewhere.
    #[default]
    NotAsked,
    /// It is under way.
    UnderWay,
    /// What was found.
    Found(Box<Advised>),
    /// Why nothing could be found out.
    Failed(Failure),
}

impl IndexSearch {
    /// Returns what was found.
    pub(super) fn found(&self) -> Option<&Advised> {
        if let Self::Found(found) = self { Some(found) } else { None }
    }

    /// Returns how many indexes were found.
    pub(super) fn count(&self) -> usize {
        if let Self::Found(found) = self { found.indexes.len() } else { 0 }
    }

    /// Returns the first index that the planner made plans without and with, counted from 0, and these.
    pub(super) fn planned(&self) -> Option<(usize, &Verified, &Plan, &Plan)> {
        let Self::Found(found) = self else { return None };
        found.indexes.iter().enumerate().find_map(|(at, suggestion)| {
            let verified = suggestion.verified.as_ref()?;
            Some((at, verified, verified.before.as_ref()?, verified.after.as_ref()?))
        })
    }

    /// Returns the best index in a sentence, with the keys that lead to it.
    pub(super) fn headline(&self, plan: &Plan) -> Option<String> {
        let Self::Found(found) = self else { return None };
        let first = found.indexes.first()?;
        let others = match found.indexes.len() {
            0 | 1 => String::new(),
            all => format!(", and {} more", all - 1),
        };
        let (name, saves) = (name_of(first), saves(first, plan).replacen(": ", ", ", 1));
        Some(format!(
            "An index is worth building: {name}{saves}{others}. Press v to see it, i to copy its code, B for an index trial."
        ))
    }

    /// Returns the code of the first, for a copy: everything that goes into the project, and the SQL.
    pub(super) fn text(&self) -> Option<String> {
        let Self::Found(found) = self else { return None };
        let codes = found.indexes.first()?.codes.iter().flatten().map(whole_code);
        Some(codes.collect::<Vec<_>>().join("\n\n")).filter(|text| !text.is_empty())
    }

    /// Returns the file of the first and its text: the migration, else the SQL.
    pub(super) fn file(&self) -> Option<(String, String)> {
        let Self::Found(found) = self else { return None };
        let code = found.indexes.first()?.codes.iter().flatten().next()?;
        Some(match &code.migration {
            Some(migration) => (format!("{}.py", migration.name()), migration.text.clone()),
            None => (format!("{}.sql", code.name), format!("{}\n", code.sql)),
        })
    }

    /// Returns what is to be read of it.
    pub(super) fn document(&self, subject: &TriedPlan<'_>) -> Document {
        let mut document = Document::new("Indexes");
        match self {
            Self::NotAsked => document.text_as(
                "No index advice yet. Press R to run the statement: pgdj then reads its plan and the statistics, and \
                 asks the planner.",
                Tone::Muted,
            ),
            Self::UnderWay => {
                document.text_as("Looking for indexes and asking the planner about them.", Tone::Accent);
            }
            Self::Failed(failure) => {
                document.text_as(&failure.what, Tone::Bad);
                failure.because.iter().chain(&failure.hint).for_each(|line| document.text(line));
            }
            Self::Found(found) => tell_found(&mut document, found, subject),
        }
        document
    }
}

fn tell_found(document: &mut Document, found: &Advised, subject: &TriedPlan<'_>) {
    if found.indexes.is_empty() {
        document.text_as("No index is worth building for this statement.", Tone::Good);
    }
    for (at, suggestion) in found.indexes.iter().enumerate() {
        one(document, at, suggestion, subject);
    }
    if !found.refusals.is_empty() {
        document.heading("Indexes not advised");
        for refusal in &found.refusals {
            document.pair(&refusal.table, &refusal.why);
            if let Some(rewrite) = &refusal.rewrite {
                document.pair_as("instead", &rewrite.what, Tone::Accent);
                if let Some(django) = &rewrite.django {
                    document.code(Language::Python, django);
                }
            }
        }
    }
    found.notes.iter().for_each(|note| document.text_as(note, Tone::Muted));
}

/// Writes a reason as a sentence of its own.
fn sentence(why: &str) -> String {
    let mut letters = why.chars();
    let first = letters.next().map(char::to_uppercase);
    let whole: String = first.into_iter().flatten().chain(letters).collect();
    format!("{}.", whole.trim_end_matches('.'))
}

fn name_of(suggestion: &AdvisedIndex) -> &str {
    let mut names = suggestion.codes.iter().flatten().map(|code| code.name.as_str());
    names.next().unwrap_or(suggestion.candidate.spec.table.as_str())
}

fn saves(suggestion: &AdvisedIndex, plan: &Plan) -> String {
    let Some(saves) = suggestion.candidate.saves else { return String::new() };
    let total = plan.total_time().filter(|total| total.0 > 0.0);
    let share = total.map(|total| format!(" ({})", Share((saves.0 / total.0).min(1.0)))).unwrap_or_default();
    format!(": saves about {saves}{share}")
}

fn one(document: &mut Document, at: usize, suggestion: &AdvisedIndex, subject: &TriedPlan<'_>) {
    let (candidate, number) = (&suggestion.candidate, at + 1);
    document.heading(&format!("{number}. {}{}", name_of(suggestion), saves(suggestion, subject.plan)));
    document.text(&sentence(&candidate.why));
    verdict(document, suggestion);
    if let Some(trial) = subject.tried.filter(|trial| trial.at == at) {
        trial.tell(document, Bytes(candidate.size_bytes()));
    }
    let is_measured = subject.tried.is_some_and(|trial| trial.at == at && trial.tried.is_ok());
    let known = if candidate.is_size_known { "about" } else { "perhaps" };
    let writes = &candidate.write_cost;
    let inserts = writes.inserts_per_second.map(|rate| format!(" at {} inserts/s", Count(rate))).unwrap_or_default();
    if !is_measured {
        document.pair("size", &format!("{known} {}", Bytes(candidate.size_bytes())));
        let build = format!("about {} of work; CONCURRENTLY it also waits for open transactions", writes.build);
        document.pair("build", &build);
    }
    document.pair("writes", &format!("about {} more WAL for each insert{inserts}", Bytes(writes.wal_per_insert)));
    if !candidate.replaces.is_empty() {
        document.pair_as("replaces", &candidate.replaces.join(", "), Tone::Accent);
    }
    if let Some(rewrite) = &candidate.rewrite {
        document.pair_as("and change", &rewrite.what, Tone::Accent);
    }
    for note in &candidate.notes {
        document.text_as(note, Tone::Muted);
    }
    for code in &suggestion.codes {
        match code {
            Ok(code) => code_of(document, code),
            Err(why) => document.text_as(&format!("No code for this index: {why}."), Tone::Warning),
        }
    }
}

fn verdict(document: &mut Document, suggestion: &AdvisedIndex) {
    let Some(verified) = &suggestion.verified else {
        let sure = match suggestion.candidate.confidence {
            Confidence::High => "likely",
            Confidence::Fair => "perhaps",
            Confidence::Low => "uncertain",
        };
        return document.pair_as("check", &format!("the planner was not asked; its use is {sure}"), Tone::Warning);
    };
    let (words, role) = match verified.verdicts.first() {
        _ if verified.is_used() => ("the planner would use it".to_owned(), Tone::Good),
        Some(PlannerVerdict::CanServe) => ("the index can serve it".to_owned(), Tone::Plain),
        Some(PlannerVerdict::CannotServe(why) | PlannerVerdict::Unknown(why)) => (why.clone(), Tone::Warning),
        _ => ("the planner would not use it".to_owned(), Tone::Bad),
    };
    document.pair_as("check", &format!("{words} ({})", verified.evidence.words()), role);
    if let Some((before, after)) = verified.costs() {
        document.pair("cost", &format!("{} without it, {} with it", Count(before), Count(after)));
    }
    verified.notes.iter().for_each(|note| document.text_as(note, Tone::Muted));
}

fn code_of(document: &mut Document, code: &DjangoCode) {
    if let Some(block) = code.meta_block() {
        document.code(Language::Python, &block);
    }
    if let Some(migration) = &code.migration {
        document.text_as(&migration.path, Tone::Muted);
        document.code(Language::Python, &migration.text);
    }
    document.code(Language::Sql, &code.sql);
    code.notes.iter().for_each(|note| document.text_as(note, Tone::Muted));
}

fn whole_code(code: &DjangoCode) -> String {
    let migration = code.migration.as_ref().map(|migration| format!("# {}\n{}", migration.path, migration.text));
    let parts = [code.meta_block(), migration, Some(format!("-- SQL instead of the migration\n{}", code.sql))];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n")
}
