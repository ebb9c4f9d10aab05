//! The report for a person: psql's plan, then what is worth doing.

use super::page::Page;
use super::report::ExplainReport;
use super::reported::Reported;
use crate::document::Language;
use crate::pg::advice::AdvisedIndex;
use crate::plan::text;
use crate::plan::tips::TipHit;
use crate::sample::Bytes;
use crate::sample::unit::{Count, Share};
use crate::ui::theme::{Role, Theme};

/// Tips that are told in full; the rest in one line each.
const MOST_TOLD: usize = 5;

/// Writes the report.
pub(super) fn page<'a>(report: &ExplainReport, theme: Option<&'a Theme>) -> Page<'a> {
    let mut page = Page::new(theme);
    // Before the plans: what stands below is not all there was.
    for trouble in &report.troubles {
        page.prose("not parsed: ", trouble, Role::Warning);
    }
    if !report.troubles.is_empty() {
        page.end();
    }
    for (at, plan) in report.plans.iter().enumerate() {
        if report.plans.len() > 1 {
            if at > 0 {
                page.end();
            }
            page.line(format!("Plan {} of {}", at + 1, report.plans.len()), Role::Title);
        }
        one(&mut page, plan);
    }
    if let Some(against) = &report.against {
        page.end();
        let health = if against.scans.is_empty() { Role::Good } else { Role::Bad };
        page.prose("", &against.sentence(), health);
        for (plan, scan) in against.found(&report.plans) {
            page.prose("  - ", &plan.scan_line(scan), Role::Bad);
        }
    }
    page
}

fn one(page: &mut Page<'_>, plan: &Reported) {
    if let Some(sql) = plan.sql.as_ref().filter(|_| plan.advised.is_none()) {
        page.code(Language::Sql, sql, 0);
        page.end();
    }
    text::psql_lines(&plan.plan, |line| plan_line(page, line));
    page.end();
    let health = if plan.verdict.is_fine { Role::Good } else { Role::Title };
    page.prose("", &plan.verdict.sentence, health);
    for notice in &plan.notices {
        page.prose("note: ", notice, Role::Text);
    }
    let (scans, more) = plan.scan_lines();
    if !scans.is_empty() {
        page.end();
        page.line("Sequential scans", Role::Title);
    }
    for scan in scans {
        page.prose("  - ", &scan, Role::Warning);
    }
    if more > 0 {
        page.line(format!("  and {more} more"), Role::Muted);
    }
    tips(page, plan);
    indexes(page, plan);
}

/// Adds a line of the plan; what reads whole tables, and what is thrown away, stands out.
fn plan_line(page: &mut Page<'_>, line: &str) {
    let role =
        if line.contains("Seq Scan on ") || line.contains("Rows Removed by") { Role::Warning } else { Role::Text };
    match line.find("  (cost=").or_else(|| line.find(" (actual ")) {
        Some(at) => {
            let (label, figures) = line.split_at(at);
            page.part(label, role);
            page.line(figures, Role::Muted);
        }
        None => page.line(line, role),
    }
}

fn tips(page: &mut Page<'_>, plan: &Reported) {
    let tips = &plan.verdict.tips;
    if tips.is_empty() {
        return;
    }
    page.end();
    page.line("Tips", Role::Title);
    for (at, hit) in tips.iter().enumerate() {
        page.part(format!("  {}. ", at + 1), Role::Muted);
        page.part(hit.tip.title, Role::Accent);
        page.line(saves(plan, hit), Role::Muted);
        if let Some(place) = plan.place(hit) {
            page.prose("     at       ", &place, Role::Text);
        }
        page.prose("     evidence ", &hit.seen, Role::Text);
        page.prose("     do       ", &hit.advice, Role::Good);
        if at < MOST_TOLD {
            page.prose("     why      ", hit.tip.why, Role::Muted);
            page.prose("     wrong if ", hit.tip.wrong, Role::Muted);
        }
    }
}

/// Says what a tip could save, where that is known.
pub(super) fn saves(plan: &Reported, hit: &TipHit) -> String {
    if plan.plan.has_times() && hit.saving.0 > 0.0 { format!("  up to {}", hit.saving) } else { String::new() }
}

