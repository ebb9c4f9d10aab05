//! The slow lane: what may wait behind a lock, over a connection of its own, one probe after the other.
//!
//! It tells the fast lane what it read; it never makes it wait. What is dear is read less often ([`Paces::rest`]).

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_postgres::Error;

use super::latest_sections::asked_probe;
use super::schedule::{Paces, Schedule};
use super::timing::{take_times, timed};
use crate::pg::blockers::{self, LockTarget};
use crate::pg::own::Sql;
use crate::pg::probes::{Lane, Probe};
use crate::pg::server::{LOOK_STATEMENTS, read_facts};
use crate::pg::session::{Answer, CancelQueue, Connector, Limits, Lost, NotCopied, Query, QueryParameter, Session};
use crate::pg::why;
use crate::sample::{Missing, ServerFacts, Timestamp, Value};

/// What the fast lane asks of the slow lane.
#[derive(Debug)]
pub enum LaneRequest {
    /// The server is there: read on, all of it.
    Connected(Arc<ServerFacts>),
    /// Read everything at once.
    Now,
    /// Read what the server has anew.
    Look(Urgency),
    /// Read the texts of these queryids.
    Texts(Vec<i64>),
    /// Use so many of the server's seconds in each second.
    Budget(f64),
}

/// How soon a look is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Something changed that was as it is known until then.
    AtOnce,
    /// Something does not fit what is known, and may not for ever.
    WhenRested,
}

/// What the slow lane tells the fast lane.
#[derive(Debug)]
pub enum LaneReport {
    /// A probe was read, or could not be.
    Section {
        /// The probe.
        probe: &'static Probe,
        /// The server's clock before it.
        at: Timestamp,
        /// What it gave.
        result: Result<Vec<Vec<Value>>, Missing>,
    },
    /// The answer to [`LaneRequest::Texts`].
    Texts {
        /// The server's clock before it.
        at: Timestamp,
        /// What it gave.
        result: Result<Vec<Vec<Value>>, Missing>,
    },
    /// What was spent.
    Cost {
        /// Server time in seconds.
        server: f64,
        /// Round trips.
        round_trips: u32,
        /// Statements.
        statements: u32,
    },
    /// The server has other things than before.
    Facts(ServerFacts),
    /// There is no connection.
    Lost(String),
}

/// How often is looked anew at what the server has, though nothing asks for it: grants, and tables of Django that came.
const LOOK: Duration = Duration::from_secs(180);

/// A look that found nothing new is not asked for again sooner than this, and each time twice as long.
const SHORTEST_REST: Duration = Duration::from_secs(1);

/// A probe that failed is tried again after this, or after its own pace if that is shorter.
const RETRY: Duration = Duration::from_secs(5);

/// How long an answer may take beyond `statement_timeout`.
const SLACK: Duration = Duration::from_secs(10);

/// Runs the slow lane until the fast lane is gone.
pub async fn run(
    connector: Arc<dyn Connector>,
    mut budget: f64,
    cancel_queue: CancelQueue,
    mut requests: mpsc::Receiver<LaneRequest>,
    reports: mpsc::Sender<LaneReport>,
) {
    let mut facts: Option<Arc<ServerFacts>> = None;
    let mut pause = Duration::ZERO;
    loop {
        // Nothing to do until the fast lane has found the server.
        while facts.is_none() {
            match requests.recv().await {
                Some(LaneRequest::Connected(found)) => facts = Some(found),
                Some(LaneRequest::Budget(other)) => budget = other,
                Some(_) => {}
                None => return,
            }
        }
        if !rest(pause, &mut requests, Known { facts: &mut facts, budget: &mut budget }, &reports).await {
            return;
        }
        let Some(found) = facts.clone() else { continue };
        let opened = match open(connector.as_ref(), &cancel_queue, &found).await {
            Ok(session) => {
                pause = Duration::ZERO;
                let mut lane = Slow::new(session, found, budget, &reports);
                let ended = lane.work(&mut requests).await;
                // It may have heard of another server, or found other facts, while it worked.
                (facts, budget) = (Some(lane.facts), lane.budget);
                ended
            }
            Err(why) => Err(Lost { why }),
        };
        let Err(lost) = opened else { return };
        if reports.send(LaneReport::Lost(lost.why)).await.is_err() {
            return;
        }
        pause = (pause * 2).clamp(Duration::from_millis(500), Duration::from_secs(15));
    }
}

