use super::*;
use crate::fixture::{NamedRow, With as _, row, snapshot};
use crate::sample::Value;

/// A lock that some hold and others wait for, `(mode, granted, pids)`.
fn lock(target: &str, mode: &str, granted: bool, pids: &[i64]) -> NamedRow {
    let locktype = target.split(' ').next().unwrap_or_default();
    let mode = format!("{mode}Lock");
    let since: Vec<i64> = pids.iter().map(|pid| if granted { 0 } else { 1000 + pid }).collect();
    let list = |numbers: &[i64]| Value::List(numbers.iter().copied().map(Value::Int).collect::<Vec<_>>().into());
    row! { target: target, locktype: locktype, mode: mode.as_str(), granted: granted, pids: list(pids), since: list(&since) }
}

fn graph(rows: Vec<NamedRow>) -> LockGraph {
    let seen = snapshot().with("locks", rows);
    LockGraph::of(LockQueue::all(&seen), PreparedTransaction::all(&seen), &[])
}

fn set(nodes: &[i64]) -> BTreeSet<i64> {
    nodes.iter().copied().collect()
}

/// An ALTER behind a forgotten transaction, and readers behind the ALTER.
fn classic() -> LockGraph {
    graph(vec![
        lock("relation 1", "AccessShare", true, &[1]),
        lock("relation 1", "AccessExclusive", false, &[2]),
        lock("relation 1", "AccessShare", false, &[3, 4, 5]),
    ])
}

#[test]
fn readers_behind_a_migration_run_when_it_is_cancelled_and_not_when_the_root_ends() {
    let graph = classic();
    let roots = graph.roots();
    assert_eq!((roots[0].members.as_slice(), &roots[0].behind), ([1].as_slice(), &set(&[2, 3, 4, 5])));
    assert_eq!((graph.parent(2), graph.parent(4)), (Some(1), Some(2)));
    assert_eq!(graph.behind(2), set(&[3, 4, 5]));
    let cancel = graph.predict(2, Removal::Statement);
    assert_eq!((cancel.runs, cancel.stays, cancel.is_certain), (set(&[3, 4, 5]), set(&[]), true));
    let end = graph.predict(1, Removal::Session);
    assert_eq!((end.runs, end.moves_up, end.stays), (set(&[2]), set(&[]), set(&[3, 4, 5])));
}

#[test]
fn of_those_who_wait_for_a_row_the_first_runs() {
    let graph = graph(vec![
        lock("transactionid 7", "Exclusive", true, &[1]),
        lock("transactionid 7", "Share", false, &[2]),
        lock("tuple 1", "Exclusive", true, &[2]),
        lock("tuple 1", "Exclusive", false, &[3, 4]),
    ]);
    assert_eq!((graph.parent(2), graph.parent(3), graph.parent(4)), (Some(1), Some(2), Some(2)));
    let end = graph.predict(1, Removal::Session);
    assert_eq!((end.runs, end.stays), (set(&[2]), set(&[3, 4])));
    let next = graph.predict(2, Removal::Transaction);
    assert_eq!((next.runs, next.moves_up), (set(&[]), set(&[3, 4])));
    assert_eq!(graph.behind(3), set(&[4]));
}

#[test]
fn two_roots_keep_one_waiting() {
    let graph = graph(vec![
        lock("relation 1", "RowExclusive", true, &[1, 2]),
        lock("relation 1", "ShareRowExclusive", false, &[3]),
    ]);
    assert_eq!(graph.blockers(3), [1, 2]);
    assert_eq!(graph.roots().iter().map(LockRoot::first).collect::<Vec<_>>(), [1, 2]);
    let end = graph.predict(1, Removal::Session);
    assert_eq!((end.runs, end.moves_up), (set(&[]), set(&[3])));
}

#[test]
fn a_ring_is_one_root_with_those_behind_it() {
    let graph = graph(vec![
        lock("transactionid 1", "Exclusive", true, &[1]),
        lock("transactionid 1", "Share", false, &[2]),
        lock("transactionid 2", "Exclusive", true, &[2]),
        lock("transactionid 2", "Share", false, &[1]),
        lock("tuple 9", "Exclusive", true, &[1]),
        lock("tuple 9", "Exclusive", false, &[3]),
    ]);
    let roots = graph.roots();
    assert_eq!((roots.len(), roots[0].members.as_slice()), (1, [1, 2].as_slice()));
    assert_eq!(roots[0].behind, set(&[3]));
    assert!(roots[0].is_ring());
}

#[test]
fn advisory_locks_go_with_the_session_alone() {
    let graph =
        graph(vec![lock("advisory 0 5 1", "Exclusive", true, &[1]), lock("advisory 0 5 1", "Exclusive", false, &[2])]);
    assert_eq!(graph.predict(1, Removal::Transaction).runs, set(&[]));
    assert_eq!(graph.predict(1, Removal::Session).runs, set(&[2]));
}

