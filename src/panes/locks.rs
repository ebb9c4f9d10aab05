//! Locks: who blocks whom? A tree of the sessions that wait, those that block them at its roots, and what an act would do.

mod tree;

use std::collections::BTreeSet;
use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};

use super::chosen::{self, CANCEL, ChosenSession, MARK, TERMINATE};
use super::explain;
use super::sessions;
use crate::app::keys::{Binding, key};
use crate::app::list::List;
use crate::app::{
    Action, DrawContext, Pane, PaneContext, PaneId, PaneRequest, PaneSpec, PaneSubject, PaneView, RowOrder,
};
use crate::document::{Document, Language};
use crate::readings::act::SignalKind;
use crate::readings::backends::Backend;
use crate::readings::lock_acts::{Forecast, proposals};
use crate::readings::lock_graph::LockGraph;
use crate::readings::locks::PreparedTransaction;
use crate::sample::Seconds;
use crate::sample::unit::counted;
use crate::ui::frame::{Tile, draw_parts};
use crate::ui::table::Grid;
use crate::ui::text::wrap_words;
use crate::ui::theme::Role;

use self::tree::{columns_headers, grid};

/// Its name.
pub const ID: PaneId = PaneId { name: "locks", title: "Locks" };

/// Columns of the screen before the words of an action.
const INDENT: usize = 2;

const BEST: Action = Action::Own("best action");

/// The pane in the list of panes.
pub const PANE: PaneSpec = PaneSpec {
    id: ID,
    question: "Show the locks: who blocks whom, and what would an action do?",
    tab: "Lock",
    order: RowOrder::Sortable,
    bindings: KEYS,
    make: |_: &PaneContext| Box::new(Locks::default()),
};

const KEYS: &[Binding] = &[
    key(BEST, &["a"], "best action", "Do the action that lets most sessions stop waiting; asks first.").shown(1).acts(),
    chosen::CANCEL_KEY,
    chosen::TERMINATE_KEY,
    chosen::MARK_KEY,
    key(Action::View, &["v"], "all", "List every session that waits, or the first of many alike.").shown(5),
    key(Action::Jump, &["o"], "go there", "Go to this session in Activity.").shown(4),
    explain::FROM_ROW.shown(6),
];

/// Acts that are listed.
const LISTED: usize = 3;
/// Rows of the frame around the acts, where there is room for them.
const LEAST_ACTS: u16 = 4;
/// Lines that the tree needs before the acts have a place.
const LEAST_TREE: u16 = 6;

/// The pane.
#[derive(Debug, Default)]
pub struct Locks {
    list: List,
    chosen: ChosenSession,
    sessions: Arc<[Backend]>,
    prepared: Vec<PreparedTransaction>,
    acts: Vec<Forecast>,
    /// What ends the prepared transactions, which is for no key, and what would follow.
    ends: Vec<String>,
    /// Whether those that wait alike are listed each.
    shows_all: bool,
}

impl Pane for Locks {
    fn refresh(&mut self, view: &PaneView<'_>) {
        let section = view.newer.section("activity");
        self.sessions = view.readings.backends().unwrap_or_default().into();
        let graph = view.readings.lock_graph();
        self.prepared = graph.all_prepared().to_vec();
        self.acts = proposals(graph, &self.sessions, &view.newer.server);
        let prepared = graph.roots().iter().filter_map(|root| graph.prepared(root.first()));
        self.ends = prepared.map(|prepared| end_of(prepared, graph)).collect();
        let admitted = (!view.filter.is_empty()).then(|| {
            let admitted = self.sessions.iter().filter(|session| view.admits(session));
            admitted.map(|session| session.pid).collect::<BTreeSet<i64>>()
        });
        let mut grid = match section.rows() {
            Some(_) => grid(&self.sessions, graph, view.readings.sessions_read_at(), self.shows_all, admitted.as_ref()),
            None => Grid::missing(columns_headers(), super::notice(section)),
        };
        grid.footnote = super::footnote(view, "activity", &pins(&self.sessions));
        grid.title = title(graph, &self.sessions, view);
        self.chosen.refresh(&mut self.list, grid, view.newer.at);
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        let width = usize::from(area.width.saturating_sub(4));
        let mut told: Vec<Vec<String>> = self.acts.iter().take(LISTED).map(|act| self.act_lines(act, width)).collect();
        let by_hand = self.ends.iter().map(|end| wrap_words(end, width.saturating_sub(INDENT).max(1)));
        told.extend(by_hand.take(LISTED.saturating_sub(told.len())));
        let lines = u16::try_from(told.iter().map(Vec::len).sum::<usize>()).unwrap_or(u16::MAX);
        if lines == 0 || area.height < lines.saturating_add(2 + LEAST_TREE) {
            self.list.draw(frame, area, context);
            return;
        }
        // A lower one has no frame.
        let height = (lines + 2).max(LEAST_ACTS.min(area.height - LEAST_TREE));
        let [tree, acts] = Layout::vertical([Constraint::Min(LEAST_TREE), Constraint::Length(height)]).areas(area);
        self.list.draw(frame, tree, context);
        let key = (!self.acts.is_empty()).then_some("a");
        draw_acts(frame, acts, ActLines { told: &told, key }, context);
    }

