//! A server that a command asks, and what is said on standard error meanwhile.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::args::Args;
use super::first;
use crate::config::Config;
use crate::failure::Failure;
use crate::pg::address::{Environment, resolve};
use crate::pg::connector::ToAddress;
use crate::pg::control::Mode;
use crate::pg::session::{CancelQueue, Connector, cancel_queue};
use crate::ui::glyphs::UNICODE;
use crate::ui::theme::{Depth, Theme};

/// How long cancel requests that are on their way may take at the end.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(10);

/// A server to ask.
pub(super) struct Target {
    pub(super) connector: Arc<dyn Connector>,
    pub(super) mode: Mode,
    pub(super) cancel_queue: CancelQueue,
    cancel_work: JoinHandle<()>,
}

impl Target {
    /// Waits until every cancel request that is on its way has been taken.
    pub(super) async fn end(self) {
        let Self { cancel_queue, cancel_work, .. } = self;
        drop(cancel_queue);
        // What does not end in time is ended by statement_timeout.
        drop(tokio::time::timeout(SHUTDOWN_LIMIT, cancel_work).await);
    }
}

/// Connects to the server that the arguments name.
pub(super) async fn target(args: &Args, config: &Config, environment: &Environment) -> Result<Target, Failure> {
    let mut address = resolve(&args.request(&config.aliases), environment)?;
    let first_made = first::connect(&mut address, Failure::from).await?;
    for warning in config.warnings.iter().chain(&address.warnings) {
        say(&format!("{}\n", crate::ui::text::clean(&format!("warning: {warning}"))));
    }
    let name = address.to_string();
    let (cancel_queue, cancel_work) = cancel_queue();
    let cancel_work = tokio::spawn(cancel_work);
    let mode = if config.is_read_only { Mode::ReadOnly } else { Mode::Full };
    Ok(Target {
        connector: Arc::new(ToAddress::new(address, name).beginning_with(first_made)),
        mode,
        cancel_queue,
        cancel_work,
    })
}

/// Returns the colours, where somebody sees them.
pub(super) fn theme(config: &Config, environment: &Environment) -> Option<Theme> {
    if !std::io::stdout().is_terminal() {
        return None;
    }
    let variable = |name: &str| environment.var(name).map(str::to_owned);
    let depth = Depth::from_word(&config.colour).unwrap_or_else(|| Depth::detect(variable));
    // The terminal's own sixteen can be read on the terminal's own background, whichever it is.
    let depth = if depth == Depth::Mono { Depth::Mono } else { Depth::Sixteen };
    Theme::load(&config.theme, config.themes.as_deref(), depth, UNICODE).ok()
}

/// Says something on standard error.
pub(super) fn say(text: &str) {
    // Progress that cannot be written is nobody's loss.
    let mut out = std::io::stderr();
    write!(out, "{text}").and_then(|()| out.flush()).unwrap_or_default();
}
