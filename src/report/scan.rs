//! A sequential scan in a sentence.

use crate::plan::scans::SeqScan;
use crate::plan::{BLOCK, Plan};
use crate::sample::Bytes;
use crate::sample::unit::{Count, Share};

/// What is known of the table that is scanned.
#[derive(Debug, Default)]
pub(crate) struct ScannedTable {
    /// Its Django model: `shop.Order`, with "probably" before a guess.
    pub(crate) model: Option<String>,
    /// The size of its heap.
    pub(crate) size: Option<Bytes>,
}

/// Returns what a scan read and kept, with its part of the whole.
pub(crate) fn scan(plan: &Plan, scan: &SeqScan, table: &ScannedTable) -> String {
    let mut name = "Seq Scan".to_owned();
    if !scan.relation.is_empty() {
        name.push_str(&format!(" on {}", scan.relation));
    }
    if let Some(model) = &table.model {
        name.push_str(&format!(" ({model})"));
    }
    let node = plan.node(scan.node);
    let mut parts = Vec::new();
    match scan.rows_read {
        Some(read) => {
            let share = scan.kept_share().map(|share| format!(" ({})", Share(share))).unwrap_or_default();
            let at_most = if scan.is_kept_at_most { "at most " } else { "" };
            let kept = Count(scan.rows_kept);
            parts.push(format!("{} read, {at_most}{kept} kept{share}", Count(read).of("row", "rows")));
        }
        None if node.is_some_and(|node| node.estimate.is_some()) => {
            parts.push(format!("{} kept, estimated", Count(scan.rows_kept).of("row", "rows")));
        }
        None => {}
    }
    if scan.times > 1.0 {
        parts.push(format!("{} times", Count(scan.times)));
    }
    parts.extend(scan.blocks.map(|blocks| format!("{} of buffers", Bytes(blocks * BLOCK))));
    parts.extend(table.size.map(|size| format!("table of {size}")));
    if node.is_some_and(|node| node.derived.share.is_some()) {
        parts.push(format!("{} of the {}", Share(scan.share), if plan.has_times() { "time" } else { "cost" }));
    }
    // A plan without figures says only that there is one.
    if parts.is_empty() { name } else { format!("{name}: {}", parts.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_without_figures_makes_none_up() {
        for (text, expected) in [
            (
                "Seq Scan on o  (cost=1.00..2.00 rows=1 width=8)",
                "Seq Scan on o: 1 row kept, estimated, 100% of the cost",
            ),
            ("[{\"Plan\": {\"Node Type\": \"Seq Scan\", \"Relation Name\": \"o\"}}]", "Seq Scan on o"),
            ("[{\"Plan\": {\"Node Type\": \"Seq Scan\"}}]", "Seq Scan"),
        ] {
            let plan = crate::plan::parse(text).plans.remove(0);
            let scans = crate::plan::scans::sequential(&plan);
            assert_eq!(scan(&plan, &scans[0], &ScannedTable::default()), expected);
        }
    }
}
