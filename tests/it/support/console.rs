//! The console over a sampler under test: what a person sees of what the sampler says.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::tz::TimeZone;
use pgdj::app::{App, Event, PaneContext, Rights, SampleOrigin, Start};
use pgdj::sample::{Seconds, Snapshot, Timestamp};
use pgdj::ui::theme::Theme;
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use super::Watched;

/// The console over a sampler under test.
pub(crate) struct Console {
    app: App,
    is_connected: bool,
    failures: usize,
}

impl Console {
    pub(crate) fn new() -> Self {
        let start = Start {
            target: "shop".to_owned(),
            pane: &pgdj::panes::overview::PANE,
            pace: Seconds(2.0),
            rights: Rights::MayAct,
            origin: SampleOrigin::Server,
            zone: TimeZone::UTC,
            history_bytes: 10_000_000,
            theme: Theme::default(),
            themes: None,
            vcpus: None,
        };
        Self {
            app: App::new(start, pgdj::panes::ALL, &PaneContext::in_zone(TimeZone::UTC)),
            is_connected: false,
            failures: 0,
        }
    }

    /// Takes what the sampler said up to and with a snapshot, and returns the screen.
    pub(crate) fn see(&mut self, watched: &Watched, snapshot: Arc<Snapshot>) -> String {
        let now = Timestamp(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64());
        self.app.update(Event::Tick(now));
        if let Some(facts) = watched.facts.clone().filter(|_| !self.is_connected) {
            self.is_connected = true;
            self.app.update(Event::Connected(facts));
        }
        for failure in watched.failures.get(self.failures..).unwrap_or_default() {
            let why = format!("{}: {}", failure.what, failure.because.first().cloned().unwrap_or_default());
            self.app.update(Event::Lost { since: now, why, retry_in: Seconds(1.0) });
        }
        self.failures = watched.failures.len();
        self.app.update(Event::Sampled(snapshot));
        let (width, height) = (200, 50);
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| self.app.draw(frame)).unwrap();
        let buffer = terminal.backend().buffer().clone();
        let lines = buffer.content.chunks(usize::from(width));
        lines.map(|line| line.iter().map(ratatui::buffer::Cell::symbol).collect::<String>() + "\n").collect()
    }
}
