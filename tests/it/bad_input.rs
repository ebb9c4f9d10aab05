//! The real program given what is wrong: input, names, servers and sizes; and every way to leave it.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use pgdj::pg::private::{PrivateServer, ServerSetup};
use pgdj::run::terminal::{ByteCount, Mouse, Screen};
use rustix::process::Signal;

use crate::connect::servers::{PASSWORD, without_tls};
use crate::support::installed::{self, has_server};
use crate::support::pty::{PATIENCE, PGDJ, Terminal};
use crate::support::{Login, open, own, shop};

fn home() -> tempfile::TempDir {
    tempfile::Builder::new().prefix("pgdj-home").tempdir().unwrap()
}

/// A database with a shop in it.
async fn a_shop() -> Option<Login> {
    let login = own()?.database().await;
    shop::make(&open(&login).await).await;
    Some(login)
}

fn is_live(screen: &str) -> bool {
    screen.contains("live ") && time_shown(screen).is_some()
}

/// The time of the sample shown, from the header.
fn time_shown(screen: &str) -> Option<String> {
    let line = screen.lines().next()?;
    line.split_whitespace().find(|word| word.len() == 8 && word.matches(':').count() == 2).map(str::to_owned)
}

#[tokio::test]
async fn every_way_to_leave_gives_the_terminal_back() {
    let Some(login) = a_shop().await else { return };
    let home = home();
    for (way, keys, signal) in [
        ("q", "q", None),
        ("Ctrl-C", "\x03", None),
        ("SIGTERM", "", Some(Signal::TERM)),
        ("SIGHUP", "", Some(Signal::HUP)),
        ("SIGINT", "", Some(Signal::INT)),
    ] {
        let mut terminal = Terminal::start((80, 24), home.path(), &[&login.conninfo()]);
        terminal.wait("figures", is_live).await;
        assert!(!terminal.left_behind().is_empty(), "{way}: a console takes the terminal over");
        terminal.press(keys);
        if let Some(signal) = signal {
            terminal.signal(signal);
        }
        assert_eq!(terminal.end().await, 0, "{way}");
        assert_eq!(terminal.left_behind(), Vec::<&str>::new(), "{way}");
    }
}

/// The child of the test below: takes the screen as the console does, and panics on another thread.
#[test]
fn child_that_panics() {
    if option("PGDJ_TEST_CHILD").is_none() {
        return;
    }
    let screen = Screen::take(Mouse::Listened, ByteCount::default()).unwrap();
    let panicking = std::thread::spawn(|| panic!("what a test asks for"));
    // The panic ends the process; nothing comes back from here.
    drop(panicking.join());
    std::thread::sleep(PATIENCE);
    drop(screen);
}

#[expect(clippy::disallowed_methods, reason = "the child of a test is told by the environment")]
fn option(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[tokio::test]
async fn a_panic_on_any_thread_gives_the_terminal_back_says_so_and_ends() {
    let program = std::env::current_exe().unwrap();
    let arguments = ["--exact", "bad_input::child_that_panics", "--nocapture"];
    let mut terminal = Terminal::start_program((80, 24), home().path(), program.to_str().unwrap(), &arguments);
    assert_eq!(terminal.end().await, 101);
    assert_eq!(terminal.left_behind(), Vec::<&str>::new());
    let bytes = terminal.bytes();
    let text = String::from_utf8_lossy(&bytes);
    let (_, after) = text.rsplit_once("\x1b[?1049l").expect("the alternate screen was left");
    assert!(after.contains("what a test asks for"), "{text}");
}

#[tokio::test]
async fn a_terminal_may_be_tiny_and_change_its_size() {
    let Some(login) = a_shop().await else { return };
    let home = home();
    let mut terminal = Terminal::start((10, 3), home.path(), &[&login.conninfo()]);
    terminal.wait_for("too small").await;
    for size in [(80, 24), (40, 10), (200, 50), (1, 1), (300, 5), (20, 100), (80, 24)] {
        terminal.resize(size);
        for key in ["2", "3", "4", "5", "1"] {
            terminal.press(key);
        }
        if size.0 >= 80 && size.1 >= 24 {
            let screen = terminal.wait("figures", is_live).await;
            assert!(screen.lines().all(|line| line.chars().count() <= usize::from(size.0)), "{screen}");
        }
    }
    terminal.press("\x03");
    assert_eq!(terminal.end().await, 0);
    assert_eq!(terminal.left_behind(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_key_and_a_new_size_that_come_together_are_both_heeded() {
    let Some(login) = a_shop().await else { return };
    let home = home();
    let mut terminal = Terminal::start((80, 24), home.path(), &[&login.conninfo()]);
    terminal.wait("figures", is_live).await;
    for (size, key, title) in [((100, 30), "4", "Tables"), ((120, 40), "5", "Indexes"), ((80, 24), "2", "Sessions")] {
        // While it is stopped, nothing is read: when it goes on, both are there.
        terminal.signal(Signal::STOP);
        terminal.resize(size);
        terminal.press(key);
        terminal.signal(Signal::CONT);
        let is_both = |screen: &str| {
            let width = screen.lines().map(|line| line.chars().count()).max();
            screen.contains(&format!("╭ {title}")) && width == Some(usize::from(size.0))
        };
        terminal.wait(&format!("{title} at {size:?}"), is_both).await;
    }
    terminal.press("\x03");
    assert_eq!(terminal.end().await, 0);
}

/// What a run without a terminal printed, and its status.
fn run(home: &Path, environment: &[(&str, &str)], arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(PGDJ);
    command.env_clear().env("HOME", home).envs(environment.iter().copied()).args(arguments).stdin(Stdio::null());
    let output = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), said)
}

/// A listener that answers each connection in its way.
fn listener(answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for mut stream in listener.incoming().flatten() {
            if answer.is_empty() {
                held.push(stream);
                continue;
            }
            let mut asked = [0; 64];
            let _count = stream.read(&mut asked).unwrap_or(0);
            stream.write_all(answer).unwrap_or_default();
        }
    });
    port
}

