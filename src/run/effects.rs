//! The effects: what the state machine asks for is sent where it is done.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::KeptFiles;
use super::jobs::JobRunner;
use super::own_editor;
use super::terminal::Display;
use crate::app::{Effect, Event, Outcome, Rights, Signal};
use crate::failure::without_number;
use crate::pg::act::{ActOrder, SignalReply};
use crate::pg::control::{self, BackendKey, Mode, Permit};
use crate::pg::sampler::SamplerCommand;
use crate::sample::{ServerFacts, Timestamp};

/// Bytes of text that terminals take by OSC 52; more is cut by some, ignored by others.
const CLIPBOARD_LIMIT: usize = 74_994;

/// Returns what the sessions of the console may do.
pub(super) fn mode_of(rights: Rights) -> Mode {
    if rights == Rights::ReadOnly { Mode::ReadOnly } else { Mode::Full }
}

/// Sends what is asked for to the session that does it.
pub(super) struct EffectRunner {
    commands: mpsc::Sender<SamplerCommand>,
    orders: mpsc::Sender<ActOrder>,
    rights: Rights,
    /// The signals under way.
    signals: Vec<Signal>,
    kept: KeptFiles,
    jobs: JobRunner,
}

impl EffectRunner {
    pub(super) fn new(
        commands: mpsc::Sender<SamplerCommand>,
        orders: mpsc::Sender<ActOrder>,
        rights: Rights,
        kept: KeptFiles,
        jobs: JobRunner,
    ) -> Self {
        Self { commands, orders, rights, signals: Vec::new(), kept, jobs }
    }

    /// Does an effect; returns what came of it, where that is known at once.
    pub(super) fn act(&mut self, effect: Effect, screen: &mut impl Display) -> Option<Event> {
        let outcome = match effect {
            // The loop has taken these, and only a recording is sought in.
            Effect::Quit | Effect::Suspend | Effect::Seek(_) => None,
            Effect::Copy { text, what } => Some(copy(&text, &what, screen)),
            Effect::Pace(pace) => self.command(SamplerCommand::Pace(Duration::from_secs_f64(pace.0))),
            Effect::ReadNow => self.command(SamplerCommand::ReadNow),
            Effect::Signal(signal) => self.signal(signal),
            Effect::Signals(signals) => {
                let refused: Vec<Outcome> = signals.into_iter().filter_map(|signal| self.signal(signal)).collect();
                refused.into_iter().next()
            }
            Effect::Start(id, job) => {
                self.jobs.start(id, job);
                None
            }
            Effect::Cancel(id) => {
                self.jobs.cancel(id);
                None
            }
            Effect::Remember(statement) => {
                let kept = self.kept.remembered.add(&statement);
                kept.err().map(|error| {
                    Outcome::Bad(format!(
                        "the statement was not saved for later runs: {}",
                        without_number(&error.to_string())
                    ))
                })
            }
            Effect::Save { name, text } => Some(save(&name, &text)),
            Effect::KeepBaseline(baseline) => Some(match self.kept.baselines.keep(&baseline) {
                Ok(_) => Outcome::Good(format!(
                    "kept; when the indexes are built, compare with: pgdj verify {}",
                    baseline.name
                )),
                Err(failure) => Outcome::Bad(failure.what),
            }),
        };
        outcome.map(Event::Done)
    }

    /// Tells those who act what the server has.
    pub(super) fn tell_facts(&mut self, facts: &Arc<ServerFacts>) {
        self.jobs.learn(facts);
        if self.orders.try_send(ActOrder::Facts(Arc::clone(facts))).is_err() {
            tracing::info!("the connection for cancel and terminate is busy; another connection sends the request");
        }
    }

    /// Ends the sessions; gives back what is to be waited for.
    pub(super) fn stop(self) -> JobRunner {
        // A channel that is full or closed belongs to a session that is ending.
        self.commands.try_send(SamplerCommand::Stop).unwrap_or_default();
        drop(self.orders.try_send(ActOrder::Stop));
        self.jobs
    }

    fn command(&self, command: SamplerCommand) -> Option<Outcome> {
        self.commands.try_send(command).err().map(|_| Outcome::Bad("the sampler is busy; try again".to_owned()))
    }

    fn order(&self, order: ActOrder) -> Option<Outcome> {
        self.orders
            .try_send(order)
            .err()
            .map(|_| Outcome::Bad("the connection for cancel and terminate is busy; try again".to_owned()))
    }

    fn signal(&mut self, signal: Signal) -> Option<Outcome> {
        let Some(permit) = Permit::of(mode_of(self.rights)) else {
            return Some(Outcome::Bad(format!("--read-only forbids to {} {}", signal.kind.verb(), signal.who)));
        };
        let backend = BackendKey { pid: signal.pid, started: Timestamp(signal.backend_start), doing: signal.doing };
        let refused = self.order(ActOrder::Signal { permit, signal: signal.kind, backend });
        if refused.is_none() {
            self.signals.push(signal);
        }
        refused
    }

    /// Returns what is said of what the act session did.
    pub(super) fn outcome(&mut self, told: SignalReply) -> Outcome {
        let SignalReply { signal, backend, outcome } = told;
        let is_it = |one: &Signal| one.kind == signal && one.pid == backend.pid;
        let Some(at) = self.signals.iter().position(is_it) else {
            return Outcome::Bad(format!("unexpected answer about pid {}: {outcome}", backend.pid));
        };
        of_signal(self.signals.remove(at), &outcome)
    }
}

/// Returns what is said of a signal; that it was sent is no success yet.
fn of_signal(signal: Signal, outcome: &control::SignalOutcome) -> Outcome {
    match outcome {
        control::SignalOutcome::Sent => Outcome::Sent(signal),
        control::SignalOutcome::Unanswered { .. } => Outcome::Unanswered(signal, outcome.to_string()),
        control::SignalOutcome::Gone => Outcome::Note(format!("{}: {outcome}", signal.who)),
        _ => Outcome::Bad(format!("could not {} {}: {outcome}", signal.kind.verb(), signal.who)),
    }
}

pub(super) fn save(name: &str, text: &str) -> Outcome {
    match own_editor::save(name, text) {
        Ok(path) => Outcome::Good(format!("written to {}", path.display())),
        Err(error) => Outcome::Bad(format!("{name} was not written: {}", without_number(&error.to_string()))),
    }
}

pub(super) fn copy(text: &str, what: &str, screen: &mut impl Display) -> Outcome {
    let (text, left_out) = crate::ui::text::without_controls(text);
    if text.len() > CLIPBOARD_LIMIT {
        return Outcome::Bad(format!(
            "{what} is too long to copy: by OSC 52, terminals accept at most {} kB",
            CLIPBOARD_LIMIT / 1000
        ));
    }
    let left_out = match left_out {
        0 => String::new(),
        1 => ", 1 control character or sequence left out".to_owned(),
        many => format!(", {many} control characters or sequences left out"),
    };
    match screen.copy(text.as_ref()) {
        Ok(()) => Outcome::Good(format!("Copied {what}{left_out} (in tmux: set -g set-clipboard on)")),
        Err(error) => Outcome::Bad(format!("could not copy {what}: {}", without_number(&error.to_string()))),
    }
}
