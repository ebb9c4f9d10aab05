//! A recording on the screen: the same panes, without a server.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::console::{ShutdownSignals, draw, lend, now, seconds};
use super::effects::{copy, save};
use super::keyboard::Keyboard;
use super::own_editor;
use super::playback::Playback;
use super::seeking::Seeking;
use super::suspend::{self, JobControl, Suspending};
use super::terminal::{ByteCount, Display, Mouse, Screen};
use crate::app::{App, Effect, Event, Job, JobNews, JobResult, Outcome, PaneContext, Start};
use crate::failure::{Failure, FailureKind};
use crate::panes;
use crate::pg::advice::Advised;
use crate::pg::explain::ExplainRequest;
use crate::plan::Plan;
use crate::record::{Explained, RecordError, RecordedWindow, RecordingFile};
use crate::sample::{Snapshot, Timestamp};
use crate::ui::frame::Segment;

/// The least time between two frames.
const FRAME: Duration = Duration::from_millis(33);

/// What is said of everything that only a server could do.
const NO_SERVER: &str = "This is a recording: there is no server to ask.";

/// What is said of a run that is asked for, where the recording has a plan.
const NOT_RUN: &str = "EXPLAIN was not run: this is a recording, without a server.";

/// A recording that stands still.
pub struct Replay {
    /// The recording.
    pub file: RecordingFile,
    /// Its first samples.
    pub window: RecordedWindow,
    /// How the console starts.
    pub start: Start,
    /// Whether the mouse is listened to.
    pub mouse: Mouse,
}

/// Shows a recording from its first sample on, until somebody leaves.
pub async fn replay(replay: Replay) -> Result<(), Failure> {
    let Replay { file, window, start, mouse } = replay;
    let mut app = app(start);
    app.update(Event::Connected(Arc::clone(file.server())));
    let shown = window.moment.unwrap_or(window.asked);
    app.update(Event::Recorded(Box::new(window)));
    let offline = Offline { explained: Explained::new(Arc::clone(file.plans())), at: None };
    show(app, mouse, offline, SampleSource::File(Seeking::start(file, shown))).await
}

/// Plays a recording as if it were a server, again and again, until somebody leaves; `banner` is always shown.
pub async fn play(start: Start, mouse: Mouse, mut playback: Playback, banner: Vec<Segment>) -> Result<(), Failure> {
    let mut app = app(start);
    app.set_banner(banner);
    let at = now();
    let offline = Offline { explained: playback.explained(), at: Some(at) };
    app.update(Event::Tick(at));
    let samples = playback.restart(at).map_err(|error| unreadable(&error))?;
    load(&mut app, samples.into_iter());
    show(app, mouse, offline, SampleSource::Played(Box::new(playback))).await
}

fn app(start: Start) -> App {
    let context = PaneContext::in_zone(start.zone.clone());
    App::new(start, panes::ALL, &context)
}

fn unreadable(error: &RecordError) -> Failure {
    Failure::new(FailureKind::File, "the recording cannot be read").because(error)
}

/// Where the samples come from.
enum SampleSource {
    File(Seeking),
    Played(Box<Playback>),
}

/// Shows the console until somebody leaves.
async fn show(mut app: App, mouse: Mouse, offline: Offline, source: SampleSource) -> Result<(), Failure> {
    let (mut seeking, mut playback) = match source {
        SampleSource::File(seeking) => (Some(seeking), None),
        SampleSource::Played(playback) => (None, Some(playback)),
    };
    let mut screen = Screen::take(mouse, ByteCount::default())?;
    let mut ends = ShutdownSignals::install()?;
    let mut keyboard = Keyboard::start();
    let (mut ticks, mut drawn) = (seconds(), None::<Instant>);
    let mut suspending = Suspending::install()?;
    loop {
        let next_frame = drawn.map_or_else(Instant::now, |at| at + FRAME);
        // Who holds a moment reads: the history stays until they go on.
        let due = playback.as_ref().filter(|it| !it.is_at_end() || app.is_live()).map(|it| it.due());
        let mut asked = None;
        let event = tokio::select! {
            // Each branch takes from a channel or a timer: nothing is lost when another one wins.
            key = keyboard.events().recv() => match key { Some(key) => Some(key), None => return Ok(()) },
            () = ends.came() => return Ok(()),
            signal = suspending.asked() => { asked = Some(signal); None }
            () = until(due) => None,
            window = Seeking::next(&mut seeking) => Some(window),
            _ = ticks.tick(), if playback.is_some() => Some(Event::Tick(now())),
            () = sleep_until(next_frame), if app.is_dirty() => None,
        };
        if let Some(event) = event {
            if event.is_input() {
                drawn = None;
            }
            app.update(event);
        }
        if let Some(playback) = playback.as_mut().filter(|_| due.is_some_and(|due| due <= Instant::now())) {
            go_on(&mut app, playback)?;
        }
        // The answer to an effect may ask for the next one.
        while let Some(effect) = app.next_effect() {
            match effect {
                Effect::Quit => return Ok(()),
                Effect::Suspend => asked = Some(JobControl::Stop),
                Effect::Seek(moment) => seeking.iter().for_each(|seeking| seeking.seek(moment)),
                effect => {
                    if let Some(answer) = offline.act(effect, &mut screen) {
                        app.update(answer);
                    }
                }
            }
        }
        if let Some(asked) = asked {
            suspend(asked, &keyboard, &mut screen, &mut app).await?;
        }
        if app.is_dirty() && drawn.is_none_or(|at| at.elapsed() >= FRAME) {
            drawn = Some(Instant::now());
            app.take_dirty();
            draw(&mut screen, &mut app)?;
        }
    }
}

