//! The loop of the console: events in, effects done, a frame drawn.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, timeout};

use super::advising::Advising;
use super::effects::Hands;
use super::explains::Explains;
use super::keyboard::Keyboard;
use super::own_editor;
use super::remembered::Remembered;
use super::terminal::{ByteCount, Mouse, Screen};
use crate::app::{App, Effect, Event, Outcome, Start};
use crate::failure::{Failure, Kind};
use crate::panes;
use crate::pg::act::{self, Told};
use crate::pg::sampler::{self, Report};
use crate::pg::session::Connector;
use crate::sample::{Seconds, Timestamp};

/// The least time between two frames: thirty a second.
const FRAME: Duration = Duration::from_millis(33);
/// How long the sampler and the act session may take to cancel what they left running.
const FAREWELL: Duration = Duration::from_secs(2);
/// The same where an index on trial has to be dropped first.
const FAREWELL_TO_A_TRIAL: Duration = Duration::from_secs(10);

/// What the console needs.
pub struct Setup {
    /// How it starts.
    pub start: Start,
    /// Makes the connections.
    pub connector: Arc<dyn Connector>,
    /// How the sampler works.
    pub sampler: sampler::Settings,
    /// Whether the mouse is listened to.
    pub mouse: Mouse,
    /// The user's own editor: a command, with its arguments.
    pub editor: String,
    /// The statements explained in earlier runs.
    pub remembered: Remembered,
}

/// Runs the console until somebody leaves it.
pub async fn console(setup: Setup) -> Result<(), Failure> {
    let (mut screen, mut ends) = (Screen::take(setup.mouse, ByteCount::default())?, Ends::install()?);
    let (reports_in, mut reports) = mpsc::channel(sampler::REPORTS_ROOM);
    let ((commands, commands_out), (orders, orders_out)) = (mpsc::channel(16), mpsc::channel(16));
    let (told_in, mut told) = mpsc::channel(16);
    let sampling = tokio::spawn(sampler::run(Arc::clone(&setup.connector), setup.sampler, reports_in, commands_out));
    let acting = tokio::spawn(act::run(Arc::clone(&setup.connector), orders_out, told_in));
    let mut explains = Explains::start(Arc::clone(&setup.connector), setup.start.rights);
    let mut keyboard = Keyboard::start();
    let (advising, mut suggested) = Advising::new(setup.connector);
    let mut hands = Hands::new(commands, orders, setup.start.rights, (setup.remembered.clone(), advising));
    let mut editing: Option<JoinHandle<Result<String, Failure>>> = None;
    let mut app = app(setup.start, &setup.remembered);
    let (mut ticks, mut drawn) = (seconds(), None::<Instant>);
    loop {
        let next_frame = drawn.map_or_else(Instant::now, |at| at + FRAME);
        let event = tokio::select! {
            // Each branch takes from a channel or a timer: nothing is lost when another one wins.
            key = keyboard.events().recv() => match key { Some(key) => Some(key), None => break },
            report = reports.recv() => match report { Some(report) => Some(of_report(report, &mut hands)), None => break },
            Some(news) = told.recv() => Some(Event::Done(hands.outcome(news))),
            event = explains.next() => Some(event),
            Some(found) = suggested.recv() => Some(found),
            _ = ticks.tick() => Some(Event::Tick(now())),
            edited = ended(&mut editing) => {
                editing = None;
                keyboard.resume();
                screen.take_back()?;
                Some(edited)
            }
            // A Ctrl-c in the editor is meant for it.
            () = ends.came(), if editing.is_none() => break,
            () = tokio::time::sleep_until(next_frame), if app.is_dirty() && editing.is_none() => None,
        };
        drain(event, &mut app, &mut hands, (keyboard.events(), &mut reports, &mut told, &mut explains));
        let mut is_quitting = false;
        // The answer to an effect may ask for the next one.
        while let Some(effect) = app.next_effect() {
            is_quitting |= effect == Effect::Quit;
            if let Effect::Edit { text } = &effect {
                lend(&keyboard, &screen).await;
                editing = Some(tokio::spawn(own_editor::edit(text.clone(), setup.editor.clone())));
            }
            let answer = explains.act(effect).unwrap_or_else(|effect| hands.act(effect, &mut screen));
            if let Some(event) = answer {
                app.update(event);
            }
        }
        if is_quitting {
            break;
        }
        if editing.is_none() {
            draw_if_due(&mut screen, &mut app, &mut drawn)?;
        }
    }
    drop(screen);
    let advising = hands.stop();
    let limit = if advising.is_trying() { FAREWELL_TO_A_TRIAL } else { FAREWELL };
    // What does not end in time is ended by the server's own timeouts.
    drop(timeout(limit, async { tokio::join!(sampling, acting, explains.stop(), advising.stop()) }).await);
    Ok(())
}

