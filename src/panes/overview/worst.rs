//! The worst findings as a list, and everything that one of them says.

use std::collections::HashMap;

use crate::app::PaneId;
use crate::document::Document;
use crate::findings::{Finding, Findings};
use crate::report;
use crate::sample::Value;
use crate::ui::table::{Cell, Grid, GridColumn, GridRow, Notice};
use crate::ui::theme::Role;

/// Returns the key of each finding's row: the rule, and its number among those of the same rule.
pub(in crate::panes) fn keys(findings: &[Finding]) -> Vec<String> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    findings
        .iter()
        .map(|finding| {
            let count = seen.entry(finding.id).or_default();
            *count += 1;
            format!("{} {count}", finding.id)
        })
        .collect()
}

/// Returns the list, worst first: what is sorted, filtered and selected by; the panel draws it.
pub(super) fn grid(findings: &Findings) -> Grid {
    let mut grid = Grid::new(vec![
        GridColumn::text("severity", "severity", 8).help("How bad it is: critical, warning or notice."),
        GridColumn::text("finding", "finding", 20).help("What is wrong, with the number that decides."),
        GridColumn::text("fix", "what to do", 20).help("What to do about it; Enter shows the code."),
    ]);
    for (key, finding) in keys(&findings.list).into_iter().zip(&findings.list) {
        let severity = Cell::mark(finding.severity.word(), f64::from(finding.severity as u8));
        let cells = vec![severity, Cell::text(&finding.title), Cell::text(&finding.fix.text)];
        grid.rows.push(GridRow::new(key, cells));
    }
    if grid.rows.is_empty() {
        grid.notice = Some(Notice::new(match (findings.not_possible(), findings.pending()) {
            (0, 0) => "All checks passed".to_owned(),
            _ if findings.made == 0 => "No check was made yet".to_owned(),
            _ => format!("Nothing found by {}", checks(findings.made)),
        }));
    }
    grid
}

/// Returns what the tile's frame says of checks that were not made.
pub(super) fn note(findings: &Findings) -> Option<(String, Role)> {
    match (findings.not_possible(), findings.pending()) {
        (0, 0) => None,
        (0, pending) => Some((format!("{} pending", checks(pending)), Role::Muted)),
        (blind, 0) => Some((format!("{} not possible (! for why)", checks(blind)), Role::Warning)),
        (blind, pending) => {
            Some((format!("{} not possible (! for why), {pending} pending", checks(blind)), Role::Warning))
        }
    }
}

fn checks(count: usize) -> String {
    if count == 1 { "1 check".to_owned() } else { format!("{count} checks") }
}

/// Returns where in the console a finding is to be looked at: the pane, and the key of the row there.
pub(in crate::panes) fn place(finding: &Finding) -> Option<(PaneId, Option<String>)> {
    let jump = finding.jump.as_ref()?;
    let pane = crate::panes::named(jump.pane)?.id;
    Some((pane, jump.key.first().and_then(Value::as_int).map(|key| key.to_string())))
}

/// Returns everything a finding says.
pub(in crate::panes) fn document(finding: &Finding) -> Document {
    let mut document = report::finding::document(finding);
    document.leads_to = place(finding).map(|(pane, _)| pane.title);
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings;
    use crate::findings::{Fix, Jump, Severity};
    use crate::sample::Missing;

    fn finding(id: &'static str, jump: Option<Jump>) -> Finding {
        Finding {
            id,
            severity: Severity::Warning,
            title: format!("{id} has 3"),
            evidence: vec![("pid 7".to_owned(), "waits".to_owned())],
            why: "It hurts.",
            fix: Fix { text: "Mend it.".to_owned(), code: None },
            jump,
            source: "manual 1.1",
        }
    }

    #[test]
    fn a_row_keeps_its_key_when_the_order_changes() {
        let [one, two] = [finding("waiting", None), finding("bloat", None)];
        assert_eq!(keys(&[one.clone(), two.clone(), two.clone()]), ["waiting 1", "bloat 1", "bloat 2"]);
        assert_eq!(keys(&[two, one]), ["bloat 1", "waiting 1"]);
    }

    #[test]
    fn a_finding_leads_to_the_pane_and_row_it_is_about() {
        let to = |pane, key| finding("x", Some(Jump { pane, key }));
        let row = || vec![Value::Int(77)];
        assert_eq!(place(&to("tables", row())), Some((crate::panes::tables::ID, Some("77".to_owned()))));
        assert_eq!(place(&to("queries", vec![])), Some((crate::panes::queries::ID, None)));
        assert_eq!(place(&finding("x", None)), None);
    }

    #[test]
    fn no_rule_sends_to_a_pane_that_is_not_there() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/findings");
        let mut checked = 0;
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let text = std::fs::read_to_string(&path).unwrap();
            let starts = text.match_indices("Jump::to").map(|(at, _)| text.get(at..).unwrap());
            for name in starts.filter_map(|call| call.split('"').nth(1)) {
                assert!(crate::panes::named(name).is_some(), "{} sends to {name}", path.display());
                checked += 1;
            }
        }
        assert!(checked > 10, "{checked} jumps were found");
    }

    #[test]
    fn all_checks_passed_is_said_only_when_all_were_made() {
        let all = findings::RULES.len();
        let unknown = |why| findings::NotJudged { rule: "bloat", watches: "bloat", why };
        let said = |seen: &Findings| grid(seen).notice.map(|notice| notice.sentence).unwrap_or_default();
        let mut seen = Findings { made: all, ..Findings::default() };
        assert_eq!((said(&seen).as_str(), note(&seen)), ("All checks passed", None));
        seen = Findings { made: all - 1, unknown: vec![unknown(Missing::NotYet)], ..seen };
        assert_eq!(said(&seen), format!("Nothing found by {} checks", all - 1));
        assert_eq!(note(&seen), Some(("1 check pending".to_owned(), Role::Muted)));
        seen = Findings { unknown: vec![unknown(Missing::Blocked { by: vec![], runs: String::new() })], ..seen };
        assert_eq!(note(&seen), Some(("1 check not possible (! for why)".to_owned(), Role::Warning)));
        assert_ne!(said(&seen), "All checks passed");
        // Before the first snapshot.
        let nothing = Findings::default();
        assert_eq!(said(&nothing), "No check was made yet");
        assert_eq!(note(&nothing), Some((format!("{all} checks pending"), Role::Muted)));
    }
}
