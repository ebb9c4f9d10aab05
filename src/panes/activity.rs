//! Activity: who is doing what, since when, and who waits for whom.
//!
//! On a narrow screen vanish, in this order: the backend's age, the client, the application, the database, the Django view,
//! the user, the transaction's age. The pid, the state, the query's age, the wait, who blocks and the query stay.

mod columns;
pub(super) mod documents;

use std::collections::{BTreeSet, HashMap};

use ratatui::Frame;
use ratatui::layout::Rect;

use self::columns::{SessionGroup, SessionRow, columns};
use super::chosen::{self, CANCEL, ChosenSession, MARK, TERMINATE};
use super::column::{PaneColumn, cells, headers};
use super::explain;
use super::sessions;
use crate::app::keys::{Binding, key};
use crate::app::list::List;
use crate::app::{
    Action, DrawContext, Pane, PaneId, PaneRequest, PaneSpec, PaneSubject, PaneView, RowOrder, SignalKind,
};
use crate::document::Document;
use crate::readings::backends::Backend;
use crate::readings::lock_graph::LockGraph;
use crate::sample::unit::counted;
use crate::ui::table::{Grid, GridRow, Notice, RowNesting};
use crate::ui::theme::Role;

/// Seconds of a query that ask for attention.
const SLOW_QUERY: f64 = 10.0;

/// What rows are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum GroupBy {
    #[default]
    Nothing,
    State,
    User,
    Application,
    Client,
    Query,
    View,
}

impl GroupBy {
    const ALL: [Self; 7] =
        [Self::Nothing, Self::State, Self::User, Self::Application, Self::Client, Self::Query, Self::View];

    fn next(self) -> Self {
        let mut all = Self::ALL.iter().cycle().skip_while(|group| **group != self).skip(1);
        all.next().copied().unwrap_or_default()
    }

    fn name(self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::State => "state",
            Self::User => "role",
            Self::Application => "application",
            Self::Client => "client",
            Self::Query => "statement",
            Self::View => "Django view",
        }
    }

    fn of(self, backend: &Backend) -> String {
        match self {
            Self::Nothing => String::new(),
            Self::State => backend.short_state().to_owned(),
            Self::User => format!("{}@{}", backend.user, backend.database),
            Self::Application => backend.program().to_owned(),
            Self::Client => {
                backend.client.rsplit_once(':').map_or(backend.client.as_str(), |(host, _)| host).to_owned()
            }
            Self::Query => backend.query_id.map_or_else(
                || backend.query.chars().take(60).collect(),
                |id| format!("{id} {}", backend.query.chars().take(60).collect::<String>()),
            ),
            Self::View => backend.view.clone(),
        }
    }
}

/// Which rows and columns are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum SessionView {
    #[default]
    Work,
    Clients,
}

/// Its name.
pub const ID: PaneId = PaneId { name: "activity", title: "Activity" };

const GROUP: Action = Action::Own("group");
const IDLE: Action = Action::Own("idle");

/// The pane in the list of panes.
pub const PANE: PaneSpec = PaneSpec {
    id: ID,
    question: "Show the sessions: who is doing what?",
    tab: "Act",
    order: RowOrder::Sortable,
    bindings: KEYS,
    make: |_| Box::new(Activity::default()),
};

const KEYS: &[Binding] = &[
    key(Action::View, &["v"], "view", "Next columns: what sessions do, or where they come from.").shown(5),
    key(
        Action::Jump,
        &["o"],
        "go there",
        "Go to its place in Locks where it waits or blocks, else to its statement in Queries.",
    )
    .shown(6),
    key(GROUP, &["O"], "group", "Group by state, role, application, client, statement, …").shown(6),
    key(IDLE, &["i"], "idle", "Show or hide idle sessions.").shown(6),
    chosen::CANCEL_KEY,
    chosen::TERMINATE_KEY,
    chosen::MARK_KEY,
    explain::FROM_ROW,
];

/// The pane.
#[derive(Debug, Default)]
pub struct Activity {
    list: List,
    backends: Vec<Backend>,
    group: GroupBy,
    view: SessionView,
    shows_idle: bool,
    note: String,
    chosen: ChosenSession,
}

