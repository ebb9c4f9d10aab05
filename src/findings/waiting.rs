//! Sessions that wait for a lock, with the one at the root of the queue.

use std::collections::HashMap;

use super::{Concern, Finding, Fix, Jump, NAMED, Rule, RuleInput, RuleResult, Severity, counted, shows, statement_of};
use crate::readings::act::SignalKind;
use crate::readings::backends::Backend;
use crate::readings::lock_acts::{Forecast, proposals};
use crate::readings::lock_graph::{LockGraph, LockRoot, MANY, WAIT};
use crate::sample::{Seconds, Timestamp};

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
    graph: &'a LockGraph,
    now: Timestamp,
}

impl<'a> Queue<'a> {
    fn session(&self, node: i64) -> Option<&'a Backend> {
        self.backends.get(&node).copied()
    }

    fn wait(&self, node: i64) -> f64 {
        self.graph.waited(node, self.session(node), self.now).unwrap_or_default()
    }

    fn query(&self, node: i64) -> &'a str {
        self.session(node).map_or("", |backend| backend.query.as_str())
    }

    /// Returns the session with what it does: `pid 12 celery (idle in transaction, open for 9.8s)`; a migration's statement named as
    /// one.
    fn name(&self, node: i64) -> String {
        if let Some(prepared) = self.graph.prepared(node) {
            return format!("the prepared transaction {} of database {}", prepared.gid, prepared.database);
        }
        let Some(backend) = self.session(node) else {
            return if node <= 0 { "a prepared transaction".to_owned() } else { format!("pid {node}") };
        };
        let for_age = |age: Option<f64>| age.map(|age| format!(" for {}", Seconds(age))).unwrap_or_default();
        let what = match backend.schema_change() {
            Some(change) => format!("{change}, a migration?"),
            None if backend.is_idle_in_transaction() => {
                let open = backend.xact_age.map(|age| format!(", open for {}", Seconds(age)));
                format!("{}{}", backend.state, open.unwrap_or_else(|| for_age(backend.state_age)))
            }
            None => backend.state.clone(),
        };
        let name = format!("pid {node} {}", backend.name());
        if what.is_empty() { name.trim_end().to_owned() } else { format!("{} ({what})", name.trim_end()) }
    }

    /// Returns the session at the top, or the ring.
    fn top(&self, root: &LockRoot) -> String {
        if root.is_ring() {
            let pids: Vec<String> = root.members.iter().map(ToString::to_string).collect();
            return format!("a deadlock of pids {}", pids.join(", "));
        }
        self.name(root.first())
    }
}

fn check(view: &RuleInput<'_>) -> RuleResult {
    let backends = view.readings.backends()?;
    let queue = Queue {
        backends: backends.iter().map(|backend| (backend.pid, backend)).collect(),
        graph: view.readings.lock_graph(),
        now: view.readings.sessions_read_at(),
    };
    let longest = queue.graph.waiting().into_iter().map(|node| queue.wait(node)).fold(0.0, f64::max);
    let count = queue.graph.count();
    if count == 0 || (longest < WAIT.warning && count < MANY) {
        return view.as_far_as_seen(vec![]);
    }
    let roots = queue.graph.roots();
    let Some(root) = roots.first() else { return Ok(vec![]) };
    let waits_for_snapshots =
        |node: i64| queue.graph.wants(node).is_some_and(|(queue, _)| queue.locktype == "virtualxid");
    let builds = |node: i64| queue.session(node).is_some_and(Backend::builds_concurrently);
    let is_build = queue.graph.waiting().into_iter().all(|node| waits_for_snapshots(node) || builds(node));
    let is_critical = !is_build && (count >= MANY || longest >= WAIT.critical);
    let best = proposals(queue.graph, backends, &view.newer.server).into_iter().next();
    let of_root = root.behind.iter().map(|node| queue.wait(*node)).fold(0.0, f64::max);
    let others: usize = roots.iter().skip(1).map(|root| root.behind.len()).sum();
    let of_others =
        roots.iter().skip(1).flat_map(|root| &root.behind).map(|node| queue.wait(*node)).fold(0.0, f64::max);
    let more = match roots.len() {
        1 => String::new(),
        many if others == 0 => format!("; some of them also behind {}", counted(many - 1, "other", "others")),
        many => format!("; {others} up to {} behind {}", Seconds(of_others), counted(many - 1, "other", "others")),
    };
    let shown = if roots.len() == 1 { count } else { root.behind.len() };
    Ok(vec![Finding {
        id: RULE.id,
        severity: if is_critical { Severity::Critical } else { Severity::Warning },
        title: format!(
            "{} up to {} behind {}{more}",
            counted(shown, "session waits", "sessions wait"),
            Seconds(if roots.len() == 1 { longest } else { of_root }),
            queue.top(root)
        ),
        evidence: evidence(&queue, roots, longest),
        why: if is_build {
            "CREATE INDEX CONCURRENTLY waits until every transaction that is older has ended. No request waits for it."
        } else {
            "Each waiting session is a request that hangs; new ones queue behind it, and a waiting ALTER TABLE makes all \
             later readers wait too."
        },
        fix: fix(&queue, root, best.as_ref()),
        jump: Some(Jump::to_row("locks", root.first())),
        source: "pg_locks, pg_blocking_pids(); PostgreSQL manual: Explicit Locking; gunicorn's timeout (30 s)",
    }])
}

