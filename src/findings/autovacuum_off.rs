//! Autovacuum, or the counters it needs, turned off for the server or for a table.

use super::autovacuum_behind::tables_of_primary;
use super::{Concern, Finding, Fix, Jump, NAMED, Rule, RuleInput, RuleResult, Severity, and_more, counted, shows};
use crate::catalog::autovacuum::is_disabled;
use crate::catalog::table_usage::TableUsage;
use crate::quote::qualified;

/// The rule.
pub static RULE: Rule = Rule { id: "autovacuum_off", watches: "autovacuum settings", concern: Concern::Upkeep, check };

const WHY: &str = "Nothing removes dead rows or refreshes the planner's statistics: tables grow and plans get worse, \
                   until PostgreSQL forces a vacuum to prevent wraparound, whatever the load.";
const SOURCE: &str = "PostgreSQL manual: autovacuum, track_counts; CREATE TABLE, autovacuum_enabled";

fn check(view: &RuleInput<'_>) -> RuleResult {
    let settings = view.readings.settings()?;
    let mut found = Vec::new();
    for name in ["autovacuum", "track_counts"] {
        if settings.is_off(name) == Some(true) {
            found.push(Finding {
                id: RULE.id,
                severity: Severity::Critical,
                title: format!("{name} is off: nothing is vacuumed or analyzed automatically"),
                evidence: vec![shows(name, "off")],
                why: WHY,
                fix: Fix::sql(
                    "Turn it on; no restart is needed.",
                    format!("ALTER SYSTEM SET {name} = on;\nSELECT pg_reload_conf();"),
                ),
                jump: None,
                source: SOURCE,
            });
        }
    }
    let tables = tables_of_primary(view, "autovacuum")?;
    let mut off: Vec<&TableUsage> = tables.iter().filter(|table| is_disabled(table)).collect();
    off.sort_by(|left, right| right.rows().unwrap_or_default().total_cmp(&left.rows().unwrap_or_default()));
    if let Some(largest) = off.first() {
        let these = if off.len() == 1 { "the table" } else { "these tables" };
        let resets: Vec<String> = off
            .iter()
            .take(NAMED)
            .map(|table| format!("ALTER TABLE {} RESET (autovacuum_enabled);", qualified(&table.schema, &table.name)))
            .collect();
        found.push(Finding {
            id: RULE.id,
            severity: Severity::Warning,
            title: format!(
                "autovacuum is off for {}: {}",
                counted(off.len(), "table", "tables"),
                and_more(&largest.label(), off.len())
            ),
            evidence: off.iter().take(NAMED).map(|table| shows(table.label(), table.dead_words())).collect(),
            why: WHY,
            fix: Fix::sql(format!("Re-enable autovacuum, unless your own job vacuums {these}."), resets.join("\n")),
            jump: Some(Jump::to_row("tables", largest.relid)),
            source: SOURCE,
        });
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};
    use crate::readings::Readings;

    #[test]
    fn it_fires_for_the_server_and_for_a_table() {
        let judge = |value: &str, option: &str| {
            let seen = snapshot()
                .with(
                    "settings",
                    vec![row! { name: "autovacuum", value: value }, row! { name: "track_counts", value: "on" }],
                )
                .with(
                    "tables",
                    vec![row! { relid: 1, schema: "public", name: "shop_cart", kind: "r", options: [option] }],
                );
            let found = check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap();
            found.into_iter().map(|finding| (finding.severity, finding.title)).collect::<Vec<_>>()
        };
        assert_eq!(judge("on", "fillfactor=70"), vec![]);
        assert_eq!(judge("on", "autovacuum_enabled=true"), vec![]);
        assert_eq!(
            judge("on", "autovacuum_enabled=false"),
            vec![(Severity::Warning, "autovacuum is off for 1 table: shop_cart".to_owned())]
        );
        assert_eq!(judge("off", "x=y")[0].0, Severity::Critical);
    }
}
