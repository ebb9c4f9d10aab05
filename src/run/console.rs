//! The loop of the console: events in, effects done, a frame drawn.

#[cfg(test)]
mod loop_tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout};

use super::baselines::Baselines;
use super::effects::{EffectRunner, mode_of};
use super::jobs::JobRunner;
use super::keyboard::{self, Keyboard};
use super::own_editor;
use super::remembered::Remembered;
use super::suspend::{self, JobControl, Suspending};
use super::terminal::{ByteCount, Display, Mouse, Screen};
use crate::app::{App, Effect, Event, Job, JobId, JobNews, JobResult, Outcome, PaneContext, Start};
use crate::failure::{Failure, FailureKind};
use crate::panes;
use crate::pg::act::{self, SignalReply};
use crate::pg::sampler::{self, SamplerReport};
use crate::pg::session::Connector;
use crate::sample::{Seconds, Timestamp};

/// The least time between two frames, thirty a second; what a key changes is drawn at once.
const FRAME: Duration = Duration::from_millis(33);
/// How long the connections may take to close: what they left running is cancelled, and an index on trial is dropped. A
/// connection that closes before its answer leaves an error in the server's log.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(12);

/// What the console needs.
pub struct ConsoleSetup {
    /// How it starts.
    pub start: Start,
    /// Makes the connections.
    pub connector: Arc<dyn Connector>,
    /// How the sampler works.
    pub sampler: sampler::SamplerSettings,
    /// Whether the mouse is listened to.
    pub mouse: Mouse,
    /// The user's own editor: a command, with its arguments.
    pub editor: String,
    /// What is kept between runs.
    pub kept: KeptFiles,
    /// What was passed over at the start, each one sentence: said first, and kept in the journal.
    pub warnings: Vec<String>,
}

/// What is kept between runs.
#[derive(Debug, Clone, Default)]
pub struct KeptFiles {
    /// The statements explained in earlier runs.
    pub remembered: Remembered,
    /// What was advised, to be compared with what comes of it.
    pub baselines: Baselines,
}

/// Runs the console until somebody leaves it.
pub async fn console(setup: ConsoleSetup) -> Result<(), Failure> {
    let screen = Screen::take(setup.mouse, ByteCount::default())?;
    let signals = (ShutdownSignals::install()?, Suspending::install()?);
    let (reports_in, reports) = mpsc::channel(sampler::REPORTS_ROOM);
    let ((commands, commands_out), (orders, orders_out)) = (mpsc::channel(16), mpsc::channel(16));
    let (told_in, told) = mpsc::channel(16);
    let sampling = tokio::spawn(sampler::run(Arc::clone(&setup.connector), setup.sampler, reports_in, commands_out));
    let acting = tokio::spawn(act::run(Arc::clone(&setup.connector), orders_out, told_in));
    let (jobs, job_news) = JobRunner::new(setup.connector, mode_of(setup.start.rights));
    let runner = EffectRunner::new(commands, orders, setup.start.rights, setup.kept.clone(), jobs);
    let mut app = app(setup.start, &setup.kept.remembered, setup.warnings);
    let mut shell = Shell {
        screen,
        keyboard: Keyboard::start(),
        signals,
        inbox: Inbox { reports, told, job_news },
        runner,
        editor: setup.editor,
        editing: None,
        ticks: seconds(),
        drawn: None,
    };
    let ended = shell.run(&mut app).await;
    // What is typed while the connections close is meant for the shell.
    drop(timeout(keyboard::LOOK_UP * 2, shell.keyboard.pause()).await);
    let Shell { screen, runner, inbox, signals: (mut ends, _suspending), .. } = shell;
    drop(screen);
    ended?;
    let jobs = runner.stop();
    drop(inbox);
    let closing = async { tokio::join!(sampling, acting, jobs.stop()) };
    tokio::select! {
        // What does not end in time is ended by the server's own timeouts.
        _ = timeout(SHUTDOWN_LIMIT, closing) => {}
        () = ends.came() => {}
        () = say_that_it_waits() => {}
    }
    Ok(())
}

/// Says after a moment why the program has not ended; never returns.
async fn say_that_it_waits() {
    tokio::time::sleep(Duration::from_secs(1)).await;
    let text = "pgdj waits until the server has ended its statements; Ctrl-C leaves at once\n";
    // Without a terminal there is nobody to tell.
    drop(std::io::Write::write_all(&mut std::io::stderr(), text.as_bytes()));
    std::future::pending::<()>().await;
}

