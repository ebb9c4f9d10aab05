//! B-trees of which a rebuild would give back a large part.

use super::bloat::title;
use super::{Concern, Finding, Fix, Jump, NAMED, Rule, RuleInput, RuleResult, Severity, shows};
use crate::catalog::bloat::{BloatLimits, denied};
use crate::quote::qualified;
use crate::readings::vacuum_horizon::VacuumHorizon;
use crate::sample::unit::Share;

/// The rule.
pub static RULE: Rule = Rule { id: "index_bloat", watches: "bloat of the indexes", concern: Concern::Upkeep, check };

fn check(view: &RuleInput<'_>) -> RuleResult {
    let indexes = view.readings.indexes()?;
    let estimates = view.readings.index_bloat()?;
    let mut bloated: Vec<_> = indexes
        .iter()
        .filter_map(|index| Some((index, estimates.get(&index.indexrelid)?.amount()?)))
        .filter(|(_, amount)| BloatLimits::INDEX.is_notable(amount))
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
        severity: if BloatLimits::INDEX.is_serious(amount) { Severity::Warning } else { Severity::Notice },
        title: title("indexes", &format!("index {}", index.label()), bloated.iter().map(|(_, amount)| *amount)),
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
        fix: Fix::sql(fix(view), code.join("\n")),
        jump: Some(Jump::to_row("indexes", index.indexrelid)),
        source: "PostgreSQL manual: Routine Reindexing; size model with deduplication, checked against pgstatindex",
    }])
}

fn fix(view: &RuleInput<'_>) -> String {
    let rebuild = "Rebuild it; that needs its size on disk a second time until it is done.";
    match view.readings.horizon().ok().and_then(VacuumHorizon::before_a_rebuild) {
        Some(first) => format!("{first} Then: {rebuild}"),
        None => rebuild.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};
    use crate::readings::Readings;

    #[test]
    fn it_fires_from_two_fifths_on() {
        let seen = |entries: f64| {
            snapshot()
                .with("indexes", vec![row! { indexrelid: 5, schema: "public", name: "shop_order_pkey", method: "btree" }])
                .with("index_sizes", vec![row! { indexrelid: 5, bytes: 81_920_000 }])
                .with(
                    "index_stats",
                    vec![row! { indexrelid: 5, key_width: 8.0, distinct_rows: entries, is_na: false, can_deduplicate: true,
                        fillfactor: 90, pages: 10_000, reltuples: entries, keys: 1 }],
                )
        };
        let judge = |seen| check(&RuleInput::new(&Readings::of(seen), None)).unwrap();
        assert_eq!(judge(seen(2_500_000.0)), vec![]);
        let found = judge(seen(1_800_000.0));
        assert_eq!(found[0].fix.code.as_ref().unwrap().text, "REINDEX INDEX CONCURRENTLY public.shop_order_pkey;");
        assert!(found[0].fix.text.starts_with("Rebuild it"), "{}", found[0].fix.text);
        // An old snapshot comes first: a rebuild keeps what it may see, and waits for it.
        let holder =
            row! { kind: "session", pid: 7, name: "celery", database: "shop", xmin_age: 900, open_for: 3600.0 };
        let found = judge(seen(1_800_000.0).with("vacuum_horizon", vec![holder]));
        assert!(
            found[0].fix.text.starts_with("First end what holds vacuum back: pid 7 (celery)"),
            "{}",
            found[0].fix.text
        );
    }
}