    fn list(&mut self) -> Option<&mut List> {
        Some(&mut self.list)
    }

    fn act(&mut self, action: Action, view: &PaneView<'_>) -> PaneRequest {
        match action {
            CANCEL | TERMINATE if self.selected_prepared().is_some() && self.list.marked().is_empty() => {
                return PaneRequest::Say(
                    "A prepared transaction has no session; Enter shows the statement that ends it".to_owned(),
                );
            }
            MARK if self.selected().is_some() => {
                self.list.mark();
                self.chosen.moved();
                return PaneRequest::Nothing;
            }
            CANCEL => return self.chosen.ask(SignalKind::Cancel, &mut self.list, &self.sessions, view),
            TERMINATE => return self.chosen.ask(SignalKind::Terminate, &mut self.list, &self.sessions, view),
            BEST => return self.ask_best(view),
            Action::View => {
                self.shows_all = !self.shows_all;
                return PaneRequest::Nothing;
            }
            _ => {}
        }
        let Some(session) = self.selected() else { return PaneRequest::Nothing };
        match action {
            Action::Jump => PaneRequest::Go(super::activity::ID, PaneSubject::Row(session.key())),
            Action::Explain => sessions::explain(session),
            _ => PaneRequest::Nothing,
        }
    }

    fn moved(&mut self) {
        self.chosen.moved();
    }

    fn close(&mut self) -> Option<PaneRequest> {
        self.list.clear_marks().then_some(PaneRequest::Nothing)
    }

    fn inspect(&self, view: &PaneView<'_>) -> Option<Document> {
        if let Some(prepared) = self.selected_prepared() {
            return Some(prepared_document(prepared, view));
        }
        Some(super::activity::document(self.selected()?, &self.sessions, view))
    }

    /// By the key of the row, or by the pid alone.
    fn select(&mut self, key: &str) -> bool {
        let by_pid = self.sessions.iter().find(|session| session.pid.to_string() == key).map(Backend::key);
        self.list.select_key(by_pid.as_deref().unwrap_or(key)) || self.list.select_key(&tree::node_key(key))
    }

    fn has_preview(&self) -> bool {
        true
    }

    fn is_narrowed(&self) -> bool {
        true
    }

    fn copy(&self, _view: Option<&PaneView<'_>>) -> Option<(String, String)> {
        if let Some(prepared) = self.selected_prepared() {
            return Some((prepared.sql_to_end(), "the statement that rolls it back".to_owned()));
        }
        self.selected().map(sessions::copied)
    }
}

impl Locks {
    fn selected(&self) -> Option<&Backend> {
        let key = self.list.selected_key()?;
        self.sessions.iter().find(|session| session.key() == key)
    }

    fn selected_prepared(&self) -> Option<&PreparedTransaction> {
        let key = self.list.selected_key()?;
        self.prepared.iter().find(|prepared| tree::node_key(prepared.node) == key)
    }

    fn ask_best(&self, view: &PaneView<'_>) -> PaneRequest {
        let graph = view.readings.lock_graph();
        let best = self.acts.first();
        let session = best.and_then(|best| self.sessions.iter().find(|session| session.pid == best.pid));
        match best.zip(session) {
            Some((best, session)) => chosen::ask(best.kind, session, &self.sessions, view),
            None if !self.ends.is_empty() => PaneRequest::Say(
                "What they wait for is a prepared transaction, which has no session; Enter on it shows the statement that ends it".to_owned(),
            ),
            None if self.list.is_empty() => PaneRequest::Say("No session waits for a lock".to_owned()),
            None if graph.waiting().into_iter().any(|node| graph.is_unread(node)) => {
                PaneRequest::Say("The locks were not read yet; press a again in a second".to_owned())
            }
            None => PaneRequest::Say("No action of this role frees a waiting session".to_owned()),
        }
    }

