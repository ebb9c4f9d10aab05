//! The search for indexes, as it stands, and the code of the best.

use super::deck::Card;
use crate::advisor::Reason;
use crate::django::DjangoCode;
use crate::document::{Document, Language, Tone};
use crate::failure::Failure;
use crate::pg::advice::{Advised, AdvisedIndex};
use crate::pg::verify::Verified;
use crate::plan::{NodeId, Plan};
use crate::ui::theme::Role;

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

    /// Returns whether an index is worth building for a scan, in a few words; `None` where that is not known.
    pub(super) fn word_on(&self, node: NodeId) -> Option<String> {
        let Self::Found(found) = self else { return None };
        if found.indexes.iter().any(|index| index.candidate.node == node) {
            return Some("index worth building".to_owned());
        }
        let refusal = found.refusals.iter().find(|refusal| refusal.node == node)?;
        Some(short_reason(refusal.reason).to_owned())
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

    /// Returns the code of an index, counted from 0, for a copy: everything that goes into the project, and the SQL.
    pub(super) fn text(&self, at: usize) -> Option<String> {
        let codes = self.index(at)?.codes.iter().flatten().map(whole_code);
        Some(codes.collect::<Vec<_>>().join("\n\n")).filter(|text| !text.is_empty())
    }

    /// Returns the file of an index, counted from 0, and its text: the migration, else the SQL.
    pub(super) fn file(&self, at: usize) -> Option<(String, String)> {
        let code = self.index(at)?.codes.iter().flatten().next()?;
        Some(match &code.migration {
            Some(migration) => (format!("{}.py", migration.name()), migration.text.clone()),
            None => (format!("{}.sql", code.name), format!("{}\n", code.sql)),
        })
    }

    /// Returns what goes into the model for an index, counted from 0, as a card; else its SQL.
    pub(super) fn code_card(&self, at: usize) -> Option<Card> {
        let mut document = Document::new("The index in Django");
        for code in self.index(at)?.codes.iter().flatten() {
            match code.meta_block() {
                Some(block) => document.code(Language::Python, &block),
                None => document.code(Language::Sql, &code.sql),
            }
        }
        (!document.blocks.is_empty()).then(|| Card::new(document, Role::Title))
    }

    fn index(&self, at: usize) -> Option<&AdvisedIndex> {
        self.found()?.indexes.get(at)
    }

    /// Returns how the search stands where it has found nothing yet.
    pub(super) fn status(&self) -> Document {
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
            Self::Found(_) => {}
        }
        document
    }
}

/// Returns in a few words why no index is advised for a scan.
fn short_reason(reason: Reason) -> &'static str {
    match reason {
        Reason::Stale => "ANALYZE the table before an index",
        Reason::NeedsRewrite => "rewrite the condition first",
        Reason::AlreadyIndexed => "has its index",
        Reason::SmallTable => "small table: no index needed",
        Reason::MostRowsWanted => "most rows are needed: no index helps",
        Reason::RowsNotKnown => "index: not known, no statistics",
        Reason::PatternNotKnown => "index: depends on the pattern",
        Reason::OneForEachSide => "index: not known, one for each side of OR",
        Reason::NothingToLookFor => "no condition to index",
        Reason::StopsEarly => "stops early: no index needed",
        Reason::NotWorthIt => "index not worth its cost",
        Reason::NoIndexServes => "no index serves the condition",
        Reason::Settings => "sequential scans are disabled",
        Reason::CannotHaveOne => "cannot have an index here",
    }
}

fn whole_code(code: &DjangoCode) -> String {
    let migration = code.migration.as_ref().map(|migration| format!("# {}\n{}", migration.path, migration.text));
    let parts = [code.meta_block(), migration, Some(format!("-- SQL instead of the migration\n{}", code.sql))];
    parts.into_iter().flatten().collect::<Vec<_>>().join("\n")
}
