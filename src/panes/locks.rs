//! Locks: who blocks whom? A tree of the sessions that wait, those that block them at its roots.

use std::collections::{BTreeMap, HashMap};

use ratatui::Frame;
use ratatui::layout::Rect;

use super::column::{PaneColumn, cells, column, headers};
use super::explain;
use super::sessions::{self, age_cell};
use crate::app::keys::key;
use crate::app::list::List;
use crate::app::{
    Action, DrawContext, Pane, PaneContext, PaneId, PaneRequest, PaneSpec, PaneSubject, PaneView, RowOrder,
};
use crate::document::Document;
use crate::readings::backends::{Backend, PREPARED};
use crate::readings::waits::Waits;
use crate::ui::table::{Cell, Grid, GridColumn, GridRow, Notice, RowNesting};
use crate::ui::theme::Role;

/// Its name.
pub const ID: PaneId = PaneId { name: "locks", title: "Locks" };

/// The pane in the list of panes.
pub const PANE: PaneSpec = PaneSpec {
    id: ID,
    question: "Show the locks: who blocks whom?",
    order: RowOrder::Sortable,
    bindings: &[
        key(Action::Jump, &["o"], "go there", "Go to this session in Activity, to cancel or terminate it.").shown(3),
        explain::FROM_ROW.shown(4),
    ],
    make: |_: &PaneContext| Box::new(Locks::default()),
};

/// The pane.
#[derive(Debug, Default)]
pub struct Locks {
    list: List,
    sessions: Vec<Backend>,
}

impl Pane for Locks {
    fn refresh(&mut self, view: &PaneView<'_>) {
        let section = view.newer.section("activity");
        self.sessions = view.readings.backends().unwrap_or_default().to_vec();
        let mut grid = match section.rows() {
            Some(_) => grid(&self.sessions, view.readings.waits()),
            None => Grid::missing(headers(&columns()), super::notice(section)),
        };
        grid.footnote = super::footnote(view, "activity", "");
        self.list.refresh(grid);
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        self.list.draw(frame, area, context);
    }

    fn list(&mut self) -> Option<&mut List> {
        Some(&mut self.list)
    }

    fn act(&mut self, action: Action, _view: &PaneView<'_>) -> PaneRequest {
        let Some(session) = self.selected() else { return PaneRequest::Nothing };
        match action {
            Action::Jump => PaneRequest::Go(super::activity::ID, PaneSubject::Row(session.key())),
            Action::Explain => sessions::explain(session),
            _ => PaneRequest::Nothing,
        }
    }

    fn inspect(&self, view: &PaneView<'_>) -> Option<Document> {
        Some(super::activity::document(self.selected()?, &self.sessions, view))
    }

    fn has_preview(&self) -> bool {
        true
    }

    fn copy(&self, _view: Option<&PaneView<'_>>) -> Option<(String, String)> {
        self.selected().map(sessions::copied)
    }
}

impl Locks {
    fn selected(&self) -> Option<&Backend> {
        let key = self.list.selected_key()?;
        self.sessions.iter().find(|session| session.key() == key)
    }
}

/// A session in the tree, or a pid that is no session of the sample.
enum LockRow<'a> {
    Session(&'a Backend),
    Unseen(i64),
}

impl LockRow<'_> {
    /// Returns the cell of a session; empty where none is known.
    fn of(&self, cell: impl Fn(&Backend) -> Cell) -> Cell {
        match self {
            Self::Session(session) => cell(session),
            Self::Unseen(_) => Cell::default(),
        }
    }
}

fn columns<'a>() -> Vec<PaneColumn<LockRow<'a>>> {
    let name = |row: &LockRow<'_>| match row {
        LockRow::Session(session) => Cell::text(&who(session)),
        LockRow::Unseen(pid) => Cell::text(unseen(*pid)),
    };
    let blocks = |row: &LockRow<'_>| {
        row.of(|session| match session.blocks {
            0 => Cell::default(),
            count => Cell::number(count, count as f64),
        })
    };
    let duration =
        |row: &LockRow<'_>| row.of(|session| age_cell(session.query_age.filter(|_| session.state == "active")));
    vec![
        column(GridColumn::text("session", "session", 20).help("Process id and role of the session; below it, those it blocks (pg_stat_activity, pg_blocking_pids).").at_most(44), name),
        column(GridColumn::text("state", "state", 10).help("What it does: active, idle, idle in transaction (pg_stat_activity.state).").at_most(10), |row| {
            row.of(|session| Cell::text(session.short_state()))
        }),
        column(GridColumn::number("blocking", "blocks").help("Sessions that wait behind it, directly or behind others (pg_blocking_pids)."), blocks),
        column(GridColumn::number("duration", "duration").help("Time since its statement began (pg_stat_activity.query_start)."), duration),
        column(GridColumn::number("xact_age", "tx age").help("Time since its transaction began (pg_stat_activity.xact_start).").drop(1), |row| row.of(|session| age_cell(session.xact_age))),
        column(GridColumn::text("wait", "wait event", 12).help("What it waits for, type and event (pg_stat_activity.wait_event).").at_most(26).drop(2), |row| {
            row.of(|session| Cell::text(&session.wait))
        }),
        column(GridColumn::text("view", "Django view", 12).help("The Django view, from the comment in its statement.").at_most(26).drop(3), |row| {
            row.of(|session| Cell::text(&session.view))
        }),
        column(GridColumn::text("query", "statement", 24).help("Its running or last statement (pg_stat_activity.query)."), |row| row.of(|session| Cell::text(&session.query))),
    ]
}

