//! The task that looks for indexes, and the one that tries an index for real: each the newest question only.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::advisor::IndexSpec;
use crate::app::{Event, Outcome};
use crate::pg::advice::advise;
use crate::pg::control::Mode;
use crate::pg::explain::Request;
use crate::pg::session::{Connector, Reaper, reaper};
use crate::pg::verify::{Building, Verifier};
use crate::plan::Plan;
use crate::sample::Seconds;

/// Answers that may wait; there is one question at a time, and how a trial stands.
const ROOM: usize = 4;

/// How often is said how long a trial has been under way.
const PROGRESS: Duration = Duration::from_millis(500);

/// Looks for indexes.
pub(super) struct Advising {
    connector: Arc<dyn Connector>,
    mode: Mode,
    reaper: Reaper,
    reaping: JoinHandle<()>,
    looking: Option<JoinHandle<()>>,
    trial: Option<(JoinHandle<()>, Vec<IndexSpec>)>,
    cleaning: Option<JoinHandle<()>>,
    tell: mpsc::Sender<Event>,
}

impl Advising {
    /// Nothing is looked for yet; what is found comes out of the channel.
    pub(super) fn new(connector: Arc<dyn Connector>, mode: Mode) -> (Self, mpsc::Receiver<Event>) {
        let (tell, told) = mpsc::channel(ROOM);
        let (reaper, reaping) = reaper();
        let reaping = tokio::spawn(reaping);
        (Self { connector, mode, reaper, reaping, looking: None, trial: None, cleaning: None, tell }, told)
    }

    /// Looks for indexes for a plan; an older question is given up, on the server too.
    pub(super) fn ask(&mut self, request: Request, plan: Arc<Plan>) {
        if let Some(task) = self.looking.take() {
            task.abort();
        }
        let (connector, reaper, tell) = (Arc::clone(&self.connector), self.reaper.clone(), self.tell.clone());
        let mode = self.mode;
        self.looking = Some(tokio::spawn(async move {
            let found = advise(&connector, (mode, &reaper), &request, &plan).await.map(Box::new);
            // A console that is leaving does not listen.
            drop(tell.send(Event::Suggested { plan, found }).await);
        }));
    }

    /// Builds indexes, measures, and drops them; an older trial is given up.
    pub(super) fn try_for_real(&mut self, request: Request, wanted: (Vec<IndexSpec>, Building), plan: Arc<Plan>) {
        let (specs, building) = wanted;
        self.give_up_trial();
        let (verifier, tell, started) = (self.verifier(), self.tell.clone(), Instant::now());
        // The name of the index is that of the process: what is left of an older trial goes first.
        let cleaning = self.cleaning.take();
        let tried = specs.clone();
        let task = tokio::spawn(async move {
            if let Some(cleaning) = cleaning {
                drop(cleaning.await);
            }
            let mut work = Box::pin(verifier.try_for_real(&request, &tried, building));
            let tried = loop {
                match select(work, Box::pin(tokio::time::sleep(PROGRESS))).await {
                    Either::Left((tried, _)) => break tried,
                    Either::Right(((), going_on)) => work = going_on,
                }
                // A console that is busy hears of the next half second.
                drop(tell.try_send(Event::Trying(Seconds(started.elapsed().as_secs_f64()))));
            };
            drop(tell.send(Event::Tried { plan, tried: tried.map(Box::new) }).await);
        });
        self.trial = Some((task, specs));
    }

    /// Cancels the trial on the server, and drops what is left of it.
    pub(super) fn give_up_trial(&mut self) {
        let Some((task, specs)) = self.trial.take().filter(|(task, _)| !task.is_finished()) else { return };
        task.abort();
        let (verifier, tell) = (self.verifier(), self.tell.clone());
        self.cleaning = Some(tokio::spawn(async move {
            // An aborted task has let go of its connection, and with that asked for its cancel, when it is joined.
            drop(task.await);
            if let Err(failure) = verifier.clean_up(&specs).await {
                let because = failure.because.first().map(|because| format!(": {because}")).unwrap_or_default();
                drop(tell.send(Event::Done(Outcome::Bad(format!("{}{because}", failure.what)))).await);
            }
        }));
    }

    /// Says whether leaving has to wait for an index to be dropped.
    pub(super) fn is_trying(&self) -> bool {
        let is_at_work = |task: &JoinHandle<()>| !task.is_finished();
        self.trial.as_ref().is_some_and(|(task, _)| is_at_work(task)) || self.cleaning.as_ref().is_some_and(is_at_work)
    }

    /// Gives up what is under way, and waits until the server knows and nothing of a trial is left.
    pub(super) async fn stop(mut self) {
        if let Some(task) = self.looking.take() {
            task.abort();
            drop(task.await);
        }
        self.give_up_trial();
        let Self { reaper, reaping, cleaning, tell, .. } = self;
        // Nobody listens any more: what has to be said is not waited for.
        drop(tell);
        if let Some(cleaning) = cleaning {
            drop(cleaning.await);
        }
        drop(reaper);
        drop(reaping.await);
    }

    fn verifier(&self) -> Verifier {
        Verifier::new(Arc::clone(&self.connector), self.mode, self.reaper.clone())
    }
}
