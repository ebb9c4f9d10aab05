//! What a pane is: it refreshes from a view of the history, and is drawn.

use crossterm::event::KeyEvent;
use ratatui::Frame;
use ratatui::layout::{Position, Rect};

use super::action::Action;
use super::draw_context::DrawContext;
use super::effect::Effect;
use super::job::{JobId, JobNews};
use super::list::List;
use super::message::Message;
use super::pane_id::PaneId;
use crate::document::Document;
use crate::findings::Findings;
use crate::readings::Readings;
use crate::readings::backends::Backend;
use crate::readings::past::Past;
use crate::readings::slices::{SliceCondition, SliceFilter};
use crate::sample::{History, Moment, Snapshot, Timestamp};
use crate::ui::dialog::{Filled, Form, PickItem};
use crate::ui::table::GridColumn;
use crate::ui::text::{clean, cut};

/// Columns of the screen that one condition of the filter takes at most.
const CRUMB: usize = 40;

/// What a pane may see when it refreshes: the history and the moment the clock is at.
#[derive(Debug, Clone, Copy)]
pub struct PaneView<'a> {
    /// Every snapshot.
    pub history: &'a History,
    /// The moment shown.
    pub moment: Moment,
    /// The snapshot of that moment.
    pub newer: &'a Snapshot,
    /// What that snapshot means.
    pub readings: &'a Readings,
    /// The findings of that moment.
    pub findings: &'a Findings,
    /// What lists of sessions and statements are narrowed to.
    pub filter: &'a SliceFilter,
    /// Whether it is an older moment, which stands still while newer ones come.
    pub is_held: bool,
}

impl<'a> PaneView<'a> {
    /// A view of a moment by the readings of its snapshot.
    pub fn new(history: &'a History, moment: Moment, readings: &'a Readings, findings: &'a Findings) -> Self {
        let is_held = Some(moment) != history.last();
        Self { history, moment, newer: readings.snapshot(), readings, findings, filter: SliceFilter::ALL, is_held }
    }

    /// The same view, narrowed by a filter.
    #[must_use]
    pub fn narrowed(self, filter: &'a SliceFilter) -> Self {
        Self { filter, ..self }
    }

    /// Returns the conditions that the console is narrowed by, as they are shown.
    pub(crate) fn crumbs(&self) -> Vec<String> {
        let crumbs = self.filter.conditions().iter().map(|condition| {
            let label = self.readings.slice_label(condition.dimension, &condition.value);
            cut(&clean(&format!("{}={label}", condition.dimension.word())), CRUMB)
        });
        crumbs.collect()
    }

    /// Whether a session belongs to what the console is narrowed to.
    pub(crate) fn admits(&self, session: &Backend) -> bool {
        self.filter.is_empty() || self.filter.admits(session, self.readings.root_names())
    }

    /// Returns the history up to the moment shown.
    pub fn past(&self) -> Past<'a> {
        Past { history: self.history, moment: self.moment }
    }
}

/// What a pane wants to happen.
#[derive(Debug)]
pub enum PaneRequest {
    /// Nothing.
    Nothing,
    /// The shell is to do something.
    Do(Effect),
    /// A document on top of the pane.
    Open(Document),
    /// A question, and what follows a yes.
    Ask {
        /// What would be hit: headed facts.
        about: Document,
        /// The question.
        question: String,
        /// What follows a yes.
        then: Effect,
    },
    /// A note in the footer.
    Say(String),
    /// A message in the footer that is kept in the journal.
    Report(Message),
    /// Another pane, with a subject.
    Go(PaneId, PaneSubject),
    /// The moment nearest to a time, in every pane.
    Hold(Timestamp),
    /// Values to fill in; they come back by [`Pane::filled`].
    Fill(Form),
    /// A choice; what was chosen comes back by [`Pane::picked`].
    Pick(Choice),
    /// Lists of sessions and statements are narrowed to this too.
    Narrow(SliceCondition),
    /// The last condition that they are narrowed to is taken away.
    Widen,
    /// All of these, in order.
    All(Vec<PaneRequest>),
}

/// Something to choose from.
#[derive(Debug, Clone)]
pub struct Choice {
    /// What asks for it.
    pub of: Action,
    /// What is chosen.
    pub title: &'static str,
    /// What there is.
    pub items: Vec<PickItem>,
    /// Which of these it is so far.
    pub selected: usize,
    /// The key that opens it: pressed again, it goes on to the next.
    pub key: &'static str,
}

