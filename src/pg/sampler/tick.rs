//! The tick: all probes that are due in one round trip, and a snapshot a second whatever happens.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use tokio::sync::mpsc;
use tokio_postgres::Error;

use super::board::{Board, asked_probe};
use super::budget::Budget;
use super::bundle::{Apart, Question};
use super::schedule::{Paces, Schedule};
use super::slow::{News, Urgency, Wish};
use super::texts::Texts;
use super::timing::{Times, take_times};
use super::{Command, Report, Settings};
use crate::Failure;
use crate::failure::Kind;
use crate::pg::probes::{Lane, Pace, Probe};
use crate::pg::server::read_facts;
use crate::pg::session::{Answers, Connector, Limits, Lost, Query, Reaper, Session};
use crate::pg::why;
use crate::sample::{Missing, Reading, Row, RowSet, SampleCost, Seconds, Section, ServerFacts, Timestamp, Value};

/// The shortest silence that is called slow: a first sample reads everything and may take a second.
const SLOW_AFTER: Duration = Duration::from_secs(2);

/// Where the tick tells what it has to say.
#[derive(Debug)]
pub struct Channels {
    /// To the program.
    pub reports: mpsc::Sender<Report>,
    /// To the slow lane.
    pub wishes: mpsc::Sender<Wish>,
}

/// What is under way.
enum Done {
    /// The connection was made, or not.
    Opened(Result<(Session, ServerFacts), Failure>),
    /// The answers came, or the connection ended.
    Sampled { session: Session, asked: Vec<Question>, answers: Result<Answers, Lost>, elapsed: Duration },
}

/// Something under way, since when, and how long it may take.
struct Work {
    done: BoxFuture<'static, Done>,
    since: Instant,
}

/// The tick.
pub struct Tick {
    connector: Arc<dyn Connector>,
    settings: Settings,
    reaper: Reaper,
    channels: Channels,
    board: Board,
    schedule: Schedule,
    apart: Apart,
    budget: Budget,
    texts: Texts,
    session: Option<Session>,
    work: Option<Work>,
    retry: Retry,
    cost: SampleCost,
    /// What a look was asked for last.
    looked_for: Option<[Value; 2]>,
    /// Facts that the slow lane was too busy to hear.
    owed: Option<Arc<ServerFacts>>,
}

impl std::fmt::Debug for Tick {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tick").field("settings", &self.settings).field("cost", &self.cost).finish_non_exhaustive()
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

impl Tick {
    /// A tick that was not started.
    pub fn new(connector: Arc<dyn Connector>, settings: Settings, reaper: Reaper, channels: Channels) -> Self {
        let board = Board::new(connector.target());
        Self {
            connector,
            settings,
            reaper,
            channels,
            board,
            schedule: Schedule::new(Lane::Tick),
            apart: Apart::default(),
            budget: Budget::new(settings.budget, Instant::now()),
            texts: Texts::default(),
            session: None,
            work: None,
            retry: Retry::at_once(),
            cost: SampleCost::default(),
            looked_for: None,
            owed: None,
        }
    }

    /// Runs until it is told to stop, or nobody listens.
    pub async fn run(mut self, mut commands: mpsc::Receiver<Command>, mut news: mpsc::Receiver<News>) {
        let mut next = Instant::now() + self.settings.second;
        self.connect();
        loop {
            // Each branch is cancel-safe: receiving, a timer, and a future that is kept when another branch wins.
            let is_on = tokio::select! {
                command = commands.recv() => match command {
                    Some(Command::Stop) | None => false,
                    Some(command) => self.obey(command),
                },
                Some(news) = news.recv() => { self.hear(news); true }
                done = finished(&mut self.work) => { self.work = None; self.finish(done) }
                lost = closed(&mut self.session) => self.lose(&format!("gone: {}", lost.why), None),
                () = tokio::time::sleep_until(next.into()) => {
                    next = next_beat(next, self.paces().second);
                    self.beat()
                }
            };
            if !is_on {
                return;
            }
        }
    }

    fn paces(&self) -> Paces {
        let wanted = self.settings.pace.max(self.settings.second);
        Paces { second: self.budget.second(self.settings.second), sample: self.budget.pace(wanted) }
    }

