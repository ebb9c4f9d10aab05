//! The state machine: events in; effects wait until the shell takes them. Nothing here awaits, spawns or draws by itself.
//!
//! One way: an [`Event`] changes the [`App`] and leaves [`Effect`]s for the shell; a key becomes an [`Action`] by the table of
//! [`keys`], and goes to the top layer, to the list, to the pane, or to the application, in this order.

pub mod action;
mod acts;
mod answers;
mod between;
pub mod clock;
pub mod draw_context;
pub mod effect;
mod freshness;
pub mod header;
pub mod job;
mod jobs;
mod journal;
pub mod keys;
pub mod layer;
pub mod list;
mod maintenance;
pub mod message;
mod mouse;
mod narrow;
pub mod pane;
pub mod pane_id;
pub mod pane_spec;
mod pane_stack;
mod preview;
pub mod screen;
pub(crate) mod signs;
pub mod timeline;
pub mod update;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;

use ratatui::layout::Rect;

use crate::findings::Findings;
use crate::readings::Readings;
use crate::readings::act_result::Sent;
use crate::readings::slices::SliceFilter;
use crate::readings::vitals::Vitals;
use crate::sample::{History, Moment, Seconds, ServerFacts, Snapshot, Timestamp};
use crate::ui::detail::Detail;
use crate::ui::frame::Segment;
use crate::ui::theme::Theme;

use keys::{ActionNeeds, Binding};
use pane_stack::PaneStack;

pub use action::Action;
pub use clock::Clock;
pub use draw_context::DrawContext;
pub use effect::{Effect, Event, Outcome, Signal, SignalKind};
pub use job::{Job, JobId, JobIds, JobKind, JobNews, JobProgress, JobResult};
pub use layer::Layer;
pub use message::Message;
pub use pane::{Choice, Pane, PaneRequest, PaneSubject, PaneView, StatementToExplain};
pub use pane_id::PaneId;
pub use pane_spec::{PaneContext, PaneSpec, RowOrder};
pub use timeline::Timeline;

/// How the console starts.
#[derive(Debug, Clone)]
pub struct Start {
    /// The target as the user knows it.
    pub target: String,
    /// The pane that opens.
    pub pane: &'static PaneSpec,
    /// The pace asked for.
    pub pace: Seconds,
    /// Whether pgdj may act on the server.
    pub rights: Rights,
    /// Where the samples come from.
    pub origin: SampleOrigin,
    /// The zone in which times of day are written.
    pub zone: jiff::tz::TimeZone,
    /// Bytes the history may hold.
    pub history_bytes: usize,
    /// The theme in force.
    pub theme: Theme,
    /// The folder of the user's own themes.
    pub themes: Option<PathBuf>,
    /// The CPUs of the server, where the settings name them: PostgreSQL does not say.
    pub vcpus: Option<u32>,
}

/// Whether pgdj may act on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// Cancel and terminate are offered.
    MayAct,
    /// `--read-only`: nothing is offered that is more than reading.
    ReadOnly,
}

/// Where the samples come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SampleOrigin {
    /// A server, now.
    Server,
    /// A recording: there is nothing to ask and nothing to act on.
    Recording,
    /// A recording that is played as if it were a server, again and again.
    Played,
}

/// How it stands with the server.
#[derive(Debug, Clone, PartialEq)]
pub enum ServerLink {
    /// The first sample is on its way.
    Waiting,
    /// Samples arrive.
    Up,
    /// The server was lost.
    Down {
        /// One sentence.
        why: String,
        /// When the next attempt is made, by our clock.
        retry_at: Timestamp,
    },
}

/// The whole state of the console.
#[derive(Debug)]
pub struct App {
    start: Start,
    timeline: Timeline,
    /// The moment of a recording that the shell was asked for last.
    sought: Option<Moment>,
    /// What cannot be read of a recording, as it was said.
    damage: Option<String>,
    clock: Clock,
    link: ServerLink,
    facts: Option<Arc<ServerFacts>>,
    panes: PaneStack,
    layers: Vec<Layer>,
    message: Option<Message>,
    journal: VecDeque<String>,
    /// The jobs that have not ended, the newest last.
    jobs: Vec<RunningJob>,
    /// Signals whose effect no sample has shown yet, the newest last.
    acts: Vec<Sent>,
    /// What the shell has not taken yet.
    effects: VecDeque<Effect>,
    /// A line below the header that stays; empty, there is none.
    banner: Vec<Segment>,
    pace: Seconds,
    theme: Theme,
    shown: ShownMoment,
    preview: Option<Detail>,
    /// What the panes that list sessions and statements are narrowed to.
    filter: SliceFilter,
    /// The conditions of the filter as they are shown.
    crumbs: Vec<String>,
    /// The row whose document was opened last.
    inspected: Option<preview::InspectedRow>,
    /// Where the tabs were drawn, for clicks.
    tabs: Vec<Rect>,
    area: Rect,
    now: Timestamp,
    sampled_at: Timestamp,
    is_dirty: bool,
}