/// Stops the program if that is asked, and takes the terminal over again.
async fn suspend(asked: JobControl, keyboard: &Keyboard, screen: &mut Screen, app: &mut App) -> Result<(), Failure> {
    if asked == JobControl::Stop {
        lend(keyboard, screen).await;
        let is_stopped = suspend::stop();
        keyboard.resume();
        if !is_stopped {
            app.update(Event::Done(Outcome::Bad(suspend::NO_SHELL.to_owned())));
        }
    }
    screen.take_back()?;
    app.update(Event::Resized);
    Ok(())
}

/// Waits until a moment; for ever, where there is none.
async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}

/// Shows the next sample, or starts again.
fn go_on(app: &mut App, playback: &mut Playback) -> Result<(), Failure> {
    if let Some(sample) = playback.take() {
        app.update(Event::Sampled(sample));
        return Ok(());
    }
    let samples = playback.restart(now()).map_err(|error| unreadable(&error))?;
    app.update(Event::Restarted(samples));
    Ok(())
}

/// Does what can be done without a server.
struct Offline {
    explained: Explained,
    /// When the recording began to be played; `None` where it stands still.
    at: Option<Timestamp>,
}

impl Offline {
    /// Does an effect; returns what came of it, or why it cannot be done.
    fn act(&self, effect: Effect, screen: &mut Screen) -> Option<Event> {
        let outcome = match effect {
            Effect::Copy { text, what } => copy(&text, &what, screen),
            Effect::Save { name, text } => save(&name, &text),
            Effect::Start(id, job) => return Some(Event::Job(id, JobNews::Done(self.perform(job)))),
            Effect::Pace(_) => Outcome::Bad("A recording keeps the pace it was made at.".to_owned()),
            // Nothing is under way; and what is looked at in a recording is no statement of the user's.
            Effect::Quit | Effect::Suspend | Effect::Seek(_) | Effect::Remember(_) | Effect::Cancel(_) => {
                return None;
            }
            Effect::ReadNow | Effect::Signal(_) | Effect::Signals(_) | Effect::KeepBaseline(_) => {
                Outcome::Bad(NO_SERVER.to_owned())
            }
        };
        Some(Event::Done(outcome))
    }

    fn perform(&self, job: Job) -> JobResult {
        match job {
            Job::Explain(request) => self.explain(&request.sql, request.options.analyze),
            // Values would change nothing about a plan that is there, or is not.
            Job::FindParameters { sql } => self.explain(&sql, true),
            Job::Advise { request, plan } => JobResult::Advised(self.advise(&request, &plan)),
            Job::OpenFile { path } => JobResult::FileOpened(own_editor::open(&path)),
            Job::TryIndexes { .. } | Job::AdviseWorkload(_) | Job::MeasureBloat { .. } | Job::Maintain { .. } => {
                JobResult::Failed(Failure::new(FailureKind::Refused, NO_SERVER))
            }
            Job::EditText { .. } => JobResult::TextEdited(Err(Failure::new(
                FailureKind::Refused,
                "The external editor needs a live server; press e to edit here.",
            ))),
        }
    }

    /// Shows the recorded plan of a statement; `is_run` is whether a run was asked for.
    fn explain(&self, sql: &str, is_run: bool) -> JobResult {
        JobResult::Explained(match self.explained.answer(sql, self.at) {
            Some(mut answer) => {
                if is_run {
                    answer.notices.insert(0, NOT_RUN.to_owned());
                }
                Ok(Box::new(answer))
            }
            None => Err(self.without_plan()),
        })
    }

    fn without_plan(&self) -> Failure {
        if self.explained.is_empty() {
            return Failure::new(FailureKind::Refused, NO_SERVER);
        }
        let what = "The recording has no plan for this statement, and there is no server to ask.";
        Failure::new(FailureKind::Refused, what).hint(format!(
            "it has plans for {}: press e on a SELECT, INSERT or UPDATE in Queries",
            crate::sample::unit::counted(self.explained.len(), "statement", "statements")
        ))
    }

    fn advise(&self, request: &ExplainRequest, plan: &Arc<Plan>) -> Result<Box<Advised>, Failure> {
        match self.explained.advise(&request.sql, plan) {
            Some(advised) => Ok(Box::new(advised)),
            None if self.explained.is_empty() => Err(Failure::new(FailureKind::Refused, NO_SERVER)),
            None => Err(Failure::new(FailureKind::Refused, "The recording does not hold the tables of this plan.")),
        }
    }
}

/// Puts samples into a console as if they had come from a server.
pub fn load(app: &mut App, samples: impl Iterator<Item = Arc<Snapshot>>) {
    let mut server = None;
    for snapshot in samples {
        if server.as_ref().is_none_or(|server| !Arc::ptr_eq(server, &snapshot.server)) {
            server = Some(Arc::clone(&snapshot.server));
            app.update(Event::Connected(Arc::clone(&snapshot.server)));
        }
        app.update(Event::Sampled(snapshot));
    }
}