    fn obey(&mut self, command: Command) -> bool {
        match command {
            Command::Pace(pace) => self.settings.pace = pace,
            Command::ReadNow => {
                self.wish(Wish::Now);
                self.schedule.clear();
                self.sample();
            }
            Command::Stop => return false,
        }
        true
    }

    /// One second has passed: asks what is due, or publishes what is known while the server does not answer.
    fn beat(&mut self) -> bool {
        self.tell_slow_lane();
        if let Some(work) = &self.work {
            let waited = work.since.elapsed();
            if waited >= self.settings.patience {
                // Dropped, the query is cancelled on the server by the reaper.
                self.work = None;
                let why = format!("hung: connected, but the server has not answered for {} s", waited.as_secs());
                return self.lose(&why, None);
            }
            if waited >= SLOW_AFTER.max(self.settings.second * 2) {
                self.board.is_silent(&format!("slow: the server has not answered for {} s", waited.as_secs()));
            }
            return self.publish(self.board.now());
        }
        if self.session.is_none() {
            if Instant::now() >= self.retry.at {
                self.connect();
            }
            return self.publish(self.board.now());
        }
        self.sample();
        true
    }

    fn connect(&mut self) {
        let (connector, reaper) = (Arc::clone(&self.connector), self.reaper.clone());
        let done = async move {
            let open = async {
                let mut session = Session::open(connector.as_ref(), Limits::TICK, &reaper).await?;
                let facts = read_facts(&mut session, &connector.target()).await?;
                Ok((session, facts))
            };
            Done::Opened(open.await)
        };
        self.work = Some(Work { done: Box::pin(done), since: Instant::now() });
    }

    /// Sends everything that is due, if nothing is under way.
    fn sample(&mut self) {
        let Some(mut session) = self.session.take() else { return };
        let (now, paces) = (Instant::now(), self.paces());
        let mut probes = self.schedule.due(now, paces.second / 4);
        probes.retain(|probe| self.board.is_read(probe));
        if !probes.iter().any(|probe| probe.pace == Pace::Sample) {
            // Between two samples only the backends are read.
            probes.retain(|probe| probe.pace == Pace::Second);
        }
        if probes.is_empty() {
            self.session = Some(session);
            return;
        }
        for probe in &probes {
            if let Some(interval) = paces.interval(probe) {
                self.schedule.again(probe, now + interval);
            }
        }
        let asked = self.apart.questions(probes, now);
        let facts = Arc::clone(self.board.facts());
        let own = self.connector.own_backends();
        let done = async move {
            let sql = asked.iter().enumerate().map(|(at, question)| Query::new(own.fill(&question.sql(at, &facts))));
            let queries: Vec<Query> = sql.collect();
            let sent = Instant::now();
            let answers = session.pipeline(&queries).await;
            Done::Sampled { session, asked, answers, elapsed: sent.elapsed() }
        };
        self.work = Some(Work { done: Box::pin(done), since: now });
    }

    fn finish(&mut self, done: Done) -> bool {
        match done {
            Done::Opened(Ok((session, facts))) => {
                self.session = Some(session);
                self.retry = Retry::at_once();
                self.schedule.clear();
                let is_on = self.connected(facts);
                self.sample();
                is_on
            }
            Done::Opened(Err(failure)) => {
                let why = failure.because.last().cloned().unwrap_or_else(|| failure.what.clone());
                self.lose(&why, Some(failure))
            }
            Done::Sampled { answers: Err(lost), .. } => self.lose(&format!("gone: {}", lost.why), None),
            Done::Sampled { session, asked, answers: Ok(answers), elapsed } => {
                self.session = Some(session);
                let has_split = asked.iter().zip(&answers).any(|(one, answer)| one.is_bundle() && answer.is_err());
                let at = self.take(&asked, answers, elapsed);
                let is_on = self.publish(at);
                if has_split {
                    self.sample();
                }
                is_on
            }
        }
    }

