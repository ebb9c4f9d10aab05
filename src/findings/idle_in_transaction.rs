//! Sessions that sit in an open transaction and do nothing, with what they keep others from.

use super::{
    Concern, Finding, Fix, Jump, NAMED, Rule, RuleInput, RuleResult, Severity, counted, session_name, shows,
    statement_of,
};
use crate::readings::backends::Backend;
use crate::readings::transactions;
use crate::readings::vacuum_horizon::words_of_session;
use crate::sample::Seconds;

/// The rule.
pub static RULE: Rule =
    Rule { id: "idle_in_transaction", watches: "sessions idle in a transaction", concern: Concern::Now, check };

struct Idle<'a> {
    backend: &'a Backend,
    age: f64,
}

fn check(view: &RuleInput<'_>) -> RuleResult {
    let backends = view.readings.backends()?;
    let mut idle: Vec<Idle<'_>> = backends
        .iter()
        .filter(|backend| backend.is_idle_in_transaction() && transactions::reached(backend).is_some())
        .map(|backend| Idle { backend, age: backend.state_age.unwrap_or_default() })
        .collect();
    idle.sort_by(|left, right| {
        (right.backend.blocks, right.age)
            .partial_cmp(&(left.backend.blocks, left.age))
            .unwrap_or(std::cmp::Ordering::Equal)
    });
    let Some(worst) = idle.first() else { return view.as_far_as_seen(vec![]) };
    let worst_limit = idle.iter().filter_map(|idle| transactions::reached(idle.backend)).max();
    let age = Seconds(worst.age);
    let title = if worst.backend.blocks > 0 {
        format!(
            "{}, idle in transaction for {age}, blocks {}",
            session_name(worst.backend),
            counted(worst.backend.blocks, "session", "sessions")
        )
    } else {
        match idle.len() {
            1 => format!("{}, idle in transaction for {age}", session_name(worst.backend)),
            count => {
                format!("{count} sessions idle in transaction, the longest for {age}: {}", session_name(worst.backend))
            }
        }
    };
    Ok(vec![Finding {
        id: RULE.id,
        severity: worst_limit.map_or(Severity::Warning, Severity::from),
        title,
        evidence: [statement_of(worst.backend)]
            .into_iter()
            .chain(idle.iter().take(NAMED).map(|idle| evidence(view, idle)))
            .collect(),
        why: "An open transaction keeps its locks. Once it has written, or has a snapshot (REPEATABLE READ, an open \
              cursor), VACUUM also keeps every row that dies meanwhile, in all tables of its database.",
        fix: Fix::python(
            "Terminate the session if no one needs it (K in Activity). Then find the cause: work between two \
             statements inside transaction.atomic(), ATOMIC_REQUESTS around a call to another service, or an open \
             shell. Set a limit:",
            super::statement_timeout::OPTIONS,
        ),
        jump: Some(Jump::to_row("activity", worst.backend.pid)),
        source: "PostgreSQL manual: idle_in_transaction_session_timeout, Routine Vacuuming; PgHero, pgmetrics (60 s)",
    }])
}

fn evidence(view: &RuleInput<'_>, idle: &Idle<'_>) -> (String, String) {
    let backend = idle.backend;
    let blocks = match backend.blocks {
        0 => String::new(),
        count => format!(", blocks {}", counted(count, "session", "sessions")),
    };
    let held = words_of_session(view.readings, backend.pid);
    let who = format!("{}@{} {}", backend.user, backend.database, backend.application);
    let text = format!("{who}, idle for {}{blocks}, {held}, last: {}", Seconds(idle.age), backend.query);
    shows(format!("pid {}", backend.pid), text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{NamedRow, With as _, row, snapshot};
    use crate::readings::Readings;

    fn judge(rows: Vec<NamedRow>) -> Vec<Finding> {
        let seen = snapshot().with("activity", rows);
        check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap()
    }

    #[test]
    fn it_fires_after_a_minute() {
        for (age, severity) in [(59.0, None), (60.0, Some(Severity::Warning)), (3600.0, Some(Severity::Critical))] {
            let found = judge(vec![row! { pid: 7, state: "idle in transaction", state_age: age }]);
            assert_eq!(found.first().map(|finding| finding.severity), severity, "{age}");
        }
        let aborted = judge(vec![row! { pid: 7, state: "idle in transaction (aborted)", state_age: 70.0 }]);
        assert_eq!(aborted[0].title, "pid 7, idle in transaction for 1m10s");
    }

    #[test]
    fn one_that_blocks_is_critical_at_once() {
        let found = judge(vec![
            row! { pid: 9, state: "idle in transaction", state_age: 500.0 },
            row! { pid: 7, state: "idle in transaction", state_age: 12.0, user: "web", database: "shop" },
            row! { pid: 8, state: "active", blocked_by: [7] },
        ]);
        assert_eq!(found[0].title, "pid 7 web, idle in transaction for 12.0s, blocks 1 session");
        assert_eq!(found[0].severity, Severity::Critical);
        assert_eq!(found[0].evidence.len(), 3);
    }

    #[test]
    fn plain_idle_and_active_sessions_are_well() {
        assert_eq!(
            judge(vec![
                row! { pid: 1, state: "idle", state_age: 9e9 },
                row! { pid: 2, state: "active", state_age: 90.0 }
            ]),
            vec![]
        );
    }
}
