//! A session in a sentence: who holds a lock, who holds vacuum back.

use super::activity::backends::{Backend, backends};
use crate::app::View;
use crate::sample::Seconds;
use crate::sample::unit::Count;

/// Letters of a query that tell it from another.
const QUERY_LETTERS: usize = 120;

/// Returns who a pid is: role, application, state, how long in its transaction, how many wait behind it, its query.
pub(super) fn who(view: &View<'_>, pid: i64) -> String {
    let all = view.newer.rows("activity").map(backends).unwrap_or_default();
    all.iter().find(|one| one.pid == pid).map_or_else(|| format!("pid {pid}, which Activity does not list"), words)
}

/// Returns the session of this database whose snapshot is the oldest, which vacuum has to respect; `None` where none is seen.
///
/// Standbys with feedback, replication slots and prepared transactions hold rows as well and are no sessions; a vacuum
/// that runs holds no other back.
pub(super) fn oldest_snapshot(view: &View<'_>) -> Option<String> {
    let database = view.newer.server.database.as_str();
    let all = view.newer.rows("activity").map(backends).unwrap_or_default();
    let own = all.iter().filter(|one| one.database.is_empty() || database.is_empty() || one.database == database);
    let vacuums = view.newer.rows("vacuum_progress");
    let is_vacuum = |pid| vacuums.is_some_and(|rows| rows.iter().any(|row| row.int("pid") == Some(pid)));
    let own = own.filter(|one| one.kind != "autovacuum worker" && !is_vacuum(one.pid));
    let oldest = own.filter(|one| one.xmin_age.unwrap_or(0) > 0).max_by_key(|one| one.xmin_age)?;
    let age = oldest.xmin_age.unwrap_or(0) as f64;
    Some(format!("{}; {} transactions back", words(oldest), Count(age)))
}

fn words(one: &Backend) -> String {
    let mut parts = vec![format!("pid {}", one.pid)];
    let user = [one.user.as_str(), one.application.as_str()].join(" ");
    parts.extend(Some(user.trim().to_owned()).filter(|user| !user.is_empty()));
    parts.extend(Some(one.state.clone()).filter(|state| !state.is_empty()));
    parts.extend(one.xact_age.map(|age| format!("in its transaction for {}", Seconds(age))));
    if one.blocks > 0 {
        parts.push(format!("{} waiting behind it", one.blocks));
    }
    let query: String = one.query.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = query.chars().take(QUERY_LETTERS).collect();
    let dots = if cut.len() < query.len() { "…" } else { "" };
    let query = if query.is_empty() { String::new() } else { format!(": {cut}{dots}") };
    format!("{}{query}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::fixture::{With as _, row, snapshot};
    use crate::findings::Findings;
    use crate::sample::History;
    use std::sync::Arc;

    fn seen<T>(work: impl FnOnce(&View<'_>) -> T) -> T {
        let mut history = History::bounded(1 << 20);
        history.push(Arc::new(snapshot().with(
            "activity",
            vec![
                row! { pid: 7, user: "web", application: "gunicorn", database: "shop", state: "idle in transaction",
                xact_age: 300.0, xmin_age: 900, query: "select 1\n  from x" },
                row! { pid: 8, user: "web", database: "shop", wait_event_type: "Lock", blocked_by: [7], xmin_age: 5 },
                row! { pid: 9, user: "etl", database: "other", xmin_age: 5_000 },
                row! { pid: 10, backend_type: "autovacuum worker", database: "shop", xmin_age: 6_000 },
            ],
        )));
        let moment = history.last().unwrap();
        let findings = Findings::default();
        work(&View { history: &history, moment, newer: history.at(moment).unwrap(), findings: &findings })
    }

    #[test]
    fn a_session_is_told_in_a_sentence() {
        seen(|view| {
            let text = "pid 7, web gunicorn, idle in transaction, in its transaction for 5m, 1 waiting behind it: select 1 from x";
            assert_eq!(who(view, 7).replace("5m00s", "5m"), text);
            assert_eq!(who(view, 99), "pid 99, which Activity does not list");
        });
    }

    #[test]
    fn only_snapshots_of_this_database_hold_its_vacuum_back() {
        seen(|view| {
            let text = oldest_snapshot(view).unwrap();
            assert!(text.starts_with("pid 7, ") && text.ends_with("; 900 transactions back"), "{text}");
        });
    }
}
