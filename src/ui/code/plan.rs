//! A plan as EXPLAIN writes it: what reads whole tables and what is thrown away stand out, figures step back.

use std::ops::Range;

use super::Role;

/// Returns the parts of a plan that have a role of their own, in order.
pub(super) fn spans(text: &str) -> Vec<(Range<usize>, Role)> {
    let mut spans = Vec::new();
    let mut start = 0;
    for line in text.split('\n') {
        let figures = line.find("  (cost=").or_else(|| line.find(" (actual ")).unwrap_or(line.len());
        if line.contains("Seq Scan on ") || line.contains("Rows Removed by") {
            let indent = line.len() - line.trim_start().len();
            spans.push((start + indent..start + figures, Role::Warning));
        }
        if figures < line.len() {
            spans.push((start + figures..start + line.len(), Role::Muted));
        }
        start += line.len() + 1;
    }
    spans
}
