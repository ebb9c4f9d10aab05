//! A session in a sentence (who holds a lock, who holds vacuum back), and what panes that list sessions do alike.

use super::explain;
use crate::app::{PaneRequest, PaneView};
use crate::readings::backends::Backend;
use crate::readings::vacuum_horizon::HolderKind;
use crate::sample::Seconds;
use crate::ui::table::Cell;

/// Letters of a query that tell it from another.
const QUERY_LETTERS: usize = 120;

/// Brings the statement of a session to Explain.
pub(super) fn explain(session: &Backend) -> PaneRequest {
    if session.query.is_empty() {
        return PaneRequest::Say("This row has no statement to explain".to_owned());
    }
    if session.is_hidden {
        return PaneRequest::Say(format!("The statement of pid {} is hidden from this role", session.pid));
    }
    if session.is_query_cut {
        // What is left of it may be another statement, without its last conditions.
        return PaneRequest::Say(format!(
            "The server keeps only the beginning of this statement of pid {} (track_activity_query_size): explain it \
             from Queries",
            session.pid
        ));
    }
    explain::show(&session.query, format!("pid {}", session.pid))
}

/// Returns the statement of a session for a copy, and what it is.
pub(super) fn copied(session: &Backend) -> (String, String) {
    let part = if session.is_query_cut { "the beginning of the statement" } else { "the statement" };
    (session.query.clone(), format!("{part} of pid {}", session.pid))
}

/// Returns an age in seconds as a cell.
pub(super) fn age_cell(age: Option<f64>) -> Cell {
    Cell::optional(age.map(|age| (Seconds(age), age)))
}

/// Returns who a pid is: role, application, state, the age of its transaction, how many wait behind it, its query.
pub(super) fn who(view: &PaneView<'_>, pid: i64) -> String {
    let all = view.readings.backends().unwrap_or_default();
    all.iter().find(|one| one.pid == pid).map_or_else(|| format!("pid {pid} (not listed in Activity)"), words)
}

/// Returns a lock without the schema that most relations are in.
pub(super) fn without_public(lock: &str) -> String {
    lock.strip_prefix("public.").map_or_else(|| lock.replacen(" public.", " ", 1), str::to_owned)
}

/// Returns the pids at a table's ACCESS EXCLUSIVE lock for a cell: `7`, and `9 waits` where it is only awaited.
pub(super) fn lockers_cell(view: &PaneView<'_>, pids: &[i64]) -> Cell {
    let graph = view.readings.lock_graph();
    let word = |pid: &i64| {
        let waits = graph
            .wants(*pid)
            .is_some_and(|(queue, wanted)| queue.locktype != "tuple" && wanted.mode.words() == "ACCESS EXCLUSIVE");
        if waits { format!("{pid} waits") } else { pid.to_string() }
    };
    Cell::text(&pids.iter().map(word).collect::<Vec<_>>().join(" "))
}

/// Returns who keeps a table: `pid 7 (migrate) holds` or `pid 7 (migrate) holds and pid 9 waits for`.
///
/// The locks that were read are those that somebody waits for: one that is not among them is held.
pub(super) fn lockers(view: &PaneView<'_>, table: &str, pids: &[i64]) -> String {
    let all = view.readings.backends().unwrap_or_default();
    let bare = |name: &str| name.rsplit('.').next().unwrap_or(name).trim_matches('"').to_owned();
    let graph = view.readings.lock_graph();
    let is_waiting = |pid: i64| {
        graph.wants(pid).is_some_and(|(queue, _)| queue.locktype != "tuple" && bare(&queue.relation) == bare(table))
    };
    let name = |pid: i64| {
        let application = all.iter().find(|one| one.pid == pid).map(|one| one.application.as_str());
        let application = application.filter(|name| !name.is_empty());
        application.map_or_else(|| format!("pid {pid}"), |name| format!("pid {pid} ({name})"))
    };
    let told = |pid: &i64| format!("{} {}", name(*pid), if is_waiting(*pid) { "waits for" } else { "holds" });
    pids.iter().map(told).collect::<Vec<_>>().join(" and ")
}

/// Returns who holds back the vacuum of this database's tables furthest, how far, and how to end it; not one that came
/// after a vacuum that ended so long ago.
pub(super) fn vacuum_holder(view: &PaneView<'_>, vacuumed: Option<Seconds>) -> String {
    let horizon = match view.readings.horizon() {
        Ok(horizon) => horizon,
        Err(why) => return format!("? ({why})"),
    };
    let Some(holder) = horizon.oldest_before(vacuumed) else {
        return "no one any more: what kept them has ended, and the next vacuum removes them".to_owned();
    };
    let who = match (holder.kind, holder.pid) {
        (HolderKind::Session, Some(pid)) => who(view, pid),
        _ => holder.who(),
    };
    format!("{who}; {}. {}", horizon.words(holder), holder.how_to_end())
}