    fn connected(&mut self, facts: ServerFacts) -> bool {
        let facts = Arc::new(facts);
        self.board.connected(Arc::clone(&facts));
        self.owed = Some(Arc::clone(&facts));
        self.tell_slow_lane();
        self.report(Report::Connected(facts))
    }

    /// The connection is gone or could not be made: every section says so, and the next attempt is put off.
    fn lose(&mut self, why: &str, failure: Option<Failure>) -> bool {
        self.session = None;
        self.texts.failed();
        self.board.lost(why, |_| true);
        let retry_in = self.retry.put_off();
        let failure = failure.unwrap_or_else(|| {
            Failure::new(Kind::Connection, format!("lost the connection to {}", self.connector.target()))
                .because_text(why)
        });
        self.report(Report::Lost { failure, retry_in }) && self.publish(self.board.now())
    }

    /// Takes the answers of a sample: each question has its own, be it an error.
    fn take(&mut self, asked: &[Question], mut answers: Answers, elapsed: Duration) -> Timestamp {
        self.board.answered();
        let times = times(asked, &mut answers);
        let at = times.map_or_else(|| self.board.now(), |times| times.start);
        // Without its clock, the line's latency is charged too.
        let server = times.and_then(|times| times.end.since(at)).unwrap_or(Seconds(elapsed.as_secs_f64()));
        if times.is_some() {
            self.board.clock(at);
        }
        let paces = self.paces();
        for (question, answer) in asked.iter().zip(answers) {
            match answer {
                Ok(answer) => {
                    for (probe, rows) in question.rows(answer) {
                        if let Some(pause) = paces.without_rows(probe).filter(|_| rows.is_empty()) {
                            self.schedule.again(probe, Instant::now() + pause);
                        }
                        self.board.read(probe, at, rows);
                    }
                }
                Err(error) => self.take_error(question, &error),
            }
        }
        self.budget.spend(server.0, Instant::now());
        self.cost.server.0 += server.0;
        self.cost.elapsed = Seconds(elapsed.as_secs_f64());
        self.cost.round_trips += 1;
        self.cost.statements += asked.len() as u32;
        let probes: Vec<&'static Probe> = asked.iter().flat_map(|question| question.probes.iter().copied()).collect();
        self.notice(&probes, at);
        at
    }

    /// Takes an error: of one probe it is the reason; the probes of a bundle are asked one by one to find out whose it is.
    fn take_error(&mut self, question: &Question, error: &Error) {
        self.apart.failed(question, Instant::now());
        if question.is_bundle() {
            for probe in &question.probes {
                self.schedule.at_once(probe.name);
            }
            return;
        }
        if why::is_out_of_date(error) {
            self.wish(Wish::Look(Urgency::WhenRested));
        }
        let facts = Arc::clone(self.board.facts());
        for probe in question.probes.iter().copied() {
            self.board.failed(probe, why::missing(error, probe, &facts, Limits::TICK));
        }
    }

