//! The report as markdown, for an issue or a pull request.

use super::report::ExplainReport;
use super::reported::Reported;
use super::text::{costs, index_notes, proof, saves};
use crate::pg::advice::AdvisedIndex;
use crate::plan::text;
use crate::ui::text::{clean, clean_stream};

/// Writes the report.
pub(super) fn write(report: &ExplainReport) -> String {
    let mut out = String::new();
    for plan in &report.plans {
        one(&mut out, plan);
    }
    if let Some(against) = &report.against {
        out.push_str(&format!("## Against the older plan\n\n{}\n\n", prose(&against.sentence())));
        for (plan, scan) in against.found(&report.plans) {
            out.push_str(&format!("- {}\n", prose(&plan.scan_line(scan))));
        }
        out.push('\n');
    }
    if !report.troubles.is_empty() {
        out.push_str("## Not parsed\n\n");
        for trouble in &report.troubles {
            out.push_str(&format!("- {}\n", prose(trouble)));
        }
    }
    out
}

fn one(out: &mut String, plan: &Reported) {
    out.push_str(&format!("# EXPLAIN\n\n**{}**\n\n", prose(&plan.verdict.sentence)));
    if let Some(sql) = &plan.sql {
        fence(out, "sql", sql);
    }
    fence(out, "text", &text::lines(&plan.plan).join("\n"));
    for notice in &plan.notices {
        out.push_str(&format!("> {}\n\n", prose(notice)));
    }
    let (scans, more) = plan.scan_lines();
    list(out, "Sequential scans", scans.into_iter());
    if more > 0 {
        out.push_str(&format!("and {more} more\n\n"));
    }
    if !plan.verdict.tips.is_empty() {
        out.push_str("## Tips\n\n");
    }
    for hit in &plan.verdict.tips {
        out.push_str(&format!("### {}{}\n\n", prose(hit.tip.title), saves(plan, hit)));
        if let Some(place) = plan.place(hit) {
            out.push_str(&format!("At `{}`: ", clean(&place).replace('`', "'")));
        }
        out.push_str(&format!("{}.\n\n**Do:** {}\n\n", prose(&hit.seen), prose(&hit.advice)));
        out.push_str(&format!("{} *wrong if:* {}\n\n", prose(hit.tip.why), prose(hit.tip.wrong)));
    }
    let Some(advised) = &plan.advised else { return };
    if !advised.indexes.is_empty() {
        out.push_str("## Indexes\n\n");
    }
    for index in &advised.indexes {
        one_index(out, index);
    }
    let refusals = advised.refusals.iter().map(|refusal| {
        let rewrite = refusal.rewrite.as_ref().map(|rewrite| format!(" Instead: {}", rewrite.what)).unwrap_or_default();
        format!("{}: {}.{rewrite}", refusal.table, refusal.why.trim_end_matches('.'))
    });
    list(out, "Indexes not advised", refusals);
}

fn one_index(out: &mut String, index: &AdvisedIndex) {
    out.push_str(&format!("### {}\n\n", prose(&index.candidate.summary())));
    out.push_str(&format!("{}\n\n", prose(&index.candidate.why)));
    out.push_str(&format!("- check: {}\n- costs: {}\n", prose(&proof(index)), prose(&costs(index))));
    for note in index_notes(index) {
        out.push_str(&format!("- {}\n", prose(&note)));
    }
    out.push('\n');
    for code in &index.codes {
        match code {
            Ok(code) => {
                if let Some(block) = code.meta_block() {
                    fence(out, "python", &block);
                }
                fence(out, "sql", &code.sql);
            }
            Err(why) => out.push_str(&format!("{}\n\n", prose(why))),
        }
    }
}

fn list(out: &mut String, title: &str, items: impl Iterator<Item = String>) {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        return;
    }
    out.push_str(&format!("## {title}\n\n"));
    for item in items {
        out.push_str(&format!("- {}\n", prose(&item)));
    }
    out.push('\n');
}

/// Returns a sentence on one line in which nothing is markup.
fn prose(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in clean(text).chars() {
        if matches!(letter, '\\' | '`' | '*' | '_' | '<' | '>' | '[' | ']' | '|' | '#') {
            out.push('\\');
        }
        out.push(letter);
    }
    out
}

/// Adds a block of code behind a fence longer than any in it.
fn fence(out: &mut String, language: &str, code: &str) {
    let code = clean_stream(code.trim_end());
    let longest = code.split(|letter| letter != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    out.push_str(&format!("{fence}{language}\n{code}\n{fence}\n\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_is_no_markup() {
        assert_eq!(prose("a_b *c*\n<script> `x`"), "a\\_b \\*c\\* \\<script\\> \\`x\\`");
        let mut out = String::new();
        fence(&mut out, "sql", "select '```'\n");
        assert_eq!(out, "````sql\nselect '```'\n````\n\n");
    }
}