impl Pane for Activity {
    fn refresh(&mut self, view: &PaneView<'_>) {
        let section = view.newer.section("activity");
        self.backends = view.readings.backends().unwrap_or_default().to_vec();
        let mut grid = match section.rows() {
            Some(_) => self.grid(view),
            None => Grid::missing(headers(&columns(self.view)), super::notice(section)),
        };
        grid.title = self.title();
        grid.footnote = super::footnote(view, "activity", &self.note);
        self.chosen.refresh(&mut self.list, grid, view.newer.at);
    }

    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>) {
        self.list.draw(frame, area, context);
    }

    fn list(&mut self) -> Option<&mut List> {
        Some(&mut self.list)
    }

    fn act(&mut self, action: Action, view: &PaneView<'_>) -> PaneRequest {
        match action {
            GROUP => {
                self.group = self.group.next();
                PaneRequest::Say(match self.group {
                    GroupBy::Nothing => "Not grouped".to_owned(),
                    by => format!("Grouped by {}", by.name()),
                })
            }
            Action::Jump => self.go_there(),
            IDLE => {
                self.shows_idle = !self.shows_idle;
                PaneRequest::Say(
                    if self.shows_idle { "Idle sessions are shown" } else { "Idle sessions are hidden" }.to_owned(),
                )
            }
            Action::View => {
                self.view = if self.view == SessionView::Work { SessionView::Clients } else { SessionView::Work };
                PaneRequest::Nothing
            }
            Action::Inspect => {
                self.list.toggle_fold();
                PaneRequest::Nothing
            }
            MARK if self.selected().is_none() => PaneRequest::Say("Select a session first".to_owned()),
            MARK => {
                self.list.mark();
                self.chosen.moved();
                PaneRequest::Nothing
            }
            CANCEL => self.chosen.ask(SignalKind::Cancel, &mut self.list, &self.backends, view),
            TERMINATE => self.chosen.ask(SignalKind::Terminate, &mut self.list, &self.backends, view),
            Action::Explain => self
                .selected()
                .map_or_else(|| PaneRequest::Say("This row has no statement to explain".to_owned()), sessions::explain),
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
        Some(documents::backend(self.selected()?, &self.backends, view))
    }

    /// By the key of the row, or by the pid alone.
    fn select(&mut self, key: &str) -> bool {
        let by_pid = self.backends.iter().find(|backend| backend.pid.to_string() == key).map(Backend::key);
        let key = by_pid.as_deref().unwrap_or(key);
        if !self.list.select_key(key) && !self.list.filter().is_empty() {
            self.list.set_filter("");
        }
        self.list.select_key(key)
    }

    fn has_preview(&self) -> bool {
        true
    }

    fn is_narrowed(&self) -> bool {
        true
    }

    fn copy(&self, _view: Option<&PaneView<'_>>) -> Option<(String, String)> {
        self.selected().map(sessions::copied)
    }
}

/// Returns everything known of a session.
pub(super) fn document(session: &Backend, all: &[Backend], view: &PaneView<'_>) -> Document {
    documents::backend(session, all, view)
}

impl Activity {
    fn selected(&self) -> Option<&Backend> {
        let key = self.list.selected_key()?;
        self.backends.iter().find(|backend| backend.key() == key)
    }

    /// Goes to where more is known of the session: in Locks, or of its statement.
    fn go_there(&self) -> PaneRequest {
        match self.selected() {
            Some(one) if one.is_waiting || one.blocks > 0 => {
                PaneRequest::Go(super::locks::ID, PaneSubject::Row(one.key()))
            }
            Some(Backend { query_id: Some(id), .. }) => {
                PaneRequest::Go(super::queries::ID, PaneSubject::Row(id.to_string()))
            }
            Some(one) => {
                PaneRequest::Say(format!("pid {} waits for no lock, and the server gives no queryid for it", one.pid))
            }
            None => PaneRequest::Nothing,
        }
    }