fn words(one: &Backend) -> String {
    let mut parts = vec![format!("pid {}", one.pid)];
    let user = [one.user.as_str(), one.application.as_str()].join(" ");
    parts.extend(Some(user.trim().to_owned()).filter(|user| !user.is_empty()));
    parts.extend(Some(one.state.clone()).filter(|state| !state.is_empty()));
    parts.extend(one.xact_age.map(|age| format!("transaction open for {}", Seconds(age))));
    if one.blocks > 0 {
        parts.push(format!("{} waiting behind it", one.blocks));
    }
    let query: String = one.query.split_whitespace().collect::<Vec<_>>().join(" ");
    let cut: String = query.chars().take(QUERY_LETTERS).collect();
    let dots = if cut.len() < query.len() { "…" } else { "" };
    let last = if one.is_idle() || one.is_idle_in_transaction() { "; its last statement" } else { "" };
    let query = if query.is_empty() { String::new() } else { format!("{last}: {cut}{dots}") };
    format!("{}{query}", parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::findings::Findings;
    use crate::fixture::{With as _, row, snapshot};
    use crate::readings::Readings;
    use crate::sample::History;
    use std::sync::Arc;

    fn seen<T>(work: impl FnOnce(&PaneView<'_>) -> T) -> T {
        let mut history = History::bounded(1 << 20);
        history.push(Arc::new(snapshot().with(
            "activity",
            vec![
                row! { pid: 7, user: "web", application: "gunicorn", database: "shop", state: "idle in transaction",
                xact_age: 300.0, query: "select 1\n  from x" },
                row! { pid: 8, user: "web", database: "shop", wait_event_type: "Lock", blocked_by: [7] },
            ],
        ).with(
            "vacuum_horizon",
            vec![
                row! { kind: "session", pid: 7, database: "shop", xid_age: 901 },
                row! { kind: "session", pid: 9, database: "other", xmin_age: 5_000 },
                row! { kind: "session", pid: 10, database: "shop", xmin_age: 6_000, is_vacuum: true },
            ],
        )));
        let moment = history.last().unwrap();
        let findings = Findings::default();
        let readings = Readings::of(Arc::clone(history.at(moment).unwrap()));
        work(&PaneView::new(&history, moment, &readings, &findings))
    }

    #[test]
    fn a_session_is_told_in_a_sentence() {
        seen(|view| {
            let text = "pid 7, web gunicorn, idle in transaction, transaction open for 5m, 1 waiting behind it; \
                        its last statement: select 1 from x";
            assert_eq!(who(view, 7).replace("5m00s", "5m"), text);
            assert_eq!(who(view, 99), "pid 99 (not listed in Activity)");
        });
    }

    #[test]
    fn a_lock_is_held_unless_it_is_waited_for() {
        let lock = |pid: i32, relation: &str, granted: bool| {
            row! { pids: [pid], since: [0], target: relation, mode: "AccessExclusiveLock", relation: relation, granted: granted }
        };
        let seen = snapshot().with("activity", vec![row! { pid: 7, application: "migrate" }]).with(
            "locks",
            vec![lock(9, "public.shop_review", false), lock(9, "shop_cart", true), lock(8, "shop_review", true)],
        );
        let mut history = History::bounded(1 << 20);
        history.push(Arc::new(seen));
        let (moment, findings) = (history.last().unwrap(), Findings::default());
        let readings = Readings::of(Arc::clone(history.at(moment).unwrap()));
        let view = PaneView::new(&history, moment, &readings, &findings);
        for (pids, expected) in [(&[7][..], "pid 7 (migrate) holds"), (&[8, 9], "pid 8 holds and pid 9 waits for")] {
            assert_eq!(lockers(&view, "shop_review", pids), expected);
        }
    }

    #[test]
    fn what_holds_vacuum_back_is_said_with_its_remedy() {
        seen(|view| {
            let text = vacuum_holder(view, None);
            assert!(
                text.starts_with("pid 7, web gunicorn, ") && text.contains("; keeps dead rows of the last 900"),
                "{text}"
            );
            assert!(text.ends_with("terminate the session (K in Activity)."), "{text}");
        });
    }
}
