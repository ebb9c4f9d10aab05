//! Keys, mouse and paste, read by a plain thread.

use crossterm::event::{self, Event as Terminal};
use tokio::sync::mpsc;

use crate::app::Event;

/// Events that may wait; a terminal that sends more (a pasted megabyte) waits itself.
const ROOM: usize = 64;

/// Starts the thread; it ends with the process, or when nobody takes its events.
pub(super) fn start() -> mpsc::Receiver<Event> {
    let (send, take) = mpsc::channel(ROOM);
    let read = move || {
        while let Ok(event) = event::read() {
            let event = match event {
                Terminal::Key(key) => Event::Key(key),
                Terminal::Mouse(mouse) => Event::Mouse(mouse),
                Terminal::Paste(text) => Event::Paste(text),
                Terminal::Resize(..) => Event::Resized,
                Terminal::FocusGained | Terminal::FocusLost => continue,
            };
            if send.blocking_send(event).is_err() {
                return;
            }
        }
    };
    // The thread waits in `read` for as long as the terminal lives: nobody waits for it.
    drop(std::thread::Builder::new().name("keyboard".to_owned()).spawn(read));
    take
}
