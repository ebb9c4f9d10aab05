//! The indexes worth building: what each saves and costs, its Django code, and where to build none and why.

use super::{TrialResult, TriedPlan};
use crate::advisor::{Candidate, Refusal, WriteCost};
use crate::django::DjangoCode;
use crate::document::{Document, Language, Tone};
use crate::pg::advice::{Advised, AdvisedIndex};
use crate::pg::verify::{PlannerVerdict, Tried, Verified};
use crate::sample::unit::{Count, Share};
use crate::sample::{Bytes, Seconds};

/// Adds the indexes of an advice, the best first, and those that are not advised.
pub(crate) fn indexes(document: &mut Document, advised: &Advised, subject: TriedPlan<'_>) {
    for (at, index) in advised.indexes.iter().enumerate() {
        let saving = saving(index, at, subject).map(|saving| format!(": {saving}")).unwrap_or_default();
        document.item(format!("{}. {}{saving}", at + 1, index.candidate.summary()));
        one(document, index, subject.trial.filter(|trial| trial.at == at));
    }
    if !advised.refusals.is_empty() {
        document.heading("Indexes not advised");
    }
    not_advised(document, &advised.refusals);
}

/// Returns the time that an index saves: `saves about 970 ms (38%)`, or as its trial measured it; `None` for a plan without
/// times. `at` is its place among the indexes.
pub(crate) fn saving(index: &AdvisedIndex, at: usize, subject: TriedPlan<'_>) -> Option<String> {
    if let Some((before, after)) = subject.trial_of(at).and_then(Tried::times) {
        let saved = before.0 - after.0;
        return Some(if saved > 0.0 {
            format!("saves {} of {before} ({}), measured", Seconds(saved), Share(saved / before.0))
        } else {
            "saves nothing, measured".to_owned()
        });
    }
    let candidate = &index.candidate;
    let saves = candidate.saves?;
    let total = subject.plan.total_time().filter(|total| total.0 > 0.0);
    let share = total.map(|total| format!(" ({})", Share((saves.0 / total.0).min(1.0)))).unwrap_or_default();
    // The planner's costs take pages for read from a disk: where all were in memory, fewer pages save more than they say.
    let node = subject.plan.node(candidate.node);
    let is_in_memory = node
        .is_some_and(|node| node.buffers.shared.hit > 0.0 && node.buffers.shared.read + node.buffers.temp.read <= 0.0);
    let is_cautious = is_in_memory && candidate.cost_after > 0.1 * candidate.cost_before;
    Some(format!("saves {} {saves}{share}", if is_cautious { "at least" } else { "about" }))
}

fn one(document: &mut Document, index: &AdvisedIndex, trial: Option<&TrialResult>) {
    let names: Vec<&str> = index.codes.iter().flatten().map(|code| code.name.as_str()).collect();
    if !names.is_empty() {
        document.pair("name", &names.join(", "));
    }
    document.pair("why", &index.candidate.why);
    details(document, index, trial);
}

/// Adds what the planner makes of an index, what it costs, what was measured of it, and its code.
pub(crate) fn details(document: &mut Document, index: &AdvisedIndex, trial: Option<&TrialResult>) {
    let candidate = &index.candidate;
    let names: Vec<&str> = index.codes.iter().flatten().map(|code| code.name.as_str()).collect();
    verdict(document, index);
    if let Some(trial) = trial {
        trial.tell(document, Bytes(candidate.size_bytes()));
    }
    let writes = &candidate.write_cost;
    if trial.is_none_or(|trial| trial.tried.is_err()) {
        document.pair("size", &size(candidate));
        if candidate.sizes.len() > 1 {
            let names = names.iter().copied().map(str::to_owned);
            let numbered = (names.len()..candidate.sizes.len()).map(|at| format!("index {}", at + 1));
            let each =
                names.chain(numbered).zip(&candidate.sizes).map(|(name, size)| format!("{name} {}", Bytes(*size)));
            document.pair("of it", &each.collect::<Vec<_>>().join(", "));
        }
        let build = format!("about {} of work; CONCURRENTLY it also waits for open transactions", writes.build);
        document.pair("build", &build);
    }
    document.pair("writes", &wal(writes));
    if !candidate.replaces.is_empty() {
        document.pair_as("replaces", &candidate.replaces.join(", "), Tone::Accent);
    }
    if let Some(rewrite) = &candidate.rewrite {
        document.pair_as("and change", &rewrite.what, Tone::Accent);
    }
    for note in notes(index) {
        document.text_as(note, Tone::Muted);
    }
    for code in &index.codes {
        match code {
            Ok(code) => code_of(document, code),
            Err(why) => document.text_as(&format!("No code for this index: {why}."), Tone::Warning),
        }
    }
}

