//! What is advised for a workload, as documents: the whole, each index, the code, and what was not looked at.

use super::finding;
use super::index::{size, wal};
use super::worth::Worth;
use crate::advisor::Refusal;
use crate::document::{Document, Language, Tone};
use crate::findings::Findings;
use crate::readings::statement_line::statement_line;
use crate::sample::unit::{Count, Share, counted, factor};
use crate::sample::{Bytes, Seconds};
use crate::workload::{ChosenIndex, HelpedStatement, LeftOut, PricedBy, WorkloadAdvice};

/// Statements of an index that are listed; the rest is counted.
const MOST_HELPED: usize = 5;
/// Statements to be written another way that are listed.
const MOST_REWRITES: usize = 10;

/// Returns all of it, one document after the other.
pub(crate) fn documents(advice: &WorkloadAdvice, findings: &Findings) -> Vec<Document> {
    let mut documents = vec![summary(advice), in_order(advice, findings)];
    documents.extend(advice.indexes.iter().enumerate().map(|(at, index)| index_document(advice, at, index)));
    documents.extend(code(advice));
    documents.extend(finding::list(findings));
    documents.push(rest(advice));
    documents
}

/// Returns all that is worth doing, one line each, the worst first.
fn in_order(advice: &WorkloadAdvice, findings: &Findings) -> Document {
    let found = findings.list.iter().map(|found| {
        let tone = finding::tone(found.severity);
        (Worth::Finding(found.severity), 0.0, found.title.clone(), tone)
    });
    let indexes = advice.indexes.iter().map(|index| {
        let words = format!("{}: would save about {}", index.candidate.summary(), Share(index.share));
        (Worth::Index, index.share, words, Tone::Strong)
    });
    let rewrites = different_rewrites(advice).into_iter().filter_map(|(at, _)| {
        let statement = &advice.statements.get(*at)?.statement;
        let share = advice.share_of(statement.time);
        let words = format!("{}: takes {}", statement_line(&statement.sql), Share(share));
        Some((Worth::Rewrite, share, words, Tone::Plain))
    });
    let mut all: Vec<(Worth, f64, String, Tone)> = found.chain(indexes).chain(rewrites).collect();
    all.sort_by(|one, other| other.0.rank(other.1).total_cmp(&one.0.rank(one.1)));
    let mut document = Document::new("Worth doing, worst first");
    if all.is_empty() && findings.is_complete() {
        document.text_as("Nothing.", Tone::Good);
    } else if all.is_empty() {
        document.text("Nothing was found; not every check was made.");
    }
    for (worth, _, words, tone) in all {
        document.pair_as(worth.word(), &words, tone);
    }
    document
}

/// Returns the verdict in one sentence.
pub(crate) fn verdict(advice: &WorkloadAdvice) -> String {
    let count = counted(advice.indexes.len(), "index", "indexes");
    let (saves, share) = saving(advice);
    match advice.indexes.len() {
        0 if advice.statements.is_empty() => "No statement could be looked at.".to_owned(),
        0 => "No index is worth building for these statements.".to_owned(),
        1 => format!("1 index would save about {share} of the time of all statements ({saves} of {}).", advice.total),
        _ => {
            format!(
                "{count} together would save about {share} of the time of all statements ({saves} of {}).",
                advice.total
            )
        }
    }
}

/// Returns the time that all indexes save together, and its share of the time of all statements.
pub(crate) fn saving(advice: &WorkloadAdvice) -> (Seconds, Share) {
    let saves = Seconds(advice.indexes.iter().map(|index| index.saves.0).sum());
    (saves, Share(advice.share_of(saves)))
}

