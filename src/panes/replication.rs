//! Replication: how far are the standbys behind, what do the slots keep, is WAL archived?
//!
//! On a narrow screen vanish first the columns without a word in them, then the write and the flush lag, whether a standby is
//! synchronous, the details. The kind, the name, the state, the bytes and the lag stay.

mod documents;

use ratatui::Frame;
use ratatui::layout::Rect;

use super::column::{PaneColumn, cells, column, headers};
use crate::app::list::List;
use crate::app::{Action, DrawContext, Pane, PaneContext, PaneId, PaneRequest, PaneSpec, PaneView, RowOrder};
use crate::document::Document;
use crate::readings::archiving::{Archiving, ArchivingState};
use crate::readings::replication::{Standby, WalReceiver};
use crate::readings::slots::{Slot, keep_limit};
use crate::readings::threshold::ReachedLimit;
use crate::readings::vitals::Lag;
use crate::sample::{Bytes, Missing, Seconds};
use crate::ui::table::{Cell, Grid, GridColumn, GridRow};
use crate::ui::theme::Role;

/// Its name.
pub const ID: PaneId = PaneId { name: "replication", title: "Replication" };

/// The pane in the list of panes.
pub const PANE: PaneSpec = PaneSpec {
    id: ID,
    question: "Show replication: which standby is behind, what do slots keep, is WAL archived?",
    tab: "Repl",
    order: RowOrder::Sortable,
    bindings: &[],
    make: |_: &PaneContext| Box::new(Replication::default()),
};

/// The pane.
#[derive(Debug, Default)]
pub struct Replication {
    list: List,
    rows: Vec<ReplicationRow>,
}

/// What WAL goes to or comes from.
#[derive(Debug, Clone)]
enum ReplicationRow {
    /// Where this server gets its WAL from.
    Upstream(Upstream),
    Standby(Standby),
    /// A slot, and whether it has reached a limit.
    Slot(Slot, Option<ReachedLimit>),
    /// The archive, and how long ago something last succeeded.
    Archive(Archiving, Option<Seconds>),
}

/// Where this server gets its WAL from, and how far it has got with it.
#[derive(Debug, Clone)]
struct Upstream {
    receiver: WalReceiver,
    /// Since the last replayed commit.
    lag: Option<Seconds>,
    /// WAL that was received and not replayed.
    behind: Option<Bytes>,
    /// Since it last heard from the sender.
    heard: Option<Seconds>,
}

