//! The real program in a pseudo-terminal, on a real server: what it draws, what it leaves behind, and what never gets out.

use std::io::{Read as _, Write as _};
use std::num::NonZero;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::Signal;

use crate::support::{self, Login, open};

/// How long anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program under test, in a terminal.
struct Console {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keys: Box<dyn std::io::Write + Send>,
    seen: Arc<Mutex<Seen>>,
}

/// What the terminal got.
struct Seen {
    terminal: vt100::Parser,
    bytes: Vec<u8>,
}

impl Console {
    fn start(size: (u16, u16), arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let (columns, rows) = size;
        let pair = native_pty_system().openpty(PtySize { rows, cols: columns, ..PtySize::default() }).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_pgdj"));
        command.args(arguments);
        let home = std::env::temp_dir();
        for (name, value) in
            [("TERM", "xterm-256color"), ("COLORTERM", "truecolor"), ("TZ", "UTC"), ("LANG", "C.UTF-8")]
        {
            command.env(name, value);
        }
        command.env("XDG_CONFIG_HOME", home.join("pgdj-no-config"));
        command.env("XDG_STATE_HOME", home.join("pgdj-no-state"));
        for (name, value) in variables {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let seen = Arc::new(Mutex::new(Seen {
            terminal: vt100::Parser::new(size_of(rows), size_of(columns), 0),
            bytes: Vec::new(),
        }));
        let sink = Arc::clone(&seen);
        std::thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                let mut seen = sink.lock().unwrap();
                seen.terminal.process(&buffer[..count]);
                seen.bytes.extend_from_slice(&buffer[..count]);
            }
        });
        let keys = pair.master.take_writer().unwrap();
        Self { child, master: pair.master, keys, seen }
    }

    fn on(login: &Login, size: (u16, u16)) -> Self {
        let port = login.port.to_string();
        Self::start(size, &["-h", &login.host, "-p", &port, "-U", &login.user, "-d", &login.database, "-w"], &[])
    }

    fn text(&self) -> String {
        self.seen.lock().unwrap().terminal.screen().contents()
    }

    fn until(&self, what: &str, is: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let text = self.text();
            if is(&text) {
                return text;
            }
            assert!(Instant::now() < end, "waited for {what}; the screen shows:\n{text}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn until_shown(&self, word: &str) -> String {
        self.until(word, |text| text.contains(word))
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    fn resize(&self, columns: u16, rows: u16) {
        self.master.resize(PtySize { rows, cols: columns, ..PtySize::default() }).unwrap();
        self.seen.lock().unwrap().terminal.screen_mut().set_size(size_of(rows), size_of(columns));
    }

    /// Presses a key until the screen shows a word; before each time closes whatever is on top.
    ///
    /// Escape and a key that follow each other closely are read as one key with Alt, so on a machine that has more to
    /// do a key may be lost.
    fn go(&mut self, key: &str, word: &str) -> String {
        let end = Instant::now() + PATIENCE;
        let mut pause = Duration::from_millis(100);
        loop {
            self.press("\u{1b}");
            std::thread::sleep(pause);
            self.press(key);
            let until = Instant::now() + pause * 10;
            while Instant::now() < until {
                let text = self.text();
                if text.contains(word) {
                    return text;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            assert!(Instant::now() < end, "{key} does not lead to {word}; the screen shows:\n{}", self.text());
            pause *= 2;
        }
    }

    /// Closes whatever is on top and quits; returns the exit status.
    fn quit(&mut self) -> u32 {
        let end = Instant::now() + PATIENCE;
        let mut pause = Duration::from_millis(100);
        loop {
            self.press("\u{1b}");
            std::thread::sleep(pause);
            self.press("q");
            let until = Instant::now() + pause * 10;
            while Instant::now() < until {
                if self.child.try_wait().unwrap().is_some() {
                    return self.ended();
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            assert!(Instant::now() < end, "it does not quit; the screen shows:\n{}", self.text());
            pause *= 2;
        }
    }

    /// Waits for the program's end; returns its exit status.
    fn ended(&mut self) -> u32 {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                // What is still on its way to the terminal.
                std::thread::sleep(Duration::from_millis(200));
                return status.exit_code();
            }
            assert!(Instant::now() < end, "it did not end; the screen shows:\n{}", self.text());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Checks that the terminal is as it was found.
    fn assert_restored(&self) {
        let seen = self.seen.lock().unwrap();
        let screen = seen.terminal.screen();
        assert!(!screen.alternate_screen(), "it is left on the alternate screen");
        assert!(!screen.hide_cursor(), "the cursor is left hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste is left on");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "the mouse is left captured");
    }

    fn bytes(&self) -> Vec<u8> {
        self.seen.lock().unwrap().bytes.clone()
    }

    fn signal(&self, signal: Signal) {
        support::signal::send(self.child.process_id().unwrap(), signal);
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        self.child.kill().unwrap_or_default();
    }
}

fn size_of(cells: u16) -> NonZero<u16> {
    NonZero::new(cells).unwrap()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_pane_is_shown_at_every_size_and_leaves_the_terminal_as_it_was() {
    let Some(server) = support::own() else { return };
    let login = server.database().await;
    let client = open(&login).await;
    support::shop::make(&client).await;
    let mut console = Console::on(&login, (120, 40));
    console.until_shown("Load by wait: ");
    console.until_shown("live");
    for (key, word) in
        [("2", "statement"), ("3", "calls"), ("4", "shop_order"), ("5", "verdict"), ("6", "R"), ("1", "Load")]
    {
        console.go(key, word);
    }
    for (columns, rows) in [(80, 24), (200, 50), (40, 10), (10, 3), (1, 1), (120, 40)] {
        console.resize(columns, rows);
        for key in ["1", "2", "3", "4", "5", "6", "?", "", ":", "", "T", "", "1"] {
            console.press(if key.is_empty() { "\u{1b}" } else { key });
            std::thread::sleep(Duration::from_millis(if key.is_empty() { 100 } else { 20 }));
        }
    }
    console.go("4", "shop_order");
    console.press("\r");
    console.until_shown("Table");
    assert_eq!(console.quit(), 0);
    console.assert_restored();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_leaves_the_terminal_as_it_was() {
    let Some(server) = support::own() else { return };
    let login = server.database().await;
    let mut console = Console::on(&login, (80, 24));
    console.until_shown("Load");
    console.signal(Signal::TERM);
    console.ended();
    console.assert_restored();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tiny_terminal_says_that_it_is_too_small() {
    let Some(server) = support::own() else { return };
    let login = server.database().await;
    let mut console = Console::on(&login, (10, 3));
    console.until_shown("too small");
    assert_eq!(console.quit(), 0);
    console.assert_restored();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_it_says_so() {
    let Some(server) = support::own() else { return };
    let login = server.database().await;
    let port = login.port.to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_pgdj"))
        .args(["-h", &login.host, "-p", &port, "-U", &login.user, "-d", &login.database, "-w"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("needs a terminal"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_text_and_a_megabyte_reach_no_terminal() {
    let Some(server) = support::own() else { return };
    let login = server.database().await;
    let client = open(&login).await;
    let payload = "\u{1b}]0;owned\u{7} \u{202e}gnp.exe \u{9b}31m";
    client
        .batch_execute(&format!(
            "SET application_name = 'evil {payload}'; CREATE TABLE \"t {payload}\" (id int); \
             CREATE INDEX \"i {payload}\" ON \"t {payload}\" (id);"
        ))
        .await
        .unwrap();
    let sql = format!("select 'MARKED {payload}', '{}', pg_catalog.pg_sleep(300)", "x".repeat(1024 * 1024));
    let token = client.cancel_token();
    let running = tokio::spawn(async move { client.simple_query(&sql).await.map(drop) });
    let mut console = Console::on(&login, (120, 40));
    console.until_shown("Load");
    console.press("2");
    console.until_shown("redacted");
    console.press("\r");
    console.until_shown("Session");
    for (key, word) in [("3", "calls"), ("4", "t "), ("5", "i "), ("1", "Load")] {
        console.go(key, word);
    }
    assert_eq!(console.quit(), 0);
    console.assert_restored();
    let bytes = console.bytes();
    for bad in [&b"\x1b]0;owned"[..], "\u{202e}".as_bytes(), "\u{9b}31m".as_bytes(), b"\x07"] {
        assert!(!contains(&bytes, bad), "{bad:?} reached the terminal");
    }
    assert!(bytes.len() < 2_000_000, "{} bytes for a few screens", bytes.len());
    token.cancel_query(tokio_postgres::NoTls).await.unwrap();
    drop(running.await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_table_and_a_plain_role_leave_every_pane_alive() {
    let Some(server) = support::own() else { return };
    let login = server.database().await;
    let mut client = open(&login).await;
    support::shop::make(&client).await;
    let role = server.role("plain", "").await;
    let lock = client.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE shop_order IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let mut console = Console::on(&login.with_user(&role), (120, 40));
    console.until_shown("no pg_monitor");
    console.press("4");
    console.until("the table and who locks it", |text| text.contains("shop_order") && text.contains("locked by"));
    let first = console.until_shown("live");
    console.until("another sample", |text| text.contains("live") && text.lines().next() != first.lines().next());
    assert_eq!(console.quit(), 0);
    console.assert_restored();
    lock.rollback().await.unwrap();
}
