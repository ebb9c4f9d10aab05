//! The sessions that wait as a tree: each below the one that it waits for, many alike as one row.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Display;

use super::super::column::{PaneColumn, cells, column, headers};
use super::super::sessions::{age_cell, without_public};
use crate::readings::backends::Backend;
use crate::readings::lock_graph::LockGraph;
use crate::readings::locks::PreparedTransaction;
use crate::readings::statement_line::statement_line;
use crate::sample::Timestamp;
use crate::ui::table::{Cell, Grid, GridColumn, GridRow, Notice, RowNesting};
use crate::ui::theme::Role;

/// So many that wait alike below one session are listed each; of more, the first [`NAMED`].
const ALIKE: usize = 6;
/// Listed of many that wait alike.
const NAMED: usize = 3;

/// What stands in a row.
enum LockRow<'a> {
    /// A session, or a prepared transaction, or a pid that is no session of the sample.
    Node { node: i64, session: Option<&'a Backend>, tree: &'a WaitTree<'a> },
    /// Sessions that deadlock: the first is the row's.
    Ring { members: &'a [i64], behind: usize },
    /// More that wait as those above do.
    More { sessions: Vec<&'a Backend> },
}

impl<'a> LockRow<'a> {
    fn session(&self) -> Option<&'a Backend> {
        match self {
            Self::Node { session, .. } => *session,
            Self::Ring { .. } | Self::More { .. } => None,
        }
    }

    /// Returns the cell of a session; empty where none is known.
    fn of(&self, cell: impl Fn(&Backend) -> Cell) -> Cell {
        self.session().map(cell).unwrap_or_default()
    }

    /// Returns its name; of a root, which waits for no one, in red.
    fn name_cell(&self) -> Cell {
        let cell = Cell::text(&self.name());
        match self {
            Self::Node { node, tree, .. } if tree.graph.waits(*node) => cell,
            Self::Node { .. } | Self::Ring { .. } => cell.role(Role::Bad),
            Self::More { .. } => cell,
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Node { node, session: Some(session), .. } => format!("{node} {}", session.name()),
            Self::Node { node, session: None, .. } => match self.prepared() {
                Some(prepared) if prepared.owner.is_empty() => format!("prepared transaction {}", prepared.gid),
                Some(prepared) => format!("prepared transaction {} of {}", prepared.gid, prepared.owner),
                None if *node <= 0 => "a prepared transaction".to_owned(),
                None => format!("{node}, not listed: ended, or pgdj's own"),
            },
            Self::Ring { members, .. } => {
                let pids: Vec<String> = members.iter().map(ToString::to_string).collect();
                format!("deadlock of {}", pids.join(", "))
            }
            Self::More { sessions } => format!("{} more: {}", sessions.len(), by_name(sessions)),
        }
    }

    /// Returns what it does: who waits for no one and blocks others is the one to look at.
    fn state(&self) -> Cell {
        match self {
            Self::Node { node, tree, .. } if tree.graph.waits(*node) => {
                let is_behind = tree.graph.count_behind(*node) > 0;
                Cell::badge("waits", if is_behind { Role::BadgeWarning } else { Role::BadgePlain })
            }
            Self::Ring { .. } => Cell::badge("deadlock", Role::BadgeBad),
            _ if self.prepared().is_some() => Cell::badge("prepared", Role::BadgeBad),
            _ => self.of(|session| match session.short_state() {
                _ if session.gives_way() => Cell::badge("gives way", Role::BadgePlain),
                "idle in tx" => Cell::badge("idle tx", Role::BadgeBad),
                state => Cell::badge(state, Role::BadgeBad),
            }),
        }
    }

    /// Returns how long it waits; of one that does not, how old its transaction is.
    fn age(&self) -> Cell {
        let Self::Node { node, session, tree } = self else { return Cell::default() };
        if !tree.graph.waits(*node) {
            let prepared = self.prepared().and_then(|prepared| prepared.age(tree.now));
            return age_cell(session.and_then(|session| session.xact_age).or(prepared));
        }
        age_cell(tree.graph.waited(*node, *session, tree.now))
    }

    /// Returns the lock that it waits for, else the one it has that most wait for.
    fn lock(&self) -> Cell {
        let Self::Node { node, session, tree } = self else { return Cell::default() };
        if session.is_some_and(Backend::wants_safe_snapshot) {
            return Cell::text("a safe snapshot");
        }
        if let Some((queue, wanted)) = tree.graph.wants(*node) {
            let holder = tree.graph.holders(*node).first().copied();
            return Cell::text(&without_public(&queue.wanted_words(wanted.mode, holder)));
        }
        let held = tree.graph.holds(*node);
        let Some((queue, mode)) = held.first() else { return Cell::default() };
        let others = if held.len() > 1 { format!(" +{}", held.len() - 1) } else { String::new() };
        Cell::text(&without_public(&format!("{}{others}", queue.held_words(*mode))))
    }

    /// Returns the statement; empty for more sessions than one.
    fn statement(&self) -> Cell {
        match self {
            Self::More { .. } => Cell::default(),
            _ => match self.prepared() {
                Some(prepared) => Cell::text(&prepared.sql_to_end()),
                None => self.of(|session| Cell::text(&statement_line(&session.query))),
            },
        }
    }

    fn prepared(&self) -> Option<&'a PreparedTransaction> {
        match self {
            Self::Node { node, session: None, tree } => tree.graph.prepared(*node),
            _ => None,
        }
    }

    fn behind(&self) -> Cell {
        let count = match self {
            Self::Node { node, tree, .. } => tree.graph.count_behind(*node),
            Self::Ring { behind, .. } => *behind,
            Self::More { .. } => 0,
        };
        if count == 0 { Cell::default() } else { Cell::number(count, count as f64).role(Role::Title) }
    }
}

