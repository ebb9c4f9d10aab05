//! Signals that were sent: each sample is asked what came of them, and that is said below the pane and in the journal.

use super::{App, Effect, Message, Signal};
use crate::readings::Readings;
use crate::readings::act::SignalKind;
use crate::readings::act_result::{Sample, Sent, SignalProgress};
use crate::sample::Section;

/// Signals that are watched at once; an older one is given up for a newer.
const MOST: usize = 8;

/// Says that signals are on their way.
pub(super) fn sending(effect: &Effect) -> Option<Message> {
    let signals = match effect {
        Effect::Signal(signal) => std::slice::from_ref(signal),
        Effect::Signals(signals) => signals.as_slice(),
        _ => return None,
    };
    let function = signals.first()?.kind.function();
    let to: Vec<&str> = signals.iter().map(|signal| signal.who.as_str()).collect();
    let text = format!("Sending {function}() to {}: the server has not answered yet", to.join(", "));
    Some(Message { samples_left: u8::MAX, ..Message::note(text) })
}

/// Returns the sessions of a snapshot and the server's clock when they were read; `None` where they are old.
fn sessions(readings: &Readings) -> Option<Sample<'_>> {
    let Section::Ready(_) = readings.snapshot().section("activity") else { return None };
    last_sessions(readings)
}

/// Returns the sessions as they were read last.
fn last_sessions(readings: &Readings) -> Option<Sample<'_>> {
    let reading = readings.snapshot().section("activity").reading()?;
    let backends = readings.backends().ok()?;
    Some(Sample {
        backends,
        graph: readings.lock_graph(),
        at: reading.at.0,
        is_whole: readings.cut("activity").is_none(),
    })
}

impl App {
    /// Watches a signal that the server sent.
    pub(super) fn watch_act(&mut self, signal: &Signal) {
        let result = match signal.kind {
            SignalKind::Cancel => "its statement to end",
            SignalKind::Terminate => "it to end",
        };
        let text = format!("Sent {}() to {}; waiting for {result}", signal.kind.function(), signal.who);
        self.log(text.clone());
        self.message = Some(Message::note(text));
        self.watch(signal);
    }

    /// Watches a signal that may have been sent.
    pub(super) fn watch_unanswered(&mut self, signal: &Signal, why: &str) {
        let text = format!("{}() to {}: {why}", signal.kind.function(), signal.who);
        self.log(text.clone());
        self.message = Some(Message::warning(text));
        self.watch(signal);
    }

    fn watch(&mut self, signal: &Signal) {
        let Some(newest) = self.newest() else { return };
        let Some(sample) = last_sessions(&newest) else { return };
        if self.acts.len() >= MOST {
            self.acts.remove(0);
        }
        self.acts.push(Sent::new(signal.kind, signal.pid, signal.backend_start, signal.doing, sample));
    }

    /// Says what the newest sample shows of the signals that are watched.
    pub(super) fn follow_acts(&mut self) {
        if self.acts.is_empty() {
            return;
        }
        let Some(newest) = self.newest() else { return };
        let Some(sample) = sessions(&newest) else {
            if self.message.is_none() {
                let sent: Vec<String> = self.acts.iter().map(Sent::words).collect();
                let text = format!("No answer from the server: the result of {} is not known yet", sent.join(" and "));
                self.message = Some(Message::warning(text));
            }
            return;
        };
        let mut said = Vec::new();
        self.acts.retain_mut(|sent| match sent.progress(sample) {
            SignalProgress::Waiting => true,
            SignalProgress::Still(text) => {
                said.push((Message::note(text), false));
                true
            }
            SignalProgress::Done(text) => {
                said.push((Message::good(text), true));
                false
            }
            SignalProgress::Left(text) => {
                said.push((Message::warning(text), true));
                false
            }
        });
        for (message, is_final) in &said {
            if *is_final {
                self.log(message.text.clone());
            }
        }
        let texts: Vec<&str> = said.iter().map(|(message, _)| message.text.as_str()).collect();
        let text = texts.join("; ");
        // The worst of them decides how it looks.
        let worst = said.iter().max_by_key(|(message, _)| message.health);
        if let Some((worst, _)) = worst {
            self.message = Some(Message { text, ..worst.clone() });
        }
    }
}
