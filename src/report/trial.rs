//! What a trial of an index measured.

use crate::document::{Document, Tone};
use crate::failure::Failure;
use crate::pg::advice::AdvisedIndex;
use crate::pg::verify::{Tried, trial_name};
use crate::plan::diff::NOTABLE;
use crate::plan::{BLOCK, Field, Plan};
use crate::sample::unit::factor;
use crate::sample::{Bytes, Seconds};

/// The field of a node whose index was built for a trial; the server gives none of this name.
pub(crate) const TRIED: &str = "Tried in pgdj";

/// What came of a trial.
#[derive(Debug)]
pub(crate) struct TrialResult {
    /// Which of the indexes it was, counted from 0.
    pub(crate) at: usize,
    /// What was measured.
    pub(crate) tried: Result<Box<Tried>, Failure>,
}

/// A plan, and the last trial of one of its indexes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TriedPlan<'a> {
    /// The plan.
    pub(crate) plan: &'a Plan,
    /// The trial, if any.
    pub(crate) trial: Option<&'a TrialResult>,
}

impl<'a> TriedPlan<'a> {
    /// Returns what was measured of an index, where it is the one that was tried.
    pub(crate) fn trial_of(&self, at: usize) -> Option<&'a Tried> {
        self.trial.filter(|trial| trial.at == at)?.tried.as_deref().ok()
    }
}

impl TrialResult {
    /// Gives the indexes in the plan with them the names that they will have, marked as tried; where there is no code for
    /// one, it is called by its keys.
    pub(crate) fn name_after(&mut self, index: Option<&AdvisedIndex>) {
        let (Ok(tried), Some(index)) = (&mut self.tried, index) else { return };
        let names: Vec<(String, String)> = index
            .candidate
            .specs()
            .zip(&index.codes)
            .enumerate()
            .map(|(at, (spec, code))| {
                let name = code.as_ref().map_or_else(|_| spec.summary(), |code| code.name.clone());
                (trial_name(at + 1), name)
            })
            .collect();
        for node in &mut tried.after.nodes {
            let own = node.index();
            let Some((_, name)) = names.iter().find(|(trial, _)| Some(trial.as_str()) == own) else { continue };
            for (_, field) in node.fields.iter_mut().filter(|(field, _)| field == "Index Name") {
                *field = Field::Text(name.clone());
            }
            node.fields.push((TRIED.into(), Field::Bool(true)));
        }
    }

    /// Adds what was measured to what is said of the index; `expected` is its estimated size.
    pub(crate) fn tell(&self, document: &mut Document, expected: Bytes) {
        let tried = match &self.tried {
            Ok(tried) => tried,
            Err(failure) => {
                document.pair_as("trial", &failure.what, Tone::Bad);
                return failure.because.iter().chain(&failure.hint).for_each(|line| document.text(line));
            }
        };
        let (words, tone) = if tried.is_used.iter().all(|is_used| *is_used) {
            ("the planner uses it", Tone::Good)
        } else {
            ("the planner does not use it", Tone::Bad)
        };
        document.pair_as("trial", words, tone);
        match tried.times() {
            Some((before, after)) => {
                document.pair("time", &format!("{before} without it, {after} with it{}", change(before, after)));
            }
            None => document.text_as("A write is only planned, so there are no times.", Tone::Muted),
        }
        let blocks = |plan: &Plan| plan.root().map(|root| root.buffers.shared.touched()).filter(|blocks| *blocks > 0.0);
        if let (Some(before), Some(after)) = (blocks(&tried.before), blocks(&tried.after)) {
            let (before, after) = (Bytes(before * BLOCK), Bytes(after * BLOCK));
            document.pair("buffers", &format!("{before} without it, {after} with it"));
        }
        document.pair("size", &format!("{} (estimated: {expected})", built_size(tried)));
        document.pair("build", &format!("{}, measured", tried.build));
        for note in &tried.notes {
            document.text_as(&format!("In the index trial, {note}."), Tone::Muted);
        }
    }
}

/// Says how many times faster or slower; small differences are chance.
fn change(before: Seconds, after: Seconds) -> String {
    match before.0 / after.0.max(1e-6) {
        times if times >= NOTABLE => format!(" ({}× faster)", factor(times)),
        times if times <= 1.0 / NOTABLE => format!(" ({}× slower)", factor(1.0 / times)),
        _ => " (no measurable difference)".to_owned(),
    }
}

/// Returns the size of the indexes that were built.
pub(crate) fn built_size(tried: &Tried) -> Bytes {
    Bytes(tried.sizes.iter().map(|size| size.0).sum())
}
