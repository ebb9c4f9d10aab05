//! Transactions that run for long, and who holds the horizon of vacuum.

use super::autovacuum_behind::holder;
use super::{
    Concern, Finding, Fix, Jump, NAMED, Rule, RuleInput, RuleResult, Severity, session_name, shows, statement_of,
};
use crate::readings::backends::Backend;
use crate::readings::transactions;
use crate::readings::vacuum_horizon::answer_of_session;
use crate::sample::Seconds;

/// The rule.
pub static RULE: Rule = Rule { id: "long_transaction", watches: "long transactions", concern: Concern::Now, check };

fn check(view: &RuleInput<'_>) -> RuleResult {
    let age = |backend: &Backend| backend.xact_age.unwrap_or_default();
    let mut long: Vec<&Backend> = view
        .readings
        .backends()?
        .iter()
        .filter(|backend| {
            transactions::reached(backend).is_some()
                && backend.kind == "client backend"
                // Those, and those that wait for a lock, are other findings.
                && !backend.is_idle_in_transaction()
                && backend.blocked_by.is_empty()
        })
        .collect();
    long.sort_by(|left, right| age(right).total_cmp(&age(left)));
    let Some(worst) = long.first() else { return view.as_far_as_seen(vec![]) };
    let pid = worst.pid;
    let sessions = long.iter().take(NAMED).map(|backend| {
        let text = format!(
            "{}@{} {}, transaction open for {}, statement for {}: {}",
            backend.user,
            backend.database,
            backend.application,
            Seconds(age(backend)),
            Seconds(backend.query_age.unwrap_or_default()),
            backend.query
        );
        shows(format!("pid {}", backend.pid), text)
    });
    let mut evidence: Vec<(String, String)> = [statement_of(worst)].into_iter().chain(sessions).collect();
    evidence.push(shows("holds back vacuum", answer_of_session(view.readings, pid)));
    evidence.extend(holder(view));
    let severity = transactions::reached(worst).map_or(Severity::Warning, Severity::from);
    let limit = Seconds(transactions::RUNNING.warning);
    let what = match long.len() {
        1 => format!("{}, in one transaction for {}", session_name(worst), Seconds(age(worst))),
        count => {
            format!("{count} transactions over {limit}, the longest {}: {}", Seconds(age(worst)), session_name(worst))
        }
    };
    Ok(vec![Finding {
        id: RULE.id,
        severity,
        title: what,
        evidence,
        why: "Its locks stay until it ends. While it has a snapshot or a transaction id, VACUUM keeps every row it might \
              still see, in all tables of its database.",
        fix: Fix::text(
            "Check whether it makes progress (Activity); terminate it (K) if no one needs it. In Django, split long work \
             into batches with one transaction each, and run reports on a standby.",
        ),
        jump: Some(Jump::to_row("activity", pid)),
        source: "PostgreSQL manual: Recovering Disk Space; PgHero (long running queries)",
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NamedRow, With as _, row, snapshot};
    use crate::readings::Readings;

    fn judge(rows: Vec<NamedRow>) -> Vec<Finding> {
        let oldest = row! { kind: "session", pid: 77, xid_age: 1501, database: "shop" };
        let seen = snapshot().with("activity", rows).with("vacuum_horizon", vec![oldest]);
        check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap()
    }

    fn active(pid: i32, age: f64, application: &str) -> NamedRow {
        row! { pid: pid, backend_type: "client backend", state: "active", xact_age: age, application: application }
    }

    #[test]
    fn it_fires_after_five_minutes() {
        assert_eq!(judge(vec![active(4, 299.0, "web")]), vec![]);
        let found = judge(vec![active(4, 300.0, "web"), active(5, 900.0, "web")]);
        assert_eq!(found[0].title, "2 transactions over 5m00s, the longest 15m00s: pid 5 web");
        assert_eq!(found[0].severity, Severity::Warning);
        let [.., own, oldest] = found[0].evidence.as_slice() else { panic!("{found:?}") };
        assert_eq!(own.1, "no: it has no snapshot and no transaction ID");
        assert!(oldest.1.starts_with("pid 77 keeps dead rows of the last 1.5k transactions"), "{oldest:?}");
    }

    #[test]
    fn a_dump_is_never_critical() {
        assert_eq!(judge(vec![active(4, 20_000.0, "celery")])[0].severity, Severity::Critical);
        assert_eq!(judge(vec![active(4, 20_000.0, "pg_dump")])[0].severity, Severity::Warning);
    }

    #[test]
    fn vacuums_senders_and_idle_ones_are_others_matter() {
        let rows = vec![
            row! { pid: 1, backend_type: "autovacuum worker", state: "active", xact_age: 9e4 },
            row! { pid: 2, backend_type: "walsender", xact_age: 9e4 },
            row! { pid: 3, backend_type: "client backend", state: "idle in transaction", xact_age: 9e4 },
        ];
        assert_eq!(judge(rows), vec![]);
    }
}
