//! What the advisor says of a candidate, in sentences with numbers.

use super::existing::replaced;
use super::scan::Scan;
use super::special;
use super::verdict::AccessPath;
use crate::catalog::index::AccessMethod;
use crate::catalog::{Catalog, RelationKind};

/// Returns why an index is worth building.
pub(super) fn why(scan: &Scan<'_>, way: &AccessPath) -> String {
    let read = scan.rows_read();
    let kept = scan.rows * scan.loops;
    let how = match (scan.searched.is_empty(), scan.node.actual.is_some()) {
        (true, true) => "reads",
        (false, true) => "fetches",
        (true, false) => "would read about",
        (false, false) => "would fetch about",
    };
    let sorts = if scan.node.actual.is_some() { "the plan sorts" } else { "the plan would sort about" };
    let kept = scan.at_most.map_or_else(|| count(kept), |most| format!("at most {}", count(most)));
    let mut text = format!("The scan {how} {} rows of {}", count(read), scan.table.name);
    text.push_str(&match &scan.order {
        Some(order) if order.limit.is_some() && way.estimate.gives_order => {
            format!(
                ", and {sorts} {kept} for the first {}: the index returns them in order",
                count(order.limit.unwrap_or(1.0))
            )
        }
        _ if way.is_joined => {
            let rows = scan.joins.iter().map(|join| join.other_rows).fold(f64::INFINITY, f64::min);
            format!(" for {} of the other side: the index finds the rows for each", count(rows))
        }
        _ if scan.node.actual.is_some() => format!(" to keep {kept}: the index finds them directly"),
        _ => format!(" to keep {kept} (estimated): the index finds them directly"),
    });
    if way.estimate.is_index_only {
        text.push_str(", and reads the table only for pages that changed since the last VACUUM");
    }
    text
}

/// Returns what else is to be known of a candidate.
pub(super) fn notes(scan: &Scan<'_>, way: &AccessPath, catalog: &Catalog) -> Vec<String> {
    let table = scan.table;
    let mut notes = Vec::new();
    let root = table.parent.as_ref().map(|(_, name)| name);
    if let Some(name) = root.or_else(|| (table.kind == RelationKind::Partitioned).then_some(&table.name)) {
        notes.push(format!(
            "{name} is partitioned, and CONCURRENTLY does not work there: build the index concurrently on each \
             partition, then on {name}"
        ));
    }
    for definition in &way.definitions {
        for index in replaced(table, definition) {
            notes.push(format!("the index makes {} redundant: drop it after the new index is valid", index.name));
        }
        for name in special::extensions(table, definition) {
            if !catalog.has_extension(name) {
                notes.push(format!("the index needs the extension {name}, which is not installed"));
            }
        }
        if definition.has_expression() && definition.method == AccessMethod::BTree {
            notes.push("run ANALYZE after the build, so that the planner has statistics on the expression".to_owned());
        }
        if !definition.predicate.is_empty() {
            notes.push(
                "a partial index serves only statements with the literal value; a parameter bound on the \
                 server ($1 in a generic plan) does not use it"
                    .to_owned(),
            );
        }
    }
    if table.indexes.len() >= 8 {
        notes.push(format!("{} already has {} indexes: each one slows every insert", table.name, table.indexes.len()));
    }
    if catalog.settings.is_standby {
        notes.push("this is a standby: build it on the primary".to_owned());
    }
    notes.dedup();
    notes
}

/// A number of rows for a person: `1,500,000`.
pub(super) fn count(number: f64) -> String {
    let digits = format!("{:.0}", number.max(0.0));
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share for a person: `93 %`, `0.5 %`.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent >= 10.0 || percent == 0.0 { format!("{percent:.0}%") } else { format!("{percent:.1}%") }
}