    /// Returns what an action would do in lines; those after the first are indented.
    fn act_lines(&self, act: &Forecast, width: usize) -> Vec<String> {
        let session = self.sessions.iter().find(|session| session.pid == act.pid);
        let what = session.map(|session| session.schema_change().map_or_else(|| session.name(), str::to_owned));
        let what = what.filter(|what| !what.is_empty()).map(|what| format!(" ({what})")).unwrap_or_default();
        let words = format!("{} {}{what}: {}", act.kind.verb(), act.pid, act.words());
        wrap_words(&words, width.saturating_sub(INDENT).max(1))
    }
}

/// Returns what ends a prepared transaction, and what would follow.
fn end_of(prepared: &PreparedTransaction, graph: &LockGraph) -> String {
    let words = Forecast::of_prepared(graph, prepared.node).words();
    format!("{} in database {}: {words}", prepared.sql_to_end(), prepared.database)
}

/// What the acts would do, each in lines, and the key of the first.
#[derive(Debug, Clone, Copy)]
struct ActLines<'a> {
    told: &'a [Vec<String>],
    key: Option<&'static str>,
}

/// Lists what the best acts would do; the first is the one that the key is for.
fn draw_acts(frame: &mut Frame<'_>, area: Rect, lines: ActLines<'_>, context: DrawContext<'_>) {
    let ActLines { told, key } = lines;
    let has_best = key.is_some();
    let tile = Tile { title: "What an action would do", key, note: None, has_focus: false };
    let inside = tile.draw(frame.buffer_mut(), area, context.theme);
    let lines = told.iter().enumerate().flat_map(|(at, lines)| lines.iter().map(move |line| (at, line)));
    for ((place, (at, words)), y) in lines.enumerate().zip(inside.y..inside.bottom()) {
        let is_best = at == 0 && place == 0 && has_best;
        let role = if is_best { Role::Title } else { Role::Text };
        let mark = if is_best && context.theme.glyphs.is_unicode { "★ " } else { "  " };
        let parts = [(mark.to_owned(), Role::Warning), (words.clone(), role)];
        let line = Rect { x: inside.x + 1, y, width: inside.width.saturating_sub(1), height: 1 };
        draw_parts(frame.buffer_mut(), line.intersection(inside), &parts, context.theme);
    }
}

/// Says how many wait in how many trees, and how long.
fn title(graph: &LockGraph, sessions: &[Backend], view: &PaneView<'_>) -> String {
    let waiting = graph.waiting();
    if waiting.is_empty() {
        return "Waiting for locks".to_owned();
    }
    let trees = counted(graph.roots().len(), "tree", "trees");
    let age = |pid: &i64| {
        let session = sessions.iter().find(|session| session.pid == *pid);
        graph.waited(*pid, session, view.readings.sessions_read_at())
    };
    let oldest = waiting.iter().filter_map(age).max_by(f64::total_cmp);
    let oldest = oldest.map(|age| format!(", for up to {}", Seconds(age))).unwrap_or_default();
    format!("{} waiting in {trees}{oldest}", waiting.len())
}

/// Says who waits until no one reads a page, of which the server does not say who reads it.
fn pins(sessions: &[Backend]) -> String {
    let waiting: Vec<String> =
        sessions.iter().filter(|one| one.waits_for_a_pin()).map(|one| format!("pid {}", one.pid)).collect();
    match waiting.len() {
        0 => String::new(),
        1 => format!("{} waits for a buffer pin: a cursor somewhere is on the page", waiting.join(", ")),
        _ => format!("{} wait for buffer pins: cursors somewhere are on the pages", waiting.join(", ")),
    }
}

/// What a prepared transaction is, and how it ends.
fn prepared_document(prepared: &PreparedTransaction, view: &PaneView<'_>) -> Document {
    let graph = view.readings.lock_graph();
    let mut document = Document::new(format!("Prepared transaction {}", prepared.gid));
    document.pair("database", &prepared.database);
    if !prepared.owner.is_empty() {
        document.pair("owner", &prepared.owner);
    }
    if let Some(age) = prepared.age(view.readings.sessions_read_at()) {
        document.pair("prepared", &format!("{} ago", Seconds(age)));
    }
    let held =
        graph.holds(prepared.node).into_iter().map(|(queue, mode)| sessions::without_public(&queue.held_words(mode)));
    document.pair("holds", &held.collect::<Vec<_>>().join(", "));
    document.pair("if it ends", &Forecast::of_prepared(graph, prepared.node).words());
    document.text(
        "PREPARE TRANSACTION left it: it belongs to no session, keeps its locks over restarts, and holds vacuum back. Its \
         coordinator ends it with COMMIT PREPARED or ROLLBACK PREPARED. If that has forgotten it, connect to its database \
         and run:",
    );
    document.code(Language::Sql, &prepared.sql_to_end());
    document.copied = Some(prepared.sql_to_end());
    document
}
