use super::*;
use crate::fixture::{NOW, NamedRow, With as _, row, snapshot, with_view};
use crate::sample::{History, Snapshot};
use crate::ui::detail::Detail;

fn statement(id: i32, calls: i32) -> NamedRow {
    row! { queryid: id, calls: calls, total_time: 10.0 * f64::from(calls) }
}

fn seen(at: f64, calls: i32, sessions: Vec<NamedRow>) -> Snapshot {
    let text = |id: i32, text: &str| row! { queryid: id, query: text };
    let texts = vec![text(1, "SELECT a"), text(2, "SELECT b /*controller='cart'*/"), text(3, "SELECT c")];
    snapshot()
        .at(NOW + at)
        .with("activity", sessions)
        .with("statements", [1, 2, 3].map(|id| statement(id, calls)).to_vec())
        .with("statement_texts", texts)
}

fn shown(sessions: &[(i32, &str)]) -> (Queries, History) {
    let sessions = |at: f64| {
        let session = |(id, comment): &(i32, &str)| {
            let query = format!("SELECT x {comment}");
            row! { pid: *id, query_id: *id, state: "active", backend_type: "client backend", query: query.as_str(), query_start: NOW + at }
        };
        sessions.iter().map(session).collect::<Vec<_>>()
    };
    let mut history = History::bounded(1 << 24);
    history.push(Arc::new(seen(0.0, 10, sessions(0.0))));
    history.push(Arc::new(seen(2.0, 20, sessions(2.0))));
    let mut pane = Queries::default();
    with_view(&history, |view| pane.refresh(view));
    (pane, history)
}

fn callers(pane: &Queries) -> Vec<(String, String)> {
    let grid = pane.list.grid();
    let at = grid.column("caller").expect("there is a column");
    let mut all: Vec<_> = grid.rows.iter().map(|row| (row.key.clone(), row.cells[at].text.clone())).collect();
    all.sort();
    all
}

#[test]
fn a_statement_has_the_view_that_runs_it_and_the_filter_finds_it() {
    let sessions = [(1, "/*controller='products%3Adetail'*/"), (2, "/*controller='cart'*/"), (3, "")];
    let (mut pane, history) = shown(&sessions);
    let said: Vec<String> = callers(&pane).into_iter().map(|(_, caller)| caller).collect();
    assert_eq!(said, ["products:detail", "cart", ""]);
    pane.list.set_filter("products:det");
    assert_eq!(pane.list.shown().count(), 1);
    let text = with_view(&history, |view| Detail::new(pane.inspect(view).unwrap()).text(100));
    assert!(text.contains("view or task") && text.contains("products:detail"), "{text}");
}

#[test]
fn what_no_sample_saw_has_the_view_of_its_text_and_without_any_there_is_no_column() {
    let (pane, _) = shown(&[]);
    assert_eq!(callers(&pane).into_iter().map(|(_, caller)| caller).collect::<Vec<_>>(), ["", "cart", ""]);
    let same = ["/*controller='cart'*/"; 3];
    let sessions: Vec<(i32, &str)> = (1..).zip(same).collect();
    let (pane, _) = shown(&sessions);
    assert_eq!(pane.list.grid().column("caller"), None, "the same in all rows tells nothing");
}
