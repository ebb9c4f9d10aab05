//! The EXPLAINs of the console: asked for by effects, answered by events.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::app::{Effect, Event, Rights};
use crate::failure::{Failure, Kind};
use crate::pg::control::Mode;
use crate::pg::explain::serve::{Order, Told, serve};
use crate::pg::session::Connector;

/// Returns what the sessions of the console may do.
pub(super) fn mode_of(rights: Rights) -> Mode {
    if rights == Rights::ReadOnly { Mode::ReadOnly } else { Mode::Full }
}

/// The task that explains, and the ways to it.
pub(super) struct Explains {
    orders: mpsc::Sender<Order>,
    told: mpsc::Receiver<Told>,
    task: JoinHandle<()>,
}

impl Explains {
    pub(super) fn start(connector: Arc<dyn Connector>, rights: Rights) -> Self {
        let mode = mode_of(rights);
        let (orders, orders_out) = mpsc::channel(16);
        let (told_in, told) = mpsc::channel(16);
        let task = tokio::spawn(serve(connector, mode, orders_out, told_in));
        Self { orders, told, task }
    }

    /// Does an effect that is about EXPLAIN; gives back any other.
    pub(super) fn act(&self, effect: Effect) -> Result<Option<Event>, Effect> {
        let busy = || Failure::new(Kind::Refused, "too many requests at once; try again");
        Ok(match effect {
            Effect::Explain(request) => {
                let sent = self.orders.try_send(Order::Explain(request));
                sent.err().map(|_full| Event::ExplainDone(Err(busy())))
            }
            Effect::AskParameters { sql } => {
                let sent = self.orders.try_send(Order::Parameters(sql.clone()));
                sent.err().map(|_full| Event::Parameters { sql, known: Err(busy()) })
            }
            Effect::CancelExplain => {
                if self.orders.try_send(Order::Cancel).is_err() {
                    tracing::warn!("the cancel was not sent: too many requests at once");
                }
                None
            }
            other => return Err(other),
        })
    }

    /// Returns what comes next; cancel-safe.
    pub(super) async fn next(&mut self) -> Event {
        match self.told.recv().await {
            Some(told) => event(told),
            None => std::future::pending().await,
        }
    }

    /// Returns what is waiting already.
    pub(super) fn waiting(&mut self) -> Option<Event> {
        self.told.try_recv().ok().map(event)
    }

    /// Cancels what is under way, and ends.
    pub(super) async fn stop(self) {
        let Self { orders, told, task } = self;
        drop((orders, told));
        if let Err(error) = task.await {
            tracing::warn!(%error, "the EXPLAIN task failed");
        }
    }
}

fn event(told: Told) -> Event {
    match told {
        Told::Progress(progress) => Event::ExplainProgress(progress),
        Told::Explained(result) => Event::ExplainDone(result),
        Told::Parameters { sql, known } => Event::Parameters { sql, known },
    }
}