    /// Looks at what was just read: a promotion and an extension change what the server has, new statements have texts.
    fn notice(&mut self, probes: &[&'static Probe], at: Timestamp) {
        let row = self.board.section("server").rows().and_then(RowSet::first);
        if let Some(seen) = row.filter(|row| has_changed(row, self.board.facts())).map(|row| traits(&row)) {
            let is_news = self.looked_for.as_ref() != Some(&seen);
            if self.wish(Wish::Look(if is_news { Urgency::AtOnce } else { Urgency::WhenRested })) {
                self.looked_for = Some(seen);
            }
        }
        let is_waiting = |row: Row<'_>| !row.get("blocked_by").is_null();
        if self.board.section("activity").rows().is_some_and(|rows| rows.iter().any(is_waiting))
            && self.board.section("locks").rows().is_some_and(RowSet::is_empty)
        {
            self.schedule.at_once("locks");
        }
        let Some(asked) = asked_probe().filter(|probe| self.board.is_read(probe)) else { return };
        let statements = match self.board.section("statements").clone() {
            Section::Ready(statements) if probes.iter().any(|probe| probe.name == "statements") => statements,
            // Texts of statements that cannot be read are not read for the same reason.
            Section::Missing(why) if matches!(self.board.section(asked.name), Section::Missing(_)) => {
                return self.board.failed(asked, why);
            }
            _ => return,
        };
        let ids = self.texts.unseen(&statements.rows);
        let is_all_known = ids.is_empty();
        if !is_all_known && self.wish(Wish::Texts(ids)) {
            self.texts.asked();
        } else if matches!(self.board.section(asked.name), Section::Missing(_))
            && is_all_known
            && !self.texts.is_waiting()
        {
            self.board.read(asked, at, Vec::new());
        }
    }

    fn hear(&mut self, news: News) {
        match news {
            News::Section { probe, at, result: Ok(rows) } => self.board.read(probe, at, rows),
            News::Section { probe, result: Err(why), .. } => self.board.failed(probe, why),
            News::Texts { at, result } => self.hear_texts(at, result),
            News::Cost { server, round_trips, statements } => {
                self.cost.server.0 += server;
                self.cost.round_trips += round_trips;
                self.cost.statements += statements;
            }
            News::Facts(facts) => {
                // Should nobody listen, the next beat ends it.
                self.connected(facts);
                self.schedule.clear();
            }
            News::Lost(why) => {
                self.texts.failed();
                self.board.lost(&why, |lane| lane == Lane::Slow);
            }
        }
    }

    fn hear_texts(&mut self, at: Timestamp, result: Result<Vec<Vec<Value>>, Missing>) {
        let Some(probe) = asked_probe() else { return };
        match result {
            Ok(rows) => {
                self.texts.add(rows, self.board.section("statements").rows());
                let rows = self.texts.rows(self.board.columns(probe.name));
                self.board.known(probe, Reading { at, rows });
            }
            Err(why) => {
                self.texts.failed();
                self.board.failed(probe, why);
            }
        }
    }

    /// Tells the slow lane of the server; it must hear it, so a full channel is tried again at the next beat.
    fn tell_slow_lane(&mut self) {
        if let Some(facts) = self.owed.take()
            && !self.wish(Wish::Connected(Arc::clone(&facts)))
        {
            self.owed = Some(facts);
        }
    }

    /// Asks the slow lane; a lane that is too busy to hear is asked again by the next sample.
    fn wish(&self, wish: Wish) -> bool {
        self.channels.wishes.try_send(wish).is_ok()
    }

    fn publish(&mut self, at: Timestamp) -> bool {
        let paces = self.paces();
        self.cost.pace = Seconds(paces.sample.as_secs_f64());
        self.cost.wanted_pace = Seconds(self.settings.pace.as_secs_f64());
        let snapshot = Arc::new(self.board.snapshot(at, self.cost));
        let dropped = self.cost.dropped;
        self.cost = SampleCost { dropped, ..SampleCost::default() };
        self.report(Report::Snapshot(snapshot))
    }

    /// Returns whether anybody listens. A report for which there is no room is dropped and counted.
    fn report(&mut self, report: Report) -> bool {
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

/// When the first of the statements was taken up, and when the last that tells it was done.
fn times(asked: &[Question], answers: &mut Answers) -> Option<Times> {
    let told = asked.iter().zip(answers).enumerate().filter(|(at, (question, _))| *at == 0 || question.is_bundle());
    let told: Vec<Times> = told.filter_map(|(_, (_, answer))| answer.as_mut().ok().and_then(take_times)).collect();
    Some(Times { start: told.first()?.start, end: told.last()?.end })
}

/// What the `server` probe tells that changes what the server has.
fn traits(row: &Row<'_>) -> [Value; 2] {
    ["is_standby", "extensions"].map(|name| row.get(name).clone())
}

/// Whether the `server` probe tells of another role or of other extensions than those that were found.
fn has_changed(row: &Row<'_>, facts: &ServerFacts) -> bool {
    let known = facts.extensions.iter().map(|(name, it)| format!("{name} {} {}", it.version, it.schema));
    let seen = row.get("extensions");
    row.flag("is_standby").is_some_and(|is| is != facts.is_standby)
        || !seen.is_null() && !known.eq(seen.as_list().iter().filter_map(Value::as_str))
}

/// Waits for what is under way; for ever if nothing is.
async fn finished(work: &mut Option<Work>) -> Done {
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
