//! The real loop on a screen in memory: keys in, frames out, jobs in between.

use crossterm::event::{KeyCode, KeyEvent};
use futures_util::future::{BoxFuture, FutureExt as _};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use tokio::sync::watch;

use super::*;
use crate::fixture::snapshot;
use crate::pg::session::NewConnection;
use crate::ui::snapshot::lines;

/// A server that never answers.
struct Silent;

impl Connector for Silent {
    fn connect(&self) -> BoxFuture<'_, Result<NewConnection, Failure>> {
        std::future::pending().boxed()
    }

    fn target(&self) -> String {
        "silent".to_owned()
    }
}

/// A screen that tells each frame as text.
struct MemoryScreen {
    terminal: Terminal<TestBackend>,
    frames: watch::Sender<String>,
}

impl Display for MemoryScreen {
    fn lend(&self) {}

    fn take_back(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn draw(&mut self, draw: impl FnOnce(&mut ratatui::Frame<'_>)) -> std::io::Result<()> {
        self.terminal.draw(draw).expect("a screen in memory takes every frame");
        self.frames.send_replace(lines(self.terminal.backend().buffer()).join("\n"));
        Ok(())
    }

    fn copy(&mut self, text: &str) -> std::io::Result<()> {
        self.frames.send_replace(format!("copied: {text}"));
        Ok(())
    }
}

/// Whoever sits before the screen.
struct Person {
    keys: mpsc::Sender<Event>,
    frames: watch::Receiver<String>,
}

impl Person {
    async fn press(&self, code: KeyCode) {
        self.keys.send(Event::Key(KeyEvent::from(code))).await.expect("the loop listens");
    }

    async fn write(&self, text: &str) {
        for letter in text.chars() {
            self.press(KeyCode::Char(letter)).await;
        }
    }

    /// Waits for a frame that holds a text, and returns it.
    async fn sees(&mut self, text: &str) -> String {
        let seen = timeout(Duration::from_secs(60), self.frames.wait_for(|frame| frame.contains(text))).await;
        let is_seen = seen.is_ok();
        drop(seen);
        let frame = self.frames.borrow().clone();
        assert!(is_seen, "{text} is not on the screen:\n{frame}");
        frame
    }
}

/// Runs the loop against a server that never answers, with one sample taken, until the person has left.
async fn console_with(person: impl AsyncFnOnce(Person)) {
    let start = crate::fixture::start(&crate::panes::explain::PANE);
    let (reports_in, reports) = mpsc::channel(4);
    let ((commands, _sampler), (orders, _act)) = (mpsc::channel(4), mpsc::channel(4));
    let (_told_in, told) = mpsc::channel(4);
    let (keys, events) = mpsc::channel(64);
    let (frames, seen) = watch::channel(String::new());
    let (jobs, job_news) = JobRunner::new(Arc::new(Silent), mode_of(start.rights));
    let remembered = Remembered::default();
    let mut app = app(start.clone(), &remembered, Vec::new());
    let mut shell = Shell {
        screen: MemoryScreen { terminal: Terminal::new(TestBackend::new(120, 30)).unwrap(), frames },
        keyboard: Keyboard::of(events),
        signals: (ShutdownSignals::install().unwrap(), Suspending::install().unwrap()),
        inbox: Inbox { reports, told, job_news },
        runner: EffectRunner::new(
            commands,
            orders,
            start.rights,
            KeptFiles { remembered, ..KeptFiles::default() },
            jobs,
        ),
        editor: "true".to_owned(),
        editing: None,
        ticks: seconds(),
        drawn: None,
    };
    reports_in.send(SamplerReport::Snapshot(Arc::new(snapshot()))).await.unwrap();
    let (ended, ()) = tokio::join!(shell.run(&mut app), person(Person { keys, frames: seen }));
    ended.unwrap();
    shell.runner.stop().stop().await;
}

#[tokio::test]
async fn a_plan_file_is_opened_and_what_its_answer_asks_for_is_begun() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plan.txt");
    let plan = "Seq Scan on shop_order  (cost=0.00..35.00 rows=10 width=8)\n  Filter: (status = 'x'::text)";
    std::fs::write(&path, plan).unwrap();
    let path = path.to_str().unwrap().to_owned();
    console_with(async |mut person| {
        person.press(KeyCode::Char('f')).await;
        person.sees("Open a file").await;
        person.write(&path).await;
        person.press(KeyCode::Enter).await;
        person.sees("Seq Scan on shop_order").await;
        person.press(KeyCode::Char('v')).await;
        person.sees("Looking for indexes").await;
        // Nothing else is open, so Esc cancels the search, which would never end.
        person.press(KeyCode::Esc).await;
        person.sees("was cancelled").await;
        person.press(KeyCode::Char('q')).await;
    })
    .await;
}

#[tokio::test]
async fn what_the_shown_pane_runs_is_cancelled_by_escape() {
    console_with(async |mut person| {
        person.press(KeyCode::Char('e')).await;
        person.write("select 1").await;
        person.press(KeyCode::F(5)).await;
        person.sees("getting the estimate").await;
        person.press(KeyCode::Esc).await;
        person.sees("Cancelled EXPLAIN.").await;
        person.press(KeyCode::Char('q')).await;
    })
    .await;
}
