//! The search for indexes, as it stands, and the code of the best.

use crate::django::DjangoCode;
use crate::document::{Document, Tone};
use crate::failure::Failure;
use crate::pg::advice::{Advised, AdvisedIndex};
use crate::pg::verify::Verified;
use crate::plan::Plan;
use crate::report::{self, TrialResult};

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
        let name = name_of(first);
        let saves = report::saving(first, plan).map(|saves| format!(", {saves}")).unwrap_or_default();
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
    pub(super) fn document(&self, plan: &Plan, trial: Option<&TrialResult>) -> Document {
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
                if found.indexes.is_empty() {
                    document.text_as("No index is worth building for this statement.", Tone::Good);
                }
                report::indexes(&mut document, found, plan, trial);
                found.notes.iter().for_each(|note| document.text_as(note, Tone::Muted));
            }
        }
        document
    }
}

fn name_of(suggestion: &AdvisedIndex) -> &str {
    let mut names = suggestion.codes.iter().flatten().map(|code| code.name.as_str());
    names.next().unwrap_or(suggestion.candidate.spec.table.as_str())
}

fn whole_code(code: &DjangoCode) -> String {
    let migration = code.migration.as_ref().map(|migration| format!("# {}\n{}", migration.path, migration.text));
    let parts = [code.meta_block(), migration, Some(format!("-- SQL instead of the migration\n{}", code.sql))];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n")
}
