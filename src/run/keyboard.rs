//! Keys, mouse and paste, read by a plain thread, which sleeps until the terminal has something for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{JoinHandle, park};
use std::time::Duration;

use crossterm::event::{self, Event as Terminal};
use rustix::process::{Signal, getpid, kill_process};
use tokio::sync::mpsc;

use crate::app::Event;

/// Events that may wait; a terminal that sends more (a pasted megabyte) waits itself.
const ROOM: usize = 64;

/// How soon the thread heeds that another program is to read the keys.
pub(super) const LOOK_UP: Duration = Duration::from_millis(200);

/// How long the thread sleeps; a console that nobody touches is not woken by it.
const SLEEP: Duration = Duration::from_secs(60);

/// The keyboard's thread.
pub(super) struct Keyboard {
    events: mpsc::Receiver<Event>,
    pause: Arc<Pause>,
    thread: Option<JoinHandle<()>>,
}

/// Whether the keys are another program's just now.
#[derive(Default)]
struct Pause {
    is_asked: AtomicBool,
    is_heeded: AtomicBool,
}

impl Keyboard {
    /// Starts the thread; it ends with the process, or when nobody takes its events.
    pub(super) fn start() -> Self {
        let (send, events) = mpsc::channel(ROOM);
        let pause = Arc::new(Pause::default());
        let heeded = Arc::clone(&pause);
        let thread = std::thread::Builder::new().name("keyboard".to_owned()).spawn(move || read(&send, &heeded)).ok();
        Self { events, pause, thread }
    }

    /// A keyboard whose keys come from a channel, for tests.
    #[cfg(test)]
    pub(super) fn of(events: mpsc::Receiver<Event>) -> Self {
        Self { events, pause: Arc::default(), thread: None }
    }

    /// Returns the events.
    pub(super) fn events(&mut self) -> &mut mpsc::Receiver<Event> {
        &mut self.events
    }

    /// Leaves the keys to another program; returns when the thread has stopped reading.
    pub(super) async fn pause(&self) {
        self.pause.is_asked.store(true, Ordering::SeqCst);
        while !self.pause.is_heeded.load(Ordering::SeqCst) && self.is_alive() {
            // What tells of another size of the terminal wakes the thread too; whoever else has this signal ignores it.
            kill_process(getpid(), Signal::WINCH).unwrap_or_default();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Reads the keys again.
    pub(super) fn resume(&self) {
        self.pause.is_asked.store(false, Ordering::SeqCst);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }

    fn is_alive(&self) -> bool {
        self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }
}

fn read(send: &mpsc::Sender<Event>, pause: &Pause) {
    loop {
        while pause.is_asked.load(Ordering::SeqCst) {
            pause.is_heeded.store(true, Ordering::SeqCst);
            park();
        }
        pause.is_heeded.store(false, Ordering::SeqCst);
        match event::poll(SLEEP) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(_) => return,
        }
        let event = match event::read() {
            Ok(Terminal::Key(key)) => Event::Key(key),
            Ok(Terminal::Mouse(mouse)) => Event::Mouse(mouse),
            Ok(Terminal::Paste(text)) => Event::Paste(text),
            Ok(Terminal::Resize(..)) => Event::Resized,
            Ok(Terminal::FocusGained | Terminal::FocusLost) => continue,
            Err(_) => return,
        };
        if send.blocking_send(event).is_err() {
            return;
        }
    }
}
