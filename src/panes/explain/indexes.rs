//! The search for indexes, as it stands, and the code of the best.

use crate::django::DjangoCode;
use crate::document::{Document, Tone};
use crate::failure::Failure;
use crate::pg::advice::{Advised, AdvisedIndex};
use crate::pg::verify::Verified;
use crate::plan::Plan;
use crate::report::{self, TriedPlan};

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

    /// Returns how many indexes were found, with those that serve only together.
    pub(super) fn count(&self) -> usize {
        let Self::Found(found) = self else { return 0 };
        found.indexes.iter().map(|suggestion| suggestion.candidate.specs().count()).sum()
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
    pub(super) fn headline(&self, subject: TriedPlan<'_>) -> Option<String> {
        let Self::Found(found) = self else { return None };
        let first = found.indexes.first()?;
        let others = match found.indexes.len() {
            0 | 1 => String::new(),
            all => format!(", and {} more", all - 1),
        };
        let names = names(first);
        if subject.trial_of(0).is_some_and(|tried| !tried.is_used.iter().all(|is_used| *is_used)) {
            return Some(format!("Index trial of {names}: the planner does not use it{others}. Press v to see it."));
        }
        let (what, them) = match first.candidate.companions.len() {
            0 => ("An index is".to_owned(), "it"),
            others => (format!("{} indexes together are", others + 1), "them"),
        };
        let saves = report::saving(first, 0, subject).map(|saves| format!(", {saves}")).unwrap_or_default();
        Some(format!(
            "{what} worth building: {names}{saves}{others}. Press v to see {them}, i to copy the code, B for an index trial."
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
    ///
    /// `values` says with which values the plan was made.
    pub(super) fn document(&self, subject: TriedPlan<'_>, values: Option<&str>) -> Document {
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
            Self::Found(found) => {
                if found.indexes.is_empty() && found.refusals.iter().any(|refusal| refusal.reason.is_open()) {
                    document.text_as("No index is advised yet: the reasons are below.", Tone::Plain);
                } else if found.indexes.is_empty() {
                    document.text_as("No index is worth building for this statement.", Tone::Good);
                }
                if let Some(values) = values {
                    document.text_as(values, Tone::Muted);
                }
                report::indexes(&mut document, found, subject);
                found.notes.iter().for_each(|note| document.text_as(note, Tone::Muted));
            }
        }
        document
    }
}

/// Returns the names of an index and of those that serve only together with it.
fn names(suggestion: &AdvisedIndex) -> String {
    let names: Vec<&str> = suggestion.codes.iter().flatten().map(|code| code.name.as_str()).collect();
    if names.is_empty() { suggestion.candidate.spec.table.clone() } else { names.join(" and ") }
}

fn whole_code(code: &DjangoCode) -> String {
    let migration = code.migration.as_ref().map(|migration| format!("# {}\n{}", migration.path, migration.text));
    let parts = [code.meta_block(), migration, Some(format!("-- SQL instead of the migration\n{}", code.sql))];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n")
}