/// Says what the planner makes of it, and the costs without and with it.
fn verdict(document: &mut Document, index: &AdvisedIndex) {
    let candidate = &index.candidate;
    let (words, tone) = match &index.verified {
        None => {
            let sure = candidate.confidence.word();
            (format!("the planner was not asked; its use is {sure}"), Tone::Warning)
        }
        Some(verified) => {
            let (words, tone) = match verified.verdicts.first() {
                _ if verified.is_used() => ("the planner would use it", Tone::Good),
                Some(PlannerVerdict::CanServe) => ("the index can serve it", Tone::Plain),
                Some(PlannerVerdict::CannotServe(why) | PlannerVerdict::Unknown(why)) => (why.as_str(), Tone::Warning),
                _ => ("the planner would not use it", Tone::Bad),
            };
            (format!("{words} ({})", verified.evidence.words()), tone)
        }
    };
    document.pair_as("check", &words, tone);
    let costs = match index.verified.as_ref().and_then(Verified::costs) {
        Some((before, after)) => format!("{} without it, {} with it", Count(before), Count(after)),
        None => format!(
            "of the scan, estimated: {} without it, {} with it",
            Count(candidate.cost_before),
            Count(candidate.cost_after)
        ),
    };
    document.pair("cost", &costs);
}

/// Returns what an index costs in one line: `about 15 MB, about 0.7s to build, about 90 B more WAL for each insert`.
pub(crate) fn costs(candidate: &Candidate) -> String {
    let about = if candidate.is_size_known { "about" } else { "perhaps" };
    let (size, writes) = (Bytes(candidate.size_bytes()), &candidate.write_cost);
    format!("{about} {size}, about {} to build, {}", writes.build, wal(writes))
}

/// Says what an insert writes more: of a partial index only for the rows that it has.
pub(super) fn wal(writes: &WriteCost) -> String {
    let (met, always) = (Bytes(writes.wal_if_met), Bytes(writes.wal_per_insert - writes.wal_if_met));
    let rate = |before: &str| {
        writes.inserts_per_second.map(|rate| format!("{before} {} inserts/s", Count(rate))).unwrap_or_default()
    };
    if met.0 <= 0.0 {
        return format!("about {always} more WAL for each insert{}", rate(" at"));
    }
    if always.0 > 0.0 {
        return format!(
            "about {always} more WAL for each insert{}, and {met} for each row that meets the condition of the partial \
             index",
            rate(" at")
        );
    }
    format!("about {met} more WAL for each row that meets its condition, nothing for others{}", rate("; the table has"))
}

pub(super) fn size(candidate: &Candidate) -> String {
    let about = if candidate.is_size_known { "about" } else { "perhaps" };
    let (size, writes) = (Bytes(candidate.size_bytes()), &candidate.write_cost);
    let share = Share(writes.share_of_row);
    match writes.bytes_per_row {
        // What rounds to nothing for a row is said of the table alone.
        bytes if bytes >= 0.5 => {
            format!("{about} {size}: {} for each row of the table ({share} of its size)", Bytes(bytes))
        }
        bytes if bytes > 0.0 => format!("{about} {size}: {share} of the table's size"),
        _ => format!("{about} {size}"),
    }
}

/// Returns what else is to be known of an index, each once.
pub(crate) fn notes(index: &AdvisedIndex) -> Vec<&str> {
    let verified = index.verified.iter().flat_map(|verified| &verified.notes);
    let codes = index.codes.iter().flatten().flat_map(|code| &code.notes);
    let mut notes: Vec<&str> = Vec::new();
    for note in index.candidate.notes.iter().chain(verified).chain(codes) {
        if !notes.contains(&note.as_str()) {
            notes.push(note);
        }
    }
    notes
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
}

/// Adds for which tables no index is advised, and why.
pub(crate) fn not_advised(document: &mut Document, refusals: &[Refusal]) {
    for refusal in refusals {
        document.pair(&refusal.table, &refusal.why);
        let Some(rewrite) = &refusal.rewrite else { continue };
        document.pair_as("instead", &rewrite.what, Tone::Accent);
        if let Some(django) = &rewrite.django {
            document.code(Language::Python, django);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advisor::advise;
    use crate::advisor::tests::{catalog, plan};

    #[test]
    fn a_partial_index_writes_nothing_for_rows_that_do_not_meet_its_condition() {
        let whole = WriteCost { wal_per_insert: 64.0, inserts_per_second: Some(3.0), ..WriteCost::default() };
        let partial = WriteCost { wal_if_met: 64.0, ..whole };
        assert_eq!(wal(&whole), "about 64 B more WAL for each insert at 3 inserts/s");
        assert_eq!(
            wal(&partial),
            "about 64 B more WAL for each row that meets its condition, nothing for others; the table has 3 inserts/s"
        );
        assert_eq!(
            wal(&whole.and(&partial)),
            "about 64 B more WAL for each insert at 3 inserts/s, and 64 B for each row that meets the condition of the \
             partial index"
        );
    }

    #[test]
    fn what_an_index_adds_to_a_row_is_said_in_bytes_and_not_as_time() {
        let text =
            "Seq Scan on orders o  (cost=0.00..48750.00 rows=1 width=72)\n  Filter: ((reference)::text = 'R1'::text)";
        let candidate = advise(&plan(text), &catalog()).candidates.remove(0);
        let mut small = candidate.clone();
        (small.write_cost.bytes_per_row, small.write_cost.share_of_row) = (0.1, 0.001);
        let said = size(&small);
        assert!(said.contains(": 0.1% of the table's size") && !said.contains("0 B"), "{said}");
        let said = size(&candidate);
        assert!(said.contains(" for each row of the table (") && said.contains(" B"), "{said}");
    }
}