/// A way into a server that asks for a password.
fn by_scram() -> String {
    format!("host=127.0.0.1 port={} user=by_scram dbname=postgres sslmode=disable", without_tls().port())
}

/// A password that must not be seen anywhere.
const SECRET: &str = "hunter2-not-to-be-seen";

#[test]
fn bad_input_is_one_clear_sentence_a_status_and_never_the_password() {
    let home = home();
    let unreadable = home.path().join("root.pem");
    std::fs::write(&unreadable, "this is no certificate").unwrap();
    let web = listener(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
    let silent = listener(b"");
    let tls = |file: &str| {
        format!("host=127.0.0.1 port={web} user=u dbname=d sslmode=verify-full sslrootcert={file} password={SECRET}")
    };
    let mut cases: Vec<(&str, String, i32, &[&str])> = vec![
        ("an unknown option", "--raed-only".to_owned(), 2, &["--raed-only", "--read-only"]),
        ("a bad port in a URL", format!("postgres://u:{SECRET}@h:99999999/d"), 2, &["port"]),
        ("a bad escape in a URL", format!("postgres://u:{SECRET}%zz@h/d"), 2, &["%"]),
        ("another scheme", format!("mysql://u:{SECRET}@h/d"), 2, &["mysql"]),
        ("an unknown keyword", format!("host=h pasword={SECRET}"), 2, &["pasword", "password"]),
        ("a missing service", "service=nowhere".to_owned(), 2, &["nowhere"]),
        ("a certificate that is not there", tls("/no/such/root.pem"), 3, &["/no/such/root.pem"]),
        ("a certificate that is none", tls(&unreadable.display().to_string()), 3, &["root.pem"]),
        ("a web server", format!("host=127.0.0.1 port={web} sslmode=prefer"), 3, &["PostgreSQL"]),
        ("a web server, TLS asked for", format!("postgres://u:{SECRET}@127.0.0.1:{web}/d?sslmode=require"), 3, &[]),
        ("a server that hangs", format!("host=127.0.0.1 port={silent} connect_timeout=2 password={SECRET}"), 3, &["2"]),
        ("a port where nobody listens", format!("host=127.0.0.1 port=1 password={SECRET}"), 3, &["refused"]),
        ("a socket that is not there", "host=/no/such/folder".to_owned(), 3, &["/no/such/folder"]),
    ];
    if has_server() {
        let target = format!("{} password={SECRET}", by_scram());
        cases.push(("a wrong password", target, 3, &["password authentication failed"]));
    }
    let mut wrong = Vec::new();
    for (what, argument, status, words) in &cases {
        let log = home.path().join("log");
        let began = Instant::now();
        let arguments = [argument.as_str(), "--log", log.to_str().unwrap()];
        let (code, said) = run(home.path(), &[("USER", "u"), ("PGDJ_LOG", "trace")], &arguments);
        let logged = std::fs::read_to_string(&log).unwrap_or_default();
        let is_right = said.starts_with("error: ")
            && code == Some(*status)
            && words.iter().all(|word| said.contains(word))
            && !said.contains("panicked")
            && said.lines().count() <= 12
            && !said.contains(SECRET)
            && !logged.contains(SECRET)
            && began.elapsed() < PATIENCE;
        if !is_right {
            wrong.push(format!(
                "{what}: status {code:?}, not {status} with {words:?}, after {:?}: {said}",
                began.elapsed()
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[tokio::test]
async fn a_password_is_asked_for_without_echo_and_kept_out_of_screen_and_log() {
    if !has_server() {
        return;
    }
    let (home, target) = (home(), by_scram());
    let log = home.path().join("log");
    let log_option = format!("--log={}", log.display());
    let mut terminal = Terminal::start((100, 30), home.path(), &[&target, &log_option]);
    terminal.wait("a prompt", |screen| screen.to_lowercase().contains("password")).await;
    terminal.press(&format!("{PASSWORD}\r"));
    terminal.wait("figures", is_live).await;
    terminal.press("q");
    assert_eq!(terminal.end().await, 0);
    let bytes = terminal.bytes();
    assert!(!String::from_utf8_lossy(&bytes).contains(PASSWORD), "the password was echoed");
    assert!(!std::fs::read_to_string(&log).unwrap().contains(PASSWORD), "the password is in the log");
}

#[tokio::test]
async fn a_server_that_restarts_is_found_again_on_the_same_screen() {
    let Some(own) = installed::own() else { return };
    let setup = ServerSetup { bin: own.bin.clone(), ..ServerSetup::default() };
    let mut server = PrivateServer::start(&setup).unwrap();
    let home = home();
    let mut terminal = Terminal::start((100, 30), home.path(), &[&server.conninfo("postgres"), "--pace", "0.5"]);
    let before = time_shown(&terminal.wait("figures", is_live).await).expect("a time in the header");
    server.restart().unwrap();
    let after = |screen: &str| is_live(screen) && time_shown(screen).is_some_and(|time| time > before);
    terminal.wait("figures after the restart", after).await;
    terminal.press("q");
    assert_eq!(terminal.end().await, 0);
    assert_eq!(terminal.left_behind(), Vec::<&str>::new());
}