/// Returns what was asked, of whom, at what cost, and what that is worth.
pub(crate) fn summary(advice: &WorkloadAdvice) -> Document {
    let mut document = Document::new(format!("Advice for the workload of {}", advice.database));
    let is_calm = advice.indexes.is_empty() && !advice.statements.is_empty();
    let tone = if is_calm { Tone::Good } else { Tone::Strong };
    document.text_as(&verdict(advice), tone);
    let looked_at = Seconds(advice.statements.iter().map(|planned| planned.statement.time.0).sum());
    let statements = counted(advice.statements.len(), "statement", "statements");
    document.pair("looked at", &format!("{statements}, {} of the time of all", Share(advice.share_of(looked_at))));
    if let Some((_, length)) = advice.window {
        document.pair("counted for", &length.to_string());
    }
    let (evidence, tone) = match &advice.priced {
        PricedBy::Planner => {
            let ours = advice.indexes.iter().filter(|index| !index.is_planned).count();
            let but = if ours > 0 {
                format!(
                    "; {} by pgdj's own cost model, as HypoPG cannot simulate it",
                    counted(ours, "index", "indexes")
                )
            } else {
                String::new()
            };
            (format!("by the planner, with hypothetical indexes (HypoPG){but}"), Tone::Good)
        }
        PricedBy::Model(why) => (format!("by pgdj's own cost model; the planner was not asked: {why}"), Tone::Warning),
        PricedBy::Nobody => ("there was no candidate".to_owned(), Tone::Plain),
    };
    document.pair_as("checked", &evidence, tone);
    if advice.certificate.candidates > 0 {
        document.pair("how good", &advice.certificate.words());
    }
    let asked = &advice.asked;
    let plans = Count(asked.plans as f64).of("plan", "plans");
    let overhead = format!(
        "{plans}, {} to plan them; {} in all, with the checks of what the statements call",
        asked.server, asked.elapsed
    );
    document.pair("overhead", &overhead);
    let size: f64 = advice.indexes.iter().map(|index| index.candidate.size_bytes()).sum();
    if !advice.indexes.is_empty() {
        document.pair("size of all", &format!("about {}", Bytes(size)));
    }
    document
}

/// Returns what is known of one index: what it saves, which statements, what it costs.
pub(crate) fn index_document(advice: &WorkloadAdvice, at: usize, index: &ChosenIndex) -> Document {
    let candidate = &index.candidate;
    let mut document = Document::new(format!("Index {}: {}", at + 1, candidate.summary()));
    let names: Vec<&str> = index.codes.iter().flatten().map(|code| code.name.as_str()).collect();
    if !names.is_empty() {
        document.pair("name", &names.join(", "));
    }
    let by = if index.is_planned { "by the planner's estimates" } else { "by pgdj's own cost model" };
    let saves = format!("about {} of the time of all statements ({}), {by}", Share(index.share), index.saves);
    document.pair_as("saves", &saves, Tone::Strong);
    document.pair("size", &size(candidate));
    let build =
        format!("about {} of work; CONCURRENTLY it also waits for open transactions", candidate.write_cost.build);
    document.pair("build", &build);
    let lost = if index.writes.0 > 0.0 { format!("; about {} in this time", index.writes) } else { String::new() };
    document.pair("writes", &format!("{}{lost}", wal(&candidate.write_cost)));
    if !candidate.replaces.is_empty() {
        document.pair_as("replaces", &candidate.replaces.join(", "), Tone::Accent);
    }
    if let Some(rewrite) = &candidate.rewrite {
        document.pair_as("and change", &rewrite.what, Tone::Accent);
    }
    document.heading("Statements it helps");
    for helped in index.helped.iter().take(MOST_HELPED) {
        help(&mut document, advice, helped);
    }
    if let Some(more) = index.helped.len().checked_sub(MOST_HELPED).filter(|more| *more > 0) {
        document.text_as(&format!("and {more} more"), Tone::Muted);
    }
    document.heading("Code");
    for note in notes(index) {
        document.text_as(note, Tone::Muted);
    }
    for code in &index.codes {
        match code {
            Ok(code) => {
                if let Some(block) = code.meta_block() {
                    document.code(Language::Python, &block);
                }
                document.code(Language::Sql, &code.sql);
            }
            Err(why) => document.text_as(&format!("No code for this index: {why}."), Tone::Warning),
        }
    }
    let sql: Vec<&str> = index.codes.iter().flatten().map(|code| code.sql.as_str()).collect();
    let python: Vec<String> = index.codes.iter().flatten().filter_map(crate::django::DjangoCode::python).collect();
    document.copied = Some(if python.is_empty() { sql.join("\n") } else { python.join("\n") });
    document
}

fn notes(index: &ChosenIndex) -> Vec<&str> {
    let codes = index.codes.iter().flatten().flat_map(|code| &code.notes);
    let mut notes: Vec<&str> = Vec::new();
    for note in index.candidate.notes.iter().chain(codes) {
        if !notes.contains(&note.as_str()) {
            notes.push(note);
        }
    }
    notes
}

