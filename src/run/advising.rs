//! The task that looks for indexes: one at a time, the newest question only.

use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::app::Event;
use crate::pg::advice::advise;
use crate::pg::explain::Request;
use crate::pg::session::{Connector, Reaper, reaper};
use crate::plan::Plan;

/// Answers that may wait; there is one question at a time.
const ROOM: usize = 2;

/// Looks for indexes.
pub(super) struct Advising {
    connector: Arc<dyn Connector>,
    reaper: Reaper,
    reaping: JoinHandle<()>,
    under_way: Option<JoinHandle<()>>,
    tell: mpsc::Sender<Event>,
}

impl Advising {
    /// Nothing is looked for yet; what is found comes out of the channel.
    pub(super) fn new(connector: Arc<dyn Connector>) -> (Self, mpsc::Receiver<Event>) {
        let (tell, told) = mpsc::channel(ROOM);
        let (reaper, reaping) = reaper();
        (Self { connector, reaper, reaping: tokio::spawn(reaping), under_way: None, tell }, told)
    }

    /// Looks for indexes for a plan; an older question is given up, on the server too.
    pub(super) fn ask(&mut self, request: Request, plan: Arc<Plan>) {
        self.give_up();
        let (connector, reaper, tell) = (Arc::clone(&self.connector), self.reaper.clone(), self.tell.clone());
        self.under_way = Some(tokio::spawn(async move {
            let found = advise(&connector, &reaper, &request, &plan).await.map(Box::new);
            // A console that is leaving does not listen.
            drop(tell.send(Event::Suggested { plan, found }).await);
        }));
    }

    fn give_up(&mut self) {
        if let Some(task) = self.under_way.take() {
            task.abort();
        }
    }
}

impl Drop for Advising {
    fn drop(&mut self) {
        self.give_up();
        self.reaping.abort();
    }
}