#[test]
fn a_session_that_stands_in_no_queue_is_known_by_what_the_server_said() {
    let one = |pid, blocked_by: &[i64]| Backend { pid, blocked_by: blocked_by.to_vec(), ..Backend::default() };
    let sessions = [one(1, &[]), one(2, &[1, 2]), Backend { leader: Some(2), ..one(3, &[1]) }];
    let graph = LockGraph::of(Vec::new(), Vec::new(), &sessions);
    assert_eq!((graph.count(), graph.behind(1), graph.parent(2)), (1, set(&[2]), Some(1)));
    let prediction = graph.predict(1, Removal::Session);
    assert_eq!((prediction.runs, prediction.stays, prediction.unknown), (set(&[]), set(&[]), set(&[2])));
}

#[test]
fn five_hundred_waiters_for_one_row_are_no_burden() {
    let waiting: Vec<i64> = (3..=500).collect();
    let graph = graph(vec![
        lock("transactionid 7", "Exclusive", true, &[1]),
        lock("transactionid 7", "Share", false, &[2]),
        lock("tuple 1", "Exclusive", true, &[2]),
        lock("tuple 1", "Exclusive", false, &waiting),
    ]);
    assert_eq!(graph.roots()[0].behind.len(), 499);
    let all: usize = graph.waiting().into_iter().map(|node| graph.count_behind(node)).sum();
    assert_eq!(all, (0..=498).sum::<usize>());
    assert!(graph.waiting().into_iter().take(9).all(|node| graph.count_behind(node) == graph.behind(node).len()));
}

#[test]
fn a_safe_snapshot_is_there_when_the_last_serializable_transaction_ends() {
    let seen = snapshot().with(
        "activity",
        vec![
            row! { pid: 1 },
            row! { pid: 2 },
            row! { pid: 3, wait_event_type: "IPC", wait_event: "SafeSnapshot", blocked_by: [1] },
            row! { pid: 4, wait_event_type: "IPC", wait_event: "SafeSnapshot", blocked_by: [1, 2] },
        ],
    );
    let readings = crate::readings::Readings::of(seen);
    let graph = readings.lock_graph();
    assert_eq!(graph.parent(4), Some(1));
    let end = graph.predict(1, Removal::Session);
    assert_eq!((end.runs, end.moves_up, end.unknown), (set(&[3]), set(&[4]), set(&[])));
    assert!(graph.predict(1, Removal::Statement).runs.is_empty());
}

#[test]
fn what_the_sessions_say_is_over_is_no_wait_any_more() {
    // The locks were read 2 s before the sessions: 1 has ended since, 3 waits in another statement for 2, 4 runs another.
    let seen = snapshot()
        .with("locks", vec![lock("relation 1", "AccessExclusive", true, &[1]), lock("relation 1", "AccessShare", false, &[3, 4])])
        .at(crate::fixture::NOW + 2.0)
        .with(
            "activity",
            vec![
                row! { pid: 2, state: "active", xact_start: 1.0 },
                row! { pid: 3, state: "active", wait_event_type: "Lock", blocked_by: [2], query_start: crate::fixture::NOW + 1.0 },
                row! { pid: 4, state: "active", query_start: crate::fixture::NOW + 1.5 },
            ],
        );
    let readings = crate::readings::Readings::of(seen);
    let graph = readings.lock_graph();
    assert_eq!(graph.roots().iter().map(LockRoot::first).collect::<Vec<_>>(), [2]);
    let sessions = readings.backends().unwrap();
    let waited =
        graph.waited(3, sessions.iter().find(|one| one.pid == 3), crate::sample::Timestamp(crate::fixture::NOW + 2.0));
    assert_eq!(waited, Some(1.0));
}

#[test]
fn a_wait_goes_on_when_a_session_moves_up_to_the_row() {
    let began = crate::fixture::NOW - 5.0;
    let at = |moment: f64, target: &str, since: f64, wait: &str| {
        let locktype = target.split(' ').next().unwrap_or_default();
        let list = |number: i64| Value::List(vec![Value::Int(number)].into());
        let waits = row! { target: target, locktype: locktype, mode: "ShareLock", granted: false, pids: list(3), since: list((since * 1000.0) as i64) };
        let session = row! { pid: 3, state: "active", wait_event_type: wait, query_start: began };
        std::sync::Arc::new(snapshot().at(moment).with("locks", vec![waits]).with("activity", vec![session]))
    };
    let waited = |readings: &crate::readings::Readings, now: f64| readings.lock_graph().waited(3, None, Timestamp(now));
    let now = crate::fixture::NOW;
    let first = crate::readings::Readings::of(at(now, "tuple 1", now - 4.0, "Lock"));
    assert_eq!(waited(&first, now), Some(4.0));
    let second = crate::readings::Readings::beside(&first, at(now + 1.0, "transactionid 7", now + 0.5, "Lock"));
    assert_eq!(waited(&second, now + 1.0), Some(5.0));
    let third = crate::readings::Readings::beside(&second, at(now + 2.0, "transactionid 7", now + 0.5, "Lock"));
    assert_eq!(waited(&third, now + 2.0), Some(6.0));
    // Another row is another wait, and so is what is seen only much later.
    let other = crate::readings::Readings::beside(&third, at(now + 3.0, "transactionid 8", now + 2.5, "Lock"));
    assert_eq!(waited(&other, now + 3.0), Some(0.5));
    let later = crate::readings::Readings::beside(&first, at(now + 99.0, "transactionid 7", now + 98.0, "Lock"));
    assert_eq!(waited(&later, now + 99.0), Some(1.0));
}