    fn grid(&mut self, view: &PaneView<'_>) -> Grid {
        let facts = &view.newer.server;
        let columns = columns(self.view);
        let admitted = self.backends.iter().filter(|backend| view.admits(backend));
        let (mut shown, hidden): (Vec<&Backend>, Vec<&Backend>) = admitted.partition(|backend| self.is_shown(backend));
        self.note = left_out(hidden.into_iter());
        let mut grid = Grid::new(headers(&columns));
        shown.sort_by(|left, right| urgency(right).total_cmp(&urgency(left)));
        let graph = view.readings.lock_graph();
        if self.group == GroupBy::Nothing {
            grid.shape = if graph.roots().is_empty() { RowNesting::Flat } else { RowNesting::Tree };
            grid.rows = below_their_roots(&shown, graph, &columns);
        } else {
            grid.shape = RowNesting::Grouped;
            grid.rows = grouped(&shown, self.group, self.view, graph);
        }
        if grid.rows.is_empty() {
            grid.notice = Some(if !view.filter.is_empty() {
                Notice::new("No active session matches these conditions; Backspace removes the last one")
            } else if facts.may_as("pg_read_all_stats") {
                Notice::new("No session is running a statement")
            } else {
                Notice::new("No session of this role is running a statement; sessions of other roles are hidden")
                    .role(Role::Warning)
                    .remedy(facts.grant("pg_monitor"))
            });
        }
        grid
    }

    /// Says which sessions are listed, and how.
    fn title(&self) -> String {
        let which = if self.shows_idle { "All sessions" } else { "Sessions that do something" };
        let what = match self.view {
            SessionView::Work => "",
            SessionView::Clients => ", where they come from",
        };
        let by = match self.group {
            GroupBy::Nothing => String::new(),
            by => format!(", by {}", by.name()),
        };
        format!("{which}{what}{by}")
    }

    fn is_shown(&self, backend: &Backend) -> bool {
        self.shows_idle || !backend.is_idle() || backend.blocks > 0
    }
}

/// Returns how many rows are not shown: idle sessions, and processes of the server, which the header does not count as idle.
fn left_out<'a>(hidden: impl Iterator<Item = &'a Backend>) -> String {
    let (idle, background): (Vec<&Backend>, Vec<&Backend>) = hidden.partition(|backend| backend.is_client());
    match (idle.len(), background.len()) {
        (0, 0) => String::new(),
        (idle, 0) => format!("{idle} idle hidden (i)"),
        (0, background) => format!("{background} background hidden (i)"),
        (idle, background) => format!("{idle} idle, {background} background hidden (i)"),
    }
}

/// Orders rows before the user sorts: who blocks, who waits, who runs longest.
fn urgency(backend: &Backend) -> f64 {
    let age = backend.xact_age.or(backend.query_age).unwrap_or(0.0);
    if backend.blocks > 0 && !backend.is_waiting {
        1e12 + backend.blocks as f64 * 1e9 + age
    } else if backend.is_waiting {
        1e11 + age
    } else {
        age
    }
}

