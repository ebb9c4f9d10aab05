//! The columns of Activity.

use super::{SLOW_QUERY, SessionView};
use crate::panes::column::{PaneColumn, column};
use crate::panes::sessions::age_cell;
use crate::readings::backends::{Backend, PREPARED};
use crate::readings::statement_line::statement_line;
use crate::readings::transactions;
use crate::ui::table::{Cell, GridColumn};
use crate::ui::theme::Role;

/// A row of the list.
pub(super) enum SessionRow<'a> {
    /// A session, and the lock that it waits for.
    One(&'a Backend, Option<String>),
    Group(&'a SessionGroup<'a>),
}

/// Sessions that have something in common.
pub(super) struct SessionGroup<'a> {
    /// What they have in common, and how many of them do what.
    pub(super) words: String,
    pub(super) members: &'a [&'a Backend],
}

impl SessionGroup<'_> {
    /// Returns the greatest age among the members.
    fn oldest(&self, age: fn(&Backend) -> Option<f64>) -> Option<f64> {
        self.members.iter().filter_map(|backend| age(backend)).max_by(f64::total_cmp)
    }
}

impl SessionRow<'_> {
    /// Returns the cell of a session; empty for a group.
    fn of(&self, cell: impl Fn(&Backend) -> Cell) -> Cell {
        match self {
            Self::One(backend, _) => cell(backend),
            Self::Group(_) => Cell::default(),
        }
    }
}

pub(super) type SessionColumn<'a> = PaneColumn<SessionRow<'a>>;

pub(super) fn columns<'a>(view: SessionView) -> Vec<SessionColumn<'a>> {
    let [application, client, user, database, django, backend_age] = columns_of_clients();
    let [pid, state, query_age, xact_age, wait, blocks, query] = columns_of_work();
    match view {
        SessionView::Work => vec![
            pid,
            state,
            query_age,
            xact_age,
            wait,
            blocks,
            django,
            user,
            application,
            database,
            client,
            backend_age,
            query,
        ],
        SessionView::Clients => vec![
            pid,
            state,
            backend_age,
            xact_age,
            application.drop(0),
            client.drop(0),
            user.drop(0),
            database,
            django,
            query_age.drop(3),
            wait.drop(3),
            blocks.drop(3),
            query,
        ],
    }
}

/// Who the client of a session is: its name, address, role and database, its Django view, its age.
fn columns_of_clients<'a>() -> [SessionColumn<'a>; 6] {
    [
        column(
            GridColumn::text("application", "application", 13)
                .told_once()
                .help("The name the client gave itself (pg_stat_activity.application_name).")
                .at_most(28)
                .drop(5),
            |row: &SessionRow<'_>| row.of(|backend| Cell::text(&backend.application)),
        ),
        column(
            GridColumn::text("client", "client", 9)
                .told_once()
                .help("The address the client connects from (pg_stat_activity.client_addr).")
                .at_most(22)
                .drop(6),
            |row: &SessionRow<'_>| row.of(|backend| Cell::text(&backend.client)),
        ),
        column(
            GridColumn::text("user", "role", 6)
                .told_once()
                .help("The role it is logged in as (pg_stat_activity.usename).")
                .at_most(16)
                .drop(2),
            |row: &SessionRow<'_>| row.of(|backend| Cell::text(&backend.user)),
        ),
        column(
            GridColumn::text("database", "database", 6)
                .told_once()
                .help("The database it is connected to (pg_stat_activity.datname).")
                .at_most(16)
                .drop(4),
            |row: &SessionRow<'_>| row.of(|backend| Cell::text(&backend.database)),
        ),
        column(
            GridColumn::text("view", "Django view", 14)
                .names()
                .help("The Django view, from the comment in its statement.")
                .at_most(26)
                .drop(3),
            |row: &SessionRow<'_>| row.of(|backend| Cell::text(&backend.view)),
        ),
        column(
            GridColumn::number("backend_age", "session age")
                .help("Time since it connected (pg_stat_activity.backend_start).")
                .drop(7),
            |row: &SessionRow<'_>| row.of(|backend| age_cell(backend.backend_age)),
        ),
    ]
}

