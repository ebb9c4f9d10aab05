//! A finding as a document, and several as a list.

use crate::document::{Document, Tone};
use crate::findings::{Finding, Findings, Severity};
use crate::sample::unit::counted;

/// Returns everything a finding says.
pub(crate) fn document(finding: &Finding) -> Document {
    let mut document = Document::new(format!("{}: {}", finding.severity.word(), finding.title));
    document.heading("What to do");
    document.text(&finding.fix.text);
    if let Some(code) = &finding.fix.code {
        document.copied = Some(code.text.clone());
        document.code(code.language, &code.text);
    }
    document.heading("Evidence");
    for (label, value) in &finding.evidence {
        document.pair(label, value);
    }
    document.heading("Why");
    document.text(finding.why);
    document.heading("Source");
    document.text(&format!("{}; pgdj check: {}", finding.source, finding.id));
    document
}

/// Returns all findings, the worst first, and which checks were not made; `None` where all were made and found nothing.
pub(crate) fn list(findings: &Findings) -> Option<Document> {
    if findings.list.is_empty() && findings.is_complete() {
        return None;
    }
    let mut document = Document::new("Findings");
    for finding in &findings.list {
        document.item(format!("{}: {}", finding.severity.word(), finding.title));
        for (label, value) in &finding.evidence {
            document.pair(label, value);
        }
        document.text_as(&finding.fix.text, Tone::Accent);
        if let Some(code) = &finding.fix.code {
            document.code(code.language, &code.text);
        }
    }
    let unknown: Vec<String> =
        findings.unknown.iter().map(|unjudged| format!("{}: {}", unjudged.watches, unjudged.why)).collect();
    if !unknown.is_empty() {
        document.heading(&format!("{} not made", counted(unknown.len(), "check was", "checks were")));
        document.list(unknown, Tone::Muted);
    }
    Some(document)
}

/// Returns how a finding of this severity is shown.
pub(crate) fn tone(severity: Severity) -> Tone {
    match severity {
        Severity::Critical => Tone::Bad,
        Severity::Warning => Tone::Warning,
        Severity::Notice => Tone::Plain,
    }
}
