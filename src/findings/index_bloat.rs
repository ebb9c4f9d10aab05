//! B-trees of which a rebuild would give back a large part.

use super::{Concern, Finding, Fix, Jump, NAMED, Rule, RuleInput, RuleResult, Severity, and_more, shows};
use crate::catalog::bloat::denied;
use crate::quote::qualified;
use crate::sample::unit::Share;

/// From this share on: random inserts alone leave a b-tree a third emptier than a build does.
pub const NOTICE_SHARE: f64 = 0.40;
/// And from so many bytes on.
pub const NOTICE_BYTES: f64 = 10.0 * 1024.0 * 1024.0;
/// From so many bytes on it is a warning.
pub const WARNING_BYTES: f64 = 1024.0 * 1024.0 * 1024.0;

/// The rule.
pub static RULE: Rule = Rule { id: "index_bloat", watches: "bloat of the indexes", concern: Concern::Upkeep, check };

fn check(view: &RuleInput<'_>) -> RuleResult {
    let indexes = view.readings.indexes()?;
    let estimates = view.readings.index_bloat()?;
    let mut bloated: Vec<_> = indexes
        .iter()
        .filter_map(|index| Some((index, estimates.get(&index.indexrelid)?.amount()?)))
        .filter(|(_, amount)| amount.share >= NOTICE_SHARE && amount.bytes.0 >= NOTICE_BYTES)
        .collect();
    bloated.sort_by(|left, right| right.1.bytes.0.total_cmp(&left.1.bytes.0));
    let Some((index, amount)) = bloated.first() else { return denied(estimates.values()).map_or(Ok(vec![]), Err) };
    let code: Vec<String> = bloated
        .iter()
        .take(NAMED)
        .map(|(index, _)| format!("REINDEX INDEX CONCURRENTLY {};", qualified(&index.schema, &index.name)))
        .collect();
    Ok(vec![Finding {
        id: RULE.id,
        severity: if amount.bytes.0 >= WARNING_BYTES { Severity::Warning } else { Severity::Notice },
        title: format!(
            "{} of index {} is bloat ({})",
            Share(amount.share),
            and_more(&index.label(), bloated.len()),
            amount.bytes
        ),
        evidence: bloated
            .iter()
            .take(NAMED)
            .map(|(index, amount)| {
                let size = index.size_words();
                shows(
                    index.label(),
                    format!("{} of {size}, {}, {}", Share(amount.share), amount.method, amount.confidence),
                )
            })
            .collect(),
        why: "An index twice as large as necessary needs twice the cache and twice the reads for a scan.",
        fix: Fix::sql("Rebuild it; that needs its size on disk a second time until it is done.", code.join("\n")),
        jump: Some(Jump::to_row("indexes", index.indexrelid)),
        source: "PostgreSQL manual: Routine Reindexing; size model with deduplication, checked against pgstatindex",
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};
    use crate::readings::Readings;

    #[test]
    fn it_fires_from_two_fifths_on() {
        let judge = |entries: f64| {
            let seen = snapshot()
                .with("indexes", vec![row! { indexrelid: 5, schema: "public", name: "shop_order_pkey", method: "btree" }])
                .with("index_sizes", vec![row! { indexrelid: 5, bytes: 81_920_000 }])
                .with(
                    "index_stats",
                    vec![row! { indexrelid: 5, key_width: 8.0, distinct_rows: entries, is_na: false, can_deduplicate: true,
                        fillfactor: 90, pages: 10_000, reltuples: entries, keys: 1 }],
                );
            check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap()
        };
        assert_eq!(judge(2_500_000.0), vec![]);
        let found = judge(1_800_000.0);
        assert_eq!(found[0].fix.code.as_ref().unwrap().text, "REINDEX INDEX CONCURRENTLY public.shop_order_pkey;");
    }
}
