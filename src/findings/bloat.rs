//! Tables of which a large part is dead or free.

use super::{Concern, Finding, Fix, Jump, NAMED, Rule, RuleInput, RuleResult, Severity, shows};
use crate::catalog::bloat::{Amount, BloatLimits, denied};
use crate::sample::Bytes;
use crate::sample::unit::Share;

/// The rule.
pub static RULE: Rule = Rule { id: "bloat", watches: "bloat of the tables", concern: Concern::Upkeep, check };

fn check(view: &RuleInput<'_>) -> RuleResult {
    let tables = view.readings.tables()?;
    let estimates = view.readings.table_bloat()?;
    let mut bloated: Vec<_> = tables
        .iter()
        .filter_map(|table| Some((table, estimates.get(&table.relid)?.amount()?)))
        .filter(|(_, amount)| BloatLimits::TABLE.is_notable(amount))
        .collect();
    bloated.sort_by(|left, right| right.1.bytes.0.total_cmp(&left.1.bytes.0));
    let Some((table, amount)) = bloated.first() else { return denied(estimates.values()).map_or(Ok(vec![]), Err) };
    let is_warning = BloatLimits::TABLE.is_serious(amount);
    Ok(vec![Finding {
        id: RULE.id,
        severity: if is_warning { Severity::Warning } else { Severity::Notice },
        title: title("tables", &format!("the heap of {}", table.label()), bloated.iter().map(|(_, amount)| *amount)),
        evidence: bloated
            .iter()
            .take(NAMED)
            .map(|(table, amount)| {
                let size = Bytes(table.heap_bytes.unwrap_or_default());
                let text = format!("{} of {size}, {}, {}", Share(amount.share), amount.method, amount.confidence);
                shows(table.label(), text)
            })
            .collect(),
        why: "Scans and the cache read pages that are partly empty; the space is reused, but not returned.",
        fix: Fix::text(format!(
            "{} To reclaim the space while the application runs, use pg_repack or pg_squeeze; VACUUM FULL locks the table \
             while it rewrites it.",
            match view.readings.autovacuum() {
                Ok(policy) if !policy.due(table).is_enabled =>
                    "Autovacuum is off for this table: turn it on first, or the bloat comes back.",
                _ => "First make sure that autovacuum keeps up, or the bloat comes back.",
            }
        )),
        jump: Some(Jump::to_row("tables", table.relid)),
        source: "ioguix pgsql-bloat-estimation; thresholds as in check_postgres and pgwatch",
    }])
}

/// Returns what is said of relations with bloat, the largest first: how much, and of which.
pub(super) fn title<'a>(plural: &str, first: &str, amounts: impl Iterator<Item = &'a Amount>) -> String {
    let amounts: Vec<&Amount> = amounts.collect();
    let Some(amount) = amounts.first() else { return String::new() };
    let share = Share(amount.share);
    match amounts.len() {
        1 => format!("{share} of {first} is bloat ({})", amount.bytes),
        count => {
            let all = Bytes(amounts.iter().map(|amount| amount.bytes.0).sum());
            format!("{count} {plural} have bloat, {all} in all: {share} of {first} ({})", amount.bytes)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NamedRow, With as _, row, snapshot};
    use crate::readings::Readings;
    use crate::sample::Missing;

    fn judge(live: i32, stats: NamedRow) -> RuleResult {
        let seen = snapshot()
            .with(
                "tables",
                vec![row! { relid: 1, schema: "public", name: "shop_cart", kind: "r", pages: 10_000,
                reltuples: f64::from(live), live: live, mod_since_analyze: 0 }],
            )
            .with("table_sizes", vec![row! { relid: 1, heap_bytes: 81_920_000 }])
            .with("column_stats", vec![stats]);
        check(&RuleInput::new(&Readings::of(seen.clone()), None))
    }

    fn stats(live: i32) -> NamedRow {
        // 226 rows fit a page.
        row! { relid: 1, is_na: false, has_statistics: true, may_read: true, fillfactor: 100, pages: 10_000,
        reltuples: f64::from(live), layout: "4if0 4if0" }
    }

    #[test]
    fn it_fires_from_a_third_on() {
        let judge = |live| judge(live, stats(live)).unwrap();
        assert_eq!(judge(1_700_000), vec![], "a quarter is how an updated table lives");
        let found = judge(1_130_000);
        assert_eq!(found[0].severity, Severity::Notice);
        assert!(found[0].title.contains("of shop_cart is bloat"), "{}", found[0].title);
    }

    #[test]
    fn without_statistics_it_says_what_is_lacking() {
        let denied = row! { relid: 1, is_na: true, has_statistics: false, may_read: false, pages: 10_000 };
        let Err(Missing::Denied { grant, .. }) = judge(1, denied) else { panic!("silent") };
        assert_eq!(grant, "GRANT SELECT ON public.shop_cart TO monitor;");
    }
}
