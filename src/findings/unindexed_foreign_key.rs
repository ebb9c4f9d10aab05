//! Foreign keys that no index leads with.

use std::collections::HashMap;

use super::{Concern, Finding, Fix, Jump, NAMED, Rule, RuleInput, RuleResult, Severity, and_more, shows};
use crate::catalog::table_usage::TableUsage;
use crate::catalog::usage::{ReferringKey, unindexed};
use crate::django::{Project, index_for_key};
use crate::readings::searches::Searches;
use crate::sample::Bytes;
use crate::sample::unit::Count;

/// Smaller tables are read as quickly without. Source: a few hundred pages, some milliseconds.
pub const LEAST_ROWS: f64 = 10_000.0;
/// The same for a table of which the number of rows is not known, as after a crash.
pub const LEAST_BYTES: Bytes = Bytes(1024.0 * 1024.0);

/// The label of the statement that searches by such a key.
const SEARCHED: &str = "searched by";

/// Whether the time of statements says that it costs now: then it is no matter of the schema alone.
pub(super) fn is_paid_for(finding: &Finding) -> bool {
    finding.id == RULE.id && finding.evidence.iter().any(|(label, _)| label == SEARCHED)
}

/// The rule.
pub static RULE: Rule =
    Rule { id: "unindexed_foreign_key", watches: "foreign keys without an index", concern: Concern::Schema, check };

fn check(view: &RuleInput<'_>) -> RuleResult {
    let indexes = view.readings.indexes()?;
    let tables: HashMap<i64, &TableUsage> = view.readings.tables()?.iter().map(|table| (table.relid, table)).collect();
    let table = |key: &ReferringKey| tables.get(&key.relid).copied();
    let size =
        |key: &ReferringKey| table(key).map_or(0.0, |table| table.rows().or(table.heap_bytes).unwrap_or_default());
    let extent = |key: &ReferringKey| table(key).map(TableUsage::extent).unwrap_or_default();
    let deletes =
        |key: &ReferringKey| tables.get(&key.referred_relid).and_then(|table| table.deletes).unwrap_or_default();
    let mut keys = unindexed(view.readings.foreign_keys()?, indexes, view.readings.judgements());
    keys.retain(|key| table(key).is_some_and(|table| table.is_of(LEAST_ROWS, LEAST_BYTES)));
    if keys.is_empty() {
        return Ok(vec![]);
    }
    let known = view.readings.searches();
    let mut keys: Vec<(&ReferringKey, Searches)> =
        keys.iter().map(|key| (*key, known.get(&key.oid).cloned().unwrap_or_default())).collect();
    // What statements pay for comes first, then what is large.
    let paid = |searches: &Searches| if searches.is_costly() { searches.share } else { 0.0 };
    keys.sort_by(|left, right| paid(&right.1).total_cmp(&paid(&left.1)).then(size(right.0).total_cmp(&size(left.0))));
    let Some((first, searched)) = keys.first() else { return Ok(vec![]) };
    let columns = first.columns.join(", ");
    let is_hit = searched.is_costly() || keys.iter().any(|(key, _)| deletes(key) > 0.0);
    let cost = if searched.is_costly() {
        format!("; searches by it take {} of the time of all statements", searched.share())
    } else {
        String::new()
    };
    let mut evidence = Vec::new();
    for (key, found) in keys.iter().take(NAMED) {
        let scans = table(key).and_then(|table| table.seq_scan).filter(|scans| *scans > 0.0);
        let scans = scans.map(|scans| format!(", {} of it", Count(scans).of("sequential scan", "sequential scans")));
        let text = format!(
            "{}{}, refers to {} ({} there)",
            extent(key),
            scans.unwrap_or_default(),
            key.referred_table,
            Count(deletes(key)).of("delete", "deletes")
        );
        evidence.push(shows(format!("{}({})", key.table_label(), key.columns.join(", ")), text));
        if found.is_costly() {
            evidence.push(shows(SEARCHED, found.words()));
        }
    }
    Ok(vec![Finding {
        id: RULE.id,
        severity: if is_hit { Severity::Warning } else { Severity::Notice },
        title: format!(
            "{} without an index: {}, {}{cost}",
            if keys.len() == 1 { "foreign key".to_owned() } else { format!("{} foreign keys", keys.len()) },
            and_more(&format!("{}({columns})", first.table_label()), keys.len()),
            extent(first)
        ),
        evidence,
        why: "Each delete of a referenced row and each change of its key scans the whole referencing table; so does \
              every lookup from the other side.",
        fix: fix(first, view.readings.project_for_code()),
        jump: Some(Jump::to_row("tables", first.relid)),
        source: "PostgreSQL manual: Foreign Keys; Django creates an index unless db_index=False",
    }])
}