impl ReplicationRow {
    fn kind(&self) -> &'static str {
        match self {
            Self::Upstream(..) => "upstream",
            Self::Standby(standby) if standby.is_backup() => "backup",
            Self::Standby(_) => "standby",
            Self::Slot(..) => "slot",
            Self::Archive(..) => "archive",
        }
    }

    /// Returns the key of the row; a finding leads to a standby by its pid.
    fn key(&self) -> String {
        match self {
            Self::Upstream(..) => "upstream".to_owned(),
            Self::Standby(standby) => standby.pid.to_string(),
            Self::Slot(slot, _) => format!("slot {}", slot.name),
            Self::Archive(..) => "archive".to_owned(),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Upstream(Upstream { receiver, .. }) => known(&receiver.sender),
            Self::Standby(standby) => standby.name(),
            Self::Slot(slot, _) => slot.name.clone(),
            Self::Archive(..) => "WAL archive".to_owned(),
        }
    }

    fn state(&self) -> (String, Role) {
        let limit = |reached: Option<ReachedLimit>| match reached {
            None => Role::Text,
            Some(ReachedLimit::Warning) => Role::Warning,
            Some(ReachedLimit::Critical) => Role::Bad,
        };
        match self {
            Self::Upstream(Upstream { receiver, .. }) if receiver.is_paused => ("paused".to_owned(), Role::Warning),
            Self::Upstream(Upstream { receiver, .. }) if receiver.pid.is_none() => {
                ("no receiver".to_owned(), Role::Warning)
            }
            Self::Upstream(Upstream { receiver, .. }) => (known(&receiver.status), Role::Text),
            Self::Standby(standby) => (known(&standby.state), limit(standby.reached())),
            Self::Slot(slot, _) if slot.is_lost() => ("lost".to_owned(), Role::Bad),
            Self::Slot(slot, _) if slot.is_synced => ("synced".to_owned(), Role::Muted),
            Self::Slot(slot, _) if slot.is_active => ("read".to_owned(), Role::Text),
            Self::Slot(_, reached) => ("not read".to_owned(), limit(reached.or(Some(ReachedLimit::Warning)))),
            Self::Archive(archiving, _) => match archiving.state() {
                ArchivingState::Off => ("off".to_owned(), Role::Muted),
                ArchivingState::NotConfigured => ("no command".to_owned(), Role::Bad),
                ArchivingState::Fails => ("fails".to_owned(), Role::Bad),
                ArchivingState::Works => ("works".to_owned(), Role::Good),
            },
        }
    }

    /// Returns the WAL that is not replayed, kept, or not archived.
    fn bytes(&self) -> Option<Bytes> {
        match self {
            Self::Upstream(upstream) => upstream.behind,
            Self::Standby(standby) => standby.behind.filter(|_| !standby.is_backup()),
            Self::Slot(slot, _) => slot.kept,
            Self::Archive(archiving, _) if archiving.state() == ArchivingState::Off => None,
            Self::Archive(archiving, _) => archiving.waiting,
        }
    }

    fn lag(&self) -> Option<Seconds> {
        match self {
            Self::Upstream(upstream) => upstream.lag,
            Self::Standby(standby) => standby.replay_lag,
            Self::Slot(slot, _) => slot.inactive_for,
            Self::Archive(archiving, since) => since.filter(|_| archiving.state() != ArchivingState::Off),
        }
    }

    fn details(&self) -> String {
        match self {
            Self::Upstream(Upstream { receiver, heard, .. }) => {
                let heard = heard.map(|age| format!("heard from {age} ago"));
                let slot = Some(&receiver.slot).filter(|slot| !slot.is_empty()).map(|slot| format!("slot {slot}"));
                heard.into_iter().chain(slot).collect::<Vec<_>>().join(", ")
            }
            Self::Standby(standby) => match standby.silent_for {
                Some(age) if age.0 >= SILENT => format!("no answer for {age}"),
                _ => format!("pid {}", standby.pid),
            },
            Self::Slot(slot, _) => {
                let reader = slot.active_pid.map(|pid| format!("pid {pid}"));
                let parts = [slot.kind.clone(), slot.plugin.clone(), slot.database.clone()];
                let parts = parts.into_iter().chain(reader).filter(|part| !part.is_empty());
                parts.collect::<Vec<_>>().join(" ")
            }
            Self::Archive(archiving, _) => match archiving.state() {
                ArchivingState::Off => "archive_mode is off".to_owned(),
                ArchivingState::Fails => format!("at {}", archiving.last_failed),
                _ if archiving.last_archived.is_empty() => "nothing archived yet".to_owned(),
                _ => format!("last {}", archiving.last_archived),
            },
        }
    }

    fn standby(&self) -> Option<&Standby> {
        if let Self::Standby(standby) = self { Some(standby) } else { None }
    }
}

/// Seconds without an answer of a standby that are worth a word; `wal_receiver_status_interval` is 10 by default.
const SILENT: f64 = 30.0;

/// Returns a state as the server says it; `?` where it is hidden.
fn known(state: &str) -> String {
    if state.is_empty() { "?".to_owned() } else { state.to_owned() }
}

impl Pane for Replication {
    fn refresh(&mut self, view: &PaneView<'_>) {
        let (rows, notes) = rows(view);
        let columns = columns();
        let mut grid = Grid::new(headers(&columns));
        grid.rows = rows.iter().map(|row| GridRow::new(row.key(), cells(&columns, row))).collect();
        if rows.is_empty() {
            grid.notice = Some(super::notice(view.newer.section("replication")));
        }
        "Standbys, slots, archive".clone_into(&mut grid.title);
        grid.footnote = super::footnote(view, "replication", &notes.join("; "));
        self.rows = rows;
        self.list.refresh(grid);
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        self.list.draw(frame, area, context);
    }

    fn list(&mut self) -> Option<&mut List> {
        Some(&mut self.list)
    }

    fn act(&mut self, _action: Action, _view: &PaneView<'_>) -> PaneRequest {
        PaneRequest::Nothing
    }

    fn inspect(&self, view: &PaneView<'_>) -> Option<Document> {
        Some(documents::of(self.selected()?, view))
    }

    fn has_preview(&self) -> bool {
        true
    }

    fn copy(&self, _view: Option<&PaneView<'_>>) -> Option<(String, String)> {
        let row = self.selected()?;
        Some(match row {
            ReplicationRow::Slot(slot, _) => (slot.sql_to_drop(), "the statement that drops the slot".to_owned()),
            _ => (row.name(), format!("the name of the {}", row.kind())),
        })
    }
}

impl Replication {
    fn selected(&self) -> Option<&ReplicationRow> {
        let key = self.list.selected_key()?;
        self.rows.iter().find(|row| row.key() == key)
    }
}

