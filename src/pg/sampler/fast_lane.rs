//! The fast lane: all probes that are due in one round trip, and a snapshot a second whatever happens.

mod heard;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_postgres::Error;

use super::budget::Budget;
use super::bundle::{ProbeQuestion, Unbundled};
use super::idle::ReadingOf;
use super::kept::KeptRows;
use super::latest_sections::LatestSections;
use super::round_trip::{MadeStatements, Returned, RoundTrip};
use super::schedule::{Paces, Schedule};
use super::slow::{LaneReport, LaneRequest, Urgency};
use super::texts::Texts;
use super::{SamplerCommand, SamplerReport, SamplerSettings};
use crate::Failure;
use crate::failure::FailureKind;
use crate::pg::blockers;
use crate::pg::probes::{Lane, Pace, Probe};
use crate::pg::server::read_facts;
use crate::pg::session::{Answer, Answers, CancelQueue, Connector, Limits, Lost, Session};
use crate::pg::why;
use crate::sample::{Missing, Reading, RowSet, SampleCost, Seconds, ServerFacts, Timestamp, Value};

/// The shortest silence that is called slow: a first sample reads everything and may take a second.
const SLOW_AFTER: Duration = Duration::from_secs(2);

/// Where the fast lane tells what it has to say.
#[derive(Debug)]
pub struct Channels {
    /// To the program.
    pub reports: mpsc::Sender<SamplerReport>,
    /// To the slow lane.
    pub requests: mpsc::Sender<LaneRequest>,
}

/// What is under way.
enum LaneDone {
    /// The connection was made, or not.
    Opened(Result<(Session, ServerFacts), Failure>),
    /// The answers came, or the connection ended.
    Sampled { session: Session, asked: RoundTrip, answers: Result<Answers, Lost>, elapsed: Duration },
}

/// Something under way, and since when.
struct PendingWork {
    done: BoxFuture<'static, LaneDone>,
    since: Instant,
    kind: WorkKind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum WorkKind {
    Connecting,
    Asking,
}

/// The fast lane.
pub struct FastLane {
    connector: Arc<dyn Connector>,
    settings: SamplerSettings,
    cancel_queue: CancelQueue,
    channels: Channels,
    latest: LatestSections,
    schedule: Schedule,
    unbundled: Unbundled,
    budget: Budget,
    /// The server's seconds that this program may use in each second: others of its kind use the rest.
    share: f64,
    texts: Texts,
    kept: KeptRows,
    made: MadeStatements,
    session: Option<Session>,
    work: Option<PendingWork>,
    retry: Retry,
    cost: SampleCost,
    /// What a look was asked for last.
    looked_for: Option<[Value; 3]>,
    /// Facts that the slow lane was too busy to hear.
    owed: Option<Arc<ServerFacts>>,
    /// Probes that a lock kept from being read, of which nobody has asked yet who holds it.
    blocked: Vec<&'static Probe>,
}

impl std::fmt::Debug for FastLane {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FastLane").field("settings", &self.settings).field("cost", &self.cost).finish_non_exhaustive()
    }
}

/// When the next attempt to connect is due.
#[derive(Debug, Clone, Copy)]
struct Retry {
    at: Instant,
    pause: Duration,
}

impl Retry {
    const FIRST: Duration = Duration::from_millis(500);
    const LONGEST: Duration = Duration::from_secs(15);

    fn at_once() -> Self {
        Self { at: Instant::now(), pause: Self::FIRST }
    }

    /// Puts the next attempt off, each time twice as long.
    fn put_off(&mut self) -> Duration {
        let pause = self.pause;
        self.at = Instant::now() + pause;
        self.pause = (pause * 2).min(Self::LONGEST);
        pause
    }
}

impl FastLane {
    /// A lane that was not started.
    pub fn new(
        connector: Arc<dyn Connector>,
        settings: SamplerSettings,
        cancel_queue: CancelQueue,
        channels: Channels,
    ) -> Self {
        let latest = LatestSections::new(connector.target());
        Self {
            connector,
            settings,
            cancel_queue,
            channels,
            latest,
            schedule: Schedule::new(Lane::Fast),
            unbundled: Unbundled::default(),
            budget: Budget::new(settings.budget, Instant::now()),
            share: settings.budget,
            texts: Texts::default(),
            kept: KeptRows::default(),
            made: MadeStatements::default(),
            session: None,
            work: None,
            retry: Retry::at_once(),
            cost: SampleCost::default(),
            looked_for: None,
            owed: None,
            blocked: Vec::new(),
        }
    }