fn grid(sessions: &[Backend], waits: &Waits) -> Grid {
    let columns = columns();
    let mut grid = Grid::new(headers(&columns));
    grid.shape = RowNesting::Tree;
    let tree = WaitTree::of(sessions, waits);
    let mut roots: Vec<i64> = tree.roots();
    let behind = |pid: i64| waits.behind(pid).len();
    roots.sort_by_key(|pid| std::cmp::Reverse(behind(*pid)));
    for root in roots {
        tree.add(root, 0, &mut |row, depth| grid.rows.push(row_of(&columns, &row, depth)));
    }
    if grid.rows.is_empty() {
        grid.notice = Some(if sessions.iter().any(|session| session.is_hidden) {
            Notice::new("No session that this role can see waits for a lock").role(Role::Warning)
        } else {
            Notice::new("No session waits for a lock")
        });
    }
    grid
}

/// The waiting sessions below the one that blocks each.
struct WaitTree<'a> {
    sessions: HashMap<i64, &'a Backend>,
    /// By the pid of the blocker: the first of those that block a session.
    below: BTreeMap<i64, Vec<i64>>,
}

impl<'a> WaitTree<'a> {
    fn of(sessions: &'a [Backend], waits: &Waits) -> Self {
        let mut below: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for waiter in waits.waiters() {
            let chain = waits.chain(waiter);
            let parent = match chain.closes_at {
                // In a ring everybody waits for everybody: it hangs below its lowest pid.
                Some(closes) if chain.pids.first() == Some(&closes) && chain.pids.iter().min() == Some(&waiter) => None,
                _ => chain.pids.get(1).copied(),
            };
            if let Some(parent) = parent {
                below.entry(parent).or_default().push(waiter);
            }
        }
        Self { sessions: sessions.iter().map(|session| (session.pid, session)).collect(), below }
    }

    /// Returns who blocks others and stands below nobody.
    fn roots(&self) -> Vec<i64> {
        let is_below = |pid: &i64| self.below.values().any(|waiters| waiters.contains(pid));
        self.below.keys().copied().filter(|pid| !is_below(pid)).collect()
    }

    /// Hands out a session, and below it those that wait for it, the one with the longest wait first, each with its depth.
    fn add(&self, pid: i64, depth: u16, take: &mut impl FnMut(LockRow<'a>, u16)) {
        let session = self.sessions.get(&pid).copied();
        take(session.map_or(LockRow::Unseen(pid), LockRow::Session), depth);
        let mut waiters = self.below.get(&pid).cloned().unwrap_or_default();
        let waited = |pid: &i64| self.sessions.get(pid).and_then(|session| session.query_age).unwrap_or(0.0);
        waiters.sort_by(|left, right| waited(right).total_cmp(&waited(left)));
        for waiter in waiters {
            self.add(waiter, depth.saturating_add(1), take);
        }
    }
}

/// Names a blocker that is no session of the sample.
fn unseen(pid: i64) -> &'static str {
    if pid == PREPARED { "a prepared transaction" } else { "a session that has ended, or is not listed" }
}

fn who(session: &Backend) -> String {
    let names = [session.application.as_str(), session.user.as_str(), session.kind.as_str()];
    let name = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    format!("{} {name}", session.pid)
}

fn row_of<'a>(columns: &[PaneColumn<LockRow<'a>>], row: &LockRow<'a>, depth: u16) -> GridRow {
    let key = match row {
        LockRow::Session(session) => session.key(),
        LockRow::Unseen(pid) => format!("pid {pid}"),
    };
    let is_root = depth == 0 || matches!(row, LockRow::Unseen(_));
    let row = GridRow::new(key, cells(columns, row)).depth(depth);
    if is_root { row.role(Role::Lock) } else { row }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readings::backends::waits;

    fn session(pid: i64, blocked_by: &[i64]) -> Backend {
        Backend { pid, blocked_by: blocked_by.to_vec(), is_waiting: !blocked_by.is_empty(), ..Backend::default() }
    }

    fn of(sessions: &[Backend]) -> Grid {
        grid(sessions, &waits(sessions))
    }

    fn shown(sessions: &[Backend]) -> Vec<(u16, String)> {
        of(sessions).rows.iter().map(|row| (row.depth, row.cells[0].text.trim().to_owned())).collect()
    }

    #[test]
    fn roots_stand_first_and_those_who_wait_below_the_one_that_blocks_them() {
        let all =
            [session(5, &[]), session(1, &[2]), session(2, &[3]), session(3, &[]), session(4, &[3]), session(9, &[8])];
        let expected =
            [(0, "3"), (1, "2"), (2, "1"), (1, "4"), (0, "a session that has ended, or is not listed"), (1, "9")];
        assert_eq!(shown(&all), expected.map(|(depth, text)| (depth, text.to_owned())));
    }

    #[test]
    fn a_ring_hangs_below_one_of_its_sessions() {
        let all = [session(1, &[2]), session(2, &[3]), session(3, &[1]), session(4, &[1])];
        let expected = [(0, "1"), (1, "3"), (2, "2"), (1, "4")];
        assert_eq!(shown(&all), expected.map(|(depth, text)| (depth, text.to_owned())));
    }

    #[test]
    fn a_prepared_transaction_is_named() {
        assert_eq!(shown(&[session(7, &[PREPARED])])[0].1, "a prepared transaction");
        let calm = |session| of(&[session]).notice.unwrap().sentence;
        assert_eq!(calm(session(7, &[])), "No session waits for a lock");
        let hidden = Backend { is_hidden: true, ..session(7, &[]) };
        assert!(calm(hidden).contains("that this role can see"));
    }
}