/// A job that was asked for and has not ended.
#[derive(Debug)]
struct RunningJob {
    id: JobId,
    kind: JobKind,
    /// What it does, for messages.
    title: String,
    /// Whether the shell was asked to cancel it.
    is_cancelling: bool,
}

/// What the last refresh derived from the moment shown.
#[derive(Debug, Default)]
pub struct ShownMoment {
    /// The moment, and what its snapshot means.
    seen: Option<(Moment, Rc<Readings>)>,
    /// Its vital signs.
    vitals: Vitals,
    /// Its findings.
    findings: Findings,
    /// Whether the console moves with the samples: what came since is then shown with the next one.
    is_live: bool,
}

impl ShownMoment {
    /// Returns the moment.
    fn moment(&self) -> Option<Moment> {
        self.seen.as_ref().map(|(moment, _)| *moment)
    }

    /// Returns its snapshot.
    fn snapshot(&self) -> Option<&Snapshot> {
        self.seen.as_ref().map(|(_, readings)| readings.snapshot().as_ref())
    }

    /// Whether it is this snapshot at this moment.
    fn is(&self, moment: Moment, snapshot: &Arc<Snapshot>) -> bool {
        let is_it = |seen: &(Moment, Rc<Readings>)| seen.0 == moment && Arc::ptr_eq(seen.1.snapshot(), snapshot);
        self.seen.as_ref().is_some_and(is_it)
    }

    /// Returns what a pane may see of it.
    fn view<'a>(&'a self, history: &'a History, filter: &'a SliceFilter) -> Option<PaneView<'a>> {
        let (moment, readings) = self.seen.as_ref()?;
        let view = PaneView::new(history, *moment, readings, &self.findings).narrowed(filter);
        Some(PaneView { is_held: view.is_held && !self.is_live, ..view })
    }
}

impl App {
    /// A console of these panes that has seen nothing yet.
    pub fn new(start: Start, specs: &'static [PaneSpec], context: &PaneContext) -> Self {
        Self {
            panes: PaneStack::new(specs, start.pane, &PaneContext { vcpus: start.vcpus, ..context.clone() }),
            timeline: Timeline::bounded(start.history_bytes),
            sought: None,
            damage: None,
            clock: Clock::Live,
            link: ServerLink::Waiting,
            facts: None,
            layers: Vec::new(),
            message: None,
            journal: VecDeque::new(),
            jobs: Vec::new(),
            acts: Vec::new(),
            effects: VecDeque::new(),
            banner: Vec::new(),
            pace: start.pace,
            theme: start.theme.clone(),
            shown: ShownMoment::default(),
            preview: None,
            filter: SliceFilter::default(),
            crumbs: Vec::new(),
            inspected: None,
            tabs: Vec::new(),
            area: Rect::ZERO,
            now: Timestamp::default(),
            sampled_at: Timestamp::default(),
            is_dirty: true,
            start,
        }
    }

    /// Shows a line below the header for as long as the console is open.
    pub(crate) fn set_banner(&mut self, banner: Vec<Segment>) {
        self.banner = banner;
    }

    /// Whether the newest sample is shown, and not a moment that is held.
    pub fn is_live(&self) -> bool {
        self.clock == Clock::Live
    }

    /// Whether something changed since the last frame.
    pub(crate) fn is_dirty(&self) -> bool {
        self.is_dirty
    }

    /// Says that what changed is being drawn.
    pub(crate) fn take_dirty(&mut self) {
        self.is_dirty = false;
    }

    /// Whether an action is offered: in read-only mode none that does more than read.
    fn may(&self, binding: &Binding) -> bool {
        match binding.needs {
            ActionNeeds::Nothing => true,
            ActionNeeds::Server => self.start.origin == SampleOrigin::Server,
            ActionNeeds::Rights => self.start.rights == Rights::MayAct,
        }
    }

    /// Returns the pane that is shown.
    pub fn current(&self) -> PaneId {
        self.panes.spec().id
    }

    /// Returns the theme in force.
    pub fn theme(&self) -> &Theme {
        &self.theme
    }

    /// Writes a line into the journal of acts, which holds the last thousand.
    pub fn log(&mut self, line: String) {
        let now = self.timeline.history().newest().map(|newest| screen::clock_text(newest.at));
        self.journal.push_back(match now {
            Some(now) => format!("{now} {line}"),
            None => line,
        });
        if self.journal.len() > 1000 {
            self.journal.pop_front();
        }
    }

    fn pane(&mut self) -> Option<&mut Box<dyn Pane>> {
        self.panes.shown_mut()
    }
}