    /// Runs until it is told to stop, or nobody listens.
    pub async fn run(
        mut self,
        mut commands: mpsc::Receiver<SamplerCommand>,
        mut lane_reports: mpsc::Receiver<LaneReport>,
    ) {
        let mut next = Instant::now() + self.settings.second.mul_f64(1.0 + own_phase());
        self.connect();
        loop {
            // Each branch is cancel-safe: receiving, a timer, and a future that is kept when another branch wins.
            let is_on = tokio::select! {
                command = commands.recv() => match command {
                    Some(SamplerCommand::Stop) | None => false,
                    Some(command) => self.obey(command),
                },
                Some(report) = lane_reports.recv() => { self.hear(report); true }
                done = finished(&mut self.work) => { self.work = None; self.finish(done) }
                lost = closed(&mut self.session) => self.lose(&format!("gone: {}", lost.why), None),
                () = tokio::time::sleep_until(next.into()) => {
                    next = next_beat(next, self.paces().second);
                    self.beat()
                }
            };
            if !is_on {
                // A connection that is being made cannot be cancelled, and a probe is done in a moment.
                drop(tokio::time::timeout(super::GRACE, finished(&mut self.work)).await);
                return;
            }
        }
    }

    fn paces(&self) -> Paces {
        let wanted = self.settings.pace.max(self.settings.second);
        let second = self.budget.second(self.settings.second);
        Paces { second, sample: wanted.max(second) }
    }

    fn obey(&mut self, command: SamplerCommand) -> bool {
        match command {
            SamplerCommand::Pace(pace) => self.settings.pace = pace,
            SamplerCommand::ReadNow => {
                self.request(LaneRequest::Now);
                self.kept.forget();
                self.schedule.clear();
                self.sample();
            }
            SamplerCommand::Stop => return false,
        }
        true
    }

    /// One second has passed: asks what is due, or publishes what is known while the server does not answer.
    fn beat(&mut self) -> bool {
        self.tell_slow_lane();
        if let Some(work) = &self.work {
            let (waited, kind) = (work.since.elapsed(), work.kind);
            if waited >= self.settings.patience {
                // Dropped, the query is cancelled on the server by the cancel queue.
                self.work = None;
                return self.give_up(kind, waited);
            }
            if waited >= SLOW_AFTER.max(self.settings.second * 2) {
                match kind {
                    WorkKind::Asking => self.latest.is_silent(waited),
                    WorkKind::Connecting => self.latest.is_connecting(waited),
                }
            }
            return self.publish(self.latest.now());
        }
        if self.session.is_none() {
            if Instant::now() >= self.retry.at {
                self.connect();
            }
            return self.publish(self.latest.now());
        }
        self.sample();
        true
    }

    fn connect(&mut self) {
        let (connector, cancel_queue) = (Arc::clone(&self.connector), self.cancel_queue.clone());
        let done = async move {
            let open = async {
                let mut session = Session::open(connector.as_ref(), Limits::FAST, &cancel_queue).await?;
                let facts = read_facts(&mut session, &connector.target()).await?;
                Ok((session, facts))
            };
            LaneDone::Opened(open.await)
        };
        self.work = Some(PendingWork { done: Box::pin(done), since: Instant::now(), kind: WorkKind::Connecting });
    }

    /// Gives up on a server that has not answered for too long.
    fn give_up(&mut self, kind: WorkKind, waited: Duration) -> bool {
        let why =
            format!("hung: no answer for {} s; look at its host: disk, memory, a stopped process", waited.as_secs());
        let failure = (kind == WorkKind::Connecting).then(|| {
            Failure::new(FailureKind::Connection, format!("cannot connect to {}", self.connector.target()))
                .because_text(&why)
        });
        self.lose(&why, failure)
    }

    /// Sends everything that is due, if nothing is under way.
    fn sample(&mut self) {
        let Some(mut session) = self.session.take() else { return };
        let (now, paces) = (Instant::now(), self.paces());
        let mut probes = self.schedule.due(now, paces.second / 4);
        probes.retain(|probe| self.latest.is_read(probe));
        let is_sample = probes.iter().any(|probe| probe.pace == Pace::Sample);
        let reading = if is_sample { ReadingOf::Sample } else { ReadingOf::Load };
        if reading == ReadingOf::Load {
            // Between two samples only the backends are read.
            probes.retain(|probe| probe.pace == Pace::Second);
        }
        let has_blockers = !self.blocked.is_empty();
        if probes.is_empty() && !has_blockers {
            self.session = Some(session);
            return;
        }
        for probe in &probes {
            if let Some(interval) = paces.interval(probe) {
                self.schedule.again(probe, now + interval);
            }
        }
        let questions = self.unbundled.questions(probes, now, session.is_pooled);
        let known = self.kept.known(now, self.connector.own_backends().pids(), reading);
        let asked = RoundTrip::new(questions, known, session.is_pooled, has_blockers);
        let queries = asked.queries(self.latest.facts(), &mut self.made);
        let done = async move {
            let sent = Instant::now();
            let answers = session.pipeline(&queries).await;
            LaneDone::Sampled { session, asked, answers, elapsed: sent.elapsed() }
        };
        self.work = Some(PendingWork { done: Box::pin(done), since: now, kind: WorkKind::Asking });
    }