fn help(document: &mut Document, advice: &WorkloadAdvice, helped: &HelpedStatement) {
    let Some(planned) = advice.statements.get(helped.change.statement) else { return };
    let (statement, change) = (&planned.statement, &helped.change);
    document.item(statement_line(&statement.sql));
    document.pair("queryid", &statement.queryid.to_string());
    let calls = Count(statement.calls).of("call", "calls");
    document.pair("time", &format!("{} in {calls}, {} each on average", statement.time, statement.mean()));
    document.pair("saves", &format!("about {}", helped.saves));
    document.pair("cost", &cost_change(change.before, change.after));
}

/// Returns a change of the planner's cost: `48,750 without, 8.4 with all of these indexes (5,800× less)`.
pub(crate) fn cost_change(before: f64, after: f64) -> String {
    let times = if after > 0.0 && before / after >= 1.05 {
        format!(" ({}× less)", factor(before / after))
    } else {
        String::new()
    };
    format!("{} without, {} with all of these indexes{times}", Count(before), Count(after))
}

/// Returns the code of all indexes together: one migration for each app, or SQL.
pub(crate) fn code(advice: &WorkloadAdvice) -> Option<Document> {
    if advice.migrations.is_empty() && advice.sql.is_empty() {
        return None;
    }
    let mut document = Document::new("Code for all of them");
    let mut copied = Vec::new();
    for migration in &advice.migrations {
        document.text_as(&migration.path, Tone::Muted);
        document.code(Language::Python, &migration.text);
        copied.push(migration.text.clone());
    }
    if !advice.sql.is_empty() {
        document.text_as("Tables without a known Django model:", Tone::Muted);
        document.code(Language::Sql, &advice.sql.join("\n"));
        copied.push(advice.sql.join("\n"));
    }
    document.copied = Some(copied.join("\n"));
    Some(document)
}

/// Returns what else is worth doing, and what was not looked at and why.
pub(crate) fn rest(advice: &WorkloadAdvice) -> Document {
    let mut document = Document::new("What else");
    rewrites(&mut document, advice);
    if !advice.worse.is_empty() {
        document.heading("Statements whose estimate rises with these indexes");
        for change in &advice.worse {
            let Some(planned) = advice.statements.get(change.statement) else { continue };
            document.item(statement_line(&planned.statement.sql));
            document.pair("cost", &cost_change(change.before, change.after));
        }
    }
    let left_out: Vec<String> = advice
        .left_out
        .iter()
        .filter(|group| group.why != LeftOut::Own)
        .map(|group| {
            let count = counted(group.statements, "statement", "statements");
            let example = group.example.as_ref().map(|said| format!("; the first: {said}")).unwrap_or_default();
            format!("{count} ({} of the time) {}{example}", Share(advice.share_of(group.time)), group.why)
        })
        .collect();
    if !left_out.is_empty() {
        document.heading("Not looked at");
        document.list(left_out, Tone::Plain);
    }
    if !advice.notes.is_empty() {
        document.heading("Notes");
        document.list(advice.notes.clone(), Tone::Muted);
    }
    document.text_as(
        "Planned without values: a partial index on a value is considered only where the statement has the value itself. \
         LIMIT counts as the rows that a call returned on average, at least 20. Nothing was run: `pgdj explain` and its \
         index trial (B) measure one statement.",
        Tone::Muted,
    );
    document
}

/// Returns the statements to be written another way, each once for each reason.
fn different_rewrites(advice: &WorkloadAdvice) -> Vec<&(usize, Refusal)> {
    let mut shown: Vec<&(usize, Refusal)> = Vec::new();
    for rewrite in &advice.rewrites {
        if !shown.iter().any(|known| known.0 == rewrite.0 && known.1.why == rewrite.1.why) {
            shown.push(rewrite);
        }
    }
    shown
}

fn rewrites(document: &mut Document, advice: &WorkloadAdvice) {
    let shown = different_rewrites(advice);
    if shown.is_empty() {
        return;
    }
    document.heading("Statements to write another way");
    let more = shown.len().saturating_sub(MOST_REWRITES);
    for (at, refusal) in shown.into_iter().take(MOST_REWRITES) {
        let Some(planned) = advice.statements.get(*at) else { continue };
        document.item(statement_line(&planned.statement.sql));
        document.pair("time", &format!("{} of all", Share(advice.share_of(planned.statement.time))));
        document.pair("why", &refusal.why);
        let Some(rewrite) = &refusal.rewrite else { continue };
        document.pair_as("instead", &rewrite.what, Tone::Accent);
        if let Some(django) = &rewrite.django {
            document.code(Language::Python, django);
        }
    }
    if more > 0 {
        document.text_as(&format!("and {more} more"), Tone::Muted);
    }
}
