//! A running sampler, and waiting for what it says; no test sleeps for a fixed time.

use std::sync::Arc;
use std::time::Duration;

use pgdj::Failure;
use pgdj::pg::sampler::{self, SamplerCommand, SamplerReport, SamplerSettings};
use pgdj::pg::session::Connector;
use pgdj::readings::Readings;
use pgdj::readings::past::Past;
use pgdj::readings::vitals::Vitals;
use pgdj::sample::{History, Missing, Section, ServerFacts, Snapshot};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long anything may take on a machine that is busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A sampler under test.
pub(crate) struct Watched {
    pub(crate) commands: mpsc::Sender<SamplerCommand>,
    reports: mpsc::Receiver<SamplerReport>,
    pub(crate) facts: Option<Arc<ServerFacts>>,
    pub(crate) failures: Vec<Failure>,
    pub(crate) history: History,
    pub(crate) task: JoinHandle<()>,
}

/// The pace of tests: ten samples a second.
pub(crate) fn quick() -> SamplerSettings {
    SamplerSettings {
        pace: Duration::from_millis(100),
        second: Duration::from_millis(100),
        budget: 10.0,
        patience: Duration::from_secs(20),
    }
}

impl Watched {
    pub(crate) fn start(connector: impl Connector + 'static, settings: SamplerSettings) -> Self {
        let (commands, commanded) = mpsc::channel(8);
        let (reporting, reports) = mpsc::channel(64);
        let task = tokio::spawn(sampler::run(Arc::new(connector), settings, reporting, commanded));
        Self { commands, reports, facts: None, failures: Vec::new(), history: History::default(), task }
    }

    /// Returns the next snapshot.
    pub(crate) async fn next(&mut self) -> Arc<Snapshot> {
        loop {
            match timeout(PATIENCE, self.reports.recv()).await.expect("a report").expect("the sampler runs") {
                SamplerReport::Connected(facts) => self.facts = Some(facts),
                SamplerReport::Lost { failure, .. } => self.failures.push(failure),
                SamplerReport::Snapshot(snapshot) => {
                    self.history.push(Arc::clone(&snapshot));
                    return snapshot;
                }
            }
        }
    }

    /// Returns the first snapshot of which something is true.
    pub(crate) async fn until(&mut self, what: &str, is: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let mut last = None;
        let found = timeout(PATIENCE, async {
            loop {
                let snapshot = self.next().await;
                if is(&snapshot) {
                    return snapshot;
                }
                last = Some(snapshot);
            }
        })
        .await;
        found.unwrap_or_else(|_| {
            let states: Vec<String> = last
                .iter()
                .flat_map(|snapshot| snapshot.sections.iter())
                .map(|(name, section)| {
                    format!("{name}: {:?} rows, {:?}", section.rows().map(pgdj::sample::RowSet::len), section.why())
                })
                .collect();
            panic!("no snapshot in which {what}; the last:\n{}\n{:?}", states.join("\n"), self.failures)
        })
    }

    /// Returns what the header shows now.
    pub(crate) fn vitals(&self) -> Vitals {
        let newest = self.history.last().zip(self.history.newest());
        newest.map_or_else(Vitals::default, |(moment, newest)| {
            let past = Past { history: &self.history, moment };
            Readings::of(Arc::clone(newest)).vitals(past).clone()
        })
    }

    /// Returns the first snapshot in which every section was read or says why it is not; that the server is slow, as it
    /// is for a moment on a busy machine, is no such reason.
    pub(crate) async fn complete(&mut self) -> Arc<Snapshot> {
        let has_answer = |section: &Section| !section.why().is_some_and(passes);
        self.until("all is read", |snapshot| snapshot.sections.values().all(has_answer)).await
    }
}

/// Whether a reason goes away by waiting.
pub(crate) fn passes(why: &Missing) -> bool {
    matches!(why, Missing::NotYet | Missing::Slow { .. } | Missing::Disconnected { .. } | Missing::TimedOut { .. })
}