/// What a session does: pid, state, ages, what it waits for, whom it blocks, its statement.
fn columns_of_work<'a>() -> [SessionColumn<'a>; 7] {
    let pid = |row: &SessionRow<'_>| match row {
        SessionRow::One(backend, _) => Cell::number(backend.pid, backend.pid as f64),
        SessionRow::Group(group) => Cell::number(group.members.len(), group.members.len() as f64),
    };
    let xact_age = |row: &SessionRow<'_>| match row {
        SessionRow::One(backend, _) => age_cell(backend.xact_age),
        SessionRow::Group(group) => age_cell(group.oldest(|backend| backend.xact_age)),
    };
    let query_age = |row: &SessionRow<'_>| match row {
        SessionRow::One(backend, _) => duration_cell(backend),
        SessionRow::Group(group) => age_cell(group.oldest(Backend::statement_age)),
    };
    let wait = |row: &SessionRow<'_>| {
        if let SessionRow::One(_, Some(wanted)) = row {
            return Cell::text(wanted).role(Role::Lock);
        }
        row.of(|backend| {
            // Every session without a query waits for its client; to say so would hide who waits for something else.
            let is_at_rest = backend.is_idle() || backend.is_idle_in_transaction();
            if is_at_rest { Cell::default() } else { Cell::text(&backend.wait) }
        })
    };
    let query = |row: &SessionRow<'_>| match row {
        SessionRow::One(backend, _) if backend.query.is_empty() => Cell::text(&backend.kind),
        SessionRow::One(backend, _) => Cell::text(&statement_line(&backend.query)),
        SessionRow::Group(group) => Cell::text(&group.words),
    };
    [
        column(GridColumn::number("pid", "pid").help("Its process id; of a group, the number of sessions (pg_stat_activity.pid)."), pid),
        column(GridColumn::text("state", "state", 10).whole().help("What it does: active, idle, idle in transaction (pg_stat_activity.state); WAITS: for a lock.").at_most(12), |row| {
            row.of(state_cell)
        }),
        column(GridColumn::number("query_age", "duration").help("Time since its statement began, or since it became idle in transaction (pg_stat_activity.query_start, state_change).").drop(1), query_age),
        column(GridColumn::number("xact_age", "tx age").help("Time since its transaction began (pg_stat_activity.xact_start)."), xact_age),
        column(GridColumn::text("wait", "waits for", 12).help("What it waits for: the lock (pg_locks), else type and event (pg_stat_activity.wait_event).").at_most(36), wait),
        column(GridColumn::text("blocks", "locks", 8).whole().help("By which session it is blocked, and how many wait behind it (pg_blocking_pids).").at_most(20), |row| row.of(locks_cell)),
        column(GridColumn::text("query", "statement", 28).help("Its running or last statement (pg_stat_activity.query)."), query),
    ]
}

fn duration_cell(backend: &Backend) -> Cell {
    let age = backend.statement_age();
    let is_at_rest = backend.is_idle() || backend.is_waiting || backend.is_idle_in_transaction();
    let is_slow = backend.is_client() && age.unwrap_or(0.0) > SLOW_QUERY && !is_at_rest;
    let cell = age_cell(age);
    if is_slow { cell.role(Role::Warning) } else { cell }
}

/// Returns what a session does; what needs a look is a badge, and only who blocks others is red.
fn state_cell(backend: &Backend) -> Cell {
    let state = backend.short_state();
    let short = if state == "idle in tx" { "idle tx" } else { state };
    if backend.blocks > 0 && !backend.is_waiting {
        Cell::badge(short, Role::BadgeBad)
    } else if backend.is_waiting {
        Cell::badge("waits", Role::BadgeWarning)
    } else if backend.is_idle_in_transaction() && transactions::reached(backend).is_some() {
        Cell::badge(short, Role::BadgeWarning)
    } else if backend.is_idle_in_transaction() {
        Cell::badge(short, Role::BadgePlain)
    } else {
        Cell::text(state)
    }
}

/// Returns who blocks a session and how many wait behind it, the short one first: it is what an incident is about.
pub(super) fn locks_cell(backend: &Backend) -> Cell {
    let name = |pid: &i64| if *pid == PREPARED { "prepared tx".to_owned() } else { pid.to_string() };
    let more = backend.blocked_by.len().saturating_sub(1);
    let more = if more == 0 { String::new() } else { format!(" +{more}") };
    let by = backend.blocked_by.first().map(|pid| format!("by {}{more}", name(pid)));
    let behind = (backend.blocks > 0).then(|| format!("{} behind", backend.blocks));
    let words: Vec<String> = by.into_iter().chain(behind).collect();
    if words.is_empty() {
        return Cell::default();
    }
    let cell = Cell::mark(words.join(", "), backend.blocks as f64 + 0.5);
    if backend.blocks > 0 && !backend.is_waiting { cell.role(Role::Bad) } else { cell }
}