/// Where the answers of the other parties wait.
struct Inbox {
    reports: mpsc::Receiver<SamplerReport>,
    told: mpsc::Receiver<SignalReply>,
    job_news: mpsc::Receiver<Event>,
}

/// What the loop owns beside the state machine.
struct Shell<D> {
    screen: D,
    keyboard: Keyboard,
    signals: (ShutdownSignals, Suspending),
    inbox: Inbox,
    runner: EffectRunner,
    /// The user's own editor, and the text it is open on.
    editor: String,
    editing: Option<Editing>,
    ticks: Interval,
    drawn: Option<Instant>,
}

/// The user's own editor on a text; it has the terminal.
struct Editing {
    id: JobId,
    task: JoinHandle<Result<String, Failure>>,
}

/// What a turn of the loop begins with.
enum Next {
    Event(Event),
    /// A frame is due.
    Frame,
    Stop,
    /// The program was stopped by somebody else and goes on.
    Continued,
    /// Somebody leaves, or a party has ended.
    End,
}

impl<D: Display> Shell<D> {
    async fn run(&mut self, app: &mut App) -> Result<(), Failure> {
        loop {
            match self.next(app.is_dirty()).await? {
                Next::Event(event) => {
                    if event.is_input() {
                        self.drawn = None;
                    }
                    app.update(event);
                }
                Next::Frame => {}
                Next::Stop => self.stop(app).await?,
                Next::Continued => self.take_back(app)?,
                Next::End => return Ok(()),
            }
            self.drain(app);
            // The answer to an effect may ask for the next one.
            while let Some(effect) = app.next_effect() {
                if effect == Effect::Quit {
                    return Ok(());
                }
                self.obey(effect, app).await?;
            }
            if self.editing.is_none() {
                draw_if_due(&mut self.screen, app, &mut self.drawn)?;
            }
        }
    }

    /// Waits for what comes next.
    async fn next(&mut self, is_dirty: bool) -> Result<Next, Failure> {
        let next_frame = self.drawn.map_or_else(Instant::now, |at| at + FRAME);
        let is_ours = self.editing.is_none();
        let Self { keyboard, signals: (ends, suspending), inbox, runner, editing, ticks, .. } = self;
        let event = tokio::select! {
            // Each branch takes from a channel or a timer: nothing is lost when another one wins.
            key = keyboard.events().recv() => key,
            report = inbox.reports.recv() => report.map(|report| of_report(report, runner)),
            Some(news) = inbox.told.recv() => Some(Event::Done(runner.outcome(news))),
            Some(news) = inbox.job_news.recv() => Some(news),
            _ = ticks.tick() => Some(Event::Tick(now())),
            edited = ended(editing) => {
                self.editing = None;
                self.keyboard.resume();
                self.screen.take_back()?;
                Some(edited)
            }
            // A Ctrl-c in the editor is meant for it.
            () = ends.came(), if is_ours => None,
            asked = suspending.asked() => {
                return Ok(if asked == JobControl::Stop { Next::Stop } else { Next::Continued });
            }
            () = tokio::time::sleep_until(next_frame), if is_dirty && is_ours => return Ok(Next::Frame),
        };
        Ok(event.map_or(Next::End, Next::Event))
    }

    /// Takes what else is waiting, so that one frame shows all of it.
    fn drain(&mut self, app: &mut App) {
        while let Ok(key) = self.keyboard.events().try_recv() {
            app.update(key);
        }
        while let Ok(report) = self.inbox.reports.try_recv() {
            app.update(of_report(report, &mut self.runner));
        }
        while let Ok(news) = self.inbox.told.try_recv() {
            app.update(Event::Done(self.runner.outcome(news)));
        }
        while let Ok(news) = self.inbox.job_news.try_recv() {
            app.update(news);
        }
    }

    /// Does an effect; what comes of it at once goes back to the state machine.
    async fn obey(&mut self, effect: Effect, app: &mut App) -> Result<(), Failure> {
        match effect {
            Effect::Suspend => return self.stop(app).await,
            Effect::Start(id, Job::EditText { text }) => {
                lend(&self.keyboard, &self.screen).await;
                let task = tokio::spawn(own_editor::edit(text, self.editor.clone()));
                self.editing = Some(Editing { id, task });
            }
            effect => {
                if let Some(event) = self.runner.act(effect, &mut self.screen) {
                    app.update(event);
                }
            }
        }
        Ok(())
    }