/// What the lane was told, and keeps while it has no connection.
struct Known<'a> {
    facts: &'a mut Option<Arc<ServerFacts>>,
    budget: &'a mut f64,
}

/// Waits before the next attempt to connect; a newer server that the fast lane found ends the wait.
/// Returns whether the fast lane is still there.
///
/// The requests are heard meanwhile: left in their channel they would fill it, and the facts of a newer server would be lost.
async fn rest(
    pause: Duration,
    requests: &mut mpsc::Receiver<LaneRequest>,
    known: Known<'_>,
    reports: &mpsc::Sender<LaneReport>,
) -> bool {
    let mut until = Instant::now() + pause;
    loop {
        tokio::select! {
            biased;
            request = requests.recv() => match request {
                Some(LaneRequest::Connected(found)) => {
                    *known.facts = Some(found);
                    until = Instant::now();
                }
                // Texts that will not come: the fast lane may ask for them again.
                Some(LaneRequest::Texts(_)) => {
                    let why = "the second connection is not open yet".to_owned();
                    if reports.send(LaneReport::Lost(why)).await.is_err() {
                        return false;
                    }
                }
                Some(LaneRequest::Budget(budget)) => *known.budget = budget,
                Some(LaneRequest::Now | LaneRequest::Look(_)) => {}
                None => return false,
            },
            () = tokio::time::sleep_until(until.into()) => return true,
        }
    }
}

async fn open(connector: &dyn Connector, cancel_queue: &CancelQueue, facts: &ServerFacts) -> Result<Session, String> {
    let opened = tokio::time::timeout(SLACK, Session::open(connector, Limits::SLOW, cancel_queue)).await;
    let Ok(opened) = opened else { return Err("the second connection got no answer".to_owned()) };
    let session = opened.map_err(|failure| failure.because.last().cloned().unwrap_or(failure.what))?;
    // Several hosts, or a pooler in front of several servers: figures of two servers must not be put together.
    if (session.started.0 - facts.started.0).abs() > 1.0 {
        return Err("the second connection reached another server, or the server was restarted".to_owned());
    }
    Ok(session)
}

struct Slow<'a> {
    session: Session,
    facts: Arc<ServerFacts>,
    /// The server's seconds that pgdj may use in each second.
    budget: f64,
    schedule: Schedule,
    /// The server's clock, and ours at that moment.
    clock: (Timestamp, Instant),
    looked: Instant,
    /// How long a look is not repeated, though something asks for it.
    rest: Duration,
    reports: &'a mpsc::Sender<LaneReport>,
}

/// What a statement gave, with the time the server took.
struct TimedAnswer {
    at: Timestamp,
    server: Duration,
    answer: Result<Answer, NotCopied>,
}

impl<'a> Slow<'a> {
    fn new(session: Session, facts: Arc<ServerFacts>, budget: f64, reports: &'a mpsc::Sender<LaneReport>) -> Self {
        Self {
            clock: session.opened,
            session,
            facts,
            budget,
            schedule: Schedule::new(Lane::Slow),
            looked: Instant::now(),
            rest: Duration::ZERO,
            reports,
        }
    }

    /// Works until the connection is lost (`Err`) or the fast lane is gone (`Ok`).
    async fn work(&mut self, requests: &mut mpsc::Receiver<LaneRequest>) -> Result<(), Lost> {
        loop {
            let now = Instant::now();
            let facts = &self.facts;
            let is_read = |probe: &Probe| why::cannot_be_read(probe, facts).is_none();
            let next = self.schedule.next(is_read, now).map_or(self.looked + LOOK, |next| next.min(self.looked + LOOK));
            tokio::select! {
                biased;
                request = requests.recv() => match request {
                    Some(request) => self.grant(request).await?,
                    None => return Ok(()),
                },
                () = tokio::time::sleep_until(next.into()) => self.read_due().await?,
            }
        }
    }

