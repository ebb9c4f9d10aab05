//! Sessions that wait for a lock, with the one at the root of the queue.

use std::collections::{BTreeSet, HashMap};

use super::{Concern, Finding, Fix, Jump, NAMED, Rule, RuleInput, RuleResult, Severity, counted, shows};
use crate::readings::backends::Backend;
use crate::readings::waits::{MANY, WAIT, Waits};
use crate::sample::Seconds;

/// The rule.
pub static RULE: Rule = Rule { id: "waiting", watches: "sessions waiting for a lock", concern: Concern::Now, check };

const MIGRATE: &str = r#"# In the migration: fail instead of queueing; retry when the load is low.
operations = [
    migrations.RunSQL("SET LOCAL lock_timeout = '2s'", migrations.RunSQL.noop),
    # ...
]"#;

/// Who waits for whom.
struct Queue<'a> {
    backends: HashMap<i64, &'a Backend>,
    waits: &'a Waits,
}

impl Queue<'_> {
    /// Returns the root that a waiting session is behind: the one that waits for nobody; in a ring, the ring's first.
    fn root(&self, pid: i64) -> i64 {
        let chain = self.waits.chain(pid);
        let first = chain.closes_at.and_then(|_| chain.pids.iter().min().copied());
        first.unwrap_or(chain.end())
    }

    /// Returns the statement of a session.
    fn query(&self, pid: i64) -> &str {
        self.backends.get(&pid).map_or("", |backend| backend.query.as_str())
    }

    /// Returns how many wait behind a session, those behind the waiting ones too.
    fn behind(&self, pid: i64) -> usize {
        self.waits.behind(pid).len()
    }

    /// Returns the session as `pid 12 (web, idle in transaction)`, a migration's statement named as one.
    fn name(&self, pid: i64) -> String {
        if pid == 0 {
            return "a prepared transaction".to_owned();
        }
        let Some(backend) = self.backends.get(&pid) else { return format!("pid {pid}") };
        let what = match schema_change(&backend.query) {
            Some(change) if backend.state == "active" => format!("{change}, a migration?"),
            _ => backend.state.clone(),
        };
        if what.is_empty() { format!("pid {pid}") } else { format!("pid {pid} ({what})") }
    }
}

fn check(view: &RuleInput<'_>) -> RuleResult {
    let backends = view.readings.backends()?;
    let queue = Queue {
        backends: backends.iter().map(|backend| (backend.pid, backend)).collect(),
        waits: view.readings.waits(),
    };
    let ages = wait_ages(view);
    let wait = |pid: i64| {
        let by_query = || queue.backends.get(&pid).and_then(|backend| backend.query_age);
        ages.get(&pid).copied().or_else(by_query).unwrap_or_default()
    };
    let longest = queue.waits.waiters().map(wait).fold(0.0, f64::max);
    let count = queue.waits.count();
    if count == 0 || (longest < WAIT.warning && count < MANY) {
        return view.as_far_as_seen(vec![]);
    }
    let roots: BTreeSet<i64> = queue.waits.waiters().map(|pid| queue.root(pid)).collect();
    let Some(root) = roots.iter().copied().max_by_key(|root| queue.behind(*root)) else { return Ok(vec![]) };
    let is_critical = count >= MANY || longest >= WAIT.critical;
    let is_migration = |pid: &i64| schema_change(queue.query(*pid)).is_some() && queue.behind(*pid) > 0;
    let migration = queue.waits.waiters().chain(roots.iter().copied()).find(is_migration);
    Ok(vec![Finding {
        id: RULE.id,
        severity: if is_critical { Severity::Critical } else { Severity::Warning },
        title: format!(
            "{} up to {} for a lock behind {}",
            counted(count, "session waits", "sessions wait"),
            Seconds(longest),
            queue.name(root)
        ),
        evidence: evidence(&queue, &roots, &wait, longest),
        why: "Each waiting session is a request that hangs; new ones queue behind it, and a waiting ALTER TABLE makes \
              all later readers wait too.",
        fix: match migration {
            Some(pid) if pid != root => Fix::python(
                format!(
                    "1. Cancel {} (c in Activity): {} behind it can go on. 2. End the transaction of {}. 3. Run the \
                     migration again with a lock_timeout:",
                    queue.name(pid),
                    counted(queue.behind(pid), "session", "sessions"),
                    queue.name(root)
                ),
                MIGRATE,
            ),
            Some(pid) => Fix::python(
                format!(
                    "Wait for {}, or cancel it. Next time run it with a lock_timeout and CONCURRENTLY:",
                    queue.name(pid)
                ),
                MIGRATE,
            ),
            None => Fix::text(format!(
                "Check {} in Activity: let it finish, cancel its statement, or terminate its session if it was \
                 forgotten.",
                queue.name(root)
            )),
        },
        jump: Some(Jump::to_row("activity", root)),
        source: "pg_blocking_pids(); PostgreSQL manual: Explicit Locking; gunicorn's timeout (30 s)",
    }])
}

