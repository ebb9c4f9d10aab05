//! Foreign keys that no index leads with.

use std::collections::HashMap;

use super::{Concern, Finding, Fix, Jump, NAMED, Rule, RuleInput, RuleResult, Severity, and_more, shows};
use crate::catalog::table_usage::TableUsage;
use crate::catalog::usage::{ReferringKey, unindexed};
use crate::django::{Project, index_for_key};
use crate::sample::Bytes;
use crate::sample::unit::Count;

/// Smaller tables are read as quickly without. Source: a few hundred pages, some milliseconds.
pub const LEAST_ROWS: f64 = 10_000.0;
/// The same for a table of which the number of rows is not known, as after a crash.
pub const LEAST_BYTES: Bytes = Bytes(1024.0 * 1024.0);

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
    keys.sort_by(|left, right| size(right).total_cmp(&size(left)));
    let Some(first) = keys.first().copied() else { return Ok(vec![]) };
    let columns = first.columns.join(", ");
    let is_hit = keys.iter().any(|key| deletes(key) > 0.0);
    Ok(vec![Finding {
        id: RULE.id,
        severity: if is_hit { Severity::Warning } else { Severity::Notice },
        title: format!(
            "{} without an index: {}, {}",
            if keys.len() == 1 { "foreign key".to_owned() } else { format!("{} foreign keys", keys.len()) },
            and_more(&format!("{}({columns})", first.table_label()), keys.len()),
            extent(first)
        ),
        evidence: keys
            .iter()
            .take(NAMED)
            .map(|key| {
                let text = format!(
                    "{}, refers to {} ({} deletes there)",
                    extent(key),
                    key.referred_table,
                    Count(deletes(key))
                );
                shows(format!("{}({})", key.table_label(), key.columns.join(", ")), text)
            })
            .collect(),
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