    async fn grant(&mut self, request: LaneRequest) -> Result<(), Lost> {
        match request {
            LaneRequest::Connected(facts) => {
                let is_another = (facts.started.0 - self.facts.started.0).abs() > 1.0;
                self.facts = facts;
                self.schedule.clear();
                if is_another {
                    return Err(Lost { why: "the server was restarted".to_owned() });
                }
            }
            LaneRequest::Now => {
                self.schedule.clear();
                self.check_facts().await?;
            }
            LaneRequest::Look(Urgency::AtOnce) => self.check_facts().await?,
            LaneRequest::Look(Urgency::WhenRested) => self.check_facts_if_rested().await?,
            LaneRequest::Texts(ids) => self.read_texts(ids).await?,
            LaneRequest::Budget(budget) => self.budget = budget,
        }
        Ok(())
    }

    /// Reads the next probe that is due; the others follow when the requests that came meanwhile were granted.
    async fn read_due(&mut self) -> Result<(), Lost> {
        if self.looked.elapsed() >= LOOK {
            return self.check_facts().await;
        }
        let due = self.schedule.due(Instant::now(), Duration::ZERO);
        let Some(probe) = due.into_iter().find(|probe| why::cannot_be_read(probe, &self.facts).is_none()) else {
            return Ok(());
        };
        let loaded = Sql::of_probe(probe, &self.facts);
        let asked = if probe.table().is_some() {
            self.copy(probe, loaded).await?
        } else {
            self.ask(probe.name, &loaded, None).await?
        };
        let paces = Paces { second: Duration::ZERO, sample: Duration::ZERO };
        let interval = paces.interval(probe).unwrap_or(RETRY);
        let is_out_of_date = match &asked.answer {
            Err(NotCopied::Server(error)) => why::is_out_of_date(error),
            _ => false,
        };
        let result = self.result(probe, asked.answer).await?;
        // One that ran into its time limit rests too.
        let pause = if result.is_ok() { interval } else { interval.min(RETRY) };
        let again = pause.max(Paces::rest(probe, asked.server, self.budget));
        self.schedule.again(probe, Instant::now() + again);
        if is_out_of_date {
            self.check_facts_if_rested().await?;
        }
        tell(self.reports, LaneReport::Section { probe, at: asked.at, result }).await
    }

    async fn read_texts(&mut self, ids: Vec<i64>) -> Result<(), Lost> {
        let Some(probe) = asked_probe().filter(|probe| why::cannot_be_read(probe, &self.facts).is_none()) else {
            return Ok(());
        };
        let asked = self.ask(probe.name, &Sql::of_probe(probe, &self.facts), Some(QueryParameter::Ids(ids))).await?;
        let result = self.result(probe, asked.answer).await?;
        tell(self.reports, LaneReport::Texts { at: asked.at, result }).await
    }

    /// Asks one statement in one round trip.
    async fn ask(&mut self, name: &str, sql: &Sql, parameter: Option<QueryParameter>) -> Result<TimedAnswer, Lost> {
        let limit = self.session.limits().statement + SLACK;
        let sent = Instant::now();
        let query = Query { parameters: parameter.into_iter().collect(), ..Query::new(timed(name, sql)) };
        let Ok(answer) = tokio::time::timeout(limit, self.session.one(query)).await else {
            return Err(no_answer(limit));
        };
        let mut answer = answer?;
        let times = answer.as_mut().ok().and_then(take_times);
        if let Some(times) = times {
            self.clock = (times.start, sent);
        }
        // An answer without rows tells no time: the line's latency is charged too.
        let server = times.and_then(|times| times.end.since(times.start));
        let server = server.map_or_else(|| sent.elapsed(), |seconds| Duration::from_secs_f64(seconds.0));
        let server = self.worked(server, answer.as_ref().err());
        tell(self.reports, LaneReport::Cost { server: server.as_secs_f64(), round_trips: 1, statements: 1 }).await?;
        Ok(TimedAnswer { at: self.at(sent), server, answer: answer.map_err(NotCopied::Server) })
    }

    /// Reads a table of Django's by COPY, which tells no time of the server's.
    async fn copy(&mut self, probe: &Probe, sql: Sql) -> Result<TimedAnswer, Lost> {
        let limit = self.session.limits().statement + SLACK;
        let sent = Instant::now();
        let query = Query::new(sql);
        let Ok(answer) = tokio::time::timeout(limit, self.session.copy(&query, probe.columns)).await else {
            return Err(no_answer(limit));
        };
        let answer = answer?;
        let error = answer.as_ref().err().and_then(|why| match why {
            NotCopied::Server(error) => Some(error),
            NotCopied::TooLong => None,
        });
        let server = self.worked(sent.elapsed(), error);
        tell(self.reports, LaneReport::Cost { server: server.as_secs_f64(), round_trips: 2, statements: 1 }).await?;
        Ok(TimedAnswer { at: self.at(sent), server, answer })
    }

