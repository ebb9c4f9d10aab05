//! What came of an advice, as documents: the verdict, each index, and the statements that are slower.

use crate::document::{Document, Language, Tone};
use crate::readings::statement_line::statement_line;
use crate::sample::unit::{Count, Share, counted, factor};
use crate::sample::{Bytes, Seconds};
use crate::workload::Baseline;
use crate::workload::outcome::{
    BaselineOutcome, BuiltPart, CurrentWorkload, ENOUGH_CALLS, IndexOutcome, IndexVerdict, PartOutcome,
    StatementOutcome,
};

/// Statements of an index that are listed; the rest is counted.
const MOST_STATEMENTS: usize = 5;
/// A mean that is below this part of the one before is faster.
const FASTER: f64 = 0.8;
/// Slower statements that are listed.
const MOST_SLOWER: usize = 10;

/// Returns all of it, one document after the other.
pub(crate) fn documents(baseline: &Baseline, now: &CurrentWorkload, outcome: &BaselineOutcome) -> Vec<Document> {
    let mut documents = vec![summary(baseline, now, outcome)];
    documents.extend(outcome.indexes.iter().enumerate().map(|(at, index)| one(baseline, at, index)));
    documents.extend(slower(baseline, outcome));
    documents
}

/// Returns the verdict in a sentence or two.
pub(crate) fn verdict(outcome: &BaselineOutcome) -> String {
    let count = |verdict: IndexVerdict| outcome.indexes.iter().filter(|index| index.verdict == verdict).count();
    let all = outcome.indexes.len();
    if all == 0 {
        return "The advice had no index.".to_owned();
    }
    let parts = [
        (count(IndexVerdict::Used), "used"),
        (count(IndexVerdict::Unused), "not used"),
        (count(IndexVerdict::Invalid), "invalid"),
        (count(IndexVerdict::TooEarly), "built, and their statements did not run since"),
        (count(IndexVerdict::NotBuilt), "not built"),
    ];
    let parts: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, words)| format!("{count} {words}")).collect();
    let indexes = counted(all, "index", "indexes");
    let mut text = format!("Of {indexes}: {}.", parts.join(", "));
    if let Some(gain) = gain(outcome) {
        text.push(' ');
        text.push_str(&gain);
    }
    text
}

/// Returns what the helped statements gained, by all that were called often enough since the indexes were built.
fn gain(outcome: &BaselineOutcome) -> Option<String> {
    let built = outcome.indexes.iter().filter(|index| index.verdict == IndexVerdict::Used);
    let mut measured: Vec<&StatementOutcome> = Vec::new();
    for statement in built.flat_map(|index| &index.statements).filter(|statement| statement.is_measured()) {
        if !measured.iter().any(|known| known.statement == statement.statement) {
            measured.push(statement);
        }
    }
    if measured.is_empty() || !outcome.is_since_built {
        return None;
    }
    let calls: f64 = measured.iter().map(|it| it.calls).sum();
    let sum =
        |of: fn(&StatementOutcome) -> f64| Seconds(measured.iter().map(|it| of(it) * it.calls).sum::<f64>() / calls);
    let (before, after) = (sum(|it| it.before.0), sum(|it| it.after.unwrap_or_default().0));
    let promised = sum(|it| it.promised.unwrap_or_default().0);
    let statements = counted(measured.len(), "statement takes", "statements take");
    let slower = measured.iter().filter(|it| it.is_slower()).count();
    let slower = if slower > 0 { format!(" Slower than before: {slower} of them.") } else { String::new() };
    Some(format!(
        "{statements} {after} a call instead of {before} ({}); promised were {promised}.{slower}",
        change(before, after)
    ))
}

fn change(before: Seconds, after: Seconds) -> String {
    if after.0 <= 0.0 || before.0 <= 0.0 {
        return "not comparable".to_owned();
    }
    if before.0 >= after.0 {
        format!("{}× faster", factor(before.0 / after.0))
    } else {
        format!("{}× slower", factor(after.0 / before.0))
    }
}

