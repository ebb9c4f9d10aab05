//! What can go wrong under an open console goes wrong, with each of the panes for incidents shown: it says so and comes back.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use tokio_postgres::Client;

use crate::recordings::samples_in;
use crate::support::client::{own_backends, try_open};
use crate::support::proxy::Proxy;
use crate::support::pty::{PATIENCE, PGDJ, Terminal};
use crate::support::signal::{self, Stopped};
use crate::support::{Login, Server, apart, installed, open};

/// The panes, by key, each with words that stand in its frame.
const PANES: [(&str, &str); 3] = [("7", "waiting in"), ("8", "Load by"), ("9", "Standbys, slots, archive")];

/// A session that holds a lock, and one that waits for it: something for the panes to show.
struct Queue {
    /// Kept: its transaction holds the lock.
    _holder: Client,
    waiter: tokio::task::JoinHandle<()>,
}

impl Queue {
    /// Tries until it is there: a server that starts again refuses at first.
    async fn form(login: &Login) -> Self {
        let deadline = Instant::now() + PATIENCE;
        loop {
            match Self::try_form(login).await {
                Ok(queue) => return queue,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    async fn try_form(login: &Login) -> Result<Self, tokio_postgres::Error> {
        let holder = try_open(login, "holder").await?;
        holder.batch_execute("create table if not exists held (n int)").await?;
        holder.batch_execute("begin; lock table held").await?;
        let waiter = try_open(login, "waiter").await?;
        let waiter = tokio::spawn(async move { drop(waiter.simple_query("select * from held").await) });
        Ok(Self { _holder: holder, waiter })
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.waiter.abort();
    }
}

/// Shows each of the panes while the server cannot be asked: none of them ends the program or calls itself live.
async fn visit_without_a_server(terminal: &mut Terminal) {
    for (key, words) in PANES {
        terminal.press(key);
        let screen = terminal.wait(&format!("pane {key}"), |screen| screen.contains(words)).await;
        assert!(!is_live(&screen), "{screen}");
    }
}

/// Shows each of the panes with what is read of the server now.
async fn visit(terminal: &mut Terminal) {
    terminal.wait("it is live", is_live).await;
    for (key, words) in PANES {
        terminal.press(key);
        terminal.wait(&format!("pane {key}, live"), |screen| screen.contains(words) && is_live(screen)).await;
    }
}

fn is_live(screen: &str) -> bool {
    let head: Vec<&str> = screen.lines().take(2).collect();
    head.iter().any(|line| line.contains("live ")) && !head.iter().any(|line| is_bad(line))
}

fn is_bad(line: &str) -> bool {
    ["NO CONNECTION", "stale since", "no answer"].iter().any(|word| line.contains(word))
}

async fn until_it_is_said(terminal: &mut Terminal) {
    terminal.wait("it is said", |screen| screen.lines().take(3).any(is_bad)).await;
}

/// A console on a server, through a network that can fail.
struct Scene {
    login: Login,
    proxy: Proxy,
    admin: Client,
    terminal: Terminal,
    _home: tempfile::TempDir,
}

impl Scene {
    async fn begin(server: &Server) -> Self {
        let login = server.database().await;
        let proxy = Proxy::start(&login, Duration::ZERO);
        let home = tempfile::tempdir().unwrap();
        let admin = open(&login).await;
        let terminal = Terminal::start((120, 30), home.path(), &[&proxy.login(&login).conninfo()]);
        Self { login, proxy, admin, terminal, _home: home }
    }

    /// Somebody cancels what pgdj runs.
    async fn is_cancelled(&mut self) {
        let sql = "select pg_cancel_backend(pid) from pg_stat_activity where application_name = 'pgdj'";
        for _ in 0..20 {
            self.admin.batch_execute(sql).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        visit(&mut self.terminal).await;
    }

    async fn loses_the_network(&mut self) {
        self.proxy.freeze();
        until_it_is_said(&mut self.terminal).await;
        visit_without_a_server(&mut self.terminal).await;
        self.proxy.thaw();
        visit(&mut self.terminal).await;
    }

    async fn hangs(&mut self) {
        let stopped = Stopped::these(own_backends(&self.admin).await);
        until_it_is_said(&mut self.terminal).await;
        visit_without_a_server(&mut self.terminal).await;
        drop(stopped);
        visit(&mut self.terminal).await;
    }

    /// The server takes no one more, and pgdj loses its connections.
    async fn finds_no_place(&mut self) {
        let sql = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'pgdj'";
        let mut others = Vec::new();
        while let Ok(other) = try_open(&self.login, "crowd").await {
            others.push(other);
        }
        self.admin.batch_execute(sql).await.unwrap();
        while let Ok(other) = try_open(&self.login, "crowd").await {
            others.push(other);
        }
        drop(others);
        visit(&mut self.terminal).await;
    }

    /// A backend is killed, as by the system when memory is short: the server recovers from a crash.
    async fn crashes(&mut self) {
        let victim = *own_backends(&self.admin).await.first().unwrap();
        signal::send(victim, Signal::KILL);
    }

    /// The terminal changes its size, and goes away.
    async fn loses_the_terminal(&mut self) {
        for size in [(40, 10), (80, 24), (200, 50)] {
            self.terminal.resize(size);
            for (key, _) in PANES {
                self.terminal.press(key);
            }
        }
        visit(&mut self.terminal).await;
        self.terminal.signal(Signal::HUP);
        assert_eq!(self.terminal.end().await, 0);
    }
}

async fn check(server: &mut Server) {
    let mut scene = Scene::begin(server).await;
    let queue = Queue::form(&scene.login).await;
    visit(&mut scene.terminal).await;
    scene.is_cancelled().await;
    scene.loses_the_network().await;
    scene.hangs().await;
    scene.finds_no_place().await;
    scene.crashes().await;
    drop(queue);
    let queue = Queue::form(&scene.login).await;
    visit(&mut scene.terminal).await;
    drop(queue);
    server.private.restart().unwrap();
    let queue = Queue::form(&scene.login).await;
    visit(&mut scene.terminal).await;
    scene.loses_the_terminal().await;
    drop(queue);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_panes_for_incidents_come_back_whatever_happens_to_the_oldest_server() {
    let Some(oldest) = installed::ends().into_iter().min_by_key(|it| it.major) else { return };
    check(&mut apart(oldest)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_panes_for_incidents_come_back_whatever_happens_to_the_newest_server() {
    let Some(newest) = installed::newest() else { return };
    check(&mut apart(newest)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_promotion_is_seen_in_the_panes_for_incidents() {
    for found in installed::ends() {
        let server = apart(found);
        let standby = server.standby().await;
        let login = Login {
            host: standby.socket_directory().display().to_string(),
            port: standby.port(),
            ..server.login("postgres")
        };
        let home = tempfile::tempdir().unwrap();
        let mut terminal = Terminal::start((120, 30), home.path(), &[&login.conninfo()]);
        terminal.press("9");
        terminal.wait("the standby", |screen| screen.contains("standby") && is_live(screen)).await;
        open(&login).await.batch_execute("select pg_promote()").await.unwrap();
        let is_primary = |screen: &str| screen.lines().next().is_some_and(|line| line.contains("primary"));
        terminal.wait("the primary", is_primary).await;
        terminal.press("78");
        terminal.wait("the load", |screen| screen.contains("Load by") && is_live(screen)).await;
        terminal.press("q");
        assert_eq!(terminal.end().await, 0);
    }
}

#[tokio::test]
async fn a_recording_whose_disk_fills_is_said_and_opens_up_to_there() {
    let Some(server) = crate::support::own() else { return };
    let login = server.database().await;
    // The first sample has everything that is on the server, which other tests use too: the disk has to have room for it.
    for blocks in (28..200).step_by(2) {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("full.jsonl.gz");
        // A limit of so many blocks of 512 bytes a file stands in for a disk; what exceeds it is an error and no signal.
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let mut command = Command::new("sh");
        command.args(["-c", &script, PGDJ, "record"]).arg(&file).args([&login.conninfo(), "--for", "60s"]);
        command.env_clear().env("HOME", home.path()).stdin(Stdio::null());
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains("full.jsonl.gz"), "{said}");
        if !samples_in(&file).is_empty() {
            return;
        }
    }
    panic!("no sample was kept");
}