/// Returns the act that frees most, what it does, and how a migration avoids the queue.
fn fix(queue: &Queue<'_>, root: &LockRoot, best: Option<&Forecast>) -> Fix {
    let is_migration = |node: i64| queue.session(node).is_some_and(|session| session.schema_change().is_some());
    let migration = queue
        .graph
        .waiting()
        .into_iter()
        .chain(root.members.iter().copied())
        .find(|node| is_migration(*node) && queue.graph.count_behind(*node) > 0);
    let text = match (best, queue.graph.prepared(root.first())) {
        (_, Some(prepared)) => {
            let text = format!(
                "End the prepared transaction, in the database {}: roll it back, or commit it with COMMIT PREPARED if its \
                 coordinator says so.",
                prepared.database
            );
            return Fix::sql(text, prepared.sql_to_end());
        }
        (Some(best), None) => {
            let act = match best.kind {
                SignalKind::Cancel => "Cancel the statement of",
                SignalKind::Terminate => "Terminate the session of",
            };
            format!("{act} {} (press a in Locks): {}.", queue.name(best.pid), best.words())
        }
        (None, None) if root.is_ring() => {
            "The server ends one of them after deadlock_timeout. Lock rows in the same order everywhere.".to_owned()
        }
        (None, None) => {
            format!(
                "See {} in Locks. This role cannot end it: it ends by itself, or a role with that right ends it.",
                queue.top(root)
            )
        }
    };
    match migration {
        Some(_) => Fix::python(format!("{text} Run the migration again with a lock_timeout:"), MIGRATE),
        None => Fix::text(text),
    }
}

fn evidence(queue: &Queue<'_>, roots: &[LockRoot], longest: f64) -> Vec<(String, String)> {
    let mut evidence = vec![shows("longest wait", Seconds(longest))];
    evidence.extend(roots.first().and_then(|root| queue.session(root.first())).map(statement_of));
    if roots.iter().any(LockRoot::is_ring) {
        evidence
            .push(shows("deadlock", "PostgreSQL ends one of them by itself after deadlock_timeout (1 s by default)"));
    }
    for root in roots.iter().take(NAMED) {
        let query = queue.query(root.first());
        let behind = counted(root.behind.len(), "session", "sessions");
        let runs = if query.is_empty() { String::new() } else { format!(": {query}") };
        evidence.push(shows(format!("root: {}", queue.top(root)), format!("{behind} behind it{runs}")));
    }
    let mut waiters: Vec<i64> = queue.graph.waiting().into_iter().collect();
    waiters.sort_by(|left, right| queue.wait(*right).total_cmp(&queue.wait(*left)));
    for pid in waiters.into_iter().take(NAMED) {
        let text = format!("waiting for {}: {}", Seconds(queue.wait(pid)), queue.query(pid));
        evidence.push(shows(queue.name(pid), text));
    }
    evidence
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
            row! { pid: 1, state: "idle in transaction", user: "web", query: "SELECT 1" },
            row! { pid: 2, state: "active", query: "ALTER TABLE shop_order ADD COLUMN x int", query_age: 9.0, blocked_by: [1] },
        ];
        rows.extend(
            (3..7).map(|pid| row! { pid: pid, state: "active", query: "SELECT", query_age: 2.0, blocked_by: [2] }),
        );
        let found = judge(rows);
        assert_eq!(found[0].title, "5 sessions wait up to 9.0s behind pid 1 web (idle in transaction)");
        assert_eq!(found[0].severity, Severity::Critical, "five at once");
        assert_eq!(found[0].statement(), Some(("last statement", "SELECT 1")));
        assert!(found[0].fix.code.as_ref().unwrap().text.contains("lock_timeout"), "{:?}", found[0].fix);
        assert!(found[0].evidence[2].1.starts_with("5 sessions behind it"), "{:?}", found[0].evidence);
    }

    #[test]
    fn a_ring_and_a_prepared_transaction_end_the_search() {
        let ring = judge(vec![
            row! { pid: 1, state: "active", query_age: 9.0, blocked_by: [2] },
            row! { pid: 2, state: "active", query_age: 9.0, blocked_by: [1] },
        ]);
        assert_eq!(ring.len(), 1);
        let prepared = judge(vec![row! { pid: 1, state: "active", query_age: 9.0, blocked_by: [0] }]);
        assert_eq!(prepared[0].title, "1 session waits up to 9.0s behind a prepared transaction");
    }
}