/// Lists sessions, those that wait below the one at whose lock they do in the end.
fn below_their_roots<'a>(
    shown: &[&'a Backend],
    graph: &LockGraph,
    columns: &[PaneColumn<SessionRow<'a>>],
) -> Vec<GridRow> {
    let listed: BTreeSet<i64> = shown.iter().map(|backend| backend.pid).collect();
    let mut root_of: HashMap<i64, i64> = HashMap::new();
    for root in graph.roots().iter().filter(|root| !root.is_ring() && listed.contains(&root.first())) {
        for waiter in &root.behind {
            root_of.entry(*waiter).or_insert(root.first());
        }
    }
    let mut waiters: HashMap<i64, Vec<&'a Backend>> = HashMap::new();
    for backend in shown {
        if let Some(root) = root_of.get(&backend.pid) {
            waiters.entry(*root).or_default().push(backend);
        }
    }
    let mut rows = Vec::with_capacity(shown.len());
    for backend in shown.iter().filter(|backend| !root_of.contains_key(&backend.pid)) {
        rows.push(row(backend, graph, columns));
        let below = waiters.remove(&backend.pid).unwrap_or_default();
        rows.extend(below.into_iter().map(|waiter| row(waiter, graph, columns).depth(1)));
    }
    rows
}

fn row<'a>(backend: &'a Backend, graph: &LockGraph, columns: &[PaneColumn<SessionRow<'a>>]) -> GridRow {
    let wanted = graph.wants(backend.pid).map(|(queue, wanted)| {
        sessions::without_public(&queue.wanted_words(wanted.mode, graph.holders(backend.pid).first().copied()))
    });
    let row = GridRow::new(backend.key(), cells(columns, &SessionRow::One(backend, wanted)));
    if backend.blocks == 0 && (backend.is_idle() || !backend.is_client()) { row.role(Role::Muted) } else { row }
}

fn grouped(shown: &[&Backend], by: GroupBy, view: SessionView, graph: &LockGraph) -> Vec<GridRow> {
    let mut groups: Vec<(String, Vec<&Backend>)> = Vec::new();
    for backend in shown {
        let name = by.of(backend);
        match groups.iter_mut().find(|(known, _)| *known == name) {
            Some((_, members)) => members.push(backend),
            None => groups.push((name, vec![backend])),
        }
    }
    groups.sort_by_key(|(_, members)| std::cmp::Reverse(members.len()));
    let mut rows = Vec::new();
    for (name, members) in &groups {
        let (key, group) = group_row(name, by, members);
        let columns = columns(view);
        rows.push(GridRow::new(key, cells(&columns, &SessionRow::Group(&group))).role(Role::Header));
        rows.extend(members.iter().map(|backend| row(backend, graph, &columns).depth(1)));
    }
    rows
}

fn group_row<'a>(name: &str, by: GroupBy, members: &'a [&'a Backend]) -> (String, SessionGroup<'a>) {
    let none = format!("no {}", by.name());
    let key = format!("group {name}");
    let name = if by == GroupBy::Query { without_queryid(name) } else { name };
    let name = if name.is_empty() { &none } else { name };
    let active = members.iter().filter(|backend| backend.state == "active").count();
    let waiting = members.iter().filter(|backend| backend.is_waiting).count();
    let counts = [(active, "active"), (waiting, "waiting for a lock")];
    let counts = counts.iter().filter(|(count, what)| *count > 0 && *what != name);
    let counts = counts.map(|(count, what)| format!("{count} {what}"));
    let words: Vec<String> = std::iter::once(counted(members.len(), "session", "sessions")).chain(counts).collect();
    let words = format!("{name}: {}", words.join(", "));
    (key, SessionGroup { words, members })
}

/// Returns the statement of a group's name, without the queryid that tells two alike apart.
fn without_queryid(name: &str) -> &str {
    let statement = name.split_once(' ').filter(|(id, _)| id.parse::<i64>().is_ok()).map(|(_, statement)| statement);
    statement.filter(|statement| !statement.is_empty()).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use crate::app::Effect;
    use std::sync::Arc;

    use super::*;
    use crate::app::PaneSubject;
    use crate::findings::Findings;
    use crate::fixture::{NOW, NamedRow, With as _, row, snapshot};
    use crate::readings::Readings;
    use crate::sample::{History, ServerFacts};

    #[test]
    fn a_group_of_a_statement_is_called_by_its_text() {
        for (name, shown) in [("-4711 select 1", "select 1"), ("select 1", "select 1"), ("12 ", "12 "), ("", "")] {
            assert_eq!(without_queryid(name), shown);
        }
    }

    fn session(pid: i32, age: f64) -> NamedRow {
        row! { pid: pid, backend_start: 1.0, user: "web", application: "gunicorn", backend_type: "client backend",
        state: "active", query: "select 1", xact_age: age, query_age: age, is_superuser: false, has_our_role: true }
    }

    /// A pane over samples that come one after the other.
    struct Shown {
        pane: Activity,
        history: History,
        samples: f64,
    }

    impl Shown {
        fn new() -> Self {
            Self { pane: Activity::default(), history: History::bounded(1 << 20), samples: 0.0 }
        }

        fn see<T>(&mut self, work: impl FnOnce(&mut Activity, &PaneView<'_>) -> T) -> T {
            let (moment, findings) = (self.history.last().unwrap(), Findings::default());
            let readings = Readings::of(Arc::clone(self.history.at(moment).unwrap()));
            work(&mut self.pane, &PaneView::new(&self.history, moment, &readings, &findings))
        }

        fn sample(&mut self, sessions: &[(i32, f64)]) {
            self.samples += 1.0;
            let rows = sessions.iter().map(|(pid, age)| session(*pid, *age)).collect();
            self.history.push(Arc::new(snapshot().at(NOW + self.samples).with("activity", rows)));
            self.see(Pane::refresh);
        }

        fn frame(&mut self) {
            let theme = crate::ui::theme::Theme::default();
            let mut terminal = ratatui::Terminal::new(ratatui::backend::TestBackend::new(80, 12)).unwrap();
            terminal.draw(|frame| self.pane.draw(frame, frame.area(), DrawContext { theme: &theme })).unwrap();
        }

        /// Presses `K`; returns whom it asks about, or what it says.
        fn end(&mut self) -> String {
            match self.see(|pane, view| pane.act(TERMINATE, view)) {
                PaneRequest::Ask { then: Effect::Signal(signal), about, .. } => {
                    let text = crate::ui::detail::Detail::new(about).text(120);
                    assert!(text.contains("gunicorn") && text.contains("select 1"), "{text}");
                    signal.who
                }
                PaneRequest::Say(text) => text,
                other => panic!("{other:?}"),
            }
        }

        fn choose(&mut self, pid: i32) {
            assert!(self.pane.select(&pid.to_string()));
            self.pane.moved();
        }
    }

    #[test]
    fn processes_of_the_server_are_not_counted_as_idle_sessions() {
        let of = |kind: &str, state: &str| Backend { kind: kind.into(), state: state.into(), ..Backend::default() };
        let said = |all: &[Backend]| left_out(all.iter());
        let (idle, process) = (of("client backend", "idle"), of("checkpointer", ""));
        assert_eq!(said(&[]), "");
        assert_eq!(said(std::slice::from_ref(&idle)), "1 idle hidden (i)");
        assert_eq!(said(&[process.clone(), process.clone()]), "2 background hidden (i)");
        assert_eq!(said(&[idle, process]), "1 idle, 1 background hidden (i)");
    }

    #[test]
    fn a_query_that_the_server_cut_is_not_explained_as_another() {
        let mut shown = Shown::new();
        let mut cut = session(7, 50.0);
        cut.push(("is_query_cut", crate::sample::Value::Bool(true)));
        shown.history.push(Arc::new(snapshot().with("activity", vec![cut, session(8, 40.0)])));
        shown.see(Pane::refresh);
        let explain = |shown: &mut Shown| shown.see(|pane, view| pane.act(Action::Explain, view));
        let PaneRequest::Say(said) = explain(&mut shown) else { panic!("it is explained") };
        assert!(said.starts_with("The server keeps only the beginning of this statement of pid 7"), "{said}");
        shown.choose(8);
        assert!(matches!(explain(&mut shown), PaneRequest::Go(_, PaneSubject::Statement(_))));
    }

    #[test]
    fn a_key_acts_on_all_that_are_marked() {
        let mut shown = Shown::new();
        shown.sample(&[(7, 50.0), (8, 40.0), (9, 30.0)]);
        shown.frame();
        let mark =
            |shown: &mut Shown| assert!(matches!(shown.see(|pane, view| pane.act(MARK, view)), PaneRequest::Nothing));
        mark(&mut shown);
        mark(&mut shown);
        // One of them ends, and another comes first.
        shown.sample(&[(7, 51.0), (9, 31.0), (10, 90.0)]);
        let PaneRequest::Ask { then: Effect::Signals(signals), about, question } =
            shown.see(|pane, view| pane.act(TERMINATE, view))
        else {
            panic!("it does not ask")
        };
        let text = crate::ui::detail::Detail::new(about).text(120);
        assert_eq!(question, "Terminate 1 session?");
        assert_eq!(signals.iter().map(|signal| signal.pid).collect::<Vec<_>>(), [7]);
        assert!(text.contains("pid 7") && text.contains("ended") && text.contains("1 marked session"), "{text}");
        assert!(shown.pane.close().is_some() && shown.pane.close().is_none());
        shown.frame();
        shown.choose(9);
        assert_eq!(shown.end(), "pid 9 (web)");
    }

    #[test]
    fn a_key_acts_on_the_session_of_the_last_frame() {
        let mut shown = Shown::new();
        shown.sample(&[(7, 50.0), (8, 40.0), (9, 30.0)]);
        shown.frame();
        // A sample that no frame has shown yet brings another session to the top.
        shown.sample(&[(7, 51.0), (8, 41.0), (10, 90.0)]);
        assert_eq!(shown.end(), "pid 7 (web)");
        // The next one takes it away.
        shown.sample(&[(7, 52.0), (8, 42.0)]);
        shown.frame();
        shown.sample(&[(8, 43.0)]);
        assert_eq!(shown.end(), "pid 7 is no longer listed. Nothing was sent; the selection is now on another row.");
        assert_eq!(shown.end(), "pid 8 (web)");
    }

    #[test]
    fn a_chosen_session_that_just_ended_is_not_mistaken_for_the_next_one() {
        let mut shown = Shown::new();
        shown.sample(&[(7, 50.0), (8, 40.0), (9, 30.0)]);
        shown.choose(8);
        shown.frame();
        shown.sample(&[(7, 51.0), (9, 31.0)]);
        // The frame shows the selection on pid 9 for less than a sample.
        shown.frame();
        let said = shown.end();
        assert!(said.starts_with("pid 8 is no longer listed. Nothing was sent"), "{said}");
        assert_eq!(shown.end(), "pid 9 (web)", "said once");
        shown.choose(7);
        shown.frame();
        shown.sample(&[(9, 32.0), (5, 1.0)]);
        shown.sample(&[(9, 33.0), (5, 2.0)]);
        shown.frame();
        assert_eq!(shown.end(), "pid 9 (web)", "it has been there for a sample");
        shown.choose(5);
        shown.sample(&[(9, 34.0)]);
        shown.choose(9);
        assert_eq!(shown.end(), "pid 9 (web)", "a person moved there");
    }

    #[test]
    fn an_empty_list_of_a_role_that_sees_no_states_is_not_said_to_be_calm() {
        let notice = |is_superuser: bool| {
            let mut shown = Shown::new();
            let mut seen = snapshot().with("activity", vec![]);
            seen.server = Arc::new(ServerFacts { role: "ro".to_owned(), is_superuser, ..ServerFacts::default() });
            shown.history.push(Arc::new(seen));
            shown.see(Pane::refresh);
            format!("{:?}", shown.pane.list.grid().notice)
        };
        assert!(notice(true).contains("No session is running a statement") && !notice(true).contains("hidden"));
        assert!(notice(false).contains("sessions of other roles are hidden"), "{}", notice(false));
        assert!(notice(false).contains("GRANT pg_monitor TO ro;"), "{}", notice(false));
    }

    #[test]
    fn a_prepared_transaction_that_blocks_has_no_pid() {
        let waits = row! { pid: 8, user: "web", backend_type: "client backend", state: "active",
        wait_event_type: "Lock", wait_event: "relation", blocked_by: [0] };
        let prepared = row! { kind: "prepared", name: "it's", xid_age: 5, database: "shop" };
        let mut history = History::bounded(1 << 20);
        history.push(Arc::new(snapshot().with("activity", vec![waits]).with("vacuum_horizon", vec![prepared])));
        let (moment, findings) = (history.last().unwrap(), Findings::default());
        let readings = Readings::of(Arc::clone(history.at(moment).unwrap()));
        let view = PaneView::new(&history, moment, &readings, &findings);
        let mut pane = Activity::default();
        pane.refresh(&view);
        assert_eq!(columns::locks_cell(&pane.backends[0]).text, "by prepared tx");
        let document = documents::backend(&pane.backends[0], &pane.backends, &view);
        let said = document.facts().find(|fact| fact.label == "prepared transaction").unwrap();
        let said = &said.value;
        assert!(said.contains("it has no session") && said.contains("ROLLBACK PREPARED 'it''s';"), "{said}");
    }
}
