//! Connections near the limit of what an ordinary role may open.

use super::{Concern, Finding, Fix, Jump, Rule, RuleInput, RuleResult, Severity, shows};
use crate::readings::connections::USED;
use crate::readings::lock_graph::LockRoot;
use crate::sample::Missing;
use crate::sample::unit::Share;

/// From this share of the used connections on those that wait for a lock are the cause, 0..=1.
const WAITING_SHARE: f64 = 0.3;
/// With at least this share of idle ones a pooler or a shorter `CONN_MAX_AGE` is what helps.
pub const IDLE_SHARE: f64 = 0.5;

/// The rule.
pub static RULE: Rule =
    Rule { id: "connections", watches: "connections against the limit", concern: Concern::Now, check };

/// What counts against `max_connections`. Source: manual 20.3.1; walsenders have a limit of their own since 12.
const CLIENTS: &str = "client sessions; not walsenders, autovacuum and other background processes";
/// What is counted where the kind of other roles' sessions is hidden.
const SESSIONS: &str = "sessions with a role and a database, without walsenders: this role does not see which of them are \
    parallel workers, so a few fewer may be used";

const POOL: &str = r#"DATABASES = {
    "default": {
        # ...
        "CONN_MAX_AGE": 60,            # 0 under ASGI and behind PgBouncer
        "CONN_HEALTH_CHECKS": True,
        # or, with psycopg 3 and Django 5.1 on, a pool in each process:
        # "CONN_MAX_AGE": 0, "OPTIONS": {"pool": {"min_size": 1, "max_size": 4}},
    }
}"#;

fn check(view: &RuleInput<'_>) -> RuleResult {
    let server = view.readings.server()?;
    let number = |count: Option<i64>| count.unwrap_or_default() as f64;
    let (all, reserved) = (number(server.max_connections), number(server.superuser_reserved) + number(server.reserved));
    let limit = all - reserved;
    let own = number(server.own_backends);
    let used = server.used_connections().filter(|_| limit > 0.0).ok_or(Missing::NotYet)? as f64;
    let counted = if server.sees_all == Some(true) { CLIENTS } else { SESSIONS };
    // Superusers take the reserved slots too, so that more can be used than ordinary roles may have.
    let share = (used / limit).min(1.0);
    let Some(severity) = USED.reached(share).map(Severity::from) else { return Ok(vec![]) };
    let mut evidence = vec![
        shows("connections", used),
        shows("counted", counted),
        shows("limit for ordinary roles", limit),
        shows("max_connections", all),
        shows("reserved for superusers and others", reserved),
        shows("used by pgdj itself", own),
    ];
    let states = states(view);
    let idle = states.iter().find(|(state, _)| state == "idle").map_or(0.0, |(_, count)| *count as f64);
    evidence.extend(states.into_iter().map(|(state, count)| shows(state, count)));
    let graph = view.readings.lock_graph();
    let waiting = graph.count();
    let root = graph.roots().first().filter(|_| waiting as f64 / used >= WAITING_SHARE).map(LockRoot::first);
    let fix = if let Some(root) = root {
        Fix::text(format!(
            "{waiting} of them wait for a lock behind pid {root}: end that wait (Locks shows which action frees most). More connections would \
             only queue too."
        ))
    } else if idle / used >= IDLE_SHARE {
        let text = "Most are idle: use PgBouncer in transaction mode, or lower CONN_MAX_AGE. Each thread keeps its own \
            connection: processes × threads × servers must fit.";
        Fix::python(text, POOL)
    } else {
        Fix::text(
            "Most are active: see in Activity what they run and wait for before you raise max_connections; more connections \
             would only queue elsewhere.",
        )
    };
    Ok(vec![Finding {
        id: RULE.id,
        severity,
        title: title(used, limit, share),
        evidence,
        why: "At the limit every new connection is refused (\"remaining connection slots are reserved\", \"too many \
              clients already\"): each request of Django that needs one fails.",
        fix,
        // As the queue's own finding, which this is a consequence of.
        jump: Some(root.map_or_else(|| Jump::to("activity"), |root| Jump::to_row("locks", root))),
        source: "PostgreSQL manual: max_connections; Django docs, Databases: Persistent connections, Connection pool",
    }])
}

fn title(used: f64, limit: f64, share: f64) -> String {
    if used >= limit {
        let more = used - limit;
        let more = if more > 0.0 { format!(", and {more:.0} reserved for superusers") } else { String::new() };
        return format!("all {limit:.0} connections are used{more}");
    }
    format!("{used:.0} of {limit:.0} connections used ({})", Share(share))
}

/// Client backends by state, most first.
fn states(view: &RuleInput<'_>) -> Vec<(String, usize)> {
    let mut counts: std::collections::BTreeMap<String, usize> = std::collections::BTreeMap::new();
    for backend in view.readings.backends().unwrap_or_default() {
        if backend.kind == "client backend" {
            *counts.entry(backend.state.clone()).or_default() += 1;
        }
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{With as _, row, snapshot};
    use crate::readings::Readings;
    use crate::sample::Snapshot;

    fn server(clients: i32, sees_all: bool) -> Snapshot {
        snapshot().with(
            "server",
            vec![row! { max_connections: 100, superuser_reserved: 3, reserved: 2, client_backends: clients,
            own_backends: 2, read_all_stats: sees_all }],
        )
    }

    #[test]
    fn it_fires_from_80_percent_of_what_ordinary_roles_may_use() {
        // 95 slots for ordinary roles, two of them pgdj's.
        for (clients, severity) in
            [(73, None), (74, Some(Severity::Warning)), (88, Some(Severity::Warning)), (89, Some(Severity::Critical))]
        {
            let seen = server(clients, true);
            let found = check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap();
            assert_eq!(found.first().map(|finding| finding.severity), severity, "{clients}");
        }
    }

    #[test]
    fn no_more_than_all_are_ever_used() {
        for (clients, title) in [
            (92, "94 of 95 connections used (99%)"),
            (93, "all 95 connections are used"),
            (98, "all 95 connections are used, and 5 reserved for superusers"),
            // The counts of one moment and the next.
            (105, "all 95 connections are used, and 5 reserved for superusers"),
        ] {
            let seen = server(clients, true);
            let found = check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap();
            assert_eq!(found[0].title, title);
            let counted = found[0].evidence.iter().find(|(label, _)| label == "counted").unwrap();
            assert!(counted.1.contains("not walsenders"), "{counted:?}");
        }
    }

    #[test]
    fn without_sight_of_others_the_same_are_counted_as_in_the_header() {
        let readings = Readings::of(server(91, false).with("databases", vec![row! { datname: "shop", backends: 95 }]));
        let found = check(&RuleInput::new(&readings, None)).unwrap();
        assert_eq!(found[0].title, "93 of 95 connections used (98%)");
        assert_eq!(readings.server().unwrap().used_connections(), Some(93));
        assert!(found[0].evidence.iter().any(|(_, counted)| counted.contains("a few fewer")), "{found:?}");
    }

    #[test]
    fn idle_ones_ask_for_a_pooler() {
        let idle = (0..80).map(|pid| row! { pid: pid, backend_type: "client backend", state: "idle" }).collect();
        let seen = server(80, true).with("activity", idle);
        let found = check(&RuleInput::new(&Readings::of(seen.clone()), None)).unwrap();
        assert!(found[0].fix.text.contains("PgBouncer"), "{:?}", found[0].fix);
        assert!(found[0].evidence.contains(&("idle".to_owned(), "80".to_owned())));
    }
}