    /// Returns what a statement cost the server: waiting for a lock costs it nothing.
    fn worked(&self, took: Duration, error: Option<&Error>) -> Duration {
        let waited = error.filter(|error| blockers::is_blocked(error)).map(|_| self.session.limits().lock);
        took.saturating_sub(waited.unwrap_or_default())
    }

    /// Returns the server's clock at a moment of ours.
    fn at(&self, sent: Instant) -> Timestamp {
        let (then, ours) = self.clock;
        Timestamp(then.0 + sent.saturating_duration_since(ours).as_secs_f64())
    }

    async fn result(
        &mut self,
        probe: &Probe,
        answer: Result<Answer, NotCopied>,
    ) -> Result<Result<Vec<Vec<Value>>, Missing>, Lost> {
        let error = match answer {
            Ok(answer) => return Ok(Ok(answer.rows)),
            Err(NotCopied::Server(error)) => error,
            Err(why @ NotCopied::TooLong) => {
                let message = format!("the table is not read: {why}");
                return Ok(Err(Missing::Failed { sqlstate: "none".to_owned(), message }));
            }
        };
        let why = why::missing(&error, probe, &self.facts, self.session.limits());
        Ok(Err(match why {
            Missing::Blocked { .. } => self.who_blocks(probe).await?,
            other => other,
        }))
    }

    /// Asks who holds or awaits the lock that kept a probe waiting.
    async fn who_blocks(&mut self, probe: &Probe) -> Result<Missing, Lost> {
        let limit = self.session.limits().statement + SLACK;
        let place = self.place(probe);
        let question = blockers::ask(&mut self.session, place);
        let Ok(who) = tokio::time::timeout(limit, question).await else { return Err(no_answer(limit)) };
        tell(self.reports, LaneReport::Cost { server: 0.0, round_trips: 1, statements: 1 }).await?;
        who
    }

    /// Returns where the lock that kept a probe waiting may be.
    fn place(&self, probe: &Probe) -> LockTarget {
        let table = probe.table().and_then(|table| self.facts.django.get(table));
        table.map_or(LockTarget::AnyRelation, |table| LockTarget::Relation(table.oid))
    }

    /// Looks anew because something asks for it; a probe that fails for ever must not make it look for ever.
    async fn check_facts_if_rested(&mut self) -> Result<(), Lost> {
        if self.looked.elapsed() < self.rest {
            return Ok(());
        }
        let before = Arc::clone(&self.facts);
        self.check_facts().await?;
        self.rest =
            if Arc::ptr_eq(&before, &self.facts) { (self.rest * 2).clamp(SHORTEST_REST, LOOK) } else { SHORTEST_REST };
        Ok(())
    }

    /// Reads what the server has, and tells if that changed.
    async fn check_facts(&mut self) -> Result<(), Lost> {
        self.looked = Instant::now();
        tell(self.reports, LaneReport::Cost { server: 0.0, round_trips: 1, statements: LOOK_STATEMENTS }).await?;
        let target = self.facts.target.clone();
        match tokio::time::timeout(SLACK, read_facts(&mut self.session, &target)).await {
            Ok(Ok(facts)) if facts != *self.facts => {
                self.facts = Arc::new(facts.clone());
                tell(self.reports, LaneReport::Facts(facts)).await
            }
            Ok(Ok(_)) => Ok(()),
            Ok(Err(failure)) => Err(Lost { why: failure.because.last().cloned().unwrap_or(failure.what) }),
            Err(_) => Err(no_answer(SLACK)),
        }
    }
}

fn no_answer(limit: Duration) -> Lost {
    Lost { why: format!("hung: no answer for {} s", limit.as_secs()) }
}

async fn tell(to: &mpsc::Sender<LaneReport>, report: LaneReport) -> Result<(), Lost> {
    to.send(report).await.map_err(|error| Lost { why: format!("the sampler has stopped: {error}") })
}