/// Returns the rows, and what could not be read or is worth a note.
fn rows(view: &PaneView<'_>) -> (Vec<ReplicationRow>, Vec<String>) {
    let readings = view.readings;
    let now = view.newer.at.0;
    let ago = |at: Option<f64>| at.map(|at| Seconds((now - at).max(0.0)));
    let mut notes = Vec::new();
    let mut note = |what: &str, why: &Missing| notes.push(format!("{what}: {why}"));
    let mut rows = Vec::new();
    match readings.wal_receiver() {
        Ok(None) => {}
        Ok(Some(receiver)) => {
            let (lag, behind) = match readings.vitals(view.past()).lag {
                Some(Lag::Behind { seconds, bytes }) => (seconds.map(Seconds), bytes.map(Bytes)),
                _ => (None, None),
            };
            let (receiver, heard) = (receiver.clone(), ago(receiver.heard_at));
            rows.push(ReplicationRow::Upstream(Upstream { receiver, lag, behind, heard }));
        }
        Err(why) => note("upstream", &why),
    }
    match readings.standbys() {
        Ok(standbys) => rows.extend(standbys.iter().cloned().map(ReplicationRow::Standby)),
        Err(why) => note("standbys", &why),
    }
    match readings.slots() {
        Ok(slots) => {
            let limit = readings.settings().ok().and_then(keep_limit);
            rows.extend(slots.iter().map(|slot| ReplicationRow::Slot(slot.clone(), slot.reached(limit))));
        }
        Err(why) => note("slots", &why),
    }
    match readings.archiving() {
        Ok(archiving) => rows.push(ReplicationRow::Archive(archiving.clone(), ago(archiving.last_archived_at))),
        Err(why) => note("archive", &why),
    }
    if matches!((readings.standbys(), readings.slots()), (Ok([]), Ok([]))) {
        notes.push("no standby and no replication slot".to_owned());
    }
    let rate = readings.vitals(view.past()).wal_rate;
    notes.extend(rate.map(|rate| format!("WAL {}/s", Bytes(rate))));
    (rows, notes)
}

fn columns() -> Vec<PaneColumn<ReplicationRow>> {
    vec![
        column(GridColumn::text("kind", "kind", 8).help("standby and backup: a WAL sender (pg_stat_replication); slot: pg_replication_slots; upstream: where this standby gets its WAL from (pg_stat_wal_receiver); archive: pg_stat_archiver.").at_most(8), |row: &ReplicationRow| Cell::text(row.kind())),
        column(GridColumn::text("name", "name", 16).help("application_name and address of a standby, name of a slot, address of the upstream server.").at_most(48), |row| Cell::text(&row.name())),
        column(GridColumn::text("state", "state", 9).help("What the server says of a standby; whether a slot is read, or lost; whether archiving works.").at_most(12), |row| {
            let (state, role) = row.state();
            Cell::text(&state).role(role)
        }),
        column(GridColumn::number("bytes", "WAL behind").help("WAL that a standby has not replayed (of this standby: received and not replayed), that a slot keeps, or that waits to be archived, in bytes.").short("behind"), |row| {
            Cell::optional(row.bytes().map(|bytes| (bytes, bytes.0)))
        }),
        column(GridColumn::number("lag", "lag").help("Replay lag of a standby; time since a slot is not read (17 and later); time since the last archived file."), |row| seconds(row.lag())),
        column(GridColumn::number("write_lag", "write lag").help("Time until the standby wrote recent WAL (pg_stat_replication.write_lag): the network.").drop(6), |row| {
            seconds(row.standby().and_then(|standby| standby.write_lag))
        }),
        column(GridColumn::number("flush_lag", "flush lag").help("Time until the standby flushed recent WAL (pg_stat_replication.flush_lag): its disk.").drop(5), |row| {
            seconds(row.standby().and_then(|standby| standby.flush_lag))
        }),
        column(GridColumn::text("sync", "sync", 5).help("async, potential, sync or quorum (pg_stat_replication.sync_state).").at_most(9).drop(4), |row| {
            row.standby().map_or_else(Cell::default, |standby| Cell::text(&standby.sync_state))
        }),
        column(GridColumn::text("details", "details", 14).help("Type, plugin and database of a slot and the pid that reads it; the last WAL file archived or not; the pid of a WAL sender.").at_most(60).drop(3), |row| Cell::text(&row.details())),
    ]
}

fn seconds(age: Option<Seconds>) -> Cell {
    Cell::optional(age.map(|age| (age, age.0)))
}

#[cfg(test)]
mod tests;
