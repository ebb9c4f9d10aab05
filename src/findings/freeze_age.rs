//! Tables and databases whose oldest transactions are not frozen in time.

use super::{Concern, Finding, Fix, Jump, NAMED, Rule, RuleInput, RuleResult, Severity, and_more, shows};
use crate::catalog::autovacuum::{FREEZING_LATE, Policy};
use crate::catalog::table_usage::TableUsage;
use crate::quote::qualified;
use crate::sample::Missing;
use crate::sample::unit::{Count, Share};

/// From this age of a database on: half of the way to the end. Source: manual 24.1.5, 2^31 transactions.
pub const CRITICAL_AGE: f64 = 1_000_000_000.0;
/// The age at which the server refuses new transactions. Source: `SetTransactionIdLimit()`, 2^31 less three million.
pub const END_AGE: f64 = 2_144_483_648.0;

/// The rule.
pub static RULE: Rule = Rule { id: "freeze_age", watches: "freeze age", concern: Concern::Safety, check };

const WHY: &str =
    "Transaction IDs wrap around. If a table is not frozen in time, the whole server stops accepting writes.";
const SOURCE: &str = "PostgreSQL manual: Preventing Transaction ID Wraparound Failures";

/// Something whose oldest transactions are not frozen in time.
struct Old {
    what: String,
    unit: &'static str,
    age: f64,
    limit: f64,
    /// The table, if it is one: its oid and the vacuum that freezes it.
    table: Option<(i64, String)>,
}

fn check(view: &RuleInput<'_>) -> RuleResult {
    let policy = view.readings.autovacuum()?;
    let mut databases = databases(view, policy)?;
    let mut tables = tables(view, policy)?;
    for list in [&mut databases, &mut tables] {
        list.sort_by(|left, right| right.age.total_cmp(&left.age));
    }
    // The age of a database is that of its oldest table: one cause.
    let Some(worst) = databases.first().or(tables.first()) else { return Ok(vec![]) };
    let evidence = databases.iter().take(NAMED).chain(tables.iter().take(NAMED)).map(|old| {
        let text = format!("{} {}, vacuum is forced at {}", Count(old.age), old.unit, Count(old.limit));
        shows(&old.what, text)
    });
    let mut evidence: Vec<(String, String)> = evidence.collect();
    evidence.push(shows("the server stops writing at", Count(END_AGE)));
    evidence.extend(super::autovacuum_behind::holder(view));
    let count = if databases.is_empty() { tables.len() } else { databases.len() };
    Ok(vec![Finding {
        id: RULE.id,
        severity: if worst.age >= CRITICAL_AGE { Severity::Critical } else { Severity::Warning },
        title: format!(
            "{} {} unfrozen, {} of the limit: {}",
            Count(worst.age),
            worst.unit,
            Share(worst.age / END_AGE),
            and_more(&worst.what, count)
        ),
        evidence,
        why: WHY,
        fix: fix(&tables),
        jump: Some(match tables.first().and_then(|old| old.table.as_ref()) {
            Some((relid, _)) => Jump::to_row("tables", *relid),
            None => Jump::to("tables"),
        }),
        source: SOURCE,
    }])
}

fn databases(view: &RuleInput<'_>, policy: &Policy) -> Result<Vec<Old>, Missing> {
    let mut found = Vec::new();
    for row in view.rows("databases")?.iter() {
        let ages = [
            ("transactions", row.number("freeze_age"), policy.freeze_max_age),
            ("multixacts", row.number("multixact_age"), policy.multixact_freeze_max_age),
        ];
        for (unit, age, limit) in ages {
            let Some(age) = age.filter(|age| *age >= CRITICAL_AGE || *age >= FREEZING_LATE * limit) else { continue };
            found.push(Old { what: format!("database {}", row.text("datname")), unit, age, limit, table: None });
        }
    }
    Ok(found)
}

fn tables(view: &RuleInput<'_>, policy: &Policy) -> Result<Vec<Old>, Missing> {
    let is_old = |table: &TableUsage| {
        let progress = policy.due(table).freeze.filter(|progress| progress.share() >= FREEZING_LATE)?;
        let vacuum = format!("VACUUM (FREEZE) {};", qualified(&table.schema, &table.name));
        Some(Old {
            what: table.label(),
            unit: "transactions",
            age: progress.counted,
            limit: progress.threshold,
            table: Some((table.relid, vacuum)),
        })
    };
    Ok(view.readings.tables()?.iter().filter_map(is_old).collect())
}

fn fix(tables: &[Old]) -> Fix {
    let vacuums: Vec<&str> = tables.iter().take(NAMED).filter_map(|old| Some(old.table.as_ref()?.1.as_str())).collect();
    let code = if vacuums.is_empty() {
        "SELECT c.oid::regclass, age(c.relfrozenxid), mxid_age(c.relminmxid)\nFROM pg_class AS c\n\
         WHERE c.relkind IN ('r', 'm', 't')\nORDER BY 2 DESC LIMIT 10;\nVACUUM (FREEZE, VERBOSE) the_table;"
            .to_owned()
    } else {
        vacuums.join("\n")
    };
    Fix::sql(
        "First end old transactions, roll back prepared transactions and drop unused replication slots: they hold \
         vacuum back. Check whether the vacuum to prevent wraparound runs, waits for a lock or was cancelled. Then, \
         in that database:",
        code,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};
    use crate::readings::Readings;

    fn judge(table_age: i64, database_age: i64, multixact_age: i64) -> Vec<(Severity, String)> {
        let seen = snapshot()
            .with("settings", vec![row! { name: "autovacuum_freeze_max_age", value: "200000000" }])
            .with("databases", vec![row! { datname: "shop", freeze_age: database_age, multixact_age: multixact_age }])
            .with(
                "tables",
                vec![row! { relid: 3, schema: "public", name: "shop_order", kind: "r", freeze_age: table_age }],
            );
        let found = check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap();
        found.into_iter().map(|finding| (finding.severity, finding.title)).collect()
    }

    #[test]
    fn reaching_the_age_of_a_forced_vacuum_is_everyday_life() {
        assert_eq!(judge(200_000_000, 239_000_000, 400_000_000), vec![]);
    }

    #[test]
    fn a_fifth_beyond_it_is_a_warning_and_a_billion_critical() {
        let table = judge(240_000_000, 0, 0);
        assert_eq!(
            table,
            vec![(Severity::Warning, "240M transactions unfrozen, 11% of the limit: shop_order".to_owned())]
        );
        let database = judge(0, 1_100_000_000, 0);
        assert_eq!(database[0].1, "1.1G transactions unfrozen, 51% of the limit: database shop");
        assert_eq!(database[0].0, Severity::Critical);
        assert_eq!(judge(0, 0, 480_000_000)[0].0, Severity::Warning, "multixacts have their own limit");
    }
}
