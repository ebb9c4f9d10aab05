//! The real program on a pseudo-terminal: keys in; out come its bytes, and the screen that they draw.

use std::io::{Read as _, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::Signal;

/// How long anything may take on a machine that has more to do.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The program under test.
pub(crate) const PGDJ: &str = env!("CARGO_BIN_EXE_pgdj");

/// A program on a terminal of its own; it is killed with its owner.
pub(crate) struct Terminal {
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    seen: Arc<Mutex<Seen>>,
    reading: Option<JoinHandle<()>>,
    /// The terminal's modes before the program had it.
    modes: String,
}

/// What the program wrote.
struct Seen {
    bytes: Vec<u8>,
    parser: vt100::Parser,
    /// The screen as it was when no synchronized update was open: what a terminal that knows these shows.
    whole: String,
}

impl Seen {
    fn take(&mut self, chunk: &[u8]) {
        self.bytes.extend_from_slice(chunk);
        self.parser.process(chunk);
        let last = |sequence: &[u8]| self.bytes.windows(sequence.len()).rposition(|it| it == sequence);
        if last(b"\x1b[?2026h") <= last(b"\x1b[?2026l") {
            self.whole = self.parser.screen().contents();
        }
    }
}

fn size_of((columns, rows): (u16, u16)) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

fn cells(count: u16) -> NonZero<u16> {
    NonZero::new(count).unwrap()
}

impl Terminal {
    /// Starts pgdj with a folder of its own as home, and no other environment than what a terminal gives.
    pub(crate) fn start(size: (u16, u16), home: &Path, arguments: &[&str]) -> Self {
        Self::start_program(size, home, PGDJ, arguments)
    }

    /// Starts any program.
    pub(crate) fn start_program(size: (u16, u16), home: &Path, program: &str, arguments: &[&str]) -> Self {
        let pair = native_pty_system().openpty(size_of(size)).unwrap();
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.env_clear();
        for (name, value) in [
            ("PATH", "/usr/bin:/bin"),
            ("TERM", "xterm-256color"),
            ("LANG", "C.UTF-8"),
            ("TZ", "UTC"),
            ("PGDJ_TEST_CHILD", "1"),
        ] {
            command.env(name, value);
        }
        command.env("HOME", home);
        command.cwd(home);
        let modes = modes_of(pair.master.as_ref());
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let seen = Arc::new(Mutex::new(Seen {
            bytes: Vec::new(),
            parser: vt100::Parser::new(cells(size.1), cells(size.0), 0),
            whole: String::new(),
        }));
        let writing = Arc::clone(&seen);
        let reading = std::thread::spawn(move || {
            let mut chunk = [0; 8192];
            // The other end's close is an error on Linux, an end elsewhere.
            while let Ok(count @ 1..) = reader.read(&mut chunk) {
                writing.lock().unwrap().take(&chunk[..count]);
            }
        });
        let keys = pair.master.take_writer().unwrap();
        Self { master: pair.master, child, keys, seen, reading: Some(reading), modes }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Returns the program's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// Returns what the terminal shows.
    pub(crate) fn screen(&self) -> String {
        self.seen().whole.clone()
    }

    /// Returns every byte written so far.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.seen().bytes.clone()
    }

    /// Types.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Makes the terminal another size.
    pub(crate) fn resize(&self, size: (u16, u16)) {
        self.seen().parser.screen_mut().set_size(cells(size.1), cells(size.0));
        self.master.resize(size_of(size)).unwrap();
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        super::signal::send(self.child.process_id().unwrap(), signal);
    }

    /// Waits until the screen shows what is wanted, and returns it.
    pub(crate) async fn wait(&mut self, what: &str, is_shown: impl Fn(&str) -> bool) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if is_shown(&screen) {
                return screen;
            }
            let ended = self.child.try_wait().unwrap();
            assert!(ended.is_none(), "the program ended ({ended:?}) before {what}:\n{screen}");
            assert!(Instant::now() < deadline, "not shown: {what}\n{screen}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until the screen shows a text.
    pub(crate) async fn wait_for(&mut self, text: &str) -> String {
        self.wait(text, |screen| screen.contains(text)).await
    }

    /// Waits until the program has ended and everything it wrote was read; returns its status.
    pub(crate) async fn end(&mut self) -> u32 {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "it does not end:\n{}", self.screen());
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        if let Some(reading) = self.reading.take() {
            reading.join().unwrap();
        }
        status.exit_code()
    }

    /// Returns what the program left changed on the terminal; empty where it gave everything back.
    pub(crate) fn left_behind(&self) -> Vec<&'static str> {
        let seen = self.seen();
        let screen = seen.parser.screen();
        let count = |sequence: &str| seen.bytes.windows(sequence.len()).filter(|it| *it == sequence.as_bytes()).count();
        let changed = [
            ("the alternate screen", screen.alternate_screen()),
            ("a hidden cursor", screen.hide_cursor()),
            ("bracketed paste", screen.bracketed_paste()),
            ("mouse reports", screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None),
            ("an open synchronized update", count("\x1b[?2026h") > count("\x1b[?2026l")),
            ("raw mode", modes_of(self.master.as_ref()) != self.modes),
        ];
        changed.into_iter().filter(|(_, is_left)| *is_left).map(|(what, _)| what).collect()
    }
}

/// The modes of a terminal, as a text to be compared.
fn modes_of(master: &dyn MasterPty) -> String {
    master.get_termios().map_or_else(String::new, |modes| {
        format!("{:?} {:?} {:?}", modes.local_flags, modes.input_flags, modes.output_flags)
    })
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // One that has ended cannot be killed.
        self.child.kill().unwrap_or_default();
        drop(self.child.wait());
    }
}
