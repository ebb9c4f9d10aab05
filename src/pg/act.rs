//! The act session: opened at the start, so that cancel and terminate still work when `max_connections` is reached.
//!
//! What a person asked for runs here and never queues behind the sampler. While one signal has the session, another
//! gets a short connection of its own. Spawns nothing: [`run`] is one future.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc;

use super::control::{self, BackendKey, Permit, Signal, SignalOutcome};
use super::session::{CancelQueue, Connector, Limits, Lost, Session, cancel_queue};
use crate::sample::ServerFacts;

/// What a person asks for.
#[derive(Debug, Clone)]
pub enum ActOrder {
    /// Send a signal; the permit says that this is not read-only mode.
    Signal {
        /// The right to act.
        permit: Permit,
        /// What to send.
        signal: Signal,
        /// To whom.
        backend: BackendKey,
    },
    /// The sampler found out anew what the server has.
    Facts(Arc<ServerFacts>),
    /// End.
    Stop,
}

/// What came of a signal.
#[derive(Debug)]
pub struct SignalReply {
    /// What was sent.
    pub signal: Signal,
    /// To whom.
    pub backend: BackendKey,
    /// What came of it.
    pub outcome: SignalOutcome,
}

/// Signals under way at once; more are refused.
const MOST_SIGNALS: usize = 8;

/// How long a signal may take, with its connection.
const SIGNAL_LIMIT: Duration = Duration::from_secs(10);

/// Time between attempts to have the session open.
const RETRY: Duration = Duration::from_secs(3);

/// How long a signal or a connection that is being made at the end may take.
const GRACE: Duration = Duration::from_millis(500);

/// How long a signal may wait for a lock, or run.
const LIMITS: Limits = Limits::ACT;

/// How long the end may take: connections that close.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(10);

enum ActDone {
    Opened(Option<Session>),
    Signalled(Option<Session>, SignalReply),
}

struct Act {
    connector: Arc<dyn Connector>,
    cancel_queue: CancelQueue,
    facts: Arc<ServerFacts>,
    session: Option<Session>,
    is_opening: bool,
    retry: Instant,
    work: FuturesUnordered<BoxFuture<'static, ActDone>>,
}

/// Acts until it is told to stop or nobody listens.
pub async fn run(connector: Arc<dyn Connector>, orders: mpsc::Receiver<ActOrder>, told: mpsc::Sender<SignalReply>) {
    let (cancel_queue, cancel_work) = cancel_queue();
    let act = Act {
        facts: Arc::new(ServerFacts { target: connector.target(), ..ServerFacts::default() }),
        connector,
        cancel_queue,
        session: None,
        is_opening: false,
        retry: Instant::now(),
        work: FuturesUnordered::new(),
    };
    let mut cancel_work = std::pin::pin!(cancel_work);
    tokio::select! {
        () = &mut cancel_work => return,
        () = act.run(orders, told) => {}
    }
    if tokio::time::timeout(SHUTDOWN_LIMIT, cancel_work).await.is_err() {
        tracing::info!("a signal may still be on its way");
    }
}

impl Act {
    async fn run(mut self, orders: mpsc::Receiver<ActOrder>, told: mpsc::Sender<SignalReply>) {
        self.work(orders, told).await;
        let ending = async { while self.work.next().await.is_some() {} };
        drop(tokio::time::timeout(GRACE, ending).await);
    }

    async fn work(&mut self, mut orders: mpsc::Receiver<ActOrder>, told: mpsc::Sender<SignalReply>) {
        loop {
            if self.session.is_none() && !self.is_opening && Instant::now() >= self.retry {
                self.open();
            }
            // Each branch is cancel-safe: receiving, futures that are kept, and a timer.
            let news = tokio::select! {
                order = orders.recv() => match order {
                    Some(ActOrder::Stop) | None => return,
                    Some(order) => self.obey(order),
                },
                Some(done) = self.work.next(), if !self.work.is_empty() => self.finish(done),
                lost = closed(&mut self.session) => {
                    tracing::info!(why = lost.why, "the connection for cancel and terminate is lost");
                    self.session = None;
                    None
                }
                () = tokio::time::sleep_until(self.retry.max(Instant::now() + RETRY / 10).into()), if self.session.is_none() => None,
            };
            if let Some(news) = news
                && told.send(news).await.is_err()
            {
                return;
            }
        }
    }

    fn open(&mut self) {
        self.is_opening = true;
        self.retry = Instant::now() + RETRY;
        let (connector, cancel_queue) = (Arc::clone(&self.connector), self.cancel_queue.clone());
        self.work.push(async move { ActDone::Opened(open(connector.as_ref(), &cancel_queue).await.ok()) }.boxed());
    }

    fn obey(&mut self, order: ActOrder) -> Option<SignalReply> {
        match order {
            ActOrder::Signal { permit, signal, backend } => self.signal(permit, signal, backend),
            ActOrder::Facts(facts) => {
                self.facts = facts;
                None
            }
            ActOrder::Stop => None,
        }
    }

    fn signal(&mut self, permit: Permit, signal: Signal, backend: BackendKey) -> Option<SignalReply> {
        if self.work.len() >= MOST_SIGNALS {
            let outcome =
                SignalOutcome::Failed { what: "too many cancel or terminate requests at once; try again".to_owned() };
            return Some(SignalReply { signal, backend, outcome });
        }
        let (connector, cancel_queue, facts) =
            (Arc::clone(&self.connector), self.cancel_queue.clone(), Arc::clone(&self.facts));
        let session = self.session.take();
        let act = async move {
            let mut session = match session {
                Some(session) => session,
                None => open(connector.as_ref(), &cancel_queue).await?,
            };
            let outcome = control::send(&mut session, &facts, permit, signal, backend).await;
            Ok((session, outcome))
        };
        let done = async move {
            let (session, outcome) = match tokio::time::timeout(SIGNAL_LIMIT, act).await {
                Ok(Ok((session, outcome))) => (Some(session), outcome),
                Ok(Err(what)) => (None, SignalOutcome::Failed { what }),
                Err(_) => (None, SignalOutcome::Unanswered { why: "the server does not answer".to_owned() }),
            };
            ActDone::Signalled(session, SignalReply { signal, backend, outcome })
        };
        self.work.push(done.boxed());
        None
    }

    fn finish(&mut self, done: ActDone) -> Option<SignalReply> {
        match done {
            ActDone::Opened(session) => {
                self.is_opening = false;
                self.keep(session);
                None
            }
            ActDone::Signalled(session, told) => {
                self.keep(session);
                Some(told)
            }
        }
    }

    /// Keeps one session; a second one was for a single signal and is closed.
    fn keep(&mut self, session: Option<Session>) {
        if self.session.is_none() {
            self.session = session;
        }
    }
}

async fn open(connector: &dyn Connector, cancel_queue: &CancelQueue) -> Result<Session, String> {
    Session::open(connector, LIMITS, cancel_queue)
        .await
        .map_err(|failure| failure.because.last().cloned().unwrap_or(failure.what))
}

async fn closed(session: &mut Option<Session>) -> Lost {
    match session {
        Some(session) => session.closed().await,
        None => std::future::pending().await,
    }
}
