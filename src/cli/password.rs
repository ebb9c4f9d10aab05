//! Asks for a password on the terminal, without echo, and leaves the terminal as it was whatever ends the question.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::sync::mpsc::channel;

use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr};
use tokio::signal::unix::{SignalKind, signal};

use crate::pg::address::Password;

/// The letter that no key has: `_POSIX_VDISABLE`.
const NO_KEY: u8 = if cfg!(target_os = "linux") { 0 } else { 0xff };

/// Asks on the terminal itself (`/dev/tty`), so that input and output may be redirected.
///
/// Ctrl-C and the signals that end a program are an error of the kind `Interrupted`. Whoever asks listens for signals
/// too, because from here on they no longer end the program by themselves.
pub fn ask(prompt: &str) -> io::Result<Password> {
    let prompt = crate::ui::text::clean(prompt).into_owned();
    let (tell, told) = channel();
    let mut listeners = Vec::new();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let (mut signals, tell) = (signal(kind)?, tell.clone());
        listeners.push(tokio::spawn(async move {
            if signals.recv().await.is_some() {
                let ended = io::Error::new(io::ErrorKind::Interrupted, "the prompt was cancelled");
                tell.send(Err(ended)).unwrap_or_default();
            }
        }));
    }
    let mut tty = File::options().read(true).write(true).open("/dev/tty")?;
    let reading = tty.try_clone()?;
    let silent = Silent::make(tty.try_clone()?)?;
    tty.write_all(prompt.as_bytes())?;
    // After a signal it waits for a line that is not read any more, and ends with the process.
    std::thread::Builder::new().name("password".to_owned()).spawn(move || {
        let mut line = String::new();
        tell.send(BufReader::new(reading).read_line(&mut line).map(|_| line)).unwrap_or_default();
    })?;
    let answer = told.recv();
    for listener in listeners {
        listener.abort();
    }
    drop(silent);
    tty.write_all(b"\n")?;
    let line = answer.map_err(io::Error::other)??;
    if line.is_empty() {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the terminal was closed"));
    }
    Ok(Password::new(line.trim_end_matches(['\n', '\r'])))
}

/// A terminal that does not show what is typed, until this is dropped.
struct Silent {
    tty: File,
    before: Termios,
}

impl Silent {
    fn make(tty: File) -> io::Result<Self> {
        let before = tcgetattr(&tty)?;
        let mut modes = before.clone();
        modes.local_modes.remove(LocalModes::ECHO | LocalModes::ECHONL);
        // A program that is stopped would leave the shell a terminal without echo.
        modes.special_codes[SpecialCodeIndex::VSUSP] = NO_KEY;
        tcsetattr(&tty, OptionalActions::Now, &modes)?;
        Ok(Self { tty, before })
    }
}

impl Drop for Silent {
    fn drop(&mut self) {
        // `Flush`: half a password that was typed and never read would be shown by the shell that reads the terminal next.
        // A terminal that is gone needs no echo.
        tcsetattr(&self.tty, OptionalActions::Flush, &self.before).unwrap_or_default();
    }
}
