//! What came of the trial of an index, in a line and in figures.

use super::compare::{NOTABLE, times as factor};
use crate::document::{Document, Tone};
use crate::failure::Failure;
use crate::pg::verify::Tried;
use crate::plan::{BLOCK, Plan};
use crate::sample::{Bytes, Seconds};
use crate::ui::frame::TextPart;
use crate::ui::glyphs::Glyphs;
use crate::ui::theme::Role;

/// What came of a trial.
#[derive(Debug)]
pub(super) struct TrialResult {
    /// Which of the indexes it was, counted from 0.
    pub(super) at: usize,
    /// What was measured.
    pub(super) tried: Result<Box<Tried>, Failure>,
}

impl TrialResult {
    /// Says in one line what came of it.
    pub(super) fn line(&self, glyphs: &Glyphs) -> Vec<TextPart> {
        let number = self.at + 1;
        match &self.tried {
            Ok(tried) => {
                let (sign, words, role) = if tried.is_used.iter().all(|is_used| *is_used) {
                    (glyphs.good, "the planner uses it", Role::Good)
                } else {
                    (glyphs.bad, "the planner does not use it", Role::Bad)
                };
                let told = format!("; built in {}, {}; removed again", tried.build, size(tried));
                vec![(format!("{sign} index trial {number}: {words}"), role), (told, Role::Muted)]
            }
            Err(failure) => vec![
                (format!("{} index trial {number}: ", glyphs.bad), Role::Bad),
                (crate::ui::text::clean(&failure.what).into_owned(), Role::Bad),
            ],
        }
    }

    /// Adds what came of it to what is to be read of the index.
    pub(super) fn tell(&self, document: &mut Document, expected: Bytes) {
        let tried = match &self.tried {
            Ok(tried) => tried,
            Err(failure) => {
                document.pair_as("trial", &failure.what, Tone::Bad);
                return failure.because.iter().chain(&failure.hint).for_each(|line| document.text(line));
            }
        };
        let (words, role) = if tried.is_used.iter().all(|is_used| *is_used) {
            ("the planner uses it", Tone::Good)
        } else {
            ("the planner does not use it", Tone::Bad)
        };
        document.pair_as("trial", words, role);
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
        document.pair("size", &format!("{} (estimated: {expected})", size(tried)));
        document.pair("build", &format!("{}, measured", tried.build));
        tried.notes.iter().for_each(|note| document.text_as(&format!("In the index trial, {note}."), Tone::Muted));
    }
}

/// Says how many times faster or slower; small differences are chance.
fn change(before: Seconds, after: Seconds) -> String {
    let times = before.0 / after.0.max(1e-6);
    match times {
        times if times >= NOTABLE => format!(" ({}× faster)", factor(times)),
        times if times <= 1.0 / NOTABLE => format!(" ({}× slower)", factor(1.0 / times)),
        _ => " (no measurable difference)".to_owned(),
    }
}

fn size(tried: &Tried) -> Bytes {
    Bytes(tried.sizes.iter().map(|size| size.0).sum())
}