fn fix(key: &ReferringKey, project: &Project) -> Fix {
    let Ok(code) = index_for_key(key, project) else {
        return Fix::text("Build an index that begins with the columns of the key.");
    };
    match code.python() {
        Some(python) => {
            Fix::python("Declare the index and build it by this migration, which does not stop writes.", python)
        }
        None => Fix::sql("Build it like this, which does not stop writes.", code.sql),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NamedRow, With as _, row, snapshot};
    use crate::readings::Readings;

    fn judge(rows: i32, deletes: i32, indexes: Vec<NamedRow>) -> Vec<Finding> {
        let seen = snapshot()
            .with("indexes", indexes)
            .with("tables", vec![row! { relid: 1, name: "shop_order", kind: "r", live: rows }, row! { relid: 2, name: "shop_customer", deletes: deletes }])
            .with("content_types", vec![row! { app_label: "shop", model: "order" }])
            .with(
                "foreign_keys",
                vec![row! { oid: 4, name: "x_fk", relid: 1, table: "shop_order", columns: [3], column_names: ["customer_id"],
                    referred_relid: 2, referred_table: "shop_customer" }],
            );
        check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap()
    }

    #[test]
    fn it_fires_for_large_tables_without_one() {
        let found = judge(10_000, 0, vec![]);
        assert_eq!(
            (found[0].title.as_str(), found[0].severity),
            ("foreign key without an index: shop_order(customer_id), 10k rows", Severity::Notice)
        );
        assert!(found[0].fix.code.as_ref().unwrap().text.contains("fields=['customer'], name='order_customer_idx'"));
        assert_eq!(judge(10_000, 5, vec![])[0].severity, Severity::Warning, "deletes pay for it");
        assert_eq!(judge(9_999, 5, vec![]), vec![]);
        let has_one = row! { indexrelid: 9, relid: 1, is_valid: true, key_columns: [3] };
        assert_eq!(judge(10_000, 5, vec![has_one]), vec![]);
    }

    #[test]
    fn a_statement_that_takes_most_of_the_time_ranks_it_and_is_named() {
        let seen = |ms: f64| {
            let search = r#"SELECT "shop_order"."id" FROM "shop_order" WHERE "shop_order"."customer_id" = $1"#;
            let text = |id: i32, text: &str| row! { queryid: id, query: text };
            snapshot()
                .with("indexes", vec![])
                .with(
                    "tables",
                    vec![row! { relid: 1, name: "shop_order", kind: "r", live: 20_000, seq_scan: 812 }, row! { relid: 2, name: "shop_customer" }],
                )
                .with(
                    "foreign_keys",
                    vec![row! { oid: 4, name: "x_fk", relid: 1, table: "shop_order", columns: [3], column_names: ["customer_id"],
                    referred_relid: 2, referred_table: "shop_customer" }],
                )
                .with(
                    "statements",
                    vec![row! { queryid: 1, calls: 800, total_time: ms }, row! { queryid: 2, calls: 10, total_time: 1000.0 - ms }],
                )
                .with("statement_texts", vec![text(1, search), text(2, "SELECT 1")])
        };
        let judge = |ms| super::super::check(&RuleInput::new(&Readings::of(seen(ms)), None)).list;
        let of_rule = |found: Vec<Finding>| found.into_iter().find(|one| one.id == RULE.id).unwrap();
        let found = of_rule(judge(920.0));
        assert_eq!(found.severity, Severity::Warning);
        assert_eq!(
            found.title,
            "foreign key without an index: shop_order(customer_id), 20k rows; searches by it take 92% of the time of all \
             statements"
        );
        assert!(found.evidence[0].1.contains("812 sequential scans"), "{found:?}");
        assert_eq!(found.evidence[1].0, "searched by");
        assert!(found.evidence[1].1.contains("WHERE customer_id = $1"), "{found:?}");
        assert!(is_paid_for(&found), "before what is only in order or not");
        let cheap = of_rule(judge(900.0 / 20.0));
        assert_eq!((cheap.severity, is_paid_for(&cheap)), (Severity::Notice, false));
    }

    #[test]
    fn a_table_that_lost_its_counters_counts_by_its_size() {
        let seen = snapshot()
            .with("indexes", vec![])
            .with("tables", vec![row! { relid: 1, name: "shop_order", kind: "r", reltuples: -1.0, live: 0, dead: 0 }])
            .with("table_sizes", vec![row! { relid: 1, heap_bytes: 10_485_760 }])
            .with(
                "foreign_keys",
                vec![row! { oid: 4, name: "x_fk", relid: 1, table: "shop_order", columns: [3], column_names: ["customer_id"] }],
            );
        let found = check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap();
        assert_eq!(found[0].title, "foreign key without an index: shop_order(customer_id), 10 MB of rows");
    }
}