fn indexes(page: &mut Page<'_>, plan: &Reported) {
    let Some(advised) = &plan.advised else { return };
    if !advised.indexes.is_empty() {
        page.end();
        page.line("Indexes", Role::Title);
    }
    for (at, index) in advised.indexes.iter().enumerate() {
        one_index(page, at + 1, index);
    }
    if !advised.refusals.is_empty() {
        page.end();
        page.line("Indexes not advised", Role::Title);
    }
    for refusal in &advised.refusals {
        page.prose(&format!("  - {}: ", refusal.table), &refusal.why, Role::Text);
        if let Some(rewrite) = &refusal.rewrite {
            page.prose("    instead ", &rewrite.what, Role::Good);
            if let Some(django) = &rewrite.django {
                page.code(Language::Python, django, 10);
            }
        }
    }
}

fn one_index(page: &mut Page<'_>, number: usize, index: &AdvisedIndex) {
    let candidate = &index.candidate;
    page.part(format!("  {number}. "), Role::Muted);
    page.line(candidate.summary(), Role::Accent);
    page.prose("     why      ", &candidate.why, Role::Text);
    page.prose("     check    ", &proof(index), Role::Text);
    page.prose("     costs    ", &costs(index), Role::Text);
    for note in index_notes(index) {
        page.prose("     note     ", &note, Role::Muted);
    }
    for code in &index.codes {
        match code {
            Ok(code) => {
                if let Some(block) = code.meta_block() {
                    page.end();
                    page.code(Language::Python, &block, 5);
                }
                page.end();
                page.code(Language::Sql, &code.sql, 5);
            }
            Err(why) => page.prose("     code     ", why, Role::Warning),
        }
    }
}

/// Says how sure it is, and what it saves.
pub(super) fn proof(index: &AdvisedIndex) -> String {
    let Some(verified) = &index.verified else {
        return format!(
            "estimated; the planner was not asked; cost of the scan {:.0} → {:.0}",
            index.candidate.cost_before, index.candidate.cost_after
        );
    };
    match verified.costs() {
        Some((before, after)) => {
            format!(
                "the planner would use it ({}); cost {} → {}",
                verified.evidence.words(),
                Count(before),
                Count(after)
            )
        }
        None => format!(
            "{}; cost of the scan {:.0} → {:.0}",
            verified.evidence.words(),
            index.candidate.cost_before,
            index.candidate.cost_after
        ),
    }
}

/// Says what it costs.
pub(super) fn costs(index: &AdvisedIndex) -> String {
    let candidate = &index.candidate;
    let about = if candidate.is_size_known { "about" } else { "roughly" };
    let writes = &candidate.write_cost;
    let mut text = format!("{about} {}, built in about {}", Bytes(candidate.size_bytes()), writes.build);
    // What rounds to nothing for a row is said of the table alone.
    if writes.bytes_per_row > 0.0 && writes.bytes_per_row < 0.5 {
        text.push_str(&format!("; that is {} of the table's size", Share(writes.share_of_row)));
    } else if writes.bytes_per_row > 0.0 {
        text.push_str(&format!(
            "; that is {} for each row of the table ({} of its size)",
            Bytes(writes.bytes_per_row),
            Share(writes.share_of_row)
        ));
    }
    if !candidate.replaces.is_empty() {
        text.push_str(&format!("; makes {} redundant", candidate.replaces.join(", ")));
    }
    text
}

/// Returns what else is to be known of an index, each once.
pub(super) fn index_notes(index: &AdvisedIndex) -> Vec<String> {
    let mut notes: Vec<String> = index.candidate.notes.clone();
    let verified = index.verified.iter().flat_map(|verified| &verified.notes);
    let codes = index.codes.iter().flatten().flat_map(|code| &code.notes);
    for note in verified.chain(codes) {
        if !notes.contains(note) {
            notes.push(note.clone());
        }
    }
    if let Some(rewrite) = &index.candidate.rewrite {
        notes.push(rewrite.what.clone());
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::advisor::advise;
    use crate::advisor::tests::{catalog, plan};

    #[test]
    fn what_an_index_adds_to_a_row_is_said_in_bytes_and_not_as_time() {
        let text =
            "Seq Scan on orders o  (cost=0.00..48750.00 rows=1 width=72)\n  Filter: ((reference)::text = 'R1'::text)";
        let candidate = advise(&plan(text), &catalog()).candidates.remove(0);
        let mut small = candidate.clone();
        (small.write_cost.bytes_per_row, small.write_cost.share_of_row) = (0.1, 0.001);
        let said = costs(&AdvisedIndex { candidate: small, verified: None, codes: Vec::new() });
        assert!(said.contains("that is 0.1% of the table's size") && !said.contains("0 B"), "{said}");
        let said = costs(&AdvisedIndex { candidate, verified: None, codes: Vec::new() });
        assert!(said.contains(" for each row of the table (") && said.contains(" B"), "{said}");
        assert!(!said.contains("slower"), "{said}");
    }
}
