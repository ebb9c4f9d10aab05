use super::*;

fn session(pid: i64, blocked_by: &[i64]) -> Backend {
    Backend { pid, blocked_by: blocked_by.to_vec(), is_waiting: !blocked_by.is_empty(), ..Backend::default() }
}

fn of(sessions: &[Backend]) -> Grid {
    let graph = LockGraph::of(Vec::new(), Vec::new(), sessions);
    grid(sessions, &graph, Timestamp(0.0), false, None)
}

fn shown(sessions: &[Backend]) -> Vec<(u16, String)> {
    of(sessions).rows.iter().map(|row| (row.depth, row.cells[0].text.trim().to_owned())).collect()
}

fn check(sessions: &[Backend], expected: &[(u16, &str)]) {
    let expected: Vec<(u16, String)> = expected.iter().map(|(depth, text)| (*depth, (*text).to_owned())).collect();
    assert_eq!(shown(sessions), expected);
}

#[test]
fn roots_stand_first_and_those_who_wait_below_the_one_that_blocks_them() {
    let all =
        [session(5, &[]), session(1, &[2]), session(2, &[3]), session(3, &[]), session(4, &[3]), session(9, &[8])];
    check(&all, &[(0, "3"), (1, "2"), (2, "1"), (1, "4"), (0, "8, not listed: ended, or pgdj's own"), (1, "9")]);
}

#[test]
fn a_ring_is_one_row_above_its_sessions() {
    let all = [session(1, &[2]), session(2, &[3]), session(3, &[1]), session(4, &[1])];
    check(&all, &[(0, "deadlock of 1, 2, 3"), (1, "1"), (2, "4"), (1, "2"), (1, "3")]);
}

#[test]
fn many_alike_are_one_row_unless_all_are_asked_for() {
    let named = |pid| Backend { application: format!("gunicorn: worker [{pid}]"), ..session(pid, &[1]) };
    let all: Vec<Backend> = std::iter::once(session(1, &[])).chain((2..12).map(named)).collect();
    let rows = shown(&all);
    assert_eq!((rows.len(), rows.last().unwrap().1.as_str()), (5, "7 more: gunicorn 7"));
    assert_eq!(of(&all).rows.last().unwrap().cells[5].text, "");
    let graph = LockGraph::of(Vec::new(), Vec::new(), &all);
    assert_eq!(grid(&all, &graph, Timestamp(0.0), true, None).rows.len(), 11);
}

#[test]
fn a_prepared_transaction_is_named() {
    assert_eq!(shown(&[session(7, &[0])])[0].1, "a prepared transaction");
    let calm = |session| of(&[session]).notice.unwrap().sentence;
    assert_eq!(calm(session(7, &[])), "No session waits for a lock");
    let hidden = Backend { is_hidden: true, ..session(7, &[]) };
    assert!(calm(hidden).contains("that this role can see"));
}

#[test]
fn a_finding_leads_to_the_row_of_a_prepared_transaction() {
    let all = [session(7, &[-753])];
    let mut pane = super::super::Locks::default();
    pane.list.refresh(of(&all));
    assert!(crate::app::Pane::select(&mut pane, "-753"));
    assert_eq!(pane.list.selected_key(), Some("pid -753"));
}

#[test]
fn an_autovacuum_gives_way_unless_it_prevents_wraparound() {
    let worker = |query: &str| Backend {
        kind: "autovacuum worker".to_owned(),
        state: "active".to_owned(),
        query: query.to_owned(),
        ..session(1, &[])
    };
    let state = |worker| of(&[worker, session(2, &[1])]).rows[0].cells[1].text.clone();
    assert_eq!(state(worker("autovacuum: VACUUM public.t")), "gives way");
    assert_eq!(state(worker("autovacuum: VACUUM public.t (to prevent wraparound)")), "active");
}