/// Returns how many of which application and Django view; the workers of one application are alike.
fn by_name(sessions: &[&Backend]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for session in sessions {
        *counts.entry(session.program_name()).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counts.iter().map(|(name, count)| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}

fn columns<'a>() -> Vec<PaneColumn<LockRow<'a>>> {
    vec![
        column(
            GridColumn::text("session", "session", 22)
                .help("Process id and application, role or Django view; those that wait hang below whom they wait for.")
                .at_most(44),
            LockRow::name_cell,
        ),
        column(
            GridColumn::text("state", "state", 9)
                .whole()
                .help("waits: for a lock; gives way: an autovacuum that the server cancels within deadlock_timeout (1 s); prepared: a prepared transaction, which has no session; else what the session does (pg_stat_activity.state).")
                .at_most(11),
            LockRow::state,
        ),
        column(
            GridColumn::number("age", "for")
                .help("How long it has waited (pg_locks.waitstart); of one that does not wait, how long its transaction has been open or prepared."),
            LockRow::age,
        ),
        column(
            GridColumn::number("blocking", "behind").help("Sessions that wait behind it, directly or behind others (pg_locks)."),
            LockRow::behind,
        ),
        column(
            GridColumn::text("lock", "holds / wants", 26)
                .names()
                .help("The lock that it wants if it waits, else the one it holds that most wait for; +2: and two more (pg_locks).")
                .at_most(48),
            LockRow::lock,
        ),
        column(
            GridColumn::text("query", "statement", 13).drop(1).help("Its running or last statement (pg_stat_activity.query); of a prepared transaction the statement that rolls it back, in its database."),
            LockRow::statement,
        ),
    ]
}

/// Returns the columns of a list that could not be read.
pub(super) fn columns_headers() -> Vec<GridColumn> {
    headers(&columns())
}

/// Returns the tree; where only some sessions are admitted, these and those that they wait for.
pub(super) fn grid(
    sessions: &[Backend],
    graph: &LockGraph,
    now: Timestamp,
    shows_all: bool,
    admitted: Option<&BTreeSet<i64>>,
) -> Grid {
    let columns = columns();
    let mut grid = Grid::new(headers(&columns));
    grid.shape = RowNesting::Tree;
    let roots = graph.roots();
    let mut tree = WaitTree::of(sessions, graph, now);
    tree.kept = admitted.map(|admitted| tree.with_those_above(admitted));
    for root in roots {
        if !root.members.iter().any(|member| tree.keeps(*member)) {
            continue;
        }
        if root.is_ring() {
            let row = LockRow::Ring { members: &root.members, behind: root.behind.len() };
            grid.rows.push(row_of(&columns, &row, 0));
            for member in &root.members {
                tree.add(*member, 1, shows_all, &mut |row, depth| grid.rows.push(row_of(&columns, &row, depth)));
            }
        } else {
            tree.add(root.first(), 0, shows_all, &mut |row, depth| grid.rows.push(row_of(&columns, &row, depth)));
        }
    }
    if grid.rows.is_empty() {
        grid.notice = Some(if admitted.is_some() && !roots.is_empty() {
            Notice::new("No waiting session matches these conditions; Backspace removes the last one")
        } else if sessions.iter().any(|session| session.is_hidden) {
            Notice::new("No session that this role can see waits for a lock").role(Role::Warning)
        } else {
            Notice::new("No session waits for a lock")
        });
    }
    grid
}

/// The waiting sessions below the one that each hangs below.
struct WaitTree<'a> {
    sessions: HashMap<i64, &'a Backend>,
    graph: &'a LockGraph,
    below: BTreeMap<i64, Vec<i64>>,
    now: Timestamp,
    /// Who is shown, where not everybody is.
    kept: Option<BTreeSet<i64>>,
}

impl<'a> WaitTree<'a> {
    fn of(sessions: &'a [Backend], graph: &'a LockGraph, now: Timestamp) -> Self {
        let mut below: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        let in_rings: BTreeSet<i64> =
            graph.roots().iter().filter(|root| root.is_ring()).flat_map(|root| root.members.iter().copied()).collect();
        for waiter in graph.waiting().into_iter().filter(|waiter| !in_rings.contains(waiter)) {
            if let Some(parent) = graph.parent(waiter) {
                below.entry(parent).or_default().push(waiter);
            }
        }
        let sessions = sessions.iter().map(|session| (session.pid, session)).collect();
        Self { sessions, graph, below, now, kept: None }
    }

    /// Returns sessions with those above them.
    fn with_those_above(&self, admitted: &BTreeSet<i64>) -> BTreeSet<i64> {
        let mut kept = BTreeSet::new();
        for node in admitted {
            let mut above = Some(*node);
            while let Some(node) = above.filter(|node| kept.insert(*node)) {
                above = self.graph.parent(node);
            }
        }
        kept
    }

    fn keeps(&self, node: i64) -> bool {
        self.kept.as_ref().is_none_or(|kept| kept.contains(&node))
    }

    /// Hands out a session, and below it those that wait for it, those with most behind them first, then by their wait.
    fn add<'t>(&'t self, node: i64, depth: u16, shows_all: bool, take: &mut impl FnMut(LockRow<'t>, u16)) {
        take(LockRow::Node { node, session: self.sessions.get(&node).copied(), tree: self }, depth);
        let mut waiters = self.below.get(&node).cloned().unwrap_or_default();
        waiters.retain(|waiter| self.keeps(*waiter));
        waiters.sort_by_cached_key(|waiter| self.rank(*waiter));
        let (inner, leaves): (Vec<i64>, Vec<i64>) =
            waiters.into_iter().partition(|waiter| self.below.contains_key(waiter));
        for waiter in inner {
            self.add(waiter, depth.saturating_add(1), shows_all, take);
        }
        let named = if shows_all || leaves.len() <= ALIKE { leaves.len() } else { NAMED };
        for waiter in leaves.iter().take(named) {
            self.add(*waiter, depth.saturating_add(1), shows_all, take);
        }
        let sessions: Vec<&Backend> =
            leaves.iter().skip(named).filter_map(|waiter| self.sessions.get(waiter).copied()).collect();
        if !sessions.is_empty() {
            take(LockRow::More { sessions }, depth.saturating_add(1));
        }
    }

    /// Orders those that wait for one session; the least comes first.
    fn rank(&self, node: i64) -> Reverse<(usize, u64)> {
        let waited = self.graph.waited(node, self.sessions.get(&node).copied(), self.now).unwrap_or(0.0);
        Reverse((self.graph.count_behind(node), (waited * 1e6) as u64))
    }
}

/// Returns the key of a row that is no session's: of a prepared transaction, or a pid that is not listed.
pub(super) fn node_key(node: impl Display) -> String {
    format!("pid {node}")
}

fn row_of<'a>(columns: &[PaneColumn<LockRow<'a>>], row: &LockRow<'a>, depth: u16) -> GridRow {
    let key = match row {
        LockRow::Node { session: Some(session), .. } => session.key(),
        LockRow::Node { node, .. } => node_key(node),
        LockRow::Ring { members, .. } => format!("ring {members:?}"),
        LockRow::More { sessions } => {
            format!("more {}", sessions.first().map(|session| session.pid).unwrap_or_default())
        }
    };
    let grid_row = GridRow::new(key, cells(columns, row)).depth(depth);
    match row {
        LockRow::More { .. } => grid_row.wide().role(Role::Muted),
        _ => grid_row,
    }
}

#[cfg(test)]
mod tests;
