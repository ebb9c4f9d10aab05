//! EXPLAINs for somebody who asks by a channel: one at a time, the newest wins. Spawns nothing: [`serve`] is one future.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, FutureExt as _};
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};

use super::{Answer, Parameter, Progress, Request, Runner};
use crate::Failure;
use crate::pg::control::Mode;
use crate::pg::session::{Connector, reaper};

/// What is asked for.
#[derive(Debug)]
pub enum Order {
    /// Explain a statement; one that is under way is cancelled for it.
    Explain(Box<Request>),
    /// Cancel the one under way, on the server too.
    Cancel,
    /// Find out the parameters of a statement.
    Parameters(String),
    /// Cancel what is under way, and end.
    Stop,
}

/// What came of it.
#[derive(Debug)]
pub enum Told {
    /// How the newest stands.
    Progress(Progress),
    /// The newest has ended.
    Explained(Result<Box<Answer>, Failure>),
    /// The parameters of a statement.
    Parameters {
        /// The statement.
        sql: String,
        /// They, in the order of their numbers.
        known: Result<Vec<Parameter>, Failure>,
    },
}

/// Statements whose parameters are asked at once; more are refused.
const MOST_QUESTIONS: usize = 4;

/// How long the end may take: what is under way is cancelled.
const FAREWELL: Duration = Duration::from_secs(1);

enum Done {
    Explained { number: u64, result: Result<Box<Answer>, Failure> },
    Parameters { sql: String, known: Result<Vec<Parameter>, Failure> },
    Reported,
}

struct Desk {
    runner: Runner,
    told: mpsc::Sender<Told>,
    work: FuturesUnordered<BoxFuture<'static, Done>>,
    /// The number of the newest, and what stops it.
    newest: u64,
    stop: Option<oneshot::Sender<()>>,
    questions: usize,
}

/// Explains what is asked for until it is told to stop or nobody asks any more.
pub async fn serve(
    connector: Arc<dyn Connector>,
    mode: Mode,
    mut orders: mpsc::Receiver<Order>,
    told: mpsc::Sender<Told>,
) {
    let (reaper, reaping) = reaper();
    let runner = Runner::new(connector, mode, reaper);
    let mut desk = Desk { runner, told, work: FuturesUnordered::new(), newest: 0, stop: None, questions: 0 };
    let mut reaping = std::pin::pin!(reaping);
    let mut is_open = true;
    while is_open {
        // Each branch is cancel-safe: receiving, and futures that are kept.
        tokio::select! {
            () = &mut reaping => return,
            order = orders.recv() => is_open = order.is_some_and(|order| desk.obey(order)),
            Some(done) = desk.work.next(), if !desk.work.is_empty() => is_open = desk.tell(done).await,
        }
    }
    desk.cancel();
    let ending = async {
        while desk.work.next().await.is_some() {}
        drop(desk);
    };
    if tokio::time::timeout(FAREWELL, async { tokio::join!(ending, reaping) }).await.is_err() {
        tracing::info!("an EXPLAIN may still run: its statement_timeout ends it");
    }
}

impl Desk {
    /// Does what is asked; returns whether to go on.
    fn obey(&mut self, order: Order) -> bool {
        match order {
            Order::Explain(request) => self.explain(*request),
            Order::Cancel => self.cancel(),
            Order::Parameters(sql) => self.ask(sql),
            Order::Stop => return false,
        }
        true
    }

    fn cancel(&mut self) {
        // A run that has ended no longer listens.
        if let Some(stop) = self.stop.take() {
            stop.send(()).unwrap_or_default();
        }
    }

    fn explain(&mut self, request: Request) {
        self.cancel();
        self.newest += 1;
        let (number, runner, told) = (self.newest, self.runner.clone(), self.told.clone());
        let (stop, stopped) = oneshot::channel();
        self.stop = Some(stop);
        let run = async move {
            let tell = |progress| {
                // The next word about how it stands comes in a quarter of a second.
                told.try_send(Told::Progress(progress)).unwrap_or_default();
            };
            let stopped = async { stopped.await.unwrap_or_default() };
            let result = runner.run(&request, tell, stopped).await.map(Box::new);
            Done::Explained { number, result }
        };
        self.work.push(run.boxed());
    }

    fn ask(&mut self, sql: String) {
        if self.questions >= MOST_QUESTIONS {
            let busy = Failure::new(crate::failure::Kind::Refused, "too many requests are in progress");
            let told = self.told.clone();
            let answer = Told::Parameters { sql, known: Err(busy) };
            self.work.push(async move { told.send(answer).await.map_or(Done::Reported, |()| Done::Reported) }.boxed());
            return;
        }
        self.questions += 1;
        let runner = self.runner.clone();
        self.work.push(
            async move {
                let known = runner.choices(&sql).await;
                Done::Parameters { sql, known }
            }
            .boxed(),
        );
    }

    /// Tells what came of it; returns whether somebody listens.
    async fn tell(&mut self, done: Done) -> bool {
        let told = match done {
            Done::Explained { number, result } if number == self.newest => {
                self.stop = None;
                Told::Explained(result)
            }
            // One that made room for a newer.
            Done::Explained { .. } | Done::Reported => return true,
            Done::Parameters { sql, known } => {
                self.questions -= 1;
                Told::Parameters { sql, known }
            }
        };
        self.told.send(told).await.is_ok()
    }
}
