//! What the state machine asks the shell to do, and what the shell tells it.

use std::sync::Arc;

use crossterm::event::{KeyEvent, MouseEvent};

use super::job::{Job, JobId, JobNews};
use crate::readings::act::Doing;
use crate::record::RecordedWindow;
use crate::sample::{Moment, Seconds, ServerFacts, Snapshot, Timestamp};
use crate::workload::Baseline;

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
    /// The samples around a moment of a recording were loaded, or more is known of the whole.
    Recorded(Box<RecordedWindow>),
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
    /// News of a long piece of work.
    Job(JobId, JobNews),
    /// A second went by on our clock: ages are drawn again.
    Tick(Timestamp),
}

impl Event {
    /// Whether a person did it, who waits for the frame.
    pub(crate) fn is_input(&self) -> bool {
        matches!(self, Self::Key(_) | Self::Mouse(_) | Self::Paste(_))
    }
}

/// How something that was asked for has ended.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    /// As it was meant to: one sentence.
    Good(String),
    /// The server sent a signal; what came of it is for the next samples to show.
    Sent(Signal),
    /// A signal was on its way when the server did not answer: what is known of it, in words.
    Unanswered(Signal, String),
    /// There was nothing to do: one sentence.
    Note(String),
    /// It did not: one sentence.
    Bad(String),
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
    /// Load the samples around a moment of a recording; answered by [`Event::Recorded`].
    Seek(Moment),
    /// Sample at another pace.
    Pace(Seconds),
    /// Read everything now.
    ReadNow,
    /// Cancel a query or end a session.
    Signal(Signal),
    /// The same for several, each named as one alone is.
    Signals(Vec<Signal>),
    /// Begin a long piece of work; answered by [`Event::Job`].
    Start(JobId, Job),
    /// Cancel it, on the server too, and leave nothing of it behind; answered by [`Event::Job`].
    Cancel(JobId),
    /// Keep a statement for the history of the editor.
    Remember(String),
    /// Write a text to a file that is not there yet.
    Save {
        /// The name of the file, in the folder pgdj was started in.
        name: String,
        /// Its text.
        text: String,
    },
    /// Keep an advice, to be compared with what comes of it.
    KeepBaseline(Box<Baseline>),
}

/// A signal to a backend, named by pid and start so that a reused pid is never hit.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// Cancel or terminate.
    pub kind: SignalKind,
    /// The act as a button names it.
    pub button: &'static str,
    /// The pid.
    pub pid: i64,
    /// When the backend started: seconds since 1970, as the server gave it.
    pub backend_start: f64,
    /// What it must still be doing.
    pub doing: Doing,
    /// Who it is, for the journal.
    pub who: String,
}
