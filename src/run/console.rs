//! The loop of the console: events in, effects done, a frame drawn.

use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::effects::Hands;
use super::keyboard;
use super::terminal::{ByteCount, Mouse, Screen};
use crate::app::{App, Effect, Event, Start};
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
}

/// Runs the console until somebody leaves it.
pub async fn console(setup: Setup) -> Result<(), Failure> {
    let mut screen = Screen::take(setup.mouse, ByteCount::default())?;
    let mut ends = Ends::install()?;
    let (reports_in, mut reports) = mpsc::channel(sampler::REPORTS_ROOM);
    let (commands, commands_out) = mpsc::channel(16);
    let (orders, orders_out) = mpsc::channel(16);
    let (told_in, mut told) = mpsc::channel(16);
    let sampling = tokio::spawn(sampler::run(Arc::clone(&setup.connector), setup.sampler, reports_in, commands_out));
    let acting = tokio::spawn(act::run(Arc::clone(&setup.connector), orders_out, told_in));
    let mut keys = keyboard::start();
    let mut hands = Hands::new(commands, orders, setup.start.rights);
    let mut app = App::new(setup.start, panes::all());
    let mut ticks = interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut drawn = None::<Instant>;
    loop {
        let next_frame = drawn.map_or_else(Instant::now, |at| at + FRAME);
        let event = tokio::select! {
            // Each branch takes from a channel or a timer: nothing is lost when another one wins.
            key = keys.recv() => match key { Some(key) => Some(key), None => break },
            report = reports.recv() => match report { Some(report) => Some(of_report(report, &mut hands)), None => break },
            Some(news) = told.recv() => Some(Event::Done(hands.outcome(news))),
            _ = ticks.tick() => Some(Event::Tick(now())),
            () = ends.came() => break,
            () = tokio::time::sleep_until(next_frame), if app.is_dirty() => None,
        };
        let mut effects = event.map_or_else(Vec::new, |event| app.update(event));
        drain(&mut app, &mut hands, (&mut keys, &mut reports, &mut told), &mut effects);
        if effects.contains(&Effect::Quit) {
            break;
        }
        for effect in effects {
            if let Some(event) = hands.act(effect, &mut screen) {
                // What came of an effect asks the shell for nothing.
                drop(app.update(event));
            }
        }
        if app.is_dirty() && drawn.is_none_or(|at| at.elapsed() >= FRAME) {
            drawn = Some(Instant::now());
            app.take_dirty();
            screen
                .draw(|frame| app.draw(frame))
                .map_err(|error| Failure::new(Kind::Terminal, "cannot draw on the terminal").because(&error))?;
        }
    }
    drop(screen);
    hands.stop();
    let farewell = async { tokio::join!(sampling, acting) };
    // What does not end in time is ended by the server's own timeouts.
    drop(tokio::time::timeout(FAREWELL, farewell).await);
    Ok(())
}

/// Takes what else is waiting, so that one frame shows all of it.
fn drain(
    app: &mut App,
    hands: &mut Hands,
    (keys, reports, told): (&mut mpsc::Receiver<Event>, &mut mpsc::Receiver<Report>, &mut mpsc::Receiver<Told>),
    effects: &mut Vec<Effect>,
) {
    while let Ok(key) = keys.try_recv() {
        effects.extend(app.update(key));
    }
    while let Ok(report) = reports.try_recv() {
        let event = of_report(report, hands);
        effects.extend(app.update(event));
    }
    while let Ok(news) = told.try_recv() {
        let event = Event::Done(hands.outcome(news));
        effects.extend(app.update(event));
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
struct Ends {
    terminate: Signal,
    hang_up: Signal,
    interrupt: Signal,
}

impl Ends {
    fn install() -> Result<Self, Failure> {
        let on = |kind| {
            signal(kind).map_err(|error| Failure::new(Kind::Terminal, "cannot listen for signals").because(&error))
        };
        Ok(Self {
            terminate: on(SignalKind::terminate())?,
            hang_up: on(SignalKind::hangup())?,
            interrupt: on(SignalKind::interrupt())?,
        })
    }

    async fn came(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
