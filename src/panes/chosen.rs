//! Which session a person means by a key that acts, and the question before the act.

use super::activity::documents;
use crate::app::keys::{Binding, key};
use crate::app::list::List;
use crate::app::{Action, Effect, PaneRequest, PaneView, Signal};
use crate::document::Document;
use crate::readings::act::{PlannedAct, Prospect, SignalKind, prospect};
use crate::readings::backends::Backend;
use crate::sample::Timestamp;
use crate::sample::unit::counted;

/// Cancels the statement of the chosen session.
pub(super) const CANCEL: Action = Action::Own("cancel query");
/// Terminates the chosen session.
pub(super) const TERMINATE: Action = Action::Own("terminate");
/// The key that cancels.
pub(super) const CANCEL_KEY: Binding =
    key(CANCEL, &["c"], "cancel", "Cancel the running statement of this session; asks first.")
        .shown(2)
        .acts()
        .also("stop interrupt abort");
/// The key that terminates.
pub(super) const TERMINATE_KEY: Binding =
    key(TERMINATE, &["K"], "end session", "End this session (pg_terminate_backend); asks first.")
        .shown(2)
        .acts()
        .also("kill terminate disconnect");

/// Marks the chosen session.
pub(super) const MARK: Action = Action::Own("mark");
/// The key that marks.
pub(super) const MARK_KEY: Binding =
    key(MARK, &["m"], "mark", "Mark this session, or take its mark away: c and K then ask for all that are marked.")
        .shown(7);

/// Sessions that are acted on at once at most: as many as are watched afterwards.
const MOST: usize = 8;

/// The session that a person had chosen, while samples move the rows.
#[derive(Debug, Default)]
pub(super) struct ChosenSession {
    /// The sample that is shown.
    sample: Timestamp,
    /// The row that a person had chosen and that this sample no longer lists: the selection moved by itself.
    lost: Option<String>,
}

impl ChosenSession {
    /// Shows a newer sample, and keeps the session that the selection followed until it was no longer listed.
    pub(super) fn refresh(&mut self, list: &mut List, grid: crate::ui::table::Grid, at: Timestamp) {
        let before = list.selected_key().filter(|_| list.follows()).map(str::to_owned);
        list.refresh(grid);
        if self.sample != at {
            self.sample = at;
            self.lost = before.filter(|key| is_session(key) && !lists(list, key));
        }
    }

    /// Forgets what was lost: the selection was moved.
    pub(super) fn moved(&mut self) {
        self.lost = None;
    }

    /// Returns the session that a person means: the one selected in the last frame, or moved to since; `None` for none.
    ///
    /// Where a sample took it away meanwhile, the key is for no other one, and that is said.
    fn meant(&mut self, list: &mut List, sessions: &[Backend]) -> Result<Option<Backend>, String> {
        let key = self.lost.take().or_else(|| list.seen_key()).filter(|key| is_session(key));
        let Some(key) = key else { return Ok(None) };
        if !lists(list, &key) {
            list.mark_seen();
            let is_there = sessions.iter().any(|one| one.key() == key);
            let what = if is_there { "became idle or no longer waits" } else { "is no longer listed" };
            let pid = key.split('@').next().unwrap_or_default();
            return Err(format!("pid {pid} {what}. Nothing was sent; the selection is now on another row."));
        }
        list.select_key(&key);
        Ok(sessions.iter().find(|one| one.key() == key).cloned())
    }

    /// Asks for an act on the session that a person means.
    pub(super) fn ask(
        &mut self,
        kind: SignalKind,
        list: &mut List,
        sessions: &[Backend],
        view: &PaneView<'_>,
    ) -> PaneRequest {
        if !list.marked().is_empty() {
            return ask_marked(kind, list, sessions, view);
        }
        match self.meant(list, sessions) {
            Ok(Some(backend)) => ask(kind, &backend, sessions, view),
            Ok(None) => PaneRequest::Say("Select a session first".to_owned()),
            Err(why) => PaneRequest::Say(why),
        }
    }
}

/// Asks for an act on a session: what it hits, what follows, and then whether; or says why it cannot be done.
pub(super) fn ask(kind: SignalKind, backend: &Backend, sessions: &[Backend], view: &PaneView<'_>) -> PaneRequest {
    match prospect(kind, backend, sessions, &view.newer.server) {
        Prospect::Refused(refusal) => PaneRequest::Open(documents::refusal(&refusal)),
        Prospect::Possible(plan) => {
            let signal = signal(kind, &plan);
            PaneRequest::Ask {
                about: documents::blast(kind, &plan, sessions, view),
                question: plan.question,
                then: Effect::Signal(signal),
            }
        }
    }
}

/// Asks for an act on all marked sessions, each with what it hits; says of whom it is not possible.
fn ask_marked(kind: SignalKind, list: &List, sessions: &[Backend], view: &PaneView<'_>) -> PaneRequest {
    let marked: Vec<&Backend> = sessions.iter().filter(|one| list.marked().contains(&one.key())).collect();
    let gone = list.marked().len() - marked.len();
    if marked.is_empty() {
        return PaneRequest::Say("The marked sessions have ended. Nothing was sent".to_owned());
    }
    if marked.len() > MOST {
        return PaneRequest::Say(format!("{} sessions are marked; at most {MOST} at a time", marked.len()));
    }
    let mut about = Document::new("What this affects");
    let mut signals: Vec<Signal> = Vec::new();
    for one in marked {
        match prospect(kind, one, sessions, &view.newer.server) {
            Prospect::Refused(refusal) => {
                about.pair(&format!("pid {}", one.pid), &format!("left out: {}", refusal.why));
            }
            // Two parallel workers have one leader.
            Prospect::Possible(plan) if signals.iter().any(|signal| signal.pid == plan.backend.pid) => {}
            Prospect::Possible(plan) => {
                documents::blast_briefly(&mut about, kind, &plan, view);
                signals.push(signal(kind, &plan));
            }
        }
    }
    if gone > 0 {
        about.pair("ended", &counted(gone, "marked session", "marked sessions"));
    }
    let many = counted(signals.len(), "session", "sessions");
    let question = match (kind, signals.len()) {
        (_, 0) => return PaneRequest::Open(about),
        (SignalKind::Cancel, _) => format!("Cancel the running statements of {many}?"),
        (SignalKind::Terminate, _) => format!("Terminate {many}?"),
    };
    PaneRequest::Ask { about, question, then: Effect::Signals(signals) }
}

fn signal(kind: SignalKind, plan: &PlannedAct<'_>) -> Signal {
    let one = plan.backend;
    let names = [one.user.as_str(), one.application.as_str(), one.kind.as_str()];
    let name = names.into_iter().find(|name| !name.is_empty()).unwrap_or_default();
    let who = format!("pid {} ({name})", one.pid);
    let button = kind.button(&one.kind);
    Signal { kind, button, pid: one.pid, backend_start: one.started, doing: plan.doing, who }
}

/// Whether a row is a session's, and no group's.
fn is_session(key: &str) -> bool {
    key.contains('@') && !key.starts_with("group ")
}

fn lists(list: &List, key: &str) -> bool {
    list.grid().rows.iter().any(|row| row.key == key)
}