    fn finish(&mut self, done: LaneDone) -> bool {
        match done {
            LaneDone::Opened(Ok((session, facts))) => {
                self.session = Some(session);
                self.retry = Retry::at_once();
                self.schedule.clear();
                let is_on = self.connected(facts);
                self.sample();
                is_on
            }
            LaneDone::Opened(Err(failure)) => {
                let why = failure.because.last().cloned().unwrap_or_else(|| failure.what.clone());
                self.lose(&why, Some(failure))
            }
            LaneDone::Sampled { answers: Err(lost), .. } => self.lose(&format!("gone: {}", lost.why), None),
            LaneDone::Sampled { session, asked, answers: Ok(answers), elapsed } => {
                self.session = Some(session);
                let answered = asked.questions.iter().zip(&answers);
                let has_split = answered.into_iter().any(|(one, answer)| one.is_bundle() && answer.is_err());
                let at = self.take(&asked, answers, elapsed);
                let is_on = self.publish(at);
                if has_split || !self.blocked.is_empty() {
                    self.sample();
                }
                is_on
            }
        }
    }

    fn connected(&mut self, facts: ServerFacts) -> bool {
        let facts = Arc::new(facts);
        self.kept.forget();
        self.latest.connected(Arc::clone(&facts));
        self.owed = Some(Arc::clone(&facts));
        self.tell_slow_lane();
        self.report(SamplerReport::Connected(facts))
    }

    /// The connection is gone or could not be made: every section says so, and the next attempt is put off.
    fn lose(&mut self, why: &str, failure: Option<Failure>) -> bool {
        self.session = None;
        self.texts.failed();
        self.latest.lost(why, |_| true);
        let retry_in = self.retry.put_off();
        let failure = failure.unwrap_or_else(|| {
            Failure::new(FailureKind::Connection, format!("lost the connection to {}", self.connector.target()))
                .because_text(why)
        });
        self.report(SamplerReport::Lost { failure, retry_in }) && self.publish(self.latest.now())
    }

    /// Takes the answers of a sample: each question has its own, be it an error.
    fn take(&mut self, asked: &RoundTrip, answers: Answers, elapsed: Duration) -> Timestamp {
        self.latest.answered();
        let Returned { answers, blockers, times, cost, costs } = asked.sort(answers);
        let at = times.map_or_else(|| self.latest.now(), |times| times.start);
        if times.is_some() {
            self.latest.clock(at);
        }
        let paces = self.paces();
        for (question, answer) in asked.questions.iter().zip(answers) {
            match answer {
                Ok(answer) => {
                    for (probe, rows) in question.rows(answer) {
                        if let Some(pause) = paces.without_rows(probe).filter(|_| rows.is_empty()) {
                            self.schedule.again(probe, Instant::now() + pause);
                        }
                        let newer = Reading { at, rows: RowSet::new(self.latest.columns(probe.name), rows) };
                        let last = self.latest.section(probe.name).rows();
                        match self.kept.put_together(probe, last, newer, &asked.known) {
                            Some(rows) => self.latest.read(probe, at, rows),
                            None => self.schedule.at_once(probe.name),
                        }
                    }
                }
                Err(error) => self.take_error(question, &error),
            }
        }
        if let Some(answer) = blockers {
            self.take_blockers(answer);
        }
        self.put_off_dear(asked, &costs);
        // Without the server's clock, the line's latency is charged too.
        self.spend(cost.unwrap_or(Seconds(elapsed.as_secs_f64())), elapsed, asked);
        let probes: Vec<&'static Probe> =
            asked.questions.iter().flat_map(|question| question.probes.iter().copied()).collect();
        self.notice(&probes, at);
        at
    }

