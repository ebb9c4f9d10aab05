//! What the state machine asks the shell to do, and what the shell tells it.

use std::sync::Arc;

use crossterm::event::{KeyEvent, MouseEvent};

use crate::advisor::IndexSpec;
use crate::failure::Failure;
use crate::pg::advice::Advised;
use crate::pg::explain::{Answer, Parameter, Progress, Request};
use crate::pg::verify::{Building, Tried};
use crate::plan::Plan;
use crate::readings::act::Doing;
use crate::sample::{Seconds, ServerFacts, Snapshot, Timestamp};

pub use crate::readings::act::SignalKind;

/// Something that happened. The only way anything reaches the state machine.
#[derive(Debug)]
pub enum Event {
    /// A key was pressed.
    Key(KeyEvent),
    /// The mouse moved a wheel or pressed a button.
    Mouse(MouseEvent),
    /// Text was pasted.
    Paste(String),
    /// The terminal has another size.
    Resized,
    /// A sample arrived.
    Sampled(Arc<Snapshot>),
    /// A recording that is played starts again with these samples: those before do not count.
    Restarted(Vec<Arc<Snapshot>>),
    /// A server was reached, for the first time or again.
    Connected(Arc<ServerFacts>),
    /// The server was lost, or could not be reached yet.
    Lost {
        /// When, by our clock.
        since: Timestamp,
        /// What ended it, in one sentence.
        why: String,
        /// When the next attempt is made.
        retry_in: Seconds,
    },
    /// Something that was asked for has ended.
    Done(Outcome),
    /// How the EXPLAIN under way stands; about every quarter of a second.
    ExplainProgress(Progress),
    /// The EXPLAIN under way has ended.
    ExplainDone(Result<Box<Answer>, Failure>),
    /// What is known of the parameters of a statement.
    Parameters {
        /// The statement that was asked about.
        sql: String,
        /// They, in the order of their numbers.
        known: Result<Vec<Parameter>, Failure>,
    },
    /// Indexes were looked for.
    Suggested {
        /// The plan that was asked about.
        plan: Arc<Plan>,
        /// What was found, or why nothing could be.
        found: Result<Box<Advised>, Failure>,
    },
    /// How long the trial of an index has been under way; about every half second.
    Trying(Seconds),
    /// The trial of an index has ended.
    Tried {
        /// The plan that the index is for.
        plan: Arc<Plan>,
        /// What was measured, or why nothing could be.
        tried: Result<Box<Tried>, Failure>,
    },
    /// A file was read.
    Opened {
        /// Its path, as it was given.
        path: String,
        /// Its text, or why there is none.
        read: Result<String, Failure>,
    },
    /// An editor of the user's own has ended with this text.
    Edited(String),
    /// The statements explained in earlier runs, the oldest first.
    Remembered(Vec<String>),
    /// A second went by on our clock: ages are drawn again.
    Tick(Timestamp),
}

/// How something that was asked for has ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// As it was meant to: one sentence.
    Good(String),
    /// The server sent a signal; what came of it is for the next samples to show.
    Sent(Signal),
    /// There was nothing to do: one sentence.
    Note(String),
    /// It did not: one sentence.
    Bad(String),
    /// Exact bloat of a relation was measured.
    Exact {
        /// The relation.
        relid: i64,
        /// Share of its bytes that hold nothing, 0..=1.
        free_share: f64,
        /// When.
        at: Timestamp,
        /// One sentence.
        note: String,
    },
    /// Exact bloat of a relation was not measured.
    NotMeasured {
        /// The relation.
        relid: i64,
        /// Why: one sentence.
        why: String,
    },
}

/// Something the shell is asked to do. The only way the state machine acts on the world.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Leave.
    Quit,
    /// Stop, and give the terminal to the shell until it continues the program.
    Suspend,
    /// Put text on the clipboard by OSC 52.
    Copy {
        /// What to copy.
        text: String,
        /// What it is, for the message.
        what: String,
    },
    /// Sample at another pace.
    Pace(Seconds),
    /// Read everything now.
    ReadNow,
    /// Cancel a query or end a session.
    Signal(Signal),
    /// Measure the bloat of a relation with pgstattuple.
    Exact {
        /// The relation.
        relid: i64,
        /// Its name, for the message.
        name: String,
        /// Whether it is an index.
        kind: RelationKind,
    },
    /// Cancel what runs on the act session.
    CancelWork,
    /// Explain a statement; answered by [`Event::ExplainProgress`] and [`Event::ExplainDone`].
    Explain(Box<Request>),
    /// Cancel the EXPLAIN under way on the server.
    CancelExplain,
    /// Look for indexes for a plan and ask the planner about them; answered by [`Event::Suggested`].
    Suggest {
        /// The statement with its values.
        request: Box<Request>,
        /// Its plan.
        plan: Arc<Plan>,
    },
    /// Build indexes, measure the statement without and with them, and drop them; answered by [`Event::Trying`] and
    /// [`Event::Tried`].
    Try {
        /// The statement with its values.
        request: Box<Request>,
        /// The indexes.
        specs: Vec<IndexSpec>,
        /// The plan that they are for.
        plan: Arc<Plan>,
        /// How they are built.
        building: Building,
    },
    /// Cancel the trial under way on the server, and see to it that nothing of it stays.
    CancelTry,
    /// Find out the types of a statement's parameters and values worth trying; answered by [`Event::Parameters`].
    AskParameters {
        /// The statement.
        sql: String,
    },
    /// Open a text in the user's own editor; answered by [`Event::Edited`].
    Edit {
        /// The text.
        text: String,
    },
    /// Read a file; answered by [`Event::Opened`].
    Open {
        /// Its path.
        path: String,
    },
    /// Keep a statement for the history of the editor.
    Remember(String),
    /// Write a text to a file that is not there yet.
    Save {
        /// The name of the file, in the folder pgdj was started in.
        name: String,
        /// Its text.
        text: String,
    },
}

/// What kind of relation is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelationKind {
    /// A table: `pgstattuple_approx`.
    Table,
    /// A b-tree: `pgstatindex`.
    Index,
}

/// A signal to a backend, named by pid and start so that a reused pid is never hit.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// Cancel or terminate.
    pub kind: SignalKind,
    /// The pid.
    pub pid: i64,
    /// When the backend started: seconds since 1970, as the server gave it.
    pub backend_start: f64,
    /// What it must still be doing.
    pub doing: Doing,
    /// Who it is, for the journal.
    pub who: String,
}