    /// Gives the terminal to the shell that pgdj was started from, until it is continued.
    async fn stop(&mut self, app: &mut App) -> Result<(), Failure> {
        let is_ours = self.editing.is_none();
        if is_ours {
            lend(&self.keyboard, &self.screen).await;
        }
        let is_stopped = suspend::stop();
        if is_ours {
            self.keyboard.resume();
            self.take_back(app)?;
        }
        if !is_stopped {
            app.update(Event::Done(Outcome::Bad(suspend::NO_SHELL.to_owned())));
        }
        Ok(())
    }

    /// Takes the terminal over again and draws all of it; while the user's own editor has it, nothing.
    fn take_back(&mut self, app: &mut App) -> Result<(), Failure> {
        if self.editing.is_none() {
            self.screen.take_back()?;
            app.update(Event::Resized);
        }
        Ok(())
    }
}

/// Draws what changed, at most thirty times a second and after each key.
fn draw_if_due(screen: &mut impl Display, app: &mut App, drawn: &mut Option<Instant>) -> Result<(), Failure> {
    if !app.is_dirty() || drawn.is_some_and(|at| at.elapsed() < FRAME) {
        return Ok(());
    }
    *drawn = Some(Instant::now());
    app.take_dirty();
    draw(screen, app)
}

/// Returns a console that remembers the statements explained in earlier runs.
fn app(start: Start, remembered: &Remembered, warnings: Vec<String>) -> App {
    let context = PaneContext { zone: start.zone.clone(), statements: remembered.read(), vcpus: start.vcpus };
    let mut app = App::new(start, panes::ALL, &context);
    for warning in warnings {
        app.update(Event::Done(Outcome::Bad(warning)));
    }
    app
}

/// Ticks once a second; what was missed is not made up for.
pub(super) fn seconds() -> Interval {
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Leaves keys and terminal to another program.
pub(super) async fn lend(keyboard: &Keyboard, screen: &impl Display) {
    keyboard.pause().await;
    screen.lend();
}

pub(super) fn draw(screen: &mut impl Display, app: &mut App) -> Result<(), Failure> {
    let drawn = screen.draw(|frame| app.draw(frame));
    drawn.map_err(|error| Failure::new(FailureKind::Terminal, "cannot draw on the terminal").because(&error))
}

/// Returns what the user's own editor left, when it ends; never, where none is open.
async fn ended(editing: &mut Option<Editing>) -> Event {
    let Some(Editing { id, task }) = editing else { return std::future::pending().await };
    let edited = task.await.unwrap_or_else(|error| {
        Err(Failure::new(FailureKind::Refused, format!("a fault in pgdj ended the editor's task: {error}")))
    });
    Event::Job(*id, JobNews::Done(JobResult::TextEdited(edited)))
}

fn of_report(report: SamplerReport, runner: &mut EffectRunner) -> Event {
    match report {
        SamplerReport::Snapshot(snapshot) => Event::Sampled(snapshot),
        SamplerReport::Connected(facts) => {
            runner.tell_facts(&facts);
            Event::Connected(facts)
        }
        SamplerReport::Lost { failure, retry_in } => {
            let why = failure.because.into_iter().next().map_or(failure.what, reason_first);
            Event::Lost { since: now(), why, retry_in: Seconds(retry_in.as_secs_f64()) }
        }
    }
}

/// Puts the path of a socket behind the reason: the line is cut at its end.
fn reason_first(cause: String) -> String {
    match cause.split_once(": ").filter(|(place, _)| place.starts_with('/')) {
        Some((place, reason)) => format!("{reason} ({place})"),
        None => cause,
    }
}

/// Our own clock, for ages that go on when the server does not answer.
pub(super) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(since.map_or(0.0, |since| since.as_secs_f64()))
}

/// The signals that end the console.
pub(crate) struct ShutdownSignals {
    terminate: Signal,
    hang_up: Signal,
    interrupt: Signal,
}

impl ShutdownSignals {
    pub(crate) fn install() -> Result<Self, Failure> {
        let on = |kind| {
            signal(kind)
                .map_err(|error| Failure::new(FailureKind::Terminal, "cannot listen for signals").because(&error))
        };
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            hang_up: on(SignalKind::hangup())?,
            interrupt: on(SignalKind::interrupt())?,
        })
    }

    pub(crate) async fn came(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::reason_first;

    #[test]
    fn the_path_of_a_socket_comes_after_the_reason() {
        for (cause, shown) in [
            ("/tmp/a/.s.PGSQL.5432: the socket does not exist", "the socket does not exist (/tmp/a/.s.PGSQL.5432)"),
            ("db1:5432: connection refused", "db1:5432: connection refused"),
            ("gone: the server closed the connection", "gone: the server closed the connection"),
        ] {
            assert_eq!(reason_first(cause.to_owned()), shown);
        }
    }
}