fn evidence(
    queue: &Queue<'_>,
    roots: &BTreeSet<i64>,
    wait: &dyn Fn(i64) -> f64,
    longest: f64,
) -> Vec<(String, String)> {
    let mut evidence = vec![shows("longest wait", Seconds(longest))];
    for root in roots.iter().take(NAMED) {
        let query = queue.query(*root);
        let behind = counted(queue.behind(*root), "session", "sessions");
        evidence.push(shows(format!("root: {}", queue.name(*root)), format!("{behind} behind it: {query}")));
    }
    let mut waiters: Vec<i64> = queue.waits.waiters().collect();
    waiters.sort_by(|left, right| wait(*right).total_cmp(&wait(*left)));
    for pid in waiters.into_iter().take(NAMED) {
        let text = format!("waiting for {}: {}", Seconds(wait(pid)), queue.query(pid));
        evidence.push(shows(queue.name(pid), text));
    }
    evidence
}

/// How long each session has waited, where the server says it (14).
fn wait_ages(view: &RuleInput<'_>) -> HashMap<i64, f64> {
    view.readings.locks().iter().filter_map(|lock| Some((lock.pid?, lock.wait_age?))).collect()
}

/// Returns the first words of a statement that changes the schema, as migrations run them.
fn schema_change(query: &str) -> Option<&'static str> {
    const CHANGES: &[&str] = &[
        "ALTER TABLE",
        "CREATE INDEX",
        "CREATE UNIQUE INDEX",
        "DROP INDEX",
        "DROP TABLE",
        "CREATE TABLE",
        "TRUNCATE",
        "REINDEX",
        "VACUUM FULL",
        "CLUSTER",
    ];
    let head = query.trim_start().get(..20).unwrap_or(query.trim_start()).to_ascii_uppercase();
    CHANGES.iter().copied().find(|change| head.starts_with(change))
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
    fn short_waits_are_everyday_work() {
        let waiter = |age: f64| {
            vec![row! { pid: 1, state: "active" }, row! { pid: 2, state: "active", query_age: age, blocked_by: [1] }]
        };
        assert_eq!(judge(waiter(4.9)), vec![]);
        assert_eq!(judge(waiter(5.0))[0].severity, Severity::Warning);
        assert_eq!(judge(waiter(30.0))[0].severity, Severity::Critical);
        assert_eq!(judge(vec![row! { pid: 1, state: "active", query_age: 100.0 }]), vec![]);
    }

    #[test]
    fn the_root_is_named_and_the_migration_in_the_queue_too() {
        let mut rows = vec![
            row! { pid: 1, state: "idle in transaction", query: "SELECT 1" },
            row! { pid: 2, state: "active", query: "ALTER TABLE shop_order ADD COLUMN x int", query_age: 9.0, blocked_by: [1] },
        ];
        rows.extend(
            (3..7).map(|pid| row! { pid: pid, state: "active", query: "SELECT", query_age: 2.0, blocked_by: [2] }),
        );
        let found = judge(rows);
        assert_eq!(found[0].title, "5 sessions wait up to 9.0s for a lock behind pid 1 (idle in transaction)");
        assert_eq!(found[0].severity, Severity::Critical, "five at once");
        assert!(found[0].fix.text.contains("Cancel pid 2 (ALTER TABLE, a migration?)"), "{}", found[0].fix.text);
        assert!(found[0].evidence[1].1.starts_with("5 sessions behind it"), "{:?}", found[0].evidence);
    }

    #[test]
    fn a_ring_and_a_prepared_transaction_end_the_search() {
        let ring = judge(vec![
            row! { pid: 1, state: "active", query_age: 9.0, blocked_by: [2] },
            row! { pid: 2, state: "active", query_age: 9.0, blocked_by: [1] },
        ]);
        assert_eq!(ring.len(), 1);
        let prepared = judge(vec![row! { pid: 1, state: "active", query_age: 9.0, blocked_by: [0] }]);
        assert_eq!(prepared[0].title, "1 session waits up to 9.0s for a lock behind a prepared transaction");
    }
}