    /// Puts off what is dear, and notes what the readings of each second cost.
    fn put_off_dear(&mut self, asked: &RoundTrip, costs: &[Option<Seconds>]) {
        let (now, paces) = (Instant::now(), self.paces());
        for (question, cost) in asked.questions.iter().zip(costs) {
            let Some(cost) = cost else { continue };
            let took = Duration::try_from_secs_f64(cost.0).unwrap_or_default();
            for probe in &question.probes {
                let rest = Paces::rest(probe, took, self.share);
                if paces.interval(probe).is_some_and(|interval| rest > interval) {
                    self.schedule.again(probe, now + rest);
                }
            }
            if question.probes.iter().any(|probe| probe.pace == Pace::Second) {
                self.budget.spend(cost.0, now);
            }
        }
    }

    fn spend(&mut self, server: Seconds, elapsed: Duration, asked: &RoundTrip) {
        self.cost.server.0 += server.0;
        self.cost.elapsed = Seconds(elapsed.as_secs_f64());
        self.cost.round_trips += 1;
        self.cost.statements += asked.statements() as u32;
    }

    /// Takes an error: of one probe it is the reason; the probes of a bundle are asked one by one to find out whose it is.
    fn take_error(&mut self, question: &ProbeQuestion, error: &Error) {
        self.unbundled.failed(question, Instant::now());
        if question.is_bundle() {
            for probe in &question.probes {
                self.schedule.at_once(probe.name);
            }
            return;
        }
        if why::is_out_of_date(error) {
            self.request(LaneRequest::Look(Urgency::WhenRested));
        }
        let facts = Arc::clone(self.latest.facts());
        for probe in question.probes.iter().copied() {
            self.kept.forget_of(probe);
            let why = why::missing(error, probe, &facts, Limits::FAST);
            if matches!(why, Missing::Blocked { .. }) {
                self.blocked.push(probe);
                if matches!(self.latest.section(probe.name).why(), Some(Missing::Blocked { .. })) {
                    // It has a name already, which the next answer confirms or changes.
                    continue;
                }
            }
            self.latest.failed(probe, why);
        }
    }

    /// Takes who blocks: it is said of every probe that still waits for its lock.
    fn take_blockers(&mut self, answer: Answer) {
        let why = blockers::read(answer);
        for probe in std::mem::take(&mut self.blocked) {
            if matches!(self.latest.section(probe.name).why(), Some(Missing::Blocked { .. })) {
                self.latest.failed(probe, why.clone());
            }
        }
    }

    /// Tells the slow lane of the server; it must hear it, so a full channel is tried again at the next beat.
    fn tell_slow_lane(&mut self) {
        if let Some(facts) = self.owed.take()
            && !self.request(LaneRequest::Connected(Arc::clone(&facts)))
        {
            self.owed = Some(facts);
        }
    }

    /// Asks the slow lane; a lane that is too busy to hear is asked again by the next sample.
    fn request(&self, request: LaneRequest) -> bool {
        self.channels.requests.try_send(request).is_ok()
    }

    fn publish(&mut self, at: Timestamp) -> bool {
        let paces = self.paces();
        self.cost.pace = Seconds(paces.sample.as_secs_f64());
        self.cost.wanted_pace = Seconds(self.settings.pace.as_secs_f64());
        let snapshot = Arc::new(self.latest.snapshot(at, self.cost));
        let dropped = self.cost.dropped;
        self.cost = SampleCost { dropped, ..SampleCost::default() };
        self.report(SamplerReport::Snapshot(snapshot))
    }

    /// Returns whether anybody listens. A report for which there is no room is dropped and counted.
    fn report(&mut self, report: SamplerReport) -> bool {
        match self.channels.reports.try_send(report) {
            Ok(()) => true,
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.cost.dropped += 1;
                true
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }
}

/// Returns where in a second this program samples, 0..1: several that were started at once do not ask at once.
fn own_phase() -> f64 {
    // The golden ratio keeps neighbours apart.
    (f64::from(std::process::id()) * 0.618_033_988_75).fract()
}

/// Waits for what is under way; for ever if nothing is.
async fn finished(work: &mut Option<PendingWork>) -> LaneDone {
    match work {
        Some(work) => work.done.as_mut().await,
        None => std::future::pending().await,
    }
}

/// Waits until the idle connection ends; for ever if there is none.
async fn closed(session: &mut Option<Session>) -> Lost {
    match session {
        Some(session) => session.closed().await,
        None => std::future::pending().await,
    }
}

/// Returns the next beat; those that were missed are not made up for.
fn next_beat(last: Instant, interval: Duration) -> Instant {
    let next = last + interval;
    let now = Instant::now();
    if next < now { now + interval } else { next }
}