fn summary(baseline: &Baseline, now: &CurrentWorkload, outcome: &BaselineOutcome) -> Document {
    let mut document = Document::new(format!("What came of the advice {} for {}", baseline.name, baseline.database));
    let tone = if outcome.is_bad() { Tone::Warning } else { Tone::Strong };
    document.text_as(&verdict(outcome), tone);
    let ago = |then: crate::sample::Timestamp| Seconds((now.at.0 - then.0).max(0.0));
    document.pair("kept", &format!("{} ago", ago(baseline.kept_at)));
    let from = if outcome.is_since_built {
        "since the indexes were first seen here"
    } else {
        "since the advice, so with calls from before an index was built"
    };
    document.pair("measured", &format!("the last {}, {from}", ago(outcome.since)));
    if let Some(noted) = &outcome.noted
        && !noted.names.is_empty()
    {
        let text = "The counters were noted now, as these indexes are first seen: run this again after some traffic, and \
            only calls since now are measured.";
        document.text_as(text, Tone::Accent);
    }
    if !now.notes.is_empty() {
        document.list(now.notes.clone(), Tone::Muted);
    }
    document
}

fn one(baseline: &Baseline, at: usize, index: &IndexOutcome) -> Document {
    let advised = baseline.indexes.get(at);
    let summary = advised.map(|advised| advised.summary.as_str()).unwrap_or_default();
    let mut document = Document::new(format!("Index {}: {summary}", at + 1));
    let (words, tone) = if index.verdict == IndexVerdict::Used && is_of_no_use(index) {
        ("used, but none of its statements is faster than before: look whether it is worth its size", Tone::Warning)
    } else {
        verdict_words(index.verdict)
    };
    document.pair_as("verdict", words, tone);
    for (place, part) in index.parts.iter().enumerate() {
        let advised = advised.and_then(|advised| advised.parts.get(place));
        match part {
            PartOutcome::Built(part) => document.pair("built as", &part_words(part)),
            PartOutcome::NotBuilt => {
                let name = advised.map(|part| part.name.as_str()).filter(|name| !name.is_empty());
                let table = advised.map(|part| part.table.as_str()).unwrap_or_default();
                let name = name.map_or_else(|| "the index".to_owned(), str::to_owned);
                document.pair("missing", &format!("{name}: {table} has no index of this name or with these keys"));
            }
        }
    }
    if let Some(advised) = advised {
        let size = Bytes(advised.bytes);
        let by = if advised.is_planned { "the planner's estimates" } else { "pgdj's own cost model" };
        let promised = format!("about {} of the time of all statements, by {by}; {size}", Share(advised.share));
        document.pair("promised", &promised);
    }
    if !index.statements.is_empty() {
        document.heading("Statements it was to help");
    }
    for statement in index.statements.iter().take(MOST_STATEMENTS) {
        statement_facts(&mut document, baseline, statement);
    }
    if let Some(more) = index.statements.len().checked_sub(MOST_STATEMENTS).filter(|more| *more > 0) {
        document.text_as(&format!("and {more} more"), Tone::Muted);
    }
    if matches!(index.verdict, IndexVerdict::Unused | IndexVerdict::Invalid) {
        removal(&mut document, index);
    }
    document
}

/// Whether its statements were measured, and none is clearly faster.
fn is_of_no_use(index: &IndexOutcome) -> bool {
    let mut measured = index.statements.iter().filter(|statement| statement.is_measured()).peekable();
    let is_faster = |it: &StatementOutcome| it.after.is_some_and(|after| after.0 < it.before.0 * FASTER);
    measured.peek().is_some() && !measured.any(is_faster)
}