/// What a pane is opened on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PaneSubject {
    /// Whatever it shows.
    Nothing,
    /// The row of this key.
    Row(String),
    /// A statement that is to be explained.
    Statement(StatementToExplain),
}

/// A statement that is to be explained.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatementToExplain {
    /// The statement; it may hold `$1`.
    pub sql: String,
    /// Where it came from: `queryid 4711`, `pid 4711`.
    pub from: String,
}

/// A pane. It never talks to a server; `refresh` computes, `draw` places.
pub trait Pane: std::fmt::Debug {
    /// Derives what is shown from the view.
    fn refresh(&mut self, view: &PaneView<'_>);

    /// Draws what the last refresh derived.
    fn draw(&mut self, frame: &mut Frame<'_>, area: Rect, context: DrawContext<'_>);

    /// Returns the list that the common keys work on: moving, sorting, filtering.
    fn list(&mut self) -> Option<&mut List>;

    /// Returns the columns that it shows, for the help: what they are of, and each with its help.
    fn columns(&mut self) -> Vec<(&'static str, Vec<GridColumn>)> {
        self.list().map(|list| ("Columns", list.grid().columns.clone())).into_iter().collect()
    }

    /// Does what only this pane can do; the common keys were dealt with before.
    fn act(&mut self, action: Action, view: &PaneView<'_>) -> PaneRequest;

    /// Returns everything known about the selected row.
    fn inspect(&self, view: &PaneView<'_>) -> Option<Document>;

    /// Whether an action does something to what is shown: the footer names no other.
    fn offers(&self, _action: Action) -> bool {
        true
    }

    /// Whether what is known of the selected row is shown below the rows where there is room for it.
    fn has_preview(&self) -> bool {
        false
    }

    /// Returns what is copied from the selected row, and what it is; without a snapshot there is no view.
    fn copy(&self, view: Option<&PaneView<'_>>) -> Option<(String, String)>;

    /// Takes a click that the list did not take.
    fn click(&mut self, _at: Position) -> PaneRequest {
        PaneRequest::Nothing
    }

    /// Selects the row of a key, if need be without the filter; returns whether it is there.
    fn select(&mut self, key: &str) -> bool {
        let Some(list) = self.list() else { return false };
        if !list.select_key(key) && !list.filter().is_empty() {
            list.set_filter("");
        }
        list.select_key(key)
    }

    /// Is told that another row was selected.
    fn moved(&mut self) {}

    /// Returns the keys of what is being typed into, for the footer; `None` where nothing is.
    fn typing(&self) -> Option<&'static [(&'static str, &'static str)]> {
        None
    }

    /// Takes a key while something is typed into.
    fn type_in(&mut self, _key: &KeyEvent) -> PaneRequest {
        PaneRequest::Nothing
    }

    /// Takes pasted text.
    fn paste(&mut self, _text: &str) -> PaneRequest {
        PaneRequest::Nothing
    }

    /// Closes what is open in the pane, or cancels what is under way; `None` where there is nothing of the kind.
    fn close(&mut self) -> Option<PaneRequest> {
        None
    }

    /// Takes the values of the form it asked for.
    fn filled(&mut self, _filled: Filled) -> PaneRequest {
        PaneRequest::Nothing
    }

    /// Takes the subject that it was opened on, other than a row.
    fn open(&mut self, _subject: PaneSubject) -> PaneRequest {
        PaneRequest::Nothing
    }

    /// Takes what was chosen, by its place, where it asked for a choice by an action.
    fn picked(&mut self, _of: Action, _place: usize) -> PaneRequest {
        PaneRequest::Nothing
    }

    /// Whether it has not taken in all that it shows, and is to be refreshed again soon.
    fn is_behind(&self) -> bool {
        false
    }

    /// Whether it shows a part of the time, which `Backspace` leaves too.
    fn is_zoomed(&self) -> bool {
        false
    }

    /// Whether its rows are narrowed by [`PaneView::filter`] and it does not say so itself.
    fn is_narrowed(&self) -> bool {
        false
    }

    /// Returns the whole of what is shown as JSON, and what it is; `None` where that is the selected row.
    fn copy_whole(&self) -> Option<(String, String)> {
        None
    }

    /// Takes news of a job that it asked for.
    fn take_job(&mut self, _id: JobId, _news: JobNews) -> PaneRequest {
        PaneRequest::Nothing
    }
}
