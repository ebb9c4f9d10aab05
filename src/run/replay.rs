//! A recording on the screen: the same panes, without a server.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::console::{Ends, draw, lend};
use super::effects::{copy, open, save};
use super::keyboard::Keyboard;
use super::suspend::{self, Asked, Suspending};
use super::terminal::{ByteCount, Mouse, Screen};
use crate::app::{App, Effect, Event, Outcome, Start};
use crate::failure::{Failure, Kind};
use crate::panes;
use crate::sample::Snapshot;

/// The least time between two frames.
const FRAME: Duration = Duration::from_millis(33);

/// What is said of everything that only a server could do.
const NO_SERVER: &str = "this is a recording: there is no server to ask";

/// Shows samples, oldest first, until somebody leaves; `note` is said first.
pub async fn replay(
    start: Start,
    mouse: Mouse,
    samples: impl Iterator<Item = Arc<Snapshot>>,
    note: Option<String>,
) -> Result<(), Failure> {
    let mut app = App::new(start, panes::all());
    load(&mut app, samples);
    if let Some(note) = note {
        app.update(Event::Done(Outcome::Bad(note)));
    }
    let mut screen = Screen::take(mouse, ByteCount::default())?;
    let mut ends = Ends::install()?;
    let mut keyboard = Keyboard::start();
    let mut drawn = None::<Instant>;
    let mut suspending = Suspending::install()?;
    loop {
        let next_frame = drawn.map_or_else(Instant::now, |at| at + FRAME);
        let mut asked = None;
        let key = tokio::select! {
            key = keyboard.events().recv() => match key { Some(key) => Some(key), None => return Ok(()) },
            () = ends.came() => return Ok(()),
            signal = suspending.asked() => { asked = Some(signal); None }
            () = sleep_until(next_frame), if app.is_dirty() => None,
        };
        if let Some(key) = key {
            app.update(key);
        }
        // The answer to an effect may ask for the next one.
        while let Some(effect) = app.next_effect() {
            match effect {
                Effect::Quit => return Ok(()),
                Effect::Suspend => asked = Some(Asked::Stop),
                effect => {
                    let answer = act(effect, &mut screen);
                    app.update(answer);
                }
            }
        }
        if let Some(asked) = asked {
            suspend(asked, (&keyboard, &mut screen), &mut app).await?;
        }
        if app.is_dirty() && drawn.is_none_or(|at| at.elapsed() >= FRAME) {
            drawn = Some(Instant::now());
            app.take_dirty();
            draw(&mut screen, &mut app)?;
        }
    }
}

/// Stops the program if that is asked, and takes the terminal over again.
async fn suspend(asked: Asked, (keyboard, screen): (&Keyboard, &mut Screen), app: &mut App) -> Result<(), Failure> {
    if asked == Asked::Stop {
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

fn act(effect: Effect, screen: &mut Screen) -> Event {
    Event::Done(match effect {
        Effect::Copy { text, what } => copy(&text, &what, screen),
        Effect::Save { name, text } => save(&name, &text),
        Effect::Open { path } => return open(path),
        Effect::Suggest { plan, .. } => {
            return Event::Suggested { plan, found: Err(Failure::new(Kind::Refused, NO_SERVER)) };
        }
        Effect::Explain(_) => return Event::ExplainDone(Err(Failure::new(Kind::Refused, NO_SERVER))),
        _ => Outcome::Bad(NO_SERVER.to_owned()),
    })
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
