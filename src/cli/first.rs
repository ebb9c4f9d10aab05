//! The first connection, before anything else is done: here a password is asked for, a failure can be read, and
//! somebody can wait for a place on a server that is full. It is the first one that is used.

use std::cell::Cell;
use std::io::{self, BufRead as _, BufReader, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use super::password;
use crate::failure::{Failure, FailureKind};
use crate::pg::address::{Address, Prompt};
use crate::pg::connect::{ConnectError, Connected, connect_asking};
use crate::pg::session::APPLICATION;
use crate::run::ShutdownSignals;
use crate::sample::Seconds;

/// Time between two attempts at a server that is full.
const PACE: Duration = Duration::from_secs(2);

/// Connects once, as this program; what was asked for is kept in the address. `failed` says why there is no connection.
pub async fn connect(address: &mut Address, failed: impl Fn(ConnectError) -> Failure) -> Result<Connected, Failure> {
    APPLICATION.clone_into(&mut address.application_name);
    let mut ends = ShutdownSignals::install()?;
    tokio::select! {
        connected = wait_for_a_place(address) => connected.map_err(failed),
        () = ends.came() => {
            erase();
            Err(Failure::new(FailureKind::Refused, "cancelled before pgdj was connected"))
        }
    }
}

/// How long nothing is said of a connection that is being made.
const QUIET: Duration = Duration::from_secs(1);

/// Connects, and says so while the server has not answered: an empty terminal tells nobody what it waits for.
async fn connect_aloud(address: &mut Address) -> Result<Connected, ConnectError> {
    let name = crate::ui::text::clean_stream(&address.to_string()).into_owned();
    let is_said = Cell::new(false);
    let hush = || {
        if is_said.replace(false) {
            erase();
        }
    };
    let ask = |prompt: &str| {
        hush();
        password::ask(prompt)
    };
    let mut connecting = std::pin::pin!(connect_asking(address, ask));
    let connected = loop {
        tokio::select! {
            connected = &mut connecting => break connected,
            () = tokio::time::sleep(QUIET), if !is_said.get() && io::stderr().is_terminal() => {
                is_said.set(true);
                say(&format!("Connecting to {name}: no answer yet. Ctrl-C cancels"));
            }
        }
    };
    hush();
    connected
}

async fn wait_for_a_place(address: &mut Address) -> Result<Connected, ConnectError> {
    let mut waiting_since = None::<Instant>;
    loop {
        match connect_aloud(address).await {
            Ok(connected) => {
                if waiting_since.is_some() {
                    erase();
                }
                return Ok(connected);
            }
            Err(error) if !error.is_full() => return Err(error),
            Err(error) => {
                if waiting_since.is_none() && !agrees_to_wait(&error).await {
                    return Err(error);
                }
                let since = *waiting_since.get_or_insert_with(Instant::now);
                let waited = Seconds(since.elapsed().as_secs_f64().floor());
                say(&format!("\rWaiting for a free connection, {waited} so far; Ctrl-C stops\x1b[K"));
            }
        }
        if address.prompt == Prompt::First {
            // It was asked for, and is in the address.
            address.prompt = Prompt::IfNeeded;
        }
        tokio::time::sleep(PACE).await;
    }
}

/// Asks whether to wait for a place, where somebody is there to answer.
async fn agrees_to_wait(error: &ConnectError) -> bool {
    if !io::stderr().is_terminal() || !io::stdin().is_terminal() {
        return false;
    }
    let last = error.attempts.last().map(|last| last.trouble.to_string()).unwrap_or_default();
    say(&format!("{error}\n  because: {last}\nWait for a free connection, trying every 2 s? [Y/n] "));
    let read = || {
        let mut line = String::new();
        BufReader::new(io::stdin()).read_line(&mut line).map(|count| (count, line))
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok((1.., line))) => matches!(line.trim(), "" | "y" | "Y" | "yes"),
        _ => false,
    }
}

/// Takes back the line that was said last.
fn erase() {
    if io::stderr().is_terminal() {
        say("\r\x1b[K");
    }
}

fn say(text: &str) {
    // What cannot be written is lost on nobody who could read it.
    let mut err = io::stderr();
    write!(err, "{text}").and_then(|()| err.flush()).unwrap_or_default();
}
