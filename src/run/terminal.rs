//! The terminal: taken over at the start, given back on quit, error, signal and panic alike.

mod frame_writer;
mod pen;
mod shift;
mod way;

use std::fs::File;
use std::io::{self, IsTerminal as _, Write};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossterm::clipboard::CopyToClipboard;
use crossterm::event::{DisableBracketedPaste, DisableMouseCapture, EnableBracketedPaste, EnableMouseCapture};
use crossterm::style::{Attribute, SetAttribute};
use crossterm::terminal::{EndSynchronizedUpdate, EnterAlternateScreen, LeaveAlternateScreen};
use crossterm::{cursor, execute, terminal};
use ratatui::Terminal;
use ratatui::buffer::Buffer;

use crate::failure::{Failure, FailureKind};

use frame_writer::{FrameWriter, thin};

/// Bytes written to the terminal, for the journal of costs.
pub type ByteCount = Arc<AtomicU64>;

/// The exit status after a panic: the one that Rust itself gives.
pub(crate) const PANICKED: i32 = 101;

/// Whether the terminal is ours just now, so that it is given back once and only if it was taken.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// The screen, for as long as it is ours.
#[derive(Debug)]
pub struct Screen {
    terminal: Terminal<FrameWriter<CountedOutput>>,
    has_mouse: Mouse,
}

/// Whether the mouse is listened to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mouse {
    /// Clicks and the wheel reach us; the terminal's own selection needs Shift.
    Listened,
    /// The mouse stays the terminal's.
    Left,
}

/// What the console is drawn on.
pub(super) trait Display {
    /// Gives the terminal to another program for a while.
    fn lend(&self);

    /// Takes the terminal over again; the next frame is drawn whole.
    fn take_back(&mut self) -> Result<(), Failure>;

    /// Draws one frame.
    fn draw(&mut self, draw: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<()>;

    /// Puts text on the clipboard by OSC 52.
    fn copy(&mut self, text: &str) -> io::Result<()>;
}

impl Display for Screen {
    fn lend(&self) {
        give_back(self.has_mouse);
    }

    fn take_back(&mut self) -> Result<(), Failure> {
        take_over(self.has_mouse)?;
        self.clear().map_err(|error| Failure::new(FailureKind::Terminal, "cannot clear the terminal").because(&error))
    }

    /// The terminal shows the frame at once.
    fn draw(&mut self, draw: impl FnOnce(&mut ratatui::Frame<'_>)) -> io::Result<()> {
        let thinned = |frame: &mut ratatui::Frame<'_>| {
            draw(frame);
            thin(frame.buffer_mut());
        };
        self.terminal.draw(thinned).map(|_| ())
    }

    fn copy(&mut self, text: &str) -> io::Result<()> {
        execute!(self.terminal.backend_mut(), CopyToClipboard::to_clipboard_from(text))
    }
}

impl Screen {
    /// Takes the terminal over.
    pub fn take(mouse: Mouse, bytes: ByteCount) -> Result<Self, Failure> {
        if !io::stdout().is_terminal() || !io::stdin().is_terminal() {
            return Err(Failure::new(
                FailureKind::Terminal,
                "the console needs a terminal; standard input or output is not a terminal",
            )
            .hint("run it in a terminal (with ssh, add -t)"));
        }
        let failed = |error| Failure::new(FailureKind::Terminal, "cannot set up the terminal").because(&error);
        install_panic_hook();
        take_over(mouse)?;
        let out = io::stdout().as_fd().try_clone_to_owned().map_err(failed)?.into();
        let terminal = Terminal::new(FrameWriter::new(CountedOutput { out, bytes })).map_err(failed)?;
        Ok(Self { terminal, has_mouse: mouse })
    }

    /// Draws the next frame whole.
    pub fn clear(&mut self) -> io::Result<()> {
        // Not ratatui's `clear`: it asks the terminal where the cursor is, and another program may take the answer.
        self.terminal.swap_buffers();
        self.terminal.backend_mut().forget();
        self.terminal.backend_mut().clear_all()
    }

    /// Returns the last drawn frame, for tests.
    pub fn frame(&mut self) -> &Buffer {
        self.terminal.current_buffer_mut()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back(self.has_mouse);
    }
}

fn take_over(mouse: Mouse) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::new(FailureKind::Terminal, "cannot set up the terminal").because(&error);
    IS_TAKEN.store(true, Ordering::SeqCst);
    terminal::enable_raw_mode().map_err(failed)?;
    let mut out = io::stdout();
    execute!(out, EnterAlternateScreen, EnableBracketedPaste, cursor::Hide).map_err(failed)?;
    if mouse == Mouse::Listened {
        execute!(out, EnableMouseCapture).map_err(failed)?;
    }
    Ok(())
}

/// Gives the terminal back, if it was taken. What fails here has nobody left to tell.
fn give_back(mouse: Mouse) {
    if !IS_TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    let mut out = io::stdout();
    if mouse == Mouse::Listened {
        execute!(out, DisableMouseCapture).unwrap_or_default();
    }
    execute!(out, SetAttribute(Attribute::Reset), EndSynchronizedUpdate, DisableBracketedPaste).unwrap_or_default();
    execute!(out, LeaveAlternateScreen, cursor::Show).unwrap_or_default();
    terminal::disable_raw_mode().unwrap_or_default();
}

/// Makes a panic, on whatever thread, give the terminal back before it speaks, and end the process: without a task that
/// panicked the rest would go on drawing on a terminal that is no longer ours.
#[expect(clippy::disallowed_methods, reason = "nothing is left to return to from a panic on another thread")]
fn install_panic_hook() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        give_back(Mouse::Listened);
        before(panic);
        std::process::exit(PANICKED);
    }));
}

/// Standard output, counted. Rust's own would cut a frame at its line feeds.
#[derive(Debug)]
struct CountedOutput {
    out: File,
    bytes: ByteCount,
}

impl Write for CountedOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes.fetch_add(written as u64, Ordering::Relaxed);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