fn verdict_words(verdict: IndexVerdict) -> (&'static str, Tone) {
    match verdict {
        IndexVerdict::NotBuilt => ("not built", Tone::Plain),
        IndexVerdict::Invalid => {
            ("invalid: its build failed or was cancelled, so it costs writers and helps no query", Tone::Bad)
        }
        IndexVerdict::Used => ("used", Tone::Good),
        IndexVerdict::Unused => ("not used by the statements it was to help; take it back", Tone::Bad),
        IndexVerdict::TooEarly => ("built; its statements did not run since, so nothing can be said yet", Tone::Plain),
    }
}

fn part_words(part: &BuiltPart) -> String {
    let size = part.bytes.map(|bytes| format!(", {bytes}")).unwrap_or_default();
    let scans = part.scans.map_or_else(
        || ", its scans could not be read".to_owned(),
        |scans| format!(", {} since its counters were reset", Count(scans).of("scan", "scans")),
    );
    format!("{}{size}{scans}", part.name)
}

fn statement_facts(document: &mut Document, baseline: &Baseline, outcome: &StatementOutcome) {
    let Some(statement) = baseline.statements.get(outcome.statement) else { return };
    document.item(statement_line(&statement.sql));
    document.pair("queryid", &statement.queryid);
    let calls = Count(statement.calls).of("call", "calls");
    document.pair("before", &format!("{} a call, in {calls}", outcome.before));
    if let Some(promised) = outcome.promised {
        document.pair("promised", &format!("{promised} a call ({})", change(outcome.before, promised)));
    }
    let (words, tone) = measured_words(outcome);
    document.pair_as("measured", &words, tone);
    match outcome.uses_index {
        Some(true) => document.pair_as("plan", "uses the index", Tone::Good),
        Some(false) => document.pair_as("plan", "does not use the index (planned without values)", Tone::Warning),
        None => {}
    }
}

fn measured_words(outcome: &StatementOutcome) -> (String, Tone) {
    let calls = Count(outcome.calls).of("call", "calls");
    let Some(after) = outcome.after else { return ("no call since".to_owned(), Tone::Muted) };
    let words = format!("{after} a call, in {calls} ({})", change(outcome.before, after));
    if outcome.calls < ENOUGH_CALLS {
        return (format!("{words}; too few calls to judge by"), Tone::Muted);
    }
    let tone = if outcome.is_slower() {
        Tone::Bad
    } else if after.0 < outcome.before.0 * FASTER {
        Tone::Good
    } else {
        Tone::Plain
    };
    (words, tone)
}

fn removal(document: &mut Document, index: &IndexOutcome) {
    document.heading("Take it back");
    let mut copied = Vec::new();
    for part in &index.parts {
        let PartOutcome::Built(part) = part else { continue };
        match &part.removal {
            Ok(code) => {
                for note in &code.notes {
                    document.text_as(note, Tone::Muted);
                }
                if let Some(migration) = &code.migration {
                    document.text_as(&migration.path, Tone::Muted);
                    document.code(Language::Python, &migration.text);
                    copied.push(migration.text.clone());
                } else {
                    copied.push(code.sql.clone());
                }
                document.code(Language::Sql, &code.sql);
            }
            Err(why) => document.text_as(&format!("No code that removes {}: {why}.", part.name), Tone::Warning),
        }
    }
    document.copied = Some(copied.join("\n"));
}

fn slower(baseline: &Baseline, outcome: &BaselineOutcome) -> Option<Document> {
    if outcome.slower.is_empty() {
        return None;
    }
    let mut document = Document::new("Other statements that are slower than before");
    document
        .text_as("The indexes need not be why: more rows, another plan or a busier server do the same.", Tone::Muted);
    for statement in outcome.slower.iter().take(MOST_SLOWER) {
        statement_facts(&mut document, baseline, statement);
    }
    if let Some(more) = outcome.slower.len().checked_sub(MOST_SLOWER).filter(|more| *more > 0) {
        document.text_as(&format!("and {more} more"), Tone::Muted);
    }
    Some(document)
}
