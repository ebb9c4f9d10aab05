//! The tile of connections: sessions by application, how many, in which states.

use std::collections::HashMap;

use super::{BAR, ROWS, bar_column, missing};
use crate::app::PaneView;
use crate::panes::column::{PaneColumn, cells, column, headers};
use crate::readings::backends::Backend;
use crate::readings::sessions::at_least;
use crate::sample::Seconds;
use crate::ui::table::{BarPart, Cell, Grid, GridColumn, GridRow, Notice};
use crate::ui::theme::Role;

/// Sessions by application: how many, in which states.
pub(super) fn connections(view: &PaneView<'_>) -> Grid {
    let columns = application_columns();
    let Ok(backends) = view.readings.backends() else { return missing(view, "activity", headers(&columns)) };
    let mut groups: HashMap<&str, Application> = HashMap::new();
    for client in backends.iter().filter(|backend| backend.is_client()) {
        let name = if client.program().is_empty() { "(no application_name)" } else { client.program() };
        groups
            .entry(name)
            .or_insert_with(|| Application { name: name.to_owned(), ..Application::default() })
            .count(client);
    }
    let mut groups: Vec<Application> = groups.into_values().collect();
    groups.sort_by(|left, right| right.sessions.cmp(&left.sessions).then_with(|| left.name.cmp(&right.name)));
    let most = groups.first().map_or(0, |first| first.sessions);
    for group in &mut groups {
        group.most = most;
    }
    let mut grid = Grid::new(headers(&columns));
    let rows = groups.iter().take(ROWS).map(|group| GridRow::new(group.name.clone(), cells(&columns, group)));
    grid.rows = rows.collect();
    // pgdj's own are connections too, and no rows.
    if grid.rows.is_empty() {
        grid.notice = Some(Notice::new("No sessions other than pgdj's"));
    }
    grid
}

/// The sessions of an application.
#[derive(Debug, Clone, Default)]
struct Application {
    name: String,
    sessions: usize,
    active: usize,
    in_transaction: usize,
    waiting: usize,
    /// Those whose state is not known: they may be in any of these counts.
    unknown: usize,
    oldest: Option<f64>,
    /// Sessions of the application that has most.
    most: usize,
}

impl Application {
    /// Returns its sessions as a bar: those that wait, run, idle in a transaction, idle; as long as it has sessions.
    fn bar(&self) -> Cell {
        let running = self.active.saturating_sub(self.waiting);
        let rest = self.sessions.saturating_sub(running + self.waiting + self.in_transaction);
        let parts = [
            (self.waiting, Role::Lock, 'L'),
            (running, Role::Good, 'A'),
            (self.in_transaction, Role::Warning, 'T'),
            (rest, Role::Faint, 'i'),
        ];
        let (mut sum, mut drawn) = (0, 0);
        let bar = |(count, role, letter): (usize, Role, char)| {
            sum += count;
            let until = (sum * usize::from(BAR)).div_ceil(self.most.max(1)).min(usize::from(BAR));
            let width = (until - drawn) as u16;
            drawn = until;
            BarPart { width, role, letter }
        };
        let parts = parts.into_iter().map(bar).filter(|part| part.width > 0).collect();
        Cell::bar(parts, self.sessions.to_string(), self.sessions as f64)
    }

    fn count(&mut self, client: &Backend) {
        self.sessions += 1;
        self.active += usize::from(client.state == "active");
        self.in_transaction += usize::from(client.is_idle_in_transaction());
        self.waiting += usize::from(client.is_waiting);
        self.unknown += usize::from(client.has_unknown_state());
        self.oldest = self.oldest.into_iter().chain(client.xact_age).reduce(f64::max);
    }

    fn oldest(&self) -> Cell {
        let more = if self.unknown > 0 { "+" } else { "" };
        match self.oldest {
            Some(age) => Cell::number(format!("{}{more}", Seconds(age)), age),
            None if self.unknown > 0 => Cell::unknown(),
            None => Cell::default(),
        }
    }
}

fn application_columns() -> Vec<PaneColumn<Application>> {
    vec![
        column(
            GridColumn::text("application", "application", 12)
                .help("The name that clients gave themselves (pg_stat_activity.application_name).")
                .at_most(30),
            |group: &Application| Cell::text(&group.name),
        ),
        column(
            GridColumn::number("sessions", "sessions").help("Its sessions, in number (pg_stat_activity).").short("all"),
            |group| Cell::number(group.sessions, group.sessions as f64),
        ),
        column(
            GridColumn::number("active", "active")
                .help("Sessions that run a statement now (pg_stat_activity.state).")
                .short("act"),
            |group| count_cell(group.active, group.unknown, Role::Good),
        ),
        column(
            GridColumn::number("in_tx", "idle in tx")
                .help("Sessions that have a transaction open and run nothing (pg_stat_activity.state).")
                .short("in tx"),
            |group| count_cell(group.in_transaction, group.unknown, Role::Warning),
        ),
        // Who waits for a lock is seen by every role.
        column(
            GridColumn::number("waiting", "waiting")
                .help("Sessions that wait for a lock (pg_stat_activity.wait_event_type).")
                .short("wait"),
            |group| count_cell(group.waiting, 0, Role::Lock),
        ),
        column(
            GridColumn::number("oldest", "oldest tx")
                .help("Age of its oldest transaction (pg_stat_activity.xact_start).")
                .drop(1),
            Application::oldest,
        ),
        column(
            bar_column("states", BAR, "Its sessions: waiting, active, idle in a transaction, idle."),
            Application::bar,
        ),
    ]
}

/// Returns a count of sessions, where the state of some is not known.
fn count_cell(count: usize, unknown: usize, role: Role) -> Cell {
    match (count, unknown) {
        (0, 0) => Cell::number("·", 0.0).role(Role::Faint),
        (0, _) => Cell::unknown(),
        (count, unknown) => Cell::number(at_least(count, unknown), count as f64).role(role),
    }
}