/// Draws what changed, at most thirty times a second.
fn draw_if_due(screen: &mut Screen, app: &mut App, drawn: &mut Option<Instant>) -> Result<(), Failure> {
    if !app.is_dirty() || drawn.is_some_and(|at| at.elapsed() < FRAME) {
        return Ok(());
    }
    *drawn = Some(Instant::now());
    app.take_dirty();
    draw(screen, app)
}

/// Returns a console that remembers the statements explained in earlier runs.
fn app(start: Start, remembered: &Remembered) -> App {
    let mut app = App::new(start, panes::all());
    app.update(Event::Remembered(remembered.read()));
    app
}

/// Ticks once a second; what was missed is not made up for.
fn seconds() -> Interval {
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Leaves keys and terminal to another program.
async fn lend(keyboard: &Keyboard, screen: &Screen) {
    keyboard.pause().await;
    screen.lend();
}

pub(super) fn draw(screen: &mut Screen, app: &mut App) -> Result<(), Failure> {
    let drawn = screen.draw(|frame| app.draw(frame));
    drawn.map_err(|error| Failure::new(Kind::Terminal, "cannot draw on the terminal").because(&error))
}

/// Returns what the user's own editor left, when it ends; never, where none is open.
async fn ended(editing: &mut Option<JoinHandle<Result<String, Failure>>>) -> Event {
    let Some(task) = editing else { return std::future::pending().await };
    match task.await {
        Ok(Ok(text)) => Event::Edited(text),
        Ok(Err(failure)) => {
            let hint = failure.hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
            Event::Done(Outcome::Bad(format!("{}{hint}", failure.what)))
        }
        Err(error) => Event::Done(Outcome::Bad(format!("the editor's task ended: {error}"))),
    }
}

/// Where events wait.
type Inbox<'a> =
    (&'a mut mpsc::Receiver<Event>, &'a mut mpsc::Receiver<Report>, &'a mut mpsc::Receiver<Told>, &'a mut Explains);

/// Takes an event and what else is waiting, so that one frame shows all of it.
fn drain(event: Option<Event>, app: &mut App, hands: &mut Hands, (keys, reports, told, explains): Inbox<'_>) {
    if let Some(event) = event {
        app.update(event);
    }
    while let Ok(key) = keys.try_recv() {
        app.update(key);
    }
    while let Ok(report) = reports.try_recv() {
        let event = of_report(report, hands);
        app.update(event);
    }
    while let Ok(news) = told.try_recv() {
        let event = Event::Done(hands.outcome(news));
        app.update(event);
    }
    while let Some(event) = explains.waiting() {
        app.update(event);
    }
}

fn of_report(report: Report, hands: &mut Hands) -> Event {
    match report {
        Report::Snapshot(snapshot) => Event::Sampled(snapshot),
        Report::Connected(facts) => {
            hands.tell_facts(&facts);
            Event::Connected(facts)
        }
        Report::Lost { failure, retry_in } => {
            let mut why = failure.what;
            if let Some(cause) = failure.because.first() {
                why = format!("{why}: {cause}");
            }
            Event::Lost { since: now(), why, retry_in: Seconds(retry_in.as_secs_f64()) }
        }
    }
}

/// Our own clock, for ages that go on when the server does not answer.
fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(since.map_or(0.0, |since| since.as_secs_f64()))
}

/// The signals that end the console.
pub(super) struct Ends {
    terminate: Signal,
    hang_up: Signal,
    interrupt: Signal,
}

impl Ends {
    pub(super) fn install() -> Result<Self, Failure> {
        let on = |kind| {
            signal(kind).map_err(|error| Failure::new(Kind::Terminal, "cannot listen for signals").because(&error))
        };
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            hang_up: on(SignalKind::hangup())?,
            interrupt: on(SignalKind::interrupt())?,
        })
    }

    pub(super) async fn came(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
