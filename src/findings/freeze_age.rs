//! Tables and databases whose oldest transactions are not frozen in time.

use super::{Concern, Finding, Fix, Jump, NAMED, Outcome, Rule, Severity, View, and_more, shows};
use crate::catalog::autovacuum::Policy;
use crate::catalog::index_usage::quoted;
use crate::catalog::table_usage::TableUsage;
use crate::sample::unit::{Count, Share};

/// Over `autovacuum_freeze_max_age` so many times: the vacuum that was forced at 1 does not get through.
pub const WARNING_SHARE: f64 = 1.2;
/// From this age of a database on: half of the way to the end. Source: manual 24.1.5, 2^31 transactions.
pub const CRITICAL_AGE: f64 = 1_000_000_000.0;
/// The age at which the server refuses new transactions. Source: `SetTransactionIdLimit()`, 2^31 less three million.
pub const END_AGE: f64 = 2_144_483_648.0;

/// The rule.
pub static RULE: Rule = Rule { id: "freeze_age", watches: "freeze age", concern: Concern::Safety, check };

const WHY: &str =
    "Transaction numbers go round. A table that is not frozen in time stops the whole server from writing.";
const SOURCE: &str = "manual 24.1.5 Preventing Transaction ID Wraparound Failures";

fn check(view: &View<'_>) -> Outcome {
    let policy = Policy::of(view.newer)?;
    let mut found = Vec::new();
    for row in view.rows("databases")?.iter() {
        let ages = [
            ("transactions", row.number("freeze_age"), policy.freeze_max_age),
            ("multixacts", row.number("multixact_age"), policy.multixact_freeze_max_age),
        ];
        for (what, age, limit) in ages {
            let Some(age) = age.filter(|age| *age >= CRITICAL_AGE || *age >= WARNING_SHARE * limit) else { continue };
            found.push(database(row.text("datname"), what, age, limit));
        }
    }
    found.extend(tables(view, &policy)?);
    Ok(found)
}

fn database(name: &str, what: &str, age: f64, limit: f64) -> Finding {
    Finding {
        id: RULE.id,
        severity: if age >= CRITICAL_AGE { Severity::Critical } else { Severity::Warning },
        title: format!(
            "database {name}: {} {what} unfrozen, {} of the way to the end",
            Count(age),
            Share(age / END_AGE)
        ),
        evidence: vec![
            shows(format!("age in {what}"), Count(age)),
            shows("vacuum is forced at", Count(limit)),
            shows("the server stops writing at", Count(END_AGE)),
        ],
        why: WHY,
        fix: Fix::sql(
            "End old transactions, prepared transactions and unused replication slots first: they hold it back. Then, in that \
             database, a vacuum of the oldest tables:",
            "SELECT c.oid::regclass, age(c.relfrozenxid), mxid_age(c.relminmxid)\nFROM pg_class AS c\n\
             WHERE c.relkind IN ('r', 'm', 't')\nORDER BY 2 DESC LIMIT 10;\nVACUUM (FREEZE, VERBOSE) the_table;",
        ),
        jump: Some(Jump::to("tables")),
        source: SOURCE,
    }
}

fn tables(view: &View<'_>, policy: &Policy) -> Outcome {
    let mut old: Vec<(TableUsage, f64, f64)> = TableUsage::all(view.newer)?
        .into_iter()
        .filter_map(|table| {
            let progress = policy.due(&table).freeze?;
            (progress.share() >= WARNING_SHARE).then_some((table, progress.counted, progress.threshold))
        })
        .collect();
    old.sort_by(|left, right| right.1.total_cmp(&left.1));
    let Some((table, age, limit)) = old.first() else { return Ok(vec![]) };
    let vacuums: Vec<String> = old
        .iter()
        .take(NAMED)
        .map(|(table, ..)| format!("VACUUM (FREEZE) {};", quoted(&table.schema, &table.name)))
        .collect();
    Ok(vec![Finding {
        id: RULE.id,
        severity: if *age >= CRITICAL_AGE { Severity::Critical } else { Severity::Warning },
        title: format!(
            "{} unfrozen for {} transactions, limit {}",
            and_more(&table.label(), old.len()),
            Count(*age),
            Count(*limit)
        ),
        evidence: old
            .iter()
            .take(NAMED)
            .map(|(table, age, limit)| {
                shows(table.label(), format!("age {}, vacuum is forced at {}", Count(*age), Count(*limit)))
            })
            .collect(),
        why: WHY,
        fix: Fix::sql(
            "The vacuum against wraparound should have come at the limit: see whether it runs, waits for a lock or was cancelled \
             by migrations. When it is quiet:",
            vacuums.join("\n"),
        ),
        jump: Some(Jump::to_row("tables", table.relid)),
        source: SOURCE,
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::fixture::{With as _, row, snapshot};

    fn judge(table_age: i64, database_age: i64, multixact_age: i64) -> Vec<(Severity, String)> {
        let seen = snapshot()
            .with("settings", vec![row! { name: "autovacuum_freeze_max_age", value: "200000000" }])
            .with("databases", vec![row! { datname: "shop", freeze_age: database_age, multixact_age: multixact_age }])
            .with(
                "tables",
                vec![row! { relid: 3, schema: "public", name: "shop_order", kind: "r", freeze_age: table_age }],
            );
        let found = check(&View { newer: &seen, older: None }).unwrap();
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
            vec![(Severity::Warning, "shop_order unfrozen for 240M transactions, limit 200M".to_owned())]
        );
        let database = judge(0, 1_100_000_000, 0);
        assert_eq!(database[0].1, "database shop: 1.1G transactions unfrozen, 51% of the way to the end");
        assert_eq!(database[0].0, Severity::Critical);
        assert_eq!(judge(0, 0, 480_000_000)[0].0, Severity::Warning, "multixacts have their own limit");
    }
}
